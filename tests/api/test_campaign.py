"""An answer is read leniently: what is unknown is kept, what is missing or of another type is None, stored nonsense stays."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from asisso_mcp.api.models import EDITABLE, Campaign

LEAST = {"id": 3, "name": "Spring promo", "state": "paused"}
OBSERVED = json.loads(
    """
    {"id":3,"name":"US business hours outreach","workflow_id":1,"workflow_name":"Agent 1 – ヴォイス","state":"running",
    "source_type":"csv","source_id":"campaigns/1/0003_contacts.csv","total_rows":240,"processed_rows":118,"failed_rows":7,
    "created_at":"2026-08-01T03:00:00Z","started_at":"2026-08-02T12:00:00Z","completed_at":null,
    "retry_config":{"enabled":true,"max_retries":3,"retry_delay_seconds":300,"retry_on_busy":true,"retry_on_no_answer":true,
    "retry_on_voicemail":true},"max_concurrency":3,"schedule_config":{"enabled":true,"timezone":"America/New_York",
    "slots":[{"day_of_week":0,"start_time":"09:00","end_time":"17:00"}]},"circuit_breaker":{"enabled":true,
    "failure_threshold":0.4,"window_seconds":300,"min_calls_in_window":10},"executed_count":120,"total_queued_count":240,
    "parent_campaign_id":null,"redialed_campaign_id":null,"telephony_configuration_id":1,
    "telephony_configuration_name":"Twilio US","logs":[]}
    """
)


def test_the_observed_campaign_is_read_whole() -> None:
    campaign = Campaign.model_validate(OBSERVED)
    assert campaign.model_dump(exclude={"created_at", "started_at"}) == {
        **{key: value for key, value in OBSERVED.items() if key not in ("created_at", "started_at")},
        "warnings": None,
    }
    assert campaign.created_at == datetime(2026, 8, 1, 3, tzinfo=UTC)
    assert campaign.settings() == {field: OBSERVED[field] for field in EDITABLE}
    assert campaign.phase == "running"


def test_three_keys_are_enough_for_a_campaign() -> None:
    campaign = Campaign.model_validate(LEAST)
    assert campaign.settings() == {
        "name": "Spring promo",
        "retry_config": None,
        "max_concurrency": None,
        "schedule_config": None,
        "circuit_breaker": None,
    }
    assert campaign.logs is None
    assert campaign.created_at is None


@pytest.mark.parametrize(
    ("state", "phase"),
    [("created", "draft"), ("draft", "draft"), ("paused", "paused"), ("archived", "archived"), ("", "")],
)
def test_a_state_is_kept_as_it_came_and_created_is_called_draft(state: str, phase: str) -> None:
    campaign = Campaign.model_validate({**LEAST, "state": state})
    assert (campaign.state, campaign.phase) == (state, phase)


def test_keys_of_newer_versions_are_kept_and_warnings_are_known() -> None:
    newer = {
        **LEAST,
        "rate_limit_per_second": 2,
        "warnings": ["slow"],
        "phase": "mine",
        "settings": 1,
        "model_fields": 2,
    }
    campaign = Campaign.model_validate(newer)
    assert campaign.model_extra == {"rate_limit_per_second": 2, "phase": "mine", "settings": 1, "model_fields": 2}
    assert campaign.warnings == ["slow"]
    assert campaign.phase == "paused"
    assert campaign.settings()["name"] == "Spring promo"


@pytest.mark.parametrize("field", sorted(set(Campaign.model_fields) - set(LEAST)))
@pytest.mark.parametrize("value", [None, "x" * 3, -1.5, [[]], {"a": None}], ids=repr)
def test_an_optional_field_of_another_type_is_none_or_taken_and_never_an_error(field: str, value: Any) -> None:
    taken = getattr(Campaign.model_validate({**LEAST, field: value}), field)
    assert taken is None or taken == value or (field.endswith("_at") and isinstance(taken, datetime))


def test_a_time_without_its_zone_is_unknown_rather_than_guessed() -> None:
    campaign = Campaign.model_validate({**LEAST, "created_at": "2026-08-01T03:00:00", "started_at": "yesterday"})
    assert (campaign.created_at, campaign.started_at) == (None, None)


def test_stored_values_out_of_range_and_half_sections_stay_as_they_came() -> None:
    stored = {
        "retry_config": {"max_retries": 99, "new": True},
        "max_concurrency": 4000,
        "schedule_config": {"enabled": "perhaps", "slots": [{"day_of_week": 9}]},
        "circuit_breaker": {"failure_threshold": 40},
    }
    assert Campaign.model_validate({**LEAST, **stored}).settings() == {"name": "Spring promo", **stored}


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": None}, {"id": "three"}, {"id": 1.5}, {"id": []}, {"name": None}, {"name": 5}, {"name": ["x"]},
        {"state": None}, {"state": 5}, {"state": {}},
    ],
)  # fmt: skip
def test_without_a_number_a_name_and_a_state_it_is_no_campaign(wrong: dict[str, Any]) -> None:
    (field,) = wrong
    for row in ({**LEAST, **wrong}, {key: value for key, value in LEAST.items() if key != field}):
        with pytest.raises(ValidationError) as caught:
            Campaign.model_validate(row)
        assert [error["loc"] for error in caught.value.errors()] == [(field,)]


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
KNOWN = st.sampled_from(sorted(set(Campaign.model_fields) - set(LEAST)))


@given(st.dictionaries(KNOWN | st.text(), JSON, max_size=8), st.integers(), st.text(), st.text())
def test_any_object_with_an_id_a_name_and_a_state_is_a_campaign(
    others: dict[str, Any], campaign_id: int, name: str, state: str
) -> None:
    campaign = Campaign.model_validate({**others, "id": campaign_id, "name": name, "state": state})
    assert (campaign.id, campaign.name, campaign.state) == (campaign_id, name, state)
    for section in ("retry_config", "schedule_config", "circuit_breaker"):
        came = others.get(section)
        assert getattr(campaign, section) == (came if isinstance(came, dict) else None)
