"""An API that answers from a script, in process or over a real socket, and records what it was asked.

Each request takes the next answer; the last answer stays.
"""

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx2
import pytest
from pydantic import SecretStr

from asisso_mcp.api.client import AsissoClient
from asisso_mcp.api.errors import AsissoError
from asisso_mcp.api.transport import ApiTransport
from asisso_mcp.config import Settings

KEY = "as_0123456789abcdef"

BOUND_SECONDS = 30
"""What would hang ends then; a machine under load is given the time."""

CAMPAIGN: dict[str, Any] = {"id": 3, "name": "Spring promo", "state": "paused"}


def settings(base_url: str = "https://app.asisso.com", timeout: float = 5.0, **others: Any) -> Settings:
    return Settings(**{"api_key": SecretStr(KEY), "base_url": base_url, "timeout": timeout, **others})


CALLS: dict[str, Callable[[AsissoClient], Awaitable[object]]] = {
    "get": lambda client: client.get(3),
    "list": lambda client: client.list_campaigns(),
    "patch": lambda client: client.patch(3, {"name": "x"}),
    "pause": lambda client: client.pause(3),
    "resume": lambda client: client.resume(3),
}

# --- in process -------------------------------------------------------------------------------------------------------

InProcess = httpx2.Response | Exception | Callable[[httpx2.Request], httpx2.Response]


class Scripted:
    """A client over answers that never touch a socket."""

    def __init__(self, *answers: InProcess, settings: Settings | None = None) -> None:
        self.requests: list[httpx2.Request] = []
        self._answers = list(answers)
        self.settings = settings or globals()["settings"]()
        self.transport = ApiTransport(self.settings, transport=httpx2.MockTransport(self._answer))
        self.client = AsissoClient(self.transport, self.settings)

    @property
    def asked(self) -> list[str]:
        return [f"{request.method} {request.url.raw_path.decode()}" for request in self.requests]

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx2.Response):
            return httpx2.Response(answer.status_code, headers=answer.headers, content=answer.content)
        return answer(request)


def answer(status: int, body: Any = None, **headers: str) -> httpx2.Response:
    """`body`: JSON, or bytes as they are; `headers`: `retry_after` is `retry-after`."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx2.Response(
        status, headers={name.replace("_", "-"): value for name, value in headers.items()}, content=content
    )


async def outcome(call: str, status: int, body: Any, **headers: str) -> AsissoError:
    """The error that `call` ends with when the API always answers so."""
    with pytest.raises(AsissoError) as caught:
        await CALLS[call](Scripted(answer(status, body, **headers)).client)
    return caught.value


# --- over a socket ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sent:
    """A request as it arrived, on which connection (counted from 1)."""

    connection: int
    line: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name]


@dataclass(frozen=True)
class Raw:
    """Bytes to write, and what the server does with the connection afterwards: keep, close, reset, or hang."""

    written: bytes = b""
    then: str = "keep"


def raw(status: int, body: bytes | object = b"", *, then: str = "keep", headers: str = "") -> Raw:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"HTTP/1.1 {status} x\r\ncontent-length: {len(content)}\r\n{headers}\r\n"
    return Raw(head.encode() + content, then)


DROP = Raw(then="close")
RESET = Raw(then="reset")
SILENCE = Raw(then="hang")


@dataclass
class RawServer:
    answers: list[Raw]
    requests: list[Sent] = field(default_factory=list)
    connections: int = 0
    ended: int = 0
    """Of the connections."""
    port: int = 0
    scheme: str = "http"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        try:
            while (sent := await _request(reader, number)) is not None:
                self.requests.append(sent)
                answered = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                writer.write(answered.written)
                await writer.drain()
                if answered.then == "hang":
                    await asyncio.Event().wait()
                if answered.then == "reset":
                    reset(writer)
                if answered.then in ("close", "reset"):
                    return
        except ConnectionError:
            pass  # the client hung up, as some of these tests want it to
        finally:
            self.ended += 1


def reset(writer: asyncio.StreamWriter) -> None:
    """End the connection with a RST, as a machine does that has crashed."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _request(reader: asyncio.StreamReader, number: int) -> Sent | None:
    try:
        start = await reader.readexactly(1)
        if start == b"\x16":
            return Sent(number, "a TLS greeting", [], b"")
        head = (start + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    line, *rest = head.removesuffix("\r\n\r\n").split("\r\n")
    headers = [(name, value.strip()) for name, _, value in (each.partition(":") for each in rest)]
    length = int(next((value for name, value in headers if name.lower() == "content-length"), "0"))
    return Sent(number, line, headers, await reader.readexactly(length))


@asynccontextmanager
async def listening(
    *answers: Raw, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[RawServer]:
    """A server with these answers on an ephemeral loopback port."""
    script = RawServer(list(answers), scheme="https" if tls else "http")
    async with serving(script.serve, tls=tls, host=host) as script.port:
        yield script


@asynccontextmanager
async def serving(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]],
    *,
    tls: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
) -> AsyncIterator[int]:
    """An ephemeral loopback port whose every connection is served by `serve`. None of them outlives the block."""
    busy: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(serve(reader, writer))
        busy.add(task)
        task.add_done_callback(busy.discard)
        task.add_done_callback(lambda _: writer.close())

    server = await asyncio.start_server(accept, host, 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)
        await server.wait_closed()


@asynccontextmanager
async def asking(asked: Settings) -> AsyncIterator[AsissoClient]:
    """A client with a transport of its own over real sockets."""
    transport = ApiTransport(asked)
    try:
        yield AsissoClient(transport, asked)
    finally:
        await transport.aclose()


async def failing(call: Callable[[], Awaitable[object]]) -> AsissoError:
    with anyio.fail_after(BOUND_SECONDS), pytest.raises(AsissoError) as caught:
        await call()
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what another task brings about."""
    with anyio.fail_after(BOUND_SECONDS):
        while not condition():  # noqa: ASYNC110 - a server's list has no event
            await asyncio.sleep(0.005)  # anyio's is a pretence where a test counts the waits


async def write_against(*answers: Raw, seconds: float = 5.0) -> tuple[AsissoError, int]:
    """The error of a pause against a server with these answers, and how many requests it got."""
    async with listening(*answers) as api, asking(settings(api.origin, seconds)) as client:
        return await failing(lambda: client.pause(3)), len(api.requests)
