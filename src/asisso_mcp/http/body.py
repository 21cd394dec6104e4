"""Reads the body of a request, bounded in size, time and memory, before anything else is done for it."""

from typing import Any

import anyio

from asisso_mcp.http.auth.base import headers_named
from asisso_mcp.http.errors import HttpError, Scope

MAX_BODY = 1024 * 1024
"""Bytes of a request body. The largest edit that the tools accept is a few kB."""
BODY_SECONDS = 15.0
"""Bound for the whole body to arrive."""
MAX_DISCARDED = 8 * MAX_BODY
"""Bytes of a too large body that are read and discarded: a sender that is cut off would not see the error."""
SMALL_BODY = 64 * 1024
"""Bytes of a body that is always read. Of larger ones only so many are held while they arrive:"""
MAX_LARGE_BODIES = 16


class ClientDisconnected(Exception):
    """The client left before its request was complete."""


class BodyReader:
    """Reads the bodies of one process."""

    def __init__(self) -> None:
        self._large = 0

    async def read(self, scope: Scope, receive: Any) -> bytes:
        """The whole body. Raises HttpError (413, 408, 503) or ClientDisconnected."""
        for declared in headers_named(scope["headers"], b"content-length"):
            if declared.isdigit() and int(declared[:18]) > MAX_DISCARDED:
                raise _too_large()
        body, length, complete, is_large = bytearray(), 0, False, False
        try:
            with anyio.move_on_after(BODY_SECONDS):
                while not complete and length <= MAX_DISCARDED:
                    message = await receive()
                    if message["type"] != "http.request":
                        raise ClientDisconnected
                    chunk = message.get("body", b"")
                    length += len(chunk)
                    if length > SMALL_BODY and not is_large:
                        if self._large >= MAX_LARGE_BODIES:
                            raise HttpError(
                                503,
                                "Too many large requests are arriving. Try again in a moment.",
                                log_reason=f"{self._large} bodies larger than {SMALL_BODY} bytes are arriving",
                                headers={"Retry-After": "1"},
                            )
                        self._large, is_large = self._large + 1, True
                    if length <= MAX_BODY:
                        body += chunk
                    complete = not message.get("more_body", False)
        finally:
            self._large -= is_large
        if length > MAX_BODY:
            raise _too_large()
        if not complete:
            raise HttpError(408, "The request body did not arrive in time.", log_reason="an incomplete body")
        return bytes(body)


def _too_large() -> HttpError:
    return HttpError(413, "The request body is too large.", log_reason=f"a body larger than {MAX_BODY} bytes")
