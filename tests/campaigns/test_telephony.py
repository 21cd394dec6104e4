"""What a campaign dials from, and how many calls it can really make at once."""

from typing import Any

import pytest

from asisso_mcp.api.models import Campaign, TelephonyConfiguration
from asisso_mcp.campaigns.models import NotAllowed
from asisso_mcp.campaigns.telephony import NOT_LOOKED_UP, Telephony, require_ready, require_settable

READY = {
    "id": 1,
    "name": "Twilio US",
    "is_default_outbound": True,
    "inactive": False,
    "is_ready_for_outbound": True,
    "phone_number_count": 5,
}
EMPTY = {
    "id": 2,
    "name": "Plivo (no numbers)",
    "inactive": False,
    "is_ready_for_outbound": False,
    "outbound_blocked_reason": "Outbound calls need a number to dial from.",
    "phone_number_count": 0,
}
PARKED = {
    "id": 3,
    "name": "Vonage",
    "inactive": True,
    "inactive_reason": "unpaid",
    "is_ready_for_outbound": True,
    "phone_number_count": 2,
}


def campaign(pinned: int | None = None, **other: Any) -> Campaign:
    return Campaign.model_validate(
        {"id": 4, "name": "Reminders", "state": "paused", "telephony_configuration_id": pinned, **other}
    )


def telephony(*configurations: dict[str, Any], call_limit: int | None = None) -> Telephony:
    return Telephony(tuple(map(TelephonyConfiguration.model_validate, configurations)), call_limit)


@pytest.mark.parametrize(
    ("looked_up", "pinned", "obstacle"),
    [
        (telephony(READY, EMPTY, PARKED), None, None),
        (telephony(READY, EMPTY, PARKED), 1, None),
        (
            telephony(READY, EMPTY, PARKED),
            2,
            'its telephony configuration "Plivo (no numbers)" is not ready for outbound calls ("Outbound calls need a number to dial '
            'from.")',
        ),
        (telephony(READY, EMPTY, PARKED), 3, 'its telephony configuration "Vonage" is inactive ("unpaid")'),
        (telephony(READY, EMPTY, PARKED), 4, "its telephony configuration 4 is no longer there"),
        (
            telephony(
                {**READY, "is_default_outbound": False},
                {**PARKED, "is_default_outbound": True, "inactive_reason": None},
            ),
            None,
            'its telephony configuration "Vonage" is inactive',
        ),
        (telephony(EMPTY, PARKED), None, "none of the organisation's telephony configurations can make outbound calls"),
        # What is not known is left to the API.
        (telephony({**READY, "is_default_outbound": False}, EMPTY), None, None),
        (telephony(), 1, None),
        (NOT_LOOKED_UP, 1, None),
        (telephony({"id": 1}), 1, None),
    ],
)
def test_a_resume_that_would_end_the_campaign_is_known_before(
    looked_up: Telephony, pinned: int | None, obstacle: str | None
) -> None:
    assert looked_up.obstacle(campaign(pinned)) == obstacle
    if obstacle is None:
        require_ready(looked_up, campaign(pinned))
        return
    with pytest.raises(NotAllowed) as refused:
        require_ready(looked_up, campaign(pinned))
    assert refused.value.text == (
        f'Campaign 4 "Reminders" was not resumed, and nothing was sent: {obstacle}. Resumed like this, it would fail for good within a '
        "minute, without a call. Settle it in Asisso (telephony configurations), then call `resume_campaign` again."
    )


def test_a_campaign_that_does_not_show_its_configuration_is_left_to_the_api() -> None:
    silent = Campaign(id=4, name="Reminders", state="paused")
    assert telephony(READY, {**EMPTY, "is_default_outbound": True}).obstacle(silent) is None
    assert telephony(READY, call_limit=10).describe_cap(silent, 50) == (
        "Calls at once: at most 10, the smallest of its own limit (50), the organisation's limit (10)."
    )


@pytest.mark.parametrize(
    ("looked_up", "pinned", "own", "words"),
    [
        (
            telephony(READY, call_limit=20),
            None,
            50,
            "Calls at once: at most 5, the smallest of its own limit (50), the organisation's limit (20), the numbers that it dials from "
            "(5, shared with other campaigns).",
        ),
        (
            telephony(READY, PARKED, call_limit=20),
            3,
            None,
            "Calls at once: at most 2, the smallest of the organisation's limit (20), the numbers that it dials from (2, shared with other "
            "campaigns).",
        ),
        (
            Telephony(None, 20),
            1,
            3,
            "Calls at once: at most 3, the smallest of its own limit (3), the organisation's limit (20).",
        ),
        (NOT_LOOKED_UP, 1, 3, None),
        (telephony({"id": 1}), 1, 3, None),
    ],
)
def test_the_cap_is_the_smallest_of_what_was_looked_up(
    looked_up: Telephony, pinned: int | None, own: int | None, words: str | None
) -> None:
    assert looked_up.describe_cap(campaign(pinned), own) == words


@pytest.mark.parametrize(
    ("looked_up", "pinned", "settable"),
    [
        (telephony(READY, call_limit=20), 1, 5),
        (telephony(READY, call_limit=3), 1, 3),
        (telephony(READY, call_limit=20), None, 20),  # the numbers of the default do not limit an edit (observed)
        (telephony(EMPTY, call_limit=20), 2, 20),
        (telephony(READY), 1, 5),
        (NOT_LOOKED_UP, 1, None),
    ],
)
def test_what_an_edit_may_set_is_the_organisations_limit_or_the_campaigns_own_numbers(
    looked_up: Telephony, pinned: int | None, settable: int | None
) -> None:
    assert looked_up.settable(campaign(pinned)) == settable


def test_a_preview_does_not_promise_what_would_be_refused() -> None:
    require_settable(20, 20)
    require_settable(None, 20)
    require_settable(100, None)
    with pytest.raises(NotAllowed) as refused:
        require_settable(21, 20)
    assert refused.value.text == (
        "Nothing was sent, and the API would refuse this edit: max_concurrency 21 is above what may be set now (20: the organisation's "
        "limit, or the numbers of the campaign's telephony configuration)."
    )


def test_a_configuration_that_the_campaign_shows_is_not_said_to_be_gone_because_a_list_lacks_it() -> None:
    """A list may be partial: one page of several, or what a key may see."""
    shown = campaign(4, telephony_configuration_name="Twilio UK")
    assert telephony(READY, PARKED).obstacle(shown) is None


def test_a_count_of_numbers_that_cannot_be_is_not_counted() -> None:
    looked_up = telephony({**READY, "phone_number_count": -5}, call_limit=20)
    assert looked_up.settable(campaign(1)) == 20
    assert looked_up.describe_cap(campaign(1), 4) == (
        "Calls at once: at most 4, the smallest of its own limit (4), the organisation's limit (20)."
    )
