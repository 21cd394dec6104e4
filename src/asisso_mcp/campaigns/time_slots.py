"""Checks calling slots, and names the right form of those that the platform would not take.

The platform takes two digits, a colon, two digits, and compares start with end as text (published reference, PATCH).
It also takes nonsense such as `25:00` or digits of other scripts, which never matches (observed): refused here,
because such a campaign silently stops dialing. `24:00` as an end is the end of the day (observed).
"""

import json
import re
import unicodedata
from collections import Counter
from itertools import combinations

from asisso_mcp.campaigns.timezones import echoed

DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})")
_HALF_DAY = re.compile(r"([0-9]{1,2})(?:[:.h]?([0-9]{2}))?(?::[0-9]{2})?([ap])\.?m?\.?")  # 5pm, 5:30 p.m., 530am
_WRITTEN = re.compile(r"t?([0-9]{1,2})(?:[:.h]?([0-9]{2})(?::?[0-9]{2}(?:\.[0-9]*)?)?|h|:)?(?:h|hrs|uhr|o'clock)?")
_MOST_NAMED = 5


def check_time(text: str, *, end: bool) -> str:
    """`text` as the platform wants it, `HH:MM` from 00:00 to 23:59, or 24:00 when it is an `end`; `9:00` becomes 09:00.

    Raises ValueError with a sentence for people that names the value and the nearest right form.
    """
    clock = _CLOCK.fullmatch(text)
    if clock and ((int(clock[1]) < 24 and int(clock[2]) < 60) or (end and text == "24:00")):
        return f"{int(clock[1]):02d}:{clock[2]}"
    kind, form = ("end", "HH:MM, 00:01 to 24:00, e.g. 17:00") if end else ("start", "HH:MM, 00:00 to 23:59, e.g. 09:00")
    if not text.strip():
        raise ValueError(f"the {kind} time is empty; write {form}")
    advice = _nearest(text, end=end) or f"write {form}"
    if advice == f"write {echoed(text).strip()}":
        advice += " without spaces or hidden characters"
    raise ValueError(f'"{echoed(text)}" does not fit as the {kind} time on the 24-hour clock; {advice}')


def check_slot(day_of_week: int, start: str, end: str) -> None:
    """Raises ValueError, with what to send instead, unless the slot lies within one day and its start is before its end.

    `day_of_week`: 0 is Monday, in the schedule's zone. The times are checked as `check_time` does.
    """
    if not 0 <= day_of_week <= 6:
        raise ValueError(f"day_of_week is 0 (Monday) to 6 (Sunday), not {echoed(str(day_of_week))}")
    start, end = check_time(start, end=False), check_time(end, end=True)
    if start < end:
        return
    if start == end:
        raise ValueError(
            f"a slot from {start} to {end} is empty: the end is not part of it; for the whole day use 00:00 to 24:00"
        )
    evening = _as_json(day_of_week, start, "24:00")
    if end == "00:00":
        raise ValueError(f"a slot ends on the day it starts, and midnight as an end is 24:00: use {evening}")
    morning = _as_json((day_of_week + 1) % 7, "00:00", end)
    raise ValueError(
        f"a slot from {start} to {end} goes past midnight, and a slot ends on the day it starts: "
        f"use two slots, {evening} and {morning}"
    )


def slot_warnings(slots: list[tuple[int, str, str]]) -> list[str]:
    """What is likely a slip in slots (day, start, end) that the platform takes, a sentence each: doubles, overlaps, 23:59.

    The first five doubles and overlaps are named.
    """
    doubles = [f"{_named(slot)} is listed {times} times" for slot, times in Counter(slots).items() if times > 1]
    overlaps = [
        f"{_named(first)} and {_times(second)} overlap"
        for first, second in combinations(sorted(set(slots)), 2)
        if first[0] == second[0] and second[1] < first[2] and first[1] < second[2]
    ]
    warnings = doubles + overlaps
    if len(warnings) > _MOST_NAMED:
        warnings[_MOST_NAMED:] = [f"and {len(warnings) - _MOST_NAMED} more overlapping or duplicate slots"]
    if short := sorted({day for day, _, end in slots if end == "23:59"}):
        warnings.append(
            f"the end 23:59 ({', '.join(map(_day, short))}) leaves out the last minute of the day; "
            "use 24:00 for the end of the day"
        )
    return warnings


def _nearest(text: str, *, end: bool) -> str | None:
    """Advice for a time written another way, or None when it cannot be told."""
    if (read := _read(text)) is None:
        return None
    hour, minute = read
    if minute > 59:
        return f"minutes go from 00 to 59, e.g. {hour:02d}:59" if hour < 24 else None
    if hour < 24:
        # Midnight in words or as 12am, given as an end, is the end of the day.
        midnight = end and (hour, minute) == (0, 0)
        return f"write {'24:00 for the end of the day' if midnight else f'{hour:02d}:{minute:02d}'}"
    if (hour, minute) == (24, 0) and end:
        return "write 24:00"
    if hour >= 48:
        return None
    later = f"{hour - 24:02d}:{minute:02d}"
    if end:
        return f"end this slot at 24:00 and add one on the next day from 00:00 to {later}"
    return f"write {later} of the next day"


def _read(text: str) -> tuple[int, int] | None:
    """Hour and minute, unchecked, from the ways people write a time."""
    folded = unicodedata.normalize("NFKC", text[:60]).casefold()
    plain = "".join(str(unicodedata.decimal(c, c)) for c in folded if not c.isspace() and c.isprintable())
    if plain in ("noon", "midday"):
        return 12, 0
    if plain == "midnight":
        return 0, 0
    if half := _HALF_DAY.fullmatch(plain):
        hour, minute = int(half[1]), int(half[2] or 0)
        if hour <= 12:
            hour = hour % 12 + (12 if half[3] == "p" else 0)
        return hour, minute
    if written := _WRITTEN.fullmatch(plain):
        return int(written[1]), int(written[2] or 0)
    return None


def _as_json(day_of_week: int, start: str, end: str) -> str:
    return json.dumps({"day_of_week": day_of_week, "start_time": start, "end_time": end})


def _named(slot: tuple[int, str, str]) -> str:
    return f"{_day(slot[0])} {_times(slot)}"


def _times(slot: tuple[int, str, str]) -> str:
    return f"{echoed(slot[1])}–{echoed(slot[2])}"


def _day(day_of_week: int) -> str:
    return DAY_NAMES[day_of_week] if 0 <= day_of_week <= 6 else f"day {day_of_week}"
