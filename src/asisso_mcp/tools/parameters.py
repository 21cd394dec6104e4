"""The arguments of a tool as a flat list for people: each with its path and what is allowed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from asisso_mcp.tools.validation_errors import describe_constraint


@dataclass(frozen=True)
class Parameter:
    """An argument, or a part of one. path: such as `retry_config.max_retries`. allowed: its range, and what it means."""

    path: str
    allowed: str
    is_required: bool


def parameters(schema: Mapping[str, Any], prefix: str = "") -> Iterator[Parameter]:
    """What an input schema takes, in its order; objects are told by their parts."""
    required = schema.get("required", [])
    for name, child in schema.get("properties", {}).items():
        path = f"{prefix}{name}"
        if child["type"] != "object":
            yield Parameter(path, _allowed(child), name in required)
        yield from parameters(child, f"{path}.")
        yield from parameters(child.get("items", {}), f"{path}[].")


def _allowed(schema: Mapping[str, Any]) -> str:
    words = describe_constraint(schema)
    if schema["type"] == "array" and "minItems" in schema:
        words = f"a list of {schema['minItems']} to {schema['maxItems']}"
    return f"{words}. {schema['description']}" if "description" in schema else words
