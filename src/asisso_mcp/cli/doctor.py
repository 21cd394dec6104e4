"""`asisso-mcp doctor`: what is configured (never the key), whether the API answers, what is wrong and what to do."""

import argparse
from dataclasses import replace

import anyio

from asisso_mcp.api.client import AsissoClient
from asisso_mcp.api.errors import AsissoError, KeyMissing
from asisso_mcp.api.transport import ApiTransport
from asisso_mcp.campaigns.policy import Policy
from asisso_mcp.cli.options import NO_KEY, add_common_arguments, load_settings
from asisso_mcp.cli.terminal import GREEN, RED, YELLOW, show
from asisso_mcp.config import Settings
from asisso_mcp.journal.errors import JournalUnavailable
from asisso_mcp.journal.location import journal_file, open_journal
from asisso_mcp.sanitize import single_line
from asisso_mcp.tools.services import with_sandbox


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `doctor`."""
    add_common_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Print a line for each finding. Returns 1 when something is to be done."""
    return anyio.run(_run_checks, load_settings(options, print_warnings=False))


async def _run_checks(settings: Settings) -> int:
    ids = ", ".join(map(str, sorted(settings.campaigns or ())))
    show(f"API      {'built-in sandbox' if settings.sandbox else settings.base_url}")
    show(f"key      {_credentials(settings)}")
    show(f"timeout  {settings.timeout:g} s for one request")
    show(f"proxy    {'set (ASISSO_PROXY)' if settings.proxy else 'none of its own'}")
    show("CA file  " + ("set (ASISSO_CA_FILE)" if settings.ca_file else "the system's certificates"))
    show(
        f"may      read {'only' if settings.read_only else 'and write'}, {f'only campaigns {ids}' if ids else 'all campaigns of the key'}"
    )
    if limits := replace(Policy.of(settings), campaigns=None).describe():
        show(f"limits   {'; '.join(limits)}")
    show(f"journal  {_journal(settings)}")
    if settings.confirm != "never" and journal_file(settings) is None:
        show("confirm  no journal in a file: where a host cannot ask a person, the change is refused", YELLOW)
    for warning in settings.warnings:
        show(f"unknown  {warning}", YELLOW)
    settings, sandbox = with_sandbox(settings) if settings.sandbox else (settings, None)
    transport = ApiTransport(settings, transport=sandbox)
    problems: list[str] = []
    if (journal := open_journal(settings, by_default=True, warn=problems.append)) is not None:
        try:
            journal.check()
        except JournalUnavailable as unavailable:
            problems.append(str(unavailable))
        journal.close()
    for problem in problems:
        show(f"problem  {problem}", RED)
    try:
        await _check_health(transport)
        campaigns = await AsissoClient(transport, settings).list_campaigns()
    except AsissoError as fault:
        show(f"problem  {NO_KEY if isinstance(fault, KeyMissing) else fault.text}", RED)
        return 1
    finally:
        await transport.aclose()
    show(f"access   the key is accepted and sees {len(campaigns)} campaign{'' if len(campaigns) == 1 else 's'}")
    if problems:
        return 1
    show("Ready.", GREEN)
    return 0


async def _check_health(transport: ApiTransport) -> None:
    """Ask the route that needs no key, so that a wrong address shows before a wrong key."""
    response = await transport.send("GET", "/health", headers={})
    try:
        health = response.json() if response.status == 200 else None
    except ValueError:
        return
    if isinstance(health, dict):
        version = single_line(health.get("version", ""), 20)
        show(f"answer   the API is there{f', version {version}' if version else ''}")


def _journal(settings: Settings) -> str:
    """Where entries go on stdio and from commands."""
    if settings.journal == "otel":
        return "OpenTelemetry logs (ASISSO_JOURNAL)"
    file = journal_file(settings)
    return "off (ASISSO_JOURNAL)" if file is None else single_line(file)


def _credentials(settings: Settings) -> str:
    if settings.sandbox:
        return "the sandbox's own"
    if settings.api_key is not None:
        return "set (ASISSO_API_KEY), not shown"
    return "none; using ASISSO_ACCESS_TOKEN, not shown" if settings.access_token else "none: set ASISSO_API_KEY"
