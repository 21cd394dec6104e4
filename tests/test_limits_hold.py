"""Every limit is tried in every way that leads to the API: an argument, JSON in text, a header, the Toolbox, `call`, and what a
client reads beside the tools. The recording API shows no request that goes beyond the limit."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import anyio
import httpx2
import pytest
from mcp import MCPError
from mcp.client import Client
from mcp_types import PromptReference, ResourceTemplateReference, TextContent

from asisso_mcp import Toolbox
from asisso_mcp.cli import main
from asisso_mcp.config import Settings
from asisso_mcp.sandbox import KEY, RunningServer, Sandbox
from asisso_mcp.server.app import build_server
from tests.http.served import Served, connected
from tests.processes import stdio_server

Environment = dict[str, str]
Way = Callable[[Environment, str, dict[str, Any]], str]

LATE = [{"day_of_week": 0, "start_time": "20:00", "end_time": "23:00"}]
WIDENING = {
    "read-only": "0",
    "campaigns": "all",
    "tools": "all",
    "max-concurrency": "none",
    "max-retries": "none",
    "calling-hours": "any",
    "require-breaker": "0",
}
"""The settings as a caller might try to send them."""

WITHHELD = "update_campaign is not offered here: this server only reads"
UNKNOWN_PAUSE = "Unknown tool: pause_campaign. This server has list_campaigns, get_campaign."
OUTSIDE = "This server was started for certain campaigns only (ASISSO_CAMPAIGNS), and 4 is not among them, so nothing was sent."

BEYOND: dict[str, tuple[Environment, str, dict[str, Any], str]] = {
    "writing": ({"ASISSO_READ_ONLY": "1"}, "update_campaign", {"campaign_id": 4, "max_concurrency": 2}, WITHHELD),
    "a tool": ({"ASISSO_TOOLS": "read"}, "pause_campaign", {"campaign_id": 3}, UNKNOWN_PAUSE),
    "reading a campaign": ({"ASISSO_CAMPAIGNS": "3"}, "get_campaign", {"campaign_id": 4}, OUTSIDE),
    "editing a campaign": ({"ASISSO_CAMPAIGNS": "3"}, "update_campaign", {"campaign_id": 4, "name": "X"}, OUTSIDE),
    "pausing a campaign": ({"ASISSO_CAMPAIGNS": "3"}, "pause_campaign", {"campaign_id": 4}, OUTSIDE),
    "resuming a campaign": ({"ASISSO_CAMPAIGNS": "3"}, "resume_campaign", {"campaign_id": 4}, OUTSIDE),
    "concurrency": (
        {"ASISSO_MAX_CONCURRENCY": "3"},
        "update_campaign",
        {"campaign_id": 4, "max_concurrency": 5},
        "max_concurrency may be at most 3 (ASISSO_MAX_CONCURRENCY)",
    ),
    "resuming with more concurrency": (
        {"ASISSO_MAX_CONCURRENCY": "3"},
        "resume_campaign",
        {"campaign_id": 4},
        "max_concurrency is 4: set it to at most 3",
    ),
    "retries": (
        {"ASISSO_MAX_RETRIES": "1"},
        "update_campaign",
        {"campaign_id": 4, "retry_config": {"max_retries": 2}},
        "retry_config.max_retries may be at most 1, and would be 2 (ASISSO_MAX_RETRIES)",
    ),
    "resuming with more retries": (
        {"ASISSO_MAX_RETRIES": "1"},
        "resume_campaign",
        {"campaign_id": 4},
        "retry_config.max_retries is 2: set it to at most 1",
    ),
    "hours": (
        {"ASISSO_CALLING_HOURS": "08:00-21:00"},
        "update_campaign",
        {"campaign_id": 4, "schedule_config": {"slots": LATE}},
        'calling hours Mon 20:00-23:00 (zone "Europe/Berlin") are not within 08:00-21:00 (ASISSO_CALLING_HOURS)',
    ),
    "hours off": (
        {"ASISSO_CALLING_HOURS": "08:00-21:00"},
        "update_campaign",
        {"campaign_id": 4, "schedule_config": {"enabled": False}},
        "calling hours must stay on, within 08:00-21:00 (ASISSO_CALLING_HOURS)",
    ),
    "another zone": (
        {"ASISSO_CALLING_HOURS": "08:00-21:00"},
        "update_campaign",
        {"campaign_id": 4, "schedule_config": {"timezone": "Asia/Tokyo"}},
        "calling hours in force keep their zone (Europe/Berlin)",
    ),
    "resuming without hours": (
        {"ASISSO_CALLING_HOURS": "08:00-21:00"},
        "resume_campaign",
        {"campaign_id": 13},
        "no calling hours are in force: set them within 08:00-21:00",
    ),
    "the breaker off": (
        {"ASISSO_REQUIRE_BREAKER": "1"},
        "update_campaign",
        {"campaign_id": 4, "circuit_breaker": {"enabled": False}},
        "the circuit breaker must stay on",
    ),
    "resuming without a breaker": (
        {"ASISSO_REQUIRE_BREAKER": "1"},
        "resume_campaign",
        {"campaign_id": 13},
        "the circuit breaker is shown as off, and whether it was never set and is on is not known",
    ),
}


def said(result: Any) -> str:
    assert result.is_error
    (block,) = result.content
    assert isinstance(block, TextContent)
    return block.text


async def ask(client: Client, tool: str, arguments: dict[str, Any]) -> str:
    try:
        return said(await client.call_tool(tool, arguments))
    except MCPError as refusal:
        return refusal.message


def in_memory(environment: Environment, tool: str, arguments: dict[str, Any], era: Any = "auto") -> str:
    async def talk() -> str:
        async with Client(build_server(Settings.from_environment(environment)), mode=era) as client:
            return await ask(client, tool, arguments)

    return anyio.run(talk)


def as_text(environment: Environment, tool: str, arguments: dict[str, Any]) -> str:
    return in_memory(
        environment,
        tool,
        {name: json.dumps(value) if isinstance(value, dict | int) else value for name, value in arguments.items()},
    )


def over_stdio(environment: Environment, tool: str, arguments: dict[str, Any]) -> str:
    with stdio_server(**environment) as server:
        server.open("legacy")
        listed = [each["name"] for each in server.ask("tools/list")["tools"]]
        if tool not in listed:
            return str(server.refused("tools/call", name=tool, arguments=arguments)["message"])
        answer = server.call(tool, **arguments)
        assert answer["isError"]
        return str(answer["content"][0]["text"])


def over_http_with_headers(environment: Environment, tool: str, arguments: dict[str, Any]) -> str:
    headers = {
        f"{prefix}asisso-{name}": value for name, value in WIDENING.items() for prefix in ("", "x-", "mcp-param-")
    }

    async def talk() -> str:
        async with connected(served.url, "legacy", **headers) as client:
            return await ask(client, tool, arguments)

    with Served(Settings.from_environment(environment)) as served:
        return anyio.run(talk)


def by_the_toolbox(environment: Environment, tool: str, arguments: Any) -> str:
    async def talk() -> str:
        async with Toolbox(Settings.from_environment(environment)) as toolbox:
            answer = await toolbox.call(tool, arguments)
        assert answer.is_error
        return answer.text

    return anyio.run(talk)


def by_the_toolbox_as_text(environment: Environment, tool: str, arguments: dict[str, Any]) -> str:
    return by_the_toolbox(environment, tool, json.dumps(arguments))


WAYS: dict[str, Way] = {
    "2026": in_memory,
    "2025": partial(in_memory, era="legacy"),
    "JSON in text": as_text,
    "stdio": over_stdio,
    "HTTP with headers": over_http_with_headers,
    "Toolbox": by_the_toolbox,
    "Toolbox, JSON": by_the_toolbox_as_text,
}


def writes(sandbox: Sandbox) -> list[str]:
    return [request.method for request in sandbox.requests if request.method != "GET"]


def environment_of(api: RunningServer, limits: Environment) -> Environment:
    return {"ASISSO_BASE_URL": api.url, "ASISSO_API_KEY": KEY, **limits}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", BEYOND)
def test_no_way_of_calling_a_tool_leads_around_a_limit(
    sandbox: Sandbox, api: RunningServer, case: str, way: str
) -> None:
    limits, tool, arguments, reason = BEYOND[case]
    text = WAYS[way](environment_of(api, limits), tool, arguments)
    expected = reason
    if "Toolbox" in way and reason == WITHHELD:
        expected = "Unknown tool: update_campaign. This server has list_campaigns, get_campaign."
    assert expected in text
    assert writes(sandbox) == []
    if "ASISSO_CAMPAIGNS" in limits or "ASISSO_TOOLS" in limits:
        assert sandbox.requests == []


@pytest.mark.parametrize("case", BEYOND)
def test_call_leads_around_no_limit(
    sandbox: Sandbox,
    api: RunningServer,
    case: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    limits, tool, arguments, reason = BEYOND[case]
    for name, value in environment_of(api, limits).items():
        monkeypatch.setenv(name, value)
    given = [f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in arguments.items()]
    with pytest.raises(SystemExit) as ended:
        main(["call", tool, *given])
    assert ended.value.code in (1, 2)
    assert reason in "".join(capsys.readouterr())
    assert writes(sandbox) == []


@pytest.mark.parametrize("case", BEYOND)
@pytest.mark.parametrize("name", ["ASISSO_MAX_CONCURRENCY", "max_retries_limit", "policy"])
def test_an_argument_that_would_widen_a_limit_is_no_argument(
    sandbox: Sandbox, api: RunningServer, case: str, name: str
) -> None:
    limits, tool, arguments, _ = BEYOND[case]
    text = in_memory(environment_of(api, limits), tool, {**arguments, name: "none"})
    assert f"{name} is not an argument" in text or "his server" in text
    assert sandbox.requests == []


async def test_fields_that_clients_add_widen_nothing(sandbox: Sandbox, api: RunningServer) -> None:
    settings = Settings.from_environment(environment_of(api, {"ASISSO_MAX_CONCURRENCY": "3"}))
    arguments = {"campaign_id": 4, "max_concurrency": 5, "_policy": {"max_concurrency": 100}, "sessionId": "x"}
    async with Client(build_server(settings)) as client:
        assert "max_concurrency may be at most 3" in await ask(client, "update_campaign", arguments)
    assert writes(sandbox) == []


@pytest.mark.parametrize(
    "limits", {str(environment): environment for environment, *_ in BEYOND.values()}.values(), ids=str
)
async def test_prompts_resources_and_completions_send_no_write_and_no_request_about_another_campaign(
    sandbox: Sandbox, api: RunningServer, limits: Environment
) -> None:
    offered = nullcontext() if limits != {"ASISSO_CAMPAIGNS": "3"} else pytest.raises(MCPError)
    outside: AbstractContextManager[Any] = offered
    async with Client(build_server(Settings.from_environment(environment_of(api, limits)))) as client:
        for prompt in (await client.list_prompts()).prompts:
            hours = {"hours": "any"} if prompt.name == "change_calling_hours" else {}
            with outside:
                await client.get_prompt(prompt.name, {"campaign_id": "4", **hours})
            await client.complete(PromptReference(name=prompt.name), {"name": "campaign_id", "value": "Berlin"})
        with outside:
            await client.read_resource("asisso://campaigns/4")
        await client.read_resource("asisso://campaigns")
        for template in (await client.list_resource_templates()).resource_templates:
            reference = ResourceTemplateReference(uri=template.uri_template)
            values = (await client.complete(reference, {"name": "campaign_id", "value": "Berlin"})).completion.values
            assert values == ([] if limits == {"ASISSO_CAMPAIGNS": "3"} else ["13", "4"])
    assert writes(sandbox) == []
    if limits == {"ASISSO_CAMPAIGNS": "3"}:
        assert {request.path for request in sandbox.requests} == {"/api/v1/campaign/"}


@pytest.mark.parametrize(
    ("tools", "resources", "templates", "prompts"),
    [
        ("read", 1, 1, ["review_campaign", "why_not_dialing"]),
        ("list_campaigns", 1, 0, []),
        ("get_campaign,update_campaign", 0, 1, ["review_campaign", "why_not_dialing", "change_calling_hours"]),
        ("pause_campaign", 0, 0, []),
    ],
)
async def test_what_a_tool_reads_is_not_to_be_had_beside_it_when_it_is_not_offered(
    sandbox: Sandbox, api: RunningServer, tools: str, resources: int, templates: int, prompts: list[str]
) -> None:
    settings = Settings.from_environment(environment_of(api, {"ASISSO_TOOLS": tools}))
    async with Client(build_server(settings)) as client:
        assert len((await client.list_resources()).resources) == resources
        assert len((await client.list_resource_templates()).resource_templates) == templates
        assert [each.name for each in (await client.list_prompts()).prompts] == prompts
        for uri, tool in (("asisso://campaigns", "list_campaigns"), ("asisso://campaigns/4", "get_campaign")):
            if settings.tools is not None and tool not in settings.tools:
                with pytest.raises(MCPError) as refusal:
                    await client.read_resource(uri)
                assert refusal.value.message == (
                    f"Nothing was sent: {tool} is not among the tools of this server (ASISSO_TOOLS). The person who runs the "
                    "server can change that."
                )
        if not resources:
            reference = ResourceTemplateReference(uri="asisso://campaigns/{campaign_id}")
            values = (await client.complete(reference, {"name": "campaign_id", "value": ""})).completion.values
            assert values == []
            assert sandbox.requests == []


async def test_the_published_maximum_is_the_limit_and_the_instructions_tell_all_of_them(api: RunningServer) -> None:
    limits = {
        "ASISSO_TOOLS": "read,update_campaign",
        "ASISSO_CAMPAIGNS": "4,3",
        "ASISSO_MAX_CONCURRENCY": "5",
        "ASISSO_MAX_RETRIES": "3",
        "ASISSO_CALLING_HOURS": "08:00-21:00",
        "ASISSO_REQUIRE_BREAKER": "1",
        "ASISSO_CONFIRM": "risky",
    }
    settings = Settings.from_environment(environment_of(api, limits))
    async with Client(build_server(settings)) as client:
        tools = {tool.name: tool.input_schema for tool in (await client.list_tools()).tools}
        refused = await ask(client, "update_campaign", {"campaign_id": 4, "retry_config": {"max_retries": "many"}})
        assert client.instructions is not None
        assert client.instructions.isascii()
        assert len(client.instructions.encode()) < 2048
        assert client.instructions.splitlines()[-1] == (
            "Limits of this server, which nothing in a call widens: only the tools list_campaigns, get_campaign, update_campaign; "
            "only campaigns 3, 4; at most 5 calls at once; at most 3 retries; calling hours within 08:00-21:00 in the campaign's "
            "zone; the circuit breaker stays on; a person confirms what is risky (resuming, wider hours, more calls or retries, a breaker "
            "off or laxer)."
        )
    assert list(tools) == ["list_campaigns", "get_campaign", "update_campaign"]
    properties = tools["update_campaign"]["properties"]
    assert properties["max_concurrency"]["maximum"] == 5
    assert properties["retry_config"]["properties"]["max_retries"]["maximum"] == 3
    assert refused.endswith('retry_config.max_retries is "many"; it must be a whole number from 0 to 3.')
    async with Toolbox(settings) as toolbox:
        (function,) = [each for each in toolbox.definitions("anthropic") if each["name"] == "update_campaign"]
    assert function["input_schema"]["properties"]["max_concurrency"]["maximum"] == 5


async def test_a_server_that_offers_only_tools_that_read_says_so_as_a_read_only_one(api: RunningServer) -> None:
    settings = Settings.from_environment(environment_of(api, {"ASISSO_TOOLS": "read"}))
    async with Client(build_server(settings)) as client:
        assert (client.instructions or "").startswith("Reads outbound calling campaigns on Asisso.")


async def test_a_pause_says_when_the_limits_would_refuse_the_resume(api: RunningServer) -> None:
    settings = Settings.from_environment(environment_of(api, {"ASISSO_MAX_CONCURRENCY": "2"}))
    async with Toolbox(settings) as toolbox:
        answer = await toolbox.call("pause_campaign", {"campaign_id": 3})
    assert answer.structure is not None
    note = (
        "`resume_campaign` would be refused because of this server's limits: max_concurrency is 3: set it to at most 2 with "
        "`update_campaign` first (ASISSO_MAX_CONCURRENCY)."
    )
    assert answer.structure["warnings"][-1] == note
    assert f"Note: {note}" in answer.text.splitlines()


async def test_a_pause_offers_no_way_back_that_this_server_does_not_have(api: RunningServer) -> None:
    settings = Settings.from_environment(environment_of(api, {"ASISSO_TOOLS": "read,pause_campaign"}))
    note = "`resume_campaign` would be refused because of this server's limits: resume_campaign is not among its tools (ASISSO_TOOLS)."
    async with Toolbox(settings) as toolbox:
        for _ in ("paused", "already paused"):
            answer = await toolbox.call("pause_campaign", {"campaign_id": 3})
            assert answer.structure is not None
            assert not {"undo", "undo_tool"} & answer.structure.keys()
            assert answer.text.count("resume_campaign") == note.count("resume_campaign")
            assert f"Note: {note}" in answer.text.splitlines()


def test_a_body_posted_by_hand_is_held_to_the_limits(sandbox: Sandbox, api: RunningServer) -> None:
    settings = Settings.from_environment(environment_of(api, {"ASISSO_REQUIRE_BREAKER": "1"}))
    arguments = {"campaign_id": 4, "circuit_breaker": '{"enabled": "off"}'}
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "update_campaign", "arguments": arguments},
    }
    headers = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-11-25"}
    with Served(settings) as served:
        url = f"{served.url}?ASISSO_REQUIRE_BREAKER=0"
        answer = httpx2.post(url, json=body, headers=headers, trust_env=False, verify=False, timeout=30).json()
    assert "the circuit breaker must stay on" in answer["result"]["content"][0]["text"]
    assert writes(sandbox) == []
