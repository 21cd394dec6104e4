"""Where a tool call finds the campaigns: the API connection of this process, opened by the first call that needs it."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from asisso_mcp.config import Settings
from asisso_mcp.server.policy import Policy
from asisso_mcp.server.registry import Call

if TYPE_CHECKING:
    import httpx2

    from asisso_mcp.api.connection import Connection
    from asisso_mcp.campaigns.service import CampaignService


def utc_now() -> datetime:
    return datetime.now(UTC)


class Desk:
    """One per process. `transport` replaces the network: the sandbox in process, or a test's own."""

    def __init__(
        self,
        settings: Settings,
        *,
        transport: "httpx2.AsyncBaseTransport | None" = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._clock = clock
        self._policy = Policy.of(settings)
        self._connection: Connection | None = None
        self._service: CampaignService | None = None

    def call(self) -> Call:
        return Call(self.service, self._policy)

    @property
    def service(self) -> "CampaignService":
        if self._service is None:
            from asisso_mcp.api.client import AsissoClient
            from asisso_mcp.api.connection import Connection
            from asisso_mcp.campaigns.service import CampaignService

            settings, transport = self._settings, self._transport
            if settings.sandbox and transport is None:
                settings, transport = in_sandbox(settings)
            self._connection = Connection(settings, transport=transport)
            self._service = CampaignService(AsissoClient(self._connection, settings), clock=self._clock)
        return self._service

    def in_flight(self) -> tuple[str, ...]:
        """Writes that were sent and are not answered yet, in words."""
        return tuple(self._service.in_flight.values()) if self._service else ()

    async def close(self) -> None:
        if self._connection is not None:
            with suppress(Exception):  # the process ends: a connection that cannot be closed is of no consequence
                await self._connection.close()


def in_sandbox(settings: Settings) -> "tuple[Settings, httpx2.AsyncBaseTransport]":
    """The same settings, pointed at a built-in API of this process's own."""
    from dataclasses import replace

    from pydantic import SecretStr

    from asisso_mcp.sandbox import KEY, Sandbox

    return replace(settings, api_key=SecretStr(KEY), access_token=None, proxy=None), Sandbox().transport()
