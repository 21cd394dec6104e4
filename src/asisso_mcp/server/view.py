"""The view as an MCP App: one HTML document without any network, made of the files in `app/view/`.

https://github.com/modelcontextprotocol/ext-apps, specification of 2026-01-26. The SDK's `mcp.server.apps` has the same two
constants, and imports `MCPServer` for them.
"""

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

EXTENSION_ID = "io.modelcontextprotocol/ui"
VIEW_TYPE = "text/html;profile=mcp-app"
VIEW_URI = "ui://asisso/campaigns"
VIEW_META: dict[str, Any] = {"ui": {"csp": {"connectDomains": [], "resourceDomains": []}, "prefersBorder": True}}
"""What the resource asks of a host: no network at all, and a border around it."""
TOOL_META: dict[str, Any] = {"ui": {"resourceUri": VIEW_URI}}
"""What each tool that is shown in the view declares. Hosts without apps ignore it."""

_SCRIPTS = ("bridge.js", "dom.js", "hours.js", "week.js", "texts.js", "screens.js", "main.js")
"""In the order in which they need each other."""


@cache
def view_html() -> str:
    """The document: style and scripts stand in it, and its policy names their hashes, so that nothing else runs."""
    style, script = view_parts()
    policy = f"default-src 'none'; style-src {source_hash(style)}; script-src {source_hash(script)}; base-uri 'none'; form-action 'none'"
    return _read("index.html").replace("{csp}", policy).replace("{style}", style).replace("{script}", script)


@cache
def view_parts() -> tuple[str, str]:
    """The style sheet and the script of the view."""
    return _read("view.css"), "\n".join(map(_read, _SCRIPTS))


def source_hash(text: str) -> str:
    """An inline style or script as a source of a Content-Security-Policy."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _read(name: str) -> str:
    return (files("asisso_mcp") / "app" / "view" / name).read_text(encoding="utf-8")
