"""Twenty thousand calls as assistants make them, with callers who give up, colleagues who edit and calls that meet."""

import random
import time
from collections import defaultdict
from datetime import datetime
from typing import Any

import anyio
from anyio.abc import TaskGroup
from mcp import Client

from asisso_mcp.sandbox import Fault, Sandbox
from tests.fuzz.oracle_dialing import list_violations
from tests.fuzz.recorder import EDITABLE, Recorder, Watch
from tests.soak.calls import LATER, Call, Caller
from tests.soak.faults import COLLEAGUES
from tests.soak.situations import AGES, add_call, make_ready, may_begin_a_call
from tests.soak.tally import Tally

POISON_EVERY = 2000
"""Calls between two episodes in which one stored campaign cannot be shown."""
POISON_FOR = 40
METHODS = {"update_campaign": "PATCH", "pause_campaign": "POST", "resume_campaign": "POST"}
RETRY_AFTER = 2
"""Seconds that a call is told to wait where something shall happen during the wait."""
BEHIND_A_WAIT = 1.2
"""Seconds in which a pause is sent, also when another call of its campaign waits for `RETRY_AFTER`."""


class Traffic:
    """Some callers at once, each with campaigns of its own, so that the truth about each call is known."""

    def __init__(
        self,
        sandbox: Sandbox,
        recorder: Recorder,
        client: Client,
        campaigns: list[int],
        tally: Tally,
        *,
        seed: int,
        at: datetime,
    ) -> None:
        """`at`: where the sandbox's clock stands."""
        self._sandbox, self._recorder, self._client, self._at = sandbox, recorder, client, at
        self._campaigns, self._seed, self.tally = campaigns, seed, tally
        self._calls = Caller(sandbox, recorder, client, tally)
        self._undo: dict[int, dict[str, Any]] = {}
        self._revisions: dict[int, str] = {}
        self._later: dict[int, list[Call]] = defaultdict(list)
        """Calls whose later look is not done, by campaign."""
        self.busy: dict[int, Watch] = {}
        """Campaigns in the middle of a call, each with its watch."""

    async def run(self, calls: int, *, callers: int, seconds: float) -> None:
        """Until so many calls in all are made, or so many seconds have passed."""
        with anyio.move_on_after(seconds):
            async with anyio.create_task_group() as tasks:
                for number in range(callers):
                    own = self._campaigns[number::callers]
                    dice = random.Random(self._seed * 1000 + number)  # noqa: S311 - repeatable
                    tasks.start_soon(self._caller, own, calls, dice, tasks)
                tasks.start_soon(self._poison, calls)

    async def _caller(self, own: list[int], calls: int, dice: random.Random, tasks: TaskGroup) -> None:
        free = list(own)
        while self.tally.made < calls:
            if not free:
                await anyio.sleep(0.01)
                continue
            campaign_id = free.pop(dice.randrange(len(free)))
            made = await self._step(campaign_id, dice)
            # What was given up a moment ago may still be on its way to the API.
            if any(call.writes or call.result is None for call in made):
                tasks.start_soon(self._look_later, made, free)
            else:
                free.append(campaign_id)

    async def _look_later(self, made: list[Call], free: list[int]) -> None:
        await anyio.sleep(LATER)
        for call in made:
            self._calls.look_later(call)
        free.append(made[0].campaign_id)

    async def _step(self, campaign_id: int, dice: random.Random) -> list[Call]:
        """One call, or two that meet, on a campaign that rested; with whatever trouble is arranged for it."""
        tool = dice.choices(
            ("get_campaign", "list_campaigns", "update_campaign", "pause_campaign", "resume_campaign", "nonsense"),
            (26, 2, 36, 15, 16, 5),
        )[0]
        if tool == "list_campaigns":
            await self._list(dice)
            return []
        if tool == "nonsense":
            return [await self._make("update_campaign", _nonsense(campaign_id, dice))]
        if dice.random() < 0.3:
            add_call(self._sandbox, campaign_id, dice.choice(AGES), self._at, ended=dice.random() < 0.6)
        if tool == "get_campaign":
            return [await self._make(tool, {"campaign_id": campaign_id})]
        arguments = self._arguments(tool, campaign_id, dice)
        trouble = dice.choices(
            ("", "any moment", "Retry-After", "write", "lock", "blind"), (76, 8, 6, 4, 4, 2 if "pause" in tool else 0)
        )[0]
        if trouble or (tool == "update_campaign" and dice.random() < 0.8):
            make_ready(self._sandbox, tool, campaign_id, self._at)
        match trouble:
            case "any moment":
                return [await self._given_up(tool, arguments, "cancelled at any moment", dice.uniform(0, 0.04))]
            case "Retry-After":
                wait = self._told_to_wait(tool, campaign_id, dice)
                if dice.random() < 0.4:
                    with self._calls.faults(wait):
                        self.tally.troubles["a colleague's edit during a Retry-After"] += bool(wait.fields)
                        return [await self._make(tool, arguments)]
                what = "cancelled during a Retry-After"
                return [await self._given_up(tool, arguments, what, dice.uniform(0.1, 0.7), wait)]
            case "write":
                when = dice.choice(("before", "after"))
                slow = Fault("delay", seconds=0.3, when=when, method=METHODS[tool], campaign=campaign_id, times=1)
                return [
                    await self._given_up(tool, arguments, "cancelled during a write", dice.uniform(0.05, 0.3), slow)
                ]
            case "lock":
                return await self._two_at_once(campaign_id, dice)
            case "blind":
                self.tally.troubles["a pause while every read fails"] += 1
                with self._calls.faults(Fault("status", code=500, method="GET", campaign=campaign_id)):
                    return [await self._make(tool, arguments)]
        if tool == "resume_campaign" and dice.random() < 0.3 and may_begin_a_call(self._sandbox, campaign_id):
            return [await self._resume_that_brings_a_call(campaign_id)]
        return [await self._make(tool, arguments)]

    def _arguments(self, tool: str, campaign_id: int, dice: random.Random) -> dict[str, Any]:
        if tool != "update_campaign":
            return {"campaign_id": campaign_id}
        undo = self._undo.pop(campaign_id, None)
        if undo and dice.random() < 0.3:
            return undo
        arguments = {"campaign_id": campaign_id, **_edit(dice)}
        if dice.random() < 0.1:
            arguments["dry_run"] = True
        if campaign_id in self._revisions and dice.random() < 0.3:
            arguments["expected_revision"] = self._revisions[campaign_id]
        return arguments

    async def _resume_that_brings_a_call(self, campaign_id: int) -> Call:
        """The platform begins a call before the server looks again."""
        watch = self._calls.watch(campaign_id)
        calls: list[Call] = []

        async def resume() -> None:
            calls.append(await self._make("resume_campaign", {"campaign_id": campaign_id}, watch=watch))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(resume)
            while not (calls or watch.executed):  # noqa: ASYNC110 - another thread's list
                await anyio.sleep(0.01)
            if watch.executed and not calls:
                self.tally.troubles["a call that a resume brought"] += 1
                add_call(self._sandbox, campaign_id, 0, self._at, ended=False)
        return calls[0]

    async def _make(
        self, tool: str, arguments: dict[str, Any], *, watch: Watch | None = None, patience: float | None = None
    ) -> Call:
        campaign_id = arguments["campaign_id"]
        watch = watch or self._calls.watch(campaign_id)
        self.busy[campaign_id] = watch
        try:
            call = await self._calls.make(tool, arguments, watch=watch, patience=patience)
        finally:
            self.busy.pop(campaign_id, None)
        structure = (call.result or {}).get("structuredContent") or {}
        if "revision" in structure:
            self._revisions[campaign_id] = structure["revision"]
        if tool == "update_campaign" and structure.get("undo"):
            self._undo[campaign_id] = structure["undo"]
        return call

    async def _given_up(
        self, tool: str, arguments: dict[str, Any], what: str, patience: float, *arranged: Fault
    ) -> Call:
        with self._calls.faults(*arranged):
            call = await self._make(tool, arguments, patience=patience)
        if call.result is None:
            self.tally.troubles[what] += 1
        return call

    def _told_to_wait(self, tool: str, campaign_id: int, dice: random.Random) -> Fault:
        fields = dice.choice(COLLEAGUES) if dice.random() < 0.7 else None
        code = dice.choice((429, 503))
        method = METHODS[tool]
        return Fault(
            "status", code=code, retry_after=RETRY_AFTER, fields=fields, method=method, campaign=campaign_id, times=1
        )

    async def _two_at_once(self, campaign_id: int, dice: random.Random) -> list[Call]:
        """A call is told to wait; meanwhile another comes for the same campaign: an edit, which may be given up, or a pause."""
        names = dice.sample(EDITABLE, 2)
        first_edit, second_edit = ({"campaign_id": campaign_id, name: _values(dice)[name]} for name in names)
        first, second = dice.choice(
            (
                (("update_campaign", first_edit), ("update_campaign", second_edit)),
                (("update_campaign", first_edit), ("pause_campaign", {"campaign_id": campaign_id})),
                (("resume_campaign", {"campaign_id": campaign_id}), ("pause_campaign", {"campaign_id": campaign_id})),
            )
        )
        make_ready(self._sandbox, first[0], campaign_id, self._at)
        waits = [self._told_to_wait(first[0], campaign_id, dice)]
        if first[0] == "resume_campaign" and dice.random() < 0.5:
            waits = []
            self.tally.troubles["a pause while a resume is looked at again"] += 1
        watch = self._calls.watch(campaign_id)
        watch.fired.append("other call")
        calls: list[Call] = []
        dropped_at = None

        async def make(tool: str, arguments: dict[str, Any], patience: float | None = None) -> None:
            calls.append(await self._make(tool, arguments, watch=watch, patience=patience))

        self.tally.troubles["two calls at once on one campaign"] += 1
        with self._calls.faults(*waits):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(make, *first)
                with anyio.move_on_after(0.5):
                    while not (watch.arrived if waits else watch.executed):  # noqa: ASYNC110 - another thread's list
                        await anyio.sleep(0.005)
                if not waits:
                    await anyio.sleep(0.1)
                if second[0] == "update_campaign":
                    await self._edit_behind(second[1], watch, dice, make)
                else:
                    dropped_at = await self._pause_behind(campaign_id, calls, watch, make)
        for call in calls:
            if call.tool == "resume_campaign":
                call.given_up = dropped_at
        return calls

    async def _edit_behind(self, arguments: dict[str, Any], watch: Watch, dice: random.Random, make: Any) -> None:
        gives_up = dice.random() < 0.5
        async with anyio.create_task_group() as tasks:
            patience = dice.uniform(0.2, 0.7) if gives_up else None
            tasks.start_soon(make, "update_campaign", arguments, patience)
            await anyio.sleep(0.1)
            self._recorder.edit(arguments["campaign_id"], dice.choice(COLLEAGUES), watch)
        self.tally.troubles["a colleague's edit while a call waits behind another"] += 1
        self.tally.troubles["cancelled while it waits behind another call"] += gives_up

    async def _pause_behind(self, campaign_id: int, calls: list[Call], watch: Watch, make: Any) -> float | None:
        """A pause waits for nobody. Returns when it was answered, if another call was waiting then: that one is dropped."""
        waiting = len(watch.arrived) == 1 and watch.arrived[0].surely_not_executed
        is_looking = any(each.verb == "resume" and each.status == 200 for each in watch.arrived)
        began, others = time.monotonic(), len(watch.fired)
        await make("pause_campaign", {"campaign_id": campaign_id})
        answered = time.monotonic()
        if (waiting or is_looking) and len(watch.fired) == others and answered - began > BEHIND_A_WAIT:
            self.tally.violations["wrong"].append(
                f"a pause waited {answered - began:.1f} s behind another call's Retry-After or second look"
            )
        refused = any(call.tool == "pause_campaign" and (call.result or {}).get("isError") for call in calls)
        return answered if waiting and not refused else None

    async def _list(self, dice: random.Random) -> None:
        self.tally.calls["list_campaigns"] += 1
        arguments = {"state": dice.choice(("paused", "running")), "limit": dice.randint(1, 30)}
        answer = await self._client.call_tool("list_campaigns", arguments)
        result = answer.model_dump(by_alias=True, mode="json", exclude_none=True)
        self.tally.add(f"list_campaigns {arguments} → {result['content'][0]['text']}", list_violations(result))
        self.tally.outcomes["read"] += 1

    async def _poison(self, calls: int) -> None:
        """Now and then one campaign that nobody owns is stored so that the API cannot show it, nor the list."""
        victim = self._sandbox.add(name="Poisoned now and then", state="paused")
        due = POISON_EVERY // 2
        while self.tally.made < calls:
            await anyio.sleep(0.05)
            if self.tally.made < due:
                continue
            with self._calls.faults(Fault("poison", campaign=victim)):
                until = self.tally.made + POISON_FOR
                while self.tally.made < min(until, calls):  # noqa: ASYNC110 - calls of others are counted
                    await anyio.sleep(0.02)
                self._sandbox.put(victim, retry_config=None)
            due += POISON_EVERY


