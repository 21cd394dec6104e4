"""Many clients of two tenants at once, against one HTTP server: calls, errors, and answers that belong to someone else.

`python -m tests.http.load` prints the table of docs/reliability.md.
"""

import argparse
import random
import socket
import time
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx2

from asisso_mcp.sandbox import KEY, OTHER_TENANT_KEY, Fault, RunningServer, Sandbox
from tests.http.served import OPTIONS, legacy, modern
from tests.processes import http_server

OWN_CAMPAIGNS = 4


@dataclass(frozen=True)
class Tenant:
    key: str
    marker: str
    """In the name of each of its campaigns, and of nobody else's."""
    campaigns: tuple[int, ...]


@dataclass
class Outcome:
    """What `clients` concurrent clients saw in `seconds`."""

    clients: int
    workers: int
    calls: int = 0
    errors: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def row(self) -> str:
        rate = self.calls / self.seconds
        return (
            f"| {self.clients} | {self.workers} | {self.calls} | {len(self.errors)} | {len(self.leaks)} | {rate:.0f} |"
        )


def tenants_in(sandbox: Sandbox) -> tuple[Tenant, Tenant]:
    """Two tenants with campaigns of the same shape."""
    found = []
    for organization, (key, marker) in enumerate([(KEY, "amber"), (OTHER_TENANT_KEY, "basalt")], start=1):
        added = tuple(
            sandbox.add(name=f"{marker} {number}", organization_id=organization, state="paused")
            for number in range(OWN_CAMPAIGNS)
        )
        found.append(Tenant(key, marker, added))
    return found[0], found[1]


async def converse(url: str, tenants: tuple[Tenant, ...], calls: int, seed: int, outcome: Outcome) -> None:
    """One client: reads, lists, edits of its own campaigns, and now and then a try at a foreign one, in both eras by turns."""
    dice, (mine, other) = random.Random(seed), tenants  # noqa: S311
    async with httpx2.AsyncClient(**OPTIONS, headers={"x-api-key": mine.key}) as http:
        for number in range(calls):
            tool, arguments, foreign = _next(dice, mine, other)
            body, headers = (modern, legacy)[number % 2]("tools/call", name=tool, arguments=arguments)
            body["id"] = f"{mine.marker}-{seed}-{number}"
            answer = await http.post(url, json=body, headers=headers)
            _judge(answer, body["id"], tenants, foreign, outcome)


def _next(dice: random.Random, mine: Tenant, other: Tenant) -> tuple[str, dict[str, Any], bool]:
    campaign = dice.choice(mine.campaigns)
    match dice.random():
        case roll if roll < 0.55:
            return "get_campaign", {"campaign_id": campaign}, False
        case roll if roll < 0.6:
            return "list_campaigns", {"query": mine.marker}, False
        case roll if roll < 0.85:
            return "update_campaign", {"campaign_id": campaign, "max_concurrency": dice.randint(1, 9)}, False
    return "get_campaign", {"campaign_id": dice.choice(other.campaigns)}, True


def _judge(answer: httpx2.Response, number: str, tenants: tuple[Tenant, ...], foreign: bool, outcome: Outcome) -> None:
    mine, other = tenants
    outcome.calls += 1
    text = answer.text
    if answer.status_code != 200 or f'"id":"{number}"' not in text:
        outcome.errors.append(f"{answer.status_code} {text[:200]}")
    if other.marker in text:
        outcome.leaks.append(text[:200])
    refused = '"isError":true' in text
    if refused is not foreign or (mine.marker in text.replace(number, "")) is foreign:
        outcome.errors.append(text[:300])


async def measure(clients: int, calls: int, workers: int = 1) -> Outcome:
    """`calls` in all, by `clients` at once, half of them of each tenant."""
    sandbox = Sandbox()
    tenants = tenants_in(sandbox)
    # A little time in the API, so that calls of both tenants are in flight together.
    sandbox.faults.add(Fault("delay", seconds=0.002))
    outcome = Outcome(clients, workers)
    with (
        RunningServer(sandbox) as api,
        http_server("--auth", "passthrough", "--workers", str(workers), ASISSO_BASE_URL=api.url) as server,
    ):
        api._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # or each of its answers takes 40 ms
        began = time.perf_counter()
        async with anyio.create_task_group() as tasks:
            for seed in range(clients):
                pair = tenants if seed % 2 else tenants[::-1]
                tasks.start_soon(converse, server.url, pair, calls // clients, seed, outcome)
        outcome.seconds = time.perf_counter() - began
    sandbox.close()
    return outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--calls", type=int, default=3000, help="in all, for each row")
    options = parser.parse_args()
    print("| concurrent clients | processes | calls | errors | cross-tenant leaks | calls a second |")
    print("|---:|---:|---:|---:|---:|---:|")
    for clients, workers in ((2, 1), (16, 1), (48, 1), (48, 2)):
        print(anyio.run(measure, clients, options.calls, workers).row(), flush=True)


if __name__ == "__main__":
    main()
