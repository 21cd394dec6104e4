"""What is said of dialing is what was seen: the newest call is the evidence, and what it does not show is not claimed."""

from datetime import timedelta
from typing import Any

import pytest

from asisso_mcp.api.models import Campaign, LastCall
from asisso_mcp.campaigns.dialing import dialing_status, may_dial
from tests.conftest import MONDAY

HOURS = {
    "enabled": True,
    "timezone": "America/New_York",
    "slots": [{"day_of_week": day, "start_time": "09:00", "end_time": "17:00"} for day in range(5)],
}
OPEN = "Calling hours: open now, closes 17:00 EST (in 7 h)."
RETRIES = {"enabled": True, "max_retries": 3, "retry_delay_seconds": 2700}
FAILED_OR_WAITS = "what is queued waits for a retry (45 min apart) or has failed"
NO_NUMBER = "no number is free (all campaigns of the organisation share them)"
TRIPPED = {"event": "circuit_breaker_tripped", "level": "warning", "message": "Paused: 5 of 5 failed"}


def campaign(**other: Any) -> Campaign:
    return Campaign.model_validate(
        {
            "id": 3,
            "name": "Spring promo",
            "state": "running",
            "schedule_config": HOURS,
            "retry_config": RETRIES,
            "executed_count": 120,
            "total_queued_count": 240,
            **other,
        }
    )


def began(ago: timedelta, *, is_completed: bool = True) -> LastCall:
    return LastCall(created_at=MONDAY - ago, is_completed=is_completed)


def seconds(number: int) -> timedelta:
    return timedelta(seconds=number)


@pytest.mark.parametrize(
    ("last_call", "words"),
    [
        (began(seconds(40)), f"Dialing: the last call began 40 s ago; calling hours: {OPEN[15:]}"),
        (began(seconds(120)), f"Dialing: the last call began 2 min ago; calling hours: {OPEN[15:]}"),
        (
            began(seconds(900), is_completed=False),
            f"Dialing: the last call began 15 min ago; calling hours: {OPEN[15:]}",
        ),
        (began(seconds(-30)), f"Dialing: the last call began 0 s ago; calling hours: {OPEN[15:]}"),
    ],
)
def test_a_recent_call_or_one_that_has_not_ended_is_evidence_of_dialing(last_call: LastCall, words: str) -> None:
    now = dialing_status(campaign(), MONDAY, last_call)
    assert (now.dialing, now.words) == (True, words)


@pytest.mark.parametrize("ahead", [timedelta(seconds=121), timedelta(days=30_000)])
def test_a_call_that_begins_in_the_future_is_no_evidence(ahead: timedelta) -> None:
    now = dialing_status(campaign(), MONDAY, began(-ahead))
    assert (now.dialing, now.words) == (None, f"{OPEN} Whether calls go out was not seen.")


@pytest.mark.parametrize(
    ("last_call", "seen"),
    [
        (began(seconds(121)), "no call began for 2 min"),
        (began(timedelta(minutes=25)), "no call began for 25 min"),
        (began(seconds(901), is_completed=False), "no call began for 15 min"),
        (began(timedelta(hours=30)), "no call began for 30 h"),
        (began(timedelta(days=3)), "no call began for 3 d"),
        (LastCall(), "no call was ever made"),
    ],
)
def test_without_a_recent_call_it_is_not_said_that_it_dials(last_call: LastCall, seen: str) -> None:
    now = dialing_status(campaign(), MONDAY, last_call)
    assert now.dialing is None
    assert now.words == f"Its hours are open, but {seen}. Possible: {FAILED_OR_WAITS}; {NO_NUMBER}. {OPEN}"


@pytest.mark.parametrize(
    ("facts", "reasons"),
    [
        ({"retry_config": {**RETRIES, "enabled": False}}, f"what is queued has failed; {NO_NUMBER}"),
        ({"retry_config": {**RETRIES, "max_retries": 0}}, f"what is queued has failed; {NO_NUMBER}"),
        (
            {"logs": [{"ts": "2026-11-23T14:30:00+00:00", "level": "warning", "event": "x", "message": "no CLI free"}]},
            f'its log says "no CLI free"; {FAILED_OR_WAITS}; {NO_NUMBER}',
        ),
        (
            {"logs": [{"ts": "2026-11-23T04:30:00+00:00", "level": "warning", "event": "x", "message": "no CLI free"}]},
            f"{FAILED_OR_WAITS}; {NO_NUMBER}",
        ),
        (
            {"schedule_config": {**HOURS, "slots": [{"day_of_week": 0, "start_time": "09:59", "end_time": "17:00"}]}},
            f"its hours opened a moment ago; {FAILED_OR_WAITS}; {NO_NUMBER}",
        ),
    ],
)
def test_only_reasons_that_the_facts_leave_open_are_named(facts: dict[str, Any], reasons: str) -> None:
    now = dialing_status(campaign(**facts), MONDAY, began(timedelta(minutes=25)))
    assert f"Possible: {reasons}. Calling hours" in now.words


