"""Slots for what is in flight, shared fairly among tenants; what is urgent has some of its own."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial

import anyio

Tenant = bytes | None
"""The digest of the key that a caller brought; None: the operator, who shares with nobody."""
UNPROVEN: Tenant = b""
"""All callers together whose keys the API has not accepted yet: a stranger can invent as many keys as they like."""

_is_urgent: ContextVar[bool] = ContextVar("is_urgent", default=False)


@contextmanager
def urgent() -> Iterator[None]:
    """What the block asks of the API goes before what others ask, also when all slots are taken."""
    token = _is_urgent.set(True)
    try:
        yield
    finally:
        _is_urgent.reset(token)


def is_urgent() -> bool:
    """Whether the code that runs is inside `urgent`."""
    return _is_urgent.get()


@dataclass
class Slot:
    """A slot that is taken. `linger_seconds`: how long it stays so after its release."""

    free: Callable[[], None]
    linger_seconds: float = 0.0

    def release(self) -> None:
        """Give it back, once."""
        if self.linger_seconds:
            asyncio.get_running_loop().call_later(self.linger_seconds, self.free)
        else:
            self.free()


@dataclass
class _Pool:
    """A tenant gets another slot while it holds fewer than are free: alone half of them, so that the next one finds some."""

    size: int
    unproven: int
    held: Counter[Tenant] = field(default_factory=Counter)

    def has_slot(self, tenant: Tenant) -> bool:
        free = self.size - self.held.total()
        if tenant is None:
            return free > 0
        most = self.unproven if tenant == UNPROVEN else self.size
        return self.held[tenant] < min(free, most)


@dataclass(eq=False)
class _Waiter:
    tenant: Tenant
    urgent: bool
    slot: Slot | None = None
    ready: anyio.Event = field(default_factory=anyio.Event)


class Slots:
    """`size` slots for everything, of which `unproven` at most are for unproven keys, and `reserved` ones for what is urgent and finds none."""

    def __init__(self, size: int, *, unproven: int, reserved: int) -> None:
        self._pools = _Pool(size, unproven), _Pool(reserved, 0)
        self._waiting: list[_Waiter] = []

    @property
    def taken(self) -> int:
        """How many are not free."""
        return sum(pool.held.total() for pool in self._pools)

    def held_by(self, tenant: Tenant) -> int:
        """How many of them are this tenant's."""
        return sum(pool.held[tenant] for pool in self._pools)

    def take(self, tenant: Tenant, *, urgent: bool = False) -> Slot | None:
        """A slot, if this tenant may have one now."""
        for pool in self._pools if urgent else self._pools[:1]:
            if pool.has_slot(tenant):
                pool.held[tenant] += 1
                return Slot(partial(self._free, pool, tenant))
        return None

    async def acquire(self, tenant: Tenant, *, urgent: bool = False) -> Slot:
        """A slot, as soon as this tenant may have one."""
        slot = self.take(tenant, urgent=urgent)
        if slot is not None:
            return slot
        waiter = _Waiter(tenant, urgent)
        self._waiting.append(waiter)
        try:
            await waiter.ready.wait()
        except BaseException:
            if waiter.slot is not None:
                waiter.slot.release()
            else:
                self._waiting.remove(waiter)
            raise
        assert waiter.slot is not None  # noqa: S101 - set before `ready`
        return waiter.slot

    def _free(self, pool: _Pool, tenant: Tenant) -> None:
        pool.held[tenant] -= 1
        pool.held += Counter()  # drops who holds none
        while self._hand_out():
            pass

    def _hand_out(self) -> bool:
        """Give one slot to who waits: the urgent first, then whose tenant holds fewest, then who came first."""
        for waiter in sorted(self._waiting, key=lambda each: (not each.urgent, self.held_by(each.tenant))):
            waiter.slot = self.take(waiter.tenant, urgent=waiter.urgent)
            if waiter.slot is not None:
                self._waiting.remove(waiter)
                waiter.ready.set()
                return True
        return False
