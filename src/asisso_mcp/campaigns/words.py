"""How one setting, one change or one state is said to a person. Pure; every value may be odd, none may be long."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from asisso_mcp.api.models import Campaign
from asisso_mcp.api.untrusted import one_line, quoted
from asisso_mcp.campaigns.edits import Change, breaker_is_unsure
from asisso_mcp.campaigns.hours import Schedule, in_words
from asisso_mcp.campaigns.status import KNOWN_PHASES, slots_of

_SLOT_WORDS = 300


def state_in_words(campaign: Campaign) -> str:
    return campaign.phase if campaign.phase in KNOWN_PHASES else f"in state {quoted(campaign.state, 30)}"


def duration(seconds: Any) -> str:
    """Seconds as people say them: `90 s`, `5 min`, `1 h`."""
    if not isinstance(seconds, int) or isinstance(seconds, bool) or seconds < 120:
        return f"{_plain(seconds)} s"
    if seconds % 3600 == 0:
        return f"{seconds // 3600} h"
    return f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds} s"


def percent(fraction: Any) -> str:
    if not isinstance(fraction, int | float) or isinstance(fraction, bool):
        return _plain(fraction)
    return f"{fraction * 100:.4g} %"


def retries(config: Mapping[str, Any] | None) -> str:
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
    words = f"up to {_plain(count)} {'retry' if count == 1 else 'retries'}, {duration(config.get('retry_delay_seconds'))} apart, {after}"
    return words if config.get("enabled") is True else f"off (kept: {words})"


def concurrency(limit: Any) -> str:
    if limit is None:
        return "up to the organisation's limit"
    return f"at most {_plain(limit)} {'call' if limit == 1 else 'calls'} at once"


def breaker(config: Mapping[str, Any] | None) -> str:
    """`on: pauses the campaign when 40 % of at least 10 calls fail within 5 min`"""
    if config is None:
        return "not shown by the API"
    numbers = (
        f"{percent(config.get('failure_threshold'))} of at least {_plain(config.get('min_calls_in_window'))} calls fail "
        f"within {duration(config.get('window_seconds'))}"
    )
    if config.get("enabled") is True:
        return f"on: pauses the campaign when {numbers}"
    if breaker_is_unsure({"circuit_breaker": config}):
        return f"shown as off, but on if never set: pauses when {numbers}"
    return f"off (kept: pauses when {numbers})"


def change_in_words(change: Change) -> str:
    """`retry_config.max_retries: 3 → 5`"""
    say = _value_for(change.field)
    before, after = say(change.before), say(change.after)
    other = " (the same hours, written as other slots)" if before == after else ""
    return f"{one_line(change.field, 60)}: {before} → {after}{other}"


def _value_for(field: str) -> Callable[[Any], str]:
    leaf = field.rpartition(".")[2]
    if leaf == "name":
        return lambda value: quoted(value) if isinstance(value, str) else _plain(value)
    if leaf == "enabled":
        return lambda value: (
            {True: "on", False: "off"}.get(value, _plain(value)) if isinstance(value, bool) else _plain(value)
        )
    if leaf.endswith("_seconds"):
        return duration_exact
    if leaf == "failure_threshold":
        return lambda value: f"{_plain(value)} ({percent(value)})" if isinstance(value, int | float) else _plain(value)
    if leaf == "slots":
        return _slots
    return _plain


def duration_exact(seconds: Any) -> str:
    """`300 s (5 min)`: the value as it is written, and as people say it."""
    words = duration(seconds)
    return words if words == f"{_plain(seconds)} s" else f"{_plain(seconds)} s ({words})"


def _slots(slots: Any) -> str:
    if not isinstance(slots, list) or not slots:
        return _plain(slots)
    words = in_words(Schedule(enabled=True, timezone="UTC", slots=slots_of(slots))).removesuffix(" UTC")
    return one_line(words, _SLOT_WORDS)


def _plain(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | int):
        return one_line(value, 60)
    return one_line(json.dumps(value, ensure_ascii=False), 60)


def _listed(words: list[str]) -> str:
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)
