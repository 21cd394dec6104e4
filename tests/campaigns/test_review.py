"""Writes on the wire when the process ends or was held up, or when another write of the same call fails."""

import asyncio
import gc
import time
from typing import Any

import anyio
import pytest
from pydantic import SecretStr

from asisso_mcp.api import retries
from asisso_mcp.api.client import BeforeSending
from asisso_mcp.api.errors import AsissoError
from asisso_mcp.api.models import Campaign
from asisso_mcp.campaigns import deadlines
from asisso_mcp.campaigns.policy import Caller
from asisso_mcp.campaigns.service import NOT_READ_BEFORE
from asisso_mcp.campaigns.summary import paused_text
from asisso_mcp.campaigns.write_recovery import OutcomeUnknown
from asisso_mcp.config import Settings
from asisso_mcp.sandbox import KEY, Fault, Sandbox
from asisso_mcp.tools.services import KEPT_TENANTS, TenantServices
from tests.api.scripted import until
from tests.campaigns.test_interrupted_writes import CALLS, EDIT, FULL_RETRY, held, minimal, own, waiting, writes
from tests.conftest import MONDAY, no_wait


def hold_up(seconds: float) -> None:
    """What happens to a process that is stopped and goes on (Ctrl-Z, `docker pause`): all its deadlines are past at once."""
    time.sleep(seconds)


async def test_a_write_that_waits_for_a_connection_when_the_process_ends_is_not_sent(sandbox: Sandbox) -> None:
    service, busy, free = own(sandbox), anyio.Event(), anyio.Event()

    async def wait_for_connection() -> None:
        busy.set()
        await free.wait()

    waiting(service, wait_for_connection)
    task = asyncio.get_running_loop().create_task(service.edit(4, EDIT))
    await busy.wait()
    service.stop_writing()
    free.set()
    with pytest.raises(AsissoError) as refusal:
        await task
    assert refusal.value.text == (
        "Nothing was changed: asisso-mcp is shutting down, so this was not sent. Call again in a moment."
    )
    assert writes(sandbox) == []


async def test_a_pause_that_was_done_is_told_when_its_caller_goes_away_after_a_second_one_was_refused(
    sandbox: Sandbox,
) -> None:
    sandbox.faults.add(Fault("import-ends", times=1))
    told: list[str] = []
    service, refused = own(sandbox, tell=told.append), anyio.Event()
    real, get = service._client.pause, service._client.get
    paused = 0

    async def pause(*arguments: Any) -> Campaign:
        nonlocal paused
        paused += 1
        if paused == 2:
            await real(*arguments)  # a colleague's
            refused.set()
        return await real(*arguments)

    async def look(campaign_id: int) -> Campaign:
        if refused.is_set():
            task.cancel()
            await anyio.Event().wait()
        return await get(campaign_id)

    service._client.pause, service._client.get = pause, look  # type: ignore[method-assign]
    task = asyncio.get_running_loop().create_task(service.pause(10))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert told == ["The caller went away. Outcome of the pause of campaign 10: done."]


@pytest.mark.parametrize("call", CALLS)
async def test_a_call_whose_time_passed_while_the_process_was_held_up_does_not_say_that_nothing_was_changed(
    sandbox: Sandbox, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines, "DEADLINE_SECONDS", 0.2)
    monkeypatch.setattr(deadlines, "WRITE_SECONDS", 0.0)
    monkeypatch.setattr(deadlines, "SPARE_SECONDS", 0.02)
    service, reached = own(sandbox), anyio.Event()
    for name in ("patch", "pause", "resume"):
        setattr(service._client, name, held(getattr(service._client, name), reached, anyio.Event()))
    task = asyncio.get_running_loop().create_task(CALLS[call](service))  # type: ignore[arg-type]
    await reached.wait()
    hold_up(0.3)
    with pytest.raises(OutcomeUnknown) as unknown:
        await task
    sent = {
        "edit": "the edit of retry_config.max_retries of campaign 4",
        "resume": "the resume of campaign 4",
        "pause": "the pause of campaign 3",
    }[call]
    assert unknown.value.text == (
        f"Unknown outcome. Sent: {sent}. The time for this call was over before that was settled. It may or may not have been "
        "applied, also a little later, and it was not repeated: look with `get_campaign` before you try again."
    )
    assert len(writes(sandbox)) == 1


