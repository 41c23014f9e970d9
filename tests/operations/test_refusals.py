"""What Kling would refuse is refused here: every problem at once, each naming the field, the value and a way out."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest

from kling_mcp.errors import InvalidRequest
from kling_mcp.operations.catalogue import GENERATIONS
from kling_mcp.operations.video import GenerateVideo
from tests.contract.mistakes import RIGHT

A, B = "https://cdn.example/a.png", "https://cdn.example/b.png"
SHOTS = [{"index": 1, "prompt": "a", "duration": 2}, {"index": 2, "prompt": "b", "duration": 3}]
CUSTOM = {"multi_shot": True, "shot_type": "customize"}
VOICED = {"model_name": "kling-v2-6", "mode": "pro", "image": A, "voice_list": [{"voice_id": "8"}]}
MASK = {"mask": B, "trajectories": [{"x": 1, "y": 1}, {"x": 2, "y": 2}]}


def problems(arguments: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequest) as caught:
        GenerateVideo.parse(arguments)
    return [(problem.field, problem.sentence) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("arguments", "field", "sentence"),
    [
        ({}, "prompt", "'prompt' is missing: say what happens in the clip."),
        ({"prompt": "  "}, "prompt", "'prompt' is missing: say what happens in the clip."),
        ({"image": A}, "prompt", "'prompt' is missing: say what happens in the clip."),
        (
            {"multi_shot": True, "shot_type": "intelligence"},
            "prompt",
            "'prompt' is missing: say what happens in the clip.",
        ),
        (
            {"prompt": "x", "multi_shot": True},
            "shot_type",
            (
                "'shot_type' is missing, and multi_shot needs it: 'customize' (you write multi_prompt) or "
                "'intelligence' (Kling cuts prompt into shots)."
            ),
        ),
        (
            {"prompt": "x", "shot_type": "customize"},
            "shot_type",
            "'shot_type' has no effect while multi_shot is not true. Set multi_shot to true.",
        ),
        (
            {"prompt": "x", "multi_prompt": SHOTS},
            "multi_prompt",
            "'multi_prompt' has no effect while multi_shot is not true. Set multi_shot to true.",
        ),
        (CUSTOM, "multi_prompt", "'multi_prompt' is missing: with shot_type 'customize' it lists 1 to 6 shots."),
        (
            {"prompt": "x", "multi_shot": True, "shot_type": "intelligence", "multi_prompt": SHOTS},
            "multi_prompt",
            (
                "'multi_prompt' is given, but with shot_type 'intelligence' Kling cuts the shots from prompt. "
                "Remove it, or set shot_type to 'customize'."
            ),
        ),
        (
            {**CUSTOM, "multi_prompt": [SHOTS[0], {**SHOTS[1], "index": 3}]},
            "multi_prompt",
            "'multi_prompt' has the indexes 1, 3; they must be 1 to 2.",
        ),
        (
            {**CUSTOM, "multi_prompt": SHOTS, "duration": 6},
            "multi_prompt",
            (
                "The shots in 'multi_prompt' add up to 5 s, but 'duration' is 6 s. Both must be equal: change the one "
                "or the other."
            ),
        ),
        (
            {**CUSTOM, "multi_prompt": [{**SHOTS[0], "prompt": "x" * 513}, SHOTS[1]]},
            "multi_prompt[0].prompt",
            "'multi_prompt[0].prompt' string should have at most 512 characters (you gave a text of 513 characters).",
        ),
        (
            {**CUSTOM, "multi_prompt": [{**SHOTS[0], "duration": 0}, SHOTS[1]]},
            "multi_prompt[0].duration",
            "'multi_prompt[0].duration' should be greater than or equal to 1 (you gave 0).",
        ),
        (
            {**CUSTOM, "multi_prompt": [{"index": 1, "prompt": "a"}]},
            "multi_prompt[0].duration",
            "'multi_prompt[0].duration' is required: generate_video cannot run without it.",
        ),
        (
            {"prompt": "x", "model_name": "kling-v1", "image": A, "image_tail": B, "static_mask": B},
            "static_mask",
            "'static_mask' cannot be used together with 'image_tail'. Remove one of them.",
        ),
        (
            {"prompt": "x", "model_name": "kling-v1-5", "mode": "pro", "image": A, "image_tail": B}
            | {"camera_control": {"type": "simple", "config": {"zoom": 1}}},
            "camera_control",
            "'camera_control' cannot be used together with 'image_tail'. Remove one of them.",
        ),
        (
            {**VOICED, "prompt": "x", "sound": "on", "element_list": [{"element_id": 1}]},
            "voice_list",
            "'voice_list' cannot be used together with 'element_list'. Remove one of them.",
        ),
        (
            {"prompt": "x", "element_list": [{"element_id": 1}]},
            "element_list",
            "'element_list' works only from a picture. Give 'image' too, or remove it.",
        ),
        (
            {"prompt": "x", "model_name": "kling-v1", "dynamic_masks": [MASK]},
            "dynamic_masks",
            "'dynamic_masks' works only from a picture. Give 'image' too, or remove it.",
        ),
        (
            {"prompt": "x", "model_name": "kling-v1-5", "mode": "pro", "image": A}
            | {"camera_control": {"config": {"zoom": 1}}},
            "camera_control.type",
            "'camera_control.type' is missing; with an image it must be given.",
        ),
        (
            {"prompt": "x", "image": A, "aspect_ratio": "9:16"},
            "aspect_ratio",
            (
                "'aspect_ratio' is '9:16', but with an image the picture decides the shape. Remove it, and crop the "
                "picture if you want another shape."
            ),
        ),
        (
            {**VOICED, "prompt": "<<<voice_2>>> speaks", "sound": "on"},
            "prompt",
            "'prompt' cites <<<voice_2>>>, but 'voice_list' has 1 entries, counted from 1.",
        ),
        (
            {"prompt": "<<<element_1>>> runs", "image": A},
            "prompt",
            "'prompt' cites <<<element_1>>>, but 'element_list' has 0 entries, counted from 1.",
        ),
        (
            {"prompt": "like <<<image_1>>>", "image": A},
            "prompt",
            "'prompt' cites <<<image_1>>>, but generate_video has no image list.",
        ),
        (
            {**VOICED, "prompt": "<<<voice_1>>> speaks", "sound": "off"},
            "sound",
            "'sound' is 'off', but a voice cited in the prompt needs 'on'.",
        ),
        ({**VOICED, "prompt": "she speaks"}, "sound", "'sound' is 'off', but 'voice_list' needs 'on'."),
        (
            {**VOICED, "prompt": "she speaks", "image_tail": B},
            "voice_list",
            (
                "'voice_list' asks for a voice, but kling-v2-6 with 'image_tail' is silent. Remove one of them. No "
                "Kling model can do this."
            ),
        ),
        (
            {"prompt": "x", "cfg_scale": 1.2},
            "cfg_scale",
            "'cfg_scale' should be less than or equal to 1 (you gave 1.2).",
        ),
        (
            {"prompt": "x", "cfg_scale": "nan"},
            "cfg_scale",
            "'cfg_scale' should be a finite number (you gave 'nan').",
        ),
        ({"prompt": "x", "duration": True}, "duration", "'duration' must be a number, not true or false."),
        (
            {"prompt": "x", "aspect_ratio": "4:3"},
            "aspect_ratio",
            "'aspect_ratio' should be '16:9', '9:16' or '1:1' (you gave '4:3').",
        ),
        (
            {"prompt": "x", "camera_control": {"type": "simple", "config": {"zoom": 1, "pan": 2}}},
            "camera_control",
            "'camera_control' of type 'simple' needs a config with exactly one axis other than 0, such as zoom: 5.",
        ),
        (
            {"prompt": "x", "camera_control": {"type": "down_back", "config": {"zoom": 1}}},
            "camera_control",
            "'camera_control' must have no config unless type is 'simple'. Remove config.",
        ),
        (
            {"prompt": "x", "camera_control": {"type": "simple", "config": {"zoom": 11}}},
            "camera_control.config.zoom",
            "'camera_control.config.zoom' should be less than or equal to 10 (you gave 11).",
        ),
        (
            {"prompt": "x", "image": A, "element_list": [{"element_id": 1.5e17}]},
            "element_list[0].element_id",
            "'element_list[0].element_id' must be an id of digits, best given as text so that none is lost.",
        ),
        (
            {"prompt": "x", "image": A, "element_list": [{"id": 1, "element_id": 1}]},
            "element_list[0].id",
            "'element_list[0].id' is not a known key. Remove it or correct its spelling.",
        ),
        (
            {"prompt": "x", "model_name": "kling-v1", "image": A, "dynamic_masks": [{**MASK, "trajectories": []}]},
            "dynamic_masks[0].trajectories",
            "'dynamic_masks[0].trajectories' is required: generate_video cannot run without it.",
        ),
        (
            {"prompt": "x", "image": A, "element_list": [{"element_id": n} for n in (1, 2, 3, 4)]},
            "element_list",
            "'element_list' has 4 entries; kling-v3 takes at most 3. No Kling model can do this.",
        ),
        (
            {**VOICED, "sound": "on", "prompt": "x", "voice_list": [{"voice_id": str(n)} for n in (1, 2, 3)]},
            "voice_list",
            "'voice_list' has 3 entries; kling-v2-6 takes at most 2. No Kling model can do this.",
        ),
    ],
)
def test_each_rule_refuses_with_its_sentence(arguments: dict[str, Any], field: str, sentence: str) -> None:
    assert (field, sentence) in problems(arguments)


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (
            "kling-v2-7",
            (
                "'model_name' is 'kling-v2-7', which generate_video does not know. Did you mean 'kling-v2-6'? It runs "
                "kling-v3, kling-3.0-turbo, kling-v2-6, kling-v2-5-turbo."
            ),
        ),
        (
            "sora",
            (
                "'model_name' is 'sora', which generate_video does not know. It runs kling-v3, kling-3.0-turbo, "
                "kling-v2-6, kling-v2-5-turbo."
            ),
        ),
    ],
)
def test_an_unknown_model_is_answered_with_the_closest_and_the_current_ones(model: str, sentence: str) -> None:
    assert problems({"prompt": "x", "model_name": model}) == [("model_name", sentence)]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("promt", "prompt"),
        ("model", "model_name"),
        ("modelname", "model_name"),
        ("image_tale", "image_tail"),
        ("cfg", "cfg_scale"),
    ],
)
def test_a_misspelled_argument_names_the_closest_one(written: str, meant: str) -> None:
    assert (written, f"'{written}' is not an argument of generate_video. Did you mean '{meant}'?") in problems(
        {"prompt": "x", written: "y"}
    )


def test_an_argument_like_no_other_is_answered_with_all_of_them() -> None:
    [(field, sentence)] = problems({"prompt": "x", "zzzzz": 1})
    assert field == "zzzzz"
    assert sentence.startswith("'zzzzz' is not an argument of generate_video. Its arguments are: prompt, model_name,")


def test_who_wants_more_seconds_than_any_clip_has_is_told_how_to_get_them() -> None:
    [(_, sentence)] = problems({"prompt": "x", "duration": 20})
    assert sentence.startswith(
        "'duration' is 20, but clips of kling-v3 last 3 to 15 s. extend_video makes a clip longer."
    )


def test_the_arguments_there_are_are_told_once() -> None:
    first, second = problems({"prompt": "x", "zzzzz": 1, "qqqqq": 2})
    assert "Its arguments are:" in first[1]
    assert second == ("qqqqq", "'qqqqq' is not an argument of generate_video.")


@pytest.mark.parametrize("tool", GENERATIONS)
def test_half_a_character_is_refused_before_it_breaks_a_request_that_was_recorded(tool: str) -> None:
    for name in GENERATIONS[tool].argument_names():
        for value in ("half a \ud83e fox", ["half a \ud83e fox"], '["half a \\ud83e fox"]'):
            try:
                request = GENERATIONS[tool].parse(RIGHT[tool] | {name: value})
            except InvalidRequest:
                continue
            json.dumps(request.model_dump(mode="python"), ensure_ascii=False, default=str).encode()


def test_half_a_character_is_told_by_its_argument() -> None:
    found = problems({"prompt": "a kite", "external_url": "x", "image": "https://cdn.example/\ud83e.png"})
    assert [field for field, _ in found] == ["external_url", "image"]


@pytest.mark.parametrize("value", [10**400, float("inf"), float("nan"), -0.0, True, 1e308])
@pytest.mark.parametrize("tool", GENERATIONS)
def test_no_number_is_too_strange_to_be_looked_at(tool: str, value: float) -> None:
    for name in GENERATIONS[tool].argument_names():
        with suppress(InvalidRequest):
            GENERATIONS[tool].parse(RIGHT[tool] | {name: value})


def test_of_thousands_of_names_that_do_not_exist_the_first_are_guessed() -> None:
    with pytest.raises(InvalidRequest) as refused:
        GenerateVideo.parse({"prompt": "a kite"} | {f"promt{number}": 1 for number in range(20_000)})
    sentences = [problem.sentence for problem in refused.value.problems]
    assert sentences[0] == "'promt0' is not an argument of generate_video. Did you mean 'prompt'?"
    assert sentences[-1] == "'promt19999' is not an argument of generate_video."
    assert len(sentences) == 20_000


def test_a_misspelled_argument_is_not_reported_as_missing_too() -> None:
    assert [field for field, _ in problems({"promt": "x"})] == ["promt"]
    assert [field for field, _ in problems({"prompt": "x", "imge": A, "element_list": [{"element_id": 1}]})] == ["imge"]


def test_everything_wrong_is_said_at_once() -> None:
    """Unknown names, bad values, rules between fields, and what the model cannot do: in one answer."""
    found = problems(
        {
            "model_name": "kling-v2-6",
            "promtp": "x",
            "image": A,
            "image_tail": "ftp://cdn.example/b.png",
            "aspect_ratio": "1:1",
            "duration": 7,
            "mode": "4k",
            "cfg_scale": 3,
            "multi_shot": True,
            "camera_control": {"type": "down_back"},
            "element_list": [{"element_id": 1}],
        }
    )
    assert [field for field, _ in found] == [
        "promtp",
        "image_tail",
        "cfg_scale",
        "shot_type",
        "camera_control",
        "aspect_ratio",
        "mode",
        "duration",
        "camera_control",
        "element_list",
        "multi_shot",
    ]


def test_a_bad_picture_still_counts_as_a_picture() -> None:
    assert [field for field, _ in problems({"prompt": "x", "image": "/home/me/a.png", "aspect_ratio": "1:1"})] == [
        "image",
        "aspect_ratio",
    ]


def test_when_nobody_can_do_everything_somebody_is_named_who_can_do_the_part() -> None:
    found = dict(problems({"prompt": "x", "mode": "4k", "camera_control": {"type": "down_back"}, "sound": "on"}))
    assert found["camera_control"].endswith(
        "No mode of kling-v3 offers it. kling-v1 with mode std can do this, but not the rest of the request (reported "
        "retired since 2026-09-15: Kling may refuse it, free of charge)."
    )


def test_a_model_that_could_is_named_although_something_else_is_wrong() -> None:
    found = dict(problems({"model_name": "kling-v2-6", "prompt": "x", "duration": 7, "aspect_ratio": "2:1"}))
    assert found["duration"] == (
        "'duration' is 7, but clips of kling-v2-6 last 5 or 10 s. kling-v3 can do it once the other problems are "
        "solved."
    )


@pytest.mark.parametrize("field", ["prompt", "negative_prompt", "image", "static_mask", "multi_prompt", "mode"])
def test_a_refusal_never_repeats_a_long_value(field: str) -> None:
    for secret in ("iVBORw0KGgoSECRET" * 300, {"mask": "SECRET" * 50}, ["SECRET" * 50], "SECRET" * 20):
        told = problems({"prompt": "x" * 4000, "duration": 99, field: secret})
        assert not any("SECRET" in sentence for _, sentence in told)
        assert all(len(sentence) < 600 for _, sentence in told)


def test_a_refusal_does_not_repeat_what_follows_the_question_mark_of_an_address() -> None:
    found = dict(problems({"prompt": "x", "image_tail": "https://cdn.example/b.png?sig=SECRET"}))
    assert "SECRET" not in found["image_tail"]
    assert "https://cdn.example/b.png" in found["image_tail"]
