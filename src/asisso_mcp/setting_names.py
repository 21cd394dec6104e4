"""Names of environment variables that begin with ASISSO_: which are unknown, and which setting they may be meant for."""

import difflib
import re
from collections.abc import Iterable

_PREFIX = re.compile(r"ASISSO[^A-Z0-9]")
_KUBERNETES = re.compile(
    r"ASISSO(_[A-Z0-9_]+)?_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(ADDR|PORT|PROTO))?)?)"
)
"""What Kubernetes sets in every container for each service, here those whose names begin with `asisso`."""

_SHORTEST_PART = 4
_SIMILAR = 0.8


def unknown_names(names: Iterable[str], known: Iterable[str]) -> list[str]:
    """The `names` that begin with ASISSO_, in any case, and are neither `known` nor set by Kubernetes, in their order."""
    expected = frozenset(known)
    return [
        name
        for name in names
        if _PREFIX.match(name.upper()) and name not in expected and not _KUBERNETES.fullmatch(name)
    ]


def limit_meant(name: str, limits: Iterable[str]) -> str | None:
    """The limit that `name` is probably meant for (spelled differently, a part of it, or more than it), or None."""
    given = _letters(name)
    for limit in limits:
        own = _letters(limit)
        is_part = given in own and len(given) >= _SHORTEST_PART
        if own in given or is_part or difflib.SequenceMatcher(None, given, own).ratio() >= _SIMILAR:
            return limit
    return None


def setting_meant(name: str, known: Iterable[str]) -> str | None:
    """The setting with the nearest name, or None when none is near."""
    return next(iter(difflib.get_close_matches(name.upper()[:80], list(known), n=1, cutoff=_SIMILAR)), None)


def _letters(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", _PREFIX.sub("", name.upper()[:80], count=1))
