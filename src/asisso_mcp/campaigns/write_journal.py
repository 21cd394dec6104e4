"""The journal as the writes of one account use it: an entry for each write, from what is known of the campaign."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from asisso_mcp.api.models import Campaign
from asisso_mcp.campaigns.models import EditPlan, NotAllowed
from asisso_mcp.journal.entry import CurrentCall, Entry, Outcome, get_current_call
from asisso_mcp.journal.errors import JournalUnavailable
from asisso_mcp.journal.journal import Journal

_NOT_EXECUTED: tuple[Outcome, ...] = ("not sent", "refused")


@dataclass(frozen=True)
class PlannedWrite:
    """A write before it is sent.

    Attributes:
        intended: what should be shown afterwards, settings or `state`.
        undo_tool, undo: what would take all of it back; None where nothing does.
    """

    campaign_id: int
    before: Campaign | None
    intended: Mapping[str, Any]
    tool: str
    undo_tool: str
    undo: Mapping[str, Any] | None

    @classmethod
    def edit(cls, campaign_id: int, before: Campaign | None, plan: EditPlan) -> "PlannedWrite":
        """An edit of settings."""
        undo = plan.undo_arguments(campaign_id)
        return cls(campaign_id, before, plan.after, "update_campaign", "update_campaign", undo)

    @classmethod
    def state_change(cls, campaign_id: int, before: Campaign | None, goal: str) -> "PlannedWrite":
        """A pause or a resume."""
        tools = ("pause_campaign", "resume_campaign") if goal == "paused" else ("resume_campaign", "pause_campaign")
        return cls(campaign_id, before, {"state": goal}, *tools, {"campaign_id": campaign_id})


class WriteJournal:
    """Entries of one account. Without a journal they are kept only for as long as the call lasts."""

    def __init__(self, journal: Journal | None = None, *, origin: str = "", account: str = "") -> None:
        self._journal, self._origin, self._account = journal, origin, account

    def prepare(self, former: Entry | None, write: PlannedWrite) -> tuple[Entry, bool]:
        """The entry of a write that is about to be sent, and whether it is still to be stored.

        former: the entry of the last write in the same call. One that had no effect is used again. Where it still stands as it was
        stored it is not stored again: so a slow disk does not make every reading too old that the write rests on.
        """
        entry = self.entry_of(write)
        if former is not None and former.outcome in _NOT_EXECUTED:
            entry.id, entry.time, entry.is_stored = former.id, former.time, former.is_stored
            is_same = (former.before, former.intended) == (entry.before, entry.intended)
            return entry, former.is_finished or not (former.is_stored and is_same)
        self.finish(former)
        return entry, True

    def entry_of(self, write: PlannedWrite) -> Entry:
        """A new entry for a write of the call that is being served."""
        call = get_current_call() or CurrentCall(write.tool, {"campaign_id": write.campaign_id})
        return Entry(
            tool=call.tool,
            arguments=call.arguments,
            origin=self._origin,
            account=self._account,
            campaign_id=write.campaign_id,
            before=None if write.before is None else shown(write.before),
            intended=write.intended,
            undo_tool=None if write.undo is None else write.undo_tool,
            undo=write.undo,
            caller=call.origin.caller,
            trace_id=call.origin.trace_id,
            undo_of=call.origin.undo_of,
        )

    async def begin(self, entry: Entry) -> None:
        """Store the entry, before the write is sent. Raises NotAllowed: it cannot be stored, so nothing may be sent."""
        if self._journal is not None:
            try:
                await self._journal.begin(entry)
            except JournalUnavailable as problem:
                raise NotAllowed(f"Nothing was changed. {problem}") from None

    def finish(self, entry: Entry | None) -> None:
        """Store what became of a write, once, where that is known."""
        if self._journal is None or entry is None or entry.outcome == "sent" or entry.is_finished:
            return
        if entry.outcome in (*_NOT_EXECUTED, "not applied"):
            entry.undo_tool = entry.undo = None
        entry.is_finished = True
        self._journal.finish(entry)


def shown(campaign: Campaign) -> dict[str, Any]:
    """A campaign as entries have it: its state and its settings."""
    return {"state": campaign.phase, **campaign.settings()}
