"""Servers that are told to end in the middle of a call, each a process of its own, in either era of the protocol."""

import random
import signal
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio
from mcp import Client
from mcp.shared.exceptions import MCPError

from asisso_mcp.sandbox import KEY, TOKEN, Fault, Sandbox
from tests.fuzz.oracle import Violation
from tests.fuzz.recorder import Recorder
from tests.soak.calls import LATER, Call, Caller
from tests.soak.process import Server
from tests.soak.situations import make_ready
from tests.soak.tally import Tally
from tests.soak.traffic import METHODS, RETRY_AFTER


class Endings:
    """Starts servers and ends them, each on a campaign that no other call touches until the later look."""

    def __init__(
        self,
        sandbox: Sandbox,
        recorder: Recorder,
        environment: dict[str, str],
        tally: Tally,
        *,
        dice: random.Random,
        at: datetime,
    ) -> None:
        self._sandbox, self._recorder, self._environment = sandbox, recorder, environment
        self._tally, self._dice, self._at = tally, dice, at
        self.done = self.leaked = 0
        """Servers that were ended, secrets in their output."""
        self.tracebacks: list[str] = []

    async def run(self, times: int, campaigns: list[int]) -> None:
        """So many processes, one after another, on these campaigns in turn."""
        async with anyio.create_task_group() as tasks:
            for number in range(times):
                campaign_id = campaigns[number % len(campaigns)]
                tool = self._dice.choice(tuple(METHODS))
                trouble = self._dice.choice(("at any moment", "during a Retry-After", "during a write"))
                sent = self._dice.choice((signal.SIGTERM, signal.SIGTERM, signal.SIGINT))
                mode = ("legacy", "auto")[number % 2]
                began = time.monotonic()
                with tempfile.TemporaryDirectory() as folder:
                    server = Server(self._environment, secrets=(KEY, TOKEN), stderr=Path(folder) / "stderr")
                    call = await self._end(server, campaign_id, tool, trouble, sent, mode)
                    self._check_ending(server, call, sent)
                    self.leaked += server.secrets_seen + server.stderr_secrets()
                    self.tracebacks += server.tracebacks()
                self.done += 1
                tasks.start_soon(self._look_later, call)
                # A campaign comes again when its later look is done.
                await anyio.sleep(max(0.0, LATER / len(campaigns) + 0.1 - (time.monotonic() - began)))

    async def _look_later(self, call: Call) -> None:
        await anyio.sleep(LATER)
        Caller(self._sandbox, self._recorder, None, self._tally).look_later(call)  # type: ignore[arg-type]

    async def _end(
        self, server: Server, campaign_id: int, tool: str, trouble: str, sent: signal.Signals, mode: str
    ) -> Call:
        make_ready(self._sandbox, tool, campaign_id, self._at)
        arguments: dict[str, Any] = {"campaign_id": campaign_id}
        if tool == "update_campaign":
            arguments["retry_config"] = {"max_retries": self._dice.randint(0, 10)}
        arranged = {
            "at any moment": [],
            "during a Retry-After": [
                Fault("status", code=429, retry_after=RETRY_AFTER, method=METHODS[tool], campaign=campaign_id, times=1)
            ],
            "during a write": [
                Fault("delay", seconds=0.4, when="after", method=METHODS[tool], campaign=campaign_id, times=1)
            ],
        }[trouble]
        moment = {
            "at any moment": self._dice.uniform(0, 0.06),
            "during a Retry-After": self._dice.uniform(0.1, 0.6),
            "during a write": self._dice.uniform(0.1, 0.3),
        }[trouble]
        async with Client(server.transport(), mode=mode) as client:
            await client.list_tools()
            caller = Caller(self._sandbox, self._recorder, client, self._tally)
            call = Call(tool, arguments, campaign_id, caller.watch(campaign_id))

            async def ask() -> None:
                try:
                    answer = await client.call_tool(tool, arguments)
                except MCPError:  # it ended without an answer
                    return
                call.result = answer.model_dump(by_alias=True, mode="json", exclude_none=True)

            self._tally.calls[tool] += 1
            with caller.faults(*arranged):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(ask)
                    await self._until_it_waits(call, arranged)
                    await anyio.sleep(moment)
                    server.signal(sent)
                    call.given_up = time.monotonic()
                    self._tally.troubles[f"{sent.name} {trouble}, {mode} era"] += 1
        return call

    async def _until_it_waits(self, call: Call, arranged: list[Fault]) -> None:
        """Until the write has arrived at which the trouble begins."""
        with anyio.move_on_after(2):
            while arranged and not call.watch.arrived:  # noqa: ASYNC110 - another thread's list
                await anyio.sleep(0.005)

    def _check_ending(self, server: Server, call: Call, sent: signal.Signals) -> None:
        """It ended by itself, and what became of a write was said: to the caller, or on stderr."""
        self._tally.outcomes["the server was told to end, " + ("answered" if call.result else "no answer")] += 1
        if server.returncode != 128 + sent:
            self._tally.protocol_errors.append(f"a server that got {sent.name} ended with {server.returncode}")
        said = server.stderr()
        told = f"campaign {call.campaign_id}" in said and "utcome of" in said
        if call.result is None and any(each.had_effect for each in call.watch.executed) and not told:
            silent = Violation("wrong", f"a write was executed, and neither an answer nor stderr ({said!r}) told it")
            self._tally.add(call.told, [silent])
