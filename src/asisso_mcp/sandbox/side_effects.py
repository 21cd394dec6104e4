"""Faults that change the store: the breaker trips, another user edits, the import ends."""

from datetime import timedelta
from typing import Any

from asisso_mcp.sandbox.faults import Fault
from asisso_mcp.sandbox.instants import to_iso
from asisso_mcp.sandbox.models import UpdateCampaignRequest, effective_breaker
from asisso_mcp.sandbox.rules import stored_changes
from asisso_mcp.sandbox.seed_logs import tripped
from asisso_mcp.sandbox.store import Row, Store

PARTIAL_RETRY = {"enabled": True, "max_retries": 2}
"""A stored retry_config that no response can be made of."""

_OTHERS_EDITS: tuple[dict[str, Any], ...] = (
    {"circuit_breaker": {"failure_threshold": 0.9, "window_seconds": 60, "min_calls_in_window": 42}},
    {"max_concurrency": 1},
    {"schedule_config": {"slots": [{"day_of_week": 6, "start_time": "10:00", "end_time": "11:00"}]}},
    {"retry_config": {"max_retries": 9}},
    {"name": "Renamed by somebody else"},
)
"""What the other user edits when the fault does not say: the first of these that our body does not touch."""


def poison(store: Store, fault: Fault) -> None:
    """Store the malformed row of a `poison` fault. Raises LookupError for an unknown campaign."""
    if fault.kind == "poison" and fault.campaign is not None:
        store.write(fault.campaign, {"retry_config": PARTIAL_RETRY})
        fault.fired += 1


def can_trip(store: Store, campaign_id: int | None) -> bool:
    """Whether the breaker can trip: the campaign is there and running, and its breaker is on."""
    row = None if campaign_id is None else store.row(campaign_id)
    return row is not None and row["state"] == "running" and bool(effective_breaker(row)["enabled"])


def trip(store: Store, campaign_id: int) -> None:
    """Pause a running campaign and log it, as the breaker does with the settings in effect; the batch in flight fails."""
    with store.transaction():
        row = store.row(campaign_id)
        if row is None or not can_trip(store, campaign_id):
            return
        breaker = effective_breaker(row)
        entry = tripped(
            store.now(),
            threshold=breaker["failure_threshold"],
            failures=max(5, breaker["min_calls_in_window"]),
            window=breaker["window_seconds"],
        )
        failed = row["failed_count"] + len(row["batch"])
        logs = [*(row["logs"] or []), entry]
        store.write(campaign_id, {"state": "paused", "logs": logs, "batch": [], "failed_count": failed})


def foreign_edit(store: Store, campaign_id: int, fault: Fault, ours: Any, stale: Row | None) -> None:
    """Store another user's PATCH. With a `stale` row, it overwrites our commit with that row's metadata."""
    with store.transaction():
        row = store.row(campaign_id)
        if row is None:
            return
        body = UpdateCampaignRequest.model_validate(fault.fields or _other_section(ours))
        seen = row if stale is None else {**row, "metadata": stale["metadata"]}
        changes = stored_changes(seen, body)
        if stale is not None:
            changes.setdefault("metadata", stale["metadata"])
        store.write(campaign_id, changes)


def _other_section(ours: Any) -> dict[str, Any]:
    touched = set(ours) if isinstance(ours, dict) else set()
    return next((edit for edit in _OTHERS_EDITS if not touched & set(edit)), _OTHERS_EDITS[-1])


def end_import(store: Store, campaign_id: int, seconds: float) -> None:
    """The sync that was running ends in `seconds` of the clock, and sets `running` whatever the state is then."""
    if store.row(campaign_id) is not None:
        store.write(campaign_id, {"sync_ends_at": to_iso(store.now() + timedelta(seconds=seconds))})
