"""The oracle of dialing: what is said of calls, resumes, telephony and limits is held against what the sandbox has stored.

Like the oracle of writes it shares no rule with the product: hours, telephony and what a campaign comes to are the sandbox's own.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from asisso_mcp.sandbox.calling_hours import is_open
from tests.fuzz.oracle import Violation
from tests.fuzz.recorder import Watch
from tests.fuzz.stored import Stored

CALL_LASTS, CALLS_FOLLOW = timedelta(minutes=15), timedelta(minutes=2)
"""How long ago a call may have begun to be evidence: one that has not ended, and any other."""
SOON = timedelta(seconds=0.5)
"""A call that took no longer has not waited in vain for what it looked up."""
SURELY_SEEN = timedelta(seconds=2)
"""A call that began so soon after a resume is there when the server looks 3 s after it."""
STATES = {"created": "draft"}

_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
_AGE = r"(\d+) (s|min|h|d)\b"
_DIALING = re.compile(rf"Dialing: the last call began {_AGE} ago")
_NO_CALL_FOR = re.compile(rf"no call began for {_AGE}")
_LAST_ONE = re.compile(rf"no new call yet \(the last one began {_AGE} ago, before the resume\)")
_CAP = re.compile(r"Calls at once: at most (\d+), the smallest of (.+)\.$", re.MULTILINE)
_SETTABLE = re.compile(r"above what may be set now \((\d+)")
_CAPS = {
    "own": re.compile(r"its own limit \((\d+)\)"),
    "limit": re.compile(r"the organisation's limit \((\d+)\)"),
    "numbers": re.compile(r"the numbers that it dials from \((\d+),"),
}
_WOULD_FAIL = "it would fail for good"
_ENDS = re.compile(r"so it (will|may) complete for good")
_LOOK_AGAIN = "Look with `get_campaign` in a minute."

STATEMENTS = {
    "it dials: its last call": _DIALING,
    "no call began for so long": _NO_CALL_FOR,
    "no call was ever made": re.compile(r"no call was ever made"),
    "every queued call was made": re.compile(r"Every queued call was made"),
    "no call is queued": re.compile(r"No call is queued"),
    "a resume was refused because of telephony": re.compile(_WOULD_FAIL),
    "a resume is done, held against what it comes to a minute later": re.compile(r"\ADone:.+ is running again"),
    "a resume was looked at 3 s later": re.compile(r"^Seen \d+ s later:", re.MULTILINE),
    "no new call since the resume": re.compile(r"no new call yet"),
    "a resume did not stay so": re.compile(r"\AIt did not stay so:"),
    "how many calls go out at once": _CAP,
    "max_concurrency is above what may be set": _SETTABLE,
}
"""What is held against the store, by the words that say it."""


@dataclass(frozen=True)
class Facts:
    """What is known beside an answer: what was stored before and after the call, its time, and what it could look up.

    began, ended: of the clock that the server goes by. telephony, call_limit: whether those were surely answered when it asked;
    what it asked for may have failed otherwise.
    """

    before: Stored
    now: Stored
    began: datetime
    ended: datetime
    telephony: bool = True
    call_limit: bool = True


def dialing_violations(
    tool: str, arguments: Mapping[str, Any], result: Mapping[str, Any], *, watch: Watch, facts: Facts
) -> list[Violation]:
    """What is wrong in a result of `tools/call` with what it says of dialing, telephony and limits."""
    text, structure = result["content"][0]["text"], result.get("structuredContent") or {}
    rows = _rows(watch, facts)
    found = [*_about_refusals(tool, text, watch, facts), *_about_ages(text, facts), *_about_the_queue(text, rows)]
    found += [*_about_the_cap(arguments, text, rows, facts), *_about_what_may_be_set(arguments, text, structure, facts)]
    if tool == "get_campaign" and structure:
        found += [*_about_the_flag(text, structure, rows, facts), *_about_the_last_call(structure, rows, watch, facts)]
    if tool == "resume_campaign" and structure:
        found += [*_about_what_was_seen(text, rows, watch, facts), *_about_a_minute_later(text, watch, facts)]
    if tool == "pause_campaign" and structure:
        found += _about_a_pause_a_minute_later(text, watch, facts)
    return [Violation("wrong", sentence) for sentence in found]


def list_violations(result: Mapping[str, Any]) -> list[Violation]:
    """A list cannot ask for each campaign's calls, so it says of none that it dials."""
    text, structure = result["content"][0]["text"], result.get("structuredContent") or {}
    found = [f"listed campaign {row['campaign_id']} as dialing" for row in _listed(structure) if row.get("dialing")]
    found += ["said in a list that something dials"] if "Dialing:" in text or "dialing now" in text else []
    return [Violation("wrong", sentence) for sentence in found]


