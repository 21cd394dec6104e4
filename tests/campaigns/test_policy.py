"""What an edit may set and a resume let run within the limits of the server; what was stored before stays as it is."""

from typing import Any

import pytest

from asisso_mcp.campaigns.models import NotAllowed
from asisso_mcp.campaigns.policy import Policy
from asisso_mcp.campaigns.service import CampaignService
from asisso_mcp.sandbox import Fault, Sandbox

CAN_CHANGE = "The person who runs the server can change that."
REFUSED = "Nothing was changed, because of this server's limits: "
NINE_TO_FIVE = (540, 1020)
FULL_RETRY = {
    "enabled": True,
    "max_retries": 4,
    "retry_delay_seconds": 120,
    "retry_on_busy": True,
    "retry_on_no_answer": True,
    "retry_on_voicemail": False,
}


def slots(start: str, end: str, *days: int) -> list[dict[str, Any]]:
    return [{"day_of_week": day, "start_time": start, "end_time": end} for day in days or (0,)]


def hours(start: str, end: str, *, zone: str = "Europe/Berlin", enabled: bool = True) -> dict[str, Any]:
    return {"enabled": enabled, "timezone": zone, "slots": slots(start, end)}


def breaker(*, enabled: bool, threshold: float = 0.3) -> dict[str, Any]:
    return {"enabled": enabled, "failure_threshold": threshold, "window_seconds": 120, "min_calls_in_window": 5}


def retries(count: Any, *, enabled: bool = True) -> dict[str, Any]:
    return {**FULL_RETRY, "max_retries": count, "enabled": enabled}


def writes(sandbox: Sandbox) -> list[str]:
    return [request.method for request in sandbox.requests if request.method != "GET"]


HOURS, BREAKER = Policy(calling_hours=NINE_TO_FIVE), Policy(require_breaker=True)
RETRIES, CONCURRENCY = Policy(max_retries=3), Policy(max_concurrency=3)
ZONE_KEPT = (
    "calling hours in force keep their zone (Europe/Berlin): another one would move them on the clock by which they must lie within "
    "09:00-17:00 (ASISSO_CALLING_HOURS)"
)
OUTSIDE = 'calling hours Mon {} (zone "Europe/Berlin") are not within 09:00-17:00 (ASISSO_CALLING_HOURS)'
STAY_ON = (
    "the circuit breaker must stay on: name enabled: true in circuit_breaker in the same edit (ASISSO_REQUIRE_BREAKER)"
)

