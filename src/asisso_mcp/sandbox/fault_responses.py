"""The responses of faults: instead of those of the routes, or made of them.

A dropped connection needs the transport: whoever drives the application puts a function under `HANG_UP` in the scope's
extensions ("flush" sends what is written and closes, "close" closes at once, "reset" sends a TCP reset).
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from http.client import responses
from typing import Any

from asisso_mcp.sandbox.faults import Fault, campaign_of

HANG_UP = "asisso.hang_up"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

_PLAIN = [(b"content-type", b"text/plain; charset=utf-8")]
_JSON = [(b"content-type", b"application/json")]
_CHUNK = 65_536


@dataclass
class RecordedRequest:
    """One request: `json` is its decoded body or None, `status` that of the response, None where there is none (yet)."""

    method: str
    path: str
    json: Any
    status: int | None = None


class AbortConnection(RuntimeError):
    """Raised after a 500 was sent, so that the server closes the connection as after an unhandled error."""


class BufferedResponse:
    """A response held back until the faults have looked at it."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""

    async def hold(self, message: Message) -> None:
        """The `send` of an ASGI call whose response is kept here."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        else:
            self.body += message.get("body", b"")

    def headers_for(self, length: int | None) -> list[tuple[bytes, bytes]]:
        """The headers for another body of `length` bytes, or, with None, of unknown length."""
        kept = [(name, value) for name, value in self.headers if name.lower() != b"content-length"]
        return kept if length is None else [*kept, (b"content-length", str(length).encode())]


class RequestContext:
    """One request in progress: its ASGI scope, the faults that act on it, and the response that is held back."""

    def __init__(
        self, scope: Message, receive: Receive, send: Send, recorded: RecordedRequest, acting: list[Fault]
    ) -> None:
        self.scope, self.receive, self._send = scope, receive, send
        self.recorded, self.acting = recorded, acting
        self.campaign = campaign_of(scope["path"])
        self.answer = BufferedResponse()
        self.stale = b""
        """The campaign as it was shown before the request, where a fault asks for it."""

    async def send(self, message: Message) -> None:
        """Send an ASGI message to the caller, and record the status."""
        if message["type"] == "http.response.start":
            self.recorded.status = message["status"]
        await self._send(message)

    async def reply(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        """Send a whole response."""
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})

    async def wait(self, when: str) -> None:
        """Wait as long as the `delay` faults say that act `before` or `after` execution."""
        for fault in self.acting:
            if fault.kind == "delay" and fault.when == when:
                await asyncio.sleep(fault.seconds or 0)

    async def hang_up(self, how: str) -> None:
        """Drop the connection. Raises AbortConnection where the server cannot do that."""
        hang_up = self.scope.get("extensions", {}).get(HANG_UP)
        if hang_up is None:
            raise AbortConnection("this server cannot drop a connection")
        hang_up(how)
        while (await self.receive())["type"] != "http.disconnect":
            pass


def parse_json(body: bytes) -> Any:
    """The value of a JSON body; None for anything else."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


async def _refuse(fault: Fault, context: RequestContext) -> None:
    text, kind = fault.body, _PLAIN
    if text is None:
        phrase = responses.get(fault.code, "Error")
        text = phrase if fault.code >= 500 else json.dumps({"detail": phrase})
    if text.startswith(("{", "[")):
        kind = _JSON
    body = text.encode()
    headers = [*kind, (b"content-length", str(len(body)).encode())]
    if fault.retry_after is not None:
        headers.append((b"retry-after", str(fault.retry_after).encode()))
    await context.reply(fault.code, headers, body)


async def _redirect(fault: Fault, context: RequestContext) -> None:
    target = fault.location or f"https://elsewhere.example{context.scope['path']}"
    await context.reply(307, [(b"location", target.encode()), (b"content-length", b"0")], b"")


async def _drop(fault: Fault, context: RequestContext) -> None:
    await context.hang_up(fault.how)


async def _error(fault: Fault, context: RequestContext) -> None:
    text = b"Internal Server Error"
    await context.reply(500, [*_PLAIN, (b"content-length", str(len(text)).encode())], text)
    raise AbortConnection(fault.kind)


async def _truncate_json(fault: Fault, context: RequestContext) -> None:  # noqa: ARG001 - one shape for all
    half = context.answer.body[: len(context.answer.body) // 2]
    await context.reply(200, context.answer.headers_for(len(half)), half)


async def _cut_body(fault: Fault, context: RequestContext) -> None:  # noqa: ARG001
    answer = context.answer
    headers = answer.headers_for(len(answer.body))
    await context.send({"type": "http.response.start", "status": answer.status or 500, "headers": headers})
    half = answer.body[: len(answer.body) // 2]
    await context.send({"type": "http.response.body", "body": half, "more_body": True})
    await context.hang_up("flush")


async def _oversize_body(fault: Fault, context: RequestContext) -> None:
    # Still JSON, of unknown length: the real answer with one long text before its own seed.
    answer = context.answer
    await context.send({"type": "http.response.start", "status": 200, "headers": answer.headers_for(None)})
    await context.send({"type": "http.response.body", "body": b'{"padding":"', "more_body": True})
    for start in range(0, fault.bytes, _CHUNK):
        padding = b"x" * min(_CHUNK, fault.bytes - start)
        await context.send({"type": "http.response.body", "body": padding, "more_body": True})
    await context.send({"type": "http.response.body", "body": b'",' + answer.body[1:]})


async def _show_stale(fault: Fault, context: RequestContext) -> None:  # noqa: ARG001
    await _show_instead(context, context.stale)


async def _show_minimal(fault: Fault, context: RequestContext) -> None:  # noqa: ARG001
    answer = parse_json(context.answer.body) or {}
    await _show_instead(context, json.dumps({name: answer.get(name) for name in ("id", "name", "state")}).encode())


async def _show_instead(context: RequestContext, body: bytes) -> None:
    """Another body for a success; an error stays as it is."""
    answer = context.answer
    if answer.status == HTTPStatus.OK:
        answer.headers, answer.body = answer.headers_for(len(body)), body
    await context.reply(answer.status or 500, answer.headers, answer.body)


_Act = Callable[[Fault, RequestContext], Awaitable[None]]
INSTEAD: dict[str, _Act] = {"status": _refuse, "redirect": _redirect, "drop-before": _drop}
SPOILING: dict[str, _Act] = {
    "drop-after": _drop,
    "error-after": _error,
    "broken-json": _truncate_json,
    "cut-body": _cut_body,
    "huge-body": _oversize_body,
    "stale-body": _show_stale,
    "minimal-body": _show_minimal,
}
