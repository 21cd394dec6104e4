"""uvicorn's HTTP/1.1 with bounds for clients that say nothing, too little, or do not listen."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_CONNECTIONS = 768
"""At once, in one process: below the 1,024 files that a process may have open as a rule."""
HEADER_SECONDS = 15.0
"""For the whole header of a connection's first request. A later one has to be there before the connection is too long idle."""
WRITE_SECONDS = 30.0
"""For a client to take what is waiting for it."""


class BoundedProtocol(H11Protocol):
    """One connection. Where there are too many, the one that has waited longest for its client is closed, never a call."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request, and make room for this connection."""
        super().connection_made(transport)
        self._has_answered, self._since = False, self.loop.time()
        self._write_deadline: asyncio.TimerHandle | None = None
        self.timeout_keep_alive_task = self.loop.call_later(HEADER_SECONDS, self.timeout_keep_alive_handler)
        if len(self.connections) > MAX_CONNECTIONS:
            self._close_longest_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._unset_write_deadline()

    def data_received(self, data: bytes) -> None:
        """Take what came. Unlike uvicorn's, the deadline for the header stands until it is complete, and not until its first byte."""
        self.conn.receive_data(data)
        self.handle_events()
        if self.cycle is not None and not self.cycle.response_complete:
            self._unset_keepalive_if_required()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._has_answered, self._since = True, self.loop.time()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Wait for the client to read, so long and no longer."""
        super().pause_writing()
        self._write_deadline = self.loop.call_later(WRITE_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """The client has read."""
        self._unset_write_deadline()
        super().resume_writing()

    def _unset_write_deadline(self) -> None:
        if self._write_deadline is not None:
            self._write_deadline.cancel()
            self._write_deadline = None

    @property
    def _waits_for_client(self) -> bool:
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body

    def _close_longest_waiting(self) -> None:
        """Close a connection without a whole request: rather one that never had any, then the one that is idle longest."""
        waiting: list[Any] = [each for each in self.connections if each._waits_for_client]  # type: ignore[union-attr]
        closing = min(waiting, key=lambda each: (each._has_answered, each._since))  # the new one, if there is no other
        self.connections.discard(closing)  # at once: several may have to be closed before the loop comes round
        closing.transport.abort()
