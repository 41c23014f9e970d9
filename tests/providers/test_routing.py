"""Which wire carries what, as a table; and what is said when neither does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kling_mcp.errors import InvalidRequest
from kling_mcp.providers.base import Request
from kling_mcp.providers.credentials import ApiKey, KeyPair
from kling_mcp.providers.routing import routed

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from kling_mcp.providers.base import Wire

V = "/v1/videos"
T2V, I2V, OMNI, MOTION = f"{V}/text2video", f"{V}/image2video", f"{V}/omni-video", f"{V}/motion-control"
PICTURE = "https://cdn.example/a.png"
CLIP = "https://cdn.example/c.mp4"
KEY, PAIR = ApiKey.wires, KeyPair.wires
LONG = "a" * 2501
SHOTS = [{"index": n, "prompt": "b" * 512, "duration": "2"} for n in range(1, 7)]
OLD: list[tuple[str, dict[str, Any]]] = [
    (T2V, {"model_name": "kling-v3", "prompt": "x"}),
    (T2V, {"model_name": "kling-v3", "prompt": LONG[1:]}),
    (T2V, {"model_name": "kling-v3", "prompt": "x", "negative_prompt": "y"}),
    (T2V, {"model_name": "kling-v1", "prompt": "x", "camera_control": {"type": "down_back"}}),
    (T2V, {"model_name": "kling-v1-6", "prompt": "x", "cfg_scale": 0.5}),
    (T2V, {"model_name": "kling-v3", "multi_shot": True, "shot_type": "customize", "multi_prompt": SHOTS}),
    (
        T2V,
        {"model_name": "kling-v3", "prompt": LONG, "multi_shot": True, "shot_type": "customize", "multi_prompt": SHOTS},
    ),
    (T2V, {"model_name": "a-model-of-tomorrow", "prompt": "x"}),
    (T2V, {"prompt": "no model named"}),
    (I2V, {"model_name": "kling-v1", "image": PICTURE, "static_mask": PICTURE}),
    (I2V, {"model_name": "kling-v1-6", "image_tail": PICTURE}),
    (I2V, {"model_name": "kling-v2-6", "image": PICTURE, "voice_list": [{"voice_id": "1"}]}),
    (OMNI, {"model_name": "kling-v3-omni", "prompt": "x"}),
    (OMNI, {"model_name": "kling-video-o1", "prompt": "x"}),
    (MOTION, {"model_name": "kling-v3", "image_url": PICTURE, "video_url": CLIP}),
    (f"{V}/effects", {"effect_scene": "hug_pro", "input": {}}),
    (f"{V}/multi-elements", {"prompt": LONG, "session_id": "1"}),
    ("/v1/images/generations", {"model_name": "kling-v3", "prompt": LONG}),
    ("/v1/audio/tts", {"text": LONG}),
]
NEW: list[tuple[str, dict[str, Any], str]] = [
    (T2V, {"model_name": "kling-3.0-turbo", "prompt": "x"}, "/text-to-video/kling-3.0-turbo"),
    (I2V, {"model_name": "kling-3.0-turbo", "prompt": LONG, "image": PICTURE}, "/image-to-video/kling-3.0-turbo"),
    (T2V, {"model_name": "kling-v3", "prompt": LONG}, "/text-to-video/kling-3.0"),
    (T2V, {"model_name": "kling-v3", "prompt": "a" * 3072}, "/text-to-video/kling-3.0"),
    (I2V, {"model_name": "kling-v3", "prompt": LONG, "image": PICTURE}, "/image-to-video/kling-3.0"),
    (OMNI, {"model_name": "kling-v3-omni", "prompt": LONG}, "/omni-video/kling-3.0-omni"),
]


@pytest.mark.parametrize("wires", [KEY, PAIR])
@pytest.mark.parametrize(("path", "body"), OLD)
def test_the_old_wire_carries_whatever_it_can_for_either_credential(
    path: str, body: dict[str, Any], wires: AbstractSet[Wire]
) -> None:
    for nameless in (False, True):
        assert routed(path, body, wires, nameless=nameless) == Request("v1", path, body, nameless)


@pytest.mark.parametrize(("path", "body", "there"), NEW)
def test_what_only_the_new_wire_has_goes_there(path: str, body: dict[str, Any], there: str) -> None:
    request = routed(path, body, KEY)
    assert (request.wire, request.path, request.nameless) == ("v2", there, False)


@pytest.mark.parametrize(("path", "body", "there"), NEW)
def test_a_pair_is_told_that_the_new_wire_needs_a_key(path: str, body: dict[str, Any], there: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        routed(path, body, PAIR)
    assert "KLING_API_KEY" in str(refusal.value), there
    assert len(refusal.value.problems) == 1


def test_what_prefers_the_new_wire_gets_it_where_it_is_open_and_can_carry_it() -> None:
    can, cannot = (
        {"model_name": "kling-v3-omni", "prompt": "x"},
        {"model_name": "kling-v3-omni", "negative_prompt": "y"},
    )
    assert routed(OMNI, can, KEY, prefers_newer=True).path == "/omni-video/kling-3.0-omni"
    assert routed(OMNI, can, PAIR, prefers_newer=True).path == OMNI
    assert routed(OMNI, cannot, KEY, prefers_newer=True).path == OMNI


SHORTEN = "Shorten the prompt to 2500 characters."
TOO_LONG = "takes prompts of at most 2500 characters, and this one has 2501"
OTHER = "Choose another model_name, for example kling-v3."


@pytest.mark.parametrize(
    ("path", "body", "field", "why", "way_out"),
    [
        (
            T2V,
            {"model_name": "kling-v3", "prompt": LONG, "negative_prompt": "y"},
            "prompt",
            "has no negative_prompt",
            SHORTEN,
        ),
        (OMNI, {"model_name": "kling-video-o1", "prompt": LONG}, "prompt", TOO_LONG, SHORTEN),
        (
            T2V,
            {"model_name": "kling-3.0-turbo", "prompt": "x", "cfg_scale": 0.5},
            "model_name",
            "has no cfg_scale",
            OTHER,
        ),
        (
            I2V,
            {"model_name": "kling-3.0-turbo", "image": PICTURE, "image_tail": PICTURE},
            "model_name",
            "has no image_tail with this model",
            OTHER,
        ),
    ],
)
def test_when_neither_fits_the_refusal_says_why_of_each(
    path: str, body: dict[str, Any], field: str, why: str, way_out: str
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        routed(path, body, KEY)
    old = {
        "prompt": "A prompt of 2501 characters cannot run here. Kling's older API takes at most 2500",
        "model_name": "'kling-3.0-turbo' cannot run here. Kling's older API does not have it",
    }
    (problem,) = refusal.value.problems
    assert (problem.field, problem.sentence) == (field, f"{old[field]}; its newer one {why}. {way_out}")
