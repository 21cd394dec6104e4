"""How long a call may take, and the words when that is over."""

from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from asisso_mcp.api.errors import Executed, TimedOut

DEADLINE_SECONDS = 40.0
"""For one tool call: hosts give up after 60 s, and the two below may come on top."""
WRITE_SECONDS = 8.0
"""What a write may take at least, however little of the call's time is left."""
SETTLE_SECONDS = 8.0
"""For finding out, after that, what became of a write whose reply was lost."""
SPARE_SECONDS = 0.5
"""What is left of the call's time when looking at a finished write ends, so that its outcome can still be told."""
PAUSE_READ_SECONDS = 5.0
"""For reading a campaign before it is paused; after that the pause is sent all the same."""

LOOKUP_SECONDS = 5.0
"""For what is looked up beside a campaign; without it the call goes on, and says less."""


@contextmanager
def within_time(
    consequence: str, seconds: float | None = None, *, executed: Executed = False
) -> Iterator[anyio.CancelScope]:
    """Raises TimedOut, saying the consequence, after `seconds`: at most, and without a number, those of a whole call."""
    try:
        with anyio.fail_after(DEADLINE_SECONDS if seconds is None else min(seconds, DEADLINE_SECONDS)) as scope:
            yield scope
    except TimeoutError:
        raise TimedOut(f"The Asisso API did not answer in time; {consequence}.", executed=executed) from None


def time_left() -> float:
    """Seconds until the call that is being served has to end."""
    return anyio.current_effective_deadline() - anyio.current_time()


class CallTime:
    """The time of one call that writes. What is sent late is given some seconds more, up to a last moment."""

    def __init__(self, scope: anyio.CancelScope) -> None:
        self._scope = scope
        self._last = scope.deadline + WRITE_SECONDS + SETTLE_SECONDS

    def at_least(self, seconds: float) -> float:
        """What is left, moved on to `seconds` where it is less and the last moment allows it."""
        now = anyio.current_time()
        self._scope.deadline = max(self._scope.deadline, min(now + seconds + SPARE_SECONDS, self._last))
        return self._scope.deadline - now - SPARE_SECONDS
