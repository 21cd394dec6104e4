"""Zone names: which ones the platform takes, and which one was meant when it does not.

The platform takes case-sensitive IANA names (observed). It also takes some that mislead or depend on its own files,
such as `EST` or `localtime`: these are refused here, because calls would go out at the wrong hour without a word.
"""

import difflib
import re
import unicodedata
import zoneinfo
from functools import cache
from types import MappingProxyType

_EXAMPLES = "America/New_York, Europe/London or Asia/Tokyo"
_LONGEST = 200  # characters; the longest zone name has 32, so beyond this nobody meant one

_FIXED_ABBREVIATIONS = MappingProxyType(
    {
        "EST": "EST is a fixed −5 h without daylight saving; "
        "for New York hours use America/New_York (or Etc/GMT+5 for the fixed offset)",
        "MST": "MST is a fixed −7 h without daylight saving; "
        "for Denver hours use America/Denver (for Arizona America/Phoenix, or Etc/GMT+7 for the fixed offset)",
        "HST": "HST is a fixed −10 h without daylight saving; "
        "for Hawaii hours use Pacific/Honolulu (or Etc/GMT+10 for the fixed offset)",
    }
)

_SEVERAL_MEANINGS: dict[str, dict[str, str]] = {
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
    "cet": {"Europe/Berlin": "Germany", "Europe/Paris": "France", "Europe/Madrid": "Spain"},
    "eet": {"Europe/Athens": "Greece", "Europe/Helsinki": "Finland", "Europe/Bucharest": "Romania"},
    "australia": {"Australia/Sydney": "east", "Australia/Adelaide": "centre", "Australia/Perth": "west"},
    "brazil": {"America/Sao_Paulo": "Brasília", "America/Manaus": "Amazonas"},
    "canada": {"America/Toronto": "Eastern", "America/Winnipeg": "Central", "America/Vancouver": "Pacific"},
    "us": {"America/New_York": "Eastern", "America/Chicago": "Central", "America/Los_Angeles": "Pacific"},
}
_SEVERAL_MEANINGS |= {
    also: _SEVERAL_MEANINGS[key]
    for key, others in {
        "cet": "cest met mest centraleuropean",
        "eet": "eest easterneuropean",
        "us": "usa america",
    }.items()
    for also in others.split()
}

_ALSO_CALLED = {
    "America/New_York": "eastern et edt est nyc newyorkcity ny manhattan boston miami atlanta philadelphia washingtondc",
    "America/Chicago": "central ct cdt dallas houston austin minneapolis texas",
    "America/Denver": "mountain mt mdt saltlakecity",
    "America/Phoenix": "arizona",
    "America/Los_Angeles": "pacific pt pst pdt la sanfrancisco sf seattle california lasvegas sandiego portland",
    "America/Anchorage": "akst akdt alaska",
    "Pacific/Honolulu": "hst hawaii",
    "America/Halifax": "adt atlantic",
    "America/St_Johns": "nst ndt newfoundland",
    "America/Toronto": "ottawa",
    "America/Mexico_City": "mexico",
    "America/Sao_Paulo": "brt riodejaneiro brasilia",
    "America/Argentina/Buenos_Aires": "art argentina buenosaires",
    "Europe/London": "uk england britain greatbritain unitedkingdom manchester edinburgh",
    "Europe/Berlin": "germany munich frankfurt hamburg cologne",
    "Europe/Paris": "france lyon marseille",
    "Europe/Madrid": "spain barcelona",
    "Europe/Rome": "italy milan",
    "Europe/Zurich": "switzerland geneva",
    "Europe/Amsterdam": "netherlands holland rotterdam",
    "Europe/Lisbon": "wet west westerneuropean",
    "Europe/Kyiv": "kiev ukraine",
    "Europe/Istanbul": "trt istanbul turkiye",
    "Asia/Nicosia": "nicosia cyprus",
    "Europe/Moscow": "msk russia",
    "Asia/Kolkata": "india indian calcutta mumbai bombay delhi newdelhi bangalore bengaluru chennai hyderabad",
    "Asia/Jerusalem": "idt telaviv",
    "Asia/Dubai": "abudhabi uae",
    "Asia/Karachi": "pkt pakistan",
    "Asia/Shanghai": "china beijing peking shenzhen",
    "Asia/Hong_Kong": "hkt",
    "Asia/Singapore": "sgt",
    "Asia/Tokyo": "jst osaka",
    "Asia/Seoul": "kst korea",
    "Asia/Manila": "pht philippines",
    "Asia/Bangkok": "ict thailand",
    "Asia/Jakarta": "wib indonesia",
    "Asia/Ho_Chi_Minh": "vietnam hanoi saigon",
    "Australia/Sydney": "aedt",
    "Australia/Adelaide": "acdt",
    "Australia/Perth": "awst",
    "Pacific/Auckland": "nzst nzdt newzealand wellington",
    "Africa/Johannesburg": "sast southafrica capetown",
    "Africa/Lagos": "wat nigeria",
    "Africa/Nairobi": "eat kenya",
    "Africa/Maputo": "cat",
    "UTC": "z coordinateduniversal",
}
_BY_OTHER_NAME = {key: zone for zone, keys in _ALSO_CALLED.items() for key in keys.split()}

