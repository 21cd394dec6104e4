"""Times and slots as people write them: what passes, and the exact words for what does not."""

import json
import re
from collections.abc import Callable
from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asisso_mcp.campaigns.time_slots import check_slot, check_time, slot_warnings

START_FORM = "HH:MM, 00:00 to 23:59, e.g. 09:00"
END_FORM = "HH:MM, 00:01 to 24:00, e.g. 17:00"

minutes = st.builds(time, st.integers(0, 23), st.integers(0, 59))


def refusal(check: Callable[..., object], *arguments: object, **named: object) -> str | None:
    try:
        check(*arguments, **named)
    except ValueError as refused:
        return str(refused)
    return None


@pytest.mark.parametrize(
    ("text", "expected"),
    [("09:00", "09:00"), ("9:00", "09:00"), ("0:00", "00:00"), ("00:00", "00:00"), ("23:59", "23:59")],
)
@pytest.mark.parametrize("end", [False, True])
def test_a_time_of_the_day_passes_with_two_digits_for_the_hour(text: str, end: bool, expected: str) -> None:
    assert check_time(text, end=end) == expected


def test_the_end_of_the_day_is_24_00() -> None:
    assert check_time("24:00", end=True) == "24:00"


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("5pm", "write 17:00"),
        ("5:00 PM", "write 17:00"),
        ("5:30 p.m.", "write 17:30"),
        ("530am", "write 05:30"),
        ("12am", "write 00:00"),
        ("12:30 AM", "write 00:30"),
        ("12pm", "write 12:00"),
        ("13:00 pm", "write 13:00"),
        ("noon", "write 12:00"),
        ("midnight", "write 00:00"),
        ("17", "write 17:00"),
        ("9", "write 09:00"),
        ("0900", "write 09:00"),
        ("900", "write 09:00"),
        ("17:00:00", "write 17:00"),
        ("T17:00:00.000", "write 17:00"),
        ("17h30", "write 17:30"),
        ("17.30", "write 17:30"),
        ("١٧:٠٠", "write 17:00"),
        ("１７：００", "write 17:00"),
        (" 09:00", "write 09:00 without spaces or hidden characters"),
        ("24:00", "write 00:00 of the next day"),
        ("25:30", "write 01:30 of the next day"),
        ("48:00", f"write {START_FORM}"),
        ("08:60", "minutes go from 00 to 59, e.g. 08:59"),
        ("99:98", f"write {START_FORM}"),
        ("-1:00", f"write {START_FORM}"),
        ("9-17", f"write {START_FORM}"),
        ("09:00+02:00", f"write {START_FORM}"),
        ("nine", f"write {START_FORM}"),
    ],
)
def test_a_start_written_another_way_is_answered_with_the_right_form(text: str, advice: str) -> None:
    assert (
        refusal(check_time, text, end=False)
        == f'"{text}" does not fit as the start time on the 24-hour clock; {advice}'
    )


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("5pm", "write 17:00"),
        ("24", "write 24:00"),
        ("2400", "write 24:00"),
        ("12am", "write 24:00 for the end of the day"),
        ("midnight", "write 24:00 for the end of the day"),
        ("25:00", "end this slot at 24:00 and add one on the next day from 00:00 to 01:00"),
        ("24:30", "end this slot at 24:00 and add one on the next day from 00:00 to 00:30"),
        ("23:60", "minutes go from 00 to 59, e.g. 23:59"),
        ("late", f"write {END_FORM}"),
    ],
)
def test_an_end_written_another_way_is_answered_with_the_right_form(text: str, advice: str) -> None:
    assert (
        refusal(check_time, text, end=True) == f'"{text}" does not fit as the end time on the 24-hour clock; {advice}'
    )


@pytest.mark.parametrize(
    ("text", "end", "expected"),
    [
        ("", False, f"the start time is empty; write {START_FORM}"),
        (" \n", True, f"the end time is empty; write {END_FORM}"),
        ("\u202e09:00\x00", False, '"09:00" does not fit as the start time on the 24-hour clock; ' "write 09:00 without spaces or hidden characters"),
        ("x" * 5000, False, f'"{"x" * 59}…" does not fit as the start time on the 24-hour clock; write {START_FORM}'),
    ],
)  # fmt: skip
def test_empty_and_hostile_times_are_answered_in_one_short_line(text: str, end: bool, expected: str) -> None:
    assert refusal(check_time, text, end=end) == expected


@given(text=st.text() | st.from_regex(r"\A\d{0,4}[:.h ]?\d{0,2} ?([ap]m?)?\Z"), end=st.booleans())
def test_any_text_is_a_time_the_platform_matches_or_a_short_printable_sentence(text: str, end: bool) -> None:
    if words := refusal(check_time, text, end=end):
        assert words.isprintable()
        assert len(words) <= 250
    else:
        assert re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]" + ("|24:00" if end else ""), check_time(text, end=end))


