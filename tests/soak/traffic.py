"""Twenty thousand calls as assistants make them, each judged against what the sandbox knows happened."""

import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import anyio
from mcp import Client
from mcp.shared.exceptions import MCPError

from asisso_mcp.sandbox import Fault, Sandbox
from tests.fuzz.judge import untruths
from tests.fuzz.witness import Witness, settings_of

POISON_EVERY = 2000
"""Calls between two episodes in which one stored campaign cannot be shown."""
POISON_FOR = 40
QUIET_SECONDS = 10.0


@dataclass
class Tally:
    """What was counted; `wrong`, `lost` and `doubled` hold a sentence for each violation."""

    calls: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    protocol_errors: list[str] = field(default_factory=list)
    poisoned: int = 0
    slowest: float = 0.0

    @property
    def made(self) -> int:
        return self.calls.total()

    def add(self, told: str, sentences: list[str]) -> None:
        for sentence in sentences:
            kind = self.wrong
            if "a write of" in sentence and "times" in sentence:
                kind = self.doubled
            elif "no write that was executed" in sentence or "none was executed" in sentence:
                kind = self.lost
            kind.append(f"{sentence}: {told}")


class Traffic:
    """Some callers at once, each with campaigns of its own, so that the truth about each call is known."""

    def __init__(self, sandbox: Sandbox, witness: Witness, client: Client, campaigns: list[int], *, seed: int) -> None:
        self.sandbox, self.witness, self.client = sandbox, witness, client
        self._campaigns = campaigns
        self._seed = seed
        self.tally = Tally()

    async def run(self, calls: int, *, callers: int, seconds: float) -> None:
        """Until so many calls in all are made, or so many seconds have passed."""
        with anyio.move_on_after(seconds):
            async with anyio.create_task_group() as tasks:
                for number in range(callers):
                    own = self._campaigns[number::callers]
                    tasks.start_soon(self._caller, own, calls, random.Random(self._seed * 1000 + number))  # noqa: S311
                tasks.start_soon(self._poison, calls)

    async def _caller(self, own: list[int], calls: int, dice: random.Random) -> None:
        while self.tally.made < calls:
            campaign_id = dice.choice(own)
            tool = dice.choices(
                ("get_campaign", "list_campaigns", "update_campaign", "pause_campaign", "resume_campaign", "nonsense"),
                (26, 4, 35, 15, 15, 5),
            )[0]
            if tool == "nonsense":
                await self._call("update_campaign", _nonsense(campaign_id, dice), campaign_id)
            elif tool == "list_campaigns":
                await self._call(
                    tool, {"state": dice.choice(("paused", "running")), "limit": dice.randint(1, 30)}, None
                )
            elif tool == "update_campaign":
                if dice.random() < 0.8:  # as after a pause
                    self.sandbox.put(campaign_id, state="paused", sync_ends_at=None)
                await self._edit(campaign_id, dice)
            else:
                await self._call(tool, {"campaign_id": campaign_id}, campaign_id)

    async def _edit(self, campaign_id: int, dice: random.Random) -> None:
        edit = _edit(dice)
        if dice.random() < 0.1:
            edit["dry_run"] = True
        result = await self._call("update_campaign", {"campaign_id": campaign_id, **edit}, campaign_id)
        undo = (result or {}).get("structuredContent", {}).get("undo")
        if undo and dice.random() < 0.3:
            await self._call("update_campaign", undo, campaign_id)

    async def _call(self, tool: str, arguments: dict[str, Any], campaign_id: int | None) -> dict[str, Any] | None:
        watch = self.witness.look(campaign_id or 0)
        before = self.sandbox.campaign(campaign_id) if campaign_id else {}
        began = time.monotonic()
        try:
            answer = await self.client.call_tool(tool, arguments)
        except MCPError as error:
            self.tally.protocol_errors.append(f"{tool} {arguments}: {error}")
            return None
        finally:
            self.tally.calls[tool] += 1
            self.tally.slowest = max(self.tally.slowest, time.monotonic() - began)
        result: dict[str, Any] = answer.model_dump(by_alias=True, mode="json", exclude_none=True)
        text = result["content"][0]["text"]
        self.tally.outcomes[_outcome(result, text)] += 1
        if campaign_id is None:
            return result
        await self._quiet(campaign_id)
        now = self.sandbox.campaign(campaign_id)
        sentences = untruths(tool, arguments, result, watch=watch, before=before, now=now)
        if tool == "get_campaign" and not result["isError"] and not watch.fired:
            sentences += self._misread(result["structuredContent"], now)
        self.tally.add(f"{tool} {arguments} → {text}", sentences)
        return result

    def _misread(self, structure: dict[str, Any], now: dict[str, Any]) -> list[str]:
        seen = self.witness.seen(structure["campaign_id"]) or {}
        shown = {
            **settings_of(now),
            **{name: seen[name] for name in ("retry_config", "schedule_config") if name in seen},
        }
        wrong = [
            name
            for name in ("retry_config", "max_concurrency", "schedule_config", "circuit_breaker")
            if structure.get(name) != shown[name]
        ]
        return [f"showed another {', '.join(wrong)} than the API has"] if wrong else []

    async def _quiet(self, campaign_id: int) -> None:
        """Until no request about this campaign is under way: a late write belongs to the call that sent it."""
        with anyio.fail_after(QUIET_SECONDS):
            while self.witness.in_progress[campaign_id]:  # noqa: ASYNC110 - another thread's count
                await anyio.sleep(0.002)

    async def _poison(self, calls: int) -> None:
        """Now and then one campaign that nobody owns is stored so that the API cannot show it, nor the list."""
        victim = self.sandbox.add(name="Poisoned now and then", state="paused")
        due = POISON_EVERY // 2
        while self.tally.made < calls:
            await anyio.sleep(0.05)
            if self.tally.made < due:
                continue
            fault = self.sandbox.faults.add(Fault("poison", campaign=victim))
            self.tally.poisoned += fault.fired
            until = self.tally.made + POISON_FOR
            while self.tally.made < min(until, calls):  # noqa: ASYNC110 - calls of others are counted
                await anyio.sleep(0.02)
            self.sandbox.put(victim, retry_config=None)
            self.sandbox.faults.remove(fault)
            due += POISON_EVERY


