"""Readings for any number of open pages, which together ask the API no more than one page would."""

import json
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import anyio

from asisso_mcp.tools.registry import ToolResult

POLL_SECONDS = 5.0
"""At most one reading in this time for all pages that nobody touches. A reading is two requests to the API, at most three."""
_KEPT = 64
_WANTED_SECONDS = 3 * POLL_SECONDS
"""A page that has not asked for so long was closed, or shows something else."""
_NEVER: tuple[float, ToolResult | None] = (float("-inf"), None)


class PolledReadings:
    """The latest readings, by tool and arguments.

    Args:
        call: makes the call.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        call: Callable[[str, Mapping[str, Any]], Awaitable[ToolResult]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._call, self._clock = call, clock
        self._kept: OrderedDict[str, tuple[float, ToolResult]] = OrderedDict()
        self._wanted: dict[str, float] = {}
        self._last_poll = float("-inf")
        self._lock = anyio.Lock()

    async def read(self, tool: str, arguments: Mapping[str, Any]) -> ToolResult:
        """A new reading, because a person asked for it."""
        began = self._clock()
        result = await self._call(tool, arguments)
        key = _key(tool, arguments)
        self._kept[key] = began, result
        self._kept.move_to_end(key)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return result

    async def poll(self, tool: str, arguments: Mapping[str, Any]) -> ToolResult | None:
        """A reading of the last seconds, made anew when it is time for one; None when another reading is to come first."""
        async with self._lock:
            now = self._clock()
            key = _key(tool, arguments)
            self._wanted[key] = now
            at, kept = self._kept.get(key, _NEVER)
            if kept is not None and now - at < POLL_SECONDS:
                return kept
            if now - self._last_poll < POLL_SECONDS or at > self._oldest_wanted(now):
                return None
            self._last_poll = now
            return await self.read(tool, arguments)

    def _oldest_wanted(self, now: float) -> float:
        """When that was read which waits longest, of what open pages show."""
        self._wanted = {key: at for key, at in self._wanted.items() if now - at < _WANTED_SECONDS}
        return min(self._kept.get(key, _NEVER)[0] for key in self._wanted)

    def forget(self) -> None:
        """Something was written: what was read before is out of date."""
        self._kept.clear()


def _key(tool: str, arguments: Mapping[str, Any]) -> str:
    return json.dumps([tool, arguments], sort_keys=True)
