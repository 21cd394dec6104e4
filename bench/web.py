"""A raw MCP client on streamable HTTP, without an SDK: one session, and a kept-alive connection for each call in flight.

Under load it shares the processors with the server that it measures, so it does as little as it can for each call.
"""

import asyncio
import json
import random
import re
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.processes import end, last_words, processor_seconds, spawn
from bench.servers import Command
from bench.stdio import HELLO, PROTOCOL, Failed, checked

_START_SECONDS = 30.0
_PATIENCE_SECONDS = 60.0
_NUMBER = 1_000_000
"""The first id under load; all have seven digits, so that requests differ in these alone."""
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_SESSION = re.compile(rb"\r\nmcp-session-id: *([!-~]+)", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)


class Web:
    """One server process on a port of loopback, and a session with it."""

    def __init__(self, command: Command, port: int, environment: Mapping[str, str], log: Path) -> None:
        self._process = spawn(command, environment, log)
        self._port = port
        self._session = b""
        self._log = log
        self._idle: list[_Connection] = []
        self._number = 0

    async def open(self) -> None:
        """Wait until the port answers, then shake hands. Raises Failed."""
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                self._idle.append(await self._connect())
                break
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise Failed(f"it did not open its port: {last_words(self._log)}") from None
                await asyncio.sleep(0.05)
        head, message = await self._send({"method": "initialize", "params": HELLO, "id": 0})
        checked(message, "initialize")
        if session := _SESSION.search(head):
            self._session = b"mcp-session-id: " + session[1] + b"\r\n"
        self._session += b"mcp-protocol-version: " + PROTOCOL.encode() + b"\r\n"
        await self._send({"method": "notifications/initialized"})

    async def close(self) -> None:
        """Close the connections and end the process."""
        for connection in self._idle:
            connection.close()
        end(self._process)

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call a tool and return its result. Raises Failed."""
        _, message = await self._send(self._call(tool, arguments))
        return checked(message, "tools/call")

    async def load(
        self, tool: str, arguments: Mapping[str, Any], *, in_flight: int, seconds: float
    ) -> tuple[float, float]:
        """Calls a second, and processor seconds a call, with so many calls always in flight. Raises Failed."""
        calls = 0
        self._idle = [each for each in self._idle if not each.lost]  # servers close what is idle for seconds
        missing = max(in_flight - len(self._idle), 0)
        self._idle += await asyncio.gather(*(self._connect() for _ in range(missing)))

        head, tail = self._request(self._call(tool, arguments, number=_NUMBER)).split(b"%d" % _NUMBER)

        async def one_after_the_other(connection: _Connection) -> None:
            nonlocal calls
            while time.perf_counter() < until:
                self._number = (self._number + 1) % _NUMBER
                _, body = await connection.ask(b"%b%d%b" % (head, _NUMBER + self._number, tail))
                if b'"error":' in body or b'"isError":true' in body:
                    raise Failed(body.decode(errors="replace")[:200])
                calls += 1

        busy, began = processor_seconds(self._process.pid), time.perf_counter()
        until = began + seconds
        async with asyncio.timeout(seconds + _PATIENCE_SECONDS):
            # Others each time: a server of several processes has some in each.
            used = random.sample(self._idle, in_flight)
            ends = await asyncio.gather(*map(one_after_the_other, used), return_exceptions=True)
        for failure in ends:
            if failure is not None:
                raise failure
        took = time.perf_counter() - began
        return calls / took, (processor_seconds(self._process.pid) - busy) / calls

    def _call(self, tool: str, arguments: Mapping[str, Any], number: int | None = None) -> dict[str, Any]:
        self._number += 1
        return {"id": number or self._number, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}

    async def _connect(self) -> "_Connection":
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(_Connection, "127.0.0.1", self._port)
        return connection

    def _request(self, message: dict[str, Any]) -> bytes:
        body = json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":")).encode()
        return (
            b"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1:%d\r\ncontent-type: application/json\r\n"
            b"accept: application/json, text/event-stream\r\ncontent-length: %d\r\n%b\r\n"
            % (self._port, len(body), self._session)
            + body
        )

    async def _send(self, message: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            head, body = await self._idle[0].ask(self._request(message))
        return head, message_in(body) if "id" in message else {}


class _Connection(asyncio.Protocol):
    """One connection with one request at a time; it reads answers of known length and chunked ones."""

    lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._out: asyncio.Transport = transport  # type: ignore[assignment]  # a client's transport can write
        self._waiting = bytearray()
        self._answer: asyncio.Future[tuple[bytes, bytes]] | None = None

    def ask(self, request: bytes) -> "asyncio.Future[tuple[bytes, bytes]]":
        """Head and body. Raises Failed for any other status than 2xx, and when the connection is lost."""
        self._answer = asyncio.get_running_loop().create_future()
        self._out.write(request)
        return self._answer

    def close(self) -> None:
        self._out.close()

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        parsed = parsed_answer(self._waiting)
        if parsed is None or self._answer is None:
            return
        status, head, body = parsed
        self._waiting.clear()
        if 200 <= status < 300:
            self._answer.set_result((head, body))
        else:
            self._answer.set_exception(Failed(f"HTTP {status}: {body.decode(errors='replace')[:200]}"))

    def connection_lost(self, _: Exception | None) -> None:
        self.lost = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Failed("the server closed the connection"))


def parsed_answer(raw: bytearray) -> tuple[int, bytes, bytes] | None:
    """Status, head and body; None while the answer is not complete."""
    end_of_head = raw.find(b"\r\n\r\n")
    if end_of_head < 0:
        return None
    status, head, at = int(raw[9:12]), bytes(raw[:end_of_head]), end_of_head + 4
    if not _CHUNKED.search(head):
        declared = _LENGTH.search(head)
        length = int(declared[1]) if declared else 0
        return (status, head, bytes(raw[at : at + length])) if len(raw) >= at + length else None
    body = bytearray()
    while (end_of_size := raw.find(b"\r\n", at)) >= 0:
        size = int(raw[at:end_of_size], 16)
        at = end_of_size + 2 + size + 2
        if len(raw) < at:
            return None
        if size == 0:
            return status, head, bytes(body)
        body += raw[end_of_size + 2 : at - 2]
    return None


def message_in(body: bytes) -> dict[str, Any]:
    """The answer itself: plain JSON, or the last event of a stream that carries one."""
    if body.startswith(b"{"):
        found: dict[str, Any] = json.loads(body)
        return found
    lines = [line[5:].strip() for line in body.splitlines() if line.startswith(b"data:")]
    answers = [message for message in (json.loads(line) for line in lines if line) if "id" in message]
    if not answers:
        raise Failed(f"an answer without a message: {body[:200]!r}")
    return dict(answers[-1])


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
