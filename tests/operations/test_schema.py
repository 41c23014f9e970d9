"""Laws that hold for every operation's schema. What a whole tool looks like is recorded in tests/server/tools."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from kling_mcp.operations import account, library
from kling_mcp.operations.catalogue import GENERATIONS

if TYPE_CHECKING:
    from kling_mcp.operations.base import Operation

ALL: list[type[Operation]] = [*GENERATIONS.values(), *library.QUESTIONS, *account.OPERATIONS]
BUDGETS = {
    "generate_video": 3000,
    "generate_omni_video": 2000,
    "extend_video": 750,
    "apply_effect": 650,
    "lip_sync": 1300,
    "text_to_speech": 700,
    "generate_image": 1250,
    "virtual_try_on": 600,
}
"""Bytes of a starred tool's schema and description: together they have to fit into the default ``tools/list``."""
OTHERWISE = 1500
"""The same for a tool that is only shown on demand."""

each_operation = pytest.mark.parametrize("operation", ALL, ids=lambda operation: operation.tool)


def nodes(schema: object) -> list[dict[str, Any]]:
    """Every object inside a schema that may be a schema itself."""
    if isinstance(schema, dict):
        node = cast("dict[str, Any]", schema)
        return [node, *(inner for value in node.values() for inner in nodes(value))]
    return [inner for value in cast("list[Any]", schema) for inner in nodes(value)] if isinstance(schema, list) else []


@each_operation
def test_a_schema_is_a_plain_closed_object(operation: type[Operation]) -> None:
    schema = operation.input_schema()
    assert (schema["type"], schema["additionalProperties"]) == ("object", False)
    assert not {"anyOf", "oneOf", "allOf", "$defs", "description"} & set(schema)


@each_operation
def test_every_argument_is_described_in_a_few_words(operation: type[Operation]) -> None:
    for name, argument in operation.input_schema()["properties"].items():
        assert 10 <= len(argument["description"]) <= 160, name


@each_operation
def test_no_schema_shows_null_titles_references_or_pydantic_words(operation: type[Operation]) -> None:
    for node in nodes(operation.input_schema()):
        assert not {"anyOf", "oneOf", "$ref", "title", "ge", "le"} & (set(node) - _arguments_named(node))
        assert node.get("type") != "null"


def _arguments_named(node: dict[str, Any]) -> set[str]:
    """Keys that are names of arguments, not words of a schema: the value of each is a schema itself."""
    return {name for name, value in node.items() if isinstance(value, dict) and "description" in value}


@each_operation
def test_a_default_that_is_shown_is_one_that_is_accepted(operation: type[Operation]) -> None:
    for name, argument in operation.input_schema()["properties"].items():
        if "default" in argument:
            field = operation.model_fields[operation.argument_names()[name]]
            assert argument["default"] == field.default, name
            assert argument["default"] is not None, name


@each_operation
def test_the_description_is_written_for_the_agent(operation: type[Operation]) -> None:
    assert operation.__doc__
    assert len(operation.__doc__) < 400
    assert operation.title
    assert operation.toolset


@each_operation
def test_a_tool_keeps_to_its_budget(operation: type[Operation]) -> None:
    schema = json.dumps(operation.input_schema(), separators=(",", ":"), ensure_ascii=False)
    assert len(f"{schema}{inspect.getdoc(operation)}".encode()) <= BUDGETS.get(operation.tool, OTHERWISE)


@each_operation
def test_a_schema_may_be_changed_by_who_asked_for_it(operation: type[Operation]) -> None:
    operation.input_schema()["properties"]["wait_seconds"] = {"type": "number"}
    assert "wait_seconds" not in operation.input_schema()["properties"]


def test_no_two_operations_share_a_tool_name() -> None:
    names = [operation.tool for operation in ALL]
    assert len(names) == len(set(names))
