"""When a request is sent again: the one place that decides.

Reads: after a lost or refused connection, 429, 502, 503, 504, with jittered waits and `Retry-After` honoured, as long as the
next attempt begins within 30 s of the first; after a 500 once. Writes: only when the request surely was not executed
(refused connection, 429, 503 with `Retry-After`), and then the whole attempt again, which begins with a read.
"""

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import anyio

from asisso_mcp.api.errors import AsissoError, Busy, ServerFault, Unreachable

if TYPE_CHECKING:
    from tenacity import RetryCallState

T = TypeVar("T")

BUDGET_SECONDS = 30.0
_ATTEMPTS = 5


class NotExecuted(Exception):
    """A write that surely had no effect, for a reason that may pass: `fault`."""

    def __init__(self, fault: AsissoError) -> None:
        super().__init__(fault.text)
        self.fault = fault
        self.text = fault.text


async def retry_read(request: Callable[[], Awaitable[T]]) -> T:
    """The read's result; sent again where that can help. Raises the last AsissoError."""
    return await _retrying(request, lambda fault: isinstance(fault, Unreachable | Busy | ServerFault))


async def retry_write(attempt: Callable[[], Awaitable[T]]) -> T:
    """The result of an attempt, which reads, plans and sends; made again when it raises NotExecuted.

    Raises the AsissoError of the last attempt.
    """
    try:
        return await _retrying(attempt, lambda fault: isinstance(fault, NotExecuted))
    except NotExecuted as last:
        raise last.fault from None


async def _retrying(request: Callable[[], Awaitable[T]], again: Callable[[BaseException], bool]) -> T:
    began = time.monotonic()
    try:
        return await request()  # nearly every one succeeds, and needs no machinery
    except (AsissoError, NotExecuted) as fault:
        first = fault
    return await _retry_after_failure(first, request, again, began)


async def _retry_after_failure(
    first: Exception, request: Callable[[], Awaitable[T]], again: Callable[[BaseException], bool], began: float
) -> T:
    """Waits and repeats, where that can help, after the attempt that `began` then ended with `first`."""
    from tenacity import AsyncRetrying, retry_if_exception

    known = [first]
    server_faults = 0

    def is_worth_it(fault: BaseException) -> bool:
        nonlocal server_faults
        server_faults += isinstance(fault, ServerFault)
        return again(fault) and server_faults <= 1

    def is_out_of_budget(state: "RetryCallState") -> bool:
        spent = time.monotonic() - began + state.upcoming_sleep
        return state.attempt_number >= _ATTEMPTS or spent >= BUDGET_SECONDS

    attempts = AsyncRetrying(
        retry=retry_if_exception(is_worth_it),
        stop=is_out_of_budget,
        wait=_seconds_to_wait,
        sleep=anyio.sleep,
        reraise=True,
    )
    async for attempt in attempts:
        with attempt:
            if known:  # what the first attempt met
                raise known.pop()
            return await request()
    raise AssertionError("an attempt returns or raises")  # pragma: no cover


def _seconds_to_wait(state: "RetryCallState") -> float:
    from tenacity import wait_random_exponential

    jitter = wait_random_exponential(multiplier=0.2, max=5)(state)
    failure = state.outcome.exception() if state.outcome else None
    fault = failure.fault if isinstance(failure, NotExecuted) else failure
    if isinstance(fault, Busy) and fault.retry_after is not None:
        return fault.retry_after + jitter / 10
    return jitter
