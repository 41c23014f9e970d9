"""Omni video and motion control as the new wire wants them: bodies written by hand from video.md B4 to B6."""

from __future__ import annotations

from typing import Any

import pytest

from kling_mcp.providers.official_v2 import obstacle, rewritten

OMNI, MOTION = "/v1/videos/omni-video", "/v1/videos/motion-control"
A, B, C = (f"https://cdn.example/{name}.png" for name in "abc")
CLIP = "https://cdn.example/b.mp4"
V3 = {"model_name": "kling-v3-omni"}
O1 = {"model_name": "kling-video-o1"}
EDIT = {"video_url": CLIP, "refer_type": "base"}
LIKE = {"video_url": CLIP, "refer_type": "feature"}


def contents(**body: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - JSON
    return rewritten(OMNI, {**V3, **body})[1]["contents"]


def settings(**body: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return rewritten(OMNI, {**V3, "prompt": "a gull", **body})[1]["settings"]


def test_the_contract_s_example_of_editing_is_written_but_for_the_names_of_ids() -> None:
    legacy = {
        "model_name": "kling-v3-omni",
        "prompt": "Recolor the bird like <<<image_1>>>",
        "image_list": [{"image_url": "https://cdn.example/c.png"}],
        "video_list": [{"video_url": CLIP, "refer_type": "base", "keep_original_sound": "yes"}],
        "mode": "pro",
        "duration": "5",
        "sound": "off",
        "watermark_info": {"enabled": True},
    }
    assert obstacle(OMNI, legacy) is None
    assert rewritten(OMNI, legacy) == (
        "/omni-video/kling-3.0-omni",
        {
            "contents": [
                {"type": "prompt", "text": "Recolor the bird like @image_1"},
                {"type": "refer_image", "url": "https://cdn.example/c.png", "id": "image_1"},
                {"type": "base_video", "url": CLIP, "id": "video_1"},
            ],
            "settings": {"audio": "original", "multi_shot": False, "resolution": "1080p"},
            "options": {"watermark_info": {"enabled": True}},
        },
    )


def test_frames_references_and_elements_keep_their_numbers() -> None:
    assert contents(
        prompt="<<<element_2>>>and <<<element_1>>> walk from <<<image_1>>> to <<<image_2>>> past <<<image_3>>>",
        image_list=[
            {"image_url": A, "type": "first_frame"},
            {"image_url": B, "type": "end_frame"},
            {"image_url": C},
        ],
        element_list=[{"element_id": 829836802793406551}, {"element_id": "163"}],
    ) == [
        {"type": "prompt", "text": "@element_2 and @element_1 walk from @image_1 to @image_2 past @image_3"},
        {"type": "first_frame", "url": A, "id": "image_1"},
        {"type": "last_frame", "url": B, "id": "image_2"},
        {"type": "refer_image", "url": C, "id": "image_3"},
        {"type": "element", "element_id": "829836802793406551", "id": "element_1"},
        {"type": "element", "element_id": "163", "id": "element_2"},
    ]


def test_an_id_that_the_words_contain_gives_way_in_every_shot() -> None:
    shots = [{"index": 1, "prompt": "image_1; <<<image_1>>>", "duration": "5"}]
    assert contents(
        multi_shot=True, shot_type="customize", multi_prompt=shots, image_list=[{"image_url": A}], prompt=""
    ) == [
        {"type": "prompt", "text": "shot 1, 5, image_1, @x_image_1;"},
        {"type": "refer_image", "url": A, "id": "x_image_1"},
    ]


@pytest.mark.parametrize(
    ("body", "audio"),
    [
        ({}, None),
        ({"sound": "on"}, "native"),
        ({"sound": "off"}, "off"),
        ({"video_list": [EDIT]}, "original"),
        ({"video_list": [LIKE]}, "off"),
        ({"video_list": [EDIT | {"keep_original_sound": "yes"}]}, "original"),
        ({"video_list": [EDIT | {"keep_original_sound": "no"}], "sound": "off"}, "off"),
        ({"video_list": [LIKE | {"keep_original_sound": "no"}]}, "off"),
        ({"video_list": [{"video_url": CLIP, "keep_original_sound": "yes"}]}, "original"),
    ],
)
def test_whose_sound_the_clip_has_is_one_word_there(body: dict[str, Any], audio: str | None) -> None:
    assert settings(**body).get("audio") == audio


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, {"resolution": "1080p", "duration": 5, "multi_shot": False}),
        ({"mode": "std", "duration": "12"}, {"resolution": "720p", "duration": 12, "multi_shot": False}),
        (
            {"mode": "4k", "aspect_ratio": "1:1"},
            {"resolution": "4k", "duration": 5, "aspect_ratio": "1:1", "multi_shot": False},
        ),
        (
            {"video_list": [LIKE], "multi_shot": True, "shot_type": "intelligence"},
            {"resolution": "1080p", "duration": 5, "audio": "off", "multi_shot": True},
        ),
        ({"video_list": [EDIT], "duration": "9"}, {"resolution": "1080p", "audio": "original", "multi_shot": False}),
        ({**O1, "duration": "10"}, {"resolution": "1080p", "duration": 10}),
    ],
)
def test_the_switches_are_said_wherever_the_two_wires_defaults_differ(
    body: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert settings(**body) == expected


def test_the_older_omni_model_has_a_name_of_its_own() -> None:
    path, body = rewritten(OMNI, {**O1, "prompt": "<<<video_1>>> at night", "video_list": [LIKE], "mode": "std"})
    assert path == "/omni-video/kling-o1"
    assert body["contents"] == [
        {"type": "prompt", "text": "@video_1 at night"},
        {"type": "feature_video", "url": CLIP, "id": "video_1"},
    ]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({**V3, "cfg_scale": 0.5}, "has no cfg_scale"),
        ({**O1, "sound": "on"}, "makes no sound with this model"),
        ({**V3, "sound": "on", "video_list": [LIKE]}, "no sound of its own beside a video"),
        ({**V3, "video_list": [LIKE | {"keep_original_sound": "yes"}]}, "feature reference"),
        ({**V3, "video_list": [EDIT], "multi_shot": True}, "no multi_shot while it edits"),
        ({**O1, "multi_shot": True}, "no multi_shot with this model"),
        ({**O1, "duration": "7"}, "no clip of 7 s with this model without a reference picture"),
        ({"model_name": "kling-v3"}, "does not have kling-v3"),
    ],
)
def test_what_would_be_lost_or_changed_on_the_way_is_an_obstacle(body: dict[str, Any], why: str) -> None:
    assert why in (obstacle(OMNI, {"prompt": "a gull", **body}) or "")


