"""The week's calling hours as eight lines of plain text, for terminals and chats that cannot show the view. Pure."""

from asisso_mcp.campaigns.schedule import DAY_MINUTES, DAY_NAMES, Schedule, Window, restricting_zone, week_of
from asisso_mcp.sanitize import plain_or_quoted

CELL_MINUTES = 30
_HOURS = "".join(f"{hour:02d}    " for hour in range(0, 24, 3)).rstrip()


def draw_week(schedule: Schedule | None) -> str:
    """A line with the hours and the zone, then a line for each day, Monday first; a character is half an hour.

    `#` is open, `.` is closed, `+` is open for a part of it.
    """
    if schedule is None or restricting_zone(schedule) is None:
        week, zone = [[(0, DAY_MINUTES)] for _ in DAY_NAMES], "any hour"
    else:
        week, zone = week_of(schedule.slots), plain_or_quoted(schedule.timezone, 60)
    days = (f"{name}  {_draw_day(windows)}" for name, windows in zip(DAY_NAMES, week, strict=True))
    return "\n".join([f"     {_HOURS}  {zone}", *days])


def _draw_day(windows: list[Window]) -> str:
    return "".join(_draw_cell(windows, start) for start in range(0, DAY_MINUTES, CELL_MINUTES))


def _draw_cell(windows: list[Window], start: int) -> str:
    end = start + CELL_MINUTES
    open_minutes = sum(max(0, min(end, last) - max(start, first)) for first, last in windows)
    return "." if not open_minutes else "#" if open_minutes == CELL_MINUTES else "+"
