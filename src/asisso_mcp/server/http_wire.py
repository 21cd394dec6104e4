"""How do bytes come in and leave? Heads of bounded size; an answer in one piece, where its head and body are ready together.

uvicorn writes those one after the other: two packets, for which both sides wake twice. That was a twelfth of what a call
costs over HTTP.
"""

import asyncio
import logging
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD = 64 * 1024
"""Bytes of a request before its body."""

logger = logging.getLogger("asisso_mcp.http")


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
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        pieces, self._pieces = self._pieces, []
        if pieces and not self._transport.is_closing():
            self._transport.write(b"".join(pieces))


class Protocol(HttpToolsProtocol):
    """uvicorn's reading of HTTP/1.1, by the parser of Node.js, over a `Joining` transport. That parser has no limit of its own."""

    _in_head = True
    _head = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn declares it
        super().connection_made(cast("asyncio.Transport", Joining(transport)))

    def data_received(self, data: bytes) -> None:
        was_in_head = self._in_head
        super().data_received(data)
        if was_in_head and self._in_head:
            self._head += len(data)
            if self._head > MAX_HEAD and not self.transport.is_closing():
                logger.warning("refused a request whose headers are larger than %d bytes", MAX_HEAD)
                self.send_400_response("The headers of the request are too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head = True, 0

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def on_header(self, name: bytes, value: bytes) -> None:
        # The parser leaves blanks behind a value, which are no part of it (RFC 9110, section 5.5).
        super().on_header(name, value.rstrip(b" \t"))
