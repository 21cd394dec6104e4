"""What is said of a campaign was seen: its newest call, its telephony, and what became of a resume some seconds later.

The clock of the sandbox and that of the service are one, and waiting moves it.
"""

from datetime import datetime, timedelta
from typing import Any

import anyio
import pytest

from asisso_mcp.api.client import AsissoClient
from asisso_mcp.api.models import Campaign, LastCall
from asisso_mcp.api.transport import ApiTransport
from asisso_mcp.campaigns import deadlines, service
from asisso_mcp.campaigns.models import NotAllowed, StateChange
from asisso_mcp.campaigns.service import CampaignService
from asisso_mcp.campaigns.summary import resumed_text
from asisso_mcp.sandbox import Fault, Sandbox
from asisso_mcp.tools.campaigns import TOOLS
from asisso_mcp.tools.registry import ToolContext, ToolResult
from tests.conftest import MONDAY, SETTINGS

NINE_TO_FIVE = [{"day_of_week": day, "start_time": "09:00", "end_time": "17:00"} for day in range(5)]
LOOKED_UP = ["GET organizations/telephony-configs", "GET organizations/campaign-defaults"]


class World:
    """A sandbox, tools over it, and one clock for both."""

    def __init__(self) -> None:
        self.now = MONDAY
        self.sandbox = Sandbox(clock=self.clock)
        client = AsissoClient(ApiTransport(SETTINGS, transport=self.sandbox.transport()), SETTINGS)
        self.service = CampaignService(client, clock=self.clock, sleep=self.sleep)

    def clock(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def sent(self) -> list[str]:
        return [f"{each.method} {each.path.removeprefix('/api/v1/')}" for each in self.sandbox.requests]

    async def ask(self, tool_name: str, /, **arguments: Any) -> ToolResult:
        """A call of a tool."""
        (tool,) = (each for each in TOOLS if each.name == tool_name)
        return await tool.call(arguments, ToolContext(self.service))


@pytest.fixture
def world() -> World:
    return World()


# --- dialing ----------------------------------------------------------------------------------------------------------


async def test_a_running_campaign_within_its_hours_is_two_requests_and_any_other_one(world: World) -> None:
    await world.ask("get_campaign", campaign_id=3)
    assert world.sent() == ["GET campaign/3", "GET campaign/3/runs"]
    world.sandbox.requests.clear()
    world.now += timedelta(hours=12)
    for campaign_id in (3, 4, 2, 6):
        await world.ask("get_campaign", campaign_id=campaign_id)
    assert world.sent() == [f"GET campaign/{campaign_id}" for campaign_id in (3, 4, 2, 6)]


async def test_the_newest_call_is_told_with_its_time(world: World) -> None:
    answer = await world.ask("get_campaign", campaign_id=3)
    assert answer.text.startswith('Campaign 3 "Spring promo" is running. Dialing: the last call began 8 s ago; ')
    assert answer.structure is not None
    assert answer.structure["dialing"] is True
    assert answer.structure["last_call_at"] == "2026-11-23T14:59:52Z"


async def test_a_campaign_whose_queue_has_only_failed_contacts_is_not_called_dialing(world: World) -> None:
    campaign_id = world.sandbox.add(
        name="All failed",
        state="running",
        started_at="2026-11-20T08:00:00+00:00",
        total_rows=5,
        source_rows=5,
        executed_count=0,
        failed_count=5,
        total_queued_count=5,
        last_activity_at="2026-11-23T14:30:00+00:00",
    )
    answer = await world.ask("get_campaign", campaign_id=campaign_id)
    assert answer.structure is not None
    assert "dialing" not in answer.structure
    assert "last_call_at" not in answer.structure
    assert answer.text.startswith(
        f'Campaign {campaign_id} "All failed" is running. Its hours are open, but no call was ever made. Possible: '
    )


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", code=500, path="/runs"),
        Fault("status", code=404, path="/runs"),
        Fault("broken-json", path="/runs"),
        Fault("huge-body", path="/runs"),
        Fault("drop-before", path="/runs"),
    ],
    ids=lambda fault: f"{fault.kind} {fault.code or ''}",
)
async def test_where_the_calls_cannot_be_looked_up_nothing_is_claimed(world: World, fault: Fault) -> None:
    world.sandbox.faults.add(fault)
    answer = await world.ask("get_campaign", campaign_id=3)
    assert not answer.is_error
    assert answer.text.startswith(
        'Campaign 3 "Spring promo" is running. Calling hours: open now, closes 17:00 EST (in 7 h). Whether calls go out was not seen.\n'
    )
    assert answer.structure is not None
    assert not {"dialing", "last_call_at"} & answer.structure.keys()


