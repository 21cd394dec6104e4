"""A soak: the real server over the sandbox on a socket, with every fault, every answer checked.

`python -m tests.soak` writes the table of docs/reliability.md; exit 1 when one statement was wrong, one write lost, doubled or
sent after its call was given up, one colleague's value reverted, one secret leaked, or memory grew. `--calls` and `--minutes`
bound it; `--dry` leaves the page alone.
"""

import argparse
import logging
import random
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import anyio
from mcp import Client

from asisso_mcp.sandbox import KEY, TOKEN, Sandbox
from tests.fuzz.recorder import Recorder
from tests.soak import faults as soak_faults
from tests.soak.endings import Endings
from tests.soak.outages import Api, Outages
from tests.soak.process import Server
from tests.soak.situations import campaigns as make_campaigns
from tests.soak.table import table, write
from tests.soak.tally import Tally
from tests.soak.traffic import Traffic

WARM = 1000
"""Calls after which memory counts as the start: everything is imported, pools and caches are filled."""
GROWTH = 1.15
"""How much larger the resident memory may be at the end."""
CAMPAIGNS = 25
"""Campaigns of one caller: each rests after a call until its writes were looked at again."""
ENDINGS = 100
"""Calls for each server that is told to end."""


async def soak(calls: int, *, callers: int, minutes: float, seed: int, stderr: Path) -> tuple[Tally, str, list[str]]:
    """Run it: the tally, the tables, and what is not as promised."""
    at = datetime.now(UTC)
    sandbox, tally = Sandbox(clock=lambda: at), Tally()
    recorder = Recorder(sandbox)
    dice = random.Random(seed)  # noqa: S311 - repeatable
    campaigns = make_campaigns(sandbox, callers * CAMPAIGNS, dice, at)
    endings_campaigns = make_campaigns(sandbox, 16, dice, at)
    began = time.monotonic()
    api = Api(sandbox)
    environment = {
        "ASISSO_BASE_URL": api.url,
        "ASISSO_API_KEY": KEY,
        "ASISSO_ACCESS_TOKEN": TOKEN,
        "ASISSO_TIMEOUT": str(soak_faults.TIMEOUT),
    }
    server = Server({**environment, "ASISSO_LOG_LEVEL": "debug"}, "-vv", secrets=(KEY, TOKEN), stderr=stderr)
    endings = Endings(sandbox, recorder, environment, tally, dice=dice, at=at)
    async with Client(server.transport()) as client:
        await client.list_tools()
        for fault in soak_faults.faults():
            sandbox.faults.add(fault)
        faults = list(sandbox.faults)
        traffic = Traffic(sandbox, recorder, client, campaigns, tally, seed=seed, at=at)
        await traffic.run(min(WARM, calls), callers=callers, seconds=minutes * 60)
        start = server.memory()
        left = minutes * 60 - (time.monotonic() - began)
        with anyio.move_on_after(left):
            async with anyio.create_task_group() as tasks:
                outages = Outages(api, sandbox, recorder, tally, lambda: traffic.busy)
                tasks.start_soon(outages.run, calls, dice)
                tasks.start_soon(endings.run, calls // ENDINGS, endings_campaigns)
                await traffic.run(calls, callers=callers, seconds=left)
        end = server.memory()
    api.stop()
    sandbox.close()
    leaked = server.secrets_seen + server.stderr_secrets() + endings.leaked
    tracebacks = server.tracebacks() + endings.tracebacks
    text = table(
        tally, faults, leaked=leaked, tracebacks=len(tracebacks), start=start, end=end, seconds=time.monotonic() - began
    )
    problems = [f"{kind}: {each}" for kind, sentences in tally.violations.items() for each in sentences]
    problems += tally.protocol_errors
    problems += [f"{leaked} secrets leaked"] if leaked else []
    problems += [f"a traceback on stderr: {each}" for each in tracebacks]
    problems += [f"only {tally.made} of {calls} calls were made in {minutes:g} minutes"] if tally.made < calls else []
    if endings.done < calls // ENDINGS:
        problems.append(f"only {endings.done} of {calls // ENDINGS} servers were told to end in {minutes:g} minutes")
    if start and end and end[0] > start[0] * GROWTH:
        problems.append(f"memory grew from {start[0]} to {end[0]} kB")
    return tally, text, problems


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--callers", type=int, default=32, help="calls at once")
    parser.add_argument("--minutes", type=float, default=20, help="give up after so long")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dry", action="store_true", help="print only")
    options = parser.parse_args()
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns of each client that leaves during a huge body
    with tempfile.TemporaryDirectory() as folder:
        stderr = Path(folder) / "stderr"

        async def run() -> tuple[Tally, str, list[str]]:
            return await soak(
                options.calls, callers=options.callers, minutes=options.minutes, seed=options.seed, stderr=stderr
            )

        _, text, problems = anyio.run(run)
    print(text)
    for problem in problems[:20]:
        print(f"violation: {problem}", file=sys.stderr)
    if not options.dry and not problems:
        write(text)
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
