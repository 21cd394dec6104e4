"""Do medians, ratios and spreads say what they claim?"""

import pytest

from bench.figures import Figures, Spread, from_turn, pairwise, percentile


def test_a_percentile_lies_between_the_two_nearest_ranks() -> None:
    values = [4.0, 1.0, 3.0, 2.0]
    assert [percentile(values, share) for share in (0, 25, 50, 99, 100)] == [1.0, 1.75, 2.5, 3.97, 4.0]


def test_a_spread_is_the_median_with_the_quartiles() -> None:
    assert Spread.of([10.0, 1.0, 2.0, 3.0, 4.0]) == Spread(median=3.0, low=2.0, high=4.0)
    with pytest.raises(ValueError, match="no values"):
        Spread.of([])


def test_a_ratio_is_taken_round_by_round_so_that_a_slow_round_cancels_out() -> None:
    figures = Figures()
    for ours, floor in ((1.0, 2.0), (10.0, 20.0), (1.5, 2.0)):
        figures.add("ours", "get", ours)
        figures.add("floor", "get", floor)
    assert pairwise(figures.values("ours", "get"), figures.values("floor", "get")) == [0.5, 0.5, 0.75]
    assert figures.ratio(("ours", "get"), ("floor", "get")) == Spread(0.5, 0.5, 0.625)


def test_what_was_taken_once_stands_against_every_round() -> None:
    figures = Figures({("ours", "text"): [10.0], ("ours", "raw"): [20.0, 40.0, 20.0]})
    assert figures.ratio(("ours", "text"), ("ours", "raw")) == Spread(0.5, 0.375, 0.5)


def test_rounds_that_do_not_belong_together_are_refused() -> None:
    figures = Figures({("ours", "get"): [1.0, 2.0], ("floor", "get"): [1.0, 2.0, 3.0]})
    with pytest.raises(ValueError, match="2 rounds"):
        figures.ratio(("ours", "get"), ("floor", "get"))


def test_half_a_measurement_is_dropped_and_says_why() -> None:
    figures = Figures({("peer", "http.1.rate"): [1.0], ("peer", "stdio.get.p50"): [2.0]})
    figures.fail("peer", "http.", "it ended")
    assert figures.rounds == {("peer", "stdio.get.p50"): [2.0]}
    assert figures.failed("peer", "http.16.rate")
    assert figures.why("peer", "http.16.rate") == "it ended"
    assert figures.why("peer", "size.text") == "not part of this run"


def test_each_turn_begins_with_another_one() -> None:
    assert [from_turn("abc", turn) for turn in range(4)] == [list("abc"), list("bca"), list("cab"), list("abc")]
    assert from_turn([], 3) == []
