"""The report of a run: Markdown tables, the same on the terminal and in docs/performance.md. Pure."""

from collections.abc import Callable, Mapping, Sequence

from bench.figures import Figures, Spread
from bench.servers import API, FLOOR, SERVERS, WORKERS, Server
from bench.targets import Judged

_MILLI = 1000.0
_MEGA = 1e-6
_NONE = "–"


def document(figures: Figures, judgements: Sequence[Judged], versions: Mapping[str, str], machine: str) -> str:
    """The text of docs/performance.md."""
    about = "\n".join(f"- **{server.name}**: {server.words}" for server in SERVERS)
    return f"""# Performance

Written by `make bench`; every figure is from one run on one machine: {machine}. Do not edit it by hand: run it again.

These are compared, interleaved round by round:

{about}

A figure is the median of the rounds. A ratio (×) compares with the bare SDK server within the same round, since what disturbs a
round disturbs both, and is given as the median with the quartiles. The client is raw JSON-RPC, the API a stand-in on
loopback that answers at once: next to a real API over the internet, which takes tens of milliseconds, the differences of a
warm call are not felt, while those of the start, of memory and of what a model reads are.

Not everybody does the same work. An update by asisso-mcp, here of a name, reads the campaign first, flushes an entry of its journal to
the disk (in a state folder of the benchmark's own), sends one PATCH and compares the answer with the intent, and its text is a
summary; the peers send the PATCH and dump the answer. Of a campaign that runs within its hours asisso-mcp asks for the newest call as
well, because only that tells whether it dials. All in Python ask the API through httpx2's client.

## Targets

{targets_table(judgements)}

{tables(figures)}

## How to repeat it

`make bench` (about ten minutes; needs Linux, npm and the package indexes), or `python -m bench --quick` for a rough look in
about a minute, which writes nothing. The environments are kept in `.bench/`; `--fresh` installs them anew. Versions of this
run: {", ".join(f"{name} {version}" for name, version in versions.items())}.
"""


def targets_table(judgements: Sequence[Judged]) -> str:
    """The targets as a Markdown table."""
    rows = []
    for each in judgements:
        bound = f"{'≥' if each.target.at_least else '≤'} {_number(each.target.bound)}"
        measured = each.why if each.found is None else _range(each.found)
        rows.append([each.target.words, measured, bound, f"{each.target.noise:.0%}", each.verdict])
    return table(["target", "measured", "bound", "noise", ""], rows)


