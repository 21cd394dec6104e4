"""How does a stored campaign look in a response? With display defaults that differ from what is in effect.

A stored row that does not fit these models raises `pydantic.ValidationError`, which the server answers with 500.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel

EFFECTIVE_BREAKER = {"enabled": True, "failure_threshold": 0.5, "window_seconds": 120, "min_calls_in_window": 5}
"""What the breaker does where nothing is stored; the response says `enabled: false` then."""

DEFAULT_RETRY = {
    "enabled": True,
    "max_retries": 1,
    "retry_delay_seconds": 120,
    "retry_on_busy": True,
    "retry_on_no_answer": True,
    "retry_on_voicemail": False,
}


class RetryConfig(BaseModel):
    enabled: bool
    max_retries: int
    retry_delay_seconds: int
    retry_on_busy: bool
    retry_on_no_answer: bool
    retry_on_voicemail: bool


class TimeSlot(BaseModel):
    day_of_week: int
    start_time: str
    end_time: str


class ScheduleConfig(BaseModel):
    enabled: bool = False
    timezone: str = "UTC"
    slots: list[TimeSlot] = []


class CircuitBreaker(BaseModel):
    enabled: bool = False
    failure_threshold: float = 0.5
    window_seconds: int = 120
    min_calls_in_window: int = 5


class LogEntry(BaseModel):
    ts: str
    level: str
    event: str
    message: str
    details: dict[str, Any] | None = None


class CampaignResponse(BaseModel):
    id: int
    name: str
    workflow_id: int
    workflow_name: str
    state: str
    source_type: str
    source_id: str
    total_rows: int | None
    processed_rows: int
    failed_rows: int
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    retry_config: RetryConfig
    max_concurrency: int | None = None
    schedule_config: ScheduleConfig | None = None
    circuit_breaker: CircuitBreaker = CircuitBreaker()
    executed_count: int
    total_queued_count: int
    parent_campaign_id: int | None
    redialed_campaign_id: int | None
    telephony_configuration_id: int | None
    telephony_configuration_name: str | None
    logs: list[LogEntry]


class CampaignsResponse(BaseModel):
    campaigns: list[CampaignResponse]


class SourceSync(BaseModel):
    status: str
    last_synced_at: datetime | None
    error: str | None


class CampaignProgressResponse(BaseModel):
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


class LastCampaignSettings(BaseModel):
    retry_config: RetryConfig | None
    max_concurrency: int | None
    schedule_config: ScheduleConfig | None
    circuit_breaker: CircuitBreaker | None


class CampaignDefaultsResponse(BaseModel):
    concurrent_call_limit: int
    from_numbers_count: int
    default_retry_config: RetryConfig
    last_campaign_settings: LastCampaignSettings | None


def shown(row: Mapping[str, Any]) -> CampaignResponse:
    """The response object of one stored row."""
    return CampaignResponse.model_validate(
        {
            **row,
            "workflow_name": row["workflow_name"] or "Unknown",
            "retry_config": row["retry_config"] or DEFAULT_RETRY,
            "max_concurrency": row["metadata"].get("max_concurrency"),
            "schedule_config": row["metadata"].get("schedule_config"),
            "circuit_breaker": row["metadata"].get("circuit_breaker") or {},
            "logs": row["logs"] or [],
        }
    )


def progress(row: Mapping[str, Any]) -> CampaignProgressResponse:
    """The other view of the same row, where an unknown total is 0."""
    total = row["total_rows"] or 0
    failure = next((entry["message"] for entry in row["logs"] if entry["event"] == "source_sync_failed"), None)
    pending = {"created": "pending", "syncing": "in_progress"}
    return CampaignProgressResponse(
        campaign_id=row["id"],
        state=row["state"],
        total_rows=total,
        processed_rows=row["processed_rows"],
        failed_calls=row["processed_rows"] // 2,  # busy and no answer count here, unlike in failed_rows
        progress_percentage=row["processed_rows"] / total * 100 if total else 0,
        source_sync=SourceSync(
            status="failed" if failure else pending.get(row["state"], "completed"),
            last_synced_at=row["started_at"] if row["total_rows"] is not None else None,
            error=failure,
        ),
        rate_limit=1,
        started_at=row["started_at"],
        completed_at=row["completed_at"],
    )


def effective_breaker(row: Mapping[str, Any]) -> dict[str, Any]:
    """What the breaker really does: defaults merged key by key under whatever is stored."""
    return {**EFFECTIVE_BREAKER, **(row["metadata"].get("circuit_breaker") or {})}
