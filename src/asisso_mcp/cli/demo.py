"""`asisso-mcp demo`: a conversation between a real MCP client and this server over the built-in sandbox."""

import argparse
import sys
from collections.abc import Callable
from typing import Any

import anyio
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp_types import TextContent

from asisso_mcp.cli.invocation import invocation
from asisso_mcp.cli.terminal import BOLD, YELLOW, fail, show
from asisso_mcp.sanitize import safe_json

CAMPAIGN = 3
EDIT: dict[str, Any] = {"retry_config": {"max_retries": 5}, "schedule_config": {"timezone": "America/Chicago"}}


class DemoFailed(Exception):
    """The conversation did not go as it should."""


def add_arguments(_: argparse.ArgumentParser) -> None:
    """`demo` has no arguments."""


def run(_: argparse.Namespace) -> int:
    """Hold the conversation and print it. Returns 1 when it did not go as it should."""
    code = 0
    try:
        anyio.run(_talk_over_stdio)
    except* DemoFailed as failures:
        code = fail(failures.exceptions[0])
    return code


async def _talk_over_stdio() -> None:
    """Start `asisso-mcp serve --sandbox` as a host would, and talk to it."""
    launch = StdioServerParameters(
        command=sys.executable, args=["-m", "asisso_mcp", "serve", "--sandbox"], env={"ASISSO_JOURNAL": "off"}
    )
    show("Starting: asisso-mcp serve --sandbox (built-in API: no key, no network)\n")
    async with Client(launch) as client:
        await converse(client, _show)
    program = invocation()
    show("\nYour turn, with the same example campaigns:")
    print(f"  {program} call get_campaign campaign_id=3 --sandbox")
    show("In your assistant (without --sandbox: with campaigns of your own):")
    print(f"  {program} install --sandbox")


async def converse(client: Client, out: Callable[[str], None]) -> None:
    """List, read, be refused, pause, preview, edit, undo, resume. Raises DemoFailed when an answer is not as it should be."""
    tools = await client.list_tools()
    out(f"Tools: {', '.join(tool.name for tool in tools.tools)}")

    async def call(tool: str, *, refused: bool = False, **arguments: Any) -> dict[str, Any]:
        out("")
        out(f"> {tool} {' '.join(f'{name}={safe_json(value)}' for name, value in arguments.items())}")
        result = await client.call_tool(tool, arguments)
        text = "\n".join(block.text for block in result.content if isinstance(block, TextContent))
        out("\n".join(f"  {line}" for line in (f"refused: {text}" if result.is_error else text).splitlines()))
        if result.is_error is not refused:
            raise DemoFailed(f"{tool} {'was not refused' if refused else 'failed'}: {text}")
        return dict(result.structured_content or {})

    await call("list_campaigns", state="running")
    await call("get_campaign", campaign_id=CAMPAIGN)
    await call("update_campaign", refused=True, campaign_id=CAMPAIGN, **EDIT)
    await call("pause_campaign", campaign_id=CAMPAIGN)
    preview = await call("update_campaign", campaign_id=CAMPAIGN, **EDIT, dry_run=True)
    revision = preview["revision"]
    edited = await call("update_campaign", campaign_id=CAMPAIGN, **EDIT, expected_revision=revision)
    undone = await call(edited["undo_tool"], **edited["undo"])
    if undone["revision"] != revision:
        raise DemoFailed("The undo did not restore the settings.")
    out("")
    out("The undo restored every setting: the revision is the one from before the edit.")
    await call("resume_campaign", campaign_id=CAMPAIGN)


def _show(text: str) -> None:
    show(text, BOLD if text.startswith("> ") else YELLOW if text.startswith("  refused: ") else "")
