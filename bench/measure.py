"""Measures the servers on stdio, and the size of what a model reads of them. Every server has its turn in each round.

Seconds and bytes. Each function adds to the figures; a server that cannot answer is named there with the reason.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from statistics import median
from typing import Any

from bench.campaigns import DIALING_ID, READ_ID, WAITING_ID
from bench.environments import HOME
from bench.figures import Figures, from_turn, percentile
from bench.processes import peak_bytes, proportional_bytes
from bench.servers import API, Server, environment
from bench.stand_in import BareCalls, StandIn, count_tokens
from bench.stdio import Failed, Stdio

READ_PATH = f"/campaign/{READ_ID}"
_WARM_UP = 30
_FIRST_CALLS = 5
_AWAKE = 5
"""Calls that are not counted after a server stood idle: its connections to the API may have been closed meanwhile."""
_READINGS = {"get": READ_ID, "wait": WAITING_ID, "dial": DIALING_ID}
"""The campaigns that are read: paused, running outside its hours, running within them."""
_BLOCK = 10
"""Calls in a row before it is the next server's turn, so that what disturbs the machine disturbs all."""


def _start(server: Server, api: StandIn) -> Stdio:
    return Stdio(server.stdio, environment(api.origin), HOME / "log" / f"{server.name.replace(' ', '-')}.txt")


def starting(figures: Figures, servers: Sequence[Server], api: StandIn, *, rounds: int) -> None:
    """From the start of the process to the listed tools and to the first result; memory after the first calls."""
    for turn in range(rounds + 1):  # the first round warms the disk and is not counted
        for server in from_turn(servers, turn):
            if figures.failed(server.name, "start."):
                continue
            try:
                with _start(server, api) as client:
                    opened, _ = client.open()
                    first, _, _ = client.call(server.tools.get, server.get_arguments())
                    for _ in range(_FIRST_CALLS - 1):
                        client.call(server.tools.get, server.get_arguments())
                    client.call(server.tools.update, server.update_arguments(turn))
                    memory = {"peak": peak_bytes(client.pid), "shared": proportional_bytes(client.pid)}
            except Failed as failure:
                for measure in ("start.", "memory."):
                    figures.fail(server.name, measure, str(failure))
                continue
            if turn:
                figures.add(server.name, "start.listed", opened)
                figures.add(server.name, "start.first_result", opened + first)
                for kind, size in memory.items():
                    figures.add(server.name, f"memory.{kind}", size)


