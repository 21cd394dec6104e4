"""Sets or removes one value in a JSON text and leaves every other byte as it is: comments, order, indentation, line ends.

A path leads to a value: a name for the member of an object, a pair `(name, value)` for the element of a list that has it.

Written here because no library on PyPI does it (tried in 2026): json-five 1.1 keeps comments, but a new member has neither
line nor indentation and ends up before its neighbour's comment, and its last release is of 2024; jsonc-edit runs Node and
installs an npm package at its first use; jsoncgx is under the GPL; jsonc-document needs Python 3.12; json5kit only reads.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from asisso_mcp.install.files import UnsupportedFile

Step = str | tuple[str, str]

_STRING = r'"(?:[^"\\\n]|\\.)*"'
_COMMENT = re.compile(rf"{_STRING}|//[^\n]*|/\*.*?\*/", re.DOTALL)
_TRAILING_COMMA = re.compile(rf"{_STRING}|,(?=\s*[}}\]])")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class _Child:
    """A member of an object (label: its name) or an element of a list (label: its value), with its positions in the text."""

    label: Any
    start: int
    value: int
    end: int


@dataclass(frozen=True)
class _Document:
    """A JSON text, and the same text with spaces in place of what strict JSON does not have. All positions hold in both."""

    text: str
    comments: bool

    @cached_property
    def uncommented(self) -> str:
        return _COMMENT.sub(_blanked, self.text) if self.comments else self.text

    @cached_property
    def strict(self) -> str:
        return _TRAILING_COMMA.sub(_blanked, self.uncommented) if self.comments else self.text

    @cached_property
    def newline(self) -> str:
        return "\r\n" if "\r\n" in self.text else "\n"

    @cached_property
    def unit(self) -> str:
        """The indentation of one level; two spaces where the text does not tell."""
        lines = [line for line in self.strict.splitlines() if line.strip()]
        depths = [line[: len(line) - len(line.lstrip())] for line in lines]
        steps = (deep[len(flat) :] for flat, deep in pairwise(depths) if deep.startswith(flat) and deep != flat)
        return next(steps, "  ")

    def indent(self, at: int) -> str:
        """The indentation of the line on which this position is."""
        line = self.text[self.text.rfind("\n", 0, at) + 1 : at]
        return line[: len(line) - len(line.lstrip())]

    def skip_space(self, at: int) -> int:
        """The first position from here on that is neither space nor comment."""
        while self.uncommented[at].isspace():
            at += 1
        return at

    def end(self, at: int) -> int:
        """The position behind the value that starts here."""
        return _DECODER.raw_decode(self.strict, at)[1]

    def children(self, at: int, step: Step) -> list[_Child]:
        """The members or elements of the value that starts here. Raises UnsupportedFile when it has not the step's type."""
        named = isinstance(step, str)
        if self.strict[at] != ("{" if named else "["):
            raise UnsupportedFile(f"there is something else where {'an object' if named else 'a list'} belongs")
        close = self.end(at) - 1
        children, at = [], self.skip_space(at + 1)
        while at < close:
            start, label = at, None
            if named:
                label, at = _DECODER.raw_decode(self.strict, at)
                at = self.skip_space(self.skip_space(at) + 1)
            value, end = _DECODER.raw_decode(self.strict, at)
            children.append(_Child(label if named else value, start, at, end))
            at = self.skip_space(end)
            if self.uncommented[at] == ",":
                at = self.skip_space(at + 1)
        return children

    def format(self, value: Any, indent: str) -> str:
        """The value as JSON text, for a line with this indentation."""
        return (self.newline + indent).join(json.dumps(value, indent=self.unit, ensure_ascii=False).split("\n"))


def parse(text: str, *, comments: bool) -> Any:
    """The value of the text; an empty object for an empty text. Raises UnsupportedFile.

    comments: the client accepts comments and trailing commas.
    """
    strict = _Document(text, comments).strict
    if not strict.strip():
        return {}
    try:
        return json.loads(strict, parse_constant=_no_constant)
    except (ValueError, RecursionError) as problem:
        where = f"line {problem.lineno}: {problem.msg}" if isinstance(problem, json.JSONDecodeError) else str(problem)
        raise UnsupportedFile(f"it is not valid JSON ({where})") from None


