"""JSON from outside, made safe to show: every text on one line, and all of it bounded."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

from asisso_mcp.sanitize import MAX_TEXT, NAME_LENGTH, hide_secrets, single_line

MAX_ITEMS = 100
MAX_DEPTH = 6
MAX_FIELD = 40_000
"""Characters of one field of a structured result: a hundred campaigns with the longest names."""


class CleanJson:
    """Makes one field of a structured result safe to show.

    Every text is one line of bounded length; a list or an object has at most 100 items, six levels and 40,000 characters.

    Attributes:
        texts: every text and key as it is shown, before a secret is hidden.
        is_cut: whether something was left out.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = tuple(secrets)
        self._left = MAX_FIELD
        self.texts: list[str] = []
        self.is_cut = False

    def clean(self, value: Any, depth: int = MAX_DEPTH) -> Any:
        """The value as it may be shown."""
        if isinstance(value, str):
            return self._text(value, MAX_TEXT)
        if isinstance(value, dict):
            return self._object(value, depth) if self._has_room(depth) or not value else self._nothing(value, depth)
        if isinstance(value, list):
            return self._list(value, depth) if self._has_room(depth) or not value else self._nothing(value, depth)
        self._left -= value.bit_length() // 3 + 1 if isinstance(value, int) else 8
        return value

    def _has_room(self, depth: int) -> bool:
        return depth > 0 and self._left > 0

    def _nothing(self, value: Any, depth: int) -> Any:
        self.is_cut = True
        return type(value)() if depth else "…"

    def _object(self, value: dict[str, Any], depth: int) -> dict[str, Any]:
        self.is_cut |= len(value) > MAX_ITEMS
        return {self._text(key, NAME_LENGTH): self.clean(value[key], depth - 1) for key in islice(value, MAX_ITEMS)}

    def _list(self, value: list[Any], depth: int) -> list[Any]:
        kept: list[Any] = []
        for each in value[:MAX_ITEMS]:
            if self._left <= 0:
                break
            kept.append(self.clean(each, depth - 1))
        self.is_cut |= len(kept) < len(value)
        return kept

    def _text(self, text: str, length: int) -> str:
        if self._left <= 0 and length == MAX_TEXT:
            self.is_cut = True
            return "…"
        line = text
        if not (len(text) <= NAME_LENGTH and text.isascii() and text.isprintable()):  # as nearly all are
            line = single_line(text, length)
            self.is_cut |= len(line) <= len(text) and line.endswith("…") and not text.endswith("…")
        self._left -= len(line) + 1
        self.texts.append(line)
        return hide_secrets(line, self._secrets) if self._secrets else line
