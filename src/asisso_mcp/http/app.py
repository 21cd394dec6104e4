"""The ASGI application: `/mcp` for both protocol eras, without sessions, and the health checks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio
from mcp.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, Router

from asisso_mcp.api.errors import AsissoError
from asisso_mcp.config import Settings
from asisso_mcp.http.auth.base import Authenticator, NoAuth, PassthroughAuth, TokenAuth
from asisso_mcp.http.auth.tokens import Tokens
from asisso_mcp.http.body import MAX_BODY
from asisso_mcp.http.endpoint import McpEndpoint, caller_of
from asisso_mcp.http.fast_path import FastPath
from asisso_mcp.http.middleware import HostOriginMiddleware
from asisso_mcp.http.settings import HttpSettings
from asisso_mcp.server.app import build_server
from asisso_mcp.tools.campaigns import TOOLS
from asisso_mcp.tools.registry import Tool
from asisso_mcp.tools.services import TenantServices

if TYPE_CHECKING:
    import httpx2

    from asisso_mcp.server.telemetry import Telemetry

SETTLE_SECONDS = 8.0
"""How long the end of the process waits for writes that were sent: their outcome would otherwise be unknown."""
API_CHECK_SECONDS = 5.0
"""How long a health check of the API is reused, so that requests here cannot be turned into requests there."""


@dataclass
class HttpApp:
    """The application, with what its process needs to stop it.

    Attributes:
        asgi: what uvicorn serves.
        server: the MCP server, to which middleware and handlers can be added.
        stopping: set when the process ends; new requests are refused from then on.
    """

    asgi: Any
    services: TenantServices
    server: Server[TenantServices]
    stopping: bool = False

    def stop(self) -> None:
        """Refuse new requests, and send no write that was not sent yet, because the process ends."""
        self.stopping = True
        self.services.stop_writing()


def create_app(
    settings: Settings,
    http_settings: HttpSettings,
    *,
    transport: "httpx2.AsyncBaseTransport | None" = None,
    telemetry: "Telemetry | None" = None,
    tools: tuple[Tool, ...] = TOOLS,
) -> HttpApp:
    """Build the application for these settings.

    Args:
        transport: replaces the network to the API, for tests.
        telemetry: measures calls and requests, where it is on.
        tools: what is offered, in this order.

    Raises SettingsError when nobody could be authenticated with the settings.
    """
    authenticator = create_authenticator(http_settings)
    services = TenantServices(
        settings,
        transport=transport,
        uses_caller_keys=authenticator.uses_caller_keys,
        connect=telemetry.transport if telemetry else None,
    )
    server = build_server(
        settings,
        services=services,
        caller_of=caller_of,
        lists="private" if authenticator.lists_differ else "public",
        tools=tools,
        telemetry=telemetry,
    )

    json_manager, sse_manager = (
        StreamableHTTPSessionManager(
            server, stateless=True, json_response=json_response, max_request_body_size=MAX_BODY
        )
        for json_response in (True, False)
    )

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        async with json_manager.run(), sse_manager.run():
            yield
            # What was cut by now is waited for as far as it writes: its task goes on, shielded, while this one waits.
            await services.drain_writes(SETTLE_SECONDS)

    endpoint = McpEndpoint(
        FastPath(server, services),
        json_manager.handle_request,
        sse_manager.handle_request,
        authenticator,
        max_calls=http_settings.max_calls,
        caller_keys=services.caller_keys,
    )
    health = _Health(settings, authenticator, services)
    asgi: Any = Router(
        routes=[
            Route("/mcp", endpoint=endpoint),
            Route("/healthz", endpoint=health.alive, methods=["GET"]),
            Route("/readyz", endpoint=health.ready, methods=["GET"]),
            *authenticator.routes,
        ],
        redirect_slashes=False,
        lifespan=lifespan,
    )
    if http_settings.browsers:
        asgi = CORSMiddleware(
            asgi,
            allow_origins=list(http_settings.browsers),
            allow_methods=["POST"],
            allow_headers=["*"],  # the protocol has headers of changing names; cookies are never allowed
            expose_headers=["WWW-Authenticate", "Retry-After", "Mcp-Session-Id"],
        )
    app = HttpApp(asgi, services, server)
    app.asgi = HostOriginMiddleware(
        asgi, hosts=http_settings.hosts, origins=http_settings.origins, stopping=lambda: app.stopping
    )
    return app


def create_authenticator(settings: HttpSettings) -> Authenticator:
    """Build the authenticator that `--auth` names. Raises SettingsError."""
    match settings.auth:
        case "passthrough":
            return PassthroughAuth()
        case "token":
            return TokenAuth(Tokens(settings.tokens, settings.tokens_file))
        case "oauth":
            from asisso_mcp.http.auth.jwks import JwksCache
            from asisso_mcp.http.auth.oauth import JwtVerifier, OAuth

            keys = JwksCache(settings.issuer, jwks_url=settings.jwks_url)
            verifier = JwtVerifier(issuer=settings.issuer, audience=settings.audience, keys=keys)
            return OAuth(issuer=settings.issuer, resource=settings.resource, verifier=verifier)
    return NoAuth()


class _Health:
    """The health checks. `/healthz`: the process answers. `/readyz`: it is configured; with `?api=1`, the API answers too."""

    def __init__(self, settings: Settings, authenticator: Authenticator, services: TenantServices) -> None:
        self._settings = settings
        self._authenticator = authenticator
        self._services = services
        self._lock = anyio.Lock()
        self._api_checked = float("-inf")
        self._api_problem: str | None = None

    async def alive(self, _: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def ready(self, request: Request) -> JSONResponse:
        problem = self._configuration_problem()
        if problem is None and request.query_params.get("api") == "1":
            problem = await self._check_api()
        if problem is not None:
            return JSONResponse({"status": "not ready", "why": problem}, status_code=503)
        return JSONResponse({"status": "ready"})

    def _configuration_problem(self) -> str | None:
        settings = self._settings
        has_key = settings.sandbox or settings.api_key is not None or settings.access_token is not None
        if not self._authenticator.uses_caller_keys and not has_key:
            return "no Asisso API key is set"
        return self._authenticator.readiness_problem()

    async def _check_api(self) -> str | None:
        """What is wrong with the API, or None. It is asked without a key, and at most every `API_CHECK_SECONDS`."""
        if self._lock.locked() and self._api_checked > float("-inf"):
            return self._api_problem  # one waits for the API, and the others need not
        async with self._lock:
            if anyio.current_time() - self._api_checked >= API_CHECK_SECONDS:
                try:
                    reply = await self._services.connection.send("GET", "/health", headers={})
                    self._api_problem = None if reply.status < 500 else "the Asisso API answers with an error"
                except AsissoError:
                    self._api_problem = "the Asisso API does not answer"
                self._api_checked = anyio.current_time()
            return self._api_problem
