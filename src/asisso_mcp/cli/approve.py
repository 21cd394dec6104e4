"""`asisso-mcp approve [ENTRY]`: a person says yes to a change that waits for them. Nothing is sent: the same call makes it, once."""

import argparse
import sys

from asisso_mcp.cli.answers import CannotAnswer, answer, answerable, heading, question
from asisso_mcp.cli.confirm import is_terminal, read_yes
from asisso_mcp.cli.journal import JournalUnreadable, describe, file_store
from asisso_mcp.cli.options import load_settings
from asisso_mcp.cli.terminal import BOLD, fail, show
from asisso_mcp.config import Settings
from asisso_mcp.journal.entry import Entry

_WITHOUT_TERMINAL = (
    "This is answered by a person at a terminal, and standard input or standard error is none. Nothing was recorded."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `approve`."""
    parser.add_argument("entry", metavar="ENTRY", nargs="?", help="its id; without it, what waits is listed")
    add_answer_arguments(parser)


def add_answer_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that `approve` and `reject` share."""
    parser.add_argument("--sandbox", action="store_true", help="the sandbox's journal")
    parser.set_defaults(read_only=None, verbose=0)


def run(options: argparse.Namespace) -> int:
    """List what waits, or show one entry, ask, and record a yes. Returns 1 when nothing was recorded. Raises UsageError."""
    settings = load_settings(options)
    if not is_terminal():
        return fail(_WITHOUT_TERMINAL)
    try:
        if options.entry is None:
            _list(settings)
        else:
            show(answer(options.entry, settings, "approved", _confirm), BOLD)
    except (CannotAnswer, JournalUnreadable) as problem:
        return fail(problem)
    return 0


def _confirm(entry: Entry) -> None:
    show(heading(entry), BOLD, sys.stderr)
    show(question(entry), file=sys.stderr)
    if not read_yes():
        raise CannotAnswer("Nothing was recorded: it still waits. `asisso-mcp reject` says no.")


def _list(settings: Settings) -> None:
    waiting = [entry for entry in answerable(settings) if entry.outcome == "waiting"]
    if not waiting:
        show(f"Nothing waits for a person ({file_store(settings)[1]}).")
    for entry in waiting:
        show("\n".join(describe(entry)))
    if waiting:
        show("`asisso-mcp approve ENTRY` says yes to one of them, `asisso-mcp reject ENTRY` no.")
