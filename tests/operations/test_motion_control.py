"""motion_control: what Kling is sent, what it costs, and what is refused before anything is paid."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from kling_mcp.errors import InvalidRequest
from kling_mcp.operations.motion import MotionControl
from kling_mcp.operations.sources import Source, SourceFacts

A, V = "https://cdn.example/p.png", "https://cdn.example/dance.mp4"
CLIP = "kling://media/km1-01JCZ8Q5W6X7Y8Z9ABCDEFGHJK_1"
GIVEN = {"image_url": A, "video_url": V, "character_orientation": "video"}


def found(facts: dict[str, Any]) -> dict[str, Source]:
    return {"video_url": Source.of("https://kling.example/v.mp4", SourceFacts(CLIP, "video", **facts))}


def test_the_contracts_example_is_sent_as_it_stands() -> None:
    """video.md A5."""
    example: dict[str, Any] = {
        "model_name": "kling-v3",
        "image_url": "https://cdn.example/p.png",
        "video_url": "https://cdn.example/dance.mp4",
        "character_orientation": "video",
        "mode": "std",
        "element_list": [{"element_id": 829836802793406551}],
    }
    request = MotionControl.parse({**example, "element_list": ["829836802793406551"]})
    assert (request.path, request.body()) == ("/v1/videos/motion-control", example)


def test_the_mode_that_kling_demands_and_the_model_are_always_written_out() -> None:
    request = MotionControl.parse({**GIVEN, "keep_original_sound": False, "prompt": "at night", "watermark": True})
    assert request.body() == {
        "model_name": "kling-v3",
        **GIVEN,
        "mode": "std",
        "keep_original_sound": "no",
        "prompt": "at night",
        "watermark_info": {"enabled": True},
    }
    assert request.model == "kling-v3"


# model, mode, seconds of the video, units: video.md E, "motion", rounded seconds
PRICES = [
    ("kling-v3", "std", 5.0, "4.5"),
    ("kling-v3", "pro", 5.04, "6"),
    ("kling-v3", "pro", 29.6, "36"),
    ("kling-v2-6", "std", 10.0, "5"),
    ("kling-v2-6", "pro", 3.4, "2.4"),
]


@pytest.mark.parametrize(("model", "mode", "length", "units"), PRICES)
def test_a_video_of_known_length_has_a_price_it_will_not_exceed(
    model: str, mode: str, length: float, units: str
) -> None:
    request = MotionControl.parse({**GIVEN, "video_url": CLIP, "model_name": model, "mode": mode})
    assert request.quote().units is None
    quote = request.resolved(found({"duration_s": length})).quote()
    assert quote.units == Decimal(units)
    assert quote.notes[0].startswith("This is the most it costs")


def test_without_the_length_the_rate_and_the_range_are_told() -> None:
    quote = MotionControl.parse({**GIVEN, "character_orientation": "image"}).quote()
    assert (quote.units, quote.package) == (None, "video")
    assert quote.basis == (
        "0.9 units for each second of the result, rounded: 2.7 to 9.0 units for 3 to 10 s (kling-v3, std, motion)"
    )


# what is changed, the field at fault, how its sentence begins
REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"image_url": ""}, "image_url", "'image_url' is required"),
    ({"video_url": None}, "video_url", "'video_url' is required"),
    ({"character_orientation": None}, "character_orientation", "'character_orientation' is required"),
    (
        {"character_orientation": "left"},
        "character_orientation",
        "'character_orientation' should be 'image' or 'video'",
    ),
    ({"mode": "4k"}, "mode", "'mode' should be 'std' or 'pro'"),
    ({"video_url": "data:video/mp4;base64,AAAA"}, "video_url", "'video_url' must be an http(s) URL"),
    ({"prompt": "x" * 2501}, "prompt", "'prompt' string should have at most 2500"),
    ({"prompt": "<<<element_1>>>"}, "prompt", "'prompt' cites an element, but there is no element_list"),
    ({"element_list": [1, 2]}, "element_list", "'element_list' has 2 entries; kling-v3 takes at most 1."),
    (
        {"element_list": [1], "model_name": "kling-2.6"},
        "element_list",
        "'element_list' has 1 entries; kling-v2-6 takes at most 0. kling-v3 takes one.",
    ),
    (
        {"element_list": [1], "character_orientation": "image"},
        "character_orientation",
        "'character_orientation' is 'image', but with an element",
    ),
    ({"model_name": "kling-v2-5-turbo"}, "model_name", "'model_name' is 'kling-v2-5-turbo', which motion_control does"),
    ({"keep_original_sound": "maybe"}, "keep_original_sound", "'keep_original_sound' should be 'yes' or 'no'"),
    ({"duration": 5}, "duration", "'duration' is not an argument of motion_control"),
    ({"aspect_ratio": "1:1"}, "aspect_ratio", "'aspect_ratio' is not an argument of motion_control"),
]


@pytest.mark.parametrize(("changed", "field", "sentence"), REFUSED)
def test_what_the_contract_rules_out_is_refused_by_name(changed: dict[str, Any], field: str, sentence: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        MotionControl.parse({**GIVEN, **changed})
    (problem,) = caught.value.problems
    assert (problem.field, problem.sentence[: len(sentence)]) == (field, sentence)


# how the character faces, what is known of the video, how the refusal reads (None: it passes)
KNOWN: list[tuple[str, dict[str, Any], str | None]] = [
    ("image", {"duration_s": 10.1}, None),
    ("image", {"duration_s": 12.0}, "lasts 12 s, but Kling takes videos of 3 to 10 s"),
    ("video", {"duration_s": 12.0}, None),
    ("video", {"duration_s": 31.0}, "3 to 30 s"),
    ("video", {"duration_s": 2.5}, "lasts 2.5 s"),
    ("video", {"width": 339, "height": 600}, "sides of 340 to 3850 px"),
    ("video", {"width": 340, "height": 3850}, None),
]


@pytest.mark.parametrize(("facing", "facts", "words"), KNOWN)
def test_a_video_of_ours_is_measured_once_it_is_looked_up(
    facing: str, facts: dict[str, Any], words: str | None
) -> None:
    request = MotionControl.parse({**GIVEN, "video_url": CLIP, "character_orientation": facing})
    if words is None:
        assert request.resolved(found(facts)).body()["video_url"] == "https://kling.example/v.mp4"
        return
    with pytest.raises(InvalidRequest) as caught:
        request.resolved(found(facts))
    (problem,) = caught.value.problems
    assert problem.field == "video_url"
    assert words in problem.sentence
