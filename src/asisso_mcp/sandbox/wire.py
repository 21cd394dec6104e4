"""What does a fault do to a request on its way in and its answer on the way out? An ASGI layer around the routes.

A dropped connection needs the transport: whoever drives the application puts a function under `HANG_UP` in the scope's
extensions ("flush" sends what is written and closes, "close" closes at once, "reset" sends a TCP reset).
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.client import responses
from typing import Any

from asisso_mcp.sandbox import meddling
from asisso_mcp.sandbox.faults import Fault, Faults, campaign_of
from asisso_mcp.sandbox.routes import AFTER_COMMIT
from asisso_mcp.sandbox.shown import shown
from asisso_mcp.sandbox.store import Store

HANG_UP = "asisso.hang_up"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

_PLAIN = [(b"content-type", b"text/plain; charset=utf-8")]
_JSON = [(b"content-type", b"application/json")]
_CHUNK = 65_536


@dataclass
class Recorded:
    """One request as it came in: `json` is its body or None, `status` what was answered, None for no answer (yet)."""

    method: str
    path: str
    json: Any
    status: int | None = None


class Broken(RuntimeError):
    """Raised after a 500 was sent, so that the server closes the connection as after an unhandled error."""


class Answer:
    """A response held back until the faults have looked at it."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""

    async def hold(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        else:
            self.body += message.get("body", b"")

    def headers_for(self, length: int | None) -> list[tuple[bytes, bytes]]:
        kept = [(name, value) for name, value in self.headers if name.lower() != b"content-length"]
        return kept if length is None else [*kept, (b"content-length", str(length).encode())]


class _Visit:
    """One request on its way through: who may speak, what acts on it, and the answer held back."""

    def __init__(self, scope: Message, receive: Receive, send: Send, recorded: Recorded, acting: list[Fault]) -> None:
        self.scope, self.receive, self._send = scope, receive, send
        self.recorded, self.acting = recorded, acting
        self.campaign = campaign_of(scope["path"])
        self.answer = Answer()
        self.stale = b""
        """The campaign as it was shown before the request, where a fault asks for it."""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.recorded.status = message["status"]
        await self._send(message)

    async def reply(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})

    async def wait(self, when: str) -> None:
        for fault in self.acting:
            if fault.kind == "delay" and fault.when == when:
                await asyncio.sleep(fault.seconds or 0)

    async def hang_up(self, how: str) -> None:
        hang_up = self.scope.get("extensions", {}).get(HANG_UP)
        if hang_up is None:
            raise Broken("this server offers no way to drop a connection")
        hang_up(how)
        while (await self.receive())["type"] != "http.disconnect":
            pass


class Wire:
    """The ASGI application of a sandbox: records every request, and lets the faults act."""

    def __init__(self, app: App, store: Store, faults: Faults, record: Callable[[Recorded], None]) -> None:
        self._app, self._store, self._faults, self._record = app, store, faults, record
        self._undone: set[int] = set()
        self._late: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        """What was to be executed later is not executed any more; may be called from any thread."""
        for task in tuple(self._late):
            if not (loop := task.get_loop()).is_closed():
                loop.call_soon_threadsafe(task.cancel)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = await _read(receive)
        method, path = scope["method"], scope["path"]
        acting = [fault for fault in self._faults if self._acts(fault, method, path)]
        recorded = Recorded(method, path, _parsed(body))
        visit = _Visit(scope, _replay(body, receive), send, recorded, acting)
        self._record(recorded)
        try:
            await self._exchange(visit, body)
        finally:
            if method == "GET" and "/campaign/" in path:
                self._undo_pauses(visit.campaign)

    def _acts(self, fault: Fault, method: str, path: str) -> bool:
        if not fault.matches(method, path):
            return False
        if fault.kind == "trip" and fault.when == "before" and not meddling.can_trip(self._store, campaign_of(path)):
            return False
        return fault.fires()

    async def _exchange(self, visit: _Visit, body: bytes) -> None:
        await visit.wait("before")
        for fault in visit.acting:
            if fault.kind in _INSTEAD:
                if fault.kind == "status" and fault.fields and visit.campaign is not None:
                    meddling.foreign_edit(self._store, visit.campaign, fault, None, None)
                if fault.executed_after is not None:
                    self._execute_later(fault.executed_after, visit.scope, body)
                await _INSTEAD[fault.kind](fault, visit)
                return
        if not visit.acting:
            await self._app(visit.scope, visit.receive, visit.send)
            return
        answer = visit.answer
        try:
            await self._meddled(visit)
        except Exception:
            if answer.status is not None:
                await visit.reply(answer.status, answer.headers, answer.body)
            raise
        await visit.wait("after")
        for fault in visit.acting:
            if fault.kind in _SPOILING:
                await _SPOILING[fault.kind](fault, visit)
                return
        await visit.reply(answer.status or 500, answer.headers, answer.body)

    def _execute_later(self, seconds: float, scope: Message, body: bytes) -> None:
        """Execute a request that was turned away, whatever becomes of its caller and connection."""

        async def execute() -> None:
            await asyncio.sleep(seconds)
            with suppress(Exception):  # an error inside: nobody waits for the answer that a server would make of it
                await self._app(dict(scope), _replay(body, _disconnected), Answer().hold)

        task = asyncio.create_task(execute())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def _meddled(self, visit: _Visit) -> None:
        campaign = visit.campaign
        if campaign is None:
            await self._app(visit.scope, visit.receive, visit.answer.hold)
            return
        edits = [fault for fault in visit.acting if fault.kind == "foreign-edit"]
        trips = [fault for fault in visit.acting if fault.kind == "trip"]
        stale = self._store.row(campaign) if edits else None

        def edit(*when: str) -> None:
            for fault in edits:
                if fault.when in when:
                    late = stale if fault.when in ("overwrite", "lost") else None
                    meddling.foreign_edit(self._store, campaign, fault, visit.recorded.json, late)

        def trip(when: str) -> None:
            if any(fault.when == when for fault in trips):
                meddling.trip(self._store, campaign)

        trip("before")
        edit("before")
        if any(fault.kind == "stale-body" for fault in visit.acting) and (row := self._store.row(campaign)):
            visit.stale = shown(row).model_dump_json().encode()
        visit.scope[AFTER_COMMIT] = lambda: edit("lost")
        await self._app(visit.scope, visit.receive, visit.answer.hold)
        if visit.answer.status == HTTPStatus.OK:
            edit("after", "overwrite")
            trip("after")
            self._promise_unsync(visit.acting, campaign)

    def _promise_unsync(self, acting: list[Fault], campaign: int) -> None:
        for fault in acting:
            if fault.kind == "unsync" and fault.seconds is not None:
                meddling.unsync(self._store, campaign, fault.seconds)
            elif fault.kind == "unsync":
                self._undone.add(campaign)

    def _undo_pauses(self, campaign: int | None) -> None:
        read = set(self._undone) if campaign is None else self._undone & {campaign}
        for undone in read:
            self._undone.discard(undone)
            meddling.unsync(self._store, undone, 0)


