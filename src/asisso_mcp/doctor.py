"""What is configured (never the key), whether the API answers, what is wrong and what to do."""

from collections.abc import Callable

from asisso_mcp.api.client import AsissoClient
from asisso_mcp.api.errors import AsissoError
from asisso_mcp.api.transport import ApiTransport
from asisso_mcp.config import Settings
from asisso_mcp.sanitize import single_line
from asisso_mcp.tools.services import with_sandbox


async def run_checks(settings: Settings, out: Callable[[str], None]) -> int:
    """Print a line for each finding. 0: ready; 1: something is to be done."""
    out(f"API      {'built-in sandbox' if settings.sandbox else settings.base_url}")
    out(f"key      {_credentials(settings)}")
    out(f"timeout  {settings.timeout:g} s for one request")
    out(f"proxy    {'set (ASISSO_PROXY)' if settings.proxy else 'none of its own'}")
    out(f"CA file  {'set (ASISSO_CA_FILE)' if settings.ca_file else 'the system’s certificates'}")
    out(f"may      {'read only' if settings.read_only else 'read and write'}, {_campaigns(settings)}")
    for warning in settings.warnings:
        out(f"unknown  {warning}")
    sandbox = None
    if settings.sandbox:
        settings, sandbox = with_sandbox(settings)
    transport = ApiTransport(settings, transport=sandbox)
    try:
        version = await _health(transport)
        if version is not None:
            out(f"answer   the API is there{f', version {version}' if version else ''}")
        campaigns = await AsissoClient(transport, settings).list_campaigns()
    except AsissoError as fault:
        out(f"problem  {fault.text}")
        return 1
    finally:
        await transport.aclose()
    out(f"access   the key is accepted and sees {len(campaigns)} campaign{'' if len(campaigns) == 1 else 's'}")
    out("Ready.")
    return 0


async def _health(transport: ApiTransport) -> str | None:
    """The platform's version: a route that needs no key, so that a wrong address shows before a wrong key."""
    response = await transport.send("GET", "/health", headers={})
    try:
        health = response.json() if response.status == 200 else None
    except ValueError:
        health = None
    return single_line(health.get("version", ""), 20) if isinstance(health, dict) else None


def _credentials(settings: Settings) -> str:
    if settings.sandbox:
        return "the sandbox's own"
    if settings.api_key is not None:
        return "set (ASISSO_API_KEY), not shown"
    return "none; using ASISSO_ACCESS_TOKEN, not shown" if settings.access_token else "none: set ASISSO_API_KEY"


def _campaigns(settings: Settings) -> str:
    if settings.campaigns is None:
        return "all campaigns of the key"
    return f"only campaigns {', '.join(str(each) for each in sorted(settings.campaigns))}"
