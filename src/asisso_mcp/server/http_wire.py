"""How do the bytes of an answer leave? In one piece, where head and body are ready together.

uvicorn writes them one after the other: two packets, for which both sides wake twice. That was a twelfth of what a call
costs over HTTP.
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.h11_impl import H11Protocol


class Joining:
    """A transport that writes, once the event loop comes round, what it was given until then. All else is the transport's."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._pieces: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        self._pieces.append(data)
        if len(self._pieces) == 1:
            self._loop.call_soon(self.flush)

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def flush(self) -> None:
        pieces, self._pieces = self._pieces, []
        if pieces and not self._transport.is_closing():
            self._transport.write(b"".join(pieces))


class Protocol(H11Protocol):
    """uvicorn's reading of HTTP/1.1 over a `Joining` transport.

    By h11 on purpose: httptools is a little quicker, and reads the body of a request that asks for an upgrade as the next
    request, takes trailers for headers, and queues what is pipelined without a bound.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn declares it
        self._joining = Joining(transport)
        super().connection_made(cast("asyncio.Transport", self._joining))

    def eof_received(self) -> None:
        self._joining.flush()  # the transport closes after this
        super().eof_received()
