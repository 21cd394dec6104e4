"""The journal in SQLite (WAL), which any number of processes may share.

A new entry is flushed to the disk before `insert` returns (`synchronous=FULL`, on macOS with F_FULLFSYNC), so that it survives a
killed process and a power cut. The outcome that completes it later is not flushed: it survives a killed process, and a power cut
may leave the entry at "sent", which claims less and never too much. WAL wants a local disk, not a network share.
"""

import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from asisso_mcp.journal.entry import WAITS_FOR, Entry, Outcome, new_id
from asisso_mcp.journal.errors import StoreError

MAX_ENTRIES = 50_000
"""Of a file: about 100 MB at most. The oldest go first."""
BUSY_SECONDS = 5.0
"""How long to wait for other processes that are writing: each holds the file for a few milliseconds."""
_POLLED_MS = 10
"""SQLite alone would look ever less often, up to every 100 ms, and who writes without a pause would always be first."""
_VERSION = 1
_PRUNED_EVERY = 100
_PRUNED_AT_ONCE = 500

_JSON = frozenset({"arguments", "before", "intended", "after", "undo"})
_COLUMNS = tuple(each.name for each in fields(Entry) if each.compare)
_SCHEMA = """CREATE TABLE entries (
    number INTEGER PRIMARY KEY AUTOINCREMENT, change INTEGER NOT NULL UNIQUE, id TEXT NOT NULL UNIQUE, time TEXT NOT NULL,
    tool TEXT NOT NULL, arguments TEXT NOT NULL, origin TEXT NOT NULL, account TEXT NOT NULL, campaign_id INTEGER NOT NULL,
    before TEXT, intended TEXT NOT NULL, after TEXT, outcome TEXT NOT NULL, detail TEXT, undo_tool TEXT, undo TEXT,
    undo_of TEXT, caller TEXT, trace_id TEXT)"""
_OTHERS_TABLE = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name != 'entries' AND name NOT LIKE 'sqlite%'"
_NEXT_CHANGE = "(SELECT coalesce(max(change), 0) + 1 FROM entries)"
"""`change` counts what is written to the file: each entry has the number of its last change, for whoever follows."""
_INSERT = (
    f"INSERT INTO entries (change, {', '.join(_COLUMNS)}) "  # noqa: S608 - names of our own
    f"VALUES ({_NEXT_CHANGE}, {', '.join(f':{name}' for name in _COLUMNS)})"
)
_UPDATE = (
    f"UPDATE entries SET change = {_NEXT_CHANGE}, {', '.join(f'{name} = :{name}' for name in _COLUMNS)} WHERE id = :id"  # noqa: S608
)
_LOOKED_AT = 5_000
"""The newest entries among which an answer is looked for: what lies behind more of them is asked anew."""
_MOVE = (
    f"UPDATE entries SET change = {_NEXT_CHANGE}, outcome = :outcome, detail = :detail "  # noqa: S608
    "WHERE id = :id AND outcome = :before AND time > :oldest"
)
_TOO_OLD = """DELETE FROM entries WHERE number IN (SELECT number FROM entries ORDER BY number LIMIT ?) AND time < ?"""
_TOO_MANY = """DELETE FROM entries WHERE number IN
    (SELECT number FROM entries ORDER BY number LIMIT min(?, max(0, (SELECT count(*) FROM entries) - ?)))"""


