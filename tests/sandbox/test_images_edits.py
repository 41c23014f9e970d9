"""Pictures from several, larger ones, other sides, worn and taken apart: by hand-written bodies."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.gallery import (
    EXPAND,
    GENERATIONS,
    LINK,
    ONE_K,
    RECOGNIZE,
    SEVERAL,
    TAKES,
    TRY_ON,
    VIEWS,
    done,
    green,
    is_green,
    seen,
)
from tests.sandbox.shop import LONG_ENOUGH_S, picture

if TYPE_CHECKING:
    from tests.sandbox.shop import Customer

pytestmark = pytest.mark.anyio


async def test_several_pictures_stand_in_one(kling: Customer) -> None:
    task = await done(
        kling,
        SEVERAL,
        {
            "subject_image_list": [{"subject_image": green(300, 300)}, {"subject_image": picture(300, 300)}],
            "prompt": "both at a picnic",
            "negative_prompt": "",
            "n": 1,
            "aspect_ratio": "1:1",
            "style_image": "",
        },
    )
    image = await seen(kling, task["task_result"]["images"][0]["url"])
    assert image.size == (1024, 1024)
    assert (is_green(image, (0.1, 0.3)), is_green(image, (0.9, 0.3))) == (True, False)
    assert task["final_unit_deduction"] == "16"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"subject_image_list": []}, "subject_image_list cannot be empty"),
        ({"subject_image_list": [{"subject_image": LINK}] * 5}, "subject_image_list size cannot exceed 4"),
        ({"subject_image_list": [{"image": LINK}]}, "subject_image_list[0].subject_image is required"),
        ({"model_name": "kling-v3"}, "model is not supported"),
        ({"aspect_ratio": "auto"}, "aspect_ratio value 'auto' is invalid"),
        ({"scene_image": picture(100, 100)}, "Image pixel is invalid"),
    ],
)
async def test_several_pictures_are_refused(kling: Customer, body: dict[str, Any], message: str) -> None:
    assert await kling.refusal(SEVERAL, TAKES[SEVERAL] | body) == (400, 1201, message)


async def test_an_expanded_picture_has_its_source_where_it_belongs(kling: Customer) -> None:
    ratios = {f"{side}_expansion_ratio": much for side, much in (("up", 1), ("down", 0), ("left", 0), ("right", 0.5))}
    task = await done(kling, EXPAND, {"image": green(800, 600), **ratios, "n": 2})
    assert task["final_unit_deduction"] == "16"
    for image in task["task_result"]["images"]:
        whole = await seen(kling, image["url"])
        assert whole.size == (1200, 1200)
        places = [(0.33, 0.75), (0.02, 0.98), (0.65, 0.52), (0.33, 0.45), (0.7, 0.75)]
        assert [is_green(whole, place) for place in places] == [True, True, True, False, False]


async def test_a_result_is_expanded_from_the_size_it_has(kling: Customer) -> None:
    first = await done(kling, GENERATIONS, {"prompt": "x", "aspect_ratio": "1:1", "resolution": "2k"})
    body = TAKES[EXPAND] | {"image": first["task_result"]["images"][0]["url"]}
    task = await done(kling, EXPAND, body)
    assert (await seen(kling, task["task_result"]["images"][0]["url"])).size == (3072, 4096)


async def test_of_an_address_elsewhere_only_the_shape_is_known(kling: Customer) -> None:
    task = await done(kling, EXPAND, TAKES[EXPAND])
    image = await seen(kling, task["task_result"]["images"][0]["url"])
    assert image.width / image.height == pytest.approx(1.5 / 2, abs=0.01)


async def test_the_vendors_own_figures_are_within_the_limit(kling: Customer) -> None:
    ratios = {f"{side}_expansion_ratio": much for side, much in (("up", 0.1495), ("down", 0.1495))}
    ratios |= {f"{side}_expansion_ratio": 0.6547 for side in ("left", "right")}
    await kling.accepted({"image": LINK, **ratios}, EXPAND)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"image": ""}, "image can not be null"),
        ({"up_expansion_ratio": None}, "up_expansion_ratio cannot be empty"),
        ({"left_expansion_ratio": 2.1}, "left_expansion_ratio value '2.1' is invalid"),
        ({"right_expansion_ratio": -0.1}, "right_expansion_ratio value '-0.1' is invalid"),
        (
            {"left_expansion_ratio": 0.26},
            "the area after expansion cannot exceed 3 times the area of the original image",
        ),
        ({"prompt": "x" * 2501}, "prompt length cannot exceed 2500"),
    ],
)
async def test_expansion_refuses(kling: Customer, body: dict[str, Any], message: str) -> None:
    assert await kling.refusal(EXPAND, TAKES[EXPAND] | body) == (400, 1201, message)


async def test_other_sides_come_as_three_sets_of_three(kling: Customer) -> None:
    task = await done(kling, VIEWS, {"element_frontal_image": green(600, 400)})
    sets = task["task_result"]["images"]
    assert [set(one) for one in sets] == [{"index", "url_1", "url_2", "url_3"}] * 3
    assert [one["index"] for one in sets] == [0, 1, 2]
    views = [await seen(kling, one[f"url_{n}"]) for one in sets for n in (1, 2, 3)]
    assert {view.size for view in views} == {(1024, 683)}
    assert all(is_green(view, (0.9, 0.1)) for view in views)
    assert len({view.tobytes() for view in views}) == 9
    assert task["final_unit_deduction"] == "20"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "element_frontal_image is required"),
        ({"element_frontal_image": picture(200, 200)}, "Image pixel is invalid"),
    ],
)
async def test_other_sides_are_refused(kling: Customer, body: dict[str, Any], message: str) -> None:
    assert await kling.refusal(VIEWS, body) == (400, 1201, message)


# --- try-on ------------------------------------------------------------------------------------------------


async def test_a_try_on_shows_both_and_is_paid_from_its_own_pack(kling: Customer) -> None:
    created = await kling.post(
        TRY_ON,
        {
            "model_name": "kolors-virtual-try-on-v1-5",
            "human_image": green(400, 600),
            "cloth_image": picture(400, 600),
            "callback_url": "",
        },
    )
    assert set(created.json()["data"]) == {"task_id", "task_status", "created_at", "updated_at"}
    kling.clock.advance(LONG_ENOUGH_S)
    task = await kling.data(f"{TRY_ON}/{created.json()['data']['task_id']}")
    (image,) = task["task_result"]["images"]
    assert set(image) == {"index", "url"}
    shown = await seen(kling, image["url"])
    assert shown.size == (683, 1024)
    assert (is_green(shown, (0.2, 0.3)), is_green(shown, (0.8, 0.3))) == (True, False)
    left = [kling.sandbox.state.left(package) for package in ("try-on", "image", "video")]
    assert left == [999, 1000, 1000]


async def test_an_address_of_any_ending_will_do(kling: Customer) -> None:
    await kling.accepted({"human_image": "https://img.example/me.webp", "cloth_image": LINK}, TRY_ON)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"human_image": ""}, "human_image cannot be empty"),
        ({"cloth_image": None}, "cloth_image cannot be empty"),
        ({"model_name": "kolors-virtual-try-on-v2"}, "model is not supported"),
        ({"cloth_image": picture(200, 300)}, "Image pixel is invalid"),
    ],
)
async def test_try_on_refuses(kling: Customer, body: dict[str, Any], message: str) -> None:
    assert await kling.refusal(TRY_ON, TAKES[TRY_ON] | body) == (400, 1201, message)


# --- recognition -----------------------------------------------------------------------------------------


async def test_recognition_answers_at_once_with_four_regions(kling: Customer) -> None:
    answer = (await kling.post(RECOGNIZE, {"image": green(400, 400)})).json()
    told = answer["data"]
    assert set(told) == {"final_unit_deduction", "final_balance_deduction", "task_result"}
    assert told["final_unit_deduction"] == "0.1"
    regions = told["task_result"]["images"]
    assert [region["type"] for region in regions] == ["object_seg", "head_seg", "face_seg", "cloth_seg"]
    assert [region["is_contain"] for region in regions] == [True] * 4
    for region in regions:
        cutout = await seen(kling, region["url"])
        assert (cutout.mode, cutout.size) == ("RGBA", (400, 400))
        assert cutout.getchannel("A").getextrema() == (0, 255)
    assert is_green(await seen(kling, regions[0]["url"]), (0.5, 0.5))
    assert kling.sandbox.state.left("video") == Decimal("999.9")


async def test_a_region_that_is_not_there_has_no_address(kling: Customer) -> None:
    answer = (await kling.post(RECOGNIZE, {"image": picture(800, 400)})).json()
    region = answer["data"]["task_result"]["images"][3]
    assert region == {"type": "cloth_seg", "is_contain": False, "url": ""}


async def test_what_was_cut_out_of_a_result_is_that_result(kling: Customer) -> None:
    first = await done(kling, GENERATIONS, {"prompt": "x", "image": green(400, 400), "aspect_ratio": "1:1"})
    url = first["task_result"]["images"][0]["url"]
    answer = (await kling.post(RECOGNIZE, {"image": url})).json()
    cutout = await seen(kling, answer["data"]["task_result"]["images"][0]["url"])
    assert cutout.size == (1024, 1024)
    assert is_green(cutout, (0.5, 0.2))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "image can not be null"),
        ({"image": ""}, "image can not be null"),
        ({"image": "data:image/png;base64," + ONE_K}, "File is not in a valid base64 format"),
    ],
)
async def test_recognition_refuses(kling: Customer, body: dict[str, Any], message: str) -> None:
    assert await kling.refusal(RECOGNIZE, body) == (400, 1201, message)


async def test_nobody_can_ask_for_a_recognition_again(kling: Customer) -> None:
    assert (await kling.get(RECOGNIZE)).json()["code"] == 1202
    assert (await kling.get(f"{RECOGNIZE}/1")).status_code == 404
