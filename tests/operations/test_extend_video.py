"""extend_video: which of the two ways a clip is continued, what that costs, and what it rules out."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from kling_mcp.errors import InvalidRequest
from kling_mcp.operations.base import Done, Ending, Step
from kling_mcp.operations.extend import ExtendVideo, NativeExtend
from kling_mcp.operations.sources import Source, SourceFacts
from kling_mcp.operations.video import GenerateVideo

CLIP = "kling://media/km1-01JCZ8Q5W6X7Y8Z9ABCDEFGHJK_1"
THIRD_PARTY = "The prices of extensions are from a third party's copy of the vendor's table, unconfirmed."
V16 = {"model_name": "kling-v1-6", "kling_id": "7432", "tool": "generate_video"}
V1 = {**V16, "model_name": "kling-v1"}
V3 = {"model_name": "kling-v3", "kling_id": "8", "tool": "generate_video"}
CONTINUED = "Continued from the last frame: delivered are the new clip and both clips joined."


def looked_up(facts: dict[str, Any], arguments: dict[str, Any] | None = None) -> ExtendVideo:
    asked = {"prompt": "The puppy runs out of frame"} if arguments is None else arguments
    request = ExtendVideo.parse({"video_id": CLIP, **asked})
    return request.resolved({"video_id": Source.of("https://kling.example/v.mp4", SourceFacts(CLIP, "video", **facts))})


def first_step(request: ExtendVideo) -> Step:
    step = request.next_step({})
    assert isinstance(step, Step)
    assert step.name == "clip"
    return step


def ending(request: ExtendVideo) -> Ending:
    end = request.next_step({"clip": Done(("kling://media/km1-01JCZ8Q5W6X7Y8Z9ABCDEFGHJK-clip_1",), {})})
    assert isinstance(end, Ending)
    return end


def test_a_clip_of_an_old_model_is_extended_by_kling_itself() -> None:
    """video.md A7, with the id that Kling knows the clip by."""
    request = looked_up(V16)
    assert request.model == "kling-v1-6"
    step = first_step(request).request
    assert isinstance(step, NativeExtend)
    assert list(step.references()) == ["video_id"]
    known = step.resolved({"video_id": request.video_id})
    assert (known.path, known.body()) == (
        "/v1/videos/video-extend",
        {"video_id": "7432", "prompt": "The puppy runs out of frame"},
    )
    assert known.model == "kling-v1-6"
    assert known.quote().units == Decimal(2)
    assert ending(request) == Ending(
        "clip", notes=("Kling extended the clip itself, by 4 to 5 s. It costs 2 units by the price list.",)
    )


def test_an_id_of_klings_is_sent_as_it_stands() -> None:
    """video.md A7: the contract's example."""
    example = {"video_id": "743211632612511839", "prompt": "The puppy runs out of frame"}
    request = ExtendVideo.parse(example)
    assert first_step(request).request.body() == example
    assert request.model is None
    quote = request.quote()
    assert quote.units is None
    assert quote.basis.startswith("1 to 3.5 units for an extension of 4 to 5 s")
    assert "It does that only for clips of its models 1.0, 1.5 and 1.6; a refusal is free." in quote.notes[0]
    assert ending(request).after is None


def test_a_clip_of_a_current_model_goes_on_from_its_last_frame() -> None:
    request = looked_up({**V3, "mode": "pro", "sound": True}, {"prompt": "She turns", "duration": 7, "watermark": True})
    step = first_step(request).request
    assert isinstance(step, GenerateVideo)
    assert list(step.references()) == ["image"]
    assert (step.path, step.body()) == (
        "/v1/videos/image2video",
        {
            "model_name": "kling-v3",
            "prompt": "She turns",
            "image": f"{CLIP}#last",
            "duration": "7",
            "mode": "pro",
            "sound": "on",
            "watermark_info": {"enabled": True},
        },
    )
    quote = request.quote()
    assert quote.units == Decimal("8.4")
    (why,) = quote.notes
    assert why == (
        "Kling itself extends only clips of its models 1.0 to 1.6 younger than 30 days, so one of kling-v3 goes on "
        "from its last frame in a new clip (kling-v3, pro, 7 s)."
    )
    assert ending(request) == Ending("clip", after=CLIP, notes=(f"{CONTINUED} It costs 8.4 units by the price list.",))


def test_the_same_step_is_named_whenever_it_is_asked_for() -> None:
    for request in (looked_up(V16), looked_up(V3)):
        assert request.next_step({}) == request.next_step({})


