"""The schemas agents see: snapshots, and laws that hold for every operation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from kling_mcp.operations import account, video

if TYPE_CHECKING:
    from kling_mcp.operations.base import Operation

ALL: list[type[Operation]] = [*video.OPERATIONS, *account.OPERATIONS]
SNAPSHOTS = Path(__file__).parent / "schemas"

each_operation = pytest.mark.parametrize("operation", ALL, ids=lambda operation: operation.tool)


def nodes(schema: object) -> list[dict[str, Any]]:
    """Every object inside a schema that may be a schema itself."""
    if isinstance(schema, dict):
        node = cast("dict[str, Any]", schema)
        return [node, *(inner for value in node.values() for inner in nodes(value))]
    return [inner for value in cast("list[Any]", schema) for inner in nodes(value)] if isinstance(schema, list) else []


@each_operation
def test_the_schema_is_the_one_that_was_agreed(operation: type[Operation]) -> None:
    """A change shows here. If it is meant, write the new schema into the file."""
    agreed = json.loads((SNAPSHOTS / f"{operation.tool}.json").read_text(encoding="utf-8"))
    assert operation.input_schema() == agreed


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
        assert not {"anyOf", "$ref", "title", "ge", "le"} & set(node)
        assert node.get("type") != "null"


@each_operation
def test_a_default_is_shown_only_where_it_is_sent(operation: type[Operation]) -> None:
    shown = {name: a["default"] for name, a in operation.input_schema()["properties"].items() if "default" in a}
    assert shown == ({"model_name": "kling-v3", "duration": 5} if operation is video.GenerateVideo else {})


@each_operation
def test_the_description_is_written_for_the_agent(operation: type[Operation]) -> None:
    assert operation.__doc__
    assert len(operation.__doc__) < 400
    assert operation.title
    assert operation.toolset


def test_the_largest_schema_keeps_to_its_budget() -> None:
    compact = json.dumps(video.GenerateVideo.input_schema(), separators=(",", ":"))
    assert len(compact) <= 3300


@each_operation
def test_a_schema_may_be_changed_by_who_asked_for_it(operation: type[Operation]) -> None:
    operation.input_schema()["properties"]["wait_seconds"] = {"type": "number"}
    assert "wait_seconds" not in operation.input_schema()["properties"]


def test_no_two_operations_share_a_tool_name() -> None:
    names = [operation.tool for operation in ALL]
    assert len(names) == len(set(names))
