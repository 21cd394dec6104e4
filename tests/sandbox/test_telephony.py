"""What a campaign dials with: telephony configurations, and the campaign that has none that is right."""

from typing import Any

import httpx2
import pytest

from asisso_mcp.sandbox import NO_TELEPHONY_KEY, OTHER_TENANT_KEY, Sandbox

NO_NUMBERS = {
    "id": 2,
    "name": "Plivo (no numbers)",
    "provider": "plivo",
    "connectivity": "api",
    "is_default_outbound": False,
    "inactive": False,
    "inactive_since": None,
    "inactive_reason": None,
    "phone_number_count": 0,
    "is_ready_for_outbound": False,
    "outbound_blocked_reason": "Outbound calls need a number to dial from. Add a phone number to this configuration.",
    "created_at": "2026-04-01T09:00:00Z",
    "updated_at": "2026-11-23T15:00:00Z",
}


async def configurations(client: httpx2.AsyncClient, **headers: str) -> dict[int, dict[str, Any]]:
    got = await client.get("/organizations/telephony-configs", headers=headers)
    assert (got.status_code, list(got.json())) == (200, ["configurations"])
    return {each["id"]: each for each in got.json()["configurations"]}


async def test_a_configuration_is_shown_with_its_keys_in_the_recorded_order(client: httpx2.AsyncClient) -> None:
    shown = (await configurations(client))[2]
    assert (shown, list(shown)) == (NO_NUMBERS, list(NO_NUMBERS))


async def test_the_seed_has_ready_ones_a_parked_one_that_says_it_is_ready_and_one_without_numbers(
    client: httpx2.AsyncClient,
) -> None:
    names = ("is_default_outbound", "inactive", "is_ready_for_outbound", "phone_number_count")
    assert {number: [each[name] for name in names] for number, each in (await configurations(client)).items()} == {
        1: [True, False, True, 5],
        2: [False, False, False, 0],
        3: [False, False, True, 40],
        5: [False, True, True, 3],
    }
    assert list(await configurations(client, **{"X-API-Key": OTHER_TENANT_KEY})) == [4]
    assert await configurations(client, **{"X-API-Key": NO_TELEPHONY_KEY}) == {}


async def test_configurations_can_be_added_changed_and_removed(
    sandbox: Sandbox, client: httpx2.AsyncClient, clock: Any
) -> None:
    added = sandbox.add_telephony(name="Mine", phone_number_count=7)
    assert (added, (await configurations(client))[6]["is_ready_for_outbound"]) == (6, True)
    clock.move(minutes=1)
    sandbox.put_telephony(
        added, outbound_blocked_reason="Its credentials are wrong.", inactive=True, inactive_since=clock()
    )
    shown = (await configurations(client))[6]
    assert (shown["is_ready_for_outbound"], shown["outbound_blocked_reason"]) == (False, "Its credentials are wrong.")
    assert (shown["inactive"], shown["inactive_since"], shown["updated_at"]) == (True, *["2026-11-23T15:01:00Z"] * 2)
    sandbox.remove_telephony(added)
    assert list(await configurations(client)) == [1, 2, 3, 5]


def test_a_configuration_that_is_not_there_and_a_name_that_is_not_stored_are_refused(sandbox: Sandbox) -> None:
    for refused in (sandbox.remove_telephony, sandbox.put_telephony):
        with pytest.raises(LookupError, match="there is no telephony configuration 99"):
            refused(99)
    with pytest.raises(TypeError, match="a telephony configuration stores no numbers"):
        sandbox.add_telephony(numbers=3)


async def test_the_defaults_of_a_new_campaign_tell_the_numbers_of_the_default_configuration(
    sandbox: Sandbox, client: httpx2.AsyncClient
) -> None:
    sandbox.put_telephony(1, is_default_outbound=False)
    sandbox.put_telephony(3, is_default_outbound=True)
    defaults = (await client.get("/organizations/campaign-defaults")).json()
    assert (defaults["concurrent_call_limit"], defaults["from_numbers_count"]) == (20, 40)
    sandbox.remove_telephony(3)
    assert (await client.get("/organizations/campaign-defaults")).json()["from_numbers_count"] == 0


async def test_the_limit_of_an_edit_follows_the_numbers_of_the_pinned_configuration(
    sandbox: Sandbox, client: httpx2.AsyncClient
) -> None:
    sandbox.put(4, telephony_configuration_id=1)
    sandbox.put_telephony(1, phone_number_count=2)
    got = await client.patch("/campaign/4", json={"max_concurrency": 3})
    assert (got.status_code, got.json()["detail"][:37]) == (400, "max_concurrency (3) cannot exceed 2. ")


NOT_READY = (
    "'Plivo (no numbers)' is not ready for outbound calls. Outbound calls need a number to dial from. Add a phone number to "
    "this configuration."
)


