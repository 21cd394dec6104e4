"""Whether a campaign is dialing, and why not: from its state, hours, breaker, log and counts. Pure.

The API's `running` only means that nobody paused it: outside its calling hours a running campaign waits, and nothing in the
answer says so (observed).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asisso_mcp.api.models import Campaign
from asisso_mcp.campaigns.schedule import Schedule, is_open, never_opens, parse_slots
from asisso_mcp.campaigns.schedule_text import describe_next_change
from asisso_mcp.sanitize import quoted, redact

_TRIPPED = "circuit_breaker_tripped"


@dataclass(frozen=True)
class DialingStatus:
    """Whether calls go out at the moment asked about (None: cannot be said), and why, in one or two sentences."""

    dialing: bool | None
    words: str
    only_state: bool = False
    """Whether the words say no more than the campaign's state does."""


def parse_schedule(campaign: Campaign) -> Schedule | None:
    """The calling hours of a campaign, read leniently: what is not a slot does not count."""
    stored = campaign.schedule_config
    if stored is None:
        return None
    return Schedule(
        enabled=stored.get("enabled") is True,
        timezone=str(stored.get("timezone", "UTC")),
        slots=parse_slots(stored.get("slots")),
    )


def dialing_status(campaign: Campaign, at: datetime) -> DialingStatus:
    """Whether `campaign` is dialing at `at` (aware), and if not, what it waits for."""
    match campaign.phase:
        case "draft":
            return DialingStatus(False, "Not dialing: a draft that was never started.")
        case "syncing":
            return DialingStatus(False, "Not dialing yet: its contacts are being imported, then it starts by itself.")
        case "running":
            return _running(campaign, at)
        case "paused":
            trip = last_trip(campaign)
            if trip is None:
                return DialingStatus(False, "Not dialing: paused.", only_state=True)
            return DialingStatus(
                False, f"Not dialing: paused, probably by the circuit breaker ({quoted(redact(trip), 160)})."
            )
        case "completed":
            return DialingStatus(False, "Not dialing: completed, which is final.")
        case "failed":
            reason = _last_error(campaign)
            told = f" Last error: {quoted(redact(reason), 160)}." if reason else ""
            return DialingStatus(False, f"Not dialing: failed, which is final.{told}")
        case other:
            return DialingStatus(
                None, f"Its state {quoted(other, 30)} is unknown to this server: whether it dials cannot be said."
            )


def last_trip(campaign: Campaign) -> str | None:
    """The message of the breaker's trip, when that is the newest thing the log tells. Manual pauses leave no entry."""
    entry = _last_entry(campaign)
    return str(entry.get("message", "")) if entry and entry.get("event") == _TRIPPED else None


def _running(campaign: Campaign, at: datetime) -> DialingStatus:
    schedule = parse_schedule(campaign)
    opening = describe_next_change(schedule, at)
    if never_opens(schedule):
        return DialingStatus(False, f"Not dialing although running; calling hours: {opening}.")
    done, queued = campaign.executed_count, campaign.total_queued_count
    if queued == 0:
        return DialingStatus(
            False, "Running, but no call is queued, so nothing is dialed: its contacts may not have been imported."
        )
    if done is not None and queued is not None and 0 < queued <= done:
        return DialingStatus(
            False, "Running, but every queued call was made; it completes by itself within about an hour."
        )
    if not is_open(schedule, at):
        return DialingStatus(False, f"Not dialing now although running; calling hours: {opening}.")
    return DialingStatus(True, f"Dialing now; calling hours: {opening}.")


def _last_entry(campaign: Campaign) -> dict[str, Any] | None:
    """The newest entry; the log is oldest first (observed)."""
    return next((entry for entry in reversed(campaign.logs or []) if isinstance(entry, dict)), None)


def _last_error(campaign: Campaign) -> str | None:
    entry = _last_entry(campaign)
    return str(entry.get("message", "")) if entry and entry.get("level") == "error" else None
