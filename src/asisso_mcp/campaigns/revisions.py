"""Which settings a revision stood for, as far as this process saw them: only to say what changed meanwhile.

Nothing is decided by it: a revision is compared by its value alone.
"""

from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import Any

from asisso_mcp.api.models import Campaign
from asisso_mcp.campaigns.edits import revision

_CAMPAIGNS = 64
_READINGS = 8
_MAX_SLOTS = 50


class RecentRevisions:
    """The last different readings of the campaigns that were read last: eight of each, of at most 64 campaigns."""

    def __init__(self) -> None:
        self._readings: OrderedDict[int, deque[Mapping[str, Any]]] = OrderedDict()

    def remember(self, campaign: Campaign) -> None:
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

    def settings(self, campaign_id: int, known_revision: str) -> Mapping[str, Any] | None:
        readings = self._readings.get(campaign_id, ())
        return next((settings for settings in readings if revision(settings) == known_revision), None)
