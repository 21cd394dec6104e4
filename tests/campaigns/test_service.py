"""The order of calls, and what is said when a request, a reply or a colleague gets in between.

Every case runs in process and over a real socket: the same body, another way there.
"""

import copy
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import pytest

from asisso_mcp.api import retries
from asisso_mcp.api.client import AsissoClient
from asisso_mcp.api.errors import AsissoError, LimitExceeded, QuotaExceeded, TelephonyMissing, TimedOut, Unreachable
from asisso_mcp.api.transport import ApiTransport
from asisso_mcp.campaigns.models import NotAllowed
from asisso_mcp.campaigns.service import CampaignService
from asisso_mcp.campaigns.write_recovery import REPLY_LOST, OutcomeUnknown
from asisso_mcp.config import Settings
from asisso_mcp.sandbox import KEY, NO_TELEPHONY_KEY, Fault, RunningServer, Sandbox
from tests.api.scripted import until
from tests.conftest import MONDAY, no_wait

EDIT = {"retry_config": {"max_retries": 7}}


@pytest.fixture(autouse=True)
def retries_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries.anyio, "sleep", no_wait)


@pytest.fixture(params=["in process", "over a socket"])
async def service(request: pytest.FixtureRequest, sandbox: Sandbox) -> AsyncIterator[CampaignService]:
    if request.param == "in process":
        yield await _service(sandbox, Settings(timeout=0.5))
        return
    with RunningServer(sandbox) as running:
        found = await _service(None, Settings(timeout=0.5, base_url=running.url))
        yield found
        await found._client._transport.aclose()


async def _service(sandbox: Sandbox | None, settings: Settings, key: str = KEY) -> CampaignService:
    from pydantic import SecretStr

    transport = ApiTransport(settings, transport=sandbox.transport() if sandbox else None)
    client = AsissoClient(transport, settings).for_key(SecretStr(key))
    return CampaignService(client, clock=lambda: MONDAY, sleep=no_wait)


def sent(sandbox: Sandbox) -> list[str]:
    return [f"{request.method} {request.path.removeprefix('/api/v1/campaign')}" for request in sandbox.requests]


async def test_an_edit_is_one_read_and_one_write_of_the_whole_section(
    service: CampaignService, sandbox: Sandbox
) -> None:
    before = sandbox.campaign(4)["retry_config"]
    edited = await service.edit(4, EDIT)
    assert edited.applied
    assert sent(sandbox) == ["GET /4", "PATCH /4"]
    assert sandbox.requests[-1].json == {"retry_config": {**before, "max_retries": 7}}
    assert len(before) == 6


@pytest.mark.parametrize(
    "fault",
    [
        Fault("drop-after", method="PATCH", times=1),
        Fault("drop-after", method="PATCH", times=1, how="reset"),
        Fault("error-after", method="PATCH", times=1),
        Fault("broken-json", method="PATCH", times=1),
        Fault("cut-body", method="PATCH", times=1),
        Fault("huge-body", method="PATCH", times=1),
        Fault("delay", method="PATCH", times=1, seconds=1.0, when="after"),
    ],
    ids=lambda fault: f"{fault.kind} {fault.how if fault.kind.startswith('drop') else ''}".strip(),
)
async def test_a_lost_reply_of_an_applied_edit_is_settled_by_reading(
    service: CampaignService, sandbox: Sandbox, fault: Fault
) -> None:
    fault = copy.deepcopy(fault)
    sandbox.faults.add(fault)
    edited = await service.edit(4, EDIT)
    assert fault.fired == 1
    assert edited.applied
    assert edited.notes == (REPLY_LOST,)
    assert sent(sandbox) == ["GET /4", "PATCH /4", "GET /4"]
    assert sandbox.campaign(4)["retry_config"]["max_retries"] == 7


