"""What really happened at the API during a call? Seen from inside the sandbox, without a word of the server's own.

One layer sees what arrives and what is answered, another what is executed and committed, before any colleague's edit.
"""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from asisso_mcp.sandbox import Fault, Sandbox
from asisso_mcp.sandbox.faults import campaign_of
from asisso_mcp.sandbox.routes import AFTER_COMMIT
from asisso_mcp.sandbox.shown import shown
from asisso_mcp.sandbox.wire import Message, Receive, Send

EDITABLE = ("name", "retry_config", "max_concurrency", "schedule_config", "circuit_breaker")

Settings = dict[str, Any]


def settings_of(row: dict[str, Any]) -> Settings:
    """The five settings of a stored row, as the API would show them."""
    response = shown(row).model_dump(mode="json")
    return {name: response[name] for name in EDITABLE}


@dataclass
class Arrived:
    """A write that reached the API; `seen`: what the API had last shown of this campaign before."""

    verb: str
    body: Any
    seen: dict[str, Any] | None


@dataclass
class Executed:
    """A write that was committed: the stored row just before and just after; `arrivals`: writes that had arrived by then."""

    verb: str
    arrivals: int
    before: dict[str, Any]
    after: dict[str, Any]

    @property
    def had_effect(self) -> bool:
        ignored = ("updated_at", "advanced_at", "check_at")
        return any(self.before[name] != self.after[name] for name in self.before if name not in ignored)


@dataclass
class Watch:
    """What happened to one campaign since somebody began to look."""

    arrived: list[Arrived] = field(default_factory=list)
    executed: list[Executed] = field(default_factory=list)
    fired: list[str] = field(default_factory=list)
    """Kinds of the faults that acted on it, as `kind/when`."""


class Witness:
    """Watches a sandbox from the moment it is made: before anybody takes the sandbox's transport or serves it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.in_progress: dict[int, int] = defaultdict(int)
        """Requests that have arrived and are not over, by campaign."""
        self._seen: dict[int, dict[str, Any]] = {}
        self._watches: dict[int, Watch] = defaultdict(Watch)
        wire: Any = sandbox.app
        self._outer, self._inner = wire, wire._app
        wire._app, self._acts = self._execute, wire._acts
        wire._acts = self._note_fault

        async def app(scope: Message, receive: Receive, send: Send) -> None:  # a server wants a plain function
            await self._arrive(scope, receive, send)

        sandbox.app = app

    def seen(self, campaign_id: int) -> dict[str, Any] | None:
        """The campaign as the API last showed it."""
        return self._seen.get(campaign_id)

    def look(self, campaign_id: int) -> Watch:
        """A fresh watch; what happens from now on is in it."""
        self._watches[campaign_id] = watch = Watch()
        if campaign_id in self._outer._undone:  # a pause that the next read will undo
            watch.fired.append("unsync/pending")
        return watch

    def _note_fault(self, fault: Fault, method: str, path: str) -> bool:
        acts: bool = self._acts(fault, method, path)
        campaign_id = campaign_of(path)
        if acts and campaign_id is not None:
            self._watches[campaign_id].fired.append(f"{fault.kind}/{fault.when}")
        return acts

    async def _arrive(self, scope: Message, receive: Receive, send: Send) -> None:
        campaign_id = campaign_of(scope["path"]) if scope["type"] == "http" else None
        if campaign_id is None:
            await self._outer(scope, receive, send)
            return
        method, answer = scope["method"], _Heard()
        body = b""

        async def hear() -> Message:
            nonlocal body
            message = await receive()
            body += message.get("body", b"")
            if method != "GET" and message["type"] == "http.request" and not message.get("more_body"):
                arrived = Arrived(_verb(scope), json.loads(body) if body else None, self._seen.get(campaign_id))
                self._watches[campaign_id].arrived.append(arrived)
            return message

        async def say(message: Message) -> None:
            answer.take(message)
            await send(message)

        self.in_progress[campaign_id] += 1
        try:
            await self._outer(scope, hear, say)
        finally:
            self.in_progress[campaign_id] -= 1
            if method == "GET" and (campaign := answer.campaign()) is not None:
                self._seen[campaign_id] = campaign

    async def _execute(self, scope: Message, receive: Receive, send: Send) -> None:
        campaign_id = campaign_of(scope["path"])
        if scope["method"] == "GET" or campaign_id is None:
            await self._inner(scope, receive, send)
            return
        before = self.sandbox._store.row(campaign_id)
        meddle = scope.get(AFTER_COMMIT, lambda: None)

        def committed() -> None:
            after = self.sandbox._store.row(campaign_id)
            if before is not None and after is not None:
                watch = self._watches[campaign_id]
                watch.executed.append(Executed(_verb(scope), len(watch.arrived), before, after))
            meddle()

        scope[AFTER_COMMIT] = committed
        await self._inner(scope, receive, send)


class _Heard:
    """An answer as it left: the campaign in it, when it is one."""

    def __init__(self) -> None:
        self._status, self._body = 0, b""

    def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
        else:
            self._body += message.get("body", b"")[:1_000_000]

    def campaign(self) -> dict[str, Any] | None:
        try:
            found = json.loads(self._body) if self._status == 200 else None
        except ValueError:
            return None
        return found if isinstance(found, dict) and "state" in found else None


def _verb(scope: Message) -> str:
    return "edit" if scope["method"] == "PATCH" else str(scope["path"]).rpartition("/")[2]
