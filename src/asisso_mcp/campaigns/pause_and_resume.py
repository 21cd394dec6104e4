"""Edits a running campaign as one intended write: pauses it, edits it, resumes it.

Each of the three is a write with its own entry in the journal, built on a fresh reading and sent once. What can be known to stand in
the way is known before the pause. From the pause on the call never ends without saying where the campaign stands, and a pause that
somebody else asks for meanwhile wins: nothing is resumed after it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import anyio

from asisso_mcp.api.errors import AsissoError, TimedOut
from asisso_mcp.api.models import Campaign
from asisso_mcp.api.retries import NotExecuted, retry_write
from asisso_mcp.campaigns import telephony
from asisso_mcp.campaigns.breaker import newest_trip
from asisso_mcp.campaigns.deadlines import time_left
from asisso_mcp.campaigns.formatting import describe_changes, describe_meanwhile, describe_state
from asisso_mcp.campaigns.models import EditPlan, EditResult, NotAllowed, StateChange
from asisso_mcp.campaigns.policy import Policy
from asisso_mcp.campaigns.readings import CampaignReader
from asisso_mcp.campaigns.state_rules import require_resumable
from asisso_mcp.campaigns.telephony import Telephony
from asisso_mcp.campaigns.write_recovery import OutcomeUnknown, WriteCall
from asisso_mcp.campaigns.writer import CampaignWriter
from asisso_mcp.sanitize import quoted

SECONDS_NEEDED = 12.0
"""Of the call's time, for three requests one after another: with less left it is not paused any more."""
STEPS = (
    "It is running: this call pauses it, makes the edit and resumes it. The circuit breaker's window then begins anew."
)
RESUMED = "It was paused for the edit and is running again; the circuit breaker's window began anew."
OVERTAKEN = "another call paused it meanwhile"
_LEFT_PAUSED = "It was paused for the edit and is left paused: {why}."
_NEXT = " `resume_campaign` lets it dial again."


def require_resumable_after(policy: Policy, looked_up: Telephony, before: Campaign, intended: EditPlan) -> None:
    """Raises NotAllowed for an edit of a running campaign after which it could not be resumed, as far as that can be known before."""
    policy.check_tool("pause_campaign")
    would_run = before.model_copy(update=intended.after)
    problem = policy.resume_problem(would_run)
    if problem:
        reason = f"because of this server's limits it could not be resumed after this edit: {problem}"
    elif obstacle := looked_up.obstacle(before):
        reason = f"it could not be resumed after this edit: {obstacle}. Settle it in Asisso (telephony configurations)"
    else:
        telephony.require_settable(intended.body.get("max_concurrency"), looked_up.settable(before))
        return
    raise NotAllowed(
        f"Campaign {before.id} {quoted(before.name)} is running and was not paused, and nothing was sent: {reason}."
    )


@dataclass(frozen=True)
class _Ended:
    """How the campaign stands in the end (campaign: None when it was not read again), in a sentence."""

    sentence: str
    campaign: Campaign | None = None
    switched: StateChange | None = None

    @property
    def with_next_step(self) -> str:
        """The sentence, and for a campaign that is left paused how it dials again."""
        return self.sentence if self.switched else self.sentence + _NEXT


def _tripped_since(before: Campaign, now: Campaign) -> bool:
    was, trip = newest_trip(before.logs), newest_trip(now.logs)
    return trip is not None and (was is None or (trip.message, trip.at) != (was.message, was.at))


