"""A lock for writes to one campaign: they follow one another, and a pause goes before everything that was not sent yet."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

import anyio

from asisso_mcp.campaigns.models import NotAllowed


class Turn(Protocol):
    """The right of one call to send writes to a campaign."""

    is_overtaken: bool
    """Whether another call pauses the campaign, or did so since this one has its turn."""

    def sent(self) -> None:
        """A request is on the wire: from here on a pause waits for it, and no longer drops the call."""

    def answered(self) -> None:
        """It no longer is, whatever became of it."""

    def not_executed(self) -> None:
        """It surely had no effect, and the call would wait and try again: a pause may drop the call."""

    def executed(self) -> None:
        """It had an effect, or may have had one: from here on the call is not dropped any more."""

    async def pauses_ended(self) -> None:
        """Return when no other call is pausing the campaign."""


class WriteLock:
    """Of one campaign. Edits and resumes wait for one another; a pause waits only for a request on the wire."""

    def __init__(self) -> None:
        self._order = anyio.Lock()
        self._unsent: set[anyio.CancelScope] = set()
        self._turn: _ExclusiveTurn | None = None
        self._pauses = 0
        self._requests = 0
        self._changed = anyio.Event()

    @asynccontextmanager
    async def exclusive(self) -> AsyncIterator[Turn]:
        """For an edit or a resume. Raises NotAllowed when a pause arrives before anything was sent."""
        with anyio.CancelScope() as scope:
            self._unsent.add(scope)
            try:
                async with self._order:
                    await self._until(lambda: not self._pauses and not self._requests)
                    self._turn = _ExclusiveTurn(self, scope)
                    try:
                        yield self._turn
                    finally:
                        self._turn = None
            finally:
                self._unsent.discard(scope)
        if scope.cancelled_caught:
            raise NotAllowed(
                "Nothing was changed: another call pauses this campaign, so this one was dropped while it waited. Look with "
                "`get_campaign` before you call again."
            )

    @asynccontextmanager
    async def urgent(self) -> AsyncIterator[Turn]:
        """For a pause: whatever was not sent yet is dropped, and nothing else is sent until this ends."""
        self._pauses += 1
        if self._turn is not None:
            self._turn.is_overtaken = True
        for scope in self._unsent:
            scope.cancel()
        try:
            await self._until(lambda: not self._requests)
            yield _UrgentTurn(self)
        finally:
            self._pauses -= 1
            self._notify()

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._changed.wait()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()


class _UrgentTurn:
    """A pause is never dropped, and waits for no other."""

    def __init__(self, lock: WriteLock) -> None:
        self._lock = lock
        self.is_overtaken = False

    def sent(self) -> None:
        self._lock._requests += 1

    def answered(self) -> None:
        self._lock._requests -= 1
        self._lock._notify()

    def not_executed(self) -> None: ...

    def executed(self) -> None: ...

    async def pauses_ended(self) -> None: ...


class _ExclusiveTurn(_UrgentTurn):
    """An edit or a resume, dropped by a pause while `scope` is among the unsent ones."""

    def __init__(self, lock: WriteLock, scope: anyio.CancelScope) -> None:
        super().__init__(lock)
        self._scope = scope
        self._had_effect = False

    def sent(self) -> None:
        self._lock._unsent.discard(self._scope)
        super().sent()

    def not_executed(self) -> None:
        if self._had_effect:
            return
        self._lock._unsent.add(self._scope)
        if self._lock._pauses:
            self._scope.cancel()

    def executed(self) -> None:
        self._had_effect = True

    async def pauses_ended(self) -> None:
        await self._lock._until(lambda: not self._lock._pauses)
