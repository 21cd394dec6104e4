"""Text for a person in a terminal: wrapped to its width and in colour. What is piped stays as it is."""

import os
import re
import shutil
import sys
import textwrap
from typing import TextIO
from unicodedata import east_asian_width

BOLD, RED, GREEN, YELLOW = "1", "31", "32", "33"

_ATOM = r'"(?:\\.|[^"\\])*"|[^{}"]'
_UNBREAKABLE = re.compile(rf"`[^`]*`|\{{(?:{_ATOM}|\{{(?:{_ATOM}|\{{(?:{_ATOM})*\}})*\}})*\}}")
"""Names, and JSON objects of up to three levels: people copy them."""
_HANGING = re.compile(r" *(?:- |> |\S+ {2,})")
"""Continuation lines begin under what follows a bullet, or a label with its column."""


def wrap(line: str, width: int) -> str:
    """One line of prose as lines of at most `width` columns; a name or JSON that is longer stays whole."""
    hanging = _HANGING.match(line)
    indent = len(hanging[0]) if hanging else len(line) - len(line.lstrip()) + 2
    glued = _UNBREAKABLE.sub(lambda found: found[0].replace(" ", "\0"), line)
    widened = "".join(each + "\1" * (east_asian_width(each) in "WF") for each in glued)
    wrapper = textwrap.TextWrapper(
        width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
    )
    return wrapper.fill(widened).replace("\0", " ").replace("\1", "")


def show(text: str, style: str = "", file: TextIO | None = None) -> None:
    """Print `text`, its first line in `style`. Nothing in it is markup."""
    stream = file or sys.stdout
    if stream.isatty():
        lines = [wrap(line, shutil.get_terminal_size().columns) for line in text.split("\n")]
        if _has_colours():
            styles = [style, *(YELLOW if line.startswith("Note: ") else "" for line in lines[1:])]
            lines = [f"\x1b[{on}m{line}\x1b[0m" if on else line for on, line in zip(styles, lines, strict=False)]
        text = "\n".join(lines)
    print(text, file=stream)


def fail(message: object, code: int = 1, *, program: str = "asisso-mcp") -> int:
    """Say on stderr what is wrong. Returns the exit code."""
    show(f"{program}: {message}", RED, sys.stderr)
    return code


def warn(message: str) -> None:
    """Say on stderr what is not as it should be, and does not stop anything."""
    show(f"asisso-mcp: {message}", YELLOW, sys.stderr)


def _has_colours() -> bool:
    """Whether the terminal has colours and the person wants them (https://no-color.org)."""
    unable = os.environ.get("TERM") == "dumb" or (os.name == "nt" and "WT_SESSION" not in os.environ)
    return not unable and not os.environ.get("NO_COLOR")
