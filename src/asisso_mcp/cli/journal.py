"""`asisso-mcp journal`: what was changed, by whom, with what outcome."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import TypeVar

from asisso_mcp.campaigns.formatting import describe_change
from asisso_mcp.campaigns.models import Change, differences
from asisso_mcp.cli.options import UsageError, load_settings
from asisso_mcp.cli.terminal import fail, show, wrap
from asisso_mcp.config import Settings
from asisso_mcp.journal.entry import ASKED, Entry
from asisso_mcp.journal.errors import StoreError
from asisso_mcp.journal.location import journal_file
from asisso_mcp.journal.store import SqliteStore
from asisso_mcp.sanitize import quoted, single_line

T = TypeVar("T")

WIDTH = 80
POLL_SECONDS = 0.5
SHOWN_FIRST = 10
"""With --follow: how many entries come before those that are still to come."""

_OUTCOMES = {
    "sent": "sent, outcome unknown",
    "unknown": "sent, outcome unknown",
    "waiting": "waiting for a person",
    "approved": "approved by a person, not used yet",
    "rejected": "rejected by a person",
    "used": "approved by a person, used",
    "outdated": "outdated before it was used",
}
_WITHOUT_DETAIL = ("applied", "unknown", *ASKED[:4])
"""Outcomes whose detail says nothing more."""


class JournalUnreadable(Exception):
    """The journal's file is there and cannot be read; the message says why."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `journal`."""
    parser.add_argument("--follow", action="store_true", help="go on with what is stored from now on, until Ctrl-C")
    parser.add_argument("--json", action="store_true", help="one object a line, for log engines")
    parser.add_argument("--sandbox", action="store_true", help="the sandbox's journal")
    parser.set_defaults(read_only=False, verbose=0)


def run(options: argparse.Namespace) -> int:
    """Print the entries, newest last. Returns 1 when the file cannot be read. Raises UsageError."""
    settings = load_settings(options)
    store, place = file_store(settings)
    try:
        if options.follow:
            return _follow(store, as_json=options.json)
        if not store.open_existing():
            show(f"Nothing is in the journal yet ({place}).", file=sys.stderr)
            return 0
        _print(store.all(), as_json=options.json)
    except StoreError as problem:
        return fail(f"The journal {place} cannot be read: {problem}.")
    finally:
        store.close()
    return 0


def file_store(settings: Settings) -> tuple[SqliteStore, str]:
    """The journal's file, not yet opened, and its name. Raises UsageError when these settings keep none."""
    file = journal_file(settings)
    if file is None:
        where = "in OpenTelemetry logs" if settings.journal == "otel" else "nowhere"
        raise UsageError(
            f"ASISSO_JOURNAL={settings.journal}: entries are {where}, and there is no file to read. Set it to a file's full path."
        )
    return SqliteStore(file, days=settings.journal_days), single_line(file)


def read_store(settings: Settings, read: Callable[[SqliteStore], T], otherwise: T) -> T:
    """What `read` finds in the journal's file; `otherwise` where there is no file yet. Raises JournalUnreadable, UsageError."""
    store, place = file_store(settings)
    try:
        return read(store) if store.open_existing() else otherwise
    except StoreError as problem:
        raise JournalUnreadable(f"The journal {place} cannot be read: {problem}.") from None
    finally:
        store.close()


def _follow(store: SqliteStore, *, as_json: bool) -> int:
    last: int | None = None
    while True:
        if store.open_existing():
            if last is None:
                last, entries = store.last(SHOWN_FIRST)
            else:
                last, entries = store.changed_after(last)
            _print(entries, as_json=as_json)
            sys.stdout.flush()
        elif last is None:
            last = 0
        time.sleep(POLL_SECONDS)


def _print(entries: Iterable[Entry], *, as_json: bool) -> None:
    for entry in entries:
        for line in [json.dumps(entry.to_json())] if as_json else describe(entry):
            print(line)


def describe(entry: Entry) -> list[str]:
    """An entry for people, in lines of at most 80 columns: which, when, where; then what became of it."""
    when = entry.time.astimezone()
    name = (entry.before or entry.after or {}).get("name")
    what = f"{entry.tool} {entry.campaign_id}{f' {quoted(name, 30)}' if isinstance(name, str) else ''}"
    facts = [f"{_outcome(entry)}: {'; '.join(_changes(entry)) or 'no change'}"]
    if entry.detail and entry.outcome not in _WITHOUT_DETAIL:
        facts.append(entry.detail)
    if entry.undo_of:
        facts.append(f"takes back {entry.undo_of}")
    if entry.caller:
        facts.append(f"by {single_line(entry.caller, 60)}")
    lines = [f"{entry.id}  {when:%a %Y-%m-%d %H:%M:%S}  {what}"]
    lines += [f"  {single_line(fact, 400)}" for fact in facts]
    return [part for line in lines for part in wrap(line, WIDTH).split("\n")]


def _outcome(entry: Entry) -> str:
    is_over = entry.outcome in ("waiting", "approved") and datetime.now(UTC) >= entry.expires
    told = _OUTCOMES.get(entry.outcome, entry.outcome)
    return f"{told}, and expired" if is_over else told


def _changes(entry: Entry) -> Iterator[str]:
    """The leaves that the write was to change, in words."""
    intended = entry.intended
    if entry.before is None:
        unread = dict.fromkeys(intended, "unreadable")
        return (describe_change(Change(name, unread[name], value)) for name, value in intended.items())
    before = {name: entry.before.get(name) for name in intended}
    return (describe_change(change) for change in differences(before, intended))
