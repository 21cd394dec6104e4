"""The oracle finds each violation: watches made by hand, and the one sentence that is wrong with them."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from asisso_mcp.sandbox import Sandbox
from tests.conftest import MONDAY
from tests.fuzz.oracle import ON_THE_WIRE, Violation, late_violations, violations, violations_after_giving_up
from tests.fuzz.recorder import Arrived, Executed, Watch, settings_of

EDIT = {"campaign_id": 4, "retry_config": {"max_retries": 9}}
ANSWERED_504 = "Unknown outcome. Sent: the edit of retry_config.max_retries of campaign 4."


@pytest.fixture
def row() -> Iterator[dict[str, Any]]:
    sandbox = Sandbox(clock=lambda: MONDAY)
    yield sandbox.campaign(4)
    sandbox.close()


def edited(row: dict[str, Any], **retries: Any) -> dict[str, Any]:
    """The row with other leaves in its retry_config."""
    changed = copy.deepcopy(row)
    changed["retry_config"].update(retries)
    return changed


def patch(row: dict[str, Any], *, at: float = 10.0, read: float | None = None, **answer: Any) -> Arrived:
    """A PATCH of max_retries made from `row`, answered a moment later with a 200 unless `answer` says otherwise."""
    seen = {**settings_of(row), "state": row["state"]}
    body = {"retry_config": {**seen["retry_config"], "max_retries": 9}}
    arrived = Arrived("edit", body, seen, at, at - 0.01 if read is None else read, status=200, answered_at=at + 0.01)
    return replace(arrived, **answer)


def post(verb: str, **answer: Any) -> Arrived:
    return replace(Arrived(verb, None, None, 10.0, 9.9, status=200, answered_at=10.01), **answer)


def said(text: str, *, error: bool = False, **structure: Any) -> dict[str, Any]:
    result: dict[str, Any] = {"content": [{"type": "text", "text": text}], "isError": error}
    return result if error else {**result, "structuredContent": {"changes": [], "warnings": [], **structure}}


DONE = said('Done: Campaign 4 "x" was changed.\n- retry_config.max_retries: 2 → 9', applied=True)


def about_edit(row: dict[str, Any], watch: Watch, result: dict[str, Any], **named: Any) -> list[Violation]:
    now = watch.executed[-1].after if watch.executed else row
    return violations("update_campaign", {**EDIT, **named}, result, watch=watch, before=row, now=now)


def executed(write: Arrived, before: dict[str, Any], after: dict[str, Any]) -> Executed:
    return Executed(write, 1, before, after)


def test_an_edit_that_was_sent_once_executed_and_told_is_true(row: dict[str, Any]) -> None:
    write = patch(row)
    watch = Watch([write], [executed(write, row, edited(row, max_retries=9))])
    assert about_edit(row, watch, DONE) == []


def test_a_write_that_is_sent_again_after_a_429_and_another_reading_is_right(row: dict[str, Any]) -> None:
    refused, sent = patch(row, status=429), patch(row, at=12.0)
    watch = Watch([refused, sent], [executed(sent, row, edited(row, max_retries=9))])
    assert about_edit(row, watch, DONE) == []


@pytest.mark.parametrize(
    "answer",
    [{"status": 504}, {"status": 502}, {"status": 500}, {"status": 503}, {"status": None, "answered_at": None}, {}],
    ids=str,
)
def test_a_second_send_while_the_first_may_be_under_way_is_found(row: dict[str, Any], answer: dict[str, Any]) -> None:
    first, second = patch(row, **answer), patch(row, at=12.0)
    watch = Watch([first, second], [executed(second, row, edited(row, max_retries=9))])
    assert about_edit(row, watch, DONE) == [
        Violation(
            "doubled",
            f"a write of update_campaign was sent again, and the one before (answered {first.status}) may be under way",
        )
    ]


def test_two_writes_with_effect_are_found(row: dict[str, Any]) -> None:
    first, second = patch(row, status=429), patch(row, at=12.0)
    once = executed(first, row, edited(row, max_retries=9))
    watch = Watch([first, second], [once, executed(second, row, edited(row, max_retries=9))])
    assert about_edit(row, watch, DONE) == [
        Violation("doubled", "a write of update_campaign was executed 2 times with effect")
    ]


def test_a_second_send_without_a_reading_after_the_wait_is_found(row: dict[str, Any]) -> None:
    refused, sent = patch(row, status=503, retry_after=True), patch(row, at=12.0, read=9.99)
    watch = Watch([refused, sent], [executed(sent, row, edited(row, max_retries=9))])
    assert about_edit(row, watch, DONE) == [
        Violation("wrong", "a write of update_campaign was sent again, and the campaign was not read after the wait")
    ]


def test_what_a_colleague_stored_while_the_api_let_a_write_lie_is_not_the_writes_doing(row: dict[str, Any]) -> None:
    theirs = edited(row, retry_delay_seconds=1800)
    sent = patch(row, at=12.0)
    for at, found in ((12.01, 1), (13.0, 0)):
        late = replace(executed(sent, theirs, edited(row, max_retries=9)), at=at)
        watch = Watch([sent], [late], colleagues=[{"retry_config": {"retry_delay_seconds": 1800}}])
        assert sum(each.kind == "reverted" for each in about_edit(row, watch, DONE)) == found


def test_a_value_of_a_colleague_that_is_put_back_is_found(row: dict[str, Any]) -> None:
    theirs = edited(row, retry_delay_seconds=1800)
    refused, sent = patch(row, status=429), patch(theirs, at=12.0)
    ours = executed(sent, theirs, edited(row, max_retries=9))
    watch = Watch([refused, sent], [ours], colleagues=[{"retry_config": {"retry_delay_seconds": 1800}}])
    back = row["retry_config"]["retry_delay_seconds"]
    assert about_edit(row, watch, DONE) == [
        Violation("reverted", f"put retry_config.retry_delay_seconds back to {back}, which a colleague had set to 1800")
    ]
    kept = executed(sent, theirs, edited(theirs, max_retries=9))
    assert about_edit(row, replace(watch, executed=[kept]), DONE) == []


def test_a_named_value_may_replace_a_colleagues(row: dict[str, Any]) -> None:
    theirs = edited(row, max_retries=7)
    refused, sent = patch(row, status=429), patch(theirs, at=12.0)
    ours = executed(sent, theirs, edited(row, max_retries=9))
    watch = Watch([refused, sent], [ours], colleagues=[{"retry_config": {"max_retries": 7}}])
    assert about_edit(row, watch, DONE) == []
    assert about_edit(row, watch, DONE, expected_revision="0123456789ab") == [
        Violation("wrong", "edited a campaign whose revision had moved while the call waited")
    ]


@pytest.mark.parametrize("words", ["nothing was sent", "nothing was changed"])
def test_a_late_execution_after_nothing_was_done_is_found_by_the_later_look(row: dict[str, Any], words: str) -> None:
    result = said(f"The Asisso API asks for patience; {words}.", error=True)
    write = patch(row, status=429)
    watch = Watch([write])
    assert about_edit(row, watch, result) == []
    watch.executed.append(executed(write, row, edited(row, max_retries=9)))
    assert late_violations("update_campaign", EDIT, result, watch=watch) == [
        Violation("wrong", f"said that {words}, and a write was executed"),
        Violation("wrong", "answered an error that is not an unknown outcome, and a write was executed"),
    ]


def test_an_error_that_hides_that_a_write_may_be_under_way_is_found(row: dict[str, Any]) -> None:
    watch = Watch([patch(row, status=504)])
    assert about_edit(row, watch, said(ANSWERED_504, error=True)) == []
    assert about_edit(row, watch, said("The Asisso API is busy (HTTP 504).", error=True)) == [
        Violation("wrong", "answered an error that is not an unknown outcome, and a write may be under way")
    ]


def test_an_unknown_outcome_of_nothing_is_found(row: dict[str, Any]) -> None:
    result = said(ANSWERED_504, error=True)
    found = [Violation("wrong", "called the outcome unknown although no write arrived")]
    assert about_edit(row, Watch(), result) == found
    assert about_edit(row, Watch(fired=["outage"]), result) == []


def test_a_stale_success_that_is_believed_is_found(row: dict[str, Any]) -> None:
    write = patch(row)
    watch = Watch([write], [executed(write, row, edited(row, max_retries=9))], fired=["stale-body/before"])
    result = said("Not applied: Campaign 4 was written, and does not show all of the edit.", applied=False)
    assert about_edit(row, watch, result) == [
        Violation("wrong", "said not applied, or partly, and all of it is in place")
    ]


def test_a_colleague_who_was_invented_is_found(row: dict[str, Any]) -> None:
    write = patch(row)
    watch = Watch([write], [executed(write, row, edited(row, max_retries=9))], fired=["minimal-body/before"])
    text = f"{DONE['content'][0]['text']}\nSomeone else changed at the same time, not this edit:\n- name: a → b"
    assert about_edit(row, watch, said(text, applied=True)) == [
        Violation("wrong", "said that someone else changed settings, and nobody did")
    ]


def test_an_edit_that_nobody_executed_is_found(row: dict[str, Any]) -> None:
    sentences = [each.sentence for each in about_edit(row, Watch([patch(row)]), DONE) if each.kind == "lost"]
    assert sentences == ["said applied, and no write that was executed shows it"]


def about_switch(
    verb: str, row: dict[str, Any], result: dict[str, Any], watch: Watch, now: dict[str, Any]
) -> list[Violation]:
    return violations(f"{verb}_campaign", {"campaign_id": 4}, result, watch=watch, before=row, now=now)


def test_a_resume_that_was_executed_and_called_not_applied_is_found(row: dict[str, Any]) -> None:
    write, running = post("resume"), {**row, "state": "running"}
    watch = Watch([write], [executed(write, row, running)], fired=["stale-body/before"])
    result = said('Not running: Campaign 4 "x" is paused after the request.', applied=False, state="paused")
    assert about_switch("resume", row, result, watch, running) == [
        Violation("wrong", "said that the resume changed nothing, and it was executed"),
        Violation("wrong", "said that it is paused, and it is running"),
    ]


def test_our_own_pause_that_is_called_someone_elses_is_found(row: dict[str, Any]) -> None:
    write, running = post("pause"), {**row, "state": "running"}
    watch = Watch([write], [executed(write, running, row)])
    text = "Campaign 4 is paused, not by this request.\nNote: It became paused a moment before this request, by someone else."
    result = said(text, applied=False, state="paused")
    assert about_switch("pause", running, result, watch, row) == [
        Violation("wrong", "said that someone else did it, and the pause was executed")
    ]


def test_a_pause_that_was_not_sent_or_not_said_to_be_blind_is_found(row: dict[str, Any]) -> None:
    running = {**row, "state": "running"}
    failed = said("The API had an error inside (HTTP 500).", error=True)
    assert about_switch("pause", running, failed, Watch(reads=[500, 500]), running) == [
        Violation("lost", "did not send the pause because the campaign could not be read")
    ]
    write = post("pause")
    watch = Watch([write], [executed(write, running, row)], reads=[500, 500])
    silent = said("Done: campaign 4 is paused.", applied=True, state="paused")
    assert about_switch("pause", running, silent, watch, row) == [
        Violation("wrong", "did not say that the campaign could not be looked at")
    ]
    refused = said("The API refused: Campaign must be in 'running' state to pause, current state: paused.", error=True)
    assert about_switch("pause", running, refused, Watch([post("pause", status=400)], reads=[500, 500]), row) == []
    open_ = said("Done: campaign 4 is paused. It could not be read before.", applied=True, state="paused")
    assert about_switch("pause", running, open_, watch, row) == []


def test_a_pause_may_be_repeated_when_an_import_has_undone_it(row: dict[str, Any]) -> None:
    importing = {**row, "state": "syncing"}
    first, second = post("pause"), post("pause", at=12.0)
    pauses = [executed(first, importing, row), executed(second, {**row, "state": "running"}, row)]
    done = said('Done: Campaign 4 "x" is paused; it was syncing.', applied=True, state="paused")
    assert about_switch("pause", importing, done, Watch([first, second], pauses), row) == []
    assert about_switch("pause", importing, done, Watch([first, second], pauses[1:]), row) != []


@pytest.mark.parametrize("tool", ["update_campaign", "resume_campaign"])
def test_a_write_that_was_sent_after_its_call_was_given_up_is_found(row: dict[str, Any], tool: str) -> None:
    make: Callable[[], Arrived] = (lambda: patch(row)) if tool == "update_campaign" else (lambda: post("resume"))
    watch = Watch([make()])
    for given_up in (None, 10.0, 11.0, 10.0 - ON_THE_WIRE):
        assert violations_after_giving_up(tool, EDIT, watch=watch, given_up=given_up) == []
    assert violations_after_giving_up(tool, EDIT, watch=watch, given_up=9.0) == [
        Violation("sent after it was given up", f"a write of {tool} arrived 1.00 s after its call had been given up")
    ]


def test_a_read_that_sends_a_write_is_found(row: dict[str, Any]) -> None:
    result = said('Campaign 4 "x" is paused.')
    assert late_violations("get_campaign", {"campaign_id": 4}, result, watch=Watch([patch(row)])) == [
        Violation("wrong", "get_campaign sent a write")
    ]


def test_a_watch_of_two_calls_can_be_told_apart(row: dict[str, Any]) -> None:
    ours, theirs = patch(row), post("pause")
    watch = Watch([ours, theirs], [executed(theirs, row, row)], fired=["other call"])
    assert watch.only(lambda write: write.verb == "edit") == Watch([ours], [], fired=["other call"])
