"""A write that a person is to confirm: as it is shown, and what a consent to it is worth. Pure.

Consent is to a certain write: to what was shown before it, and to what should be in place afterwards. Where one of the two has
moved when it is about to be sent, it is another write, which nobody consented to.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from asisso_mcp.api.models import Campaign
from asisso_mcp.campaigns.breaker import describe_breaker
from asisso_mcp.campaigns.dialing import parse_schedule
from asisso_mcp.campaigns.formatting import describe_change, describe_concurrency, describe_retries
from asisso_mcp.campaigns.models import Change, EditPlan, differences, json_equal
from asisso_mcp.campaigns.risk import RESUMES, edit_risks
from asisso_mcp.campaigns.schedule_text import describe_in_full
from asisso_mcp.campaigns.write_journal import PlannedWrite, shown
from asisso_mcp.sanitize import quoted


@dataclass(frozen=True)
class Consent:
    """What a person said yes to: the campaign as it was shown (None: it could not be read), and as it should be afterwards."""

    before: Mapping[str, Any] | None
    intended: Mapping[str, Any]


@dataclass(frozen=True)
class Proposal:
    """A write that was read, checked and planned, and is not sent yet.

    changes: the leaves that it changes. risks: what is risky about it, each in a few words.
    """

    write: PlannedWrite
    changes: tuple[Change, ...]
    risks: tuple[str, ...]

    @classmethod
    def edit(cls, campaign_id: int, before: Campaign | None, plan: EditPlan) -> "Proposal":
        """An edit of settings."""
        return cls(PlannedWrite.edit(campaign_id, before, plan), plan.changes, edit_risks(before, plan))

    @classmethod
    def resume(cls, campaign: Campaign) -> "Proposal":
        """A resume."""
        write = PlannedWrite.state_change(campaign.id, campaign, "running")
        return cls(write, (Change("state", campaign.phase, "running"),), (RESUMES,))

    def and_resume(self) -> "Proposal":
        """This edit of a campaign that runs, and the resume that follows it: one question for both."""
        write = replace(self.write, intended={**self.write.intended, "state": "running"})
        return replace(self, write=write, risks=(*self.risks, RESUMES))

    @property
    def consent(self) -> Consent:
        """What whoever says yes to this says yes to."""
        return Consent(None if self.write.before is None else shown(self.write.before), self.write.intended)

    def is_covered_by(self, consent: Consent | None) -> bool:
        """Whether a person said yes to exactly this."""
        own = self.consent
        return (
            consent is not None
            and json_equal(own.before, consent.before)
            and json_equal(dict(own.intended), dict(consent.intended))
        )

    def describe(self) -> str:
        """What would change, before and after, and why a person is asked."""
        before, resumes = self.write.before, RESUMES in self.risks
        name = f" {quoted(before.name)}" if before is not None else ""
        will = "be resumed" if self.write.tool == "resume_campaign" else "be changed"
        lines = [
            f"Campaign {self.write.campaign_id}{name} would {will}{', and go on dialing' * (resumes and will != 'be resumed')}:"
        ]
        lines += [f"- {describe_change(change)}" for change in self.changes]
        if before is not None:
            after = before.model_copy(
                update={name: value for name, value in self.write.intended.items() if name != "state"}
            )
            if resumes:
                lines += ["It would dial like this:", *_describe_dialing(after)]
            elif any(change.field.startswith("schedule_config") for change in self.changes):
                lines += ["Its calling hours would be, in full:", f"- {describe_in_full(parse_schedule(after))}"]
        if self.risks:
            lines.append(f"Why you are asked: {'; '.join(self.risks)}.")
        return "\n".join(lines)

    def describe_moved(self, consent: Consent) -> str:
        """What differs from what a person said yes to."""
        if self.consent.before is None or consent.before is None:
            return "whether it could be read"
        moved = differences(consent.before, self.consent.before) or differences(consent.intended, self.write.intended)
        return "; ".join(describe_change(change) for change in moved) or "what the call would do"


class ConsentNeeded(Exception):
    """A person has to confirm a write before it is sent. Nothing was sent; whoever has their consent makes the whole call again."""

    def __init__(self, proposal: Proposal) -> None:
        super().__init__(f"a person confirms this write to campaign {proposal.write.campaign_id}")
        self.proposal = proposal


def _describe_dialing(campaign: Campaign) -> list[str]:
    """What bounds the calls of a campaign that runs with these settings."""
    return [
        f"- calling hours: {describe_in_full(parse_schedule(campaign))}",
        f"- {describe_concurrency(campaign.max_concurrency)}",
        f"- retries: {describe_retries(campaign.retry_config)}",
        f"- circuit breaker: {describe_breaker(campaign.circuit_breaker, campaign.logs)}",
    ]
