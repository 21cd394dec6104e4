"""Several worker processes on one port: started, replaced when one ends by itself, and ended together.

Ours and not uvicorn's, which ends its workers without the time that calls in progress need.
"""

import multiprocessing
import os
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from typing import Any

EARLY_SECONDS = 30.0
"""A worker that ends sooner than this after its start has failed at start."""
MAX_EARLY_ENDS = 5
"""After so many within `EARLY_SECONDS` no worker is started any more, and the process fails visibly."""


class Supervisor:
    """Keeps one worker process on each socket until SIGINT or SIGTERM.

    The sockets stay open here, so that a connection to a worker that died waits for the next one instead of failing.

    Args:
        target: what a worker runs, with `arguments` and its socket.
        end_seconds: how long workers may take to end after a signal; then they are killed.
    """

    def __init__(
        self,
        target: Callable[..., object],
        arguments: tuple[Any, ...],
        sockets: list[socket.socket],
        *,
        end_seconds: float,
    ) -> None:
        self._target = target
        self._arguments = arguments
        self._sockets = sockets
        self._end_seconds = end_seconds
        self._workers: dict[SpawnProcess, tuple[socket.socket, float]] = {}
        self._early_ends: deque[float] = deque(maxlen=MAX_EARLY_ENDS)

    def run(self, announce: Callable[[], None]) -> int:
        """Start the workers, call `announce`, and return when all have ended.

        0: a signal ended them, as it should; 1: they ended at start again and again, or one did not end as it should.
        """
        with _signal_socket() as signalled:
            for listening in self._sockets:
                self._start(listening)
            announce()
            gave_up = False
            while not gave_up:
                ready = wait([signalled, *(worker.sentinel for worker in self._workers)])
                if signalled in ready:
                    break
                ended = [worker for worker in self._workers if worker.sentinel in ready]
                gave_up = False in [self._replace(worker) for worker in ended]
            return int(self._end() or gave_up)

    def _start(self, listening: socket.socket) -> None:
        worker = multiprocessing.get_context("spawn").Process(target=self._target, args=(*self._arguments, listening))
        worker.start()
        self._workers[worker] = listening, time.monotonic()

    def _replace(self, worker: SpawnProcess) -> bool:
        """Start another worker on the same socket. False: too many have failed at start."""
        listening, started = self._workers.pop(worker)
        worker.join()
        now, code = time.monotonic(), worker.exitcode or 0
        reason = f"signal {-code}" if code < 0 else f"exit code {code}"
        if now - started < EARLY_SECONDS:
            self._early_ends.append(now)
        if len(self._early_ends) == MAX_EARLY_ENDS and now - self._early_ends[0] < EARLY_SECONDS:
            _say(
                f"a worker process ended by itself ({reason}). {MAX_EARLY_ENDS} have now ended soon after their start, so the "
                "others end as well."
            )
            return False
        _say(f"a worker process ended by itself ({reason}), and another one takes its place.")
        self._start(listening)
        return True

    def _end(self) -> bool:
        """End all workers. True: one of them did not end as it should."""
        for listening in self._sockets:
            listening.close()  # first: from now on only workers accept, and when they stop, nobody is left waiting
        for worker in self._workers:
            worker.terminate()
        until = time.monotonic() + self._end_seconds
        for worker in self._workers:
            worker.join(max(0.0, until - time.monotonic()))
            if worker.is_alive():
                worker.kill()
                worker.join()
        # One that had not begun to serve dies of the signal itself.
        return any(worker.exitcode not in (0, -signal.SIGTERM) for worker in self._workers)


def end_with_parent() -> None:
    """Wait until the process that started this one has ended, then end this one as a signal would."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _signal_socket() -> Iterator[socket.socket]:
    """A socket that becomes readable with SIGINT or SIGTERM, and stays so; neither ends this process meanwhile."""
    readable, writable = socket.socketpair()
    with readable, writable:
        writable.setblocking(False)
        before = signal.set_wakeup_fd(writable.fileno(), warn_on_full_buffer=False)
        handlers = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield readable
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(before)


def _say(message: str) -> None:
    print(f"asisso-mcp: {message}", file=sys.stderr, flush=True)
