"""Old and new hosts, as raw JSON-RPC on stdio: every protocol version is answered in its own terms."""

from collections.abc import Iterator
from typing import Any

import pytest

from asisso_mcp import __version__
from asisso_mcp.tools.campaigns import TOOLS
from tests.processes import META, StdioServer, stdio_server

HANDSHAKES = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
MODERN = "2026-07-28"
NAMES = [tool.name for tool in TOOLS]
REFUSAL = (
    'Campaign 3 "Spring promo" is running; settings can only be changed while a campaign is paused or a draft, so nothing '
    'was changed. Next: this edit again with if_running="pause_and_resume", which pauses it, edits and resumes it; or `pause_campaign` with campaign_id=3, then this edit again, then `resume_campaign`.'
)
EDIT = {"campaign_id": 3, "retry_config": {"max_retries": 5}}


@pytest.fixture
def server() -> Iterator[StdioServer]:
    with stdio_server("--sandbox") as server:
        yield server
        assert server.end()[0] == 0


def conversation(server: StdioServer) -> dict[str, Any]:
    """List, read, be refused, pause, edit: the results by name."""
    return {
        "tools": server.ask("tools/list"),
        "read": server.call("get_campaign", campaign_id=3),
        "refused": server.call("update_campaign", **EDIT),
        "paused": server.call("pause_campaign", campaign_id=3),
        "edited": server.call("update_campaign", **EDIT),
    }


def said(result: dict[str, Any]) -> str:
    (block,) = result["content"]
    assert block["type"] == "text"
    text: str = block["text"]
    return text


def check(heard: dict[str, Any]) -> None:
    assert [tool["name"] for tool in heard["tools"]["tools"]] == NAMES
    assert said(heard["read"]).startswith('Campaign 3 "Spring promo" is running.')
    assert heard["read"]["structuredContent"]["retry_config"]["max_retries"] == 3
    assert (said(heard["refused"]), heard["refused"]["isError"]) == (REFUSAL, True)
    assert "structuredContent" not in heard["refused"]
    assert said(heard["paused"]).startswith('Done: Campaign 3 "Spring promo" is paused; it was running.\n')
    assert said(heard["edited"]).startswith(
        'Done: Campaign 3 "Spring promo" was changed.\n- retry_config.max_retries: 3 → 5\n'
    )
    assert not any(heard[name]["isError"] for name in ("read", "paused", "edited"))


@pytest.mark.parametrize("version", HANDSHAKES)
def test_a_client_that_says_initialize_is_answered_at_its_own_version_and_served(
    server: StdioServer, version: str
) -> None:
    result = server.open("legacy", version)
    assert result["protocolVersion"] == version
    assert result["serverInfo"]["name"] == "asisso"
    assert result["serverInfo"]["version"] == __version__
    assert server.ask("ping") == {}
    heard = conversation(server)
    check(heard)
    for name, each in heard.items():
        assert not {"resultType", "ttlMs", "cacheScope"} & each.keys(), f"{name}: fields of a later version"


def test_a_client_of_2026_is_served_without_a_handshake(server: StdioServer) -> None:
    server.open("modern")
    assert MODERN in server.ask("server/discover")["supportedVersions"]
    heard = conversation(server)
    check(heard)
    assert all(each["resultType"] == "complete" for each in heard.values())


def test_the_first_frame_of_a_2026_client_may_be_the_call_itself(server: StdioServer) -> None:
    server.open("modern")
    assert said(server.call("get_campaign", campaign_id=3)).startswith('Campaign 3 "Spring promo" is running.')


@pytest.mark.parametrize("version", ["1999-12-31", "2099-01-01", "latest"])
def test_a_version_that_nobody_knows_is_answered_with_one_that_the_server_speaks(
    server: StdioServer, version: str
) -> None:
    assert server.open("legacy", version)["protocolVersion"] == HANDSHAKES[-1]
    assert [tool["name"] for tool in server.ask("tools/list")["tools"]] == NAMES


def test_a_2026_client_with_an_unknown_version_is_told_which_ones_there_are(server: StdioServer) -> None:
    unknown = {**META, "io.modelcontextprotocol/protocolVersion": "2099-01-01"}
    assert MODERN in server.refused("tools/list", _meta=unknown)["data"]["supported"]


@pytest.mark.parametrize("version", HANDSHAKES)
def test_a_client_that_asks_server_discover_and_then_says_initialize_is_served(
    server: StdioServer, version: str
) -> None:
    assert MODERN in server.ask("server/discover", _meta=META)["supportedVersions"]
    assert server.open("legacy", version)["protocolVersion"] == version
    check(conversation(server))
