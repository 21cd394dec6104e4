"""The oracle of fuzzing and soak: each statement of an answer is held against what the recorder saw at the API.

It shares nothing with the code that gave the answer. Every violation is told in a sentence.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Literal, NamedTuple

from pydantic import ValidationError

from asisso_mcp.api.models import PatchBody
from tests.fuzz.recorder import EDITABLE, Settings, Watch, leaves_of, settings_of

SECTIONS = ("retry_config", "schedule_config", "circuit_breaker")
UNSET_BREAKER = {"enabled": False, "failure_threshold": 0.5, "window_seconds": 120, "min_calls_in_window": 5}
STATES = {"created": "draft"}
ON_THE_WIRE = 0.4
"""Seconds that a request may still take to arrive which was on its way when its call was given up."""
_NOTHING = re.compile(r"nothing was (sent|changed|done)")
_COULD_NOT_LOOK = re.compile(r"(could not( be)?|cannot be|was not) (read|look)|[Rr]eading .{1,40} failed")

Kind = Literal["wrong", "lost", "doubled", "reverted", "sent after it was given up"]


class Violation(NamedTuple):
    """Something that was not as promised."""

    kind: Kind
    sentence: str


def violations(
    tool: str,
    arguments: Mapping[str, Any],
    result: Mapping[str, Any],
    *,
    watch: Watch,
    before: Mapping[str, Any],
    now: Mapping[str, Any],
) -> list[Violation]:
    """What is wrong with a result of `tools/call`, given what was watched meanwhile.

    before, now: the stored row when the call began and when it ended.
    """
    text, error = result["content"][0]["text"], bool(result["isError"])
    structure = result.get("structuredContent") or {}
    found = late_violations(tool, arguments, result, watch=watch)
    if tool == "update_campaign":
        found += _about_edit(arguments, text, structure, watch, now, error=error)
    elif tool in ("pause_campaign", "resume_campaign"):
        verb = tool.removesuffix("_campaign")
        found += _about_switch(verb, text, structure, watch=watch, before=before, now=now, error=error)
        if verb == "pause":
            found += _about_a_blind_pause(text, watch)
    return found


def late_violations(
    tool: str, arguments: Mapping[str, Any], result: Mapping[str, Any], *, watch: Watch
) -> list[Violation]:
    """The statements that must stay true whatever is executed late: to be asked again some seconds after the answer."""
    text, error = result["content"][0]["text"], bool(result["isError"])
    found = list(_about_sending(text, watch, error=error))
    if tool in ("get_campaign", "list_campaigns"):
        return found + ([Violation("wrong", f"{tool} sent a write")] if watch.arrived else [])
    return found + _about_writes(tool, arguments, watch)


def violations_after_giving_up(
    tool: str, arguments: Mapping[str, Any], *, watch: Watch, given_up: float | None
) -> list[Violation]:
    """What is wrong with the writes of a call that has no answer: cancelled, or its server was told to end.

    given_up: `time.monotonic()` when the server surely knew; None where it need not have known.
    """
    found = _about_writes(tool, arguments, watch)
    late = [each.at - given_up for each in watch.arrived if given_up is not None and each.at > given_up + ON_THE_WIRE]
    if late:
        sentence = f"a write of {tool} arrived {max(late):.2f} s after its call had been given up"
        found.append(Violation("sent after it was given up", sentence))
    return found


def _about_writes(tool: str, arguments: Mapping[str, Any], watch: Watch) -> list[Violation]:
    """What is wrong with the writes themselves, whatever was said of them."""
    found = [*_about_repeating(tool, watch), *_about_seen_states(watch)]
    if tool == "update_campaign":
        found += [*_about_bodies(arguments, watch), *_about_colleagues(arguments, watch)]
    return found


def _about_sending(text: str, watch: Watch, *, error: bool) -> Iterator[Violation]:
    effects = [each for each in watch.executed if each.had_effect]
    unknown = text.startswith("Unknown outcome.")
    if watch.executed and (said := _NOTHING.search(text.lower())):
        yield Violation("wrong", f"said that {said[0]}, and a write was executed")
    if error and not unknown and effects:
        yield Violation("wrong", "answered an error that is not an unknown outcome, and a write was executed")
    if error and not unknown and any(each.outcome_is_uncertain for each in watch.arrived):
        yield Violation("wrong", "answered an error that is not an unknown outcome, and a write may be under way")
    if unknown and not watch.arrived and "outage" not in watch.fired:
        yield Violation("wrong", "called the outcome unknown although no write arrived")


def _about_repeating(tool: str, watch: Watch) -> Iterator[Violation]:
    """Again only while it surely was not executed, and only after a look; a pause that an import undid is another pause."""
    importing = any(kind.startswith("import-ends") for kind in watch.fired) or any(
        each.before["sync_ends_at"] or each.before["state"] == "syncing" for each in watch.executed
    )
    effects = sum(each.had_effect for each in watch.executed)
    if effects > 1 and not importing:
        yield Violation("doubled", f"a write of {tool} was executed {effects} times with effect")
    for first, second in pairwise(watch.arrived):
        if not first.surely_not_executed:
            if not (importing and first.verb == "pause" and first.status == 200):
                yield Violation(
                    "doubled",
                    f"a write of {tool} was sent again, and the one before (answered {first.status}) may be under way",
                )
        elif second.verb != "pause" and second.seen_at < (first.answered_at or 0):
            yield Violation("wrong", f"a write of {tool} was sent again, and the campaign was not read after the wait")


def _about_seen_states(watch: Watch) -> Iterator[Violation]:
    for arrived in watch.arrived:
        if arrived.verb == "edit" and arrived.seen and arrived.seen["state"] not in ("created", "paused"):
            yield Violation("wrong", f"sent an edit to a campaign that it had seen {arrived.seen['state']}")


def _about_colleagues(arguments: Mapping[str, Any], watch: Watch) -> Iterator[Violation]:
    """What somebody else stored while we waited stays, but for the leaves that our caller named."""
    for each in watch.executed:
        if each.was_late:
            continue
        before, after = leaves_of(settings_of(each.before)), leaves_of(settings_of(each.after))
        named = leaves_of(arguments)
        for edit in watch.colleagues:
            for leaf, value in leaves_of(edit).items():
                if leaf not in named and before.get(leaf) == value != after.get(leaf):
                    yield Violation(
                        "reverted", f"put {leaf} back to {after.get(leaf)!r}, which a colleague had set to {value!r}"
                    )
        if "expected_revision" in arguments and any(_overlaid(edit, before) for edit in watch.colleagues):
            yield Violation("wrong", "edited a campaign whose revision had moved while the call waited")


def _overlaid(edit: Settings, leaves: Mapping[str, Any]) -> bool:
    return leaves_of(edit).items() <= leaves.items()


def _about_a_blind_pause(text: str, watch: Watch) -> Iterator[Violation]:
    """A pause goes out also when the API answers every read with a 500, and says that it could not look.

    A 400 need not be explained: its own words give the campaign's state.
    """
    if len(watch.reads) < 2 or set(watch.reads) != {500} or "outage" in watch.fired:
        return
    if not watch.arrived:
        yield Violation("lost", "did not send the pause because the campaign could not be read")
    elif watch.arrived[-1].status != 400 and not _COULD_NOT_LOOK.search(text):
        yield Violation("wrong", "did not say that the campaign could not be looked at")


def _about_bodies(arguments: Mapping[str, Any], watch: Watch) -> Iterator[Violation]:
    """Only what was named may be in a body, and what was not named in a section goes back as it was shown."""
    for arrived in watch.arrived:
        try:
            PatchBody.model_validate(arrived.body, strict=True)
        except ValidationError as problem:
            yield Violation("wrong", f"sent a body outside the strict model: {problem}")
            continue
        if surplus := [name for name in arrived.body if name not in arguments]:
            yield Violation("wrong", f"sent {', '.join(surplus)}, which nobody had named")
        for name in SECTIONS:
            section, seen = arrived.body.get(name), (arrived.seen or {}).get(name)
            if (
                section is None
                or seen is None
                or seen == UNSET_BREAKER
                or (name == "schedule_config" and not seen["slots"])
            ):
                continue
            for leaf, value in section.items():
                if leaf not in arguments[name] and value != seen[leaf]:
                    yield Violation(
                        "wrong", f"sent {name}.{leaf} as {value!r}, which nobody had named; it was {seen[leaf]!r}"
                    )


def _about_edit(
    arguments: Mapping[str, Any],
    text: str,
    structure: Mapping[str, Any],
    watch: Watch,
    now: Mapping[str, Any],
    *,
    error: bool,
) -> Iterator[Violation]:
    if error:
        return
    # These change the campaign after the API made the answer that our statement rests on.
    later = any(kind in ("foreign-edit/overwrite", "foreign-edit/after", "outage") for kind in watch.fired)
    others = ("foreign-edit", "outage", "other call")
    meddled = watch.colleagues or any(kind.startswith(others) for kind in watch.fired)
    if "Someone else changed" in text and not meddled:
        yield Violation("wrong", "said that someone else changed settings, and nobody did")
    settings = settings_of(dict(now))
    missing = list(_not_as_asked(arguments, settings))
    if "the change is in place" in text and missing and not later:
        yield Violation("wrong", f"said that the change is in place, and {', '.join(missing)} is not as asked")
    if arguments.get("dry_run") and watch.arrived:
        yield Violation("wrong", "sent a write for a preview")
    if structure["applied"]:
        if not any(not list(_not_as_asked(arguments, settings_of(each.after))) for each in watch.executed):
            yield Violation("lost", "said applied, and no write that was executed shows it")
        if missing and not later:
            yield Violation("wrong", f"said applied, and {', '.join(missing)} is not as asked")
        for change in structure["changes"]:
            if not text.count(f"- {change['field']}: "):
                yield Violation("wrong", f"did not tell the change of {change['field']} in the text")
    elif "already has these settings" in text:
        changed_since = {leaf for edit in watch.colleagues for leaf in leaves_of(edit)}
        if watch.executed or (not changed_since.issuperset(missing) and not later):
            yield Violation("wrong", f"said that it is so already, and {', '.join(missing) or 'a write was executed'}")
    elif text.startswith(("Partly applied: ", "Not applied: ")):
        if not missing and not later:
            yield Violation("wrong", "said not applied, or partly, and all of it is in place")
        claimed = {change["field"] for change in structure["changes"]}
        if wrong := claimed.intersection(missing) if not later else set():
            yield Violation("wrong", f"said that {', '.join(wrong)} is in place, and it is not")
    elif not text.startswith("Preview: "):
        yield Violation("wrong", "did not say what became of the edit")


def _not_as_asked(arguments: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    for name in EDITABLE:
        asked = arguments.get(name)
        if isinstance(asked, Mapping):
            shown = settings[name] or {}
            yield from (f"{name}.{leaf}" for leaf, value in asked.items() if shown.get(leaf) != value)
        elif asked is not None and settings[name] != asked:
            yield name


def _about_switch(
    verb: str,
    text: str,
    structure: Mapping[str, Any],
    *,
    watch: Watch,
    before: Mapping[str, Any],
    now: Mapping[str, Any],
    error: bool,
) -> Iterator[Violation]:
    if error:
        return
    goal = "paused" if verb == "pause" else "running"
    state = STATES.get(now["state"], now["state"])
    committed = [each.after["state"] for each in watch.executed]
    # What moved the campaign after the answer was made does not make the answer untrue.
    meddled = any(kind.split("/")[0] in ("trip", "import-ends") for kind in watch.fired)
    meddled = meddled or "other call" in watch.fired
    done = goal in committed and any(each.had_effect for each in watch.executed)
    if done and "by someone else" in text and not meddled:
        yield Violation("wrong", f"said that someone else did it, and the {verb} was executed")
    moved_on = bool(before["sync_ends_at"]) or meddled or "It became " in text
    if done and not structure["applied"] and not moved_on and "is not known" not in text:
        yield Violation("wrong", f"said that the {verb} changed nothing, and it was executed")
    if structure["applied"] and goal not in committed and not moved_on:
        yield Violation("lost", f"said that the {verb} was done, and none was executed")
    if structure["state"] != state and not moved_on:
        yield Violation("wrong", f"said that it is {structure['state']}, and it is {state}")
    if (
        not structure["applied"]
        and "is already" in text
        and (watch.executed or (state not in (goal, "syncing") and not moved_on))
    ):
        yield Violation("wrong", f"said that it was {goal} already")
    if text.startswith("Done:") and state != goal and not moved_on:
        yield Violation("wrong", f"said done, and the campaign is {state}")
