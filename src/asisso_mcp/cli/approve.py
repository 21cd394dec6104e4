"""`asisso-mcp approve [ENTRY]`: a person says yes to a change that waits for them. Nothing is sent: the same call makes it, once."""

import argparse
import sys
from collections.abc import Callable, Collection
from datetime import UTC, datetime

from asisso_mcp.cli.confirm import is_terminal, read_yes
from asisso_mcp.cli.journal import describe, file_store
from asisso_mcp.cli.options import load_settings
from asisso_mcp.cli.terminal import BOLD, fail, show
from asisso_mcp.config import Settings
from asisso_mcp.journal.entry import ASKED, Entry, Outcome
from asisso_mcp.journal.errors import StoreError
from asisso_mcp.journal.store import SqliteStore
from asisso_mcp.sanitize import quoted, single_line, visible

_WITHOUT_TERMINAL = (
    "This is answered by a person at a terminal, and standard input or standard error is none. Nothing was recorded."
)


class CannotAnswer(Exception):
    """The entry cannot be answered; the message says why."""


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
    if options.entry is None:
        return _list(settings)

    def approve(store: SqliteStore, entry: Entry) -> int:
        who = f", asked for by {single_line(entry.caller, 60)}" if entry.caller else ""
        show(f"Entry {entry.id}, {entry.tool}{who}", BOLD, sys.stderr)
        show(visible(entry.detail or "", keep="\n"), file=sys.stderr)
        if not read_yes():
            return fail("Nothing was recorded: it still waits. `asisso-mcp reject` says no.")
        move(store, entry, "approved")
        show(
            f"Approved until {entry.expires.astimezone():%H:%M:%S}: the same call, made again, is now carried out once.",
            BOLD,
        )
        return 0

    return answer(options.entry, settings, ("waiting",), approve)


def answer(
    entry_id: str, settings: Settings, from_: Collection[str], record: Callable[[SqliteStore, Entry], int]
) -> int:
    """Find an entry that can still be answered, and record an answer. Returns 1, with the reason, when it cannot."""
    store, place = file_store(settings)
    try:
        entry = store.find(entry_id) if store.open_existing() else None
        if entry is None:
            raise CannotAnswer(
                f"There is no entry {quoted(entry_id, 20)} in the journal {place}. `asisso-mcp approve` lists what waits."
            )
        _check(entry, from_)
        return record(store, entry)
    except CannotAnswer as problem:
        return fail(problem)
    except StoreError as problem:
        return fail(f"The journal {place} cannot be used: {problem}. Nothing was recorded.")
    finally:
        store.close()


def move(store: SqliteStore, entry: Entry, outcome: Outcome) -> None:
    """Record the answer. Raises CannotAnswer when something else happened to the entry meanwhile."""
    if not store.move(entry, outcome, entry.detail):
        raise CannotAnswer(
            f"Entry {entry.id} has expired, or was answered elsewhere, while you looked at it. Nothing was recorded."
        )


def _check(entry: Entry, from_: Collection[str]) -> None:
    if entry.outcome not in ASKED:
        raise CannotAnswer(f"Entry {entry.id} waits for nobody: it was sent already ({entry.outcome}).")
    if entry.outcome not in from_:
        raise CannotAnswer(f"Entry {entry.id} waits for nobody: it is {entry.outcome}.")
    if datetime.now(UTC) >= entry.expires:
        raise CannotAnswer(
            f"Entry {entry.id} expired at {entry.expires.astimezone():%H:%M:%S}. The same call, made again, asks anew."
        )


def _list(settings: Settings) -> int:
    store, place = file_store(settings)
    try:
        entries = store.answerable() if store.open_existing() else []
    except StoreError as problem:
        return fail(f"The journal {place} cannot be read: {problem}.")
    finally:
        store.close()
    waiting = [entry for entry in entries if entry.outcome == "waiting"]
    if not waiting:
        show(f"Nothing waits for a person ({place}).")
    for entry in waiting:
        show("\n".join(describe(entry)))
    if waiting:
        show("`asisso-mcp approve ENTRY` says yes to one of them, `asisso-mcp reject ENTRY` no.")
    return 0