async def test_nothing_else_of_a_run_is_kept(world: World) -> None:
    answer = await world.ask("get_campaign", campaign_id=3)
    assert "initial_context" not in str(answer.structure)
    assert "+1415" not in str(answer.structure)


async def test_a_list_says_until_when_hours_are_open_and_never_that_it_dials(world: World) -> None:
    answer = await world.ask("list_campaigns", state="running")
    assert '- 3 "Spring promo": running (hours open until 17:00 EST), ' in answer.text
    assert "dialing" not in answer.text
    assert answer.structure is not None
    assert all("dialing" not in row for row in answer.structure["campaigns"])
    tokyo = {"enabled": True, "timezone": "Asia/Tokyo", "slots": NINE_TO_FIVE}
    world.sandbox.put(3, schedule_config=tokyo)
    answer = await world.ask("list_campaigns", query="spring")
    assert '- 3 "Spring promo": running (hours closed until 09:00 JST), ' in answer.text
    assert answer.structure is not None
    assert [row["dialing"] for row in answer.structure["campaigns"]] == [False]


async def test_a_list_of_drafts_is_asked_for_by_the_apis_own_word_too(world: World) -> None:
    draft, created = [(await world.ask("list_campaigns", state=state)).text for state in ("draft", "created")]
    assert draft == created
    assert '- 2 "Winter reactivation": draft' in draft


# --- resuming ---------------------------------------------------------------------------------------------------------


async def test_a_resume_looks_up_its_telephony_first_and_the_campaign_once_more_3_s_later(world: World) -> None:
    switched = await world.service.resume(4)
    assert world.sent() == [
        *LOOKED_UP,
        "GET campaign/4",
        "POST campaign/4/resume",
        "GET campaign/4",
        "GET campaign/4/runs",
    ]
    assert (switched.applied, switched.seen_after, world.now) == (True, 3.0, MONDAY + timedelta(seconds=3))


async def test_what_was_seen_after_a_resume_is_told_and_what_follows_is_not(world: World) -> None:
    world.sandbox.put(4, schedule_config=None)
    answer = await world.ask("resume_campaign", campaign_id=4)
    assert answer.text == (
        'Done: Campaign 4 "Berlin appointment reminders" is running again; it was paused.\n'
        "Seen 3 s later: running, and no new call yet; calling hours: open at any hour. Look with `get_campaign` in a minute.\n"
        "Calls at once: at most 4, the smallest of its own limit (4), the organisation's limit (20), the numbers that it dials from (5, "
        "shared with other campaigns).\n"
        "Note: No calling hours are in force, so phones may ring at any hour, at night too.\n"
        'Undo: `pause_campaign` with {"campaign_id": 4}'
    )


async def test_calls_that_begin_within_these_seconds_are_seen(world: World) -> None:
    world.sandbox.put(4, schedule_config=None)
    world.sandbox.add_run(4, created_at=MONDAY + timedelta(seconds=1))
    answer = await world.ask("resume_campaign", campaign_id=4)
    assert "\nSeen 3 s later: Dialing: the last call began 2 s ago; calling hours: open at any hour.\n" in answer.text


