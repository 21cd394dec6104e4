"""The conversation that every client has with the server, and what must come of it."""

from collections.abc import Mapping, Sequence
from typing import Any

STEPS: tuple[dict[str, Any], ...] = (
    {"name": "read", "tool": "get_campaign", "arguments": {"campaign_id": 3}},
    {"name": "refused", "tool": "update_campaign", "arguments": {"campaign_id": 3, "retry_config": {"max_retries": 5}}},
    {"name": "unchanged", "tool": "get_campaign", "arguments": {"campaign_id": 3}},
    {"name": "paused", "tool": "pause_campaign", "arguments": {"campaign_id": 3}},
    {"name": "edited", "tool": "update_campaign", "arguments": {"campaign_id": 3, "retry_config": {"max_retries": 5}}},
    {"name": "seen", "tool": "get_campaign", "arguments": {"campaign_id": 3}},
)

RUNNING = 'Campaign 3 "Spring promo" is running.'
THREE_RETRIES = (
    "Retries: up to 3 retries, 5 min apart, after busy, no answer and voicemail (which nothing is known to trigger)."
)
REFUSAL = (
    'Campaign 3 "Spring promo" is running; settings can only be changed while a campaign is paused or a draft, so nothing '
    'was changed. Next: this edit again with if_running="pause_and_resume", which pauses it, edits and resumes it; or `pause_campaign` with campaign_id=3, then this edit again, then `resume_campaign`.'
)
PAUSED = 'Done: Campaign 3 "Spring promo" is paused; it was running.'
EDITED = 'Done: Campaign 3 "Spring promo" was changed.\n- retry_config.max_retries: 3 → 5'
FIVE_RETRIES = (
    "Retries: up to 5 retries, 5 min apart, after busy, no answer and voicemail (which nothing is known to trigger)."
)

COLUMNS = ("lists tools", "reads", "is refused", "edits", "reads structured result", "sees error text")

YES = "yes"
AS_TEXT = "as text"
"""Refused, but this client does not pass on that it was an error: only the words say it."""
TEXT_ONLY = "text only"
"""This client passes no structured result on."""
GOOD = frozenset({YES, AS_TEXT, TEXT_ONLY})


def judged(heard: Mapping[str, Any], tools: Sequence[str]) -> dict[str, str]:
    """A word for each column: one of `GOOD`, or what is wrong.

    heard: `tools`, a list of names, and `answers`, by step: `text`, `structure` (None where the client shows none) and
    `error` (None where the client does not tell). tools: the names that this server publishes, in their order.
    """
    answers = {step["name"]: heard["answers"].get(step["name"]) or {"text": None} for step in STEPS}
    return {
        "lists tools": YES if heard["tools"] == list(tools) else f"wrong: {heard['tools']}",
        "reads": _says(answers["read"], RUNNING, THREE_RETRIES),
        "is refused": _refused(answers),
        "edits": _all(
            _says(answers["paused"], PAUSED), _says(answers["edited"], EDITED), _says(answers["seen"], FIVE_RETRIES)
        ),
        "reads structured result": _structured(answers),
        "sees error text": YES if REFUSAL in (answers["refused"]["text"] or "") else _wrong(answers["refused"]),
    }


def _says(answer: Mapping[str, Any], *sentences: str) -> str:
    text = answer["text"] or ""
    return YES if not answer.get("error") and all(each in text for each in sentences) else _wrong(answer)


def _refused(answers: Mapping[str, Any]) -> str:
    answer = answers["refused"]
    if answer.get("error") is False or answer.get("structure") is not None:
        return _wrong(answer)
    unchanged = _says(answers["unchanged"], RUNNING, THREE_RETRIES)
    if unchanged != YES:
        return unchanged
    if answer.get("error") is None:
        return AS_TEXT if REFUSAL in (answer["text"] or "") else _wrong(answer)
    return YES


def _structured(answers: Mapping[str, Any]) -> str:
    names = ("read", "paused", "edited", "seen")
    found = {name: answers[name].get("structure") for name in names}
    if all(each is None for each in found.values()):
        return TEXT_ONLY
    try:
        right = (
            found["read"]["retry_config"]["max_retries"] == 3
            and found["paused"]["applied"] is True
            and found["edited"]["applied"] is True
            and [change["field"] for change in found["edited"]["changes"]] == ["retry_config.max_retries"]
            and found["seen"]["retry_config"]["max_retries"] == 5
            and all(found[name]["summary"] for name in names)
        )
    except (KeyError, TypeError):
        right = False
    return YES if right else f"wrong: {found}"


def _all(*words: str) -> str:
    return next((word for word in words if word != YES), YES)


def _wrong(answer: Mapping[str, Any]) -> str:
    return f"wrong: error={answer.get('error')} text={answer['text']!r}"
