"""Sends an edit, a pause or a resume, and holds what the API shows afterwards against it.

The order of reading and writing is decided in `service`; sending, and what becomes of a lost reply, is in `write_recovery`.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Literal

from asisso_mcp.api.client import AsissoClient, BeforeSending
from asisso_mcp.api.errors import AsissoError, StateConflict
from asisso_mcp.api.models import EDITABLE, Campaign
from asisso_mcp.api.retries import NotExecuted
from asisso_mcp.campaigns.edits import check_response
from asisso_mcp.campaigns.models import Discrepancies, EditPlan, EditResult, StateChange, json_equal
from asisso_mcp.campaigns.readings import CampaignReader
from asisso_mcp.campaigns.write_journal import PlannedWrite
from asisso_mcp.campaigns.write_recovery import NOT_SHOWN, OutcomeUnknown, WriteCall, WriteSender

SYNC_LOOKS = (0.5, 1.5, 2.0)
"""Seconds between looks at a campaign that was paused while its contacts were imported."""

NOT_LOOKED_AT = "it could not be looked at long enough to be sure"


def _nothing_more() -> None: ...


class CampaignWriter:
    """The three writes to the campaigns of one tenant. Each raises AsissoError, NotAllowed, or NotExecuted where it may be tried again."""

    def __init__(
        self, client: AsissoClient, reader: CampaignReader, sender: WriteSender, clock: Callable[[], datetime]
    ) -> None:
        self._client = client
        self._clock = clock
        self._reader = reader
        self._sender = sender

    async def edit(self, call: WriteCall, campaign_id: int, before: Campaign | None, intended: EditPlan) -> EditResult:
        """Send the planned edit and hold what the API shows then against it. `before`: None when it could not be read."""
        settings = before.settings() if before is not None else dict.fromkeys(intended.after)
        shown = before.shown_settings if before is not None else intended.after.keys()
        sent = f"the edit of {', '.join(change.field for change in intended.changes)} of campaign {campaign_id}"

        can_be_shown = not json_equal(
            intended.after, settings
        )  # a breaker that is switched off may look the same before

        def discrepancies(now: Campaign) -> Discrepancies:
            return check_response(intended, settings, now.settings())

        after, notes = await self._sender.send(
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

    async def change_state(
        self,
        call: WriteCall,
        campaign_id: int,
        before: Campaign | None,
        goal: Literal["paused", "running"],
        last_check: BeforeSending = _nothing_more,
    ) -> StateChange:
        """Pause or resume. last_check: called before the first byte goes out; what it raises stops the write."""
        verb, request = ("pause", self._client.pause) if goal == "paused" else ("resume", self._client.resume)
        sent = f"the {verb} of campaign {campaign_id}"

        def send(before_sending: BeforeSending) -> Awaitable[Campaign]:
            def checked() -> None:
                last_check()
                before_sending()

            return request(campaign_id, checked)

        sent_at = self._clock()
        try:
            after, notes = await self._sender.send(
                call,
                PlannedWrite.state_change(campaign_id, before, goal),
                sent=sent,
                send=send,
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
        self._sender.journal.finish(call.entry)  # the process may end before it is looked at again
        notes = notes if before is not None else ()
        return StateChange(before, after, applied=is_ours, notes=notes, sent_at=sent_at)

    async def keep_paused(self, call: WriteCall, paused: Campaign) -> tuple[Campaign, tuple[str, ...]]:
        """Look again after pausing a campaign that was importing: the import's end may set it running (observed)."""
        now, repeated, watched = paused, 0, 0.0
        for seconds in SYNC_LOOKS:
            found = await self._reader.reread_if_time(paused.id, after=seconds)
            if found is None:
                break
            now, watched = found, watched + seconds
            if now.phase == "running":
                try:
                    now = (await self.change_state(call, now.id, now, "paused")).campaign
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
