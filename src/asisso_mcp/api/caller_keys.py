"""What the API said of the keys that callers bring: accepted, refused a moment ago, or not known yet."""

import logging
import time
from collections import OrderedDict
from hashlib import sha256

from asisso_mcp.api.slots import UNPROVEN, Tenant

logger = logging.getLogger(__name__)

REFUSED_SECONDS = 60.0
"""How long a key that the API refused is refused here, without asking again."""
KEPT_KEYS = 10_000
"""Digests of either kind that are kept; a key that is forgotten is asked about again."""
_AFTER_THE_KEY = frozenset({400, 402, 404, 422})
"""Errors that the API finds after it has accepted the key (observed)."""


class CallerKeys:
    """The keys of all callers of this process, as digests, each with the moment of the API's last word on it."""

    def __init__(self) -> None:
        self._accepted: OrderedDict[bytes, float] = OrderedDict()
        self._refused: OrderedDict[bytes, float] = OrderedDict()

    def tenant_of(self, key: str) -> Tenant:
        """Whose slots a request with this key takes."""
        digest = _digest(key)
        return digest if digest in self._accepted else UNPROVEN

    def is_refused(self, key: str) -> bool:
        """Whether the API refused this key within the last `REFUSED_SECONDS`."""
        return time.monotonic() - self._refused.get(_digest(key), float("-inf")) < REFUSED_SECONDS

    def note(self, key: str, status: int) -> None:
        """Remember what the status of a response says of the key that its request carried."""
        digest = _digest(key)
        if 200 <= status < 300 or status in _AFTER_THE_KEY:
            _keep(self._accepted, digest)
            self._refused.pop(digest, None)
        elif status == 401 and digest in self._accepted:
            del self._accepted[digest]  # revoked, or the API was mistaken: whoever brings it may ask once more
        elif status == 401:
            _keep(self._refused, digest)
            logger.warning(
                "The API refused a key that a caller brought; it is refused here for %.0f s. %d such keys are remembered.",
                REFUSED_SECONDS,
                len(self._refused),
            )


def _digest(key: str) -> bytes:
    return sha256(key.encode()).digest()


def _keep(kept: OrderedDict[bytes, float], digest: bytes) -> None:
    kept[digest] = time.monotonic()
    kept.move_to_end(digest)
    if len(kept) > KEPT_KEYS:
        kept.popitem(last=False)
