"""One setting, one change or one state in words. Pure; every value may be odd, none may be long."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from asisso_mcp.api.models import KNOWN_PHASES, Campaign
from asisso_mcp.campaigns.models import Change, differences
from asisso_mcp.campaigns.schedule import Schedule, parse_slots
from asisso_mcp.campaigns.schedule_text import describe
from asisso_mcp.sanitize import plain_or_quoted, quoted, single_line

_SLOT_WORDS = 300
AMBIGUOUS = "off, or unset and on"
"""What `before` says of the switch of a breaker whose display is ambiguous."""


def describe_state(campaign: Campaign) -> str:
    """The campaign's state, as it follows "is"; an unknown one is quoted."""
    if campaign.phase == "draft":
        return "a draft"
    return campaign.phase if campaign.phase in KNOWN_PHASES else f"in state {quoted(campaign.state, 30)}"


def format_duration(seconds: Any) -> str:
    """Seconds as people say them: `90 s`, `5 min`, `1 h`."""
    if not isinstance(seconds, int) or isinstance(seconds, bool) or seconds < 120:
        return f"{format_plain(seconds)} s"
    if seconds % 3600 == 0:
        return f"{seconds // 3600} h"
    return f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds} s"


def format_age(age: timedelta) -> str:
    """How long ago, in the unit that people would choose, rounded down: `40 s`, `25 min`, `3 h`, `5 d`."""
    seconds = max(0, int(age.total_seconds()))
    for unit, length, most in (("s", 1, 120), ("min", 60, 120 * 60), ("h", 3600, 48 * 3600)):
        if seconds < most:
            return f"{seconds // length} {unit}"
    return f"{seconds // 86_400} d"


def format_moment(moment: datetime) -> str:
    """`2026-11-24 10:05 UTC`"""
    try:
        return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    except (ValueError, OverflowError):  # the first and the last day of the calendar
        return "at an unknown time"


def format_percent(fraction: Any) -> str:
    """A fraction as `40 %`."""
    if not isinstance(fraction, int | float) or isinstance(fraction, bool):
        return format_plain(fraction)
    return f"{fraction * 100:.4g} %"


def describe_retries(config: Mapping[str, Any] | None) -> str:
    """`up to 3 retries, 5 min apart, after busy, no answer and voicemail`"""
    if config is None:
        return "not shown by the API"
    causes = [
        words
        for leaf, words in (
            ("retry_on_busy", "busy"),
            ("retry_on_no_answer", "no answer"),
            ("retry_on_voicemail", "voicemail (which nothing is known to trigger)"),
        )
        if config.get(leaf) is True
    ]
    count = config.get("max_retries")
    after = f"after {_listed(causes)}" if causes else "after nothing (busy, no answer and voicemail are all off)"
    words = f"up to {format_plain(count)} {'retry' if count == 1 else 'retries'}, {format_duration(config.get('retry_delay_seconds'))} apart, {after}"
    return words if config.get("enabled") is True else f"off (kept: {words})"


def describe_concurrency(limit: Any) -> str:
    """`at most 3 calls at once`"""
    if limit is None:
        return "no limit of its own"
    return f"at most {format_plain(limit)} {'call' if limit == 1 else 'calls'} at once"


def describe_change(change: Change) -> str:
    """`retry_config.max_retries: 3 → 5`"""
    say = _value_for(change.field)
    before, after = say(change.before), say(change.after)
    other = " (the same hours, written as other slots)" if before == after else ""
    return f"{describe_field(change.field)}: {before} → {after}{other}"


def describe_discrepancy(change: Change) -> str:
    """`retry_config.max_retries: 3, not 5`: what is there, and what was meant (`before`)."""
    say = _value_for(change.field)
    return f"{describe_field(change.field)}: {say(change.after)}, not {say(change.before)}"


def describe_field(field: str) -> str:
    """`section.leaf`; a leaf that only the API knows may have any name."""
    section, dot, leaf = field.partition(".")
    return f"{section}{dot}{plain_or_quoted(leaf, 60)}" if dot else field


def _value_for(field: str) -> Callable[[Any], str]:
    leaf = field.rpartition(".")[2]
    if leaf == "name":
        return lambda value: quoted(value) if isinstance(value, str) else format_plain(value)
    if leaf == "enabled":
        return lambda value: (
            {True: "on", False: "off"}.get(value, format_plain(value))
            if isinstance(value, bool)
            else format_plain(value)
        )
    if leaf.endswith("_seconds"):
        return format_seconds
    if leaf == "failure_threshold":
        return lambda value: (
            f"{format_plain(value)} ({format_percent(value)})"
            if isinstance(value, int | float)
            else format_plain(value)
        )
    if leaf == "slots":
        return _slots
    return format_plain


def format_seconds(seconds: Any) -> str:
    """`300 s (5 min)`: the value as it is written, and as people say it."""
    words = format_duration(seconds)
    return words if words == f"{format_plain(seconds)} s" else f"{format_plain(seconds)} s ({words})"


def _slots(slots: Any) -> str:
    if not isinstance(slots, list) or not slots:
        return format_plain(slots)
    words = describe(Schedule(enabled=True, timezone="UTC", slots=parse_slots(slots))).removesuffix(" UTC")
    return single_line(words, _SLOT_WORDS)


def format_plain(value: Any) -> str:
    """Any stored value, on one line, cut."""
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | int | float):
        return value if value == AMBIGUOUS else plain_or_quoted(value, 60)
    return quoted(json.dumps(value, ensure_ascii=False), 60)


def _listed(words: list[str]) -> str:
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def describe_meanwhile(first: Campaign, now: Campaign) -> tuple[str, ...]:
    """What others did while a call waited before it could send."""
    if first is now:
        return ()
    changes = list(filter(None, [describe_changes(first, now)]))
    if first.phase != now.phase:
        changes.append(f"state: {describe_state(first)} → {describe_state(now)}")
    return (f"While this call waited, someone else changed: {'; '.join(changes)}.",) if changes else ()


def describe_changes(first: Campaign, now: Campaign) -> str:
    """The settings in which two readings differ; empty where they do not, or where one does not show them."""
    if not first.shown_settings <= now.shown_settings:
        return ""
    return "; ".join(describe_change(change) for change in differences(first.settings(), now.settings()))
