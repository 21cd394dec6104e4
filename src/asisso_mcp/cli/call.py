"""`asisso-mcp call`: one tool call from the terminal."""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import anyio

from asisso_mcp.campaigns.policy import Policy
from asisso_mcp.campaigns.schedule import Schedule, parse_slots
from asisso_mcp.campaigns.week_picture import draw_week
from asisso_mcp.cli.options import UsageError, add_common_arguments, load_settings
from asisso_mcp.cli.terminal import BOLD, RED, fail, show, warn
from asisso_mcp.config import Settings
from asisso_mcp.journal.location import open_journal
from asisso_mcp.tools.campaigns import TOOLS
from asisso_mcp.tools.registry import Registry, Tool
from asisso_mcp.tools.services import TenantServices


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `call`, and what a shell may complete them with."""
    tool = parser.add_argument("tool", metavar="TOOL", help="such as get_campaign")
    arguments = parser.add_argument(
        "arguments", metavar="key=value", nargs="*", default=[], help="JSON values are understood: campaign_id=3"
    )
    parser.add_argument("--json", action="store_true", help="print the structured result instead of the text")
    parser.add_argument("--week", action="store_true", help="with get_campaign: the calling hours as eight lines, too")
    add_common_arguments(parser)
    tool.completer = lambda **_: [each.name for each in TOOLS]  # type: ignore[attr-defined]
    arguments.completer = _complete_argument  # type: ignore[attr-defined]


def run(options: argparse.Namespace) -> int:
    """Make the call. Returns 1 when the tool answers an error. Raises UsageError."""
    settings = load_settings(options)
    registry = Registry(TOOLS, Policy.of(settings))
    tool = registry.get(options.tool)
    if tool is None:
        raise UsageError(registry.unavailable_reason(options.tool))
    if options.week and (tool.name != "get_campaign" or options.json):
        raise UsageError(
            "--week draws the calling hours below the text of get_campaign; it goes with no other tool, nor with --json."
        )
    arguments = parse_arguments(options.arguments, tool.input_schema["properties"])
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
        answer = await tool.call(arguments, services.call())
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
    if as_json and answer.structure is not None:
        print(json.dumps(answer.structure, indent=2))
    else:
        show(answer.text, RED if answer.is_error else BOLD)
    if week and answer.structure is not None:
        print(f"\n{draw_week(_schedule_of(answer.structure))}")
    return int(answer.is_error)


def _schedule_of(campaign: Mapping[str, Any]) -> Schedule | None:
    """The calling hours in the structured result of get_campaign."""
    section = campaign.get("schedule_config")
    if not isinstance(section, Mapping):
        return None
    zone = section.get("timezone")
    return Schedule(bool(section.get("enabled")), str(zone or ""), parse_slots(section.get("slots")))


def parse_arguments(pairs: Iterable[str], properties: Mapping[str, Any]) -> dict[str, Any]:
    """`key=value` as arguments of a tool with these properties. Raises UsageError."""
    arguments: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"{pair!r} is not of the form key=value.")
        if name in arguments:
            raise UsageError(f"{name} was given twice; which one is meant?")
        is_text = properties.get(name, {}).get("type") == "string"
        if is_text and value.strip() == "null":
            raise UsageError(f"{name}=null names nothing: leave {name} out, or write {name}='\"null\"' for that text.")
        # A text is itself, unless it stands in JSON's quotes.
        arguments[name] = value if is_text and not value.startswith('"') else _json_or_text(name, value)
    return arguments


def _json_or_text(name: str, value: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        for key in keys:
            if keys.count(key) > 1:
                raise UsageError(f"{key} was given twice within {name}; which one is meant?")
        return dict(pairs)

    try:
        return json.loads(value, object_pairs_hook=unique)
    except (ValueError, RecursionError):
        return value


def _complete_argument(parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    """`name=`, or `name=value` where the values are known."""
    return [
        f"{name}={value}"
        for tool in TOOLS
        if tool.name == parsed_args.tool
        for name, schema in tool.input_schema["properties"].items()
        for value in schema.get("enum", ("true", "false") if schema["type"] == "boolean" else ("",))
    ]
