"""The tools in each provider's format keep the documented rules of that API, which stand here as tables with their source."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from asisso_mcp.schemas import FORMATS, NULLS, ProviderFormat, outdated_files, to_provider_format
from asisso_mcp.tools.campaigns import TOOLS

FOLDER = Path(__file__).parents[1] / "tool_schemas"
DEFINITIONS = [tool.definition() for tool in TOOLS]
JSON_TYPES = {"string", "number", "integer", "boolean", "object", "array", "null"}

COMMON = {
    "type",
    "description",
    "enum",
    "properties",
    "required",
    "items",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
}


@dataclass(frozen=True)
class Rules:
    """What an API documents about the schema of a tool's arguments."""

    source: str
    keywords: set[str]
    types: set[str]
    name: str
    description_length: int


RULES: dict[ProviderFormat, Rules] = {
    "openai": Rules(
        source="OpenAI API reference, Create chat completion, tools[].function: name of letters, digits, _ and -, at most 64; "
        "description at most 1024 characters; parameters is a JSON Schema object",
        keywords=COMMON | {"additionalProperties", "minLength", "maxLength"},
        types=JSON_TYPES - {"null"},
        name=r"[a-zA-Z0-9_-]{1,64}",
        description_length=1024,
    ),
    "openai-strict": Rules(
        source="OpenAI guide, Structured Outputs, Supported schemas: no keywords but these (pattern, format, multipleOf, const, "
        "$ref and exclusive bounds are allowed too, and not needed); lengths of strings are not among them",
        keywords=COMMON | {"additionalProperties", "anyOf"},
        types=JSON_TYPES,
        name=r"[a-zA-Z0-9_-]{1,64}",
        description_length=1024,
    ),
    "anthropic": Rules(
        source="Anthropic docs, Define tools: name matches ^[a-zA-Z0-9_-]{1,64}$; input_schema is a JSON Schema object without "
        "oneOf, allOf or anyOf at its top",
        keywords=COMMON | {"additionalProperties", "minLength", "maxLength"},
        types=JSON_TYPES - {"null"},
        name=r"[a-zA-Z0-9_-]{1,64}",
        description_length=10_000,
    ),
    "gemini": Rules(
        source="Gemini API reference, v1beta Schema (a part of OpenAPI 3.0) and FunctionDeclaration: name starts with a letter or "
        "_, then letters, digits, _ . -, at most 64; types in capitals; enum for strings, with format enum",
        keywords=COMMON
        | {"format", "title", "nullable", "minLength", "maxLength", "minProperties", "maxProperties", "pattern"}
        | {"example", "anyOf", "propertyOrdering", "default"},
        types={each.upper() for each in JSON_TYPES},
        name=r"[a-zA-Z_][a-zA-Z0-9_.-]{0,63}",
        description_length=10_000,
    ),
}

STRICT_SOURCE = "OpenAI guide, Structured Outputs, Supported schemas"
STRICT_LIMITS = {"properties": 5000, "levels": 10, "characters": 120_000, "enum values": 1000}


def functions(form: ProviderFormat) -> list[dict[str, Any]]:
    """Each tool as name, description and parameters, whatever surrounds them."""
    made = to_provider_format(DEFINITIONS, form)
    match form:
        case "openai" | "openai-strict":
            assert all(set(tool) == {"type", "function"} and tool["type"] == "function" for tool in made)
            return [tool["function"] for tool in made]
        case "gemini":
            (tool,) = made
            assert set(tool) == {"functionDeclarations"}
            return list(tool["functionDeclarations"])
        case "anthropic":
            assert all(set(tool) == {"name", "description", "input_schema"} for tool in made)
            return [{**tool, "parameters": tool["input_schema"]} for tool in made]


