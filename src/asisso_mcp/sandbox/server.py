"""The sandbox on a loopback socket, whose connections the faults can drop."""

import asyncio
import os
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from asisso_mcp.config import is_loopback
from asisso_mcp.sandbox.fault_responses import HANG_UP, App, Message, Receive, Send
from asisso_mcp.sandbox.pages import with_log, with_pages
from asisso_mcp.sandbox.sandbox import Sandbox

_RESET = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
"""SO_LINGER with no time to linger: closing sends a reset."""


class _Droppable(H11Protocol):
    """A connection that the application can drop."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # Without it the second half of an answer waits 40 ms for the first to be acknowledged.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        app: App = self.app

        def hang_up(how: str) -> None:
            if how == "flush":
                transport.close()
                return
            if how == "reset":
                transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            transport.abort()

        async def with_hang_up(scope: Message, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[HANG_UP] = hang_up
            await app(scope, receive, send)

        self.app = with_hang_up


class _Server(uvicorn.Server):
    """A uvicorn server that returns after a signal instead of raising it again; a second signal does not wait."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.force_exit = self.should_exit
        self.should_exit = True


def _server(app: App) -> _Server:
    config = uvicorn.Config(
        app,
        http=_Droppable,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    return _Server(config)


def serve(
    sandbox: Sandbox,
    *,
    host: str = "127.0.0.1",
    port: int = 8765,
    listening: Callable[[str], None] = lambda _: None,
    log: Callable[[str], None] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM, with a page at `/` and the API's description at `/docs`.

    listening: gets the origin as soon as clients can connect. log: gets a line for each request.
    Raises ValueError for a host that is not loopback, OSError for a port in use.
    """
    if not is_loopback(host):
        raise ValueError(f"The sandbox is served on loopback only (127.0.0.1, ::1 or localhost), not on {host!r}.")
    address = "127.0.0.1" if host == "localhost" else host
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    server = _server(with_log(with_pages(sandbox), log) if log else with_pages(sandbox))
    # Before anyone can connect: a signal that comes while uvicorn is still starting ends it just as well.
    numbers = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.signal(number, server.handle_exit) for number in numbers}
    try:
        with socket.create_server((address, port), family=family) as bound:  # from here on, connections are accepted
            shown = f"[{address}]" if family is socket.AF_INET6 else address
            listening(f"http://{shown}:{bound.getsockname()[1]}")
            server.run([bound])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class RunningServer:
    """A sandbox on a loopback port while the `with` block lasts; `url` is its origin.

    port: 0 for any free one; another, to come back where it was. Raises OSError for a port in use.
    """

    def __init__(self, sandbox: Sandbox, *, port: int = 0) -> None:
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._server = _server(sandbox.app)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        deadline = time.monotonic() + 10
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise RuntimeError("the sandbox did not start")
            time.sleep(0.005)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()
