"""Everything about the circuit breaker that the API's display leaves open. Pure.

A campaign without a stored breaker has one that is on, with the default numbers, and the API shows it as off (observed). One that was
switched off with the same numbers looks the same. Such a display is ambiguous, and is never resolved here: an edit says which it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from asisso_mcp.campaigns.formatting import AMBIGUOUS, format_duration, format_moment, format_percent, format_plain
from asisso_mcp.campaigns.log_entries import entry_moment, newest_first
from asisso_mcp.campaigns.models import CampaignSettings, Change, NotAllowed, json_equal

DEFAULTS: dict[str, Any] = {
    "enabled": True,
    "failure_threshold": 0.5,
    "window_seconds": 120,
    "min_calls_in_window": 5,
}
"""What a campaign without a stored breaker does (observed), although the API then shows `enabled: false`."""

_SWITCH_UNNAMED = (
    "Nothing was changed: the API shows the circuit breaker as off with its default numbers, and a breaker that was never set looks "
    "the same and is really on. Sending its numbers needs its switch, which would switch it one way or the other: name enabled: true "
    "in circuit_breaker (on from now on) or enabled: false (off from now on) in the same edit."
)
_NOW_SURELY_OFF = "The breaker is now surely off; before, it was off or had never been set and was on."
_UNDO_UNSURE = (
    "The undo sets the breaker on with the platform's default numbers: that is what an unset one does. Whether it was unset, or had been "
    "switched off, is not known."
)
_NOT_SHOWN = "The API shows this breaker the same as before, so the revision stays the same."


def is_ambiguous(settings: CampaignSettings) -> bool:
    """Whether the display cannot tell an unset breaker (on, with defaults) from one that was switched off."""
    shown = settings.get("circuit_breaker")
    return isinstance(shown, dict) and json_equal(shown, {**DEFAULTS, "enabled": False})


def ambiguous_changes(shown: Mapping[str, Any], named: Mapping[str, Any]) -> list[Change]:
    """What `named` changes of a breaker whose display is ambiguous. Raises NotAllowed when that depends on its switch."""
    numbers = [
        Change(f"circuit_breaker.{leaf}", shown.get(leaf), value)
        for leaf, value in named.items()
        if leaf != "enabled" and not json_equal(shown.get(leaf), value)
    ]
    if "enabled" in named:
        return [Change("circuit_breaker.enabled", AMBIGUOUS, named["enabled"]), *numbers]
    if numbers:
        raise NotAllowed(_SWITCH_UNNAMED)
    return []


def ambiguous_warnings(shown: Mapping[str, Any], section: Mapping[str, Any]) -> list[str]:
    """What a person should know when `section` is written over a breaker whose display was ambiguous."""
    warnings = [] if section["enabled"] else [_NOW_SURELY_OFF]
    warnings.append(_UNDO_UNSURE)
    return [*warnings, _NOT_SHOWN] if json_equal(shown, section) else warnings


TRIPPED = "circuit_breaker_tripped"
"""The event of a trip in the log."""
_BATCH_LASTS = timedelta(minutes=15)
"""How long after a trip the batch that was in flight may still write to the log."""
_EXPLAINS = timedelta(days=1)


@dataclass(frozen=True)
class Trip:
    """The breaker paused the campaign: the message in the log, when (None: unreadable), and whether the log shows that it ran since."""

    message: str
    at: datetime | None
    ran_since: bool

    def explains_pause(self, now: datetime) -> bool:
        """Whether a campaign that is paused was probably paused by it: it is recent. Manual pauses and resumes leave no entry."""
        return self.at is not None and not self.ran_since and now - self.at <= _EXPLAINS


def newest_trip(logs: list[Any] | None) -> Trip | None:
    """The last trip in a campaign's log."""
    later: list[datetime] = []
    for entry in newest_first(logs):
        moment = entry_moment(entry)
        if entry.get("event") == TRIPPED:
            ran_since = moment is not None and any(each - moment > _BATCH_LASTS for each in later)
            return Trip(str(entry.get("message", "")), moment, ran_since)
        if moment is not None:
            later.append(moment)
    return None


def describe_breaker(config: Mapping[str, Any] | None, logs: list[Any] | None = None) -> str:
    """`on: pauses the campaign when 40 % of at least 10 calls fail within 5 min`"""
    if config is None:
        return "not shown by the API"
    numbers = (
        f"{format_percent(config.get('failure_threshold'))} of at least {format_plain(config.get('min_calls_in_window'))} calls fail "
        f"within {format_duration(config.get('window_seconds'))}"
    )
    if config.get("enabled") is True:
        return f"on: pauses the campaign when {numbers}"
    if is_ambiguous({"circuit_breaker": config}):
        trip = newest_trip(logs)
        seen = f"; it was on when it tripped{f' ({format_moment(trip.at)})' if trip.at else ''}" if trip else ""
        return f"shown as off, but on if never set: pauses when {numbers}{seen}"
    return f"shown as off (kept: pauses when {numbers})"
