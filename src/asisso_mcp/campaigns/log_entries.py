"""Entries of a campaign's log, read leniently: oldest first, any of them may be anything (observed). Pure."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

_LONGEST_MOMENT = 40


def newest_first(logs: list[Any] | None) -> Iterator[dict[str, Any]]:
    """The entries that are objects."""
    return (entry for entry in reversed(logs or []) if isinstance(entry, dict))


def newest_entry(logs: list[Any] | None) -> dict[str, Any] | None:
    """None when there is none."""
    return next(newest_first(logs), None)


def entry_moment(entry: dict[str, Any]) -> datetime | None:
    """When it was written (aware); None when its `ts` cannot be read."""
    try:
        moment = datetime.fromisoformat(str(entry.get("ts", ""))[:_LONGEST_MOMENT])
    except ValueError:
        return None
    return moment if moment.utcoffset() is not None else None