EDITS_BEYOND: list[tuple[Policy, dict[str, Any], dict[str, Any], str]] = [
    (CONCURRENCY, {}, {"max_concurrency": 4}, "max_concurrency may be at most 3 (ASISSO_MAX_CONCURRENCY)"),
    (
        RETRIES,
        {},
        {"retry_config": {"max_retries": 4}},
        "retry_config.max_retries may be at most 3, and would be 4 (ASISSO_MAX_RETRIES)",
    ),
    (
        RETRIES,
        {"retry_config": retries(10, enabled=False)},
        {"retry_config": {"enabled": True}},
        "retry_config.max_retries may be at most 3, and would be 10 (ASISSO_MAX_RETRIES)",
    ),
    (
        RETRIES,
        {"retry_config": retries(1, enabled=False)},
        {"retry_config": {"max_retries": 4}},
        "retry_config.max_retries may be at most 3, and would be 4 (ASISSO_MAX_RETRIES)",
    ),
    (HOURS, {}, {"schedule_config": {"slots": slots("08:59", "12:00")}}, OUTSIDE.format("08:59-12:00")),
    (HOURS, {}, {"schedule_config": {"slots": slots("16:00", "17:01")}}, OUTSIDE.format("16:00-17:01")),
    (
        HOURS,
        {"schedule_config": hours("22:00", "24:00", enabled=False)},
        {"schedule_config": {"enabled": True}},
        OUTSIDE.format("22:00-24:00"),
    ),
    (
        HOURS,
        {"schedule_config": hours("22:00", "24:00", zone="UTC", enabled=False)},
        {"schedule_config": {"timezone": "Europe/Berlin"}},
        OUTSIDE.format("22:00-24:00"),
    ),
    (
        HOURS,
        {},
        {"schedule_config": {"enabled": False}},
        "calling hours must stay on, within 09:00-17:00 (ASISSO_CALLING_HOURS)",
    ),
    (
        HOURS,
        {"schedule_config": None},
        {"schedule_config": {"enabled": False}},
        "calling hours must stay on, within 09:00-17:00 (ASISSO_CALLING_HOURS)",
    ),
    (HOURS, {}, {"schedule_config": {"timezone": "Asia/Tokyo", "slots": slots("10:00", "11:00")}}, ZONE_KEPT),
    (BREAKER, {}, {"circuit_breaker": {"enabled": False}}, STAY_ON),
    (BREAKER, {"circuit_breaker": breaker(enabled=False)}, {"circuit_breaker": {"window_seconds": 60}}, STAY_ON),
    (
        BREAKER,
        {"circuit_breaker": breaker(enabled=False, threshold=0.5)},
        {"circuit_breaker": {"enabled": False}},
        STAY_ON,
    ),
    (
        Policy(max_concurrency=3, max_retries=3),
        {},
        {"max_concurrency": 100, "retry_config": {"max_retries": 10}, "name": "Winter"},
        "max_concurrency may be at most 3 (ASISSO_MAX_CONCURRENCY); "
        "retry_config.max_retries may be at most 3, and would be 10 (ASISSO_MAX_RETRIES)",
    ),
]


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize(("policy", "stored", "edit", "reason"), EDITS_BEYOND)
async def test_an_edit_beyond_a_limit_is_refused_with_the_reason_and_nothing_is_sent(
    service: CampaignService,
    sandbox: Sandbox,
    policy: Policy,
    stored: dict[str, Any],
    edit: dict[str, Any],
    reason: str,
    dry_run: bool,
) -> None:
    sandbox.put(4, **stored)
    with pytest.raises(NotAllowed) as refusal:
        await service.within(policy).edit(4, edit, dry_run=dry_run)
    assert refusal.value.text == f"{REFUSED}{reason}. {CAN_CHANGE}"
    assert writes(sandbox) == []


ALL = Policy(max_concurrency=3, max_retries=3, calling_hours=NINE_TO_FIVE, require_breaker=True)


@pytest.mark.parametrize(
    ("stored", "edit"),
    [
        ({}, {"name": "Winter"}),
        ({}, {"retry_config": {"retry_delay_seconds": 60}}),
        ({"retry_config": retries(10)}, {"retry_config": {"retry_delay_seconds": 60}}),
        ({"retry_config": retries(10)}, {"retry_config": {"enabled": False}}),
        ({"retry_config": retries(10)}, {"retry_config": {"max_retries": 3}}),
        ({}, {"max_concurrency": 3}),
        ({}, {"schedule_config": {"slots": slots("09:00", "17:00", 0, 6)}}),
        (
            {"schedule_config": None},
            {"schedule_config": {"timezone": "Asia/Tokyo", "slots": slots("10:00", "11:00")}},
        ),
        (
            {"schedule_config": hours("09:00", "12:00", zone="UTC", enabled=False)},
            {"schedule_config": {"timezone": "Asia/Tokyo", "enabled": True}},
        ),
        (
            {"circuit_breaker": breaker(enabled=False)},
            {"circuit_breaker": {"window_seconds": 60, "enabled": True}},
        ),
        ({"circuit_breaker": breaker(enabled=False)}, {"max_concurrency": 2}),
    ],
)
async def test_an_edit_whose_named_leaves_are_within_the_limits_passes_whatever_is_stored_beside_them(
    service: CampaignService, sandbox: Sandbox, stored: dict[str, Any], edit: dict[str, Any]
) -> None:
    sandbox.put(4, **stored)
    edited = await service.within(ALL).edit(4, edit)
    assert edited.applied
    assert writes(sandbox) == ["PATCH"]


