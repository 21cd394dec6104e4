"""A question to the person at the terminal. Without a terminal nobody is asked, and nothing counts as a yes."""

import sys

import anyio

from asisso_mcp.cli.terminal import BOLD, show
from asisso_mcp.tools.confirmation import Ask, asking


def is_terminal() -> bool:
    """Whether a person can be asked: both what they read and what they type is a terminal's."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def read_yes() -> bool:
    """Whether the next line that the person types is a yes."""
    _prompt()
    return _is_yes(sys.stdin.readline())


def terminal_ask() -> Ask | None:
    """Asks the person who typed the command; None where there is no terminal."""

    async def confirm(question: str) -> bool:
        show(question, BOLD, sys.stderr)
        _prompt()
        if sys.platform != "win32":
            await anyio.wait_readable(sys.stdin)  # so that Ctrl-C ends the call at once
        return _is_yes(sys.stdin.readline())

    return asking(confirm) if is_terminal() else None


def _prompt() -> None:
    print("Do this? [y/N] ", end="", file=sys.stderr, flush=True)


def _is_yes(line: str) -> bool:
    return line.strip().lower() in ("y", "yes")
