"""A client of either protocol era, in memory, over the sandbox."""

from collections.abc import AsyncIterator
from typing import Literal

import pytest
from mcp.client import Client

from asisso_mcp.sandbox import Sandbox
from asisso_mcp.server.app import build_server
from tests.conftest import MONDAY, SETTINGS


@pytest.fixture(params=["auto", "legacy"])
async def client(request: pytest.FixtureRequest, sandbox: Sandbox) -> AsyncIterator[Client]:
    server = build_server(SETTINGS, transport=sandbox.transport(), clock=lambda: MONDAY)
    mode: Literal["auto", "legacy"] = request.param
    async with Client(server, mode=mode) as connected:
        yield connected
