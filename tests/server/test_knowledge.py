"""What we know of Kling as resources, searches and completions, in both eras."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from mcp import Client, MCPError
from mcp.types import PromptReference, ResourceTemplateReference, TextResourceContents

from kling_mcp.operations.effect_facts import EFFECTS
from kling_mcp.operations.model_facts import MODELS
from kling_mcp.operations.voices import SPEECH_VOICES
from kling_mcp.server.completion import JOB_TEMPLATE, MEDIA_TEMPLATE
from kling_mcp.server.knowledge import PAGES, compact

from .studio import ERAS, WISH, House, told

if TYPE_CHECKING:
    from .studio import Mode

pytestmark = pytest.mark.anyio

PAGES_AT_MOST = 8_000
"""Bytes of a page: an agent reads it whole."""


async def read(client: Client, uri: str) -> Any:  # noqa: ANN401 - JSON
    (content,) = (await client.read_resource(uri)).contents
    assert isinstance(content, TextResourceContents)
    assert content.mime_type == "application/json"
    return json.loads(content.text)


async def suggested(client: Client, template: str, typed: str) -> list[str]:
    ref = ResourceTemplateReference(uri=template)
    argument = {"name": template.split("{")[1].rstrip("}"), "value": typed}
    return (await client.complete(ref, argument)).completion.values


@pytest.mark.parametrize("mode", ERAS)
async def test_the_catalogue_is_listed_first_and_every_page_can_be_read(house: House, mode: Mode) -> None:
    async with house.client(mode) as client:
        listed = (await client.list_resources()).resources
        pages = {page.name: await read(client, page.uri) for page in listed}
    assert list(pages) == ["models", "effects", "voices", "rates"]
    assert list(pages["models"]["generate_video"]) == list(MODELS)
    assert pages["models"]["generate_video"]["kling-v3"]["endpoints"]["text2video"]["std"]["durations"] == "3-15"
    assert pages["models"]["motion_control"]["models"][0] == {"name": "kling-v3", "max_elements": 1}
    assert pages["models"]["multi_image_to_video"] == {"name": "kling-v1-6", "retired": "2026-09-15"}
    assert pages["models"]["extend_video"]["extended by Kling itself, all retired"][0] == "kling-v1"
    assert pages["rates"]["apply_effect"].startswith("Kling prices effects one by one")
    assert set(pages["effects"]["two images"]) < set(EFFECTS)
    assert [voice["id"] for voice in pages["voices"]["voices"]] == list(SPEECH_VOICES)
    assert pages["rates"]["video"]["units per second"]["kling-v3"]["std"]["silent"] == "0.6"
    assert pages["rates"]["usd_per_unit"] == {"video": 0.14, "image": 0.0035}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_short_enough_to_be_read_whole(name: str) -> None:
    assert len(json.dumps(PAGES[name].told(), ensure_ascii=False, separators=(",", ":")).encode()) <= PAGES_AT_MOST


@pytest.mark.parametrize("mode", ERAS)
async def test_effects_and_voices_are_found_by_words(house: House, mode: Mode) -> None:
    async with house.client(mode) as client:
        effects = await read(client, "kling://catalogue/effects/disco%20paws")
        voices = await read(client, "kling://catalogue/voices/british man")
        nothing = await read(client, "kling://catalogue/voices/%D9%A0")
    assert effects[0] == {"name": "disco_paws", "images": 1, "standing": "offered"}
    assert voices[0]["id"] == "uk_man2"
    assert nothing == []


@pytest.mark.parametrize(
    "uri", ["kling://catalogue/", "kling://catalogue/secrets", "kling://catalogue/models/kling-v3"]
)
async def test_what_is_not_in_the_catalogue_is_not_found(house: House, uri: str) -> None:
    async with house.client() as client:
        with pytest.raises(MCPError) as missing:
            await client.read_resource(uri)
    assert (missing.value.code, missing.value.data) == (-32602, {"uri": uri})


@pytest.mark.parametrize("mode", ERAS)
async def test_completion_is_announced_and_finds_names_and_ids(house: House, mode: Mode) -> None:
    with anyio.fail_after(20):
        async with house.client(mode) as client:
            assert client.server_capabilities.completions is not None
            job = told(await client.call_tool("generate_video", WISH))
            await client.call_tool("generate_video", {**WISH, "prompt": "A kite", "wait_seconds": 0})
            assert (await suggested(client, "kling://catalogue/effects/{words}", "disc"))[0] == "disco_paws"
            assert (await suggested(client, "kling://catalogue/voices/{words}", "brit"))[:2] == ["uk_boy1", "uk_man2"]
            assert await suggested(client, JOB_TEMPLATE, "red fox") == [job["job_id"]]
            assert await suggested(client, JOB_TEMPLATE, job["job_id"][:30]) == [job["job_id"]]
            assert len(await suggested(client, JOB_TEMPLATE, "")) == 2
            assert await suggested(client, MEDIA_TEMPLATE, "generate_vid") == [f"{job['job_id']}_1"]


async def test_where_there_is_nothing_to_suggest_nothing_is(house: House) -> None:
    async with house.client() as client:
        assert await suggested(client, "kling://catalogue/rates/{words}", "x") == []
        assert await suggested(client, "file:///{path}", "x") == []
        result = await client.complete(PromptReference(name="none"), {"name": "x", "value": "y"})
    assert result.completion.values == []


async def test_no_more_than_a_hundred_are_suggested_and_the_rest_is_counted(house: House) -> None:
    async with house.client() as client:
        ref = ResourceTemplateReference(uri="kling://catalogue/effects/{words}")
        completion = (await client.complete(ref, {"name": "words", "value": ""})).completion
    assert len(completion.values) <= 100
    assert completion.total is not None
    assert completion.has_more is (completion.total > 100)


def test_a_run_of_seconds_is_written_by_its_ends() -> None:
    assert compact({"a": (3, 4, 5), "b": (5, 10), "c": (1, 2, 4), "d": None}) == {
        "a": "3-5",
        "b": [5, 10],
        "c": [1, 2, 4],
        "d": None,
    }
