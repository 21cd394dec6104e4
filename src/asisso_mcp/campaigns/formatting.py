"""How one setting, one change or one state is said to a person. Pure; every value may be odd, none may be long."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from asisso_mcp.api.models import Campaign
from asisso_mcp.campaigns.dialing import KNOWN_PHASES, slots_of
from asisso_mcp.campaigns.edits import Change, is_ambiguous_breaker
from asisso_mcp.campaigns.schedule import Schedule, describe
from asisso_mcp.sanitize import quoted, single_line

_SLOT_WORDS = 300


def describe_state(campaign: Campaign) -> str:
    return campaign.phase if campaign.phase in KNOWN_PHASES else f"in state {quoted(campaign.state, 30)}"


def format_duration(seconds: Any) -> str:
    """Seconds as people say them: `90 s`, `5 min`, `1 h`."""
    if not isinstance(seconds, int) or isinstance(seconds, bool) or seconds < 120:
        return f"{_plain(seconds)} s"
    if seconds % 3600 == 0:
        return f"{seconds // 3600} h"
    return f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds} s"


def format_percent(fraction: Any) -> str:
    if not isinstance(fraction, int | float) or isinstance(fraction, bool):
        return _plain(fraction)
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
            ("retry_on_voicemail", "voicemail"),
        )
        if config.get(leaf) is True
    ]
    count = config.get("max_retries")
    after = f"after {_listed(causes)}" if causes else "after nothing (busy, no answer and voicemail are all off)"
    words = f"up to {_plain(count)} {'retry' if count == 1 else 'retries'}, {format_duration(config.get('retry_delay_seconds'))} apart, {after}"
    return words if config.get("enabled") is True else f"off (kept: {words})"


def describe_concurrency(limit: Any) -> str:
    if limit is None:
        return "up to the organisation's limit"
    return f"at most {_plain(limit)} {'call' if limit == 1 else 'calls'} at once"


def describe_breaker(config: Mapping[str, Any] | None) -> str:
    """`on: pauses the campaign when 40 % of at least 10 calls fail within 5 min`"""
    if config is None:
        return "not shown by the API"
    numbers = (
        f"{format_percent(config.get('failure_threshold'))} of at least {_plain(config.get('min_calls_in_window'))} calls fail "
        f"within {format_duration(config.get('window_seconds'))}"
    )
    if config.get("enabled") is True:
        return f"on: pauses the campaign when {numbers}"
    if is_ambiguous_breaker({"circuit_breaker": config}):
        return f"shown as off, but on if never set: pauses when {numbers}"
    return f"off (kept: pauses when {numbers})"


def describe_change(change: Change) -> str:
    """`retry_config.max_retries: 3 → 5`"""
    say = _value_for(change.field)
    before, after = say(change.before), say(change.after)
    other = " (the same hours, written as other slots)" if before == after else ""
    return f"{single_line(change.field, 60)}: {before} → {after}{other}"


def _value_for(field: str) -> Callable[[Any], str]:
    leaf = field.rpartition(".")[2]
    if leaf == "name":
        return lambda value: quoted(value) if isinstance(value, str) else _plain(value)
    if leaf == "enabled":
        return lambda value: (
            {True: "on", False: "off"}.get(value, _plain(value)) if isinstance(value, bool) else _plain(value)
        )
    if leaf.endswith("_seconds"):
        return format_seconds
    if leaf == "failure_threshold":
        return lambda value: (
            f"{_plain(value)} ({format_percent(value)})" if isinstance(value, int | float) else _plain(value)
        )
    if leaf == "slots":
        return _slots
    return _plain


def format_seconds(seconds: Any) -> str:
    """`300 s (5 min)`: the value as it is written, and as people say it."""
    words = format_duration(seconds)
    return words if words == f"{_plain(seconds)} s" else f"{_plain(seconds)} s ({words})"


def _slots(slots: Any) -> str:
    if not isinstance(slots, list) or not slots:
        return _plain(slots)
    words = describe(Schedule(enabled=True, timezone="UTC", slots=slots_of(slots))).removesuffix(" UTC")
    return single_line(words, _SLOT_WORDS)


def _plain(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | int):
        return single_line(value, 60)
    return single_line(json.dumps(value, ensure_ascii=False), 60)


def _listed(words: list[str]) -> str:
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)
