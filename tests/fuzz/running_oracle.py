"""The oracle for an edit of a running campaign in one call: pause, edit, resume, held against what the recorder saw."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from tests.fuzz.oracle import Violation, _about_bodies, _not_as_asked
from tests.fuzz.recorder import Watch, settings_of

ORDER = ("pause", "edit", "resume")


def running_violations(
    arguments: Mapping[str, Any], result: Mapping[str, Any], *, watch: Watch, now: Mapping[str, Any]
) -> list[Violation]:
    """What is wrong with the answer to `update_campaign` with `pause_and_resume` on a campaign that was running."""
    text, error = result["content"][0]["text"], bool(result["isError"])
    found = [*_about_sending(watch), *_about_bodies(arguments, watch.only(lambda each: each.verb == "edit"))]
    return found + list(_about_claims(arguments, text, result.get("structuredContent") or {}, watch, now, error=error))


def _about_sending(watch: Watch) -> Iterator[Violation]:
    verbs = [each.verb for each in watch.arrived]
    if verbs != sorted(verbs, key=ORDER.index):
        yield Violation("wrong", f"sent {', '.join(verbs)}, in this order")
    for verb in ORDER:
        if sum(each.had_effect for each in watch.executed if each.write.verb == verb) > 1:
            yield Violation("doubled", f"the {verb} was executed more than once")
    for first, second in pairwise(watch.arrived):
        if first.verb == second.verb and not first.surely_not_executed:
            yield Violation(
                "doubled",
                f"the {first.verb} was sent again, and the one before (answered {first.status}) may be under way",
            )
        if first.verb == second.verb and second.seen_at < (first.answered_at or 0):
            yield Violation("wrong", f"the {first.verb} was sent again, and the campaign was not read after the wait")
    paused_at = max(
        (each.answered_at or 0 for each in watch.arrived if each.verb == "pause" and each.status == 200), default=0
    )
    for each in watch.arrived:
        if each.verb == "edit" and each.seen and each.seen["state"] != "paused" and each.seen_at > paused_at:
            yield Violation("wrong", f"sent an edit to a campaign that it had seen {each.seen['state']}")


def _about_claims(
    arguments: Mapping[str, Any],
    text: str,
    structure: Mapping[str, Any],
    watch: Watch,
    now: Mapping[str, Any],
    *,
    error: bool,
) -> Iterator[Violation]:
    done = {each.write.verb for each in watch.executed if each.had_effect}
    unknown = "Unknown outcome." in text
    meddled = any(kind.split("/")[0] in ("trip", "import-ends") for kind in watch.fired)
    if "is running again" in text and not (("resume" in done or meddled) and (now["state"] == "running" or meddled)):
        yield Violation("wrong", f"said that it is running again, and it is {now['state']}")
    if "is left paused" in text and "resume" in done:
        yield Violation("wrong", "said that it is left paused, and a resume was executed")
    if "was not made" in text and "edit" in done:
        yield Violation("wrong", "said that the edit was not made, and it was executed")
    if "pause" in done and now["state"] == "paused" and "paused" not in text:
        yield Violation("lost", "left it paused, and did not say so")
    if error and done and not unknown and "was not made" not in text:
        yield Violation("wrong", "answered an error that does not say what was done, and something was")
    if structure.get("applied") and not any(
        each.write.verb == "edit" and not list(_not_as_asked(arguments, settings_of(each.after)))
        for each in watch.executed
    ):
        yield Violation("lost", "said applied, and no edit that was executed shows it")