NO_EFFECT_SO_FAR = (
    "The campaign was read afterwards and shows no effect so far. It may or may not have been applied, also a little later, and it "
    "was not repeated: look with `get_campaign` before you try again."
)


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_an_edit_that_may_be_under_way_is_an_unknown_outcome_and_is_not_sent_again(
    service: CampaignService, sandbox: Sandbox, how: Any
) -> None:
    sandbox.faults.add(Fault("drop-before", method="PATCH", times=1, how=how))
    with pytest.raises(OutcomeUnknown) as unknown:
        await service.edit(4, EDIT)
    assert sent(sandbox) == ["GET /4", "PATCH /4", "GET /4"]
    assert unknown.value.text == (
        "Unknown outcome. Sent: the edit of retry_config.max_retries of campaign 4. The connection to the API was lost before "
        f"its answer was complete. Look again in a moment. {NO_EFFECT_SO_FAR}"
    )


async def test_an_edit_without_an_answer_in_time_is_not_repeated_because_it_may_still_come_through(
    service: CampaignService, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Fault("delay", method="PATCH", seconds=1.0))
    with pytest.raises(OutcomeUnknown) as unknown:
        await service.edit(4, EDIT)
    assert sent(sandbox).count("PATCH /4") == 1
    assert "took longer than 0.5 s to answer" in unknown.value.text


async def test_an_outcome_that_cannot_be_read_is_called_unknown(service: CampaignService, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault("drop-after", method="PATCH"))
    sandbox.faults.add(Fault("status", method="GET", code=500, after=1))
    with pytest.raises(OutcomeUnknown) as unknown:
        await service.edit(4, EDIT)
    assert "Reading the campaign afterwards failed as well." in unknown.value.text
    assert unknown.value.executed is None


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", method="PATCH", code=429, times=1),
        Fault("status", method="PATCH", code=503, retry_after=0, times=1),
    ],
    ids=["429", "503 with Retry-After"],
)
async def test_an_edit_that_surely_was_not_executed_is_read_and_planned_anew_and_sent_again(
    service: CampaignService, sandbox: Sandbox, fault: Fault
) -> None:
    sandbox.faults.add(copy.deepcopy(fault))
    edited = await service.edit(4, EDIT)
    assert edited.applied
    assert edited.notes == ()
    assert sent(sandbox) == ["GET /4", "PATCH /4", "GET /4", "PATCH /4"]


@pytest.mark.parametrize("code", [502, 503, 504])
async def test_an_edit_that_a_gateway_answered_is_settled_by_reading_and_not_sent_again(
    service: CampaignService, sandbox: Sandbox, code: int
) -> None:
    sandbox.faults.add(Fault("status", method="PATCH", code=code, times=1))
    with pytest.raises(OutcomeUnknown) as unknown:
        await service.edit(4, EDIT)
    assert unknown.value.text.endswith(NO_EFFECT_SO_FAR)
    assert sent(sandbox) == ["GET /4", "PATCH /4", "GET /4"]


async def test_reads_are_repeated(service: CampaignService, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault("drop-before", method="GET", times=2))
    assert (await service.get(4)).id == 4
    assert sent(sandbox) == ["GET /4"] * 3


async def test_a_refused_limit_says_the_limit_and_changes_nothing(service: CampaignService, sandbox: Sandbox) -> None:
    before = sandbox.campaign(4)
    with pytest.raises(LimitExceeded) as refusal:
        await service.edit(4, {"max_concurrency": 99, "name": "Other"})
    assert "cannot exceed" in refusal.value.text
    assert "Nothing was changed, also no other field of this edit." in refusal.value.text
    assert sandbox.campaign(4)["name"] == before["name"]


async def test_a_colleagues_edit_that_undoes_ours_is_noticed_and_told(
    service: CampaignService, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Fault("foreign-edit", method="PATCH", when="lost", times=1, fields={"max_concurrency": 9}))
    edited = await service.edit(4, {"circuit_breaker": {"window_seconds": 77}})
    assert not edited.applied
    assert [change.field for change in edited.comparison.missing] == ["circuit_breaker.window_seconds"]
    assert sent(sandbox) == ["GET /4", "PATCH /4", "GET /4"]


async def test_a_colleagues_edit_of_another_section_is_reported(service: CampaignService, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault("foreign-edit", method="PATCH", when="before", times=1, fields={"name": "Theirs"}))
    edited = await service.edit(4, EDIT)
    assert edited.applied
    assert [(change.field, change.after) for change in edited.comparison.foreign] == [("name", "Theirs")]


