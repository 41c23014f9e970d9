"""Whatever is posted, the answer is Kling's envelope: never a crash, and never a task that cannot be read back."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kling_mcp.clock import ManualClock
from kling_mcp.sandbox.families import FAMILIES, INSTANTS
from tests.sandbox.shop import IMAGE, TEXT, new_sandbox, opened

if TYPE_CHECKING:
    from pathlib import Path

LEGACY = (
    *("model_name", "prompt", "mode", "duration", "sound", "cfg_scale", "aspect_ratio", "image", "image_tail"),
    *("camera_control", "multi_shot", "shot_type", "multi_prompt", "element_list", "voice_list", "static_mask"),
    *("dynamic_masks", "watermark_info", "callback_url", "external_task_id", "negative_prompt"),
)
STANDARD = ("prompt", "contents", "settings", "options")
LISTS = ("start_time", "end_time", "limit", "filters", "cursor")
PATHS = {
    TEXT: LEGACY,
    IMAGE: LEGACY,
    "/text-to-video/kling-3.0": STANDARD,
    "/image-to-video/kling-2.6": STANDARD,
    "/omni-video/kling-3.0-omni": STANDARD,
    "/omni-video/kling-o1": STANDARD,
    "/motion-control/kling-3.0": STANDARD,
    "/tasks": LISTS,
    "/account/billing/package": LISTS,
    "/account/billing/balance": LISTS,
}
PNG, MP4, MP3 = "https://cdn.example/a.png", "https://cdn.example/v.mp4", "https://cdn.example/a.mp3"
RATIOS = dict.fromkeys(("up", "down", "left", "right"), 0.1)
FACE = {"face_id": "0", "sound_file": MP3, "sound_start_time": 0, "sound_end_time": 2000, "sound_insert_time": 0}
V, I, G, A = "/v1/videos", "/v1/images", "/v1/general", "/v1/audio"  # noqa: E741 - they stand beside each other
OTHERS: dict[str, dict[str, Any]] = {
    f"{V}/omni-video": {"prompt": "x", "aspect_ratio": "1:1", "image_list": [], "video_list": [], "element_list": []},
    f"{V}/multi-image2video": {"prompt": "x", "image_list": [{"image": PNG}]},
    f"{V}/motion-control": {"image_url": PNG, "video_url": MP4, "character_orientation": "video", "mode": "std"},
    f"{V}/video-extend": {"video_id": "1", "prompt": "x"},
    f"{V}/effects": {"effect_scene": "disco_paws", "input": {"image": PNG}},
    f"{V}/identify-face": {"video_url": MP4},
    f"{V}/advanced-lip-sync": {"session_id": "1", "face_choose": [FACE]},
    f"{V}/lip-sync": {"input": {"mode": "text2video", "text": "x", "voice_id": "oversea_male1", "video_url": MP4}},
    f"{V}/avatar/image2video": {"image": PNG, "sound_file": MP3, "mode": "std"},
    f"{V}/image-recognize": {"image": PNG},
    f"{V}/multi-elements/init-selection": {"video_url": MP4},
    f"{V}/multi-elements/add-selection": {"session_id": "1", "frame_index": 0, "points": [{"x": 0, "y": 0}]},
    f"{V}/multi-elements/delete-selection": {"session_id": "1", "frame_index": 0, "points": [{"x": 0, "y": 0}]},
    f"{V}/multi-elements/clear-selection": {"session_id": "1"},
    f"{V}/multi-elements/preview-selection": {"session_id": "1"},
    f"{V}/multi-elements": {"session_id": "1", "edit_mode": "swap", "prompt": "x", "image_list": [{"image": PNG}]},
    f"{I}/generations": {"model_name": "kling-v3", "prompt": "x", "n": 1, "aspect_ratio": "1:1"},
    f"{I}/omni-image": {"prompt": "x", "image_list": [{"image": PNG}], "result_type": "single", "series_amount": 2},
    f"{I}/multi-image2image": {"subject_image_list": [{"subject_image": PNG}], "n": 1},
    f"{I}/editing/expand": {"image": PNG} | {f"{side}_expansion_ratio": by for side, by in RATIOS.items()},
    f"{I}/kolors-virtual-try-on": {"human_image": PNG, "cloth_image": PNG},
    f"{G}/ai-multi-shot": {"element_frontal_image": PNG},
    f"{G}/custom-voices": {"voice_name": "Ann", "voice_url": MP3},
    f"{G}/delete-voices": {"voice_id": "1"},
    f"{G}/advanced-custom-elements": {
        "element_name": "Ann",
        "element_description": "A woman",
        "reference_type": "image_refer",
        "element_image_list": {"frontal_image": PNG, "refer_images": [{"image_url": PNG}]},
        "tag_list": [{"tag_id": "o_102"}],
    },
    f"{G}/custom-elements": {
        "element_name": "Ann",
        "element_description": "A woman",
        "element_frontal_image": PNG,
        "element_refer_list": [{"image_url": PNG}],
    },
    f"{G}/delete-elements": {"element_id": "1"},
    f"{G}/delete-advanced-elements": {"element_id": "1"},
    f"{A}/tts": {"text": "x", "voice_id": "oversea_male1", "voice_language": "en", "voice_speed": 1},
    f"{A}/text-to-audio": {"prompt": "x", "duration": 4.5},
    f"{A}/video-to-audio": {"video_url": MP4, "asmr_mode": True},
}
"""A body that makes sense at each of the other endpoints."""
COMMON = ("callback_url", "external_task_id", "watermark_info", "model_name")
KNOWN = ("kling-v3", "5", "on", "std", "true", "https://cdn.example/a.png", "\ud800", "QUJD", "type", "config", "id")
WORDS = st.one_of(st.sampled_from(KNOWN), st.text(max_size=5))
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)


async def answer(path: str, body: bytes, **facts: object) -> dict[str, Any]:
    clock = ManualClock()
    async with opened(new_sandbox(clock, **facts), clock) as kling:
        said = (await kling.client.post(path, content=body)).json()
        if said["code"] == 0 and path in {TEXT, IMAGE}:
            assert await kling.data(f"{path}/{said['data']['task_id']}")
        return said


@pytest.mark.parametrize("path", PATHS)
@settings(max_examples=15, deadline=None)
@given(st.data())
def test_any_body_is_answered_in_the_envelope(path: str, data: st.DataObject) -> None:
    base = {"model_name": "kling-v3", "prompt": "A kite", "image": "https://cdn.example/a.png"}
    body = base | data.draw(st.dictionaries(st.sampled_from(PATHS[path]), ANYTHING, max_size=4))
    said = anyio.run(answer, path, json.dumps(body).encode())
    assert {"code", "message", "request_id"} <= set(said)


@pytest.mark.parametrize("path", OTHERS)
@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_change_to_a_body_is_answered_in_the_envelope(path: str, data: st.DataObject) -> None:
    change = data.draw(st.dictionaries(st.sampled_from([*OTHERS[path], *COMMON]), ANYTHING, max_size=3))
    said = anyio.run(answer, path, json.dumps(OTHERS[path] | change).encode())
    assert {"code", "message", "request_id"} <= set(said)


def test_no_endpoint_is_left_out() -> None:
    posted = {family.path for family in FAMILIES} | {one.path for one in INSTANTS if one.method == "POST"}
    assert posted == {*OTHERS, TEXT, IMAGE}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("depth", [300, 700, 5000])
def test_a_body_nested_too_deep_is_a_bad_request_or_ignored(path: str, depth: int, tmp_path: Path) -> None:
    body = b'{"prompt": "A kite", "model_name": "kling-v3", "x": ' + b"[" * depth + b"]" * depth + b"}"
    said = anyio.run(partial(answer, path, body, folder=tmp_path))
    assert said["code"] in {0, 1200, 1201}
