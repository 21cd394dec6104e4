"""What a person may name, what is refused, and in which words."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from asisso_mcp.api.models import EDITABLE
from asisso_mcp.campaigns.edit_models import CampaignEdit
from tests.api.bodies import NAMED, ODD, SLOT, problems

NULL = (
    "null changes nothing: leave the field out to keep it as it is. The API cannot unset a field; calling hours and the "
    'circuit breaker are switched off with {"enabled": false}'
)
NO_BOOL = "a number is needed, not true or false"


@pytest.mark.parametrize(
    ("named", "refused"),
    [
        *(({field: None}, [(field, NULL)]) for field in EDITABLE),
        ({"retry_config": {"max_retries": None}}, [("retry_config.max_retries", NULL)]),
        ({"schedule_config": {"timezone": None}}, [("schedule_config.timezone", NULL)]),
        ({"circuit_breaker": {"enabled": None}}, [("circuit_breaker.enabled", NULL)]),
        ({"schedule_config": {"slots": [{**SLOT, "day": 1}]}}, [("schedule_config.slots.0.day", "Extra inputs are not permitted")]),
        ({"schedule_config": {}}, [("schedule_config", "it names no field; name at least one of enabled, timezone, slots")]),
        ({"retry_config": {"max_retries": False}}, [("retry_config.max_retries", NO_BOOL)]),
        ({"circuit_breaker": {"failure_threshold": True}}, [("circuit_breaker.failure_threshold", NO_BOOL)]),
        ({"schedule_config": {"slots": [{**SLOT, "day_of_week": True}]}}, [("schedule_config.slots.0.day_of_week", NO_BOOL)]),
        ({"circuit_breaker": {"enabled": 0.0}}, [("circuit_breaker.enabled", "true or false is needed, not a number")]),
        ({"max_concurrency": "1_0"}, [("max_concurrency", "a number is needed")]),
        ({"max_concurrency": "٥"}, [("max_concurrency", "a number is needed")]),
        ({"max_concurrency": ""}, [("max_concurrency", "a number is needed")]),
        ({"max_concurrency": 10**400}, [("max_concurrency", "Input should be less than or equal to 100")]),
        ({"max_concurrency": float("inf")}, [("max_concurrency", "Input should be a finite number")]),
        ({"circuit_breaker": {"failure_threshold": float("nan")}}, [("circuit_breaker.failure_threshold", "Input should be a finite number")]),
        ({"circuit_breaker": {"failure_threshold": "half"}}, [("circuit_breaker.failure_threshold", "a number is needed")]),
        ({"circuit_breaker": {"failure_threshold": "nan"}}, [("circuit_breaker.failure_threshold", "a number is needed")]),
        ({"circuit_breaker": {"failure_threshold": 101}}, [("circuit_breaker.failure_threshold", "Input should be less than or equal to 1")]),
        ({"circuit_breaker": {"failure_threshold": "500%"}}, [("circuit_breaker.failure_threshold", "Input should be less than or equal to 1")]),
        ({"name": "x" * 256}, [("name", "String should have at most 255 characters")]),
        ({"name": " \t\u3000"}, [("name", "a name needs at least one visible character")]),
    ],
)  # fmt: skip
def test_an_edit_that_would_be_ignored_or_misread_is_refused_in_words(
    named: dict[str, Any], refused: list[tuple[str, str]]
) -> None:
    assert problems(CampaignEdit, named) == refused


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (50, "0.5 for 50 %"), ("50", "0.5 for 50 %"), ("50%", "0.5 for 50 %"), (" 50 % ", "0.5 for 50 %"),
        (100, "1 for 100 %"), (1.5, "0.015 for 1.5 %"), ("0.5%", "0.005 for 0.5 %"), ("12.5%", "0.125 for 12.5 %"),
    ],
)  # fmt: skip
def test_a_percentage_where_a_fraction_is_meant_is_answered_with_the_fraction(written: object, meant: str) -> None:
    assert problems(CampaignEdit, {"circuit_breaker": {"failure_threshold": written}}) == [
        ("circuit_breaker.failure_threshold", f"a fraction from 0 to 1 is meant: write {meant}")
    ]


@pytest.mark.parametrize(
    ("written", "number"),
    [("Monday", 0), ("mon", 0), ("TUE", 1), ("wednes", 2), (" thu ", 3), ("fri", 4), ("Saturday", 5), ("sun", 6)],
)
def test_the_name_of_a_day_is_answered_with_its_number(written: str, number: int) -> None:
    assert problems(CampaignEdit, {"schedule_config": {"slots": [{**SLOT, "day_of_week": written}]}}) == [
        ("schedule_config.slots.0.day_of_week", f"days are numbers, 0 is Monday and 6 is Sunday: write {number}")
    ]


@pytest.mark.parametrize("written", ["mo", "someday", "mondays", "7", 7, -1])
def test_what_is_no_day_is_refused(written: object) -> None:
    refused = problems(CampaignEdit, {"schedule_config": {"slots": [{**SLOT, "day_of_week": written}]}})
    assert [where for where, _ in refused] == ["schedule_config.slots.0.day_of_week"]


@pytest.mark.parametrize(
    ("named", "understood"),
    [
        ({}, {}),
        ({"max_concurrency": "5"}, {"max_concurrency": 5}),
        ({"max_concurrency": " +05.0 "}, {"max_concurrency": 5}),
        ({"max_concurrency": 5.0}, {"max_concurrency": 5}),
        ({"retry_config": {"enabled": "false"}}, {"retry_config": {"enabled": False}}),
        ({"circuit_breaker": {"failure_threshold": ".4"}}, {"circuit_breaker": {"failure_threshold": 0.4}}),
        ({"circuit_breaker": {"failure_threshold": 1}}, {"circuit_breaker": {"failure_threshold": 1.0}}),
        ({"circuit_breaker": {"failure_threshold": 0}}, {"circuit_breaker": {"failure_threshold": 0.0}}),
        (
            {"schedule_config": {"slots": [{"day_of_week": "1", "start_time": "9:00", "end_time": "24:00"}]}},
            {"schedule_config": {"slots": [{"day_of_week": 1, "start_time": "09:00", "end_time": "24:00"}]}},
        ),
        ({"name": " <b>é</b>\n"}, {"name": " <b>é</b>\n"}),
    ],
)
def test_only_what_was_named_comes_out_and_plain_writings_are_understood(
    named: dict[str, Any], understood: dict[str, Any]
) -> None:
    assert CampaignEdit.model_validate(named).named() == understood


@settings(deadline=None)
@given(NAMED | ODD)
def test_any_edit_is_understood_as_json_or_refused_with_a_validation_error(named: Any) -> None:
    try:
        edit = CampaignEdit.model_validate(named)
    except ValidationError:
        return
    understood = edit.named()
    assert json.loads(json.dumps(understood, allow_nan=False)) == understood
    assert CampaignEdit.model_validate(understood).named() == understood
