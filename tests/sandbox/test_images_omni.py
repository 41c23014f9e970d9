"""Omni pictures of the pretend Kling: single ones and series, by hand-written bodies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.gallery import GENERATIONS, LINK, OMNI, ONE_K, done, seen
from tests.sandbox.shop import new_sandbox, opened

if TYPE_CHECKING:
    from kling_mcp.clock import ManualClock
    from tests.sandbox.shop import Customer

pytestmark = pytest.mark.anyio


async def test_a_series_is_a_list_of_its_own(kling: Customer) -> None:
    body = {
        "model_name": "kling-v3-omni",
        "prompt": "Turn <<<image_1>>> into a four panel storyboard",
        "image_list": [{"image": "https://img.example/hero.png"}],
        "resolution": "2k",
        "result_type": "series",
        "series_amount": 4,
        "aspect_ratio": "16:9",
        "n": "ignored in a series",
    }
    task = await done(kling, OMNI, body)
    result = task["task_result"]
    assert (result["result_type"], result["images"]) == ("series", [])
    assert [image["index"] for image in result["series_images"]] == [0, 1, 2, 3]
    assert [set(image) for image in result["series_images"]] == [{"index", "url", "watermark_url"}] * 4
    assert task["final_unit_deduction"] == "32"
    assert (await seen(kling, result["series_images"][3]["url"])).size == (2048, 1152)


async def test_single_pictures_fill_the_other_list(kling: Customer) -> None:
    task = await done(kling, OMNI, {"prompt": "x", "n": 2, "series_amount": 99, "result_type": "single"})
    assert (task["task_result"]["result_type"], task["task_result"]["series_images"]) == ("single", [])
    assert len(task["task_result"]["images"]) == 2
    assert task["final_unit_deduction"] == "16"


@pytest.mark.parametrize(
    ("body", "count", "units"),
    [
        ({"model_name": "kling-v3-omni", "resolution": "4k"}, 1, "16"),
        ({"model_name": "kling-v3-omni", "result_type": "series"}, 4, "32"),
        ({"model_name": "kling-v3-omni", "result_type": "series", "series_amount": "2"}, 2, "16"),
        ({"model_name": "kling-image-o1", "aspect_ratio": "auto"}, 1, "8"),
        ({"model_name": "kling-v3-omni", "aspect_ratio": "auto", "element_list": [{"element_id": 163}]}, 1, "8"),
        ({"model_name": "kling-v3-omni", "element_list": [{"element_id": 829836802793406555}]}, 1, "8"),
        ({"image_list": [], "element_list": [], "aspect_ratio": "21:9"}, 1, "8"),
    ],
)
async def test_omni_accepts(kling: Customer, body: dict[str, Any], count: int, units: str) -> None:
    task = await done(kling, OMNI, {"prompt": "x"} | body)
    result = task["task_result"]
    assert len(result["images"]) + len(result["series_images"]) == count
    assert task["final_unit_deduction"] == units


async def test_a_series_of_unsaid_length_holds_a_slot_for_each_picture_it_makes(clock: ManualClock) -> None:
    async with opened(new_sandbox(clock, concurrency=9), clock) as kling:
        body = {"model_name": "kling-v3-omni", "prompt": "x", "result_type": "series", "series_amount": "auto"}
        task = await done(kling, OMNI, body)
        count = len(task["task_result"]["series_images"])
        assert 2 <= count <= 9
        await kling.accepted(body, OMNI)
        assert await kling.refusal(GENERATIONS, {"prompt": "x", "n": 9 - count + 1}) == (
            429,
            1303,
            "parallel task over resource pack limit",
        )
        await kling.accepted({"prompt": "x", "n": 9 - count}, GENERATIONS)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"prompt": ""}, "prompt cannot be empty"),
        ({"model_name": "kling-v3"}, "model is not supported"),
        ({"model_name": "kling-image-o1", "resolution": "4k"}, "resolution value '4k' is invalid"),
        ({"model_name": "kling-v3-omni", "resolution": "8k"}, "resolution value '8k' is invalid"),
        ({"result_type": "many"}, "result_type value 'many' is invalid"),
        (
            {"model_name": "kling-image-o1", "result_type": "series"},
            "model(kling-image-o1) is not supported with result_type=series",
        ),
        (
            {"model_name": "kling-v3-omni", "result_type": "series", "series_amount": 1},
            "series_amount value '1' is invalid",
        ),
        (
            {"model_name": "kling-v3-omni", "result_type": "series", "series_amount": 10},
            "series_amount value '10' is invalid",
        ),
        ({"n": 10}, "n value '10' is invalid"),
        (
            {"model_name": "kling-v3-omni", "aspect_ratio": "auto"},
            "model(kling-v3-omni) is not supported with aspect_ratio=auto without image_list and element_list",
        ),
        ({"image_list": [{"image": ""}]}, "image_list[0].image is required"),
        ({"image_list": [LINK]}, f"image_list[0] value '{LINK}' is invalid"),
        ({"image_list": [{"image": LINK}] * 11}, "image_list size cannot exceed 10"),
        (
            {"image_list": [{"image": LINK}] * 9, "element_list": [{"element_id": 163}] * 2},
            "image_list and element_list size cannot exceed 10",
        ),
        (
            {"model_name": "kling-image-o1", "element_list": [{"element_id": 829836802793406555}]},
            "model(kling-image-o1) is not supported with video elements",
        ),
        ({"image_list": [{"image": "data:image/png;base64," + ONE_K}]}, "File is not in a valid base64 format"),
    ],
)
async def test_omni_refuses(kling: Customer, body: dict[str, Any], message: str) -> None:
    assert await kling.refusal(OMNI, {"prompt": "x"} | body) == (400, 1201, message)
