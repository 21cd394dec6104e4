"""`asisso-mcp undo ENTRY`: takes back what an entry of the journal tells, through the same limits and checks as a tool call."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import anyio

from asisso_mcp.api.errors import AsissoError
from asisso_mcp.api.models import EDITABLE, SECTIONS, Campaign
from asisso_mcp.campaigns.breaker import is_ambiguous
from asisso_mcp.campaigns.formatting import describe_change
from asisso_mcp.campaigns.models import Change, NotAllowed, json_equal
from asisso_mcp.campaigns.policy import Policy
from asisso_mcp.campaigns.revisions import revision
from asisso_mcp.campaigns.write_journal import shown
from asisso_mcp.cli.confirm import terminal_ask
from asisso_mcp.cli.journal import JournalUnreadable, file_store, read_store
from asisso_mcp.cli.options import FORGETS, add_common_arguments, add_db_argument, load_settings, require_credentials
from asisso_mcp.cli.terminal import BOLD, RED, YELLOW, fail, show, warn
from asisso_mcp.config import Settings
from asisso_mcp.journal.entry import ASKED, Entry
from asisso_mcp.journal.location import open_journal
from asisso_mcp.sanitize import quoted, single_line
from asisso_mcp.tools.campaigns import TOOLS
from asisso_mcp.tools.confirmation import Ask
from asisso_mcp.tools.registry import Registry, ToolResult
from asisso_mcp.tools.services import TenantServices


class CannotUndo(Exception):
    """The entry is not taken back; the message says why."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `undo`."""
    parser.add_argument("entry", metavar="ENTRY", help="its id, as `asisso-mcp journal` shows it")
    add_db_argument(parser)
    add_common_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Take it back, if what it changed is still as it left it. Returns 1 when not. Raises UsageError."""
    settings = load_settings(options)
    try:
        entry: Entry | None = read_store(settings, lambda store: store.find(options.entry), None)
    except JournalUnreadable as problem:
        return fail(problem)
    if entry is None:
        _, place = file_store(settings)
        return fail(
            f"There is no entry {quoted(options.entry, 20)} in the journal {place}. `asisso-mcp journal` lists them."
        )
    require_credentials(settings)
    code = anyio.run(_undo, entry, settings)
    if settings.sandbox and settings.sandbox_db is None:
        show(FORGETS, YELLOW, sys.stderr)
    return code


async def _undo(entry: Entry, settings: Settings) -> int:
    services = TenantServices(settings, journal=open_journal(settings, by_default=True, warn=warn))
    try:
        answer = await take_back(entry, services, Registry(TOOLS, Policy.of(settings)), terminal_ask())
    except (CannotUndo, AsissoError, NotAllowed) as refusal:
        return fail(refusal)
    finally:
        await services.close()
    show(answer.text, RED if answer.is_error else BOLD)
    return int(answer.is_error)


async def take_back(entry: Entry, services: TenantServices, registry: Registry, ask: Ask | None = None) -> ToolResult:
    """What `undo_tool` answered, or that nothing is left to put back. `ask`: a person, where one has to confirm it.

    Raises CannotUndo, AsissoError or NotAllowed.
    """
    arguments = _undo_arguments(entry, services)
    tool = registry.get(entry.undo_tool or "")
    if tool is None:
        raise CannotUndo(registry.unavailable_reason(entry.undo_tool or ""))
    context = services.call(undo_of=entry.id, ask=ask)
    campaign = await context.service.get(entry.campaign_id)
    if not _is_to_do(entry, campaign):
        text = f"Nothing was sent: campaign {campaign.id} is as it was before entry {entry.id} already."
        return ToolResult(text, {"summary": text})
    if tool.name == "update_campaign":  # whoever writes between that reading and the next is not overwritten
        arguments["expected_revision"] = revision(campaign.settings())
    return await tool.call(arguments, context)


def _undo_arguments(entry: Entry, services: TenantServices) -> dict[str, Any]:
    """The arguments of `undo_tool`. Raises CannotUndo when the entry is not for this account, or has no way back."""
    if entry.origin != services.origin:
        raise CannotUndo(
            f"Entry {entry.id} was sent to {single_line(entry.origin)}, and this is configured for {services.origin} "
            "(ASISSO_BASE_URL, --sandbox). Nothing was sent."
        )
    if entry.account != services.account():
        raise CannotUndo(
            f"Entry {entry.id} was made with another key or token than the one that is set here, perhaps for another account. "
            "Nothing was sent."
        )
    if entry.outcome in ("refused", "not sent", "not applied", *ASKED):
        raise CannotUndo(f"Entry {entry.id} changed nothing ({entry.outcome}), so there is nothing to undo.")
    if entry.undo_tool is None or entry.undo is None:
        raise CannotUndo(
            f"Entry {entry.id} has no undo: what it changed cannot be put back by this API. Nothing was sent."
        )
    if "state" in entry.intended and entry.before is None and entry.outcome != "applied":
        raise CannotUndo(
            f"The campaign could not be read before entry {entry.id}, and whether that changed anything is not known. Nothing was sent: "
            f"look with `get_campaign`, then use `{entry.undo_tool}` if it is to dial."
        )
    return dict(entry.undo)


def _is_to_do(entry: Entry, campaign: Campaign) -> bool:
    """Whether something is left to put back. Raises CannotUndo when a leaf that it would restore has changed since."""
    now = shown(campaign)
    left = entry.after if entry.after is not None and entry.outcome != "unknown" else entry.intended
    restored = {"state": (entry.before or {}).get("state")} if "state" in entry.intended else entry.undo or {}
    # A breaker that was never set and is on looks as one that is off: that it is shown as before says nothing.
    changed, is_as_before = [], not ("circuit_breaker" in restored and is_ambiguous(entry.before or {}))
    for path in _leaves({name: value for name, value in restored.items() if name in ("state", *EDITABLE)}):
        was, found, before = (_leaf(each, path) for each in (left, now, entry.before or {}))
        if not json_equal(found, before):
            is_as_before = False
        if not json_equal(found, was):
            changed.append(describe_change(Change(path, was, found)))
    if changed and not is_as_before:
        left_it = "left it" if entry.outcome in ("applied", "partly applied") else "was to leave it"
        raise CannotUndo(
            f"Nothing was sent: campaign {campaign.id} {quoted(campaign.name)} is no longer as entry {entry.id} {left_it}, and an undo "
            f"would overwrite that. Changed since: {'; '.join(changed)}."
        )
    return not is_as_before


def _leaves(restored: Mapping[str, Any]) -> Iterator[str]:
    for name, value in restored.items():
        yield from (f"{name}.{leaf}" for leaf in value) if name in SECTIONS else (name,)


def _leaf(values: Mapping[str, Any], path: str) -> Any:
    section, _, leaf = path.partition(".")
    value = values.get(section)
    return value.get(leaf) if leaf and isinstance(value, Mapping) else None if leaf else value
