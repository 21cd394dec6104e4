"""Statistics of the timings: medians, ratios round by round, and quartiles. Pure."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

_Each = TypeVar("_Each")


@dataclass(frozen=True)
class Spread:
    """A median with the quartiles around it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Raises ValueError when there are no values."""
        if not values:
            raise ValueError("no values")
        return cls(statistics.median(values), percentile(values, 25), percentile(values, 75))


def percentile(values: Sequence[float], share: float) -> float:
    """Between the two nearest ranks, as numpy does by default; `share` is 0 to 100."""
    ordered = sorted(values)
    at = (len(ordered) - 1) * share / 100
    below = int(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (at - below)


def pairwise(values: Sequence[float], against: Sequence[float]) -> list[float]:
    """One ratio a round: what disturbs a whole round disturbs both sides. Raises ValueError for unequal lengths."""
    return [value / other for value, other in zip(values, against, strict=True)]


def from_turn(items: Sequence[_Each], turn: int) -> list[_Each]:
    """The same, beginning with another one each turn: nobody is always the first after a pause."""
    at = turn % len(items) if items else 0
    return [*items[at:], *items[:at]]


@dataclass
class Figures:
    """All that was measured: a value a round, by server and measure; and in words what could not be measured."""

    rounds: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    problems: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, server: str, measure: str, value: float) -> None:
        """Record the value of one round."""
        self.rounds.setdefault((server, measure), []).append(value)

    def fail(self, server: str, measure: str, why: str) -> None:
        """`measure` may be the beginning of several, such as `http.`. Half a measurement is none: its rounds are dropped."""
        self.problems[server, measure] = why
        for whose, what in list(self.rounds):
            if whose == server and what.startswith(measure):
                del self.rounds[whose, what]

    def failed(self, server: str, measure: str) -> bool:
        """Whether this measure, or one that it begins with, could not be taken."""
        return any(whose == server and measure.startswith(what) for whose, what in self.problems)

    def values(self, server: str, measure: str) -> list[float]:
        """The values of all rounds; none when it was not measured."""
        return self.rounds.get((server, measure), [])

    def spread(self, server: str, measure: str) -> Spread | None:
        """The median and quartiles of all rounds, or None when it was not measured."""
        values = self.values(server, measure)
        return Spread.of(values) if values else None

    def ratio(self, over: tuple[str, str], under: tuple[str, str]) -> Spread | None:
        """None when either is missing. A side that was taken once stands against every round of the other."""
        values, against = self.values(*over), self.values(*under)
        if not values or not against:
            return None
        if len(values) != len(against):
            rounds = max(len(values), len(against))
            if 1 not in (len(values), len(against)):
                raise ValueError(f"{over} has {len(values)} rounds and {under} has {len(against)}")
            values, against = (each * rounds if len(each) == 1 else each for each in (values, against))
        return Spread.of(pairwise(values, against))

    def why(self, server: str, measure: str) -> str:
        """Why there is no figure."""
        for (whose, what), words in self.problems.items():
            if whose == server and measure.startswith(what):
                return words
        return "not part of this run"
