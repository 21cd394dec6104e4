"""A simple request of the 2025 era is answered as the SDK's own transport answers it, to the byte; the rest is left to that."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from asisso_mcp.http.fast_path import parse_simple_request
from asisso_mcp.sandbox import KEY, RunningServer, Sandbox
from tests.http.served import JSON, OPTIONS, Served, settings_for

HEADERS = {**JSON, "mcp-protocol-version": "2025-11-25"}
THE_SDKS_WAY = {"content-type": "application/json; charset=utf-8"}
"""Means the same, and is not simple."""


def request(method: str, params: Any = None, number: Any = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method} | ({} if params is None else {"params": params})


REQUESTS = [
    request("ping"),
    request("ping", {}),
    request("ping", {"_meta": {"of": "theirs"}}, "seven"),
    request("ping", number=2**70),
    request("ping", number=-1),
    request("tools/list"),
    request("tools/list", {"cursor": "x"}),
    request("tools/list", {"_meta": {"progressToken": None}}),
    request("tools/list", {"_meta": 1}),
    request("resources/list"),
    request("resources/templates/list"),
    request("prompts/list"),
    request("resources/read", {"uri": "asisso://campaigns/3"}),
    request("resources/read", {"uri": "asisso://campaigns/99"}),
    request("resources/read", {}),
    request("prompts/get", {"name": "review_campaign", "arguments": {"campaign_id": "3"}}),
    request("prompts/get", {"name": "none"}),
    request("completion/complete", {"ref": {"type": "ref/prompt", "name": "review_campaign"}, "argument": {"name": "x"}}),
    request("tools/call", {"name": "get_campaign", "arguments": {"campaign_id": 3}}),
    request("tools/call", {"name": "get_campaign", "arguments": {"campaign_id": "3"}, "_meta": {"a": 1}}, "a"),
    request("tools/call", {"name": "get_campaign", "arguments": {"campaign_id": 99}}),
    request("tools/call", {"name": "get_campaign", "arguments": {"campaign": "\u202e\u00e9 \U0001f4de"}}),
    request("tools/call", {"name": "get_campaign"}),
    request("tools/call", {"name": "get_campaign", "arguments": [3]}),
    request("tools/call", {"name": "update_campaign", "arguments": {"campaign_id": 3, "name": "Spring"}}),
    request("tools/call", {"name": "pause_campaign", "arguments": {"campaign_id": 3}}),
    request("tools/call", {"name": "no_such_tool", "arguments": {}}),
    request("tools/call", {"name": ["get_campaign"]}),
    request("tools/call", {}),
    request("tools/call"),
    request("logging/setLevel", {"level": "info"}),
    request("resources/subscribe", {"uri": "asisso://campaigns/3"}),
    request("server/discover", {}),
    request("of/theirs", {"any": "thing"}),
    request("", {}),
]  # fmt: skip


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    sandbox = Sandbox()
    with RunningServer(sandbox) as api:
        # So that writing twice finds the same.
        with httpx2.Client(base_url=f"{api.url}/api/v1/campaign", headers={"X-API-Key": KEY}, **OPTIONS) as http:
            http.post("3/pause").raise_for_status()
            http.patch("3", json={"name": "Spring"}).raise_for_status()
        with Served(settings_for(api.url)) as served:
            yield served


@pytest.mark.parametrize("asked", REQUESTS, ids=lambda asked: f"{asked['method']}-{REQUESTS.index(asked)}")
@pytest.mark.parametrize("version", ["2025-11-25", "2024-11-05"])
def test_it_is_answered_as_the_sdk_would(served: Served, asked: dict[str, Any], version: str) -> None:
    body, headers = json.dumps(asked).encode(), {**HEADERS, "mcp-protocol-version": version}
    assert parse_simple_request(scope_with(headers), body) == asked
    assert parse_simple_request(scope_with({**headers, **THE_SDKS_WAY}), body) is None
    ours, theirs = (
        httpx2.post(served.url, content=body, headers={**headers, **way}, **OPTIONS) for way in ({}, THE_SDKS_WAY)
    )
    assert ours.status_code == theirs.status_code
    assert ours.content == theirs.content
    assert ours.headers["content-type"] == theirs.headers["content-type"]


NOT_SIMPLE: list[tuple[str, Any, dict[str, str]]] = [
    ("the handshake", request("initialize", {}), {}),
    ("a notification", {"jsonrpc": "2.0", "method": "notifications/initialized"}, {}),
    ("an answer", {"jsonrpc": "2.0", "id": 1, "result": {}}, {}),
    ("a batch", [request("ping")], {}),
    ("progress wanted", request("tools/list", {"_meta": {"progressToken": 0}}), {}),
    ("params that are a list", request("ping", [1]), {}),
    ("params that are null", request("ping") | {"params": None}, {}),
    ("a truth as id", request("ping", number=True), {}),
    ("null as id", request("ping", number=None), {}),
    ("a fraction as id", request("ping", number=1.5), {}),
    ("another version of JSON-RPC", request("ping") | {"jsonrpc": "1.0"}, {}),
    ("a member too many", request("ping") | {"more": 1}, {}),
    ("a method that is a number", request("ping") | {"method": 1}, {}),
    ("not JSON", b"{", {}),
    ("half of a character", b'{"jsonrpc":"2.0","id":"\\ud800","method":"ping"}', {}),
    ("another encoding", json.dumps(request("ping")).encode("utf-16"), {}),
    ("2026", request("ping"), {"mcp-protocol-version": "2026-07-28"}),
    ("a version that nobody knows", request("ping"), {"mcp-protocol-version": "1999-01-01"}),
    ("no version", request("ping"), {"mcp-protocol-version": ""}),
    ("no JSON in return", request("ping"), {"accept": "text/event-stream"}),
    ("no JSON sent", request("ping"), {"content-type": "text/plain"}),
]


@pytest.mark.parametrize(("asked", "headers"), [each[1:] for each in NOT_SIMPLE], ids=[each[0] for each in NOT_SIMPLE])
def test_what_is_not_simple_takes_the_sdks_way(asked: Any, headers: dict[str, str]) -> None:
    body = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
    assert parse_simple_request(scope_with({**HEADERS, **headers}), body) is None


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_is_there_twice_or_not_at_all_is_not_simple(name: str) -> None:
    body, once = json.dumps(request("ping")).encode(), scope_with(HEADERS)
    assert parse_simple_request(once, body) is not None
    twice = {**once, "headers": [*once["headers"], (name.encode(), HEADERS[name].encode())]}
    without = {**once, "headers": [pair for pair in once["headers"] if pair[0] != name.encode()]}
    assert parse_simple_request(twice, body) is parse_simple_request(without, body) is None


def scope_with(headers: dict[str, str]) -> dict[str, Any]:
    return {"type": "http", "headers": [(name.encode(), value.encode()) for name, value in headers.items()]}
