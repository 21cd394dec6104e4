"""How the counts of a campaign move while it is dialed, call by call."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from asisso_mcp.sandbox import Sandbox, side_effects
from asisso_mcp.sandbox.dialing import BUSY_EVERY, LOOK_BACK, NO_ANSWER_EVERY, dial, rows_left
from asisso_mcp.sandbox.telephony import Outbound

START = datetime.fromisoformat("2026-11-23T15:00:00+00:00")
FIRST = NO_ANSWER_EVERY - 1
"""So many calls made: the next one is not answered."""
OFF = {"enabled": False}


def campaign(**stored: Any) -> dict[str, Any]:
    """A running campaign of forty queued contacts."""
    return {
        "state": "running",
        "total_queued_count": 40,
        "executed_count": 0,
        "failed_count": 0,
        "processed_rows": 0,
        "failed_rows": 0,
        "batch": [],
        "waiting_retries": [],
        "retry_config": OFF,
        "metadata": {},
        "last_activity_at": None,
        "next_step_at": START.isoformat(),
        "failing_batch": None,
        **stored,
    }


def after(seconds: float, row: dict[str, Any], *, calls_at_once: int = 3) -> dict[str, Any]:
    changed, runs = dial(row, START + timedelta(seconds=seconds), Outbound(calls_at_once))
    return {**row, **changed, "runs": runs}


@pytest.mark.parametrize(
    ("seconds", "executed", "in_batch", "batches"),
    [(0, 0, 10, 0), (9, 0, 10, 0), (10, 1, 9, 0), (99, 9, 1, 0), (100, 10, 10, 1), (400, 40, 0, 4), (9000, 40, 0, 4)],
)
def test_contacts_are_claimed_ten_at_a_time_and_processed_rows_counts_the_batches(
    seconds: float, executed: int, in_batch: int, batches: int
) -> None:
    row = after(seconds, campaign())
    assert (row["executed_count"], len(row["batch"]), row["processed_rows"]) == (executed, in_batch, batches)
    assert (len(row["runs"]), row["total_queued_count"], rows_left(row)) == (executed, 40, 40 - executed)


@pytest.mark.parametrize(("calls_at_once", "seconds_between"), [(1, 30), (2, 15), (3, 10), (30, 1), (100, 1)])
def test_the_pace_is_that_of_the_calls_at_once_and_never_above_one_a_second(
    calls_at_once: int, seconds_between: float
) -> None:
    began = [run.created_at for run in after(3000, campaign(), calls_at_once=calls_at_once)["runs"]]
    assert {later - earlier for earlier, later in pairwise(began)} == {timedelta(seconds=seconds_between)}


def test_failed_rows_of_the_queue_are_not_dialed() -> None:
    row = after(9000, campaign(executed_count=3, failed_count=30))
    assert (row["executed_count"], row["total_queued_count"], rows_left(row)) == (10, 40, 0)


RETRY = {
    "enabled": True,
    "max_retries": 1,
    "retry_delay_seconds": 300,
    "retry_on_busy": True,
    "retry_on_no_answer": True,
}


@pytest.mark.parametrize(
    ("before", "attempt", "retry", "waits", "failed"),
    [
        (FIRST, 0, RETRY, [["2026-11-23T15:05:40+00:00", 1]], 0),
        (FIRST, 0, None, [["2026-11-23T15:02:40+00:00", 1]], 0),
        (FIRST, 1, {**RETRY, "max_retries": 2}, [["2026-11-23T15:05:40+00:00", 2]], 0),
        (FIRST, 1, RETRY, [], 1),
        (FIRST, 0, {**RETRY, "max_retries": 0}, [], 1),
        (FIRST, 1, {**RETRY, "retry_on_no_answer": False}, [], 0),
        (FIRST, 0, OFF, [], 0),
        (BUSY_EVERY - 1, 0, RETRY, [["2026-11-23T15:05:40+00:00", 1]], 0),
        (BUSY_EVERY - 1, 0, {**RETRY, "retry_on_busy": False}, [], 0),
        (BUSY_EVERY - 1, 1, RETRY, [], 0),
        (0, 0, RETRY, [], 0),
    ],
    ids=[
        "no answer",
        "no answer, nothing stored",
        "no answer, once more",
        "the last one not answered",
        "no answer, no retries",
        "no answer, not retried",
        "no answer, retries off",
        "busy",
        "busy, not retried",
        "the last one busy",
        "answered",
    ],
)
def test_a_call_that_fails_waits_for_its_retry_and_only_a_last_one_without_answer_counts_as_failed(
    before: int, attempt: int, retry: dict[str, Any] | None, waits: list[Any], failed: int
) -> None:
    row = campaign(executed_count=before, total_queued_count=before + 1, batch=[attempt], retry_config=retry)
    row = after(0, {**row, "next_step_at": (START + timedelta(seconds=10)).isoformat()})
    assert row["runs"] == []
    row = after(10, row)
    assert (row["waiting_retries"], row["failed_rows"], row["failed_count"]) == (waits, failed, 0)
    assert (row["executed_count"], row["total_queued_count"]) == (before + 1, before + 1 + len(waits))


def test_a_waiting_retry_is_called_after_its_delay_before_the_contacts_that_are_queued() -> None:
    due = [[(START + timedelta(seconds=seconds)).isoformat(), 1] for seconds in (90, 90, 700)]
    row = after(100, campaign(executed_count=0, total_queued_count=43, waiting_retries=due))
    assert (row["batch"], row["waiting_retries"]) == ([1, 1, *[0] * 8], due[2:])


@pytest.mark.parametrize("state", ["paused", "running"])
def test_a_batch_that_was_claimed_goes_out_after_a_pause_and_after_the_hours(state: str) -> None:
    closed = {
        "schedule_config": {"enabled": True, "slots": [{"day_of_week": 6, "start_time": "09:00", "end_time": "10:00"}]}
    }
    row = after(3600, campaign(state=state, metadata=closed, batch=[0] * 6))
    assert (row["executed_count"], row["processed_rows"], row["batch"]) == (6, 1, [])


def test_however_long_nobody_looked_the_present_is_reached_at_once() -> None:
    row = after(3 * LOOK_BACK.total_seconds(), campaign(total_queued_count=10**6), calls_at_once=1)
    assert row["next_step_at"] == (START + 3 * LOOK_BACK).isoformat()
    assert row["executed_count"] <= LOOK_BACK.total_seconds() / 30


def test_a_trip_fails_the_batch_in_flight(sandbox: Sandbox) -> None:
    before = sandbox.campaign(3)
    side_effects.trip(sandbox._store, 3)
    tripped = sandbox.campaign(3)
    assert (len(before["batch"]), before["failed_count"]) == (10, 0)
    assert (tripped["state"], tripped["batch"], tripped["failed_count"]) == ("paused", [], 10)