def set_value(text: str, path: Sequence[Step], value: Any, *, comments: bool) -> str:
    """The text with `value` at `path`; what is missing on the way to it is added. Raises UnsupportedFile."""
    parse(text, comments=comments)
    document = _Document(text, comments)
    if not document.strict.strip():
        document = _Document((text.rstrip() + "\n{}\n").lstrip(), comments)
    at, rest = document.skip_space(0), list(path)
    while rest:
        child = _find(document.children(at, rest[0]), rest[0])
        if child is None:
            return _inserted(document, at, rest, value)
        at = child.value
        rest.pop(0)
    return document.text[:at] + document.format(value, document.indent(at)) + document.text[document.end(at) :]


def remove_value(text: str, path: Sequence[Step], *, comments: bool) -> str:
    """The text without the value at `path`, nor what became empty on the way to it. Raises UnsupportedFile."""
    parse(text, comments=comments)
    for length in range(len(path), 0, -1):
        document = _Document(text, comments)
        if not document.strict.strip():
            return text
        at = document.skip_space(0)
        for step in path[: length - 1]:
            child = _find(document.children(at, step), step)
            if child is None:
                return text
            at = child.value
        children = document.children(at, path[length - 1])
        child = _find(children, path[length - 1])
        if child is None:
            return text
        text = _removed(document, at, children, children.index(child))
        if len(children) > 1:
            return text
    return text


def _blanked(found: re.Match[str]) -> str:
    return found[0] if found[0][0] == '"' else re.sub(r"[^\r\n]", " ", found[0])


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _find(children: Sequence[_Child], step: Step) -> _Child | None:
    """The child for this step; the last one where a name is there twice, as JSON parsers have it."""
    for child in reversed(children):
        if isinstance(step, str):
            if child.label == step:
                return child
        elif isinstance(child.label, dict) and child.label.get(step[0]) == step[1]:
            return child
    return None


def _inserted(document: _Document, at: int, rest: Sequence[Step], value: Any) -> str:
    """The text with a new last child in the object or list that starts at `at`."""
    for step in reversed(rest[1:]):
        value = {step: value} if isinstance(step, str) else [value]
    text, children, close = document.text, document.children(at, rest[0]), document.end(at) - 1
    name = f"{json.dumps(rest[0])}: " if isinstance(rest[0], str) else ""
    outer, lines = document.indent(at), "\n" in text[at:close]
    if children and not lines:
        end = children[-1].end
        return f"{text[:end]}, {name}{json.dumps(value, ensure_ascii=False)}{text[end:]}"
    own_line = bool(children) and not text[text.rfind("\n", 0, children[0].start) + 1 : children[0].start].strip()
    indent = document.indent(children[0].start) if own_line else outer + document.unit
    item = document.newline + indent + name + document.format(value, indent)
    last = len(text[:close].rstrip())
    if not children:
        return text[:last] + item + (text[last:] if lines else document.newline + outer + text[close:])
    end = children[-1].end
    if document.uncommented[document.skip_space(end)] == ",":  # this list ends with a comma, and so it does afterwards
        return f"{text[:last]}{item},{text[last:]}"
    return f"{text[:end]},{text[end:last]}{item}{text[last:]}"


def _removed(document: _Document, at: int, children: Sequence[_Child], index: int) -> str:
    """The text without one child, its line and its comma."""
    text, child, close = document.text, children[index], document.end(at) - 1
    after = document.skip_space(child.end)
    if len(children) == 1 and not (text[at + 1 : child.start] + text[child.end : close]).strip(" \t\r\n,"):
        return text[: at + 1] + text[close:]
    start = len(text[: child.start].rstrip())
    if document.uncommented[after] == ",":
        following = document.skip_space(after + 1)
        if "\n" in text[after:following]:
            return text[:start] + text[after + 1 :]
        return text[: child.start] + text[following:]
    if index == 0:
        return text[:start] + text[child.end :]
    comma = document.skip_space(children[index - 1].end)
    return text[:comma] + text[comma + 1 : start] + text[child.end :]
