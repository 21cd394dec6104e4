"""The one exit of every answer: text and structure are clean, bounded and without the credentials of this server.

Hidden characters and foreign line breaks leave no answer, whichever way they came in. What goes back to the API stays exact: `undo`
is passed on as it is, or, where a former value has characters that cannot be seen, as JSON in which those are escapes.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from asisso_mcp.campaigns.truncation import truncate
from asisso_mcp.clean_json import CleanJson
from asisso_mcp.sanitize import hide_secrets, safe_json, visible

_UNDO = "Undo: "
_IN_WARNINGS = "Undo: `{tool}` with the JSON that the last entry of `warnings` in the structured result gives; it is too long to repeat here"
_AS_JSON = (
    "A former value has hidden characters, so the arguments of `undo_tool` are given as JSON that shows them: {json}"
)
_NO_UNDO = "No undo is given, because it would repeat the key of this server."


def filter_error(text: str, secrets: Iterable[str]) -> str:
    """The text of an error as it may leave: clean, short, without secrets. Its line breaks must be ours."""
    return hide_secrets(truncate(visible(text, keep="\n")), secrets)


def filter_answer(
    summary: str, structure: Mapping[str, Any], secrets: Iterable[str] = ()
) -> tuple[str, dict[str, Any]]:
    """Text and structure as they may leave. `structure`: as a handler made it; its `summary` is the text."""
    shown, cut = _clean_fields(structure, secrets)
    lines = summary.split("\n")
    if cut:
        note = f"Note: the structured result shows only a part of {', '.join(cut)}: the rest is too long."
        lines.insert(max(1, len(lines) - 1), note)
    if shown.get("undo") is not None:
        _show_undo(shown, lines, secrets)
    text = filter_error("\n".join(lines), secrets)
    return text, {**shown, "summary": text}


def _clean_fields(structure: Mapping[str, Any], secrets: Iterable[str]) -> tuple[dict[str, Any], list[str]]:
    """The fields as they may be shown, but for `summary` and `undo`, and the names of those that were cut."""
    fields = {name: CleanJson() for name in structure if name not in ("summary", "undo")}
    shown = {name: fields[name].clean(value) if name in fields else value for name, value in structure.items()}
    together = "\n".join(text for field in fields.values() for text in field.texts)
    if hide_secrets(together, secrets) != together:  # one look instead of one for each text
        shown |= {name: CleanJson(secrets).clean(structure[name]) for name in fields}
    return shown, [name for name, field in fields.items() if field.is_cut]


def _show_undo(shown: dict[str, Any], lines: list[str], secrets: Iterable[str]) -> None:
    """Leave `undo` exact and safe to show, or give it as JSON in `warnings`; text and structure say the same."""
    json = safe_json(shown["undo"])
    if hide_secrets(json, secrets) != json:
        del shown["undo"], shown["undo_tool"]
        shown["warnings"] = [*shown["warnings"], _NO_UNDO]
        lines[:] = [f"Note: {_NO_UNDO}" if line.startswith(_UNDO) else line for line in lines]
    elif not _is_visible(shown["undo"]):
        shown["warnings"] = [*shown["warnings"], _AS_JSON.format(json=json)]
        del shown["undo"]
        if lines[-1].startswith(_UNDO) and "{" not in lines[-1]:
            lines[-1] = _IN_WARNINGS.format(tool=shown["undo_tool"])


def _is_visible(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_visible(each) for pair in value.items() for each in pair)
    if isinstance(value, list):
        return all(map(_is_visible, value))
    return not isinstance(value, str) or visible(value) == value
