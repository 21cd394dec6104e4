"""Says what is wrong with arguments: each with its value, what is allowed, and the nearest right form."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from asisso_mcp.sanitize import safe_json, single_line

_SHOWN = 10
_VALUE_LENGTH = 60

_OTHER_NAMES = {
    "id": "campaign_id",
    "campaign": "campaign_id",
    "campaignid": "campaign_id",
    "title": "name",
    "concurrency": "max_concurrency",
    "max_concurrent_calls": "max_concurrency",
    "retry": "retry_config",
    "retries": "retry_config",
    "schedule": "schedule_config",
    "calling_hours": "schedule_config",
    "breaker": "circuit_breaker",
    "time_slots": "slots",
    "timeslots": "slots",
    "tz": "timezone",
    "time_zone": "timezone",
    "day": "day_of_week",
    "weekday": "day_of_week",
    "start": "start_time",
    "end": "end_time",
    "max_attempts": "max_retries",
    "attempts": "max_retries",
    "retry_interval_minutes": "retry_delay_seconds",
    "retry_delay": "retry_delay_seconds",
    "retry_interval": "retry_delay_seconds",
    "threshold": "failure_threshold",
    "window": "window_seconds",
    "min_calls": "min_calls_in_window",
    "preview": "dry_run",
    "revision": "expected_revision",
    "search": "query",
    "status": "state",
}
"""Names from other public pages and common guesses → the API's own."""

_UNITS = {
    "retry_interval_minutes": " (in seconds: 5 minutes are 300)",
    "day": " (0 is Monday)",
    "weekday": " (0 is Monday)",
}

_SWITCH_STATE = "a campaign's state is changed with `pause_campaign` and `resume_campaign`"


def explain(tool: str, problem: ValidationError, schema: Mapping[str, Any]) -> str:
    """All problems of one call, in the order of the arguments."""
    errors = problem.errors(include_url=False)
    lines = [_line(error, schema) for error in errors[:_SHOWN]]
    if len(errors) > _SHOWN:
        lines.append(f"and {len(errors) - _SHOWN} more")
    if len(lines) == 1:
        return f"Nothing was sent, because an argument of {tool} does not fit: {lines[0]}."
    return "\n".join(
        [f"Nothing was sent, because {len(errors)} arguments of {tool} do not fit:", *(f"- {line}." for line in lines)]
    )


def _line(error: ErrorDetails, schema: Mapping[str, Any]) -> str:
    loc, kind = error["loc"], error["type"]
    path = _path(loc)
    if kind == "extra_forbidden":
        return _unknown(str(loc[-1]), path, _node(schema, loc[:-1]), schema)
    if kind == "missing":
        return f"{path} is missing; it must be {describe_constraint(_node(schema, loc))}"
    if kind == "value_error":
        return f"{path}: {str(error['ctx']['error']).rstrip('.')}" if path else str(error["ctx"]["error"]).rstrip(".")
    return (
        f"{path or 'the arguments'} is {_shown(error['input'])}; it must be {describe_constraint(_node(schema, loc))}"
    )


def describe_constraint(schema: Mapping[str, Any]) -> str:
    """What a schema permits, in words: `a whole number from 0 to 10`."""
    match schema.get("type"):
        case "integer" | "number" as kind:
            noun = "a whole number" if kind == "integer" else "a number"
            return f"{noun} from {schema['minimum']} to {schema['maximum']}" if "minimum" in schema else noun
        case "boolean":
            return "true or false"
        case "string" if "enum" in schema:
            return f"one of {', '.join(schema['enum'])}"
        case "string":
            shortest, longest = schema.get("minLength", 0), schema.get("maxLength")
            return f"text of {shortest} to {longest} characters" if longest else "text"
        case "array":
            return (
                f"a list of {schema['minItems']} to {schema['maxItems']} objects" if "minItems" in schema else "a list"
            )
        case "object":
            return f"an object with {', '.join(schema['properties'])}"
    return "another value"


def _unknown(name: str, path: str, parent: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    valid = list(parent.get("properties", {}))
    shown = single_line(path, 80)
    if name.lower() in ("state", "status") and "state" not in valid:
        return f"{shown} is not an argument; {_SWITCH_STATE}"
    nearest = _nearest(name, valid)
    if nearest:
        return f"{shown} is not an argument; did you mean {nearest}{_UNITS.get(name.lower(), '')}? Valid here: {', '.join(valid)}"
    elsewhere = _path_of(_nearest(name, _all_names(root)) or "", root)
    hint = f"; did you mean {elsewhere}{_UNITS.get(name.lower(), '')}?" if elsewhere else "."
    return f"{shown} is not an argument{hint} Valid here: {', '.join(valid)}"


def _nearest(name: str, valid: Sequence[str]) -> str | None:
    known = _OTHER_NAMES.get(name.lower().replace("-", "_"))
    if known in valid:
        return known
    close = difflib.get_close_matches(_snake(name)[:80], valid, n=1, cutoff=0.72)
    return close[0] if close else None


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).strip("_").replace("-", "_")


def _all_names(root: Mapping[str, Any]) -> list[str]:
    return [path.rpartition(".")[2] for path in _paths(root)]


def _path_of(name: str, root: Mapping[str, Any]) -> str | None:
    return next((path for path in _paths(root) if path.rpartition(".")[2] == name), None)


def _paths(schema: Mapping[str, Any], prefix: str = "") -> list[str]:
    paths: list[str] = []
    for name, child in schema.get("properties", {}).items():
        paths.append(f"{prefix}{name}")
        inner = child.get("items", child)
        paths += _paths(inner, f"{prefix}{name}.")
    return paths


def _node(schema: Mapping[str, Any], loc: Sequence[int | str]) -> Mapping[str, Any]:
    node = schema
    for part in loc:
        node = node.get("items", {}) if isinstance(part, int) else node.get("properties", {}).get(part, {})
    return node


def _path(loc: Sequence[int | str]) -> str:
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{single_line(part, 60)}" if path else single_line(part, 60)
    return path


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return single_line(safe_json(value[:200]), _VALUE_LENGTH)
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else f"a list of {len(value)}"
    try:
        return single_line(safe_json(value), _VALUE_LENGTH)
    except (TypeError, ValueError):
        return f"a {type(value).__name__}"
