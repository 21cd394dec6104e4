"""Measures the servers over HTTP, round by round: calls per second, and processor time per call."""

import asyncio
from collections.abc import Sequence

from bench.environments import HOME
from bench.figures import Figures, from_turn
from bench.servers import Server, environment, offers
from bench.stand_in import StandIn
from bench.stdio import Failed
from bench.web import Web, free_port


def throughput(
    figures: Figures,
    servers: Sequence[Server],
    api: StandIn,
    *,
    rounds: int,
    seconds: float,
    in_flight: Sequence[int],
) -> None:
    """Calls of get, with so many of them always in flight, `seconds` for each number and round."""
    asyncio.run(_throughput(figures, servers, api, rounds=rounds, seconds=seconds, in_flight=in_flight))


async def _throughput(
    figures: Figures,
    servers: Sequence[Server],
    api: StandIn,
    *,
    rounds: int,
    seconds: float,
    in_flight: Sequence[int],
) -> None:
    running: list[tuple[Server, Web]] = []
    try:
        for server in servers:
            if isinstance(server.http, str):
                figures.fail(server.name, "http.", server.http)
                continue
            if server.needs and not offers(server.needs):
                figures.fail(server.name, "http.", f"`serve` does not offer {server.needs}")
                continue
            port = free_port()
            log = HOME / "log" / f"{server.name.replace(' ', '-')}-http.txt"
            web = Web(server.http(port), port, environment(api.origin), log)
            running.append((server, web))
        for server, web in running:
            try:
                await web.open()
                await web.call(server.tools.get, server.get_arguments())
                await web.load(server.tools.get, server.get_arguments(), in_flight=max(in_flight), seconds=seconds / 2)
            except (Failed, OSError) as failure:  # a timeout is an OSError
                figures.fail(server.name, "http.", str(failure) or "no answer in time")
        for turn in range(rounds):
            for number in in_flight:
                for server, web in from_turn(running, turn):
                    await _one(figures, server, web, number, seconds)
    finally:
        for _, web in running:
            await web.close()


async def _one(figures: Figures, server: Server, web: Web, number: int, seconds: float) -> None:
    if figures.failed(server.name, f"http.{number}."):
        return
    try:
        rate, processor = await web.load(server.tools.get, server.get_arguments(), in_flight=number, seconds=seconds)
    except (Failed, OSError) as failure:  # a timeout is an OSError
        figures.fail(server.name, f"http.{number}.", str(failure) or "no answer in time")
        return
    figures.add(server.name, f"http.{number}.rate", rate)
    figures.add(server.name, f"http.{number}.processor", processor)
