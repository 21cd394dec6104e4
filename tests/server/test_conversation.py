"""The demo's conversation, the same body on every way in and in both eras; the API behind it is reached over a real socket."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters
from pydantic import SecretStr

from asisso_mcp.cli.demo import converse
from asisso_mcp.config import Settings
from asisso_mcp.sandbox import KEY, RunningServer, Sandbox
from asisso_mcp.server.app import build_server

Mode = Literal["auto", "legacy"]


@asynccontextmanager
async def in_memory(url: str, mode: Mode) -> AsyncIterator[Client]:
    async with Client(build_server(Settings(api_key=SecretStr(KEY), base_url=url)), mode=mode) as client:
        yield client


@asynccontextmanager
async def over_stdio(url: str, mode: Mode) -> AsyncIterator[Client]:
    launch = StdioServerParameters(
        command=sys.executable,
        args=["-m", "asisso_mcp"],
        env={"PATH": os.environ["PATH"], "ASISSO_BASE_URL": url, "ASISSO_API_KEY": KEY},
    )
    async with Client(launch, mode=mode) as client:
        yield client


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("way", [in_memory, over_stdio])
async def test_the_conversation_of_the_demo_leaves_the_campaign_as_it_was(
    way: Any, mode: Mode, sandbox: Sandbox
) -> None:
    before = sandbox.campaign(3)
    heard: list[str] = []
    with RunningServer(sandbox) as running:
        async with way(running.url, mode) as client:
            await converse(client, heard.append)
    after = sandbox.campaign(3)
    assert {field: after[field] for field in ("name", "state", "retry_config", "metadata")} == {
        field: before[field] for field in ("name", "state", "retry_config", "metadata")
    }
    methods = [request.method for request in sandbox.requests if request.method != "GET"]
    assert methods == ["POST", "PATCH", "PATCH", "POST"]
    assert "The undo restored every setting" in "\n".join(heard)
