"""Prompts: requests that a person starts with one click, and that the assistant then works on with the tools.

A prompt asks nothing of the API. It names the campaign that was chosen by its id alone, never by the name that others gave it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from mcp.server import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    GetPromptRequestParams,
    GetPromptResult,
    ListPromptsResult,
    PaginatedRequestParams,
    Prompt,
    PromptArgument,
    PromptMessage,
    TextContent,
)

from asisso_mcp.api.client import MAX_CAMPAIGN_ID
from asisso_mcp.campaigns.models import NotAllowed
from asisso_mcp.campaigns.policy import Policy
from asisso_mcp.sanitize import quoted, single_line

CAMPAIGN = "campaign_id"
LABEL_SEPARATOR = " · "
"""Between the id and the name in the completions of `campaign_id`; only the id is read."""

_LABEL = re.compile(rf"#?([0-9]{{1,12}})(?:\s*{LABEL_SEPARATOR.strip()}.*)?", re.ASCII | re.DOTALL)
_TEXT_LENGTH = 400


@dataclass(frozen=True)
class PromptTemplate:
    """One prompt.

    Attributes:
        render: from the checked arguments, as parts of a sentence, to the text of the prompt.
        tools: those that its text names, without which it cannot be followed.
    """

    name: str
    title: str
    description: str
    arguments: tuple[PromptArgument, ...]
    render: Callable[[Mapping[str, str]], str]
    tools: tuple[str, ...] = ("get_campaign",)

    def definition(self) -> Prompt:
        """The prompt as clients list it."""
        return Prompt(name=self.name, title=self.title, description=self.description, arguments=list(self.arguments))


def _review(given: Mapping[str, str]) -> str:
    return (
        f"Review {given[CAMPAIGN]}. Read it with get_campaign and log_entries 20.\n"
        "Tell me, in this order: is it dialing now, and if not, why and when next; how far it has come; what the log shows that I "
        "should know. Then look at calling hours, retries, concurrency and circuit breaker: what could annoy the people who are "
        "called, what could stop the campaign, what wastes calls.\n"
        "Suggest at most three changes, each with the field, its value now and the value you suggest. Change nothing until I say so."
    )


def _why(given: Mapping[str, str]) -> str:
    return (
        f"Find out why {given[CAMPAIGN]} is not dialing. Read it with get_campaign and log_entries 20, and go by its first line.\n"
        "Tell me the reason in plain words: its state, its calling hours, the circuit breaker, its contacts, or an error in the "
        "log; when it dials next if nobody does anything; and what I can do. If it is dialing after all, say so.\n"
        "Do not resume, pause or change anything until I say so."
    )


def _hours(given: Mapping[str, str]) -> str:
    return (
        f"Change the calling hours of {given[CAMPAIGN]} to: {given['hours']}\n"
        "Read it with get_campaign first. If my words leave days, times or the time zone open, ask me; keep its time zone if I "
        "name none. slots replaces the whole list, so send every window that shall stay; an overnight window is two slots.\n"
        "Call update_campaign with dry_run and show me the hours before and after, in words, and those after also as a picture of eight "
        "lines in a code block: one with the hours 00 03 06 ... 21 and the time zone, then one a day from Mon to Sun, each half hour a # "
        "with calls and a . without. Apply it, with the revision as expected_revision, when I say yes. If the campaign is running, "
        "tell me that it is paused for a moment, and use if_running for that when I agree."
    )


_WHICH = PromptArgument(
    name=CAMPAIGN, title="Campaign", description="Its id, such as 3, or a part of its name.", required=True
)

PROMPTS: tuple[PromptTemplate, ...] = (
    PromptTemplate(
        name="review_campaign",
        title="Review a campaign",
        description="How a campaign is doing, what is risky or wasteful in its settings, and what to change. Changes nothing.",
        arguments=(_WHICH,),
        render=_review,
    ),
    PromptTemplate(
        name="why_not_dialing",
        title="Why is it not dialing?",
        description="The reason why a campaign makes no calls, when it goes on by itself, and what to do. Changes nothing.",
        arguments=(_WHICH,),
        render=_why,
    ),
    PromptTemplate(
        name="change_calling_hours",
        title="Change calling hours",
        description="New calling hours for a campaign: previewed first, applied when you agree.",
        arguments=(
            _WHICH,
            PromptArgument(
                name="hours",
                title="New calling hours",
                description="Days, times and time zone in your own words, such as: weekdays 9 to 17, New York time.",
                required=True,
            ),
        ),
        render=_hours,
        tools=("get_campaign", "update_campaign"),
    ),
)
"""In their fixed order."""


def offered(policy: Policy) -> dict[str, PromptTemplate]:
    """The prompts that can be followed within these limits, by name."""
    return {each.name: each for each in PROMPTS if all(map(policy.offers, each.tools))}


class Prompts:
    """The handlers of `prompts/list` and `prompts/get`. policy_for: the limits of the caller of a request."""

    def __init__(self, policy_for: Callable[[ServerRequestContext[Any]], Policy]) -> None:
        self._policy_for = policy_for

    async def list(self, context: ServerRequestContext[Any], _: PaginatedRequestParams | None) -> ListPromptsResult:
        """The prompts that the caller can follow."""
        return ListPromptsResult(prompts=[each.definition() for each in offered(self._policy_for(context)).values()])

    async def get(self, context: ServerRequestContext[Any], params: GetPromptRequestParams) -> GetPromptResult:
        """One prompt's text. Raises MCPError -32602 for an unknown prompt, or a missing, unknown or unusable argument."""
        policy = self._policy_for(context)
        known = offered(policy)
        prompt = known.get(params.name)
        if prompt is None:
            raise MCPError(
                INVALID_PARAMS, f"Unknown prompt: {single_line(params.name, 64)}. This server has {', '.join(known)}."
            )
        text = prompt.render(_checked(prompt, params.arguments or {}, policy))
        return GetPromptResult(
            description=prompt.description,
            messages=[PromptMessage(role="user", content=TextContent(text=text))],
        )


