"""Checks time zone names, and names the nearest right ones for those that are refused.

The platform takes case-sensitive IANA names (observed). It also takes some that mislead or depend on its own files,
such as `EST` or `localtime`: these are refused here, because calls would go out at the wrong hour without a word.
"""

import difflib
import re
import unicodedata
import zoneinfo
from datetime import datetime, timedelta
from functools import cache

_EXAMPLES = "use an IANA name, e.g. America/New_York, Europe/London or Asia/Tokyo"
_MAX_LENGTH = 200  # characters that are looked at; the longest zone name has 32

_FIXED = {
    "EST": "EST is a fixed −5 h without daylight saving; "
    "for New York hours use America/New_York (or Etc/GMT+5 for the fixed offset)",
    "MST": "MST is a fixed −7 h without daylight saving; "
    "for Denver hours use America/Denver (for Arizona America/Phoenix, or Etc/GMT+7 for the fixed offset)",
    "HST": "HST is a fixed −10 h without daylight saving; "
    "for Hawaii hours use Pacific/Honolulu (or Etc/GMT+10 for the fixed offset)",
}
_ONE_MEANING = {
    "eastern et edt est": "America/New_York",
    "central ct cdt": "America/Chicago",
    "mountain mt mdt": "America/Denver",
    "pacific pt pst pdt": "America/Los_Angeles",
    "akst akdt": "America/Anchorage",
    "hst": "Pacific/Honolulu",
    "adt": "America/Halifax",
    "nst ndt": "America/St_Johns",
    "brt": "America/Sao_Paulo",
    "art": "America/Argentina/Buenos_Aires",
    "wet west": "Europe/Lisbon",
    "trt": "Europe/Istanbul",
    "msk": "Europe/Moscow",
    "pkt": "Asia/Karachi",
    "npt": "Asia/Kathmandu",
    "ict": "Asia/Bangkok",
    "wib": "Asia/Jakarta",
    "sgt": "Asia/Singapore",
    "hkt": "Asia/Hong_Kong",
    "pht": "Asia/Manila",
    "awst": "Australia/Perth",
    "jst": "Asia/Tokyo",
    "kst": "Asia/Seoul",
    "aedt": "Australia/Sydney",
    "acdt": "Australia/Adelaide",
    "nzst nzdt": "Pacific/Auckland",
    "wat": "Africa/Lagos",
    "sast": "Africa/Johannesburg",
    "cat": "Africa/Maputo",
    "eat": "Africa/Nairobi",
    "idt": "Asia/Jerusalem",
    "z": "UTC",
}
_SEVERAL_MEANINGS = {
    "ist": {"Asia/Kolkata": "India", "Asia/Jerusalem": "Israel", "Europe/Dublin": "Ireland"},
    "cst": {"America/Chicago": "US Central", "Asia/Shanghai": "China", "America/Havana": "Cuba"},
    "bst": {"Europe/London": "British Summer Time", "Asia/Dhaka": "Bangladesh"},
    "mst": {"America/Denver": "US Mountain", "America/Phoenix": "Arizona, no daylight saving"},
    "ast": {"America/Halifax": "Atlantic Canada", "Asia/Riyadh": "Arabia"},
    "gst": {"Asia/Dubai": "Gulf", "Atlantic/South_Georgia": "South Georgia"},
    "sst": {"Pacific/Pago_Pago": "Samoa", "Asia/Singapore": "Singapore"},
    "gmt": {"UTC": "all year", "Europe/London": "with summer time"},
    "aest": {"Australia/Sydney": "with daylight saving", "Australia/Brisbane": "without"},
    "acst": {"Australia/Adelaide": "with daylight saving", "Australia/Darwin": "without"},
    "ect": {"America/Guayaquil": "Ecuador", "Europe/Paris": "Central Europe"},
    "cet cest met mest centraleuropean": {
        "Europe/Berlin": "Germany",
        "Europe/Paris": "France",
        "Europe/Madrid": "Spain",
    },
    "eet eest easterneuropean": {
        "Europe/Athens": "Greece",
        "Europe/Helsinki": "Finland",
        "Europe/Bucharest": "Romania",
    },
}
_ABBREVIATIONS = {word: {zone: ""} for words, zone in _ONE_MEANING.items() for word in words.split()} | {
    word: zones for words, zones in _SEVERAL_MEANINGS.items() for word in words.split()
}
"""The zones that an abbreviation may stand for, best first, each with what tells it apart (or '')."""

