"""How lax is a PATCH body read? Coercion of values, shapes of bodies, names, zones and times."""

from typing import Any

import httpx2
import pytest

from asisso_mcp.sandbox import Sandbox

JSON = {"content-type": "application/json"}
SLOT = {"day_of_week": 0, "start_time": "09:00", "end_time": "17:00"}


async def patch(client: httpx2.AsyncClient, campaign: int, body: Any) -> httpx2.Response:
    return await client.patch(f"/campaign/{campaign}", json=body)


@pytest.mark.parametrize(
    ("written", "outcome"),
    [
        ('"5"', 5), ('"05"', 5), ('" 5 "', 5), ('"1.0"', 1), ("1.0", 1), ("1e0", 1), ("true", 1),
        ("false", "greater_than_equal"), ("1.5", "int_from_float"), ('"five"', "int_parsing"), ("[]", "int_type"),
        ("{}", "int_type"), (f'"{"9" * 5000}"', "int_parsing_size"), ("NaN", 500), ("Infinity", 500),
    ],
)  # fmt: skip
async def test_an_integer_is_read_laxly(client: httpx2.AsyncClient, written: str, outcome: int | str) -> None:
    got = await client.patch("/campaign/4", content=f'{{"max_concurrency":{written}}}', headers=JSON)
    if outcome == 500:
        assert (got.status_code, got.text) == (500, "Internal Server Error")
    elif isinstance(outcome, int):
        assert got.json()["max_concurrency"] == outcome
    else:
        assert got.json()["detail"][0]["type"] == outcome


@pytest.mark.parametrize(
    ("written", "outcome"),
    [
        ("1", True), ("0", False), ("1.0", True), ('"Yes"', True), ('"OFF"', False), ('"t"', True), ('"n"', False),
        ("2", "bool_parsing"), ('"maybe"', "bool_parsing"), ('""', "bool_parsing"), ('" true"', "bool_parsing"),
        ("null", "bool_type"),
    ],
)  # fmt: skip
async def test_a_boolean_is_read_laxly(client: httpx2.AsyncClient, written: str, outcome: bool | str) -> None:
    got = await client.patch("/campaign/4", content=f'{{"retry_config":{{"enabled":{written}}}}}', headers=JSON)
    if isinstance(outcome, bool):
        assert got.json()["retry_config"]["enabled"] is outcome
    else:
        assert got.json()["detail"][0]["type"] == outcome


@pytest.mark.parametrize(
    ("written", "outcome"),
    [
        ('"0.5"', 0.5), ("1", 1.0), ("true", 1.0), ('"50%"', "float_parsing"), ("50", "less_than_equal"),
        ('"NaN"', "less_than_equal"), ("null", "float_type"), ("NaN", 500),
    ],
)  # fmt: skip
async def test_a_fraction_is_read_laxly(client: httpx2.AsyncClient, written: str, outcome: float | str) -> None:
    body = f'{{"circuit_breaker":{{"failure_threshold":{written}}}}}'
    got = await client.patch("/campaign/4", content=body, headers=JSON)
    if outcome == 500:
        assert (got.status_code, got.text) == (500, "Internal Server Error")
    elif isinstance(outcome, float):
        assert got.json()["circuit_breaker"]["failure_threshold"] == outcome
    else:
        assert got.json()["detail"][0]["type"] == outcome


MISSING = {"detail": [{"type": "missing", "loc": ["body"], "msg": "Field required", "input": None}]}
NOT_OBJECT = "Input should be a valid dictionary or object to extract fields from"