def _checked(prompt: PromptTemplate, arguments: Mapping[str, str], policy: Policy) -> dict[str, str]:
    """The arguments as parts of a sentence. Raises MCPError."""
    names = [argument.name for argument in prompt.arguments]
    problems = [_unknown(name, names) for name in arguments if name not in names and not name.startswith("_")]
    problems += [
        f"{argument.name} is missing; it is: {argument.description}"
        for argument in prompt.arguments
        if argument.required and not single_line(arguments.get(argument.name, ""))
    ]
    problems += [
        f"{name} is longer than {_TEXT_LENGTH} characters; say it in fewer words."
        for name in names
        if len(arguments.get(name, "")) > _TEXT_LENGTH
    ]
    if problems:
        raise MCPError(INVALID_PARAMS, f"The prompt {prompt.name} cannot be made: {' '.join(problems)}")
    return {
        name: _campaign(arguments[name], policy) if name == CAMPAIGN else quoted(arguments[name], 4 * _TEXT_LENGTH)
        for name in names
    }


def _unknown(name: str, names: list[str]) -> str:
    close = get_close_matches(name[:80], names, n=1)
    hint = f"; did you mean {close[0]}?" if close else "."
    return f"{single_line(name, 60)} is not an argument{hint} Valid here: {', '.join(names)}."


def _campaign(given: str, policy: Policy) -> str:
    """`campaign 3`, or words that make the assistant look for a name. Raises MCPError."""
    label = _LABEL.fullmatch(given.strip())
    if label is None:
        return f"the campaign that I call {quoted(given)} (find its id with list_campaigns; if none or several fit, ask me which)"
    campaign_id = int(label[1])
    if not 1 <= campaign_id <= MAX_CAMPAIGN_ID:
        raise MCPError(
            INVALID_PARAMS,
            f"{CAMPAIGN} is {campaign_id}; it must be a whole number from 1 to {MAX_CAMPAIGN_ID}, or a name.",
        )
    try:
        policy.check_campaign(campaign_id)
    except NotAllowed as refusal:
        raise MCPError(INVALID_PARAMS, refusal.text) from None
    return f"campaign {campaign_id}"
