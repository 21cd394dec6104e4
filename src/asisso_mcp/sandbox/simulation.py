"""How a campaign changes as time passes: imports end, contacts are called, batches fail, campaigns complete. Pure.

It is worked out when a row is looked up, from the row, the clock and the telephony of that moment.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from asisso_mcp.sandbox.dialing import Run, dial, rows_left
from asisso_mcp.sandbox.instants import from_iso, to_iso
from asisso_mcp.sandbox.telephony import Outbound

IDLE = timedelta(hours=1)
"""How long a campaign with nothing left stays `running` after its last call."""
CHECK_AFTER_RESUME = timedelta(seconds=45)
"""When a resumed campaign is looked at first, to see whether it is complete."""


def may_advance(row: Mapping[str, Any]) -> bool:
    """Whether time changes this campaign: it runs, imports, or has a batch in flight."""
    in_flight = row["state"] == "paused" and (row["batch"] or row["failing_batch"])
    return bool(row["state"] == "running" or row["sync_ends_at"] or in_flight)


def advance(row: Mapping[str, Any], now: datetime, outbound: Outbound) -> tuple[dict[str, Any], list[Run]]:
    """The stored columns that have changed by `now`, empty when nothing happened, and the calls that have begun."""
    changed: dict[str, Any] = {}
    runs: list[Run] = []
    ends = from_iso(row["sync_ends_at"])
    if ends is not None and now >= ends:
        changed |= _synced(row, ends)
    current = {**row, **changed}
    if current["state"] in ("running", "paused"):
        dialed, runs = dial(current, now, outbound)
        changed |= dialed
        current |= dialed
        changed |= _batch_failed(current, now) or _finished(current, now)
    return changed, runs


def _synced(row: Mapping[str, Any], ends: datetime) -> dict[str, Any]:
    # Unconditional, as in the real task: a pause during the sync is overwritten.
    rows = row["source_rows"]
    total = rows if row["total_rows"] is None else row["total_rows"]
    done = {"state": "running", "sync_ends_at": None, "next_step_at": to_iso(ends), "total_rows": total}
    done["total_queued_count"] = max(row["total_queued_count"], total)
    if total == 0:
        done |= {"state": "completed", "completed_at": to_iso(ends)}
    return done


def _batch_failed(row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    # Whatever the state is by then: a pause does not reach a batch in flight.
    if not row["failing_batch"] or to_iso(now) < row["failing_batch"][0]:
        return {}
    moment, reason = row["failing_batch"]
    entry = {
        "ts": moment,
        "level": "error",
        "event": "batch_failed",
        "message": f"Batch failed: {reason}",
        "details": None,
    }
    return {"state": "failed", "failing_batch": None, "logs": [*(row["logs"] or []), entry]}


def _finished(row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    active = from_iso(row["last_activity_at"]) or from_iso(row["started_at"])
    if row["state"] != "running" or rows_left(row) or active is None:
        return {}
    checked = from_iso(row["check_at"])
    ended = active + IDLE if checked is None else max(active + IDLE, checked)
    return {"state": "completed", "completed_at": to_iso(ended)} if now >= ended else {}