async def test_a_campaign_that_starts_running_between_read_and_write_is_not_changed(
    service: CampaignService, sandbox: Sandbox
) -> None:
    """The breaker's and a colleague's switch are the same to us: the API refuses, and we say so."""
    real = service._client.patch

    async def patch(*arguments: Any) -> Any:
        sandbox.put(4, state="running")
        return await real(*arguments)

    service._client.patch = patch  # type: ignore[method-assign]
    with pytest.raises(AsissoError) as refusal:
        await service.edit(4, EDIT)
    assert "Cannot update a running campaign" in refusal.value.text
    assert "Nothing was changed." in refusal.value.text


@pytest.mark.parametrize(("tool", "campaign_id", "goal"), [("pause", 3, "paused"), ("resume", 4, "running")])
@pytest.mark.parametrize("kind", ["drop-after", "error-after", "broken-json", "cut-body"])
async def test_a_lost_reply_of_a_switch_is_settled_by_reading(
    service: CampaignService, sandbox: Sandbox, tool: str, campaign_id: int, goal: str, kind: str
) -> None:
    sandbox.faults.add(Fault(kind, method="POST", times=1))
    switched = await getattr(service, tool)(campaign_id)
    assert switched.applied
    assert switched.notes[0] == REPLY_LOST
    assert switched.campaign.phase == goal
    assert sent(sandbox).count(f"POST /{campaign_id}/{tool}") == 1


async def test_a_pause_that_the_breaker_did_first_is_a_success(service: CampaignService, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault("trip", method="POST", times=1))
    switched = await service.pause(3)
    assert switched.campaign.phase == "paused"
    assert switched.notes == ("It became paused a moment before this request, by someone else or by the platform.",)
    assert not switched.applied


async def test_a_pause_that_the_end_of_an_import_undoes_is_repeated(service: CampaignService, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault("import-ends", times=1))
    switched = await service.pause(10)
    assert switched.campaign.phase == sandbox.campaign(10)["state"] == "paused"
    assert switched.notes[0] == "The end of its import had set it running again, so it was paused again."
    assert sent(sandbox).count("POST /10/pause") == 2


async def test_a_pause_that_is_undone_again_and_again_ends_within_bounds_and_says_where_it_stands(
    service: CampaignService, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Fault("import-ends"))
    switched = await service.pause(10)
    assert sent(sandbox).count("POST /10/pause") <= 4
    assert "Look once more with `get_campaign` in a minute." in switched.notes[-1]


async def test_resuming_without_telephony_says_that_the_key_is_fine(sandbox: Sandbox) -> None:
    own = await _service(sandbox, Settings(), NO_TELEPHONY_KEY)
    (campaign,) = (await own.list())[:1]
    sandbox.put(campaign.id, state="paused")
    with pytest.raises(TelephonyMissing) as refusal:
        await own.resume(campaign.id)
    assert "The key is fine." in refusal.value.text


async def test_resuming_without_credits_says_so(service: CampaignService, sandbox: Sandbox) -> None:
    sandbox.put(4, quota="You have exhausted your trial credits. Please add credits.")
    with pytest.raises(QuotaExceeded) as refusal:
        await service.resume(4)
    assert "You have exhausted your trial credits. Please add credits" in refusal.value.text
    assert sandbox.campaign(4)["state"] == "paused"


async def test_resuming_after_a_trip_says_that_the_cause_is_still_there(
    service: CampaignService, sandbox: Sandbox
) -> None:
    trip = {"ts": MONDAY.isoformat(), "level": "warning", "event": "circuit_breaker_tripped", "message": "5 of 5"}
    sandbox.put(5, logs=[trip])
    switched = await service.resume(5)
    assert "not the cause of the failures" in switched.notes[-1]


async def test_edits_of_one_campaign_follow_one_another(sandbox: Sandbox) -> None:
    service = await _service(sandbox, Settings())
    sandbox.faults.add(Fault("delay", seconds=0.01))
    async with anyio.create_task_group() as tasks:
        for number in range(1, 8):
            tasks.start_soon(service.edit, 4, {"retry_config": {"max_retries": number}})
    order = [request.method for request in sandbox.requests]
    assert order in (["GET", "PATCH"] * 7, [*["GET", "PATCH"] * 3, "GET", *["GET", "PATCH"] * 3]), order


