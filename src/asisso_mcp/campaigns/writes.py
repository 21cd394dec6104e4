"""What became of a write? It is sent, shielded from whoever gives up on it, and settled by reading when its reply is lost.

Never by guessing: it is sent a second time only when that reading shows that nothing happened.
"""

import logging
from collections.abc import Awaitable, Callable

import anyio
import anyio.lowlevel

from asisso_mcp.api.client import AsissoClient
from asisso_mcp.api.errors import AsissoError, StateConflict, TimedOut, Unreachable
from asisso_mcp.api.models import Campaign
from asisso_mcp.campaigns import deadlines
from asisso_mcp.campaigns.deadlines import within_time
from asisso_mcp.campaigns.edits import differences, same
from asisso_mcp.campaigns.words import change_in_words, state_in_words

logger = logging.getLogger(__name__)

REPLY_LOST = "The API's reply was lost, so the campaign was read again: the change is in place."
SENT_TWICE = (
    "The first request was lost before it had an effect (the campaign was read to make sure), so it was sent once more."
)
FIRST_CAME_LATE = (
    "The first request seemed lost, and the second was told that it is so already: by the first one, which came through late, or "
    "by someone else."
)


class OutcomeUnknown(AsissoError):
    """A write was sent, its reply did not come, and reading did not settle it."""

    def __init__(self, sent: str, why: str, found: str) -> None:
        super().__init__(
            f"Unknown outcome. Sent: {sent}. {why} {found} It may or may not have been applied, and it was not repeated: "
            "look with `get_campaign` before you try again.",
            executed=None,
        )


class Writes:
    """The writes of one tenant."""

    def __init__(self, client: AsissoClient) -> None:
        self._client = client
        self.in_flight: dict[int, str] = {}
        """Sent and not yet answered: what would be unknown if the process ended now."""

    async def send(
        self,
        before: Campaign,
        *,
        sent: str,
        send: Callable[[], Awaitable[Campaign]],
        reached: Callable[[Campaign], bool],
    ) -> tuple[Campaign, tuple[str, ...]]:
        """Send a write and learn what became of it, also when the caller goes away meanwhile.

        Raises AsissoError: nothing was changed (`executed` False), or OutcomeUnknown.
        """
        await anyio.lowlevel.checkpoint_if_cancelled()  # the last moment at which nothing has been sent
        seconds = max(deadlines.WRITE_SECONDS, anyio.current_effective_deadline() - anyio.current_time())
        self.in_flight[before.id] = sent
        try:
            with anyio.CancelScope(shield=True):
                result = await self._settled(before, sent, send, reached, seconds)
        except AsissoError as fault:
            _tell_if_cancelled(f"{sent}: {fault.text}")
            raise
        finally:
            self.in_flight.pop(before.id, None)
        _tell_if_cancelled(f"{sent}: {'done' if reached(result[0]) else 'answered, but not in place'}.")
        return result

    async def _settled(
        self,
        before: Campaign,
        sent: str,
        send: Callable[[], Awaitable[Campaign]],
        reached: Callable[[Campaign], bool],
        seconds: float,
    ) -> tuple[Campaign, tuple[str, ...]]:
        notes: tuple[str, ...] = ()
        until = anyio.current_time() + seconds
        for attempt in (1, 2):
            try:
                with within_time("it had been sent", until - anyio.current_time(), executed=None):
                    return await send(), notes
            except AsissoError as fault:
                if (
                    attempt == 2
                    and isinstance(fault, StateConflict)
                    and reached(now := await self._look(before.id, sent, fault))
                ):
                    return now, (FIRST_CAME_LATE,)
                # "Nothing was sent" is no longer true of a second attempt.
                if fault.executed is False and not (attempt == 2 and isinstance(fault, Unreachable)):
                    raise
                why = fault
            now = await self._look(before.id, sent, why)
            if reached(now):
                return now, (*notes, REPLY_LOST)
            late = isinstance(why, TimedOut) or anyio.current_time() > until - deadlines.SPARE_SECONDS
            if attempt == 2 or late or not _untouched(before, now):
                raise OutcomeUnknown(sent, why.text, _found(before, now))
            notes = (SENT_TWICE,)
        raise AssertionError("unreachable")  # pragma: no cover

    async def _look(self, campaign_id: int, sent: str, why: AsissoError) -> Campaign:
        try:
            with anyio.fail_after(deadlines.SETTLE_SECONDS):
                return await self._client.get(campaign_id)
        except (AsissoError, TimeoutError):
            raise OutcomeUnknown(sent, why.text, "Reading the campaign afterwards failed as well.") from why


def _untouched(before: Campaign, now: Campaign) -> bool:
    """Whether nothing at all happened. A resume that the breaker undid at once leaves only a log entry."""
    quiet = before.phase == "running" or now.logs == before.logs
    return quiet and now.phase == before.phase and same(now.settings(), before.settings())


def _found(before: Campaign, now: Campaign) -> str:
    moved = differences(before.settings(), now.settings())
    if now.phase != before.phase:
        return f"The campaign was read afterwards: it is {state_in_words(now)}, it was {state_in_words(before)}."
    if moved:
        listed = "; ".join(change_in_words(change) for change in moved[:5])
        return f"The campaign was read afterwards, and differs in another way: {listed}."
    if now.logs != before.logs and before.phase != "running":
        return f"The campaign was read afterwards: it is {state_in_words(now)} as before, and its log has new entries."
    return "The campaign was read afterwards and shows no effect so far."


def _tell_if_cancelled(outcome: str) -> None:
    """The caller is gone: the outcome of its write goes to stderr."""
    if anyio.current_effective_deadline() == float("-inf"):
        logger.warning("The caller went away while a write was in progress. Outcome of %s", outcome)