def test_the_contract_s_example_of_motion_is_written_literally() -> None:
    legacy = {
        "model_name": "kling-v3",
        "image_url": "https://cdn.example/p.png",
        "video_url": "https://cdn.example/d.mp4",
        "character_orientation": "image",
        "keep_original_sound": "no",
        "mode": "std",
    }
    assert obstacle(MOTION, legacy) is None
    assert rewritten(MOTION, legacy) == (
        "/motion-control/kling-3.0",
        {
            "contents": [
                {"type": "image", "url": "https://cdn.example/p.png"},
                {"type": "video", "url": "https://cdn.example/d.mp4"},
            ],
            "settings": {"character_orientation": "image", "audio": "off", "resolution": "720p"},
        },
    )


def test_motion_with_everything_keeps_everything() -> None:
    legacy = {
        "model_name": "kling-v3",
        "image_url": A,
        "video_url": CLIP,
        "character_orientation": "video",
        "keep_original_sound": "yes",
        "mode": "pro",
        "prompt": "<<<element_1>>> dances",
        "element_list": [{"element_id": 829836802793406551}],
    }
    assert rewritten(MOTION, legacy)[1] == {
        "contents": [
            {"type": "image", "url": A},
            {"type": "video", "url": CLIP},
            {"type": "prompt", "text": "@element_1 dances"},
            {"type": "element", "element_id": "829836802793406551", "id": "element_1"},
        ],
        "settings": {"character_orientation": "video", "audio": "original", "resolution": "1080p"},
    }
    older = {**legacy, "model_name": "kling-v2-6"}
    assert obstacle(MOTION, older) == "has no element_list with this model"
    del older["element_list"]
    assert obstacle(MOTION, older) is None
    assert rewritten(MOTION, older)[0] == "/motion-control/kling-2.6"
    assert obstacle(MOTION, {**older, "mode": "std", "duration": "5"}) == "has no duration"
