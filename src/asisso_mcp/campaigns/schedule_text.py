"""Calling hours in words: the week as people say it, and when that changes next. Pure; every stored value may be odd, none may be long."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from asisso_mcp.campaigns.schedule import (
    CLOCK,
    DAY_MINUTES,
    DAY_NAMES,
    HORIZON_DAYS,
    Schedule,
    ScheduleSlot,
    Window,
    is_open,
    load_zone,
    matching_minutes,
    never_opens,
    next_change,
    require_aware,
    restricting_zone,
    week_of,
)
from asisso_mcp.sanitize import plain_or_quoted, quoted

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")  # not the locale's


_REMEMBERED_SLOTS = 50


_GROUPS_LENGTH = 220  # characters; with the zone and the rest the words stay around 400


def describe(schedule: Schedule | None) -> str:
    """The calling hours for people, one line of about 400 characters at most: what matches, not what is written.

    Overlapping and adjacent slots are merged; slots of two days that meet at midnight are one window.
    """
    if schedule is None:
        return "at any hour (no calling hours set)"
    return _describe_cached(schedule) if len(schedule.slots) <= _REMEMBERED_SLOTS else _describe(schedule)


def describe_in_full(schedule: Schedule | None) -> str:
    """The same on one line of any length: for a person who says yes to all of it."""
    if schedule is None or restricting_zone(schedule) is None or not any(week := week_of(schedule.slots)):
        return describe(schedule)
    return f"{'; '.join(_groups(week, most=len(schedule.slots)))} {schedule.timezone}"


def _describe(schedule: Schedule) -> str:
    if not schedule.enabled:
        kept = f"; kept: {_slots_in_words(schedule)}" if schedule.slots else ""
        return f"at any hour (calling hours are off{kept})"
    if not schedule.slots:
        return "at any hour: the calling hours are on but have no slots"
    if load_zone(schedule.timezone) is None:
        return f"at any hour: the zone {quoted(schedule.timezone, 60)} is not known here"
    return _slots_in_words(schedule)


_describe_cached = lru_cache(maxsize=128)(_describe)
"""The same hours are said again and again: a campaign is read more often than edited."""


def describe_next_change(schedule: Schedule | None, at: datetime) -> str:
    """Whether calls may go out at `at` (aware), until or from when, in the schedule's local time."""
    if schedule is None or (zone := restricting_zone(schedule)) is None:
        require_aware(at)
        return "open at any hour"
    if never_opens(schedule):
        return f"never opens: no slot can match ({_join_first(_never_matching(schedule.slots), 3)})"
    change = next_change(schedule, at)
    if change is None:
        return "open at any hour" if is_open(schedule, at) else f"closed now, stays closed for {HORIZON_DAYS} days"
    opens, instant = change
    verb = "closed now, opens" if opens else "open now, closes"
    return f"{verb} {_moment(instant, at.astimezone(zone))} (in {_span(instant.astimezone(UTC) - at)})"


def describe_openness(schedule: Schedule | None, at: datetime) -> str:
    """The same in a few words: `hours open until 17:00 EST`, `hours closed until Mon 09:00 EST`."""
    if schedule is None or (zone := restricting_zone(schedule)) is None:
        return "open at any hour"
    if never_opens(schedule):
        return "hours never open"
    change = next_change(schedule, at)
    if change is None:
        return "open at any hour" if is_open(schedule, at) else f"hours closed for {HORIZON_DAYS} days"
    opens, instant = change
    return f"hours {'closed' if opens else 'open'} until {_moment(instant, at.astimezone(zone))}"


def _slots_in_words(schedule: Schedule) -> str:
    week = week_of(schedule.slots)
    parts = []
    if all(windows == [(0, DAY_MINUTES)] for windows in week):
        parts.append("every day, all day")
    elif any(week):
        known = load_zone(schedule.timezone) is not None
        zone = schedule.timezone if known else f"in the unknown zone {quoted(schedule.timezone, 60)}"
        parts.append(f"{_bounded(_groups(week))} {zone}")
    else:
        parts.append("at no hour")
    if never := _never_matching(schedule.slots):
        parts.append(f"never matches: {_join_first(never, 3)}")
    return "; ".join(parts)


def _groups(week: list[list[Window]], most: int = 6) -> list[str]:
    """Days with equal windows, said together; of each at most so many windows."""
    groups: dict[tuple[Window, ...], list[int]] = {}
    for day, windows in enumerate(_merge_overnight(week)):
        if windows:
            groups.setdefault(tuple(windows), []).append(day)
    return [
        f"{_days(days)} {_join_first([_hours(w, days) for w in windows], most)}" for windows, days in groups.items()
    ]


def _merge_overnight(week: list[list[Window]]) -> list[list[Window]]:
    """A window up to midnight takes over the one that goes on from there; whole days stay as they are."""
    joined = [list(windows) for windows in week]
    for day, windows in enumerate(week):
        tomorrow = (day + 1) % 7
        if not windows or not week[tomorrow]:
            continue
        evening, morning = windows[-1], week[tomorrow][0]
        if evening[1] == DAY_MINUTES and morning[0] == 0 and (0, DAY_MINUTES) not in (evening, morning):
            joined[day][-1] = (evening[0], DAY_MINUTES + morning[1])
            joined[tomorrow].remove(morning)
    return joined


def describe_overnight(schedule: Schedule) -> str | None:
    """How a window past midnight is stored, by the first of them; None where there is none."""
    week = week_of(schedule.slots)
    for day, windows in enumerate(_merge_overnight(week)):
        for start, end in windows:
            if end > DAY_MINUTES:
                evening, morning = _hours((start, DAY_MINUTES), [day]), _hours((0, end - DAY_MINUTES), [day])
                tomorrow = DAY_NAMES[(day + 1) % 7]
                return f"Each night is stored as two slots, as {DAY_NAMES[day]} {evening} and {tomorrow} {morning}."
    return None


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
    if window == (0, DAY_MINUTES):
        return "all day"
    if end <= DAY_MINUTES:
        return f"{CLOCK[start]}–{CLOCK[end] if end < DAY_MINUTES else '24:00'}"
    if len(days) == 1:
        return f"{CLOCK[start]}–{DAY_NAMES[(days[0] + 1) % 7]} {CLOCK[end - DAY_MINUTES]}"
    return f"{CLOCK[start]}–{CLOCK[end - DAY_MINUTES]} the next day"


def _never_matching(slots: Iterable[ScheduleSlot]) -> list[str]:
    named = (
        f"{DAY_NAMES[s.day_of_week] if 0 <= s.day_of_week <= 6 else f'day {s.day_of_week}'}"
        f" {plain_or_quoted(s.start_time, 10)}–{plain_or_quoted(s.end_time, 10)}"
        for s in slots
        if matching_minutes(s) is None
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
    if minutes < DAY_MINUTES:
        hours, minutes = divmod(minutes, 60)
        return " ".join(f"{count} {unit}" for count, unit in ((hours, "h"), (minutes, "min")) if count)
    days, hours = divmod((minutes + 30) // 60, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"
