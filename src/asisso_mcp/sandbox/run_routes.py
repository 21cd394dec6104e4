"""The routes that tell of a campaign's calls: its runs, which carry contacts, addresses and logs, and its progress."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query
from pydantic import BaseModel

from asisso_mcp.sandbox import rules
from asisso_mcp.sandbox.authentication import Organization
from asisso_mcp.sandbox.store import Row, Store

_URLS = [
    f"{what}{public}_url"
    for what in ("transcript", "recording", "user_recording", "bot_recording")
    for public in ("", "_public")
]
_SYNCED = timedelta(seconds=5)


class RunsResponse(BaseModel):
    """A page of runs."""

    runs: list[dict[str, Any]]
    total_count: int
    page: int
    limit: int
    total_pages: int


class SourceSync(BaseModel):
    """How the import of the contacts went."""

    status: str
    last_synced_at: datetime | None
    error: str | None


class ProgressResponse(BaseModel):
    """A campaign's progress. `failed_calls` counts runs, which is another measure than `failed_rows`."""

    campaign_id: int
    state: str
    total_rows: int
    processed_rows: int
    failed_calls: int
    progress_percentage: float
    source_sync: SourceSync
    rate_limit: int
    started_at: datetime | None
    completed_at: datetime | None


def add_run_routes(app: FastAPI, store: Store) -> None:
    """Add the routes to the application."""

    @app.get("/api/v1/campaign/{campaign_id}/runs")
    async def runs(
        campaign_id: int,
        organization: Organization,
        page: Annotated[int, Query(ge=1)] = 1,
        limit: Annotated[int, Query(ge=1, le=100)] = 50,
        sort_by: str | None = None,
        sort_order: str | None = None,
    ) -> RunsResponse:
        row = store.row(rules.column_id(campaign_id), organization)
        if row is None:
            raise HTTPException(404, f"Campaign {campaign_id} not found")
        total = store.runs.count(campaign_id)
        found = store.runs.page(
            campaign_id,
            limit=limit,
            offset=(page - 1) * limit,
            sort_by=sort_by or "created_at",
            descending=sort_order != "asc",
        )
        return RunsResponse(
            runs=[_shown(run, row) for run in found],
            total_count=total,
            page=page,
            limit=limit,
            total_pages=-(-total // limit),
        )

    @app.get("/api/v1/campaign/{campaign_id}/progress")
    async def progress(campaign_id: int, organization: Organization) -> ProgressResponse:
        return _progress(rules.found(store, campaign_id, organization), store.runs.count_failed(campaign_id))


def _shown(run: Row, campaign: Row) -> dict[str, Any]:
    """A run with all that makes it heavy and sensitive; every contact is invented."""
    number = f"+1415555{run['id'] % 10_000:04}"
    address = f"https://storage.internal.example/runs/{run['id']}"
    cost = {"dograh_token_usage": 412.5, "call_duration_seconds": run["seconds"]} if run["is_completed"] else None
    said = {"call_disposition": run["disposition"], "mapped_call_disposition": run["disposition"]}
    return {
        "id": run["id"],
        "workflow_id": campaign["workflow_id"],
        "name": f"WR-CAMPAIGN-{campaign['id']}-{run['id']}",
        "mode": "twilio",
        "created_at": run["created_at"].replace("+00:00", "Z"),
        "is_completed": run["is_completed"],
        **{name: f"{address}/{name.removesuffix('_url')}?token=3f9a" for name in _URLS},
        "public_access_token": f"token-of-run-{run['id']}",
        "cost_info": cost,
        "usage_info": {"llm": {"prompt_tokens": 1812, "completion_tokens": 240}} if run["is_completed"] else None,
        "definition_id": 1,
        "initial_context": {"phone_number": number, "customer_name": "Jane", "called_number": number},
        "gathered_context": said if run["is_completed"] else None,
        "call_type": "outbound",
        "logs": {"telephony_status_callbacks": [{"status": "in-progress", "called": number}]},
        "annotations": None,
    }


def _progress(row: Row, failed_calls: int) -> ProgressResponse:
    total, done = row["total_rows"] or 0, row["processed_rows"]
    synced, started = row["total_rows"] is not None, row["started_at"]
    error = next((entry["message"] for entry in row["logs"] or [] if _is_sync_failure(entry)), None)
    status = "completed" if synced else "failed" if error else "in_progress" if started else "pending"
    return ProgressResponse.model_validate(
        {
            "campaign_id": row["id"],
            **{name: row[name] for name in ("state", "processed_rows", "started_at", "completed_at")},
            "total_rows": total,
            "failed_calls": failed_calls,
            "progress_percentage": done * 100 / total if total else 0.0,
            "source_sync": {
                "status": status,
                "last_synced_at": datetime.fromisoformat(started) + _SYNCED if synced and started else None,
                "error": error,
            },
            "rate_limit": 1,
        }
    )


def _is_sync_failure(entry: Any) -> bool:
    return isinstance(entry, dict) and entry.get("event") == "source_sync_failed"
