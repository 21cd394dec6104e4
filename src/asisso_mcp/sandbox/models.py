"""The API's requests and responses, with the real server's defaults.

Requests (`…Request`) are validated in lax mode: unknown keys are dropped; a nested object replaces the stored one, and what
it leaves out gets the default written here. Responses show defaults that differ from what is in effect; a stored row that
does not fit raises `pydantic.ValidationError`, which the server answers with 500.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from asisso_mcp.sandbox.calling_hours import is_zone

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

_Clock = Annotated[str, Field(pattern=r"^\d{2}:\d{2}$")]


class RetryConfigRequest(BaseModel):
    """Retries in a PATCH; these defaults differ from those that are shown for an unset section."""

    enabled: bool = True
    max_retries: int = Field(default=2, ge=0, le=10)
    retry_delay_seconds: int = Field(default=120, ge=30, le=3600)
    retry_on_busy: bool = True
    retry_on_no_answer: bool = True
    retry_on_voicemail: bool = True


class TimeSlotRequest(BaseModel):
    """A slot in a PATCH: local times as "HH:MM", and `day_of_week`, 0 for Monday."""

    day_of_week: int = Field(ge=0, le=6)
    start_time: _Clock
    end_time: _Clock

    @model_validator(mode="after")
    def start_before_end(self) -> Self:
        """Raises ValueError for an empty or reversed slot; the times are compared as strings."""
        if self.start_time >= self.end_time:  # as strings
            raise ValueError("start_time must be before end_time")
        return self


class ScheduleConfigRequest(BaseModel):
    """Calling hours in a PATCH; a schedule that is off needs a slot too."""

    enabled: bool = True
    timezone: str = "UTC"
    slots: list[TimeSlotRequest] = Field(min_length=1, max_length=50)

    @field_validator("timezone")
    @classmethod
    def known_zone(cls, value: str) -> str:
        """Raises ValueError for a zone that the real server does not know."""
        if not is_zone(value):
            raise ValueError(f"Invalid timezone: {value}")
        return value


class CircuitBreakerRequest(BaseModel):
    """The breaker in a PATCH: `failure_threshold` is a fraction, the window is in seconds."""

    enabled: bool = True
    failure_threshold: float = Field(default=0.5, ge=0.0, le=1.0)
    window_seconds: int = Field(default=120, ge=30, le=600)
    min_calls_in_window: int = Field(default=5, ge=1, le=100)


class UpdateCampaignRequest(BaseModel):
    """The body of a PATCH. Null and absent are the same: untouched."""

    name: str | None = Field(default=None, min_length=1, max_length=255)
    retry_config: RetryConfigRequest | None = None
    max_concurrency: int | None = Field(default=None, ge=1, le=100)
    schedule_config: ScheduleConfigRequest | None = None
    circuit_breaker: CircuitBreakerRequest | None = None


class RetryConfig(BaseModel):
    """Retries as shown; every leaf is required, so that a partly stored section is an error."""

    enabled: bool
    max_retries: int
    retry_delay_seconds: int
    retry_on_busy: bool
    retry_on_no_answer: bool
    retry_on_voicemail: bool


class TimeSlot(BaseModel):
    """A slot as shown."""

    day_of_week: int
    start_time: str
    end_time: str


class ScheduleConfig(BaseModel):
    """Calling hours as shown."""

    enabled: bool = False
    timezone: str = "UTC"
    slots: list[TimeSlot] = []


class CircuitBreaker(BaseModel):
    """The breaker as shown: an unset one looks as if it were off."""

    enabled: bool = False
    failure_threshold: float = 0.5
    window_seconds: int = 120
    min_calls_in_window: int = 5


class LogEntry(BaseModel):
    """One line of a campaign's log."""

    ts: str
    level: str
    event: str
    message: str
    details: dict[str, Any] | None = None


class CampaignResponse(BaseModel):
    """A campaign, with its keys in the recorded order."""

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
    """All campaigns of a tenant, newest first."""

    campaigns: list[CampaignResponse]


def to_response(row: Mapping[str, Any]) -> CampaignResponse:
    """The response for one stored row; raises ValidationError for a malformed one."""
    return CampaignResponse.model_validate(
        {
            **row,
            "workflow_name": row["workflow_name"] or "Unknown",
            "retry_config": row["retry_config"] or DEFAULT_RETRY,
            "max_concurrency": row["metadata"].get("max_concurrency"),
            "schedule_config": row["metadata"].get("schedule_config") or None,
            "circuit_breaker": row["metadata"].get("circuit_breaker") or {},
            "logs": [entry for entry in row["logs"] or [] if isinstance(entry, dict)],
        }
    )


def effective_breaker(row: Mapping[str, Any]) -> dict[str, Any]:
    """The breaker settings that are in effect: defaults, overlaid key by key with what is stored."""
    return {**EFFECTIVE_BREAKER, **(row["metadata"].get("circuit_breaker") or {})}
