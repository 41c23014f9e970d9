"""The four tools of a video editing session, and multi_image_to_video: bodies, prices, refusals."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from kling_mcp.errors import InvalidRequest
from kling_mcp.operations.editing import EditVideo, MarkVideoEdit, PreviewVideoEdit, StartVideoEdit
from kling_mcp.operations.multi_image import MultiImageToVideo
from kling_mcp.operations.sources import Source, SourceFacts

if TYPE_CHECKING:
    from kling_mcp.operations.base import Generation

A, B, V = "https://cdn.example/dog.png", "https://cdn.example/hat.png", "https://cdn.example/v.mp4"
JOB = "km1-01JCZ8Q5W6X7Y8Z9ABCDEFGHJK"
CLIP = f"kling://media/{JOB}_1"
SESSION = "847570360458960960"
HERE = [{"x": 0.25, "y": 0.5}]
ELEMENTS = "/v1/videos/multi-elements"

# operation, arguments, path, body: video.md A4 and A6
SENT: list[tuple[type[Generation], dict[str, Any], str, dict[str, Any]]] = [
    (StartVideoEdit, {"video_id": "7432"}, f"{ELEMENTS}/init-selection", {"video_id": "7432"}),
    (StartVideoEdit, {"video_url": V, "video_id": ""}, f"{ELEMENTS}/init-selection", {"video_url": V}),
    (
        MarkVideoEdit,
        {"session_id": SESSION, "action": "add", "frame_index": "3", "points": '[{"x": 0.25, "y": 0.5}, [0, 1]]'},
        f"{ELEMENTS}/add-selection",
        {"session_id": SESSION, "frame_index": 3, "points": [{"x": 0.25, "y": 0.5}, {"x": 0.0, "y": 1.0}]},
    ),
    (
        MarkVideoEdit,
        {"session_id": SESSION, "action": "delete", "frame_index": 0, "points": HERE},
        f"{ELEMENTS}/delete-selection",
        {"session_id": SESSION, "frame_index": 0, "points": [{"x": 0.25, "y": 0.5}]},
    ),
    (
        MarkVideoEdit,
        {"session_id": SESSION, "action": "clear"},
        f"{ELEMENTS}/clear-selection",
        {"session_id": SESSION},
    ),
    (PreviewVideoEdit, {"session_id": SESSION}, f"{ELEMENTS}/preview-selection", {"session_id": SESSION}),
    (
        EditVideo,  # the contract's example
        {
            "session_id": SESSION,
            "edit_mode": "swap",
            "image_list": ["https://cdn.example/cat.png"],
            "prompt": "swap the cat from <<<image_1>>> for the chick from <<<video_1>>>",
            "mode": "pro",
            "duration": "5",
        },
        ELEMENTS,
        {
            "session_id": "847570360458960960",
            "edit_mode": "swap",
            "image_list": [{"image": "https://cdn.example/cat.png"}],
            "prompt": "swap the cat from <<<image_1>>> for the chick from <<<video_1>>>",
            "mode": "pro",
            "duration": "5",
        },
    ),
    (
        EditVideo,
        {"session_id": SESSION, "edit_mode": "removal", "prompt": "no cat", "negative_prompt": "fur", "duration": 10},
        ELEMENTS,
        {
            "session_id": SESSION,
            "edit_mode": "removal",
            "prompt": "no cat",
            "negative_prompt": "fur",
            "mode": "std",
            "duration": "10",
        },
    ),
    (
        MultiImageToVideo,  # the contract's example
        {"image_list": [A, {"image": B}], "prompt": "The dog wears the hat", "duration": "5", "mode": "std"},
        "/v1/videos/multi-image2video",
        {
            "image_list": [{"image": "https://cdn.example/dog.png"}, {"image": "https://cdn.example/hat.png"}],
            "prompt": "The dog wears the hat",
            "duration": "5",
            "mode": "std",
        },
    ),
    (
        MultiImageToVideo,
        {"image_list": A, "prompt": "x", "model_name": "kling-v1-6", "aspect_ratio": "9:16", "watermark": False},
        "/v1/videos/multi-image2video",
        {
            "model_name": "kling-v1-6",
            "image_list": [{"image": A}],
            "prompt": "x",
            "aspect_ratio": "9:16",
            "duration": "5",
            "mode": "std",
            "watermark_info": {"enabled": False},
        },
    ),
]


@pytest.mark.parametrize(("operation", "arguments", "path", "body"), SENT)
def test_what_is_sent_is_what_the_contract_describes(
    operation: type[Generation], arguments: dict[str, Any], path: str, body: dict[str, Any]
) -> None:
    request = operation.parse(arguments)
    assert (request.path, request.body()) == (path, body)


def test_the_steps_of_a_session_are_answered_at_once_and_under_no_name_of_ours() -> None:
    for operation in (StartVideoEdit, MarkVideoEdit, PreviewVideoEdit):
        assert (operation.kind, operation.nameless) == ("immediate", True)
    assert (EditVideo.kind, EditVideo.nameless) == ("job", False)


# mode, seconds, units: video.md E, "multi-elements" and "multi-image"
@pytest.mark.parametrize(("mode", "seconds", "units"), [("std", 5, 3), ("std", 10, 6), ("pro", 5, 5), ("pro", 10, 10)])
def test_every_price_of_an_edit_is_the_contracts(mode: str, seconds: int, units: int) -> None:
    asked = {"session_id": SESSION, "edit_mode": "removal", "prompt": "x", "mode": mode, "duration": seconds}
    quote = EditVideo.parse(asked).quote()
    assert (quote.units, quote.package) == (Decimal(units), "video")


@pytest.mark.parametrize(
    ("mode", "seconds", "units"), [("std", 5, "2"), ("std", 10, "4"), ("pro", 5, "3.5"), ("pro", 10, "7")]
)
def test_every_price_of_a_clip_from_several_images_is_the_contracts(mode: str, seconds: int, units: str) -> None:
    request = MultiImageToVideo.parse({"image_list": [A], "prompt": "x", "mode": mode, "duration": seconds})
    quote = request.quote()
    assert (quote.units, quote.package, request.model) == (Decimal(units), "video", "kling-v1-6")
    assert quote.notes[0] == (
        "kling-v1-6 is reported retired since 2026-09-15: Kling may refuse it, free of charge. "
        "Use generate_omni_video instead."
    )


def test_what_the_steps_of_a_session_cost_is_not_claimed_to_be_known() -> None:
    for operation, arguments, *_ in SENT[:6]:
        quote = operation.parse(arguments).quote()
        assert (quote.units, quote.package) == (None, "video")


MARK = {"session_id": SESSION, "action": "add", "frame_index": 0, "points": HERE}
EDIT = {"session_id": SESSION, "edit_mode": "addition", "prompt": "<<<video_1>>> with <<<image_1>>>", "image_list": [A]}
SEVERAL = {"image_list": [A], "prompt": "x"}

# operation, arguments, the field at fault, how its sentence begins
REFUSED: list[tuple[type[Generation], dict[str, Any], str, str]] = [
    (StartVideoEdit, {}, "video_id", "'video_id' or 'video_url' is missing"),
    (StartVideoEdit, {"video_id": "7", "video_url": V}, "video_url", "'video_url' cannot be used together with"),
    (StartVideoEdit, {"video_id": V}, "video_id", "'video_id' is an address"),
    (MarkVideoEdit, {"action": "clear"}, "session_id", "'session_id' is required"),
    (MarkVideoEdit, {**MARK, "action": "undo"}, "action", "'action' should be 'add', 'delete' or 'clear'"),
    (MarkVideoEdit, {**MARK, "frame_index": None}, "frame_index", "'frame_index' is missing: 'add' needs a frame"),
    (MarkVideoEdit, {**MARK, "points": []}, "points", "'points' is missing: 'add' needs a frame_index and 1 to 10"),
    (MarkVideoEdit, {**MARK, "points": HERE * 11}, "points", "'points' list should have at most 10 items"),
    (MarkVideoEdit, {**MARK, "points": [{"x": 1.5, "y": 0}]}, "points[0].x", "'points[0].x' should be less than or"),
    (MarkVideoEdit, {**MARK, "points": [{"x": 0}]}, "points[0].y", "'points[0].y' is required"),
    (MarkVideoEdit, {**MARK, "points": [[0.1, 0.2, 0.3]]}, "points[0]", "'points[0]' should be a valid object"),
    (MarkVideoEdit, {**MARK, "frame_index": True}, "frame_index", "'frame_index' must be a number, not true or false."),
    (MarkVideoEdit, {**MARK, "frame_index": -1}, "frame_index", "'frame_index' should be greater than or equal to 0"),
    (MarkVideoEdit, {**MARK, "action": "clear", "points": None}, "frame_index", "'frame_index' is given, but 'clear'"),
    (PreviewVideoEdit, {}, "session_id", "'session_id' is required"),
    (EditVideo, {**EDIT, "edit_mode": "paint"}, "edit_mode", "'edit_mode' should be 'addition', 'swap' or 'removal'"),
    (EditVideo, {**EDIT, "image_list": [A] * 3}, "image_list", "'image_list' list should have at most 2 items"),
    (EditVideo, {**EDIT, "prompt": "x", "image_list": []}, "image_list", "'image_list' is missing, but edit_mode 'add"),
    (
        EditVideo,
        {**EDIT, "edit_mode": "swap", "image_list": [A, B]},
        "image_list",
        "'image_list' has 2 entries, but edit_mode 'swap' takes 1 picture.",
    ),
    (EditVideo, {**EDIT, "edit_mode": "removal"}, "image_list", "'image_list' has 1 entries, but edit_mode 'removal'"),
    (EditVideo, {**EDIT, "prompt": ""}, "prompt", "'prompt' is required"),
    (EditVideo, {**EDIT, "prompt": "<<<image_2>>>"}, "prompt", "'prompt' cites <<<image_2>>>, but 'image_list' has 1"),
    (EditVideo, {**EDIT, "duration": 7}, "duration", "'duration' is 7; it must be 5 or 10."),
    (EditVideo, {**EDIT, "mode": "4k"}, "mode", "'mode' should be 'std' or 'pro'"),
    (EditVideo, {**EDIT, "model_name": "kling-v1-6"}, "model_name", "'model_name' is not an argument of edit_video"),
    (MultiImageToVideo, {"prompt": "x"}, "image_list", "'image_list' is required"),
    (MultiImageToVideo, {"image_list": [A]}, "prompt", "'prompt' is required"),
    (MultiImageToVideo, {**SEVERAL, "image_list": [A] * 5}, "image_list", "'image_list' list should have at most 4"),
    (
        MultiImageToVideo,
        {**SEVERAL, "image_list": [{"image_url": A}]},
        "image_list[0].image",
        "'image_list[0].image' is",
    ),
    (MultiImageToVideo, {**SEVERAL, "duration": 6}, "duration", "'duration' is 6; it must be 5 or 10."),
    (MultiImageToVideo, {**SEVERAL, "mode": "4k"}, "mode", "'mode' should be 'std' or 'pro'"),
    (
        MultiImageToVideo,
        {**SEVERAL, "aspect_ratio": "4:3"},
        "aspect_ratio",
        "'aspect_ratio' should be '16:9', '9:16' or",
    ),
    (
        MultiImageToVideo,
        {**SEVERAL, "model_name": "kling-v3"},
        "model_name",
        "'model_name' is 'kling-v3', which multi_",
    ),
    (MultiImageToVideo, {**SEVERAL, "prompt": "x" * 2501}, "prompt", "'prompt' string should have at most 2500"),
]


@pytest.mark.parametrize(("operation", "arguments", "field", "sentence"), REFUSED)
def test_what_the_contract_rules_out_is_refused_by_name(
    operation: type[Generation], arguments: dict[str, Any], field: str, sentence: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        operation.parse(arguments)
    found = [(problem.field, problem.sentence) for problem in caught.value.problems]
    assert [(name, text) for name, text in found if name == field and text.startswith(sentence)], found


# what is known of the video, how the refusal reads (None: it passes). video.md A6, init-selection.
KNOWN: list[tuple[dict[str, Any], str | None]] = [
    ({"duration_s": 5.041, "width": 1280, "height": 720}, None),
    ({"duration_s": 10.1}, None),
    ({"duration_s": 6.0}, "lasts 6 s, but Kling takes videos of 2 to 5 s or 7 to 10 s here"),
    ({"duration_s": 1.0}, "lasts 1 s"),
    ({"duration_s": 15.0}, "lasts 15 s"),
    ({"width": 700, "height": 720}, "sides of 720 to 2160 px"),
    ({}, None),
]


@pytest.mark.parametrize(("facts", "words"), KNOWN)
def test_a_video_to_edit_is_measured_once_it_is_looked_up(facts: dict[str, Any], words: str | None) -> None:
    for field, given in (("video_id", JOB), ("video_url", CLIP)):
        request = StartVideoEdit.parse({field: given})
        found = {field: Source.of("https://kling.example/v.mp4", SourceFacts(CLIP, "video", kling_id="8", **facts))}
        if words is None:
            assert request.resolved(found).body() == {"video_id": "8"}
            continue
        with pytest.raises(InvalidRequest) as caught:
            request.resolved(found)
        (problem,) = caught.value.problems
        assert problem.field == field
        assert words in problem.sentence


def test_a_clip_too_old_for_its_id_is_edited_by_its_address() -> None:
    found = {"video_id": Source.of("https://kling.example/v.mp4", SourceFacts(CLIP, "video"))}
    assert StartVideoEdit.parse({"video_id": JOB}).resolved(found).body() == {
        "video_url": "https://kling.example/v.mp4"
    }


def test_the_job_that_opened_a_session_stands_for_it() -> None:
    request = EditVideo.parse({**EDIT, "session_id": JOB})
    assert {name: found.wants for name, found in request.references().items()} == {"session_id": "session"}
    assert request.resolved({"session_id": SESSION}).body()["session_id"] == SESSION


@pytest.mark.parametrize(
    ("changed", "note"),
    [
        ({"prompt": "a hat"}, "Kling wants the prompt to name <<<image_1>>> and <<<video_1>>>."),
        (
            {"edit_mode": "swap"},
            "Where nothing is marked in the session (mark_video_edit), Kling refuses a swap, free.",
        ),
        ({}, "The price of edits is from a third party's copy of the vendor's table, unconfirmed."),
    ],
)
def test_what_an_agent_should_know_before_an_edit_is_said(changed: dict[str, Any], note: str) -> None:
    assert note in EditVideo.parse({**EDIT, **changed}).quote().notes
