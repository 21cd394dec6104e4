"""Text that others wrote (names, logs, error details), made safe to show: one line, cut, quoted, harmless.

Names and logs come from the API and end in front of a language model and in terminals. They are data: they may not start
a line of ours, steer a terminal, reorder what is read, hide characters, or carry a person's number.
"""

import ipaddress
import json
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

NAME_LENGTH = 80
MESSAGE_LENGTH = 200
MAX_TEXT = 1020
"""For a text in a structured result: a whole name of 255 characters, however wide."""

# Cc control, Cf format (bidirectional, zero width, tags), Cs surrogate, Co private use, Cn unassigned, Zl/Zp line and paragraph
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# Unicode's own names of what is drawn as nothing although its category says letter, mark or symbol.
_DRAWN_AS_NOTHING = re.compile(
    r"\b(?:FILLER|VARIATION SELECTOR|(?:GRAPHEME|CONSONANT|NUMBER) JOINER|VOWEL INHERENT|PATTERN BLANK|NULL NOTEHEAD)\b"
)
_DOUBLE_QUOTE = re.compile(
    r"\b(?:DOUBLE|TRIPLE|QUADRUPLE)\b.*\b(?:QUOTATION|PRIME|APOSTROPHE|ACUTE|GRAVE)\b"
    r"|^(?:FULLWIDTH )?QUOTATION MARK$|\b(?:DITTO MARK|GERSHAYIM|NIHSHVASA)\b"
)
_QUOTE_CATEGORIES = {"Po", "Pi", "Pf", "Ps", "Pe", "Lm", "Sk", "So"}
"""Punctuation and symbols: an "ő" has a double acute in its name, and is a letter."""
_MAY_BE_QUOTE = re.compile(r'["\x80-\U0010ffff]')
_BREAKS = frozenset("\t\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029")
_PLAIN = frozenset(map(chr, range(0x20, 0x7F)))
_PLAIN_WORD = re.compile(r"[\w.:/+-]+", re.ASCII)
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
KEY_HIDDEN = "[key hidden]"
MIN_SECRET_LENGTH = 8
"""A shorter secret would occur in texts that have nothing to do with it."""
_NOT_GRAPHIC = bytes(range(33)) + b"\\\x7f"
_ESCAPES = re.compile(r"\\[ux][0-9a-f]|%[0-9a-f]{2}", re.IGNORECASE)
_CUT = re.compile(r"[\\%ux0-9a-f]{0,12}…", re.IGNORECASE)
_UNSEEN = (
    r"(?:[^\x21-\x7e]++|\\+u(?!00[2-7])[0-9a-f]{4}|\\+x(?![2-7])[0-9a-f]{2}|\\+[nrtfbv]"
    r"|%(?:25)*(?:20|7f|[0189a-f][0-9a-f]))*?"
)
"""What may stand between two characters of a key: whatever is no printable ASCII, as it is or escaped."""
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
    line = _SPACES.sub(" ", visible(_ESCAPE.sub("", scanned))).strip()
    used = 0
    for position, character in enumerate(line):
        used += 1 if character < "\x80" else 2 if character < "\U00010000" else 4
        if used > length:
            return line[:position].rstrip() + "…"
    return line


def quoted(text: object, length: int = NAME_LENGTH) -> str:
    """`text` as a quoted name; quotation marks inside, and what looks like one, cannot end it."""
    line = _MAY_BE_QUOTE.sub(lambda found: "'" if _is_double_quote(found[0]) else found[0], single_line(text, length))
    return f'"{line}"'


def plain_or_quoted(text: object, length: int = NAME_LENGTH) -> str:
    """`text` as it is where it is one word, such as `America/New_York` or `09:00`; quoted where it could say anything else."""
    word = str(text)
    return word if len(word) <= length and _PLAIN_WORD.fullmatch(word) else quoted(word, length)


def visible(text: str, *, keep: str = "") -> str:
    """`text` without hidden characters; each line break and tabulator is a space, but for those in `keep`."""
    changed = _unlike(text, keep)
    return text.translate({ord(each): _shown(each) for each in changed}) if changed else text


def _unlike(text: str, keep: str = "") -> list[str]:
    """The characters of `text` that are not shown as they are."""
    return [each for each in set(text).difference(_PLAIN, keep) if _shown(each) != each]


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
    line = _SECRET.sub(KEY_HIDDEN, line)
    line = _WORD.sub(lambda word: _address(word[0]), line)
    line = _DIGITS.sub(lambda found: found[0] if found["kept"] else "[number hidden]", line)
    return single_line(line, length)


def hide_secrets(text: str, secrets: Iterable[str]) -> str:
    """`text` without these secrets of at least `MIN_SECRET_LENGTH` characters of ASCII.

    Each is found in any case, written with escapes (`\\u0061`, `\\x61`, `%61`), split by what is not seen, and cut by "…".
    """
    graphic = text.encode("ascii", "ignore").translate(None, _NOT_GRAPHIC).lower()
    is_escaped = ("\\" in text or "%" in text) and _ESCAPES.search(text) is not None
    for secret in secrets:
        if len(secret) < MIN_SECRET_LENGTH:
            continue
        beginning = secret[:MIN_SECRET_LENGTH].lower().replace("\\", "").encode()
        if is_escaped or beginning in graphic:
            text = _hide_secret(text, secret)
    return text


def _hide_secret(text: str, secret: str) -> str:
    shown, position = "", 0
    # Not from within a run of backslashes, which is looked at from its first one: a long run would be looked at from each.
    beginning = re.compile(r"(?!(?<=\\)\\)" + _UNSEEN.join(map(_written, secret[:MIN_SECRET_LENGTH])), re.IGNORECASE)
    while found := beginning.search(text, position):
        end, rest = found.end(), iter(secret[MIN_SECRET_LENGTH:])
        for character in rest:
            following = re.compile(_UNSEEN + _written(character), re.IGNORECASE).match(text, end)
            if following is None:
                is_secret = _CUT.match(text, end) is not None
                break
            end = following.end()
        else:
            is_secret = True
        end = end if is_secret else found.start() + 1
        shown += text[position : found.start()] + (KEY_HIDDEN if is_secret else text[found.start()])
        position = end
    return shown + text[position:]


@lru_cache(maxsize=128)
def _written(character: str) -> str:
    """A pattern for a character of a secret, however it is written."""
    code = f"{ord(character):02x}"
    return rf"(?:\\*{re.escape(character)}|\\+(?:u00|x){code}|%(?:25)*{code})"


def safe_json(value: object) -> str:
    """`value` as one line of JSON that shows every hidden character as its escape: exact, and safe to print."""
    text = json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
    return text.translate({ord(each): _escaped(each) for each in _unlike(text)})


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


@lru_cache(maxsize=4096)
def _shown(character: str) -> str:
    if character in _BREAKS:
        return " "
    category = unicodedata.category(character)
    if category in _HIDDEN:
        return ""
    is_blank = not category.startswith("P") and _DRAWN_AS_NOTHING.search(unicodedata.name(character, ""))
    return "" if is_blank else character


@lru_cache(maxsize=4096)
def _is_double_quote(character: str) -> bool:
    return unicodedata.category(character) in _QUOTE_CATEGORIES and bool(
        _DOUBLE_QUOTE.search(unicodedata.name(character, ""))
    )
