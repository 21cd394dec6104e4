"""Text that others wrote (names, logs, error details), made safe to show: one line, cut, quoted, harmless.

Names and logs come from the API and end in front of a language model and in terminals. They are data: they may not start
a line of ours, steer a terminal, reorder what is read, hide characters, or carry a person's number.
"""

import ipaddress
import json
import re
import unicodedata
from functools import lru_cache
from itertools import islice
from typing import Any

NAME_LENGTH = 80
MESSAGE_LENGTH = 200
MAX_TEXT = 1020
"""For a text in a structured result: a whole name of 255 characters, however wide."""
MAX_ITEMS = 100
MAX_DEPTH = 6

# Cc control, Cf format (bidirectional, zero width, tags), Cs surrogate, Co private use, Cn unassigned, Zl/Zp line and paragraph
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# Drawn as nothing or as blank although their category says letter, mark or symbol.
_INVISIBLE = set("\u115f\u1160\u3164\uffa0\u034f\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800")
_DOUBLE_QUOTES = str.maketrans(dict.fromkeys('"“”„‟″＂❝❞〝〞', "'"))
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_SPACES = re.compile(r"\s+")
_SCAN = 8_000
"""How much of a text is looked at: far more than is ever shown, far less than can be sent."""
_MARGIN = 400
"""Beyond four times what is shown: what is hidden there may have begun where it is shown."""

# Tried in this order at each place; what `kept` matches is no phone number, however many digits it has.
_DIGITS = re.compile(
    r"""
    (?P<kept>
        (?<!\d)(?:19|20)\d\d[-/][01]\d[-/][0-3]\d(?!\d)                # a date
      | (?<!\d)[0-3]?\d[./][01]?\d[./](?:19|20)\d\d(?!\d)             # a date, the day or month first
      | (?<![\d:])[0-2]?\d:[0-5]\d(?::[0-5]\d(?:[.,]\d+)?)?(?![\d:])   # a time of day
      | \b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b               # a UUID
      | (?<![\d.])\d+\.\d+(?=\s?%)                                    # a percentage
      | (?<![\d.])(?:0\.\d+|1\.0+)(?![\d.])                            # a fraction
    )
    | \+?\d{8,}
    | \+?\(?\d(?:[ ().\-\u2010-\u2015\u2212]{0,3}(?!(?<!\d)(?:19|20)\d\d-[01]\d-[0-3]\d(?!\d))\d){7,}
      (?!\d{0,15}[a-df-wyz%])                                        # not "120s"; an extension (x, ext) is one
    | (?<!\d)0\d{1,4}/\d{4,}
    | (?<![\d-])\d{3}-\d{4}(?![\d-])
    """,
    re.VERBOSE | re.IGNORECASE,
)
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64})+")
_URL = re.compile(r"\b[a-z][a-z0-9+.-]{1,24}://[^\s\"'<>]+", re.IGNORECASE)
# Whole words of address characters, so that each is looked at once; `_address` decides which of them are addresses.
_WORD = re.compile(r"[\w.:-]+", re.ASCII)
_PRIVATE_ENDINGS = {"internal", "local", "localhost", "localdomain", "svc", "lan", "corp", "intranet"}
_SERVICE_PORTS = {"3306", "5432", "5672", "6379", "9092", "9200", "11211", "27017"}
"""Of databases, caches and queues: `redis:6379` is an address, `rows:8000` a count."""
_SECRET = re.compile(r"\b(?:as|dgr?)_(?=[a-z_-]{0,64}\d)[\w-]{8,}|\bBearer\s+[\w.~+/=-]{8,}", re.IGNORECASE | re.ASCII)
_SQL = re.compile(
    r"\[SQL:.*|\[parameters:.*|\b(?:INSERT\s+INTO|SELECT\s.+?\sFROM|UPDATE\s+\S+\s+SET|DELETE\s+FROM)\b.*",
    re.IGNORECASE | re.DOTALL,
)


