"""The API goes away and comes back: connections are refused meanwhile, and colleagues edit what calls are waiting for."""

import random
from collections.abc import Callable

import anyio
import anyio.to_thread

from asisso_mcp.sandbox import Fault, RunningServer, Sandbox
from tests.fuzz.recorder import Recorder, Watch
from tests.soak.faults import COLLEAGUES
from tests.soak.tally import Tally

EVERY = 400
"""Calls between two outages."""
AWAY_SECONDS = 0.2


class Api:
    """The sandbox on a socket that can go away and come back on the same port."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._running = RunningServer(sandbox)
        self._running.__enter__()
        self.url, self._port = self._running.url, self._running.port

    def stop(self) -> None:
        """Answer what is under way, close every connection, and refuse new ones."""
        self._running.__exit__(None, None, None)

    def start(self) -> None:
        self._running = RunningServer(self._sandbox, port=self._port)
        self._running.__enter__()


class Outages:
    """Lets the API go away now and then. `busy`: the campaigns of calls that are under way, with their watches."""

    def __init__(
        self, api: Api, sandbox: Sandbox, recorder: Recorder, tally: Tally, busy: Callable[[], dict[int, Watch]]
    ) -> None:
        self._api, self._sandbox, self._recorder = api, sandbox, recorder
        self._tally, self._busy = tally, busy

    async def run(self, calls: int, dice: random.Random) -> None:
        """Until so many calls are made."""
        due = EVERY // 2
        while self._tally.made < calls:
            await anyio.sleep(0.05)
            if self._tally.made >= due:
                await self._outage(dice)
                due += EVERY

    async def _outage(self, dice: random.Random) -> None:
        # Reads under way are answered when nobody can connect any more, so that the write which follows is refused.
        slow = self._sandbox.faults.add(Fault("delay", method="GET", seconds=0.25, when="after"))
        await anyio.sleep(0.05)
        self._recorder.note_outage()
        await anyio.to_thread.run_sync(self._api.stop)
        self._sandbox.faults.remove(slow)
        self._tally.count(slow)
        self._recorder.note_outage()
        for campaign_id, watch in tuple(self._busy().items()):
            self._recorder.edit(campaign_id, dice.choice(COLLEAGUES), watch)
            self._tally.troubles["a colleague's edit while connections are refused"] += 1
        await anyio.sleep(AWAY_SECONDS)
        await anyio.to_thread.run_sync(self._api.start)
        self._tally.troubles["the API went away and came back"] += 1
