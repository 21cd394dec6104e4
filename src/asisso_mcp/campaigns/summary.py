"""The text of an answer: outcome first, then facts, what they mean, and the way back. Pure.

Names, log texts and lists are bounded here; the whole text is cut where results leave (tools/registry).
"""

import re
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from asisso_mcp.api.models import FINAL, KNOWN_PHASES, Campaign
from asisso_mcp.campaigns import formatting
from asisso_mcp.campaigns.breaker import describe_breaker, newest_trip
from asisso_mcp.campaigns.dialing import DialingStatus, dialing_status, nothing_is_left, parse_schedule
from asisso_mcp.campaigns.models import Change, Discrepancies, EditResult, StateChange
from asisso_mcp.campaigns.ranges import describe_out_of_range
from asisso_mcp.campaigns.revisions import revision
from asisso_mcp.campaigns.schedule import Schedule
from asisso_mcp.campaigns.schedule_text import describe, describe_next_change, describe_openness, describe_overnight
from asisso_mcp.campaigns.timezones import zone_warning
from asisso_mcp.campaigns.truncation import LIMIT, estimate_tokens
from asisso_mcp.sanitize import plain_or_quoted, quoted, redact, safe_json

_LOG_LENGTH = 140
_LOG_TOTAL = 900
_KIND_LENGTH = 500
_LIST_TOTAL = LIMIT - 60
_NAME_IN_LIST = 44
_UNDO_ELSEWHERE = (
    "Undo: `update_campaign` with the arguments in `undo` of the structured result; they are too long to repeat here"
)
ENDS_NOW = (
    "Every queued call was made, so it will complete for good: within a minute if its last call was over an hour ago, else an hour "
    "after it."
)
ENDS_WHEN_RESUMED = "Every queued call was made: when resumed, it completes for good, within a minute if its last call was over an hour ago."
MAY_END_NOW = "No call is queued, so it may complete for good within a minute."
MAY_END_WHEN_RESUMED = "No call is queued: when resumed, it may complete for good within a minute."
_LOOK_AGAIN = "Look with `get_campaign` in a minute."
_CHANGES_SHOWN = 15  # as many leaves as there are: the text misses none
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)", re.ASCII)
_COUNTABLE = 10**12
"""Stored counts may be anything; what is larger was not counted, and would only cost a reader."""


def campaign_text(
    campaign: Campaign, now: DialingStatus, known_revision: str, *, log_entries: int = 5, may_write: bool = True
) -> str:
    """One campaign: is it dialing, its settings as sentences, progress, newest log entries."""
    settings, schedule = campaign.settings(), parse_schedule(campaign)
    lines = [
        f"Campaign {campaign.id} {quoted(campaign.name)} is {formatting.describe_state(campaign)}. {now.words}",
        f"Calling hours: {'any hour (none set)' if schedule is None else describe(schedule)}.",
        describe_overnight(schedule) or "" if schedule else "",
        *_zone_note(schedule),
        f"Retries: {formatting.describe_retries(settings['retry_config'])}.",
        f"Concurrency: {formatting.describe_concurrency(settings['max_concurrency'])}.",
        f"Circuit breaker: {describe_breaker(settings['circuit_breaker'], campaign.logs)}.",
        f"Progress: {_progress(campaign)}",
        _origins(campaign),
        describe_out_of_range(settings) or "",
        *_log(campaign.logs, log_entries),
        *_api_warnings(campaign),
        f"Revision {known_revision}. {_next_step(campaign) if may_write else ''}".rstrip(),
    ]
    return "\n".join(line for line in lines if line)


def list_text(shown: Sequence[Campaign], matching: int, total: int, at: datetime) -> str:
    """A line for each campaign in `shown`, with its hours at `at`; `matching` of `total` fit the filter."""
    which = (
        f"{total} campaign{'' if total == 1 else 's'}"
        if matching == total
        else f"{matching} of {total} campaigns match"
    )
    if not shown:
        return (
            "There are no campaigns that this server may touch."
            if total == 0
            else f"No campaign matches ({total} in all). Try another query or state."
        )
    lines = [f"{which}, newest first:"]
    used = 0
    for campaign in shown:
        line = _list_line(campaign, at)
        used += estimate_tokens(line) + 1
        if used > _LIST_TOTAL:
            break
        lines.append(line)
    if len(lines) - 1 < matching:
        lines.append(
            f"{matching - len(lines) + 1} more are not shown: narrow with `query` or `state`"
            + (", or ask with a larger `limit`." if len(lines) - 1 == len(shown) < 100 else ".")
        )
    return "\n".join(lines)


