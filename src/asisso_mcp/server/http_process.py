"""The process around the web application: a socket, signals, several workers, and an end that cuts no call."""

import gc
import logging
import multiprocessing
import multiprocessing.connection
import os
import signal
import socket
import sys
import threading
import time
from types import FrameType
from typing import Any

import uvicorn

from asisso_mcp.config import Settings, SettingsError
from asisso_mcp.server import telemetry
from asisso_mcp.server.http import SETTLE_SECONDS, Site, build_site
from asisso_mcp.server.http_settings import Serving
from asisso_mcp.server.http_wire import Protocol

logger = logging.getLogger("asisso_mcp.http")

FINISH_SECONDS = 20.0
"""After a signal: for calls in progress to end by themselves."""
LAST_SECONDS = FINISH_SECONDS + SETTLE_SECONDS + 2
"""After a signal: the process ends, whatever hangs."""
KEEP_ALIVE_SECONDS = 75
"""Longer than the proxies in front keep their connections, so that none sends on a connection that is being closed."""
MAX_CONNECTIONS = 1000
_GARBAGE = 10_000
"""Objects between two collections: a call makes a few hundred, nearly all freed without one. The default of 700 costs a twentieth of a call."""


class _Server(uvicorn.Server):
    """Ends on a signal and returns, where uvicorn would raise the signal again."""

    def __init__(self, config: uvicorn.Config, site: Site) -> None:
        super().__init__(config)
        self._site = site

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self.should_exit:
            if sig == signal.SIGINT:  # pressed again: someone is waiting
                self._leave()
            return
        self._site.stopping = True
        self.should_exit = True
        last = threading.Timer(LAST_SECONDS, self._leave)
        last.daemon = True
        last.start()

    def _leave(self) -> None:
        self._site.desk.tell_unknown()
        os._exit(1)


def serve_http(settings: Settings, serving: Serving) -> int:
    """Serve until SIGINT or SIGTERM. 0: it ended as it should; 1: a worker failed. Raises SettingsError."""
    listening, serving = listen(serving)
    with listening:
        if serving.workers == 1:
            _work(settings, serving, listening, announce=True)
            return 0
        telemetry.check()  # what is wrong with the settings is said once, here
        build_site(settings, serving)
    return _supervise(settings, serving, _shares(serving))


def listen(serving: Serving) -> tuple[socket.socket, Serving]:
    """The socket, and the settings with the real port. Raises SettingsError when it cannot be had."""
    listening = _socket(serving)
    return listening, _with_port(serving, listening.getsockname()[1])


def _shares(serving: Serving) -> list[socket.socket]:
    """A socket for each worker. Linux shares the connections out among sockets that are bound alike.

    With one socket for all, the worker that wakes first would take every connection that waits. Elsewhere it has to do.
    """
    if sys.platform != "linux":
        return [_socket(serving)] * serving.workers
    return [_socket(serving, shared=True) for _ in range(serving.workers)]


def _socket(serving: Serving, *, shared: bool = False) -> socket.socket:
    """Bound and listening. Raises SettingsError when the address or the port cannot be had."""
    family = socket.AF_INET6 if ":" in serving.host else socket.AF_INET
    try:
        listening = socket.create_server((serving.host, serving.port), family=family, backlog=1024, reuse_port=shared)
    except OSError as problem:
        why = (
            os.strerror(problem.errno)
            if problem.errno and problem.errno > 0
            else "it is not an address of this machine"
        )
        raise SettingsError(
            f"Cannot listen on {serving.host} port {serving.port}: {why}. Choose another --port or --host."
        ) from None
    # Inherited by each connection: without it the second half of an answer waits 40 ms for the client's acknowledgement.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _with_port(serving: Serving, port: int) -> Serving:
    """With port 0 the real one is known only now; the Host header carries it."""
    if serving.port == port:
        return serving
    from dataclasses import replace

    def real(names: frozenset[str]) -> frozenset[str]:
        return frozenset(f"{name[:-2]}:{port}" if name.endswith(":0") else name for name in names)

    return replace(serving, port=port, hosts=real(serving.hosts), origins=real(serving.origins))


def _announce(serving: Serving) -> None:
    host = f"[{serving.host}]" if ":" in serving.host else serving.host
    many = f", {serving.workers} processes" if serving.workers > 1 else ""
    print(
        f"asisso-mcp: serving http://{host}:{serving.port}/mcp (auth: {serving.auth}{many})",
        file=sys.stderr,
        flush=True,
    )


def _work(settings: Settings, serving: Serving, listening: socket.socket, *, announce: bool) -> None:
    """One process that serves until it is told to end."""
    watching = telemetry.start()
    serving_it = server(build_site(settings, serving, telemetry=watching))
    gc.set_threshold(_GARBAGE)
    if announce:
        _announce(serving)
    serving_it.run([listening])
    if watching is not None:
        watching.close()


def server(site: Site) -> uvicorn.Server:
    """What serves a site on a socket until its `handle_exit` is called, by a signal or otherwise."""
    from sse_starlette.sse import AppStatus

    # It would cut the 2025 era's answers at the first signal; calls in progress are to end by themselves.
    AppStatus.enable_automatic_graceful_drain = False
    for talkative in ("mcp.server.streamable_http", "mcp.server.streamable_http_manager"):
        logging.getLogger(talkative).setLevel(max(logging.WARNING, logging.getLogger(talkative).level))
    config = uvicorn.Config(
        site.app,
        http=Protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,  # it prints the query; ours is one line without
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=int(FINISH_SECONDS),
    )
    return _Server(config, site)


def _worker(settings: Settings, serving: Serving, listening: socket.socket, level: int) -> None:
    logging.basicConfig(level=level, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _work(settings, serving, listening, announce=False)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _supervise(settings: Settings, serving: Serving, shares: list[socket.socket]) -> int:
    """Start a worker on each socket and pass the signal on. When one fails, all end: what restarts us sees it."""
    spawning = multiprocessing.get_context("spawn")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    level = logging.getLogger().getEffectiveLevel()
    workers = [
        spawning.Process(target=_worker, args=(settings, serving, share, level), daemon=False) for share in shares
    ]
    for worker in workers:
        worker.start()
    for share in shares:
        share.close()  # only the workers accept: when they stop, nobody is left waiting
    _announce(serving)
    while not stop.is_set():
        if multiprocessing.connection.wait([worker.sentinel for worker in workers], timeout=0.2):
            break
    failed = not stop.is_set()
    if failed:
        print("asisso-mcp: a worker process ended by itself, so the others end as well.", file=sys.stderr)
    _end(workers)
    # One that had not begun to serve dies of the signal itself.
    return int(failed or any(worker.exitcode not in (0, -signal.SIGTERM) for worker in workers))


def _end(workers: list[Any]) -> None:
    for worker in workers:
        if worker.is_alive():
            worker.terminate()
    until = time.monotonic() + LAST_SECONDS + 2
    for worker in workers:
        worker.join(max(0.0, until - time.monotonic()))
        if worker.is_alive():
            worker.kill()
            worker.join()