def _values(dice: random.Random) -> dict[str, Any]:
    """A value for each setting."""
    slot = {"day_of_week": dice.randint(0, 6), "start_time": f"{dice.randint(6, 11):02}:00", "end_time": "18:00"}
    return {
        "name": f"Renamed {dice.randint(0, 99)} 春",
        "max_concurrency": dice.choice((1, 2, 3, 5, 8, 60)),
        "retry_config": {"max_retries": dice.randint(0, 10), "retry_on_voicemail": dice.random() < 0.5},
        "schedule_config": dice.choice(
            ({"timezone": "Asia/Kolkata", "slots": [slot]}, {"enabled": False}, {"enabled": True, "slots": [slot]})
        ),
        "circuit_breaker": {"min_calls_in_window": dice.randint(1, 100)},
    }


def _edit(dice: random.Random) -> dict[str, Any]:
    values = _values(dice)
    return {name: values[name] for name in dice.sample(sorted(values), dice.randint(1, 2))}


def _nonsense(campaign_id: int, dice: random.Random) -> dict[str, Any]:
    wrong: dict[str, Any] = dice.choice(
        (
            {"max_concurrency": 500},
            {"retry_config": {"max_attempts": 3}},
            {"time_slots": []},
            {"schedule_config": {"timezone": "EST5"}},
            {"circuit_breaker": {"failure_threshold": 50}},
            {"name": None, "max_concurrency": 500},
            {"state": "paused"},
        )
    )
    return {"campaign_id": campaign_id, **wrong}