class SqliteStore:
    """One file of entries. Not for several threads at once; for any number of processes.

    Every method raises StoreError where the file cannot be used.
    """

    def __init__(self, path: Path, *, days: int, max_entries: int = MAX_ENTRIES) -> None:
        """Nothing is opened yet. days: how long entries are kept."""
        self._path, self._days, self._max_entries = path, days, max_entries
        self._connection: sqlite3.Connection | None = None
        self._file = 0, 0
        self._inserted = 0

    def open(self) -> None:
        """Open the file, which is made where there is none: readable by its owner alone, as is the folder."""
        with self._in_words():
            if self._connection is not None and self._file == _identity(self._path):
                return
            self.close()
            if not self._path.is_absolute():
                raise StoreError("no home folder is known")
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
            self._connect()

    def open_existing(self) -> bool:
        """Open the file to read it; False where there is none."""
        with self._in_words():
            if self._connection is None:
                if not self._path.is_file() or not self._path.stat().st_size:
                    return False
                self._connect()
        return True

    def insert(self, entry: Entry) -> None:
        """Store a new entry, under another id where its own is taken. It is on the disk when this returns."""
        self.open()
        with self._in_words(), self._transaction("FULL") as connection:
            while connection.execute("SELECT 1 FROM entries WHERE id = ?", (entry.id,)).fetchone():
                entry.id = new_id()
            connection.execute(_INSERT, _row(entry))
            if self._inserted % _PRUNED_EVERY == 0:
                self._prune(connection)
        self._inserted += 1

    def update(self, entry: Entry, *, flush: bool = False) -> None:
        """Store an entry again. Raises StoreError also where it is no longer there. flush: it is on the disk when this returns."""
        self.open()
        with self._in_words(), self._transaction("FULL" if flush else "NORMAL") as connection:
            changed = connection.execute(_UPDATE, _row(entry)).rowcount
        if not changed:
            raise StoreError("the entry is no longer in it")

    def answerable(self) -> list[Entry]:
        """The entries that wait for a person or were answered by one, are not used and have not expired; oldest first."""
        oldest = _to_text(datetime.now(UTC) - WAITS_FOR)
        condition = "WHERE number > (SELECT max(number) FROM entries) - ? AND time > ? AND outcome IN ('waiting', 'approved', 'rejected')"
        return [entry for _, entry, _ in self._select(f"{condition} ORDER BY number", _LOOKED_AT, oldest)]

    def move(self, entry: Entry, outcome: Outcome, detail: str | None = None) -> bool:
        """Give an entry that has not expired its next outcome, on the disk when this returns; False where another was first."""
        self.open()
        values = {"id": entry.id, "before": entry.outcome, "outcome": outcome, "detail": detail}
        oldest = _to_text(datetime.now(UTC) - WAITS_FOR)
        with self._in_words(), self._transaction("FULL") as connection:
            return connection.execute(_MOVE, {**values, "oldest": oldest}).rowcount == 1

    def find(self, entry_id: str) -> Entry | None:
        """The entry of that id, however it is written; None where there is none."""
        found = self._select("WHERE id = ?", entry_id.strip().lower())
        return found[0][1] if found else None

    def all(self) -> Iterator[Entry]:
        """Every entry, oldest first."""
        number = 0
        while chunk := self._select("WHERE number > ? ORDER BY number LIMIT 500", number):
            yield from (entry for _, entry, _ in chunk)
            number = chunk[-1][2]

    def last(self, count: int) -> tuple[int, list[Entry]]:
        """The newest entries, oldest first, and the number of the last change so far."""
        newest = self._select("ORDER BY change DESC LIMIT 1")
        found = self._select("ORDER BY number DESC LIMIT ?", count)[::-1]
        return (newest[0][0] if newest else 0), [entry for _, entry, _ in found]

    def changed_after(self, change: int) -> tuple[int, list[Entry]]:
        """What was stored or completed after that change, in this order, and the number of the last of these changes."""
        found = self._select("WHERE change > ? ORDER BY change LIMIT 500", change)
        return (found[-1][0] if found else change), [entry for _, entry, _ in found]

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> None:
        uri = f"{self._path.absolute().as_uri()}?mode=rw"
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version > _VERSION:
                raise StoreError("it was written by a newer version of asisso-mcp")
            if version < _VERSION:
                if connection.execute(_OTHERS_TABLE).fetchone():
                    raise StoreError("it is another program's database")
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("BEGIN IMMEDIATE")
                if (
                    connection.execute("PRAGMA user_version").fetchone()[0] < _VERSION
                ):  # another process may have been first
                    connection.execute(_SCHEMA)
                    connection.execute(f"PRAGMA user_version = {_VERSION}")
                connection.execute("COMMIT")
            connection.execute("PRAGMA fullfsync = 1")
            connection.execute(f"PRAGMA busy_timeout = {_POLLED_MS}")
        except BaseException:
            connection.close()
            raise
        self._connection, self._file = connection, _identity(self._path)

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StoreError("it is not open")
        return self._connection

    @contextmanager
    def _transaction(self, synchronous: str) -> Iterator[sqlite3.Connection]:
        connection = self._opened()
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        began = time.monotonic()
        while not connection.in_transaction:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as problem:
                if problem.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() - began > BUSY_SECONDS:
                    raise
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _prune(self, connection: sqlite3.Connection) -> None:
        """Within the transaction of an insert: a little each time, so that nobody waits for it."""
        oldest = _to_text(datetime.now(UTC) - timedelta(days=self._days))
        connection.execute(_TOO_OLD, (_PRUNED_AT_ONCE, oldest))
        connection.execute(_TOO_MANY, (_PRUNED_AT_ONCE, self._max_entries))

    def _select(self, condition: str, *values: object) -> list[tuple[int, Entry, int]]:
        """Rows as the number of their last change, the entry, and its own number."""
        with self._in_words(), closing(self._opened().cursor()) as cursor:
            cursor.execute(f"SELECT change, number, {', '.join(_COLUMNS)} FROM entries {condition}", values)  # noqa: S608
            return [(row[0], _entry(row[2:]), row[1]) for row in cursor]

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, ValueError) as problem:
            self.close()
            told = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
            raise StoreError(told) from None


def _identity(path: Path) -> tuple[int, int]:
    """The file that a path names at the moment: somebody may have moved or removed the one that is open."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0, 0
    return found.st_dev, found.st_ino


def _to_text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def _row(entry: Entry) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name in _COLUMNS:
        value = getattr(entry, name)
        if isinstance(value, datetime):
            value = _to_text(value)
        elif name in _JSON and value is not None:
            value = json.dumps(value, separators=(",", ":"))
        elif isinstance(value, str):
            value = value.encode(errors="replace").decode()
        row[name] = value
    return row


def _entry(values: tuple[Any, ...]) -> Entry:
    row = dict(zip(_COLUMNS, values, strict=True))
    for name in _JSON:
        row[name] = None if row[name] is None else json.loads(row[name])
    return Entry(**{**row, "time": datetime.fromisoformat(row["time"])}, is_stored=True)
