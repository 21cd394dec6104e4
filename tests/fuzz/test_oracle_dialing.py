"""The oracle of dialing finds each violation: what is stored, made by hand, and the one sentence that is wrong with it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from asisso_mcp.sandbox import Sandbox
from tests.conftest import MONDAY
from tests.fuzz.oracle_dialing import Facts, dialing_violations, list_violations
from tests.fuzz.recorder import Arrived, Executed, Watch
from tests.fuzz.stored import Stored, stored

ASKED = {"campaign_id": 4}
OPEN = {"schedule_config": None}
CLOSED = {
    "schedule_config": {
        "enabled": True,
        "timezone": "UTC",
        "slots": [{"day_of_week": 3, "start_time": "09:00", "end_time": "17:00"}],
    }
}
DIALING = "Dialing: the last call began 40 s ago; calling hours: open at any hour."
RESUMED = 'Done: Campaign 4 "x" is running again; it was paused.'


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    box = Sandbox(clock=lambda: MONDAY)
    box.put(4, state="running", **OPEN)
    yield box
    box.close()


def put(sandbox: Sandbox, **columns: Any) -> None:
    sandbox.put(4, **columns)


def call(sandbox: Sandbox, seconds: float, *, ended: bool = True) -> None:
    """A call of campaign 4 began so long ago."""
    began = MONDAY - timedelta(seconds=seconds)
    sandbox.add_run(4, created_at=began, ended_at=began if ended else None)


def said(text: str, *, error: bool = False, **structure: Any) -> dict[str, Any]:
    result: dict[str, Any] = {"content": [{"type": "text", "text": text}], "isError": error}
    return result if error else {**result, "structuredContent": structure or {"applied": True}}


def facts_of(sandbox: Sandbox, **other: Any) -> Facts:
    now = stored(sandbox, 4)
    return replace(Facts(now, now, MONDAY, MONDAY), **other)


def found(
    sandbox: Sandbox, tool: str, result: dict[str, Any], *, watch: Watch | None = None, **facts: Any
) -> list[str]:
    named = facts.pop("named", {})
    facts_found = facts_of(sandbox, **facts)
    told = dialing_violations(tool, {**ASKED, **named}, result, watch=watch or Watch(), facts=facts_found)
    assert {each.kind for each in told} <= {"wrong"}
    return [each.sentence for each in told]


def reading(sandbox: Sandbox, text: str, dialing: bool | None, **structure: Any) -> list[str]:
    given = {} if dialing is None else {"dialing": dialing}
    return found(sandbox, "get_campaign", said(text, **given, campaign_id=4, **structure))


# --- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "ended"), [(40, True), (40, False)])
def test_dialing_with_a_recent_call_is_true(sandbox: Sandbox, seconds: float, *, ended: bool) -> None:
    call(sandbox, seconds, ended=ended)
    assert reading(sandbox, DIALING, True, last_call_at=(MONDAY - timedelta(seconds=seconds)).isoformat()) == []


@pytest.mark.parametrize(
    ("seconds", "ended", "age"), [(121, True, "2 min"), (901, False, "15 min"), (90_000, True, "25 h")]
)
def test_dialing_without_a_recent_call_is_found(sandbox: Sandbox, seconds: float, age: str, *, ended: bool) -> None:
    call(sandbox, seconds, ended=ended)
    assert reading(sandbox, DIALING.replace("40 s", age), True) == [
        "said that it dials, and no stored call is that recent",
        "called it dialing, and no stored call is recent",
    ]


def test_dialing_of_a_campaign_that_is_paused_or_outside_its_hours_is_found(sandbox: Sandbox) -> None:
    call(sandbox, 40)
    for columns in ({"state": "paused"}, CLOSED):
        put(sandbox, **{"state": "running", **columns})
        assert reading(sandbox, DIALING, True) == ["called it dialing, and it does not run within its hours"]


def test_another_age_than_the_calls_is_found(sandbox: Sandbox) -> None:
    call(sandbox, 55)
    assert reading(sandbox, DIALING, True) == ["said that the last call began 40 s ago, and it did not"]
    assert reading(sandbox, DIALING.replace("40", "55"), True) == []


def test_not_dialing_of_one_that_may_dial_is_found(sandbox: Sandbox) -> None:
    assert reading(sandbox, "Not dialing.", False) == ["called it not dialing, and it may dial"]
    for columns in ({"state": "paused"}, CLOSED, {"total_queued_count": 0}):
        put(sandbox, **{"state": "running", "total_queued_count": 480, **OPEN, **columns})
        assert reading(sandbox, "Not dialing.", False) == []


def test_silence_about_a_campaign_that_surely_does_not_dial_is_found(sandbox: Sandbox) -> None:
    put(sandbox, state="paused")
    assert reading(sandbox, "It is paused.", None) == ["did not say that a campaign that is paused does not dial"]


def test_a_text_and_a_flag_that_differ_are_found(sandbox: Sandbox) -> None:
    call(sandbox, 40)
    assert reading(sandbox, DIALING, None) == ["the text and the flag (None) do not say the same of dialing"]


@pytest.mark.parametrize(("words", "fits"), [("24 min", False), ("25 min", True), ("26 min", False), ("25 h", False)])
def test_another_time_without_calls_is_found(sandbox: Sandbox, words: str, *, fits: bool) -> None:
    call(sandbox, 25 * 60 + 30)
    text = f"Its hours are open, but no call began for {words}."
    wrong = f"said that no call began for {words}, and the newest began at 2026-11-23 14:34:30+00:00"
    assert reading(sandbox, text, None) == ([] if fits else [wrong])


def test_no_call_ever_is_found_when_there_was_one(sandbox: Sandbox) -> None:
    text = "Its hours are open, but no call was ever made."
    assert reading(sandbox, text, None) == []
    call(sandbox, 7200)
    assert reading(sandbox, text, None) == ["said that no call was ever made, and one was"]


def test_another_last_call_than_the_newest_is_found(sandbox: Sandbox) -> None:
    call(sandbox, 7200)
    call(sandbox, 3600)
    older = (MONDAY - timedelta(seconds=7200)).isoformat()
    assert reading(sandbox, "It runs.", None, last_call_at=older) == [
        f"said that the last call began at {older}, and the newest began at 2026-11-23 14:00:00+00:00"
    ]


def test_a_last_call_that_was_answered_and_is_not_told_is_found(sandbox: Sandbox) -> None:
    call(sandbox, 40)
    silent, answered = said("It runs.", campaign_id=4), Watch(calls_answered=[True])
    assert found(sandbox, "get_campaign", silent, watch=answered) == [
        "did not say that the last call began at 2026-11-23 14:59:20+00:00",
        "did not say that it dials, and its newest call is recent",
    ]
    for other in (Watch(), Watch(calls_answered=[False]), Watch(calls_answered=[True], fired=["outage"])):
        assert found(sandbox, "get_campaign", silent, watch=other) == []


def test_what_is_said_of_the_queue_is_held_against_it(sandbox: Sandbox) -> None:
    put(sandbox, executed_count=470, total_queued_count=480)
    assert reading(sandbox, "Every queued call was made, and no call was ever made.", None) == [
        "said that every queued call was made, and some were not"
    ]
    assert reading(sandbox, "No call is queued, so nothing is dialed.", None) == [
        "said that no call is queued, and some are"
    ]
    put(sandbox, executed_count=480, batch=[], last_activity_at=MONDAY)
    assert reading(sandbox, "Every queued call was made, and no call was ever made.", None) == []


def test_a_list_that_says_that_something_dials_is_found() -> None:
    rows = [{"campaign_id": 4, "dialing": False}, {"campaign_id": 5}]
    assert list_violations(said('- 4 "x": running (hours open until 17:00 EST)', campaigns=rows)) == []
    told = list_violations(said('- 4 "x": running (dialing now)', campaigns=[{"campaign_id": 4, "dialing": True}]))
    assert [each.sentence for each in told] == [
        "listed campaign 4 as dialing",
        "said in a list that something dials",
    ]


# --- telephony and limits ---------------------------------------------------------------------------------------------

REFUSED = said(
    "Campaign 4 was not resumed: parked. Resumed like this, it would fail for good within a minute.", error=True
)


@pytest.mark.parametrize("pinned", [2, 5, 77])
def test_a_resume_with_bad_telephony_is_found_and_its_refusal_is_right(sandbox: Sandbox, pinned: int) -> None:
    put(sandbox, telephony_configuration_id=pinned)
    assert found(sandbox, "resume_campaign", REFUSED) == []
    sent = Watch([Arrived("resume", None, None, 10.0, 9.9)])
    (sentence,) = found(sandbox, "resume_campaign", said("Unknown outcome.", error=True), watch=sent)
    assert sentence.startswith("sent a resume that ends the campaign: ")
    assert found(sandbox, "resume_campaign", said("Unknown outcome.", error=True), watch=sent, telephony=False) == []


@pytest.mark.parametrize("pinned", [None, 1])
def test_a_refusal_because_of_telephony_that_is_in_order_is_found(sandbox: Sandbox, pinned: int | None) -> None:
    put(sandbox, telephony_configuration_id=pinned)
    assert found(sandbox, "resume_campaign", REFUSED) == [
        "refused a resume because of its telephony, which is in order"
    ]


CAP = (
    "Calls at once: at most {}, the smallest of its own limit ({}), the organisation's limit ({}), the numbers that it dials from ({}, "
    "shared with other campaigns)."
)


@pytest.mark.parametrize(
    ("numbers", "wrong"),
    [
        ((4, 4, 20, 5), []),
        (
            (5, 4, 20, 5),
            ["called 5 the smallest of {'own': 4, 'limit': 20, 'numbers': 5}", "and the stored limits are"],
        ),
        ((4, 4, 30, 5), ["said that limit allows 30 calls at once, and it is {20}"]),
        ((4, 4, 20, 40), ["said that numbers allows 40 calls at once, and it is {5}"]),
        ((3, 3, 20, 5), ["said that own allows 3 calls at once, and it is {4}", "and the stored limits are"]),
    ],
)
def test_another_cap_than_the_smallest_of_the_stored_three_is_found(
    sandbox: Sandbox, numbers: tuple[int, ...], wrong: list[str]
) -> None:
    put(sandbox, max_concurrency=4, telephony_configuration_id=1)
    told = found(sandbox, "resume_campaign", said(CAP.format(*numbers)))
    assert len(told) == len(wrong)
    assert all(words in sentence for words, sentence in zip(wrong, told, strict=True))


def test_a_cap_that_leaves_out_what_was_looked_up_is_found(sandbox: Sandbox) -> None:
    put(sandbox, max_concurrency=None)
    text = "Calls at once: at most 20, the smallest of the organisation's limit (20)."
    assert found(sandbox, "resume_campaign", said(text)) == [
        "said that at most 20 calls go out at once, and the stored limits are [[20, 5]]"
    ]
    assert found(sandbox, "resume_campaign", said(text), telephony=False) == []


def test_a_promise_above_what_may_be_set_is_found(sandbox: Sandbox) -> None:
    named = {"max_concurrency": 60}
    undo = said("Done: changed.", applied=True, undo={"campaign_id": 4, "max_concurrency": 50})
    assert found(sandbox, "update_campaign", undo, named=named) == [
        "promised an undo with max_concurrency 50, and 20 is all that may be set"
    ]
    preview = said("Preview: it would change.\n- max_concurrency: 3 → 60", applied=False)
    assert found(sandbox, "update_campaign", preview, named=named) == [
        "previewed max_concurrency 60, and 20 is all that may be set"
    ]
    refused = said("max_concurrency 60 is above what may be set now (30: the organisation's limit).", error=True)
    assert found(sandbox, "update_campaign", refused, named=named) == ["said that 30 may be set, and it is 20"]
    for result in (undo, preview, refused):
        assert found(sandbox, "update_campaign", result, named=named, call_limit=False) == []


# --- after a resume, and a minute later -------------------------------------------------------------------------------


def resumed(sandbox: Sandbox, **columns: Any) -> tuple[Watch, Stored]:
    """A resume was executed, and what was stored before it."""
    put(sandbox, **{"state": "paused", "batch": [], **columns})
    before = stored(sandbox, 4)
    put(sandbox, state="running", check_at=MONDAY + timedelta(seconds=45))
    write = Arrived("resume", None, None, 10.0, 9.9, status=200, answered_at=10.01)
    return Watch([write], [Executed(write, 1, dict(before.row), sandbox.campaign(4), 10.0, MONDAY)]), before


def test_a_resume_is_true_whose_campaign_runs_a_minute_later(sandbox: Sandbox) -> None:
    watch, before = resumed(sandbox)
    text = f"{RESUMED}\nSeen 3 s later: running, and no new call yet; calling hours: open at any hour."
    assert found(sandbox, "resume_campaign", said(text), watch=watch, before=before) == []


@pytest.mark.parametrize("pinned", [2, 5, 77])
def test_a_resume_whose_campaign_fails_within_a_minute_is_found(sandbox: Sandbox, pinned: int) -> None:
    watch, before = resumed(sandbox, telephony_configuration_id=pinned)
    failed = "called a resume done, and a minute later the campaign has failed for good"
    assert failed in found(sandbox, "resume_campaign", said(RESUMED), watch=watch, before=before)
    assert found(sandbox, "resume_campaign", said(RESUMED), watch=watch, before=before, telephony=False) == []


def test_a_resume_whose_campaign_completes_within_a_minute_is_found_unless_that_is_said(sandbox: Sandbox) -> None:
    watch, before = resumed(
        sandbox, executed_count=480, total_queued_count=480, last_activity_at=MONDAY - timedelta(hours=2)
    )
    assert found(sandbox, "resume_campaign", said(RESUMED), watch=watch, before=before) == [
        "called a resume done, and a minute later the campaign has completed for good"
    ]
    ends = f"{RESUMED}\nNote: Every queued call was made, so it will complete for good: within a minute."
    assert found(sandbox, "resume_campaign", said(ends), watch=watch, before=before) == []


def test_a_resume_with_nothing_left_but_failed_contacts_has_to_say_where_to_look(sandbox: Sandbox) -> None:
    left = {"executed_count": 470, "total_queued_count": 480, "failed_count": 10, "waiting_retries": [], "batch": []}
    watch, before = resumed(sandbox, **left, last_activity_at=MONDAY - timedelta(hours=2))
    assert found(sandbox, "resume_campaign", said(RESUMED), watch=watch, before=before) == [
        "called a resume done, said nothing of looking again, and a minute later the campaign has completed"
    ]
    text = f"{RESUMED}\nSeen 3 s later: running, and no new call yet. Look with `get_campaign` in a minute."
    assert found(sandbox, "resume_campaign", said(text), watch=watch, before=before) == []


def test_a_call_from_before_the_resume_that_is_taken_for_a_new_one_is_found(sandbox: Sandbox) -> None:
    call(sandbox, 40)
    watch, before = resumed(sandbox)
    text = f"{RESUMED}\nSeen 3 s later: {DIALING}"
    assert found(sandbox, "resume_campaign", said(text), watch=watch, before=before) == [
        "took a call from before the resume for what it brought"
    ]


def test_a_new_call_that_is_denied_is_found(sandbox: Sandbox) -> None:
    watch, before = resumed(sandbox)
    text = f"{RESUMED}\nSeen 3 s later: running, and no new call yet; calling hours: open at any hour."
    call(sandbox, -1)
    ended = MONDAY + timedelta(seconds=3)
    assert found(sandbox, "resume_campaign", said(text), watch=watch, before=before, ended=ended) == [
        "said that no new call began since the resume, and one did"
    ]


def test_another_age_of_the_last_call_before_the_resume_is_found(sandbox: Sandbox) -> None:
    call(sandbox, 300)
    watch, before = resumed(sandbox)
    words = "Seen 3 s later: running, and no new call yet (the last one began {} min ago, before the resume)"
    for minutes, wrong in ((5, []), (6, ["said that the last call before the resume began 6 min ago, and it did not"])):
        text = f"{RESUMED}\n{words.format(minutes)}"
        assert found(sandbox, "resume_campaign", said(text), watch=watch, before=before) == wrong


def test_a_resume_that_stayed_so_and_is_said_not_to_have_is_found(sandbox: Sandbox) -> None:
    text = "It did not stay so: Campaign 4 was resumed, and 3 s later it is paused."
    watch, before = resumed(sandbox)
    assert found(sandbox, "resume_campaign", said(text), watch=watch, before=before) == [
        "said that it did not stay so, and it is running"
    ]
    put(sandbox, state="paused")
    assert found(sandbox, "resume_campaign", said(text), watch=watch, before=before) == []
    assert found(sandbox, "resume_campaign", said(text)) == [
        "said that a resume did not stay so, and none was executed"
    ]


def test_a_pause_whose_campaign_runs_a_minute_later_is_found_unless_its_import_is_told(sandbox: Sandbox) -> None:
    before = sandbox.campaign(4)
    put(sandbox, state="paused", sync_ends_at=MONDAY + timedelta(seconds=30))
    write = Arrived("pause", None, None, 10.0, 9.9, status=200, answered_at=10.01)
    watch = Watch([write], [Executed(write, 1, before, sandbox.campaign(4), 10.0, MONDAY)])
    assert found(sandbox, "pause_campaign", said("Done: Campaign 4 is paused."), watch=watch) == [
        "called a pause done, and a minute later the campaign runs"
    ]
    told = "Done: Campaign 4 is paused.\nNote: It was paused while its contacts were being imported."
    assert found(sandbox, "pause_campaign", said(told), watch=watch) == []
