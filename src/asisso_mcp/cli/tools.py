"""`asisso-mcp tools [NAME]`: the tools, or one tool's arguments with what is allowed, for people in a terminal."""

import argparse

from asisso_mcp.campaigns.policy import Policy
from asisso_mcp.cli.invocation import invocation
from asisso_mcp.cli.options import UsageError, add_common_arguments, load_settings
from asisso_mcp.cli.terminal import BOLD, show
from asisso_mcp.tools.campaigns import TOOLS
from asisso_mcp.tools.parameters import parameters
from asisso_mcp.tools.registry import Registry, Tool

_EXAMPLES = {
    "list_campaigns": "state=running",
    "get_campaign": "campaign_id=3",
    "update_campaign": "campaign_id=4 retry_config.max_retries=5",
    "pause_campaign": "campaign_id=3",
    "resume_campaign": "campaign_id=4",
}
"""Arguments that work with the sandbox's campaigns."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `tools`."""
    tool = parser.add_argument("tool", metavar="NAME", nargs="?", help="such as update_campaign")
    tool.completer = lambda **_: [each.name for each in TOOLS]  # type: ignore[attr-defined]
    add_common_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Print what the settings here let a client see. Raises UsageError."""
    registry = Registry(TOOLS, Policy.of(load_settings(options)))
    if options.tool is None:
        for tool in registry:
            show(f"{tool.name:<16}  {tool.title} ({_kind(tool)})")
        show("\nThe arguments of one:")
        print(f"  {invocation()} tools update_campaign")
        return 0
    tool = registry.get(options.tool)
    if tool is None:
        raise UsageError(registry.unavailable_reason(options.tool))
    _show_tool(tool)
    return 0


def _show_tool(tool: Tool) -> None:
    show(f"{tool.name}: {tool.title} ({_kind(tool)})", BOLD)
    show(f"{tool.description}\n")
    rows = list(parameters(tool.input_schema))
    column = max(len(row.path) for row in rows)
    for row in rows:
        show(
            f"  {row.path:<{column}}  {row.allowed}{' (required)' if row.is_required and '[]' not in row.path else ''}"
        )
    show("\nTo try it, without an account:")
    print(f"  {invocation()} call {tool.name} {_EXAMPLES[tool.name]} --sandbox")


def _kind(tool: Tool) -> str:
    return "reads" if tool.hints.read_only else "phones can ring" if tool.hints.destructive else "writes"
