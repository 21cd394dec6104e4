"""`asisso-mcp reject ENTRY`: a person says no to a change that waits for them, or takes back a yes that was not used yet."""

import argparse

from asisso_mcp.cli.approve import add_answer_arguments, answer, move
from asisso_mcp.cli.options import load_settings
from asisso_mcp.cli.terminal import BOLD, show
from asisso_mcp.journal.entry import Entry
from asisso_mcp.journal.store import SqliteStore


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `reject`."""
    parser.add_argument("entry", metavar="ENTRY", help="its id, as `asisso-mcp approve` lists it")
    add_answer_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Record a no, for which no terminal is needed. Returns 1 when it could not be recorded. Raises UsageError."""

    def reject(store: SqliteStore, entry: Entry) -> int:
        move(store, entry, "rejected")
        show(
            f"Rejected: the same call is refused until {entry.expires.astimezone():%H:%M:%S}, and is asked anew after that.",
            BOLD,
        )
        return 0

    return answer(options.entry, load_settings(options), ("waiting", "approved"), reject)
