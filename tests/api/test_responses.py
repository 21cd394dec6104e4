"""What an answer that should be a campaign becomes: a campaign, or an error that says why it was not used."""

import json

import pytest

from asisso_mcp.api.errors import KeyRejected, Misconfigured, UnreadableReply, WrongAddress
from asisso_mcp.api.responses import parse_campaign, parse_campaigns
from asisso_mcp.api.transport import ApiResponse
from tests.api.scripted import CAMPAIGN, Scripted, answer, outcome

NOT_JSON = (
    "The answer is not the API's JSON: something else (a proxy or a login page, perhaps) replied. Check ASISSO_BASE_URL and "
    "ASISSO_PROXY."
)
DEEP = b'{"id":3,"name":"x","state":"paused","logs":' + b"[" * 250 + b"]" * 250 + b"}"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Please log in</html>",
        b"\xff\xfe\xfd",
        b"[]",
        b"null",
        b'"text"',
        b'{"id":3,"name":"x","state":"paused"',
        b'{"id":3,"name":"x","state":"paused","max_concurrency":NaN}',
        b'{"id":3,"name":"x","state":"paused","max_concurrency":-Infinity}',
        b'{"id":3,"name":"x","state":"paused","max_concurrency":' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        DEEP,
    ],
)
@pytest.mark.parametrize("call", ["get", "patch"])
async def test_a_success_without_readable_json_is_an_unreadable_reply(call: str, body: bytes) -> None:
    fault = await outcome(call, 200, body)
    assert type(fault) is UnreadableReply
    assert (fault.text, fault.executed) == (NOT_JSON, None)


async def test_nesting_as_deep_as_any_real_answer_is_read() -> None:
    body = DEEP.replace(b"[" * 250, b"[" * 60).replace(b"]" * 250, b"]" * 60)
    assert (await Scripted(answer(200, body)).client.get(3)).logs is not None


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, "id, name, state"),
        ({"id": 3, "name": None, "state": "paused"}, "name"),
        ({"id": "three", "name": "x", "state": 5}, "id, state"),
        ({"detail": "ok"}, "id, name, state"),
        (b'{"id":3,"name":"x","state":"paused","circuit_breaker":{"failure_threshold":1e999}}', "circuit_breaker"),
    ],
)
async def test_an_object_that_is_no_campaign_is_not_used_and_the_fields_in_trouble_are_named(
    body: dict[str, object] | bytes, fields: str
) -> None:
    fault = await outcome("pause", 200, body)
    assert type(fault) is UnreadableReply
    assert fault.text == (
        f"The API's answer is not a campaign as this server knows it (trouble with: {fields}), so it was not used. Check that "
        "ASISSO_BASE_URL is Asisso's API and that asisso-mcp is up to date."
    )
    assert fault.executed is None


async def test_another_campaigns_object_is_not_used() -> None:
    fault = await outcome("patch", 200, {**CAMPAIGN, "id": 4})
    assert type(fault) is UnreadableReply
    assert fault.text == "The API answered with campaign 4 instead of 3, so its answer was not used."
    assert fault.executed is None


@pytest.mark.parametrize("body", [{}, {"campaigns": None}, {"campaigns": {"3": CAMPAIGN}}])
async def test_a_list_of_another_shape_is_not_used(body: object) -> None:
    fault = await outcome("list", 200, body)
    assert type(fault) is UnreadableReply
    assert fault.text == "The API's list of campaigns has an unknown shape, so it was not used."


async def test_a_row_of_the_list_that_is_no_object_at_all_is_said_to_be_so() -> None:
    fault = await outcome("list", 200, {"campaigns": [CAMPAIGN, 5]})
    assert type(fault) is UnreadableReply
    assert "(trouble with: the whole object)" in fault.text


@pytest.mark.parametrize("status", [200, 201, 206])
async def test_a_campaign_is_read_whatever_the_kind_of_success(status: int) -> None:
    body = json.dumps({**CAMPAIGN, "name": "ヴォイス – é"}, ensure_ascii=False).encode()
    assert (await Scripted(answer(status, body)).client.get(3)).name == "ヴォイス – é"


def test_a_byte_order_mark_does_not_make_an_answer_unreadable() -> None:
    assert (
        parse_campaign(ApiResponse(200, {}, b"\xef\xbb\xbf" + json.dumps(CAMPAIGN).encode()), 3).name == "Spring promo"
    )


@pytest.mark.parametrize("began", [None, "yesterday", "2026-11-23T14:59:52"])
async def test_a_call_without_a_known_beginning_is_not_taken_for_none_at_all(began: str | None) -> None:
    runs = {"runs": [{"id": 1, "created_at": began, "is_completed": False}]}
    with pytest.raises(UnreadableReply, match="The API's list of runs has an unknown shape, so it was not used"):
        await Scripted(answer(200, runs)).client.last_call(3)


def test_the_list_keeps_the_apis_order() -> None:
    rows = [{**CAMPAIGN, "id": number} for number in (7, 3, 5)]
    assert [each.id for each in parse_campaigns(ApiResponse(200, {}, json.dumps({"campaigns": rows}).encode()))] == [
        7,
        3,
        5,
    ]


def test_every_error_that_the_starter_of_the_server_has_to_settle_is_misconfigured() -> None:
    assert issubclass(KeyRejected, Misconfigured)
    assert issubclass(WrongAddress, Misconfigured)
