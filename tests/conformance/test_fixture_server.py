"""What the fixtures add leaves the product as it is, and goes through the product's own checks."""

from collections.abc import AsyncIterator
from typing import Any, Literal

import pytest
from mcp import MCPError
from mcp.client import Client
from mcp_types import ElicitRequestParams, ElicitResult, TextContent

from asisso_mcp.config import Settings
from asisso_mcp.sandbox import Sandbox
from asisso_mcp.server.app import build_server
from asisso_mcp.tools.campaigns import TOOLS
from tests.conformance.fixture_server import WITH_FIXTURES, add_fixtures
from tests.conftest import MONDAY, SETTINGS
from tests.http.served import ERAS, Served, connected


async def a_name(_: Any, __: ElicitRequestParams) -> ElicitResult:
    return ElicitResult(action="accept", content={"name": "Ada"})


@pytest.fixture(params=["auto", "legacy"])
async def client(request: pytest.FixtureRequest, sandbox: Sandbox) -> AsyncIterator[Client]:
    server = build_server(SETTINGS, transport=sandbox.transport(), clock=lambda: MONDAY, tools=WITH_FIXTURES)
    add_fixtures(server)
    mode: Literal["auto", "legacy"] = request.param
    async with Client(server, mode=mode, elicitation_callback=a_name) as connected:
        yield connected


async def test_the_products_tools_stand_first_as_they_are(client: Client, sandbox: Sandbox) -> None:
    async with Client(build_server(SETTINGS, transport=sandbox.transport())) as plain:
        alone = (await plain.list_tools()).tools
    listed = (await client.list_tools()).tools
    assert listed[: len(TOOLS)] == alone
    assert [tool.name for tool in listed] == [tool.name for tool in WITH_FIXTURES]


async def test_a_tool_answers_with_content_of_any_kind_and_without_structure(client: Client) -> None:
    answer = await client.call_tool("test_multiple_content_types", {})
    assert [block.type for block in answer.content] == ["text", "image", "resource"]
    assert answer.structured_content is None
    assert not answer.is_error


async def test_its_arguments_are_checked_by_the_registry(client: Client) -> None:
    answer = await client.call_tool("test_sampling", {"promt": "Hello"})
    assert answer.is_error
    assert answer.content == [
        TextContent(
            text="Nothing was sent, because 2 arguments of test_sampling do not fit:\n"
            "- prompt is missing; it must be text.\n"
            "- promt is not an argument; did you mean prompt? Valid here: prompt."
        )
    ]


async def test_an_error_of_the_protocol_reaches_the_client_as_one(client: Client) -> None:
    with pytest.raises(MCPError) as refused:
        await client.call_tool("test_missing_capability", {})
    assert refused.value.code == -32021


async def test_the_products_resources_and_prompts_are_still_there(client: Client) -> None:
    assert "asisso://campaigns" in [str(each.uri) for each in (await client.list_resources()).resources]
    assert "review_campaign" in [each.name for each in (await client.list_prompts()).prompts]
    assert len((await client.read_resource("asisso://campaigns")).contents) == 2
    assert (await client.get_prompt("review_campaign", {"campaign_id": "3"})).messages


async def test_in_2026_an_answer_may_be_a_question(sandbox: Sandbox) -> None:
    server = build_server(SETTINGS, transport=sandbox.transport(), tools=WITH_FIXTURES)
    add_fixtures(server)
    async with Client(server, elicitation_callback=a_name) as client:
        answer = await client.call_tool("test_input_required_result_elicitation", {})
    assert answer.content == [TextContent(text="Hello, Ada!")]


async def test_a_server_that_only_reads_withholds_what_writes_of_the_tools_that_it_is_given() -> None:
    async with Client(build_server(Settings(read_only=True), tools=WITH_FIXTURES)) as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
    assert names == [tool.name for tool in WITH_FIXTURES if tool.hints.read_only]
    assert "update_campaign" not in names


@pytest.mark.parametrize("era", ERAS)
async def test_what_is_added_to_a_sites_server_takes_part_in_its_requests(era: str) -> None:
    with Served(SETTINGS, tools=WITH_FIXTURES) as served:
        add_fixtures(served.app.server)
        async with connected(served.url, era) as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == [tool.name for tool in WITH_FIXTURES]
            answer = await client.read_resource("test://static-text")
    assert [str(each.uri) for each in answer.contents] == ["test://static-text"]
