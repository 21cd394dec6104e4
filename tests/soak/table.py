"""What a soak found, as the table of docs/reliability.md."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from asisso_mcp.sandbox import Fault
from tests.soak.traffic import Tally

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
_PART = re.compile(r"(<!-- soak -->)\n.*?(<!-- end -->)", re.DOTALL)
Memory = tuple[int, int] | None


def table(
    tally: Tally, faults: Iterable[Fault], *, leaked: int, tracebacks: int, start: Memory, end: Memory, seconds: float
) -> str:
    """Markdown, two tables: what was found, and which faults were injected."""
    fired: Counter[str] = Counter()
    for fault in faults:
        fired[_named(fault)] += fault.fired
    fired["poison (a stored row that cannot be shown)"] += tally.poisoned
    rows = [
        ("tool calls made", f"{tally.made:,}"),
        ("faults injected", f"{fired.total():,}"),
        ("**wrong statements**", f"**{len(tally.wrong)}**"),
        ("**lost writes**", f"**{len(tally.lost)}**"),
        ("**doubled writes**", f"**{len(tally.doubled)}**"),
        ("**leaked secrets** (all of stdout, and stderr at debug level)", f"**{leaked}**"),
        ("protocol errors", str(len(tally.protocol_errors))),
        ("tracebacks on stderr", str(tracebacks)),
        ("the slowest call", f"{tally.slowest:.1f} s"),
        ("memory after 1,000 calls (resident / peak)", _megabytes(start)),
        (f"memory after {tally.made:,} calls (resident / peak)", _megabytes(end)),
        ("took", f"{seconds / 60:.1f} min"),
    ]
    told = [(outcome, f"{count:,}") for outcome, count in tally.outcomes.most_common()]
    kinds = [(kind, f"{count:,}") for kind, count in sorted(fired.items())]
    return "\n\n".join(
        (
            _markdown(("", "found"), rows),
            _markdown(("what calls were told", "calls"), told),
            _markdown(("fault", "injected"), kinds),
        )
    )


def write(text: str, page: Path = PAGE) -> None:
    """Put the tables between the markers of the page."""
    before = page.read_text(encoding="utf-8")
    if not _PART.search(before):
        raise ValueError(f"{page} has no place for the table: <!-- soak --> … <!-- end -->")
    page.write_text(_PART.sub(lambda found: f"{found[1]}\n{text}\n{found[2]}", before), encoding="utf-8")


def _named(fault: Fault) -> str:
    match fault.kind:
        case "delay":
            return f"delay beyond the timeout, {fault.when} execution" if (fault.seconds or 0) > 1 else "delay, short"
        case "status":
            return f"status {fault.code}" + (" that echoes the key" if fault.body else "")
        case "drop-before" | "drop-after":
            return f"{fault.kind} ({fault.how})"
        case "trip" | "foreign-edit":
            return f"{fault.kind} ({fault.when})"
    return fault.kind


def _megabytes(memory: Memory) -> str:
    return "not measured here" if memory is None else " / ".join(f"{kilobytes / 1024:.1f} MB" for kilobytes in memory)


def _markdown(head: tuple[str, str], rows: Iterable[tuple[str, str]]) -> str:
    return "\n".join([f"| {head[0]} | {head[1]} |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])
