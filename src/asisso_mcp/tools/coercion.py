"""Turns arguments as clients really send them into arguments as the schema means them. Nothing is guessed where text is meant.

Reported of clients: nested objects arrive as JSON text, what is left out as null, "" or "null", and some add keys of their own.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from asisso_mcp.api.models import EDITABLE

CLIENT_KEYS = frozenset({"toolCallId", "sessionId", "chatInput", "action", "tool"})
"""Keys that n8n adds to every call; ignored, as are keys that start with an underscore."""

_MAX_TEXT = 200_000
_SHOWN_NULLS = 3


def decode(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """`arguments` with JSON text parsed where `schema` wants an object or a list, and without the null ones.

    Null means "not named" wherever a field may be left out; a section with nothing but nulls is not named either. Where a
    value is needed, null stays, to be refused. Also returns the paths of what was null, such as `retry_config.max_retries`.
    """
    own = {key: value for key, value in arguments.items() if key in schema["properties"] or not _is_clients(key)}
    nulls: list[str] = []
    return _object(own, schema, "", nulls), nulls


def null_notes(nulls: Sequence[str]) -> tuple[str, ...]:
    """What to say of `nulls`, paths as `decode` returns them: one short line about settings of a campaign, or nothing."""
    settings = [path for path in nulls if path.partition(".")[0] in EDITABLE]
    if not settings:
        return ()
    if len(settings) == 1:
        return (f"null changes nothing, so {settings[0]} stays as it is.",)
    *first, last = settings
    if len(settings) > _SHOWN_NULLS:
        first, last = settings[:_SHOWN_NULLS], f"{len(settings) - _SHOWN_NULLS} more"
    return (f"null changes nothing, so {', '.join(first)} and {last} stay as they are.",)


def _is_clients(key: str) -> bool:
    return key in CLIENT_KEYS or key.startswith("_")


def _object(value: Mapping[str, Any], schema: Mapping[str, Any], prefix: str, nulls: list[str]) -> dict[str, Any]:
    properties, required = schema.get("properties", {}), schema.get("required", ())
    named: dict[str, Any] = {}
    for key, each in value.items():
        if key not in properties:
            named[key] = each
            continue
        inner: list[str] = []
        decoded = _value(each, properties[key], f"{prefix}{key}", inner)
        is_null = decoded is None or _is_empty(decoded, properties[key]) or (decoded == {} and bool(inner))
        if is_null and key not in required:
            nulls.append(f"{prefix}{key}")
        else:
            named[key] = decoded
            nulls += inner
    return named


def _is_empty(value: Any, schema: Mapping[str, Any]) -> bool:
    return isinstance(value, str) and value.strip() in ("", "null") and schema.get("type") != "string"


def _value(value: Any, schema: Mapping[str, Any], path: str, nulls: list[str]) -> Any:
    kind = schema.get("type")
    if kind in ("object", "array") and isinstance(value, str):
        value = _parsed(value)
    if kind == "object" and isinstance(value, dict):
        return _object(value, schema, f"{path}.", nulls)
    if kind == "array" and isinstance(value, list):
        return [_value(each, schema["items"], f"{path}[{at}]", nulls) for at, each in enumerate(value)]
    return value


def _parsed(text: str) -> Any:
    if len(text) > _MAX_TEXT or not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