async def test_a_call_from_before_the_resume_is_no_evidence_of_what_it_brought(world: World) -> None:
    world.sandbox.put(4, schedule_config=None)
    world.sandbox.add_run(4, created_at=MONDAY - timedelta(seconds=5))
    answer = await world.ask("resume_campaign", campaign_id=4)
    assert (
        "\nSeen 3 s later: running, and no new call yet (the last one began 8 s ago, before the resume); calling hours: open at any hour. "
        "Look with `get_campaign` in a minute.\n"
    ) in answer.text


async def test_a_call_that_began_right_after_the_resume_is_seen_also_by_a_look_that_took_longer(world: World) -> None:
    world.sandbox.put(4, schedule_config=None)
    world.sandbox.add_run(4, created_at=MONDAY + timedelta(seconds=0.5))

    async def sleep(_: float) -> None:
        world.now += timedelta(seconds=5)

    world.service._reader._sleep = sleep
    answer = await world.ask("resume_campaign", campaign_id=4)
    assert "\nSeen 3 s later: Dialing: the last call began 4 s ago; calling hours: open at any hour.\n" in answer.text


async def test_where_nothing_is_left_but_failed_contacts_a_resume_says_to_look_again(world: World) -> None:
    """The API counts them as queued, so what becomes of the campaign within a minute cannot be said before."""
    world.now += timedelta(hours=5)
    world.sandbox.put(4, executed_count=470, total_queued_count=480, failed_count=10, waiting_retries=[], batch=[])
    answer = await world.ask("resume_campaign", campaign_id=4)
    assert answer.text.splitlines()[1].startswith(
        "Seen 3 s later: Not dialing now although running; calling hours: closed now"
    )
    assert answer.text.splitlines()[1].endswith(". Look with `get_campaign` in a minute.")
    world.now += timedelta(minutes=1)
    assert world.sandbox.campaign(4)["state"] == "completed"


async def test_where_the_calls_cannot_be_looked_up_it_is_not_said_that_there_are_none(world: World) -> None:
    world.sandbox.put(4, schedule_config=None)
    world.sandbox.faults.add(Fault("status", code=500, path="/runs"))
    answer = await world.ask("resume_campaign", campaign_id=4)
    assert (
        "\nSeen 3 s later: Calling hours: open at any hour. Whether calls go out was not seen. Look with `get_campaign` in a minute.\n"
    ) in answer.text


async def test_a_resume_that_was_done_is_not_called_unknown_because_looking_up_its_calls_hangs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines, "DEADLINE_SECONDS", 1.0)
    monkeypatch.setattr(deadlines, "WRITE_SECONDS", 0.1)
    monkeypatch.setattr(service, "RESUME_LOOK", 0.1)
    world.sandbox.put(4, schedule_config=None)

    async def hang(_: int) -> LastCall:
        await anyio.sleep_forever()
        raise AssertionError

    world.service._client.last_call = hang  # type: ignore[method-assign]
    answer = await world.ask("resume_campaign", campaign_id=4)
    assert answer.text.startswith(
        'Done: Campaign 4 "Berlin appointment reminders" is running again; it was paused.\n'
        "Seen 0.1 s later: Calling hours: open at any hour. Whether calls go out was not seen. Look with `get_campaign` in a minute.\n"
    )


async def test_a_resume_outside_the_hours_says_when_they_open(world: World) -> None:
    world.now += timedelta(hours=5)
    answer = await world.ask("resume_campaign", campaign_id=4)
    assert (
        "\nSeen 3 s later: Not dialing now although running; calling hours: closed now, opens Tue 08:30 CET (in "
        in answer.text
    )


@pytest.mark.parametrize(
    ("pinned", "reason"),
    [
        (
            2,
            'its telephony configuration "Plivo (no numbers)" is not ready for outbound calls ("Outbound calls need a number',
        ),
        (5, 'its telephony configuration "Vonage UK (parked)" is inactive ("Parked by an administrator")'),
        (77, "its telephony configuration 77 is no longer there"),
    ],
)
async def test_a_resume_that_would_fail_for_good_is_refused_and_nothing_is_sent(
    world: World, pinned: int, reason: str
) -> None:
    world.sandbox.put(4, telephony_configuration_id=pinned)
    answer = await world.ask("resume_campaign", campaign_id=4)
    assert answer.is_error
    assert f'Campaign 4 "Berlin appointment reminders" was not resumed, and nothing was sent: {reason}' in answer.text
    assert world.sent() == [*LOOKED_UP, "GET campaign/4"]
    assert world.sandbox.campaign(4)["state"] == "paused"