def _outcome(result: dict[str, Any], text: str) -> str:
    if text.startswith("Unknown outcome."):
        return "unknown outcome"
    if result["isError"]:
        return "refused or failed, nothing changed"
    applied = result["structuredContent"].get("applied")
    if applied is None:
        return "read"
    if applied:
        return "applied, reply lost" if "reply was lost" in text else "applied"
    return "not applied (already so, preview, or undone by a colleague)"


def _edit(dice: random.Random) -> dict[str, Any]:
    slot = {"day_of_week": dice.randint(0, 6), "start_time": f"{dice.randint(6, 11):02}:00", "end_time": "18:00"}
    choices: dict[str, Any] = {
        "name": f"Renamed {dice.randint(0, 99)} 春",
        "max_concurrency": dice.choice((1, 2, 3, 5, 8, 60)),
        "retry_config": {"max_retries": dice.randint(0, 10), "retry_on_voicemail": dice.random() < 0.5},
        "schedule_config": dice.choice(
            ({"timezone": "Asia/Kolkata", "slots": [slot]}, {"enabled": False}, {"enabled": True, "slots": [slot]})
        ),
        "circuit_breaker": {"min_calls_in_window": dice.randint(1, 100)},
    }
    return {name: choices[name] for name in dice.sample(sorted(choices), dice.randint(1, 2))}


def _nonsense(campaign_id: int, dice: random.Random) -> dict[str, Any]:
    wrong: dict[str, Any] = dice.choice(
        (
            {"max_concurrency": 500},
            {"retry_config": {"max_attempts": 3}},
            {"time_slots": []},
            {"schedule_config": {"timezone": "EST5"}},
            {"circuit_breaker": {"failure_threshold": 50}},
            {"name": None},
            {"state": "paused"},
        )
    )
    return {"campaign_id": campaign_id, **wrong}