async def test_a_repair_of_an_unreadable_campaign_is_held_to_the_limits(
    service: CampaignService, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Fault("poison", campaign=4))
    with pytest.raises(NotAllowed) as refusal:
        await service.within(RETRIES).edit(4, {"retry_config": FULL_RETRY})
    assert "retry_config.max_retries may be at most 3, and would be 4" in refusal.value.text
    assert writes(sandbox) == []


FIRST = "with `update_campaign` first"
RESUMES_BEYOND: list[tuple[Policy, dict[str, Any], str]] = [
    (CONCURRENCY, {}, f"max_concurrency is 4: set it to at most 3 {FIRST} (ASISSO_MAX_CONCURRENCY)"),
    (
        CONCURRENCY,
        {"max_concurrency": None},
        f"max_concurrency is not set, so what caps its calls is not known: set it to at most 3 {FIRST} (ASISSO_MAX_CONCURRENCY)",
    ),
    (
        RETRIES,
        {"retry_config": retries(20)},
        f"retry_config.max_retries is 20: set it to at most 3 {FIRST} (ASISSO_MAX_RETRIES)",
    ),
    (HOURS, {}, f"{OUTSIDE.format('08:30-12:00').removesuffix(' (ASISSO_CALLING_HOURS)')}: change them {FIRST} (ASISSO_CALLING_HOURS)"),
    *(
        (
            HOURS,
            {"schedule_config": stored},
            f"no calling hours are in force: set them within 09:00-17:00 {FIRST} (ASISSO_CALLING_HOURS)",
        )
        for stored in (None, hours("09:00", "12:00", enabled=False), hours("09:00", "12:00", zone="Mars/Base"))
    ),
    (
        HOURS,
        {"schedule_config": {**hours("09:00", "12:00"), "slots": [{"day_of_week": 0, "start_time": "00:00", "end_time": "23:99"}]}},
        f'calling hours Mon 00:00-24:00 (zone "Europe/Berlin") are not within 09:00-17:00: change them {FIRST} (ASISSO_CALLING_HOURS)',
    ),
    (
        BREAKER,
        {"circuit_breaker": breaker(enabled=False)},
        f"the circuit breaker is not shown as on: set circuit_breaker.enabled to true {FIRST} (ASISSO_REQUIRE_BREAKER)",
    ),
    *(
        (
            BREAKER,
            {"circuit_breaker": stored},
            "the circuit breaker is shown as off, and whether it was never set and is on is not known: set "
            f"circuit_breaker.enabled to true {FIRST} (ASISSO_REQUIRE_BREAKER)",
        )
        for stored in (None, breaker(enabled=False, threshold=0.5))
    ),
]  # fmt: skip


@pytest.mark.parametrize(("policy", "stored", "reason"), RESUMES_BEYOND)
async def test_a_resume_that_would_run_beyond_a_limit_is_refused_with_what_to_do_first(
    service: CampaignService, sandbox: Sandbox, policy: Policy, stored: dict[str, Any], reason: str
) -> None:
    sandbox.put(4, **stored)
    limited = service.within(policy)
    with pytest.raises(NotAllowed) as refusal:
        await limited.resume(4)
    assert refusal.value.text == (
        f'Campaign 4 "Berlin appointment reminders" was not resumed, because of this server\'s limits: {reason}. {CAN_CHANGE}'
    )
    assert writes(sandbox) == []


@pytest.mark.parametrize("stored", [0, -1])
async def test_a_stored_concurrency_that_caps_nothing_is_beyond_every_limit(
    service: CampaignService, sandbox: Sandbox, stored: int
) -> None:
    sandbox.put(4, max_concurrency=stored)
    with pytest.raises(NotAllowed, match=f"max_concurrency is {stored}: set it to at most 3"):
        await service.within(CONCURRENCY).resume(4)
    assert writes(sandbox) == []