def tables(figures: Figures) -> str:
    """Everything that was measured: a table for each subject of the run."""
    parts = [
        ("Start and memory (stdio)", _starting(figures)),
        ("Warm calls on stdio", _latency(figures)),
        ("HTTP", _throughput(figures)),
        ("What a model reads", _sizes(figures)),
        ("Growth", _growth(figures)),
    ]
    return "\n\n".join(f"## {title}\n\n{body}" for title, body in parts if body)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns line up, for those who read it as it is."""
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(len(heads))]
    lines = [heads, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )


def _starting(figures: Figures) -> str:
    return _by_server(
        figures,
        "start.listed",
        {
            "`initialize` + `tools/list`, ms": _scaled("start.listed", _MILLI),
            "×": _against_floor("start.listed"),
            "first result, ms": _scaled("start.first_result", _MILLI),
            "× ": _against_floor("start.first_result"),
            "peak memory, MB": _scaled("memory.peak", _MEGA),
            "×  ": _against_floor("memory.peak"),
            "shared out (PSS), MB": _scaled("memory.shared", _MEGA),
        },
    )


def _latency(figures: Figures) -> str:
    def added(measure: str, bare: str) -> "_Cell":
        def cell(found: Figures, server: Server) -> str:
            ours, theirs = found.spread(server.name, measure), found.spread(server.library, bare)
            return _NONE if ours is None or theirs is None else _number((ours.median - theirs.median) * _MILLI)

        return cell

    def requests(found: Figures, server: Server) -> str:
        each = [found.spread(server.name, f"stdio.{what}.requests") for what in ("get", "wait", "dial", "update")]
        return " / ".join(_NONE if count is None else _number(count.median) for count in each)

    return _by_server(
        figures,
        "stdio.get.p50",
        {
            "get p50, ms": _scaled("stdio.get.p50", _MILLI),
            "×": _against_floor("stdio.get.p50"),
            "get p99, ms": _scaled("stdio.get.p99", _MILLI),
            "× ": _against_floor("stdio.get.p99"),
            "running with a log p50, ms": _scaled("stdio.wait.p50", _MILLI),
            "×   ": _against_floor("stdio.wait.p50"),
            "within its hours p50, ms": _scaled("stdio.dial.p50", _MILLI),
            "×    ": _against_floor("stdio.dial.p50"),
            "update p50, ms": _scaled("stdio.update.p50", _MILLI),
            "×  ": _against_floor("stdio.update.p50"),
            "added to a bare get, ms": added("stdio.get.p50", "bare.get.p50"),
            "to a bare update, ms": added("stdio.update.p50", "bare.update.p50"),
            "requests of these four": requests,
        },
    )


def _throughput(figures: Figures) -> str:
    columns: dict[str, _Cell] = {}
    for spaces, number in enumerate((1, 16, 64)):
        columns[f"calls/s at {number}"] = _scaled(f"http.{number}.rate", 1)
        columns["×" + " " * spaces] = _against_floor(f"http.{number}.rate")
    columns["processor a call at 16, ms"] = _scaled("http.16.processor", _MILLI)
    return _by_server(figures, "http.16.rate", columns, [*SERVERS, WORKERS])


def _sizes(figures: Figures) -> str:
    raw = figures.spread(API, "size.raw.tokens")
    if raw is None:
        return ""

    def of_raw(measure: str) -> "_Cell":
        def cell(found: Figures, server: Server) -> str:
            ratio = found.ratio((server.name, measure), (API, "size.raw.tokens"))
            return _NONE if ratio is None else _number(ratio.median)

        return cell

    columns = {
        "`tools/list`, bytes": _scaled("size.tools.bytes", 1),
        "tools": _scaled("size.tools.count", 1),
        "names, descriptions, input schemas: tokens": _scaled("size.tools.tokens", 1),
        "get, text: tokens": _scaled("size.text.tokens", 1),
        "of the API's JSON": of_raw("size.text.tokens"),
        "get, structured: tokens": _scaled("size.structure.tokens", 1),
        "of the API's JSON ": of_raw("size.structure.tokens"),
    }
    note = f"The API's JSON of the campaign, without log entries, has {raw.median:.0f} tokens (o200k_base)."
    return f"{_by_server(figures, 'size.tools.bytes', columns)}\n\n{note}"


def _growth(figures: Figures) -> str:
    bare_call = Server("httpx2", "", "httpx2", (), "")
    log = {f"{count:,} log entries, ms": _scaled(f"growth.log.{count}.p50", _MILLI) for count in (0, 500, 5000)}
    first = _by_server(figures, "growth.log.0.p50", log, [*SERVERS, bare_call])
    counts = (1, 100, 10_000)
    listing: dict[str, _Cell] = {
        **{f"get beside {count:,}, ms": _scaled(f"growth.get.{count}.p50", _MILLI) for count in counts},
        **{f"list of {count:,}, ms": _scaled(f"growth.list.{count}.p50", _MILLI) for count in counts},
        **{f"answer to {count:,}, kB": _scaled(f"growth.answer.{count}", 1e-3) for count in counts[1:]},
        "memory added by 10,000, MB": _scaled("growth.memory.10000", _MEGA),
    }
    second = _by_server(figures, "growth.get.1.p50", listing)
    reply, bare = figures.spread(API, "growth.reply.10000"), figures.spread("httpx2", "growth.memory.10000")
    if reply is None or bare is None:
        return ""
    return (
        f"`get_campaign` of a campaign with so many log entries; last, a bare call with httpx2 that parses the answer.\n\n"
        f"{first}\n\nThe same, and the list, with so many campaigns in the list. The API's list of 10,000 is "
        f"{reply.median * _MEGA:.1f} MB of JSON; a bare call that parses it adds {bare.median * _MEGA:.0f} MB of memory.\n\n"
        f"{second}"
    )


_Cell = Callable[[Figures, Server], str]


def _by_server(
    figures: Figures, measure: str, columns: Mapping[str, _Cell], servers: Sequence[Server] = SERVERS
) -> str:
    """A row for each server that was part of it; one that failed says why. Nothing when none was."""
    rows, notes = [], []
    for server in servers:
        if figures.values(server.name, measure):
            rows.append([server.name, *(cell(figures, server) for cell in columns.values())])
        elif figures.failed(server.name, measure):
            rows.append([server.name, *(_NONE for _ in columns)])
    for (name, _), why in figures.problems.items():
        if any(name == row[0] for row in rows) and _same_subject(figures, name, why, measure):
            notes.append(f"{name}: {why}")
    body = table(["", *(head.rstrip() for head in columns)], rows) if rows else ""
    return "\n\n".join([body, *dict.fromkeys(notes)]) if body else ""


def _same_subject(figures: Figures, name: str, why: str, measure: str) -> bool:
    subject = measure.partition(".")[0] + "."
    return any(
        whose == name and what.startswith(subject) and words == why for (whose, what), words in figures.problems.items()
    )


def _scaled(measure: str, factor: float) -> _Cell:
    def cell(figures: Figures, server: Server) -> str:
        found = figures.spread(server.name, measure)
        return _NONE if found is None else _number(found.median * factor)

    return cell


def _against_floor(measure: str) -> _Cell:
    def cell(figures: Figures, server: Server) -> str:
        found = figures.ratio((server.name, measure), (FLOOR, measure))
        return _NONE if found is None else "1" if server.name == FLOOR else _range(found)

    return cell


def _range(found: Spread) -> str:
    if found.low == found.high:
        return _number(found.median)
    return f"{_number(found.median)} ({_number(found.low)}–{_number(found.high)})"


def _number(value: float) -> str:
    """A number with three significant digits; a whole number from 100 on."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