def nodes(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schema and every schema within it."""
    yield schema
    for child in schema.get("properties", {}).values():
        yield from nodes(child)
    if "items" in schema:
        yield from nodes(schema["items"])
    for branch in schema.get("anyOf", ()):
        yield from nodes(branch)


def types(node: Mapping[str, Any]) -> set[str]:
    kind = node.get("type", [])
    return {kind} if isinstance(kind, str) else set(kind)


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_has_every_tool_with_its_name_and_words(form: ProviderFormat) -> None:
    rules = RULES[form]
    made = functions(form)
    assert [function["name"] for function in made] == [tool.name for tool in TOOLS]
    for function, tool in zip(made, TOOLS, strict=True):
        assert re.fullmatch(rules.name, function["name"])
        assert function["description"].startswith(tool.description)
        assert len(function["description"]) <= rules.description_length


@pytest.mark.parametrize("form", FORMATS)
def test_only_keywords_and_types_are_used_that_the_api_documents(form: ProviderFormat) -> None:
    rules = RULES[form]
    for function in functions(form):
        assert function["parameters"]["type"] in ("object", "OBJECT")
        for node in nodes(function["parameters"]):
            assert set(node) <= rules.keywords, rules.source
            assert types(node) <= rules.types, rules.source
            assert types(node) or "anyOf" in node


@pytest.mark.parametrize("form", ["openai", "openai-strict", "anthropic"])
def test_what_is_a_json_schema_is_a_valid_one_and_closed_everywhere(form: ProviderFormat) -> None:
    for function in functions(form):
        jsonschema.Draft202012Validator.check_schema(function["parameters"])
        for node in nodes(function["parameters"]):
            assert node.get("additionalProperties", ...) is (False if "object" in types(node) else ...)
            assert ("items" in node) is ("array" in types(node))


def test_strict_is_said_in_both_openai_formats() -> None:
    """The Responses API takes a missing `strict` for true."""
    assert {function["strict"] for function in functions("openai")} == {False}
    assert {function["strict"] for function in functions("openai-strict")} == {True}


def test_strict_schemas_require_every_field_and_allow_null_for_exactly_the_optional_ones() -> None:
    def compare(strict: Mapping[str, Any], published: Mapping[str, Any], *, optional: bool) -> None:
        allowed = types(strict).union(*(types(branch) for branch in strict.get("anyOf", ())))
        assert allowed == {published["type"], *(["null"] if optional else [])}
        if "enum" in published:
            assert strict["enum"] == [*published["enum"], *([None] if optional else [])]
        node = next((branch for branch in strict.get("anyOf", ()) if branch["type"] != "null"), strict)
        if published["type"] == "object":
            assert node["required"] == list(node["properties"]) == list(published["properties"])
            for name, child in published["properties"].items():
                compare(node["properties"][name], child, optional=name not in published.get("required", ()))
        if published["type"] == "array":
            compare(node["items"], published["items"], optional=False)

    for function, tool in zip(functions("openai-strict"), TOOLS, strict=True):
        compare(function["parameters"], tool.input_schema, optional=False)


def test_strict_schemas_stay_within_the_documented_limits() -> None:
    def levels(node: Mapping[str, Any]) -> int:
        children = [
            *node.get("properties", {}).values(),
            *node.get("anyOf", ()),
            *([node["items"]] if "items" in node else []),
        ]
        own = 1 if types(node) & {"object", "array"} else 0
        return own + max(map(levels, children), default=0)

    for function in functions("openai-strict"):
        every = list(nodes(function["parameters"]))
        names = [name for node in every for name in node.get("properties", {})]
        values = [value for node in every for value in node.get("enum", ())]
        measured = {
            "properties": len(names),
            "levels": levels(function["parameters"]),
            "characters": sum(map(len, names)) + sum(len(str(value)) for value in values),
            "enum values": len(values),
        }
        assert all(measured[what] <= most for what, most in STRICT_LIMITS.items()), (STRICT_SOURCE, measured)


def test_what_strict_mode_cannot_say_in_a_keyword_is_said_in_words() -> None:
    update = next(each for each in functions("openai-strict") if each["name"] == "update_campaign")
    assert update["parameters"]["properties"]["name"]["description"] == "New name. At most 255 characters."
    assert update["description"].endswith(NULLS)
    pause = next(each for each in functions("openai-strict") if each["name"] == "pause_campaign")
    assert "null" not in pause["description"]


def test_gemini_enumerations_are_marked_and_orders_are_those_of_the_models() -> None:
    for function, tool in zip(functions("gemini"), TOOLS, strict=True):
        for node in nodes(function["parameters"]):
            assert ("enum" in node) is (node.get("format") == "enum")
            assert "enum" not in node or (
                node["type"] == "STRING" and all(isinstance(each, str) for each in node["enum"])
            )
            assert node.get("propertyOrdering") == (list(node["properties"]) if "properties" in node else None)
            assert set(node.get("required", ())) <= set(node.get("properties", ()))
        assert function["parameters"].get("required", []) == tool.input_schema.get("required", [])


def test_the_line_for_the_responses_api_gives_a_function_tool_of_that_api() -> None:
    """OpenAI API reference, Create a model response: type, name, parameters and strict side by side."""
    for tool in to_provider_format(DEFINITIONS, "openai"):
        flat = {"type": "function", **tool["function"]}
        assert set(flat) == {"type", "name", "description", "parameters", "strict"}


def test_the_checked_in_formats_are_those_of_the_models() -> None:
    assert outdated_files(FOLDER) == ([], [])
    for form in FORMATS:
        assert json.loads((FOLDER / form / "tools.json").read_text(encoding="utf-8")) == to_provider_format(
            DEFINITIONS, form
        )
