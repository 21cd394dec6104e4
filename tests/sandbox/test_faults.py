"""Does each fault do what it says, in process? And is its text form read, or refused with the right names?"""

import asyncio
from typing import Any

import anyio
import httpx2
import pytest

from asisso_mcp.sandbox import KEY, Fault, RecordedRequest, Sandbox, parse_fault

BREAKER = {"enabled": True, "failure_threshold": 0.2, "window_seconds": 90, "min_calls_in_window": 3}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("delay:seconds=0.5", {"kind": "delay", "seconds": 0.5}),
        ("drop-after:method=patch,times=1", {"kind": "drop-after", "method": "PATCH", "times": 1}),
        (
            "status:code=429,retry_after=Wed, 21 Oct 2026 07:28:00 GMT,after=2",
            {"kind": "status", "code": 429, "retry_after": "Wed, 21 Oct 2026 07:28:00 GMT", "after": 2},
        ),
        ("status:retry_after=7", {"kind": "status", "retry_after": 7, "code": 503}),
        (
            'foreign-edit:fields={"name":"a,b=c","max_concurrency":2},when=lost',
            {"kind": "foreign-edit", "fields": {"name": "a,b=c", "max_concurrency": 2}, "when": "lost"},
        ),
        ("redirect:location=https://else.example/x", {"kind": "redirect", "location": "https://else.example/x"}),
        ("huge-body:bytes=10,rate=0.5,campaign=3", {"kind": "huge-body", "bytes": 10, "rate": 0.5, "campaign": 3}),
        ("error-after", {"kind": "error-after"}),
        ("status:code=504,executed_after=1.5", {"kind": "status", "code": 504, "executed_after": 1.5}),
        ("drop-before:executed_after=0,how=reset", {"kind": "drop-before", "executed_after": 0.0, "how": "reset"}),
        ('status:code=429,fields={"name":"Theirs"},retry_after=1', {"kind": "status", "code": 429, "fields": {"name": "Theirs"}, "retry_after": 1}),
    ],
)  # fmt: skip
def test_a_fault_is_read_from_text(text: str, fault: dict[str, Any]) -> None:
    parsed = parse_fault(text)
    assert {name: getattr(parsed, name) for name in fault} == fault


KINDS = (
    "The kinds are: delay, status, drop-before, drop-after, error-after, broken-json, cut-body, huge-body, stale-body, "
    "minimal-body, redirect, trip, foreign-edit, import-ends, poison."
)
SELECTORS = "method, path, campaign, times, after, rate, seed"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("explode", f"There is no fault 'explode'. {KINDS}"),
        ("delay:second=1", f"A delay fault has no 'second'. Its keys are: seconds, when, {SELECTORS}."),
        ("delay:5", f"A delay fault takes key=value pairs, with these keys: seconds, when, {SELECTORS}."),
        ("delay:seconds=soon", "seconds is a number, not 'soon'."),
        ("trip:when=never", "A trip fault has no when='never'. It may be: before, after."),
        ("foreign-edit:when=never", "A foreign-edit fault has no when='never'. It may be: before, after, overwrite, lost."),
        ("error-after:executed_after=1", f"A error-after fault has no 'executed_after'. Its keys are: {SELECTORS}."),
        ("status:executed_after=soon", "executed_after is a number, not 'soon'."),
        ("status:executed_after=-1", "executed_after is a number of seconds from 0, not -1.0."),
        ("drop-after:how=gently", "A connection is dropped with how=close or how=reset, not 'gently'."),
        ("foreign-edit:fields=x", 'fields is a JSON object, as in fields={"name":"New"}.'),
        ("poison", "A poison fault needs a campaign, as in poison:campaign=13."),
        ("status:rate=2", "rate is a share of the requests from 0 to 1, not 2.0."),
        ("status:code=42", "code is an HTTP status from 100 to 599, not 42."),
    ],
)  # fmt: skip
def test_a_wrong_fault_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - the whole text is compared
        parse_fault(text)
    assert str(refusal.value) == sentence


