"""Laws that hold for every tool, what each looks like to a model, and which are shown."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from kling_mcp.errors import LocalTrouble
from kling_mcp.operations.catalogue import GENERATIONS
from kling_mcp.server.answers import unknown_tool
from kling_mcp.server.catalogue import TOOLS, chosen
from kling_mcp.server.instructions import INSTRUCTIONS
from kling_mcp.settings import Settings

if TYPE_CHECKING:
    from kling_mcp.server.tool import Tool

PICTURES = Path(__file__).parent / "tools"
"""Each tool as a model sees it. After a wanted change: UPDATE_TOOLS=1 pytest tests/server/test_catalogue.py"""

TABLE = {
    "generate_video": "video *",
    "generate_omni_video": "video *",
    "motion_control": "video",
    "extend_video": "video *",
    "apply_effect": "video *",
    "multi_image_to_video": "classic",
    "lip_sync": "talking *",
    "identify_faces": "talking",
    "lip_sync_classic": "classic",
    "generate_avatar": "talking",
    "text_to_speech": "talking *",
    "text_to_audio": "audio",
    "video_to_audio": "audio",
    "generate_image": "image *",
    "generate_omni_image": "image",
    "multi_image_to_image": "image",
    "expand_image": "image",
    "ai_multi_shot": "image",
    "recognize_image": "image",
    "virtual_try_on": "image *",
    "start_video_edit": "editing",
    "mark_video_edit": "editing",
    "preview_video_edit": "editing",
    "edit_video": "editing",
    "create_voice": "library",
    "list_voices": "library",
    "delete_voice": "library",
    "create_element": "library",
    "list_elements": "library",
    "delete_element": "library",
    "check_balance": "account *",
    "list_charges": "account",
    "estimate_cost": "account *",
    "get_job": "jobs *",
    "wait_for_jobs": "jobs *",
    "list_jobs": "jobs *",
    "cancel_job": "jobs",
    "preview_media": "jobs *",
    "adopt_task": "jobs",
}
"""The fixed names, in order, with their toolsets. Starred ones are shown by default."""

DEFAULT = [name for name, toolset in TABLE.items() if toolset.endswith("*")]
FREE = ["check_balance", "estimate_cost", "get_job", "wait_for_jobs", "list_jobs", "preview_media"]
every_tool = pytest.mark.parametrize("tool", TOOLS.values(), ids=lambda tool: tool.name)


def wire(tool: Tool) -> dict[str, Any]:
    return tool.shown().model_dump(mode="json", by_alias=True, exclude_none=True)


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


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
    hints = tool.hints
    pays = not (hints.read_only_hint or hints.destructive_hint or hints.idempotent_hint)
    assert pays == tool.makes_jobs == (tool.name in GENERATIONS)
    waits = tool.makes_jobs and tool.operation.kind == "job"
    assert ("wait_seconds" in tool.arguments.model_fields) == (waits or tool.name == "wait_for_jobs")


@every_tool
def test_a_refusal_fits_the_schema_of_every_answer(tool: Tool) -> None:
    schema = tool.shown().output_schema
    assert schema is not None
    jsonschema.validate(unknown_tool("No.").structured_content, schema)
    assert len(compact(schema)) <= 220


@every_tool
def test_what_is_announced_of_an_answer_is_in_it(tool: Tool) -> None:
    assert set(tool.view.announced) <= tool.view.model_fields.keys()


def listing(**settings: object) -> int:
    """Bytes of ``tools/list`` with these settings."""
    tools = chosen(Settings.model_validate(settings)).values()
    return len(compact({"tools": [wire(tool) for tool in tools]}))


def test_the_default_tools_cost_an_agent_at_most_4000_tokens(capsys: pytest.CaptureFixture[str]) -> None:
    toolsets = dict.fromkeys(tool.operation.toolset for tool in TOOLS.values())
    sizes = {name: listing(toolsets=name) for name in (*toolsets, "all")}
    with capsys.disabled():
        print(f"\ntools/list in bytes: default {listing()}, {', '.join(f'{n} {b}' for n, b in sizes.items())}")  # noqa: T201
    assert listing() <= 16_000


def test_the_instructions_are_short_enough_for_every_host() -> None:
    assert len(INSTRUCTIONS.encode()) < 2_000
    assert "wait_for_jobs" in INSTRUCTIONS[:400]


def names(**settings: object) -> list[str]:
    return list(chosen(Settings.model_validate(settings)))


def test_the_tools_are_those_of_the_table() -> None:
    assert {
        name: tool.operation.toolset + (" *" if tool.operation.starred else "") for name, tool in TOOLS.items()
    } == TABLE
    assert list(TOOLS) == list(TABLE)


def test_the_starred_tools_are_shown_by_default() -> None:
    assert names() == DEFAULT


def test_settings_widen_and_narrow_the_choice() -> None:
    assert names(toolsets="all") == list(TOOLS)
    account = [name for name, toolset in TABLE.items() if toolset.startswith("account")]
    assert names(toolsets="account") == account
    assert names(toolsets="account", tools="get_job") == [*account, "get_job"]
    assert names(tools="cancel_job") == [name for name in TABLE if name in (*DEFAULT, "cancel_job")]
    assert names(exclude_tools="generate_video,list_jobs") == [
        name for name in DEFAULT if name not in ("generate_video", "list_jobs")
    ]


def test_a_read_only_server_shows_nothing_that_spends_or_changes() -> None:
    assert names(read_only=True) == FREE
    questions = {"list_voices", "list_elements", "list_charges"}
    assert set(names(toolsets="all", read_only=True)) == {*FREE, *(questions & TOOLS.keys())}
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
