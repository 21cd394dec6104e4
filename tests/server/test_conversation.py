"""One body on every transport and in both eras: in memory, over stdio and over HTTP; the API is reached over a real socket."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters
from pydantic import SecretStr

from asisso_mcp.cli.demo import converse
from asisso_mcp.config import Settings
from asisso_mcp.sandbox import KEY, RunningServer, Sandbox
from asisso_mcp.server.app import build_server
from tests.http.served import Served, connected, settings_for
from tests.processes import WITHOUT_JOURNAL
from tests.tools.test_coercion import EVERY_ARGUMENT, NOTE

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
        env={"PATH": os.environ["PATH"], **WITHOUT_JOURNAL, "ASISSO_BASE_URL": url, "ASISSO_API_KEY": KEY},
    )
    async with Client(launch, mode=mode) as client:
        yield client


@asynccontextmanager
async def over_http(url: str, mode: Mode) -> AsyncIterator[Client]:
    with Served(settings_for(url)) as served:
        async with connected(served.url, mode) as client:
            yield client


@pytest.fixture(params=["auto", "legacy"])
def mode(request: pytest.FixtureRequest) -> Mode:
    return request.param


@pytest.fixture(params=[in_memory, over_stdio, over_http])
async def client(request: pytest.FixtureRequest, api: RunningServer, mode: Mode) -> AsyncIterator[Client]:
    async with request.param(api.url, mode) as client:
        yield client


async def test_the_conversation_of_the_demo_leaves_the_campaign_as_it_was_and_null_means_not_named(
    client: Client, sandbox: Sandbox
) -> None:
    before = sandbox.campaign(3)
    heard: list[str] = []
    await converse(client, heard.append)
    after = sandbox.campaign(3)
    assert {field: after[field] for field in ("name", "state", "retry_config", "metadata")} == {
        field: before[field] for field in ("name", "state", "retry_config", "metadata")
    }
    methods = [request.method for request in sandbox.requests if request.method != "GET"]
    assert methods == ["POST", "PATCH", "PATCH", "POST"]
    assert "The undo restored every setting" in "\n".join(heard)
    assert heard[-1].startswith('  Done: Campaign 3 "Spring promo" is running again; it was paused.')
    nulls = await client.call_tool("update_campaign", EVERY_ARGUMENT)
    assert nulls.structured_content is not None
    assert nulls.structured_content["changes"] == [{"field": "retry_config.max_retries", "before": 2, "after": 5}]
    assert nulls.structured_content["warnings"] == [NOTE]