async def test_a_fault_fires_after_so_many_for_so_long_on_what_it_selects(
    sandbox: Sandbox, client: httpx2.AsyncClient
) -> None:
    fault = sandbox.faults.add(Fault("status", method="GET", campaign=4, after=1, times=2))
    answers = [(await client.get("/campaign/4")).status_code for _ in range(4)]
    assert (answers, fault.fired) == ([200, 503, 503, 200], 2)
    assert (await client.get("/campaign/5")).status_code == 200
    sandbox.faults.clear()
    assert len(sandbox.faults) == 0


async def test_a_rate_is_repeatable(sandbox: Sandbox, client: httpx2.AsyncClient) -> None:
    seen = []
    for _ in range(2):
        sandbox.faults.clear()
        sandbox.faults.add(Fault("status", rate=0.5, seed=7))
        seen.append([(await client.get("/campaign/4")).status_code for _ in range(20)])
    assert seen[0] == seen[1]
    assert set(seen[0]) == {200, 503}


async def test_a_status_is_answered_and_nothing_executed(sandbox: Sandbox, client: httpx2.AsyncClient) -> None:
    sandbox.faults.add(Fault("status", code=429, retry_after=3))
    got = await client.post("/campaign/3/pause")
    assert (got.status_code, got.json(), got.headers["retry-after"]) == (429, {"detail": "Too Many Requests"}, "3")
    assert sandbox.campaign(3)["state"] == "running"
    assert sandbox.requests == [RecordedRequest("POST", "/api/v1/campaign/3/pause", None, 429)]


@pytest.mark.parametrize(("how", "error"), [("close", httpx2.RemoteProtocolError), ("reset", httpx2.ReadError)])
@pytest.mark.parametrize(("kind", "name"), [("drop-before", "Berlin appointment reminders"), ("drop-after", "New")])
async def test_a_dropped_request_has_no_answer(
    sandbox: Sandbox, client: httpx2.AsyncClient, kind: str, name: str, how: Any, error: type[Exception]
) -> None:
    sandbox.faults.add(Fault(kind, how=how))
    with pytest.raises(error):
        await client.patch("/campaign/4", json={"name": "New"})
    assert sandbox.campaign(4)["name"] == name
    assert sandbox.requests == [RecordedRequest("PATCH", "/api/v1/campaign/4", {"name": "New"}, None)]


async def test_an_error_after_leaves_the_change(sandbox: Sandbox, client: httpx2.AsyncClient) -> None:
    sandbox.faults.add(Fault("error-after"))
    got = await client.patch("/campaign/4", json={"name": "New"})
    assert (got.status_code, got.text) == (500, "Internal Server Error")
    assert sandbox.campaign(4)["name"] == "New"


async def test_a_spoilt_body_is_not_what_it_claims(sandbox: Sandbox, client: httpx2.AsyncClient) -> None:
    sandbox.faults.add(Fault("broken-json", times=1))
    got = await client.get("/campaign/4")
    assert got.status_code == 200
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        got.json()
    sandbox.faults.clear()
    sandbox.faults.add(Fault("cut-body"))
    with pytest.raises(httpx2.RemoteProtocolError, match="without sending complete message body"):
        await client.get("/campaign/4")
    sandbox.faults.clear()
    sandbox.faults.add(Fault("huge-body", bytes=1_000_000))
    huge = await client.get("/campaign/4")
    assert len(huge.content) > 1_000_000
    assert huge.json()["id"] == 4
    assert "content-length" not in huge.headers


async def test_a_redirect_leads_elsewhere(sandbox: Sandbox, client: httpx2.AsyncClient) -> None:
    sandbox.faults.add(Fault("redirect"))
    got = await client.post("/campaign/3/pause")
    assert (got.status_code, got.headers["location"]) == (307, "https://elsewhere.example/api/v1/campaign/3/pause")
    assert sandbox.campaign(3)["state"] == "running"


async def test_a_slow_answer_runs_into_the_read_timeout_and_is_executed(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault("delay", seconds=0.2, when="after"))
    async with httpx2.AsyncClient(transport=sandbox.transport(), timeout=0.05, headers={"X-API-Key": KEY}) as client:
        with pytest.raises(httpx2.ReadTimeout):
            await client.patch("http://sandbox/api/v1/campaign/4", json={"name": "Late"})
    assert sandbox.campaign(4)["name"] == "Late"


