"""Laws that hold for every tool, what each looks like to a model, and which are shown."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from kling_mcp.errors import LocalTrouble
from kling_mcp.server.answers import unknown_tool
from kling_mcp.server.catalogue import TOOLS, chosen
from kling_mcp.server.instructions import INSTRUCTIONS
from kling_mcp.settings import Settings

if TYPE_CHECKING:
    from kling_mcp.server.tool import Tool

PICTURES = Path(__file__).parent / "tools"
"""Each tool as a model sees it. After a wanted change: UPDATE_TOOLS=1 pytest tests/server/test_catalogue.py"""

DEFAULT = ["generate_video", "estimate_cost", "check_balance", "get_job", "wait_for_jobs", "list_jobs", "preview_media"]
every_tool = pytest.mark.parametrize("tool", TOOLS.values(), ids=lambda tool: tool.name)


def wire(tool: Tool) -> dict[str, Any]:
    return tool.shown().model_dump(mode="json", by_alias=True, exclude_none=True)


def schemas(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """A schema and all those inside it."""
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", [])]
    inner += [schema[word] for word in ("items", "additionalProperties") if isinstance(schema.get(word), dict)]
    return [schema, *(found for each in inner for found in schemas(each))]


@every_tool
def test_a_tool_looks_exactly_as_recorded(tool: Tool) -> None:
    picture = PICTURES / f"{tool.name}.json"
    if os.environ.get("UPDATE_TOOLS"):
        picture.parent.mkdir(exist_ok=True)
        picture.write_text(json.dumps(wire(tool), indent=2, ensure_ascii=False) + "\n")
    assert wire(tool) == json.loads(picture.read_text())


def test_no_recorded_tool_is_gone() -> None:
    assert {picture.stem for picture in PICTURES.glob("*.json")} == set(TOOLS)


@every_tool
def test_a_tool_has_a_title_a_description_and_all_four_annotations(tool: Tool) -> None:
    shown = tool.shown()
    assert shown.title
    assert shown.description
    assert shown.annotations is not None
    hints = shown.annotations.model_dump(exclude={"title"})
    assert [name for name, hint in hints.items() if hint is None] == []


@every_tool
def test_every_argument_is_described(tool: Tool) -> None:
    arguments = tool.shown().input_schema["properties"]
    assert [name for name, schema in arguments.items() if not schema.get("description")] == []


@every_tool
def test_a_schema_is_one_flat_valid_object_that_forbids_unknown_names(tool: Tool) -> None:
    schema = tool.shown().input_schema
    jsonschema.Draft202012Validator.check_schema(schema)
    assert (schema["type"], schema["additionalProperties"]) == ("object", False)
    assert not {"anyOf", "oneOf", "allOf", "$ref", "$defs"} & schema.keys()
    words = {*jsonschema.Draft202012Validator.VALIDATORS, "default", "description"} - {"$ref"}
    assert [found for found in schemas(schema) if found.keys() - words] == []


@every_tool
def test_only_paid_tools_may_change_anything_outside(tool: Tool) -> None:
    assert (tool.kind == "job") == (not tool.hints.read_only_hint and not tool.hints.destructive_hint)
    assert ("wait_seconds" in tool.arguments.model_fields) == (tool.kind == "job" or tool.name == "wait_for_jobs")


@every_tool
def test_a_refusal_fits_the_schema_of_every_answer(tool: Tool) -> None:
    schema = tool.shown().output_schema
    assert schema is not None
    jsonschema.validate(unknown_tool("No.").structured_content, schema)
    assert len(json.dumps(schema, separators=(",", ":"))) <= 450


def test_the_default_tools_leave_room_for_those_to_come() -> None:
    listing = json.dumps([wire(tool) for tool in chosen(Settings()).values()], separators=(",", ":"))
    assert len(listing.encode()) < 9_000


def test_the_instructions_are_short_enough_for_every_host() -> None:
    assert len(INSTRUCTIONS.encode()) < 2_000
    assert "wait_for_jobs" in INSTRUCTIONS[:400]


def names(**settings: object) -> list[str]:
    return list(chosen(Settings.model_validate(settings)))


def test_the_starred_tools_are_shown_by_default() -> None:
    assert names() == DEFAULT


def test_settings_widen_and_narrow_the_choice() -> None:
    assert names(toolsets="all") == list(TOOLS)
    assert names(toolsets="account") == ["estimate_cost", "check_balance"]
    assert names(toolsets="account", tools="get_job") == ["estimate_cost", "check_balance", "get_job"]
    assert names(tools="cancel_job") == [*DEFAULT[:6], "cancel_job", *DEFAULT[6:]]
    assert names(exclude_tools="generate_video,list_jobs") == [
        name for name in DEFAULT if name not in ("generate_video", "list_jobs")
    ]


def test_a_read_only_server_shows_nothing_that_spends_or_changes() -> None:
    assert names(toolsets="all", read_only=True) == [name for name in DEFAULT if name != "generate_video"]
    assert "generate_video" not in names(read_only=True, tools="generate_video")


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"toolsets": "vidoe"}, "KLING_TOOLSETS names 'vidoe', which does not exist."),
        ({"tools": "generate_vide"}, "KLING_TOOLS names 'generate_vide', which does not exist."),
        ({"exclude_tools": "generatevideo"}, "KLING_EXCLUDE_TOOLS names 'generatevideo', which does not exist."),
    ],
)
def test_a_misspelled_setting_stops_the_start_because_it_may_have_hidden_a_paid_tool(
    setting: dict[str, str], sentence: str
) -> None:
    with pytest.raises(LocalTrouble) as trouble:
        names(**setting)
    assert trouble.value.failure.message == sentence
    assert "Did you mean 'video'?" in trouble.value.failure.fix or "generate_video" in trouble.value.failure.fix
