"""One tool call of a soak: made, answered or given up, checked at once and once more later."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import anyio
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import REQUEST_TIMEOUT

from asisso_mcp.sandbox import Fault, Sandbox
from tests.fuzz.oracle import Violation, late_violations, violations, violations_after_giving_up
from tests.fuzz.oracle_dialing import Facts, dialing_violations
from tests.fuzz.recorder import EDITABLE, Arrived, Recorder, Watch, settings_of
from tests.fuzz.stored import stored
from tests.soak.faults import TIMEOUT
from tests.soak.tally import Tally, outcome

LATER = 10.0
"""Seconds after the answer at which the writes of a call are looked at again; its campaign rests until then."""
QUIET_SECONDS = 30.0


@dataclass
class Call:
    """A call of a tool on one campaign. `watch`: what happened to that campaign meanwhile, other calls' writes included."""

    tool: str
    arguments: dict[str, Any]
    campaign_id: int
    watch: Watch
    result: dict[str, Any] | None = None
    """None for a call that was given up before it was answered."""
    given_up: float | None = None
    """When the server knew that it was given up, or dropped by a pause (`time.monotonic`)."""

    found: set[Violation] = field(default_factory=set)
    """What was found at once."""

    @property
    def writes(self) -> bool:
        return self.tool not in ("get_campaign", "list_campaigns")

    @property
    def own_watch(self) -> Watch:
        return self.watch.only(self._sent) if "other call" in self.watch.fired else self.watch

    @property
    def told(self) -> str:
        answer = "given up" if self.result is None else self.result["content"][0]["text"]
        return f"{self.tool} {self.arguments} → {answer}"

    def _sent(self, write: Arrived) -> bool:
        if self.tool != "update_campaign":
            return write.verb == self.tool.removesuffix("_campaign")
        named = {name for name in EDITABLE if name in self.arguments}
        return write.verb == "edit" and set(write.body or ()) <= named


class Caller:
    """Makes the calls of one client and checks them."""

    def __init__(self, sandbox: Sandbox, recorder: Recorder, client: Client, tally: Tally) -> None:
        self._sandbox, self._recorder, self._client, self._tally = sandbox, recorder, client, tally
        self._dice = random.Random(0)  # noqa: S311 - repeatable

    @contextmanager
    def faults(self, *faults: Fault) -> Iterator[None]:
        """Faults that are there while the block lasts."""
        for fault in faults:
            self._sandbox.faults.add(fault)
        try:
            yield
        finally:
            for fault in faults:
                self._sandbox.faults.remove(fault)
                self._tally.count(fault)

    def watch(self, campaign_id: int) -> Watch:
        return self._recorder.look(campaign_id)

    async def make(
        self, tool: str, arguments: dict[str, Any], *, watch: Watch | None = None, patience: float | None = None
    ) -> Call:
        """Call, and check the answer. With `patience`, the caller gives up after so many seconds.

        watch: one that another call on the same campaign has as well.
        """
        campaign_id = arguments["campaign_id"]
        call = Call(tool, arguments, campaign_id, watch or self.watch(campaign_id))
        before = stored(self._sandbox, campaign_id)
        self._tally.calls[tool] += 1
        began, began_at = time.monotonic(), datetime.now(UTC)
        try:
            call.result = await self._ask(tool, arguments, patience)
        except MCPError as error:
            self._tally.protocol_errors.append(f"{tool} {arguments}: {error}")
        self._tally.slowest = max(self._tally.slowest, time.monotonic() - began)
        if call.result is None:
            # What the server answers now, it answers after it has heard that the call was given up.
            await self._client.list_tools(cache_mode="bypass")
            call.given_up = time.monotonic()
            self._tally.outcomes["given up by its caller, no answer"] += 1
            return call
        self._tally.outcomes[outcome(call.result)] += 1
        ended, ended_at = time.monotonic(), datetime.now(UTC)
        await self._quiet(campaign_id)
        now = stored(self._sandbox, campaign_id)
        own = call.own_watch
        found = violations(tool, arguments, call.result, watch=own, before=before.row, now=now.row)
        asked_until = max((each.at for each in own.arrived), default=ended)
        could_ask = "outage" not in own.fired and asked_until - began < TIMEOUT * 0.9  # else it may have waited in vain
        facts = Facts(
            before,
            now,
            began_at,
            ended_at,
            telephony=could_ask and self._recorder.answered("telephony-configs", began, asked_until),
            call_limit=could_ask and self._recorder.answered("campaign-defaults", began, asked_until),
        )
        found += dialing_violations(tool, arguments, call.result, watch=call.watch, facts=facts)
        call.found.update(found)
        self._tally.add(call.told, found)
        self._tally.count_statements(call.result["content"][0]["text"])
        if tool == "get_campaign" and not call.result["isError"] and not call.watch.fired:
            self._check_reading(call, dict(now.row))
        return call

    async def _ask(self, tool: str, arguments: dict[str, Any], patience: float | None) -> dict[str, Any] | None:
        """The result; None when patience ended before it came. Both ways in which the SDK's client gives up are used."""
        answer = None
        if patience is not None and self._dice.random() < 0.5:
            try:
                answer = await self._client.call_tool(tool, arguments, read_timeout_seconds=patience)
            except MCPError as error:
                if error.code != REQUEST_TIMEOUT:
                    raise
        else:
            with anyio.move_on_after(patience):
                answer = await self._client.call_tool(tool, arguments)
        return None if answer is None else answer.model_dump(by_alias=True, mode="json", exclude_none=True)

    def look_later(self, call: Call) -> None:
        """Check again, when `LATER` seconds have passed: only what was not found at once."""
        self._tally.looked_later += 1
        watch = call.own_watch
        found = set(violations_after_giving_up(call.tool, call.arguments, watch=watch, given_up=call.given_up))
        if call.result is not None:
            found |= set(late_violations(call.tool, call.arguments, call.result, watch=watch))
        self._tally.add(call.told, found - call.found)

    def _check_reading(self, call: Call, now: dict[str, Any]) -> None:
        assert call.result is not None
        structure = call.result["structuredContent"]
        seen = self._recorder.seen(call.campaign_id) or {}
        shown = {
            **settings_of(now),
            **{name: seen[name] for name in ("retry_config", "schedule_config") if name in seen},
        }
        names = ("retry_config", "max_concurrency", "schedule_config", "circuit_breaker")
        if wrong := [name for name in names if structure.get(name) != shown[name]]:
            self._tally.violations["wrong"].append(f"showed another {', '.join(wrong)} than the API has: {call.told}")

    async def _quiet(self, campaign_id: int) -> None:
        """Until no request about this campaign is under way: a late write belongs to the call that sent it."""
        with anyio.fail_after(QUIET_SECONDS):
            while self._recorder.in_progress[campaign_id]:  # noqa: ASYNC110 - another thread's count
                await anyio.sleep(0.002)
