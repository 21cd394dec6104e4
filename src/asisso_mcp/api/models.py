"""The shapes on the wire: lenient for what the API answers, strict for what we send.

Ranges and names are those of the published reference, PATCH /api/v1/campaign/{campaign_id}. Three families:

* `Campaign`: an answer. Unknown keys and states are kept, optional keys may be missing, stored values may be out of range.
* `RetryConfig`, `ScheduleConfig`, `CircuitBreaker`, `PatchBody`: a request. A section is complete or it is not sent, because
  the API resets whatever is left out of it (observed). Keys unknown to us travel back unchanged.
* `CampaignEdit` and its parts: what a person names. Everything may be left out, null is refused, nothing unknown is accepted.
"""

import math
import re
from collections.abc import Callable
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
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
from pydantic_core import PydanticCustomError

from asisso_mcp.campaigns.time_slots import check_slot, check_time
from asisso_mcp.campaigns.timezones import check_zone

T = TypeVar("T")

# --- what a person may write ------------------------------------------------------------------------------------------

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}(?:\.0+)?", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,18}(?:\.[0-9]{1,18})?|\.[0-9]{1,18})", re.ASCII)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _whole_number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a number is needed, not true or false")
    if isinstance(value, str):
        if not _WHOLE.fullmatch(value.strip()):
            raise PydanticCustomError("number", "a number is needed")
        return int(value.partition(".")[0])
    return value


def _fraction(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a number is needed, not true or false")
    number = value
    if isinstance(value, str):
        text = value.strip().removesuffix("%").strip()
        if not _DECIMAL.fullmatch(text):
            raise PydanticCustomError("number", "a number is needed")
        number = float(text)
        if value.strip().endswith("%") and 0 <= number <= 100:
            raise ValueError(f"a fraction from 0 to 1 is meant: write {number / 100:g} for {number:g} %")
    if isinstance(number, int | float) and 1 < number <= 100:
        raise ValueError(f"a fraction from 0 to 1 is meant: write {number / 100:g} for {number:g} %")
    return number


def _day(value: Any) -> Any:
    if isinstance(value, str) and len(value.strip()) >= 3:
        for number, day in enumerate(_DAYS):
            if day.startswith(value.strip().lower()):
                raise ValueError(f"days are numbers, 0 is Monday and 6 is Sunday: write {number}")
    return _whole_number(value)


def _sendable(name: str) -> str:
    if not name.strip():
        raise ValueError("a name needs at least one visible character")
    if "\x00" in name:
        raise ValueError("a name cannot contain the NUL character")
    return name


def _whole_characters(name: Any) -> Any:
    if isinstance(name, str) and any("\ud800" <= character <= "\udfff" for character in name):
        raise ValueError("a name cannot contain half of a surrogate pair")
    return name


def _not_null(value: Any) -> Any:
    if value is None:
        raise ValueError(
            "null changes nothing: leave the field out to keep it as it is. The API cannot unset a field; "
            'calling hours and the circuit breaker are switched off with {"enabled": false}'
        )
    return value


NotNull = Annotated[T | None, BeforeValidator(_not_null)]
"""A field that may be left out, and is never null."""

WholeNumber = BeforeValidator(_whole_number)

CampaignName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=255),
    AfterValidator(_sendable),
    BeforeValidator(_whole_characters),
]
MaxConcurrency = Annotated[int, Field(ge=1, le=100, description="Calls at once."), WholeNumber]
MaxRetries = Annotated[int, Field(ge=0, le=10), WholeNumber]
RetryDelay = Annotated[int, Field(ge=30, le=3600, description="Seconds."), WholeNumber]
FailureThreshold = Annotated[
    float,
    Field(ge=0, le=1, allow_inf_nan=False, description="Fraction: 0.5 is 50 %."),
    BeforeValidator(_fraction),
]
WindowSeconds = Annotated[int, Field(ge=30, le=600, description="Seconds."), WholeNumber]
MinCalls = Annotated[int, Field(ge=1, le=100), WholeNumber]
DayOfWeek = Annotated[int, Field(ge=0, le=6, description="0 Monday … 6 Sunday."), BeforeValidator(_day)]


