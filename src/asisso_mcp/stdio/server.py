"""The stdio transport: ends cleanly at the end of input and on signals, and cuts off no write in silence.

The pipe is read and written in the event loop, without a thread for each line: that halves the time of a call. Where the
loop cannot wait for a descriptor (Windows, a plain file as input), threads do it.
"""

import gc
import json
import logging
import os
import select
import signal
import stat
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
from mcp.server import Server
from mcp.shared.message import SessionMessage
from mcp_types import (
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
    RequestId,
    jsonrpc_message_adapter,
)

from asisso_mcp.config import Settings
from asisso_mcp.journal.location import open_journal
from asisso_mcp.server.app import build_server
from asisso_mcp.server.refusal import refuse_calls
from asisso_mcp.stdio.batches import (
    CANCELLED,
    EMPTY,
    NOT_A_MESSAGE,
    NOT_IN_A_BATCH,
    NOT_SUPPORTED,
    REVISION,
    Batch,
    invalid_request,
    is_id,
    parse_batch,
    refuse_batch,
)
from asisso_mcp.stdio.host_process import host_process
from asisso_mcp.stdio.pipe import OverlongLine, StdioPipe
from asisso_mcp.stdio.unreadable_lines import overlong_error, unreadable_error
from asisso_mcp.tools.services import TenantServices

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

    Incoming = MemoryObjectSendStream[SessionMessage | Exception]
    Outgoing = MemoryObjectReceiveStream[SessionMessage]
    Replies = MemoryObjectSendStream[SessionMessage]

logger = logging.getLogger(__name__)

GRACE_SECONDS = 5.0
"""How long calls may still take when the input has ended, and writes when a signal came."""
_GC_THRESHOLD = 10_000
"""Objects between two collections: a call makes a few hundred, nearly all freed without one."""
HOST_CHECK_SECONDS = 60.0
ORPHAN_SECONDS = 600.0
"""How long nothing may come from a host whose process is gone."""
FLUSH_SECONDS = 1.5
"""After a signal and the writes: for answers that are on their way to the client."""
_BUFFERED_MESSAGES = 16
_PIPE_BYTES = 4096
"""Bytes that a pipe which is ready takes without blocking (POSIX: PIPE_BUF is at least 512, on Linux 4096)."""


def serve(settings: Settings, pipe: StdioPipe, *, refusal: str | None = None) -> None:
    """Serve until the input ends or a signal comes. refusal: the reason why every call is refused, or None."""
    from asisso_mcp.server import telemetry

    instruments = telemetry.start()
    journal = open_journal(settings, by_default=True, warn=_warn)
    services = TenantServices(settings, connect=instruments.transport if instruments else None, journal=journal)
    server = build_server(settings, services=services, telemetry=instruments)
    if refusal is not None:
        refuse_calls(server, refusal)
    gc.freeze()  # what was imported stays: no collection during a call needs to look at it
    gc.set_threshold(_GC_THRESHOLD)
    anyio.run(StdioSession(server, services, pipe).run)
    if instruments is not None:
        instruments.close()


