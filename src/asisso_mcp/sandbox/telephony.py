"""The telephony configurations of the organisations, and what each lets a campaign do."""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asisso_mcp.sandbox.database import Database
from asisso_mcp.sandbox.instants import to_iso

_FRESH: dict[str, Any] = {
    "organization_id": 1,
    "name": "Telephony",
    "provider": "twilio",
    "connectivity": "api",
    "is_default_outbound": False,
    "inactive": False,
    "inactive_since": None,
    "inactive_reason": None,
    "phone_number_count": 1,
    "outbound_blocked_reason": None,
}
_COLUMNS = {*_FRESH, "id", "created_at", "updated_at"}
_NO_NUMBER = "Outbound calls need a number to dial from. Add a phone number to this configuration."


@dataclass(frozen=True)
class Outbound:
    """What a campaign dials with. calls_at_once: its cap. blocked: why its next batch will fail, None if it will not."""

    calls_at_once: int
    blocked: str | None = None


class Telephony:
    """The stored telephony configurations."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database, self._now = database, now

    def all(self, organization_id: int) -> list[dict[str, Any]]:
        """The configurations of an organisation as the API shows them, in the order of their ids."""
        found = self._database.fetch("SELECT * FROM telephony WHERE organization_id = ? ORDER BY id", organization_id)
        return [_shown(row) for row in found]

    def in_use(self, pinned: int | None, organization_id: int) -> dict[str, Any] | None:
        """The pinned configuration of a campaign, or else its organisation's default; None where that does not exist."""
        for configuration in self.all(organization_id):
            if configuration["id"] == pinned or (pinned is None and configuration["is_default_outbound"]):
                return configuration
        return None

    def outbound(self, campaign: Mapping[str, Any], organization_limit: int) -> Outbound:
        """What a stored campaign dials with: the smallest of its own cap, the organisation's and the active numbers."""
        pinned = campaign["telephony_configuration_id"]
        used = self.in_use(pinned, campaign["organization_id"])
        own, numbers = campaign["metadata"].get("max_concurrency"), used and used["phone_number_count"]
        caps = [cap for cap in (organization_limit, own, numbers) if isinstance(cap, int) and cap > 0]
        return Outbound(min(caps, default=1), _blocked(used, pinned))

    def numbers(self, configuration_id: int | None) -> int:
        """Active phone numbers of a configuration; 0 for none."""
        found = self._database.fetch("SELECT phone_number_count FROM telephony WHERE id = ?", configuration_id)
        return int(found[0][0]) if found else 0

    def add(self, stored: Mapping[str, Any]) -> int:
        """Add a configuration; returns its id. What is not given is as in a fresh one with a number."""
        now = to_iso(self._now())
        return self._database.insert("telephony", {**_FRESH, "created_at": now, "updated_at": now, **_columns(stored)})

    def write(self, configuration_id: int, stored: Mapping[str, Any]) -> None:
        """Store columns as they are given. Raises LookupError, and TypeError for a name that is no column."""
        columns = {"updated_at": to_iso(self._now()), **_columns(stored)}
        if not self._database.update("telephony", configuration_id, columns):
            raise LookupError(f"there is no telephony configuration {configuration_id}")

    def remove(self, configuration_id: int) -> None:
        """Remove a configuration; campaigns that it is pinned to keep its id. Raises LookupError."""
        if not self._database.delete("telephony", configuration_id):
            raise LookupError(f"there is no telephony configuration {configuration_id}")


def _blocked(used: Mapping[str, Any] | None, pinned: int | None) -> str | None:
    if used is None and pinned is None:
        return "No default telephony configuration"
    if used is None or used["inactive"]:
        return f"Telephony configuration {used['id'] if used else pinned} not found"
    if not used["is_ready_for_outbound"]:
        return f"'{used['name']}' is not ready for outbound calls. {used['outbound_blocked_reason']}"
    return None


def _shown(row: sqlite3.Row) -> dict[str, Any]:
    blocked = row["outbound_blocked_reason"] or (None if row["phone_number_count"] else _NO_NUMBER)
    return {**dict(row), "outbound_blocked_reason": blocked, "is_ready_for_outbound": blocked is None}


def _columns(stored: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(stored) - _COLUMNS)
    if unknown:
        raise TypeError(f"a telephony configuration stores no {', '.join(unknown)}")
    return {name: to_iso(value) if isinstance(value, datetime) else value for name, value in stored.items()}
