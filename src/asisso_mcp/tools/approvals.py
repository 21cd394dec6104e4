"""Approval outside the conversation: a write waits in the journal until a person answers it, in a terminal or in the dashboard.

No tool and no argument answers it. The consent counts once, for the same call of the same caller, while the campaign is as it was
shown, and for ten minutes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import anyio.to_thread

from asisso_mcp.campaigns.consent import Consent, Proposal
from asisso_mcp.campaigns.models import NotAllowed, json_equal
from asisso_mcp.campaigns.write_journal import WriteJournal
from asisso_mcp.journal.entry import Entry
from asisso_mcp.journal.errors import StoreError

if TYPE_CHECKING:
    from asisso_mcp.journal.store import SqliteStore

T = TypeVar("T")

MAX_WAITING = 20
"""Entries that wait at once: no model can fill the journal, or a person's screen, with questions."""


@dataclass(frozen=True)
class Approvals:
    """The writes of one account that wait in a journal's file."""

    file: Path
    days: int
    entries: WriteJournal

    async def take(self, proposal: Proposal) -> tuple[bool, str]:
        """Whether a person approved this, which is used up by asking; and what there is to say about an approval that is void.

        Raises NotAllowed when they said no, or the journal cannot be used.
        """
        return await self._run(lambda store: self._take(store, proposal))

    async def keep(self, proposal: Proposal) -> Entry:
        """The entry that waits for a person. Raises NotAllowed when there are too many, or the journal cannot be used."""
        return await self._run(lambda store: self._keep(store, proposal))

    def _take(self, store: "SqliteStore", proposal: Proposal) -> tuple[bool, str]:
        void = ""
        for entry in self._of_this_call(store, proposal):
            consent = Consent(entry.before, entry.intended)
            if entry.outcome == "rejected":
                raise NotAllowed(
                    f"Nothing was changed: a person rejected this (journal entry {entry.id}). Do not call again unless they ask for it."
                )
            if not proposal.is_covered_by(consent):
                moved = proposal.describe_moved(consent)
                if store.move(entry, "outdated", f"Changed since: {moved}.") and entry.outcome == "approved":
                    void = f"What a person approved (journal entry {entry.id}) is no longer what would happen. Changed since: {moved}. "
            elif entry.outcome == "approved" and store.move(entry, "used"):
                return True, ""
        return False, void

    def _keep(self, store: "SqliteStore", proposal: Proposal) -> Entry:
        waiting = [entry for entry in self._of_this_call(store, proposal) if entry.outcome == "waiting"]
        if waiting:
            return waiting[-1]
        if sum(entry.outcome == "waiting" for entry in store.answerable()) >= MAX_WAITING:
            raise NotAllowed(
                f"Nothing was changed: {MAX_WAITING} calls wait for a person already. They can answer them with `asisso-mcp approve` "
                "and `asisso-mcp reject` in a terminal; each expires after ten minutes."
            )
        entry = self.entries.entry_of(proposal.write)
        entry.outcome, entry.undo_tool, entry.undo = "waiting", None, None
        entry.detail = proposal.describe()
        store.insert(entry)
        return entry

    def _of_this_call(self, store: "SqliteStore", proposal: Proposal) -> list[Entry]:
        """The entries that were kept for exactly this call, by this caller, to this account."""
        own = self.entries.entry_of(proposal.write)
        return [
            entry
            for entry in store.answerable()
            if (entry.tool, entry.campaign_id, entry.origin, entry.account, entry.caller)
            == (own.tool, own.campaign_id, own.origin, own.account, own.caller)
            and json_equal(dict(entry.arguments), dict(own.arguments))
        ]

    async def _run(self, work: "Callable[[SqliteStore], T]") -> T:
        from asisso_mcp.journal.store import SqliteStore

        def opened() -> T:
            store = SqliteStore(self.file, days=self.days)
            try:
                store.open()
                return work(store)
            finally:
                store.close()

        try:
            return await anyio.to_thread.run_sync(opened)
        except StoreError as problem:
            raise NotAllowed(
                f"Nothing was changed: a person confirms this (ASISSO_CONFIRM), and the journal {self.file}, in which it would wait for "
                f"them, cannot be used ({problem})."
            ) from None
