"""Writes whose caller gives up, whose request waits while others write, and whose answer does not tell what happened."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from pydantic import SecretStr

from asisso_mcp.api import retries
from asisso_mcp.api.client import AsissoClient
from asisso_mcp.api.errors import AsissoError, KeyRejected, NotFound, ServerFault, Unreachable
from asisso_mcp.api.models import Campaign
from asisso_mcp.api.transport import ApiTransport
from asisso_mcp.campaigns import deadlines
from asisso_mcp.campaigns.deadlines import CallTime
from asisso_mcp.campaigns.models import NotAllowed, StateChange
from asisso_mcp.campaigns.revisions import revision
from asisso_mcp.campaigns.service import NOT_READ_BEFORE, REPAIRED_UNREAD, CampaignService
from asisso_mcp.campaigns.summary import edited_text, paused_text, resumed_text
from asisso_mcp.campaigns.write_recovery import OutcomeUnknown
from asisso_mcp.config import Settings
from asisso_mcp.sandbox import KEY, Fault, RunningServer, Sandbox
from tests.api.scripted import until
from tests.conftest import MONDAY, no_wait

EDIT = {"retry_config": {"max_retries": 7}}
FULL_RETRY = {
    "enabled": True,
    "max_retries": 4,
    "retry_delay_seconds": 300,
    "retry_on_busy": True,
    "retry_on_no_answer": True,
    "retry_on_voicemail": False,
}

CALLS: dict[str, Callable[[CampaignService], Awaitable[Any]]] = {
    "edit": lambda service: service.edit(4, EDIT),
    "resume": lambda service: service.resume(4),
    "pause": lambda service: service.pause(3),
}
READS_BEFORE = {"edit": 2, "resume": 4, "pause": 2}
"""Requests up to the write: the campaign, and before a resume what the organisation dials from."""


def writes(sandbox: Sandbox) -> list[str]:
    return [f"{each.method} {each.path.rpartition('/')[2]}" for each in sandbox.requests if each.method != "GET"]


class Waits:
    """The waits before a request is sent again: each lasts until it is let go."""

    def __init__(self) -> None:
        self.begun = anyio.Event()
        self.go_on = anyio.Event()
        self.meanwhile: Callable[[], object] = lambda: None

    async def sleep(self, _: float) -> None:
        self.begun.set()
        await self.go_on.wait()
        self.meanwhile()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Waits:
    waits = Waits()
    monkeypatch.setattr(retries.anyio, "sleep", waits.sleep)
    return waits


def put_off(sandbox: Sandbox, times: int = 1) -> None:
    for method in ("PATCH", "POST"):
        sandbox.faults.add(Fault("status", method=method, code=429, retry_after=6, times=times))


# --- whoever gives up sends nothing more ------------------------------------------------------------------------------


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("how", ["scope", "task", "deadline"])
async def test_a_call_that_is_given_up_while_it_waits_sends_nothing_more(
    service: CampaignService, sandbox: Sandbox, waits: Waits, how: str, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "deadline":
        monkeypatch.setattr(deadlines, "DEADLINE_SECONDS", 0.2)
        monkeypatch.setattr(deadlines, "WRITE_SECONDS", 0.0)
        monkeypatch.setattr(deadlines, "SPARE_SECONDS", 0.0)
    put_off(sandbox)
    ended: list[BaseException] = []

    async def run() -> None:
        try:
            await CALLS[call](service)
        except (AsissoError, asyncio.CancelledError) as fault:
            ended.append(fault)
            raise

    if how == "scope":
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            await waits.begun.wait()
            tasks.cancel_scope.cancel()
    else:
        task = asyncio.get_running_loop().create_task(run())
        await waits.begun.wait()
        if how == "task":
            task.cancel()
        with pytest.raises((AsissoError, asyncio.CancelledError)):
            await task
    waits.go_on.set()
    for _ in range(20):
        await anyio.lowlevel.checkpoint()
    assert len(writes(sandbox)) == 1
    assert sandbox.campaign(4)["state"] == "paused"
    assert sandbox.campaign(3)["state"] == "running"
    if how == "deadline":
        assert str(ended[0]) == "The Asisso API did not answer in time; nothing was changed. Call again in a minute."


@pytest.mark.parametrize("call", CALLS)
async def test_a_call_that_is_given_up_while_its_request_is_on_the_wire_returns_at_once_and_its_outcome_is_told(
    sandbox: Sandbox, call: str, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []
    reached, go_on = anyio.Event(), anyio.Event()
    service = own(sandbox, tell=told.append)
    client = service._client
    for name in ("patch", "pause", "resume"):
        setattr(client, name, held(getattr(client, name), reached, go_on))
    task = asyncio.get_running_loop().create_task(CALLS[call](service))  # type: ignore[arg-type]
    await reached.wait()
    task.cancel()
    with anyio.fail_after(1), pytest.raises(asyncio.CancelledError):
        await task
    assert told == []
    go_on.set()
    await until(lambda: not service.in_flight)
    sent = {
        "edit": "the edit of retry_config.max_retries of campaign 4",
        "resume": "the resume of campaign 4",
        "pause": "the pause of campaign 3",
    }[call]
    assert told == [f"The caller went away. Outcome of {sent}: done."]
    assert len(writes(sandbox)) == 1
    assert not caplog.records


async def test_a_call_that_is_given_up_in_the_moment_before_its_request_goes_out_sends_nothing(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    service = own(sandbox, tell=told.append)
    loop = asyncio.get_running_loop()
    real = CallTime.at_least

    def at_least(time: CallTime, seconds: float) -> float:
        loop.call_soon(task.cancel)  # it comes before the first step of the request's task
        return real(time, seconds)

    monkeypatch.setattr(CallTime, "at_least", at_least)
    task = loop.create_task(service.edit(4, EDIT))
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: not service.in_flight)
    assert writes(sandbox) == []
    assert told == []


async def test_a_call_that_is_given_up_while_its_request_waits_for_a_connection_sends_nothing(
    sandbox: Sandbox,
) -> None:
    told: list[str] = []
    service, busy = own(sandbox, tell=told.append), anyio.Event()
    transport = service._client._transport

    async def wait_for_connection() -> None:
        busy.set()
        await anyio.sleep(0.2)

    waiting(service, wait_for_connection)
    task = asyncio.get_running_loop().create_task(service.edit(4, EDIT))
    await busy.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: not service.in_flight)
    await transport.aclose()
    assert writes(sandbox) == []
    assert told == []


async def test_a_pause_during_an_import_that_is_given_up_while_it_is_watched_is_told_as_done(sandbox: Sandbox) -> None:
    told: list[str] = []
    watching = anyio.Event()

    async def watch(_: float) -> None:
        watching.set()
        await anyio.Event().wait()

    service = own(sandbox, tell=told.append, sleep=watch)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(service.pause, 10)
        await watching.wait()
        tasks.cancel_scope.cancel()
    assert told == ["The caller went away. Outcome of the pause of campaign 10: done."]
    assert sandbox.campaign(10)["state"] == "paused"


async def test_after_the_word_to_stop_nothing_is_sent_that_was_not_sent_yet(
    service: CampaignService, sandbox: Sandbox, waits: Waits
) -> None:
    put_off(sandbox)
    task = asyncio.get_running_loop().create_task(service.resume(4))
    await waits.begun.wait()
    service.stop_writing()
    waits.go_on.set()
    with pytest.raises(AsissoError) as refusal:
        await task
    assert refusal.value.text == (
        "Nothing was changed: asisso-mcp is shutting down, so this was not sent. Call again in a moment."
    )
    assert writes(sandbox) == ["POST resume"]
    assert sandbox.campaign(4)["state"] == "paused"


# --- whoever waited reads and plans again -----------------------------------------------------------------------------


@pytest.mark.parametrize("why", ["429", "503", "refused"])
async def test_what_a_colleague_changed_during_a_wait_is_kept_and_told(
    service: CampaignService, sandbox: Sandbox, waits: Waits, why: str
) -> None:
    if why == "refused":
        refuse_once(service)
    else:
        sandbox.faults.add(Fault("status", method="PATCH", code=int(why), retry_after=6, times=1))
    waits.meanwhile = lambda: sandbox.put(
        4, retry_config={**sandbox.campaign(4)["retry_config"], "retry_delay_seconds": 1800}
    )
    waits.go_on.set()
    before = sandbox.campaign(4)["retry_config"]["retry_delay_seconds"]
    edited = await service.edit(4, EDIT)
    assert edited.applied
    assert sandbox.campaign(4)["retry_config"]["retry_delay_seconds"] == 1800
    assert sandbox.campaign(4)["retry_config"]["max_retries"] == 7
    assert edited.notes == (
        f"While this call waited, someone else changed: retry_config.retry_delay_seconds: {before} s (10 min) → 1800 s (30 min).",
    )
    assert edited.plan.undo == {"retry_config": {"max_retries": 2}}


async def test_what_a_colleague_changed_while_the_request_waited_for_a_connection_is_kept_and_told(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asisso_mcp.campaigns.write_recovery.FRESH_SECONDS", 0.05)
    service, waited = own(sandbox), []

    async def wait_for_connection() -> None:
        if not waited:
            waited.append(True)
            await anyio.sleep(0.1)
            sandbox.put(4, retry_config={**sandbox.campaign(4)["retry_config"], "retry_delay_seconds": 1800})

    waiting(service, wait_for_connection)
    edited = await service.edit(4, EDIT)
    assert edited.applied
    assert sandbox.campaign(4)["retry_config"]["retry_delay_seconds"] == 1800
    assert "While this call waited, someone else changed: retry_config.retry_delay_seconds" in edited.notes[0]
    assert writes(sandbox) == ["PATCH 4"]


async def test_a_revision_that_was_expected_is_checked_again_after_a_wait(
    service: CampaignService, sandbox: Sandbox, waits: Waits
) -> None:
    put_off(sandbox)
    expected = revision((await service.get(4)).settings())
    waits.meanwhile = lambda: sandbox.put(4, name="Theirs")
    waits.go_on.set()
    with pytest.raises(NotAllowed) as refusal:
        await service.edit(4, EDIT, expected_revision=expected)
    assert "so nothing was changed. Changed meanwhile: name:" in refusal.value.text
    assert writes(sandbox) == ["PATCH 4"]
    assert sandbox.campaign(4)["retry_config"]["max_retries"] == 2


async def test_an_edit_of_a_campaign_that_was_started_during_a_wait_is_refused(
    service: CampaignService, sandbox: Sandbox, waits: Waits
) -> None:
    put_off(sandbox)
    waits.meanwhile = lambda: sandbox.put(4, state="running")
    waits.go_on.set()
    with pytest.raises(NotAllowed) as refusal:
        await service.edit(4, EDIT)
    assert "is running; settings can only be changed while a campaign is paused or a draft" in refusal.value.text
    assert writes(sandbox) == ["PATCH 4"]


async def test_an_edit_that_a_colleague_made_during_a_wait_needs_no_second_request(
    service: CampaignService, sandbox: Sandbox, waits: Waits
) -> None:
    put_off(sandbox)
    waits.meanwhile = lambda: sandbox.put(4, retry_config={**sandbox.campaign(4)["retry_config"], "max_retries": 7})
    waits.go_on.set()
    edited = await service.edit(4, EDIT)
    assert not edited.applied
    assert edited_text(edited, MONDAY).startswith(
        'Campaign 4 "Berlin appointment reminders" already has these settings, so nothing was changed.\n'
        "Note: While this call waited, someone else changed: retry_config.max_retries: 2 → 7."
    )
    assert writes(sandbox) == ["PATCH 4"]


# --- once a write may be under way ------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "code": 500},
        {"kind": "status", "code": 502},
        {"kind": "status", "code": 503},
        {"kind": "status", "code": 504},
        {"kind": "drop-before"},
        {"kind": "drop-before", "how": "reset"},
        {"kind": "delay", "seconds": 1.0},
    ],
    ids=lambda fault: " ".join(str(value) for value in fault.values()),
)
async def test_a_write_that_may_land_late_is_sent_once_and_is_unknown(
    sandbox: Sandbox, fault: dict[str, Any], call: str
) -> None:
    with RunningServer(sandbox) as running:
        settings = Settings(timeout=0.3, base_url=running.url, api_key=SecretStr(KEY))
        connection = ApiTransport(settings)
        service = CampaignService(AsissoClient(connection, settings), clock=lambda: MONDAY, sleep=no_wait)
        for method in ("PATCH", "POST"):
            sandbox.faults.add(Fault(method=method, **fault))
        with pytest.raises(OutcomeUnknown) as unknown:
            await CALLS[call](service)
        await connection.aclose()
    assert "shows no effect so far. It may or may not have been applied, also a little later" in unknown.value.text
    assert len(writes(sandbox)) == 1


# --- a 200 that does not tell what happened ---------------------------------------------------------------------------


def answering(service: CampaignService, name: str, shape: Callable[[Campaign, Campaign], Campaign]) -> None:
    """The write is executed, and its answer is what `shape` makes of the campaign before and after."""
    client, real = service._client, getattr(service._client, name)

    async def write(campaign_id: int, *arguments: Any) -> Campaign:
        before = await client.get(campaign_id)
        return shape(before, await real(campaign_id, *arguments))

    setattr(client, name, write)


def stale(before: Campaign, _: Campaign) -> Campaign:
    return before


def minimal(_: Campaign, after: Campaign) -> Campaign:
    return Campaign(id=after.id, name=after.name, state=after.state)


@pytest.mark.parametrize("shape", [stale, minimal])
@pytest.mark.parametrize(
    ("call", "name", "done"),
    [
        (
            "edit",
            "patch",
            'Done: Campaign 4 "Berlin appointment reminders" was changed.\n- retry_config.max_retries: 2 → 7\n',
        ),
        ("resume", "resume", 'Done: Campaign 4 "Berlin appointment reminders" is running again; it was paused.\n'),
        ("pause", "pause", 'Done: Campaign 3 "Spring promo" is paused; it was running.\n'),
    ],
)
async def test_a_stale_or_minimal_answer_to_a_write_is_looked_at_once_more(
    service: CampaignService, call: str, name: str, done: str, shape: Callable[[Campaign, Campaign], Campaign]
) -> None:
    answering(service, name, shape)
    result = await CALLS[call](service)
    text = {"edit": edited_text, "resume": resumed_text, "pause": paused_text}[call](result, MONDAY)  # type: ignore[operator]
    assert result.applied
    assert text.startswith(done)
    assert "omeone else" not in text
    assert result.campaign.settings() == (await service.get(result.campaign.id)).settings()


@pytest.mark.parametrize(
    ("call", "name", "shape"),
    [
        ("edit", "patch", stale),
        ("edit", "patch", minimal),
        ("resume", "resume", stale),
        ("pause", "pause", stale),
    ],
)
async def test_a_write_whose_answer_does_not_show_it_is_unknown_when_it_cannot_be_read(
    sandbox: Sandbox, call: str, name: str, shape: Callable[[Campaign, Campaign], Campaign], waits: Waits
) -> None:
    waits.go_on.set()
    service = own(sandbox)
    answering(service, name, shape)
    sandbox.faults.add(Fault("status", method="GET", code=500, after=READS_BEFORE[call]))
    with pytest.raises(OutcomeUnknown) as unknown:
        await CALLS[call](service)
    assert (
        "The API accepted it, and its answer does not show it. Reading the campaign afterwards failed as well."
        in unknown.value.text
    )


@pytest.mark.parametrize("kind", ["drop-before", "drop-after"])
async def test_a_lost_reply_of_an_edit_that_the_display_cannot_show_is_unknown_whether_it_was_executed_or_not(
    service: CampaignService, sandbox: Sandbox, kind: str
) -> None:
    """Campaign 2 shows a breaker that is off, or unset and on: switched off, it looks the same."""
    sandbox.faults.add(Fault(kind, method="PATCH", times=1))
    with pytest.raises(OutcomeUnknown):
        await service.edit(2, {"circuit_breaker": {"enabled": False}})
    assert writes(sandbox) == ["PATCH 2"]


@pytest.mark.parametrize(("call", "name"), [("resume", "resume"), ("pause", "pause")])
async def test_a_minimal_answer_that_shows_the_state_is_enough_when_the_settings_cannot_be_read_again(
    sandbox: Sandbox, call: str, name: str, waits: Waits
) -> None:
    waits.go_on.set()
    service = own(sandbox)
    answering(service, name, minimal)
    sandbox.faults.add(Fault("status", method="GET", code=500, after=READS_BEFORE[call]))
    switched: StateChange = await CALLS[call](service)
    assert switched.applied
    assert switched.before is not None
    assert switched.campaign.settings() == switched.before.settings()


async def test_a_pause_during_an_import_is_told_as_done_although_the_second_one_is_refused_and_nothing_can_be_read(
    sandbox: Sandbox,
) -> None:
    """The deadline comes while the second pause is being looked into; the first one was executed."""
    sandbox.faults.add(Fault("import-ends", times=1))
    service = own(sandbox, sleep=no_wait)
    real = service._client.pause
    paused = 0

    async def pause(*arguments: Any) -> Campaign:
        nonlocal paused
        paused += 1
        if paused == 2:
            await real(*arguments)
        return await real(*arguments)

    service._client.pause = pause  # type: ignore[method-assign]
    switched = await service.pause(10)
    assert switched.campaign.phase == sandbox.campaign(10)["state"] == "paused"
    assert paused == 2


# --- the emergency stop -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "code": 500},
        {"kind": "status", "code": 502},
        {"kind": "status", "code": 429, "retry_after": 60},
        {"kind": "drop-before"},
        {"kind": "broken-json"},
        {"kind": "delay", "seconds": 1.0},
    ],
    ids=lambda fault: " ".join(str(value) for value in fault.values()),
)
async def test_a_campaign_that_cannot_be_read_is_paused_all_the_same(
    sandbox: Sandbox, fault: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines, "PAUSE_READ_SECONDS", 0.3)
    sandbox.faults.add(Fault(method="GET", **fault))
    with RunningServer(sandbox) as running:
        settings = Settings(timeout=5, base_url=running.url, api_key=SecretStr(KEY))
        connection = ApiTransport(settings)
        service = CampaignService(AsissoClient(connection, settings), clock=lambda: MONDAY, sleep=no_wait)
        switched = await service.pause(3)
        await connection.aclose()
    assert sandbox.campaign(3)["state"] == "paused"
    assert switched.applied
    assert switched.before is None
    assert switched.notes == (NOT_READ_BEFORE,)
    text = paused_text(switched, MONDAY)
    assert text.startswith('Done: Campaign 3 "Spring promo" is paused.\n')
    assert f"Note: {NOT_READ_BEFORE}" in text


async def test_a_pause_without_a_reading_before_whose_reply_was_lost_does_not_say_whose_doing_it_was(
    sandbox: Sandbox, waits: Waits
) -> None:
    waits.go_on.set()
    service = own(sandbox)
    sandbox.put(3, state="paused")
    sandbox.faults.add(Fault("status", method="GET", code=500, times=2))
    sandbox.faults.add(Fault("drop-before", method="POST", times=1))
    switched = await service.pause(3)
    assert not switched.applied
    assert paused_text(switched, MONDAY) == (
        'Campaign 3 "Spring promo" is paused, whether by this request is not known. Not dialing. Right after a pause, '
        f"up to ten claimed contacts may still be called. To let it dial: `resume_campaign`.\nNote: {NOT_READ_BEFORE}"
    )


async def test_a_malformed_row_is_paused_and_called_unknown_because_the_api_answers_with_an_error(
    service: CampaignService, sandbox: Sandbox
) -> None:
    sandbox.put(13, state="running")
    sandbox.faults.add(Fault("poison", campaign=13))
    with pytest.raises(OutcomeUnknown) as unknown:
        await service.pause(13)
    assert sandbox.campaign(13)["state"] == "paused"
    assert unknown.value.text.startswith("Unknown outcome. Sent: the pause of campaign 13. ")


@pytest.mark.parametrize(("key", "campaign_id", "error"), [("as_wrong_key_0000", 3, KeyRejected), (KEY, 999, NotFound)])
async def test_a_pause_of_what_is_not_there_or_not_allowed_is_not_sent(
    sandbox: Sandbox, key: str, campaign_id: int, error: type[AsissoError]
) -> None:
    service = own(sandbox, key=key)
    with pytest.raises(error):
        await service.pause(campaign_id)
    assert writes(sandbox) == []


@pytest.mark.parametrize("waiting", ["for the API", "for its turn"])
@pytest.mark.parametrize("call", ["edit", "resume"])
async def test_a_pause_goes_before_what_waits_and_drops_it(
    sandbox: Sandbox, waits: Waits, call: str, waiting: str
) -> None:
    service = own(sandbox)
    refusals: list[str] = []

    async def run() -> None:
        try:
            await CALLS[call](service)
        except NotAllowed as refusal:
            refusals.append(refusal.text)

    async with anyio.create_task_group() as tasks:
        sandbox.faults.add(Fault("status", campaign=4, method="PATCH", code=429, retry_after=20, times=1))
        sandbox.faults.add(Fault("status", campaign=4, method="POST", code=429, retry_after=20, times=1))
        tasks.start_soon(run)
        await waits.begun.wait()
        if waiting == "for its turn":
            tasks.start_soon(run)
            await anyio.wait_all_tasks_blocked()
        with anyio.fail_after(5):
            switched = await service.pause(4)
    assert not switched.applied
    assert refusals == [
        "Nothing was changed: another call pauses this campaign, so this one was dropped while it waited. Look with "
        "`get_campaign` before you call again."
    ] * (1 if waiting == "for the API" else 2)
    assert len(writes(sandbox)) == 1
    assert sandbox.campaign(4)["state"] == "paused"


async def test_a_pause_goes_before_a_resume_that_waits_for_a_connection_and_drops_it(sandbox: Sandbox) -> None:
    service = own(sandbox)
    busy, free = anyio.Event(), anyio.Event()
    real = service._client.resume

    async def resume(*arguments: Any) -> Campaign:
        busy.set()
        await free.wait()
        return await real(*arguments)

    service._client.resume = resume  # type: ignore[method-assign]
    refusals: list[NotAllowed] = []

    async def run() -> None:
        try:
            await service.resume(4)
        except NotAllowed as refusal:
            refusals.append(refusal)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        await busy.wait()
        with anyio.fail_after(5):
            await service.pause(4)
        free.set()
    assert len(refusals) == 1
    await anyio.wait_all_tasks_blocked()
    assert writes(sandbox) == []
    assert sandbox.campaign(4)["state"] == "paused"


async def test_a_pause_waits_for_the_resume_that_is_on_the_wire_and_comes_after_it(sandbox: Sandbox) -> None:
    service = own(sandbox)
    reached, go_on = anyio.Event(), anyio.Event()
    service._client.resume = held(service._client.resume, reached, go_on)  # type: ignore[method-assign]
    results: list[StateChange] = []

    async def run(call: Callable[[int], Awaitable[StateChange]]) -> None:
        results.append(await call(4))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run, service.resume)
        await reached.wait()
        tasks.start_soon(run, service.pause)
        await anyio.wait_all_tasks_blocked()
        assert writes(sandbox) == ["POST resume"]
        go_on.set()
    assert writes(sandbox) == ["POST resume", "POST pause"]
    assert sandbox.campaign(4)["state"] == "paused"
    assert [result.applied for result in results] == [True, True]


async def test_an_edit_that_comes_after_a_pause_waits_for_it(sandbox: Sandbox) -> None:
    service = own(sandbox)
    reached, go_on = anyio.Event(), anyio.Event()
    service._client.pause = held(service._client.pause, reached, go_on)  # type: ignore[method-assign]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(service.pause, 3)
        await reached.wait()
        tasks.start_soon(service.edit, 3, EDIT)
        await anyio.wait_all_tasks_blocked()
        go_on.set()
    assert writes(sandbox) == ["POST pause", "PATCH 3"]
    assert sandbox.campaign(3)["retry_config"]["max_retries"] == 7


async def test_an_edit_whose_caller_is_gone_still_holds_up_the_next_one_while_it_is_on_the_wire(
    sandbox: Sandbox,
) -> None:
    service = own(sandbox)
    reached, go_on = anyio.Event(), anyio.Event()
    real = service._client.patch
    service._client.patch = held(real, reached, go_on)  # type: ignore[method-assign]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(service.edit, 4, EDIT)
        await reached.wait()
        tasks.cancel_scope.cancel()
    service._client.patch = real  # type: ignore[method-assign]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(service.edit, 4, {"retry_config": {"max_retries": 5}})
        await anyio.wait_all_tasks_blocked()
        assert writes(sandbox) == ["PATCH 4"]
        go_on.set()
    assert sandbox.campaign(4)["retry_config"]["max_retries"] == 5


# --- a row that cannot be read ----------------------------------------------------------------------------------------


async def test_a_malformed_row_is_repaired_by_an_edit_that_names_all_of_retry_config(
    service: CampaignService, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Fault("poison", campaign=13))
    edited = await service.edit(13, {"retry_config": FULL_RETRY})
    assert edited.applied
    assert sandbox.campaign(13)["retry_config"] == FULL_RETRY
    text = edited_text(edited, MONDAY)
    assert "- retry_config.max_retries: unreadable → 4\n" in text
    assert f"Note: {REPAIRED_UNREAD}" in text
    assert "Undo:" not in text
    assert (await service.get(13)).retry_config == FULL_RETRY


@pytest.mark.parametrize(
    ("named", "options"),
    [
        (EDIT, {}),
        ({"retry_config": FULL_RETRY, "max_concurrency": 2}, {}),
        ({"retry_config": FULL_RETRY}, {"dry_run": True}),
        ({"retry_config": FULL_RETRY}, {"expected_revision": "000000000000"}),
    ],
    ids=["a part", "something else too", "a preview", "a revision"],
)
async def test_any_other_edit_of_a_malformed_row_is_answered_with_what_repairs_it(
    service: CampaignService, sandbox: Sandbox, named: dict[str, Any], options: dict[str, Any]
) -> None:
    sandbox.faults.add(Fault("poison", campaign=13))
    with pytest.raises(ServerFault) as fault:
        await service.edit(13, named, **options)
    assert fault.value.text == (
        "The API had an error inside (HTTP 500). If it stays, tell Asisso's support the campaign and the time. If this campaign "
        "alone cannot be read, its stored retry_config may be malformed: `update_campaign` with all six fields of retry_config, "
        "and nothing else, can repair that, and `pause_campaign` works all the same."
    )
    assert writes(sandbox) == []


async def test_a_repair_of_a_running_campaign_is_left_to_the_api_to_refuse(
    service: CampaignService, sandbox: Sandbox
) -> None:
    sandbox.put(13, state="running")
    sandbox.faults.add(Fault("poison", campaign=13))
    with pytest.raises(AsissoError) as refusal:
        await service.edit(13, {"retry_config": FULL_RETRY})
    assert "Cannot update a running campaign" in refusal.value.text


# --- what the tests above are made of ---------------------------------------------------------------------------------


def own(sandbox: Sandbox, *, key: str = KEY, **options: Any) -> CampaignService:
    settings = Settings(api_key=SecretStr(key))
    client = AsissoClient(ApiTransport(settings, transport=sandbox.transport()), settings)
    return CampaignService(client, **{"clock": lambda: MONDAY, "sleep": no_wait, **options})


def held(
    real: Callable[..., Awaitable[Campaign]], reached: anyio.Event, go_on: anyio.Event
) -> Callable[..., Awaitable[Campaign]]:
    """A request that was executed, and whose answer comes when it is let go."""

    async def request(*arguments: Any) -> Campaign:
        answer = await real(*arguments)
        reached.set()
        await go_on.wait()
        return answer

    return request


def waiting(service: CampaignService, wait: Callable[[], Awaitable[None]]) -> None:
    """Edits wait for a connection before they are sent."""
    real = service._client.patch

    async def patch(*arguments: Any) -> Campaign:
        await wait()
        return await real(*arguments)

    service._client.patch = patch  # type: ignore[method-assign]


def refuse_once(service: CampaignService) -> None:
    real, refused = service._client.patch, []

    async def patch(*arguments: Any) -> Campaign:
        if not refused:
            refused.append(True)
            raise Unreachable("Connection refused.", executed=False)
        return await real(*arguments)

    service._client.patch = patch  # type: ignore[method-assign]


async def test_a_request_that_fails_before_it_is_sent_for_a_caller_who_is_gone_leaves_no_trace_on_stderr(
    sandbox: Sandbox,
) -> None:
    """asyncio prints the exception of a task that nobody asks for, and with it a traceback."""
    service = own(sandbox)
    printed: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: printed.append(context))
    waiting = anyio.Event()

    async def refused(*_: Any) -> Campaign:
        waiting.set()
        await asyncio.sleep(0.02)
        raise Unreachable("refused", executed=False)

    service._client.patch = refused  # type: ignore[method-assign]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(CALLS["edit"], service)
        await waiting.wait()
        tasks.cancel_scope.cancel()
    await asyncio.sleep(0.05)
    gc.collect()
    assert printed == []
