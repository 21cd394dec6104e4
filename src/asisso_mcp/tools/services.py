"""One campaign service for each API key, over one connection pool."""

import logging
import sys
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import anyio

from asisso_mcp.api.caller_keys import CallerKeys
from asisso_mcp.campaigns.consent import Consent
from asisso_mcp.campaigns.policy import OPERATOR, Caller, Policy
from asisso_mcp.campaigns.write_journal import WriteJournal
from asisso_mcp.config import Settings
from asisso_mcp.journal.entry import CallOrigin, fingerprint
from asisso_mcp.journal.journal import Journal
from asisso_mcp.journal.location import open_journal
from asisso_mcp.tools.approvals import Approvals
from asisso_mcp.tools.confirmation import Ask
from asisso_mcp.tools.registry import ToolContext

if TYPE_CHECKING:
    import httpx2

    from asisso_mcp.api.client import AsissoClient
    from asisso_mcp.api.transport import ApiTransport
    from asisso_mcp.campaigns.service import CampaignService

logger = logging.getLogger(__name__)

KEPT_TENANTS = 128
"""Whose recent revisions and locks are kept while they do not call; losing them costs a few words, never correctness."""
FINISH_SECONDS = 5.0
"""How long a write that was sent may still take when everything else has ended."""


def utc_now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


