"""What a soak found, as the table of docs/reliability.md."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from asisso_mcp.sandbox import Fault
from tests.soak.calls import LATER
from tests.soak.tally import Tally, fault_name

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
_PART = re.compile(r"(<!-- soak -->)\n.*?(<!-- end -->)", re.DOTALL)
Memory = tuple[int, int] | None


def table(
    tally: Tally, faults: Iterable[Fault], *, leaked: int, tracebacks: int, start: Memory, end: Memory, seconds: float
) -> str:
    """Markdown, five tables: what was found, what calls were told, what was said of dialing, the troubles and the faults that there were."""
    fired = Counter(tally.faults)
    for fault in faults:
        fired[fault_name(fault)] += fault.fired
    found = {kind: f"**{len(sentences)}**" for kind, sentences in tally.violations.items()}
    rows = [
        ("tool calls made", f"{tally.made:,}"),
        (f"calls whose writes were looked at again {LATER:g} s after the answer", f"{tally.looked_later:,}"),
        ("faults injected", f"{fired.total():,}"),
        ("**wrong statements**", found["wrong"]),
        ("**lost writes**", found["lost"]),
        ("**doubled writes**", found["doubled"]),
        ("**reverted values of colleagues**", found["reverted"]),
        ("**writes sent after they were given up**", found["sent after it was given up"]),
        ("**leaked secrets** (all of stdout, and stderr at debug level)", f"**{leaked}**"),
        ("protocol errors", str(len(tally.protocol_errors))),
        ("tracebacks on stderr", str(tracebacks)),
        ("the slowest call", f"{tally.slowest:.1f} s"),
        ("memory after 1,000 calls (resident / peak)", _megabytes(start)),
        (f"memory after {tally.made:,} calls (resident / peak)", _megabytes(end)),
        ("took", f"{seconds / 60:.1f} min"),
    ]
    return "\n\n".join(
        (
            _markdown(("", "found"), rows),
            _markdown(("what calls were told", "calls"), _counted(tally.outcomes.most_common())),
            _markdown(("what was said and held against the store", "times"), _counted(tally.statements.most_common())),
            _markdown(("trouble", "times"), _counted(sorted(tally.troubles.items()))),
            _markdown(("fault", "injected"), _counted(sorted(fired.items()))),
        )
    )


def write(text: str, page: Path = PAGE) -> None:
    """Put the tables between the markers of the page."""
    before = page.read_text(encoding="utf-8")
    if not _PART.search(before):
        raise ValueError(f"{page} has no place for the table: <!-- soak --> … <!-- end -->")
    page.write_text(_PART.sub(lambda found: f"{found[1]}\n{text}\n{found[2]}", before), encoding="utf-8")


def _counted(counts: Iterable[tuple[str, int]]) -> list[tuple[str, str]]:
    return [(name, f"{count:,}") for name, count in counts if count]


def _megabytes(memory: Memory) -> str:
    return "not measured here" if memory is None else " / ".join(f"{kilobytes / 1024:.1f} MB" for kilobytes in memory)


def _markdown(head: tuple[str, str], rows: Iterable[tuple[str, str]]) -> str:
    return "\n".join([f"| {head[0]} | {head[1]} |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])