def single_line(text: object, length: int = MESSAGE_LENGTH) -> str:
    """`text` on one line, without hidden characters, at most `length` long, and then "…" where it was cut.

    Characters beyond ASCII count double, those beyond 16 bits four times: they cost a reader, or a model, that much more.
    """
    scanned = str(text)[:_SCAN]
    if scanned.isascii() and scanned.isprintable():  # the usual case: nothing is hidden, everything counts one
        line = (_SPACES.sub(" ", scanned) if "  " in scanned else scanned).strip()
        return line if len(line) <= length else line[:length].rstrip() + "…"
    visible = "".join(_shown(character) for character in _ESCAPE.sub("", scanned))
    line = _SPACES.sub(" ", visible).strip()
    used = 0
    for position, character in enumerate(line):
        used += 1 if character < "\x80" else 2 if character < "\U00010000" else 4
        if used > length:
            return line[:position].rstrip() + "…"
    return line


def quoted(text: object, length: int = NAME_LENGTH) -> str:
    """`text` as a quoted name; quotation marks inside, and what looks like one, cannot end it."""
    return f'"{single_line(text, length).translate(_DOUBLE_QUOTES)}"'


def redact(text: object, length: int = MESSAGE_LENGTH) -> str:
    """`text` on one line without phone numbers, e-mails, addresses, SQL and keys: for log messages and error details."""
    return _redact(str(text)[: 4 * length + _MARGIN], length)


@lru_cache(maxsize=256)
def _redact(text: str, length: int) -> str:
    """The same log lines are shown again and again."""
    line = single_line(text, _SCAN)
    line = _SQL.sub("[query hidden]", line)
    line = _URL.sub("[address hidden]", line)
    line = _EMAIL.sub("[e-mail hidden]", line)
    line = _SECRET.sub("[key hidden]", line)
    line = _WORD.sub(lambda word: _address(word[0]), line)
    line = _DIGITS.sub(lambda found: found[0] if found["kept"] else "[number hidden]", line)
    return single_line(line, length)


def clean_json(value: Any, depth: int = MAX_DEPTH) -> Any:
    """A JSON value for a structured result: every text on one line, cut; at most 100 items of a list or object, six levels deep."""
    if isinstance(value, str):
        return single_line(value, MAX_TEXT)
    if isinstance(value, dict | list) and not depth:
        return "…"
    if isinstance(value, dict):
        return {single_line(key, NAME_LENGTH): clean_json(value[key], depth - 1) for key in islice(value, MAX_ITEMS)}
    if isinstance(value, list):
        return [clean_json(each, depth - 1) for each in value[:MAX_ITEMS]]
    return value


def safe_json(value: object) -> str:
    """`value` as one line of JSON that shows every hidden character as its escape: exact, and safe to print."""
    text = json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
    return "".join(character if _shown(character) == character else _escaped(character) for character in text)


def _address(word: str) -> str:
    """`word`, or a note in its place where it is an IP address or the name of a machine inside somebody's network."""
    core = word.rstrip(".:-").lstrip(".-")
    host, _, port = core.rpartition(":")
    is_service = port in _SERVICE_PORTS and bool(host) and not host.isdigit()
    if is_service or _is_inside(core) or (port.isdigit() and _is_inside(host)):
        return word.replace(core, "[address hidden]")
    return word


def _is_inside(host: str) -> bool:
    name, _, ending = host.lower().rpartition(".")
    if ending == "localhost" or (name and ending in _PRIVATE_ENDINGS):
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _escaped(character: str) -> str:
    return json.dumps(character)[1:-1]


def _shown(character: str) -> str:
    if character in "\t\n\v\f\r\x85\u2028\u2029":
        return " "
    if character in _INVISIBLE or unicodedata.category(character) in _HIDDEN or _is_variation(character):
        return ""
    return character


def _is_variation(character: str) -> bool:
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
