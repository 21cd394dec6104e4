"""The tools as files (`tool_schemas/`) and as each provider's API wants them, made from the published schemas.

`<tool>.json` is a tool as MCP lists it; `<format>/tools.json` is the value of `tools` in a request to that provider. The folder may
hold other people's files: only those that show that they are ours are overwritten, and none is deleted.
docs/toolbox.md describes the formats.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from asisso_mcp.tools.campaigns import TOOLS

ProviderFormat = Literal["openai", "openai-strict", "anthropic", "gemini"]
FORMATS: tuple[ProviderFormat, ...] = get_args(ProviderFormat)

NULLS = "In every field, null means: not named, stays as it is. null clears nothing."
"""Said in every strict description, because there a model cannot leave a field out."""

_STRICT_KEYWORDS = ("type", "description", "enum", "minimum", "maximum", "minItems", "maxItems")
_GEMINI_KEYWORDS = ("description", "enum", "minimum", "maximum", "minItems", "maxItems", "minLength", "maxLength")
_TITLES = {tool.name: tool.title for tool in TOOLS}


def to_provider_format(definitions: Iterable[Mapping[str, Any]], form: ProviderFormat) -> list[dict[str, Any]]:
    """The provider's list of tools, from definitions as MCP lists them."""
    match form:
        case "openai":
            return [_openai(tool, tool["description"], tool["inputSchema"], strict=False) for tool in definitions]
        case "openai-strict":
            return [
                _openai(tool, _strict_description(tool), _strict(tool["inputSchema"]), strict=True)
                for tool in definitions
            ]
        case "anthropic":
            return [{**_named(tool), "input_schema": tool["inputSchema"]} for tool in definitions]
        case "gemini":
            made = [{**_named(tool), "parameters": _openapi(tool["inputSchema"])} for tool in definitions]
            return [{"functionDeclarations": made}]


def _named(tool: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": tool["name"], "description": tool["description"]}


def _openai(
    tool: Mapping[str, Any], description: str, parameters: Mapping[str, Any], *, strict: bool
) -> dict[str, Any]:
    function = {"name": tool["name"], "description": description, "parameters": parameters, "strict": strict}
    return {"type": "function", "function": function}


def _strict_description(tool: Mapping[str, Any]) -> str:
    schema = tool["inputSchema"]
    optional = schema["properties"].keys() - set(schema.get("required", ()))
    return f"{tool['description']} {NULLS}" if optional else str(tool["description"])


def _strict(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Only keywords that strict mode knows; every property required, and null beside what could be left out."""
    kept = {keyword: schema[keyword] for keyword in _STRICT_KEYWORDS if keyword in schema}
    if "maxLength" in schema:
        limit = f"At most {schema['maxLength']} characters."
        kept["description"] = f"{schema['description']} {limit}" if "description" in schema else limit
    if schema["type"] == "array":
        kept["items"] = _strict(schema["items"])
    if schema["type"] == "object":
        required = schema.get("required", ())
        kept["properties"] = {
            name: _strict(child) if name in required else _or_null(_strict(child))
            for name, child in schema["properties"].items()
        }
        kept["required"] = list(kept["properties"])
        kept["additionalProperties"] = False
    return kept


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    if schema["type"] in ("object", "array"):
        said = {"description": schema.pop("description")} if "description" in schema else {}
        return {**said, "anyOf": [schema, {"type": "null"}]}
    nullable = {**schema, "type": [schema["type"], "null"]}
    return {**nullable, "enum": [*schema["enum"], None]} if "enum" in schema else nullable


def _openapi(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The Gemini API's `Schema`: types in capitals, no closed objects, an enumeration marked as such."""
    kept: dict[str, Any] = {"type": schema["type"].upper()}
    kept |= {keyword: schema[keyword] for keyword in _GEMINI_KEYWORDS if keyword in schema}
    if "enum" in schema:
        kept["format"] = "enum"
    if "items" in schema:
        kept["items"] = _openapi(schema["items"])
    if "properties" in schema:
        kept["properties"] = {name: _openapi(child) for name, child in schema["properties"].items()}
        kept["propertyOrdering"] = list(kept["properties"])
    if schema.get("required"):
        kept["required"] = list(schema["required"])
    return kept


def render(form: ProviderFormat | None = None) -> dict[str, str]:
    """The texts by file name in the folder, the same bytes on every run. form: this provider's file alone."""
    definitions = [tool.definition() for tool in TOOLS]
    files: dict[str, Any] = {} if form else {f"{each['name']}.json": each for each in definitions}
    files |= {f"{each}/tools.json": to_provider_format(definitions, each) for each in ([form] if form else FORMATS)}
    return {name: json.dumps(value, indent=2, ensure_ascii=False) + "\n" for name, value in files.items()}


class ForeignFile(Exception):
    """A file of someone else stands where one of ours would be written."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} would be overwritten, and is not a file that asisso-mcp wrote. Nothing was written: move that file away, "
            "or choose another --folder."
        )


def write(folder: Path, form: ProviderFormat | None = None) -> list[Path]:
    """Write the files; with a form, this provider's alone. Nothing is ever deleted.

    Raises ForeignFile before anything is written, and OSError.
    """
    files = {folder / name: text for name, text in render(form).items()}
    for path in files:
        if path.exists() and not _is_ours(path):
            raise ForeignFile(path)
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(files)


class OutdatedFiles(NamedTuple):
    """Names of files that are not what `write` would write."""

    missing: list[str]
    different: list[str]


def outdated_files(folder: Path, form: ProviderFormat | None = None) -> OutdatedFiles:
    """Files that are not there, and files that differ from the models."""
    found = {name: (_text(folder / name), text) for name, text in sorted(render(form).items())}
    return OutdatedFiles(
        missing=[name for name, (stored, _) in found.items() if stored is None],
        different=[name for name, (stored, text) in found.items() if stored not in (None, text)],
    )


def _is_ours(path: Path) -> bool:
    """Whether the file is what belongs there: a definition under its name and title, or a provider's list of all our tools."""
    match _content(path):
        case [{"functionDeclarations": [*tools]}] | [*tools]:
            return {_name_in(tool) for tool in tools} == _TITLES.keys()
        case {"name": path.stem, "title": title, "inputSchema": {}}:
            return bool(_TITLES.get(path.stem) == title)
    return False


def _name_in(tool: Any) -> Any:
    """The name of one tool in a provider's list; None when there is none."""
    match tool:
        case {"function": {"name": str(name)}} | {"name": str(name)}:
            return name
    return None


def _content(path: Path) -> Any:
    """The content of a JSON file; None when it is no JSON, or not there."""
    try:
        return json.loads(_text(path) or "")
    except (ValueError, RecursionError):
        return None


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None
