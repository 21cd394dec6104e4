"""The ranges of the settings, as the published reference has them, and stored values outside them. Pure.

The platform lets odd values in by other ways than an edit, and a limit may have been another one when a value was stored.
"""

from collections.abc import Mapping
from typing import Any, get_args

from asisso_mcp.api.models import SECTIONS, MaxConcurrency
from asisso_mcp.campaigns.formatting import format_plain
from asisso_mcp.campaigns.models import CampaignSettings

Range = tuple[float, float]


def _range(metadata: list[Any]) -> Range | None:
    least = next((each.ge for each in metadata if hasattr(each, "ge")), None)
    most = next((each.le for each in metadata if hasattr(each, "le")), None)
    return None if least is None or most is None else (least, most)


def _ranges() -> dict[str, Range]:
    fields = {f"{name}.{leaf}": field for name, model in SECTIONS.items() for leaf, field in model.model_fields.items()}
    found = {path: _range(field.metadata) for path, field in fields.items()}
    found["max_concurrency"] = _range(get_args(MaxConcurrency)[1].metadata)
    return {path: each for path, each in found.items() if each is not None}


RANGES = _ranges()
"""Smallest and largest number of each leaf that has them, as `section.leaf`."""


def format_range(path: str) -> str:
    """`0 to 10`"""
    least, most = RANGES[path]
    return f"{least:g} to {most:g}"


def nearest(path: str, value: Any) -> Any:
    """The value of that leaf nearest to `value` that may be set; None when `value` is no number, or the leaf has no range."""
    if path not in RANGES or not isinstance(value, int | float) or isinstance(value, bool):
        return None
    least, most = RANGES[path]
    return least if value < least else most if value > most else value


def describe_out_of_range(settings: CampaignSettings) -> str | None:
    """The stored numbers that no edit may set, in one sentence; None when there are none."""
    found = []
    for path in RANGES:
        name, _, leaf = path.partition(".")
        stored = settings.get(name)
        value = stored.get(leaf) if leaf and isinstance(stored, Mapping) else stored
        if (allowed := nearest(path, value)) is not None and allowed != value:
            found.append(f"{path} {format_plain(value)} ({format_range(path)})")
    return f"Stored outside what an edit may set: {', '.join(found)}." if found else None
