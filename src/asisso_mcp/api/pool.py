"""Which connection does a request to the API take? The one that was used last, or a new one, of at most so many at once.

The transport of httpx2 does it in six layers, which were half of what a call over HTTP costs. This one does what the API
needs: one origin, HTTP/1.1, no proxy, no redirect.
"""

import ssl
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from functools import partial

import anyio
import httpx2

from asisso_mcp.api.link import Link


class Pool(httpx2.AsyncBaseTransport):
    """At most `connections` to one origin; an idle one is kept for `keep_alive` seconds.

    Waits for a connection as long as the request's `pool` timeout says, then raises httpx2.PoolTimeout.
    """

    def __init__(self, *, trust: ssl.SSLContext | None, connections: int, keep_alive: float) -> None:
        self._trust = trust
        self._keep_alive = keep_alive
        self._places = anyio.Semaphore(connections, fast_acquire=True)
        self._closed = False
        self._busy: set[Link] = set()
        self._idle: deque[tuple[float, Link]] = deque()
        """Since when, and which; the one that was used last is at the end."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        patience = request.extensions["timeout"]
        await self._place(patience["pool"])
        link: Link | None = None
        try:
            link = self._kept()
            if link is None:
                url = request.url
                port = url.port or (443 if url.scheme == "https" else 80)
                link = await Link.open(url.raw_host.decode("ascii"), port, self._trust, patience["connect"])
            self._require_open()
            self._busy.add(link)
            answer = await link.ask(request)
        except BaseException:
            self._take_back(link)
            raise
        return httpx2.Response(
            answer.status_code, headers=list(answer.headers), stream=_Body(link, partial(self._take_back, link))
        )

    async def aclose(self) -> None:
        """What is in use ends as well, and what was not sent yet is not sent."""
        self._closed = True
        for link in (*(link for _, link in self._idle), *self._busy):
            link.close()
        self._idle.clear()

    async def _place(self, seconds: float | None) -> None:
        try:
            self._places.acquire_nowait()
        except anyio.WouldBlock:
            with anyio.move_on_after(seconds) as waiting:
                await self._places.acquire()
            if waiting.cancelled_caught:
                raise httpx2.PoolTimeout("") from None

    def _require_open(self) -> None:
        if self._closed:
            raise httpx2.ConnectError("it was closed meanwhile")

    def _kept(self) -> Link | None:
        self._require_open()
        expired = time.monotonic() - self._keep_alive
        while self._idle and self._idle[0][0] <= expired:
            self._idle.popleft()[1].close()
        while self._idle:
            _, link = self._idle.pop()
            if link.is_quiet:
                return link
            link.close()
        return None

    def _take_back(self, link: Link | None) -> None:
        if link is not None:
            self._busy.discard(link)
            if self._closed:
                link.close()
            elif link.rest():
                self._idle.append((time.monotonic(), link))
        self._places.release()


class _Body(httpx2.AsyncByteStream):
    """The body of an answer. When it is closed, its connection is free."""

    def __init__(self, link: Link, closed: Callable[[], None]) -> None:
        self._link = link
        self._closed: Callable[[], None] | None = closed

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._link.body()

    async def aclose(self) -> None:
        if self._closed is not None:
            closed, self._closed = self._closed, None
            closed()