async def test_a_trip_lands_between_read_and_write(sandbox: Sandbox, client: httpx2.AsyncClient) -> None:
    fault = sandbox.faults.add(Fault("trip"))
    assert (await client.get("/campaign/3")).json()["state"] == "running"
    got = await client.post("/campaign/3/pause")
    assert got.json()["detail"].endswith("current state: paused")
    campaign = sandbox.campaign(3)
    assert campaign["logs"][-1]["event"] == "circuit_breaker_tripped"
    assert campaign["logs"][-1]["message"] == (
        "Paused: failure rate 100.00% (10/10) exceeded threshold 40.00% in 300s window"
    )
    await client.post("/campaign/4/pause")
    assert fault.fired == 1


async def test_a_trip_may_follow_a_resume(sandbox: Sandbox, client: httpx2.AsyncClient) -> None:
    sandbox.faults.add(Fault("trip", when="after"))
    assert (await client.post("/campaign/4/resume")).json()["state"] == "running"
    assert sandbox.campaign(4)["state"] == "paused"


@pytest.mark.parametrize(
    ("stored", "trips"),
    [(None, True), ({"failure_threshold": 0.7}, True), ({"enabled": True}, True), ({"enabled": False}, False)],
    ids=["never set", "stored in part", "on", "off"],
)
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_breaker_trips_only_where_it_is_on(
    sandbox: Sandbox, client: httpx2.AsyncClient, when: str, stored: dict[str, Any] | None, trips: bool
) -> None:
    sandbox.put(3, circuit_breaker=stored)
    sandbox.put(4, circuit_breaker=stored)
    sandbox.faults.add(Fault("trip", when=when))
    await client.post("/campaign/3/pause" if when == "before" else "/campaign/4/resume")
    logs = sandbox.campaign(3 if when == "before" else 4)["logs"]
    assert [entry["event"] for entry in logs] == ["circuit_breaker_tripped"] * trips


async def executed(sandbox: Sandbox, name: str) -> None:
    """Returns once campaign 4 has the name."""
    with anyio.fail_after(5):
        while sandbox.campaign(4)["name"] != name:  # noqa: ASYNC110 - the store tells nobody when it is written
            await anyio.sleep(0.01)


@pytest.mark.parametrize("code", [500, 502, 504])
async def test_a_status_may_be_answered_at_once_and_the_write_executed_later(
    sandbox: Sandbox, client: httpx2.AsyncClient, code: int
) -> None:
    sandbox.faults.add(Fault("status", code=code, executed_after=0.1))
    assert (await client.patch("/campaign/4", json={"name": "Late"})).status_code == code
    assert sandbox.campaign(4)["name"] == "Berlin appointment reminders"
    await executed(sandbox, "Late")


async def test_a_connection_may_be_dropped_and_the_write_executed_later(
    sandbox: Sandbox, client: httpx2.AsyncClient
) -> None:
    sandbox.faults.add(Fault("drop-before", executed_after=0.1))
    with pytest.raises(httpx2.RemoteProtocolError):
        await client.patch("/campaign/4", json={"name": "Late"})
    assert sandbox.campaign(4)["name"] == "Berlin appointment reminders"
    await executed(sandbox, "Late")


async def test_a_sandbox_that_was_closed_executes_nothing_any_more(clock: Any) -> None:
    sandbox = Sandbox(clock=clock)
    sandbox.faults.add(Fault("status", executed_after=60))
    async with httpx2.AsyncClient(transport=sandbox.transport(), headers={"X-API-Key": KEY}) as client:
        await client.patch("http://sandbox/api/v1/campaign/4", json={"name": "Late"})
    (late,) = sandbox._injector._late
    sandbox.close()
    await asyncio.wait([late])
    assert late.cancelled()


async def test_a_stale_body_shows_the_campaign_as_it_was_before(sandbox: Sandbox, client: httpx2.AsyncClient) -> None:
    sandbox.faults.add(Fault("stale-body"))
    before = (await client.get("/campaign/4")).json()
    got = await client.patch("/campaign/4", json={"name": "New"})
    assert (got.status_code, got.json()) == (200, before)
    assert sandbox.campaign(4)["name"] == "New"
    got = await client.post("/campaign/4/resume")
    assert (got.json()["state"], sandbox.campaign(4)["state"]) == ("paused", "running")


