"""How is a host reached? At the first of its addresses that answers, each tried a little after the one before (RFC 8305).

asyncio does that too, and loses a connected socket when it is cancelled in that moment (seen with Python 3.11).
"""

import asyncio
import socket
from itertools import zip_longest
from typing import Any

import anyio

NEXT_ADDRESS_SECONDS = 0.25


async def connected(host: str, port: int) -> socket.socket:
    """Connected over TCP, and not blocking. Raises OSError, the first address's own, when none answers."""
    loop = asyncio.get_running_loop()
    addresses = _by_turns(await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    won: list[socket.socket] = []
    faults: list[OSError] = []

    async def attempt(family: int, kind: int, protocol: int, address: Any, failed: anyio.Event) -> None:
        try:
            line = socket.socket(family, kind, protocol)
            try:
                line.setblocking(False)
                await loop.sock_connect(line, address)
                won.append(line)
            finally:
                if line not in won[:1]:
                    line.close()
        except OSError as fault:
            faults.append(fault)
            failed.set()
        else:
            attempts.cancel_scope.cancel()

    try:
        async with anyio.create_task_group() as attempts:
            for family, kind, protocol, _, address in addresses:
                failed = anyio.Event()
                attempts.start_soon(attempt, family, kind, protocol, address, failed)
                with anyio.move_on_after(NEXT_ADDRESS_SECONDS):
                    await failed.wait()
    except BaseException:  # given up, perhaps in the moment of success
        for line in won:
            line.close()
        raise
    if not won:
        raise faults[0]
    return won[0]


def _by_turns(addresses: list[Any]) -> list[Any]:
    """The system's order, with the two kinds of address in turn: one kind that is silent does not hold up the other."""
    kinds = [[each for each in addresses if (each[0] == addresses[0][0]) is first] for first in (True, False)]
    return [each for pair in zip_longest(*kinds) for each in pair if each is not None]
