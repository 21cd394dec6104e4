"""What a person is shown, and what their yes covers."""

from typing import Any

from asisso_mcp.api.models import Campaign
from asisso_mcp.campaigns.consent import Consent, Proposal
from asisso_mcp.campaigns.edits import plan_edit
from tests.campaigns.test_risk import FULL

RUNNING = {**FULL, "state": "running"}


def edit(stored: dict[str, Any], **named: Any) -> Proposal:
    before = Campaign.model_validate(stored)
    return Proposal.edit(4, before, plan_edit(before.settings(), named))


def test_an_edit_and_the_resume_that_follows_it_are_one_question() -> None:
    assert edit(RUNNING, max_concurrency=3).and_resume().describe() == (
        'Campaign 4 "Berlin" would be changed, and go on dialing:\n'
        "- max_concurrency: 4 → 3\n"
        "It would dial like this:\n"
        "- calling hours: Mon 09:00–17:00 America/New_York\n"
        "- at most 3 calls at once\n"
        "- retries: up to 3 retries, 5 min apart, after busy and no answer\n"
        "- circuit breaker: on: pauses the campaign when 40 % of at least 10 calls fail within 5 min\n"
        "Why you are asked: it may dial from then on."
    )


def test_a_yes_to_an_edit_covers_no_resume_and_the_other_way_round() -> None:
    only, both = edit(RUNNING, max_concurrency=3), edit(RUNNING, max_concurrency=3).and_resume()
    assert both.is_covered_by(both.consent)
    assert not both.is_covered_by(only.consent)
    assert not only.is_covered_by(both.consent)


def test_a_yes_covers_exactly_what_was_shown() -> None:
    shown = edit(FULL, max_concurrency=9)
    assert shown.is_covered_by(shown.consent)
    assert not shown.is_covered_by(None)
    for stored, named in (
        ({**FULL, "max_concurrency": 3}, {"max_concurrency": 9}),
        ({**FULL, "state": "created"}, {"max_concurrency": 9}),
        ({**FULL, "name": "Hamburg"}, {"max_concurrency": 9}),
        (FULL, {"max_concurrency": 8}),
        (FULL, {"max_concurrency": 9, "name": "Hamburg"}),
    ):
        assert not edit(stored, **named).is_covered_by(shown.consent)
    assert not shown.is_covered_by(Consent(None, shown.consent.intended))


def test_what_differs_from_what_was_shown_is_said() -> None:
    shown = edit(FULL, max_concurrency=9).consent
    assert edit({**FULL, "max_concurrency": 3}, max_concurrency=9).describe_moved(shown) == "max_concurrency: 4 → 3"
    assert edit({**FULL, "state": "created"}, max_concurrency=9).describe_moved(shown) == "state: paused → draft"
    assert edit(FULL, max_concurrency=8).describe_moved(shown) == "max_concurrency: 9 → 8"
