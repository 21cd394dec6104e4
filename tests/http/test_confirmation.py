"""A person is asked over HTTP: by an answer that asks for input, or outside the conversation; bound to the caller, over replicas."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp_types import ElicitRequestFormParams, ElicitResult

from asisso_mcp.cli.answers import answer
from asisso_mcp.config import Settings
from asisso_mcp.journal.entry import Entry, fingerprint
from asisso_mcp.sandbox import KEY, RunningServer, Sandbox
from tests.http.issuer import Issuer
from tests.http.served import JSON, Served, legacy, message, post, settings_for
from tests.journal.test_writes import entries_in, writes
from tests.processes import META, http_server

RESUME: dict[str, Any] = {"name": "resume_campaign", "arguments": {"campaign_id": 4}}
YES = {"confirm": {"action": "accept", "content": {"confirm": True}}}
ONE, OTHER = "a-token-of-the-operator-for-one-agent", "a-token-of-the-operator-for-another-one"
TOKENS = {"ASISSO_MCP_TOKENS": f"{ONE},{OTHER}"}
RESOURCE = "https://mcp.example.com/mcp"
KEYS = "one-secret-that-is-shared-by-all-replicas"
INVALID = {
    "code": -32602,
    "message": "Invalid or expired requestState",
    "data": {"reason": "invalid_request_state"},
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


@pytest.fixture
def settings(api: RunningServer) -> Settings:
    return settings_for(api.url, confirm="risky")


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as issuer:
        yield issuer


def asking(**params: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """A call of a client of 2026 that can show a form."""
    meta = {**META, "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}}
    headers = {**JSON, "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": params["name"]}
    return message("tools/call", **params, _meta=meta), headers


def call(url: str, request: tuple[dict[str, Any], dict[str, str]], **headers: str) -> Any:
    answer = post(url, request, **headers).json()
    return answer.get("result") or answer["error"]


def text(answer: Any) -> str:
    return str(answer["content"][0]["text"])


def question(url: str, **headers: str) -> str:
    """The state that comes with the question."""
    asked = call(url, asking(**RESUME), **headers)
    assert asked["resultType"] == "input_required"
    assert asked["inputRequests"]["confirm"]["method"] == "elicitation/create"
    assert asked["inputRequests"]["confirm"]["params"]["message"].startswith(
        'Campaign 4 "Berlin appointment reminders" '
    )
    return str(asked["requestState"])


def answered(state: str) -> tuple[dict[str, Any], dict[str, str]]:
    return asking(**RESUME, inputResponses=YES, requestState=state)


def approve(file: Path, entry_id: str) -> None:
    answer(entry_id, Settings(journal=file), "approved")


def waiting_in(file: Path) -> Entry:
    return next(entry for entry in entries_in(file)[::-1] if entry.outcome == "waiting")


def test_a_client_of_2026_is_asked_by_the_answer_and_a_yes_is_carried_out(settings: Settings, sandbox: Sandbox) -> None:
    with Served(settings) as served:
        state = question(served.url)
        assert writes(sandbox) == []
        assert text(call(served.url, answered(state))).startswith("Done: Campaign 4 ")
        assert text(call(served.url, answered(state))).startswith(
            'Campaign 4 "Berlin appointment reminders" is already running'
        )
    assert len(writes(sandbox)) == 1


async def test_the_official_client_is_asked_over_http(settings: Settings, sandbox: Sandbox) -> None:
    import httpx2
    from mcp.client import Client
    from mcp.client.streamable_http import streamable_http_client

    from tests.http.served import OPTIONS

    asked: list[str] = []

    async def person(_: Any, params: Any) -> ElicitResult:
        assert isinstance(params, ElicitRequestFormParams)
        asked.append(params.message)
        return ElicitResult(action="accept", content={"confirm": True})

    with Served(settings) as served:
        async with (
            httpx2.AsyncClient(**OPTIONS) as http,
            Client(streamable_http_client(served.url, http_client=http), elicitation_callback=person) as client,
        ):
            result = await client.call_tool("resume_campaign", {"campaign_id": 4})
    assert not result.is_error
    assert len(asked) == len(writes(sandbox)) == 1


def test_the_answer_to_one_callers_question_counts_for_no_other_caller(
    settings: Settings, sandbox: Sandbox, issuer: Issuer
) -> None:
    with Served(settings, auth="token", environment=TOKENS) as served:
        state = question(served.url, authorization=f"Bearer {ONE}")
        assert call(served.url, answered(state), authorization=f"Bearer {OTHER}") == INVALID
    environment = {"ASISSO_MCP_OAUTH_ISSUER": issuer.url, "ASISSO_MCP_RESOURCE_URL": RESOURCE}
    with Served(settings, auth="oauth", environment=environment) as served:
        jane, john = (issuer.token(RESOURCE, sub=who) for who in ("jane@example.com", "john@example.com"))
        state = question(served.url, authorization=f"Bearer {jane}")
        assert call(served.url, answered(state), authorization=f"Bearer {john}") == INVALID
        again = issuer.token(RESOURCE, sub="jane@example.com", jti="another token of the same person")
        assert writes(sandbox) == []
        assert text(call(served.url, answered(state), authorization=f"Bearer {again}")).startswith("Done: ")
    with Served(settings_for(settings.base_url, key=None, confirm="always"), auth="passthrough") as served:
        edit = {"name": "update_campaign", "arguments": {"campaign_id": 5, "name": "Another"}}
        asked = call(served.url, asking(**edit), x_api_key=KEY)
        brought = asking(**edit, inputResponses=YES, requestState=asked["requestState"])
        assert call(served.url, brought, x_api_key="another-key-that-somebody-brings") == INVALID
    assert len(writes(sandbox)) == 1


def test_replicas_with_the_same_state_keys_take_each_others_answers_and_others_do_not(
    api: RunningServer, sandbox: Sandbox
) -> None:
    environment = {"ASISSO_BASE_URL": api.url, "ASISSO_API_KEY": KEY, "ASISSO_CONFIRM": "risky"}
    shared = {**environment, "ASISSO_STATE_KEYS": KEYS}
    with http_server(**shared) as one, http_server(**shared) as two, http_server(**environment) as stranger:
        state = question(one.url)
        assert call(stranger.url, answered(state)) == INVALID
        assert writes(sandbox) == []
        assert text(call(two.url, answered(state))).startswith("Done: Campaign 4 ")
    assert len(writes(sandbox)) == 1


def test_a_client_of_2025_waits_for_an_approval_which_counts_once(
    api: RunningServer, sandbox: Sandbox, file: Path
) -> None:
    with Served(settings_for(api.url, confirm="risky", journal=file)) as served:
        told = text(call(served.url, legacy("tools/call", **RESUME)))
        entry = waiting_in(file)
        assert told == (
            "Nothing was changed yet: a person confirms this (ASISSO_CONFIRM), and there is no way to ask one here. It waits for a person "
            f"as journal entry {entry.id}, until {entry.expires:%H:%M} UTC.\n"
            'Campaign 4 "Berlin appointment reminders" would be resumed:\n'
            "- state: paused → running\n"
            "It would dial like this:\n"
            "- calling hours: Mon–Fri 08:30–12:00 and 13:00–17:30 Europe/Berlin\n"
            "- at most 4 calls at once\n"
            "- retries: up to 2 retries, 10 min apart, after busy and no answer\n"
            "- circuit breaker: on: pauses the campaign when 30 % of at least 8 calls fail within 3 min\n"
            "Why you are asked: it may dial from then on.\n"
            f"Next: tell the person to run `asisso-mcp approve {entry.id}` in a terminal of their own on the machine of this server (or "
            f"`asisso-mcp reject {entry.id}`), and when they say that they have, make exactly the same call again. Do not run it yourself."
        )
        assert text(call(served.url, legacy("tools/call", **RESUME))) == told, "the same call waits once"
        assert writes(sandbox) == []
        approve(file, entry.id)
        assert text(call(served.url, legacy("tools/call", **RESUME))).startswith("Done: Campaign 4 ")
        call(served.url, legacy("tools/call", name="pause_campaign", arguments={"campaign_id": 4}))
        assert "It waits for a person as journal entry " in text(call(served.url, legacy("tools/call", **RESUME)))
    assert [(each.tool, each.outcome) for each in entries_in(file)] == [
        ("resume_campaign", "used"),
        ("resume_campaign", "applied"),
        ("pause_campaign", "applied"),
        ("resume_campaign", "waiting"),
    ]


def test_an_approval_counts_for_no_other_caller_and_no_other_arguments(
    api: RunningServer, sandbox: Sandbox, file: Path
) -> None:
    settings = settings_for(api.url, confirm="always", journal=file)
    with Served(settings, auth="token", environment=TOKENS) as served:

        def edited(token: str, name: str) -> str:
            request = legacy("tools/call", name="update_campaign", arguments={"campaign_id": 4, "name": name})
            return text(call(served.url, request, authorization=f"Bearer {token}"))

        edited(ONE, "Hamburg")
        entry = waiting_in(file)
        assert (entry.account, entry.caller) == (fingerprint(KEY), f"token {fingerprint(ONE)}")
        approve(file, entry.id)
        assert edited(OTHER, "Hamburg").startswith("Nothing was changed yet: ")
        assert edited(ONE, "Hamburg!").startswith("Nothing was changed yet: ")
        assert writes(sandbox) == []
        assert edited(ONE, "Hamburg").startswith("Done: ")
    assert len(writes(sandbox)) == 1
