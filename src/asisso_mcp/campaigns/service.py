"""The order in which the API is asked: read, edit, pause, resume, list. The only place that decides it.

Every write is preceded by a read, and its answer is held against the intent. An attempt that surely had no effect is made again
as a whole, so that what is sent is never older than the wait before it. Sending, and what becomes of it, is in `write_recovery`.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from weakref import WeakValueDictionary

import anyio

from asisso_mcp.api.client import AsissoClient
from asisso_mcp.api.errors import ServerFault, TimedOut
from asisso_mcp.api.models import Campaign, LastCall
from asisso_mcp.api.retries import retry_write
from asisso_mcp.campaigns import telephony
from asisso_mcp.campaigns.breaker import newest_trip
from asisso_mcp.campaigns.consent import Consent, ConsentNeeded, Proposal
from asisso_mcp.campaigns.deadlines import CallTime, within_time
from asisso_mcp.campaigns.dialing import may_dial
from asisso_mcp.campaigns.edits import is_repair, plan_edit, plan_repair
from asisso_mcp.campaigns.formatting import describe_meanwhile
from asisso_mcp.campaigns.models import (
    EditPlan,
    EditResult,
    NotAllowed,
    StateChange,
    json_equal,
)
from asisso_mcp.campaigns.pause_and_resume import STEPS, RunningEdit, require_resumable_after
from asisso_mcp.campaigns.policy import UNLIMITED, Policy
from asisso_mcp.campaigns.readings import CampaignReader
from asisso_mcp.campaigns.state_rules import require_not_final, require_pausable, require_paused, require_resumable
from asisso_mcp.campaigns.write_journal import WriteJournal
from asisso_mcp.campaigns.write_lock import WriteLock
from asisso_mcp.campaigns.write_recovery import TIME_OVER, OutcomeUnknown, WriteCall, WriteSender
from asisso_mcp.campaigns.writer import CampaignWriter

logger = logging.getLogger(__name__)

PAUSE_FIRST = "This is a preview only: the campaign is {state}, so it must be paused with `pause_campaign` before the edit is sent."
RESUME_LOOK = 3.0
"""Seconds after which a campaign is looked at once more when it was resumed."""
BREAKER_RESUMED = (
    "The circuit breaker had probably paused it. Resuming clears the breaker's window, not the cause of the failures: look again with "
    "`get_campaign` in a few minutes."
)
BEYOND_LIMITS = (
    "It was changed at the same moment by someone else, and runs beyond this server's limits now ({problem}): stop it with "
    "`pause_campaign`."
)
NOT_READ_BEFORE = (
    "It could not be read before the pause, so what it was doing is not known. If its contacts were being imported, the end of the "
    "import can set it running: look with `get_campaign` in a minute."
)
REPAIRED_UNREAD = (
    "The API could not show this campaign, so it was not checked whether it is paused, and there is no undo: what retry_config was "
    "before is not known."
)


class CampaignService:
    """What can be done with campaigns. Writes to one campaign follow one another within this process."""

    def __init__(
        self,
        client: AsissoClient,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        tell: Callable[[str], None] = logger.warning,
        policy: Policy = UNLIMITED,
        journal: WriteJournal = WriteJournal(),  # noqa: B008 - without a journal it has no state
    ) -> None:
        """`tell` gets the outcome of a write whose caller went away, `journal` an entry for each write."""
        self._client = client
        self.policy = policy
        self.clock = clock
        self._locks: WeakValueDictionary[int, WriteLock] = WeakValueDictionary()
        self._reader = CampaignReader(client, sleep)
        self._writes = WriteSender(client, tell, journal)
        self._writer = CampaignWriter(client, self._reader, self._writes, clock)
        self._shared: CampaignService | None = None
        """What this is a view of: kept, so that one tenant never has two sets of locks."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """The credentials that are sent to the API; nothing that is shown may repeat them."""
        return self._client.secrets

    def within(self, policy: Policy) -> "CampaignService":
        """The same campaigns, within other limits."""
        if policy == self.policy:
            return self
        limited = copy(self)
        limited.policy, limited._shared = policy, self
        return limited

    @property
    def in_flight(self) -> Collection[str]:
        """Writes that were sent and are not answered yet, in words."""
        return self._writes.in_flight.values()

    def stop_writing(self) -> None:
        """The process ends: what was not sent yet is not sent any more."""
        self._writes.stop()

    async def list(self) -> list[Campaign]:
        """The campaigns that may be touched, newest first."""
        self.policy.check_tool("list_campaigns")
        with within_time("the list of campaigns was not read. Call again in a minute"):
            return [campaign for campaign in await self._client.list_campaigns() if self.policy.allows(campaign.id)]

    async def get(self, campaign_id: int) -> Campaign:
        """One campaign as it is now."""
        self.policy.check_tool("get_campaign")
        self.policy.check_campaign(campaign_id)
        with within_time("nothing was read. Call again in a minute"):
            return await self._reader.read(campaign_id)

    async def last_call(self, campaign: Campaign) -> LastCall | None:
        """The newest call of a campaign that may dial now; None for any other, and where it cannot be looked up."""
        return await self._reader.last_call(campaign.id) if may_dial(campaign, self.clock()) else None

    async def edit(
        self,
        campaign_id: int,
        named: Mapping[str, Any],
        *,
        dry_run: bool = False,
        expected_revision: str | None = None,
        pause_and_resume: bool = False,
        consent: Consent | None = None,
    ) -> EditResult:
        """Change the named leaves, and nothing else. Raises NotAllowed (nothing was changed), ConsentNeeded (likewise) or AsissoError.

        pause_and_resume: a running campaign is paused before and resumed after it; otherwise it is refused. consent: what a person
        has said yes to.
        """
        self.policy.check_tool("update_campaign")
        readings: list[Campaign] = []

        def planned(before: Campaign, settable: int | None) -> EditPlan:
            self._reader.recent.require(before, expected_revision)
            return self.policy.check_edit(before, plan_edit(before.settings(), named, settable))

        async def attempt() -> EditResult:
            is_capped = dry_run or pause_and_resume or "max_concurrency" in named
            looked_up = await self._reader.telephony() if is_capped else telephony.NOT_LOOKED_UP
            try:
                before = await self._reader.read(campaign_id)
            except ServerFault:
                if dry_run or expected_revision is not None or not is_repair(named):
                    raise
                return await self._repair(call, campaign_id, named, consent)
            readings.append(before)
            call.read_at = anyio.current_time()
            settable = looked_up.settable(before)
            intended = planned(before, settable)
            meanwhile = describe_meanwhile(readings[0], before)
            if not intended.body:
                return EditResult(before, intended, applied=False, preview=dry_run, notes=meanwhile)
            require_not_final(before)
            cap = looked_up.describe_cap(before, intended.after["max_concurrency"])
            resumes = pause_and_resume and before.phase == "running"
            if resumes:
                intended = replace(intended, resumes=True)
                require_resumable_after(self.policy, looked_up, before, intended)
            if dry_run:
                telephony.require_settable(intended.body.get("max_concurrency"), settable)
                obstacle = looked_up.obstacle(before) if before.phase in ("running", "paused") else None
                first = () if before.phase not in ("running", "syncing") else (PAUSE_FIRST.format(state=before.phase),)
                first = (STEPS,) if resumes else first
                warned = (telephony.warning(obstacle),) if obstacle else ()
                return EditResult(before, intended, applied=False, preview=True, cap=cap, notes=(*first, *warned))
            if resumes:
                self._require_consent(Proposal.edit(campaign_id, before, intended).and_resume(), consent)

                def replanned(now: Campaign) -> EditPlan:
                    again = replace(planned(now, looked_up.settable(now)), resumes=True)
                    if consent is not None and not json_equal(again.after, intended.after):
                        raise NotAllowed("someone else changed its settings after a person had confirmed it")
                    return again

                running = RunningEdit(
                    self._writer,
                    self._reader,
                    self.policy,
                    call,
                    plan=replanned,
                    looked_up=looked_up,
                    look_again=self._looked_at_again,
                    tell_if_stopped=self._writes.tell_if_stopped,
                )
                edited = await running.run(before)
                return replace(edited, cap=cap if edited.applied else None, notes=(*meanwhile, *edited.notes))
            if before.phase == "running":
                obstacle = (await self._reader.telephony()).obstacle(before)
                require_paused(before, f" But {telephony.warning(obstacle)}" if obstacle else "")
            require_paused(before)
            self._require_consent(Proposal.edit(campaign_id, before, intended), consent)
            edited = await self._writer.edit(call, campaign_id, before, intended)
            return replace(edited, cap=cap if edited.applied else None, notes=(*meanwhile, *edited.notes))

        async with self._exclusive(campaign_id) as call:
            return await retry_write(attempt)

    async def pause(self, campaign_id: int) -> StateChange:
        """Stop dialing, also when the campaign cannot be read. Already paused is a success. Raises NotAllowed or AsissoError."""
        self.policy.check_tool("pause_campaign")
        can_read = True

        async def attempt() -> StateChange:
            nonlocal can_read
            before = await self._reader.read_before_pause(campaign_id) if can_read else None
            can_read = before is not None
            if before is not None:
                if before.phase == "paused":
                    return StateChange(before, before, applied=False)
                require_pausable(before)
            switched = await self._writer.change_state(call, campaign_id, before, "paused")
            if before is None:
                return replace(switched, notes=(*switched.notes, NOT_READ_BEFORE))
            if before.phase == "syncing" and switched.campaign.phase == "paused":
                after, watched = await self._writer.keep_paused(call, switched.campaign)
                applied = switched.applied and after.phase == "paused"
                return StateChange(before, after, applied, (*switched.notes, *watched))
            return switched

        async with self._exclusive(campaign_id, urgent=True) as call:
            return await retry_write(attempt)

    async def resume(self, campaign_id: int, *, consent: Consent | None = None) -> StateChange:
        """Let it dial again, and look once more soon after. Already running is a success. consent: what a person has said yes to.

        Raises NotAllowed (nothing was changed), ConsentNeeded (likewise) or AsissoError.
        """
        self.policy.check_tool("resume_campaign")
        readings: list[Campaign] = []

        async def attempt() -> StateChange:
            looked_up = await self._reader.telephony()
            before = await self._reader.read(campaign_id)
            readings.append(before)
            call.read_at = anyio.current_time()
            meanwhile = describe_meanwhile(readings[0], before)
            if before.phase in ("running", "syncing"):
                return StateChange(before, before, applied=False, notes=meanwhile)
            require_resumable(before)
            self.policy.check_resume(before)
            telephony.require_ready(looked_up, before)
            self._require_consent(Proposal.resume(before), consent)
            switched = await self._writer.change_state(call, campaign_id, before, "running")
            trip, cap = newest_trip(before.logs), looked_up.describe_cap(before, before.max_concurrency)
            tripped = (BREAKER_RESUMED,) if trip and trip.explains_pause(self.clock()) else ()
            return replace(switched, cap=cap, notes=(*meanwhile, *switched.notes, *tripped))

        async with self._exclusive(campaign_id) as call:
            switched = await retry_write(attempt)
            seen = await self._looked_at_again(switched) if switched.applied else switched
        is_ours = seen.applied and seen.campaign.phase == "running"
        problem = self.policy.resume_problem(seen.campaign) if is_ours else None
        return replace(seen, notes=(*seen.notes, BEYOND_LIMITS.format(problem=problem))) if problem else seen

    def _require_consent(self, proposal: Proposal, consent: Consent | None) -> None:
        """Raises ConsentNeeded when a person has to confirm this write, and has not. Nothing of it may have been sent.

        The call ends with it, and so do its locks: while a person thinks, others may write, and a pause goes through.
        """
        if self.policy.needs_consent(proposal.risks) and not proposal.is_covered_by(consent):
            raise ConsentNeeded(proposal)

    async def _looked_at_again(self, switched: StateChange) -> StateChange:
        """The same, seen some seconds after a resume: what the platform finds wrong then ends the campaign (observed)."""
        with self._writes.until_stopped():
            now = await self._reader.reread_if_time(switched.campaign.id, after=RESUME_LOOK)
            if now is not None and switched.campaign.shown_settings <= now.shown_settings:
                last_call = await self.last_call(now)
                return replace(switched, campaign=now, seen_after=RESUME_LOOK, last_call=last_call)
        return switched

    async def _repair(
        self, call: WriteCall, campaign_id: int, named: Mapping[str, Any], consent: Consent | None
    ) -> EditResult:
        """Write a whole retry_config over one that the API cannot show."""
        call.read_at = None  # an earlier reading is not what this rests on
        intended = self.policy.check_edit(None, plan_repair(named, REPAIRED_UNREAD))
        self._require_consent(Proposal.edit(campaign_id, None, intended), consent)
        return await self._writer.edit(call, campaign_id, None, intended)

    @asynccontextmanager
    async def _exclusive(self, campaign_id: int, *, urgent: bool = False) -> AsyncIterator[WriteCall]:
        """The only call that may send a write to this campaign, within its time; an urgent one goes first."""
        self.policy.check_writing()
        self.policy.check_campaign(campaign_id)
        lock = self._locks.setdefault(campaign_id, WriteLock())
        call: WriteCall | None = None
        try:
            with within_time("nothing was changed. Call again in a minute") as scope:
                async with lock.urgent() if urgent else lock.exclusive() as turn:
                    call = WriteCall(turn, CallTime(scope), owner=self)
                    yield call
        except TimedOut:
            sent = call and (call.unanswered or call.outcome)
            if call is None or not sent:
                raise
            stands = call.where_it_stands()
            if stands and not call.unanswered:
                raise TimedOut(f"{TIME_OVER} Last sent: {sent} {stands}", executed=None) from None
            unknown = OutcomeUnknown(sent.rstrip("."), TIME_OVER)
            raise unknown.add(stands) if stands else unknown from None
        except OutcomeUnknown as unknown:
            if call is not None:
                call.settle("unknown", why=unknown.text)
            raise
        except anyio.get_cancelled_exc_class():
            if call is not None:
                self._writes.tell_outcome(call)
            raise
        finally:
            self._writes.journal.finish(None if call is None else call.entry)
