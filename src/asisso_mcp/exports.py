"""The tools as each provider's API wants them: the value of `tools` in a request, made from the published schemas. Pure.

| format | for | shape of one tool |
|---|---|---|
| `openai` | OpenAI Chat Completions, and the many APIs that follow it | `{"type": "function", "function": {name, description, parameters, strict: false}}` |
| `openai-strict` | the same, with arguments that are sure to fit the schema | as above, `strict: true`; every field required, null for "not named" |
| `anthropic` | Anthropic Messages | `{name, description, input_schema}` |
| `gemini` | Gemini `generateContent` | one `{"functionDeclarations": [{name, description, parameters}]}` for all tools |

OpenAI's Responses API has the fields of `function` beside `type` instead of under it: `{"type": "function", **tool["function"]}`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, cast, get_args

ProviderFormat = Literal["openai", "openai-strict", "anthropic", "gemini"]
FORMATS: tuple[ProviderFormat, ...] = get_args(ProviderFormat)

Schema = Mapping[str, Any]

NULLS = "In every field, null means: not named, stays as it is. null clears nothing."
"""Said in every strict description, because there a model cannot leave a field out."""

_STRICT_KEYWORDS = ("type", "description", "enum", "minimum", "maximum", "minItems", "maxItems")
_GEMINI_KEYWORDS = ("description", "enum", "minimum", "maximum", "minItems", "maxItems", "minLength", "maxLength")


def to_provider_format(definitions: Iterable[Mapping[str, Any]], form: ProviderFormat) -> list[dict[str, Any]]:
    """`definitions` as MCP lists them → the provider's list of tools."""
    made = [_CONVERTERS[form](definition) for definition in definitions]
    return [{"functionDeclarations": made}] if form == "gemini" else made


def _openai(tool: Mapping[str, Any]) -> dict[str, Any]:
    function = {"name": tool["name"], "description": tool["description"], "parameters": tool["inputSchema"]}
    return {"type": "function", "function": {**function, "strict": False}}


def _openai_strict(tool: Mapping[str, Any]) -> dict[str, Any]:
    schema = tool["inputSchema"]
    nulls = f" {NULLS}" if schema["properties"].keys() - set(schema.get("required", ())) else ""
    function = {"name": tool["name"], "description": f"{tool['description']}{nulls}", "parameters": _strict(schema)}
    return {"type": "function", "function": {**function, "strict": True}}


def _strict(schema: Schema) -> dict[str, Any]:
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


def _anthropic(tool: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": tool["name"], "description": tool["description"], "input_schema": tool["inputSchema"]}


def _gemini(tool: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": tool["name"],
        "description": tool["description"],
        "parameters": _openapi(tool["inputSchema"]),
    }


def _openapi(schema: Schema) -> dict[str, Any]:
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


_CONVERTERS = cast(
    "dict[ProviderFormat, Callable[[Mapping[str, Any]], dict[str, Any]]]",
    {"openai": _openai, "openai-strict": _openai_strict, "anthropic": _anthropic, "gemini": _gemini},
)
