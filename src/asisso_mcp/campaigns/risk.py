"""What is risky about a write: what can make more phones ring, or at other hours, than before. Pure.

It is judged by what would be in place afterwards, not by how it is named. What was not shown before counts as the safest, so that
whatever comes in its place is a risk.
"""

from typing import Any

from asisso_mcp.api.models import Campaign
from asisso_mcp.campaigns import breaker
from asisso_mcp.campaigns.dialing import parse_schedule
from asisso_mcp.campaigns.models import EditPlan
from asisso_mcp.campaigns.schedule import Schedule, Window, restricting_zone, week_of

RESUMES = "it may dial from then on"
"""The risk of every resume."""

_RETRY_CAUSES = ("retry_on_busy", "retry_on_no_answer", "retry_on_voicemail")


def edit_risks(before: Campaign | None, plan: EditPlan) -> tuple[str, ...]:
    """What is risky about an edit, each in a few words. before: None when the campaign could not be read."""
    if before is None:
        return ("what it replaces could not be read",)
    found = (_hours(before, plan), _concurrency(before, plan), _retries(before, plan), _breaker(before, plan))
    return tuple(risk for risk in found if risk)


def _hours(before: Campaign, plan: EditPlan) -> str | None:
    if "schedule_config" not in plan.body:
        return None
    if "schedule_config" not in before.shown_settings:
        return "which calling hours it replaces is not known"
    was, will = parse_schedule(before), parse_schedule(before.model_copy(update=plan.after))
    if was is None or restricting_zone(was) is None:  # any hour, which nothing is wider than
        return None
    if will is None or restricting_zone(will) is None:
        return "it may call at any hour"
    if was.timezone != will.timezone:
        return "its calling hours move to another time zone"
    return None if _is_within(will, was) else "it may call at more hours"


def _is_within(inner: Schedule, outer: Schedule) -> bool:
    """Whether hours on the same clock open only when the other ones do."""
    week = zip(week_of(inner.slots), week_of(outer.slots), strict=True)
    return all(any(_holds(open_, window) for open_ in outside) for inside, outside in week for window in inside)


def _holds(outer: Window, inner: Window) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _concurrency(before: Campaign, plan: EditPlan) -> str | None:
    return (
        "it may make more calls at once"
        if _is_raised(before.max_concurrency, plan.body.get("max_concurrency"))
        else None
    )


def _retries(before: Campaign, plan: EditPlan) -> str | None:
    will, was = plan.body.get("retry_config"), before.retry_config or {}
    if will is None or will["enabled"] is not True:
        return None
    if was.get("enabled") is not True or _is_raised(was.get("max_retries"), will["max_retries"]):
        return "people who were not reached may be called more often"
    if any(will[cause] is True and was.get(cause) is not True for cause in _RETRY_CAUSES):
        return "people are called again for more reasons"
    return None


def _breaker(before: Campaign, plan: EditPlan) -> str | None:
    """Off is a risk also where it is shown as off already, but may be unset and on."""
    will, was = plan.body.get("circuit_breaker"), before.circuit_breaker or {}
    if will is None:
        return None
    if breaker.is_ambiguous(before.settings()):
        was = breaker.DEFAULTS
    if will["enabled"] is not True:
        return "failing calls no longer pause it" if not was or was.get("enabled") is True else None
    if was.get("enabled") is not True:
        return None
    is_laxer = (
        _is_raised(was.get("failure_threshold"), will["failure_threshold"])
        or _is_raised(was.get("min_calls_in_window"), will["min_calls_in_window"])
        or _is_raised(will["window_seconds"], was.get("window_seconds"))
    )
    return "failing calls pause it later" if is_laxer else None


def _is_raised(before: Any, after: Any) -> bool:
    """Whether a number is above what it was; where one of them is no number, whether anything was sent."""
    if after is None:
        return False
    numbers = [each for each in (before, after) if isinstance(each, int | float) and not isinstance(each, bool)]
    return len(numbers) < 2 or numbers[1] > numbers[0]
