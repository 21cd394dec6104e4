"""Arguments as clients really send them → arguments as the schema means them. Nothing is guessed where text is meant.

Reported of clients: nested objects arrive as JSON text, what is left out as "" or "null", and some add keys of their own.
"""

import json
from collections.abc import Mapping
from typing import Any

CLIENT_KEYS = frozenset({"toolCallId", "sessionId", "chatInput", "action", "tool"})
"""Keys that n8n adds to every call; ignored, as are keys that start with an underscore."""

_MAX_TEXT = 200_000


def decode(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """`arguments` with JSON text parsed where `schema` wants an object or a list, and empty optional values left out."""
    own = {key: value for key, value in arguments.items() if key in schema["properties"] or not _is_clients(key)}
    return _object(own, schema)


def _is_clients(key: str) -> bool:
    return key in CLIENT_KEYS or key.startswith("_")


def _object(value: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    properties, required = schema.get("properties", {}), schema.get("required", ())
    return {
        key: _value(each, properties[key]) if key in properties else each
        for key, each in value.items()
        if not (key in properties and key not in required and _is_empty(each, properties[key]))
    }


def _is_empty(value: Any, schema: Mapping[str, Any]) -> bool:
    return isinstance(value, str) and value.strip() in ("", "null") and schema.get("type") != "string"


def _value(value: Any, schema: Mapping[str, Any]) -> Any:
    kind = schema.get("type")
    if kind in ("object", "array") and isinstance(value, str):
        value = _parsed(value)
    if kind == "object" and isinstance(value, dict):
        return _object(value, schema)
    if kind == "array" and isinstance(value, list):
        return [_value(each, schema["items"]) for each in value]
    return value


def _parsed(text: str) -> Any:
    if len(text) > _MAX_TEXT or not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
