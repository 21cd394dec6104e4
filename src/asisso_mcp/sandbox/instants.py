"""Instants as the store keeps them: ISO 8601 in UTC, so that texts sort as the instants do."""

from datetime import UTC, datetime


def to_iso(moment: datetime) -> str:
    """The stored text of an aware instant."""
    return moment.astimezone(UTC).isoformat()


def from_iso(stored: str | None) -> datetime | None:
    """The instant of a stored text; None for none."""
    return None if stored is None else datetime.fromisoformat(stored)
