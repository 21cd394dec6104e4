"""Zone names: which pass, and the exact words and names for those that do not."""

import re
import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asisso_mcp.campaigns import timezones as zones
from asisso_mcp.campaigns.timezones import check_zone, echoed, nearest_zones, zone_warning

EXAMPLES = "America/New_York, Europe/London or Asia/Tokyo"
NO_IDEA = f"use an IANA name, e.g. {EXAMPLES}"
CENTRAL_EUROPE = "use Europe/Berlin (Germany), Europe/Paris (France) or Europe/Madrid (Spain)"


def refusal(name: str) -> str | None:
    try:
        check_zone(name)
    except ValueError as refused:
        return str(refused)
    return None


@pytest.mark.parametrize(
    "name",
    [
        *("UTC", "Zulu", "GMT", "CET", "EST5EDT", "US/Eastern", "Etc/GMT+2", "America/New_York"),
        *("America/Argentina/Buenos_Aires", "Asia/Calcutta", "Asia/Kathmandu", "Europe/Kiev", "Europe/Kyiv"),
    ],
)
def test_a_good_zone_name_passes_unchanged(name: str) -> None:
    assert check_zone(name) == name
    assert nearest_zones(name) == [name]


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("utc", "names are case-sensitive, write UTC"),
        ("Utc", "names are case-sensitive, write UTC"),
        ("america/new_york", "names are case-sensitive, write America/New_York"),
        (" UTC", "write it without spaces or hidden characters: UTC"),
        ("gmt", "use UTC (all year) or Europe/London (with summer time)"),
        ("PST", "use America/Los_Angeles"),
        ("PDT", "use America/Los_Angeles"),
        ("est", "use America/New_York"),
        ("IST", "use Asia/Kolkata (India), Asia/Jerusalem (Israel) or Europe/Dublin (Ireland)"),
        ("CST", "use America/Chicago (US Central), Asia/Shanghai (China) or America/Havana (Cuba)"),
        ("BST", "use Europe/London (British Summer Time) or Asia/Dhaka (Bangladesh)"),
        ("cet", CENTRAL_EUROPE),
        ("CEST", CENTRAL_EUROPE),
        ("Central European Time", CENTRAL_EUROPE),
        ("Eastern Time", "use America/New_York"),
        ("Eastern", "use America/New_York"),
        ("eastern standard time", "use America/New_York"),
        ("US Pacific", "use US/Pacific"),
        ("New York", "use America/New_York"),
        ("new york", "use America/New_York"),
        ("New York City", "use America/New_York"),
        ("New York, NY", "use America/New_York"),
        ("NYC", NO_IDEA),
        ("berlin", "use Europe/Berlin"),
        ("Europe/Frankfurt", NO_IDEA),
        ("Mumbai", NO_IDEA),
        ("Kolkata", "use Asia/Kolkata"),
        ("JST", "use Asia/Tokyo"),
        ("AEST", "use Australia/Sydney (with daylight saving) or Australia/Brisbane (without)"),
        ("São Paulo", "use America/Sao_Paulo"),
        ("istanbul", "use Europe/Istanbul or Asia/Istanbul"),
        ("Indianapolis", "use America/Indianapolis or America/Indiana/Indianapolis"),
        ("Londn", "use Europe/London"),
        ("Amercia/New_York", "use America/New_York"),
        ("America/New_Yrok", "use America/New_York"),
        ("America", NO_IDEA),
        ("GMT+2", "name a city, e.g. Africa/Johannesburg, or Etc/GMT-2 for a fixed UTC+2 (the sign in Etc names is inverted)"),
        ("UTC+2", "name a city, e.g. Africa/Johannesburg, or Etc/GMT-2 for a fixed UTC+2 (the sign in Etc names is inverted)"),
        ("+02:00", "name a city, e.g. Africa/Johannesburg, or Etc/GMT-2 for a fixed UTC+2 (the sign in Etc names is inverted)"),
        ("utc −5", "name a city, e.g. America/New_York, or Etc/GMT+5 for a fixed UTC−5 (the sign in Etc names is inverted)"),
        ("Etc/GMT+02", "name a city, e.g. Atlantic/South_Georgia, or Etc/GMT+2 for a fixed UTC−2 (the sign in Etc names is inverted)"),
        ("-12", "name a city, or Etc/GMT+12 for a fixed UTC−12 (the sign in Etc names is inverted)"),
        ("GMT+5:30", "name a city, e.g. Asia/Kolkata"),
        ("UTC+0", "use UTC, or Europe/London for London hours"),
        ("+05:17", NO_IDEA),
        ("UTC+15", NO_IDEA),
        ("Mars/Base", NO_IDEA),
        ("Europe", NO_IDEA),
        ("?", NO_IDEA),
    ],
)  # fmt: skip
def test_a_wrong_zone_name_is_answered_with_the_nearest_right_one(name: str, advice: str) -> None:
    assert refusal(name) == f'"{name}" is not a zone name the platform accepts; {advice}'


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("EST", "EST is a fixed −5 h without daylight saving; for New York hours use America/New_York (or Etc/GMT+5 for the fixed offset)"),
        (
            "MST",
            "MST is a fixed −7 h without daylight saving; "
            "for Denver hours use America/Denver (for Arizona America/Phoenix, or Etc/GMT+7 for the fixed offset)",
        ),
        ("HST", "HST is a fixed −10 h without daylight saving; for Hawaii hours use Pacific/Honolulu (or Etc/GMT+10 for the fixed offset)"),
        ("localtime", f'"localtime" means whatever the platform\'s own files say; {NO_IDEA}'),
        ("posixrules", f'"posixrules" means whatever the platform\'s own files say; {NO_IDEA}'),
        ("Factory", f'"Factory" means whatever the platform\'s own files say; {NO_IDEA}'),
        ("right/Europe/Berlin", '"right/Europe/Berlin" means whatever the platform\'s own files say; use Europe/Berlin'),
        ("posix/UTC", '"posix/UTC" means whatever the platform\'s own files say; use UTC'),
        ("", f"the time zone is empty; {NO_IDEA}"),
        (" \t", f"the time zone is empty; {NO_IDEA}"),
        (
            "\u202eAmerica/New_York\x00\n",
            '"America/New_York" is not a zone name the platform accepts; '
            "write it without spaces or hidden characters: America/New_York",
        ),
        ("x" * 100_000, f'"{"x" * 59}…" is not a zone name the platform accepts; {NO_IDEA}'),
        ('say "hi"', f"\"say 'hi'\" is not a zone name the platform accepts; {NO_IDEA}"),
    ],
)  # fmt: skip
def test_misleading_empty_and_hostile_names_are_refused_in_a_sentence(name: str, expected: str) -> None:
    assert refusal(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("America/New_York", None),
        ("UTC", None),
        ("Zulu", None),
        ("no zone", None),
        (
            "Etc/GMT+2",
            "Etc/GMT+2 is UTC−2 all year, without daylight saving: the sign in Etc names is inverted; "
            "for UTC+2 use Africa/Johannesburg or Etc/GMT-2",
        ),
        ("Etc/GMT-14", "Etc/GMT-14 is UTC+14 all year, without daylight saving: the sign in Etc names is inverted"),
        ("GMT", "GMT is UTC all year, without daylight saving; for London hours use Europe/London"),
        ("Etc/GMT0", "Etc/GMT0 is UTC all year, without daylight saving; for London hours use Europe/London"),
        ("EST", "EST is a fixed −5 h without daylight saving; for New York hours use America/New_York (or Etc/GMT+5 for the fixed offset)"),
        ("localtime", f'"localtime" means whatever the platform\'s own files say; {NO_IDEA}'),
    ],
)  # fmt: skip
def test_zone_names_that_are_easily_misread_carry_a_warning(name: str, expected: str | None) -> None:
    assert zone_warning(name) == expected


