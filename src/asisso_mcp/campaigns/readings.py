"""Reading campaigns: before a write, and after one whose answer does not tell enough."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

import anyio

from asisso_mcp.api.client import AsissoClient
from asisso_mcp.api.errors import AsissoError, Misconfigured, NotFound, ServerFault
from asisso_mcp.api.models import Campaign, LastCall
from asisso_mcp.campaigns import deadlines
from asisso_mcp.campaigns.deadlines import time_left
from asisso_mcp.campaigns.revisions import RecentRevisions
from asisso_mcp.campaigns.telephony import NOT_LOOKED_UP, Telephony
from asisso_mcp.campaigns.write_recovery import READ_FAILED, OutcomeUnknown

logger = logging.getLogger(__name__)

UNREADABLE_ROW = (
    "If this campaign alone cannot be read, its stored retry_config may be malformed: `update_campaign` with all six fields of "
    "retry_config, and nothing else, can repair that, and `pause_campaign` works all the same."
)


class CampaignReader:
    """Reads the campaigns of one tenant, and remembers the last readings to say what changed meanwhile."""

    def __init__(self, client: AsissoClient, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._client = client
        self._sleep = sleep
        self.recent = RecentRevisions()

    async def reread(self, campaign_id: int, sent: str, why: str) -> Campaign:
        """The campaign as it is now, after a write whose answer does not show it. Raises OutcomeUnknown."""
        now = await self.reread_if_time(campaign_id)
        if now is None:
            raise OutcomeUnknown(sent, why, READ_FAILED)
        return now

    async def reread_if_time(self, campaign_id: int, *, after: float = 0) -> Campaign | None:
        """The campaign as it is now, for a write that is done: None when it cannot be read in the time that is left."""
        left = time_left() - deadlines.SPARE_SECONDS
        if left <= after:
            return None
        with anyio.move_on_after(left):
            try:
                if after:
                    await self._sleep(after)
                return await self.read(campaign_id)
            except AsissoError as fault:
                logger.info("The campaign could not be read after the write: %s", fault.text)
        return None

    async def read_before_pause(self, campaign_id: int) -> Campaign | None:
        """None when it cannot be read: an emergency stop works without. Raises what a pause would meet as well."""
        try:
            with anyio.fail_after(deadlines.PAUSE_READ_SECONDS):
                return await self.read(campaign_id)
        except (Misconfigured, NotFound):
            raise
        except (AsissoError, TimeoutError) as fault:
            logger.info("The campaign could not be read before the pause: %s", fault)
            return None

    async def last_call(self, campaign_id: int) -> LastCall | None:
        """The newest call of a campaign; None when it cannot be looked up in a few seconds."""
        with anyio.move_on_after(min(deadlines.LOOKUP_SECONDS, time_left() - deadlines.SPARE_SECONDS)):
            try:
                return await self._client.last_call(campaign_id)
            except AsissoError as fault:
                logger.info("The newest call could not be looked up: %s", fault.text)
        return None

    async def telephony(self) -> Telephony:
        """What the organisation dials from; what cannot be looked up in a few seconds is left out."""
        found = NOT_LOOKED_UP
        with anyio.move_on_after(deadlines.LOOKUP_SECONDS):
            try:
                found = replace(found, configurations=tuple(await self._client.telephony_configurations()))
                found = replace(found, call_limit=await self._client.call_limit())
            except AsissoError as fault:
                logger.info("The organisation's telephony could not be looked up: %s", fault.text)
        return found

    async def read(self, campaign_id: int) -> Campaign:
        """The campaign as it is now. Raises AsissoError."""
        try:
            campaign = await self._client.get(campaign_id)
        except ServerFault as fault:
            raise ServerFault(f"{fault.text} {UNREADABLE_ROW}", executed=None) from None
        self.recent.remember(campaign)
        return campaign
