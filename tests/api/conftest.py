"""The waits of retries take no time in these tests, and can be counted; names resolve as a test wants it."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import anyio
import pytest

Resolving = Callable[..., None]


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that would have been waited."""
    waited: list[float] = []

    async def at_once(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(anyio, "sleep", at_once)
    return waited


@pytest.fixture
def resolving(monkeypatch: pytest.MonkeyPatch) -> Resolving:
    """Makes every name stand for these addresses; none: it does not resolve. Whatever is in `silent` never answers."""

    def to(*addresses: str, silent: str = "") -> None:
        loop = asyncio.get_running_loop()
        connect = loop.sock_connect

        async def getaddrinfo(_: Any, port: int, **__: Any) -> list[Any]:
            if not addresses:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return [
                (socket.AF_INET6 if ":" in each else socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port))
                for each in addresses
            ]

        async def sock_connect(sock: socket.socket, address: Any) -> None:
            if address[0] == silent:
                await asyncio.Event().wait()
            await connect(sock, address)

        monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
        monkeypatch.setattr(loop, "sock_connect", sock_connect)

    return to