def _no_number(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError("true or false is needed, not a number")
    return value


StrictBool = Annotated[bool, BeforeValidator(_no_number)]
StartTime = Annotated[str, AfterValidator(lambda text: check_time(text, end=False))]
EndTime = Annotated[str, AfterValidator(lambda text: check_time(text, end=True))]


class _Edit(BaseModel):
    model_config = ConfigDict(extra="forbid")

    def named(self) -> dict[str, Any]:
        """The fields that were named, nested, as the API spells them."""
        return self.model_dump(mode="json", exclude_unset=True)


class _SectionEdit(_Edit):
    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError(f"it names no field; name at least one of {', '.join(type(self).model_fields)}")
        return self


class RetryEdit(_SectionEdit):
    enabled: NotNull[StrictBool] = None
    max_retries: NotNull[MaxRetries] = None
    retry_delay_seconds: NotNull[RetryDelay] = None
    retry_on_busy: NotNull[StrictBool] = None
    retry_on_no_answer: NotNull[StrictBool] = None
    retry_on_voicemail: NotNull[StrictBool] = None


class SlotEdit(_Edit):
    day_of_week: DayOfWeek
    start_time: StartTime = Field(description="HH:MM.")
    end_time: EndTime = Field(description="HH:MM, exclusive; 24:00 ends the day.")

    @model_validator(mode="after")
    def _within_one_day(self) -> Self:
        check_slot(self.day_of_week, self.start_time, self.end_time)
        return self


class ScheduleEdit(_SectionEdit):
    enabled: NotNull[StrictBool] = None
    timezone: NotNull[
        Annotated[str, AfterValidator(check_zone), Field(description="IANA name, as America/New_York.")]
    ] = None
    slots: NotNull[Annotated[list[SlotEdit], Field(min_length=1, max_length=50, description="Replaces the list.")]] = (
        None
    )


class BreakerEdit(_SectionEdit):
    enabled: NotNull[StrictBool] = None
    failure_threshold: NotNull[FailureThreshold] = None
    window_seconds: NotNull[WindowSeconds] = None
    min_calls_in_window: NotNull[MinCalls] = None


class CampaignEdit(_Edit):
    """What a person names of a campaign's settings; the rest stays as it is."""

    name: NotNull[Annotated[CampaignName, Field(description="New name.")]] = None
    retry_config: NotNull[Annotated[RetryEdit, Field(description="Calls to people not reached.")]] = None
    max_concurrency: NotNull[MaxConcurrency] = None
    schedule_config: NotNull[Annotated[ScheduleEdit, Field(description="Calling hours.")]] = None
    circuit_breaker: NotNull[Annotated[BreakerEdit, Field(description="Pauses the campaign when calls fail.")]] = None


# --- what is sent -----------------------------------------------------------------------------------------------------


class _Section(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)


class RetryConfig(_Section):
    enabled: bool
    max_retries: Annotated[int, Field(ge=0, le=10)]
    retry_delay_seconds: Annotated[int, Field(ge=30, le=3600)]
    retry_on_busy: bool
    retry_on_no_answer: bool
    retry_on_voicemail: bool


class Slot(_Section):
    day_of_week: Annotated[int, Field(ge=0, le=6)]
    start_time: Annotated[str, StringConstraints(pattern=r"^\d{2}:\d{2}$")]
    end_time: Annotated[str, StringConstraints(pattern=r"^\d{2}:\d{2}$")]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.start_time >= self.end_time:
            raise ValueError("start_time must be before end_time")
        return self


class ScheduleConfig(_Section):
    enabled: bool
    timezone: Annotated[str, StringConstraints(min_length=1)]
    slots: Annotated[list[Slot], Field(min_length=1, max_length=50)]


class CircuitBreaker(_Section):
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

EDITABLE = ("name", "retry_config", "max_concurrency", "schedule_config", "circuit_breaker")


class PatchBody(BaseModel):
    """The body of PATCH /api/v1/campaign/{id}: only what changes, each section complete."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: CampaignName | None = None
    retry_config: RetryConfig | None = None
    max_concurrency: Annotated[int, Field(ge=1, le=100)] | None = None
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
    workflow_name: NoneIfInvalid[str] = None
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

    def settings(self) -> dict[str, Any]:
        """The five editable settings, as they came."""
        return {field: getattr(self, field) for field in EDITABLE}
