"""A revision: a short hash of a campaign's settings, and what a recent one stood for."""

import hashlib
import json
from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import Any

from asisso_mcp.api.models import Campaign
from asisso_mcp.campaigns.formatting import describe_change
from asisso_mcp.campaigns.models import CampaignSettings, NotAllowed, differences
from asisso_mcp.sanitize import quoted

_CAMPAIGNS = 64
_READINGS = 8
_MAX_SLOTS = 50
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def revision(settings: CampaignSettings) -> str:
    """A short hash of the five editable settings: the same settings, the same revision."""
    return hashlib.sha256(_CANONICAL.encode(settings).encode()).hexdigest()[:12]


class RecentRevisions:
    """The last different readings of the campaigns that were read last: eight of each, of at most 64 campaigns.

    They only serve to say what changed meanwhile: a revision is compared by its value alone.
    """

    def __init__(self) -> None:
        self._readings: OrderedDict[int, deque[Mapping[str, Any]]] = OrderedDict()

    def remember(self, campaign: Campaign) -> None:
        """Keep this reading, if it differs from the one before it."""
        settings = campaign.settings()
        slots = (settings.get("schedule_config") or {}).get("slots")
        if isinstance(slots, list) and len(slots) > _MAX_SLOTS:
            return  # more than any edit can set: not worth the memory
        readings = self._readings.setdefault(campaign.id, deque(maxlen=_READINGS))
        self._readings.move_to_end(campaign.id)
        if not readings or readings[-1] != settings:
            readings.append(settings)
        while len(self._readings) > _CAMPAIGNS:
            self._readings.popitem(last=False)

    def require(self, campaign: Campaign, expected: str | None) -> None:
        """Raises NotAllowed when a revision was expected and the campaign is at another one, saying what changed meanwhile."""
        settings = campaign.settings()
        if expected is None or expected == revision(settings):
            return
        known = next((each for each in self._readings.get(campaign.id, ()) if revision(each) == expected), None)
        if known is not None:
            listed = "; ".join(describe_change(change) for change in differences(known, settings))
            meanwhile = f"Changed meanwhile: {listed}."
        else:
            meanwhile = "That revision is not one this server has read recently, so what differs cannot be listed."
        raise NotAllowed(
            f"Campaign {campaign.id} {quoted(campaign.name)} is at revision {revision(settings)}, not {quoted(expected, 20)}, so "
            f"nothing was changed. {meanwhile} Look with `get_campaign`, decide again, and pass the new revision."
        )
