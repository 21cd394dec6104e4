"""Entries of a campaign's log, read leniently: oldest first, any of them may be anything (observed). Pure."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from asisso_mcp.sanitize import redact

_LONGEST_MOMENT = 40
_DEEPEST = 6


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


def masked(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry with its details, and without phone numbers, addresses, queries and keys, also where those are numbers or names."""
    shown: dict[str, Any] = _masked(entry, _DEEPEST)
    return {**shown, "ts": entry["ts"]} if entry_moment(entry) else shown


def _masked(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value if redact(value) == str(value) else redact(value)
    if isinstance(value, dict | list) and depth == 0:
        return "…"
    if isinstance(value, dict):
        return {redact(key): _masked(each, depth - 1) for key, each in value.items()}
    if isinstance(value, list):
        return [_masked(each, depth - 1) for each in value]
    return value
