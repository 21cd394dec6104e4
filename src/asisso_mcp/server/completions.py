"""What is offered while a person types a `campaign_id`: campaigns whose id or name fits what is there so far.

The protocol carries values without labels, and hosts show and filter by the value alone. A prompt is therefore offered
`3 · Spring promo`, of which it reads the id; the variable of a URI is offered `3`.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import anyio
from mcp.server import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CompleteRequestParams,
    CompleteResult,
    Completion,
    PromptReference,
)

from asisso_mcp.api.errors import AsissoError
from asisso_mcp.campaigns.policy import Policy
from asisso_mcp.campaigns.service import CampaignService
from asisso_mcp.sanitize import single_line
from asisso_mcp.server.prompts import CAMPAIGN, CHOSEN, offered
from asisso_mcp.server.resources import TEMPLATE
from asisso_mcp.tools.registry import ToolContext

logger = logging.getLogger(__name__)

MOST = 100
"""The protocol's limit for one answer."""
FRESH_SECONDS = 5.0
"""How long one list of campaigns serves: hosts ask again at every key."""

_NAME_LENGTH = 1020  # a whole name of 255 characters, however wide
_LABEL_LENGTH = 60
_TYPED_LENGTH = 300


@dataclass(frozen=True)
class Choice:
    """A campaign to choose. `name`: what is seen of it, since nobody types what is hidden."""

    id: int
    name: str


@dataclass
class _Recent:
    """The list of one tenant's campaigns, and when it was read; `turn` makes simultaneous questions share one reading."""

    turn: anyio.Lock = field(default_factory=anyio.Lock)
    choices: Sequence[Choice] | None = None
    read_at: float = 0.0


class Completions:
    """The protocol's `completion/complete`. `call_for`: the campaigns and limits of whoever asks."""

    def __init__(
        self,
        call_for: Callable[[ServerRequestContext[Any]], ToolContext],
        policy_for: Callable[[ServerRequestContext[Any]], Policy],
    ) -> None:
        self._call_for = call_for
        self._policy_for = policy_for
        self._recent: WeakKeyDictionary[CampaignService, _Recent] = WeakKeyDictionary()

    async def complete(self, context: ServerRequestContext[Any], params: CompleteRequestParams) -> CompleteResult:
        """Raises MCPError: -32602 for an argument that does not exist, -32603 when the API failed, in words."""
        known = self._arguments(context, params)
        if known is None or not known:
            return _offer([])  # nothing here goes by that name: no suggestions, which is no reason to disturb a person
        if params.argument.name not in known:
            raise MCPError(
                INVALID_PARAMS,
                f"{single_line(params.argument.name, 60)} is not an argument here. Valid here: {', '.join(known)}.",
            )
        if params.argument.name != CAMPAIGN:
            return _offer([])
        call = self._call_for(context)
        try:
            choices = await self._choices(call.service)
        except AsissoError as failure:
            logger.warning("No suggestions for campaign_id: %s", failure.text)
            raise MCPError(INTERNAL_ERROR, failure.text) from None
        found = fitting(params.argument.value, choices)
        say = _labelled if isinstance(params.ref, PromptReference) else _id
        return _offer([say(choice) for choice in found[:MOST]], len(found))

    def _arguments(self, context: ServerRequestContext[Any], params: CompleteRequestParams) -> list[str] | None:
        if not isinstance(params.ref, PromptReference):
            return [CAMPAIGN] if params.ref.uri == TEMPLATE else None
        request = offered(self._policy_for(context)).get(params.ref.name)
        return None if request is None else [argument.name for argument in request.arguments]

    async def _choices(self, service: CampaignService) -> Sequence[Choice]:
        recent = self._recent.setdefault(service, _Recent())
        async with recent.turn:
            if recent.choices is None or anyio.current_time() - recent.read_at > FRESH_SECONDS:
                recent.choices = [
                    Choice(each.id, single_line(each.name, _NAME_LENGTH)) for each in await service.list()
                ]
                recent.read_at = anyio.current_time()
            return recent.choices


def fitting(typed: str, choices: Sequence[Choice]) -> list[Choice]:
    """Campaigns in whose id and name every word of `typed` occurs, any case; ids first, then beginnings of names. Pure."""
    text = typed[:_TYPED_LENGTH].strip().casefold()
    words = text.split()

    def rank(choice: Choice) -> int:
        number, name = str(choice.id), choice.name.casefold()
        if number == text:
            return 0
        return 1 if number.startswith(text) else 2 if name.startswith(text) else 3

    found = [each for each in choices if all(word in f"{each.id}{CHOSEN}{each.name}".casefold() for word in words)]
    return sorted(found, key=rank)


def _labelled(choice: Choice) -> str:
    return f"{choice.id}{CHOSEN}{single_line(choice.name, _LABEL_LENGTH)}".rstrip(CHOSEN)


def _id(choice: Choice) -> str:
    return str(choice.id)


def _offer(values: list[str], total: int = 0) -> CompleteResult:
    return CompleteResult(completion=Completion(values=values, total=total, has_more=total > len(values)))
