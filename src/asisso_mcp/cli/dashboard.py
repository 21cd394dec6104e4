"""`asisso-mcp dashboard`: campaigns in a browser, on loopback."""

import argparse
import socket
import sys
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import anyio
from anyio import to_thread

from asisso_mcp.api.errors import AsissoError
from asisso_mcp.campaigns.models import NotAllowed
from asisso_mcp.campaigns.policy import Policy
from asisso_mcp.cli.answers import CannotAnswer, answer, answerable, heading, question
from asisso_mcp.cli.journal import JournalUnreadable, describe, file_store, read_store
from asisso_mcp.cli.options import UsageError, add_common_arguments, load_settings
from asisso_mcp.cli.terminal import fail, show, warn
from asisso_mcp.cli.undo import CannotUndo, take_back
from asisso_mcp.config import Settings
from asisso_mcp.journal.entry import Answer, Entry
from asisso_mcp.journal.location import open_journal
from asisso_mcp.tools.campaigns import TOOLS
from asisso_mcp.tools.registry import Registry, ToolResult
from asisso_mcp.tools.services import TenantServices

T = TypeVar("T")

SHOWN_ENTRIES = 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `dashboard`."""
    parser.add_argument("--port", type=int, default=0, metavar="N", help="of 127.0.0.1; default: any that is free")
    parser.add_argument("--no-open", action="store_true", help="print the address and open no browser")
    add_common_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C. Returns 1 when the port cannot be had. Raises UsageError."""
    if not 0 <= options.port <= 65535:
        raise UsageError(
            f"--port is {options.port}; it must be a whole number from 1 to 65535, or 0 for any that is free."
        )
    settings = load_settings(options)
    with socket.socket() as listener:
        if sys.platform != "win32":  # there it would let another process take the port over
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", options.port))
        except OSError as problem:
            return fail(
                f"Port {options.port} of 127.0.0.1 cannot be had ({problem.strerror}). Name another with --port."
            )
        with suppress(KeyboardInterrupt):
            anyio.run(_serve, listener, settings, not options.no_open)
    return 0


async def _serve(listener: socket.socket, settings: Settings, opens: bool) -> None:
    import uvicorn

    from asisso_mcp.app.access import Access
    from asisso_mcp.app.dashboard import build_dashboard

    access = Access(listener.getsockname()[1])
    services = TenantServices(settings, journal=open_journal(settings, by_default=True, warn=warn))
    registry = Registry(TOOLS, Policy.of(settings))
    app = build_dashboard(
        services,
        registry,
        access,
        journal=journal_access(settings, services, registry),
        on_opened=lambda: show(f"Opened. For another browser: {access.address}"),
    )
    show(f"Dashboard: {access.address}\nThe address works once. Ctrl-C ends it.")
    sys.stdout.flush()
    if opens:
        await to_thread.run_sync(webbrowser.open, access.address)
    config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, proxy_headers=False)
    await uvicorn.Server(config).serve(sockets=[listener])


def journal_access(settings: Settings, services: TenantServices, registry: Registry) -> Any:
    """The journal's file for the dashboard; None where there is none."""
    from asisso_mcp.app.dashboard import JournalAccess

    try:
        file_store(settings)
    except UsageError:
        return None

    def newest() -> list[Entry]:
        return read_store(settings, lambda store: store.last(SHOWN_ENTRIES)[1][::-1], [])

    def find(entry_id: str) -> Entry:
        entry: Entry | None = read_store(settings, lambda store: store.find(entry_id), None)
        if entry is None:
            raise CannotUndo(f"That entry is no longer in the journal {file_store(settings)[1]}.")
        return entry

    async def entries() -> list[dict[str, Any]]:
        return [
            {
                "id": entry.id,
                "lines": describe(entry),
                "can_undo": entry.undo_tool is not None and entry.undo is not None,
                "undo_rings": entry.undo_tool == "resume_campaign" or "if_running" in (entry.undo or {}),
            }
            for entry in await _in_thread(newest)
        ]

    async def waiting() -> list[dict[str, Any]]:
        return [
            {
                "id": entry.id,
                "heading": heading(entry),
                "question": question(entry),
                "is_approved": entry.outcome == "approved",
                "can_approve": entry.outcome == "waiting" and not settings.read_only,
                "expires": entry.expires.isoformat(),
            }
            for entry in await _in_thread(lambda: answerable(settings))
        ]

    async def undo(entry_id: str) -> ToolResult:
        entry = await _in_thread(lambda: find(entry_id))
        try:
            return await take_back(entry, services, registry)
        except (CannotUndo, AsissoError, NotAllowed) as refusal:
            raise ValueError(str(refusal)) from None

    async def answer_entry(entry_id: str, told: Answer) -> str:
        if told == "approved" and settings.read_only:
            raise ValueError("This dashboard only reads (--read-only, ASISSO_READ_ONLY), so it approves nothing.")
        return await _in_thread(lambda: answer(entry_id, settings, told))

    return JournalAccess(entries, waiting, undo, answer_entry)


async def _in_thread(work: Callable[[], T]) -> T:
    """What it returns; its refusals as ValueError."""
    try:
        return await to_thread.run_sync(work)
    except (CannotAnswer, CannotUndo, JournalUnreadable) as refusal:
        raise ValueError(str(refusal)) from None
