"""In which order the API is asked: read, edit, pause, resume, list. The only place that decides it.

Every write is preceded by a read, and its answer is held against the intent. What becomes of a write whose reply is lost is
settled in `writes`.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from weakref import WeakValueDictionary

import anyio

from asisso_mcp.api.client import AsissoClient
from asisso_mcp.api.errors import AsissoError, StateConflict
from asisso_mcp.api.models import Campaign
from asisso_mcp.api.untrusted import quoted
from asisso_mcp.campaigns import deadlines
from asisso_mcp.campaigns.deadlines import within_time
from asisso_mcp.campaigns.edits import Comparison, Declined, Plan, compare, differences, plan, revision
from asisso_mcp.campaigns.recent import RecentRevisions
from asisso_mcp.campaigns.status import FINAL, last_trip
from asisso_mcp.campaigns.words import change_in_words
from asisso_mcp.campaigns.writes import Writes

logger = logging.getLogger(__name__)

SYNC_LOOKS = (0.5, 1.5, 2.0)
"""Seconds between looks at a campaign that was paused while its contacts were imported."""

NOT_READ_AGAIN = "It could not be read once more after that, so this is what the API answered to the edit."
PAUSE_FIRST = "This is a preview only: the campaign is {state}, so it must be paused with `pause_campaign` before the edit is sent."
NOT_LOOKED_AT = "it could not be looked at long enough to be sure"


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
        self._writes = Writes(client)

    @property
    def in_flight(self) -> Mapping[int, str]:
        """Campaign → the write that was sent and is not answered yet."""
        return self._writes.in_flight

    async def list(self) -> list[Campaign]:
        with within_time("the list of campaigns was not read. Call again in a minute"):
            return await self._client.list_campaigns()

    async def get(self, campaign_id: int) -> Campaign:
        with within_time("nothing was read. Call again in a minute"):
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
            after, notes = await self._writes.send(
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
            after, notes = await self._writes.send(
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
        left = anyio.current_effective_deadline() - anyio.current_time() - deadlines.SPARE_SECONDS
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
        with within_time("nothing was changed. Call again in a minute"):
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
