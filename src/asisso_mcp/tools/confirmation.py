"""Gets a person's consent to a write: by an approval in the journal, by asking now, or by letting the write wait. Fails closed."""

from collections.abc import Awaitable, Callable
from typing import Literal

from asisso_mcp.campaigns.consent import Consent, Proposal
from asisso_mcp.campaigns.models import NotAllowed
from asisso_mcp.sanitize import visible
from asisso_mcp.tools.approvals import Approvals

Answer = Literal["yes", "declined", "cancelled", "unticked", "none", "spent"]
"""`unticked`: the form came back without its confirmation. `none`: no answer in time. `spent`: a yes that was used already, or came too late."""
Ask = Callable[[Proposal], Awaitable[Answer]]
"""Asks a person now. May raise QuestionPending."""

_NOT_YES: dict[Answer, str] = {
    "declined": "the question to a person was declined, or never shown",
    "cancelled": "the question to a person was closed without an answer, or never shown",
    "unticked": "the question to a person came back without the confirmation ticked",
    "spent": "a person's answer counts once and for two minutes, and this one was used already or came later",
    "none": "the question to a person was not answered in time, or never shown",
}
_CANNOT_ASK = "a person confirms this (ASISSO_CONFIRM), and there is no way to ask one here"


class NotConfirmed(NotAllowed):
    """A person has not said yes, or not to this. The lines of its text are our own."""


class QuestionPending(Exception):
    """The question goes out as the answer to this call, and the call comes again with what a person says."""

    def __init__(self, proposal: Proposal) -> None:
        super().__init__("a person is asked")
        self.proposal = proposal


async def get_consent(proposal: Proposal, ask: Ask | None, approvals: Approvals | None) -> Consent:
    """A person's consent to this. Raises NotConfirmed without it, saying what to do; QuestionPending, as `ask`."""
    void = ""
    if approvals is not None:
        is_approved, void = await approvals.take(proposal)
        if is_approved:
            return proposal.consent
    why = _CANNOT_ASK
    if ask is not None:
        answer = await ask(proposal)
        if answer == "yes":
            return proposal.consent
        why = _NOT_YES[answer]
    if approvals is None:
        more = (
            "It needs a host that can ask, or a journal in a file (ASISSO_JOURNAL), in which it can wait for `asisso-mcp approve`."
            if ask is None
            else "Do not call again unless a person asks for it."
        )
        raise NotConfirmed(f"Nothing was changed: {why}. {more}")
    entry = await approvals.keep(proposal)
    shown = proposal.describe()
    raise NotConfirmed(
        f"{void}Nothing was changed yet: {why}. It waits for a person as journal entry {entry.id}, until {entry.expires:%H:%M} UTC.\n{shown}\n"
        f"Next: tell the person to run `asisso-mcp approve {entry.id}` in a terminal of their own on the machine of this server (or "
        f"`asisso-mcp reject {entry.id}`), and when they say that they have, make exactly the same call again. Do not run it yourself."
    )


def changed_meanwhile(proposal: Proposal, consent: Consent) -> NotConfirmed:
    """A person said yes to another write than the one that would be sent now."""
    return NotConfirmed(
        "Nothing was changed: what a person said yes to is no longer what would happen. Changed meanwhile: "
        f"{proposal.describe_moved(consent)}. Look with `get_campaign`, and call again if it is still wanted: they are asked again."
    )


def asking(confirm: Callable[[str], Awaitable[bool]]) -> Ask:
    """Asks by a function that gets the question as text, and returns whether a person said yes."""

    async def ask(proposal: Proposal) -> Answer:
        return "yes" if await confirm(visible(proposal.describe(), keep="\n")) is True else "declined"

    return ask
