"""What may a PATCH body say? The request models of the real server, in its lax mode, with its defaults.

Unknown keys are dropped; a nested object replaces the stored one, and what it leaves out gets the default written here.
"""

from typing import Annotated, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from asisso_mcp.sandbox.hours import is_zone

_Clock = Annotated[str, Field(pattern=r"^\d{2}:\d{2}$")]


class RetryConfigRequest(BaseModel):
    """Not the defaults that are shown for an unset one: two retries, voicemail too."""

    enabled: bool = True
    max_retries: int = Field(default=2, ge=0, le=10)
    retry_delay_seconds: int = Field(default=120, ge=30, le=3600)
    retry_on_busy: bool = True
    retry_on_no_answer: bool = True
    retry_on_voicemail: bool = True


class TimeSlotRequest(BaseModel):
    day_of_week: int = Field(ge=0, le=6)
    start_time: _Clock
    end_time: _Clock

    @model_validator(mode="after")
    def start_before_end(self) -> Self:
        if self.start_time >= self.end_time:  # as strings
            raise ValueError("start_time must be before end_time")
        return self


class ScheduleConfigRequest(BaseModel):
    enabled: bool = True
    timezone: str = "UTC"
    slots: list[TimeSlotRequest] = Field(min_length=1, max_length=50)

    @field_validator("timezone")
    @classmethod
    def known_zone(cls, value: str) -> str:
        if not is_zone(value):
            raise ValueError(f"Invalid timezone: {value}")
        return value


class CircuitBreakerRequest(BaseModel):
    enabled: bool = True
    failure_threshold: float = Field(default=0.5, ge=0.0, le=1.0)
    window_seconds: int = Field(default=120, ge=30, le=600)
    min_calls_in_window: int = Field(default=5, ge=1, le=100)


class UpdateCampaignRequest(BaseModel):
    """Null and absent are the same: untouched."""

    name: str | None = Field(default=None, min_length=1, max_length=255)
    retry_config: RetryConfigRequest | None = None
    max_concurrency: int | None = Field(default=None, ge=1, le=100)
    schedule_config: ScheduleConfigRequest | None = None
    circuit_breaker: CircuitBreakerRequest | None = None