async def _read(receive: Receive) -> bytes:
    """The whole body of a request, or what came of it before the caller hung up."""
    body: bytes = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return body
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once, and then what `receive` gives."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def _disconnected() -> Message:
    return {"type": "http.disconnect"}


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


async def _refuse(fault: Fault, visit: _Visit) -> None:
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
    await visit.reply(fault.code, headers, body)


async def _redirect(fault: Fault, visit: _Visit) -> None:
    target = fault.location or f"https://elsewhere.example{visit.scope['path']}"
    await visit.reply(307, [(b"location", target.encode()), (b"content-length", b"0")], b"")


async def _drop(fault: Fault, visit: _Visit) -> None:
    await visit.hang_up(fault.how)


async def _error(fault: Fault, visit: _Visit) -> None:
    text = b"Internal Server Error"
    await visit.reply(500, [*_PLAIN, (b"content-length", str(len(text)).encode())], text)
    raise Broken(fault.kind)


async def _garble(fault: Fault, visit: _Visit) -> None:  # noqa: ARG001 - one shape for all
    half = visit.answer.body[: len(visit.answer.body) // 2]
    await visit.reply(200, visit.answer.headers_for(len(half)), half)


async def _cut(fault: Fault, visit: _Visit) -> None:  # noqa: ARG001
    answer = visit.answer
    headers = answer.headers_for(len(answer.body))
    await visit.send({"type": "http.response.start", "status": answer.status or 500, "headers": headers})
    half = answer.body[: len(answer.body) // 2]
    await visit.send({"type": "http.response.body", "body": half, "more_body": True})
    await visit.hang_up("flush")


async def _swell(fault: Fault, visit: _Visit) -> None:
    # Still JSON, of unknown length: the real answer with one long text before its own keys.
    answer = visit.answer
    await visit.send({"type": "http.response.start", "status": 200, "headers": answer.headers_for(None)})
    await visit.send({"type": "http.response.body", "body": b'{"padding":"', "more_body": True})
    for start in range(0, fault.bytes, _CHUNK):
        padding = b"x" * min(_CHUNK, fault.bytes - start)
        await visit.send({"type": "http.response.body", "body": padding, "more_body": True})
    await visit.send({"type": "http.response.body", "body": b'",' + answer.body[1:]})


async def _show_stale(fault: Fault, visit: _Visit) -> None:  # noqa: ARG001
    await _show_instead(visit, visit.stale)


async def _show_minimal(fault: Fault, visit: _Visit) -> None:  # noqa: ARG001
    answer = _parsed(visit.answer.body) or {}
    await _show_instead(visit, json.dumps({name: answer.get(name) for name in ("id", "name", "state")}).encode())


async def _show_instead(visit: _Visit, body: bytes) -> None:
    """Another body for a success; an error stays as it is."""
    answer = visit.answer
    if answer.status == HTTPStatus.OK:
        answer.headers, answer.body = answer.headers_for(len(body)), body
    await visit.reply(answer.status or 500, answer.headers, answer.body)


_Act = Callable[[Fault, _Visit], Awaitable[None]]
_INSTEAD: dict[str, _Act] = {"status": _refuse, "redirect": _redirect, "drop-before": _drop}
_SPOILING: dict[str, _Act] = {
    "drop-after": _drop,
    "error-after": _error,
    "broken-json": _garble,
    "cut-body": _cut,
    "huge-body": _swell,
    "stale-body": _show_stale,
    "minimal-body": _show_minimal,
}