_OFFSET = re.compile(r"(etc/gmt|etc/utc|gmt|utc|ut|z)?\s*([+\-−–])\s*([0-9]{1,2}):?([0-9]{2})?", re.IGNORECASE)
_ETC = re.compile(r"Etc/GMT([+-])([1-9][0-9]?)")
_GMT = re.compile(r"(Etc/)?(GMT([+-]?0)?|Greenwich)")
_PLATFORM_FILES = re.compile(r"localtime|posixrules|Factory|(right|posix)/.*", re.DOTALL)
_NOISE = frozenset({"time", "timezone", "zone", "standard", "daylight", "summer", "city", "the", "tz"})


def check_zone(name: str) -> str:
    """The name itself, when it is an IANA zone name that the platform takes and that means what it says.

    Raises ValueError with a sentence for people that names the value and the nearest right names.
    """
    if name in _accepted():
        return name
    if name in _FIXED:
        raise ValueError(_FIXED[name])
    if not name.strip():
        raise ValueError(f"the time zone is empty; {_EXAMPLES}")
    if _PLATFORM_FILES.fullmatch(name):
        near = nearest_zones(name)
        advice = f"use {_join_or(near)}" if near else _EXAMPLES
        raise ValueError(f'"{echoed(name)}" means whatever the platform\'s own files say; {advice}')
    raise ValueError(f'"{echoed(name)}" is not a zone name the platform accepts; {_advice(name)}')


def zone_warning(name: str) -> str | None:
    """What people may misread in a zone name that the platform takes, or None.

    Also answers for names that `check_zone` refuses, since a campaign may have one stored.
    """
    if name in _FIXED:
        return _FIXED[name]
    if _PLATFORM_FILES.fullmatch(name):
        return f'"{echoed(name)}" means whatever the platform\'s own files say; {_EXAMPLES}'
    if name not in _accepted():
        return None
    if _GMT.fullmatch(name):
        return f"{name} is UTC all year, without daylight saving; for London hours use Europe/London"
    if etc := _ETC.fullmatch(name):
        minutes = int(etc[1] + etc[2]) * 60  # as a reader takes it: the wrong way round
        meant = f"; for {_utc(minutes)} use {_join_or(zones)}" if (zones := _offset_zones(minutes)) else ""
        return f"{name} is {_utc(-minutes)} all year, without daylight saving: the sign in Etc names is inverted{meant}"
    return None


def nearest_zones(name: str) -> list[str]:
    """At most three zone names, best first, that `check_zone` takes and that `name` may stand for; maybe none."""
    if name in _accepted():
        return [name]
    found = _offset_zones(minutes) if (minutes := _offset_minutes(name)) is not None else list(_meanings(name))
    return [zone for zone in found if zone in _accepted()][:3]


def echoed(text: str) -> str:
    """Someone's text as a message may repeat it: no control or direction characters, at most 60 characters."""
    clean = "".join(c for c in text[:_MAX_LENGTH] if c.isprintable()).replace('"', "'")
    return clean if len(clean) <= 60 else f"{clean[:59]}…"


@cache
def _accepted() -> frozenset[str]:
    """IANA names from the system's files and from tzdata; names of files that are no zones start in lower case."""
    names = zoneinfo.available_timezones()
    return frozenset(name for name in names if name[0].isupper() and name != "Factory" and name not in _FIXED)


