"""What a client sees of the tools: the same in both protocol eras, against the sandbox."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import jsonschema
import mcp_types
import pytest
from mcp import MCPError
from mcp.client import Client

from asisso_mcp.config import Settings
from asisso_mcp.sandbox import Sandbox
from asisso_mcp.server.app import INSTRUCTIONS, build_server
from asisso_mcp.tools.campaigns import TOOLS
from tests.conftest import MONDAY, SETTINGS

NINE_TO_FOUR = [{"day_of_week": day, "start_time": "09:00", "end_time": "16:00"} for day in range(5)]


@pytest.fixture(params=["auto", "legacy"])
async def client(request: pytest.FixtureRequest, sandbox: Sandbox) -> AsyncIterator[Client]:
    server = build_server(SETTINGS, transport=sandbox.transport(), clock=lambda: MONDAY)
    mode: Literal["auto", "legacy"] = request.param
    async with Client(server, mode=mode) as connected:
        yield connected


async def ask(client: Client, tool: str, **arguments: Any) -> mcp_types.CallToolResult:
    return await client.call_tool(tool, arguments)


def text(result: mcp_types.CallToolResult) -> str:
    (block,) = result.content
    assert isinstance(block, mcp_types.TextContent)
    return block.text


def patches(sandbox: Sandbox) -> list[Any]:
    return [request.json for request in sandbox.requests if request.method == "PATCH"]


async def test_five_tools_are_listed_in_their_order_with_a_title_and_all_four_hints(client: Client) -> None:
    tools = (await client.list_tools()).tools
    assert [tool.name for tool in tools] == [
        "list_campaigns",
        "get_campaign",
        "update_campaign",
        "pause_campaign",
        "resume_campaign",
    ]
    hints = {}
    for tool in tools:
        assert tool.title
        assert tool.annotations is not None
        hints[tool.name] = tool.annotations.model_dump(by_alias=True, exclude={"title"})
    read = {"readOnlyHint": True, "destructiveHint": False, "idempotentHint": True, "openWorldHint": True}
    write = {"readOnlyHint": False, "destructiveHint": False, "idempotentHint": True, "openWorldHint": True}
    assert hints == {
        "list_campaigns": read,
        "get_campaign": read,
        "update_campaign": {**write, "destructiveHint": True},
        "pause_campaign": write,
        "resume_campaign": {**write, "destructiveHint": True},
    }


def test_instructions_and_descriptions_fit_into_two_kilobytes_each() -> None:
    assert len(INSTRUCTIONS.encode()) < 2048
    assert all(len(tool.description.encode()) < 2048 for tool in TOOLS)


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_published_schemas_are_inline_closed_and_single_typed(tool: Any) -> None:
    def walk(node: Any, *, closed: bool) -> None:
        if isinstance(node, list):
            for each in node:
                walk(each, closed=closed)
        if not isinstance(node, dict):
            return
        forbidden = {
            "$ref",
            "$defs",
            "anyOf",
            "oneOf",
            "allOf",
            "const",
            "exclusiveMinimum",
            "exclusiveMaximum",
            "title",
        }
        assert not forbidden & node.keys()
        assert isinstance(node.get("type", "object"), str)
        if node.get("type") == "array":
            assert "items" in node
        if closed and node.get("type") == "object":
            assert node["additionalProperties"] is False
        for key, each in node.items():
            if key == "properties":
                for child in each.values():
                    walk(child, closed=closed)
            elif key == "items":
                walk(each, closed=closed)

    jsonschema.Draft202012Validator.check_schema(tool.input_schema)
    jsonschema.Draft202012Validator.check_schema(tool.output_schema)
    assert tool.input_schema["type"] == tool.output_schema["type"] == "object"
    walk(tool.input_schema, closed=True)
    walk(tool.output_schema, closed=False)


def test_the_checked_in_schemas_are_those_of_the_models() -> None:
    from asisso_mcp import schemas

    assert schemas.outdated_files(Path(__file__).parents[2] / "tool_schemas") == ([], [])


async def test_reading_a_campaign_says_what_it_does_and_how_it_is_set(client: Client) -> None:
    result = await ask(client, "get_campaign", campaign_id=3)
    assert not result.is_error
    assert text(result) == result.structured_content["summary"]
    assert text(result) == (
        'Campaign 3 "Spring promo" is running. Dialing: the last call began 8 s ago; calling hours: open now, closes 17:00 EST (in 7 h).\n'
        "Calling hours: Mon–Fri 09:00–17:00 America/New_York.\n"
        "Retries: up to 3 retries, 5 min apart, after busy, no answer and voicemail (which nothing is known to "
        "trigger).\n"
        "Concurrency: at most 3 calls at once.\n"
        "Circuit breaker: on: pauses the campaign when 40 % of at least 10 calls fail within 5 min.\n"
        "Progress: 120 of 240 queued calls made (50%; retries and failures are queued too); 240 contacts imported; 7 contacts not "
        "reached by the last retry.\n"
        'Workflow "Agent 1 – ヴォイス", telephony "Twilio US", created 2026-08-01 03:00 UTC, started 2026-08-02 12:00 UTC.\n'
        "Revision cbbde5c59e3f. To change settings: `update_campaign` with if_running."
    )


async def test_an_edit_of_a_running_campaign_is_refused_with_the_next_step_and_nothing_is_sent(
    client: Client, sandbox: Sandbox
) -> None:
    result = await ask(client, "update_campaign", campaign_id=3, retry_config={"max_retries": 5})
    assert result.is_error
    assert result.structured_content is None
    assert text(result) == (
        'Campaign 3 "Spring promo" is running; settings can only be changed while a campaign is paused or a draft, so nothing '
        'was changed. Next: this edit again with if_running="pause_and_resume", which pauses it, edits and resumes it; or `pause_campaign` with campaign_id=3, then this edit again, then `resume_campaign`.'
    )
    assert {request.method for request in sandbox.requests} == {"GET"}


@pytest.mark.parametrize("campaign_id", [14, 6])
async def test_a_completed_or_failed_campaign_is_refused_as_final(
    client: Client, sandbox: Sandbox, campaign_id: int
) -> None:
    result = await ask(client, "update_campaign", campaign_id=campaign_id, max_concurrency=2)
    assert result.is_error
    assert "which is final: its settings can no longer be changed, so nothing was changed." in text(result)
    assert patches(sandbox) == []


async def test_pausing_editing_undoing_and_resuming_leaves_the_campaign_as_it_was(
    client: Client, sandbox: Sandbox
) -> None:
    before = sandbox.campaign(3)
    paused = await ask(client, "pause_campaign", campaign_id=3)
    assert paused.structured_content["applied"] is True
    assert paused.structured_content["changes"] == [{"field": "state", "before": "running", "after": "paused"}]
    edit = {
        "campaign_id": 3,
        "name": "Spring promo 2",
        "max_concurrency": 2,
        "retry_config": {"max_retries": 5},
        "schedule_config": {"slots": NINE_TO_FOUR},
        "circuit_breaker": {"failure_threshold": 0.25},
    }
    preview = await ask(client, "update_campaign", **edit, dry_run=True)
    assert patches(sandbox) == []
    assert preview.structured_content["applied"] is False
    done = await ask(client, "update_campaign", **edit, expected_revision=preview.structured_content["revision"])
    assert done.structured_content["applied"] is True
    assert done.structured_content["changes"] == preview.structured_content["changes"]
    assert len(patches(sandbox)) == 1
    undone = await ask(client, done.structured_content["undo_tool"], **done.structured_content["undo"])
    assert undone.structured_content["revision"] == preview.structured_content["revision"]
    resumed = await ask(client, "resume_campaign", campaign_id=3)
    assert resumed.structured_content["state"] == "running"
    after = sandbox.campaign(3)
    for field in ("name", "state", "retry_config", "metadata"):
        assert after[field] == before[field]


async def test_the_text_of_an_edit_tells_the_outcome_the_changes_and_the_way_back(client: Client) -> None:
    result = await ask(client, "update_campaign", campaign_id=4, retry_config={"max_retries": 5}, name="Winter")
    lines = text(result).splitlines()
    assert lines[0] == 'Done: Campaign 4 "Winter" was changed.'
    assert lines[-1].startswith('Undo: `update_campaign` with {"campaign_id": 4, ')
    undo = json.loads(lines[-1].partition(" with ")[2])
    assert undo == result.structured_content["undo"]


async def test_an_edit_that_changes_nothing_says_so_and_sends_nothing(client: Client, sandbox: Sandbox) -> None:
    shown = (await ask(client, "get_campaign", campaign_id=4)).structured_content
    result = await ask(
        client,
        "update_campaign",
        campaign_id=4,
        retry_config=shown["retry_config"],
        max_concurrency=shown["max_concurrency"],
    )
    assert result.structured_content["applied"] is False
    assert "already has these settings, so nothing was changed." in text(result)
    assert patches(sandbox) == []


async def test_a_revision_that_moved_is_refused_with_what_changed_meanwhile(client: Client, sandbox: Sandbox) -> None:
    known = (await ask(client, "get_campaign", campaign_id=4)).structured_content["revision"]
    sandbox.put(4, name="Renamed by a colleague")
    result = await ask(client, "update_campaign", campaign_id=4, max_concurrency=2, expected_revision=known)
    assert result.is_error
    assert f'not "{known}", so nothing was changed. Changed meanwhile: name: ' in text(result)
    assert '→ "Renamed by a colleague".' in text(result)
    assert patches(sandbox) == []


async def test_pausing_and_resuming_twice_is_a_success_that_sends_nothing_the_second_time(
    client: Client, sandbox: Sandbox
) -> None:
    for tool, words in (
        ("pause_campaign", "is already paused, so nothing was changed"),
        ("resume_campaign", "is already running"),
    ):
        first = await ask(client, tool, campaign_id=3)
        second = await ask(client, tool, campaign_id=3)
        assert first.structured_content["applied"] is True
        assert second.structured_content["applied"] is False
        assert words in text(second)
    assert [request.method for request in sandbox.requests].count("POST") == 2


@pytest.mark.parametrize(
    ("tool", "campaign_id", "words"),
    [
        ("pause_campaign", 2, "is a draft: it was never started, so there is nothing to pause."),
        ("pause_campaign", 14, "is completed, which is final: it does not dial"),
        (
            "resume_campaign",
            2,
            "is a draft that was never started. A first start is done in Asisso itself",
        ),
        ("resume_campaign", 6, "is failed, which is final: it cannot be resumed."),
        ("get_campaign", 9999, "There is no campaign 9999 that this key can see."),
        ("get_campaign", 101, "There is no campaign 101 that this key can see."),
    ],
)
async def test_what_cannot_be_done_is_said_with_the_reason(
    client: Client, sandbox: Sandbox, tool: str, campaign_id: int, words: str
) -> None:
    result = await ask(client, tool, campaign_id=campaign_id)
    assert result.is_error
    assert words in text(result)
    assert all(request.method == "GET" for request in sandbox.requests)


async def test_an_unknown_tool_is_a_protocol_error_that_names_the_tools(client: Client) -> None:
    with pytest.raises(MCPError) as refusal:
        await client.call_tool("delete_campaign", {"campaign_id": 3})
    assert refusal.value.code == mcp_types.INVALID_PARAMS
    assert refusal.value.message == (
        "Unknown tool: delete_campaign. This server has list_campaigns, get_campaign, update_campaign, pause_campaign, "
        "resume_campaign."
    )


async def test_campaigns_are_found_by_a_part_of_their_name_and_by_state(client: Client) -> None:
    found = await ask(client, "list_campaigns", query="SPRING")
    assert [row["campaign_id"] for row in found.structured_content["campaigns"]] == [3]
    paused = await ask(client, "list_campaigns", state="paused", limit=1)
    assert len(paused.structured_content["campaigns"]) == 1
    assert paused.structured_content["matching"] > 1
    assert "more are not shown: narrow with `query` or `state`, or ask with a larger `limit`." in text(paused)
    nothing = await ask(client, "list_campaigns", query="no such name")
    assert text(nothing) == "No campaign matches (14 in all). Try another query or state."


async def test_without_a_key_the_tools_are_listed_and_a_call_says_what_to_set(sandbox: Sandbox) -> None:
    async with Client(build_server(Settings(), transport=sandbox.transport())) as client:
        assert len((await client.list_tools()).tools) == 5
        result = await ask(client, "list_campaigns")
    assert result.is_error
    assert text(result) == (
        'No Asisso API key is set, so nothing was sent. Set ASISSO_API_KEY where this server is configured (the host\'s "env" '
        "block) and restart it. To try everything without an account, start the server with --sandbox (or ASISSO_SANDBOX=1)."
    )
    assert sandbox.requests == []


async def test_a_read_only_server_offers_no_tool_that_writes(sandbox: Sandbox) -> None:
    settings = Settings(api_key=SETTINGS.api_key, read_only=True)
    async with Client(build_server(settings, transport=sandbox.transport())) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == ["list_campaigns", "get_campaign"]
        assert "This server was started read-only" in (client.instructions or "")
        with pytest.raises(MCPError) as refusal:
            await ask(client, "pause_campaign", campaign_id=3)
        assert refusal.value.message.startswith("pause_campaign is not offered here: this server only reads")
    assert sandbox.requests == []


async def test_a_server_for_certain_campaigns_touches_no_other(sandbox: Sandbox) -> None:
    settings = Settings(api_key=SETTINGS.api_key, campaigns=frozenset({4}))
    async with Client(build_server(settings, transport=sandbox.transport())) as client:
        refused = [
            await ask(client, tool, campaign_id=3, **more)
            for tool, more in (
                ("get_campaign", {}),
                ("pause_campaign", {}),
                ("resume_campaign", {}),
                ("update_campaign", {"max_concurrency": 2}),
            )
        ]
        assert all("started for certain campaigns only" in text(result) for result in refused)
        assert sandbox.requests == []
        listed = await ask(client, "list_campaigns")
        assert [row["campaign_id"] for row in listed.structured_content["campaigns"]] == [4]
