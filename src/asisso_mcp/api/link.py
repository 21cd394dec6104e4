"""What is said on one connection to the API? One request at a time in HTTP/1.1, written and read by h11."""

import asyncio
import select
import ssl
from collections.abc import AsyncIterator
from typing import Any, cast

import anyio
import h11
import httpx2

from asisso_mcp.api.dial import connected

_LARGEST_HEAD = 100 * 1024
_PIECE = 64 * 1024
"""Bytes that are read at once; when more than that waits, the API is made to wait."""


class Link(asyncio.Protocol):
    """A connection: `ask`, then the `body`, then `rest` or `close`. Raises httpx2's errors."""

    def __init__(self) -> None:
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LARGEST_HEAD)
        self._received = bytearray()
        self._arrival: asyncio.Future[None] | None = None
        self._ended = self._paused = False
        self._fault: Exception | None = None

    @classmethod
    async def open(cls, host: str, port: int, trust: ssl.SSLContext | None, seconds: float | None) -> "Link":
        """TCP, and TLS where `trust` is given, within `seconds`. Raises ConnectTimeout or ConnectError: nothing was sent."""
        loop = asyncio.get_running_loop()
        try:
            with anyio.move_on_after(seconds):
                line = await connected(host, port)
                _, link = await loop.create_connection(
                    cls, sock=line, ssl=trust, server_hostname=host if trust else None
                )
                return link
        except OSError as fault:
            raise httpx2.ConnectError(str(fault)) from fault
        raise httpx2.ConnectTimeout("")

    async def ask(self, request: httpx2.Request) -> h11.Response:
        """The head of the answer. Raises LocalProtocolError for what cannot be a request: nothing was sent."""
        http, body = self._http, await request.aread()
        try:
            head = h11.Request(method=request.method, target=request.url.raw_path, headers=request.headers.raw)
            written = [http.send(head), http.send(h11.Data(data=body)) if body else b"", http.send(h11.EndOfMessage())]
        except h11.LocalProtocolError as fault:
            raise httpx2.LocalProtocolError(str(fault)) from fault
        self._transport.write(b"".join(filter(None, written)))
        while not isinstance(event := await self._event(), h11.Response):
            pass  # informational: the answer is still to come
        return event

    async def body(self) -> AsyncIterator[bytes]:
        while isinstance(event := await self._event(), h11.Data):
            yield bytes(event.data)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing has come since the last answer, not even to the socket: neither the end nor what nobody asked for."""
        if self._ended or self._received or self._http.trailing_data[0] or self._transport.is_closing():
            return False
        return not _has_something(self._transport.get_extra_info("socket"))

    def rest(self) -> bool:
        """Make ready for the next request. False: that cannot be, and it is closed."""
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            return True
        self.close()
        return False

    def close(self) -> None:
        self._transport.abort()

    async def _event(self) -> Any:
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as fault:
                raise httpx2.RemoteProtocolError(str(fault)) from fault
            if event is not h11.NEED_DATA:
                return event
            self._http.receive_data(await self._read())

    async def _read(self) -> bytes:
        """What has arrived; empty at the end. Raises ReadError."""
        if not self._received and not self._ended:
            self._arrival = asyncio.get_running_loop().create_future()
            await self._arrival
        else:
            await asyncio.sleep(0)  # a long answer does not hold up everybody else
        if self._fault is not None and not self._received:
            raise httpx2.ReadError(str(self._fault)) from self._fault
        data = bytes(self._received[:_PIECE])
        del self._received[:_PIECE]
        if self._paused and len(self._received) <= _PIECE:
            self._paused = False
            self._transport.resume_reading()
        return data

    # What the event loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if len(self._received) > _PIECE and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        self._arrived()

    def eof_received(self) -> None:
        self._ended = True
        self._arrived()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended, self._fault = True, exc
        self._arrived()

    def _arrived(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)


def _has_something(line: Any) -> bool:
    """Whether the system holds bytes of a socket, or its end, that the event loop has not come to yet."""
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([line], [], [], 0)[0])
    looking = select.poll()
    looking.register(line, select.POLLIN)
    return bool(looking.poll(0))
