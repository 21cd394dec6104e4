"""Records what really happened at the API during a call, from inside the sandbox and without a word of the server's own.

One layer sees what arrives and what is answered, another what is executed and committed, before any colleague's edit.
"""

import json
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from asisso_mcp.sandbox import Fault, Sandbox
from asisso_mcp.sandbox.fault_responses import Message, Receive, Send
from asisso_mcp.sandbox.faults import campaign_of
from asisso_mcp.sandbox.models import to_response
from asisso_mcp.sandbox.routes import AFTER_COMMIT
from asisso_mcp.sandbox.side_effects import foreign_edit

EDITABLE = ("name", "retry_config", "max_concurrency", "schedule_config", "circuit_breaker")

Settings = dict[str, Any]
_ARRIVED = "asisso.arrived"
"""In the ASGI scope: the write as it arrived, for the layer that sees it executed."""
_LONGEST = 1_000_000
"""Bytes of an answer that its reader surely takes."""
_SOON = 0.3
"""Seconds within which its reader surely still waits."""


def settings_of(row: dict[str, Any]) -> Settings:
    """The five settings of a stored row, as the API would show them."""
    response = to_response(row).model_dump(mode="json")
    return {name: response[name] for name in EDITABLE}


def leaves_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """`section.leaf` → value; a list of slots is one leaf."""
    found: dict[str, Any] = {}
    for name in EDITABLE:
        value = settings.get(name)
        if isinstance(value, Mapping):
            found |= {f"{name}.{leaf}": each for leaf, each in value.items()}
        elif value is not None:
            found[name] = value
    return found


@dataclass
class Arrived:
    """A write that reached the API, and how it was answered; instants are `time.monotonic`.

    seen, seen_at: what the API had last shown of this campaign before, and when. status, retry_after, answered_at: None and
    False where no answer left.
    """

    verb: str
    body: Any
    seen: dict[str, Any] | None
    at: float
    seen_at: float
    status: int | None = None
    retry_after: bool = False
    answered_at: float | None = None

    @property
    def surely_not_executed(self) -> bool:
        """Whether its sender could know that it had no effect and asks for patience: 429, 503 with Retry-After."""
        return self.status == 429 or (self.status == 503 and self.retry_after)

    @property
    def outcome_is_uncertain(self) -> bool:
        """Whether its sender could not know from the answer what became of it: none, or one of a broken server."""
        return not self.surely_not_executed and (self.status is None or self.status >= 500)


@dataclass
class Executed:
    """A write that was committed: the stored row just before and just after; `arrivals`: writes that had arrived by then."""

    write: Arrived
    arrivals: int
    before: dict[str, Any]
    after: dict[str, Any]
    at: float = 0.0
    """`time.monotonic`."""
    moment: datetime | None = None
    """By the clock that the server goes by."""

    @property
    def was_late(self) -> bool:
        """Whether the API let it lie: what others stored after it had arrived is not its sender's doing."""
        return self.at > self.write.at + 0.05

    @property
    def had_effect(self) -> bool:
        ignored = ("updated_at", "advanced_at", "check_at")
        return any(self.before[name] != self.after[name] for name in self.before if name not in ignored)


@dataclass
class Watch:
    """What happened to one campaign since somebody began to look."""

    arrived: list[Arrived] = field(default_factory=list)
    executed: list[Executed] = field(default_factory=list)
    reads: list[int] = field(default_factory=list)
    """The status of each answer to a read."""
    calls_answered: list[bool] = field(default_factory=list)
    """Whether each question for its newest call was answered well and soon."""
    fired: list[str] = field(default_factory=list)
    """Kinds of the faults that acted on it, as `kind/when`."""
    colleagues: list[Settings] = field(default_factory=list)
    """Settings that somebody else stored while our call was waiting, oldest first."""

    def only(self, belongs: Callable[[Arrived], bool]) -> "Watch":
        """The same without the writes of another call at the same time."""
        return replace(
            self,
            arrived=[each for each in self.arrived if belongs(each)],
            executed=[each for each in self.executed if belongs(each.write)],
        )


