"""Calling windows: the platform's rule, the flips across clock changes, and the words."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asisso_mcp.campaigns.schedule import Schedule, ScheduleSlot, is_open, never_opens, next_change
from asisso_mcp.campaigns.schedule_text import describe, describe_next_change

NEW_YORK = "America/New_York"
MON, TUE, WED, THU, FRI, SAT, SUN = range(7)
WEEKDAYS = range(5)
WEEK = range(7)

SlotTuple = tuple[int, str, str]


def hours(*slots: SlotTuple, zone: str = NEW_YORK, enabled: bool = True) -> Schedule:
    return Schedule(enabled, zone, tuple(ScheduleSlot(*slot) for slot in slots))


def daily(days: range, *times: tuple[str, str]) -> list[SlotTuple]:
    return [(day, start, end) for day in days for start, end in times]


def local(text: str, zone: str = NEW_YORK, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)


OFFICE = hours(*daily(WEEKDAYS, ("09:00", "17:00")))
NEVER = hours((WED, "25:00", "26:00"))
ALWAYS = hours(*daily(WEEK, ("00:00", "24:00")))
FAILS_OPEN = [
    pytest.param(None, id="no schedule"),
    pytest.param(hours((MON, "09:00", "17:00"), enabled=False), id="off"),
    pytest.param(hours(), id="no slots"),
    *(
        pytest.param(hours((MON, "09:00", "17:00"), zone=zone), id=f"zone {zone!r:.20}")
        for zone in ("Mars/Base", "", "America", "/etc/passwd", "x\x00", "\ud800", "a" * 5000)
    ),
]


# 2026-11-23 is a Monday; New York is on EST from 1 November 2026, on EDT from 8 March 2026.


@pytest.mark.parametrize(
    ("schedule", "at", "expected"),
    [
        (OFFICE, "2026-11-23T08:59:59", False),
        (OFFICE, "2026-11-23T09:00", True),
        (OFFICE, "2026-11-23T16:59:59", True),
        (OFFICE, "2026-11-23T17:00", False),
        (OFFICE, "2026-11-28T12:00", False),
        (hours((MON, "00:00", "23:59")), "2026-11-23T23:59", False),
        (hours((MON, "00:00", "24:00")), "2026-11-23T23:59:59", True),
        (hours((MON, "00:00", "24:00")), "2026-11-24T00:00", False),
        (hours((MON, "09:00", "10:00"), (MON, "09:30", "11:00")), "2026-11-23T10:30", True),
        (hours((MON, "08:60", "09:75")), "2026-11-23T08:59", False),
        (hours((MON, "08:60", "09:75")), "2026-11-23T09:59", True),
        (hours((MON, "08:60", "09:75")), "2026-11-23T10:00", False),
        (hours((MON, "99:98", "99:99")), "2026-11-23T12:00", False),
        (hours((MON, "٠٩:٠٠", "١٧:٠٠")), "2026-11-23T12:00", False),
        (hours((MON, "09:00", "١٧:٠٠")), "2026-11-23T23:00", True),
        (hours((MON, "22:00", "02:00")), "2026-11-23T23:00", False),
        (hours((7, "00:00", "24:00")), "2026-11-23T12:00", False),
    ],
)
def test_a_slot_matches_from_its_start_until_just_before_its_end_compared_as_text(
    schedule: Schedule, at: str, expected: bool
) -> None:
    assert is_open(schedule, local(at)) is expected


def test_a_local_time_that_the_spring_skips_is_moved_on() -> None:
    assert not is_open(hours((SUN, "02:00", "03:00")), local("2026-03-08T02:30"))
    assert is_open(hours((SUN, "03:00", "04:00")), local("2026-03-08T02:30"))


def test_the_weekday_and_time_are_those_of_the_schedules_zone() -> None:
    assert is_open(hours((TUE, "08:00", "09:00"), zone="Asia/Tokyo"), datetime(2026, 11, 23, 23, 30, tzinfo=UTC))


@pytest.mark.parametrize("schedule", FAILS_OPEN)
def test_what_the_platform_cannot_apply_lets_calls_out_at_any_hour(schedule: Schedule | None) -> None:
    at = local("2026-11-28T03:00")
    assert is_open(schedule, at)
    assert next_change(schedule, at) is None
    assert not never_opens(schedule)
    assert describe_next_change(schedule, at) == "open at any hour"


@pytest.mark.parametrize("schedule", [None, OFFICE])
def test_a_time_without_a_zone_is_refused(schedule: Schedule | None) -> None:
    naive = datetime(2026, 11, 23, 9)
    for ask in (is_open, next_change, describe_next_change):
        with pytest.raises(ValueError, match=r"^`at` needs a zone"):
            ask(schedule, naive)


@pytest.mark.parametrize(
    ("schedule", "at", "expected"),
    [
        pytest.param(OFFICE, local("2026-11-23T08:59:30"), (True, "2026-11-23T09:00:00-05:00"), id="opens"),
        pytest.param(
            OFFICE, local("2026-11-23T09:00"), (False, "2026-11-23T17:00:00-05:00"), id="from the flip itself"
        ),
        pytest.param(OFFICE, local("2026-11-27T17:00"), (True, "2026-11-30T09:00:00-05:00"), id="over the weekend"),
        pytest.param(
            hours((MON, "22:00", "24:00"), (TUE, "00:00", "06:00")),
            local("2026-11-23T23:00"),
            (False, "2026-11-24T06:00:00-05:00"),
            id="through midnight",
        ),
        pytest.param(
            hours((SUN, "02:15", "02:45")),
            local("2026-03-02T00:00"),
            (True, "2026-03-15T02:15:00-04:00"),
            id="a slot inside the spring gap does not open that day",
        ),
        pytest.param(
            hours((SUN, "02:30", "04:00")),
            local("2026-03-08T00:00"),
            (True, "2026-03-08T03:00:00-04:00"),
            id="a slot that starts in the spring gap opens with the clock change",
        ),
        pytest.param(
            hours((SUN, "01:00", "02:30")),
            local("2026-03-08T01:30"),
            (False, "2026-03-08T03:00:00-04:00"),
            id="a slot that ends in the spring gap closes with the clock change",
        ),
        pytest.param(
            hours((SUN, "01:00", "01:30")),
            local("2026-11-01T01:10"),
            (False, "2026-11-01T01:30:00-04:00"),
            id="autumn: closes the first time",
        ),
        pytest.param(
            hours((SUN, "01:00", "01:30")),
            local("2026-11-01T01:30"),
            (True, "2026-11-01T01:00:00-05:00"),
            id="autumn: opens again in the repeated hour",
        ),
        pytest.param(
            hours((SUN, "01:00", "01:30")),
            local("2026-11-01T01:00", fold=1),
            (False, "2026-11-01T01:30:00-05:00"),
            id="autumn: closes the second time",
        ),
        pytest.param(
            hours((SUN, "01:30", "02:00")),
            local("2026-11-01T01:45"),
            (False, "2026-11-01T01:00:00-05:00"),
            id="autumn: the clock going back closes",
        ),
        pytest.param(ALWAYS, local("2026-11-23T08:00"), None, id="always open"),
        pytest.param(NEVER, local("2026-11-23T08:00"), None, id="never open"),
    ],
)
def test_the_next_change_is_exact_to_the_minute(
    schedule: Schedule, at: datetime, expected: tuple[bool, str] | None
) -> None:
    change = next_change(schedule, at.astimezone(UTC))
    assert (change and (change[0], change[1].isoformat())) == expected


def test_the_next_change_is_looked_for_within_the_horizon_only() -> None:
    friday_evening = local("2026-11-27T17:00")
    assert next_change(OFFICE, friday_evening, horizon_days=2) is None
    assert next_change(OFFICE, friday_evening - timedelta(hours=8), horizon_days=3) is not None


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (NEVER, True),
        (hours((WED, "25:00", "26:00"), (7, "09:00", "17:00")), True),
        (hours((WED, "25:00", "26:00"), (MON, "09:00", "09:01")), False),
        (hours((WED, "25:00", "26:00"), enabled=False), False),
        (hours((WED, "25:00", "26:00"), zone="Mars/Base"), False),
    ],
)
def test_hours_never_open_when_they_are_on_and_no_slot_can_match(schedule: Schedule, expected: bool) -> None:
    assert never_opens(schedule) is expected


def brute_force_change(schedule: Schedule, at: datetime, days: int) -> tuple[bool, datetime] | None:
    was_open = is_open(schedule, at)
    minute = at.replace(second=0, microsecond=0) + timedelta(minutes=1)
    while minute <= at + timedelta(days=days):
        if is_open(schedule, minute) != was_open:
            return not was_open, minute
        minute += timedelta(minutes=1)
    return None


CLOCK_CHANGES = {  # zone -> instants (UTC) at or near a change of its offset
    "America/New_York": ["2026-03-08T07:00", "2026-11-01T06:00"],
    "Europe/London": ["2026-03-29T01:00", "2026-10-25T01:00"],
    "Australia/Lord_Howe": ["2026-04-04T15:00", "2026-10-03T15:30"],
    "Asia/Kathmandu": ["2026-06-01T00:00"],
    "America/St_Johns": ["2026-03-08T05:30", "2026-11-01T04:30"],
    "Pacific/Chatham": ["2026-04-04T14:00", "2026-09-26T14:00"],
    "Africa/Casablanca": ["2026-02-15T02:00", "2026-03-22T02:00"],
    "Pacific/Apia": ["2011-12-30T10:00"],  # a whole local day left out
    "UTC": ["2026-06-01T00:00"],
}

near_changes = st.sampled_from([(zone, at) for zone, instants in CLOCK_CHANGES.items() for at in instants])
clock_texts = st.one_of(
    st.builds("{:02d}:{:02d}".format, st.integers(0, 4), st.sampled_from([0, 15, 30, 45, 59])),
    st.builds("{:02d}:{:02d}".format, st.integers(0, 29), st.integers(0, 99)),
)
random_slots = st.lists(
    st.builds(ScheduleSlot, st.sampled_from([*WEEK, SAT, SUN, SUN]), clock_texts, clock_texts), max_size=8
)


@settings(max_examples=250, deadline=None)
@given(near=near_changes, slots=random_slots, seconds=st.integers(-2 * 86400, 86400), days=st.integers(1, 3))
def test_the_next_change_is_the_one_a_walk_minute_by_minute_finds(
    near: tuple[str, str], slots: list[ScheduleSlot], seconds: int, days: int
) -> None:
    zone, change = near
    schedule = Schedule(True, zone, tuple(slots))
    at = datetime.fromisoformat(change).replace(tzinfo=UTC) + timedelta(seconds=seconds)
    found = next_change(schedule, at, horizon_days=days)
    # In UTC: a time in a repeated hour never equals one of another zone.
    assert (found and (found[0], found[1].astimezone(UTC))) == brute_force_change(schedule, at, days)
    assert found is None or str(found[1].tzinfo) == zone


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (None, "at any hour (no calling hours set)"),
        (OFFICE, "Mon–Fri 09:00–17:00 America/New_York"),
        (hours((WED, "09:00", "17:00")), "Wed 09:00–17:00 America/New_York"),
        (hours(*daily(range(5, 7), ("10:00", "14:00"))), "Sat–Sun 10:00–14:00 America/New_York"),
        (hours(*daily(range(0, 5, 2), ("10:00", "14:00"))), "Mon, Wed, Fri 10:00–14:00 America/New_York"),
        (
            hours(*daily(range(2), ("10:00", "14:00")), (FRI, "10:00", "14:00")),
            "Mon–Tue, Fri 10:00–14:00 America/New_York",
        ),
        (hours(*daily(WEEK, ("09:00", "17:00")), zone="UTC"), "every day 09:00–17:00 UTC"),
        (ALWAYS, "every day, all day"),
        (hours(*daily(WEEKDAYS, ("00:00", "24:00"))), "Mon–Fri all day America/New_York"),
        (hours(*daily(WEEKDAYS, ("00:00", "23:59"))), "Mon–Fri 00:00–23:59 America/New_York"),
        (
            hours(*daily(WEEKDAYS, ("13:00", "17:00"), ("09:00", "12:00"))),
            "Mon–Fri 09:00–12:00 and 13:00–17:00 America/New_York",
        ),
        (
            hours(*daily(WEEKDAYS, ("09:00", "17:00")), (SAT, "10:00", "14:00")),
            "Mon–Fri 09:00–17:00; Sat 10:00–14:00 America/New_York",
        ),
        (
            hours((MON, "12:00", "15:00"), (MON, "09:00", "12:00"), (MON, "10:00", "11:00"), (MON, "09:00", "12:00")),
            "Mon 09:00–15:00 America/New_York",
        ),
        (hours((MON, "22:00", "24:00"), (TUE, "00:00", "06:00")), "Mon 22:00–Tue 06:00 America/New_York"),
        (hours((MON, "00:00", "06:00"), (SUN, "22:00", "24:00")), "Sun 22:00–Mon 06:00 America/New_York"),
        (
            hours(*daily(WEEKDAYS, ("22:00", "24:00")), *daily(range(1, 6), ("00:00", "06:00"))),
            "Mon–Fri 22:00–06:00 the next day America/New_York",
        ),
        (
            hours(*daily(WEEK, ("22:00", "24:00"), ("00:00", "06:00"))),
            "every day 22:00–06:00 the next day America/New_York",
        ),
        (
            hours((MON, "09:00", "12:00"), (MON, "22:00", "24:00"), (TUE, "00:00", "06:00"), (TUE, "09:00", "12:00")),
            "Mon 09:00–12:00 and 22:00–Tue 06:00; Tue 09:00–12:00 America/New_York",
        ),
        (
            hours((FRI, "22:00", "24:00"), (SAT, "00:00", "24:00"), (SUN, "00:00", "06:00")),
            "Fri 22:00–24:00; Sat all day; Sun 00:00–06:00 America/New_York",
        ),
        (
            hours(*daily(WEEKDAYS, ("09:00", "17:00")), (WED, "25:00", "26:00"), (7, "09:00", "17:00")),
            "Mon–Fri 09:00–17:00 America/New_York; never matches: Wed 25:00–26:00 and day 7 09:00–17:00",
        ),
        (NEVER, "at no hour; never matches: Wed 25:00–26:00"),
        (hours((MON, "17:00", "17:00")), "at no hour; never matches: Mon 17:00–17:00"),
        (
            hours((MON, '\u202e9"\n' + "0" * 50, "26:00")),
            'at no hour; never matches: Mon "9\' 0000000…"–26:00',
        ),
        (hours((MON, "08:60", "09:75")), "Mon 09:00–10:00 America/New_York"),
        (hours((MON, "09:00", "١٧:٠٠")), "Mon 09:00–24:00 America/New_York"),
        (
            hours((MON, "09:00", "17:00"), enabled=False),
            "at any hour (calling hours are off; kept: Mon 09:00–17:00 America/New_York)",
        ),
        (hours(enabled=False), "at any hour (calling hours are off)"),
        (
            hours((MON, "09:00", "17:00"), zone="Mars/Base", enabled=False),
            'at any hour (calling hours are off; kept: Mon 09:00–17:00 in the unknown zone "Mars/Base")',
        ),
        (hours(), "at any hour: the calling hours are on but have no slots"),
        (
            hours((MON, "09:00", "17:00"), zone='Mars/\x1b\u202e"Base'),
            'at any hour: the zone "Mars/\'Base" is not known here',
        ),
        (
            hours((MON, "09:00", "17:00"), zone="a" * 5000),
            f'at any hour: the zone "{"a" * 60}…" is not known here',
        ),
    ],
)
def test_hours_are_said_as_a_person_would(schedule: Schedule | None, expected: str) -> None:
    assert describe(schedule) == expected


def test_many_different_slots_are_cut_after_some_groups() -> None:
    slots = [(i % 7, f"{i // 7 * 3:02d}:{i:02d}", f"{i // 7 * 3 + 1:02d}:{i:02d}") for i in range(50)]
    assert describe(hours(*slots)) == (
        "Mon 00:00–01:00, 03:07–04:07, 06:14–07:14, 09:21–10:21, 12:28–13:28, 15:35–16:35 and 2 more; "
        "Tue 00:01–01:01, 03:08–04:08, 06:15–07:15, 09:22–10:22, 12:29–13:29, 15:36–16:36 and 1 more; "
        "and 5 more, America/New_York"
    )


@given(
    slots=st.lists(
        st.builds(ScheduleSlot, st.integers(-1, 7), clock_texts | st.text(), clock_texts | st.text()), max_size=50
    ),
    zone=st.sampled_from([NEW_YORK, "America/Argentina/ComodRivadavia"]) | st.text(),
    enabled=st.booleans(),
)
def test_the_words_are_one_short_printable_line_whatever_is_stored(
    slots: list[ScheduleSlot], zone: str, enabled: bool
) -> None:
    schedule = Schedule(enabled, zone, tuple(slots))
    for words in (describe(schedule), describe_next_change(schedule, local("2026-11-23T12:00"))):
        assert len(words) <= 450
        assert words.isprintable()


@pytest.mark.parametrize(
    ("schedule", "at", "expected"),
    [
        (OFFICE, local("2026-11-23T14:50"), "open now, closes 17:00 EST (in 2 h 10 min)"),
        (OFFICE, local("2026-11-23T16:59:01"), "open now, closes 17:00 EST (in 1 min)"),
        (OFFICE, local("2026-11-23T16:00:00"), "open now, closes 17:00 EST (in 1 h)"),
        (OFFICE, local("2026-11-23T08:15"), "closed now, opens 09:00 EST (in 45 min)"),
        (OFFICE, local("2026-11-28T06:00"), "closed now, opens Mon 09:00 EST (in 2 d 3 h)"),
        (OFFICE, local("2026-11-28T09:00"), "closed now, opens Mon 09:00 EST (in 2 d)"),
        (OFFICE, local("2026-11-29T09:00:01"), "closed now, opens Mon 09:00 EST (in 1 d)"),
        (
            hours((MON, "09:00", "17:00")),
            local("2026-11-24T09:00"),
            "closed now, opens Mon 09:00 EST (in 6 d)",
        ),
        (
            hours((MON, "09:00", "17:00")),
            local("2026-11-23T18:00"),
            "closed now, opens Mon 30 Nov 09:00 EST (in 6 d 15 h)",
        ),
        (
            hours((MON, "22:00", "24:00"), (TUE, "00:00", "06:00")),
            local("2026-11-23T23:00"),
            "open now, closes Tue 06:00 EST (in 7 h)",
        ),
        (hours((MON, "22:00", "24:00")), local("2026-11-23T23:00"), "open now, closes Tue 00:00 EST (in 1 h)"),
        (
            hours((SUN, "01:00", "01:30")),
            local("2026-11-01T01:40"),
            "closed now, opens 01:00 EST (in 20 min)",
        ),
        (
            hours((SUN, "09:00", "17:00")),
            local("2026-03-08T01:00"),
            "closed now, opens 09:00 EDT (in 7 h)",
        ),
        (
            hours((MON, "09:00", "17:00"), zone="Asia/Kathmandu"),
            local("2026-11-23T08:00", "Asia/Kathmandu"),
            "closed now, opens 09:00 UTC+05:45 (in 1 h)",
        ),
        (
            hours((MON, "09:00", "17:00"), zone="UTC"),
            local("2026-11-23T08:00", "UTC"),
            "closed now, opens 09:00 UTC (in 1 h)",
        ),
        (ALWAYS, local("2026-11-23T08:00"), "open at any hour"),
        (NEVER, local("2026-11-23T08:00"), "never opens: no slot can match (Wed 25:00–26:00)"),
    ],
)
def test_the_opening_is_said_in_local_time_with_the_time_left(schedule: Schedule, at: datetime, expected: str) -> None:
    assert describe_next_change(schedule, at.astimezone(UTC)) == expected
