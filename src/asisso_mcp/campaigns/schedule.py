"""Calling hours: whether calls may go out at a moment, and when that changes. Pure.

The rule is the platform's own (observed): the instant is taken to the schedule's zone, its weekday must equal a slot's
`day_of_week` (0 is Monday) and its "HH:MM" text must lie between the slot's texts, start inclusive, end exclusive.
Slots are alternatives. Without a schedule, when it is off, without slots, or in a zone the platform cannot load,
calls go out at any hour.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
HORIZON_DAYS = 15  # two of every weekday, so that one lost to a clock change does not hide the next

DAY_MINUTES = 24 * 60
CLOCK = tuple(f"{minute // 60:02d}:{minute % 60:02d}" for minute in range(DAY_MINUTES))

Window = tuple[int, int]  # minutes since local midnight, end exclusive; an end past 1440 is on the next day


@dataclass(frozen=True)
class ScheduleSlot:
    """One calling window. `day_of_week`: 0 is Monday, in the schedule's zone. Times as stored, maybe nonsense."""

    day_of_week: int
    start_time: str
    end_time: str


@dataclass(frozen=True)
class Schedule:
    """The calling hours of a campaign, as the platform stores them."""

    enabled: bool
    timezone: str
    slots: tuple[ScheduleSlot, ...]


def is_open(schedule: Schedule | None, at: datetime) -> bool:
    """Whether the platform would start calls at `at` (aware; raises ValueError when it is not)."""
    require_aware(at)
    if schedule is None or (zone := restricting_zone(schedule)) is None:
        return True
    local = at.astimezone(UTC).astimezone(zone)  # through UTC: a local time that the spring skips is moved on
    day, clock = local.weekday(), CLOCK[local.hour * 60 + local.minute]
    return any(s.day_of_week == day and s.start_time <= clock < s.end_time for s in schedule.slots)


def next_change(
    schedule: Schedule | None, at: datetime, horizon_days: int = HORIZON_DAYS
) -> tuple[bool, datetime] | None:
    """The state after the next flip between open and closed, and its instant, in the schedule's zone.

    Looks at `at < instant <= at + horizon_days` (days of 24 hours). None when nothing flips in that time: always open,
    or slots that never match. A flip may fall on a clock change itself. Raises ValueError when `at` is not aware.
    Take the instant to UTC before comparing or subtracting: Python does both by the wall clock within one zone.
    """
    require_aware(at)
    if schedule is None or (zone := restricting_zone(schedule)) is None:
        return None
    now, known = at.astimezone(UTC), _known_change(schedule)
    last = now + timedelta(days=horizon_days)
    if known and known[0].found_at <= now < known[0].instant <= last:
        return known[0].opens, known[0].instant.astimezone(zone)
    was_open = is_open(schedule, now)
    # Between two neighbours of these instants nothing can change, so the first that differs is the flip.
    instants = {*_boundaries(schedule, zone, now, last), *_clock_changes(zone, now, last)}
    for instant in sorted(i for i in instants if now < i <= last):
        if is_open(schedule, instant) != was_open:
            known[:] = [_Change(now, not was_open, instant)]
            return not was_open, instant.astimezone(zone)
    return None


class _Change(NamedTuple):
    """The first change after `found_at`, both in UTC."""

    found_at: datetime
    opens: bool
    instant: datetime


@lru_cache(maxsize=128)
def _known_change(schedule: Schedule) -> list[_Change]:  # noqa: ARG001 - the key
    """The change that was found last for these hours, if any: it is the next one until it has passed."""
    return []


@lru_cache(maxsize=128)
def never_opens(schedule: Schedule | None) -> bool:
    """Whether the hours are on and no slot can ever match, so that the campaign silently stops dialing."""
    if schedule is None or restricting_zone(schedule) is None:
        return False
    return not any(week_of(schedule.slots))


def require_aware(at: datetime) -> None:
    """Raises ValueError for a time without a zone."""
    if at.utcoffset() is None:
        raise ValueError("`at` needs a zone: a naive time would be read in this machine's own zone")


def load_zone(name: str) -> ZoneInfo | None:
    """The zone of that name; None for one that is not known here."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, malformed, or a folder such as "America"
        return None


def restricting_zone(schedule: Schedule) -> ZoneInfo | None:
    """The zone in which the slots apply, or None when the schedule lets calls out at any hour."""
    return load_zone(schedule.timezone) if schedule.enabled and schedule.slots else None


def matching_minutes(slot: ScheduleSlot) -> Window | None:
    """The minutes that match, found as the platform compares: as text. "08:60" to "09:75" matches 09:00 to 10:00."""
    start, end = bisect_left(CLOCK, slot.start_time), bisect_left(CLOCK, slot.end_time)
    return (start, end) if start < end and 0 <= slot.day_of_week <= 6 else None


def week_of(slots: Iterable[ScheduleSlot]) -> list[list[Window]]:
    """For each day, Monday first: its windows in order, merged where they overlap or touch."""
    week: list[list[Window]] = [[] for _ in DAY_NAMES]
    for slot in slots:
        if window := matching_minutes(slot):
            week[slot.day_of_week].append(window)
    return [_merged(windows) for windows in week]


def _merged(windows: list[Window]) -> list[Window]:
    merged: list[Window] = []
    for start, end in sorted(windows):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _boundaries(schedule: Schedule, zone: ZoneInfo, first: datetime, last: datetime) -> Iterator[datetime]:
    """The starts and ends of windows on each local day, in UTC; a local time that comes twice is given twice."""
    week = week_of(schedule.slots)
    today: date = first.astimezone(zone).date() - timedelta(days=1)  # its 24:00 may still lie ahead
    while today <= last.astimezone(zone).date():
        midnight = datetime.combine(today, time(), tzinfo=zone)
        for minute in {minute for window in week[today.weekday()] for minute in window}:
            local = midnight + timedelta(minutes=minute)  # wall clock arithmetic
            yield local.replace(fold=0).astimezone(UTC)
            yield local.replace(fold=1).astimezone(UTC)
        today += timedelta(days=1)


def _clock_changes(zone: ZoneInfo, first: datetime, last: datetime) -> Iterator[datetime]:
    """The instants, in UTC and exact to the second, at which the zone's offset changes."""
    step = 6 * 3600  # seconds; no zone changes twice within it
    for before in range(int(first.timestamp()), int(last.timestamp()) + 1, step):
        low, high = before, before + step
        if _offset(zone, low) == _offset(zone, high):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _offset(zone, middle) == _offset(zone, low) else (low, middle)
        yield datetime.fromtimestamp(high, UTC)


def _offset(zone: ZoneInfo, second: int) -> timedelta | None:
    return datetime.fromtimestamp(second, zone).utcoffset()


def parse_slots(stored: Any) -> tuple[ScheduleSlot, ...]:
    """The slots in a stored list, each once."""
    found = map(_parse_slot, stored if isinstance(stored, list) else [])
    return tuple(dict.fromkeys(slot for slot in found if slot is not None))


def _parse_slot(stored: Any) -> ScheduleSlot | None:
    if not isinstance(stored, dict):
        return None
    day, start, end = stored.get("day_of_week"), stored.get("start_time"), stored.get("end_time")
    if not (isinstance(day, int) and isinstance(start, str) and isinstance(end, str)):
        return None
    return ScheduleSlot(day, start, end)