@given(name=st.text(alphabet="americgtuESTMH+-/_ 0123:,(éß٢\u202e", max_size=40) | st.text())
def test_every_name_suggested_would_pass_and_every_refusal_is_one_short_line(name: str) -> None:
    near = nearest_zones(name)
    assert len(near) <= 3
    assert [check_zone(zone) for zone in near] == near
    words = refusal(name) or ""
    assert words.isprintable()
    assert len(words) <= 300


def test_every_zone_in_the_tables_would_pass() -> None:
    tables = {
        *(zone for meanings in zones._ABBREVIATIONS.values() for zone in meanings),
        *(zone for text in zones._FIXED.values() for zone in re.findall(r"\w+/[\w+-]*\w", text)),
    }
    assert {zone for zone in tables if zone not in zones._accepted()} == set()


def test_every_city_named_for_an_offset_has_it_outside_daylight_saving() -> None:
    named = {minutes: zones._offset_zones(minutes)[0] for minutes in (-600, -480, -300, -210, 60, 330, 570, 540, 720)}
    assert named == {
        -600: "Pacific/Honolulu",
        -480: "America/Los_Angeles",
        -300: "America/New_York",
        -210: "America/St_Johns",
        60: "Africa/Lagos",
        330: "Asia/Kolkata",
        540: "Asia/Tokyo",
        570: "Australia/Adelaide",
        720: "Pacific/Auckland",
    }
    for minutes, city in zones._city_by_offset().items():
        offsets = [datetime(2026, month, 1, tzinfo=ZoneInfo(city)).utcoffset() for month in (1, 7)]
        assert min(offset.total_seconds() / 60 for offset in offsets if offset is not None) == minutes


def test_no_word_in_the_tables_hides_behind_another_meaning() -> None:
    words = [word for also in (*zones._ONE_MEANING, *zones._SEVERAL_MEANINGS) for word in also.split()]
    assert len(words) == len(set(words))


@pytest.mark.parametrize("name", ["a" * 60, "\ufdfa" * 200, "/" * 200, "america " * 25, "+" * 10_000_000])
def test_hostile_names_are_answered_at_once(name: str) -> None:
    nearest_zones("warm up")
    started = time.process_time()
    nearest_zones(name)
    assert echoed(name)
    assert time.process_time() - started < 1
