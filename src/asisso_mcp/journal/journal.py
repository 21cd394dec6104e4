"""The journal as the process that writes it uses it: without blocking the event loop, and in order.

One thread does the work, so that an outcome is never stored before its entry. The entry is stored as `sent` and flushed before
the write goes out. So, whenever the process is killed: before that nothing was sent; after it the entry says "sent, outcome
unknown" until its outcome is stored.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

from asisso_mcp.journal.entry import Entry
from asisso_mcp.journal.errors import JournalUnavailable, StoreError

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 5.0
"""How long a write waits for a journal that nobody asked for: a disk that hangs must not hold up a pause."""


class Store(Protocol):
    """What keeps entries. Used by one thread at a time. Every method but `close` raises StoreError where it fails."""

    def open(self) -> None:
        """Prepare to write."""

    def insert(self, entry: Entry) -> None:
        """Keep a new entry, for good when this returns; may give it another id."""

    def update(self, entry: Entry, *, flush: bool = False) -> None:
        """Keep an entry again. flush: for good when this returns."""

    def close(self) -> None:
        """Let go of files and connections."""


class Journal:
    """Writes entries to a store.

    Args:
        make_store: what keeps them, made when it is first needed.
        place: what it is called in messages.
        is_required: whether nothing may be sent that cannot be stored; otherwise people are warned once, and it goes on.
        warn: gets that warning.
        file: of a store that a person can answer what waits in; None for others.
        days: how long that store keeps entries.
    """

    def __init__(
        self,
        make_store: Callable[[], Store],
        place: str,
        *,
        is_required: bool,
        warn: Callable[[str], None] = logger.warning,
        file: Path | None = None,
        days: int = 90,
    ) -> None:
        self.file, self.days = file, days
        self._make_store, self._place, self._is_required, self._warn = make_store, place, is_required, warn
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._pending: set[Future[None]] = set()
        self._late: Future[None] | None = None
        """The last entry that nobody waited for any longer: as long as it is not stored, nobody waits for another."""
        self._has_warned = False
        self._is_closed = False

    @cached_property
    def _store(self) -> Store:
        return self._make_store()

    def check(self) -> None:
        """Raises JournalUnavailable when a journal that is required cannot be written."""
        try:
            self._store.open()
        except StoreError as problem:
            if self._is_required:
                raise self._unavailable(problem) from None
            self._warn_once(problem)

    async def begin(self, entry: Entry) -> None:
        """Store an entry as `sent`, before that happens. Raises JournalUnavailable: then nothing may be sent.

        Whoever is cancelled here sends nothing; the entry may be stored all the same, and `finish` completes it.
        """
        record = replace(entry, outcome="sent")

        def store() -> None:
            try:
                if entry.is_stored:
                    self._store.update(record, flush=True)
                else:
                    self._store.insert(record)
                    entry.id, entry.is_stored = record.id, True
            except StoreError as problem:
                if self._is_required:
                    raise self._unavailable(problem) from None
                self._warn_once(problem)

        future = self._thread.submit(copy_context().run, store)
        patience = PATIENCE_SECONDS if self._late is None or self._late.done() else 0
        try:
            await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(future)), None if self._is_required else patience)
        except TimeoutError:
            self._late = future
            self._warn_once(StoreError(f"it takes longer than {PATIENCE_SECONDS:g} s"))

    def finish(self, entry: Entry) -> None:
        """Store what became of an entry, in the background and in order; `drain` waits for it.

        Where that fails people are warned, and the entry stays at `sent`.
        """
        record = replace(entry)

        def store() -> None:
            if not entry.is_stored:
                return
            record.id = entry.id
            try:
                self._store.update(record)
            except StoreError as problem:
                logger.warning(
                    "The outcome of journal entry %s (%s) could not be stored, so it stays at 'sent': %s",
                    record.id,
                    record.outcome,
                    problem,
                )

        if not self._is_closed:
            future = self._thread.submit(copy_context().run, store)
            self._pending.add(future)
            future.add_done_callback(self._pending.discard)

    async def drain(self) -> None:
        """Return when everything that was handed over is stored."""
        while self._pending:
            await asyncio.wait([asyncio.wrap_future(future) for future in tuple(self._pending)])

    def close(self) -> None:
        """Close the store and end the thread, after what it still has to do."""
        if not self._is_closed:
            self._is_closed = True
            if "_store" in vars(self):  # it was used
                self._thread.submit(self._store.close)
            self._thread.shutdown(wait=not self._pending)

    def _warn_once(self, problem: StoreError) -> None:
        if not self._has_warned:
            self._has_warned = True
            self._warn(
                f"The journal {self._place} cannot be written ({problem}), so what this server changes is not kept. Name another "
                "file with ASISSO_JOURNAL, or say off."
            )

    def _unavailable(self, problem: StoreError) -> JournalUnavailable:
        return JournalUnavailable(
            f"The journal that ASISSO_JOURNAL asks for, {self._place}, cannot be written ({problem}), and without it nothing is sent. "
            "The person who runs this server can correct that, name another file, or set ASISSO_JOURNAL=off."
        )
