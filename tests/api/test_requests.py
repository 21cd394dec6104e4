"""What is sent: within the published reference's ranges, and in complete sections."""

import json
from typing import Any

import pytest
from hypothesis import given
from pydantic import BaseModel, ValidationError

from asisso_mcp.api.models import EDITABLE, SECTIONS, CircuitBreaker, PatchBody, RetryConfig, ScheduleConfig, Slot
from tests.api.bodies import BREAKER, NAMED, RETRY, SCHEDULE, SLOT, WHOLE, problems


def test_a_body_with_every_section_is_sent_as_it_is() -> None:
    assert PatchBody.model_validate(WHOLE).to_json() == WHOLE
    assert list(WHOLE) == list(PatchBody.model_fields) == list(EDITABLE)
    assert set(SECTIONS) < set(EDITABLE)


def test_what_is_not_named_and_what_is_null_is_not_in_the_body() -> None:
    assert PatchBody().to_json() == {}
    assert PatchBody(max_concurrency=5).to_json() == {"max_concurrency": 5}
    assert PatchBody(name=None, retry_config=None, max_concurrency=5).to_json() == {"max_concurrency": 5}


def test_keys_of_newer_versions_travel_back_unchanged_inside_a_section() -> None:
    newer = {
        "retry_config": {**RETRY, "backoff": None},
        "schedule_config": {**SCHEDULE, "slots": [{**SLOT, "label": {"x": [1]}}], "holidays": []},
        "circuit_breaker": {**BREAKER, "rate": 1.5},
    }
    assert PatchBody.model_validate(newer).to_json() == newer


@pytest.mark.parametrize(("model", "section"), [(RetryConfig, RETRY), (Slot, SLOT), (ScheduleConfig, SCHEDULE), (CircuitBreaker, BREAKER)])  # fmt: skip
def test_a_section_that_lacks_a_key_is_never_sent_because_the_api_would_reset_it(
    model: type[BaseModel], section: dict[str, Any]
) -> None:
    assert problems(model, section) == []
    for key in section:
        without = {name: value for name, value in section.items() if name != key}
        assert problems(model, without) == [(key, "Field required")]


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"state": "paused"}, "state"),
        ({"Name": "x"}, "Name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": " \t\n"}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "a\ud800b"}, "name"),
        ({"name": 5}, "name"),
        ({"max_concurrency": 0}, "max_concurrency"),
        ({"max_concurrency": 101}, "max_concurrency"),
        ({"max_concurrency": "5"}, "max_concurrency"),
        ({"max_concurrency": 5.0}, "max_concurrency"),
        ({"max_concurrency": True}, "max_concurrency"),
        ({"retry_config": {**RETRY, "enabled": 1}}, "retry_config.enabled"),
        ({"retry_config": {**RETRY, "enabled": None}}, "retry_config.enabled"),
        ({"retry_config": {**RETRY, "max_retries": -1}}, "retry_config.max_retries"),
        ({"retry_config": {**RETRY, "max_retries": 11}}, "retry_config.max_retries"),
        ({"retry_config": {**RETRY, "retry_delay_seconds": 29}}, "retry_config.retry_delay_seconds"),
        ({"retry_config": {**RETRY, "retry_delay_seconds": 3601}}, "retry_config.retry_delay_seconds"),
        ({"schedule_config": {**SCHEDULE, "slots": []}}, "schedule_config.slots"),
        ({"schedule_config": {**SCHEDULE, "slots": [SLOT] * 51}}, "schedule_config.slots"),
        ({"schedule_config": {**SCHEDULE, "timezone": ""}}, "schedule_config.timezone"),
        ({"schedule_config": {**SCHEDULE, "slots": [{**SLOT, "day_of_week": 7}]}}, "schedule_config.slots.0.day_of_week"),
        ({"schedule_config": {**SCHEDULE, "slots": [{**SLOT, "day_of_week": -1}]}}, "schedule_config.slots.0.day_of_week"),
        ({"schedule_config": {**SCHEDULE, "slots": [{**SLOT, "start_time": "9:00"}]}}, "schedule_config.slots.0.start_time"),
        ({"schedule_config": {**SCHEDULE, "slots": [{**SLOT, "end_time": "17:00:00"}]}}, "schedule_config.slots.0.end_time"),
        ({"schedule_config": {**SCHEDULE, "slots": [{**SLOT, "end_time": "17:00\n"}]}}, "schedule_config.slots.0.end_time"),
        ({"schedule_config": {**SCHEDULE, "slots": [{**SLOT, "end_time": "09:00"}]}}, "schedule_config.slots.0"),
        ({"schedule_config": {**SCHEDULE, "slots": [{**SLOT, "end_time": "02:00"}]}}, "schedule_config.slots.0"),
        ({"circuit_breaker": {**BREAKER, "failure_threshold": 1.01}}, "circuit_breaker.failure_threshold"),
        ({"circuit_breaker": {**BREAKER, "failure_threshold": -0.1}}, "circuit_breaker.failure_threshold"),
        ({"circuit_breaker": {**BREAKER, "failure_threshold": float("nan")}}, "circuit_breaker.failure_threshold"),
        ({"circuit_breaker": {**BREAKER, "failure_threshold": "0.5"}}, "circuit_breaker.failure_threshold"),
        ({"circuit_breaker": {**BREAKER, "window_seconds": 29}}, "circuit_breaker.window_seconds"),
        ({"circuit_breaker": {**BREAKER, "window_seconds": 601}}, "circuit_breaker.window_seconds"),
        ({"circuit_breaker": {**BREAKER, "min_calls_in_window": 0}}, "circuit_breaker.min_calls_in_window"),
        ({"circuit_breaker": {**BREAKER, "min_calls_in_window": 101}}, "circuit_breaker.min_calls_in_window"),
    ],
)  # fmt: skip
def test_what_the_published_reference_refuses_cannot_be_sent(changed: dict[str, Any], path: str) -> None:
    assert [where for where, _ in problems(PatchBody, changed)] == [path]
    assert [where for where, _ in problems(PatchBody, {**WHOLE, **changed})] == [path]


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "x"},
        {"name": "x" * 255},
        {"name": "😀" * 255},
        {"max_concurrency": 1},
        {"max_concurrency": 100},
        {"retry_config": {**RETRY, "max_retries": 0, "retry_delay_seconds": 30}},
        {"retry_config": {**RETRY, "max_retries": 10, "retry_delay_seconds": 3600}},
        {"schedule_config": {**SCHEDULE, "slots": [{**SLOT, "start_time": "00:00", "end_time": "24:00"}] * 50}},
        {"circuit_breaker": {**BREAKER, "failure_threshold": 0, "window_seconds": 30, "min_calls_in_window": 1}},
        {"circuit_breaker": {**BREAKER, "failure_threshold": 1, "window_seconds": 600, "min_calls_in_window": 100}},
    ],
)
def test_the_ends_of_every_range_can_be_sent(changed: dict[str, Any]) -> None:
    assert PatchBody.model_validate(changed).to_json() == changed


@given(NAMED)
def test_any_body_that_can_be_built_is_json_without_null_at_the_top(named: Any) -> None:
    try:
        body = PatchBody.model_validate(named).to_json()
    except ValidationError:
        return
    assert None not in body.values()
    assert json.dumps(body)
