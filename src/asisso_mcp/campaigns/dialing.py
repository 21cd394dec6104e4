"""Whether a campaign is dialing, and why not: from its newest call, state, hours, breaker, log and counts. Pure.

The API's `running` only means that nobody paused it: outside its calling hours a running campaign waits, and within them it may
have nothing to dial, or no number to dial from. Nothing in its answer says so (observed); the newest call does.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from asisso_mcp.api.models import Campaign, LastCall
from asisso_mcp.campaigns.breaker import newest_trip
from asisso_mcp.campaigns.formatting import format_age, format_duration
from asisso_mcp.campaigns.log_entries import entry_moment, newest_entry
from asisso_mcp.campaigns.schedule import Schedule, is_open, never_opens, parse_slots
from asisso_mcp.campaigns.schedule_text import describe_next_change
from asisso_mcp.sanitize import quoted, redact

CALL_MAY_LAST = timedelta(minutes=15)
"""How long ago an unfinished call may have begun to be evidence of dialing."""
CALLS_FOLLOW = timedelta(minutes=2)
"""How long ago a call that has ended may have begun to be evidence of dialing."""
CLOCKS_DIFFER = timedelta(minutes=2)
"""How far ahead of ours the API's clock may be; a call that began later than that is evidence of nothing."""
_BATCH_IN_FLIGHT = "Right after a pause, up to ten claimed contacts may still be called."
_AFTER_CLOSING = "Right after they close, up to ten claimed contacts may still be called."
_BATCH_WAITS = timedelta(minutes=10)
"""How long a contact that was claimed within the hours may wait to be called (read in the platform's code)."""
_JUST_OPENED = timedelta(minutes=2)
_LOG_EXPLAINS = timedelta(hours=1)


@dataclass(frozen=True)
class DialingStatus:
    """Whether calls go out at the moment asked about (None: not known), and why, in one or two sentences."""

    dialing: bool | None
    words: str


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


def may_dial(campaign: Campaign, at: datetime) -> bool:
    """Whether it is running within its hours, so that its newest call tells whether it dials."""
    return campaign.phase == "running" and is_open(parse_schedule(campaign), at)


def dialing_status(campaign: Campaign, at: datetime, last_call: LastCall | None = None) -> DialingStatus:
    """Whether `campaign` is dialing at `at` (aware), and if not, what it waits for. `last_call`: None when it was not looked up."""
    match campaign.phase:
        case "draft" if campaign.parent_campaign_id is not None:
            return DialingStatus(
                False, "Not dialing: a redial that was never started; its contacts are queued already."
            )
        case "draft":
            return DialingStatus(False, "Not dialing: it was never started.")
        case "syncing":
            return DialingStatus(False, "Not dialing yet: its contacts are being imported, then it starts by itself.")
        case "running":
            return _running(campaign, at, last_call)
        case "paused":
            return DialingStatus(False, f"{_why_paused(campaign, at)} {_BATCH_IN_FLIGHT}")
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


def _why_paused(campaign: Campaign, at: datetime) -> str:
    trip = newest_trip(campaign.logs)
    if trip is None:
        return "Not dialing."
    when = f"{format_age(at - trip.at)} ago" if trip.at else "at an unknown time"
    if trip.explains_pause(at):
        return f"Not dialing: paused, probably by the circuit breaker ({quoted(redact(trip.message), 160)})."
    return f"Not dialing. The circuit breaker tripped {when}; whether that is why it is paused is not known."


def _running(campaign: Campaign, at: datetime, last_call: LastCall | None) -> DialingStatus:
    schedule = parse_schedule(campaign)
    hours = describe_next_change(schedule, at)
    if never_opens(schedule):
        return DialingStatus(False, f"Not dialing although running; calling hours: {hours}.")
    if not is_open(schedule, at):
        late = f" {_AFTER_CLOSING}" if is_open(schedule, at - _BATCH_WAITS) else ""
        return DialingStatus(False, f"Not dialing now although running; calling hours: {hours}.{late}")
    age = at - last_call.created_at if last_call and last_call.created_at else None
    if age is not None and age < -CLOCKS_DIFFER:
        last_call = age = None
    if last_call and age is not None and age <= (CALLS_FOLLOW if last_call.is_completed else CALL_MAY_LAST):
        return DialingStatus(True, f"Dialing: the last call began {format_age(age)} ago; calling hours: {hours}.")
    if campaign.total_queued_count == 0:
        return DialingStatus(False, "No call is queued, so nothing is dialed: its contacts may not have been imported.")
    if last_call is None:
        return DialingStatus(None, f"Calling hours: {hours}. Whether calls go out was not seen.")
    seen = "no call was ever made" if age is None else f"no call began for {format_age(age)}"
    if nothing_is_left(campaign):
        return DialingStatus(
            None,
            f"Every queued call was made, and {seen}; it completes by itself about an hour after its last call.",
        )
    reasons = "; ".join(_possible_reasons(campaign, schedule, at))
    return DialingStatus(None, f"Its hours are open, but {seen}. Possible: {reasons}. Calling hours: {hours}.")


def nothing_is_left(campaign: Campaign) -> bool:
    """Whether every queued call was made. False does not mean that something is left: failed contacts are counted as queued."""
    done, queued = campaign.executed_count, campaign.total_queued_count
    return done is not None and queued is not None and 0 < queued <= done


def _possible_reasons(campaign: Campaign, schedule: Schedule | None, at: datetime) -> list[str]:
    """Why a campaign that may dial does not, as far as its facts leave it open."""
    reasons = []
    if not is_open(schedule, at - _JUST_OPENED):
        reasons.append("its hours opened a moment ago")
    entry = newest_entry(campaign.logs)
    moment = entry_moment(entry) if entry else None
    if entry and moment and at - moment <= _LOG_EXPLAINS and entry.get("level") in ("warning", "error"):
        reasons.append(f"its log says {quoted(redact(entry.get('message', '')), 120)}")
    retries = campaign.retry_config or {}
    if retries.get("enabled") is True and retries.get("max_retries"):
        apart = format_duration(retries.get("retry_delay_seconds"))
        reasons.append(f"what is queued waits for a retry ({apart} apart) or has failed")
    else:
        reasons.append("what is queued has failed")
    reasons.append("no number is free (all campaigns of the organisation share them)")
    return reasons


def _last_error(campaign: Campaign) -> str | None:
    entry = newest_entry(campaign.logs)
    return str(entry.get("message", "")) if entry and entry.get("level") == "error" else None
