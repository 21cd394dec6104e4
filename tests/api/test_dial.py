"""A host with several addresses is reached at the first that answers, and one that is silent does not hold up the others."""

import asyncio
import gc
import socket
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from asisso_mcp.api import dial
from asisso_mcp.api.dial import connected
from tests.api.scripted import CAMPAIGN, DROP, listening, raw

Resolving = Callable[..., None]


@pytest.fixture
def resolving(monkeypatch: pytest.MonkeyPatch) -> Resolving:
    """Makes every name stand for these ports of 127.0.0.1; a port of 0 never answers."""

    def to(*ports: int) -> None:
        loop = asyncio.get_running_loop()
        connect = loop.sock_connect

        async def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]

        async def sock_connect(line: socket.socket, address: Any) -> None:
            if address[1] == 0:
                await asyncio.Event().wait()
            await connect(line, address)

        monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
        monkeypatch.setattr(loop, "sock_connect", sock_connect)

    return to


def test_the_two_kinds_of_address_take_turns() -> None:
    given = [(socket.AF_INET6, n) for n in range(4)] + [(socket.AF_INET, n) for n in range(2)]
    order = [(kind.name, n) for kind, n in dial._by_turns(given)]
    assert order == [
        ("AF_INET6", 0),
        ("AF_INET", 0),
        ("AF_INET6", 1),
        ("AF_INET", 1),
        ("AF_INET6", 2),
        ("AF_INET6", 3),
    ]
    assert dial._by_turns([]) == []


async def unused_port() -> int:
    async with listening(DROP) as gone:
        pass
    return gone.port


async def test_an_address_that_refuses_is_followed_by_the_next_at_once(
    resolving: Resolving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dial, "NEXT_ADDRESS_SECONDS", 60)
    async with listening(raw(200, CAMPAIGN)) as api:
        resolving(await unused_port(), api.port)
        with anyio.fail_after(5):
            line = await connected("api.example", 443)
        with line:
            assert line.getpeername() == ("127.0.0.1", api.port)
            assert not line.getblocking()


async def test_an_address_that_is_silent_is_left_behind_after_a_moment(
    resolving: Resolving, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert dial.NEXT_ADDRESS_SECONDS == 0.25
    monkeypatch.setattr(dial, "NEXT_ADDRESS_SECONDS", 0.02)
    async with listening(raw(200, CAMPAIGN)) as api:
        resolving(0, 0, api.port)
        with anyio.fail_after(5):
            line = await connected("api.example", 443)
        with line:
            assert line.getpeername() == ("127.0.0.1", api.port)


async def test_when_no_address_answers_the_first_reason_is_told(resolving: Resolving) -> None:
    resolving(await unused_port(), await unused_port())
    with anyio.fail_after(5), pytest.raises(ConnectionRefusedError):
        await connected("api.example", 443)


@pytest.mark.parametrize("turns", range(8))
async def test_given_up_at_any_moment_no_socket_is_left_open(turns: int) -> None:
    """pytest makes an error of a socket that is collected unclosed."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        dialing = asyncio.create_task(connected("127.0.0.1", server.getsockname()[1]))
        for _ in range(turns):
            await asyncio.sleep(0.0005)
        dialing.cancel()
        if isinstance(line := (await asyncio.gather(dialing, return_exceptions=True))[0], socket.socket):
            line.close()
        del line, dialing
        gc.collect()
