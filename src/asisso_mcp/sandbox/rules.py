"""The API's rules: which states allow what, which limits hold, and what is stored."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import HTTPException

from asisso_mcp.sandbox.instants import to_iso
from asisso_mcp.sandbox.models import UpdateCampaignRequest
from asisso_mcp.sandbox.simulation import CHECK_AFTER_RESUME
from asisso_mcp.sandbox.store import Row, Store

NOT_FOUND = "Campaign not found"
NO_TELEPHONY = "You must configure telephony first by going to APP_URL/configure-telephony"
LARGEST_ID = 2**31 - 1
"""Campaign ids are a 32 bit column: an id beyond it breaks the query, which is a 500, not a 404."""

EDITABLE = {"created", "paused"}


def column_id(campaign_id: int) -> int:
    """The id as the database takes it; raises OverflowError beyond 32 bits."""
    if not -LARGEST_ID - 1 <= campaign_id <= LARGEST_ID:
        raise OverflowError(f"value {campaign_id} out of int32 range")
    return campaign_id


def found(store: Store, campaign_id: int, organization_id: int) -> Row:
    """The campaign as stored; raises HTTPException where it is not there, or another tenant's."""
    row = store.row(column_id(campaign_id), organization_id)
    if row is None:
        raise HTTPException(404, NOT_FOUND)
    return row


def edited(
    row: Mapping[str, Any], body: UpdateCampaignRequest, *, org_limit: int, active_numbers: int
) -> dict[str, Any]:
    """The columns a PATCH stores; raises HTTPException. Published reference, PATCH: only in draft or paused."""
    if row["state"] not in EDITABLE:
        raise HTTPException(400, f"Cannot update a {row['state']} campaign")
    if body.max_concurrency is not None:
        _within_limit(body.max_concurrency, org_limit, active_numbers)
    return stored_changes(row, body)


def stored_changes(row: Mapping[str, Any], body: UpdateCampaignRequest) -> dict[str, Any]:
    """The columns of an edit, unchecked: the whole metadata is copied, its sections replaced."""
    columns: dict[str, Any] = {}
    if body.name is not None:
        if "\x00" in body.name:
            raise ValueError("the database takes no NUL in text")
        columns["name"] = body.name
    if body.retry_config is not None:
        columns["retry_config"] = body.retry_config.model_dump()
    sections = body.model_dump(include={"max_concurrency", "schedule_config", "circuit_breaker"}, exclude_none=True)
    if sections:
        columns["metadata"] = {**row["metadata"], **sections}
    return columns


def _within_limit(wanted: int, org_limit: int, active_numbers: int) -> None:
    if 0 < active_numbers < org_limit:
        if wanted > active_numbers:
            raise HTTPException(
                400,
                f"max_concurrency ({wanted}) cannot exceed {active_numbers}. You have {active_numbers} phone number(s) "
                "configured. Add more CLIs in telephony configuration to increase concurrency.",
            )
    elif wanted > org_limit:
        raise HTTPException(400, f"max_concurrency ({wanted}) cannot exceed organization limit ({org_limit})")


def paused(row: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that a pause stores; raises HTTPException unless it runs or imports."""
    _require_state(row, "pause", "'running' or 'syncing'", {"running", "syncing"})
    return {"state": "paused"}


def resumed(row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The columns that a resume stores; raises HTTPException unless it is paused."""
    _require_state(row, "resume", "'paused'", {"paused"})
    return {"state": "running", "check_at": to_iso(now + CHECK_AFTER_RESUME)}


def _require_state(row: Mapping[str, Any], verb: str, wanted: str, states: set[str]) -> None:
    if row["state"] not in states:
        raise HTTPException(400, f"Campaign must be in {wanted} state to {verb}, current state: {row['state']}")