def latency(figures: Figures, servers: Sequence[Server], api: StandIn, *, rounds: int, calls: int) -> None:
    """Warm calls on stdio, one at a time; beside them the bare call of the same HTTP library."""
    with ExitStack() as open_ones:
        libraries = sorted({server.library for server in servers})
        bare = {name: open_ones.enter_context(BareCalls(name, api.origin)) for name in libraries}
        clients = _opened(figures, servers, api, open_ones, "stdio.")
        for process in bare.values():
            process.seconds("GET", READ_PATH, _WARM_UP)
        for server, client in clients:
            _count_requests(figures, server, client, api)
        for turn in range(rounds):
            taken: dict[tuple[str, str], list[float]] = defaultdict(list)
            for block in range(calls // _BLOCK):
                for name, process in bare.items():
                    taken[name, "bare.get"] += process.seconds("GET", READ_PATH, _BLOCK)
                for what, number in _READINGS.items():
                    for server, client in from_turn(clients, block):
                        get = server.get_arguments(number)
                        seconds = [client.call(server.tools.get, get)[0] for _ in range(_BLOCK)]
                        taken[server.name, f"stdio.{what}"] += seconds
                if block % 4:
                    continue  # a quarter as many edits
                for name, process in bare.items():
                    body = {"name": f"Spring-{'cd'[turn % 2]}"}
                    taken[name, "bare.update"] += process.seconds("PATCH", READ_PATH, _BLOCK, body)
                for server, client in from_turn(clients, block):
                    edits = [server.update_arguments(count) for count in range(_BLOCK)]
                    taken[server.name, "stdio.update"] += [client.call(server.tools.update, edit)[0] for edit in edits]
            for (name, what), seconds in taken.items():
                _add(figures, name, what, seconds)


def _count_requests(figures: Figures, server: Server, client: Stdio, api: StandIn) -> None:
    """How many requests to the API each call is."""
    for what, number in _READINGS.items():
        api.count()
        client.call(server.tools.get, server.get_arguments(number))
        figures.add(server.name, f"stdio.{what}.requests", api.count())
    client.call(server.tools.update, server.update_arguments(0))
    api.count()
    client.call(server.tools.update, server.update_arguments(1))
    figures.add(server.name, "stdio.update.requests", api.count())


def sizes(figures: Figures, servers: Sequence[Server], api: StandIn) -> None:
    """Bytes and tokens of the list of tools, and of one campaign: the API's JSON, the text, the structure."""
    api.shape()
    measured: list[tuple[str, str, str]] = [(API, "size.raw", api.read(READ_PATH).decode())]
    with ExitStack() as open_ones:
        for server, client in _opened(figures, servers, api, open_ones, "size."):
            _, listed, wire_bytes = client.request("tools/list")
            _, result, _ = client.call(server.tools.get, server.get_arguments())
            figures.add(server.name, "size.tools.bytes", wire_bytes)
            figures.add(server.name, "size.tools.count", len(listed["tools"]))
            guide = ("name", "description", "inputSchema")
            shown = "\n".join(_compact({key: tool[key] for key in guide if key in tool}) for tool in listed["tools"])
            measured.append((server.name, "size.tools", shown))
            text = "\n".join(block["text"] for block in result["content"] if block["type"] == "text")
            measured.append((server.name, "size.text", text))
            if "structuredContent" in result:
                measured.append((server.name, "size.structure", _compact(result["structuredContent"])))
    for (name, measure, text), tokens in zip(measured, count_tokens([text for *_, text in measured]), strict=True):
        figures.add(name, f"{measure}.tokens", tokens)
        if measure != "size.tools":
            figures.add(name, f"{measure}.bytes", len(text.encode()))


def growth(
    figures: Figures,
    servers: Sequence[Server],
    api: StandIn,
    *,
    rounds: int,
    calls: int,
    campaigns: Sequence[int],
    log_entries: Sequence[int],
) -> None:
    """The same calls with ever more campaigns in the list, then with ever more entries in a campaign's log."""
    library = "httpx2"
    with ExitStack() as open_ones:
        bare = open_ones.enter_context(BareCalls(library, api.origin))
        clients = _opened(figures, servers, api, open_ones, "growth.")
        for turn in range(rounds):
            for entries in log_entries:
                api.shape(log_entries=entries)
                _add(figures, library, f"growth.log.{entries}", bare.seconds("GET", READ_PATH, calls), tail=False)
                for server, client in from_turn(clients, turn):
                    _grown(figures, server, client, f"growth.log.{entries}", calls)
            for count in campaigns:
                api.shape(campaigns=count)
                for server, client in from_turn(clients, turn):
                    _grown(figures, server, client, f"growth.get.{count}", calls)
                    _grown(figures, server, client, f"growth.list.{count}", max(calls // 10, 2))
        for name in (library, *(server.name for server, _ in clients)):
            least, most = (figures.values(name, f"growth.log.{each}.p50") for each in (log_entries[0], log_entries[-1]))
            for without, with_all in zip(least, most, strict=False):  # a server that failed has none
                figures.add(name, "growth.log.extra", with_all - without)
    _growth_of_memory(figures, servers, api, campaigns)
    api.shape()


def _growth_of_memory(figures: Figures, servers: Sequence[Server], api: StandIn, campaigns: Sequence[int]) -> None:
    """By how many bytes the peak grows when a fresh process lists so many campaigns three times."""
    for count in campaigns:
        api.shape(campaigns=count)
        reply = len(api.read("/campaign/"))
        with BareCalls("httpx2", api.origin) as bare:
            before = bare.peak(READ_PATH)
            figures.add("httpx2", f"growth.memory.{count}", max(bare.peak("/campaign/") - before, 1))
        figures.add(API, f"growth.reply.{count}", reply)
        with ExitStack() as open_ones:
            for server, client in _opened(figures, servers, api, open_ones, "growth."):
                before = peak_bytes(client.pid)
                try:
                    answered = max(client.call(server.tools.listing, {})[2] for _ in range(3))
                except Failed as failure:
                    figures.fail(server.name, f"growth.memory.{count}", str(failure))
                    continue
                figures.add(server.name, f"growth.memory.{count}", max(peak_bytes(client.pid) - before, 1))
                figures.add(server.name, f"growth.answer.{count}", answered)


def _grown(figures: Figures, server: Server, client: Stdio, measure: str, calls: int) -> None:
    if figures.failed(server.name, measure):
        return
    lists = measure.startswith("growth.list.")
    tool, arguments = (server.tools.listing, {}) if lists else (server.tools.get, server.get_arguments())
    try:
        for _ in range(_AWAKE):
            client.call(server.tools.get, server.get_arguments())
        answers = [client.call(tool, arguments) for _ in range(calls)]
    except Failed as failure:
        figures.fail(server.name, measure, str(failure))
        return
    _add(figures, server.name, measure, [seconds for seconds, _, _ in answers], tail=False)


def _opened(
    figures: Figures, servers: Sequence[Server], api: StandIn, open_ones: ExitStack, measure: str
) -> list[tuple[Server, Stdio]]:
    """Those that open and answer: started, warmed up."""
    answering = []
    for server in servers:
        client = open_ones.enter_context(_start(server, api))
        try:
            client.open()
            for turn in range(_WARM_UP):
                client.call(server.tools.get, server.get_arguments())
                client.call(server.tools.update, server.update_arguments(turn))
        except Failed as failure:
            figures.fail(server.name, measure, str(failure))
            continue
        answering.append((server, client))
    return answering


def _add(figures: Figures, name: str, measure: str, seconds: Sequence[float], *, tail: bool = True) -> None:
    """A round's median and, where there are enough calls, its 99th percentile."""
    figures.add(name, f"{measure}.p50", median(seconds))
    if tail:
        figures.add(name, f"{measure}.p99", percentile(seconds, 99))


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
