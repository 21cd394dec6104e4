"""When a request is sent again: the one place that decides.

Reads: after a lost or refused connection, 429, 502, 503, 504, with jittered waits and `Retry-After` honoured, as long as the
next attempt begins within 30 s of the first; after a 500 once. Writes: only when the request surely was not executed
(refused connection, 429, 503 with `Retry-After`). Whatever else happens to a write is settled by reading, in `campaigns.writes`.
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


def _pause(state: "RetryCallState") -> float:
    from tenacity import wait_random_exponential

    jitter = wait_random_exponential(multiplier=0.2, max=5)(state)
    fault = state.outcome.exception() if state.outcome else None
    if isinstance(fault, Busy) and fault.retry_after is not None:
        return fault.retry_after + jitter / 10
    return jitter


def _read_again(fault: BaseException) -> bool:
    return isinstance(fault, Unreachable | Busy | ServerFault)


def _write_again(fault: BaseException) -> bool:
    return isinstance(fault, Unreachable | Busy) and fault.executed is False


async def reading(request: Callable[[], Awaitable[T]]) -> T:
    """The read's result; sent again where that can help. Raises the last AsissoError."""
    return await _retrying(request, _read_again)


async def writing(request: Callable[[], Awaitable[T]]) -> T:
    """The write's result; sent again only while it surely was not executed. Raises the last AsissoError."""
    return await _retrying(request, _write_again)


async def _retrying(request: Callable[[], Awaitable[T]], again: Callable[[BaseException], bool]) -> T:
    began = time.monotonic()
    try:
        return await request()  # nearly every one succeeds, and needs no machinery
    except AsissoError as fault:
        first = fault
    return await _after(first, request, again, began)


async def _after(
    first: AsissoError, request: Callable[[], Awaitable[T]], again: Callable[[BaseException], bool], began: float
) -> T:
    """What to do when the attempt that `began` then ended with `first`."""
    from tenacity import AsyncRetrying, retry_if_exception

    known = [first]
    server_faults = 0

    def worth_it(fault: BaseException) -> bool:
        nonlocal server_faults
        server_faults += isinstance(fault, ServerFault)
        return isinstance(fault, AsissoError) and again(fault) and server_faults <= 1

    def out_of_budget(state: "RetryCallState") -> bool:
        spent = time.monotonic() - began + state.upcoming_sleep
        return state.attempt_number >= _ATTEMPTS or spent >= BUDGET_SECONDS

    attempts = AsyncRetrying(
        retry=retry_if_exception(worth_it),
        stop=out_of_budget,
        wait=_pause,
        sleep=anyio.sleep,
        reraise=True,
    )
    async for attempt in attempts:
        with attempt:
            if known:  # what the first attempt met
                raise known.pop()
            return await request()
    raise AssertionError("an attempt returns or raises")  # pragma: no cover
