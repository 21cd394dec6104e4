"""The conversation that `asisso-mcp demo` prints: a real MCP client, this server, the built-in sandbox."""

import sys
from collections.abc import Callable
from typing import Any

import mcp_types
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters

Print = Callable[[str], None]

CAMPAIGN = 3
EDIT: dict[str, Any] = {"retry_config": {"max_retries": 5}, "schedule_config": {"timezone": "America/Chicago"}}


class DemoFailed(Exception):
    """The conversation did not go as it should."""


async def run(out: Print = print) -> None:
    """Start `asisso-mcp serve --sandbox` as a host would, and talk to it over stdio."""
    launch = StdioServerParameters(command=sys.executable, args=["-m", "asisso_mcp", "serve", "--sandbox"])
    out("Starting: asisso-mcp serve --sandbox   (built-in API: no key, no network, no phone rings)\n")
    async with Client(launch) as client:
        await converse(client, out)
    out("\nThe same with your campaigns: set ASISSO_API_KEY and let your assistant's host start asisso-mcp (README).")


async def converse(client: Client, out: Print) -> None:
    """List, read, be refused, pause, preview, edit, undo, resume. Raises DemoFailed when an answer is not as it should be."""
    tools = await client.list_tools()
    out(f"Tools: {', '.join(tool.name for tool in tools.tools)}")

    async def call(tool: str, *, refused: bool = False, **arguments: Any) -> dict[str, Any]:
        out(f"\n> {tool} {_arguments(arguments)}")
        result = await client.call_tool(tool, arguments)
        text = "\n".join(block.text for block in result.content if isinstance(block, mcp_types.TextContent))
        out(_indented(f"refused: {text}" if result.is_error else text))
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
    out("\nThe undo restored every setting: the revision is the one from before the edit.")
    await call("resume_campaign", campaign_id=CAMPAIGN)


def _arguments(arguments: dict[str, Any]) -> str:
    from asisso_mcp.sanitize import safe_json

    return " ".join(f"{name}={safe_json(value)}" for name, value in arguments.items())


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
