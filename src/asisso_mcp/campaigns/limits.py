"""The limits on settings: what of an edit, and of a campaign that would be resumed, is beyond them. Pure.

An edit is judged by the leaves that it names, a resume by everything that it would let run.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from asisso_mcp.api.models import Campaign
from asisso_mcp.campaigns import breaker
from asisso_mcp.campaigns.dialing import parse_schedule
from asisso_mcp.campaigns.schedule import DAY_NAMES, Window, parse_slots, restricting_zone, week_of
from asisso_mcp.sanitize import safe_json, single_line


class Edit(NamedTuple):
    """The campaign before and after an edit (before: None when it could not be read), and the leaves that the edit names."""

    before: Campaign | None
    after: Campaign
    asked: frozenset[str]


class Rule(NamedTuple):
    """One limit on settings. Both judges get the bound first, and return what is beyond it, or None.

    words: of the limit, with a place for the bound.
    """

    setting: str
    words: str
    of_edit: Callable[[Any, Edit], str | None]
    of_campaign: Callable[[Any, Campaign], str | None]


def _concurrency_of_edit(bound: int, edit: Edit) -> str | None:
    if "max_concurrency" in edit.asked and not _is_at_most(bound, edit.after.max_concurrency):
        return f"max_concurrency may be at most {bound}"
    return None


def _concurrency(bound: int, campaign: Campaign) -> str | None:
    stored = campaign.max_concurrency
    if stored is not None and 1 <= stored <= bound:  # whether 0, which may be stored, caps anything is not known
        return None
    found = "is not set, so what caps its calls is not known" if stored is None else f"is {stored}"
    return f"max_concurrency {found}: set it to at most {bound} with `update_campaign` first"


def _retries_of_edit(bound: int, edit: Edit) -> str | None:
    config = edit.after.retry_config or {}
    is_switched_on = "retry_config.enabled" in edit.asked and config.get("enabled") is True
    if is_switched_on or "retry_config.max_retries" in edit.asked:
        found = config.get("max_retries")
        if not _is_at_most(bound, found):
            return f"retry_config.max_retries may be at most {bound}, and would be {_stored(found)}"
    return None


def _retries(bound: int, campaign: Campaign) -> str | None:
    config = campaign.retry_config
    if config is not None and (config.get("enabled") is False or _is_at_most(bound, config.get("max_retries"))):
        return None
    found = "not shown" if config is None else _stored(config.get("max_retries"))
    return f"retry_config.max_retries is {found}: set it to at most {bound} with `update_campaign` first"


def _hours_of_edit(bound: Window, edit: Edit) -> str | None:
    asked = {path.partition(".")[2] for path in edit.asked if path.startswith("schedule_config.")}
    schedule = parse_schedule(edit.after)
    if not asked or schedule is None:
        return None
    if "enabled" in asked and not schedule.enabled:
        return f"calling hours must stay on, within {describe_bound(bound)}"
    former = parse_schedule(edit.before) if edit.before else None
    if former and restricting_zone(former) and former.timezone != schedule.timezone:
        # Another zone moves the hours and what bounds them: step by step they could be moved to any hour.
        return (
            f"calling hours in force keep their zone ({former.timezone}): another one would move them on the clock "
            f"by which they must lie within {describe_bound(bound)}"
        )
    return _outside(bound, edit.after)


def _hours(bound: Window, campaign: Campaign) -> str | None:
    schedule = parse_schedule(campaign)
    if schedule is None or restricting_zone(schedule) is None:
        return f"no calling hours are in force: set them within {describe_bound(bound)} with `update_campaign` first"
    outside = _outside(bound, campaign)
    return f"{outside}: change them with `update_campaign` first" if outside else None


def _outside(bound: Window, campaign: Campaign) -> str | None:
    """The first of the campaign's windows that is not within the bound, whether its hours are on or not."""
    config = campaign.schedule_config or {}
    stored = config.get("slots") or []
    if any(not parse_slots([slot]) for slot in stored):
        return f"a calling slot cannot be read, so whether it is within {describe_bound(bound)} is not known"
    for day, windows in zip(DAY_NAMES, week_of(parse_slots(stored)), strict=True):
        for window in windows:
            if not bound[0] <= window[0] < window[1] <= bound[1]:
                zone = _stored(config.get("timezone", "UTC"))
                return (
                    f"calling hours {day} {describe_bound(window)} (zone {zone}) are not within {describe_bound(bound)}"
                )
    return None


def _breaker_of_edit(_: bool, edit: Edit) -> str | None:
    is_asked = any(path.startswith("circuit_breaker.") for path in edit.asked)
    if not is_asked or (edit.after.circuit_breaker or {}).get("enabled") is True:
        return None
    return "the circuit breaker must stay on: name enabled: true in circuit_breaker in the same edit"


def _breaker(_: bool, campaign: Campaign) -> str | None:
    if (campaign.circuit_breaker or {}).get("enabled") is True:
        return None
    ambiguous = breaker.is_ambiguous(campaign.settings())
    found = "shown as off, and whether it was never set and is on is not known" if ambiguous else "not shown as on"
    return f"the circuit breaker is {found}: set circuit_breaker.enabled to true with `update_campaign` first"


def _is_at_most(bound: int, value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value <= bound


def _stored(value: Any) -> str:
    """A stored value, which may be anything, text in quotation marks."""
    return single_line(safe_json(value), 40)


def describe_bound(bound: Any) -> str:
    """A bound as people read it; hours as 08:00-21:00."""
    return "-".join(f"{at // 60:02d}:{at % 60:02d}" for at in bound) if isinstance(bound, tuple) else str(bound)


RULES = (
    Rule("ASISSO_MAX_CONCURRENCY", "at most {} calls at once", _concurrency_of_edit, _concurrency),
    Rule("ASISSO_MAX_RETRIES", "at most {} retries", _retries_of_edit, _retries),
    Rule("ASISSO_CALLING_HOURS", "calling hours within {} in the campaign's zone", _hours_of_edit, _hours),
    Rule("ASISSO_REQUIRE_BREAKER", "the circuit breaker stays on", _breaker_of_edit, _breaker),
)