def _listed(structure: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(structure.get("campaigns", ()))


def _rows(watch: Watch, facts: Facts) -> list[Mapping[str, Any]]:
    """The campaign as it was at each moment of the call; the answer may rest on any of them."""
    between = [row for each in watch.executed for row in (each.before, each.after)]
    return [facts.before.row, *between, facts.now.row]


def _surely_does_not_dial(row: Mapping[str, Any], facts: Facts) -> bool:
    schedule = row["metadata"].get("schedule_config")
    closed = not (is_open(schedule, facts.began) and is_open(schedule, facts.ended))
    return row["state"] != "running" or closed or row["total_queued_count"] == 0


def _may_dial(row: Mapping[str, Any], facts: Facts) -> bool:
    schedule = row["metadata"].get("schedule_config")
    return row["state"] == "running" and (is_open(schedule, facts.began) or is_open(schedule, facts.ended))


def _is_evidence(stored: Stored, at: datetime) -> bool:
    if stored.last_run_at is None:
        return False
    return at - stored.last_run_at <= (CALLS_FOLLOW if stored.last_run_ended else CALL_LASTS)


def _fits(number: str, unit: str, began: datetime | None, facts: Facts) -> bool:
    """Whether something that began then was so long ago during the call, rounded down."""
    if began is None:
        return False
    least, most = int(number) * _UNITS[unit], (int(number) + 1) * _UNITS[unit]
    youngest, oldest = ((at - began).total_seconds() for at in (facts.began, facts.ended))
    return youngest < most and max(0.0, oldest) >= least


def _about_ages(text: str, facts: Facts) -> Iterator[str]:
    times = {facts.before.last_run_at, facts.now.last_run_at}
    if said := _DIALING.search(text):
        if not any(_is_evidence(each, facts.began) for each in (facts.before, facts.now)):
            yield "said that it dials, and no stored call is that recent"
        if not any(_fits(*said.groups(), each, facts) for each in times):
            yield f"said that the last call began {said[1]} {said[2]} ago, and it did not"
    if (said := _NO_CALL_FOR.search(text)) and not any(_fits(*said.groups(), each, facts) for each in times):
        yield f"said that no call began for {said[1]} {said[2]}, and the newest began at {facts.now.last_run_at}"
    if "no call was ever made" in text and facts.before.last_run_at is not None:
        yield "said that no call was ever made, and one was"


def _about_the_queue(text: str, rows: list[Mapping[str, Any]]) -> Iterator[str]:
    if "Every queued call was made" in text and not any(
        row["executed_count"] >= row["total_queued_count"] > 0 for row in rows
    ):
        yield "said that every queued call was made, and some were not"
    if "No call is queued" in text and not any(row["total_queued_count"] == 0 for row in rows):
        yield "said that no call is queued, and some are"


def _about_the_flag(
    text: str, structure: Mapping[str, Any], rows: list[Mapping[str, Any]], facts: Facts
) -> Iterator[str]:
    dialing = structure.get("dialing")
    if dialing is True:
        if not any(_may_dial(row, facts) for row in rows):
            yield "called it dialing, and it does not run within its hours"
        if not any(_is_evidence(each, facts.began) for each in (facts.before, facts.now)):
            yield "called it dialing, and no stored call is recent"
    if dialing is False and not any(_surely_does_not_dial(row, facts) for row in rows):
        yield "called it not dialing, and it may dial"
    if dialing is None and all(row["state"] in ("created", "syncing", "paused", "completed", "failed") for row in rows):
        yield f"did not say that a campaign that is {facts.now.row['state']} does not dial"
    if (dialing is True) != bool(_DIALING.search(text)):
        yield f"the text and the flag ({dialing}) do not say the same of dialing"


def _about_the_last_call(
    structure: Mapping[str, Any], rows: list[Mapping[str, Any]], watch: Watch, facts: Facts
) -> Iterator[str]:
    told = structure.get("last_call_at")
    newest = {facts.before.last_run_at, facts.now.last_run_at}
    if told is not None and datetime.fromisoformat(told) not in newest:
        yield f"said that the last call began at {told}, and the newest began at {facts.now.last_run_at}"
    was_answered = bool(watch.calls_answered) and all(watch.calls_answered) and facts.ended - facts.began <= SOON
    surely_asked = all(_may_dial(row, facts) and not _surely_does_not_dial(row, facts) for row in rows)
    if not (surely_asked and was_answered and not watch.fired):
        return
    if told is None and None not in newest:
        yield f"did not say that the last call began at {facts.now.last_run_at}"
    if structure.get("dialing") is not True and all(
        _is_evidence(each, facts.ended) for each in (facts.before, facts.now)
    ):
        yield "did not say that it dials, and its newest call is recent"


def _about_refusals(tool: str, text: str, watch: Watch, facts: Facts) -> Iterator[str]:
    bad = facts.before.outbound.blocked
    if _WOULD_FAIL in text and not bad:
        yield "refused a resume because of its telephony, which is in order"
    if bad and facts.telephony and tool == "resume_campaign" and any(each.verb == "resume" for each in watch.arrived):
        yield f"sent a resume that ends the campaign: {bad}"


def _about_the_cap(
    arguments: Mapping[str, Any], text: str, rows: list[Mapping[str, Any]], facts: Facts
) -> Iterator[str]:
    said = _CAP.search(text)
    if said is None:
        return
    most = int(said[1])
    listed = {name: int(found[1]) for name, pattern in _CAPS.items() if (found := pattern.search(said[2]))}
    own = {row["metadata"].get("max_concurrency") for row in rows}
    own |= {arguments["max_concurrency"]} if arguments.get("max_concurrency") else set()
    right = {"own": own, "limit": {facts.now.call_limit}, "numbers": {facts.now.numbers}}
    for name, number in listed.items():
        if number not in right[name]:
            yield f"said that {name} allows {number} calls at once, and it is {right[name]}"
    if listed and most != min(listed.values()):
        yield f"called {most} the smallest of {listed}"
    if facts.telephony and facts.call_limit:
        caps = [[cap for cap in (each, facts.now.call_limit, facts.now.numbers) if cap] for each in own]
        if most not in map(min, caps):
            yield f"said that at most {most} calls go out at once, and the stored limits are {caps}"


def _about_what_may_be_set(
    arguments: Mapping[str, Any], text: str, structure: Mapping[str, Any], facts: Facts
) -> Iterator[str]:
    if not (facts.telephony and facts.call_limit):
        return
    settable = facts.now.settable
    told = (structure.get("undo") or {}).get("max_concurrency")
    if told is not None and told > settable:
        yield f"promised an undo with max_concurrency {told}, and {settable} is all that may be set"
    named = arguments.get("max_concurrency")
    if text.startswith("Preview: ") and "max_concurrency: " in text and named is not None and named > settable:
        yield f"previewed max_concurrency {named}, and {settable} is all that may be set"
    if (said := _SETTABLE.search(text)) and int(said[1]) != settable:
        yield f"said that {said[1]} may be set, and it is {settable}"


def _about_what_was_seen(text: str, rows: list[Mapping[str, Any]], watch: Watch, facts: Facts) -> Iterator[str]:
    resumed = [each for each in watch.executed if each.write.verb == "resume" and each.had_effect]
    if text.startswith("It did not stay so:"):
        if not resumed:
            yield "said that a resume did not stay so, and none was executed"
        since = watch.executed[watch.executed.index(resumed[-1]) :] if resumed else []
        if all(row["state"] == "running" for row in (rows[-1], *(each.after for each in since))):
            yield "said that it did not stay so, and it is running"
    if not resumed or (moment := resumed[-1].moment) is None or " s later: " not in text:
        return
    newest = facts.now.last_run_at
    if _DIALING.search(text) and (newest is None or newest < moment):
        yield "took a call from before the resume for what it brought"
    if "no new call yet" in text and newest is not None and moment <= newest <= moment + SURELY_SEEN:
        yield "said that no new call began since the resume, and one did"
    if (said := _LAST_ONE.search(text)) and not _fits(said[1], said[2], facts.before.last_run_at, facts):
        yield f"said that the last call before the resume began {said[1]} {said[2]} ago, and it did not"


def _about_a_minute_later(text: str, watch: Watch, facts: Facts) -> Iterator[str]:
    """What the platform makes of a resume within a minute has to be said with it, as far as it can be known.

    Contacts that failed are counted as queued: no answer of the API tells whether anything is left. Then it has to say where to look.
    """
    resumed = [each for each in watch.executed if each.write.verb == "resume" and each.had_effect]
    if not (text.startswith("Done:") and "is running again" in text and resumed):
        return
    row = resumed[-1].after
    match facts.now.a_minute_later(row):
        case "failed" if facts.telephony:
            yield "called a resume done, and a minute later the campaign has failed for good"
        case "completed" if row["executed_count"] >= row["total_queued_count"] and not _ENDS.search(text):
            yield "called a resume done, and a minute later the campaign has completed for good"
        case "completed" if not _ENDS.search(text) and _LOOK_AGAIN not in text:
            yield "called a resume done, said nothing of looking again, and a minute later the campaign has completed"


def _about_a_pause_a_minute_later(text: str, watch: Watch, facts: Facts) -> Iterator[str]:
    paused = [each for each in watch.executed if each.write.verb == "pause" and each.had_effect]
    said_so = bool(paused) and text.startswith("Done:") and "import" not in text
    if said_so and facts.now.a_minute_later(paused[-1].after) == "running":
        yield "called a pause done, and a minute later the campaign runs"
