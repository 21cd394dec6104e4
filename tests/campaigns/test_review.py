"""Writes on the wire when the process ends or was held up, or when another write of the same call fails."""

import asyncio
from typing import Any

import anyio
import pytest

from asisso_mcp.api.errors import AsissoError
from asisso_mcp.api.models import Campaign
from asisso_mcp.sandbox import Fault, Sandbox
from tests.campaigns.test_interrupted_writes import EDIT, own, waiting, writes


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
