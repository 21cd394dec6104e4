"""The store of campaigns and tenants in SQLite: in memory, or in a file that several processes may share.

Every access is one short `BEGIN IMMEDIATE` transaction; JSON columns hold any shape, also malformed ones.
"""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from asisso_mcp.sandbox.simulation import advance, to_iso

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS organizations (id INTEGER PRIMARY KEY, concurrent_limit INTEGER NOT NULL)",
    """CREATE TABLE IF NOT EXISTS telephony (id INTEGER PRIMARY KEY, organization_id INTEGER NOT NULL,
       name TEXT NOT NULL, active_numbers INTEGER NOT NULL, is_default INTEGER NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS campaigns (
       id INTEGER PRIMARY KEY AUTOINCREMENT, organization_id INTEGER NOT NULL, name TEXT NOT NULL,
       workflow_id INTEGER NOT NULL, workflow_name TEXT, state TEXT NOT NULL, source_type TEXT NOT NULL,
       source_id TEXT NOT NULL, source_rows INTEGER NOT NULL, total_rows INTEGER, processed_rows INTEGER NOT NULL,
       failed_rows INTEGER NOT NULL, executed_count INTEGER NOT NULL, total_queued_count INTEGER NOT NULL,
       created_at TEXT NOT NULL, updated_at TEXT NOT NULL, started_at TEXT, completed_at TEXT,
       retry_config TEXT NOT NULL, metadata TEXT NOT NULL, logs TEXT NOT NULL, parent_campaign_id INTEGER,
       redialed_campaign_id INTEGER, telephony_configuration_id INTEGER, quota TEXT,
       sync_ends_at TEXT, advanced_at TEXT, open_seconds REAL NOT NULL, last_activity_at TEXT, check_at TEXT)""",
)
_JSON = ("retry_config", "metadata", "logs")
_SECTIONS = ("max_concurrency", "schedule_config", "circuit_breaker")
_FRESH: dict[str, Any] = {
    "organization_id": 1,
    "name": "Untitled",
    "workflow_id": 1,
    "workflow_name": "Agent 1 – ヴォイス",
    "state": "created",
    "source_type": "csv",
    "source_id": "campaigns/1/contacts.csv",
    "source_rows": 120,
    "total_rows": None,
    "processed_rows": 0,
    "failed_rows": 0,
    "executed_count": 0,
    "total_queued_count": 0,
    "retry_config": None,
    "metadata": {},
    "logs": [],
    "open_seconds": 0.0,
}
_COLUMNS = {
    *_FRESH,
    *("id", "created_at", "updated_at", "started_at", "completed_at", "parent_campaign_id", "redialed_campaign_id"),
    *("telephony_configuration_id", "quota", "sync_ends_at", "advanced_at", "last_activity_at", "check_at"),
}
_SELECT = """SELECT campaigns.*, telephony.name AS telephony_configuration_name FROM campaigns
             LEFT JOIN telephony ON telephony.id = campaigns.telephony_configuration_id"""
_BUSY_MS = 15_000

Row = dict[str, Any]