@given(text=st.from_regex(r"\A[0-9]{1,4}([:.h][0-9]{2})? ?([ap]m)?\Z"), end=st.booleans())
def test_the_form_advised_passes_itself(text: str, end: bool) -> None:
    words = refusal(check_time, text, end=end) or ""
    for advised in re.findall(r"(?:write|e\.g\.) ([0-9]{2}:[0-9]{2})", words):
        assert check_time(advised, end=end) == advised


@pytest.mark.parametrize(
    ("start", "end"), [("09:00", "17:00"), ("9:00", "17:00"), ("00:00", "24:00"), ("23:59", "24:00")]
)
@pytest.mark.parametrize("day", range(7))
def test_a_slot_within_one_day_passes(day: int, start: str, end: str) -> None:
    check_slot(day, start, end)


@pytest.mark.parametrize(
    ("day", "start", "end", "expected"),
    [
        (
            4,
            "22:00",
            "02:00",
            "a slot from 22:00 to 02:00 goes past midnight, and a slot ends on the day it starts: use two slots, "
            '{"day_of_week": 4, "start_time": "22:00", "end_time": "24:00"} and '
            '{"day_of_week": 5, "start_time": "00:00", "end_time": "02:00"}',
        ),
        (
            6,
            "22:00",
            "6:00",
            "a slot from 22:00 to 06:00 goes past midnight, and a slot ends on the day it starts: use two slots, "
            '{"day_of_week": 6, "start_time": "22:00", "end_time": "24:00"} and '
            '{"day_of_week": 0, "start_time": "00:00", "end_time": "06:00"}',
        ),
        (
            0,
            "22:00",
            "00:00",
            "a slot ends on the day it starts, and midnight as an end is 24:00: use "
            '{"day_of_week": 0, "start_time": "22:00", "end_time": "24:00"}',
        ),
        (0, "09:00", "9:00", "a slot from 09:00 to 09:00 is empty: the end is not part of it; for the whole day use 00:00 to 24:00"),
        (0, "00:00", "00:00", "a slot from 00:00 to 00:00 is empty: the end is not part of it; for the whole day use 00:00 to 24:00"),
        (0, "24:00", "24:00", '"24:00" does not fit as the start time on the 24-hour clock; write 00:00 of the next day'),
        (7, "09:00", "17:00", "day_of_week is 0 (Monday) to 6 (Sunday), not 7"),
        (-1, "09:00", "17:00", "day_of_week is 0 (Monday) to 6 (Sunday), not -1"),
    ],
)  # fmt: skip
def test_a_slot_that_is_not_within_one_day_is_answered_with_what_to_send(
    day: int, start: str, end: str, expected: str
) -> None:
    assert refusal(check_slot, day, start, end) == expected


@given(day=st.integers(0, 6), start=minutes, end=minutes)
def test_the_slots_advised_for_a_night_pass_themselves(day: int, start: time, end: time) -> None:
    words = refusal(check_slot, day, f"{start:%H:%M}", f"{end:%H:%M}") or ""
    advised = [json.loads(slot) for slot in re.findall(r"\{.*?\}", words)]
    assert bool(advised) is (end < start)
    for slot in advised:
        check_slot(slot["day_of_week"], slot["start_time"], slot["end_time"])


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        ([], []),
        ([(0, "09:00", "12:00"), (0, "12:00", "17:00"), (1, "09:00", "17:00")], []),
        ([(0, "11:00", "13:00"), (0, "09:00", "12:00")], ["Mon 09:00–12:00 and 11:00–13:00 overlap"]),
        ([(2, "09:00", "17:00"), (2, "10:00", "11:00")], ["Wed 09:00–17:00 and 10:00–11:00 overlap"]),
        ([(6, "09:00", "12:00")] * 3, ["Sun 09:00–12:00 is listed 3 times"]),
        (
            [(0, "09:00", f"12:0{i}") for i in range(5)],
            [
                "Mon 09:00–12:00 and 09:00–12:01 overlap",
                "Mon 09:00–12:00 and 09:00–12:02 overlap",
                "Mon 09:00–12:00 and 09:00–12:03 overlap",
                "Mon 09:00–12:00 and 09:00–12:04 overlap",
                "Mon 09:00–12:01 and 09:00–12:02 overlap",
                "and 5 more overlapping or duplicate slots",
            ],
        ),
        (
            [(3, "00:00", "23:59"), (1, "00:00", "23:59"), (2, "23:00", "24:00")],
            ["the end 23:59 (Tue, Thu) leaves out the last minute of the day; use 24:00 for the end of the day"],
        ),
        (
            [(7, "09:00", "23:59")] * 2,
            [
                "day 7 09:00–23:59 is listed 2 times",
                "the end 23:59 (day 7) leaves out the last minute of the day; use 24:00 for the end of the day",
            ],
        ),
    ],
)
def test_likely_slips_in_slots_are_named_with_their_day(slots: list[tuple[int, str, str]], expected: list[str]) -> None:
    assert slot_warnings(slots) == expected
