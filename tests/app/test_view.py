"""The view as the server declares and serves it, without a browser."""

import re
from typing import Literal

import pytest
from mcp.client import Client
from mcp_types import TextResourceContents

from asisso_mcp.sandbox import Sandbox
from asisso_mcp.server.app import build_server
from asisso_mcp.server.view import VIEW_URI, source_hash, view_html, view_parts
from tests.conftest import MONDAY, SETTINGS

UI = {"io.modelcontextprotocol/ui": {"mimeTypes": ["text/html;profile=mcp-app"]}}


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_every_tool_declares_the_view_and_the_view_is_read_as_an_app_without_network(
    sandbox: Sandbox, mode: Literal["auto", "legacy"]
) -> None:
    async with Client(build_server(SETTINGS, transport=sandbox.transport()), mode=mode) as client:
        tools = (await client.list_tools()).tools
        assert [tool.meta for tool in tools] == [{"ui": {"resourceUri": "ui://asisso/campaigns"}}] * 5
        (view,) = (await client.read_resource(VIEW_URI)).contents
    assert isinstance(view, TextResourceContents)
    assert (view.uri, view.mime_type) == ("ui://asisso/campaigns", "text/html;profile=mcp-app")
    assert view.meta == {"ui": {"csp": {"connectDomains": [], "resourceDomains": []}, "prefersBorder": True}}
    assert view.text == view_html()


async def test_a_client_learns_that_the_server_has_apps(sandbox: Sandbox) -> None:
    async with Client(build_server(SETTINGS, transport=sandbox.transport()), mode="auto") as client:
        assert client.server_capabilities.extensions == UI


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_view_changes_neither_the_resources_that_are_listed_nor_a_word_of_an_answer(
    sandbox: Sandbox, mode: Literal["auto", "legacy"]
) -> None:
    async with Client(build_server(SETTINGS, transport=sandbox.transport(), clock=lambda: MONDAY), mode=mode) as client:
        listed = [resource.uri for resource in (await client.list_resources()).resources]
        answer = await client.call_tool("get_campaign", {"campaign_id": 3})
    assert listed == ["asisso://campaigns"]
    assert answer.meta is None or "ui" not in answer.meta
    assert [block.type for block in answer.content] == ["text"]


def test_the_document_is_at_most_60_kb() -> None:
    assert len(view_html().encode()) <= 60_000


def test_the_policy_of_the_document_lets_its_own_style_and_script_run_and_nothing_else() -> None:
    style, script = map(source_hash, view_parts())
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', view_html())
    assert policy == (
        f"default-src 'none'; style-src {style}; script-src {script}; base-uri 'none'; form-action 'none'"
    )
    assert re.findall(r"<style>(.*)</style>", view_html(), re.DOTALL) == [view_parts()[0]]
    assert re.findall(r"<script>(.*)</script>", view_html(), re.DOTALL) == [view_parts()[1]]


def test_the_document_names_no_address_and_makes_no_element_from_a_text() -> None:
    for forbidden in (
        "http:",
        "https:",
        "//cdn",
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "eval(",
        "document.write",
    ):
        assert forbidden not in view_html(), forbidden
