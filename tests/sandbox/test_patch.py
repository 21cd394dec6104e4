"""Does a PATCH change, reset and refuse what the real one does? Merging, limits and the 422 catalogue."""

from typing import Any

import httpx2
import pytest

from asisso_mcp.sandbox import Sandbox

SLOT = {"day_of_week": 0, "start_time": "09:00", "end_time": "17:00"}
DEFAULT_ASKED = {
    "enabled": True,
    "max_retries": 2,
    "retry_delay_seconds": 120,
    "retry_on_busy": True,
    "retry_on_no_answer": True,
    "retry_on_voicemail": True,
}


async def patch(client: httpx2.AsyncClient, campaign: int, body: Any) -> httpx2.Response:
    return await client.patch(f"/campaign/{campaign}", json=body)


async def test_the_top_level_merges_and_null_is_absent(client: httpx2.AsyncClient) -> None:
    before = (await client.get("/campaign/4")).json()
    got = await patch(client, 4, {"name": "Renamed", "max_concurrency": None, "schedule_config": None})
    assert (got.status_code, got.json()) == (200, {**before, "name": "Renamed"})


@pytest.mark.parametrize(
    ("campaign", "body", "section", "after"),
    [
        (4, {"retry_config": {"max_retries": 5}}, "retry_config", {**DEFAULT_ASKED, "max_retries": 5}),
        (2, {"retry_config": {"enabled": True}}, "retry_config", DEFAULT_ASKED),
        (2, {"retry_config": {}}, "retry_config", DEFAULT_ASKED),
        (4, {"retry_config": {"max_attempts": 3}}, "retry_config", DEFAULT_ASKED),
        (
            4,
            {"circuit_breaker": {"min_calls_in_window": 7}},
            "circuit_breaker",
            {"enabled": True, "failure_threshold": 0.5, "window_seconds": 120, "min_calls_in_window": 7},
        ),
        (
            13,
            {"circuit_breaker": {"failure_threshold": 0.9}},
            "circuit_breaker",
            {"enabled": True, "failure_threshold": 0.9, "window_seconds": 120, "min_calls_in_window": 5},
        ),
        (4, {"schedule_config": {"slots": [SLOT]}}, "schedule_config", {"enabled": True, "timezone": "UTC", "slots": [SLOT]}),
    ],
)  # fmt: skip
async def test_a_nested_object_is_replaced_and_what_it_leaves_out_is_reset(
    client: httpx2.AsyncClient, campaign: int, body: dict[str, Any], section: str, after: dict[str, Any]
) -> None:
    before = (await client.get(f"/campaign/{campaign}")).json()
    got = (await patch(client, campaign, body)).json()
    assert got == {**before, section: after}
    assert list(got) == list(before)


@pytest.mark.parametrize("body", [{}, {"name": None}, {"state": "running", "Name": "x"}])
async def test_nothing_said_is_nothing_written(sandbox: Sandbox, client: httpx2.AsyncClient, body: Any) -> None:
    before = sandbox.campaign(4)
    assert (await patch(client, 4, body)).status_code == 200
    assert sandbox.campaign(4) == before


async def test_the_same_value_again_is_written(sandbox: Sandbox, client: httpx2.AsyncClient) -> None:
    before = sandbox.campaign(4)["updated_at"]
    await patch(client, 4, {"max_concurrency": 4})
    assert sandbox.campaign(4)["updated_at"] != before


NUMBERS = "You have 5 phone number(s) configured. Add more CLIs in telephony configuration to increase concurrency."


@pytest.mark.parametrize(
    ("pinned", "wanted", "detail"),
    [
        (1, 6, f"max_concurrency (6) cannot exceed 5. {NUMBERS}"),
        (1, 5, None),
        (None, 21, "max_concurrency (21) cannot exceed organization limit (20)"),
        (None, 20, None),
        (2, 21, "max_concurrency (21) cannot exceed organization limit (20)"),
        (3, 21, "max_concurrency (21) cannot exceed organization limit (20)"),
    ],
)
async def test_concurrency_is_limited_by_the_campaigns_numbers_or_the_organization(
    sandbox: Sandbox, client: httpx2.AsyncClient, pinned: int | None, wanted: int, detail: str | None
) -> None:
    sandbox.put(4, telephony_configuration_id=pinned)
    got = await patch(client, 4, {"max_concurrency": wanted})
    if detail is None:
        assert got.json()["max_concurrency"] == wanted
    else:
        assert (got.status_code, got.json()) == (400, {"detail": detail})
        assert sandbox.campaign(4)["metadata"]["max_concurrency"] == 4


