"""A tour of generate_video: what an agent writes, what Kling is sent, what it costs."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from kling_mcp.errors import InvalidRequest
from kling_mcp.operations.base import Quote
from kling_mcp.operations.video import OPERATIONS, GenerateVideo

A, B = "https://cdn.example/a.png", "https://cdn.example/b.png"


def test_a_sentence_is_enough() -> None:
    request = GenerateVideo.parse({"prompt": "A red kite over dunes"})
    assert request.path == "/v1/videos/text2video"
    assert request.model == "kling-v3"
    assert request.body() == {
        "prompt": "A red kite over dunes",
        "model_name": "kling-v3",
        "duration": "5",
        "mode": "std",
        "sound": "off",
    }
    assert request.quote() == Quote(
        units=Decimal(3), package="video", basis="5 s x 0.6 units (kling-v3, std, silent)", card_date="2026-09-20"
    )
    assert request.quote().usd == Decimal("0.42")


def test_the_contracts_multi_shot_example_is_sent_as_it_stands() -> None:
    """video.md A1, without the fields that belong to the engine."""
    request = GenerateVideo.parse(
        {
            "model_name": "kling-v3",
            "multi_shot": True,
            "shot_type": "customize",
            "prompt": "",
            "multi_prompt": [
                {"index": 1, "prompt": "Harbor at dawn, wide", "duration": 3},
                {"index": 2, "prompt": "Close on a gull", "duration": 4},
            ],
            "duration": 7,
            "mode": "pro",
            "sound": "on",
            "aspect_ratio": "9:16",
        }
    )
    assert request.path == "/v1/videos/text2video"
    assert request.body() == {
        "model_name": "kling-v3",
        "multi_shot": True,
        "shot_type": "customize",
        "multi_prompt": [
            {"index": 1, "prompt": "Harbor at dawn, wide", "duration": "3"},
            {"index": 2, "prompt": "Close on a gull", "duration": "4"},
        ],
        "duration": "7",
        "mode": "pro",
        "sound": "on",
        "aspect_ratio": "9:16",
    }
    assert request.quote().units == Decimal("8.4")


def test_the_contracts_two_frame_example_is_sent_as_it_stands() -> None:
    """video.md A2."""
    example = {
        "model_name": "kling-v2-6",
        "image": A,
        "image_tail": B,
        "prompt": "Slow push-in",
        "duration": "10",
        "mode": "pro",
        "sound": "off",
    }
    request = GenerateVideo.parse({**example, "duration": 10})
    assert (request.path, request.body()) == ("/v1/videos/image2video", example)
    assert request.quote().units == Decimal(5)


def test_every_field_of_image_to_video_reaches_the_wire() -> None:
    request = GenerateVideo.parse(
        {
            "prompt": "<<<element_1>>> meets <<<element_2>>>",
            "image": A,
            "negative_prompt": "rain",
            "cfg_scale": 0.7,
            "element_list": [{"element_id": "893605946402811985"}, {"element_id": 163}],
            "watermark": True,
            "mode": "4k",
            "duration": 15,
        }
    )
    assert request.body() == {
        "prompt": "<<<element_1>>> meets <<<element_2>>>",
        "model_name": "kling-v3",
        "image": A,
        "negative_prompt": "rain",
        "cfg_scale": 0.7,
        "element_list": [{"element_id": 893605946402811985}, {"element_id": 163}],
        "duration": "15",
        "mode": "4k",
        "sound": "off",
        "watermark_info": {"enabled": True},
    }


def test_masks_and_camera_moves_are_sent_as_kling_nests_them() -> None:
    path = [{"x": 10, "y": 20}, {"x": 30, "y": 40}]
    masked = GenerateVideo.parse(
        {
            "model_name": "kling-v1",
            "prompt": "x",
            "image": A,
            "static_mask": B,
            "dynamic_masks": [{"mask": B, "trajectories": path}],
        }
    )
    assert masked.body() == {
        "prompt": "x",
        "model_name": "kling-v1",
        "image": A,
        "static_mask": B,
        "dynamic_masks": [{"mask": B, "trajectories": path}],
        "duration": "5",
        "mode": "std",
    }
    moved = GenerateVideo.parse(
        {"model_name": "kling-v1", "prompt": "x", "camera_control": {"type": "simple", "config": {"zoom": 5, "pan": 0}}}
    )
    assert moved.body()["camera_control"] == {"type": "simple", "config": {"zoom": 5.0, "pan": 0.0}}


def test_a_voice_is_billed_when_the_prompt_cites_it() -> None:
    arguments: dict[str, Any] = {
        "model_name": "kling-v2-6",
        "mode": "pro",
        "sound": "on",
        "image": A,
        "voice_list": [{"voice_id": "829"}],
        "prompt": "She says <<<voice_1>>> hello",
    }
    cited = GenerateVideo.parse(arguments)
    assert (cited.quote().units, cited.quote().basis) == (
        Decimal(6),
        "5 s x 1.2 units (kling-v2-6, pro, with voice)",
    )
    assert cited.body()["voice_list"] == [{"voice_id": "829"}]
    assert GenerateVideo.parse({**arguments, "voice_list": "829"}).body() == cited.body()
    silent = GenerateVideo.parse({**arguments, "prompt": "She says hello"}).quote()
    assert silent.units == Decimal(5)
    assert silent.notes == ("No voice will speak, and none is billed, unless the prompt cites it as <<<voice_1>>>.",)


def test_a_prompt_that_3_0_turbo_would_cut_into_shots_is_told_to_be_sent_as_one() -> None:
    note = (
        "The prompt reads like a list of shots (shot n, seconds, words). It is sent with a colon so that Kling makes "
        "one shot of it; for several, use multi_shot of kling-v3."
    )
    for model, prompt, told in (
        ("kling-3.0-turbo", "shot 1, 3, a gull; shot 2, 2, a boat;", True),
        ("kling-3.0-turbo", "one shot, 3, 4", False),
        ("kling-v3", "shot 1, 3, a gull; shot 2, 2, a boat;", False),
    ):
        notes = GenerateVideo.parse({"prompt": prompt, "model_name": model}).quote().notes
        assert (note in notes) is told


def test_a_citation_with_blanks_is_sent_and_billed_as_kling_knows_it() -> None:
    voiced = {"model_name": "kling-v2-6", "mode": "pro", "sound": "on", "image": A, "voice_list": [{"voice_id": "8"}]}
    request = GenerateVideo.parse({**voiced, "prompt": "She says <<< voice_1 >>> hello"})
    assert request.body()["prompt"] == "She says <<<voice_1>>> hello"
    assert request.quote().units == Decimal(6)
    shots = [{"index": 1, "prompt": "<<<element_1 >>> runs", "duration": 5}]
    arguments = {"image": A, "element_list": [{"element_id": 1}], "multi_prompt": shots}
    request = GenerateVideo.parse({**arguments, "multi_shot": True, "shot_type": "customize"})
    assert request.body()["multi_prompt"] == [{"index": 1, "prompt": "<<<element_1>>> runs", "duration": "5"}]


def test_3_0_turbo_always_sounds_and_says_so() -> None:
    request = GenerateVideo.parse({"prompt": "x", "model_name": "kling-3.0-turbo", "mode": "pro", "sound": True})
    assert (request.sounds, "sound" in request.body()) == (True, False)
    assert request.quote() == Quote(
        units=Decimal(5),
        package="video",
        basis="5 s x 1.0 units (kling-3.0-turbo, pro, with sound)",
        card_date="2026-09-20",
        notes=("Sound is always included with kling-3.0-turbo.",),
    )


def test_what_kling_would_ignore_is_left_out_and_said() -> None:
    ignored = GenerateVideo.parse({"prompt": "x", "model_name": "kling-v2-6", "cfg_scale": 0.5})
    assert "cfg_scale" not in ignored.body()
    assert ignored.quote().notes == ("cfg_scale is not sent: kling-v2-6 ignores it.",)
    shots = [{"index": 1, "prompt": "a", "duration": 5}]
    cut = GenerateVideo.parse({"prompt": "x", "multi_shot": True, "shot_type": "customize", "multi_prompt": shots})
    assert "prompt" not in cut.body()
    assert cut.quote().notes == ("prompt is not sent: with customized shots Kling reads only multi_prompt.",)


def test_a_retired_model_is_let_through_with_a_warning_and_a_current_choice() -> None:
    quote = GenerateVideo.parse({"prompt": "x", "model_name": "kling-v2-1-master", "duration": 10}).quote()
    assert quote == Quote(
        units=Decimal(20),
        package="video",
        basis="one clip of 10 s (kling-v2-1-master, silent)",
        card_date="2026-09-20",
        notes=(
            (
                "kling-v2-1-master is reported retired since 2026-09-15: Kling may refuse it, free of charge. "
                "Use kling-v3 instead."
            ),
            "The price of kling-v2-1-master is from a third party's copy of the vendor's table, unconfirmed.",
        ),
    )


def test_a_retired_model_without_an_equal_says_that_too() -> None:
    camera = {"type": "down_back"}
    quote = GenerateVideo.parse({"prompt": "x", "model_name": "kling-v1", "camera_control": camera}).quote()
    assert quote.notes[0].endswith("free of charge. No current model can do this exact request.")


def test_where_klings_pages_disagree_the_request_passes_with_a_note() -> None:
    both = GenerateVideo.parse(
        {"prompt": "x", "image": A, "image_tail": B, "multi_shot": True, "shot_type": "intelligence"}
    )
    assert [note[:60] for note in both.quote().notes] == [
        "Kling's pages disagree whether shots and a last frame may be"
    ]
    long = GenerateVideo.parse({"prompt": "x" * 2501, "image": A, "model_name": "kling-3.0-turbo"})
    assert [note[:60] for note in long.quote().notes[1:]] == [
        "Kling's pages disagree whether the prompt may exceed 2500 ch"
    ]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"model_name": " Kling-3.0 "}, {"model_name": "kling-v3"}),
        ({"model_name": "kling-v3-turbo"}, {"model_name": "kling-3.0-turbo"}),
        ({"duration": "10"}, {"duration": 10}),
        ({"duration": 10.0}, {"duration": 10}),
        ({"sound": True}, {"sound": "on"}),
        ({"sound": "False"}, {"sound": "off"}),
        ({"cfg_scale": "0.4"}, {"cfg_scale": 0.4}),
        ({"multi_shot": "false"}, {"multi_shot": False}),
        ({"image": "", "element_list": [], "camera_control": {}}, {}),
        ({"element_list": "[]", "camera_control": "{}"}, {}),
    ],
)
def test_spellings_that_mean_the_same_are_the_same(written: dict[str, Any], meant: dict[str, Any]) -> None:
    assert GenerateVideo.parse({"prompt": "x", **written}) == GenerateVideo.parse({"prompt": "x", **meant})


def test_nested_arguments_may_come_as_json_text() -> None:
    nested: dict[str, Any] = {
        "multi_prompt": [{"index": 1, "prompt": "a", "duration": 2}, {"index": 2, "prompt": "b", "duration": 3}],
        "element_list": [{"element_id": 9007199254740993}],
    }
    quoted = {
        "multi_prompt": '["{\\"index\\": \\"1\\", \\"prompt\\": \\"a\\", \\"duration\\": \\"2\\"}", '
        '{"index": 2, "prompt": "b", "duration": 3}]',
        "element_list": '[{"element_id": 9007199254740993}]',
    }
    rest = {"multi_shot": True, "shot_type": "customize", "image": A}
    assert GenerateVideo.parse({**rest, **quoted}) == GenerateVideo.parse({**rest, **nested})
    camera = {"model_name": "kling-v1", "prompt": "x"}
    assert GenerateVideo.parse({**camera, "camera_control": '{"type": "simple", "config": "{\\"pan\\": 1}"}'}) == (
        GenerateVideo.parse({**camera, "camera_control": {"type": "simple", "config": {"pan": 1}}})
    )


def test_what_is_empty_in_a_nested_argument_is_absent() -> None:
    """As Kling reads it, at any depth. Contract: video.md section 6."""
    camera = {"type": "simple", "config": {"zoom": 5, "pan": "", "tilt": None}}
    request = GenerateVideo.parse({"prompt": "x", "model_name": "kling-v1", "camera_control": camera})
    assert request.body()["camera_control"] == {"type": "simple", "config": {"zoom": 5}}
    with pytest.raises(InvalidRequest) as caught:
        GenerateVideo.parse({"prompt": "x", "image": A, "element_list": [{}, {"element_id": ""}]})
    assert [problem.sentence for problem in caught.value.problems] == [
        f"'element_list[{n}].element_id' is required: generate_video cannot run without it." for n in (0, 1)
    ]


def test_element_ids_keep_every_digit() -> None:
    for written in (9223372036854775807, "9223372036854775807"):
        request = GenerateVideo.parse({"prompt": "x", "image": A, "element_list": [{"element_id": written}]})
        assert request.body()["element_list"] == [{"element_id": 9223372036854775807}]


def test_shots_stand_in_their_order_whatever_the_order_written() -> None:
    shots = [{"index": 2, "prompt": "b", "duration": 2}, {"index": 1, "prompt": "a", "duration": 3}]
    request = GenerateVideo.parse({"multi_shot": True, "shot_type": "customize", "multi_prompt": shots})
    assert [shot.prompt for shot in request.shots] == ["a", "b"]


def test_the_file_lists_its_operations() -> None:
    assert (GenerateVideo,) == OPERATIONS


LONG = {"prompt": "x" * 2501}


@pytest.mark.parametrize("added", [{}, {"image": A}, {"image": A, "image_tail": B, "sound": "on", "mode": "4k"}])
def test_a_long_prompt_passes_where_the_new_wire_takes_all_of_the_request(added: dict[str, Any]) -> None:
    """video.md B2 and B3: 3072 characters with kling-3.0."""
    request = GenerateVideo.parse({**LONG, **added})
    (note,) = request.quote().notes
    assert note == (
        "A prompt of more than 2500 characters goes over Kling's new API, which takes an API key and no access key "
        "pair."
    )


@pytest.mark.parametrize(
    ("added", "foreign"),
    [
        ({"negative_prompt": "rain"}, "negative_prompt"),
        ({"cfg_scale": 0.4}, "cfg_scale"),
        ({"negative_prompt": "rain", "cfg_scale": 0.4, "image": A}, "negative_prompt or cfg_scale"),
    ],
)
def test_a_long_prompt_is_refused_with_what_keeps_it_on_the_old_wire(added: dict[str, Any], foreign: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        GenerateVideo.parse({**LONG, **added})
    (problem,) = caught.value.problems
    assert problem.sentence.startswith(
        "'prompt' has 2501 characters; kling-v3 takes more than 2500 only on Kling's new API, which has no "
        f"{foreign}. Shorten the prompt to 2500, or remove {foreign}."
    )


@pytest.mark.parametrize("model", ["kling-v2-6", "kling-v2-5-turbo"])
def test_a_model_without_longer_prompts_on_the_new_wire_refuses_them(model: str) -> None:
    with pytest.raises(InvalidRequest, match="takes at most 2500"):
        GenerateVideo.parse({**LONG, "model_name": model})


def test_everything_about_the_tool_fits_its_share_of_the_list() -> None:
    schema = json.dumps(GenerateVideo.input_schema(), separators=(",", ":"), ensure_ascii=False)
    assert len((schema + " ".join((GenerateVideo.__doc__ or "").split())).encode()) <= 3000