_CITY_BY_OFFSET = MappingProxyType(  # minutes east of UTC, in the city's winter -> a well known city
    {
        -660: "Pacific/Pago_Pago",
        -600: "Pacific/Honolulu",
        -570: "Pacific/Marquesas",
        -540: "America/Anchorage",
        -480: "America/Los_Angeles",
        -420: "America/Denver",
        -360: "America/Chicago",
        -300: "America/New_York",
        -240: "America/Halifax",
        -210: "America/St_Johns",
        -180: "America/Sao_Paulo",
        -120: "America/Noronha",
        -60: "Atlantic/Cape_Verde",
        60: "Europe/Berlin",
        120: "Europe/Athens",
        180: "Europe/Istanbul",
        210: "Asia/Tehran",
        240: "Asia/Dubai",
        270: "Asia/Kabul",
        300: "Asia/Karachi",
        330: "Asia/Kolkata",
        345: "Asia/Kathmandu",
        360: "Asia/Dhaka",
        390: "Asia/Yangon",
        420: "Asia/Bangkok",
        480: "Asia/Singapore",
        525: "Australia/Eucla",
        540: "Asia/Tokyo",
        570: "Australia/Adelaide",
        600: "Australia/Sydney",
        630: "Australia/Lord_Howe",
        660: "Pacific/Noumea",
        720: "Pacific/Auckland",
        765: "Pacific/Chatham",
        780: "Pacific/Tongatapu",
        840: "Pacific/Kiritimati",
    }
)

_OFFSET = re.compile(r"(etc/gmt|etc/utc|gmt|utc|ut|z)?\s*([+\-−–])\s*([0-9]{1,2}):?([0-9]{2})?", re.IGNORECASE)
_ETC = re.compile(r"Etc/GMT([+-])([1-9][0-9]?)")
_GMT = re.compile(r"(Etc/)?(GMT([+-]?0)?|Greenwich)")
_SERVER_OWN = re.compile(r"localtime|posixrules|Factory|(right|posix)/.*", re.DOTALL)
_NOISE = frozenset({"time", "timezone", "zone", "standard", "daylight", "summer", "city", "the", "tz"})


def check_zone(name: str) -> str:
    """`name`, when it is an IANA zone name that the platform takes and that means what it says.

    Raises ValueError with a sentence for people that names the value and the nearest right names.
    """
    if name in _accepted():
        return name
    raise ValueError(_refusal(name))


def zone_warning(name: str) -> str | None:
    """What people may misread in a zone name that the platform takes, or None.

    Also answers for the names that `check_zone` refuses, since a campaign may have one stored.
    """
    if name in _FIXED_ABBREVIATIONS:
        return _FIXED_ABBREVIATIONS[name]
    if _SERVER_OWN.fullmatch(name):
        return f'"{echoed(name)}" means whatever the platform\'s own files say; name a city, e.g. {_EXAMPLES}'
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
    clean = "".join(c for c in text[:_LONGEST] if c.isprintable()).replace('"', "'")
    return clean if len(clean) <= 60 else f"{clean[:59]}…"


