"""The web application: `/mcp` for both protocol eras, without sessions, and what tells an operator how it is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio
from mcp.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, Router

from asisso_mcp.api.errors import AsissoError
from asisso_mcp.config import Settings
from asisso_mcp.server.app import build_server
from asisso_mcp.server.auth import Door, Open, Passthrough, Token
from asisso_mcp.server.auth_tokens import Tokens
from asisso_mcp.server.desk import Desk
from asisso_mcp.server.http_entry import MAX_BODY, Entry, caller_of
from asisso_mcp.server.http_exchange import Exchange
from asisso_mcp.server.http_gate import Gate
from asisso_mcp.server.http_settings import Serving
from asisso_mcp.server.registry import Tool
from asisso_mcp.server.tools import TOOLS

if TYPE_CHECKING:
    import httpx2

    from asisso_mcp.server.telemetry import Telemetry

SETTLE_SECONDS = 8.0
"""At the end, for writes that were sent: their outcome would otherwise be unknown."""
LOOK_SECONDS = 5.0
"""How long an answer about the API holds, so that asking us cannot be turned into asking the API."""


@dataclass
class Site:
    """The application and what its process needs to know of it."""

    app: Any
    desk: Desk
    server: Server[Desk]
    stopping: bool = field(default=False)


def build_site(
    settings: Settings,
    serving: Serving,
    *,
    transport: "httpx2.AsyncBaseTransport | None" = None,
    telemetry: "Telemetry | None" = None,
    tools: tuple[Tool, ...] = TOOLS,
) -> Site:
    """Raises SettingsError when the way in is not configured. To a site's server, middleware and handlers can be added."""
    door = _door(serving)
    desk = Desk(
        settings,
        transport=transport,
        keys_are_brought=serving.auth == "passthrough",
        connect=telemetry.connection if telemetry else None,
    )
    server = build_server(
        settings,
        desk=desk,
        caller_of=caller_of,
        lists="private" if serving.auth == "oauth" else "public",
        tools=tools,
    )
    if telemetry is not None:
        server.middleware.append(telemetry.measure)
    else:
        server.middleware.clear()  # the SDK's own is there: spans that nobody collects

    def manager(*, streaming: bool) -> StreamableHTTPSessionManager:
        return StreamableHTTPSessionManager(
            server,
            stateless=True,
            json_response=not streaming,
            security_settings=TransportSecuritySettings(
                enable_dns_rebinding_protection=True,
                allowed_hosts=sorted(serving.hosts),
                allowed_origins=sorted(serving.origins),
            ),
            max_request_body_size=MAX_BODY,
        )

    plain, streaming = manager(streaming=False), manager(streaming=True)

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        async with plain.run(), streaming.run():
            yield
            # What was cut by now is waited for as far as it writes: its task goes on, shielded, while this one waits.
            await desk.finish_writes(SETTLE_SECONDS)

    entry = Entry(
        Exchange(server, desk), plain.handle_request, streaming.handle_request, door, max_calls=serving.max_calls
    )
    health = _Health(settings, serving, door, desk)
    router = Router(
        routes=[
            Route("/mcp", endpoint=entry),
            Route("/healthz", endpoint=health.alive, methods=["GET"]),
            Route("/readyz", endpoint=health.ready, methods=["GET"]),
            *getattr(door, "routes", ()),
        ],
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app: Any = router
    if serving.browsers:
        app = CORSMiddleware(
            app,
            allow_origins=list(serving.browsers),
            allow_methods=["POST"],
            allow_headers=["*"],  # the protocol has headers of changing names; cookies are never allowed
            expose_headers=["WWW-Authenticate", "Retry-After", "Mcp-Session-Id"],
        )
    site = Site(app, desk, server)
    site.app = Gate(app, hosts=serving.hosts, origins=serving.origins, stopping=lambda: site.stopping)
    return site


def _door(serving: Serving) -> Door:
    match serving.auth:
        case "passthrough":
            return Passthrough()
        case "token":
            return Token(Tokens(serving.tokens, serving.tokens_file))
        case "oauth":
            from asisso_mcp.server.auth_jwks import Keys
            from asisso_mcp.server.auth_oauth import JwtVerifier, OAuth

            keys = Keys(serving.issuer, jwks_url=serving.jwks_url)
            verifier = JwtVerifier(issuer=serving.issuer, audience=serving.audience, keys=keys)
            return OAuth(issuer=serving.issuer, resource=serving.resource, verifier=verifier)
    return Open()


class _Health:
    """`/healthz`: the process answers. `/readyz`: it is configured; with `?api=1`, the API answers as well."""

    def __init__(self, settings: Settings, serving: Serving, door: Door, desk: Desk) -> None:
        self._settings = settings
        self._serving = serving
        self._door = door
        self._desk = desk
        self._turn = anyio.Lock()
        self._looked = float("-inf")
        self._found: str | None = None

    async def alive(self, _: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def ready(self, request: Request) -> JSONResponse:
        lacking = self._lacking()
        if lacking is None and request.query_params.get("api") == "1":
            lacking = await self._api()
        if lacking is not None:
            return JSONResponse({"status": "not ready", "why": lacking}, status_code=503)
        return JSONResponse({"status": "ready"})

    def _lacking(self) -> str | None:
        settings = self._settings
        has_key = settings.sandbox or settings.api_key is not None or settings.access_token is not None
        if self._serving.auth != "passthrough" and not has_key:
            return "no Asisso API key is set"
        return self._door.not_ready()

    async def _api(self) -> str | None:
        """Asked without any key, and not again for a few seconds."""
        async with self._turn:
            if anyio.current_time() - self._looked >= LOOK_SECONDS:
                try:
                    reply = await self._desk.connection.send("GET", "/health", headers={})
                    self._found = None if reply.status < 500 else "the Asisso API answers with an error"
                except AsissoError:
                    self._found = "the Asisso API does not answer"
                self._looked = anyio.current_time()
            return self._found