class TenantServices:
    """The campaign services of this process, one for each API key. They share the connections to the API and nothing else.

    `transport` replaces the network: the sandbox in process, or a test's own. `uses_caller_keys`: every caller has a key of
    their own, and the server's is never used. `connect` makes the connection (telemetry watches it there). `tell` gets the outcome
    of a write whose caller went away. `journal` gets an entry for each write; without one it is that which the settings name.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        transport: "httpx2.AsyncBaseTransport | None" = None,
        clock: Callable[[], datetime] = utc_now,
        uses_caller_keys: bool = False,
        connect: "Callable[..., ApiTransport] | None" = None,
        tell: Callable[[str], None] = logger.warning,
        journal: Journal | None = None,
    ) -> None:
        self._journal = journal or open_journal(settings)
        self._settings = settings
        self._transport = transport
        self._clock = clock
        self._uses_caller_keys = uses_caller_keys
        self._connect = connect
        self._tell = tell
        self.caller_keys = CallerKeys()
        """What the API said of the keys that callers bring."""
        self._stopped = False
        self._policy = Policy.of(settings)
        self._open: tuple[ApiTransport, AsissoClient] | None = None
        # Weak: a service stays findable for as long as a call uses it, so that one tenant never has two sets of locks.
        self._services: WeakValueDictionary[bytes, CampaignService] = WeakValueDictionary()
        self._recent: OrderedDict[bytes, CampaignService] = OrderedDict()

    def call(
        self,
        caller: Caller = OPERATOR,
        *,
        trace_id: str | None = None,
        undo_of: str | None = None,
        ask: Ask | None = None,
        consent: Consent | None = None,
    ) -> ToolContext:
        """What a handler works with, for this caller. trace_id, undo_of: for the journal. ask, consent: as in `ToolContext`."""
        service = self.service_for(caller).within(self._policy.within(caller))
        origin = CallOrigin(caller.name, trace_id, undo_of)
        return ToolContext(service, origin=origin, ask=ask, approvals=self._approvals(caller), consent=consent)

    def _approvals(self, caller: Caller) -> Approvals | None:
        """Where writes of this caller wait for a person; None where nothing is confirmed, or the journal is no file."""
        if self._policy.confirm == "never" or self._journal is None or self._journal.file is None:
            return None
        entries = WriteJournal(origin=self.origin, account=self.account(caller))
        return Approvals(self._journal.file, self._journal.days, entries)

    @property
    def service(self) -> "CampaignService":
        """The operator's own."""
        return self.service_for(OPERATOR)

    def service_for(self, caller: Caller) -> "CampaignService":
        """The campaigns that the caller's key reaches."""
        tenant = b"" if caller.api_key is None else sha256(caller.api_key.get_secret_value().encode()).digest()
        service = self._services.get(tenant)
        if service is None:
            from asisso_mcp.campaigns.service import CampaignService

            _, client = self._opened()
            if caller.api_key is not None:
                client = client.for_key(caller.api_key)
            journal = WriteJournal(self._journal, origin=self.origin, account=self.account(caller))
            service = CampaignService(client, clock=self._clock, tell=self._tell, journal=journal)
            if self._stopped:
                service.stop_writing()
            self._services[tenant] = service
        self._recent[tenant] = service
        self._recent.move_to_end(tenant)
        while len(self._recent) > KEPT_TENANTS:
            self._recent.popitem(last=False)
        return service

    @property
    def origin(self) -> str:
        """Where writes are sent to, as the journal has it."""
        return "sandbox" if self._settings.sandbox else self._settings.base_url

    def account(self, caller: Caller = OPERATOR) -> str:
        """The fingerprint of the key or token that is used for this caller; empty where there is none."""
        settings = self._settings
        if settings.sandbox and self._transport is None:
            return "sandbox"
        secret = caller.api_key or settings.api_key or settings.access_token
        return fingerprint(secret.get_secret_value()) if secret is not None else ""

    @property
    def connection(self) -> "ApiTransport":
        """The way to the API, for asking whether it answers."""
        return self._opened()[0]

    def _opened(self) -> "tuple[ApiTransport, AsissoClient]":
        if self._open is None:
            from dataclasses import replace

            from asisso_mcp.api.client import AsissoClient
            from asisso_mcp.api.transport import ApiTransport

            settings, transport = self._settings, self._transport
            if settings.sandbox and transport is None:
                settings, transport = with_sandbox(settings)
            if self._uses_caller_keys:
                settings = replace(settings, api_key=None, access_token=None)
            keys = self.caller_keys if self._uses_caller_keys else None
            connection = (self._connect or ApiTransport)(settings, transport=transport, caller_keys=keys)
            self._open = connection, AsissoClient(connection, settings)
        return self._open

    def in_flight(self) -> tuple[str, ...]:
        """Writes that were sent and are not answered yet, in words."""
        return tuple(sent for service in list(self._services.values()) for sent in service.in_flight)

    def stop_writing(self) -> None:
        """The process ends: no write is sent any more; those on the wire are finished."""
        self._stopped = True
        for service in list(self._services.values()):
            service.stop_writing()

    async def drain_writes(self, seconds: float) -> None:
        """Send no more writes, wait at most so long for those on the wire, then say what stays unknown."""
        self.stop_writing()
        try:
            with anyio.CancelScope(shield=True), anyio.move_on_after(seconds):
                while self.in_flight():  # noqa: ASYNC110 - writes come and go; only that none is left matters
                    await anyio.sleep(0.05)
                if self._journal is not None:
                    await self._journal.drain()
        finally:  # asyncio's own cancellation is not held off by a scope
            self.report_unanswered_writes()

    def report_unanswered_writes(self) -> None:
        """To stderr: the writes whose outcome nobody will learn when the process ends now."""
        for sent in self.in_flight():
            print(
                f"asisso-mcp ends while a write is unanswered. Unknown outcome of {sent}: look at the campaign before trying "
                "again.",
                file=sys.stderr,
                flush=True,
            )

    async def close(self) -> None:
        """Finish what is on the wire, then close the connections."""
        await self.drain_writes(FINISH_SECONDS)
        if self._journal is not None:
            self._journal.close()
        if self._open is not None:
            with suppress(Exception):  # the process ends: a connection that cannot be closed is of no consequence
                await self._open[0].aclose()


def with_sandbox(settings: Settings) -> "tuple[Settings, httpx2.AsyncBaseTransport]":
    """The same settings, pointed at a built-in API of this process's own. Raises ValueError for a file that is not a sandbox's."""
    from dataclasses import replace

    from pydantic import SecretStr

    from asisso_mcp.sandbox import KEY, Sandbox

    sandbox = Sandbox(db=settings.sandbox_db or ":memory:")
    return replace(settings, api_key=SecretStr(KEY), access_token=None, proxy=None), sandbox.transport()
