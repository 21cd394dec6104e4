"""Whatever the API answers: an answer in words, a structure that fits its schema, no crash, no forged line."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp import Client

from asisso_mcp.api.client import AsissoClient
from asisso_mcp.api.transport import ApiTransport
from asisso_mcp.campaigns.service import CampaignService
from asisso_mcp.server.app import build_server
from asisso_mcp.tools.campaigns import TOOLS
from asisso_mcp.tools.registry import ToolContext
from tests.conftest import MONDAY, SETTINGS, no_wait
from tests.fuzz.searches import search
from tests.fuzz.shapes import anything, campaigns, deep, hostile, moments, numbers, scalars
from tests.fuzz.text_checks import check, check_text

Reply = Callable[[httpx2.Request], httpx2.Response]
BY_NAME = {tool.name: tool for tool in TOOLS}

statuses = st.one_of(
    st.sampled_from(
        [200, 200, 200, 201, 204, 301, 307, 400, 401, 402, 403, 404, 405, 409, 422, 429, 500, 502, 503, 504]
    ),
    st.integers(200, 599),
)
headers = st.lists(
    st.one_of(
        st.tuples(
            st.just("retry-after"), st.sampled_from(["0", "3", "9" * 40, "Wed, 21 Oct 2026 07:28:00 GMT", "-1", "soon"])
        ),
        st.tuples(st.just("content-type"), st.sampled_from(["application/json", "text/html", "x", ""])),
        st.tuples(st.just("content-length"), st.sampled_from(["0", "7", "99999999999999999999", "-1", "x"])),
        st.tuples(st.just("content-encoding"), st.sampled_from(["gzip", "br", "identity", "rot13"])),
        st.tuples(st.just("location"), st.sampled_from(["https://elsewhere.example/", "//", "\x01"])),
        st.tuples(st.just("set-cookie"), st.just("a=b")),
    ),
    max_size=3,
)
details = st.one_of(
    hostile,
    scalars,
    st.lists(
        st.one_of(
            st.fixed_dictionaries(
                {
                    "type": hostile,
                    "loc": st.one_of(st.lists(scalars, max_size=4), scalars),
                    "msg": scalars,
                    "input": anything,
                }
            ),
            anything,
        ),
        max_size=8,
    ),
)
raw = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [
            b"",
            b"null",
            b"[]",
            b"{",
            b"NaN",
            b'{"id": NaN}',
            b"<html>login</html>",
            b"\xff\xfe{}",
            b"1" * 5000,
            b"[" * 100_000,
        ]
    ),
)


def json_bytes(value: Any) -> bytes:
    return json.dumps(value).encode()


lookups = st.one_of(
    st.fixed_dictionaries(
        {
            "runs": st.lists(
                st.fixed_dictionaries(
                    {"created_at": st.one_of(moments, anything), "is_completed": st.one_of(st.booleans(), anything)}
                ),
                max_size=2,
            )
        }
    ),
    st.fixed_dictionaries(
        {
            "configurations": st.lists(
                st.fixed_dictionaries(
                    {"id": st.one_of(st.sampled_from([1, 2]), anything)},
                    optional={
                        "name": st.one_of(hostile, anything),
                        "is_default_outbound": st.one_of(st.booleans(), anything),
                        "inactive": st.one_of(st.booleans(), anything),
                        "inactive_reason": st.one_of(hostile, anything),
                        "is_ready_for_outbound": st.one_of(st.booleans(), anything),
                        "outbound_blocked_reason": st.one_of(hostile, anything),
                        "phone_number_count": st.one_of(numbers, anything),
                    },
                ),
                max_size=3,
            )
        }
    ),
    st.fixed_dictionaries({"concurrent_call_limit": st.one_of(numbers, anything)}),
)
"""What is looked up beside a campaign: its newest call, the organisation's telephony, its limit."""


def bodies(campaign_id: int) -> st.SearchStrategy[bytes]:
    """A campaign, a list of them, an error, or anything."""
    rows = st.lists(st.one_of(campaigns(campaign_id), anything), max_size=4)
    many = st.builds(lambda row, times: [row] * times, campaigns(campaign_id), st.sampled_from([100, 1000]))
    return st.one_of(
        campaigns(campaign_id).map(json_bytes),
        campaigns(campaign_id).map(json_bytes),
        st.one_of(rows, many).map(lambda found: json_bytes({"campaigns": found})),
        details.map(lambda detail: json_bytes({"detail": detail})),
        lookups.map(json_bytes),
        st.one_of(anything, deep).map(json_bytes),
        raw,
    )


def reply(status: int, fields: list[tuple[str, str]], body: bytes) -> Reply:
    return lambda _: httpx2.Response(status, headers=fields, stream=httpx2.ByteStream(body))