def _advice(name: str) -> str:
    near = nearest_zones(name)
    if not near:
        return _EXAMPLES
    minutes = _offset_minutes(name)
    if minutes == 0:
        return "use UTC, or Europe/London for London hours"
    if minutes is not None:
        fixed = f", or {near[-1]} for a fixed {_utc(minutes)} (the sign in Etc names is inverted)"
        city = "name a city" if near[0].startswith("Etc/") else f"name a city, e.g. {near[0]}"
        return city + (fixed if near[-1].startswith("Etc/") else "")
    if near[0] == echoed(name).strip():
        return f"write it without spaces or hidden characters: {near[0]}"
    if near[0].casefold() == name.strip().casefold():
        return f"names are case-sensitive, write {near[0]}"
    labels = _meanings(name)
    return "use " + _join_or([f"{zone} ({labels[zone]})" if labels[zone] else zone for zone in near])


def _offset_minutes(name: str) -> int | None:
    """Minutes east of UTC that `GMT+2`, `UTC-05:30` or `+02:00` stand for."""
    offset = _OFFSET.fullmatch(name[:_MAX_LENGTH].strip())
    if offset is None:
        return None
    prefix, sign, hours, minutes = offset.groups(default="0")
    east = (sign == "+") != (prefix.casefold() == "etc/gmt")
    return (int(hours) * 60 + int(minutes)) * (1 if east else -1)


def _offset_zones(minutes: int) -> list[str]:
    """A city whose standard time is this offset (minutes east of UTC), where one is known, then the fixed zone."""
    if minutes == 0:
        return ["UTC", "Europe/London"]
    city = _city_by_offset().get(minutes)
    fixed = f"Etc/GMT{-minutes // 60:+d}" if minutes % 60 == 0 else None
    return [zone for zone in (city, fixed) if zone in _accepted()]


@cache
def _city_by_offset() -> dict[int, str]:
    """The first zone in the tables with each offset: minutes east of UTC, without daylight saving."""
    cities: dict[int, str] = {}
    for zone in (zone for zones in _ABBREVIATIONS.values() for zone in zones if zone in _accepted()):
        days = [datetime(2026, month, 1, tzinfo=zoneinfo.ZoneInfo(zone)) for month in (1, 7)]
        standard = min(day.utcoffset() or timedelta() for day in days)
        cities.setdefault(int(standard.total_seconds()) // 60, zone)
    return cities


def _meanings(name: str) -> dict[str, str]:
    """Zone names that the words may stand for, best first, with what tells them apart (or '')."""
    keys = _keys(name) if len(name) <= _MAX_LENGTH else []
    for key in keys:
        if key in _ABBREVIATIONS:
            return _ABBREVIATIONS[key]
        if key in _index():
            return dict.fromkeys(_index()[key], "")
    for key in keys:  # nearly written so
        if 4 <= len(key) <= 60 and (near := difflib.get_close_matches(key, _index(), n=1, cutoff=0.8)):
            return dict.fromkeys(_index()[near[0]], "")
    return {}


def _keys(name: str) -> list[str]:
    """`" New York (EST)"` -> newyorkest, newyork: the words as they are, without noise, without what explains them."""
    folded = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c)).casefold()
    head = re.split(r"[,(]", folded)[0]
    quiet = [" ".join(w for w in re.findall(r"[a-z0-9]+", text) if w not in _NOISE) for text in (folded, head)]
    keys = (_squashed(text) for text in (folded, quiet[0], head, quiet[1], head.rsplit("/", 1)[-1]))
    return [key for key in dict.fromkeys(keys) if key]


def _squashed(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.casefold())


@cache
def _index() -> dict[str, list[str]]:
    """Squashed full names, and their last parts, to zone names."""
    index: dict[str, list[str]] = {}
    named = sorted((n for n in _accepted() if not _ETC.fullmatch(n)), reverse=True)  # Europe before its twin in Asia
    for name in named:
        index.setdefault(_squashed(name), []).append(name)
    for name in named:
        city = _squashed(name.rsplit("/", 1)[-1])
        if "/" in name and not name.startswith("Etc/") and name not in index.get(city, []):
            index.setdefault(city, []).append(name)
    return index


def _utc(minutes: int) -> str:
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'−' if minutes < 0 else '+'}{hours}" + (f":{rest:02d}" if rest else "")


def _join_or(words: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
