"""Slots are shared fairly among tenants, and a pause goes first."""

import asyncio

import anyio
import httpx2
import pytest

from asisso_mcp.api.caller_keys import CallerKeys
from asisso_mcp.api.client import AsissoClient
from asisso_mcp.api.slots import UNPROVEN, Slots, urgent
from asisso_mcp.api.transport import ApiTransport
from tests.api.scripted import CAMPAIGN, SecretStr, settings, until

A, B, C = b"a", b"b", b"c"


def taken_by(slots: Slots, tenant: bytes | None) -> int:
    """How many this tenant gets, one after the other."""
    count = 0
    while slots.take(tenant) is not None:
        count += 1
    return count


def test_each_tenant_leaves_as_many_as_it_takes() -> None:
    slots = Slots(16, unproven=4, reserved=4)
    assert [taken_by(slots, tenant) for tenant in (A, B, C)] == [8, 4, 2]


def test_the_only_tenant_may_have_all() -> None:
    assert taken_by(Slots(16, unproven=4, reserved=4), None) == 16


def test_keys_that_are_not_known_share_few_of_them() -> None:
    assert taken_by(Slots(16, unproven=4, reserved=4), UNPROVEN) == 4
    assert taken_by(Slots(1, unproven=4, reserved=1), UNPROVEN) == 1


def test_what_is_urgent_has_slots_of_its_own_which_are_shared_too_and_not_for_strangers() -> None:
    slots = Slots(2, unproven=4, reserved=4)
    assert taken_by(slots, None) == 2
    asking = (UNPROVEN, A, A, A, B)
    assert [slots.take(tenant, urgent=True) is not None for tenant in asking] == [False, True, True, False, True]


async def test_of_those_who_wait_the_urgent_one_is_first_and_then_who_has_least() -> None:
    slots, order = Slots(2, unproven=4, reserved=1), list[str]()
    first, second = slots.take(None), slots.take(None)
    reserved = slots.take(None, urgent=True)
    assert first
    assert second
    assert reserved

    async def wait(name: str, tenant: bytes, *, is_pause: bool = False) -> None:
        slot = await slots.acquire(tenant, urgent=is_pause)
        order.append(name)
        slot.release()

    async with anyio.create_task_group() as tasks:
        for name, tenant, is_pause in (("read of A", A, False), ("read of B", B, False), ("pause of A", A, True)):
            tasks.start_soon(lambda name=name, tenant=tenant, is_pause=is_pause: wait(name, tenant, is_pause=is_pause))
        await until(lambda: len(slots._waiting) == 3)
        first.release()
    assert order == ["pause of A", "read of A", "read of B"]
    second.release()
    reserved.release()
    assert slots.taken == 0


async def test_who_gives_up_waiting_leaves_no_slot_taken() -> None:
    slots = Slots(1, unproven=4, reserved=1)
    held = slots.take(None)
    assert held
    waiting = asyncio.create_task(slots.acquire(A))
    await until(lambda: len(slots._waiting) == 1)
    held.release()  # and in the same moment, before it has come to notice
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (slots.taken, slots._waiting) == (0, [])


class SlowFor(httpx2.AsyncBaseTransport):
    """An API that accepts all keys, and does not answer the requests of one for its campaign 7."""

    def __init__(self, key: str) -> None:
        self.key, self.held = key, 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.headers["x-api-key"] == self.key and request.url.path.endswith("/7"):
            self.held += 1
            await anyio.Event().wait()
        number = int(request.url.path.split("/")[4])
        return httpx2.Response(200, json={**CAMPAIGN, "id": number})


async def test_a_tenant_with_64_calls_that_hang_keeps_no_other_from_reading_and_no_one_from_pausing() -> None:
    api = SlowFor("as_slow")
    transport = ApiTransport(settings(), transport=api, caller_keys=CallerKeys())
    slow, other = (AsissoClient(transport, settings()).for_key(SecretStr(key)) for key in ("as_slow", "as_other"))
    with anyio.fail_after(10):
        await slow.get(3)
        await other.get(3)
        calls = [asyncio.create_task(slow.get(7)) for _ in range(64)]
        await until(lambda: api.held == 8)
        with anyio.fail_after(2):
            assert (await other.get(3)).id == 3
            with urgent():
                assert (await other.pause(3)).id == 3
                assert (await slow.pause(3)).id == 3
        assert api.held == 8
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    assert transport._slots.taken == 0
