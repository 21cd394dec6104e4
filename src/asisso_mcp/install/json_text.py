"""One value put into or taken out of a JSON text, and every other byte left as it is: comments, order, indentation, line ends.

A path leads to a value: a name for the member of an object, a pair `(name, value)` for the element of a list that has it.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from asisso_mcp.install.errors import Unreadable

Step = str | tuple[str, str]

_STRING = r'"(?:[^"\\\n]|\\.)*"'
_COMMENT = re.compile(rf"{_STRING}|//[^\n]*|/\*.*?\*/", re.DOTALL)
_TRAILING_COMMA = re.compile(rf"{_STRING}|,(?=\s*[}}\]])")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class _Child:
    """A member (label: its name) or an element (label: its value), and where it stands."""

    label: Any
    start: int
    value: int
    end: int


@dataclass(frozen=True)
class _Text:
    """A text, and the same one position by position without what strict JSON does not have."""

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
        """What one level is indented by; two spaces where the text does not tell."""
        lines = [line for line in self.strict.splitlines() if line.strip()]
        depths = [line[: len(line) - len(line.lstrip())] for line in lines]
        steps = (deep[len(flat) :] for flat, deep in pairwise(depths) if deep.startswith(flat) and deep != flat)
        return next(steps, "  ")

    def indent(self, at: int) -> str:
        """Of the line on which this position is."""
        line = self.text[self.text.rfind("\n", 0, at) + 1 : at]
        return line[: len(line) - len(line.lstrip())]

    def mark(self, at: int) -> int:
        """The first position from here on that is neither space nor comment."""
        while self.uncommented[at].isspace():
            at += 1
        return at

    def end(self, at: int) -> int:
        """Where the value that starts here ends."""
        return _DECODER.raw_decode(self.strict, at)[1]

    def children(self, at: int, step: Step) -> list[_Child]:
        """What the object or list that starts here holds. Raises Unreadable when it is not what the step goes through."""
        named = isinstance(step, str)
        if self.strict[at] != ("{" if named else "["):
            raise Unreadable(f"there is something else where {'an object' if named else 'a list'} belongs")
        close = self.end(at) - 1
        children, at = [], self.mark(at + 1)
        while at < close:
            start, label = at, None
            if named:
                label, at = _DECODER.raw_decode(self.strict, at)
                at = self.mark(self.mark(at) + 1)
            value, end = _DECODER.raw_decode(self.strict, at)
            children.append(_Child(label if named else value, start, at, end))
            at = self.mark(end)
            if self.uncommented[at] == ",":
                at = self.mark(at + 1)
        return children

    def shown(self, value: Any, indent: str) -> str:
        return (self.newline + indent).join(json.dumps(value, indent=self.unit, ensure_ascii=False).split("\n"))


def read(text: str, *, comments: bool) -> Any:
    """The value of the text; of an empty one, an empty object. Raises Unreadable. comments: they and trailing commas are fine."""
    strict = _Text(text, comments).strict
    if not strict.strip():
        return {}
    try:
        return json.loads(strict, parse_constant=_no_constant)
    except (ValueError, RecursionError) as problem:
        where = f"line {problem.lineno}: {problem.msg}" if isinstance(problem, json.JSONDecodeError) else str(problem)
        raise Unreadable(f"it is not valid JSON ({where})") from None


def put(text: str, path: Sequence[Step], value: Any, *, comments: bool) -> str:
    """The text with `value` at `path`; what is missing on the way is made. Raises Unreadable."""
    read(text, comments=comments)
    here = _Text(text, comments)
    if not here.strict.strip():
        here = _Text((text.rstrip() + "\n{}\n").lstrip(), comments)
    at, rest = here.mark(0), list(path)
    while rest:
        child = _find(here.children(at, rest[0]), rest[0])
        if child is None:
            return _inserted(here, at, rest, value)
        at = child.value
        rest.pop(0)
    return here.text[:at] + here.shown(value, here.indent(at)) + here.text[here.end(at) :]


def drop(text: str, path: Sequence[Step], *, comments: bool) -> str:
    """The text without the value at `path`, nor what became empty on the way to it. Raises Unreadable."""
    read(text, comments=comments)
    for length in range(len(path), 0, -1):
        here = _Text(text, comments)
        if not here.strict.strip():
            return text
        at = here.mark(0)
        for step in path[: length - 1]:
            child = _find(here.children(at, step), step)
            if child is None:
                return text
            at = child.value
        children = here.children(at, path[length - 1])
        child = _find(children, path[length - 1])
        if child is None:
            return text
        text = _removed(here, at, children, children.index(child))
        if len(children) > 1:
            return text
    return text


def _blanked(found: re.Match[str]) -> str:
    return found[0] if found[0][0] == '"' else re.sub(r"[^\r\n]", " ", found[0])


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _find(children: Sequence[_Child], step: Step) -> _Child | None:
    """The last one, as every reader takes it when a name is there twice."""
    for child in reversed(children):
        if isinstance(step, str):
            if child.label == step:
                return child
        elif isinstance(child.label, dict) and child.label.get(step[0]) == step[1]:
            return child
    return None


def _inserted(here: _Text, at: int, rest: Sequence[Step], value: Any) -> str:
    """The text with a new last child in the object or list that starts at `at`."""
    for step in reversed(rest[1:]):
        value = {step: value} if isinstance(step, str) else [value]
    text, children, close = here.text, here.children(at, rest[0]), here.end(at) - 1
    name = f"{json.dumps(rest[0])}: " if isinstance(rest[0], str) else ""
    outer, lines = here.indent(at), "\n" in text[at:close]
    if children and not lines:
        end = children[-1].end
        return f"{text[:end]}, {name}{json.dumps(value, ensure_ascii=False)}{text[end:]}"
    own_line = bool(children) and not text[text.rfind("\n", 0, children[0].start) + 1 : children[0].start].strip()
    indent = here.indent(children[0].start) if own_line else outer + here.unit
    item = here.newline + indent + name + here.shown(value, indent)
    last = len(text[:close].rstrip())
    if not children:
        return text[:last] + item + (text[last:] if lines else here.newline + outer + text[close:])
    end = children[-1].end
    if here.uncommented[here.mark(end)] == ",":  # this list ends with a comma, and so it does afterwards
        return f"{text[:last]}{item},{text[last:]}"
    return f"{text[:end]},{text[end:last]}{item}{text[last:]}"


def _removed(here: _Text, at: int, children: Sequence[_Child], index: int) -> str:
    """The text without one child, its line and its comma."""
    text, child, close = here.text, children[index], here.end(at) - 1
    after = here.mark(child.end)
    if len(children) == 1 and not (text[at + 1 : child.start] + text[child.end : close]).strip(" \t\r\n,"):
        return text[: at + 1] + text[close:]
    start = len(text[: child.start].rstrip())
    if here.uncommented[after] == ",":
        following = here.mark(after + 1)
        if "\n" in text[after:following]:
            return text[:start] + text[after + 1 :]
        return text[: child.start] + text[following:]
    if index == 0:
        return text[:start] + text[child.end :]
    comma = here.mark(children[index - 1].end)
    return text[:comma] + text[comma + 1 : start] + text[child.end :]
