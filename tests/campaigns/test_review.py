"""Writes on the wire when the process ends or was held up, or when another write of the same call fails."""

import asyncio

import anyio
import pytest

from asisso_mcp.api.errors import AsissoError
from asisso_mcp.sandbox import Sandbox
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
