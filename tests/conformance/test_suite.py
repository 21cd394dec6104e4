"""A scenario counts as passed only when it ran and a check of its own passed."""

import pytest

from tests.conformance.lists import APPLIES, NOT_SCORED, REVISIONS, SCORED
from tests.conformance.suite import problems, strangers


def test_a_scenario_that_did_not_run_is_a_problem() -> None:
    assert problems("ping", None, ()) == ["ping did not run"]


def test_a_passed_check_of_its_own_is_needed() -> None:
    assert problems("ping", [("ping", "SUCCESS"), ("wire-schema-valid", "SUCCESS")], ()) == []
    assert problems("ping", [("wire-schema-valid", "SUCCESS")], ()) == ["ping passed no check of its own"]
    assert problems("ping", [("note", "INFO")], ()) == ["ping passed no check of its own"]


@pytest.mark.parametrize("status", ["FAILURE", "WARNING", "SKIPPED"])
def test_one_check_that_does_not_pass_is_enough(status: str) -> None:
    assert problems("ping", [("ping", "SUCCESS"), ("quick", status)], ()) == [f"ping: quick {status}"]


def test_a_check_is_excused_by_its_whole_name_alone() -> None:
    checks = [("ping", "SUCCESS"), ("quick", "FAILURE")]
    assert problems("ping", checks, {"ping:quick"}) == []
    assert problems("ping", checks, {"quick", "ping:ping"}) == ["ping: quick FAILURE"]


def test_a_skipped_check_is_fine_only_where_the_server_need_not_have_it() -> None:
    assert problems("ping", [("ping", "SUCCESS"), ("quick", "SKIPPED")], (), may_skip=True) == []


@pytest.mark.parametrize("revision", REVISIONS)
def test_what_the_suite_runs_is_what_the_lists_say(revision: str) -> None:
    listed = [*SCORED[revision], *NOT_SCORED[revision]]
    assert len(set(listed)) == len(listed)
    assert set(APPLIES[revision]) <= set(listed)
    assert strangers(listed, revision) == []
    assert strangers([*listed[1:], "new"], revision) == [
        "new is not in our lists",
        f"{listed[0]} was not run by the suite",
    ]
