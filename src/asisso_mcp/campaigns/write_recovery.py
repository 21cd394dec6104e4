"""Sends a write once, and finds out what became of it by reading when its reply is lost. Never by guessing.

The request runs in a task of its own: whoever gives up on the call returns at once, what was not sent yet is not sent, and what
is on the wire is finished and its outcome told.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import anyio
import anyio.lowlevel

from asisso_mcp.api.client import AsissoClient, BeforeSending
from asisso_mcp.api.errors import AsissoError, Busy, TimedOut, Unreachable
from asisso_mcp.api.models import Campaign
from asisso_mcp.api.retries import NotExecuted
from asisso_mcp.campaigns import deadlines
from asisso_mcp.campaigns.deadlines import CallTime, within_time
from asisso_mcp.campaigns.formatting import describe_change, describe_state
from asisso_mcp.campaigns.models import Discrepancies, EditPlan, differences
from asisso_mcp.campaigns.write_journal import PlannedWrite, WriteJournal, shown
from asisso_mcp.campaigns.write_lock import Turn
from asisso_mcp.journal.entry import Entry, Outcome

logger = logging.getLogger(__name__)

REPLY_LOST = "The API's reply was lost, so the campaign was read again: the change is in place."
FRESH_SECONDS = 1.0
"""How old a reading may be when what rests on it goes out: it went over the same connection a moment ago, as a rule."""
NOT_SHOWN = "The API accepted it, and its answer does not show it."
WAITED = "The request waited too long for a connection to the API and was not sent; nothing was changed. Call again in a moment."
STOPPED = "Nothing was changed: asisso-mcp is shutting down, so this was not sent. Call again in a moment."
CALLER_GONE = "The caller went away. Outcome of {outcome}"
TIME_OVER = "The time for this call was over before that was settled."
READ_FAILED = "Reading the campaign afterwards failed as well."


class OutcomeUnknown(AsissoError):
    """A write was sent, and neither its reply nor reading tells what became of it."""

    def __init__(self, sent: str, why: str, found: str = "") -> None:
        super().__init__(
            f"Unknown outcome. Sent: {sent}. {f'{why} {found}'.rstrip()} It may or may not have been applied, also a little later, and it was "
            "not repeated: look with `get_campaign` before you try again.",
            executed=None,
        )


@dataclass
class WriteCall:
    """One call that may write: its turn, its time, and what is known of what it sent (None: nothing was sent)."""

    turn: Turn
    time: CallTime
    owner: object
    """The service, kept while a request is on the wire: it is what knows of it, and has the locks."""
    outcome: str | None = None
    unanswered: str | None = None
    """What was on the wire when the call was given up; its outcome is told when it is known."""
    entry: Entry | None = None
    """The last of its writes, as the journal has it."""
    standing: str | None = None
    """Where the campaign stands if the call ends now: of a call that sends several writes."""
    read_at: float | None = None
    """When the reading arrived that the write rests on; None when it rests on none."""

    def is_outdated(self) -> bool:
        """Whether the write waited for a connection after that reading: others may have written meanwhile."""
        return self.read_at is not None and anyio.current_time() - self.read_at > FRESH_SECONDS

    def where_it_stands(self) -> str | None:
        """`standing`, unless the last write may have been the resume that ends it."""
        last = self.entry
        may_run = last and last.intended == {"state": "running"} and last.outcome not in ("not sent", "refused")
        return None if may_run else self.standing

    def settle(self, outcome: Outcome, after: Campaign | None = None, *, why: str | None = None) -> None:
        """Note what became of the last write, for the journal."""
        if self.entry is not None:
            self.entry.outcome, self.entry.detail = outcome, why
            self.entry.after = None if after is None else shown(after)

    def settle_edit(self, after: Campaign, in_place: EditPlan, comparison: Discrepancies) -> None:
        """The same for an edit that was held against what the API shows: the part of it that is in place."""
        missing = ", ".join(change.field for change in comparison.missing)
        if not missing:
            self.settle("applied", after)
            return
        self.settle("partly applied" if in_place.changes else "not applied", after, why=f"Not as sent: {missing}.")
        if self.entry is not None:
            self.entry.undo = in_place.undo_arguments(after.id)


class _Caller:
    """Whoever waits for a request, which runs in a task of its own."""

    def __init__(self) -> None:
        self._task = asyncio.current_task()
        self._cancelled_before = self._cancellations()
        self.has_left = False

    def gave_up(self) -> bool:
        """Whether the call was cancelled, also when its task has not come to notice it yet."""
        return self.has_left or self._cancellations() > self._cancelled_before

    def _cancellations(self) -> int:
        return self._task.cancelling() if self._task else 0


class WriteSender:
    """The writes of one tenant. `tell` gets the outcome of a write whose caller is gone."""

    def __init__(
        self,
        client: AsissoClient,
        tell: Callable[[str], None] = logger.warning,
        journal: WriteJournal = WriteJournal(),  # noqa: B008 - without a journal it has no state
    ) -> None:
        self._client = client
        self.journal = journal
        self._tell = tell
        self._stopped = False
        self._ending: set[anyio.CancelScope] = set()
        self._tasks: set[asyncio.Task[Campaign]] = set()
        self.in_flight: dict[asyncio.Task[Campaign], str] = {}
        """Sent and not yet answered: what would be unknown if the process ended now."""

    def stop(self) -> None:
        """From now on nothing is sent; what is on the wire is finished."""
        self._stopped = True
        for scope in self._ending:
            scope.cancel()

    @contextmanager
    def until_stopped(self) -> Iterator[None]:
        """What is done within ends, without an error, when the process is told to end: then an answer has to leave soon."""
        with anyio.CancelScope() as scope:
            self._ending.add(scope)
            if self._stopped:
                scope.cancel()
            try:
                yield
            finally:
                self._ending.discard(scope)

    async def send(
        self,
        call: WriteCall,
        write: PlannedWrite,
        *,
        sent: str,
        send: Callable[[BeforeSending], Awaitable[Campaign]],
        is_applied: Callable[[Campaign], bool],
    ) -> tuple[Campaign, tuple[str, ...]]:
        """The campaign afterwards, as the API answered or as it was read when the reply was lost, and notes for people.

        Raises NotExecuted when it may be tried again after a new reading; NotAllowed when the journal cannot be written;
        AsissoError: nothing was changed (`executed` False), or OutcomeUnknown.
        """
        call.entry, is_new = self.journal.prepare(call.entry, write)
        if is_new:
            await self.journal.begin(call.entry)
        await anyio.lowlevel.checkpoint_if_cancelled()  # the last moment at which nothing has been sent
        try:
            return await self._request(call, sent, send, is_applied), ()
        except AsissoError as fault:
            if fault.executed is False:
                call.turn.not_executed()
                call.entry.not_executed(fault.text)
                if call.entry.outcome == "refused" or not call.is_outdated():  # else the same is sent again at once
                    self.journal.finish(call.entry)
                if isinstance(fault, Unreachable | Busy):
                    raise NotExecuted(fault) from None
                raise
            lost = fault
            call.turn.executed()
        return await self._settle(call, write, sent, lost, is_applied), (REPLY_LOST,)

    def tell_outcome(self, call: WriteCall) -> None:
        """For whoever reads the log, when the caller goes away after something was sent."""
        if call.outcome is not None:
            self._tell_of(call, call.outcome)

    def tell_if_stopped(self, call: WriteCall) -> None:
        """The same when it is the process that ends: whoever asked may not be there any more to read the answer."""
        if self._stopped and (stands := call.where_it_stands()):
            self._tell(f"The process ends. {stands}")

    def _tell_of(self, call: WriteCall, outcome: str) -> None:
        self._tell(" ".join(filter(None, (CALLER_GONE.format(outcome=outcome), call.where_it_stands()))))

    async def _request(
        self,
        call: WriteCall,
        sent: str,
        send: Callable[[BeforeSending], Awaitable[Campaign]],
        is_applied: Callable[[Campaign], bool],
    ) -> Campaign:
        caller, seconds = _Caller(), call.time.at_least(deadlines.WRITE_SECONDS)
        is_on_wire = False

        def before_sending() -> None:
            nonlocal is_on_wire
            if caller.gave_up():
                raise asyncio.CancelledError
            if self._stopped:
                raise AsissoError(STOPPED, reason="asisso-mcp is shutting down")
            if call.is_outdated():
                raise _waited()
            if not is_on_wire:  # through a proxy it is asked twice
                is_on_wire = True
                self.in_flight[task] = sent
                call.settle("sent")
                call.turn.sent()

        async def run() -> Campaign:
            if caller.gave_up():
                raise asyncio.CancelledError
            try:
                with within_time("it had been sent", seconds, executed=None):
                    return await send(before_sending)
            except TimedOut:
                if is_on_wire:
                    raise
            raise _waited()

        def ended(task: asyncio.Task[Campaign]) -> None:
            self._tasks.discard(task)
            if is_on_wire:
                del self.in_flight[task]
                call.turn.answered()
            if caller.has_left:
                self._tell_late(call, task, sent, is_applied, was_sent=is_on_wire)

        task = asyncio.get_running_loop().create_task(run())
        self._tasks.add(task)
        task.add_done_callback(ended)
        try:
            answer = await asyncio.shield(task)
        except asyncio.CancelledError:
            call.unanswered = sent if is_on_wire else None
            if task.done():
                self._tell_late(call, task, sent, is_applied, was_sent=is_on_wire)
            caller.has_left = not task.done()
            raise
        except AsissoError as fault:
            if fault.executed is None:
                call.outcome = f"{sent}: unknown."
            raise
        call.turn.executed()
        call.outcome = _outcome(sent, answer, is_applied)
        _settle_by(answer, call, is_applied)
        return answer

    def _tell_late(
        self,
        call: WriteCall,
        task: asyncio.Task[Campaign],
        sent: str,
        is_applied: Callable[[Campaign], bool],
        *,
        was_sent: bool,
    ) -> None:
        if task.cancelled():  # it was given up before it was sent, or the process ends and has said so
            return
        fault = task.exception()  # asked for also where nothing was sent: asyncio would print what nobody asks for
        if not was_sent:
            return
        if isinstance(fault, AsissoError):
            outcome = f"{sent}: {fault.text}"
            call.settle("unknown" if fault.executed is None else "refused", why=fault.text)
        elif fault:
            outcome = f"{sent}: unknown."
        else:
            outcome = _outcome(sent, task.result(), is_applied)
            _settle_by(task.result(), call, is_applied)
        self.journal.finish(call.entry)
        self._tell_of(call, outcome)

    async def _settle(
        self,
        call: WriteCall,
        write: PlannedWrite,
        sent: str,
        lost: AsissoError,
        is_applied: Callable[[Campaign], bool],
    ) -> Campaign:
        seconds = min(call.time.at_least(deadlines.SETTLE_SECONDS), deadlines.SETTLE_SECONDS)
        try:
            with anyio.fail_after(seconds):
                now = await self._client.get(write.campaign_id)
        except (AsissoError, TimeoutError):
            raise OutcomeUnknown(sent, lost.text, READ_FAILED) from lost
        if not is_applied(now):
            raise OutcomeUnknown(sent, lost.text, _found(write.before, now))
        call.outcome = _outcome(sent, now, is_applied)
        _settle_by(now, call, is_applied)
        return now


def _waited() -> Busy:
    return Busy(WAITED, executed=False, retry_after=0, reason="no connection to the API was free in time")


def _settle_by(answer: Campaign, call: WriteCall, is_applied: Callable[[Campaign], bool]) -> None:
    """Note what the API's answer tells. Where it does not show the write, a reading that comes later may tell more."""
    if is_applied(answer):
        call.settle("applied", answer)
    else:
        call.settle("unknown", answer, why=NOT_SHOWN)


def _outcome(sent: str, answer: Campaign, is_applied: Callable[[Campaign], bool]) -> str:
    return f"{sent}: {'done' if is_applied(answer) else 'accepted, but not shown as in place'}."


def _found(before: Campaign | None, now: Campaign) -> str:
    """What a reading after a write shows that does not show the write."""
    if before is None:
        return f"The campaign was read afterwards: it is {describe_state(now)}."
    moved = differences(before.settings(), now.settings()) if before.shown_settings <= now.shown_settings else ()
    if now.phase != before.phase:
        return f"The campaign was read afterwards: it is {describe_state(now)}, it was {describe_state(before)}."
    if moved:
        listed = "; ".join(describe_change(change) for change in moved[:5])
        return f"The campaign was read afterwards, and differs in another way: {listed}."
    if now.logs != before.logs and before.phase != "running":
        return f"The campaign was read afterwards: it is {describe_state(now)} as before, and its log has new entries."
    return "The campaign was read afterwards and shows no effect so far."
