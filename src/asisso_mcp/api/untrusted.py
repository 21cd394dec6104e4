"""How text that others wrote (names, logs, error details) is shown: one line, cut, quoted, harmless.

Names and logs come from the API and end in front of a language model and in terminals. They are data: they may not start
a line of ours, steer a terminal, reorder what is read, hide characters, or carry a person's number.
"""

import json
import re
import unicodedata

NAME_LENGTH = 80
MESSAGE_LENGTH = 200

# Cc control, Cf format (bidirectional, zero width, tags), Cs surrogate, Co private use, Cn unassigned, Zl/Zp line and paragraph
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# Drawn as nothing or as blank although their category says letter, mark or symbol.
_INVISIBLE = {"\u115f", "\u1160", "\u3164", "\uffa0", "\u034f", "\u17b4", "\u17b5", "\u2800"}
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_SPACES = re.compile(r"\s+")
_SCAN = 8_000
"""How much of a text is looked at: far more than is ever shown, far less than can be sent."""

_PHONE = re.compile(r"(?<![\w.:/-])\+?\(?\d(?:[ ().-]{0,2}\d){7,15}(?![\w:/-])")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64})+")
_URL = re.compile(r"\b[a-z][a-z0-9+.-]{1,15}://[^\s\"'<>]+", re.IGNORECASE)
_HOST = re.compile(
    r"\b(?:localhost|(?:\d{1,3}\.){3}\d{1,3}|[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:internal|local|svc|lan|corp))(?::\d+)?\b",
    re.IGNORECASE,
)
_SQL = re.compile(
    r"\[SQL:.*|\[parameters:.*|\b(?:INSERT\s+INTO|SELECT\s.+?\sFROM|UPDATE\s+\S+\s+SET|DELETE\s+FROM)\b.*",
    re.IGNORECASE | re.DOTALL,
)


def one_line(text: object, length: int = MESSAGE_LENGTH) -> str:
    """`text` on one line, without hidden characters, at most `length` long ("…" where it was cut).

    Characters beyond ASCII count double, those beyond 16 bits four times: they cost a reader, or a model, that much more.
    """
    scanned = str(text)[:_SCAN]
    visible = "".join(_shown(character) for character in _ESCAPE.sub("", scanned))
    line = _SPACES.sub(" ", visible).strip()
    used = 0
    for position, character in enumerate(line):
        used += 1 if character < "\x80" else 2 if character < "\U00010000" else 4
        if used > length:
            return line[:position].rstrip() + "…"
    return line


def quoted(text: object, length: int = NAME_LENGTH) -> str:
    """`text` as a quoted name; quotation marks inside cannot end it."""
    return f'"{one_line(text, length).replace(chr(34), chr(39))}"'


def masked(text: object, length: int = MESSAGE_LENGTH) -> str:
    """`text` on one line without phone numbers, addresses, SQL and internal URLs: for log messages and error details."""
    line = one_line(text, _SCAN)
    line = _SQL.sub("[query hidden]", line)
    line = _URL.sub("[address hidden]", line)
    line = _EMAIL.sub("[e-mail hidden]", line)
    line = _PHONE.sub(lambda found: found[0] if _DATE.match(found[0]) else "[number hidden]", line)
    line = _HOST.sub("[address hidden]", line)
    return one_line(line, length)


def as_json(value: object) -> str:
    """`value` as one line of JSON that shows every hidden character as its escape: exact, and safe to print."""
    text = json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
    return "".join(character if _shown(character) == character else _escaped(character) for character in text)


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
