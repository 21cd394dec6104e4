"""The client of the Asisso campaign API: list, get, patch, pause, resume; and what a campaign's own answer does not tell."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import SecretStr

from asisso_mcp.api.errors import KeyMissing
from asisso_mcp.api.models import Campaign, LastCall, TelephonyConfiguration
from asisso_mcp.api.responses import parse_call_limit, parse_campaign, parse_campaigns, parse_last_call, parse_telephony
from asisso_mcp.api.retries import retry_read
from asisso_mcp.api.transport import MAX_LIST_BYTES, ApiResponse, ApiTransport
from asisso_mcp.config import Settings

MAX_CAMPAIGN_ID = 2_147_483_647
"""The platform's column is a 32-bit integer: a larger id makes it answer 500 (observed)."""

MAX_LOOKUP_BYTES = 1024 * 1024
"""Of an answer that is looked up beside a campaign: a run carries contacts and logs, of which nothing is kept."""

BeforeSending = Callable[[], None]
"""Called before the first byte of a write goes out, after every wait for a connection; what it raises stops the write."""


T = TypeVar("T")


def _proceed() -> None: ...


class AsissoClient:
    """The API as one tenant sees it. Tenants share the transport; credentials travel with each request.

    Every call raises AsissoError where it fails, and ValueError for an id that no campaign can have. Reads are retried. A write is
    sent once: whether it is sent again is decided by the caller, who has to read and plan again first.
    """

    def __init__(self, transport: ApiTransport, settings: Settings) -> None:
        self._transport = transport
        self._settings = settings

    def for_key(self, api_key: SecretStr) -> "AsissoClient":
        """A client on the same transport for the owner of another key."""
        return AsissoClient(self._transport, replace(self._settings, api_key=api_key, access_token=None))

    @property
    def secrets(self) -> tuple[str, ...]:
        """The credentials of its requests; nothing that is shown may repeat them."""
        return self._settings.secrets

    async def list_campaigns(self) -> list[Campaign]:
        """All campaigns of the organisation, newest first. The API has no paging, filter or search."""
        headers = self._headers()
        return await retry_read(lambda: self._list(headers))

    async def get(self, campaign_id: int) -> Campaign:
        """One campaign with its settings, state and log."""
        headers, path = self._headers(), _path(campaign_id)
        return await retry_read(lambda: self._one("GET", path, campaign_id, headers))

    async def last_call(self, campaign_id: int) -> LastCall:
        """When the newest call of a campaign began, and whether it has ended."""
        return await self._look_up(
            f"{_path(campaign_id)}/runs?limit=1", lambda response: parse_last_call(response, campaign_id)
        )

    async def telephony_configurations(self) -> list[TelephonyConfiguration]:
        """The organisation's telephony configurations."""
        return await retry_read(lambda: self._look_up("/organizations/telephony-configs", parse_telephony))

    async def call_limit(self) -> int | None:
        """How many calls the organisation may make at once; None when the API does not say."""
        return await retry_read(lambda: self._look_up("/organizations/campaign-defaults", parse_call_limit))

    async def patch(
        self, campaign_id: int, body: Mapping[str, Any], before_sending: BeforeSending = _proceed
    ) -> Campaign:
        """Edit a campaign (published reference, PATCH). Returns the campaign, read again after the write.

        `body` is the JSON of a `PatchBody`: whole sections, no null.
        """
        headers, path = self._headers(), _path(campaign_id)
        return await self._one("PATCH", path, campaign_id, headers, body, before_sending=before_sending)

    async def pause(self, campaign_id: int, before_sending: BeforeSending = _proceed) -> Campaign:
        """Pause a campaign. Not idempotent: the API answers 400 when the campaign is not running or syncing."""
        headers, path = self._headers(), _path(campaign_id)
        return await self._one("POST", f"{path}/pause", campaign_id, headers, before_sending=before_sending)

    async def resume(self, campaign_id: int, before_sending: BeforeSending = _proceed) -> Campaign:
        """Resume a campaign. Not idempotent: the API answers 400 when the campaign is not paused."""
        headers, path = self._headers(), _path(campaign_id)
        return await self._one(
            "POST", f"{path}/resume", campaign_id, headers, resuming=True, before_sending=before_sending
        )

    async def _list(self, headers: Mapping[str, str]) -> list[Campaign]:
        # The list alone has a trailing slash; without it the API redirects before it looks at the key.
        return parse_campaigns(
            await self._transport.send("GET", "/campaign/", headers=headers, max_bytes=MAX_LIST_BYTES)
        )

    async def _look_up(self, path: str, parse: Callable[[ApiResponse], T]) -> T:
        """What is asked for beside a campaign: an answer of bounded size."""
        return parse(await self._transport.send("GET", path, headers=self._headers(), max_bytes=MAX_LOOKUP_BYTES))

    async def _one(
        self,
        method: str,
        path: str,
        campaign_id: int,
        headers: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
        *,
        resuming: bool = False,
        before_sending: BeforeSending = _proceed,
    ) -> Campaign:
        response = await self._transport.send(method, path, headers=headers, body=body, before_sending=before_sending)
        return parse_campaign(response, campaign_id, resuming=resuming)

    def _headers(self) -> dict[str, str]:
        if (key := self._settings.api_key) is not None:
            return {"X-API-Key": key.get_secret_value()}
        if (token := self._settings.access_token) is not None:
            return {"Authorization": f"Bearer {token.get_secret_value()}"}
        raise KeyMissing


def _path(campaign_id: int) -> str:
    # Whatever is not exactly an int could write its own path: "1/pause", "1%2Fpause".
    if type(campaign_id) is not int or not 1 <= campaign_id <= MAX_CAMPAIGN_ID:
        raise ValueError(f"campaign_id must be a whole number from 1 to {MAX_CAMPAIGN_ID}")
    return f"/campaign/{campaign_id:d}"