class Store:
    """Campaigns and tenants in SQLite; safe to use from several threads."""

    def __init__(self, db: str | Path, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._depth = 0
        self._sql = sqlite3.connect(str(db), isolation_level=None, check_same_thread=False)
        self._sql.row_factory = sqlite3.Row
        self._sql.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        self._sql.execute("PRAGMA synchronous = OFF")
        with self.transaction():
            for table in _SCHEMA:
                self._sql.execute(table)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._sql.close()

    def now(self) -> datetime:
        """The time of the clock, aware."""
        return self._clock()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One transaction, exclusive among threads and processes; may be nested."""
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

    def row(self, campaign_id: int, organization_id: int | None = None) -> Row | None:
        """One campaign as stored, advanced to the present; None if it is not there, or another tenant's."""
        where, values = "campaigns.id = ?", [campaign_id]
        if organization_id is not None:
            where, values = f"{where} AND campaigns.organization_id = ?", [campaign_id, organization_id]
        return next(iter(self._rows(where, values)), None)

    def rows(self, organization_id: int) -> list[Row]:
        """All campaigns of a tenant, newest first."""
        return self._rows(
            "campaigns.organization_id = ? ORDER BY campaigns.created_at DESC, campaigns.id DESC", [organization_id]
        )

    def _rows(self, where: str, values: list[int]) -> list[Row]:
        with self.transaction():
            found = self._sql.execute(f"{_SELECT} WHERE {where}", values).fetchall()
            return [self._advanced(_decoded(row)) for row in found]

    def _advanced(self, row: Row) -> Row:
        changed = advance(row, self.now()) if row["state"] == "running" or row["sync_ends_at"] else {}
        if changed:
            self._update(row["id"], changed)
        return {**row, **changed}

    def write(self, campaign_id: int, stored: Mapping[str, Any]) -> None:
        """Store columns as they are given. The three sections of the metadata may be given by their own names; None removes one.

        Raises LookupError, and TypeError for a name that is no column.
        """
        with self.transaction():
            row = self.row(campaign_id)
            if row is None:
                raise LookupError(f"there is no campaign {campaign_id}")
            columns = _columns(stored, row["metadata"])
            if columns.get("state") == "running":
                columns.setdefault("advanced_at", to_iso(self.now()))
            if columns:
                self._update(campaign_id, {"updated_at": to_iso(self.now()), **columns})

    def insert(self, stored: Mapping[str, Any]) -> int:
        """Insert a campaign; returns its id. What is not given is as in a fresh draft."""
        now = to_iso(self.now())
        fresh = {**_FRESH, "created_at": now, "updated_at": now, "advanced_at": now}
        columns = _encoded({**fresh, **_columns(stored, {})})
        places = ", ".join("?" * len(columns))
        with self.transaction():
            done = self._sql.execute(
                f"INSERT INTO campaigns ({', '.join(columns)}) VALUES ({places})",  # noqa: S608 - own column names
                list(columns.values()),
            )
            return int(done.lastrowid or 0)

    def _update(self, campaign_id: int, columns: Mapping[str, Any]) -> None:
        encoded = _encoded(columns)
        self._sql.execute(
            f"UPDATE campaigns SET {', '.join(f'{name} = ?' for name in encoded)} WHERE id = ?",  # noqa: S608
            [*encoded.values(), campaign_id],
        )

    def organization_limit(self, organization_id: int) -> int:
        """How many calls at once the tenant may have."""
        return self._value("SELECT concurrent_limit FROM organizations WHERE id = ?", organization_id) or 0

    def active_numbers(self, configuration_id: int | None) -> int:
        """Active phone numbers of a telephony configuration; 0 for none."""
        return self._value("SELECT active_numbers FROM telephony WHERE id = ?", configuration_id) or 0

    def default_telephony(self, organization_id: int) -> int | None:
        """The tenant's default telephony configuration; None while there is no telephony at all."""
        query = "SELECT id FROM telephony WHERE organization_id = ? ORDER BY is_default DESC, id"
        return self._value(query, organization_id)

    def _value(self, query: str, key: int | None) -> int | None:
        """The first column of the first row; None where there is no row."""
        with self._lock:
            row = self._sql.execute(query, [key]).fetchone()
        return int(row[0]) if row else None

    def add_organization(self, organization_id: int, concurrent_limit: int) -> bool:
        """Add a tenant. False when it is already there: the file was filled before."""
        done = self._sql.execute(
            "INSERT OR IGNORE INTO organizations VALUES (?, ?)", [organization_id, concurrent_limit]
        )
        return done.rowcount == 1

    def add_telephony(self, *, id: int, organization_id: int, name: str, active_numbers: int, default: bool) -> None:  # noqa: A002
        """Add a telephony configuration of a tenant."""
        self._sql.execute(
            "INSERT INTO telephony VALUES (?, ?, ?, ?, ?)", [id, organization_id, name, active_numbers, default]
        )


def _columns(stored: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
    columns = dict(stored)
    sections = {name: columns.pop(name) for name in _SECTIONS if name in columns}
    unknown = sorted(set(columns) - _COLUMNS)
    if unknown:
        raise TypeError(f"a campaign stores no {', '.join(unknown)}")
    if sections:
        merged = {**columns.get("metadata", metadata), **sections}
        columns["metadata"] = {name: value for name, value in merged.items() if value is not None}
    for name, value in columns.items():
        if isinstance(value, datetime):
            columns[name] = to_iso(value)
    return columns


def _encoded(columns: Mapping[str, Any]) -> dict[str, Any]:
    return {name: json.dumps(value) if name in _JSON else value for name, value in columns.items()}


def _decoded(row: sqlite3.Row) -> Row:
    return {name: json.loads(row[name]) if name in _JSON else row[name] for name in row.keys()}  # noqa: SIM118
