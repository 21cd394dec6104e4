"""The stored runs: one for each call, with its times and how it ended."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from asisso_mcp.sandbox.database import Database
from asisso_mcp.sandbox.dialing import Run
from asisso_mcp.sandbox.instants import from_iso, to_iso

_ORDERS = {
    "created_at": "created_at {0}, id {0}",
    "duration": "julianday(ended_at) - julianday(created_at) {0}, id {0}",
}


class Runs:
    """The runs of all campaigns."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database, self._now = database, now

    def add(self, campaign_id: int, runs: Iterable[Run]) -> None:
        """Add calls of a campaign."""
        rows = [
            (campaign_id, to_iso(run.created_at), run.ended_at and to_iso(run.ended_at), run.disposition)
            for run in runs
        ]
        self._database.insert_many("runs", ("campaign_id", "created_at", "ended_at", "disposition"), rows)

    def page(
        self, campaign_id: int, *, limit: int, offset: int = 0, sort_by: str = "created_at", descending: bool = True
    ) -> list[dict[str, Any]]:
        """Some runs of a campaign, in order, with `is_completed` and `seconds` as of now. An unknown order is by `created_at`."""
        now = self._now()
        order = _ORDERS.get(sort_by, _ORDERS["created_at"]).format("DESC" if descending else "ASC")
        query = f"SELECT * FROM runs WHERE campaign_id = ? ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608 - own text
        return [_as_of(now, dict(run)) for run in self._database.fetch(query, campaign_id, limit, offset)]

    def count(self, campaign_id: int) -> int:
        """How many calls of a campaign have begun."""
        return int(self._database.fetch("SELECT count(*) FROM runs WHERE campaign_id = ?", campaign_id)[0][0])

    def count_failed(self, campaign_id: int) -> int:
        """How many calls of a campaign have ended as failed, busy or not answered."""
        query = """SELECT count(*) FROM runs WHERE campaign_id = ? AND ended_at <= ?
                   AND disposition IN ('failed', 'busy', 'no-answer')"""
        return int(self._database.fetch(query, campaign_id, to_iso(self._now()))[0][0])


def _as_of(now: datetime, run: dict[str, Any]) -> dict[str, Any]:
    ended = from_iso(run["ended_at"])
    if ended is None or ended > now:
        return {**run, "is_completed": False, "seconds": None}
    return {**run, "is_completed": True, "seconds": (ended - datetime.fromisoformat(run["created_at"])).total_seconds()}
