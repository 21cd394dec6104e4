"""An httpx2 transport that drives an ASGI application in process, with the failures of a real connection.

As on a real server, a request goes on when its caller has stopped waiting for it.
"""

import asyncio
from collections.abc import AsyncIterator

import httpx2

from asisso_mcp.sandbox.fault_responses import HANG_UP, App, Message

_CHUNK = 65_536


class _Body(httpx2.AsyncByteStream):
    def __init__(self, body: bytes, expected: int | None) -> None:
        self._body, self._expected = body, expected

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._body), _CHUNK):
            yield self._body[start : start + _CHUNK]
        if self._expected is not None:
            raise httpx2.RemoteProtocolError(
                "peer closed connection without sending complete message body "
                f"(received {len(self._body)} bytes, expected {self._expected})"
            )


class _RequestCycle:
    """One request to the application, and its response as far as it was sent."""

    def __init__(self, request: httpx2.Request, body: bytes) -> None:
        self._request_body: bytes | None = body
        self._over = asyncio.Event()
        self.dropped: str | None = None
        self.status: int | None = None
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = bytearray()
        url = request.url
        self.scope: Message = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": request.method,
            "headers": [(name.lower(), value.strip()) for name, value in request.headers.raw],
            "scheme": url.scheme,
            "path": url.path,
            "raw_path": url.raw_path.split(b"?")[0],
            "query_string": url.query,
            "server": (url.host, url.port),
            "client": ("127.0.0.1", 1),
            "root_path": "",
            "extensions": {HANG_UP: self._hang_up},
        }

    def _hang_up(self, how: str) -> None:
        self.dropped = how
        self._over.set()

    async def receive(self) -> Message:
        if self._request_body is None:
            await self._over.wait()
            return {"type": "http.disconnect"}
        body, self._request_body = self._request_body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message.get("headers", []))
            return
        self.body += message.get("body", b"")
        if not message.get("more_body"):
            self._over.set()

    async def run(self, app: App) -> None:
        try:
            await app(self.scope, self.receive, self.send)
        except Exception:  # a server answers 500 to what it did not handle; the routes have done so already
            if self.status is None:
                self.status, self.headers = 500, [(b"content-type", b"text/plain; charset=utf-8")]
                self.body = bytearray(b"Internal Server Error")

    def response(self, request: httpx2.Request) -> httpx2.Response:
        if self.status is None or self.dropped == "reset":
            if self.dropped == "reset":
                raise httpx2.ReadError("", request=request)
            raise httpx2.RemoteProtocolError("Server disconnected without sending a response.", request=request)
        lengths = [int(value) for name, value in self.headers if name.lower() == b"content-length"]
        body = b"" if request.method == "HEAD" else bytes(self.body)
        stream = _Body(body, lengths[0] if lengths and self.dropped else None)
        return httpx2.Response(self.status, headers=self.headers, stream=stream, request=request)


class AsgiTransport(httpx2.AsyncBaseTransport):
    """Drives an ASGI application; connect, write and pool timeouts cannot happen, the read timeout can."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._running: set[asyncio.Task[None]] = set()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The application's response. Raises what httpx2 raises for a dropped connection or a late answer."""
        cycle = _RequestCycle(request, await request.aread())
        task = asyncio.create_task(cycle.run(self._app))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        timeout = request.extensions.get("timeout", {}).get("read")
        done, _ = await asyncio.wait({task}, timeout=timeout)
        if not done:
            raise httpx2.ReadTimeout("", request=request)
        return cycle.response(request)