async def test_a_resume_that_someone_else_moves_beyond_a_limit_at_the_same_moment_says_so(
    service: CampaignService, sandbox: Sandbox
) -> None:
    sandbox.put(4, max_concurrency=3)
    sandbox.faults.add(Fault("foreign-edit", method="POST", when="before", times=1, fields={"max_concurrency": 9}))
    switched = await service.within(CONCURRENCY).resume(4)
    assert (switched.applied, switched.campaign.max_concurrency) == (True, 9)
    assert switched.notes == (
        "It was changed at the same moment by someone else, and runs beyond this server's limits now (max_concurrency is 9: set it to at "
        "most 3 with `update_campaign` first (ASISSO_MAX_CONCURRENCY)): stop it with `pause_campaign`.",
    )


async def test_what_a_refused_resume_says_to_do_first_lets_it_be_resumed(
    service: CampaignService, sandbox: Sandbox
) -> None:
    sandbox.put(4, max_concurrency=None, retry_config=retries(20), schedule_config=None, circuit_breaker=None)
    limited = service.within(ALL)
    await limited.edit(
        4,
        {
            "max_concurrency": 3,
            "retry_config": {"max_retries": 3},
            "schedule_config": {"timezone": "Europe/Berlin", "slots": slots("09:00", "17:00")},
            "circuit_breaker": {"enabled": True},
        },
    )
    assert (await limited.resume(4)).applied


@pytest.mark.parametrize("campaign_id", [3, 8, 11])
async def test_pausing_is_never_ruled_out_by_what_a_campaign_is_set_to(
    service: CampaignService, sandbox: Sandbox, campaign_id: int
) -> None:
    limited = service.within(Policy(max_concurrency=1, max_retries=0, calling_hours=(0, 1), require_breaker=True))
    assert (await limited.pause(campaign_id)).applied
    assert writes(sandbox) == ["POST"]


@pytest.mark.parametrize(
    ("policy", "stored", "edit", "undo", "warning"),
    [
        (
            RETRIES,
            {"retry_config": retries(10)},
            {"name": "Winter", "retry_config": {"max_retries": 2, "retry_delay_seconds": 60}},
            {"name": "Berlin appointment reminders", "retry_config": {"retry_delay_seconds": 120}},
            "The undo leaves retry_config.max_retries as it is now: retry_config.max_retries may be at most 3, and would be 10 "
            "(ASISSO_MAX_RETRIES).",
        ),
        (
            HOURS,
            {"schedule_config": None},
            {"schedule_config": {"timezone": "Europe/Berlin", "slots": slots("09:00", "17:00")}},
            {},
            "The undo leaves schedule_config.enabled as it is now: calling hours must stay on, within 09:00-17:00 "
            "(ASISSO_CALLING_HOURS).",
        ),
        (
            CONCURRENCY,
            {"max_concurrency": 5},
            {"max_concurrency": 2},
            {},
            "The undo leaves max_concurrency as it is now: max_concurrency may be at most 3 (ASISSO_MAX_CONCURRENCY).",
        ),
    ],
)
async def test_an_undo_has_only_what_the_limits_allow_and_says_what_it_leaves(
    service: CampaignService,
    sandbox: Sandbox,
    policy: Policy,
    stored: dict[str, Any],
    edit: dict[str, Any],
    undo: dict[str, Any],
    warning: str,
) -> None:
    sandbox.put(4, **stored)
    edited = await service.within(policy).edit(4, edit)
    assert edited.plan.undo == undo
    assert edited.plan.warnings[-1] == warning


def test_the_limits_are_described_in_a_few_words_each() -> None:
    assert Policy().describe() == ()
    described = Policy(
        tools=frozenset({"pause_campaign", "get_campaign"}),
        campaigns=frozenset(range(1, 13)),
        max_concurrency=5,
        max_retries=0,
        calling_hours=(480, 1440),
        require_breaker=True,
    ).describe()
    assert described == (
        "only the tools get_campaign, pause_campaign",
        "only campaigns 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 2 more",
        "at most 5 calls at once",
        "at most 0 retries",
        "calling hours within 08:00-24:00 in the campaign's zone",
        "the circuit breaker stays on",
    )