class StdioSession:
    """One session with the client on one pipe."""

    def __init__(self, server: Server[TenantServices], services: TenantServices, pipe: StdioPipe) -> None:
        self._server, self._services, self._pipe = server, services, pipe
        self._unanswered: set[RequestId] = set()
        """Requests that were read and are not answered yet."""
        self._batches: dict[RequestId, Batch] = {}
        """The batch of each unanswered request that came in one."""
        self._revision: object = None
        """The protocol's revision that `initialize` asked for: where that is one that the SDK knows, it is agreed on."""
        self._idle = anyio.Event()
        self._heard = anyio.Event()
        """Set by the next line."""
        self._writes_in_loop = _is_pollable(pipe.outgoing)

    async def run(self) -> None:
        """Serve until the input ends. A signal, or a client that is gone, ends the process."""
        # Buffered: a message need not wait until the other side is ready for it.
        to_server, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](_BUFFERED_MESSAGES)
        outgoing, from_server = anyio.create_memory_object_stream[SessionMessage](_BUFFERED_MESSAGES)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._end_on_signal)
            tasks.start_soon(self._end_without_host)
            tasks.start_soon(self._read, to_server, outgoing.clone())
            tasks.start_soon(self._write, from_server)
            await self._server.run(incoming, outgoing, self._server.create_initialization_options())
            tasks.cancel_scope.cancel()

    async def _read(self, to_server: "Incoming", replies: "Replies") -> None:
        async with to_server, replies:
            async for line in self._lines():
                self._heard.set()
                if isinstance(line, OverlongLine):
                    await replies.send(SessionMessage(overlong_error(line)))
                    continue
                try:
                    message = jsonrpc_message_adapter.validate_json(line, by_name=False)
                except ValueError as problem:
                    if (members := parse_batch(line)) is not None:
                        await self._read_batch(members, to_server, replies)
                        continue
                    if (unreadable := unreadable_error(line)) is not None:
                        await replies.send(SessionMessage(unreadable))
                    await to_server.send(problem)
                    continue
                if isinstance(message, JSONRPCRequest):
                    self._unanswered.add(message.id)
                    if message.method == "initialize":
                        self._revision = (message.params or {}).get("protocolVersion")
                await self._pass_on(message, to_server, replies)
            # What was asked before the input ended is answered, within bounds: `printf … | asisso-mcp` works.
            await self._wait_until_answered(GRACE_SECONDS)
        await self._services.drain_writes(GRACE_SECONDS)
        if self._services.in_flight():
            _exit_now(0)

    async def _read_batch(self, members: list[Any], to_server: "Incoming", replies: "Replies") -> None:
        """Pass on the messages of a batch, or refuse it."""
        if not members or self._revision != REVISION:
            for refused in refuse_batch(members, NOT_SUPPORTED if members else EMPTY):
                await replies.send(SessionMessage(refused))
            return
        batch, messages, errors = Batch(), [], []
        for member in members:
            try:
                message = jsonrpc_message_adapter.validate_json(json.dumps(member), by_name=False)
            except ValueError:
                errors += refuse_batch([member], NOT_A_MESSAGE)
                continue
            if isinstance(message, JSONRPCRequest):
                if message.method == "initialize" or message.id in self._unanswered:
                    errors.append(invalid_request(message.id, NOT_IN_A_BATCH))
                    continue
                self._unanswered.add(message.id)
                self._batches[message.id] = batch
                batch.waiting.add(message.id)
            messages.append(message)
        if batch.waiting:
            batch.responses += map(_to_json, errors)
        else:
            for error in errors:
                await replies.send(SessionMessage(error))
        for message in messages:
            await self._pass_on(message, to_server, replies)

    async def _pass_on(self, message: JSONRPCMessage, to_server: "Incoming", replies: "Replies") -> None:
        await to_server.send(SessionMessage(message))
        if isinstance(message, JSONRPCNotification) and message.method == "notifications/cancelled":
            number = (message.params or {}).get("requestId")
            if is_id(number) and number in self._batches:  # it gets no response, and its batch would wait for ever
                await replies.send(SessionMessage(invalid_request(number, CANCELLED)))

    async def _wait_until_answered(self, seconds: float) -> None:
        with anyio.move_on_after(seconds):
            while self._unanswered:
                self._idle = anyio.Event()
                await self._idle.wait()

    async def _lines(self) -> AsyncIterator[bytes]:
        pipe = self._pipe
        for line in pipe.replay:
            yield line
        waits_in_loop = _is_pollable(pipe.incoming)
        while True:
            for line in pipe.lines():
                yield line
            if pipe.ended:
                return
            if waits_in_loop:
                await anyio.wait_readable(pipe.incoming)
                pipe.read_chunk()
            else:
                await anyio.to_thread.run_sync(pipe.read_chunk, abandon_on_cancel=True)

    async def _write(self, from_server: "Outgoing") -> None:
        async with from_server:
            async for sent in from_server:
                message = sent.message
                answered = message.id if isinstance(message, JSONRPCResponse | JSONRPCError) else None
                if answered is None or answered != self._pipe.suppressed_id:
                    batch = None if answered is None else self._batches.pop(answered, None)
                    line = _to_json(message) if batch is None else batch.add(answered, _to_json(message))
                    if line is not None:
                        await self._write_line(line)
                if answered is not None:
                    self._unanswered.discard(answered)
                if not self._unanswered:
                    self._idle.set()

    async def _write_line(self, line: bytes) -> None:
        try:
            if self._writes_in_loop:
                await self._write_in_loop(memoryview(line + b"\n"))
            else:
                await anyio.to_thread.run_sync(self._pipe.write, line)
        except ConnectionError:  # the client is gone without a word
            await self._services.drain_writes(GRACE_SECONDS)
            _exit_now(0)

    async def _write_in_loop(self, left: memoryview) -> None:
        outgoing = self._pipe.outgoing
        while left:
            if not select.select([], [outgoing], [], 0)[1]:
                await anyio.wait_writable(outgoing)
            left = left[os.write(outgoing, left[:_PIPE_BYTES]) :]

    async def _end_without_host(self) -> None:
        """End when the host's process is gone and then nothing comes for `ORPHAN_SECONDS`.

        Not before: a host may start its servers from a process that it ends on purpose, and goes on talking.
        """
        host = self._pipe.host
        while host is not None:
            await anyio.sleep(HOST_CHECK_SECONDS)
            if (now := host_process()) == host:
                continue
            self._heard = anyio.Event()
            with anyio.move_on_after(ORPHAN_SECONDS) as waiting:
                await self._heard.wait()
            if waiting.cancelled_caught:
                logger.warning("The host is gone, and nothing has come for %g s: the server ends.", ORPHAN_SECONDS)
                await self._services.drain_writes(GRACE_SECONDS)
                _exit_now(0)
            host = now

    async def _end_on_signal(self) -> None:
        if sys.platform == "win32":  # no signal receiver there; the host closes the input
            return
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for number in signals:
                await self._services.drain_writes(GRACE_SECONDS)
                await self._wait_until_answered(FLUSH_SECONDS)  # what became of a write that was just settled
                # A thread that reads the input cannot be interrupted: leaving is the only way that always works.
                _exit_now(128 + number)


def _to_json(message: JSONRPCMessage) -> bytes:
    return message.model_dump_json(by_alias=True, exclude_unset=True).encode()


def _is_pollable(descriptor: int) -> bool:
    mode = os.fstat(descriptor).st_mode
    return sys.platform != "win32" and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor))


def _warn(text: str) -> None:
    print(f"asisso-mcp: {text}", file=sys.stderr, flush=True)


def _exit_now(code: int) -> None:
    sys.stderr.flush()
    os._exit(code)
