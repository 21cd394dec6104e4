"""How the queue of a campaign is dialed as time passes. Pure.

The queue is kept as counts: `total_queued_count` rows, of which `executed_count` are processed, `failed_count` failed,
`batch` holds those that are being processed and `waiting_retries` those whose time has not come; the rest is queued. A batch
of up to ten is claimed when the one before has gone out, or at a check every 60 s, and only while the campaign runs within its
calling hours; once claimed, it goes out whatever happens. Where telephony is not right, there is a `failing_batch` instead: when it
will have failed, and why. Calls last 30 s, as many at once as the campaign may make, and at most
one begins in a second. How a call ends is fixed by its number, so that the same clock gives the same counts. Campaigns do not
compete for numbers here.
"""

from bisect import insort
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from asisso_mcp.sandbox.calling_hours import is_open
from asisso_mcp.sandbox.instants import from_iso, to_iso
from asisso_mcp.sandbox.telephony import Outbound

CALL_SECONDS = 30.0
BATCH = 10
NO_ANSWER_EVERY = 17
BUSY_EVERY = 29
CHECK = timedelta(seconds=60)
BATCH_FAILS_AFTER = timedelta(seconds=30)
LOOK_BACK = timedelta(days=14)
"""How much time at most is simulated at once; it bounds the work of one access."""

_RETRY_FALLBACK = {
    "enabled": True,
    "max_retries": 1,
    "retry_delay_seconds": 120,
    "retry_on_busy": True,
    "retry_on_no_answer": True,
}
"""What is in effect where nothing is stored."""


@dataclass(frozen=True)
class Run:
    """One call. ended_at: None if its end is never told. disposition: `completed`, `no-answer`, `busy` or `failed`."""

    created_at: datetime
    ended_at: datetime | None
    disposition: str = "completed"


def rows_left(row: Mapping[str, Any]) -> int:
    """Rows of the queue that are neither processed nor failed: queued, being processed, or waiting for their retry."""
    return max(0, int(row["total_queued_count"] - row["executed_count"] - row["failed_count"]))


def dial(row: Mapping[str, Any], now: datetime, outbound: Outbound) -> tuple[dict[str, Any], list[Run]]:
    """The stored columns that have changed by `now`, and the calls that have begun since."""
    if row["failing_batch"]:
        return {}, []
    dialing = _Dialing(row, outbound, from_iso(row["next_step_at"]) or now)
    dialing.advance(now)
    return dialing.changes(), dialing.runs


class _Dialing:
    """A campaign's queue in the course of time. `moment` is when the next call begins or the next batch is claimed."""

    def __init__(self, row: Mapping[str, Any], outbound: Outbound, moment: datetime) -> None:
        self._row, self._outbound, self._moment = row, outbound, moment
        self._schedule = row["metadata"].get("schedule_config")
        self._retry = {**_RETRY_FALLBACK, **(row["retry_config"] or {})}
        self._interval = timedelta(seconds=max(1.0, CALL_SECONDS / outbound.calls_at_once))
        self._batch: list[int] = list(row["batch"])
        self._waiting: list[list[Any]] = sorted(list(retry) for retry in row["waiting_retries"])
        self._total, self._executed = row["total_queued_count"], row["executed_count"]
        self._processed, self._failed = row["processed_rows"], row["failed_rows"]
        self._last_activity = row["last_activity_at"]
        self._failing: list[str] | None = None
        self.runs: list[Run] = []

    def advance(self, now: datetime) -> None:
        horizon = min(now, self._moment + LOOK_BACK)
        while self._moment <= horizon and self._failing is None:
            if self._batch:
                self._call()
            elif self._row["state"] != "running":
                return
            else:
                self._claim()
        self._moment = max(self._moment, now)

    def changes(self) -> dict[str, Any]:
        new = {
            "batch": self._batch,
            "waiting_retries": self._waiting,
            "total_queued_count": self._total,
            "executed_count": self._executed,
            "processed_rows": self._processed,
            "failed_rows": self._failed,
            "last_activity_at": self._last_activity,
            "next_step_at": to_iso(self._moment),
            "failing_batch": self._failing,
        }
        return {name: value for name, value in new.items() if value != self._row[name]}

    def _claim(self) -> None:
        """The next batch, those whose retry is due first; or nothing, and another look at the next check."""
        moment = to_iso(self._moment)
        due = sum(retry[0] <= moment for retry in self._waiting)
        queued = max(0, self._total - self._executed - self._row["failed_count"] - len(self._waiting))
        if not (due or queued) or not is_open(self._schedule, self._moment):
            self._moment += CHECK
        elif self._outbound.blocked:
            self._failing = [to_iso(self._moment + BATCH_FAILS_AFTER), self._outbound.blocked]
        else:
            retried = min(due, BATCH)
            self._batch = [attempt for _, attempt in self._waiting[:retried]] + [0] * min(queued, BATCH - retried)
            del self._waiting[:retried]
            self._moment += self._interval

    def _call(self) -> None:
        attempt = self._batch.pop(0)
        self._executed += 1
        ended, disposition = self._moment + timedelta(seconds=CALL_SECONDS), _disposition(self._executed)
        self.runs.append(Run(self._moment, ended, disposition))
        self._last_activity = to_iso(self._moment)
        self._retry_or_give_up(disposition, ended, attempt)
        if self._batch:
            self._moment += self._interval
        else:
            self._processed += 1

    def _retry_or_give_up(self, disposition: str, ended: datetime, attempt: int) -> None:
        if not (self._retry["enabled"] and self._retry.get(f"retry_on_{disposition.replace('-', '_')}")):
            return
        if attempt < self._retry["max_retries"]:
            due = ended + timedelta(seconds=self._retry["retry_delay_seconds"])
            insort(self._waiting, [to_iso(due), attempt + 1])
            self._total += 1
        elif disposition == "no-answer":
            self._failed += 1


def _disposition(number: int) -> str:
    """How the call with this number ends."""
    if number % NO_ANSWER_EVERY == 0:
        return "no-answer"
    return "busy" if number % BUSY_EVERY == 0 else "completed"
