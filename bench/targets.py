"""The targets of the benchmark, and their judgement by the figures of one run. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bench.figures import Figures, Spread
from bench.servers import API, FLOOR, NPM, OURS, WORKERS

Verdict = Literal["met", "within noise", "missed", "not measured"]
Side = tuple[str, str]
"""A server and a measure of it."""


@dataclass(frozen=True)
class Target:
    """`over`, divided by `under` round by round (or as it is, without one), against `bound`.

    `noise` is the share of the bound by which a run on a busy machine may miss it and still pass.
    """

    words: str
    over: Side
    under: Side | None
    bound: float
    noise: float
    at_least: bool = False

    def judge(self, figures: Figures) -> "Judged":
        """Compare the figures of one run with the bound."""
        found = figures.spread(*self.over) if self.under is None else figures.ratio(self.over, self.under)
        if found is None:
            lacking = self.over if self.under is None or not figures.values(*self.over) else self.under
            return Judged(self, None, "not measured", f"{lacking[0]}: {figures.why(*lacking)}")
        excess = self.bound - found.median if self.at_least else found.median - self.bound
        if excess <= 0:
            return Judged(self, found, "met")
        return Judged(self, found, "within noise" if excess <= self.bound * self.noise else "missed")


@dataclass(frozen=True)
class Judged:
    """A target and what became of it in one run."""

    target: Target
    found: Spread | None
    verdict: Verdict
    why: str = ""

    @property
    def passes(self) -> bool:
        """What was not measured has not been met."""
        return self.verdict in ("met", "within noise")


TARGETS: tuple[Target, ...] = (
    Target(
        "Start to the answers to `initialize` and `tools/list`, of the npm SDK's time",
        (OURS, "start.listed"),
        (NPM, "start.listed"),
        0.15,
        0.15,
    ),
    Target(
        "Start to the first tool result, of the bare SDK server's",
        (OURS, "start.first_result"),
        (FLOOR, "start.first_result"),
        1.1,
        0.05,
    ),
    Target(
        "Peak memory after the first calls, of the bare SDK server's",
        (OURS, "memory.peak"),
        (FLOOR, "memory.peak"),
        1.1,
        0.03,
    ),
    Target(
        "Warm `get_campaign` of a paused campaign without a log on stdio, p50, of the bare SDK server's",
        (OURS, "stdio.get.p50"),
        (FLOOR, "stdio.get.p50"),
        0.9,
        0.05,
    ),
    Target(
        "The same of a running one outside its hours with twenty log entries, of the bare SDK server's",
        (OURS, "stdio.wait.p50"),
        (FLOOR, "stdio.wait.p50"),
        0.9,
        0.05,
    ),
    Target("Requests of `get_campaign` of a paused campaign", (OURS, "stdio.get.requests"), None, 1, 0),
    Target("The same of a running one outside its hours", (OURS, "stdio.wait.requests"), None, 1, 0),
    Target(
        "The same of one that runs within its hours: its newest call is asked for",
        (OURS, "stdio.dial.requests"),
        None,
        2,
        0,
    ),
    Target(
        "Warm `get_campaign` on stdio, p99, of the bare SDK server's",
        (OURS, "stdio.get.p99"),
        (FLOOR, "stdio.get.p99"),
        1.25,
        0.15,
    ),
    Target(
        "`update_campaign` on stdio, p50, of our own `get_campaign`",
        (OURS, "stdio.update.p50"),
        (OURS, "stdio.get.p50"),
        2.2,
        0.1,
    ),
    Target(
        "HTTP calls a second with 16 in flight, of the bare SDK server's",
        (OURS, "http.16.rate"),
        (FLOOR, "http.16.rate"),
        1.75,
        0.1,
        at_least=True,
    ),
    Target(
        "HTTP calls a second with 16 in flight and `--workers 2`, of the npm SDK's single process",
        (WORKERS.name, "http.16.rate"),
        (NPM, "http.16.rate"),
        0.9,
        0.1,
        at_least=True,
    ),
    Target("Tokens of names, descriptions and input schemas of the tools", (OURS, "size.tools.tokens"), None, 1600, 0),
    Target(
        "Tokens of the text of `get_campaign`, of the API's JSON",
        (OURS, "size.text.tokens"),
        (API, "size.raw.tokens"),
        0.75,
        0,
    ),
    Target(
        "Tokens of the structured result of `get_campaign`, of the API's JSON",
        (OURS, "size.structure.tokens"),
        (API, "size.raw.tokens"),
        1.4,
        0,
    ),
    Target(
        "`get_campaign` with 10,000 campaigns in the list, of the same with 1",
        (OURS, "growth.get.10000.p50"),
        (OURS, "growth.get.1.p50"),
        1.0,
        0.1,
    ),
    Target(
        "What 5,000 log entries add to `get_campaign`, of what they add to a bare call that parses them",
        (OURS, "growth.log.extra"),
        ("httpx2", "growth.log.extra"),
        1.3,
        0.1,
    ),
    Target(
        "What listing 10,000 campaigns adds to the memory, of what one bare call that parses them adds",
        (OURS, "growth.memory.10000"),
        ("httpx2", "growth.memory.10000"),
        1.5,
        0.1,
    ),
)


def judged(figures: Figures, targets: Sequence[Target] = TARGETS) -> list[Judged]:
    """Judge every target by the figures of one run."""
    return [target.judge(figures) for target in targets]
