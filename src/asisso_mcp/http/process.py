"""The process of the HTTP server: its sockets, its signals, and an orderly end."""

import gc
import logging
import os
import signal
import socket
import sys
import threading
from types import FrameType

import uvicorn

from asisso_mcp.config import Settings, SettingsError
from asisso_mcp.http.app import SETTLE_SECONDS, HttpApp, create_app
from asisso_mcp.http.protocol import BoundedProtocol
from asisso_mcp.http.settings import HttpSettings
from asisso_mcp.http.supervisor import Supervisor, end_with_parent
from asisso_mcp.journal.location import check_journal
from asisso_mcp.server import telemetry

FINISH_SECONDS = 20.0
"""How long calls in progress may take to end by themselves after a signal."""
LAST_SECONDS = FINISH_SECONDS + SETTLE_SECONDS + 2
"""How long after a signal the process ends at the latest, whatever hangs."""
KEEP_ALIVE_SECONDS = 75
"""Longer than the proxies in front keep their connections, so that none sends on a connection that is being closed."""
_GC_THRESHOLD = 10_000
"""Objects between two collections: a call makes a few hundred, nearly all freed without one. The default of 700 costs a twentieth of a call."""


def serve_http(settings: Settings, http_settings: HttpSettings) -> int:
    """Serve until SIGINT or SIGTERM. Returns the exit code: 0, or 1 when workers failed. Raises SettingsError."""
    check_journal(settings)
    listening, http_settings = listen(http_settings)
    with listening:
        if http_settings.workers == 1:
            _serve(settings, http_settings, listening, announce=True)
            return 0
        telemetry.check()  # what is wrong with the settings is said once, here
        create_app(settings, http_settings)
    level = logging.getLogger().getEffectiveLevel()
    supervisor = Supervisor(
        _run_worker, (settings, http_settings, level), worker_sockets(http_settings), end_seconds=LAST_SECONDS + 2
    )
    return supervisor.run(lambda: _announce(http_settings))


def listen(settings: HttpSettings) -> tuple[socket.socket, HttpSettings]:
    """The listening socket, and the settings with its real port. Raises SettingsError when it cannot be bound."""
    listening = _bind(settings)
    return listening, settings.with_port(listening.getsockname()[1])


def worker_sockets(settings: HttpSettings) -> list[socket.socket]:
    """A listening socket for each worker, between which Linux distributes the connections.

    With one socket for all, the worker that wakes first would take every waiting connection. Other systems have only that.
    """
    if sys.platform != "linux":
        return [_bind(settings)] * settings.workers
    return [_bind(settings, shared=True) for _ in range(settings.workers)]


def _bind(settings: HttpSettings, *, shared: bool = False) -> socket.socket:
    """A listening socket. Raises SettingsError when the address or the port cannot be bound."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listening = socket.create_server((settings.host, settings.port), family=family, backlog=1024, reuse_port=shared)
    except OSError as problem:
        why = (
            os.strerror(problem.errno)
            if problem.errno and problem.errno > 0
            else "it is not an address of this machine"
        )
        raise SettingsError(
            f"Cannot listen on {settings.host} port {settings.port}: {why}. Choose another --port or --host."
        ) from None
    # Inherited by each connection: without it the second half of an answer waits 40 ms for the client's acknowledgement.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _announce(settings: HttpSettings) -> None:
    many = f", {settings.workers} processes" if settings.workers > 1 else ""
    print(f"asisso-mcp: serving {settings.url} (auth: {settings.auth}{many})", file=sys.stderr, flush=True)


def _run_worker(settings: Settings, http_settings: HttpSettings, level: int, listening: socket.socket) -> None:
    logging.basicConfig(level=level, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    threading.Thread(target=end_with_parent, daemon=True).start()
    try:
        _serve(settings, http_settings, listening, announce=False)
    except SettingsError as problem:  # what was right when the server started, such as a file of tokens
        print(f"asisso-mcp: {problem}", file=sys.stderr, flush=True)
        raise SystemExit(1) from None


def _serve(settings: Settings, http_settings: HttpSettings, listening: socket.socket, *, announce: bool) -> None:
    """Serve in this process until it is told to end."""
    instruments = telemetry.start()
    server = create_server(create_app(settings, http_settings, telemetry=instruments))
    gc.set_threshold(_GC_THRESHOLD)
    if announce:
        _announce(http_settings)
    server.run([listening])
    if instruments is not None:
        instruments.close()


def create_server(app: HttpApp) -> uvicorn.Server:
    """The uvicorn server of an application; it serves until its `handle_exit` is called, by a signal or otherwise."""
    from sse_starlette.sse import AppStatus

    # It would cut the 2025 era's answers at the first signal; calls in progress are to end by themselves.
    AppStatus.enable_automatic_graceful_drain = False
    for name in ("mcp.server.streamable_http", "mcp.server.streamable_http_manager"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger(name).level))
    config = uvicorn.Config(
        app.asgi,
        # On h11 and not httptools, which reads the body of a request that asks for an upgrade as the next request, takes
        # trailers for headers, and queues what is pipelined without a bound.
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,  # it prints the query; ours is one line without
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=int(FINISH_SECONDS),
    )
    return _Server(config, app)


class _Server(uvicorn.Server):
    """A uvicorn server that returns after a signal instead of raising it again."""

    def __init__(self, config: uvicorn.Config, app: HttpApp) -> None:
        super().__init__(config)
        self._app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self.should_exit:
            if sig == signal.SIGINT:  # pressed again: someone is waiting
                self._exit_now()
            return
        self._app.stop()
        self.should_exit = True
        last = threading.Timer(LAST_SECONDS, self._exit_now)
        last.daemon = True
        last.start()

    def _exit_now(self) -> None:
        self._app.services.report_unanswered_writes()
        os._exit(1)
