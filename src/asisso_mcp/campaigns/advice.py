"""Advice on a campaign's settings: what a careful colleague would mention. It refuses nothing. Pure.

Calling rules count the time at the called person's place, which nothing in a campaign tells: hours are looked at on the clock of the
campaign's own zone. The sources of the rules are in docs/safety.md.
"""

from collections.abc import Iterator
from typing import NamedTuple

from asisso_mcp.api.models import Campaign
from asisso_mcp.campaigns import breaker
from asisso_mcp.campaigns.dialing import parse_schedule
from asisso_mcp.campaigns.formatting import format_duration
from asisso_mcp.campaigns.ranges import describe_out_of_range
from asisso_mcp.campaigns.schedule import CLOCK, DAY_NAMES, Window, never_opens, restricting_zone, week_of

MOST = 3
"""Lines of advice in one answer."""

_SUNDAY = 6


class CallingRule(NamedTuple):
    """When people may be called: minutes since midnight, the end exclusive. `sunday`: None where nobody may be called."""

    words: str
    weekdays: Window
    saturday: Window
    sunday: Window | None

    def window(self, day: int) -> Window | None:
        """The window of a day; 0 is Monday."""
        return self.weekdays if day < 5 else self.sunday if day == _SUNDAY else self.saturday


def _until(start: str, end: str) -> Window:
    return CLOCK.index(start), CLOCK.index(end)


_EIGHT_TO_NINE = _until("08:00", "21:00")
_NINE_TO_NINE = _until("09:00", "21:00")

RULES = {
    "common": CallingRule("the widest common rule", _EIGHT_TO_NINE, _EIGHT_TO_NINE, None),
    "us": CallingRule("US, 47 CFR 64.1200(c)(1)", _EIGHT_TO_NINE, _EIGHT_TO_NINE, _EIGHT_TO_NINE),
    "in": CallingRule("India, TRAI", _NINE_TO_NINE, _NINE_TO_NINE, _NINE_TO_NINE),
    "au": CallingRule("Australia, ACMA", _until("09:00", "20:00"), _until("09:00", "17:00"), None),
    "ca": CallingRule("Canada, CRTC", _until("09:00", "21:30"), _until("10:00", "18:00"), _until("10:00", "18:00")),
}
"""Country → its rule for sales calls."""


def advise(campaign: Campaign, country: str) -> tuple[str, ...]:
    """At most three lines on the campaign as it is, or would be; the most serious first. `country`: a key of RULES, or "off"."""
    if country == "off":
        return ()
    beyond = describe_out_of_range(campaign.settings())
    found = [*_on_hours(campaign, RULES[country]), *_on_calls(campaign), *([beyond] if beyond else [])]
    return tuple(found[:MOST])


def _on_hours(campaign: Campaign, rule: CallingRule) -> Iterator[str]:
    schedule = parse_schedule(campaign)
    if schedule is None or restricting_zone(schedule) is None:
        yield "No calling hours are in force, so phones may ring at any hour, at night too."
        return
    if never_opens(schedule):
        yield "No slot of its calling hours can ever match, so it never dials."
    week = week_of(schedule.slots)
    outside = [
        (day, window, allowed)
        for day, windows in enumerate(week)
        if (allowed := rule.window(day)) is not None
        for window in windows
        if window[0] < allowed[0] or window[1] > allowed[1]
    ]
    if outside:
        day, window, allowed = outside[0]
        more = f" and {len(outside) - 1} more" if len(outside) > 1 else ""
        yield (
            f"Hours {DAY_NAMES[day]} {_clock(window)}{more} are not within {_clock(allowed)} ({rule.words}; the called person's "
            "time counts)."
        )
    if week[_SUNDAY] and rule.sunday is None:
        whose = "which some countries forbid" if rule is RULES["common"] else f"which is not allowed ({rule.words})"
        yield f"Calls may go out on Sunday, {whose}."


def _on_calls(campaign: Campaign) -> Iterator[str]:
    settings = campaign.settings()
    shown = campaign.circuit_breaker
    if shown is not None and shown.get("enabled") is not True and not breaker.is_ambiguous(settings):
        yield "The circuit breaker is shown as off; if it is, nothing pauses the campaign when its calls fail."
    yield from _on_retries(campaign)


def _on_retries(campaign: Campaign) -> Iterator[str]:
    """Retries wait for the next opening when they come due outside the hours (observed): here, even after the first call of a window."""
    config, schedule = campaign.retry_config or {}, parse_schedule(campaign)
    count, delay = config.get("max_retries"), config.get("retry_delay_seconds")
    if config.get("enabled") is not True or not isinstance(count, int) or not isinstance(delay, int):
        return
    if schedule is None or restricting_zone(schedule) is None:
        return
    longest = max((end - start for windows in week_of(schedule.slots) for start, end in windows), default=0)
    if longest and count * delay > longest * 60:
        yield (
            f"{count} retries, {format_duration(delay)} apart, take longer than its longest window "
            f"({format_duration(longest * 60)}): the last ones wait for the next."
        )


def _clock(window: Window) -> str:
    return "-".join(f"{at // 60:02d}:{at % 60:02d}" for at in window)
