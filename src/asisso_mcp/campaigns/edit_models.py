"""What a person may name of a campaign's settings. Everything may be left out; nothing unknown is accepted.

Ranges and names are those of the published reference, PATCH /api/v1/campaign/{campaign_id}. The published input schemas of
`update_campaign` derive from these models.
"""

import re
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from asisso_mcp.campaigns.time_slots import check_slot, check_time
from asisso_mcp.campaigns.timezones import check_zone

T = TypeVar("T")

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
    number = _whole_number(value)
    if isinstance(number, int) and not 0 <= number <= 6:
        raise ValueError("days are numbers, 0 Monday to 6 Sunday")
    return number


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
DayOfWeek = Annotated[int, Field(ge=0, le=6, description="0 Monday to 6 Sunday."), BeforeValidator(_day)]


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
    """Named leaves of retry_config."""

    enabled: NotNull[StrictBool] = None
    max_retries: NotNull[MaxRetries] = None
    retry_delay_seconds: NotNull[RetryDelay] = None
    retry_on_busy: NotNull[StrictBool] = None
    retry_on_no_answer: NotNull[StrictBool] = None
    retry_on_voicemail: NotNull[StrictBool] = None


class SlotEdit(_Edit):
    """One window of calling hours."""

    day_of_week: DayOfWeek
    start_time: StartTime = Field(description="HH:MM.")
    end_time: EndTime = Field(description="HH:MM, exclusive; 24:00 ends the day.")

    @model_validator(mode="after")
    def _within_one_day(self) -> Self:
        check_slot(self.day_of_week, self.start_time, self.end_time)
        return self


class ScheduleEdit(_SectionEdit):
    """Named leaves of schedule_config."""

    enabled: NotNull[StrictBool] = None
    timezone: NotNull[
        Annotated[str, AfterValidator(check_zone), Field(description="IANA name, as America/New_York.")]
    ] = None
    slots: NotNull[Annotated[list[SlotEdit], Field(min_length=1, max_length=50, description="Replaces the list.")]] = (
        None
    )


class BreakerEdit(_SectionEdit):
    """Named leaves of circuit_breaker."""

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
