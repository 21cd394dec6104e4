"""Calling windows: may calls go out now, when does that change, and how a person would say it.

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
from zoneinfo import ZoneInfo

DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
HORIZON_DAYS = 15  # two of every weekday, so that one lost to a clock change does not hide the next

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")  # not the locale's
_DAY = 24 * 60
_CLOCK = tuple(f"{minute // 60:02d}:{minute % 60:02d}" for minute in range(_DAY))
_REMEMBERED_SLOTS = 50
_GROUPS_LENGTH = 220  # characters; with the zone and the rest the words stay around 400

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
    _require_aware(at)
    if schedule is None or (zone := _restricting_zone(schedule)) is None:
        return True
    local = at.astimezone(UTC).astimezone(zone)  # through UTC: a local time that the spring skips is moved on
    day, clock = local.weekday(), _CLOCK[local.hour * 60 + local.minute]
    return any(s.day_of_week == day and s.start_time <= clock < s.end_time for s in schedule.slots)


def next_change(
    schedule: Schedule | None, at: datetime, horizon_days: int = HORIZON_DAYS
) -> tuple[bool, datetime] | None:
    """The state after the next flip between open and closed, and its instant, in the schedule's zone.

    Looks at `at < instant <= at + horizon_days` (days of 24 hours). None when nothing flips in that time: always open,
    or slots that never match. A flip may fall on a clock change itself. Raises ValueError when `at` is not aware.
    Take the instant to UTC before comparing or subtracting: Python does both by the wall clock within one zone.
    """
    was_open = is_open(schedule, at)
    if schedule is None or (zone := _restricting_zone(schedule)) is None:
        return None
    now = at.astimezone(UTC)
    last = now + timedelta(days=horizon_days)
    # Between two neighbours of these instants nothing can change, so the first that differs is the flip.
    instants = {*_boundaries(schedule, zone, now, last), *_clock_changes(zone, now, last)}
    for instant in sorted(i for i in instants if now < i <= last):
        if is_open(schedule, instant) != was_open:
            return not was_open, instant.astimezone(zone)
    return None


def never_opens(schedule: Schedule | None) -> bool:
    """Whether the hours are on and no slot can ever match, so that the campaign silently stops dialing."""
    if schedule is None or _restricting_zone(schedule) is None:
        return False
    return not any(_week(schedule.slots))


def describe(schedule: Schedule | None) -> str:
    """The calling hours for people, one line of about 400 characters at most: what matches, not what is written.

    Overlapping and adjacent slots are merged; slots of two days that meet at midnight are one window.
    """
    if schedule is None:
        return "at any hour (no calling hours set)"
    return _remembered(schedule) if len(schedule.slots) <= _REMEMBERED_SLOTS else _said(schedule)


def _said(schedule: Schedule) -> str:
    if not schedule.enabled:
        kept = f"; kept: {_slots_in_words(schedule)}" if schedule.slots else ""
        return f"at any hour (calling hours are off{kept})"
    if not schedule.slots:
        return "at any hour: the calling hours are on but have no slots"
    if _load_zone(schedule.timezone) is None:
        return f'at any hour: the zone "{_shown(schedule.timezone, 60)}" is not known here'
    return _slots_in_words(schedule)


_remembered = lru_cache(maxsize=128)(_said)
"""The same hours are said again and again: a campaign is read more often than edited."""


def describe_next_change(schedule: Schedule | None, at: datetime) -> str:
    """Whether calls may go out at `at` (aware), until or from when, in the schedule's local time."""
    if schedule is None or (zone := _restricting_zone(schedule)) is None:
        _require_aware(at)
        return "open at any hour"
    if never_opens(schedule):
        return f"never opens: no slot can match ({_join_first(_never_matching(schedule.slots), 3)})"
    change = next_change(schedule, at)
    if change is None:
        return "open at any hour" if is_open(schedule, at) else f"closed now, stays closed for {HORIZON_DAYS} days"
    opens, instant = change
    verb = "closed now, opens" if opens else "open now, closes"
    return f"{verb} {_moment(instant, at.astimezone(zone))} (in {_span(instant.astimezone(UTC) - at)})"


def _require_aware(at: datetime) -> None:
    if at.utcoffset() is None:
        raise ValueError("`at` needs a zone: a naive time would be read in this machine's own zone")


def _load_zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, malformed, or a folder such as "America"
        return None


def _restricting_zone(schedule: Schedule) -> ZoneInfo | None:
    """The zone in which the slots apply, or None when the schedule lets calls out at any hour."""
    return _load_zone(schedule.timezone) if schedule.enabled and schedule.slots else None


def _window(slot: ScheduleSlot) -> Window | None:
    """The minutes that match, found as the platform compares: as text. "08:60" to "09:75" matches 09:00 to 10:00."""
    start, end = bisect_left(_CLOCK, slot.start_time), bisect_left(_CLOCK, slot.end_time)
    return (start, end) if start < end and 0 <= slot.day_of_week <= 6 else None


def _week(slots: Iterable[ScheduleSlot]) -> list[list[Window]]:
    """For each day, Monday first: its windows in order, merged where they overlap or touch."""
    week: list[list[Window]] = [[] for _ in DAY_NAMES]
    for slot in slots:
        if window := _window(slot):
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
    week = _week(schedule.slots)
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


