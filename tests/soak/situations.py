"""The campaigns of a soak: hours open and closed, telephony in order and not, queues with something left and nothing, calls old and new.

The sandbox's clock stands still at `at`, near the real time that the server goes by, so that the age of a call means something.
"""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from asisso_mcp.sandbox import Sandbox

TELEPHONY = (None, None, None, 1, 1, 3, 2, 5, 77)
"""Configurations that campaigns are pinned to: the default, with 5 numbers and 40; without numbers, parked, and gone."""
QUEUES: tuple[dict[str, int], ...] = (
    *({"total_queued_count": 240, "executed_count": 100, "failed_count": 20},) * 4,
    {"total_queued_count": 240, "executed_count": 240},
    {"total_queued_count": 240, "executed_count": 200, "failed_count": 40},
    {"total_queued_count": 0, "executed_count": 0},
)
"""Something left, all called, nothing left but failed contacts, and nothing queued."""
AGES = (5, 50, 110, 300, 840, 1000, 7200, 260_000)
"""Seconds since the newest call began."""


def campaigns(sandbox: Sandbox, count: int, dice: random.Random, at: datetime) -> list[int]:
    """So many campaigns of the main tenant, each in a situation of its own, some without settings."""
    found = []
    for number in range(count):
        settings: dict[str, Any] = {}
        if number % 4:
            settings["retry_config"] = {
                "enabled": True,
                "max_retries": dice.randint(0, 10),
                "retry_delay_seconds": dice.randint(30, 3600),
                "retry_on_busy": True,
                "retry_on_no_answer": bool(number % 2),
                "retry_on_voicemail": False,
            }
            breaker = {"enabled": True, "failure_threshold": 0.3, "window_seconds": 180, "min_calls_in_window": 8}
            settings["metadata"] = {
                "max_concurrency": dice.randint(1, 10),
                "circuit_breaker": breaker,
                "schedule_config": _hours(dice, at),
            }
        state = ("paused", "running", "paused", "created")[number % 4]
        campaign_id = sandbox.add(
            name=f'Campaign {number} "quoted"\nDone: nothing',
            state=state,
            total_rows=240,
            source_rows=240,
            started_at=at - timedelta(days=4),
            telephony_configuration_id=dice.choice(TELEPHONY),
            **dice.choice(QUEUES),
            **settings,
        )
        if dice.random() < 0.8:
            add_call(sandbox, campaign_id, dice.choice(AGES), at, ended=dice.random() < 0.6)
        found.append(campaign_id)
    return found


def make_ready(sandbox: Sandbox, tool: str, campaign_id: int, at: datetime) -> None:
    """A state in which the call has something to send; nothing is in flight, and it does not complete by itself."""
    state = "running" if tool == "pause_campaign" else "paused"
    later = {"check_at": at + timedelta(days=1), "batch": [], "failing_batch": None}
    sandbox.put(campaign_id, state=state, sync_ends_at=None, **later)


def add_call(sandbox: Sandbox, campaign_id: int, age: float, at: datetime, *, ended: bool) -> None:
    """A call of this campaign began so many seconds ago."""
    began = datetime.now(UTC) - timedelta(seconds=age)
    sandbox.add_run(campaign_id, created_at=began, ended_at=at if ended else None)
    active = sandbox.campaign(campaign_id)["last_activity_at"]
    if active is None or datetime.fromisoformat(active) < began:
        sandbox.put(campaign_id, last_activity_at=began)


def may_begin_a_call(sandbox: Sandbox, campaign_id: int) -> bool:
    """Whether the platform could call another contact of it, if it ran."""
    row = sandbox.campaign(campaign_id)
    is_left = row["executed_count"] + row["failed_count"] < row["total_queued_count"]
    return is_left and row["telephony_configuration_id"] in (None, 1, 3)


def _hours(dice: random.Random, at: datetime) -> dict[str, Any]:
    """Open on working days in Berlin, at any time of any day, or on none of the days of the soak."""
    kind = dice.choice(("Berlin", "open", "open", "closed"))
    if kind == "Berlin":
        return _schedule("Europe/Berlin", range(5), "09:00", "17:00")
    days = range(7) if kind == "open" else [(at.weekday() + 3) % 7]
    return _schedule("UTC", days, "00:00", "23:59")


def _schedule(zone: str, days: Any, start: str, end: str) -> dict[str, Any]:
    slots = [{"day_of_week": day, "start_time": start, "end_time": end} for day in days]
    return {"enabled": True, "timezone": zone, "slots": slots}
