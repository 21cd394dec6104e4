"""Estimates how many tokens a text costs a reader at most, and cuts it where that is too much. Pure.

The cost is counted in tokens of a language model, from above: plain words count for two or three times what they cost, and
no text, however odd its characters, for much less than it costs (measured with o200k_base in the tests).
"""

import math
import re
from collections.abc import Sequence

from pydantic import BaseModel

from asisso_mcp.api.models import EDITABLE, SECTIONS, Slot

LIMIT = 1_350
"""For one answer's text; with the margin of the count this stays under 1,500 tokens."""

_SLOT = re.compile(r'\{"day_of_week": \d, "start_time": "\d\d:\d\d", "end_time": "\d\d:\d\d"\}(?:, )?', re.ASCII)
_SLOT_WEIGHT = 27
_OBJECTS: tuple[type[BaseModel], ...] = (*SECTIONS.values(), Slot)
_NAMES = ("campaign_id", *EDITABLE, *(name for each in _OBJECTS for name in each.model_fields))
_KEY = re.compile(rf'"(?:{"|".join(_NAMES)})": ')
_PIECES = re.compile(
    r"(?P<word>[A-Z]*[a-z]+|[A-Z]+)|(?P<digits>[0-9]+)|(?P<gap> (?![0-9 ]))|(?P<mark>[\n -~])|(?P<wide>.)", re.DOTALL
)


def estimate_tokens(text: str) -> int:
    """About how many tokens `text` costs at most."""
    rest, slots = _SLOT.subn("", text)
    keys = _KEY.findall(rest)
    own = slots * _SLOT_WEIGHT + sum(math.ceil(len(key) / 3) + 1 for key in keys)
    return own + sum(map(_piece, _PIECES.finditer(_KEY.sub("", rest) if keys else rest)))


def truncate(text: str, limit: int = LIMIT) -> str:
    """`text` within `limit`: its longest lines are cut to a common length, the first and the last one after all others."""
    if len(text.encode()) <= limit or estimate_tokens(text) <= limit:  # no piece costs more than its bytes
        return text
    lines = text.split("\n")
    room = limit - len(lines)
    if len(lines) > 2:
        ends = estimate_tokens(lines[0]) + estimate_tokens(lines[-1])
        if ends <= room * 2 // 3:
            return "\n".join([lines[0], *_levelled(lines[1:-1], room - ends), lines[-1]])
    return "\n".join(_levelled(lines, room))


def _levelled(lines: Sequence[str], room: int) -> list[str]:
    weights = [estimate_tokens(line) for line in lines]
    level = _common_limit(weights, room)
    return [line if cost <= level else cut_line(line, level) for line, cost in zip(lines, weights, strict=True)]


def cut_line(line: str, most: int) -> str:
    """The beginning of `line` that costs at most `most`, with "…"; a quotation that was open is closed."""
    used, end = 2, 0
    for piece in _PIECES.finditer(line):
        used += _piece(piece)
        if used > most:
            break
        end = piece.end()
    kept = line[:end].rstrip()
    return f'{kept}…"' if kept.count('"') % 2 else f"{kept}…"


def _common_limit(weights: Sequence[int], room: int) -> int:
    """The largest cost at which to cut, so that together they cost no more than `room`."""
    for count, cost in enumerate(sorted(weights)):
        others = len(weights) - count
        if cost * others > room:
            return room // others
        room -= cost
    return max(weights, default=0)


def _piece(piece: re.Match[str]) -> int:
    text = piece[0]
    match piece.lastgroup:
        case "word":
            return math.ceil(len(text) * 2 / 3)
        case "digits":
            return math.ceil(len(text) / 3)
        case "gap":
            return 0
        case "mark":
            return 1
    return 2 if text < "\u0800" else 3 if text < "\U00010000" else 4
