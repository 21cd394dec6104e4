"""The registry of tools: arguments are validated, the handler is called, and its output is cleaned, whatever happens inside."""

import logging
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

from pydantic import BaseModel, ValidationError

from asisso_mcp.api.errors import AsissoError
from asisso_mcp.campaigns.consent import Consent, ConsentNeeded
from asisso_mcp.campaigns.models import NotAllowed
from asisso_mcp.campaigns.policy import Policy
from asisso_mcp.campaigns.service import CampaignService
from asisso_mcp.journal.entry import OPERATORS, CallOrigin, CurrentCall, current_call
from asisso_mcp.sanitize import single_line, visible
from asisso_mcp.tools.approvals import Approvals
from asisso_mcp.tools.coercion import decode, null_notes
from asisso_mcp.tools.confirmation import Ask, NotConfirmed, QuestionPending, changed_meanwhile, get_consent
from asisso_mcp.tools.json_schema import input_schema, output_schema
from asisso_mcp.tools.output_filter import filter_answer, filter_error
from asisso_mcp.tools.validation_errors import explain

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ToolAnnotations:
    """What a host may assume of a tool. `open_world`: it reaches a service outside this process."""

    read_only: bool
    destructive: bool
    idempotent: bool
    open_world: bool = True


@dataclass(frozen=True)
class ToolContext:
    """What a handler works with: the campaigns of one tenant, and the limits of this server.

    `notes`: what the answer of a write says about its arguments. `origin`: what the journal says of the call. `ask`: asks a person
    to confirm a write; None where there is no way to. `approvals`: where it waits for one otherwise. `consent`: what they said yes to.
    """

    service: CampaignService
    notes: tuple[str, ...] = ()
    origin: CallOrigin = OPERATORS
    ask: Ask | None = None
    approvals: Approvals | None = None
    consent: Consent | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no answer may repeat: the credentials that are sent to the API."""
        return self.service.secrets


class ToolOutput(Protocol):
    """What a handler returns: its text, and the same as structure."""

    summary: str

    def structure(self) -> dict[str, Any]:
        """The structured result, not yet cleaned."""
        ...


@dataclass(frozen=True)
class ToolResult:
    """A tool's answer: the text, and for a success the same as structure. An error carries everything in its text."""

    text: str
    structure: dict[str, Any] | None = None

    @property
    def is_error(self) -> bool:
        """Whether the call was refused or failed: then there is no structure."""
        return self.structure is None

    def as_result(self) -> dict[str, Any]:
        """The answer as the protocol's result."""
        result: dict[str, Any] = {"content": [{"type": "text", "text": self.text}], "isError": self.is_error}
        if self.structure is not None:
            result["structuredContent"] = self.structure
        return {**result, "resultType": "complete"}


@dataclass(frozen=True)
class Tool:
    """A tool: models, descriptions, annotations and handler. `maxima`: of arguments, where the limits of this server set them."""

    name: str
    title: str
    description: str
    arguments: type[BaseModel]
    result: type[BaseModel]
    hints: ToolAnnotations
    handler: Callable[[ToolContext, Any], Awaitable[ToolOutput]]
    maxima: Mapping[str, int] = field(default_factory=dict, hash=False)

    @cached_property
    def input_schema(self) -> dict[str, Any]:
        """The published schema of the arguments."""
        return input_schema(self.arguments, self.maxima)

    @cached_property
    def output_schema(self) -> dict[str, Any]:
        """The published schema of the structured result."""
        return output_schema(self.result)

    def definition(self) -> dict[str, Any]:
        """The tool as clients list it."""
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": self.input_schema,
            "outputSchema": self.output_schema,
            "annotations": {
                "title": self.title,
                "readOnlyHint": self.hints.read_only,
                "destructiveHint": self.hints.destructive,
                "idempotentHint": self.hints.idempotent,
                "openWorldHint": self.hints.open_world,
            },
        }

    async def run(self, arguments: Any, context: ToolContext) -> ToolResult:
        """What the handler returns for validated arguments, as it may be shown. Raises what the handler raises."""
        return self.to_result(await self.handler(context, arguments), context.secrets)

    async def run_with_consent(self, arguments: Any, context: ToolContext) -> ToolResult:
        """As `run`. Where a person has to confirm it is run once more, from the start, with their consent: others may have written."""
        try:
            return await self.run(arguments, context)
        except ConsentNeeded as needed:
            if context.consent is not None:
                raise changed_meanwhile(needed.proposal, context.consent) from None
            consent = await get_consent(needed.proposal, context.ask, context.approvals)
        return await self.run_with_consent(arguments, replace(context, consent=consent))

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        """Validate, run, and answer in words. Only cancellation gets out, and QuestionPending, where `ask` raises that."""
        named, nulls = decode(arguments, self.input_schema)
        try:
            checked = self.arguments.model_validate(named)
        except ValidationError as problem:
            return ToolResult(filter_error(explain(self.name, problem, self.input_schema), context.secrets))
        try:
            with current_call(CurrentCall(self.name, named, context.origin)):
                return await self.run_with_consent(checked, replace(context, notes=null_notes(nulls)))
        except NotConfirmed as refusal:
            return ToolResult(filter_error(refusal.text, context.secrets))
        except (AsissoError, NotAllowed) as refusal:
            return ToolResult(filter_error(visible(refusal.text), context.secrets))
        except QuestionPending:
            raise
        except Exception as fault:
            logger.error("%s failed with %s", self.name, type(fault).__name__)
            # Where, not what: the words of an exception may quote a header, and with it a key.
            logger.debug("It failed here:\n%s", "".join(traceback.format_tb(fault.__traceback__)).rstrip())
            return ToolResult(
                f"Something unexpected went wrong inside asisso-mcp ({type(fault).__name__}). "
                + ("Nothing was changed." if self.hints.read_only else "Look with `get_campaign` at what is in place.")
                + " Please report it with what you asked for."
            )

    def to_result(self, output: ToolOutput, secrets: Iterable[str] = ()) -> ToolResult:
        """The one exit: text and structure are cut and cleaned here, and without these secrets."""
        return ToolResult(*filter_answer(output.summary, output.structure(), secrets))


class Registry:
    """The tools that this server offers, in their fixed order, with the ranges that its limits leave."""

    def __init__(self, tools: tuple[Tool, ...], policy: Policy) -> None:
        selected = [tool for tool in tools if policy.selects(tool.name)]
        offered = [tool for tool in selected if policy.may_write or tool.hints.read_only]
        maxima = policy.maxima
        self._tools = {tool.name: replace(tool, maxima=maxima) if maxima else tool for tool in offered}
        self._withheld = frozenset(tool.name for tool in selected) - self._tools.keys()

    def __iter__(self) -> Any:
        return iter(self._tools.values())

    def get(self, name: str) -> Tool | None:
        """The tool of that name; None where there is none, or it is withheld."""
        return self._tools.get(name)

    def unavailable_reason(self, name: str) -> str:
        """Why there is no such tool, for whoever asked for it."""
        known = ", ".join(self._tools)
        if name in self._withheld:
            return (
                f"{name} is not offered here: this server only reads (--read-only, or a token without the right to write). The "
                f"person who runs it can change that. It has {known}."
            )
        return f"Unknown tool: {single_line(name, 64)}. This server has {known}."
