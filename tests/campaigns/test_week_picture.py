"""The week in eight lines of plain text."""

import pytest

from asisso_mcp.campaigns.schedule import Schedule, ScheduleSlot
from asisso_mcp.campaigns.week_picture import draw_week

HOURS = "     00    03    06    09    12    15    18    21"
CLOSED = "." * 48
OPEN = "#" * 48


def test_a_day_is_a_line_of_half_hours_and_a_part_of_one_is_a_plus() -> None:
    slots = (ScheduleSlot(0, "09:00", "17:00"), ScheduleSlot(1, "09:15", "10:00"), ScheduleSlot(6, "22:30", "24:00"))
    assert draw_week(Schedule(True, "America/New_York", slots)).splitlines() == [
        f"{HOURS}  America/New_York",
        "Mon  ..................################..............",
        "Tue  ..................+#............................",
        f"Wed  {CLOSED}",
        f"Thu  {CLOSED}",
        f"Fri  {CLOSED}",
        f"Sat  {CLOSED}",
        "Sun  .............................................###",
    ]


@pytest.mark.parametrize(
    "schedule",
    [
        None,
        Schedule(False, "Europe/Berlin", (ScheduleSlot(0, "09:00", "17:00"),)),
        Schedule(True, "Europe/Berlin", ()),
        Schedule(True, "Nowhere/Land", (ScheduleSlot(0, "09:00", "17:00"),)),
    ],
)
def test_hours_that_restrict_nothing_are_drawn_open(schedule: Schedule | None) -> None:
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    assert draw_week(schedule).splitlines() == [f"{HOURS}  any hour", *(f"{day}  {OPEN}" for day in days)]