def edited_text(edited: EditResult, at: datetime) -> str:
    """What an edit did, or would do."""
    campaign, plan = edited.campaign, edited.plan
    who = f"Campaign {campaign.id} {quoted(campaign.name)}"
    if not plan.body:
        lines = [f"{who} already has these settings{'' if edited.around else ', so nothing was changed'}."]
    elif edited.preview:
        lines = [f"Preview: {who} would change as follows; nothing was sent.", *_changes(plan.changes)]
    elif edited.applied:
        lines = [f"Done: {who} was changed.", *_changes(plan.changes)]
    else:
        lines = [
            f"{'Partly applied' if plan.changes else 'Not applied'}: {who} was written, and does not show all of the edit. Someone "
            "else may have written at the same moment. Not in place:",
            *(f"- {formatting.describe_discrepancy(change)}" for change in edited.comparison.missing[:_CHANGES_SHOWN]),
            *(["In place:", *_changes(plan.changes)] if plan.changes else []),
        ]
    lines += [edited.around] if edited.around else []
    lines += [*_foreign(edited.comparison), *(f"Note: {note}" for note in (*edited.notes, *plan.warnings))]
    lines += _api_warnings(campaign)
    lines += [edited.cap] if edited.cap else []
    lines.append(_dialing_after_edit(edited, at))
    lines.append(f"Revision {revision(campaign.settings())}.{_after_edit(edited)}")
    if plan.body and not edited.preview and (arguments := plan.undo_arguments(campaign.id)):
        undo = _undo("update_campaign", arguments)
        lines.append(undo if estimate_tokens(undo) < LIMIT * 3 // 5 else _UNDO_ELSEWHERE)
    return "\n".join(lines)


def _dialing_after_edit(edited: EditResult, at: datetime) -> str:
    resumed = edited.resumed
    if resumed is None or edited.campaign.phase != "running":
        return dialing_status(edited.campaign, at).words
    return _seen_after_resume(resumed, dialing_status(edited.campaign, at, resumed.last_call), at)


def paused_text(switched: StateChange, at: datetime, *, may_resume: bool = True) -> str:
    """What a pause did. may_resume: whether this server offers the way back."""
    campaign = switched.campaign
    who = f"Campaign {campaign.id} {quoted(campaign.name)}"
    way_back = " To let it dial: `resume_campaign`." if may_resume else ""
    if switched.before is campaign:
        first = f"{who} is already paused, so nothing was changed. {dialing_status(campaign, at).words}{way_back}"
        return "\n".join([first, *(f"Note: {note}" for note in switched.notes)])
    if campaign.phase != "paused":
        lines = [
            f"Not paused: {who} is {formatting.describe_state(campaign)} after the request. {dialing_status(campaign, at).words}"
        ]
        return "\n".join([*lines, *(f"Note: {note}" for note in switched.notes), "Call `pause_campaign` again."])
    if not switched.applied:
        whose = "not by this request" if switched.before else "whether by this request is not known"
        lines = [f"{who} is paused, {whose}. {dialing_status(campaign, at).words}{way_back}"]
        return "\n".join([*lines, *(f"Note: {note}" for note in switched.notes)])
    lines = [
        f"Done: {who} is paused{_formerly(switched)}.",
        "What follows: no new batch is started. Calls in progress end normally, and up to about ten contacts that were already "
        "claimed may still be dialed.",
        *(f"Note: {note}" for note in switched.notes),
        "Its settings can be changed now with `update_campaign`.",
        *_end(campaign, ENDS_WHEN_RESUMED, MAY_END_WHEN_RESUMED),
        *([_undo("resume_campaign", {"campaign_id": campaign.id})] if may_resume else []),
    ]
    return "\n".join(lines)


def resumed_text(switched: StateChange, at: datetime) -> str:
    """What a resume did."""
    campaign = switched.campaign
    who = f"Campaign {campaign.id} {quoted(campaign.name)}"
    now = dialing_status(campaign, at, switched.last_call)
    notes = [f"Note: {note}" for note in switched.notes]
    counted = switched.before if campaign.total_queued_count is None and switched.before else campaign
    if not switched.applied and campaign.phase in ("running", "syncing"):
        unchanged = switched.before is campaign
        already, sent = ("already", "so nothing was changed") if unchanged else ("now", "not by this request")
        lines = [
            f"{who} is {already} {formatting.describe_state(campaign)}, {sent}. {now.words} To stop it: `pause_campaign`."
        ]
        return "\n".join([*lines, *notes])
    if campaign.phase != "running":
        state = formatting.describe_state(campaign)
        if switched.seen_after is None:
            return "\n".join([f"Not running: {who} is {state} after the request. {now.words}", *notes])
        return "\n".join(
            [
                f"It did not stay so: {who} was resumed, and {switched.seen_after:g} s later it is {state}. {now.words}",
                *notes,
            ]
        )
    lines = [
        f"Done: {who} is running again{_formerly(switched)}.",
        _seen_after_resume(switched, now, at),
        *([switched.cap] if switched.cap else []),
        *(f"Note: {words}" for words in _end(counted, ENDS_NOW, MAY_END_NOW)),
        *notes,
        _undo("pause_campaign", {"campaign_id": campaign.id}),
    ]
    return "\n".join(lines)


def _seen_after_resume(switched: StateChange, now: DialingStatus, at: datetime) -> str:
    """What was seen some seconds later, and where to look for what follows: the platform takes up to a minute."""
    if switched.seen_after is None:
        return f"It could not be looked at again since. {now.words} {_LOOK_AGAIN}"
    seen, last_call = f"Seen {switched.seen_after:g} s later:", switched.last_call
    if last_call is None or now.dialing is False:
        return f"{seen} {now.words} {_LOOK_AGAIN}"
    began = last_call.created_at
    if began is not None and switched.sent_at is not None and began >= switched.sent_at:
        return f"{seen} {now.words}"
    earlier = f" (the last one began {formatting.format_age(at - began)} ago, before the resume)" if began else ""
    hours = describe_next_change(parse_schedule(switched.campaign), at)
    return f"{seen} running, and no new call yet{earlier}; calling hours: {hours}. {_LOOK_AGAIN}"


def _formerly(switched: StateChange) -> str:
    return f"; it was {formatting.describe_state(switched.before)}" if switched.before else ""


def _zone_note(schedule: Schedule | None) -> list[str]:
    note = zone_warning(schedule.timezone) if schedule else None
    return [f"Note: {note}"] if note else []


def _list_line(campaign: Campaign, at: datetime) -> str:
    done, queued = campaign.executed_count, campaign.total_queued_count
    progress = f", {_count(done)} of {_count(queued)} queued calls made" if done is not None and queued else ""
    state = campaign.phase if campaign.phase in KNOWN_PHASES else formatting.describe_state(campaign)
    return f"- {campaign.id} {quoted(campaign.name, _NAME_IN_LIST)}: {state}{_list_detail(campaign, at)}{progress}"


def _list_detail(campaign: Campaign, at: datetime) -> str:
    """What the state alone does not tell, in a few words."""
    match campaign.phase:
        case "running":
            return f" ({describe_openness(parse_schedule(campaign), at)})"
        case "syncing":
            return " (starts by itself when its contacts are imported)"
        case "paused" if (trip := newest_trip(campaign.logs)) and trip.explains_pause(at):
            return " (probably by the circuit breaker)"
    return ""


def _progress(campaign: Campaign) -> str:
    done, queued = campaign.executed_count, campaign.total_queued_count
    rows, failed = campaign.total_rows, campaign.failed_rows
    parts = []
    if done == queued == 0:
        parts += ["no calls queued yet"] if rows is not None else []
    elif done is not None and queued is not None:
        share = f"{done / queued:.0%}; " if 0 < queued < _COUNTABLE and abs(done) < _COUNTABLE else ""
        parts.append(
            f"{_count(done)} of {_count(queued)} queued calls made ({share}retries and failures are queued too)"
        )
    if rows is not None:
        parts.append(f"{_count(rows)} contact{'' if rows == 1 else 's'} imported")
    elif campaign.parent_campaign_id is None:
        parts.append("contacts not imported yet")
    if failed:
        parts.append(f"{_count(failed)} contact{'' if failed == 1 else 's'} not reached by the last retry")
    return f"{'; '.join(parts) or 'not shown by the API'}."


def _count(number: int) -> str:
    return str(number) if abs(number) < _COUNTABLE else "an impossible number"


def _origins(campaign: Campaign) -> str:
    parts = []
    if campaign.workflow_name:
        parts.append(f"workflow {quoted(campaign.workflow_name, 60)}")
    if campaign.telephony_configuration_name:
        parts.append(f"telephony {quoted(campaign.telephony_configuration_name, 60)}")
    for verb, moment in (
        ("created", campaign.created_at),
        ("started", campaign.started_at),
        ("completed", campaign.completed_at),
    ):
        if moment is not None:
            parts.append(f"{verb} {formatting.format_moment(moment)}")
    text = ", ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _log(logs: list[Any] | None, wanted: int) -> list[str]:
    """The newest entries, newest first, within a total length; repeats share a line. The API sends the oldest first (observed)."""
    entries = logs or []
    lines: list[str] = []
    told = used = 0
    for _, alike in groupby(entries[: -wanted - 1 : -1] if wanted else [], key=_kind):
        same = list(alike)
        line = _log_line(same[0])
        if len(same) > 1:
            line += f" (and {len(same) - 1} alike since {_log_moment(same[-1])})"
        used += len(line.encode())
        if lines and used > _LOG_TOTAL:
            break
        told += len(same)
        lines.append(line)
    return [f"Log, the newest {told} of {len(entries)}:", *lines] if lines else []


def _kind(entry: Any) -> object:
    """Entries of one kind differ in time and numbers alone; what is no entry is like nothing else."""
    if not isinstance(entry, dict):
        return object()
    return entry.get("level"), entry.get("event"), re.sub(r"\d+", "#", str(entry.get("message", ""))[:_KIND_LENGTH])


def _log_line(entry: Any) -> str:
    if not isinstance(entry, dict):
        return f"- {quoted(redact(entry), 80)}"
    level, event = (plain_or_quoted(entry.get(key, ""), 32) for key in ("level", "event"))
    return (
        f"- {_log_moment(entry)} {level} {event}: {quoted(redact(entry.get('message', ''), _LOG_LENGTH), _LOG_LENGTH)}"
    )


def _log_moment(entry: dict[str, Any]) -> str:
    moment = _MOMENT.match(str(entry.get("ts", ""))[:32])  # anything else could begin like a line of ours
    return f"{moment[1]} {moment[2]}" if moment else "at an unknown time"


def _api_warnings(campaign: Campaign) -> list[str]:
    """Newer platforms answer with warnings of their own."""
    return [f"The API warns: {quoted(redact(warning), 120)}" for warning in (campaign.warnings or [])[:3]]


def _next_step(campaign: Campaign) -> str:
    match campaign.phase:
        case "syncing":
            return "To change settings: `pause_campaign`, `update_campaign`, `resume_campaign`."
        case "running":
            return "To change settings: `update_campaign` with if_running."
        case "paused":
            ends = _end(campaign, ENDS_WHEN_RESUMED, MAY_END_WHEN_RESUMED)
            return f"Next: `update_campaign`. {ends[0]}" if ends else "Next: `update_campaign` or `resume_campaign`."
        case "draft":
            return "Settings can be changed with `update_campaign`."
        case phase if phase in FINAL:
            return "Its settings can no longer be changed."
    return ""


def _changes(changes: Sequence[Change]) -> list[str]:
    lines = [f"- {formatting.describe_change(change)}" for change in changes[:_CHANGES_SHOWN]]
    return lines + ([f"- and {len(changes) - _CHANGES_SHOWN} more"] if len(changes) > _CHANGES_SHOWN else [])


def _foreign(comparison: Discrepancies) -> list[str]:
    if not comparison.foreign:
        return []
    lines = [f"- {formatting.describe_change(change)}" for change in comparison.foreign[:5]]
    return ["Someone else changed at the same time, not this edit:", *lines]


def _after_edit(edited: EditResult) -> str:
    if edited.preview and edited.plan.body:
        return " To apply it, call again without `dry_run`; pass this as `expected_revision` to be sure nothing moved."
    if edited.around and edited.campaign.phase == "running":
        return "".join(f" {words}" for words in _end(edited.campaign, ENDS_NOW, MAY_END_NOW))
    if (edited.applied or edited.around) and edited.campaign.phase == "paused":
        ends = _end(edited.campaign, ENDS_WHEN_RESUMED, MAY_END_WHEN_RESUMED)
        return f" {ends[0]}" if ends else " `resume_campaign` lets it dial again."
    return ""


def _end(campaign: Campaign, nothing_left: str, nothing_queued: str) -> list[str]:
    """The words that fit a campaign which a resume completes, or may complete, as far as its counts show it."""
    if nothing_is_left(campaign):
        return [nothing_left]
    return [nothing_queued] if campaign.total_queued_count == 0 else []


def _undo(tool: str, arguments: dict[str, Any]) -> str:
    return f"Undo: `{tool}` with {safe_json(arguments)}"