class Recorder:
    """Records what happens in a sandbox. Make it before anybody takes the sandbox's transport or serves it.

    clock: the one that the server goes by.
    """

    def __init__(self, sandbox: Sandbox, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.sandbox, self.clock = sandbox, clock
        self._lookups: deque[tuple[str, float, bool]] = deque(maxlen=4000)
        """Questions about the organisation: the end of the path, when it arrived, whether it was answered well and soon."""
        self.in_progress: dict[int, int] = defaultdict(int)
        """Requests that have arrived and are not over, by campaign."""
        self._seen: dict[int, tuple[dict[str, Any], float]] = {}
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
        return self._seen[campaign_id][0] if campaign_id in self._seen else None

    def look(self, campaign_id: int) -> Watch:
        """A fresh watch; what happens from now on is in it."""
        self._watches[campaign_id] = watch = Watch()
        if campaign_id in self._outer._pending_import_ends:  # a pause that the next read will undo
            watch.fired.append("import-ends/pending")
        return watch

    def answered(self, what: str, since: float, until: float) -> bool:
        """Whether whoever asked for the organisation's `what` between these instants (`time.monotonic`) surely got it."""
        found = [ok for path, at, ok in tuple(self._lookups) if path == what and since <= at <= until]
        return bool(found) and all(found)

    def note_outage(self) -> None:
        """The API goes away: whoever is calling may lose a request or an answer."""
        for watch in tuple(self._watches.values()):
            watch.fired.append("outage")

    def edit(self, campaign_id: int, fields: Settings, watch: Watch) -> None:
        """A colleague stores these settings while the call that is watched waits."""
        self._note_edit(campaign_id, fields, watch)
        foreign_edit(self.sandbox._store, campaign_id, Fault("foreign-edit", fields=fields), None, None)

    def _note_edit(self, campaign_id: int, fields: Settings, watch: Watch) -> None:
        stored = leaves_of(settings_of(self.sandbox.campaign(campaign_id)))
        if any(stored.get(leaf) != value for leaf, value in leaves_of(fields).items()):
            watch.colleagues.append(fields)

    def _note_fault(self, fault: Fault, method: str, path: str) -> bool:
        acts: bool = self._acts(fault, method, path)
        campaign_id = campaign_of(path)
        if acts and campaign_id is not None:
            watch = self._watches[campaign_id]
            watch.fired.append(f"{fault.kind}/{fault.when}")
            if fault.kind == "status" and fault.fields:
                self._note_edit(campaign_id, fault.fields, watch)
        return acts

    async def _arrive(self, scope: Message, receive: Receive, send: Send) -> None:
        campaign_id = campaign_of(scope["path"]) if scope["type"] == "http" else None
        if campaign_id is None:
            await self._arrive_at_organization(scope, receive, send)
            return
        method, answer, body = scope["method"], _Heard(), b""
        arrived: Arrived | None = None

        async def hear() -> Message:
            nonlocal arrived, body
            message = await receive()
            body += message.get("body", b"")
            if method != "GET" and message["type"] == "http.request" and not message.get("more_body"):
                seen, seen_at = self._seen.get(campaign_id, (None, 0.0))
                arrived = Arrived(_verb(scope), json.loads(body) if body else None, seen, time.monotonic(), seen_at)
                self._watches[campaign_id].arrived.append(arrived)
                scope[_ARRIVED] = arrived
            return message

        async def say(message: Message) -> None:
            answer.take(message)
            if arrived is not None and message["type"] == "http.response.start":
                arrived.status, arrived.answered_at = message["status"], time.monotonic()
                arrived.retry_after = any(name == b"retry-after" for name, _ in message["headers"])
            await send(message)

        self.in_progress[campaign_id] += 1
        try:
            await self._outer(scope, hear, say)
        finally:
            self.in_progress[campaign_id] -= 1
            if method == "GET" and _verb(scope) == "runs":
                self._watches[campaign_id].calls_answered.append(answer.is_well_and_soon)
            elif method == "GET":
                self._watches[campaign_id].reads.append(answer.status)
                if (campaign := answer.campaign()) is not None:
                    self._seen[campaign_id] = campaign, time.monotonic()

    async def _arrive_at_organization(self, scope: Message, receive: Receive, send: Send) -> None:
        arrived, answer = time.monotonic(), _Heard()

        async def say(message: Message) -> None:
            answer.take(message)
            await send(message)

        try:
            await self._outer(scope, receive, say)
        finally:
            if scope["type"] == "http" and "/organizations/" in scope["path"]:
                self._lookups.append((_verb(scope), arrived, answer.is_well_and_soon))

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
                now = time.monotonic(), self.clock()
                watch.executed.append(Executed(scope[_ARRIVED], len(watch.arrived), before, after, *now))
            meddle()

        scope[AFTER_COMMIT] = committed
        await self._inner(scope, receive, send)


class _Heard:
    """An answer as it left: the campaign in it, when it is one."""

    def __init__(self) -> None:
        self.status, self._body = 0, b""
        self._began = self._ended = time.monotonic()

    def take(self, message: Message) -> None:
        self._ended = time.monotonic()
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self._body += message.get("body", b"")[:_LONGEST]

    def campaign(self) -> dict[str, Any] | None:
        found = self._json()
        return found if found is not None and "state" in found else None

    @property
    def is_well_and_soon(self) -> bool:
        """Whether its reader surely had it, in time and whole."""
        return self._json() is not None and len(self._body) < _LONGEST and self._ended - self._began < _SOON

    def _json(self) -> dict[str, Any] | None:
        try:
            found = json.loads(self._body) if self.status == 200 else None
        except ValueError:
            return None
        return found if isinstance(found, dict) else None


def _verb(scope: Message) -> str:
    return "edit" if scope["method"] == "PATCH" else str(scope["path"]).rpartition("/")[2]