async def test_a_pause_during_an_import_whose_time_passed_while_the_process_was_held_up_does_not_say_that_nothing_was_changed(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines, "DEADLINE_SECONDS", 0.5)
    monkeypatch.setattr(deadlines, "WRITE_SECONDS", 0.0)
    monkeypatch.setattr(deadlines, "SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(deadlines, "SPARE_SECONDS", 0.02)
    monkeypatch.setattr("asisso_mcp.campaigns.writer.SYNC_LOOKS", (0.01,))

    async def watch(_: float) -> None:
        hold_up(0.6)
        await anyio.Event().wait()

    service = own(sandbox, sleep=watch)
    with pytest.raises(OutcomeUnknown) as unknown:
        await service.pause(10)
    assert unknown.value.text.startswith(
        "Unknown outcome. Sent: the pause of campaign 10: done. The time for this call was over"
    )
    assert sandbox.campaign(10)["state"] == "paused"


async def test_of_two_pauses_on_the_wire_the_second_is_still_known_when_the_first_was_answered(
    sandbox: Sandbox,
) -> None:
    service = own(sandbox)
    connected: list[anyio.Event] = []
    answered: list[anyio.Event] = []
    real = service._client.pause

    async def pause(campaign_id: int, before_sending: BeforeSending) -> Campaign:
        connected.append(anyio.Event())
        await connected[-1].wait()
        before_sending()
        answered.append(anyio.Event())
        await answered[-1].wait()
        return await real(campaign_id)

    service._client.pause = pause  # type: ignore[method-assign]
    async with anyio.create_task_group() as tasks:
        for _ in range(2):
            tasks.start_soon(service.pause, 3)
        await until(lambda: len(connected) == 2)
        for each in connected:
            each.set()
        await until(lambda: len(answered) == 2)
        answered[0].set()
        await until(lambda: writes(sandbox) == ["POST pause"])
        await anyio.wait_all_tasks_blocked()
        assert list(service.in_flight) == ["the pause of campaign 3"]
        answered[1].set()
    assert not service.in_flight


async def test_a_pause_that_was_refused_does_not_say_when_it_became_paused_without_a_reading_before(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries.anyio, "sleep", no_wait)
    service = own(sandbox)
    sandbox.put(3, state="paused")
    sandbox.faults.add(Fault("status", method="GET", code=500, times=2))
    switched = await service.pause(3)
    assert not switched.applied
    assert paused_text(switched, MONDAY) == (
        'Campaign 3 "Spring promo" is paused, whether by this request is not known. Not dialing. Right after a pause, '
        f"up to ten claimed contacts may still be called. To let it dial: `resume_campaign`.\nNote: {NOT_READ_BEFORE}"
    )


async def test_a_pause_without_a_reading_before_and_with_a_minimal_answer_has_the_revision_of_the_campaign(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries.anyio, "sleep", no_wait)
    service = own(sandbox)
    client, real = service._client, service._client.pause

    async def pause(*arguments: Any) -> Campaign:
        return minimal(None, await real(*arguments))  # type: ignore[arg-type]

    client.pause = pause  # type: ignore[method-assign]
    sandbox.faults.add(Fault("status", method="GET", code=500, times=2))
    switched = await service.pause(3)
    assert switched.applied
    assert switched.campaign.settings() == (await service.get(3)).settings()


async def test_a_repair_of_a_row_that_could_be_read_before_a_wait_is_sent(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asisso_mcp.campaigns.write_recovery.FRESH_SECONDS", 0.05)

    async def wait(_: float) -> None:
        hold_up(0.1)
        sandbox.faults.add(Fault("status", campaign=4, method="GET", code=500))

    monkeypatch.setattr(retries.anyio, "sleep", wait)
    sandbox.faults.add(Fault("status", method="PATCH", code=429, retry_after=6, times=1))
    edited = await own(sandbox).edit(4, {"retry_config": FULL_RETRY})
    assert edited.applied
    assert sandbox.campaign(4)["retry_config"] == FULL_RETRY


async def test_a_write_on_the_wire_is_waited_for_although_its_caller_left_and_many_other_tenants_came(
    sandbox: Sandbox,
) -> None:
    told: list[str] = []
    services = TenantServices(Settings(), transport=sandbox.transport(), uses_caller_keys=True, tell=told.append)
    caller, reached, go_on = Caller(api_key=SecretStr(KEY)), anyio.Event(), anyio.Event()

    async def resume() -> None:
        service = services.call(caller).service
        service._client.resume = held(service._client.resume, reached, go_on)  # type: ignore[method-assign]
        await service.resume(4)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(resume)
        await reached.wait()
        tasks.cancel_scope.cancel()
    for number in range(2 * KEPT_TENANTS):
        services.call(Caller(api_key=SecretStr(f"as_key_of_another_{number}")))
    gc.collect()
    assert services.in_flight() == ("the resume of campaign 4",)
    go_on.set()
    await services.close()
    assert told == ["The caller went away. Outcome of the resume of campaign 4: done."]