@pytest.mark.parametrize(
    ("pinned", "default", "message"),
    [
        (2, 1, NOT_READY),
        (5, 1, "Telephony configuration 5 not found"),
        (4, 1, "Telephony configuration 4 not found"),
        (99, 1, "Telephony configuration 99 not found"),
        (None, 2, NOT_READY),
        (None, 5, "Telephony configuration 5 not found"),
        (None, None, "No default telephony configuration"),
    ],
    ids=[
        "without numbers",
        "parked",
        "another tenant's",
        "missing",
        "default without numbers",
        "parked default",
        "none",
    ],
)
async def test_a_resume_without_telephony_that_is_right_answers_200_and_fails_for_good(
    sandbox: Sandbox,
    client: httpx2.AsyncClient,
    clock: Any,
    pinned: int | None,
    default: int | None,
    message: str,
) -> None:
    sandbox.put_telephony(1, is_default_outbound=False)
    if default is not None:
        sandbox.put_telephony(default, is_default_outbound=True)
    sandbox.put(4, telephony_configuration_id=pinned)
    got = await client.post("/campaign/4/resume")
    assert (got.status_code, got.json()["state"]) == (200, "running")
    clock.move(seconds=29)
    assert (await client.get("/campaign/4")).json()["state"] == "running"
    clock.move(seconds=1)
    failed = (await client.get("/campaign/4")).json()
    assert (failed["state"], failed["completed_at"], failed["executed_count"]) == ("failed", None, 205)
    assert failed["logs"] == [
        {
            "ts": "2026-11-23T15:00:30+00:00",
            "level": "error",
            "event": "batch_failed",
            "message": f"Batch failed: {message}",
            "details": None,
        }
    ]
    assert (await client.get("/campaign/4/runs")).json()["runs"] == []
    assert (await client.post("/campaign/4/resume")).status_code == 400


async def test_a_pause_does_not_save_a_campaign_whose_batch_is_about_to_fail(
    sandbox: Sandbox, client: httpx2.AsyncClient, clock: Any
) -> None:
    sandbox.put(4, telephony_configuration_id=2)
    await client.post("/campaign/4/resume")
    clock.move(seconds=10)
    assert (await client.post("/campaign/4/pause")).json()["state"] == "paused"
    clock.move(seconds=20)
    assert (await client.get("/campaign/4")).json()["state"] == "failed"


async def test_a_running_campaign_fails_after_its_telephony_was_parked_and_not_for_the_time_before(
    sandbox: Sandbox, client: httpx2.AsyncClient, clock: Any
) -> None:
    clock.move(hours=1)
    sandbox.put_telephony(1, inactive=True)
    assert (await client.get("/campaign/8")).json()["state"] == "running"
    clock.move(minutes=3)  # the batch that was claimed before goes out
    failed = (await client.get("/campaign/8")).json()
    assert failed["state"] == "failed"
    assert "2026-11-23T16:00:30" <= failed["logs"][-1]["ts"] <= "2026-11-23T16:02:00"


async def test_telephony_that_is_mended_later_does_not_save_a_campaign_whose_batch_has_begun_to_fail(
    sandbox: Sandbox, client: httpx2.AsyncClient, clock: Any
) -> None:
    sandbox.put_telephony(1, is_default_outbound=False)
    clock.move(seconds=50)  # the batch in flight ended 17 s ago
    sandbox.add_telephony(is_default_outbound=True)
    assert (await client.get("/campaign/8")).json()["state"] == "running"
    clock.move(seconds=13)
    failed = (await client.get("/campaign/8")).json()
    assert (failed["state"], failed["logs"][-1]["message"]) == (
        "failed",
        "Batch failed: No default telephony configuration",
    )


async def test_outside_the_calling_hours_no_batch_fails_until_they_begin(
    sandbox: Sandbox, client: httpx2.AsyncClient, clock: Any
) -> None:
    clock.move(hours=4)  # 20:00 in Berlin
    sandbox.put(4, telephony_configuration_id=2)
    await client.post("/campaign/4/resume")
    clock.move(hours=12)
    assert (await client.get("/campaign/4")).json()["state"] == "running"
    clock.move(minutes=31)
    assert (await client.get("/campaign/4")).json()["state"] == "failed"


async def test_only_a_tenant_without_any_telephony_is_turned_away_with_401(
    sandbox: Sandbox, client: httpx2.AsyncClient
) -> None:
    for number in (1, 2, 3):
        sandbox.remove_telephony(number)
    assert (await client.post("/campaign/4/resume")).status_code == 200
    sandbox.remove_telephony(5)
    got = await client.post("/campaign/9999/resume")
    assert (got.status_code, got.json()["detail"][:30]) == (401, "You must configure telephony f")


@pytest.mark.parametrize(
    ("own", "pinned", "numbers", "at_once"),
    [(3, 1, 5, 3), (50, 1, 5, 5), (None, 1, 2, 2), (None, None, 1, 1), (50, 3, 40, 20), (None, 3, 15, 15)],
)
async def test_calls_at_once_are_the_smallest_of_own_limit_organisation_and_numbers(
    sandbox: Sandbox,
    client: httpx2.AsyncClient,
    clock: Any,
    own: int | None,
    pinned: int | None,
    numbers: int,
    at_once: int,
) -> None:
    sandbox.put(8, max_concurrency=own, telephony_configuration_id=pinned)
    sandbox.put_telephony(pinned or 1, phone_number_count=numbers)
    clock.move(minutes=10)
    assert (await client.get("/campaign/8")).json()["executed_count"] > 4312
    clock.move(minutes=10)
    runs = (await client.get("/campaign/8/runs?limit=100")).json()["runs"]
    assert sum(not run["is_completed"] for run in runs) == at_once
