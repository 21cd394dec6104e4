"""The store of campaigns, their runs and their organisations, over the database of the sandbox.

Every access is one short transaction; JSON columns hold any shape, also malformed ones.
"""

import json
import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from asisso_mcp.sandbox.database import Database
from asisso_mcp.sandbox.instants import to_iso
from asisso_mcp.sandbox.runs import Runs
from asisso_mcp.sandbox.simulation import advance, may_advance
from asisso_mcp.sandbox.telephony import Telephony

_JSON = ("retry_config", "metadata", "logs", "waiting_retries", "batch", "failing_batch")
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
    "failed_count": 0,
    "waiting_retries": [],
    "batch": [],
    "failing_batch": None,
    "retry_config": None,
    "metadata": {},
    "logs": [],
}
_COLUMNS = {
    *_FRESH,
    *("id", "created_at", "updated_at", "started_at", "completed_at", "parent_campaign_id", "redialed_campaign_id"),
    *("telephony_configuration_id", "quota", "sync_ends_at", "next_step_at"),
    *("last_activity_at", "check_at"),
}
_SELECT = """SELECT campaigns.*, telephony.name AS telephony_configuration_name FROM campaigns
             LEFT JOIN telephony ON telephony.id = campaigns.telephony_configuration_id"""

Row = dict[str, Any]


class Store:
    """Campaigns, runs and organisations in SQLite; safe to use from several threads."""

    def __init__(self, db: str | Path, clock: Callable[[], datetime]) -> None:
        """db: ":memory:", or a file. Raises ValueError, in a sentence, for a file that is not ours or cannot be used."""
        self._clock = clock
        self._database = Database(db)
        self.transaction, self.close = self._database.transaction, self._database.close
        self.telephony = Telephony(self._database, clock)
        self.runs = Runs(self._database, clock)

    def now(self) -> datetime:
        """The time of the clock, aware."""
        return self._clock()

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

    def advance_all(self) -> None:
        """Bring every campaign to the present: before something changes that they all depend on."""
        self._rows("TRUE", [])

    def _rows(self, where: str, values: list[int]) -> list[Row]:
        with self.transaction():
            return [self._advanced(_decoded(row)) for row in self._database.fetch(f"{_SELECT} WHERE {where}", *values)]

    def _advanced(self, row: Row) -> Row:
        if not may_advance(row):
            return row
        outbound = self.telephony.outbound(row, self.organization_limit(row["organization_id"]))
        changed, runs = advance(row, self.now(), outbound)
        if changed:
            self._database.update("campaigns", row["id"], _encoded(changed))
        self.runs.add(row["id"], runs)
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
            if columns.get("state") == "running" and not row["batch"]:
                columns.setdefault("next_step_at", to_iso(self.now()))
            if columns:
                columns = {"updated_at": to_iso(self.now()), **columns}
                self._database.update("campaigns", campaign_id, _encoded(columns))

    def insert(self, stored: Mapping[str, Any]) -> int:
        """Insert a campaign; returns its id. What is not given is as in a fresh draft."""
        now = to_iso(self.now())
        fresh = {**_FRESH, "created_at": now, "updated_at": now, "next_step_at": now}
        with self.transaction():
            return self._database.insert("campaigns", _encoded({**fresh, **_columns(stored, {})}))

    def add_organization(self, organization_id: int, concurrent_limit: int) -> bool:
        """Add a tenant. False when it is already there: the file was filled before."""
        if self._database.fetch("SELECT id FROM organizations WHERE id = ?", organization_id):
            return False
        self._database.insert("organizations", {"id": organization_id, "concurrent_limit": concurrent_limit})
        return True

    def organization_limit(self, organization_id: int) -> int:
        """How many calls at once the tenant may have."""
        found = self._database.fetch("SELECT concurrent_limit FROM organizations WHERE id = ?", organization_id)
        return int(found[0][0]) if found else 0


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
    return {name: json.dumps(value, default=to_iso) if name in _JSON else value for name, value in columns.items()}


def _decoded(row: sqlite3.Row) -> Row:
    return {name: json.loads(row[name]) if name in _JSON else row[name] for name in row.keys()}  # noqa: SIM118
