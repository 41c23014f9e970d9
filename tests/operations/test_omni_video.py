"""generate_omni_video: what Kling is sent, what it costs, and what is refused before anything is paid."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from kling_mcp.errors import InvalidRequest
from kling_mcp.operations.omni_video import GenerateOmniVideo
from kling_mcp.operations.sources import Source, SourceFacts

A, B, V = "https://cdn.example/a.png", "https://cdn.example/b.png", "https://cdn.example/v.mp4"
JOB = "km1-01JCZ8Q5W6X7Y8Z9ABCDEFGHJK"
CLIP = f"kling://media/{JOB}_1"
FIRST, END = {"image_url": A, "type": "first_frame"}, {"image_url": B, "type": "end_frame"}
BASE, FEATURE = {"video_url": V, "refer_type": "base"}, {"video_url": V, "refer_type": "feature"}
O1 = {"model_name": "kling-video-o1"}
SHOTS = [{"index": 1, "prompt": "a", "duration": 2}, {"index": 2, "prompt": "b", "duration": 3}]
CUSTOM = {"multi_shot": True, "shot_type": "customize", "multi_prompt": SHOTS}
BY_KLING = {"multi_shot": True, "shot_type": "intelligence"}


def problems(arguments: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequest) as caught:
        GenerateOmniVideo.parse(arguments)
    return [(problem.field, problem.sentence) for problem in caught.value.problems]


def source(facts: dict[str, Any]) -> Source:
    return Source.of("https://kling.example/v.mp4", SourceFacts(CLIP, "video", **facts))


def test_a_sentence_is_enough() -> None:
    request = GenerateOmniVideo.parse({"prompt": "A red kite over dunes"})
    assert request.path == "/v1/videos/omni-video"
    assert request.model == "kling-v3-omni"
    assert request.body() == {
        "model_name": "kling-v3-omni",
        "prompt": "A red kite over dunes",
        "mode": "pro",
        "sound": "off",
        "aspect_ratio": "16:9",
        "duration": "5",
    }
    quote = request.quote()
    assert (quote.units, quote.package, quote.basis) == (
        Decimal(4),
        "video",
        "5 s x 0.8 units (kling-v3-omni, pro, silent)",
    )
    assert quote.notes == ("aspect_ratio was not given: 16:9 is sent.",)


def test_the_contracts_example_is_sent_as_it_stands() -> None:
    """video.md A3."""
    example: dict[str, Any] = {
        "model_name": "kling-video-o1",
        "prompt": "Give the rider in <<<video_1>>> the helmet of <<<image_1>>>",
        "image_list": [{"image_url": "https://cdn.example/helmet.png"}],
        "video_list": [
            {"video_url": "https://cdn.example/ride.mp4", "refer_type": "base", "keep_original_sound": "yes"}
        ],
        "mode": "pro",
    }
    assert GenerateOmniVideo.parse(example).body() == example


# arguments, and the body as video.md A3 describes it
BODIES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (  # elements keep all their digits; blanks in citations go; numbers and true may be text
        {
            "prompt": "<<< element_1 >>> waves at <<<image_1>>>",
            "image_list": f'["{A}"]',
            "element_list": ["829836802793406551"],
            "sound": "true",
            "duration": "7",
            "aspect_ratio": "9:16",
            "mode": "std",
            "watermark": True,
        },
        {
            "model_name": "kling-v3-omni",
            "prompt": "<<<element_1>>> waves at <<<image_1>>>",
            "image_list": [{"image_url": A}],
            "element_list": [{"element_id": 829836802793406551}],
            "sound": "on",
            "duration": "7",
            "aspect_ratio": "9:16",
            "mode": "std",
            "watermark_info": {"enabled": True},
        },
    ),
    (  # frames: the picture decides the shape
        {"prompt": "x", "image_list": [FIRST, END]},
        {
            "model_name": "kling-v3-omni",
            "prompt": "x",
            "image_list": [
                {"image_url": A, "type": "first_frame"},
                {"image_url": B, "type": "end_frame"},
            ],
            "sound": "off",
            "duration": "5",
            "mode": "pro",
        },
    ),
    (  # shots of one's own: the prompt is not read
        {"prompt": "never read", "duration": 5, "aspect_ratio": "1:1", **CUSTOM},
        {
            "model_name": "kling-v3-omni",
            "multi_shot": True,
            "shot_type": "customize",
            "multi_prompt": [
                {"index": 1, "prompt": "a", "duration": "2"},
                {"index": 2, "prompt": "b", "duration": "3"},
            ],
            "sound": "off",
            "duration": "5",
            "mode": "pro",
            "aspect_ratio": "1:1",
        },
    ),
    (  # shots cut by Kling, beside a feature video (allowed since 2026-06-17); the shape is needed
        {"prompt": "like <<<video_1>>>", "video_list": [FEATURE], **BY_KLING, "duration": 15, "mode": "4k"},
        {
            "model_name": "kling-v3-omni",
            "prompt": "like <<<video_1>>>",
            "multi_shot": True,
            "shot_type": "intelligence",
            "video_list": [{"video_url": V, "refer_type": "feature"}],
            "sound": "off",
            "duration": "15",
            "mode": "4k",
            "aspect_ratio": "16:9",
        },
    ),
    (  # a video alone is edited; O1 has no sound to speak of
        {"prompt": "make it night in <<<video_1>>>", "video_list": V, "model_name": "kling-o1"},
        {
            "model_name": "kling-video-o1",
            "prompt": "make it night in <<<video_1>>>",
            "video_list": [{"video_url": V, "refer_type": "base"}],
            "mode": "pro",
        },
    ),
]


@pytest.mark.parametrize(("arguments", "body"), BODIES)
def test_what_is_sent_is_what_the_contract_describes(arguments: dict[str, Any], body: dict[str, Any]) -> None:
    assert GenerateOmniVideo.parse(arguments).body() == body


# model, mode, what makes the track, seconds, units: video.md E, "3.0 Omni" and "O1"
PRICES: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("kling-v3-omni", "std", {}, 5, "3"),
    ("kling-v3-omni", "pro", {}, 7, "5.6"),
    ("kling-v3-omni", "4k", {}, 3, "9"),
    ("kling-v3-omni", "std", {"sound": "on"}, 5, "4"),
    ("kling-v3-omni", "pro", {"sound": "on"}, 5, "5"),
    ("kling-v3-omni", "4k", {"sound": "on"}, 5, "15"),
    ("kling-v3-omni", "std", {"video_list": [FEATURE]}, 5, "4.5"),
    ("kling-v3-omni", "pro", {"video_list": [FEATURE]}, 15, "18"),
    ("kling-v3-omni", "4k", {"video_list": [FEATURE]}, 4, "12"),
    ("kling-video-o1", "std", {}, 5, "3"),
    ("kling-video-o1", "pro", {}, 10, "8"),
    ("kling-video-o1", "std", {"video_list": [FEATURE]}, 3, "2.7"),
    ("kling-video-o1", "pro", {"video_list": [FEATURE]}, 6, "7.2"),
]


@pytest.mark.parametrize(("model", "mode", "added", "seconds", "units"), PRICES)
def test_every_price_is_the_contracts(model: str, mode: str, added: dict[str, Any], seconds: int, units: str) -> None:
    asked = {"prompt": "x", "model_name": model, "mode": mode, "duration": seconds, **added}
    assert GenerateOmniVideo.parse(asked).quote().units == Decimal(units)


@pytest.mark.parametrize(("length", "billed"), [(3.04, 3), (5.041, 5), (7.5, 8), (9.6, 10)])
def test_editing_costs_the_rounded_seconds_of_the_video_once_they_are_known(length: float, billed: int) -> None:
    request = GenerateOmniVideo.parse({"prompt": "<<<video_1>>>", "video_list": CLIP})
    before = request.quote()
    assert before.units is None
    assert before.basis == (
        "1.2 units for each second of the video that is edited, rounded (kling-v3-omni, pro, with a video)"
    )
    known = request.resolved({"video_list[0].video_url": source({"duration_s": length})})
    assert known.quote().units == billed * Decimal("1.2")
    assert known.body()["video_list"] == [{"video_url": "https://kling.example/v.mp4", "refer_type": "base"}]
    assert "duration" not in known.body()


@pytest.mark.parametrize(
    ("facts", "beyond"),
    [
        ({"duration_s": 15.04, "width": 1920, "height": 1080}, False),
        ({"duration_s": 15.4, "width": 1920, "height": 1080}, True),
        ({"duration_s": 5.04, "width": 3840, "height": 2160}, True),
        ({}, False),
    ],
)
def test_a_video_beyond_the_older_pages_prefers_the_newer_wire_and_says_so(facts: dict[str, Any], beyond: bool) -> None:
    request = GenerateOmniVideo.parse({"prompt": "<<<video_1>>>", "video_list": CLIP})
    known = request.resolved({"video_list[0].video_url": source(facts)})
    said = [note for note in known.quote().notes if "older API" in note]
    assert (request.prefers_newer, known.prefers_newer, len(said)) == (False, beyond, int(beyond))


ACCEPTED: list[dict[str, Any]] = [
    {"image_list": [A] * 7},
    {"image_list": [A] * 4, "element_list": [1, 2, 3]},
    {"element_list": [1, 2, 3, 4, 5, 6, 7]},
    {"image_list": [FIRST], "element_list": [1, 2, 3]},
    {"image_list": [FIRST, END], "element_list": [1, 2, 3]},
    {"image_list": [FIRST, END, *[A] * 7]},
    {"image_list": [A] * 4, "video_list": [BASE]},
    {"image_list": [A], "element_list": [1, 2, 3], "video_list": [FEATURE]},
    {"image_list": [FIRST], "video_list": [FEATURE]},
    {"image_list": [FIRST, END], "video_list": [FEATURE]},
    {"image_list": [FIRST], **O1, "video_list": [FEATURE]},
    {"image_list": [FIRST, A, B], **O1},
    {"image_list": [FIRST, END], **O1},
    {"image_list": [FIRST, END], **CUSTOM},
    {"image_list": [A], "video_list": [BASE], "sound": "off"},
    {"duration": 15, "mode": "4k", "sound": "on"},
    {"duration": 7, **O1},
    {"prompt": "x" * 3072},
    {"prompt": "x" * 3072, "video_list": [{**BASE, "keep_original_sound": "yes"}]},
    {"prompt": "x" * 2500, **O1},
    {"prompt": None, **CUSTOM},
    {"prompt": "<<<image_2>>> <<<element_1>>> <<<video_1>>>", "image_list": [A, B], "element_list": [1]}
    | {"video_list": [BASE]},
]


@pytest.mark.parametrize("added", ACCEPTED)
def test_what_the_contract_allows_passes(added: dict[str, Any]) -> None:
    GenerateOmniVideo.parse({"prompt": "x", **added})


# what is added to a sound prompt, the field at fault, how its sentence begins
REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"prompt": ""}, "prompt", "'prompt' is missing"),
    ({"prompt": None, **BY_KLING}, "prompt", "'prompt' is missing"),
    ({"multi_shot": True}, "shot_type", "'shot_type' is missing"),
    ({**CUSTOM, "duration": 6}, "multi_prompt", "The shots in 'multi_prompt' add up to 5 s, but 'duration' is 6 s"),
    ({**CUSTOM, "multi_prompt": [SHOTS[1]]}, "multi_prompt", "'multi_prompt' has the indexes 2; they must be 1 to 1"),
    ({"image_list": [END]}, "image_list", "'image_list' has an end_frame without a first_frame"),
    (
        {**O1, "image_list": [FIRST], "duration": 7},
        "duration",
        "'duration' is 7, but with a first frame alone, clips of kling-video-o1 last 5 or 10 s. kling-v3-omni can.",
    ),
    ({"image_list": [FIRST, FIRST]}, "image_list", "'image_list' has 2 pictures of type first_frame; only one may"),
    ({"image_list": [FIRST], "video_list": [BASE]}, "image_list", "'image_list' has a first_frame, but a video that"),
    (
        {"image_list": [A] * 8},
        "image_list",
        "'image_list': there are 8 reference pictures and 0 elements; Kling takes at most 7",
    ),
    (
        {"image_list": [A] * 4, "element_list": [1, 2, 3, 4]},
        "image_list",
        "'image_list': there are 4 reference pictures and 4",
    ),
    ({"element_list": list(range(8))}, "element_list", "'element_list': there are 0 reference pictures and 8 elements"),
    (
        {"image_list": [A] * 5, "video_list": [BASE]},
        "image_list",
        "'image_list': there are 5 reference pictures and 0 elements; Kling takes at most 4 in all beside a video",
    ),
    (
        {"image_list": [FIRST], "element_list": [1, 2, 3, 4]},
        "element_list",
        "'element_list' has 4 entries; beside a first_frame Kling takes at most 3",
    ),
    ({"sound": "on", "video_list": [BASE]}, "sound", "'sound' is 'on', but with 'video_list' it must be off. To keep"),
    ({"sound": "on", "video_list": [FEATURE]}, "sound", "'sound' is 'on', but with 'video_list' it must be off."),
    ({"duration": 5, "video_list": [BASE]}, "duration", "'duration' has no effect when a video is edited"),
    ({**BY_KLING, "video_list": [BASE]}, "multi_shot", "'multi_shot' is true, but a video that is edited keeps"),
    ({**CUSTOM, "video_list": [FEATURE]}, "shot_type", "'shot_type' is 'customize', but with a feature video only"),
    ({"video_list": [BASE, FEATURE]}, "video_list", "'video_list' list should have at most 1 item"),
    ({"video_list": [{"refer_type": "base"}]}, "video_list[0].video_url", "'video_list[0].video_url' is required"),
    ({"video_list": [{**BASE, "refer_type": "x"}]}, "video_list[0].refer_type", "'video_list[0].refer_type' should"),
    ({"video_list": ["AAAA"]}, "video_list[0].video_url", "'video_list[0].video_url' must be an http(s) URL of an mp4"),
    ({"image_list": [{"image_url": A, "type": "last"}]}, "image_list[0].type", "'image_list[0].type' should be"),
    ({"image_list": [{"url": A}]}, "image_list[0].url", "'image_list[0].url' is not a known key"),
    ({"duration": 2}, "duration", "'duration' is 2, but clips of kling-v3-omni last 3 to 15 s."),
    ({"duration": 16}, "duration", "'duration' is 16, but clips of kling-v3-omni last 3 to 15 s."),
    ({"prompt": "x" * 3073}, "prompt", "'prompt' has 3073 characters; kling-v3-omni takes at most 3072. Shorten it."),
    (
        {"prompt": "x" * 2501, "video_list": [{**FEATURE, "keep_original_sound": True}]},
        "prompt",
        "'prompt' has 2501 characters; more than 2500 go only over Kling's new API",
    ),
    ({"prompt": "<<<image_1>>>"}, "prompt", "'prompt' cites <<<image_1>>>, but 'image_list' has 0 entries"),
    ({"prompt": "<<<image_0>>>", "image_list": [A]}, "prompt", "'prompt' cites <<<image_0>>>"),
    ({"prompt": "<<<element_2>>>", "element_list": [1]}, "prompt", "'prompt' cites <<<element_2>>>"),
    ({"prompt": "<<<video_1>>>"}, "prompt", "'prompt' cites <<<video_1>>>, but 'video_list' has 0 entries"),
    ({"prompt": "<<<voice_1>>>"}, "prompt", "'prompt' cites <<<voice_1>>>, but voices come with elements here"),
    (
        {**CUSTOM, "multi_prompt": [{"index": 1, "prompt": "<<<image_1>>>", "duration": 5}]},
        "multi_prompt",
        "'multi_prompt' cites <<<image_1>>>",
    ),
    (
        {"model_name": "kling-v3"},
        "model_name",
        "'model_name' is 'kling-v3', which generate_omni_video does not know. Use",
    ),
    ({"model_name": "kling-v4-omni"}, "model_name", "'model_name' is 'kling-v4-omni', which generate_omni_video does"),
    ({"negative_prompt": "x"}, "negative_prompt", "'negative_prompt' is not an argument of generate_omni_video"),
    ({"duration": True}, "duration", "'duration' must be a number"),
    # --- what only kling-video-o1 refuses
    ({**O1, "mode": "4k"}, "mode", "'mode' is '4k', but kling-video-o1 has std or pro. kling-v3-omni can."),
    ({**O1, "duration": 11}, "duration", "'duration' is 11, but clips of kling-video-o1 last 3 to 10 s. kling-v3-omni"),
    ({**O1, "sound": "on"}, "sound", "'sound' is 'on', but kling-video-o1 makes silent clips. kling-v3-omni can."),
    (
        {**O1, **BY_KLING},
        "multi_shot",
        "'multi_shot' is true, but kling-video-o1 makes one shot only. kling-v3-omni can",
    ),
    (
        {**O1, "image_list": [FIRST, END, A]},
        "image_list",
        "'image_list' has plain references too, but with a first and",
    ),
    (
        {**O1, "image_list": [FIRST, END], "element_list": [1]},
        "element_list",
        "'element_list' is given, but with a first",
    ),
    ({**O1, "image_list": [FIRST, END], "video_list": [FEATURE]}, "image_list", "'image_list' has an end_frame, which"),
    (
        {**O1, "prompt": "x" * 2501},
        "prompt",
        "'prompt' has 2501 characters; kling-video-o1 takes at most 2500. Shorten",
    ),
]


@pytest.mark.parametrize(("added", "field", "sentence"), REFUSED)
def test_what_the_contract_rules_out_is_refused_by_name(added: dict[str, Any], field: str, sentence: str) -> None:
    found = problems({"prompt": "x", **added})
    assert [(name, text) for name, text in found if name == field and text.startswith(sentence)], found


def test_every_problem_is_told_at_once() -> None:
    asked = {**O1, "sound": "on", "mode": "4k", "duration": 16, "image_list": [END], "video_list": [{"video_url": 7}]}
    assert {name for name, _ in problems(asked)} == {
        "prompt",
        "sound",
        "mode",
        "duration",
        "image_list",
        "video_list[0].video_url",
    }


# model, what is known of the video, how the refusal reads (None: it passes). video.md A3, B5, B6.
KNOWN: list[tuple[str, dict[str, Any], str | None]] = [
    ("kling-v3-omni", {"duration_s": 15.1, "width": 1280, "height": 720}, None),
    ("kling-v3-omni", {"duration_s": 2.0}, "lasts 2 s, but Kling takes videos of 3 to 15.5 s"),
    ("kling-v3-omni", {"duration_s": 16.0}, "lasts 16 s"),
    ("kling-v3-omni", {"width": 1280, "height": 699}, "is 1280x699 px, but Kling takes sides of 700 to 4553 px"),
    ("kling-v3-omni", {"width": 4000, "height": 2200}, "at most 8294400 pixels"),
    ("kling-v3-omni", {"width": 3840, "height": 2160}, None),
    ("kling-v3-omni", {"width": 1800, "height": 700}, "its width must be between 0.4 and 2 times its height"),
    ("kling-v3-omni", {}, None),
    ("kling-video-o1", {"duration_s": 10.04}, None),
    ("kling-video-o1", {"duration_s": 12.0}, "lasts 12 s, but Kling takes videos of 3 to 10 s"),
    ("kling-video-o1", {"width": 2200, "height": 1080}, "sides of 700 to 2160 px"),
]


@pytest.mark.parametrize(("model", "facts", "words"), KNOWN)
def test_a_video_of_ours_is_measured_once_it_is_looked_up(model: str, facts: dict[str, Any], words: str | None) -> None:
    request = GenerateOmniVideo.parse({"prompt": "<<<video_1>>>", "model_name": model, "video_list": [JOB]})
    found = {"video_list[0].video_url": source(facts)}
    if words is None:
        request.resolved(found)
        return
    with pytest.raises(InvalidRequest) as caught:
        request.resolved(found)
    (problem,) = caught.value.problems
    assert problem.field == "video_list[0].video_url"
    assert words in problem.sentence


NOTES: list[tuple[dict[str, Any], str]] = [
    ({"image_list": [A, B], "prompt": "<<<image_2>>>"}, "The prompt never cites <<<image_1>>>: say there what"),
    ({"video_list": [BASE], "element_list": [1]}, "The prompt never cites <<<element_1>>>, <<<video_1>>>"),
    ({"image_list": [FIRST], "aspect_ratio": "1:1"}, "The first frame decides the shape"),
    ({"video_list": [BASE], "aspect_ratio": "1:1"}, "The video decides the shape"),
    ({**O1, "duration": 7}, "Without a plain reference picture kling-video-o1 may take only clips of 5 or 10 s"),
    ({**O1, "duration": 7, "image_list": [FIRST, END]}, "Without a plain reference picture kling-video-o1 may take"),
    ({"image_list": [FIRST, END], **BY_KLING}, "Kling's pages disagree whether shots go with a first_frame or end"),
    ({"image_list": [FIRST, END, *[A] * 6]}, "Kling may count frames among the 7"),
    ({"image_list": [A] * 4, "element_list": [1]}, "If an element was made from a video, Kling takes at most 4"),
    ({"element_list": [1, 2], "video_list": [BASE]}, "If an element was made from a video, Kling takes it here only"),
    ({"prompt": "never read", **CUSTOM}, "prompt is not sent: with customized shots"),
    ({"prompt": "x" * 2501}, "A prompt of more than 2500 characters goes over Kling's new API"),
    ({"video_list": [{**FEATURE, "keep_original_sound": "yes"}]}, "Kling promises to keep a video's sound only"),
]


@pytest.mark.parametrize(("added", "note"), NOTES)
def test_what_an_agent_should_know_before_it_pays_is_said(added: dict[str, Any], note: str) -> None:
    notes = GenerateOmniVideo.parse({"prompt": "x", **added}).quote().notes
    assert [each for each in notes if each.startswith(note)], notes


def test_a_request_that_cites_all_it_has_and_says_its_shape_needs_no_notes() -> None:
    asked = {"prompt": "<<<image_1>>> <<<element_1>>>", "image_list": [A], "element_list": [1], "aspect_ratio": "1:1"}
    assert GenerateOmniVideo.parse(asked).quote().notes == ()


def test_results_of_ours_may_stand_for_every_picture_and_element() -> None:
    request = GenerateOmniVideo.parse({"prompt": "x", "image_list": [f"{CLIP}#last", A], "element_list": [JOB]})
    assert {where: found.wants for where, found in request.references().items()} == {
        "image_list[0].image_url": "image",
        "element_list[0].element_id": "element",
    }
    frame = Source.of("/9j/abc", SourceFacts(CLIP, "image", width=1280, height=720))
    body = request.resolved({"image_list[0].image_url": frame, "element_list[0].element_id": 2**60 + 1}).body()
    assert body["image_list"] == [{"image_url": "/9j/abc"}, {"image_url": A}]
    assert body["element_list"] == [{"element_id": 2**60 + 1}]


def test_everything_about_the_tool_fits_its_share_of_the_list() -> None:
    schema = json.dumps(GenerateOmniVideo.input_schema(), separators=(",", ":"), ensure_ascii=False)
    assert len((schema + " ".join((GenerateOmniVideo.__doc__ or "").split())).encode()) <= 2000
