"""The dashboard: a page on loopback that is the MCP host of the view, and the few requests that it makes.

A page of another site cannot use it: it has no cookie, its `Origin` is another, and it may not frame anything here. GET never
changes anything. Every call goes through the same tools, limits and journal as one by MCP.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from asisso_mcp.app.access import Access
from asisso_mcp.app.polled_readings import POLL_SECONDS, PolledReadings
from asisso_mcp.journal.entry import Answer
from asisso_mcp.server.view import source_hash, view_html, view_parts
from asisso_mcp.tools.registry import Registry, ToolResult
from asisso_mcp.tools.services import TenantServices

MAX_BODY = 256 * 1024

_ANSWERS: dict[str, Answer] = {"/journal/approve": "approved", "/journal/reject": "rejected"}
_FILES = {"dashboard.js": "text/javascript", "dashboard.css": "text/css"}
_VIEW_STYLE, _VIEW_SCRIPT = map(source_hash, view_parts())
HEADERS = {
    "content-security-policy": f"default-src 'none'; script-src 'self' {_VIEW_SCRIPT}; style-src 'self' {_VIEW_STYLE}; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""Of every response. The view stands in a `srcdoc` frame, which inherits the policy: hence the hashes of its style and script."""


@dataclass(frozen=True)
class JournalAccess:
    """The journal, as far as the dashboard shows it. Each of these raises ValueError with a sentence.

    Attributes:
        entries: the newest, newest first, as objects with `id`, `lines`, `can_undo` and `undo_rings`: whether
            the undo lets phones ring.
        waiting: what a person can answer, oldest first, as objects with `id`, `heading`, `question`, `is_approved`, `can_approve`
            and `expires` (ISO 8601).
        undo: takes an entry back.
        answer: records a person's yes or no to an entry, which sends nothing, and says what that means.
    """

    entries: Callable[[], Awaitable[list[dict[str, Any]]]]
    waiting: Callable[[], Awaitable[list[dict[str, Any]]]]
    undo: Callable[[str], Awaitable[ToolResult]]
    answer: Callable[[str, Answer], Awaitable[str]]


def build_dashboard(
    services: TenantServices,
    registry: Registry,
    access: Access,
    *,
    journal: JournalAccess | None,
    on_opened: Callable[[], None] = lambda: None,
) -> ASGIApp:
    """The dashboard as an ASGI app.

    Args:
        services: closed when the app ends.
        journal: None where no file keeps it.
        on_opened: called when the address was used, which then is another.
    """

    async def run_tool(name: str, arguments: Any) -> ToolResult:
        tool = registry.get(name)
        if tool is None:
            return ToolResult(registry.unavailable_reason(name))
        return await tool.call(arguments, services.call())

    readings = PolledReadings(run_tool)

    async def page(request: Request) -> Response:
        key = request.query_params.get("key")
        if key is None:
            return HTMLResponse(_page())
        cookie = access.exchange(key)
        if cookie is None:
            return _refusal()
        on_opened()
        # A page that goes on by itself, not a redirect: the cookie is not sent along where another site had the link.
        return HTMLResponse(
            '<!doctype html><meta http-equiv="refresh" content="0;url=/"><title>Asisso</title>',
            headers={"set-cookie": cookie},
        )

    async def asset(request: Request) -> Response:
        name = request.url.path[1:]
        return Response(_read(name), media_type=_FILES[name])

    async def call_tool(request: Request) -> Response:
        asked = await _json_body(request)
        if asked is None or not isinstance(asked.get("name"), str) or not isinstance(asked.get("arguments"), dict):
            return JSONResponse({"error": "A call is a JSON object with `name` and `arguments`."}, 400)
        name, arguments = asked["name"], asked["arguments"]
        tool = registry.get(name)
        if tool is not None and tool.hints.read_only:
            if asked.get("poll") is True:
                polled = await readings.poll(name, arguments)
                return JSONResponse(None if polled is None else polled.as_result())
            return JSONResponse((await readings.read(name, arguments)).as_result())
        try:
            return JSONResponse((await run_tool(name, arguments)).as_result())
        finally:
            readings.forget()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await services.close()

    return Starlette(
        routes=[
            Route("/", page, methods=["GET"]),
            *(Route(f"/{name}", asset, methods=["GET"]) for name in _FILES),
            Route("/tools/call", call_tool, methods=["POST"]),
            *_journal_routes(journal, readings.forget),
        ],
        middleware=[Middleware(_Guard, access=access)],
        lifespan=lifespan,
    )


def _journal_routes(journal: JournalAccess | None, on_written: Callable[[], None]) -> list[Route]:
    async def entries(_: Request) -> Response:
        try:
            if journal is None:
                return JSONResponse({"entries": None, "waiting": []})
            return JSONResponse({"entries": await journal.entries(), "waiting": await journal.waiting()})
        except ValueError as problem:
            return JSONResponse({"error": str(problem)}, 503)

    async def undo(request: Request) -> Response:
        asked = await _json_body(request)
        if journal is None or asked is None or not isinstance(asked.get("entry"), str):
            return JSONResponse({"error": "An undo names an `entry` of the journal."}, 400)
        try:
            return JSONResponse((await journal.undo(asked["entry"])).as_result())
        except ValueError as problem:
            return JSONResponse(ToolResult(str(problem)).as_result())
        finally:
            on_written()

    async def answer(request: Request) -> Response:
        asked = await _json_body(request)
        if journal is None or asked is None or not isinstance(asked.get("entry"), str):
            return JSONResponse({"error": "An answer names an `entry` of the journal."}, 400)
        try:
            return JSONResponse({"told": await journal.answer(asked["entry"], _ANSWERS[request.url.path])})
        except ValueError as problem:
            return JSONResponse({"error": str(problem)}, 409)

    return [
        Route("/journal", entries, methods=["GET"]),
        Route("/journal/undo", undo, methods=["POST"]),
        *(Route(path, answer, methods=["POST"]) for path in _ANSWERS),
    ]


class _Guard:
    """Lets only the dashboard's own browser in, and puts `HEADERS` on every response."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        request = Request(scope)
        problem = self._access.problem(request.method, request.headers)
        is_exchange = request.method == "GET" and request.url.path == "/" and "key" in request.query_params
        if problem is not None:
            answer: ASGIApp = PlainTextResponse(problem + "\n", 403)
        elif not is_exchange and not self._access.has_cookie(request.headers.get("cookie", "")):
            answer = _refusal()
        else:
            answer = self._app
        await answer(scope, receive, send_with_headers)


def _refusal() -> Response:
    return PlainTextResponse(
        "Open the newest address that `asisso-mcp dashboard` printed in its terminal. Each works once.\n", 403
    )


async def _json_body(request: Request) -> dict[str, Any] | None:
    """The JSON object that was sent; None for anything else, and for more than `MAX_BODY` bytes."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        return None
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            return None
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _page() -> str:
    html = _read("index.html").replace("{poll_seconds}", f"{POLL_SECONDS:g}")
    return html.replace("{view}", escape(view_html()))


def _read(name: str) -> str:
    return (files("asisso_mcp") / "app" / "dashboard_page" / name).read_text(encoding="utf-8")
