"""Motion control, several images, extensions and effects. Expectations: video.md A4, A5, A7, A11, B4, part E."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.shop import IMAGE, LONG_ENOUGH_S, URL, picture

if TYPE_CHECKING:
    from tests.sandbox.shop import Customer

pytestmark = pytest.mark.anyio

MOTION, SEVERAL = "/v1/videos/motion-control", "/v1/videos/multi-image2video"
EXTEND, EFFECTS = "/v1/videos/video-extend", "/v1/videos/effects"
PNG, MP4 = "https://cdn.example/p.png", "https://cdn.example/dance.mp4"
ANN = {"element_id": 829836802793406551}


def without(body: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != name}


# --- motion control ----------------------------------------------------------------------------------------

DANCE: dict[str, Any] = {
    "model_name": "kling-v3",
    "image_url": PNG,
    "video_url": MP4,
    "character_orientation": "video",
    "mode": "std",
}

DANCES: list[tuple[dict[str, Any], str]] = [
    (DANCE | {"element_list": [ANN]}, "4.5"),
    (DANCE | {"mode": "pro", "video_url": f"{MP4}?seconds=29.6"}, "36"),
    (without(DANCE, "model_name"), "2.5"),
    (DANCE | {"character_orientation": "image", "video_url": f"{MP4}?seconds=10"}, "9"),
    (DANCE | {"image_url": picture(), "prompt": "", "keep_original_sound": "no"}, "4.5"),
]


@pytest.mark.parametrize(("body", "units"), DANCES)
async def test_motion_is_billed_by_the_second_of_the_video(kling: Customer, body: dict[str, Any], units: str) -> None:
    assert (await kling.finished(body, MOTION))["final_unit_deduction"] == units


STUMBLES: list[tuple[dict[str, Any], str]] = [
    (DANCE | {"model_name": "kling-v2-5-turbo"}, "model is not supported"),
    (without(DANCE, "image_url"), "image_url is required"),
    (without(DANCE, "video_url"), "video_url is required"),
    (DANCE | {"video_url": ""}, "video_url cannot be empty"),
    (without(DANCE, "character_orientation"), "character_orientation is required"),
    (without(DANCE, "mode"), "mode is required"),
    (DANCE | {"mode": "4k"}, "mode value '4k' is invalid"),
    (DANCE | {"character_orientation": "left"}, "character_orientation value 'left' is invalid"),
    (DANCE | {"keep_original_sound": True}, "keep_original_sound value 'true' is invalid"),
    (DANCE | {"prompt": "x" * 2501}, "prompt length cannot exceed 2500"),
    (DANCE | {"element_list": [ANN, ANN]}, "element_list size cannot exceed 1"),
    (
        DANCE | {"element_list": [ANN], "character_orientation": "image"},
        "character_orientation must be video when an element is used",
    ),
    (
        DANCE | {"element_list": [ANN], "model_name": "kling-v2-6"},
        "element_list is not supported by the current model",
    ),
    (DANCE | {"image_url": picture(200, 400)}, "Image pixel is invalid"),
    (DANCE | {"video_url": picture()}, "video_url value '"),
    (DANCE | {"video_url": f"{MP4}?seconds=2"}, "Video duration must be 3s to 30s"),
    (
        DANCE | {"video_url": f"{MP4}?seconds=11", "character_orientation": "image"},
        "Video duration must be 3s to 10s",
    ),
]


@pytest.mark.parametrize(("body", "message"), STUMBLES, ids=[row[1] for row in STUMBLES])
async def test_motion_that_cannot_be_is_refused(kling: Customer, body: dict[str, Any], message: str) -> None:
    status, code, said = await kling.refusal(MOTION, body)
    assert (status, code, said[: len(message)]) == (400, 1201, message)


IMG, VID = {"type": "image", "url": PNG}, {"type": "video", "url": MP4}
N_ANN = {"type": "element", "element_id": "163", "id": "ann"}


def contents(*items: object, **settings: object) -> dict[str, Any]:
    return {"contents": [*items], "settings": settings}


async def test_motion_on_the_new_wire(kling: Customer) -> None:
    body = contents(IMG, VID, character_orientation="image", audio="off", resolution="720p")
    first = await kling.accepted(body, "/motion-control/kling-3.0")
    second = await kling.accepted(
        contents(IMG, VID, N_ANN, {"type": "prompt", "text": "@ann"}, character_orientation="video"),
        "/motion-control/kling-3.0",
    )
    third = await kling.accepted(
        contents(IMG, VID, character_orientation="video", resolution="1080p"), "/motion-control/kling-2.6"
    )
    kling.clock.advance(LONG_ENOUGH_S)
    shown = await kling.data(f"/tasks?task_ids={first},{second},{third}")
    assert [task["billing"][0]["amount"] for task in shown] == ["4.5", "4.5", "4"]
    assert [task.order.makes[0].sound for task in kling.sandbox.state.tasks] == [False, True, True]


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("kling-3.0", contents(IMG, VID), "settings.character_orientation is required"),
        ("kling-3.0", contents(VID, character_orientation="video"), "image is required"),
        ("kling-3.0", contents(IMG, character_orientation="video"), "video is required"),
        (
            "kling-3.0",
            contents(IMG, VID, character_orientation="video", audio="native"),
            "settings.audio value 'native' is invalid",
        ),
        (
            "kling-3.0",
            contents(IMG, VID, character_orientation="video", resolution="4k"),
            "settings.resolution value '4k' is invalid",
        ),
        (
            "kling-3.0",
            contents(IMG, VID, N_ANN, character_orientation="image"),
            "character_orientation must be video when an element is used",
        ),
        (
            "kling-2.6",
            contents(IMG, VID, N_ANN, character_orientation="video"),
            "contents[2].type value 'element' is invalid",
        ),
    ],
)
async def test_motion_that_the_new_wire_refuses(kling: Customer, path: str, body: dict[str, Any], message: str) -> None:
    assert await kling.refusal(f"/motion-control/{path}", body) == (400, 1201, message)


# --- several images ----------------------------------------------------------------------------------------

DOG: dict[str, Any] = {
    "image_list": [{"image": PNG}, {"image": PNG}],
    "prompt": "The dog wears the hat",
    "duration": "5",
    "mode": "std",
}


async def test_several_images_belong_to_a_retired_model(kling: Customer) -> None:
    gone = "The model 'kling-v1-6' has been discontinued and is no longer available."
    assert await kling.refusal(SEVERAL, DOG) == (404, 1203, gone)


@pytest.mark.parametrize(
    ("change", "units"),
    [({}, "2"), ({"mode": "pro"}, "3.5"), ({"duration": 10}, "4"), ({"model_name": "kling-v1-6"}, "2")],
)
async def test_several_images_make_a_clip(old_kling: Customer, change: dict[str, Any], units: str) -> None:
    assert (await old_kling.finished(DOG | change, SEVERAL))["final_unit_deduction"] == units


async def test_the_answer_to_several_images_has_no_task_info(old_kling: Customer) -> None:
    said = await old_kling.answered(SEVERAL, DOG)
    assert set(said) == {"task_id", "task_status", "created_at", "updated_at"}


NO_DOG: list[tuple[dict[str, Any], str]] = [
    (DOG | {"model_name": "kling-v3"}, "model is not supported"),
    (without(DOG, "image_list"), "image_list is required"),
    (DOG | {"image_list": []}, "image_list cannot be empty"),
    (DOG | {"image_list": [{"image": PNG}] * 5}, "image_list size cannot exceed 4"),
    (DOG | {"image_list": [{"image_url": PNG}]}, "image_list[0].image is required"),
    (DOG | {"image_list": [PNG]}, f"image_list[0] value '{PNG}' is invalid"),
    (without(DOG, "prompt"), "prompt is required"),
    (DOG | {"duration": "7"}, "duration value '7' is invalid"),
    (DOG | {"mode": "4k"}, "mode value '4k' is invalid"),
    (DOG | {"aspect_ratio": "4:3"}, "aspect_ratio value '4:3' is invalid"),
    (DOG | {"image_list": [{"image": picture(200, 300)}]}, "Image pixel is invalid"),
]


@pytest.mark.parametrize(("body", "message"), NO_DOG)
async def test_images_that_make_no_clip(old_kling: Customer, body: dict[str, Any], message: str) -> None:
    assert await old_kling.refusal(SEVERAL, body) == (400, 1201, message)


# --- extending ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "units"),
    [
        ("/v1/videos/text2video", {"model_name": "kling-v1-6"}, "2"),
        ("/v1/videos/text2video", {"model_name": "kling-v1", "mode": "pro"}, "3.5"),
        (IMAGE, {"model_name": "kling-v1-5", "image": PNG}, "2"),
    ],
)
async def test_a_clip_of_the_first_models_can_go_on(
    old_kling: Customer, path: str, body: dict[str, Any], units: str
) -> None:
    made = await old_kling.finished(body | {"prompt": "A puppy"}, path)
    source = made["task_result"]["videos"][0]
    shown = await old_kling.finished({"video_id": source["id"], "prompt": "The puppy runs out of frame"}, EXTEND)
    [video] = shown["task_result"]["videos"]
    assert shown["task_info"] == {
        "parent_video": {"id": source["id"], "url": f"{URL}/files/{source['id']}.mp4", "duration": "5.041"}
    }
    assert (shown["final_unit_deduction"], video["duration"]) == (units, "9.541")


async def test_an_extension_can_be_extended_until_three_minutes(old_kling: Customer) -> None:
    made = await old_kling.finished({"model_name": "kling-v1-6", "prompt": "A puppy", "duration": "10"})
    video = made["task_result"]["videos"][0]
    while float(video["duration"]) < 175:
        shown = await old_kling.finished({"video_id": video["id"]}, EXTEND)
        assert float(shown["task_result"]["videos"][0]["duration"]) > float(video["duration"])
        video = shown["task_result"]["videos"][0]
    too_long = (400, 1201, "Video duration cannot exceed 3 minutes")
    assert await old_kling.refusal(EXTEND, {"video_id": video["id"]}) == too_long


async def test_nothing_else_can_be_extended(old_kling: Customer) -> None:
    today = await old_kling.clip()
    assert await old_kling.refusal(EXTEND, {"video_id": today}) == (
        400,
        1201,
        f"Video {today} is not supported with video-extend",
    )
    dog = (await old_kling.finished(DOG, SEVERAL))["task_result"]["videos"][0]["id"]
    assert (await old_kling.refusal(EXTEND, {"video_id": dog}))[2] == f"Video {dog} is not supported with video-extend"
    assert (await old_kling.refusal(EXTEND, {"prompt": "on"}))[2] == "video_id is required"
    assert (await old_kling.refusal(EXTEND, {"video_id": "7"}))[2] == "Video not found by id: 7"


@pytest.mark.parametrize("steering", [{"negative_prompt": "rain"}, {"cfg_scale": 0.5}])
async def test_only_later_models_are_steered_while_they_go_on(old_kling: Customer, steering: dict[str, Any]) -> None:
    [name] = steering
    first = await old_kling.clip(model_name="kling-v1")
    said = (await old_kling.refusal(EXTEND, {"video_id": first} | steering))[2]
    assert said == f"{name} is not supported with video-extend of kling-v1"
    later = await old_kling.clip(model_name="kling-v1-6")
    await old_kling.accepted({"video_id": later} | steering, EXTEND)


# --- effects -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        {"effect_scene": "hug_pro", "input": {"images": [PNG, PNG]}},
        {"effect_scene": "disco_paws", "input": {"image": PNG}},
        {"effect_scene": "disco_paws", "input": {"image": picture(), "images": []}},
        {"effect_scene": "magic_match_tree", "input": {"image": PNG}},
        {
            "effect_scene": "hug_pro",
            "input": {"model_name": "kling-v1-6", "mode": "pro", "duration": "5", "images": [picture(), PNG]},
        },
    ],
)
async def test_an_effect_is_made(kling: Customer, body: dict[str, Any]) -> None:
    shown = await kling.finished(body, EFFECTS)
    assert (shown["final_unit_deduction"], len(shown["task_result"]["videos"])) == ("2", 1)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"input": {"image": PNG}}, "effect_scene is required"),
        ({"effect_scene": "disco_paws"}, "input is required"),
        ({"effect_scene": "disco_paws", "input": PNG}, f"input value '{PNG}' is invalid"),
        ({"effect_scene": "disco_pawz", "input": {"image": PNG}}, "effect_scene value 'disco_pawz' is invalid"),
        ({"effect_scene": "hug", "input": {"images": [PNG, PNG]}}, "effect_scene value 'hug' is invalid"),
        ({"effect_scene": "hug_pro", "input": {"image": PNG}}, "input.images is required"),
        ({"effect_scene": "hug_pro", "input": {"images": [PNG]}}, "input.images size must be 2"),
        ({"effect_scene": "hug_pro", "input": {"images": [PNG] * 3}}, "input.images size must be 2"),
        ({"effect_scene": "disco_paws", "input": {"images": [PNG, PNG]}}, "input.image is required"),
        ({"effect_scene": "disco_paws", "input": {"image": picture(100, 400)}}, "Image pixel is invalid"),
    ],
)
async def test_an_effect_that_cannot_be_is_refused(kling: Customer, body: dict[str, Any], message: str) -> None:
    assert await kling.refusal(EFFECTS, body) == (400, 1201, message)


async def test_a_discontinued_effect_is_served_where_retired_things_are(old_kling: Customer) -> None:
    await old_kling.finished({"effect_scene": "hug", "input": {"images": [PNG, PNG]}}, EFFECTS)
