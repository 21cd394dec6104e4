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

from asisso_mcp.api.client import AsissoClient, BeforeSending
from asisso_mcp.api.errors import AsissoError, ServerFault, StateConflict, TimedOut
from asisso_mcp.api.models import EDITABLE, Campaign, LastCall
from asisso_mcp.api.retries import NotExecuted, retry_write
from asisso_mcp.campaigns import telephony
from asisso_mcp.campaigns.breaker import newest_trip
from asisso_mcp.campaigns.consent import Consent, ConsentNeeded, Proposal
from asisso_mcp.campaigns.deadlines import CallTime, within_time
from asisso_mcp.campaigns.dialing import may_dial
from asisso_mcp.campaigns.edits import check_response, is_repair, plan_edit, plan_repair
from asisso_mcp.campaigns.formatting import describe_meanwhile
from asisso_mcp.campaigns.models import (
    Discrepancies,
    EditPlan,
    EditResult,
    StateChange,
    json_equal,
)
from asisso_mcp.campaigns.policy import UNLIMITED, Policy
from asisso_mcp.campaigns.readings import CampaignReader
from asisso_mcp.campaigns.state_rules import require_not_final, require_pausable, require_paused, require_resumable
from asisso_mcp.campaigns.write_journal import PlannedWrite, WriteJournal
from asisso_mcp.campaigns.write_lock import WriteLock
from asisso_mcp.campaigns.write_recovery import NOT_SHOWN, TIME_OVER, OutcomeUnknown, WriteCall, WriteSender

logger = logging.getLogger(__name__)

