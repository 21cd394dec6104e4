"""`key=value` words of a command line, as the arguments of a tool."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from asisso_mcp.cli.options import UsageError


def parse_arguments(pairs: Iterable[str], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a tool with this input schema; `section.name=value` names a part of a section. Raises UsageError."""
    arguments: dict[str, Any] = {}
    for pair in pairs:
        path, equals, text = pair.partition("=")
        if not equals or not path:
            raise UsageError(f"{pair!r} is not of the form key=value.")
        *sections, name = path.split(".")
        target, node = arguments, schema
        for section in sections:
            inner = target.setdefault(section, {})
            if not isinstance(inner, dict):
                raise UsageError(
                    f"{path} names a part of {section}, which was given another value; which one is meant?"
                )
            target, node = inner, node.get("properties", {}).get(section, {})
        if name in target:
            raise UsageError(f"{path} was given twice; which one is meant?")
        target[name] = _value(path, text, node.get("properties", {}).get(name, {}))
    return arguments


def _value(name: str, text: str, schema: Mapping[str, Any]) -> Any:
    is_text = schema.get("type") == "string"
    if is_text and text.strip() == "null":
        raise UsageError(f"{name}=null names nothing: leave {name} out, or write {name}='\"null\"' for that text.")
    # A text is itself, unless it stands in JSON's quotes.
    return text if is_text and not text.startswith('"') else _json_or_text(name, text)


def _json_or_text(name: str, value: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        for key in keys:
            if keys.count(key) > 1:
                raise UsageError(f"{key} was given twice within {name}; which one is meant?")
        return dict(pairs)

    try:
        return json.loads(value, object_pairs_hook=unique)
    except (ValueError, RecursionError):
        return value
