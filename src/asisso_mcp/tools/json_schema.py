"""The JSON Schema that clients get for a Pydantic model: inline, closed, single types, no null.

`$ref`, `anyOf` with null, titles and defaults of null each break or distract some client, and a model that may leave a field
out needs no null for it. Null is still understood at run time: it means "not named".
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema


class _Published(GenerateJsonSchema):
    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        published = super().model_schema(schema)
        published.pop("description", None)  # a docstring is for developers
        return published

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        published = super().default_schema(schema)
        if published.get("default", ...) is None:
            del published["default"]
        return published


def input_schema(model: type[BaseModel], maxima: Mapping[str, int] | None = None) -> dict[str, Any]:
    """The schema of a tool's arguments: closed objects, as strict clients want them.

    maxima: path of an argument, as `retry_config.max_retries`, to the `maximum` that it has instead of its own; others are passed over.
    """
    schema = _inline(model.model_json_schema(schema_generator=_Published, mode="validation"))
    for path, maximum in (maxima or {}).items():
        node = schema
        for name in path.split("."):
            node = node.get("properties", {}).get(name, {})
        if node:
            node["maximum"] = maximum
    return schema


def output_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of a tool's structured result."""
    return _inline(model.model_json_schema(schema_generator=_Published, mode="serialization"))


def _inline(schema: dict[str, Any]) -> dict[str, Any]:
    definitions = schema.pop("$defs", {})

    def resolved(node: Any, *, names: bool = False) -> Any:
        if isinstance(node, list):
            return [resolved(each) for each in node]
        if not isinstance(node, dict):
            return node
        if names:  # the keys are names of properties, not keywords
            return {key: resolved(each) for key, each in node.items()}
        if "$ref" in node:
            target = definitions[node["$ref"].rpartition("/")[2]]
            node = {**target, **{key: each for key, each in node.items() if key != "$ref"}}
        return {key: resolved(each, names=key == "properties") for key, each in node.items() if key != "title"}

    inlined: dict[str, Any] = resolved(schema)
    return inlined