SYNC_LOOKS = (0.5, 1.5, 2.0)
"""Seconds between looks at a campaign that was paused while its contacts were imported."""

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
NOT_LOOKED_AT = "it could not be looked at long enough to be sure"
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
        consent: Consent | None = None,
    ) -> EditResult:
        """Change the named leaves, and nothing else. consent: what a person has said yes to.

        Raises NotAllowed (nothing was changed), ConsentNeeded (likewise) or AsissoError.
        """
        self.policy.check_tool("update_campaign")
        readings: list[Campaign] = []

        async def attempt() -> EditResult:
            is_capped = dry_run or "max_concurrency" in named
            looked_up = await self._reader.telephony() if is_capped else telephony.NOT_LOOKED_UP
            try:
                before = await self._reader.read(campaign_id)
            except ServerFault:
                if dry_run or expected_revision is not None or not is_repair(named):
                    raise
                return await self._repair(call, campaign_id, named, consent)
            readings.append(before)
            call.read_at = anyio.current_time()
            settings = before.settings()
            self._reader.recent.require(before, expected_revision)
            settable = looked_up.settable(before)
            intended = self.policy.check_edit(before, plan_edit(settings, named, settable))
            meanwhile = describe_meanwhile(readings[0], before)
            if not intended.body:
                return EditResult(before, intended, applied=False, preview=dry_run, notes=meanwhile)
            require_not_final(before)
            cap = looked_up.describe_cap(before, intended.after["max_concurrency"])
            if dry_run:
                telephony.require_settable(intended.body.get("max_concurrency"), settable)
                obstacle = looked_up.obstacle(before) if before.phase in ("running", "paused") else None
                first = (PAUSE_FIRST.format(state=before.phase),) if before.phase in ("running", "syncing") else ()
                warned = (telephony.warning(obstacle),) if obstacle else ()
                return EditResult(before, intended, applied=False, preview=True, cap=cap, notes=(*first, *warned))
            if before.phase == "running":
                obstacle = (await self._reader.telephony()).obstacle(before)
                require_paused(before, f" But {telephony.warning(obstacle)}" if obstacle else "")
            require_paused(before)
            self._require_consent(Proposal.edit(campaign_id, before, intended), consent)
            edited = await self._send_edit(call, campaign_id, before, intended)
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
            switched = await self._change_state(call, campaign_id, before, "paused", "the pause", self._client.pause)
            if before is None:
                return replace(switched, notes=(*switched.notes, NOT_READ_BEFORE))
            if before.phase == "syncing" and switched.campaign.phase == "paused":
                after, watched = await self._keep_paused(call, switched.campaign)
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
            sent_at = self.clock()
            switched = await self._change_state(call, campaign_id, before, "running", "the resume", self._client.resume)
            trip, cap = newest_trip(before.logs), looked_up.describe_cap(before, before.max_concurrency)
            tripped = (BREAKER_RESUMED,) if trip and trip.explains_pause(self.clock()) else ()
            return replace(switched, cap=cap, notes=(*meanwhile, *switched.notes, *tripped), sent_at=sent_at)

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
        now = await self._reader.reread_if_time(switched.campaign.id, after=RESUME_LOOK)
        if now is None or not switched.campaign.shown_settings <= now.shown_settings:
            return switched
        return replace(switched, campaign=now, seen_after=RESUME_LOOK, last_call=await self.last_call(now))

    async def _send_edit(
        self, call: WriteCall, campaign_id: int, before: Campaign | None, intended: EditPlan
    ) -> EditResult:
        """Send the planned edit and hold what the API shows then against it. `before`: None when it could not be read."""
        settings = before.settings() if before is not None else dict.fromkeys(intended.after)
        shown = before.shown_settings if before is not None else intended.after.keys()
        sent = f"the edit of {', '.join(change.field for change in intended.changes)} of campaign {campaign_id}"

        can_be_shown = not json_equal(
            intended.after, settings
        )  # a breaker that is switched off may look the same before

        def discrepancies(now: Campaign) -> Discrepancies:
            return check_response(intended, settings, now.settings())

        after, notes = await self._writes.send(
            call,
            PlannedWrite.edit(campaign_id, before, intended),
            sent=sent,
            send=lambda before_sending: self._client.patch(campaign_id, intended.body, before_sending),
            is_applied=lambda now: can_be_shown and not discrepancies(now).missing,
        )
        if discrepancies(after).missing or not shown <= after.shown_settings:
            # Someone else wrote at the same moment, or the answer is not the campaign as it is: what is there now counts.
            after = await self._reader.reread(campaign_id, sent, NOT_SHOWN)
            if not shown <= after.shown_settings:
                raise OutcomeUnknown(sent, NOT_SHOWN, "It was read once more, and its settings were not shown.")
        comparison = discrepancies(after)
        self._reader.recent.remember(after)
        if comparison.missing:
            intended = intended.without(comparison.missing)
        call.settle_edit(after, intended, comparison)
        return EditResult(after, intended, applied=not comparison.missing, comparison=comparison, notes=notes)

    async def _repair(
        self, call: WriteCall, campaign_id: int, named: Mapping[str, Any], consent: Consent | None
    ) -> EditResult:
        """Write a whole retry_config over one that the API cannot show."""
        call.read_at = None  # an earlier reading is not what this rests on
        intended = self.policy.check_edit(None, plan_repair(named, REPAIRED_UNREAD))
        self._require_consent(Proposal.edit(campaign_id, None, intended), consent)
        return await self._send_edit(call, campaign_id, None, intended)

    async def _change_state(
        self,
        call: WriteCall,
        campaign_id: int,
        before: Campaign | None,
        goal: str,
        what: str,
        send: Callable[[int, BeforeSending], Awaitable[Campaign]],
    ) -> StateChange:
        sent = f"{what} of campaign {campaign_id}"
        try:
            after, notes = await self._writes.send(
                call,
                PlannedWrite.state_change(campaign_id, before, goal),
                sent=sent,
                send=lambda before_sending: send(campaign_id, before_sending),
                is_applied=lambda now: now.phase == goal,
            )
        except StateConflict:
            now = await self._reader.reread_if_time(campaign_id)
            if now is None or now.phase != goal:
                raise
            note = f"It became {goal} a moment before this request, by someone else or by the platform."
            return StateChange(before, now, applied=False, notes=(note,) if before is not None else ())
        if after.phase != goal:
            after = await self._reader.reread(campaign_id, sent, NOT_SHOWN)
        elif not (before.shown_settings if before is not None else frozenset(EDITABLE)) <= after.shown_settings:
            # The state is shown and the settings are not. They are as they were read, if they cannot be read again.
            kept = before.model_copy(update={"state": after.state}) if before is not None else after
            after = await self._reader.reread_if_time(campaign_id) or kept
        # Without a reading before, a reading after does not tell whose doing it was.
        is_ours = after.phase == goal and (before is not None or not notes)
        call.settle("applied" if is_ours else "unknown" if after.phase == goal else "not applied", after)
        self._writes.journal.finish(call.entry)  # the process may end before it is looked at again
        return StateChange(before, after, applied=is_ours, notes=notes if before is not None else ())

    async def _keep_paused(self, call: WriteCall, paused: Campaign) -> tuple[Campaign, tuple[str, ...]]:
        """Look again after pausing a campaign that was importing: the import's end may set it running (observed)."""
        now, repeated, watched = paused, 0, 0.0
        for seconds in SYNC_LOOKS:
            found = await self._reader.reread_if_time(paused.id, after=seconds)
            if found is None:
                break
            now, watched = found, watched + seconds
            if now.phase == "running":
                try:
                    now = (
                        await self._change_state(call, now.id, now, "paused", "the pause", self._client.pause)
                    ).campaign
                except (AsissoError, NotExecuted) as fault:
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
            if not sent:
                raise
            raise OutcomeUnknown(sent.rstrip("."), TIME_OVER) from None
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
