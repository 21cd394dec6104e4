"""The matrix cannot say yes to a client that heard something else."""

import copy
from typing import Any

import pytest

from tests.clients.conversation import AS_TEXT, COLUMNS, REFUSAL, TEXT_ONLY, YES, judged

TOOLS = ["list_campaigns", "get_campaign"]


def answer(text: str, structure: Any = None, error: bool | None = False) -> dict[str, Any]:
    return {"text": text, "structure": structure, "error": error}


THREE = (
    "Retries: up to 3 retries, 5 min apart, after busy, no answer and voicemail (which nothing is known to trigger)."
)
RUNNING = f'Campaign 3 "Spring promo" is running.\n{THREE}'
HEARD: dict[str, Any] = {
    "tools": TOOLS,
    "answers": {
        "read": answer(RUNNING, {"summary": "s", "retry_config": {"max_retries": 3}}),
        "refused": answer(REFUSAL, error=True),
        "unchanged": answer(RUNNING, {"summary": "s"}),
        "paused": answer(
            'Done: Campaign 3 "Spring promo" is paused; it was running.', {"summary": "s", "applied": True}
        ),
        "edited": answer(
            'Done: Campaign 3 "Spring promo" was changed.\n- retry_config.max_retries: 3 → 5',
            {"summary": "s", "applied": True, "changes": [{"field": "retry_config.max_retries"}]},
        ),
        "seen": answer(THREE.replace("3 retries", "5 retries"), {"summary": "s", "retry_config": {"max_retries": 5}}),
    },
}


def cells(**changes: Any) -> dict[str, str]:
    """The words for what was heard, with some of it otherwise: `step__part=value`."""
    heard = copy.deepcopy(HEARD)
    for name, value in changes.items():
        step, _, part = name.partition("__")
        if part:
            heard["answers"][step][part] = value
        else:
            heard[step] = value
    return judged(heard, TOOLS)


def test_a_client_that_hears_everything_gets_a_yes_in_every_column() -> None:
    assert cells() == dict.fromkeys(COLUMNS, YES)


@pytest.mark.parametrize(
    ("column", "changes"),
    [
        ("lists tools", {"tools": TOOLS[:1]}),
        ("lists tools", {"tools": TOOLS[::-1]}),
        ("reads", {"read__text": "Campaign 4"}),
        ("reads", {"read__error": True}),
        ("is refused", {"refused__error": False}),
        ("is refused", {"refused__structure": {"applied": False}}),
        ("is refused", {"unchanged__text": RUNNING.replace("3 retries", "5 retries")}),
        ("is refused", {"refused__error": None, "refused__text": "no"}),
        ("edits", {"paused__error": True}),
        ("edits", {"edited__text": "Preview"}),
        ("edits", {"seen__text": THREE}),
        ("reads structured result", {"seen__structure": None}),
        ("reads structured result", {"edited__structure": {"summary": "s", "applied": False, "changes": []}}),
        ("reads structured result", {"read__structure": {"summary": "", "retry_config": {"max_retries": 3}}}),
        ("sees error text", {"refused__text": "Error"}),
        ("sees error text", {"refused__text": None}),
    ],
)
def test_what_was_heard_otherwise_is_wrong_in_its_column_alone(column: str, changes: dict[str, Any]) -> None:
    found = cells(**changes)
    assert found[column].startswith("wrong: ")
    assert {name for name, word in found.items() if word != YES} <= {column, "sees error text"}


def test_a_client_without_a_mark_of_error_is_refused_as_text_and_one_without_structure_has_text_only() -> None:
    steps = HEARD["answers"]
    found = cells(refused__error=None, **{f"{step}__structure": None for step in steps})
    assert found == {**dict.fromkeys(COLUMNS, YES), "is refused": AS_TEXT, "reads structured result": TEXT_ONLY}


def test_a_step_that_never_happened_is_wrong() -> None:
    heard = {"tools": TOOLS, "answers": {}}
    found = judged(heard, TOOLS)
    assert [name for name, word in found.items() if word.startswith("wrong: ")] == [
        "reads",
        "is refused",
        "edits",
        "sees error text",
    ]