@pytest.mark.parametrize(
    ("facts", "dialing", "words"),
    [
        ({}, None, f"{OPEN} Whether calls go out was not seen."),
        ({"schedule_config": None}, None, "Calling hours: open at any hour. Whether calls go out was not seen."),
        (
            {"total_queued_count": 0, "executed_count": 0},
            False,
            "No call is queued, so nothing is dialed: its contacts may not have been imported.",
        ),
        (
            {"schedule_config": {**HOURS, "timezone": "Asia/Tokyo"}},
            False,
            "Not dialing now although running; calling hours: closed now, opens 09:00 JST (in 9 h).",
        ),
        ({"state": "draft"}, False, "Not dialing: it was never started."),
        ({"state": "created"}, False, "Not dialing: it was never started."),
        (
            {"state": "created", "parent_campaign_id": 1},
            False,
            "Not dialing: a redial that was never started; its contacts are queued already.",
        ),
        (
            {"state": "paused"},
            False,
            "Not dialing. Right after a pause, up to ten claimed contacts may still be called.",
        ),
        (
            {"state": "archived"},
            None,
            'Its state "archived" is unknown to this server: whether it dials cannot be said.',
        ),
    ],
)
def test_what_was_not_looked_up_is_not_claimed(facts: dict[str, Any], dialing: bool | None, words: str) -> None:
    now = dialing_status(campaign(**facts), MONDAY)
    assert (now.dialing, now.words) == (dialing, words)


def test_a_queue_that_was_called_whole_may_still_be_talking_or_completes() -> None:
    done = campaign(executed_count=240)
    assert dialing_status(done, MONDAY, began(seconds(30))).dialing is True
    now = dialing_status(done, MONDAY, began(timedelta(minutes=40)))
    assert now.dialing is None
    assert now.words == (
        "Every queued call was made, and no call began for 40 min; it completes by itself about an hour after its last call."
    )


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, True),
        ({"schedule_config": None}, True),
        ({"schedule_config": {**HOURS, "timezone": "Asia/Tokyo"}}, False),
        ({"state": "paused"}, False),
        ({"state": "syncing"}, False),
    ],
)
def test_calls_are_looked_for_only_where_it_may_dial(facts: dict[str, Any], expected: bool) -> None:
    assert may_dial(campaign(**facts), MONDAY) is expected


def after_trip(*later: dict[str, Any], ts: str = "2026-11-23T14:00:00+00:00") -> str:
    logs = [{**TRIPPED, "ts": ts}, *later]
    return dialing_status(campaign(state="paused", logs=logs), MONDAY).words.removesuffix(
        " Right after a pause, up to ten claimed contacts may still be called."
    )


PROBABLY = 'Not dialing: paused, probably by the circuit breaker ("Paused: 5 of 5 failed").'


def test_a_recent_trip_explains_a_pause_also_when_the_batch_in_flight_wrote_to_the_log_after_it() -> None:
    assert after_trip() == PROBABLY
    later = {
        "ts": "2026-11-23T14:08:00+00:00",
        "event": "phone_number_pool_exhausted",
        "level": "error",
        "message": "x",
    }
    assert after_trip(later, {"no": "entry"}, {"ts": "yesterday"}) == PROBABLY


@pytest.mark.parametrize(
    ("later", "ts", "when"),
    [
        ((), "2026-11-20T14:00:00+00:00", "3 d ago"),
        ((), "last week", "at an unknown time"),
        ((), "2026-11-23T14:00:00", "at an unknown time"),
        (
            ({"ts": "2026-11-23T14:30:00+00:00", "event": "batch_failed", "message": "x"},),
            "2026-11-23T14:00:00+00:00",
            "60 min ago",
        ),
    ],
)
def test_a_trip_that_is_old_or_was_followed_by_more_calls_is_not_called_the_reason(
    later: tuple[dict[str, Any], ...], ts: str, when: str
) -> None:
    assert after_trip(*later, ts=ts) == (
        f"Not dialing. The circuit breaker tripped {when}; whether that is why it is paused is not known."
    )


def test_a_trip_on_the_last_day_of_the_calendar_is_told_as_any_other() -> None:
    assert after_trip({"ts": "2026-11-23T14:30:00+00:00"}, ts="9999-12-31T23:59:59+00:00").startswith("Not dialing")


@pytest.mark.parametrize(
    ("minutes", "late"),
    [(0, " Right after they close, up to ten claimed contacts may still be called."), (11, "")],
)
def test_right_after_its_hours_closed_it_is_not_said_that_no_phone_rings_any_more(minutes: int, late: str) -> None:
    closing = MONDAY + timedelta(hours=7, minutes=minutes)
    words = dialing_status(campaign(), closing).words
    assert words.startswith("Not dialing now although running; calling hours: closed now, opens Tue 09:00 EST (in 1")
    assert words.partition(").")[2] == late
