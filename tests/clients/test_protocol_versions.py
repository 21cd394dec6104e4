"""Old and new hosts, as raw JSON-RPC on stdio: every protocol version is answered in its own terms."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from asisso_mcp import __version__
from asisso_mcp.tools.campaigns import TOOLS

HANDSHAKES = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
MODERN = "2026-07-28"
NAMES = [tool.name for tool in TOOLS]
CLIENT = {"name": "raw", "version": "1"}
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": CLIENT,
    "io.modelcontextprotocol/clientCapabilities": {},
}
REFUSAL = (
    'Campaign 3 "Spring promo" is running; settings can only be changed while a campaign is paused or a draft, so nothing '
    "was changed. Next: `pause_campaign` with campaign_id=3, then this edit again, then `resume_campaign`."
)
EDIT = {"campaign_id": 3, "retry_config": {"max_retries": 5}}


class Pipe:
    """A server process and its two pipes: lines out, lines in, no library between."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "asisso_mcp", "serve", "--sandbox"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PATH": os.environ["PATH"]},
        )
        self.number = 0

    def write(self, **frame: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **frame}).encode() + b"\n")
        self.process.stdin.flush()

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """The frame that answers; whatever else comes is of no interest here."""
        self.number += 1
        self.write(id=self.number, method=method, params=params)
        assert self.process.stdout is not None
        for line in self.process.stdout:
            frame: dict[str, Any] = json.loads(line)
            if frame.get("id") == self.number:
                assert frame["jsonrpc"] == "2.0"
                return frame
        raise AssertionError(f"the server ended without an answer to {method}")

    def opened(self, version: str) -> dict[str, Any]:
        """The result of a handshake at that version."""
        frame = self.ask("initialize", protocolVersion=version, capabilities={}, clientInfo=CLIENT)
        self.write(method="notifications/initialized")
        result: dict[str, Any] = frame["result"]
        return result


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.process.communicate(timeout=20)
    assert pipe.process.returncode == 0


def conversation(pipe: Pipe, **era: Any) -> dict[str, Any]:
    """List, read, be refused, pause, edit: the results by name."""
    return {
        "tools": pipe.ask("tools/list", **era)["result"],
        "read": pipe.ask("tools/call", name="get_campaign", arguments={"campaign_id": 3}, **era)["result"],
        "refused": pipe.ask("tools/call", name="update_campaign", arguments=EDIT, **era)["result"],
        "paused": pipe.ask("tools/call", name="pause_campaign", arguments={"campaign_id": 3}, **era)["result"],
        "edited": pipe.ask("tools/call", name="update_campaign", arguments=EDIT, **era)["result"],
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
    assert said(heard["paused"]).startswith('Done: Campaign 3 "Spring promo" is paused; it was running.\n')
    assert said(heard["edited"]).startswith(
        'Done: Campaign 3 "Spring promo" was changed.\n- retry_config.max_retries: 3 → 5\n'
    )
    assert not any(heard[name]["isError"] for name in ("read", "paused", "edited"))


@pytest.mark.parametrize("version", HANDSHAKES)
def test_a_client_that_says_initialize_is_answered_at_its_own_version_and_served(pipe: Pipe, version: str) -> None:
    result = pipe.opened(version)
    assert result["protocolVersion"] == version
    assert result["serverInfo"]["name"] == "asisso"
    assert result["serverInfo"]["version"] == __version__
    assert pipe.ask("ping")["result"] == {}
    heard = conversation(pipe)
    check(heard)
    for name, each in heard.items():
        assert not {"resultType", "ttlMs", "cacheScope"} & each.keys(), f"{name}: fields of a later version"


def test_a_client_of_2026_is_served_without_a_handshake(pipe: Pipe) -> None:
    discovered = pipe.ask("server/discover", _meta=META)["result"]
    assert MODERN in discovered["supportedVersions"]
    heard = conversation(pipe, _meta=META)
    check(heard)
    assert all(each["resultType"] == "complete" for each in heard.values())


def test_the_first_frame_of_a_2026_client_may_be_the_call_itself(pipe: Pipe) -> None:
    result = pipe.ask("tools/call", name="get_campaign", arguments={"campaign_id": 3}, _meta=META)["result"]
    assert said(result).startswith('Campaign 3 "Spring promo" is running.')


@pytest.mark.parametrize("version", ["1999-12-31", "2099-01-01", "latest"])
def test_a_version_that_nobody_knows_is_answered_with_one_that_the_server_speaks(pipe: Pipe, version: str) -> None:
    assert pipe.opened(version)["protocolVersion"] == HANDSHAKES[-1]
    assert [tool["name"] for tool in pipe.ask("tools/list")["result"]["tools"]] == NAMES


def test_a_2026_client_with_an_unknown_version_is_told_which_ones_there_are(pipe: Pipe) -> None:
    unknown = {**META, "io.modelcontextprotocol/protocolVersion": "2099-01-01"}
    error = pipe.ask("tools/list", _meta=unknown)["error"]
    assert MODERN in error["data"]["supported"]


@pytest.mark.parametrize("version", HANDSHAKES)
def test_a_client_that_asks_server_discover_and_then_says_initialize_is_served(pipe: Pipe, version: str) -> None:
    assert MODERN in pipe.ask("server/discover", _meta=META)["result"]["supportedVersions"]
    assert pipe.opened(version)["protocolVersion"] == version
    check(conversation(pipe))
