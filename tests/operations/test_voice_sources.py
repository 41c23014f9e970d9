"""create_voice: which videos of ours go by Kling's id, and which by their address. Contract: section 10.1."""

from __future__ import annotations

from typing import Any

import pytest

from kling_mcp.operations.library_voice import CreateVoice
from kling_mcp.operations.sources import Source, SourceFacts

CLIP = "kling://media/km1-01JCZ8Q5W6X7Y8Z9ABCDEFGHJK_0"
ADDRESS = "https://kling.example/v.mp4"
BY_ID, BY_ADDRESS = {"video_id": "77"}, {"voice_url": ADDRESS}


@pytest.mark.parametrize(
    ("made", "wire"),
    [
        ({"tool": "generate_video", "model_name": "kling-v2-6", "sound": True}, BY_ID),
        ({"tool": "generate_avatar"}, BY_ID),
        ({"tool": "advanced_lip_sync"}, BY_ID),
        ({"tool": "lip_sync_classic"}, BY_ID),
        ({}, BY_ID),
        ({"tool": "generate_video", "model_name": "kling-v3", "sound": True}, BY_ADDRESS),
        ({"tool": "generate_video", "model_name": "kling-3.0-turbo"}, BY_ADDRESS),
        ({"tool": "generate_omni_video", "model_name": "kling-v3-omni", "sound": True}, BY_ADDRESS),
        ({"tool": "video_to_audio"}, BY_ADDRESS),
    ],
)
@pytest.mark.parametrize("field", ["voice_url", "video_id"])
def test_only_speech_kling_knows_goes_by_its_id(field: str, made: dict[str, Any], wire: dict[str, str]) -> None:
    clip = Source.of(ADDRESS, SourceFacts(CLIP, "video", kling_id="77", duration_s=8.04, **made))
    request = CreateVoice.parse({"voice_name": "A", field: CLIP}).resolved({field: clip})
    assert request.body() == {"voice_name": "A", **wire}


def test_without_an_address_the_id_is_what_there_is() -> None:
    clip = Source.of("77", SourceFacts(CLIP, "video", kling_id="77", tool="generate_video", model_name="kling-v3"))
    assert CreateVoice.parse({"voice_name": "A", "video_id": CLIP}).resolved({"video_id": clip}).wire == BY_ID
