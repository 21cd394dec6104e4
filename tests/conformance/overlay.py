"""What does the suite's whole list run against? The product's server with the suite's fixtures beside its own tools.

`python -m tests.conformance.overlay` serves it as the product is served, over its own way in, without sessions;
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
from asisso_mcp.server.app import build_server
from asisso_mcp.server.http import build_site
from asisso_mcp.server.http_process import listen, server
from asisso_mcp.server.http_settings import Serving
from asisso_mcp.server.tools import TOOLS
from tests.conformance.fixtures import content, notices, prompts, pushed, resources, rounds, schemas
from tests.conformance.fixtures.asked import note

WITH_FIXTURES = (
    *TOOLS,
    *content.TOOLS,
    *pushed.TOOLS,
    *rounds.TOOLS,
    *notices.TOOLS,
    *schemas.TOOLS,
)


def lay_over(product: Server[Any]) -> None:
    """What a fixture needs beside its tool: resources, prompts, requests that the product does not serve, sealed state."""
    product.middleware.append(RequestStateBoundary(RequestStateSecurity.ephemeral(), default_audience=product.name))
    note(product)
    resources.add(product)
    prompts.add(product)
    notices.add(product)


def main() -> int:
    warnings.simplefilter("ignore", MCPDeprecationWarning)  # logging is deprecated, and on the 2025 list
    settings = Settings(sandbox=True)
    listening, serving = listen(Serving.of(port=0, sandbox=True, environment={}))
    with listening:
        serve = _with_sessions if "--sessions" in sys.argv[1:] else _as_product
        running = serve(settings, serving)
        print(f"overlay: serving http://{serving.host}:{serving.port}/mcp", file=sys.stderr, flush=True)
        running.run([listening])
    return 0


def _as_product(settings: Settings, serving: Serving) -> uvicorn.Server:
    site = build_site(settings, serving, tools=WITH_FIXTURES)
    lay_over(site.server)
    return server(site)


def _with_sessions(settings: Settings, serving: Serving) -> uvicorn.Server:
    product = build_server(settings, tools=WITH_FIXTURES)
    lay_over(product)
    app = product.streamable_http_app(
        transport_security=TransportSecuritySettings(
            allowed_hosts=sorted(serving.hosts), allowed_origins=sorted(serving.origins)
        )
    )
    return uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2))


if __name__ == "__main__":
    sys.exit(main())
