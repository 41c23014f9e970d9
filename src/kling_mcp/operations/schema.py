"""A pydantic schema as an agent should see it: short, flat, and complete without references."""

from __future__ import annotations

import ast
import inspect
import sys
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic_core.core_schema import NullableSchema

Schema = dict[str, Any]


class WithoutNull(GenerateJsonSchema):
    """Shows an optional argument by its type alone: to leave it out is the way to say nothing."""

    def nullable_schema(self, schema: NullableSchema) -> Schema:
        """The schema without its null branch."""
        return self.generate_inner(schema["schema"])


def described(schema: Schema, model: type, arguments: Mapping[str, str]) -> Schema:
    """The schema with each argument described by the docstring under its field.

    pydantic can do this too (``use_attribute_docstrings``), but while classes are made: with every operation there is,
    that was a tenth of the start that hosts wait for. Here a module is read when a tool of it is first shown.

    Args:
        schema: Changed in place.
        model: The class, whose bases may have fields too.
        arguments: What each argument is called, and the field it is.
    """
    words = {name: text for each in reversed(model.__mro__) for name, text in _documented(each).items()}
    for argument, field in arguments.items():
        if field in words:
            schema["properties"][argument].setdefault("description", words[field])
    return schema


def _documented(model: type) -> Mapping[str, str]:
    if not issubclass(model, BaseModel) or model is BaseModel:
        return {}
    return _docstrings(model.__module__).get(model.__name__, {})


@cache
def _docstrings(module: str) -> Mapping[str, Mapping[str, str]]:
    """Class of a module → its fields and the docstrings under them."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    return {each.name: dict(_under_fields(each)) for each in classes}


def _under_fields(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, below in pairwise(node.body):
        match field, below:
            case ast.AnnAssign(target=ast.Name(name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, inspect.cleandoc(text)
            case _:
                pass


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
