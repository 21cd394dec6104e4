"""The product's server with the fixtures that the conformance suite expects beside its own tools.

`python -m tests.conformance.fixture_server` serves it as the product is served, over its own way in, without sessions;
`--sessions` serves the same server behind the SDK's sessions, for what the 2025 revision does in them.
"""

import sys
import warnings
from typing import Any

import uvicorn
from mcp.server import Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared.exceptions import MCPDeprecationWarning

from asisso_mcp.config import Settings
from asisso_mcp.http.app import create_app
from asisso_mcp.http.process import create_server, listen
from asisso_mcp.http.settings import HttpSettings
from asisso_mcp.server.app import build_server
from asisso_mcp.tools.campaigns import TOOLS
from tests.conformance.fixtures import (  # noqa: F401 - they add to FIXTURES
    content,
    input_rounds,
    notifications,
    prompts,
    resources,
    schemas,
    server_requests,
)
from tests.conformance.fixtures.fixture import FIXTURES
from tests.conformance.fixtures.request_context import note

WITH_FIXTURES = (*TOOLS, *FIXTURES)


def add_fixtures(product: Server[Any]) -> None:
    """What a fixture needs beside its tool: resources, prompts, requests that the product does not serve, sealed state."""
    product.middleware.append(RequestStateBoundary(RequestStateSecurity.ephemeral(), default_audience=product.name))
    note(product)
    resources.add(product)
    prompts.add(product)
    notifications.add(product)


def main() -> int:
    warnings.simplefilter("ignore", MCPDeprecationWarning)  # logging is deprecated, and on the 2025 list
    settings = Settings(sandbox=True)
    listening, http_settings = listen(HttpSettings.of(port=0, sandbox=True, environment={}))
    with listening:
        serve = _with_sessions if "--sessions" in sys.argv[1:] else _as_product
        running = serve(settings, http_settings)
        print(f"asisso-mcp: serving {http_settings.url}", file=sys.stderr, flush=True)
        running.run([listening])
    return 0


def _as_product(settings: Settings, http_settings: HttpSettings) -> uvicorn.Server:
    app = create_app(settings, http_settings, tools=WITH_FIXTURES)
    add_fixtures(app.server)
    return create_server(app)


def _with_sessions(settings: Settings, http_settings: HttpSettings) -> uvicorn.Server:
    product = build_server(settings, tools=WITH_FIXTURES)
    add_fixtures(product)
    app = product.streamable_http_app(
        transport_security=TransportSecuritySettings(
            allowed_hosts=sorted(http_settings.hosts), allowed_origins=sorted(http_settings.origins)
        )
    )
    return uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2))


if __name__ == "__main__":
    sys.exit(main())
