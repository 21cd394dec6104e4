"""The `/mcp` endpoint: checks the method and the caller, reads the body, checks the load, and calls the MCP server."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import anyio
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from asisso_mcp.api.caller_keys import CallerKeys
from asisso_mcp.api.slots import UNPROVEN, Slots
from asisso_mcp.campaigns.policy import Caller
from asisso_mcp.http.auth.base import API_KEY_CHALLENGE, Authenticator, headers_named
from asisso_mcp.http.body import BodyReader, ClientDisconnected
from asisso_mcp.http.errors import HttpError, Scope
from asisso_mcp.http.fast_path import FastPath, parse_simple_request, wants_progress

RESERVED_SHARE = 8
"""There is one slot more for pauses for so many slots for calls."""

_CALLER = "asisso.caller"
_CREDENTIALS = frozenset({b"x-api-key", b"authorization", b"cookie", b"proxy-authorization"})

AsgiApp = Callable[[Scope, Any, Any], Coroutine[Any, Any, None]]


class McpEndpoint:
    """The ASGI application behind `/mcp`.

    Args:
        fast_path: answers simple requests.
        json_app: the SDK's transport that answers the rest with JSON.
        sse_app: the SDK's transport that answers with an event stream: slower, and only progress needs it.
        authenticator: who may call.
        max_calls: served at once, and at most half of them for one caller's key, or for all that are not known yet; the rest get a 503.
        caller_keys: what is known of the callers' keys, where they bring their own.
    """

    def __init__(
        self,
        fast_path: FastPath,
        json_app: AsgiApp,
        sse_app: AsgiApp,
        authenticator: Authenticator,
        *,
        max_calls: int,
        caller_keys: CallerKeys,
    ) -> None:
        self._fast_path, self._json_app, self._sse_app = fast_path, json_app, sse_app
        self._authenticator = authenticator
        self._caller_keys = caller_keys
        self._bodies = BodyReader()
        self._slots = Slots(max_calls, unproven=max_calls, reserved=max(1, max_calls // RESERVED_SHARE))

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Answer one request, with an HTTP error where it is refused."""
        try:
            if scope["method"] != "POST":
                raise HttpError(405, "Send JSON-RPC with POST.", log_reason=None, headers={"Allow": "POST"})
            caller = await self._authenticator.authenticate(scope)
            self._check_key(caller)
            body = await self._bodies.read(scope, receive)  # before a slot is taken: it may never be complete
            request = parse_simple_request(scope, body)
            message = request if request is not None else _parse_json(body)
            self._authenticator.authorize(caller, message)
            with self._acquire_slot(caller, message):
                await self._serve(_without_credentials(scope, caller), body, request, message, receive, send)
        except HttpError as error:
            await error.respond(scope, receive, send)
        except ClientDisconnected:
            return

    async def _serve(
        self, scope: Scope, body: bytes, request: dict[str, Any] | None, message: Any, receive: Any, send: Any
    ) -> None:
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

    def _check_key(self, caller: Caller) -> None:
        """Raises HttpError (401) for a key that the API refused a moment ago."""
        if caller.api_key is not None and self._caller_keys.is_refused(caller.api_key.get_secret_value()):
            raise HttpError(
                401,
                "The Asisso API did not accept this key a moment ago. Check the X-API-Key header, and try again in a minute.",
                log_reason="a key that the API refused",
                headers={"WWW-Authenticate": API_KEY_CHALLENGE},
            )

    @contextmanager
    def _acquire_slot(self, caller: Caller, message: Any) -> Iterator[None]:
        """Hold a slot; a pause finds one when the others are taken. Raises HttpError (503) when this caller may have none."""
        tenant = self._caller_keys.tenant_of(caller.api_key.get_secret_value()) if caller.api_key is not None else None
        slot = self._slots.take(tenant, urgent=_is_pause(message))
        if slot is None:
            whose = "keys that are not known yet" if tenant == UNPROVEN else "this key"
            raise HttpError(
                503,
                "Too many calls are in progress. Try again in a moment.",
                log_reason=f"{self._slots.taken} calls in progress, {self._slots.held_by(tenant)} of them for {whose}",
                headers={"Retry-After": "1"},
            )
        try:
            yield
        finally:
            slot.release()


def _is_pause(message: Any) -> bool:
    params = message.get("params") if isinstance(message, dict) and message.get("method") == "tools/call" else None
    return isinstance(params, dict) and params.get("name") == "pause_campaign"


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
