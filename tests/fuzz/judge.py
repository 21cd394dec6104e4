"""Is what was said true? Each statement of an answer against what the witness saw; every untruth in a sentence."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from asisso_mcp.api.models import PatchBody
from tests.fuzz.witness import EDITABLE, Settings, Watch, settings_of

SECTIONS = ("retry_config", "schedule_config", "circuit_breaker")
UNSET_BREAKER = {"enabled": False, "failure_threshold": 0.5, "window_seconds": 120, "min_calls_in_window": 5}
STATES = {"created": "draft"}


def untruths(
    tool: str,
    arguments: Mapping[str, Any],
    result: Mapping[str, Any],
    *,
    watch: Watch,
    before: Mapping[str, Any],
    now: Mapping[str, Any],
) -> list[str]:
    """What is wrong with a result of `tools/call`, given what was watched meanwhile.

    before, now: the stored row when the call began and when it ended.
    """
    text, error = result["content"][0]["text"], bool(result["isError"])
    structure = result.get("structuredContent") or {}
    found = list(_about_sending(tool, text, watch, error=error))
    if tool == "update_campaign":
        found += _about_bodies(arguments, watch)
        found += _about_edit(arguments, text, structure, watch, now, error=error)
    elif tool in ("pause_campaign", "resume_campaign"):
        verb = tool.removesuffix("_campaign")
        found += _about_switch(verb, text, structure, watch=watch, before=before, now=now, error=error)
    elif watch.arrived:
        found.append(f"{tool} sent a write")
    return found


def _about_sending(tool: str, text: str, watch: Watch, *, error: bool) -> Iterator[str]:
    effects = [each for each in watch.executed if each.had_effect]
    meddled = any(kind.startswith(("foreign-edit", "unsync", "trip")) for kind in watch.fired)
    importing = any(each.before["sync_ends_at"] or each.before["state"] == "syncing" for each in watch.executed)
    if len(effects) > 1 and not meddled and not importing:
        yield f"a write of {tool} was executed {len(effects)} times with effect"
    if any(len(watch.arrived) > each.arrivals for each in watch.executed) and not meddled and not importing:
        yield f"a write of {tool} was sent more times after it had been executed"
    lowered = text.lower()
    if "nothing was sent" in lowered and watch.arrived:
        yield f"said that nothing was sent, and {len(watch.arrived)} writes arrived"
    if "nothing was changed" in lowered and effects:
        yield "said that nothing was changed, and a write had been executed"
    if error and not text.startswith("Unknown outcome.") and effects:
        yield "answered an error that is not an unknown outcome, and a write had been executed"
    if text.startswith("Unknown outcome.") and not watch.arrived:
        yield "called the outcome unknown although no write arrived"
    for arrived in watch.arrived:
        if arrived.verb == "edit" and arrived.seen and arrived.seen["state"] not in ("created", "paused"):
            yield f"sent an edit to a campaign that it had seen {arrived.seen['state']}"


def _about_bodies(arguments: Mapping[str, Any], watch: Watch) -> Iterator[str]:
    """Only what was named may be in a body, and what was not named in a section goes back as it was shown."""
    for arrived in watch.arrived:
        try:
            PatchBody.model_validate(arrived.body, strict=True)
        except ValidationError as problem:
            yield f"sent a body outside the strict model: {problem}"
            continue
        if surplus := [name for name in arrived.body if name not in arguments]:
            yield f"sent {', '.join(surplus)}, which nobody had named"
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
                    yield f"sent {name}.{leaf} as {value!r}, which nobody had named; it was {seen[leaf]!r}"


def _about_edit(
    arguments: Mapping[str, Any],
    text: str,
    structure: Mapping[str, Any],
    watch: Watch,
    now: Mapping[str, Any],
    *,
    error: bool,
) -> Iterator[str]:
    if error:
        return
    # These change the campaign after the API made the answer that our statement rests on.
    later = any(kind in ("foreign-edit/overwrite", "foreign-edit/after") for kind in watch.fired)
    settings = settings_of(dict(now))
    missing = list(_not_as_asked(arguments, settings))
    if "the change is in place" in text and missing and not later:
        yield f"said that the change is in place, and {', '.join(missing)} is not as asked"
    if arguments.get("dry_run") and watch.arrived:
        yield "sent a write for a preview"
    if structure["applied"]:
        if not any(not list(_not_as_asked(arguments, settings_of(each.after))) for each in watch.executed):
            yield "said applied, and no write that was executed shows it"
        if missing and not later:
            yield f"said applied, and {', '.join(missing)} is not as asked"
        for change in structure["changes"]:
            if not text.count(f"- {change['field']}: "):
                yield f"did not tell the change of {change['field']} in the text"
    elif "already has these settings" in text:
        if watch.arrived or (missing and not later):
            yield f"said that it is so already, and {', '.join(missing) or 'a write was sent'}"
    elif text.startswith(("Partly applied: ", "Not applied: ")):
        if not missing and not later:
            yield "said not applied, or partly, and all of it is in place"
        claimed = {change["field"] for change in structure["changes"]}
        if wrong := claimed.intersection(missing) if not later else set():
            yield f"said that {', '.join(wrong)} is in place, and it is not"
    elif not text.startswith("Preview: "):
        yield "did not say what became of the edit"


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
) -> Iterator[str]:
    if error:
        return
    goal = "paused" if verb == "pause" else "running"
    state = STATES.get(now["state"], now["state"])
    committed = [each.after["state"] for each in watch.executed]
    # What moved the campaign after the answer was made does not make the answer untrue.
    meddled = any(kind.split("/")[0] in ("trip", "unsync") for kind in watch.fired)
    moved_on = bool(before["sync_ends_at"]) or meddled or "It became " in text
    if structure["applied"] and goal not in committed and not moved_on:
        yield f"said that the {verb} was done, and none was executed"
    if structure["state"] != state and not moved_on:
        yield f"said that it is {structure['state']}, and it is {state}"
    if (
        not structure["applied"]
        and "is already" in text
        and (watch.arrived or (state not in (goal, "syncing") and not moved_on))
    ):
        yield f"said that it was {goal} already"
    if text.startswith("Done:") and state != goal and not moved_on:
        yield f"said done, and the campaign is {state}"
