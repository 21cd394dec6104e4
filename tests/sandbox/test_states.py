"""A campaign changes as the real one does: pause, resume, what time does to it, and quota."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from asisso_mcp.sandbox import Sandbox
from asisso_mcp.sandbox.calling_hours import is_open

NOT_TO = {
    "pause": "Campaign must be in 'running' or 'syncing' state to pause, current state: {}",
    "resume": "Campaign must be in 'paused' state to resume, current state: {}",
}
COUNTS = ("executed_count", "processed_rows", "failed_rows", "total_queued_count")
LEADS = {("syncing", "pause"): "paused", ("running", "pause"): "paused", ("paused", "resume"): "running"}


@pytest.mark.parametrize("verb", ["pause", "resume"])
@pytest.mark.parametrize("state", ["created", "syncing", "running", "paused", "completed", "failed"])
async def test_a_campaign_moves_only_from_the_right_state(
    sandbox: Sandbox, client: httpx2.AsyncClient, state: str, verb: str
) -> None:
    sandbox.put(4, state=state)
    got = await client.post(f"/campaign/4/{verb}", content=b"\xff not read")
    after = LEADS.get((state, verb))
    if after is None:
        assert (got.status_code, got.json()) == (400, {"detail": NOT_TO[verb].format(state)})
    else:
        assert (got.status_code, got.json()["state"]) == (200, after)
    assert sandbox.campaign(4)["state"] == (after or state)
    assert sandbox.campaign(4)["logs"] == []


async def test_a_resume_leaves_started_at_as_it_is(client: httpx2.AsyncClient) -> None:
    assert (await client.post("/campaign/4/resume")).json()["started_at"] == "2026-08-17T06:30:00Z"


def start_import(sandbox: Sandbox, clock: Any, **stored: Any) -> None:
    """The draft becomes a campaign whose import ends in a second."""
    began = clock()
    sandbox.put(2, state="syncing", started_at=began, sync_ends_at=began + timedelta(seconds=1), **stored)


async def test_quota_is_checked_before_the_state_and_never_for_pause(
    sandbox: Sandbox, client: httpx2.AsyncClient
) -> None:
    sandbox.put(3, quota="Workflow not found")
    got = await client.post("/campaign/3/resume")
    assert (got.status_code, got.json()) == (402, {"detail": "Workflow not found"})
    assert (await client.post("/campaign/3/pause")).status_code == 200


async def test_a_sync_ends_with_its_rows(sandbox: Sandbox, client: httpx2.AsyncClient, clock: Any) -> None:
    start_import(sandbox, clock)
    assert (await client.get("/campaign/2")).json()["total_rows"] is None
    clock.move(seconds=1)
    campaign = (await client.get("/campaign/2")).json()
    assert (campaign["state"], campaign["total_rows"], campaign["total_queued_count"]) == ("running", 300, 300)


async def test_a_sync_without_rows_completes(sandbox: Sandbox, client: httpx2.AsyncClient, clock: Any) -> None:
    start_import(sandbox, clock, source_rows=0)
    clock.move(seconds=2)
    campaign = (await client.get("/campaign/2")).json()
    assert (campaign["state"], campaign["completed_at"]) == ("completed", "2026-11-23T15:00:01Z")


async def test_a_pause_during_the_sync_is_lost(sandbox: Sandbox, client: httpx2.AsyncClient, clock: Any) -> None:
    start_import(sandbox, clock)
    assert (await client.post("/campaign/2/pause")).json()["state"] == "paused"
    clock.move(seconds=3)
    assert (await client.get("/campaign/2")).json()["state"] == "running"


async def test_a_stuck_sync_never_ends_and_its_pause_holds(client: httpx2.AsyncClient, clock: Any) -> None:
    clock.move(days=30)
    assert (await client.get("/campaign/10")).json()["state"] == "syncing"
    await client.post("/campaign/10/pause")
    clock.move(days=1)
    assert (await client.get("/campaign/10")).json()["state"] == "paused"


async def test_contacts_are_called_only_inside_the_window(
    sandbox: Sandbox, client: httpx2.AsyncClient, clock: Any
) -> None:
    sandbox.put(3, total_queued_count=100_000)
    counts = []
    for hours in (6, 2, 14, 1):  # to 16:00, 18:00, 08:00 and 09:00 in New York, where the window shuts at 17:00
        clock.move(hours=hours)
        counts.append((await client.get("/campaign/3")).json()["executed_count"] - 120)
    assert counts == [6 * 360, 7 * 360, 7 * 360, 7 * 360]
    clock.move(minutes=1)
    assert (await client.get("/campaign/3")).json()["executed_count"] == 120 + 7 * 360 + 6


async def test_a_campaign_completes_an_hour_after_its_last_call(
    sandbox: Sandbox, client: httpx2.AsyncClient, clock: Any
) -> None:
    sandbox.put(3, retry_config={"enabled": False})
    clock.move(minutes=20)
    sandbox.put(3, retry_config=None)
    campaign = (await client.get("/campaign/3")).json()
    assert (campaign["state"], campaign["executed_count"]) == ("running", 240)
    clock.move(hours=1)
    campaign = (await client.get("/campaign/3")).json()
    assert (campaign["state"], campaign["completed_at"]) == ("completed", "2026-11-23T16:20:00Z")


async def test_progress_does_not_depend_on_how_often_one_looks(clock: Any) -> None:
    started = clock.now
    looked = []
    for steps in (1, 7, 600):
        clock.now = started
        sandbox = Sandbox(clock=clock)
        for _ in range(steps):
            clock.move(seconds=1800 / steps)
            campaign = sandbox.campaign(3)
        looked.append([campaign[name] for name in COUNTS])
        looked[-1] += [len(campaign["batch"]), len(campaign["waiting_retries"])]
        sandbox.close()
    assert looked[0] == [251, 28, 7, 251, 0, 0]
    assert looked[1:] == looked[:1] * 2


async def test_outside_the_window_nothing_happens_and_the_state_says_running(
    client: httpx2.AsyncClient, clock: Any
) -> None:
    clock.move(hours=-3)  # 07:00 in New York
    first = (await client.get("/campaign/3")).json()
    clock.move(hours=1)
    assert (await client.get("/campaign/3")).json() == first
    assert first["state"] == "running"


async def test_after_a_pause_the_batch_in_flight_goes_out_and_nothing_more(
    client: httpx2.AsyncClient, clock: Any
) -> None:
    counts = []
    await client.post("/campaign/3/pause")
    for seconds in (40, 60, 3600):
        clock.move(seconds=seconds)
        counts.append((await client.get("/campaign/3")).json()["executed_count"])
    assert counts == [124, 130, 130]
    resumed = (await client.post("/campaign/3/resume")).json()
    assert resumed["executed_count"] == 130
    clock.move(seconds=20)
    assert (await client.get("/campaign/3")).json()["executed_count"] == 132


async def test_a_pause_and_a_resume_do_not_hasten_the_batch_in_flight(client: httpx2.AsyncClient, clock: Any) -> None:
    clock.move(seconds=5)
    await client.post("/campaign/3/pause")
    await client.post("/campaign/3/resume")
    for seconds, executed in ((4, 120), (1, 121)):
        clock.move(seconds=seconds)
        assert (await client.get("/campaign/3")).json()["executed_count"] == executed


async def test_a_paused_campaign_does_not_complete_though_its_last_batch_went_out(
    sandbox: Sandbox, client: httpx2.AsyncClient, clock: Any
) -> None:
    sandbox.put(3, total_queued_count=130, retry_config={"enabled": False})
    await client.post("/campaign/3/pause")
    clock.move(hours=2)
    campaign = sandbox.campaign(3)
    assert (campaign["state"], campaign["executed_count"], campaign["batch"]) == ("paused", 130, [])


async def test_an_exhausted_campaign_that_is_resumed_completes_at_the_next_check(
    sandbox: Sandbox, client: httpx2.AsyncClient, clock: Any
) -> None:
    sandbox.put(4, executed_count=480, total_queued_count=480)
    assert (await client.post("/campaign/4/resume")).json()["state"] == "running"
    clock.move(seconds=44)
    assert (await client.get("/campaign/4")).json()["state"] == "running"
    clock.move(seconds=1)
    campaign = (await client.get("/campaign/4")).json()
    assert (campaign["state"], campaign["completed_at"]) == ("completed", "2026-11-23T15:00:45Z")


def schedule(zone: str, *slots: tuple[int, str, str], **more: Any) -> dict[str, Any]:
    listed = [{"day_of_week": day, "start_time": start, "end_time": end} for day, start, end in slots]
    return {"enabled": True, "timezone": zone, "slots": listed, **more}


@pytest.mark.parametrize(
    ("stored", "moment", "expected"),
    [
        (schedule("UTC", (0, "09:00", "17:00")), "2026-11-23T09:00:00", True),
        (schedule("UTC", (0, "09:00", "17:00")), "2026-11-23T16:59:59", True),
        (schedule("UTC", (0, "09:00", "17:00")), "2026-11-23T17:00:00", False),
        (schedule("UTC", (1, "09:00", "17:00")), "2026-11-23T12:00:00", False),
        (schedule("UTC", (0, "00:00", "23:59")), "2026-11-23T23:59:30", False),
        (schedule("UTC", (0, "00:00", "24:00")), "2026-11-23T23:59:30", True),
        (schedule("Asia/Tokyo", (0, "22:00", "24:00"), (1, "00:00", "06:00")), "2026-11-23T15:30:00", True),
        (schedule("Asia/Tokyo", (0, "22:00", "24:00"), (1, "00:00", "06:00")), "2026-11-23T12:59:00", False),
        (schedule("UTC", (0, "99:98", "99:99")), "2026-11-23T12:00:00", False),
        (schedule("America/New_York", (6, "02:00", "03:00")), "2026-03-08T07:00:00", False),  # the spring gap
        (schedule("America/New_York", (6, "01:00", "02:00")), "2026-11-01T05:30:00", True),  # the hour that
        (schedule("America/New_York", (6, "01:00", "02:00")), "2026-11-01T06:30:00", True),  # comes twice
        (schedule("Nowhere/Else", (1, "09:00", "10:00")), "2026-11-23T12:00:00", True),
        (schedule("UTC", (1, "09:00", "10:00"), enabled=False), "2026-11-23T12:00:00", True),
        ({"slots": [{"day_of_week": 1, "start_time": "09:00", "end_time": "10:00"}]}, "2026-11-23T12:00:00", True),
        (schedule("UTC"), "2026-11-23T12:00:00", True),
        (None, "2026-11-23T12:00:00", True),
    ],
)
def test_a_schedule_is_open_as_the_real_evaluator_says(stored: Any, moment: str, expected: bool) -> None:
    assert is_open(stored, datetime.fromisoformat(moment).replace(tzinfo=UTC)) is expected
