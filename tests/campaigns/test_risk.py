"""What is risky: whatever can make more phones ring, or at other hours, than before."""

from typing import Any

import pytest

from asisso_mcp.api.models import Campaign
from asisso_mcp.campaigns.edits import plan_edit, plan_repair
from asisso_mcp.campaigns.risk import edit_risks

HOURS = "it may call at more hours"
ANY_HOUR = "it may call at any hour"
CALLS = "it may make more calls at once"
OFTEN = "people who were not reached may be called more often"
REASONS = "people are called again for more reasons"
OFF = "failing calls no longer pause it"
LATER = "failing calls pause it later"

RETRIES = {
    "enabled": True, "max_retries": 3, "retry_delay_seconds": 300, "retry_on_busy": True, "retry_on_no_answer": True,
    "retry_on_voicemail": False,
}  # fmt: skip
BREAKER = {"enabled": True, "failure_threshold": 0.4, "window_seconds": 300, "min_calls_in_window": 10}
UNSET = {"enabled": False, "failure_threshold": 0.5, "window_seconds": 120, "min_calls_in_window": 5}


def slot(day: int, start: str, end: str) -> dict[str, Any]:
    return {"day_of_week": day, "start_time": start, "end_time": end}


SCHEDULE = {
    "enabled": True,
    "timezone": "America/New_York",
    "slots": [slot(0, "09:00", "12:00"), slot(0, "12:00", "17:00")],
}
FULL = {
    "id": 4, "name": "Berlin", "state": "paused", "retry_config": RETRIES, "max_concurrency": 4, "schedule_config": SCHEDULE,
    "circuit_breaker": BREAKER,
}  # fmt: skip


def slots(*wanted: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"schedule_config": {"slots": list(wanted), **more}}


@pytest.mark.parametrize(
    ("stored", "named", "risk"),
    [
        ({}, {"name": "Hamburg"}, None),
        # calling hours
        ({}, slots(slot(0, "10:00", "16:00")), None),
        ({}, slots(slot(0, "11:00", "13:00")), None),
        ({}, slots(slot(0, "09:00", "17:01")), HOURS),
        ({}, slots(slot(0, "08:59", "17:00")), HOURS),
        ({}, slots(slot(0, "09:00", "17:00"), slot(1, "09:00", "10:00")), HOURS),
        ({}, {"schedule_config": {"enabled": False}}, ANY_HOUR),
        ({}, {"schedule_config": {"timezone": "America/Chicago"}}, "its calling hours move to another time zone"),
        ({"schedule_config": None}, slots(slot(0, "00:00", "24:00"), timezone="UTC", enabled=True), None),
        ({"schedule_config": {**SCHEDULE, "enabled": False}}, {"schedule_config": {"enabled": True}}, None),
        ({"schedule_config": {**SCHEDULE, "enabled": False}}, slots(slot(6, "00:00", "24:00")), None),
        ({"schedule_config": {**SCHEDULE, "timezone": "Mars/Base"}}, {"schedule_config": {"timezone": "UTC"}}, None),
        ({"schedule_config": {**SCHEDULE, "slots": [slot(0, "17:00", "09:00")]}}, slots(slot(0, "09:00", "10:00")), HOURS),
        # calls at once
        ({}, {"max_concurrency": 4}, None),
        ({}, {"max_concurrency": 3}, None),
        ({}, {"max_concurrency": 5}, CALLS),
        ({"max_concurrency": None}, {"max_concurrency": 1}, CALLS),
        # retries
        ({}, {"retry_config": {"max_retries": 2}}, None),
        ({}, {"retry_config": {"max_retries": 4}}, OFTEN),
        ({}, {"retry_config": {"enabled": False, "max_retries": 10}}, None),
        ({"retry_config": {**RETRIES, "enabled": False}}, {"retry_config": {"enabled": True}}, OFTEN),
        ({"retry_config": {**RETRIES, "enabled": False}}, {"retry_config": {"max_retries": 10}}, None),
        ({"retry_config": {**RETRIES, "max_retries": "3"}}, {"retry_config": {"max_retries": 3}}, OFTEN),
        ({"retry_config": None}, {"retry_config": RETRIES}, OFTEN),
        ({}, {"retry_config": {"retry_on_voicemail": True}}, REASONS),
        ({}, {"retry_config": {"retry_on_busy": False}}, None),
        # circuit breaker
        ({}, {"circuit_breaker": {"enabled": False}}, OFF),
        ({}, {"circuit_breaker": {"failure_threshold": 0.3}}, None),
        ({}, {"circuit_breaker": {"failure_threshold": 1.0}}, LATER),
        ({}, {"circuit_breaker": {"min_calls_in_window": 11}}, LATER),
        ({}, {"circuit_breaker": {"window_seconds": 60}}, LATER),
        ({}, {"circuit_breaker": {"window_seconds": 600}}, None),
        ({"circuit_breaker": {**BREAKER, "enabled": False}}, {"circuit_breaker": {"enabled": True}}, None),
        ({"circuit_breaker": {**BREAKER, "enabled": False}}, {"circuit_breaker": {"failure_threshold": 0.9}}, None),
        ({"circuit_breaker": UNSET}, {"circuit_breaker": {"enabled": False}}, OFF),
        ({"circuit_breaker": UNSET}, {"circuit_breaker": {"enabled": True}}, None),
        ({"circuit_breaker": UNSET}, {"circuit_breaker": {"enabled": True, "failure_threshold": 0.6}}, LATER),
        ({"circuit_breaker": None}, {"circuit_breaker": {**BREAKER, "enabled": False}}, OFF),
    ],
)  # fmt: skip
def test_what_can_make_more_phones_ring_is_risky_and_nothing_else_is(
    stored: dict[str, Any], named: dict[str, Any], risk: str | None
) -> None:
    before = Campaign.model_validate({**FULL, **stored})
    assert edit_risks(before, plan_edit(before.settings(), named)) == ((risk,) if risk else ())


def test_each_risk_of_an_edit_is_named() -> None:
    before = Campaign.model_validate(FULL)
    named = {"max_concurrency": 9, "schedule_config": {"enabled": False}, "circuit_breaker": {"enabled": False}}
    assert edit_risks(before, plan_edit(before.settings(), named)) == (ANY_HOUR, CALLS, OFF)


def test_what_was_not_shown_before_counts_as_a_risk() -> None:
    assert edit_risks(None, plan_repair({"retry_config": RETRIES}, "not read")) == (
        "what it replaces could not be read",
    )
    hidden = Campaign.model_validate({name: value for name, value in FULL.items() if name != "schedule_config"})
    plan = plan_edit(hidden.settings(), slots(slot(0, "09:00", "10:00"), timezone="UTC", enabled=True))
    assert edit_risks(hidden, plan) == ("which calling hours it replaces is not known",)
