"""Serving on stdio, as hosts launch it: clean at end of input, clean on signals, no write cut off in silence."""

import os
import signal
import sys
from typing import TYPE_CHECKING

import anyio
from mcp.server import Server
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage

from asisso_mcp.server.desk import Desk

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectSendStream

GRACE_SECONDS = 5.0
"""How long a write that was sent may still take when the process is asked to end."""


async def serve_stdio(server: Server[Desk], desk: Desk) -> None:
    """Serve until the input ends or a signal comes."""
    to_server, incoming = anyio.create_memory_object_stream[SessionMessage | Exception]()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_end_on_signal, desk)
        async with stdio_server() as (lines, outgoing):
            tasks.start_soon(_relay, lines, to_server, desk)
            await server.run(incoming, outgoing, server.create_initialization_options())
        tasks.cancel_scope.cancel()


async def _relay(
    lines: "anyio.abc.ObjectReceiveStream[SessionMessage | Exception]",
    to_server: "MemoryObjectSendStream[SessionMessage | Exception]",
    desk: Desk,
) -> None:
    """Pass messages on; when they end, bound what is left."""
    async with to_server:
        async for message in lines:
            await to_server.send(message)
    await _finish_writes(desk)
    if desk.in_flight():
        _leave(0)


async def _end_on_signal(desk: Desk) -> None:
    if sys.platform == "win32":  # no signal receiver there; the host closes the input
        return
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for number in signals:
            await _finish_writes(desk)
            # The thread that reads the input cannot be interrupted: leaving is the only way to end now.
            _leave(128 + number)


async def _finish_writes(desk: Desk) -> None:
    """Wait for writes that were sent, at most `GRACE_SECONDS`; say what stays unknown."""
    with anyio.CancelScope(shield=True), anyio.move_on_after(GRACE_SECONDS):
        while desk.in_flight():  # noqa: ASYNC110 - writes come and go; only that none is left matters
            await anyio.sleep(0.05)
    for sent in desk.in_flight():
        print(
            f"asisso-mcp ends while a write is unanswered. Unknown outcome of {sent}: look at the campaign before trying again.",
            file=sys.stderr,
        )


def _leave(code: int) -> None:
    sys.stderr.flush()
    os._exit(code)
