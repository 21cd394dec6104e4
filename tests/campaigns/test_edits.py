"""Only what was named changes; what was, is said; the way back is exact."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asisso_mcp.campaigns.breaker import AMBIGUOUS, describe_breaker
from asisso_mcp.campaigns.edit_models import CampaignEdit
from asisso_mcp.campaigns.edits import check_response, plan_edit
from asisso_mcp.campaigns.models import Change, NotAllowed, differences, json_equal
from asisso_mcp.campaigns.ranges import describe_out_of_range
from asisso_mcp.campaigns.revisions import revision

RETRY = {
    "enabled": True,
    "max_retries": 3,
    "retry_delay_seconds": 300,
    "retry_on_busy": True,
    "retry_on_no_answer": True,
    "retry_on_voicemail": False,
}
NINE_TO_FIVE = [{"day_of_week": day, "start_time": "09:00", "end_time": "17:00"} for day in range(5)]
SCHEDULE = {"enabled": True, "timezone": "America/New_York", "slots": NINE_TO_FIVE}
BREAKER = {"enabled": True, "failure_threshold": 0.4, "window_seconds": 300, "min_calls_in_window": 10}
UNSURE = {"enabled": False, "failure_threshold": 0.5, "window_seconds": 120, "min_calls_in_window": 5}


def settings(**other: Any) -> dict[str, Any]:
    return {
        "name": "Spring promo",
        "retry_config": RETRY,
        "max_concurrency": 3,
        "schedule_config": SCHEDULE,
        "circuit_breaker": BREAKER,
        **other,
    }


def test_one_named_leaf_sends_its_section_whole_and_nothing_else() -> None:
    found = plan_edit(settings(), {"retry_config": {"max_retries": 5}})
    assert found.body == {"retry_config": {**RETRY, "max_retries": 5}}
    assert found.changes == (Change("retry_config.max_retries", 3, 5),)
    assert found.undo == {"retry_config": {"max_retries": 3}}
    assert found.warnings == ()


def test_several_sections_go_in_one_body() -> None:
    found = plan_edit(settings(), {"name": "Summer", "max_concurrency": 5, "circuit_breaker": {"window_seconds": 60}})
    assert found.body == {"name": "Summer", "max_concurrency": 5, "circuit_breaker": {**BREAKER, "window_seconds": 60}}
    assert found.undo == {"name": "Spring promo", "max_concurrency": 3, "circuit_breaker": {"window_seconds": 300}}


@pytest.mark.parametrize(
    "named",
    [
        {"name": "Spring promo"},
        {"max_concurrency": 3},
        {"retry_config": {"max_retries": 3, "retry_on_busy": True}},
        {"schedule_config": {"timezone": "America/New_York", "slots": NINE_TO_FIVE}},
        {"circuit_breaker": {"failure_threshold": 0.4}},
    ],
)
def test_what_is_already_so_sends_nothing(named: dict[str, Any]) -> None:
    found = plan_edit(settings(), named)
    assert (found.body, found.changes, found.undo) == ({}, (), {})


def test_a_key_that_only_a_newer_platform_knows_travels_back_unchanged() -> None:
    found = plan_edit(settings(retry_config={**RETRY, "retry_on_failed": True}), {"retry_config": {"max_retries": 5}})
    assert found.body["retry_config"] == {**RETRY, "retry_on_failed": True, "max_retries": 5}


def test_a_number_of_a_breaker_whose_display_is_ambiguous_needs_the_switch_in_the_same_edit() -> None:
    with pytest.raises(NotAllowed) as refusal:
        plan_edit(settings(circuit_breaker=UNSURE), {"circuit_breaker": {"min_calls_in_window": 7}})
    assert refusal.value.text == (
        "Nothing was changed: the API shows the circuit breaker as off with its default numbers, and a breaker that was never set "
        "looks the same and is really on. Sending its numbers needs its switch, which would switch it one way or the other: name "
        "enabled: true in circuit_breaker (on from now on) or enabled: false (off from now on) in the same edit."
    )


def test_a_number_that_an_ambiguous_breaker_shows_already_sends_nothing() -> None:
    found = plan_edit(settings(circuit_breaker=UNSURE), {"circuit_breaker": {"min_calls_in_window": 5}})
    assert (found.body, found.changes, found.undo, found.warnings) == ({}, (), {}, ())


UNDO_UNSURE = (
    "The undo sets the breaker on with the platform's default numbers: that is what an unset one does. Whether it was unset, or had "
    "been switched off, is not known."
)


@pytest.mark.parametrize(
    ("named", "changes", "warnings"),
    [
        ({"enabled": True}, {"enabled": (AMBIGUOUS, True)}, [UNDO_UNSURE]),
        (
            {"enabled": True, "min_calls_in_window": 7},
            {"enabled": (AMBIGUOUS, True), "min_calls_in_window": (5, 7)},
            [UNDO_UNSURE],
        ),
        (
            {"enabled": False},
            {"enabled": (AMBIGUOUS, False)},
            [
                "The breaker is now surely off; before, it was off or had never been set and was on.",
                UNDO_UNSURE,
                "The API shows this breaker the same as before, so the revision stays the same.",
            ],
        ),
    ],
)
def test_an_ambiguous_breaker_is_sent_whole_when_its_switch_is_named(
    named: dict[str, Any], changes: dict[str, tuple[Any, Any]], warnings: list[str]
) -> None:
    found = plan_edit(settings(circuit_breaker=UNSURE), {"circuit_breaker": named})
    assert found.body == {"circuit_breaker": {**UNSURE, **named}}
    assert found.changes == tuple(Change(f"circuit_breaker.{leaf}", *values) for leaf, values in changes.items())
    assert found.undo == {"circuit_breaker": {**UNSURE, "enabled": True}}
    assert list(found.warnings) == warnings


def test_a_breaker_that_was_switched_off_with_other_numbers_stays_off() -> None:
    off = {**BREAKER, "enabled": False}
    found = plan_edit(settings(circuit_breaker=off), {"circuit_breaker": {"window_seconds": 60}})
    assert found.body == {"circuit_breaker": {**off, "window_seconds": 60}}


def test_switching_calling_hours_off_keeps_the_slots() -> None:
    found = plan_edit(settings(), {"schedule_config": {"enabled": False}})
    assert found.body == {"schedule_config": {**SCHEDULE, "enabled": False}}
    assert found.undo == {"schedule_config": {"enabled": True}}


@pytest.mark.parametrize("stored", [None, {"enabled": True, "timezone": "UTC", "slots": []}])
def test_switching_calling_hours_off_supplies_a_slot_where_there_is_none(stored: Any) -> None:
    found = plan_edit(settings(schedule_config=stored), {"schedule_config": {"enabled": False}})
    assert found.body == {
        "schedule_config": {
            "enabled": False,
            "timezone": "UTC",
            "slots": [{"day_of_week": 0, "start_time": "09:00", "end_time": "17:00"}],
        }
    }
    assert "Mon 09:00–17:00 was supplied. It is not in force" in found.warnings[0]


def test_first_calling_hours_need_a_zone_because_the_platform_would_take_utc() -> None:
    with pytest.raises(NotAllowed) as refusal:
        plan_edit(settings(schedule_config=None), {"schedule_config": {"slots": NINE_TO_FIVE}})
    assert refusal.value.text == (
        "schedule_config.timezone is not set. The API takes schedule_config only as a whole and would refuse it (or reset "
        "what is missing), so nothing was changed. Name schedule_config.timezone in the same edit."
    )


def test_first_calling_hours_are_switched_on_and_their_undo_switches_them_off() -> None:
    found = plan_edit(
        settings(schedule_config=None), {"schedule_config": {"timezone": "Europe/Berlin", "slots": NINE_TO_FIVE}}
    )
    assert found.body == {"schedule_config": {"enabled": True, "timezone": "Europe/Berlin", "slots": NINE_TO_FIVE}}
    assert found.undo == {"schedule_config": {"enabled": False}}
    assert "the undo switches them off, which has the same effect" in found.warnings[0]


def test_a_stored_value_that_the_api_would_refuse_is_named_with_the_way_out() -> None:
    odd = {**RETRY, "max_retries": 20}
    with pytest.raises(NotAllowed) as refusal:
        plan_edit(settings(retry_config=odd), {"retry_config": {"retry_delay_seconds": 60}})
    assert "Name retry_config.max_retries in the same edit, for example" in refusal.value.text
    mended = plan_edit(settings(retry_config=odd), {"retry_config": {"retry_delay_seconds": 60, "max_retries": 10}})
    assert mended.body["retry_config"]["max_retries"] == 10


def test_the_undo_leaves_out_a_former_value_that_no_edit_may_set_and_says_so() -> None:
    found = plan_edit(settings(max_concurrency=150), {"max_concurrency": 20})
    assert found.undo == {}
    assert found.warnings == ("No undo puts max_concurrency back: its former value 150 is not one that may be set.",)


def test_a_limit_that_was_not_set_cannot_be_unset_and_the_undo_says_so() -> None:
    found = plan_edit(settings(max_concurrency=None), {"max_concurrency": 20})
    assert found.undo == {}
    assert found.warnings == (
        "max_concurrency was not set before, and the API cannot unset it: no undo puts that back.",
    )


def test_slots_that_are_not_in_force_are_told() -> None:
    off = {**SCHEDULE, "enabled": False}
    found = plan_edit(settings(schedule_config=off), {"schedule_config": {"slots": NINE_TO_FIVE[:1]}})
    assert found.body["schedule_config"]["enabled"] is False
    assert "Calling hours are switched off for this campaign" in found.warnings[0]


def test_overlapping_slots_are_sent_with_a_warning() -> None:
    slots = [
        {"day_of_week": 0, "start_time": "09:00", "end_time": "12:00"},
        {"day_of_week": 0, "start_time": "11:00", "end_time": "13:00"},
    ]
    found = plan_edit(settings(), {"schedule_config": {"slots": slots}})
    assert found.body["schedule_config"]["slots"] == slots
    assert any("overlap" in warning for warning in found.warnings)


def test_an_answer_that_lacks_our_change_and_one_that_has_anothers_are_told_apart() -> None:
    before = settings()
    intended = plan_edit(before, {"retry_config": {"max_retries": 5}})
    answered = settings(max_concurrency=9, retry_config=RETRY)
    found = check_response(intended, before, answered)
    assert found.missing == (Change("retry_config.max_retries", 5, 3),)
    assert found.foreign == (Change("max_concurrency", 3, 9),)
    as_sent = check_response(intended, before, {**before, "retry_config": {**RETRY, "max_retries": 5}})
    assert (as_sent.missing, as_sent.foreign) == ((), ())


def test_a_section_that_vanished_is_a_difference() -> None:
    assert differences(settings(), settings(schedule_config=None)) == (Change("schedule_config", SCHEDULE, None),)


def test_the_revision_depends_on_the_settings_alone() -> None:
    shuffled = dict(reversed(settings(retry_config=dict(reversed(RETRY.items()))).items()))
    assert revision(settings()) == revision(shuffled)
    assert len({revision(settings(max_concurrency=n)) for n in range(1, 50)}) == 49
    assert len(revision(settings())) == 12


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        ([1], [1.0], True),
        ({"a": 1}, {"a": True}, False),
        (None, False, False),
    ],
)
def test_values_are_compared_as_json(one: Any, other: Any, equal: bool) -> None:
    assert json_equal(one, other) is equal


# --- properties -------------------------------------------------------------------------------------------------------

clock = st.integers(0, 24 * 60 - 1)


@st.composite
def a_slot(draw: st.DrawFn) -> dict[str, Any]:
    start = draw(st.integers(0, 24 * 60 - 2))
    end = draw(st.integers(start + 1, 24 * 60))
    return {
        "day_of_week": draw(st.integers(0, 6)),
        "start_time": f"{start // 60:02d}:{start % 60:02d}",
        "end_time": f"{end // 60:02d}:{end % 60:02d}",
    }


names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=60).filter(
    str.strip
)
retry_sections = st.fixed_dictionaries(
    {
        "enabled": st.booleans(),
        "max_retries": st.integers(0, 10),
        "retry_delay_seconds": st.integers(30, 3600),
        "retry_on_busy": st.booleans(),
        "retry_on_no_answer": st.booleans(),
        "retry_on_voicemail": st.booleans(),
    }
)
schedule_sections = st.fixed_dictionaries(
    {
        "enabled": st.booleans(),
        "timezone": st.sampled_from(["UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata"]),
        "slots": st.lists(a_slot(), min_size=1, max_size=6),
    }
)
breaker_sections = st.fixed_dictionaries(
    {
        "enabled": st.booleans(),
        "failure_threshold": st.floats(0, 1, allow_nan=False),
        "window_seconds": st.integers(30, 600),
        "min_calls_in_window": st.integers(1, 100),
    }
)
all_settings = st.fixed_dictionaries(
    {
        "name": names,
        "retry_config": retry_sections,
        "max_concurrency": st.integers(1, 20),
        "schedule_config": schedule_sections,
        "circuit_breaker": breaker_sections.filter(lambda shown: not json_equal(shown, UNSURE)),
    }
)


@st.composite
def an_edit(draw: st.DrawFn) -> dict[str, Any]:
    """Some leaves of a whole other campaign."""
    other = draw(all_settings)
    edit: dict[str, Any] = {}
    for field in draw(st.lists(st.sampled_from(list(other)), min_size=1, unique=True)):
        value = other[field]
        if isinstance(value, dict):
            leaves = draw(st.lists(st.sampled_from(list(value)), min_size=1, unique=True))
            value = {leaf: value[leaf] for leaf in leaves}
        edit[field] = value
    return edit


def leaves(found: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for field, value in found.items():
        flat |= {f"{field}.{leaf}": each for leaf, each in value.items()} if isinstance(value, dict) else {field: value}
    return flat


@given(all_settings, an_edit())
def test_for_any_campaign_and_edit_only_named_leaves_change_and_the_undo_is_exact(
    before: dict[str, Any], edit: dict[str, Any]
) -> None:
    untouched = copy.deepcopy(before)
    named = CampaignEdit.model_validate(edit).named()
    assert named == edit
    found = plan_edit(before, named)
    assert before == untouched
    after = {**before, **found.body}
    was, now, meant = leaves(before), leaves(after), leaves(edit)
    assert all(json_equal(now[leaf], meant[leaf]) for leaf in meant)
    assert all(json_equal(now[leaf], was[leaf]) for leaf in was if leaf not in meant)
    assert {change.field for change in found.changes} == {leaf for leaf in was if not json_equal(was[leaf], now[leaf])}
    back = plan_edit(after, CampaignEdit.model_validate(found.undo).named()) if found.undo else None
    assert json_equal({**after, **(back.body if back else {})}, before)


def test_a_number_that_an_ambiguous_breaker_shows_already_is_already_so() -> None:
    found = plan_edit(settings(circuit_breaker=UNSURE), {"circuit_breaker": {"window_seconds": 120}})
    assert (found.body, found.changes, found.warnings) == ({}, (), ())


def test_an_edit_of_which_a_part_is_in_place_tells_that_part_and_undoes_only_it() -> None:
    before = settings()
    intended = plan_edit(
        before, {"name": "Summer", "max_concurrency": 9, "retry_config": {"max_retries": 5, "retry_on_busy": False}}
    )
    answered = settings(name="Summer", retry_config={**RETRY, "max_retries": 5, "retry_delay_seconds": 77})
    found = check_response(intended, before, answered)
    assert [change.field for change in found.missing] == ["retry_config.retry_on_busy", "max_concurrency"]
    assert found.foreign == (Change("retry_config.retry_delay_seconds", 300, 77),)
    part = intended.without(found.missing)
    assert [change.field for change in part.changes] == ["name", "retry_config.max_retries"]
    assert part.undo == {"name": "Spring promo", "retry_config": {"max_retries": 3}}


@pytest.mark.parametrize(
    ("stored", "named", "text"),
    [
        (
            {"retry_config": {**RETRY, "max_retries": 20, "retry_delay_seconds": 7200}},
            {"retry_config": {"retry_on_busy": False}},
            "retry_config.max_retries is 20 (an edit may set 0 to 10), retry_config.retry_delay_seconds is 7200 (an edit may set 30 to "
            "3600). The API takes retry_config only as a whole and would refuse it (or reset what is missing), so nothing was changed. "
            "Name retry_config.max_retries and retry_config.retry_delay_seconds in the same edit, for example "
            '{"retry_config": {"retry_on_busy": false, "max_retries": 10, "retry_delay_seconds": 3600}}.',
        ),
        (
            {"circuit_breaker": {"enabled": True}},
            {"circuit_breaker": {"window_seconds": 60}},
            "circuit_breaker.failure_threshold is not set (an edit may set 0 to 1), circuit_breaker.min_calls_in_window is not set (an "
            "edit may set 1 to 100). The API takes circuit_breaker only as a whole and would refuse it (or reset what is missing), so "
            "nothing was changed. Name circuit_breaker.failure_threshold and circuit_breaker.min_calls_in_window in the same edit.",
        ),
        (
            {"schedule_config": {**SCHEDULE, "timezone": "Mars/Olympus"}},
            {"schedule_config": {"enabled": False}},
            'The stored schedule_config.timezone is "Mars/Olympus", and there is no such zone. The API takes schedule_config only as a '
            "whole and would refuse it, so nothing was changed. Name schedule_config.timezone (an IANA name, such as America/New_York) in "
            "the same edit.",
        ),
    ],
)
def test_a_kept_leaf_that_the_api_would_refuse_is_named_with_its_range_and_the_smallest_edit_that_passes(
    stored: dict[str, Any], named: dict[str, Any], text: str
) -> None:
    with pytest.raises(NotAllowed) as refused:
        plan_edit(settings(**stored), named)
    assert refused.value.text == text


def test_the_smallest_edit_that_is_proposed_passes() -> None:
    odd = settings(retry_config={**RETRY, "max_retries": 20, "retry_delay_seconds": 7200})
    plan_edit(odd, {"retry_config": {"retry_on_busy": False, "max_retries": 10, "retry_delay_seconds": 3600}})


def test_an_undo_does_not_promise_a_concurrency_that_may_not_be_set_any_more() -> None:
    found = plan_edit(settings(max_concurrency=50), {"max_concurrency": 3, "name": "Summer"}, settable=20)
    assert found.undo == {"name": "Spring promo"}
    assert found.warnings == (
        "No undo puts max_concurrency back: its former value 50 is above what may be set now (20).",
    )
    assert plan_edit(settings(max_concurrency=20), {"max_concurrency": 3}, settable=20).undo == {"max_concurrency": 20}


def test_stored_numbers_beyond_the_ranges_are_told_with_them() -> None:
    odd = settings(
        retry_config={**RETRY, "max_retries": 20}, max_concurrency=150, circuit_breaker={**BREAKER, "window_seconds": 5}
    )
    assert describe_out_of_range(odd) == (
        "Stored outside what an edit may set: retry_config.max_retries 20 (0 to 10), circuit_breaker.window_seconds 5 (30 to 600), "
        "max_concurrency 150 (1 to 100)."
    )
    assert describe_out_of_range(settings()) is None
    assert describe_out_of_range(dict.fromkeys(settings())) is None
    assert describe_out_of_range(settings(retry_config={"max_retries": "20"}, max_concurrency=True)) is None


def test_a_trip_in_the_log_shows_that_an_ambiguous_breaker_was_on_then() -> None:
    trip = {"ts": "2026-09-03T08:04:00+00:00", "event": "circuit_breaker_tripped", "message": "Paused"}
    shown = "shown as off, but on if never set: pauses when 50 % of at least 5 calls fail within 2 min"
    assert describe_breaker(UNSURE, [trip]) == f"{shown}; it was on when it tripped (2026-09-03 08:04 UTC)"
    assert describe_breaker(UNSURE, [{**trip, "ts": "?"}]) == f"{shown}; it was on when it tripped"
    assert describe_breaker(UNSURE, ["text", {"event": "batch_failed"}]) == shown
    assert describe_breaker({**UNSURE, "window_seconds": 60}, [trip]).startswith("shown as off (kept: ")
