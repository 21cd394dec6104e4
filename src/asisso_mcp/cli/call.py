"""`asisso-mcp call`: one tool call from the terminal."""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import anyio

from asisso_mcp.campaigns.policy import Policy
from asisso_mcp.campaigns.schedule import Schedule, parse_slots
from asisso_mcp.campaigns.week_picture import draw_week
from asisso_mcp.cli.arguments import parse_arguments
from asisso_mcp.cli.confirm import terminal_ask
from asisso_mcp.cli.options import (
    FORGETS,
    UsageError,
    add_common_arguments,
    add_db_argument,
    load_settings,
    require_credentials,
)
from asisso_mcp.cli.terminal import BOLD, RED, YELLOW, fail, show, warn
from asisso_mcp.config import Settings, SettingsError
from asisso_mcp.journal.location import open_journal
from asisso_mcp.tools.campaigns import TOOLS
from asisso_mcp.tools.registry import Registry, Tool
from asisso_mcp.tools.services import TenantServices


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `call`, and what a shell may complete them with."""
    tool = parser.add_argument("tool", metavar="TOOL", help="such as get_campaign")
    arguments = parser.add_argument(
        "arguments",
        metavar="key=value",
        nargs="*",
        default=[],
        help="such as campaign_id=3 or retry_config.max_retries=5; a value may be JSON",
    )
    parser.add_argument(
        "--json", action="store_true", help='print the structured result, or {"error": …}, instead of the text'
    )
    add_db_argument(parser)
    parser.add_argument("--week", action="store_true", help="with get_campaign: the calling hours as eight lines, too")
    add_common_arguments(parser)
    tool.completer = lambda **_: [each.name for each in TOOLS]  # type: ignore[attr-defined]
    arguments.completer = _complete_argument  # type: ignore[attr-defined]


def run(options: argparse.Namespace) -> int:
    """Make the call. Returns 1 when the tool answers an error. Raises UsageError, SettingsError; with --json prints them."""
    try:
        return _run(options)
    except (UsageError, SettingsError) as problem:
        if not options.json:
            raise
        _print_error(str(problem))
        return 2


def _run(options: argparse.Namespace) -> int:
    settings = load_settings(options)
    registry = Registry(TOOLS, Policy.of(settings))
    tool = registry.get(options.tool)
    if tool is None:
        raise UsageError(registry.unavailable_reason(options.tool))
    if options.week and (tool.name != "get_campaign" or options.json):
        raise UsageError(
            "--week draws the calling hours below the text of get_campaign; it goes with no other tool, nor with --json."
        )
    arguments = parse_arguments(options.arguments, tool.input_schema)
    require_credentials(settings)
    try:
        return anyio.run(partial(_call, tool, arguments, settings, as_json=options.json, week=options.week))
    except asyncio.CancelledError:
        return 128 + signal.SIGTERM


async def _call(tool: Tool, arguments: Mapping[str, Any], settings: Settings, *, as_json: bool, week: bool) -> int:
    """Call and print the answer; whoever interrupts it learns what became of a write."""
    outcomes: list[str] = []
    journal = open_journal(settings, by_default=True, warn=warn)
    services = TenantServices(settings, tell=outcomes.append, journal=journal)
    if sys.platform != "win32" and (task := asyncio.current_task()) is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        answer = await tool.call(arguments, services.call(ask=terminal_ask()))
    except asyncio.CancelledError:
        try:
            await services.close()
        finally:  # a second signal may end the wait
            for outcome in outcomes:
                fail(outcome)
            if not outcomes and not services.in_flight():
                fail("interrupted; nothing was changed.")
        raise
    await services.close()
    if not as_json:
        show(answer.text, RED if answer.is_error else BOLD)
    elif answer.structure is None:
        _print_error(answer.text)
    else:
        print(json.dumps(answer.structure, indent=2))
    if week and answer.structure is not None:
        print(f"\n{draw_week(_schedule_of(answer.structure))}")
    if settings.sandbox and settings.sandbox_db is None and (answer.structure or {}).get("applied"):
        show(FORGETS, YELLOW, sys.stderr)
    return int(answer.is_error)


def _schedule_of(campaign: Mapping[str, Any]) -> Schedule | None:
    """The calling hours in the structured result of get_campaign."""
    section = campaign.get("schedule_config")
    if not isinstance(section, Mapping):
        return None
    zone = section.get("timezone")
    return Schedule(bool(section.get("enabled")), str(zone or ""), parse_slots(section.get("slots")))


def _print_error(text: str) -> None:
    print(json.dumps({"error": text}, indent=2, ensure_ascii=False))


def _complete_argument(parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    """`name=`, `section.name=`, or `name=value` where the values are known."""
    return [
        each
        for tool in TOOLS
        if tool.name == parsed_args.tool
        for each in _completions(tool.input_schema["properties"])
    ]


def _completions(properties: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, schema in properties.items():
        values = schema.get("enum", ("true", "false") if schema["type"] == "boolean" else ("",))
        yield from (f"{prefix}{name}={value}" for value in values)
        yield from _completions(schema.get("properties", {}), f"{prefix}{name}.")
