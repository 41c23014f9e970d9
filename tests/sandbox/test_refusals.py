"""Every refusal of the legacy wire that a body can provoke, one row each. Expectations: video.md 3, A1, A2, C."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.shop import IMAGE, TEXT, picture

if TYPE_CHECKING:
    from tests.sandbox.shop import Customer

pytestmark = pytest.mark.anyio

URL_A, URL_B = "https://cdn.example/a.png", "https://cdn.example/b.png"
V3: dict[str, Any] = {"model_name": "kling-v3", "prompt": "A kite"}
V3_IMAGE = V3 | {"image": URL_A}
V26 = {"model_name": "kling-v2-6", "prompt": "A kite", "mode": "pro"}
SHOTS = {"multi_shot": True, "shot_type": "customize"}
POINTS = [{"x": 1, "y": 2}, {"x": 3, "y": 4}]


def shot(index: int, duration: str, prompt: str = "Wide") -> dict[str, Any]:
    return {"index": index, "prompt": prompt, "duration": duration}


def simple(**config: float) -> dict[str, Any]:
    return {"type": "simple", "config": config}


def without(body: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != name}


FROM_TEXT: list[tuple[dict[str, Any], str]] = [
    ({"model_name": "kling-v9", "prompt": "A kite"}, "model is not supported"),
    ({"model_name": "kling-v1-5", "prompt": "A kite"}, "model is not supported"),
    ({"model_name": "kling-v2-1", "prompt": "A kite"}, "model is not supported"),
    ({"model_name": "kling-3.0-turbo", "prompt": "A kite"}, "model is not supported"),
    (V3 | {"mode": "professional"}, "mode value 'professional' is invalid"),
    (V26 | {"mode": "4k"}, "mode value '4k' is invalid"),
    (V3 | {"duration": "99"}, "duration value '99' is invalid"),
    (V3 | {"duration": 16}, "duration value '16' is invalid"),
    (V3 | {"duration": 5.5}, "duration value '5.5' is invalid"),
    (V3 | {"duration": True}, "duration value 'true' is invalid"),
    (V26 | {"duration": "7"}, "duration value '7' is invalid"),
    (V3 | {"sound": "loud"}, "sound value 'loud' is invalid"),
    (V3 | {"aspect_ratio": "7:3"}, "aspect_ratio value '7:3' is invalid"),
    (V3 | {"cfg_scale": 1.5}, "cfg_scale value '1.5' is invalid"),
    (V3 | {"multi_shot": "maybe"}, "multi_shot value 'maybe' is invalid"),
    (V3 | {"callback_url": "ftp://cdn.example"}, "callback_url value 'ftp://cdn.example' is invalid"),
    (V3 | {"prompt": "x" * 2501}, "prompt length cannot exceed 2500"),
    (V3 | {"negative_prompt": "x" * 2501}, "negative_prompt length cannot exceed 2500"),
    (V3 | {"camera_control": {"type": "spin"}}, "camera_control.type value 'spin' is invalid"),
    (V3 | {"camera_control": simple(zoom=11)}, "camera_control.config.zoom value '11' is invalid"),
    ({"model_name": "kling-v3"}, "prompt is required"),
    (V3 | {"prompt": ""}, "prompt cannot be empty"),
    (V3 | {"prompt": "  "}, "prompt cannot be empty"),
    (V3 | {"multi_shot": True}, "shot_type is required"),
    (V3 | {"multi_shot": True, "shot_type": "random"}, "shot_type value 'random' is invalid"),
    (V3 | SHOTS, "multi_prompt cannot be empty"),
    (without(V3, "prompt") | {"multi_shot": True, "shot_type": "intelligence"}, "prompt is required"),
    (V3 | SHOTS | {"multi_prompt": [shot(i, "1") for i in range(1, 8)]}, "multi_prompt size cannot exceed 6"),
    (V3 | SHOTS | {"multi_prompt": [shot(1, "5", "x" * 513)]}, "multi_prompt[0].prompt length cannot exceed 512"),
    (V3 | SHOTS | {"multi_prompt": [shot(1, "0")]}, "multi_prompt[0].duration value '0' is invalid"),
    (V3 | SHOTS | {"multi_prompt": [shot(1, "5", "")]}, "multi_prompt[0].prompt is required"),
    (
        V3 | SHOTS | {"multi_prompt": [shot(1, "2"), shot(2, "2")]},
        "the sum of multi_prompt durations must be equal to duration",
    ),
    (V3 | SHOTS | {"multi_prompt": [shot(1, "2"), shot(1, "3")]}, "multi_prompt indexes must count from 1"),
    (V3 | {"prompt": "Say <<<voice_1>>>"}, "sound must be on when a voice is specified in prompt"),
    (V3 | {"camera_control": simple(zoom=0)}, "camera_control.config must have exactly one non-zero value"),
    (V3 | {"camera_control": simple(zoom=1, pan=1)}, "camera_control.config must have exactly one non-zero value"),
    (
        V3 | {"camera_control": {"type": "down_back", "config": {"zoom": 1}}},
        "camera_control.config is only supported when type is simple",
    ),
    (
        V3 | {"camera_control": {"type": "down_back"}},
        "camera_control is only supported in std mode with 5s duration and kling-v1",
    ),
    (
        V26 | SHOTS | {"multi_prompt": [shot(1, "5")]},
        "model/mode/duration(kling-v2-6/pro/5) is not supported with multi_shot",
    ),
    (V26 | {"mode": "std", "sound": "on"}, "model/mode/duration(kling-v2-6/std/5) is not supported with sound"),
]

FROM_IMAGE: list[tuple[dict[str, Any], str]] = [
    (V3, "image can not be null"),
    (V3 | {"image": "", "image_tail": ""}, "image can not be null"),
    (without(V3_IMAGE, "prompt"), "prompt is required"),
    (V3_IMAGE | {"image": "data:image/png;base64," + picture()}, "File is not in a valid base64 format"),
    (V3_IMAGE | {"image": "not Base64 at all"}, "File is not in a valid base64 format"),
    (V3_IMAGE | {"image": "QUJD"}, "File is not in a valid base64 format"),
    (V3_IMAGE | {"image": picture(form="GIF")}, "File is not in a valid base64 format"),
    (V3_IMAGE | {"image": picture(299, 400)}, "Image pixel is invalid"),
    (V3_IMAGE | {"image_tail": picture(299, 400)}, "Image pixel is invalid"),
    (V3_IMAGE | {"image": picture(1000, 399)}, "Image aspect ratio is invalid"),
    (V3_IMAGE | {"element_list": [{"element_id": i} for i in range(4)]}, "element_list size cannot exceed 3"),
    (V3_IMAGE | {"element_list": [{"element_id": "x"}]}, "element_list[0].element_id value 'x' is invalid"),
    (V3_IMAGE | {"element_list": [{}]}, "element_list[0].element_id is required"),
    (V3_IMAGE | {"voice_list": [{"voice_id": "1"}] * 3}, "voice_list size cannot exceed 2"),
    (
        V3_IMAGE | {"element_list": [{"element_id": 1}], "voice_list": [{"voice_id": "1"}]},
        "element_list and voice_list cannot be used together",
    ),
    (
        V3_IMAGE | {"image_tail": URL_B, "static_mask": URL_B},
        "only one of image_tail, dynamic_masks/static_mask and camera_control can be used",
    ),
    (
        V3_IMAGE | {"image_tail": URL_B, "camera_control": simple(zoom=1)},
        "only one of image_tail, dynamic_masks/static_mask and camera_control can be used",
    ),
    (
        V3_IMAGE | {"dynamic_masks": [{"mask": URL_B, "trajectories": POINTS[:1]}]},
        "dynamic_masks.trajectories must have 2 to 77 points",
    ),
    (
        V3_IMAGE | {"dynamic_masks": [{"mask": URL_B, "trajectories": POINTS * 39}]},
        "dynamic_masks[0].trajectories size cannot exceed 77",
    ),
    (
        V3_IMAGE | {"dynamic_masks": [{"mask": URL_B, "trajectories": POINTS}] * 7},
        "dynamic_masks size cannot exceed 6",
    ),
    (V3_IMAGE | {"camera_control": {"config": {"zoom": 1}}}, "camera_control.type is required"),
    (
        V3_IMAGE | {"camera_control": simple(zoom=1)},
        "camera_control is only supported in pro mode with 5s duration and kling-v1-5",
    ),
    (V3_IMAGE | {"static_mask": URL_B}, "model/mode/duration(kling-v3/std/5) is not supported with static_mask"),
    (
        {"model_name": "kling-v2-5-turbo", "prompt": "A kite", "image": URL_A, "image_tail": URL_B},
        "model/mode/duration(kling-v2-5-turbo/std/5) is not supported with image_tail",
    ),
    (V3 | {"image_tail": URL_B}, "model/mode/duration(kling-v3/std/5) is not supported with only image_tail"),
    (
        V26 | {"image": URL_A, "image_tail": URL_B, "sound": "on"},
        "model/mode/duration(kling-v2-6/pro/5) is not supported with sound and image_tail",
    ),
    (
        V26 | {"image": URL_A, "element_list": [{"element_id": 1}]},
        "model/mode/duration(kling-v2-6/pro/5) is not supported with element_list",
    ),
    (
        V3_IMAGE | {"voice_list": [{"voice_id": "1"}]},
        "model/mode/duration(kling-v3/std/5) is not supported with voice_list",
    ),
    (
        V26 | {"image": URL_A, "voice_list": [{"voice_id": "1"}]},
        "model/mode/duration(kling-v2-6/pro/5) is not supported with voice_list without sound",
    ),
]

OF_OLD: list[tuple[str, dict[str, Any], str]] = [
    (
        IMAGE,
        {"model_name": "kling-v2-master", "prompt": "A kite", "image": URL_A, "image_tail": URL_B},
        "Image tail is not supported by the current model",
    ),
    (
        IMAGE,
        {"model_name": "kling-v1", "prompt": "A kite", "image": picture(600, 300), "static_mask": picture(300, 300)},
        "static_mask must have the aspect ratio of image",
    ),
    (
        IMAGE,
        {
            "model_name": "kling-v1",
            "prompt": "A kite",
            "image": URL_A,
            "dynamic_masks": [{"mask": picture(300 + extra, 300), "trajectories": POINTS} for extra in (0, 8)],
        },
        "dynamic_masks/static_mask must have the same resolution",
    ),
    (
        IMAGE,
        {
            "model_name": "kling-v1",
            "prompt": "A kite",
            "image": URL_A,
            "static_mask": picture(600, 600),
            "dynamic_masks": [{"mask": picture(300, 300), "trajectories": POINTS}],
        },
        "dynamic_masks/static_mask must have the same resolution",
    ),
    (
        TEXT,
        {"model_name": "kling-v1", "prompt": "A kite", "duration": "10", "camera_control": simple(zoom=1)},
        "camera_control is only supported in std mode with 5s duration and kling-v1",
    ),
]

ROWS = [(TEXT, *row) for row in FROM_TEXT] + [(IMAGE, *row) for row in FROM_IMAGE]


@pytest.mark.parametrize(("path", "body", "message"), ROWS, ids=[f"{path[11:]}: {row[1]}" for path, *row in ROWS])
async def test_a_body_kling_refuses_is_refused_with_its_code_and_its_words(
    kling: Customer, path: str, body: dict[str, Any], message: str
) -> None:
    assert await kling.refusal(path, body) == (400, 1201, message)


@pytest.mark.parametrize(("path", "body", "message"), OF_OLD)
async def test_models_of_old_have_rules_of_their_own(
    old_kling: Customer, path: str, body: dict[str, Any], message: str
) -> None:
    assert await old_kling.refusal(path, body) == (400, 1201, message)


@pytest.mark.parametrize("body", [{}, {"model_name": "kling-v1"}, {"model_name": ""}, {"model": "kling-v3"}])
async def test_an_absent_model_means_kling_v1_which_is_retired(kling: Customer, body: dict[str, Any]) -> None:
    retired = "The model 'kling-v1' has been discontinued and is no longer available."
    assert await kling.refusal(TEXT, body | {"prompt": "A kite"}) == (404, 1203, retired)


async def test_a_retired_model_is_served_on_request(old_kling: Customer) -> None:
    await old_kling.accepted({"prompt": "A kite"})
    [task] = old_kling.sandbox.state.tasks
    assert (task.order.model, task.order.mode, task.order.makes[0].duration, task.units) == ("kling-v1", "std", 5, 1)


@pytest.mark.parametrize("body", ["", "{", "[]", '"text"', "null"])
async def test_what_is_no_json_object_is_a_bad_request(kling: Customer, body: str) -> None:
    answer = await kling.client.post(TEXT, content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, 1200)


ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    (TEXT, V3),
    (TEXT, V3 | {"duration": 5}),
    (TEXT, V3 | {"duration": "15", "mode": "4k", "sound": "on"}),
    (TEXT, V3 | {"prompt": "x" * 2500, "unknown_key": {"deep": 1}, "model": "kling-v1"}),
    (TEXT, V3 | {"negative_prompt": "", "callback_url": "", "external_task_id": "", "multi_prompt": []}),
    (TEXT, V26 | {"cfg_scale": 7, "sound": "on"}),
    (TEXT, V3 | {"shot_type": "nonsense", "multi_prompt": "nonsense"}),
    (
        TEXT,
        {
            "model_name": "kling-v3",
            "multi_shot": True,
            "shot_type": "customize",
            "prompt": "",
            "multi_prompt": [
                {"index": 1, "prompt": "Harbor at dawn, wide", "duration": "3"},
                {"index": 2, "prompt": "Close on a gull", "duration": "4"},
            ],
            "duration": "7",
            "mode": "pro",
            "sound": "on",
            "aspect_ratio": "9:16",
            "external_task_id": "t2v-1",
        },
    ),
    (TEXT, V3 | {"multi_shot": "true", "shot_type": "intelligence"}),
    (
        IMAGE,
        {
            "model_name": "kling-v2-6",
            "image": URL_A,
            "image_tail": URL_B,
            "prompt": "Slow push-in",
            "duration": "10",
            "mode": "pro",
            "sound": "off",
        },
    ),
    (IMAGE, V3_IMAGE | {"image": picture(), "aspect_ratio": "nonsense"}),
    (IMAGE, V3_IMAGE | {"image": picture(600, 300, "JPEG").rstrip("=")}),
    (IMAGE, V3_IMAGE | {"image_tail": picture(1000, 300)}),
    (IMAGE, V3_IMAGE | {"image_tail": URL_B, "multi_shot": True, "shot_type": "intelligence"}),
    (IMAGE, V3_IMAGE | {"element_list": [{"element_id": 829836802793406551}, {"element_id": "829836802793406552"}]}),
    (
        IMAGE,
        V26
        | {
            "image": URL_A,
            "sound": "on",
            "prompt": "Say <<<voice_1>>>",
            "voice_list": [{"voice_id": "829836802793406"}],
        },
    ),
]


@pytest.mark.parametrize(("path", "body"), ACCEPTED)
async def test_what_kling_tolerates_is_accepted(kling: Customer, path: str, body: dict[str, Any]) -> None:
    await kling.accepted(body, path)


OLD_BUT_GOOD: list[tuple[str, dict[str, Any]]] = [
    (TEXT, {"prompt": "A kite", "camera_control": {"type": "down_back"}}),
    (TEXT, {"prompt": "A kite", "camera_control": {"config": {"zoom": -10, "pan": 0}}}),
    (TEXT, {"model_name": "kling-v2-master", "prompt": "A kite", "mode": "anything"}),
    (IMAGE, {"prompt": "A kite", "image": URL_A, "dynamic_masks": [{"mask": URL_B, "trajectories": POINTS}]}),
    (IMAGE, {"model_name": "kling-v1-6", "mode": "pro", "prompt": "A kite", "image_tail": URL_B}),
    (
        IMAGE,
        {
            "model_name": "kling-v1-5",
            "mode": "pro",
            "prompt": "A kite",
            "image": URL_A,
            "camera_control": simple(zoom=1),
        },
    ),
]


@pytest.mark.parametrize(("path", "body"), OLD_BUT_GOOD)
async def test_what_kling_tolerated_of_old_is_accepted(old_kling: Customer, path: str, body: dict[str, Any]) -> None:
    await old_kling.accepted(body, path)


async def test_ids_of_elements_lose_no_digit(kling: Customer) -> None:
    await kling.accepted(V3_IMAGE | {"element_list": [{"element_id": 829836802793406551}]}, IMAGE)
    [task] = kling.sandbox.state.tasks
    assert task.body["element_list"] == [{"element_id": 829836802793406551}]


# In one body, two faults: the earlier check answers. Contract: video.md part G.
ORDER: list[tuple[str, dict[str, Any], str]] = [
    ("model before values", {"model_name": "kling-v9", "prompt": "x", "duration": "99"}, "model is not supported"),
    ("retired before values", {"model_name": "kling-v1", "mode": "x"}, "The model 'kling-v1' has been discontinued"),
    ("values before what is required", {"model_name": "kling-v3", "mode": "x"}, "mode value 'x' is invalid"),
    (
        "required before combinations",
        {"model_name": "kling-v3", "camera_control": simple(zoom=0)},
        "prompt is required",
    ),
    (
        "combinations before capabilities",
        {"model_name": "kling-v3", "prompt": "Say <<<voice_1>>>", "camera_control": {"type": "down_back"}},
        "sound must be on",
    ),
    (
        "capabilities before external ids",
        V3 | {"external_task_id": "taken", "camera_control": {"type": "down_back"}},
        "camera_control is only supported",
    ),
]


@pytest.mark.parametrize(("body", "message"), [row[1:] for row in ORDER], ids=[row[0] for row in ORDER])
async def test_of_two_faults_the_earlier_check_speaks(kling: Customer, body: dict[str, Any], message: str) -> None:
    await kling.accepted(V3 | {"external_task_id": "taken"})
    assert (await kling.refusal(TEXT, body))[2].startswith(message)


async def test_authorization_is_checked_before_anything_else(kling: Customer) -> None:
    kling.client.headers["authorization"] = ""
    answer = await kling.client.post(TEXT, content="{")
    assert answer.json()["code"] == 1001
