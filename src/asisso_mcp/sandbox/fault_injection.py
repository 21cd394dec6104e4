"""The ASGI layer around the routes that records every request and injects the faults."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus

from starlette.requests import ClientDisconnect, Request

from asisso_mcp.sandbox import side_effects
from asisso_mcp.sandbox.fault_responses import (
    INSTEAD,
    SPOILING,
    App,
    BufferedResponse,
    Message,
    Receive,
    RecordedRequest,
    RequestContext,
    Send,
    parse_json,
)
from asisso_mcp.sandbox.faults import Fault, Faults, campaign_of
from asisso_mcp.sandbox.models import to_response
from asisso_mcp.sandbox.routes import AFTER_COMMIT
from asisso_mcp.sandbox.store import Store


class FaultInjector:
    """The ASGI application of a sandbox: records every request and injects the faults."""

    def __init__(self, app: App, store: Store, faults: Faults, record: Callable[[RecordedRequest], None]) -> None:
        self._app, self._store, self._faults, self._record = app, store, faults, record
        self._pending_import_ends: set[int] = set()
        self._late: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        """Cancel requests that were to be executed later; may be called from any thread."""
        for task in tuple(self._late):
            if not (loop := task.get_loop()).is_closed():
                loop.call_soon_threadsafe(task.cancel)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one ASGI request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            body = await Request(scope, receive).body()
        except ClientDisconnect:
            return
        method, path = scope["method"], scope["path"]
        acting = [fault for fault in self._faults if self._acts(fault, method, path)]
        recorded = RecordedRequest(method, path, parse_json(body))
        context = RequestContext(scope, _replay(body, receive), send, recorded, acting)
        self._record(recorded)
        try:
            await self._respond(context, body)
        finally:
            if method == "GET" and "/campaign/" in path:
                self._end_imports(context.campaign)

    def _acts(self, fault: Fault, method: str, path: str) -> bool:
        if not fault.matches(method, path):
            return False
        if (
            fault.kind == "trip"
            and fault.when == "before"
            and not side_effects.can_trip(self._store, campaign_of(path))
        ):
            return False
        return fault.fires()

    async def _respond(self, context: RequestContext, body: bytes) -> None:
        await context.wait("before")
        for fault in context.acting:
            if fault.kind in INSTEAD:
                if fault.kind == "status" and fault.fields and context.campaign is not None:
                    side_effects.foreign_edit(self._store, context.campaign, fault, None, None)
                if fault.executed_after is not None:
                    self._execute_later(fault.executed_after, context.scope, body)
                await INSTEAD[fault.kind](fault, context)
                return
        if not context.acting:
            await self._app(context.scope, context.receive, context.send)
            return
        answer = context.answer
        try:
            await self._run_with_side_effects(context)
        except Exception:
            if answer.status is not None:
                await context.reply(answer.status, answer.headers, answer.body)
            raise
        await context.wait("after")
        for fault in context.acting:
            if fault.kind in SPOILING:
                await SPOILING[fault.kind](fault, context)
                return
        await context.reply(answer.status or 500, answer.headers, answer.body)

    def _execute_later(self, seconds: float, scope: Message, body: bytes) -> None:
        """Execute a refused request after `seconds`, whatever becomes of its caller and connection."""

        async def execute() -> None:
            await asyncio.sleep(seconds)
            with suppress(Exception):  # an error inside: nobody waits for the answer that a server would make of it
                await self._app(dict(scope), _replay(body, _disconnected), BufferedResponse().hold)

        task = asyncio.create_task(execute())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def _run_with_side_effects(self, context: RequestContext) -> None:
        campaign = context.campaign
        if campaign is None:
            await self._app(context.scope, context.receive, context.answer.hold)
            return
        edits = [fault for fault in context.acting if fault.kind == "foreign-edit"]
        trips = [fault for fault in context.acting if fault.kind == "trip"]
        stale = self._store.row(campaign) if edits else None

        def edit(*when: str) -> None:
            for fault in edits:
                if fault.when in when:
                    late = stale if fault.when in ("overwrite", "lost") else None
                    side_effects.foreign_edit(self._store, campaign, fault, context.recorded.json, late)

        def trip(when: str) -> None:
            if any(fault.when == when for fault in trips):
                side_effects.trip(self._store, campaign)

        trip("before")
        edit("before")
        if any(fault.kind == "stale-body" for fault in context.acting) and (row := self._store.row(campaign)):
            context.stale = to_response(row).model_dump_json().encode()
        context.scope[AFTER_COMMIT] = lambda: edit("lost")
        await self._app(context.scope, context.receive, context.answer.hold)
        if context.answer.status == HTTPStatus.OK:
            edit("after", "overwrite")
            trip("after")
            self._schedule_import_end(context.acting, campaign)

    def _schedule_import_end(self, acting: list[Fault], campaign: int) -> None:
        for fault in acting:
            if fault.kind == "import-ends" and fault.seconds is not None:
                side_effects.end_import(self._store, campaign, fault.seconds)
            elif fault.kind == "import-ends":
                self._pending_import_ends.add(campaign)

    def _end_imports(self, campaign: int | None) -> None:
        read = set(self._pending_import_ends) if campaign is None else self._pending_import_ends & {campaign}
        for ended in read:
            self._pending_import_ends.discard(ended)
            side_effects.end_import(self._store, ended, 0)


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
