"""Completions of `campaign_id`: the campaigns whose id or name matches what a person has typed so far.

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
from asisso_mcp.sanitize import hide_secrets, single_line, visible
from asisso_mcp.server.prompts import CAMPAIGN, LABEL_SEPARATOR, offered
from asisso_mcp.server.resources import TEMPLATE
from asisso_mcp.tools.output_filter import filter_error
from asisso_mcp.tools.registry import ToolContext

logger = logging.getLogger(__name__)

MAX_VALUES = 100
"""The protocol's limit for one answer."""
FRESH_SECONDS = 5.0
"""How long one list of campaigns serves: hosts ask again at every key."""

_NAME_LENGTH = 1020  # a whole name of 255 characters, however wide
_LABEL_LENGTH = 60
_TYPED_LENGTH = 300


@dataclass(frozen=True)
class Candidate:
    """A campaign that can be chosen. `name` is without hidden characters, since nobody types those."""

    id: int
    name: str


@dataclass
class _CachedList:
    """One tenant's campaigns, and when they were read (seconds of the event loop). The lock makes simultaneous requests share one reading."""

    lock: anyio.Lock = field(default_factory=anyio.Lock)
    candidates: Sequence[Candidate] | None = None
    read_at: float = 0.0


class Completions:
    """The handler of `completion/complete`.

    Args:
        call_for: the campaigns and limits of the caller of a request.
        policy_for: those limits alone.
    """

    def __init__(
        self,
        call_for: Callable[[ServerRequestContext[Any]], ToolContext],
        policy_for: Callable[[ServerRequestContext[Any]], Policy],
    ) -> None:
        self._call_for = call_for
        self._policy_for = policy_for
        self._cached: WeakKeyDictionary[CampaignService, _CachedList] = WeakKeyDictionary()

    async def complete(self, context: ServerRequestContext[Any], params: CompleteRequestParams) -> CompleteResult:
        """The candidates for an argument. Raises MCPError: -32602 for one that does not exist, -32603 when the API failed."""
        known = self._arguments(context, params)
        if not known:
            return _completion(
                []
            )  # nothing here goes by that name: no suggestions, which is no reason to disturb a person
        if params.argument.name not in known:
            raise MCPError(
                INVALID_PARAMS,
                f"{single_line(params.argument.name, 60)} is not an argument here. Valid here: {', '.join(known)}.",
            )
        if params.argument.name != CAMPAIGN or not self._policy_for(context).offers("list_campaigns"):
            return _completion([])
        call = self._call_for(context)
        try:
            candidates = await self._candidates(call.service)
        except AsissoError as failure:
            text = filter_error(visible(failure.text), call.secrets)
            logger.warning("No suggestions for campaign_id: %s", text)
            raise MCPError(INTERNAL_ERROR, text) from None
        found = match(params.argument.value, candidates)
        labelled = isinstance(params.ref, PromptReference)
        values = [hide_secrets(_label(each), call.secrets) if labelled else str(each.id) for each in found[:MAX_VALUES]]
        return _completion(values, len(found))

    def _arguments(self, context: ServerRequestContext[Any], params: CompleteRequestParams) -> list[str]:
        """The names of the arguments that can be completed; none where the prompt or resource does not exist."""
        if not isinstance(params.ref, PromptReference):
            return [CAMPAIGN] if params.ref.uri == TEMPLATE else []
        prompt = offered(self._policy_for(context)).get(params.ref.name)
        return [] if prompt is None else [argument.name for argument in prompt.arguments]

    async def _candidates(self, service: CampaignService) -> Sequence[Candidate]:
        cached = self._cached.setdefault(service, _CachedList())
        async with cached.lock:
            if cached.candidates is None or anyio.current_time() - cached.read_at > FRESH_SECONDS:
                cached.candidates = [
                    Candidate(each.id, single_line(each.name, _NAME_LENGTH)) for each in await service.list()
                ]
                cached.read_at = anyio.current_time()
            return cached.candidates


def match(typed: str, candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates in whose id and name every word of `typed` occurs, in any case: ids first, then beginnings of names."""
    text = typed[:_TYPED_LENGTH].strip().casefold()
    words = text.split()

    def rank(candidate: Candidate) -> int:
        number, name = str(candidate.id), candidate.name.casefold()
        if number == text:
            return 0
        return 1 if number.startswith(text) else 2 if name.startswith(text) else 3

    found = [
        each
        for each in candidates
        if all(word in f"{each.id}{LABEL_SEPARATOR}{each.name}".casefold() for word in words)
    ]
    return sorted(found, key=rank)


def _label(candidate: Candidate) -> str:
    return f"{candidate.id}{LABEL_SEPARATOR}{single_line(candidate.name, _LABEL_LENGTH)}".rstrip(LABEL_SEPARATOR)


def _completion(values: list[str], total: int = 0) -> CompleteResult:
    return CompleteResult(completion=Completion(values=values, total=total, has_more=total > len(values)))
