"""The servers that are compared: how each is started, and what its tools are called."""

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.campaigns import READ_ID
from bench.environments import HOME, NODE, OPENAPI, PEERS, node, python

OURS = "asisso-mcp"
FLOOR = "bare SDK server"
NPM = "npm SDK"
API = "the API"
"""The name under which figures of the stand-in's own answers are recorded."""
KEY = "as_bench"

Command = tuple[str, ...]


@dataclass(frozen=True)
class Tools:
    """The names that a server gives to the tools that are measured."""

    listing: str = "list_campaigns"
    get: str = "get_campaign"
    update: str = "update_campaign"


@dataclass(frozen=True)
class Server:
    """One server of the comparison, and how it is started."""

    name: str
    words: str
    library: str
    """The HTTP client that it calls the API with: the bare call it is compared with."""
    stdio: Command
    http: Callable[[int], Command] | str
    """The command for a port; or, in words, why HTTP is not measured."""
    tools: Tools = Tools()
    needs: str = ""
    """What `asisso-mcp serve --help` has to mention before the HTTP command is of use."""

    def get_arguments(self, campaign_id: int = READ_ID) -> dict[str, int]:
        """Arguments of the call that reads a campaign."""
        return {"campaign_id": campaign_id}

    def update_arguments(self, turn: int) -> dict[str, int | str]:
        """Arguments of the call that renames a campaign, another way in every turn: an edit for which nothing else is looked up."""
        return {"campaign_id": READ_ID, "name": f"Spring promo {READ_ID}{'ab'[turn % 2]}"}


def _python_peer(name: str, words: str, environment: str, file: str, tools: Tools = Tools()) -> Server:
    command = (python(environment), str(PEERS / file))
    return Server(name, words, "httpx2", command, lambda port: (*command, "--http", str(port)), tools)


def _ours(*, workers: int = 1) -> Server:
    command = str(HOME / "ours" / "bin" / "asisso-mcp")
    more = ("--workers", str(workers)) if workers > 1 else ()

    def http(port: int) -> Command:
        return (command, "serve", "--transport", "http", "--host", "127.0.0.1", "--port", str(port), *more)

    name = OURS if workers == 1 else f"{OURS} --workers {workers}"
    return Server(
        name, "this checkout", "httpx2", (command,), http, needs="--workers" if workers > 1 else "--transport"
    )


_OPENAPI_TOOLS = Tools(
    listing="campaigns_api_v1_campaign", get="campaign_api_v1_campaign", update="update_api_v1_campaign"
)
_PROXY_TOOLS = Tools(
    listing="campaigns-v-1-campaign-get",
    get="campaign-v-1-campaign-campaign-id-get",
    update="upd-v-1-campaign-campaign-id-ptch",
)

SERVERS: tuple[Server, ...] = (
    _ours(),
    _python_peer(FLOOR, "the official Python SDK's low-level server, dumping the API's JSON", "sdk", "bare_sdk.py"),
    _python_peer("MCPServer", "the official Python SDK's high-level server, by hand", "sdk", "sdk_mcpserver.py"),
    _python_peer("FastMCP", "FastMCP, by hand", "fastmcp", "fastmcp_by_hand.py"),
    _python_peer(
        "FastMCP from_openapi",
        "FastMCP over the API's OpenAPI description",
        "fastmcp",
        "fastmcp_openapi.py",
        _OPENAPI_TOOLS,
    ),
    Server(
        NPM,
        "the npm SDK's McpServer, by hand",
        "fetch",
        (node(), str(NODE / "npm_sdk.js")),
        lambda port: (node(), str(NODE / "npm_sdk.js"), "--http", str(port)),
    ),
    Server(
        "OpenAPI proxy",
        "@ivotoby/openapi-mcp-server over the API's OpenAPI description",
        "axios",
        (node(), str(NODE / "node_modules/@ivotoby/openapi-mcp-server/bin/mcp-server.js")),
        "over HTTP it answers a call on another stream than the call's",
        _PROXY_TOOLS,
    ),
)
WORKERS = _ours(workers=2)
"""Measured over HTTP only."""

BARE: Mapping[str, Command] = {
    "httpx2": (python("sdk"), str(PEERS / "bare_http.py")),
    "fetch": (node(), str(NODE / "bare_http.js"), "fetch"),
    "axios": (node(), str(NODE / "bare_http.js"), "axios"),
}


def environment(api: str) -> dict[str, str]:
    """The settings of every server; each reads those that it knows. `api` is the origin of the stand-in."""
    return {
        "ASISSO_BASE_URL": api,
        "ASISSO_API_KEY": KEY,
        "XDG_STATE_HOME": str(HOME / "state"),
        "BENCH_OPENAPI": str(OPENAPI),
        "OPENAPI_SPEC_PATH": str(OPENAPI),
        "API_BASE_URL": api,
        "API_HEADERS": f"X-API-Key:{KEY}",
        "VERBOSE": "false",
    }


def offers(needed: str) -> bool:
    """Whether this checkout's `serve` knows an option."""
    helped = subprocess.run(
        [HOME / "ours" / "bin" / "asisso-mcp", "serve", "--help"], check=True, capture_output=True, text=True
    )
    return needed in helped.stdout
