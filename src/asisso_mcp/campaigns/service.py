"""In which order the API is asked: read, edit, pause, resume, list. The only place that decides it.

Every write is preceded by a read, and its answer is held against the intent. A write whose reply was lost is settled by
reading, never by guessing; it is sent a second time only when that reading shows that nothing happened.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from weakref import WeakValueDictionary

import anyio
import anyio.lowlevel

from asisso_mcp.api.client import AsissoClient
from asisso_mcp.api.errors import AsissoError, Executed, StateConflict, TimedOut, Unreachable
from asisso_mcp.api.models import Campaign
from asisso_mcp.api.untrusted import quoted
from asisso_mcp.campaigns.edits import Comparison, Declined, Plan, compare, differences, plan, revision, same
from asisso_mcp.campaigns.recent import RecentRevisions
from asisso_mcp.campaigns.status import FINAL, last_trip
from asisso_mcp.campaigns.words import change_in_words, state_in_words

logger = logging.getLogger(__name__)

DEADLINE_SECONDS = 40.0
"""For one tool call: hosts give up after 60 s, and the two below may come on top."""
WRITE_SECONDS = 8.0
"""What a write may take at least, however little of the call's time is left."""
SETTLE_SECONDS = 8.0
"""For finding out, after that, what became of a write whose reply was lost."""
SPARE_SECONDS = 0.5
"""What is left of the call's time when looking at a finished write ends, so that its outcome can still be told."""
SYNC_LOOKS = (0.5, 1.5, 2.0)
"""Seconds between looks at a campaign that was paused while its contacts were imported."""

REPLY_LOST = "The API's reply was lost, so the campaign was read again: the change is in place."
SENT_TWICE = (
    "The first request was lost before it had an effect (the campaign was read to make sure), so it was sent once more."
)
NOT_READ_AGAIN = "It could not be read once more after that, so this is what the API answered to the edit."
FIRST_CAME_LATE = (
    "The first request seemed lost, and the second was told that it is so already: by the first one, which came through late, or "
    "by someone else."
)
PAUSE_FIRST = "This is a preview only: the campaign is {state}, so it must be paused with `pause_campaign` before the edit is sent."
NOT_LOOKED_AT = "it could not be looked at long enough to be sure"


class OutcomeUnknown(AsissoError):
    """A write was sent, its reply did not come, and reading did not settle it."""

    def __init__(self, sent: str, why: str, found: str) -> None:
        super().__init__(
            f"Unknown outcome. Sent: {sent}. {why} {found} It may or may not have been applied, and it was not repeated: "
            "look with `get_campaign` before you try again.",
            executed=None,
        )


@dataclass(frozen=True)
class Edited:
    """An edit and what became of it. `campaign` is as last read; `applied` whether this call changed it."""

    campaign: Campaign
    plan: Plan
    applied: bool
    preview: bool = False
    comparison: Comparison = field(default_factory=Comparison)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Switched:
    """A pause or resume. `before` and `campaign`: as read before and after; `applied`: whether this call changed the state."""

    before: Campaign
    campaign: Campaign
    applied: bool
    notes: tuple[str, ...] = ()