@cache
def _accepted() -> frozenset[str]:
    """IANA names from the system's files and from tzdata; names of files that are no zones start in lower case."""
    return frozenset(
        name
        for name in zoneinfo.available_timezones()
        if name[0].isupper() and name != "Factory" and name not in _FIXED_ABBREVIATIONS
    )


def _refusal(name: str) -> str:
    if name in _FIXED_ABBREVIATIONS:
        return _FIXED_ABBREVIATIONS[name]
    if not name.strip():
        return f"the time zone is empty; name a city, e.g. {_EXAMPLES}"
    if _SERVER_OWN.fullmatch(name):
        near = f"; use {_join_or(nearest_zones(name))}" if nearest_zones(name) else f"; name a city, e.g. {_EXAMPLES}"
        return f'"{echoed(name)}" means whatever the platform\'s own files say{near}'
    return f'"{echoed(name)}" is not a zone name the platform accepts; {_advice(name)}'


def _advice(name: str) -> str:
    near = nearest_zones(name)
    if not near:
        return f"name a city, e.g. {_EXAMPLES}"
    minutes = _offset_minutes(name)
    if minutes == 0:
        return "use UTC, or Europe/London for London hours"
    if minutes is not None:
        fixed = f", or {near[-1]} for a fixed {_utc(minutes)} (the sign in Etc names is inverted)"
        city = f"name a city, e.g. {near[0]}" if not near[0].startswith("Etc/") else "name a city"
        return city + (fixed if near[-1].startswith("Etc/") else "")
    if near[0] == echoed(name).strip():
        return f"write it without spaces or hidden characters: {near[0]}"
    if near[0].casefold() == name.strip().casefold():
        return f"names are case-sensitive, write {near[0]}"
    labels = _meanings(name)
    return "use " + _join_or([f"{zone} ({labels[zone]})" if labels[zone] else zone for zone in near])


def _offset_minutes(name: str) -> int | None:
    """Minutes east of UTC that `GMT+2`, `UTC-05:30` or `+02:00` stand for."""
    offset = _OFFSET.fullmatch(name[:_LONGEST].strip())
    if offset is None:
        return None
    prefix, sign, hours, minutes = offset.groups(default="0")
    east = (sign == "+") != (prefix.casefold() == "etc/gmt")
    return (int(hours) * 60 + int(minutes)) * (1 if east else -1)


def _offset_zones(minutes: int) -> list[str]:
    """A city with this offset (minutes east of UTC), then the fixed zone."""
    if minutes == 0:
        return ["UTC", "Europe/London"]
    city = _CITY_BY_OFFSET.get(minutes)
    fixed = f"Etc/GMT{-minutes // 60:+d}"
    return [zone for zone in (city, fixed if minutes % 60 == 0 else None) if zone in _accepted()]


def _meanings(name: str) -> dict[str, str]:
    """Zone names that the words may stand for, best first, with what tells them apart (or '')."""
    if len(name) > _LONGEST:
        return {}
    keys = _keys(name)
    for key in keys:
        if key in _SEVERAL_MEANINGS:
            return _SEVERAL_MEANINGS[key]
        if key in _BY_OTHER_NAME:
            return {_BY_OTHER_NAME[key]: ""}
        if key in _index():
            return dict.fromkeys(_index()[key], "")
    return dict.fromkeys(_close(keys), "")


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


def _close(keys: list[str]) -> list[str]:
    """Zones whose names are nearly written like this."""
    ratios: dict[str, float] = {}
    for key in keys:
        if 4 <= len(key) <= 60:
            for near in difflib.get_close_matches(key, _index(), n=3, cutoff=0.8):
                ratio = difflib.SequenceMatcher(None, near, key).ratio()
                for zone in _index()[near]:
                    ratios[zone] = max(ratio, ratios.get(zone, 0))
    best = max(ratios.values(), default=0)
    return sorted((zone for zone in ratios if ratios[zone] > best - 0.08), key=lambda zone: (-ratios[zone], zone))


def _utc(minutes: int) -> str:
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'−' if minutes < 0 else '+'}{hours}" + (f":{rest:02d}" if rest else "")


def _join_or(words: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
