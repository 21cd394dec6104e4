"""How long may a call take? The bounds, and the words when one is reached."""

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


@contextmanager
def within_time(consequence: str, seconds: float | None = None, *, executed: Executed = False) -> Iterator[None]:
    """Raises TimedOut, saying the consequence, after `seconds`: at most, and without a number, those of a whole call."""
    try:
        with anyio.fail_after(DEADLINE_SECONDS if seconds is None else min(seconds, DEADLINE_SECONDS)):
            yield
    except TimeoutError:
        raise TimedOut(f"The Asisso API did not answer in time; {consequence}.", executed=executed) from None