# what is known of the clip; then the way, the model that goes on, its mode and its sound
BRANCHES: list[tuple[dict[str, Any], str, str | None, str | None, str | None]] = [
    (V16, "native", "kling-v1-6", None, None),
    ({**V16, "model_name": "kling-v1-5"}, "native", "kling-v1-5", None, None),
    (V1, "native", "kling-v1", None, None),
    ({**V16, "tool": "extend_video"}, "native", "kling-v1-6", None, None),
    ({**V16, "tool": "native_extend"}, "native", "kling-v1-6", None, None),
    ({**V16, "tool": None}, "native", "kling-v1-6", None, None),
    # Older than 30 days, or of another account: Kling's id of it is of no use. Its model is retired too.
    ({**V16, "kling_id": None}, "continuation", "kling-v3", "std", "off"),
    # Kling extends what came from text, from an image or from extending, nothing else.
    ({**V16, "tool": "multi_image_to_video"}, "continuation", "kling-v3", "std", "off"),
    ({**V16, "tool": "lip_sync"}, "continuation", "kling-v3", "std", "off"),
    (V3, "continuation", "kling-v3", "std", "off"),
    ({**V3, "mode": "4k", "sound": True}, "continuation", "kling-v3", "4k", "on"),
    ({**V3, "tool": "extend_video", "width": 1080, "height": 1920}, "continuation", "kling-v3", "pro", "off"),
    ({**V3, "tool": "extend_video", "width": 2880, "height": 2880}, "continuation", "kling-v3", "4k", "off"),
    ({**V3, "tool": "extend_video", "width": 960, "height": 960}, "continuation", "kling-v3", "std", "off"),
    ({**V3, "tool": "motion_control", "mode": "pro"}, "continuation", "kling-v3", "pro", "off"),
    ({"model_name": "kling-v2-6", "mode": "pro", "sound": True}, "continuation", "kling-v2-6", "pro", "on"),
    ({"model_name": "kling-v2-6", "sound": True}, "continuation", "kling-v2-6", "std", None),
    ({"model_name": "kling-v2-5-turbo", "mode": "pro"}, "continuation", "kling-v2-5-turbo", "pro", None),
    ({"model_name": "kling-3.0-turbo", "sound": True}, "continuation", "kling-3.0-turbo", "std", None),
    ({"model_name": "kling-v2-1", "mode": "pro"}, "continuation", "kling-v3", "pro", "off"),
    ({"model_name": "kling-v3-omni", "tool": "generate_omni_video"}, "continuation", "kling-v3", "pro", "off"),
    ({"model_name": "kling-v3-omni", "sound": True, "mode": "4k"}, "continuation", "kling-v3", "4k", "on"),
    ({"model_name": "kling-video-o1", "mode": "std"}, "continuation", "kling-v3", "std", "off"),
    ({}, "continuation", "kling-v3", "std", "off"),
]


@pytest.mark.parametrize(("facts", "way", "model", "mode", "sound"), BRANCHES)
def test_the_way_hangs_on_what_made_the_clip(
    facts: dict[str, Any], way: str, model: str | None, mode: str | None, sound: str | None
) -> None:
    request = looked_up(facts)
    step = first_step(request).request
    assert (request.way, request.model) == (way, model)
    assert step.path == ("/v1/videos/video-extend" if way == "native" else "/v1/videos/image2video")
    body = step.body()
    assert (body.get("mode"), body.get("sound")) == (mode, sound)
    assert ending(request).after == (CLIP if way == "continuation" else None)
    assert (
        ending(request).notes[0].startswith("Kling extended the clip itself" if way == "native" else "Continued from")
    )


# model, mode, units: video.md E, "extend"
EXTENSIONS = [
    ("kling-v1", "std", "1"),
    ("kling-v1", "pro", "3.5"),
    ("kling-v1-5", "std", "2"),
    ("kling-v1-5", "pro", "3.5"),
    ("kling-v1-6", "std", "2"),
    ("kling-v1-6", "pro", "3.5"),
]


@pytest.mark.parametrize(("model", "mode", "units"), EXTENSIONS)
def test_every_price_of_an_extension_is_the_contracts(model: str, mode: str, units: str) -> None:
    quote = looked_up({**V16, "model_name": model, "mode": mode}).quote()
    assert (quote.units, quote.package) == (Decimal(units), "video")
    assert quote.basis == f"one extension of 4 to 5 s ({model}, {mode})"
    assert quote.notes[-1] == THIRD_PARTY


def test_where_neither_arguments_nor_size_tell_the_mode_the_price_is_not_known() -> None:
    quote = looked_up({**V1, "tool": "extend_video", "width": 720, "height": 1280}).quote()
    assert quote.units is None
    assert quote.basis.startswith("1 to 3.5 units")


