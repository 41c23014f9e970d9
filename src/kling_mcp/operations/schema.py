"""A pydantic schema as an agent should see it: short, flat, and complete without references."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from pydantic.json_schema import GenerateJsonSchema

if TYPE_CHECKING:
    from pydantic_core.core_schema import NullableSchema

Schema = dict[str, Any]


class WithoutNull(GenerateJsonSchema):
    """Shows an optional argument by its type alone: to leave it out is the way to say nothing."""

    def nullable_schema(self, schema: NullableSchema) -> Schema:
        """The schema without its null branch."""
        return self.generate_inner(schema["schema"])


def inlined(schema: Schema) -> Schema:
    """The schema with every ``$ref`` replaced by what it points to, and without titles and null defaults.

    Of nested objects it drops the description and the ban on other keys: the argument they belong to is described,
    and an unknown key is refused anyway.
    """
    nested = {name: _without(each, "description", "additionalProperties") for name, each in _defined(schema).items()}
    clean = _clean(_without(schema, "$defs", "description"), nested)
    clean.setdefault("properties", {})
    return clean


def _defined(schema: Schema) -> dict[str, Schema]:
    return cast("dict[str, Schema]", schema.get("$defs", {}))


def _without(schema: Schema, *keys: str) -> Schema:
    return {key: value for key, value in schema.items() if key not in keys}


def _clean(node: Schema, definitions: dict[str, Schema]) -> Schema:
    if "$ref" in node:
        node = {**definitions[node["$ref"].rsplit("/", 1)[-1]], **node}
    return {
        key: _clean_value(key, value, definitions)
        for key, value in node.items()
        if key not in {"title", "$ref"} and (key, value) != ("default", None)
    }


def _clean_value(key: str, value: Any, definitions: dict[str, Schema]) -> Any:  # noqa: ANN401 - any JSON value
    if key == "properties":  # its keys are names of arguments, one of which may be "title"
        return {name: _clean(each, definitions) for name, each in cast("dict[str, Schema]", value).items()}
    if isinstance(value, dict):
        return _clean(cast("Schema", value), definitions)
    if isinstance(value, list):
        return [_clean_value("", each, definitions) for each in cast("list[Any]", value)]
    return value