def loss(kind: type[Exception]) -> Reply:
    def lost(_: httpx2.Request) -> httpx2.Response:
        raise kind("quite \u202e lost\nDone: nothing")

    return lost


losses = st.sampled_from(
    [
        httpx2.ConnectError,
        httpx2.ConnectTimeout,
        httpx2.PoolTimeout,
        httpx2.ReadError,
        httpx2.ReadTimeout,
        httpx2.WriteError,
        httpx2.RemoteProtocolError,
        httpx2.LocalProtocolError,
        httpx2.ProxyError,
        httpx2.DecodingError,
        OSError,
    ]
).map(loss)


def replies(campaign_id: int = 4) -> st.SearchStrategy[Reply]:
    right = campaigns(campaign_id).map(lambda row: reply(200, [], json_bytes(row)))
    return st.one_of(right, right, st.builds(reply, statuses, headers, bodies(campaign_id)), losses)


looked_up = st.one_of(
    lookups.map(lambda found: reply(200, [], json_bytes(found))),
    st.builds(reply, statuses, headers, st.one_of(lookups.map(json_bytes), raw)),
    losses,
)


def answering(
    script: Sequence[Reply], looked_up: Sequence[Reply] = ()
) -> tuple[httpx2.MockTransport, list[httpx2.Request]]:
    """Each request takes the next reply, and the last one stays. `looked_up`: the same for what is asked beside a campaign."""
    asked: list[httpx2.Request] = []
    next_reply = {False: 0, True: 0}

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        is_beside = bool(looked_up) and request.url.path.endswith(("/runs", "-configs", "-defaults"))
        beside, own = next_reply[is_beside], looked_up if is_beside else script
        next_reply[is_beside] += 1
        return own[min(beside, len(own) - 1)](request)

    return httpx2.MockTransport(answer), asked


EDITS: list[dict[str, Any]] = [
    {"name": "Other"},
    {"max_concurrency": 2},
    {"retry_config": {"max_retries": 5}},
    {"schedule_config": {"enabled": False}},
    {"schedule_config": {"timezone": "Europe/Berlin"}},
    {"circuit_breaker": {"min_calls_in_window": 7}},
    {"schedule_config": {"slots": [{"day_of_week": 0, "start_time": "09:00", "end_time": "17:00"}]}, "name": "N"},
]
calls = st.one_of(
    st.builds(
        lambda entries: ("get_campaign", {"campaign_id": 4, "log_entries": entries}), st.sampled_from([0, 5, 50])
    ),
    st.builds(lambda limit: ("list_campaigns", {"limit": limit}), st.sampled_from([1, 100])),
    st.builds(
        lambda edit, dry: ("update_campaign", {"campaign_id": 4, "dry_run": dry, **edit}),
        st.sampled_from(EDITS),
        st.sampled_from([False, False, True]),
    ),
    st.sampled_from([("pause_campaign", {"campaign_id": 4}), ("resume_campaign", {"campaign_id": 4})]),
)


@search(5)
@given(calls, st.lists(replies(), min_size=1, max_size=4), st.lists(looked_up, max_size=3))
async def test_any_reply_is_answered_in_our_own_clean_and_bounded_lines(
    call: tuple[str, dict[str, Any]], script: list[Reply], beside: list[Reply]
) -> None:
    transport, asked = answering(script, beside)
    service = CampaignService(
        AsissoClient(ApiTransport(SETTINGS, transport=transport), SETTINGS), clock=lambda: MONDAY, sleep=no_wait
    )
    tool = BY_NAME[call[0]]
    answer = await tool.call(call[1], ToolContext(service))
    check(tool, answer)
    assert len(asked) <= 26
    if "nothing was sent" in answer.text.lower() and "it was not" not in answer.text:
        assert {request.method for request in asked} <= {"GET"} or _was_refused(answer.text)


def _was_refused(text: str) -> bool:
    """A write that no connection was made for was asked of the transport, and not sent."""
    return any(words in text for words in ("could not be reached", "could not be built", "not sent", "proxy"))


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@search()
@given(call=calls, script=st.lists(replies(), min_size=1, max_size=3))
async def test_a_client_gets_a_result_and_never_a_protocol_error(
    mode: str, call: tuple[str, dict[str, Any]], script: list[Reply]
) -> None:
    transport, _ = answering(script)
    async with Client(build_server(SETTINGS, transport=transport, clock=lambda: MONDAY), mode=mode) as client:
        result = await client.call_tool(*call)
    (content,) = result.content
    check_text(content.text, error=bool(result.is_error))  # type: ignore[union-attr]
    assert (result.structured_content is None) == result.is_error