def test_before_the_clip_is_looked_up_both_prices_are_named() -> None:
    quote = ExtendVideo.parse({"video_id": CLIP, "duration": 7}).quote()
    assert (quote.units, quote.notes) == (None, ())
    assert "1 to 3.5 units where Kling extends it itself" in quote.basis
    assert "7 s of generate_video" in quote.basis


# what is known of the clip, what is asked, the field at fault, how its sentence begins
REFUSED: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    (V16, {"duration": 5}, "duration", "'duration' has no effect here: Kling extends this clip itself, by 4 to 5 s."),
    (V1, {"negative_prompt": "rain"}, "negative_prompt", "'negative_prompt' is given, but Kling takes none to extend"),
    (V1, {"cfg_scale": 0.5}, "cfg_scale", "'cfg_scale' is given, but Kling takes none to extend a clip of kling-v1."),
    (
        {**V16, "duration_s": 176.0},
        {},
        "video_id",
        "'video_id' is a clip of 176 s, and Kling extends to 180 s at most.",
    ),
    (V3, {}, "prompt", "'prompt' is missing"),
    (V3, {"prompt": "x", "duration": 16}, "duration", "'duration' is 16, but clips of kling-v3 last 3 to 15 s."),
    (
        {"model_name": "kling-v2-5-turbo"},
        {"prompt": "x", "duration": 7},
        "duration",
        "'duration' is 7, but clips of kling-v2-5-turbo last 5 or 10 s.",
    ),
    (
        {"model_name": "kling-3.0-turbo"},
        {"prompt": "x", "negative_prompt": "rain"},
        "negative_prompt",
        "'negative_prompt' ('rain') is given, but kling-3.0-turbo takes none.",
    ),
]


@pytest.mark.parametrize(("facts", "arguments", "field", "sentence"), REFUSED)
def test_what_the_way_rules_out_is_refused_before_anything_is_paid(
    facts: dict[str, Any], arguments: dict[str, Any], field: str, sentence: str
) -> None:
    ExtendVideo.parse({"video_id": CLIP, **arguments})  # nothing is known yet
    with pytest.raises(InvalidRequest) as caught:
        looked_up(facts, arguments)
    (problem,) = caught.value.problems
    assert (problem.field, problem.sentence[: len(sentence)]) == (field, sentence)


def test_what_one_model_cannot_do_another_can_from_the_same_frame() -> None:
    with pytest.raises(InvalidRequest, match=f"give generate_video its last frame \\({CLIP}#last\\) as image"):
        looked_up({"model_name": "kling-v2-5-turbo"}, {"prompt": "x", "duration": 7})


@pytest.mark.parametrize(
    ("arguments", "field", "sentence"),
    [
        ({"prompt": "x"}, "video_id", "'video_id' is required"),
        ({"video_id": "", "prompt": "x"}, "video_id", "'video_id' is required"),
        ({"video_id": "https://cdn.example/v.mp4"}, "video_id", "'video_id' is an address, but must be a Kling video"),
        ({"video_id": f"{CLIP}#last"}, "video_id", "'video_id' asks for a last frame"),
        ({"video_id": "7", "duration": 5}, "duration", "'duration' has no effect here"),
        ({"video_id": "7", "cfg_scale": 2}, "cfg_scale", "'cfg_scale' should be less than or equal to 1"),
        ({"video_id": "7", "prompt": "x" * 2501}, "prompt", "'prompt' string should have at most 2500"),
        ({"video_id": "7", "model_name": "kling-v3"}, "model_name", "'model_name' is not an argument of extend_video"),
    ],
)
def test_bad_arguments_are_refused_by_name(arguments: dict[str, Any], field: str, sentence: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        ExtendVideo.parse(arguments)
    assert [(p.field, p.sentence[: len(sentence)]) for p in caught.value.problems] == [(field, sentence)]


def test_old_clips_take_what_newer_old_models_can_be_steered_with() -> None:
    step = first_step(looked_up(V16, {"negative_prompt": "rain", "cfg_scale": 0.25})).request
    body = step.body()
    assert (body["negative_prompt"], body["cfg_scale"]) == ("rain", 0.25)


def test_everything_about_the_tool_fits_its_share_of_the_list() -> None:
    schema = json.dumps(ExtendVideo.input_schema(), separators=(",", ":"), ensure_ascii=False)
    assert len((schema + " ".join((ExtendVideo.__doc__ or "").split())).encode()) <= 750
