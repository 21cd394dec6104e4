"""Is a target judged as it reads?"""

import pytest

from bench.figures import Figures, Spread
from bench.servers import API, SERVERS, WORKERS
from bench.targets import TARGETS, Target, judged

AT_MOST = Target("Start", ("ours", "start"), ("npm", "start"), 0.5, 0.1)
AT_LEAST = Target("Calls", ("ours", "calls"), ("floor", "calls"), 0.85, 0.1, at_least=True)
ABSOLUTE = Target("Tokens", ("ours", "tokens"), None, 1600, 0)


def figures(**values: float) -> Figures:
    return Figures({tuple(side.split("_")): [value] for side, value in values.items()})  # type: ignore[misc]


@pytest.mark.parametrize(
    ("ours", "verdict", "passes"), [(5.0, "met", True), (5.4, "within noise", True), (5.6, "missed", False)]
)
def test_an_upper_bound_may_be_passed_by_its_noise_and_no_further(ours: float, verdict: str, passes: bool) -> None:
    found = AT_MOST.judge(figures(ours_start=ours, npm_start=10.0))
    assert (found.verdict, found.passes) == (verdict, passes)
    assert found.found == Spread(ours / 10, ours / 10, ours / 10)


@pytest.mark.parametrize(
    ("ours", "verdict", "passes"), [(90.0, "met", True), (77.0, "within noise", True), (76.0, "missed", False)]
)
def test_a_lower_bound_may_be_missed_by_its_noise_and_no_further(ours: float, verdict: str, passes: bool) -> None:
    found = AT_LEAST.judge(figures(ours_calls=ours, floor_calls=100.0))
    assert (found.verdict, found.passes) == (verdict, passes)


def test_a_count_has_no_noise() -> None:
    assert ABSOLUTE.judge(figures(ours_tokens=1600)).passes
    assert not ABSOLUTE.judge(figures(ours_tokens=1601)).passes


def test_what_was_not_measured_is_not_met_and_names_the_side_that_is_missing() -> None:
    partial = figures(ours_start=1.0)
    partial.fail("npm", "start", "it ended: no such module")
    (found,) = judged(partial, [AT_MOST])
    assert (found.verdict, found.passes, found.why) == ("not measured", False, "npm: it ended: no such module")


def test_every_target_is_about_something_that_is_compared() -> None:
    known = {server.name for server in (*SERVERS, WORKERS)} | {"httpx2", API}
    sides = [side for target in TARGETS for side in (target.over, target.under) if side is not None]
    assert {name for name, _ in sides} <= known
