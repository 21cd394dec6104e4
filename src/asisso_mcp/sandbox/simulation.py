"""How a campaign changes as time passes: imports end, contacts are called within the calling hours, campaigns complete. Pure.

It is worked out when a row is looked up. The share of failing contacts is fixed (one in `FAILING_EVERY`), so that the same
clock gives the same counts. Calling hours are evaluated as the real API does, which fails open: Monday is 0 in the
schedule's zone; local "HH:MM" strings are compared, start inclusive, end exclusive; one matching slot is enough.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

CONTACT = 10.0
"""Seconds of open calling window that one contact takes."""
FAILING_EVERY = 17
IDLE = timedelta(hours=1)
CHECK = timedelta(seconds=60)
LOOK_BACK = timedelta(days=14)
"""How much time at most is simulated at once; it bounds the work of one access."""
_SYSTEM_ONLY = {"localtime", "posixrules", "Factory"}
"""Files beside the zones that the real server takes for zones."""


def advance(row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The stored columns that have changed by `now`; empty when nothing happened."""
    changed: dict[str, Any] = {}
    ends = _instant(row["sync_ends_at"])
    if ends is not None and now >= ends:
        changed |= _synced(row, ends)
    current = {**row, **changed}
    if current["state"] == "running":
        changed |= _dialed(current, now)
        current |= changed
        changed |= _finished(current, now)
    return changed


def _synced(row: Mapping[str, Any], ends: datetime) -> dict[str, Any]:
    # Unconditional, as in the real task: a pause during the sync is overwritten.
    rows = row["source_rows"]
    total = rows if row["total_rows"] is None else row["total_rows"]
    done = {"state": "running", "sync_ends_at": None, "advanced_at": to_iso(ends), "total_rows": total}
    done["total_queued_count"] = max(row["total_queued_count"], total)
    if total == 0:
        done |= {"state": "completed", "completed_at": to_iso(ends)}
    return done


def _dialed(row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    since = _instant(row["advanced_at"]) or now
    remaining = row["total_queued_count"] - row["executed_count"]
    if now <= since or remaining <= 0:
        return {}
    seconds, last, called = float(row["open_seconds"]), row["last_activity_at"], 0
    moment, end = since, min(now, since + LOOK_BACK)
    schedule = row["metadata"].get("schedule_config")
    while moment < end and called < remaining:
        until = min(end, moment.replace(second=0, microsecond=0) + timedelta(minutes=1))
        if is_open(schedule, moment):
            seconds += (until - moment).total_seconds()
            due = min(int(seconds // CONTACT), remaining - called)
            if due:
                called, seconds, last = called + due, seconds - due * CONTACT, to_iso(until)
        moment = until
    before = row["executed_count"]
    failing = (before + called) // FAILING_EVERY - before // FAILING_EVERY
    return {
        "advanced_at": to_iso(now),
        "open_seconds": seconds,
        "last_activity_at": last,
        "executed_count": before + called,
        "processed_rows": row["processed_rows"] + called,
        "failed_rows": row["failed_rows"] + failing,
    }


def _finished(row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    active = _instant(row["last_activity_at"]) or _instant(row["started_at"])
    if row["executed_count"] < row["total_queued_count"] or active is None:
        return {}
    checked = _instant(row["check_at"])
    ended = active + IDLE if checked is None else max(active + IDLE, checked)
    return {"state": "completed", "completed_at": to_iso(ended)} if now >= ended else {}


def to_iso(moment: datetime) -> str:
    """An instant as the store keeps it: ISO 8601."""
    return moment.isoformat()


def _instant(stored: str | None) -> datetime | None:
    return None if stored is None else datetime.fromisoformat(stored)


@cache
def _zones() -> frozenset[str]:
    return frozenset(files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())


def is_zone(name: str) -> bool:
    """Whether a PATCH with this timezone is accepted. Case counts, on every operating system."""
    return name.removeprefix("posix/").removeprefix("right/") in _zones() or name in _SYSTEM_ONLY


def is_open(schedule: Mapping[str, Any] | None, now: datetime) -> bool:
    """Whether calls may be scheduled at `now` (aware). No schedule, not enabled, no slots, unknown zone: always."""
    if not schedule or not schedule.get("enabled") or not schedule.get("slots"):
        return True
    try:
        local = now.astimezone(ZoneInfo(str(schedule.get("timezone", "UTC"))))
    except (KeyError, ValueError, OSError):
        return True
    clock = f"{local.hour:02}:{local.minute:02}"
    return any(
        slot["day_of_week"] == local.weekday() and slot["start_time"] <= clock < slot["end_time"]
        for slot in schedule["slots"]
    )
