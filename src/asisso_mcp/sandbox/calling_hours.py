"""Calling hours as the real API evaluates them, which fails open. Pure.

Monday is 0 in the schedule's zone; local "HH:MM" strings are compared, start inclusive, end exclusive; one matching slot is
enough.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

_SYSTEM_ONLY = {"localtime", "posixrules", "Factory"}
"""Files beside the zones that the real server takes for zones."""


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
        slot.get("day_of_week") == local.weekday() and slot.get("start_time", "") <= clock < slot.get("end_time", "")
        for slot in schedule["slots"]
    )