class CampaignService:
    """What can be done with campaigns. Writes to one campaign follow one another within this process."""

    def __init__(
        self,
        client: AsissoClient,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._client = client
        self.clock = clock
        self._sleep = sleep
        self._locks: WeakValueDictionary[int, anyio.Lock] = WeakValueDictionary()
        self._recent = RecentRevisions()
        self.in_flight: dict[int, str] = {}
        """Writes that were sent and not yet answered: what would be unknown if the process ended now."""

    async def list(self) -> list[Campaign]:
        with _deadline("the list of campaigns was not read. Call again in a minute"):
            return await self._client.list_campaigns()

    async def get(self, campaign_id: int) -> Campaign:
        with _deadline("nothing was read. Call again in a minute"):
            return await self._read(campaign_id)

    async def edit(
        self,
        campaign_id: int,
        named: Mapping[str, Any],
        *,
        dry_run: bool = False,
        expected_revision: str | None = None,
    ) -> Edited:
        """Change the named leaves, and nothing else. Raises Declined (nothing was sent) or AsissoError."""
        async with self._turn(campaign_id):
            before = await self._read(campaign_id)
            settings = before.settings()
            self._require_revision(before, expected_revision)
            intended = plan(settings, named)
            if not intended.body:
                return Edited(before, intended, applied=False, preview=dry_run)
            _require_not_final(before)
            if dry_run:
                first = (PAUSE_FIRST.format(state=before.phase),) if before.phase in ("running", "syncing") else ()
                return Edited(before, intended, applied=False, preview=True, notes=first)
            _require_paused(before)
            body = intended.patch()
            after, notes = await self._write(
                before,
                sent=f"the edit of {', '.join(change.field for change in intended.changes)} of campaign {campaign_id}",
                send=lambda: self._client.patch(campaign_id, body),
                reached=lambda now: not compare(intended, settings, now.settings()).missing,
            )
            comparison = compare(intended, settings, after.settings())
            if comparison.missing:
                # Someone else wrote at the same moment, perhaps: what counts is what is there now.
                now = await self._glance(campaign_id)
                after, notes = (after, (*notes, NOT_READ_AGAIN)) if now is None else (now, notes)
                comparison = compare(intended, settings, after.settings())
            self._recent.remember(after)
            if comparison.missing:
                intended = intended.without(comparison.missing)
            return Edited(after, intended, applied=not comparison.missing, comparison=comparison, notes=notes)

    async def pause(self, campaign_id: int) -> Switched:
        """Stop dialing. Already paused is a success. Raises Declined or AsissoError."""
        async with self._turn(campaign_id):
            before = await self._read(campaign_id)
            match before.phase:
                case "paused":
                    return Switched(before, before, applied=False)
                case "draft":
                    raise Declined(
                        f"Campaign {campaign_id} {quoted(before.name)} is a draft: it was never started, so there is nothing to "
                        "pause. It can be edited as it is with `update_campaign`."
                    )
                case phase if phase in FINAL:
                    raise Declined(
                        f"Campaign {campaign_id} {quoted(before.name)} is {phase}, which is final: it does not dial, and there "
                        "is nothing to pause."
                    )
            after, notes, ours = await self._switch(before, "paused", "the pause", self._client.pause)
            if before.phase == "syncing" and after.phase == "paused":
                after, watched = await self._hold(after)
                notes = (*notes, *watched)
            return Switched(before, after, applied=ours and after.phase == "paused", notes=notes)

    async def resume(self, campaign_id: int) -> Switched:
        """Let it dial again. Already running is a success. Raises Declined or AsissoError."""
        async with self._turn(campaign_id):
            before = await self._read(campaign_id)
            match before.phase:
                case "running" | "syncing":
                    return Switched(before, before, applied=False)
                case "draft":
                    raise Declined(
                        f"Campaign {campaign_id} {quoted(before.name)} is a draft that was never started. A first start imports "
                        "contacts and is done in Asisso itself; this server only resumes paused campaigns."
                    )
                case phase if phase in FINAL:
                    raise Declined(
                        f"Campaign {campaign_id} {quoted(before.name)} is {phase}, which is final: it cannot be resumed."
                    )
            after, notes, ours = await self._switch(before, "running", "the resume", self._client.resume)
            if last_trip(before) is not None:
                notes = (
                    *notes,
                    "The circuit breaker had probably paused it. Resuming clears the breaker's window, not the cause of the "
                    "failures: look again with `get_campaign` in a few minutes.",
                )
            return Switched(before, after, applied=ours and after.phase == "running", notes=notes)

    async def _switch(
        self, before: Campaign, goal: str, what: str, send: Callable[[int], Awaitable[Campaign]]
    ) -> tuple[Campaign, tuple[str, ...], bool]:
        """The campaign afterwards, notes, and whether it was this request that changed its state."""
        try:
            after, notes = await self._write(
                before,
                sent=f"{what} of campaign {before.id}",
                send=lambda: send(before.id),
                reached=lambda now: now.phase == goal,
            )
        except StateConflict:
            now = await self._read(before.id)
            if now.phase != goal:
                raise
            return now, (f"It became {goal} a moment before this request, by someone else or by the platform.",), False
        return after, notes, True

    async def _hold(self, paused: Campaign) -> tuple[Campaign, tuple[str, ...]]:
        """Look again after pausing a campaign that was importing: the import's end may set it running (observed)."""
        now, repeated, watched = paused, 0, 0.0
        for seconds in SYNC_LOOKS:
            found = await self._glance(paused.id, after=seconds)
            if found is None:
                break
            now, watched = found, watched + seconds
            if now.phase == "running":
                try:
                    now, _, _ = await self._switch(now, "paused", "the pause", self._client.pause)
                except AsissoError as fault:
                    return now, (
                        f"It was paused, then the end of its import set it running, and pausing it again failed: {fault.text}",
                    )
                repeated += 1
        notes = []
        if repeated:
            notes.append("The end of its import had set it running again, so it was paused again.")
        looked = f"it was looked at for {watched:g} s" if watched == sum(SYNC_LOOKS) else NOT_LOOKED_AT
        notes.append(
            f"It was paused while its contacts were being imported, and the end of the import can set it running: {looked}. "
            "Look once more with `get_campaign` in a minute."
        )
        return now, tuple(notes)

    async def _glance(self, campaign_id: int, *, after: float = 0) -> Campaign | None:
        """The campaign as it is now, for a write that is done: None when it cannot be read in the time that is left."""
        left = anyio.current_effective_deadline() - anyio.current_time() - SPARE_SECONDS
        if left <= after:
            return None
        with anyio.move_on_after(left):
            try:
                if after:
                    await self._sleep(after)
                return await self._read(campaign_id)
            except AsissoError as fault:
                logger.info("The campaign could not be read after the write: %s", fault.text)
        return None

    async def _write(
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
        seconds = max(WRITE_SECONDS, anyio.current_effective_deadline() - anyio.current_time())
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
                with _deadline("it had been sent", until - anyio.current_time(), executed=None):
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
            late = isinstance(why, TimedOut) or anyio.current_time() > until - SPARE_SECONDS
            if attempt == 2 or late or not _untouched(before, now):
                raise OutcomeUnknown(sent, why.text, _found(before, now))
            notes = (SENT_TWICE,)
        raise AssertionError("unreachable")  # pragma: no cover

    async def _look(self, campaign_id: int, sent: str, why: AsissoError) -> Campaign:
        try:
            with anyio.fail_after(SETTLE_SECONDS):
                return await self._client.get(campaign_id)
        except (AsissoError, TimeoutError):
            raise OutcomeUnknown(sent, why.text, "Reading the campaign afterwards failed as well.") from why

    async def _read(self, campaign_id: int) -> Campaign:
        campaign = await self._client.get(campaign_id)
        self._recent.remember(campaign)
        return campaign

    def _require_revision(self, campaign: Campaign, expected: str | None) -> None:
        settings = campaign.settings()
        if expected is None or expected == revision(settings):
            return
        known = self._recent.settings(campaign.id, expected)
        if known is not None:
            listed = "; ".join(change_in_words(change) for change in differences(known, settings))
            meanwhile = f"Changed meanwhile: {listed}."
        else:
            meanwhile = "That revision is not one this server has read recently, so what differs cannot be listed."
        raise Declined(
            f"Campaign {campaign.id} {quoted(campaign.name)} is at revision {revision(settings)}, not {quoted(expected, 20)}, so "
            f"nothing was sent. {meanwhile} Look with `get_campaign`, decide again, and pass the new revision."
        )

    @asynccontextmanager
    async def _turn(self, campaign_id: int) -> AsyncIterator[None]:
        lock = self._locks.setdefault(campaign_id, anyio.Lock())
        with _deadline("nothing was changed. Call again in a minute"):
            async with lock:
                yield


def _require_paused(campaign: Campaign) -> None:
    """Published reference: updates are only allowed on campaigns in draft or paused status. Unknown states: the API decides."""
    if campaign.phase in ("running", "syncing"):
        raise Declined(
            f"Campaign {campaign.id} {quoted(campaign.name)} is {campaign.phase}; settings can only be changed while a campaign is paused or a draft, so nothing was sent. "
            f"Next: `pause_campaign` with campaign_id={campaign.id}, then this edit again, then `resume_campaign`."
        )


def _require_not_final(campaign: Campaign) -> None:
    if campaign.phase in FINAL:
        raise Declined(
            f"Campaign {campaign.id} {quoted(campaign.name)} is {campaign.phase}, which is final: its settings can no longer be changed, so nothing was sent. "
            "Settings can be changed on campaigns that are paused or drafts."
        )


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


@contextmanager
def _deadline(consequence: str, seconds: float = DEADLINE_SECONDS, *, executed: Executed = False) -> Iterator[None]:
    try:
        with anyio.fail_after(min(seconds, DEADLINE_SECONDS)):
            yield
    except TimeoutError:
        raise TimedOut(f"The Asisso API did not answer in time; {consequence}.", executed=executed) from None