async def test_an_edit_that_is_cancelled_before_it_was_sent_sends_nothing(sandbox: Sandbox) -> None:
    service = await _service(sandbox, Settings())
    real = service._client.get

    with anyio.CancelScope() as scope:

        async def get(campaign_id: int) -> Any:
            found = await real(campaign_id)
            scope.cancel()
            return found

        service._client.get = get  # type: ignore[method-assign]
        await service.edit(4, EDIT)
    assert scope.cancelled_caught
    assert sent(sandbox) == ["GET /4"]


async def test_an_edit_that_is_cancelled_after_it_was_sent_ends_and_its_outcome_is_logged(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    service = await _service(sandbox, Settings())
    real = service._client.patch

    with anyio.CancelScope() as scope, caplog.at_level(logging.WARNING):

        async def patch(*arguments: Any) -> Any:
            found = await real(*arguments)
            scope.cancel()
            assert list(service.in_flight) == ["the edit of retry_config.max_retries of campaign 4"]
            return found

        service._client.patch = patch  # type: ignore[method-assign]
        await service.edit(4, EDIT)
    assert scope.cancelled_caught
    await until(lambda: not service.in_flight)
    assert sandbox.campaign(4)["retry_config"]["max_retries"] == 7
    assert not service.in_flight
    assert [record.message for record in caplog.records] == [
        "The caller went away. Outcome of the edit of retry_config.max_retries of campaign 4: done."
    ]


async def test_a_read_that_takes_too_long_ends_in_words(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    monkeypatch.setattr("asisso_mcp.campaigns.deadlines.DEADLINE_SECONDS", 0.05)
    service = await _service(sandbox, Settings())
    sandbox.faults.add(Fault("delay", seconds=5))
    with pytest.raises(TimedOut) as late:
        await service.get(4)
    assert late.value.text == "The Asisso API did not answer in time; nothing was read. Call again in a minute."


async def test_a_poisoned_row_breaks_the_list_but_not_the_other_campaigns(
    service: CampaignService, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Fault("poison", campaign=13))
    with pytest.raises(AsissoError) as fault:
        await service.list()
    assert "The API had an error inside (HTTP 500)." in fault.value.text
    assert (await service.get(4)).id == 4


async def test_an_api_that_is_not_there_is_said_with_what_to_check() -> None:
    service = await _service(None, Settings(base_url="http://127.0.0.1:9"))
    with pytest.raises(Unreachable) as fault:
        await service.get(4)
    assert fault.value.text.startswith("http://127.0.0.1:9 could not be reached (")
    assert fault.value.text.endswith(
        "This request was not sent. Check the network and ASISSO_BASE_URL, then call again."
    )


async def test_a_stale_revision_of_an_unknown_past_is_refused_without_a_list(service: CampaignService) -> None:
    with pytest.raises(NotAllowed) as refusal:
        await service.edit(4, EDIT, expected_revision="000000000000")
    assert "That revision is not one this server has read recently" in refusal.value.text


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    box = Sandbox(clock=lambda: MONDAY)
    yield box
    box.close()


async def test_a_second_pause_that_fails_is_told_with_the_first_that_was_done(
    service: CampaignService, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Fault("import-ends", times=1))
    sandbox.faults.add(Fault("status", method="POST", code=429, after=1))
    switched = await service.pause(10)
    assert switched.campaign.phase == sandbox.campaign(10)["state"] == "running"
    assert not switched.applied
    assert switched.notes[0].startswith(
        "It was paused, then the end of its import set it running, and pausing it again failed: The API asks to slow down (429)"
    )


async def test_a_preview_of_a_running_campaign_says_that_it_must_be_paused_first(
    service: CampaignService, sandbox: Sandbox
) -> None:
    preview = await service.edit(3, EDIT, dry_run=True)
    assert preview.preview
    assert "it must be paused with `pause_campaign` before the edit is sent" in preview.notes[0]
    with pytest.raises(NotAllowed):
        await service.edit(14, EDIT, dry_run=True)
    assert [line for line in sent(sandbox) if "organizations" not in line] == ["GET /3", "GET /14"]
