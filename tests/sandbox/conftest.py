"""What every test of the sandbox starts from: a clock that stands still, a fresh sandbox, and a client with its key."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from asisso_mcp.sandbox import KEY, Sandbox


class Clock:
    """Monday, 23 November 2026, 15:00 UTC (10:00 in New York), until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 15, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> Iterator[Sandbox]:
    sandbox = Sandbox(clock=clock)
    yield sandbox
    sandbox.close()


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(
        transport=sandbox.transport(), base_url="http://sandbox/api/v1", headers={"X-API-Key": KEY}
    ) as client:
        yield client
