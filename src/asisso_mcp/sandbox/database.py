"""The sandbox's SQLite database: in memory, or in a file that several processes may share.

A file is opened only when it is new, empty, or was made by a sandbox of this version, which its header says.
"""

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

APPLICATION_ID = 0x61736973
"""Marks our files in the header that SQLite keeps for this: "asis"."""
VERSION = 2
"""Of the tables below; a file with another is refused."""

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS organizations (id INTEGER PRIMARY KEY, concurrent_limit INTEGER NOT NULL)",
    """CREATE TABLE IF NOT EXISTS telephony (
       id INTEGER PRIMARY KEY AUTOINCREMENT, organization_id INTEGER NOT NULL, name TEXT NOT NULL,
       provider TEXT NOT NULL, connectivity TEXT NOT NULL, is_default_outbound INTEGER NOT NULL, inactive INTEGER NOT NULL,
       inactive_since TEXT, inactive_reason TEXT, phone_number_count INTEGER NOT NULL, outbound_blocked_reason TEXT,
       created_at TEXT NOT NULL, updated_at TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS campaigns (
       id INTEGER PRIMARY KEY AUTOINCREMENT, organization_id INTEGER NOT NULL, name TEXT NOT NULL,
       workflow_id INTEGER NOT NULL, workflow_name TEXT, state TEXT NOT NULL, source_type TEXT NOT NULL,
       source_id TEXT NOT NULL, source_rows INTEGER NOT NULL, total_rows INTEGER, processed_rows INTEGER NOT NULL,
       failed_rows INTEGER NOT NULL, executed_count INTEGER NOT NULL, total_queued_count INTEGER NOT NULL,
       failed_count INTEGER NOT NULL, waiting_retries TEXT NOT NULL, batch TEXT NOT NULL, failing_batch TEXT NOT NULL,
       created_at TEXT NOT NULL, updated_at TEXT NOT NULL, started_at TEXT, completed_at TEXT,
       retry_config TEXT NOT NULL, metadata TEXT NOT NULL, logs TEXT NOT NULL, parent_campaign_id INTEGER,
       redialed_campaign_id INTEGER, telephony_configuration_id INTEGER, quota TEXT,
       sync_ends_at TEXT, next_step_at TEXT, last_activity_at TEXT, check_at TEXT)""",
    """CREATE TABLE IF NOT EXISTS runs (
       id INTEGER PRIMARY KEY AUTOINCREMENT, campaign_id INTEGER NOT NULL, created_at TEXT NOT NULL, ended_at TEXT,
       disposition TEXT NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS runs_of_campaign ON runs (campaign_id, created_at)",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {VERSION}",
)
_BUSY_MS = 15_000


class Database:
    """One SQLite connection with our tables; safe to use from several threads."""

    def __init__(self, db: str | Path) -> None:
        """db: ":memory:", or a file. Raises ValueError, in a sentence, for a file that is not ours or cannot be used."""
        self._lock = threading.RLock()
        self._depth = 0
        try:
            if str(db) != ":memory:":
                _require_ours(Path(db))
            with ExitStack() as on_error:
                self._sql = sqlite3.connect(str(db), isolation_level=None, check_same_thread=False)
                on_error.callback(self._sql.close)
                self._prepare()
                on_error.pop_all()
        except (OSError, sqlite3.Error) as problem:
            raise ValueError(f"The database file {db} cannot be used: {problem}. Name another file.") from None

    def _prepare(self) -> None:
        self._sql.row_factory = sqlite3.Row
        self._sql.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        self._sql.execute("PRAGMA synchronous = OFF")
        with self.transaction():
            for statement in _SCHEMA:
                self._sql.execute(statement)

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._sql.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One `BEGIN IMMEDIATE` transaction, exclusive among threads and processes; may be nested."""
        with self._lock:
            if self._depth:
                yield
                return
            self._sql.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._sql.execute("ROLLBACK")
                raise
            else:
                self._sql.execute("COMMIT")
            finally:
                self._depth -= 1

    def fetch(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """All rows of a query."""
        with self._lock:
            return self._sql.execute(query, values).fetchall()

    def insert(self, table: str, columns: Mapping[str, Any]) -> int:
        """Insert a row; returns its id."""
        places = ", ".join("?" * len(columns))
        with self._lock:
            done = self._sql.execute(
                f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})",  # noqa: S608 - own names
                list(columns.values()),
            )
            return int(done.lastrowid or 0)

    def insert_many(self, table: str, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Insert rows that give the named columns in that order."""
        places = ", ".join("?" * len(names))
        with self._lock:
            self._sql.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})", rows)  # noqa: S608

    def update(self, table: str, row_id: int, columns: Mapping[str, Any]) -> bool:
        """Set columns of one row; whether it is there."""
        places = ", ".join(f"{name} = ?" for name in columns)
        with self._lock:
            done = self._sql.execute(f"UPDATE {table} SET {places} WHERE id = ?", [*columns.values(), row_id])  # noqa: S608
            return done.rowcount == 1

    def delete(self, table: str, row_id: int) -> bool:
        """Delete one row; whether it was there."""
        with self._lock:
            return self._sql.execute(f"DELETE FROM {table} WHERE id = ?", [row_id]).rowcount == 1  # noqa: S608


def _require_ours(file: Path) -> None:
    """Raises ValueError for the file of something else, having read its header and touched nothing."""
    try:
        with file.open("rb") as opened:
            header = opened.read(100)
    except FileNotFoundError:
        return
    if not header:
        return
    what = "It is no SQLite database"
    if header.startswith(b"SQLite format 3\x00"):
        version, application = (int.from_bytes(header[at : at + 4], "big") for at in (60, 68))
        if (application, version) == (APPLICATION_ID, VERSION):
            return
        what = "It is a SQLite database of something else, or of another version of the sandbox"
    raise ValueError(
        f"The file {file} was not made by this sandbox, so nothing was written to it. {what}. Name a file that does not "
        "exist yet, or one that this version of the sandbox made."
    )
