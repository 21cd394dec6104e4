"""Bodies of a PATCH: one of each section, and whatever else could be tried."""

from typing import Any

from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

RETRY = {
    "enabled": True,
    "max_retries": 3,
    "retry_delay_seconds": 300,
    "retry_on_busy": True,
    "retry_on_no_answer": True,
    "retry_on_voicemail": False,
}
SLOT = {"day_of_week": 0, "start_time": "09:00", "end_time": "17:00"}
SCHEDULE = {"enabled": True, "timezone": "America/New_York", "slots": [SLOT]}
BREAKER = {"enabled": True, "failure_threshold": 0.5, "window_seconds": 120, "min_calls_in_window": 5}
WHOLE = {
    "name": "Spring promo",
    "retry_config": RETRY,
    "max_concurrency": 3,
    "schedule_config": SCHEDULE,
    "circuit_breaker": BREAKER,
}


def problems(model: type[BaseModel], value: Any) -> list[tuple[str, str]]:
    """Path and words of each problem; empty when it is accepted."""
    try:
        model.model_validate(value)
    except ValidationError as refused:
        return [
            (".".join(str(part) for part in each["loc"]), each["msg"].removeprefix("Value error, "))
            for each in refused.errors()
        ]
    return []


ODD: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers(-2, 4000)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        [10**400, "\ud800", "a\x00", "50%", "0.4", " 5 ", "mon", "9:00", "24:00", "Europe/Berlin", [], {}, [[]]]
    )
)
"""What somebody might write in the place of any value."""


def near(section: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with some of the section's keys, a few of them with odd values, and sometimes a key of nobody's."""
    keys: dict[str, st.SearchStrategy[Any]] = {key: st.just(value) | ODD for key, value in section.items()}
    return st.fixed_dictionaries({}, optional={**keys, "other": ODD})


SLOTTED = st.lists(near(SLOT), max_size=3).map(lambda slots: {"slots": slots})
NAMED = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(min_size=1, max_size=9) | ODD,
        "retry_config": st.just(RETRY) | near(RETRY) | ODD,
        "max_concurrency": st.integers(1, 100) | ODD,
        "schedule_config": st.just(SCHEDULE) | near({**SCHEDULE, "slots": [SLOT]}) | SLOTTED | ODD,
        "circuit_breaker": st.just(BREAKER) | near(BREAKER) | ODD,
    },
)
"""Edits as people and models write them: mostly right."""
