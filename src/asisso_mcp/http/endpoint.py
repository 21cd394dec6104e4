"""The `/mcp` endpoint: checks the method, the caller and the load, reads the body, and calls the MCP server."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import anyio
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from asisso_mcp.campaigns.policy import Caller
from asisso_mcp.http.auth.base import Authenticator, headers_named
from asisso_mcp.http.errors import HttpError, Scope
from asisso_mcp.http.fast_path import FastPath, parse_simple_request, wants_progress

MAX_BODY = 1024 * 1024
"""Bytes of a request body. The largest edit that the tools accept is a few kB."""
BODY_SECONDS = 15.0
"""Bound for the whole body to arrive."""
MAX_DISCARDED = 8 * MAX_BODY
"""Bytes of a too large body that are read and discarded: a sender that is cut off would not see the error."""

_CALLER = "asisso.caller"
_CREDENTIALS = frozenset({b"x-api-key", b"authorization", b"cookie", b"proxy-authorization"})

AsgiApp = Callable[[Scope, Any, Any], Coroutine[Any, Any, None]]


class ClientDisconnected(Exception):
    """The client left before its request was complete."""


class McpEndpoint:
    """The ASGI application behind `/mcp`.

    Args:
        fast_path: answers simple requests.
        json_app: the SDK's transport that answers the rest with JSON.
        sse_app: the SDK's transport that answers with an event stream: slower, and only progress needs it.
        authenticator: who may call.
        max_calls: served at once, and at most half of them for one caller's key; the rest get a 503.
    """

    def __init__(
        self, fast_path: FastPath, json_app: AsgiApp, sse_app: AsgiApp, authenticator: Authenticator, *, max_calls: int
    ) -> None:
        self._fast_path, self._json_app, self._sse_app = fast_path, json_app, sse_app
        self._authenticator = authenticator
        self._max_calls = max_calls
        self._in_progress: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Answer one request, with an HTTP error where it is refused."""
        try:
            if scope["method"] != "POST":
                raise HttpError(405, "Send JSON-RPC with POST.", log_reason=None, headers={"Allow": "POST"})
            caller = await self._authenticator.authenticate(scope)
            with self._acquire_slot(caller):
                await self._serve(caller, scope, receive, send)
        except HttpError as error:
            await error.respond(scope, receive, send)
        except ClientDisconnected:
            return

    async def _serve(self, caller: Caller, scope: Scope, receive: Any, send: Any) -> None:
        body = await _read_body(scope, receive)
        request = parse_simple_request(scope, body)
        message = request if request is not None else _parse_json(body)
        self._authenticator.authorize(caller, message)
        scope = _without_credentials(scope, caller)
        if request is not None:
            response = self._fast_path.respond(scope, request, send)
        elif wants_progress(message):
            response = self._sse_app(scope, _replaying(body, receive), send)
        elif closing_cancels(scope):
            response = _until_disconnected(self._json_app, scope, body, receive, send)
        else:
            response = self._json_app(scope, _replaying(body, receive), send)
        call = asyncio.get_running_loop().create_task(response)
        try:
            await asyncio.shield(call)
        except asyncio.CancelledError:
            await call  # uvicorn cancels what outlasts the bound of a stop, once: it may still be answered

    @contextmanager
    def _acquire_slot(self, caller: Caller) -> Iterator[None]:
        """Hold one of `max_calls` slots. Raises HttpError (503) when all slots, or all for this caller's key, are taken."""
        key = caller.api_key.get_secret_value() if caller.api_key else ""
        total, of_key = self._in_progress.total(), self._in_progress[key]
        if total >= self._max_calls or (caller.api_key and of_key >= max(1, self._max_calls // 2)):
            raise HttpError(
                503,
                "Too many calls are in progress. Try again in a moment.",
                log_reason=f"{total} calls in progress, {of_key} of them for this key",
                headers={"Retry-After": "1"},
            )
        self._in_progress[key] += 1
        try:
            yield
        finally:
            self._in_progress[key] -= 1
            if not self._in_progress[key]:
                del self._in_progress[key]


def closing_cancels(scope: Scope) -> bool:
    """Whether a client that closes the connection cancels its request (since the 2026 revision of the protocol)."""
    versions = headers_named(scope["headers"], b"mcp-protocol-version")
    return any(version.decode("latin-1") not in HANDSHAKE_PROTOCOL_VERSIONS for version in versions)


async def _until_disconnected(app: AsgiApp, scope: Scope, body: bytes, receive: Any, send: Any) -> None:
    """Run `app`, and cancel it when the client closes the connection. Event streams do that themselves."""

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch)
        await app(scope, _replaying(body, receive), send)
        tasks.cancel_scope.cancel()


def caller_of(request: Any) -> Caller:
    """The caller of this request. Raises KeyError for one that did not come through `McpEndpoint`."""
    caller: Caller = request.scope["state"][_CALLER]
    return caller


def _without_credentials(scope: Scope, caller: Caller) -> Scope:
    """The scope without headers that hold credentials: the MCP server can neither log nor forward them."""
    headers = [(name, value) for name, value in scope["headers"] if name not in _CREDENTIALS]
    return {**scope, "headers": headers, "state": {**scope["state"], _CALLER: caller}}


async def _read_body(scope: Scope, receive: Any) -> bytes:
    """The whole body. Raises HttpError (413, 408) or ClientDisconnected."""
    for declared in headers_named(scope["headers"], b"content-length"):
        if declared.isdigit() and int(declared[:18]) > MAX_DISCARDED:
            raise _too_large()
    body, length, complete = bytearray(), 0, False
    with anyio.move_on_after(BODY_SECONDS):
        while not complete and length <= MAX_DISCARDED:
            message = await receive()
            if message["type"] != "http.request":
                raise ClientDisconnected
            chunk = message.get("body", b"")
            length += len(chunk)
            if length <= MAX_BODY:
                body += chunk
            complete = not message.get("more_body", False)
    if length > MAX_BODY:
        raise _too_large()
    if not complete:
        raise HttpError(408, "The request body did not arrive in time.", log_reason="an incomplete body")
    return bytes(body)


def _too_large() -> HttpError:
    return HttpError(413, "The request body is too large.", log_reason=f"a body larger than {MAX_BODY} bytes")


def _parse_json(body: bytes) -> Any:
    """The message in a body; None for what is not JSON, which the SDK's transport refuses."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _replaying(body: bytes, receive: Any) -> Callable[[], Awaitable[dict[str, Any]]]:
    """An ASGI `receive` that gives the body again, then what comes after it."""
    waiting = True

    async def replay() -> dict[str, Any]:
        nonlocal waiting
        if waiting:
            waiting = False
            return {"type": "http.request", "body": body, "more_body": False}
        message: dict[str, Any] = await receive()
        return message

    return replay
