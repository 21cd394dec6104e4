"""The benchmark's command, `python -m bench`: installs the servers, measures them, prints the tables and judges the targets."""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import environments, measure, measure_http
from bench.figures import Figures
from bench.report import document, tables, targets_table
from bench.servers import FLOOR, NPM, OURS, SERVERS, WORKERS, Server
from bench.stand_in import StandIn
from bench.targets import TARGETS, Target, judged

SECTIONS = ("start", "stdio", "http", "size", "growth")
_PAGE = environments.ROOT / "docs" / "performance.md"


def main() -> int:
    """Run the benchmark. Returns the exit code: 0, 1 when a target is missed, 2 when it cannot run."""
    options = _options()
    chosen = [each for each in SERVERS if not options.servers or each.name in options.servers]
    sections = options.only or SECTIONS
    began = time.monotonic()
    say = _narrator(began)
    if not Path("/proc/self/smaps_rollup").exists():
        print("bench: memory and processor time are read from /proc, so it needs Linux.", file=sys.stderr)
        return 2
    try:
        say("installing")
        environments.prepare(fresh=options.fresh)
    except environments.NotInstalled as problem:
        print(f"bench: {problem}", file=sys.stderr)
        return 2
    busy = os.getloadavg()[0] - 1  # our own installing
    if busy > (os.cpu_count() or 1) / 2:
        say(f"the machine has other work (load {busy:.1f}): ratios hold roughly, milliseconds and p99 do not")
    figures = Figures()
    with StandIn() as api:
        for section in sections:
            say(f"measuring {section}")
            _measure(section, figures, chosen, api, quick=options.quick)
    whole = not (options.quick or options.servers or options.only)
    names = {each.name for each in chosen}
    judgements = judged(figures, [each for each in TARGETS if whole or _measured(each, sections, names)])
    versions = environments.versions()
    if whole:
        _PAGE.parent.mkdir(exist_ok=True)
        _PAGE.write_text(document(figures, judgements, versions, _machine()))
    raw = {f"{server} {name}": values for (server, name), values in figures.rounds.items()}
    (environments.HOME / "figures.json").write_text(json.dumps(raw, indent=1))
    print(f"{tables(figures)}\n\n## Targets\n\n{targets_table(judgements)}")
    say("done")
    return int(not all(each.passes for each in judgements))


def _measure(section: str, figures: Figures, servers: list[Server], api: StandIn, *, quick: bool) -> None:
    essential = [each for each in servers if each.name in (OURS, FLOOR)] if quick else servers
    match section:
        case "start":
            quick_ones = [each for each in servers if each.name in (OURS, FLOOR, NPM)] if quick else servers
            measure.starting(figures, quick_ones, api, rounds=4 if quick else 9)
        case "stdio":
            measure.latency(figures, servers, api, rounds=4 if quick else 10, calls=100 if quick else 200)
        case "http":
            serving = [*servers, *([WORKERS] if OURS in (each.name for each in servers) else [])]
            measure_http.throughput(
                figures,
                serving,
                api,
                rounds=2 if quick else 5,
                seconds=0.5 if quick else 1.2,
                in_flight=(16,) if quick else (1, 16, 64),
            )
        case "size":
            measure.sizes(figures, servers, api)
        case "growth":
            measure.growth(
                figures,
                essential,
                api,
                rounds=2 if quick else 5,
                calls=10 if quick else 20,
                campaigns=(1, 100, 10_000),
                log_entries=(0, 500, 5000),
            )


def _measured(target: Target, sections: Sequence[str], names: set[str]) -> bool:
    """Whether a partial run took what this target needs; memory is taken with the start."""
    section = target.over[1].partition(".")[0].replace("memory", "start")
    needed = {name for name, _ in filter(None, (target.over, target.under))} & {each.name for each in SERVERS}
    return section in sections and needed <= names


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Compares asisso-mcp with what people would otherwise use, and writes docs/performance.md.",
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds, about a minute; writes no page")
    parser.add_argument("--fresh", action="store_true", help="install all environments anew")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, help="some of the measurements; writes no page")
    parser.add_argument(
        "--servers", nargs="+", choices=[each.name for each in SERVERS], help="some of the servers; writes no page"
    )
    return parser.parse_args()


def _narrator(began: float) -> Callable[[str], None]:
    return lambda words: print(f"[{time.monotonic() - began:4.0f} s] {words}", file=sys.stderr, flush=True)


def _machine() -> str:
    """In general words."""
    return f"{os.cpu_count()} cores ({platform.machine()}), {platform.system()}, Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
