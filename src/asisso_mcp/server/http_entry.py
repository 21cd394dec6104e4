"""How does a request get to the MCP server? Method, caller, a free place, a body of bounded size, then the SDK."""

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import anyio

from asisso_mcp.server.auth import Door, headers_named
from asisso_mcp.server.http_exchange import Exchange, only_reads, ordinary, wants_progress
from asisso_mcp.server.http_refusal import Refused, Scope
from asisso_mcp.server.policy import Caller

MAX_BODY = 1024 * 1024
"""Bytes. The largest edit that the tools accept is a few kB."""
BODY_SECONDS = 15.0
"""For the whole body to arrive."""
MAX_DISCARDED = 8 * MAX_BODY
"""What is still read of a body that is too large, and thrown away: a sender that is cut off would not see why."""

_CALLER = "asisso.caller"
_CREDENTIALS = frozenset({b"x-api-key", b"authorization", b"cookie", b"proxy-authorization"})

Application = Callable[[Scope, Any, Any], Coroutine[Any, Any, None]]


class _Gone(Exception):
    """The client left before its request was complete."""


class Entry:
    """`/mcp`. At most `max_calls` are served at once, and at most half of them for one key.

    `exchange` answers what is ordinary. Of the SDK's own transports, `plain` answers the rest with JSON, and `streaming` with
    events: dearer, and only progress needs it.
    """

    def __init__(
        self, exchange: Exchange, plain: Application, streaming: Application, door: Door, *, max_calls: int
    ) -> None:
        self._exchange, self._plain, self._streaming = exchange, plain, streaming
        self._door = door
        self._max_calls = max_calls
        self._calls: Counter[str] = Counter()

    @property
    def in_progress(self) -> int:
        return self._calls.total()

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        try:
            if scope["method"] != "POST":
                raise Refused(405, "Send JSON-RPC with POST.", why=None, headers={"Allow": "POST"})
            caller = await self._door.admit(scope)
            whose = caller.api_key.get_secret_value() if caller.api_key else ""
            self._require_place(whose, shared=caller.api_key is None)
            self._calls[whose] += 1
            try:
                body = await _body(scope, receive)
                request = ordinary(scope, body)
                message = request if request is not None else _json(body)
                self._door.allow(caller, message)
                scope = _passed_on(scope, caller)
                if request is not None and only_reads(request):
                    await self._exchange.answer(scope, request, send)
                    return
                # In a task of its own: at the end uvicorn cancels the request's task, which no shield of a write survives.
                async with anyio.create_task_group() as tasks:
                    if request is not None:
                        tasks.start_soon(self._exchange.answer, scope, request, send)
                    else:
                        app = self._streaming if wants_progress(message) else self._plain
                        tasks.start_soon(app, scope, _replaying(body, receive), send)
            finally:
                self._calls[whose] -= 1
                if not self._calls[whose]:
                    del self._calls[whose]
        except Refused as refusal:
            await refusal.answer(scope, send)
        except _Gone:
            return

    def _require_place(self, whose: str, *, shared: bool) -> None:
        own = self._max_calls if shared else max(1, self._max_calls // 2)
        if self.in_progress >= self._max_calls or self._calls[whose] >= own:
            raise Refused(
                503,
                "Too many calls are in progress. Try again in a moment.",
                why=f"{self.in_progress} calls in progress, {self._calls[whose]} of them for this key",
                headers={"Retry-After": "1"},
            )


def caller_of(request: Any) -> Caller:
    """Who sent this request. Raises KeyError for one that did not come through `Entry`."""
    caller: Caller = request.scope["state"][_CALLER]
    return caller


def _passed_on(scope: Scope, caller: Caller) -> Scope:
    """The request without its credentials: nothing behind this point can log or forward them."""
    headers = [
        (name, value.lower() if name in (b"host", b"origin") else value)
        for name, value in scope["headers"]
        if name not in _CREDENTIALS
    ]
    return {**scope, "headers": headers, "state": {**scope["state"], _CALLER: caller}}


async def _body(scope: Scope, receive: Any) -> bytes:
    """The whole body. Raises Refused (413, 408) or _Gone."""
    for declared in headers_named(scope["headers"], b"content-length"):
        if declared.isdigit() and int(declared[:18]) > MAX_DISCARDED:
            raise _too_large()
    body, length, complete = bytearray(), 0, False
    with anyio.move_on_after(BODY_SECONDS):
        while not complete and length <= MAX_DISCARDED:
            message = await receive()
            if message["type"] != "http.request":
                raise _Gone
            chunk = message.get("body", b"")
            length += len(chunk)
            if length <= MAX_BODY:
                body += chunk
            complete = not message.get("more_body", False)
    if length > MAX_BODY:
        raise _too_large()
    if not complete:
        raise Refused(408, "The request body did not arrive in time.", why="an incomplete body")
    return bytes(body)


def _too_large() -> Refused:
    return Refused(413, "The request body is too large.", why=f"a body larger than {MAX_BODY} bytes")


def _json(body: bytes) -> Any:
    """The message, only to see what it asks for; what is no JSON is for the transport to refuse."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _replaying(body: bytes, receive: Any) -> Callable[[], Awaitable[dict[str, Any]]]:
    waiting = True

    async def replay() -> dict[str, Any]:
        nonlocal waiting
        if waiting:
            waiting = False
            return {"type": "http.request", "body": body, "more_body": False}
        message: dict[str, Any] = await receive()
        return message

    return replay