async def test_a_minimal_body_has_id_name_and_state_alone(sandbox: Sandbox, client: httpx2.AsyncClient) -> None:
    sandbox.faults.add(Fault("minimal-body"))
    got = await client.patch("/campaign/4", json={"name": "New"})
    assert (got.status_code, got.json()) == (200, {"id": 4, "name": "New", "state": "paused"})
    assert len((await client.get("/campaign/4")).json()) > 20


@pytest.mark.parametrize("kind", ["stale-body", "minimal-body"])
async def test_an_error_keeps_its_body(sandbox: Sandbox, client: httpx2.AsyncClient, kind: str) -> None:
    sandbox.faults.add(Fault(kind))
    got = await client.post("/campaign/4/pause")
    assert (got.status_code, got.json()["detail"].rpartition(", ")[2]) == (400, "current state: paused")


async def test_a_colleagues_edit_may_land_while_a_request_that_was_turned_away_waits(
    sandbox: Sandbox, client: httpx2.AsyncClient
) -> None:
    sandbox.faults.add(Fault("status", code=429, retry_after=1, times=1, fields={"name": "Theirs"}))
    got = [(await client.patch("/campaign/4", json={"max_concurrency": 2})).status_code]
    assert sandbox.campaign(4)["name"] == "Theirs"
    got.append((await client.patch("/campaign/4", json={"max_concurrency": 2})).status_code)
    stored = sandbox.campaign(4)
    assert (got, stored["name"], stored["metadata"]["max_concurrency"]) == ([429, 200], "Theirs", 2)


OTHERS = {"circuit_breaker": {**BREAKER, "min_calls_in_window": 42}}


@pytest.mark.parametrize(
    ("when", "answered", "kept"), [("before", 9, 9), ("after", 9, 9), ("overwrite", 9, 4), ("lost", 4, 4)]
)
async def test_a_foreign_edit_lands_around_ours_or_over_it(
    sandbox: Sandbox, client: httpx2.AsyncClient, when: str, answered: int, kept: int
) -> None:
    sandbox.faults.add(Fault("foreign-edit", fields=OTHERS, when=when))
    got = await client.patch("/campaign/4", json={"max_concurrency": 9, "name": "Ours"})
    assert (got.status_code, got.json()["max_concurrency"]) == (200, answered)
    stored = sandbox.campaign(4)
    assert (stored["name"], stored["metadata"]["max_concurrency"]) == ("Ours", kept)
    assert stored["metadata"]["circuit_breaker"] == OTHERS["circuit_breaker"]


async def test_a_foreign_edit_touches_another_section_by_default(sandbox: Sandbox, client: httpx2.AsyncClient) -> None:
    sandbox.faults.add(Fault("foreign-edit"))
    got = (await client.patch("/campaign/4", json={"circuit_breaker": BREAKER})).json()
    assert (got["circuit_breaker"], got["max_concurrency"]) == (BREAKER, 1)


async def test_a_pause_is_undone_after_the_next_read(sandbox: Sandbox, client: httpx2.AsyncClient) -> None:
    sandbox.faults.add(Fault("import-ends"))
    await client.post("/campaign/10/pause")
    states = [(await client.get("/campaign/10")).json()["state"] for _ in range(2)]
    assert states == ["paused", "running"]


async def test_a_pause_is_undone_after_some_seconds(sandbox: Sandbox, client: httpx2.AsyncClient, clock: Any) -> None:
    sandbox.faults.add(Fault("import-ends", seconds=2))
    await client.post("/campaign/3/pause")
    assert sandbox.campaign(3)["state"] == "paused"
    clock.move(seconds=2)
    assert sandbox.campaign(3)["state"] == "running"


async def test_poison_stays_until_the_campaign_is_repaired(sandbox: Sandbox, client: httpx2.AsyncClient) -> None:
    fault = sandbox.faults.add(parse_fault("poison:campaign=13"))
    sandbox.faults.clear()
    assert fault.fired == 1
    assert [(await client.get(path)).status_code for path in ("/campaign/13", "/campaign/")] == [500, 500]