@pytest.mark.parametrize(
    ("content", "kind", "answer"),
    [
        ("", "application/json", MISSING),
        ("null", "application/json", MISSING),
        (
            "{",
            "application/json",
            {
                "detail": [
                    {
                        "type": "json_invalid",
                        "loc": ["body", 1],
                        "msg": "JSON decode error",
                        "input": {},
                        "ctx": {"error": "Expecting property name enclosed in double quotes"},
                    }
                ]
            },
        ),
        *(
            (
                content,
                kind,
                {"detail": [{"type": "model_attributes_type", "loc": ["body"], "msg": NOT_OBJECT, "input": echoed}]},
            )
            for content, kind, echoed in [
                ("[]", "application/json", []),
                ('"x"', "application/json", "x"),
                ('{"name":"x"}', None, '{"name":"x"}'),
                ('{"name":"x"}', "text/plain", '{"name":"x"}'),
                ("name=x", "application/x-www-form-urlencoded", "name=x"),
            ]
        ),
    ],
)
async def test_a_body_that_is_no_json_object_is_refused(
    client: httpx2.AsyncClient, content: str, kind: str | None, answer: dict[str, Any]
) -> None:
    got = await client.patch("/campaign/4", content=content, headers={"content-type": kind} if kind else {})
    assert (got.status_code, got.json()) == (422, answer)


async def test_any_json_type_a_bom_and_duplicate_keys_are_accepted(client: httpx2.AsyncClient) -> None:
    got = await client.patch(
        "/campaign/4",
        content='\ufeff{"name":"first","name":"last"}'.encode(),
        headers={"content-type": "application/merge-patch+json"},
    )
    assert (got.status_code, got.json()["name"]) == (200, "last")


@pytest.mark.parametrize("name", ['"a\\u0000b"', '"a\\ud800b"'])
async def test_a_name_the_database_cannot_store_is_a_500(
    sandbox: Sandbox, client: httpx2.AsyncClient, name: str
) -> None:
    got = await client.patch("/campaign/4", content=f'{{"name":{name}}}', headers=JSON)
    assert (got.status_code, got.text) == (500, "Internal Server Error")
    assert sandbox.campaign(4)["name"] == "Berlin appointment reminders"


@pytest.mark.parametrize("name", [" ", "a\nb", "\u202eevil", "<b>x</b>", "é" * 255])
async def test_any_other_name_is_stored_verbatim(client: httpx2.AsyncClient, name: str) -> None:
    assert (await patch(client, 4, {"name": name})).json()["name"] == name


@pytest.mark.parametrize(
    ("zone", "accepted"),
    [(zone, True) for zone in ("UTC", "Zulu", "America/New_York", "EST", "EST5EDT", "US/Eastern", "Etc/GMT+2")]
    + [(zone, True) for zone in ("Asia/Calcutta", "Europe/Kiev", "Europe/Kyiv", "localtime", "Factory", "right/UTC")]
    + [(zone, False) for zone in ("utc", "america/new_york", "PST", "IST", "GMT+2", "+02:00", "", " UTC", "America")],
)
async def test_a_zone_is_accepted_as_the_servers_files_have_it(
    client: httpx2.AsyncClient, zone: str, accepted: bool
) -> None:
    got = await patch(client, 4, {"schedule_config": {"timezone": zone, "slots": [SLOT]}})
    assert (got.status_code == 200) is accepted


@pytest.mark.parametrize(
    ("start", "end", "accepted"),
    [
        ("00:00", "24:00", True), ("99:98", "99:99", True), ("08:60", "09:75", True), ("٠٩:٠٠", "١٧:٠٠", True),
        ("09:00:00", "17:00", False), ("5:00pm", "6:00pm", False), ("", "17:00", False), (9, 17, False),
        ("09:00", "09:00", False), ("17:00", "09:00", False),
    ],
)  # fmt: skip
async def test_a_time_is_two_digits_twice_and_ends_after_it_starts_as_text(
    client: httpx2.AsyncClient, start: object, end: object, accepted: bool
) -> None:
    slots = [{"day_of_week": 0, "start_time": start, "end_time": end}]
    got = await patch(client, 4, {"schedule_config": {"slots": slots}})
    assert (got.status_code == 200) is accepted
    if accepted:
        assert got.json()["schedule_config"]["slots"] == slots