class RunningEdit:
    """One edit of a running campaign.

    Args:
        plan: the edit, worked out against a reading. Raises NotAllowed.
        looked_up: what the campaign dials from.
        look_again: the campaign some seconds after its resume.
        tell_if_stopped: logs where the campaign stands, when the process ends.
    """

    def __init__(
        self,
        writer: CampaignWriter,
        reader: CampaignReader,
        policy: Policy,
        call: WriteCall,
        *,
        plan: Callable[[Campaign], EditPlan],
        looked_up: Telephony,
        look_again: Callable[[StateChange], Awaitable[StateChange]],
        tell_if_stopped: Callable[[WriteCall], None],
    ) -> None:
        self._writer, self._reader, self._policy, self._call = writer, reader, policy, call
        self._plan, self._looked_up, self._look_again = plan, looked_up, look_again
        self._tell_if_stopped = tell_if_stopped
        self._why_paused: str | None = None
        """Why it must not be resumed, where that is known."""

    async def run(self, before: Campaign) -> EditResult:
        """Pause, edit, resume. Raises NotExecuted when not even the pause was sent, else NotAllowed or AsissoError."""
        if time_left() < SECONDS_NEEDED:
            raise TimedOut("The Asisso API did not answer in time; nothing was changed. Call again in a minute.")
        paused = await self._pause(before)
        try:
            edited = await retry_write(self._edit_attempt(before, paused))
        except OutcomeUnknown as unknown:
            raise unknown.add(_LEFT_PAUSED.format(why="look at its settings first") + _NEXT) from None
        except (AsissoError, NotAllowed) as refusal:
            ended = await self._resume(before, None)
            raise NotAllowed(
                f"The edit of campaign {before.id} {quoted(before.name)} was not made: {refusal.reason}. {ended.with_next_step}"
            ) from None
        if edited.comparison.missing:
            return replace(edited, around=_LEFT_PAUSED.format(why="not all of the edit is in place"))
        ended = await self._resume(before, edited.campaign)
        now = ended.campaign or edited.campaign
        others = describe_changes(edited.campaign, now)
        return replace(
            edited,
            campaign=now,
            plan=replace(edited.plan, resumes=now.phase == "running"),
            around=ended.sentence,
            resumed=ended.switched if ended.switched and ended.switched.applied else None,
            notes=(*edited.notes, *((f"Someone else changed after the edit: {others}.",) if others else ())),
        )

    async def _pause(self, before: Campaign) -> Campaign:
        call = self._call
        call.standing = "The edit that the pause was for was not sent, and this call resumes nothing."
        try:
            paused = await self._writer.change_state(call, before.id, before, "paused")
        except OutcomeUnknown as unknown:
            raise unknown.add(call.standing) from None
        except (AsissoError, NotExecuted):
            call.standing = None
            raise
        if paused.campaign.phase != "paused":
            raise AsissoError(
                f"The pause of campaign {before.id} {quoted(before.name)} was sent, and it is {describe_state(paused.campaign)} after it. "
                "The edit was not sent: look with `get_campaign`.",
                executed=None,
            )
        if not paused.applied:
            self._why_paused = "someone else, or the platform, paused it at the same moment"
        call.standing = f"Campaign {before.id} was paused for this edit and is left paused:{_NEXT}"
        call.read_at = anyio.current_time()
        return paused.campaign

    def _edit_attempt(self, before: Campaign, paused: Campaign) -> Callable[[], Awaitable[EditResult]]:
        latest: Campaign | None = paused

        async def attempt() -> EditResult:
            nonlocal latest
            await self._call.turn.pauses_ended()
            now, latest = await self._reading(before.id, latest), None
            if now.phase != "paused":
                raise NotAllowed(f"someone else changed its state meanwhile, it is {describe_state(now)}")
            planned = self._plan(now)
            meanwhile = describe_meanwhile(before.model_copy(update={"state": "paused"}), now)
            if not planned.body:
                return EditResult(now, planned, applied=False, notes=meanwhile)
            edited = await self._writer.edit(self._call, before.id, now, planned)
            self._call.read_at = anyio.current_time()
            return replace(edited, notes=(*meanwhile, *edited.notes))

        return attempt

    async def _resume(self, before: Campaign, latest: Campaign | None) -> _Ended:
        """Let it run again. latest: a fresh reading, where there is one. Raises OutcomeUnknown when nothing before it was applied."""
        if self._why_paused:
            return _Ended(_LEFT_PAUSED.format(why=self._why_paused), latest)
        last, is_after_edit = latest, latest is not None

        async def attempt() -> StateChange:
            nonlocal latest, last
            await self._call.turn.pauses_ended()
            self._require_not_overtaken()
            last, latest = await self._reading(before.id, latest), None
            if last.phase in ("running", "syncing"):
                return StateChange(last, last, applied=False)
            require_resumable(last)
            if why := self._policy.resume_problem(last) or self._looked_up.obstacle(last):
                raise NotAllowed(why)
            if _tripped_since(before, last):
                raise NotAllowed("the circuit breaker tripped meanwhile")
            return await self._writer.change_state(self._call, before.id, last, "running", self._require_not_overtaken)

        try:
            switched = await retry_write(attempt)
        except OutcomeUnknown as unknown:
            if not is_after_edit:
                raise unknown.add("Before it the campaign had been paused for an edit, which was not made.") from None
            self._call.settle("unknown", why=unknown.text)
            return _Ended("It was paused for the edit. " + unknown.text, last)
        except (AsissoError, NotAllowed) as refusal:
            self._tell_if_stopped(self._call)
            return _Ended(_LEFT_PAUSED.format(why=refusal.reason), last)
        if not switched.applied:
            return _Ended(
                f"It was paused for the edit, and someone else changed its state meanwhile: it is {describe_state(switched.campaign)}.",
                switched.campaign,
                switched,
            )
        seen = await self._look_again(switched)
        if seen.campaign.phase == "running":
            return _Ended(RESUMED, seen.campaign, seen)
        state = describe_state(seen.campaign)
        return _Ended(f"It was paused for the edit and resumed, and a moment later it is {state}.", seen.campaign, seen)

    def _require_not_overtaken(self) -> None:
        if self._call.turn.is_overtaken:
            raise AsissoError(f"Nothing was resumed: {OVERTAKEN}.", reason=OVERTAKEN)

    async def _reading(self, campaign_id: int, latest: Campaign | None) -> Campaign:
        """A reading that is fresh: the one that came with the write before, or a new one."""
        if latest is not None:
            return latest
        now = await self._reader.read(campaign_id)
        self._call.read_at = anyio.current_time()
        return now
