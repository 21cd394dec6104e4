"""The shapes on the wire: lenient for what the API answers, strict for what we send.

Ranges and names are those of the published reference, PATCH /api/v1/campaign/{campaign_id}. Two families:

* `Campaign`: an answer. Unknown keys and states are kept, optional keys may be missing, stored values may be out of range.
* `RetryConfig`, `ScheduleConfig`, `CircuitBreaker`, `PatchBody`: a request. A section is complete or it is not sent, because
  the API resets whatever is left out of it (observed). Keys unknown to us travel back unchanged.
"""

import math
from collections.abc import Callable
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    WrapValidator,
    model_validator,
)

T = TypeVar("T")

# --- what is sent -----------------------------------------------------------------------------------------------------


class _Section(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)


class RetryConfig(_Section):
    """Calls to people who were not reached."""

    enabled: bool
    max_retries: Annotated[int, Field(ge=0, le=10)]
    retry_delay_seconds: Annotated[int, Field(ge=30, le=3600)]
    retry_on_busy: bool
    retry_on_no_answer: bool
    retry_on_voicemail: bool


class Slot(_Section):
    """One window of calling hours, in the zone of its schedule."""

    day_of_week: Annotated[int, Field(ge=0, le=6)]
    start_time: Annotated[str, StringConstraints(pattern=r"^\d{2}:\d{2}$")]
    end_time: Annotated[str, StringConstraints(pattern=r"^\d{2}:\d{2}$")]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.start_time >= self.end_time:
            raise ValueError("start_time must be before end_time")
        return self


class ScheduleConfig(_Section):
    """Calling hours."""

    enabled: bool
    timezone: Annotated[str, StringConstraints(min_length=1)]
    slots: Annotated[list[Slot], Field(min_length=1, max_length=50)]


class CircuitBreaker(_Section):
    """Pauses the campaign when too many calls fail."""

    enabled: bool
    failure_threshold: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
    window_seconds: Annotated[int, Field(ge=30, le=600)]
    min_calls_in_window: Annotated[int, Field(ge=1, le=100)]


SECTIONS: dict[str, type[BaseModel]] = {
    "retry_config": RetryConfig,
    "schedule_config": ScheduleConfig,
    "circuit_breaker": CircuitBreaker,
}
"""The nested objects of an edit: the API replaces each as a whole."""

MaxConcurrency = Annotated[int, Field(ge=1, le=100)]
"""Calls at once."""

EDITABLE = ("name", "retry_config", "max_concurrency", "schedule_config", "circuit_breaker")


class PatchBody(BaseModel):
    """The body of PATCH /api/v1/campaign/{id}: only what changes, each section complete."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, StringConstraints(max_length=255, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")] | None = None
    retry_config: RetryConfig | None = None
    max_concurrency: MaxConcurrency | None = None
    schedule_config: ScheduleConfig | None = None
    circuit_breaker: CircuitBreaker | None = None

    def to_json(self) -> dict[str, Any]:
        """The body as sent. Null is never sent: this API ignores it, newer ones clear with it."""
        sent = self.model_dump(mode="json", exclude_unset=True)
        return {field: value for field, value in sent.items() if value is not None}


# --- what is answered -------------------------------------------------------------------------------------------------


def _or_none(value: Any, handler: Callable[[Any], Any]) -> Any:
    try:
        return handler(value)
    except ValidationError:
        return None


NoneIfInvalid = Annotated[T | None, WrapValidator(_or_none)]
"""A field of an answer that is None when it is missing or of another type."""


def _plain_section(value: Any) -> Any:
    if not isinstance(value, dict):
        return None
    _require_finite(value)
    return value


def _require_finite(value: Any) -> None:
    """Infinity comes of digits like 1e999: it cannot be said in JSON again, so it cannot be shown or sent back."""
    for each in value.values() if isinstance(value, dict) else value:
        if isinstance(each, float) and math.isinf(each):
            raise ValueError("a number is too large")
        if isinstance(each, (dict, list)):
            _require_finite(each)


Section = Annotated[dict[str, Any] | None, BeforeValidator(_plain_section)]
"""A nested object of an answer, exactly as it came; None when it is missing or no object."""


class Campaign(BaseModel):
    """A campaign as the API answers it. Sections stay plain objects, exactly as they came."""

    model_config = ConfigDict(extra="allow")

    id: int
    name: str
    state: str
    workflow_id: NoneIfInvalid[int] = None
    workflow_name: NoneIfInvalid[str] = None
    source_type: NoneIfInvalid[str] = None
    source_id: NoneIfInvalid[str] = None
    parent_campaign_id: NoneIfInvalid[int] = None
    redialed_campaign_id: NoneIfInvalid[int] = None
    telephony_configuration_id: NoneIfInvalid[int] = None
    telephony_configuration_name: NoneIfInvalid[str] = None
    total_rows: NoneIfInvalid[int] = None
    processed_rows: NoneIfInvalid[int] = None
    failed_rows: NoneIfInvalid[int] = None
    executed_count: NoneIfInvalid[int] = None
    total_queued_count: NoneIfInvalid[int] = None
    created_at: NoneIfInvalid[AwareDatetime] = None
    started_at: NoneIfInvalid[AwareDatetime] = None
    completed_at: NoneIfInvalid[AwareDatetime] = None
    retry_config: Section = None
    max_concurrency: NoneIfInvalid[int] = None
    schedule_config: Section = None
    circuit_breaker: Section = None
    logs: NoneIfInvalid[list[Any]] = None
    warnings: NoneIfInvalid[list[Any]] = None

    @property
    def phase(self) -> str:
        """The state in the words of the reference: the server's `created` is its `draft`."""
        return "draft" if self.state == "created" else self.state

    @property
    def shown_settings(self) -> frozenset[str]:
        """Which of the editable settings the answer has; nothing can be said about the others."""
        return frozenset(self.model_fields_set.intersection(EDITABLE))

    @property
    def unknown_fields(self) -> dict[str, Any]:
        """What the published response model does not have: newer platforms may send more."""
        more = {} if self.warnings is None else {"warnings": self.warnings}
        return {**more, **(self.model_extra or {})}

    def settings(self) -> dict[str, Any]:
        """The five editable settings, as they came."""
        return {field: getattr(self, field) for field in EDITABLE}


class LastCall(BaseModel):
    """What the newest run of a campaign tells: when the last call began (None: none ever did), and whether it has ended.

    A run carries contacts and logs as well; nothing else of it is kept.
    """

    created_at: AwareDatetime | None = None
    is_completed: bool = True


class TelephonyConfiguration(BaseModel):
    """One of the organisation's ways out to the telephone network."""

    id: int
    name: NoneIfInvalid[str] = None
    is_default_outbound: NoneIfInvalid[bool] = None
    inactive: NoneIfInvalid[bool] = None
    inactive_reason: NoneIfInvalid[str] = None
    phone_number_count: NoneIfInvalid[Annotated[int, Field(ge=0)]] = None
    is_ready_for_outbound: NoneIfInvalid[bool] = None
    outbound_blocked_reason: NoneIfInvalid[str] = None


FINAL = ("completed", "failed")


KNOWN_PHASES = ("draft", "syncing", "running", "paused", "completed", "failed")