@pytest.mark.parametrize("path", ["/telephony-configs", "/campaign-defaults", "/organizations"])
async def test_where_telephony_cannot_be_looked_up_the_api_decides(world: World, path: str) -> None:
    world.sandbox.faults.add(Fault("status", code=404, path=path))
    switched = await world.service.resume(4)
    assert switched.applied
    assert world.sandbox.campaign(4)["state"] == "running"


async def test_a_campaign_that_fails_soon_after_its_resume_is_not_called_running(world: World) -> None:
    """What could not be looked up before is seen afterwards."""
    world.sandbox.put(4, telephony_configuration_id=2, schedule_config=None)
    world.sandbox.faults.add(Fault("status", code=404, path="/organizations"))

    async def sleep(_: float) -> None:
        world.now += timedelta(seconds=31)

    world.service._reader._sleep = sleep
    switched = await world.service.resume(4)
    assert (switched.applied, switched.campaign.phase) == (True, "failed")


async def test_a_resume_that_did_not_stay_so_says_what_it_came_to(world: World) -> None:
    world.sandbox.faults.add(Fault("trip", method="POST", when="after", times=1))
    answer = await world.ask("resume_campaign", campaign_id=4)
    assert answer.text.startswith(
        'It did not stay so: Campaign 4 "Berlin appointment reminders" was resumed, and 3 s later it is paused. Not dialing: paused, '
        "probably by the circuit breaker"
    )
    assert answer.structure is not None
    assert (answer.structure["applied"], answer.structure["state"]) == (True, "paused")
    assert not {"undo", "undo_tool"} & answer.structure.keys(), "the text offers none"


async def test_a_resume_is_answered_at_once_when_the_process_is_told_to_end_before_the_second_look(
    world: World,
) -> None:
    async def hang(_: float) -> None:
        world.service.stop_writing()
        await anyio.sleep_forever()

    world.service._reader._sleep = hang
    with anyio.fail_after(5):
        answer = await world.ask("resume_campaign", campaign_id=4)
    first, second, *_ = answer.text.splitlines()
    assert first == 'Done: Campaign 4 "Berlin appointment reminders" is running again; it was paused.'
    assert second.startswith("It could not be looked at again since. ")


async def test_a_resume_that_cannot_be_looked_at_again_says_so(world: World) -> None:
    world.sandbox.faults.add(Fault("status", code=500, method="GET", after=3))
    answer = await world.ask("resume_campaign", campaign_id=4)
    assert "\nIt could not be looked at again since. " in answer.text
    assert answer.text.splitlines()[0] == (
        'Done: Campaign 4 "Berlin appointment reminders" is running again; it was paused.'
    )


async def test_that_a_resume_completes_a_campaign_with_nothing_left_is_said_before_and_after(world: World) -> None:
    world.sandbox.put(4, executed_count=480, total_queued_count=480, schedule_config=None)
    ends = "Every queued call was made: when resumed, it completes for good, within a minute if its last call was over an hour ago."
    assert f"Next: `update_campaign`. {ends}" in (await world.ask("get_campaign", campaign_id=4)).text
    edited = await world.ask("update_campaign", campaign_id=4, max_concurrency=2)
    assert ends in edited.text
    assert "lets it dial again" not in edited.text
    resumed = await world.ask("resume_campaign", campaign_id=4)
    assert (
        "Note: Every queued call was made, so it will complete for good: within a minute if its last call was over an hour ago"
        in (resumed.text)
    )