def _slots_in_words(schedule: Schedule) -> str:
    week = _week(schedule.slots)
    parts = []
    if all(windows == [(0, _DAY)] for windows in week):
        parts.append("every day, all day")
    elif any(week):
        known = _load_zone(schedule.timezone) is not None
        zone = schedule.timezone if known else f'in the unknown zone "{_shown(schedule.timezone, 60)}"'
        parts.append(f"{_bounded(_groups(week))} {zone}")
    else:
        parts.append("at no hour")
    if never := _never_matching(schedule.slots):
        parts.append(f"never matches: {_join_first(never, 3)}")
    return "; ".join(parts)


def _groups(week: list[list[Window]]) -> list[str]:
    """Days with equal windows, said together."""
    groups: dict[tuple[Window, ...], list[int]] = {}
    for day, windows in enumerate(_merge_overnight(week)):
        if windows:
            groups.setdefault(tuple(windows), []).append(day)
    return [f"{_days(days)} {_join_first([_hours(w, days) for w in windows], 6)}" for windows, days in groups.items()]


def _merge_overnight(week: list[list[Window]]) -> list[list[Window]]:
    """A window up to midnight takes over the one that goes on from there; whole days stay as they are."""
    joined = [list(windows) for windows in week]
    for day, windows in enumerate(week):
        tomorrow = (day + 1) % 7
        if not windows or not week[tomorrow]:
            continue
        evening, morning = windows[-1], week[tomorrow][0]
        if evening[1] == _DAY and morning[0] == 0 and (0, _DAY) not in (evening, morning):
            joined[day][-1] = (evening[0], _DAY + morning[1])
            joined[tomorrow].remove(morning)
    return joined


def _days(days: list[int]) -> str:
    """`Mon–Fri`, `Mon, Wed, Fri`, `Sat–Sun`; `days` in order."""
    if len(days) == 7:
        return "every day"
    runs: list[list[int]] = []
    for day in days:
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ", ".join(DAY_NAMES[r[0]] + (f"–{DAY_NAMES[r[-1]]}" if len(r) > 1 else "") for r in runs)


def _hours(window: Window, days: list[int]) -> str:
    start, end = window
    if window == (0, _DAY):
        return "all day"
    if end <= _DAY:
        return f"{_CLOCK[start]}–{_CLOCK[end] if end < _DAY else '24:00'}"
    if len(days) == 1:
        return f"{_CLOCK[start]}–{DAY_NAMES[(days[0] + 1) % 7]} {_CLOCK[end - _DAY]}"
    return f"{_CLOCK[start]}–{_CLOCK[end - _DAY]} the next day"


def _never_matching(slots: Iterable[ScheduleSlot]) -> list[str]:
    named = (
        f"{DAY_NAMES[s.day_of_week] if 0 <= s.day_of_week <= 6 else f'day {s.day_of_week}'}"
        f" {_shown(s.start_time, 10)}–{_shown(s.end_time, 10)}"
        for s in slots
        if _window(s) is None
    )
    return list(dict.fromkeys(named))


def _join_first(words: list[str], most: int) -> str:
    """`a`, `a and b`, `a, b and c`, and beyond `most`: `a, b and 7 more`."""
    if len(words) > most:
        words = [*words[:most], f"{len(words) - most} more"]
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _bounded(groups: list[str]) -> str:
    length, shown = 0, 0
    while shown < len(groups) and (shown == 0 or length + len(groups[shown]) <= _GROUPS_LENGTH):
        length += len(groups[shown]) + 2
        shown += 1
    rest = [f"and {len(groups) - shown} more,"] if shown < len(groups) else []
    return "; ".join(groups[:shown] + rest)


def _moment(instant: datetime, now: datetime) -> str:
    """Both in the schedule's zone: `17:00 EST` today, `Mon 09:00 EST` this week, then `Mon 30 Nov 09:00 EST`."""
    clock = f"{instant:%H:%M} {_zone_letters(instant)}"
    days = (instant.date() - now.date()).days
    if days == 0:
        return clock
    month_day = f" {instant.day} {_MONTHS[instant.month - 1]}" if days > 6 else ""
    return f"{DAY_NAMES[instant.weekday()]}{month_day} {clock}"


def _zone_letters(instant: datetime) -> str:
    """`EST`; zones without letters give their offset, `UTC+05:45`."""
    letters = instant.tzname() or ""
    return letters if letters.isalpha() else f"UTC{instant.isoformat()[-6:]}"


def _span(span: timedelta) -> str:
    """`45 min`, `2 h 10 min` (rounded up to minutes), from a day on `2 d 3 h` (to the nearest hour)."""
    minutes = -(-span // timedelta(minutes=1))
    if minutes < _DAY:
        hours, minutes = divmod(minutes, 60)
        return " ".join(f"{count} {unit}" for count, unit in ((hours, "h"), (minutes, "min")) if count)
    days, hours = divmod((minutes + 30) // 60, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def _shown(text: str, most: int) -> str:
    """Stored text for people: no control or direction characters, no double quotes, cut."""
    clean = "".join(c for c in text[: most * 4] if c.isprintable()).replace('"', "'")
    return clean if len(clean) <= most else f"{clean[: most - 1]}…"
