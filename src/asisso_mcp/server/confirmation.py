"""Asks a person through the protocol: by a request to the client (2025), or by an answer that asks for input (2026).

In the 2025 era the server waits for the reply, within the time that hosts give a call. In the 2026 era nothing waits: the question goes
out with a sealed state, and the call comes again with both. The state is bound by the SDK to the method, the tool, the exact
arguments and the caller, and here to the account and to what was shown; this process takes it once, and for two minutes.
"""

import json
import logging
import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from secrets import token_hex
from typing import Any

import anyio
from mcp.server import ServerRequestContext
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CallToolRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import SecretStr, ValidationError

from asisso_mcp.campaigns.consent import Consent, Proposal
from asisso_mcp.campaigns.policy import Caller
from asisso_mcp.sanitize import hide_secrets, visible
from asisso_mcp.tools.confirmation import Answer, QuestionPending
from asisso_mcp.tools.services import TenantServices

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 45.0
"""After so long a call stops waiting for a person: hosts give up on it after 60 s."""
LEAST_SECONDS = 5.0
"""What a person gets at least, when reading took long before."""
STATE_SECONDS = 120.0
"""How long the answer to a question of the 2026 era counts. Nobody waits for it meanwhile."""
_KEPT_SECONDS = 600.0

_FIELD = "confirm"
_FORM: dict[str, Any] = {
    "type": "object",
    "properties": {_FIELD: {"type": "boolean", "title": "Yes, do this", "description": "Without it nothing is sent."}},
    "required": [_FIELD],
}

Context = ServerRequestContext[TenantServices]


class Confirmations:
    """The questions of one server. keys: seal what clients carry, the first one seals; without any a key of this process's own."""

    def __init__(self, keys: Sequence[SecretStr], caller_of: Callable[[Any], Caller]) -> None:
        given = [key.get_secret_value() for key in keys] or [token_hex(32)]
        security = RequestStateSecurity(
            keys=given, ttl=_KEPT_SECONDS, bind_principal=lambda context: _principal(caller_of(context.request))
        )
        self.boundary = RequestStateBoundary(security, default_audience="asisso")
        self._taken: dict[str, float] = {}

    def question(self, context: Context, params: CallToolRequestParams, caller: Caller) -> "Question":
        """The question that this call may have to ask, or brings an answer to."""
        services = context.lifespan_context
        return Question(self, context, params, services.account(caller), services.service_for(caller).secrets)

    def take(self, nonce: str) -> bool:
        """Whether the answer to this question has not been used in this process yet; it is from now on."""
        now = time.monotonic()
        self._taken = {each: until for each, until in self._taken.items() if until > now}
        if nonce in self._taken:
            return False
        self._taken[nonce] = now + _KEPT_SECONDS
        return True


class Question:
    """The question of one call.

    Attributes:
        ask: asks it; None where this client cannot be asked.
        consent: what a person said yes to, where the call brings their answer.
    """

    def __init__(
        self,
        confirmations: Confirmations,
        context: Context,
        params: CallToolRequestParams,
        account: str,
        secrets: Sequence[str],
    ) -> None:
        self._context, self._account, self._secrets = context, account, secrets
        self._began = anyio.current_time()
        self._is_asking = False
        self._brought: Answer | None = None
        self.consent: Consent | None = None
        self.ask = None
        if _can_be_asked(context):
            self.ask = self._ask_in_answer if _is_modern(context) else self._ask_now
        if params.request_state is not None and _is_modern(context):
            self._read(confirmations, params)

    def waits_for(self) -> str:
        """What the call waits for at the moment."""
        return "a person's answer" if self._is_asking else "the Asisso API"

    def as_result(self, proposal: Proposal) -> Any:
        """The question as the answer to this call."""
        consent = proposal.consent
        state = {
            "nonce": token_hex(16),
            "until": time.time() + STATE_SECONDS,
            "account": self._account,
            "before": consent.before,
            "intended": consent.intended,
        }
        request = ElicitRequest(params=ElicitRequestFormParams(message=self._message(proposal), requested_schema=_FORM))
        return InputRequiredResult(input_requests={_FIELD: request}, request_state=json.dumps(state))

    async def _ask_in_answer(self, proposal: Proposal) -> Answer:
        """What the call brought; where it brought nothing, the question goes out. Raises QuestionPending."""
        if self._brought is None:
            raise QuestionPending(proposal)
        return self._brought

    async def _ask_now(self, proposal: Proposal) -> Answer:
        """Ask, and wait for the answer."""
        seconds = max(LEAST_SECONDS, self._began + ANSWER_SECONDS - anyio.current_time())
        self._is_asking = True
        try:
            with anyio.move_on_after(seconds):
                session = self._context.session
                told = await session.elicit_form(self._message(proposal), _FORM, self._context.request_id)
                return _answer(told)
        except (MCPError, ValidationError) as fault:  # it says that it can ask, and refuses to, or answers nonsense
            logger.info("The client did not ask: %s", type(fault).__name__)
            return "declined"
        finally:
            self._is_asking = False
        return "none"

    def _message(self, proposal: Proposal) -> str:
        return hide_secrets(visible(proposal.describe(), keep="\n"), self._secrets)

    def _read(self, confirmations: Confirmations, params: CallToolRequestParams) -> None:
        """Take the answer that the call brings. An answer that does not count any more is none."""
        state = json.loads(params.request_state or "")
        told = (params.input_responses or {}).get(_FIELD)
        if not isinstance(told, ElicitResult) or state["account"] != self._account:
            return  # the question goes out again
        self._brought = _answer(told)
        if self._brought != "yes":
            return
        if time.time() > state["until"] or not confirmations.take(state["nonce"]):
            self._brought = "spent"
            return
        self.consent = Consent(state["before"], state["intended"])


def _principal(caller: Caller) -> str | None:
    """Whom a state is bound to: by their key, or by what authentication knows them as; None is the operator."""
    if caller.api_key is not None:
        return f"key {sha256(caller.api_key.get_secret_value().encode()).hexdigest()}"
    return caller.name


def _is_modern(context: Context) -> bool:
    return context.protocol_version in MODERN_PROTOCOL_VERSIONS


def _can_be_asked(context: Context) -> bool:
    """Whether the client declared that it shows forms, and can be reached."""
    capabilities = context.session.client_capabilities
    able = None if capabilities is None else capabilities.elicitation
    if able is None or (able.form is None and able.url is not None):
        return False
    return _is_modern(context) or context.session.can_send_request


def _answer(told: ElicitResult) -> Answer:
    match told.action:
        case "accept":
            return "yes" if (told.content or {}).get(_FIELD) is True else "unticked"
        case "decline":
            return "declined"
    return "cancelled"