async def test_that_a_resume_may_complete_a_campaign_with_nothing_queued_is_said_before_and_after(world: World) -> None:
    world.sandbox.put(4, executed_count=0, total_queued_count=0, batch=[], schedule_config=None)
    before = "No call is queued: when resumed, it may complete for good within a minute."
    assert f"Next: `update_campaign`. {before}" in (await world.ask("get_campaign", campaign_id=4)).text
    assert before in (await world.ask("update_campaign", campaign_id=4, max_concurrency=2)).text
    resumed = await world.ask("resume_campaign", campaign_id=4)
    assert "\nNote: No call is queued, so it may complete for good within a minute.\n" in resumed.text
    world.now += timedelta(minutes=1)
    assert world.sandbox.campaign(4)["state"] == "completed"


def test_counts_that_the_second_look_does_not_show_are_those_from_before_the_resume() -> None:
    before = Campaign(id=4, name="R", state="paused", executed_count=5, total_queued_count=5)
    after = Campaign(id=4, name="R", state="running")
    text = resumed_text(StateChange(before, after, applied=True, seen_after=3.0, last_call=LastCall()), MONDAY)
    assert "\nNote: Every queued call was made, so it will complete for good: " in text


# --- edits ------------------------------------------------------------------------------------------------------------


async def test_an_edit_that_needs_a_resume_afterwards_says_before_the_pause_that_it_cannot_be_resumed(
    world: World,
) -> None:
    world.sandbox.put(3, telephony_configuration_id=2)
    refused = await world.ask("update_campaign", campaign_id=3, retry_config={"max_retries": 5})
    assert refused.is_error
    obstacle = 'It cannot be resumed at the moment: its telephony configuration "Plivo (no numbers)" is not ready'
    assert f"then `resume_campaign`. But {obstacle}" in refused.text
    preview = await world.ask("update_campaign", campaign_id=3, retry_config={"max_retries": 5}, dry_run=True)
    assert f"Note: {obstacle}" in preview.text
    assert {request.method for request in world.sandbox.requests} == {"GET"}


async def test_the_real_cap_is_said_where_it_was_looked_up_and_nowhere_else(world: World) -> None:
    cap = (
        "Calls at once: at most {}, the smallest of its own limit ({}), the organisation's limit (20), the numbers that it dials from (5, "
        "shared with other campaigns)."
    )
    assert cap.format(5, 8) in (await world.ask("update_campaign", campaign_id=4, max_concurrency=8)).text
    preview = await world.ask("update_campaign", campaign_id=4, retry_config={"max_retries": 5}, dry_run=True)
    assert cap.format(5, 8) in preview.text
    world.sandbox.requests.clear()
    edited = await world.ask("update_campaign", campaign_id=4, retry_config={"max_retries": 5})
    assert "Calls at once" not in edited.text
    assert world.sent() == ["GET campaign/4", "PATCH campaign/4"]


async def test_a_preview_is_refused_where_the_edit_would_be(world: World) -> None:
    with pytest.raises(NotAllowed, match="max_concurrency 60 is above what may be set now"):
        await world.service.edit(4, {"max_concurrency": 60}, dry_run=True)
    assert (await world.service.edit(4, {"max_concurrency": 20}, dry_run=True)).preview


async def test_the_undo_of_a_concurrency_above_todays_limit_is_not_promised(world: World) -> None:
    world.sandbox.put(4, max_concurrency=50)
    answer = await world.ask("update_campaign", campaign_id=4, max_concurrency=3, name="Reminders")
    assert answer.structure is not None
    assert answer.structure["undo"] == {"campaign_id": 4, "name": "Berlin appointment reminders"}
    assert "its former value 50 is above what may be set now (20)." in answer.text


async def test_stored_values_beyond_the_ranges_are_told_when_reading(world: World) -> None:
    answer = await world.ask("get_campaign", campaign_id=12)
    assert (
        "\nStored outside what an edit may set: retry_config.max_retries 20 (0 to 10), retry_config.retry_delay_seconds 7200 (30 to 3600), "
        "max_concurrency 150 (1 to 100).\n"
    ) in answer.text
