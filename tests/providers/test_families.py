"""Every family of tasks once, from the agent's arguments to its results, over either credential's way of asking."""

from __future__ import annotations

from typing import Any

import pytest

from kling_mcp.operations.catalogue import GENERATIONS
from kling_mcp.providers.base import TaskRef

from .test_sandbox import CLIP, CREDENTIALS, PIC, side

pytestmark = pytest.mark.anyio

SOUND = "https://cdn.example/a.mp3"
VIEWS = [f"image set {n} view {v}" for n in (1, 2, 3) for v in (1, 2, 3)]
FAMILIES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "generate_video": ({"prompt": "a gull"}, ["video"]),
    "generate_omni_video": ({"prompt": "a gull", "aspect_ratio": "16:9"}, ["video"]),
    "motion_control": (
        {"image_url": PIC, "video_url": CLIP, "character_orientation": "image", "mode": "std"},
        ["video"],
    ),
    "apply_effect": ({"effect_scene": "hug_pro", "images": [PIC, PIC]}, ["video"]),
    "lip_sync_classic": (
        {"video_url": CLIP, "text": "hi", "voice_id": "oversea_male1", "voice_language": "en"},
        ["video"],
    ),
    "generate_avatar": ({"image": PIC, "sound_file": SOUND}, ["video"]),
    "text_to_audio": ({"prompt": "rain", "duration": 4}, ["audio mp3", "audio wav"]),
    "video_to_audio": ({"video_url": CLIP}, ["video", "audio mp3", "audio wav"]),
    "generate_image": ({"prompt": "a gull", "n": 2}, ["image", "image"]),
    "generate_omni_image": (
        {"prompt": "a gull", "result_type": "series", "series_amount": 3, "aspect_ratio": "1:1"},
        ["image", "image", "image"],
    ),
    "multi_image_to_image": ({"prompt": "both", "subject_image_list": [PIC, PIC]}, ["image"]),
    "expand_image": (
        {"image": PIC, **{f"{side}_expansion_ratio": 0.2 for side in ("up", "down", "left", "right")}},
        ["image"],
    ),
    "ai_multi_shot": ({"element_frontal_image": PIC}, VIEWS),
    "virtual_try_on": ({"human_image": PIC, "cloth_image": PIC}, ["image"]),
    "create_voice": ({"voice_name": "Ann", "voice_url": SOUND}, ["audio"]),
    "create_element": (
        {"element_name": "Ann", "element_description": "A woman", "frontal_image": PIC, "refer_images": [PIC]},
        [],
    ),
}


@pytest.mark.parametrize("tool", FAMILIES)
@pytest.mark.parametrize("name", CREDENTIALS)
async def test_a_family_is_ordered_found_by_either_id_and_read(tool: str, name: str) -> None:
    arguments, expected = FAMILIES[tool]
    kling = side()
    provider = kling.provider(CREDENTIALS[name]())
    request = provider.prepare(GENERATIONS[tool].parse(arguments))
    accepted = await provider.submit(request, "km1-A")
    kling.clock.advance(1200)

    known = TaskRef(request.wire, request.path, "km1-A", accepted.task_id)
    done = (await provider.look_up([known]))["km1-A"]
    assert (done.status, done.task_id) == ("succeeded", accepted.task_id)
    assert [f"{output.kind} {output.label}".strip() for output in done.outputs] == expected
    assert done.units is not None
    if tool.startswith("create_"):
        shelf = tool.removeprefix("create_")
        assert done.facts[f"{shelf}_name"] == "Ann"
        assert done.facts[f"{shelf}_id"].isdigit()

    by_ours = (await provider.look_up([TaskRef(request.wire, request.path, "km1-A")]))["km1-A"]
    assert by_ours == done or (request.nameless and not by_ours.fresh)
