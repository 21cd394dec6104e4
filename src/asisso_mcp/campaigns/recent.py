"""Which settings a revision stood for, as far as this process saw them: only to say what changed meanwhile.

Nothing is decided by it: a revision is compared by its value alone.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from asisso_mcp.api.models import Campaign
from asisso_mcp.campaigns.edits import revision

_KEPT = 256
_MAX_SLOTS = 50


class RecentRevisions:
    """The last revisions that were read, at most 256 of them."""

    def __init__(self) -> None:
        self._settings: OrderedDict[tuple[int, str], Mapping[str, Any]] = OrderedDict()

    def remember(self, campaign: Campaign) -> None:
        settings = campaign.settings()
        slots = (settings.get("schedule_config") or {}).get("slots")
        if isinstance(slots, list) and len(slots) > _MAX_SLOTS:
            return  # more than any edit can set: not worth the memory
        key = (campaign.id, revision(settings))
        self._settings[key] = settings
        self._settings.move_to_end(key)
        while len(self._settings) > _KEPT:
            self._settings.popitem(last=False)

    def settings(self, campaign_id: int, known_revision: str) -> Mapping[str, Any] | None:
        return self._settings.get((campaign_id, known_revision))
