"""A person's yes or no to a change that waits for them, wherever they say it: `approve`, `reject`, the dashboard. Nothing is sent for it."""

from collections.abc import Callable
from datetime import UTC, datetime

from asisso_mcp.cli.journal import file_store, read_store
from asisso_mcp.config import Settings
from asisso_mcp.journal.entry import ASKED, Answer, Entry, Outcome
from asisso_mcp.journal.errors import StoreError
from asisso_mcp.journal.store import SqliteStore
from asisso_mcp.sanitize import quoted, single_line, visible

_ANSWERABLE: dict[Answer, tuple[Outcome, ...]] = {"approved": ("waiting",), "rejected": ("waiting", "approved")}
"""What each can be said to: a no also takes back a yes that was not used yet."""


class CannotAnswer(Exception):
    """Nothing was recorded; the message says why."""


def answerable(settings: Settings) -> list[Entry]:
    """What waits for a person, and what they approved and is not used yet, oldest first. Raises JournalUnreadable, UsageError."""
    entries: list[Entry] = read_store(settings, SqliteStore.answerable, [])
    return [entry for entry in entries if entry.outcome in _ANSWERABLE["rejected"]]


def heading(entry: Entry) -> str:
    """Which entry it is, and who asked for it, on one line."""
    who = f", asked for by {single_line(entry.caller, 60)}" if entry.caller else ""
    return f"Entry {entry.id}, {entry.tool}{who}"


def question(entry: Entry) -> str:
    """What would change, before and after, and why a person is asked, in lines without hidden characters."""
    return visible(entry.detail or "", keep="\n")


def answer(entry_id: str, settings: Settings, told: Answer, confirm: Callable[[Entry], None] = lambda _: None) -> str:
    """Record what a person told. Returns what that means, in a sentence.

    confirm: asks them once more, with the entry before them, and raises CannotAnswer when they do not mean it. Raises CannotAnswer,
    UsageError.
    """
    store, place = file_store(settings)
    try:
        entry = store.find(entry_id) if store.open_existing() else None
        if entry is None:
            raise CannotAnswer(
                f"There is no entry {quoted(entry_id, 20)} in the journal {place}. `asisso-mcp approve` lists what waits."
            )
        _check(entry, told)
        confirm(entry)
        if not store.move(entry, told, entry.detail):
            raise CannotAnswer(
                f"Entry {entry.id} has expired, or was answered elsewhere, while you looked at it. Nothing was recorded."
            )
    except StoreError as problem:
        raise CannotAnswer(f"The journal {place} cannot be used: {problem}. Nothing was recorded.") from None
    finally:
        store.close()
    until = f"{entry.expires.astimezone():%H:%M:%S}"
    if told == "approved":
        return f"Approved until {until}: the same call, made again, is now carried out once."
    return f"Rejected: the same call is refused until {until}, and is asked anew after that."


def _check(entry: Entry, told: Answer) -> None:
    if entry.outcome not in ASKED:
        raise CannotAnswer(f"Entry {entry.id} waits for nobody: it was sent already ({entry.outcome}).")
    if entry.outcome not in _ANSWERABLE[told]:
        raise CannotAnswer(f"Entry {entry.id} waits for nobody: it is {entry.outcome}.")
    if datetime.now(UTC) >= entry.expires:
        raise CannotAnswer(
            f"Entry {entry.id} expired at {entry.expires.astimezone():%H:%M:%S}. The same call, made again, asks anew."
        )
