"""Retries: when a request is sent again, and after how long.

Reads: after a lost or refused connection, 429, 502, 503, 504, with jittered waits and `Retry-After` honoured, as long as the
next attempt begins within 30 s of the first; after a 500 once. Writes: only when the request surely was not executed
(refused connection, 429, 503 with `Retry-After`), and then the whole attempt again, which begins with a read.
"""

import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from asisso_mcp.api.errors import AsissoError, Busy, ServerFault, Unreachable

T = TypeVar("T")

BUDGET_SECONDS = 30.0
_ATTEMPTS = 5


class NotExecuted(Exception):
    """A write that surely had no effect, for a reason that may pass: `fault`, whose message is `text`."""

    def __init__(self, fault: AsissoError) -> None:
        super().__init__(fault.text)
        self.fault = fault
        self.text = fault.text


async def retry_read(request: Callable[[], Awaitable[T]]) -> T:
    """The result of a read, which is sent again where that can help. Raises the last AsissoError."""
    return await _retrying(request, lambda fault: isinstance(fault, Unreachable | Busy | ServerFault))


async def retry_write(attempt: Callable[[], Awaitable[T]]) -> T:
    """The result of an attempt, which reads, plans and sends; made again when it raises NotExecuted.

    Raises the AsissoError of the last attempt.
    """
    try:
        return await _retrying(attempt, lambda fault: isinstance(fault, NotExecuted))
    except NotExecuted as last:
        raise last.fault from None


async def _retrying(request: Callable[[], Awaitable[T]], again: Callable[[Exception], bool]) -> T:
    """The result of the first attempt that succeeds. Raises the error of the last one."""
    began, attempt, server_faults = time.monotonic(), 0, 0
    while True:
        attempt += 1
        try:
            return await request()
        except (AsissoError, NotExecuted) as fault:
            server_faults += isinstance(fault, ServerFault)
            wait = _seconds_to_wait(fault, attempt)
            is_out_of_budget = attempt >= _ATTEMPTS or time.monotonic() - began + wait >= BUDGET_SECONDS
            if not again(fault) or server_faults > 1 or is_out_of_budget:
                raise
        await anyio.sleep(wait)


def _seconds_to_wait(fault: Exception, attempt: int) -> float:
    """Seconds before the attempt after this one: drawn at random, up to 0.2, 0.4, 0.8 …, or what the API asks for."""
    jitter = random.uniform(0, min(5.0, 0.2 * 2 ** (attempt - 1)))  # noqa: S311 - spreads requests, hides nothing
    cause = fault.fault if isinstance(fault, NotExecuted) else fault
    if isinstance(cause, Busy) and cause.retry_after is not None:
        return cause.retry_after + jitter / 10
    return jitter