async def test_a_stored_value_above_the_limit_stays_until_it_is_named(client: httpx2.AsyncClient) -> None:
    assert (await patch(client, 12, {"name": "Still 150"})).json()["max_concurrency"] == 150
    assert (await patch(client, 12, {"max_concurrency": 150})).status_code == 422


CATALOGUE = [
    '{"type":"string_too_short","loc":["body","name"],"msg":"String should have at least 1 character","input":"",'
    '"ctx":{"min_length":1}}',
    '{"type":"greater_than_equal","loc":["body","max_concurrency"],"msg":"Input should be greater than or equal to 1",'
    '"input":0,"ctx":{"ge":1}}',
    '{"type":"less_than_equal","loc":["body","max_concurrency"],"msg":"Input should be less than or equal to 100",'
    '"input":101,"ctx":{"le":100}}',
    '{"type":"less_than_equal","loc":["body","retry_config","max_retries"],"msg":"Input should be less than or equal '
    'to 10","input":11,"ctx":{"le":10}}',
    '{"type":"greater_than_equal","loc":["body","circuit_breaker","failure_threshold"],"msg":"Input should be greater '
    'than or equal to 0","input":-0.1,"ctx":{"ge":0.0}}',
    '{"type":"missing","loc":["body","schedule_config","slots"],"msg":"Field required","input":{"enabled":false}}',
    '{"type":"too_short","loc":["body","schedule_config","slots"],"msg":"List should have at least 1 item after '
    'validation, not 0","input":[],"ctx":{"field_type":"List","min_length":1,"actual_length":0}}',
    '{"type":"string_pattern_mismatch","loc":["body","schedule_config","slots",0,"start_time"],"msg":"String should '
    'match pattern \'^\\\\d{2}:\\\\d{2}$\'","input":"9:00","ctx":{"pattern":"^\\\\d{2}:\\\\d{2}$"}}',
    '{"type":"value_error","loc":["body","schedule_config","slots",0],"msg":"Value error, start_time must be before '
    'end_time","input":{"day_of_week":4,"start_time":"22:00","end_time":"02:00"},"ctx":{"error":{}}}',
    '{"type":"value_error","loc":["body","schedule_config","timezone"],"msg":"Value error, Invalid timezone: utc",'
    '"input":"utc","ctx":{"error":{}}}',
]
CAUSES: list[dict[str, Any]] = [
    {"name": ""},
    {"max_concurrency": 0},
    {"max_concurrency": 101},
    {"retry_config": {"max_retries": 11}},
    {"circuit_breaker": {"failure_threshold": -0.1}},
    {"schedule_config": {"enabled": False}},
    {"schedule_config": {"slots": []}},
    {"schedule_config": {"slots": [{"day_of_week": 0, "start_time": "9:00", "end_time": "17:00"}]}},
    {"schedule_config": {"slots": [{"day_of_week": 4, "start_time": "22:00", "end_time": "02:00"}]}},
    {"schedule_config": {"timezone": "utc", "slots": [SLOT]}},
]


@pytest.mark.parametrize(("body", "error"), list(zip(CAUSES, CATALOGUE, strict=True)))
async def test_a_wrong_value_is_refused_with_the_recorded_words(
    client: httpx2.AsyncClient, body: dict[str, Any], error: str
) -> None:
    got = await patch(client, 4, body)
    assert (got.status_code, got.text) == (422, f'{{"detail":[{error}]}}')


async def test_a_long_name_and_a_long_list_are_refused_and_echoed_in_full(client: httpx2.AsyncClient) -> None:
    long = "a" * 300_000
    body = {"name": long, "schedule_config": {"slots": [SLOT] * 51}}
    name, slots = (await patch(client, 4, body)).json()["detail"]
    assert name == {
        "type": "string_too_long",
        "loc": ["body", "name"],
        "msg": "String should have at most 255 characters",
        "input": long,
        "ctx": {"max_length": 255},
    }
    assert slots == {
        "type": "too_long",
        "loc": ["body", "schedule_config", "slots"],
        "msg": "List should have at most 50 items after validation, not 51",
        "input": [SLOT] * 51,
        "ctx": {"field_type": "List", "max_length": 50, "actual_length": 51},
    }


async def test_all_errors_are_listed_at_once_in_the_models_order(client: httpx2.AsyncClient) -> None:
    body = {"circuit_breaker": 5, "schedule_config": [], "max_concurrency": "x", "retry_config": "x", "name": 5}
    errors = (await patch(client, 4, body)).json()["detail"]
    assert [(error["loc"][1], error["type"]) for error in errors] == [
        ("name", "string_type"),
        ("retry_config", "model_attributes_type"),
        ("max_concurrency", "int_parsing"),
        ("schedule_config", "model_attributes_type"),
        ("circuit_breaker", "model_attributes_type"),
    ]
