"""Which wire a request takes, and how its body reads there."""

from __future__ import annotations

from typing import Any

import pytest

from kling_mcp.errors import InvalidRequest
from kling_mcp.operations.model_facts import MODELS
from kling_mcp.operations.video import GenerateVideo
from kling_mcp.providers.base import Progress, Request
from kling_mcp.providers.official_v2 import obstacle, rewritten

from .far_side import FarSide, answered, new_task, pair

pytestmark = pytest.mark.anyio

T2V, I2V = "/v1/videos/text2video", "/v1/videos/image2video"
PICTURE = "https://cdn.example/a.png"
V3 = {"model_name": "kling-v3"}


def prepared(**arguments: object) -> Request:
    return FarSide([]).provider().prepare(GenerateVideo.parse(arguments))


# --- which wire


@pytest.mark.parametrize("name", [name for name, facts in MODELS.items() if "text2video" in facts.endpoints])
async def test_every_model_takes_the_wire_it_prefers(name: str) -> None:
    operation = GenerateVideo.parse({"prompt": "a gull", "model_name": name})
    request = FarSide([]).provider().prepare(operation)
    facts = MODELS[name]
    if facts.wires[0] == "v1":
        assert request == Request("v1", T2V, operation.body())
    else:
        assert (request.wire, request.path) == ("v2", f"/text-to-video/{facts.v2_name}")


async def test_a_pair_runs_everything_but_the_models_of_the_new_wire_and_says_what_to_set() -> None:
    provider = FarSide([]).provider(pair())
    assert provider.prepare(GenerateVideo.parse({"prompt": "a gull"})).wire == "v1"
    with pytest.raises(InvalidRequest, match=r"'kling-3\.0-turbo' cannot run here.*KLING_API_KEY.*kling-v3") as refusal:
        provider.prepare(GenerateVideo.parse({"prompt": "a gull", "model_name": "kling-3.0-turbo"}))
    assert [problem.field for problem in refusal.value.problems] == ["model_name"]


# --- the new wire


async def test_turbo_from_text_reads_as_the_new_wire_wants_it() -> None:
    request = prepared(prompt="A red kite", model_name="kling-3.0-turbo", mode="pro", duration=7, aspect_ratio="9:16")
    assert request == Request(
        "v2",
        "/text-to-video/kling-3.0-turbo",
        {"prompt": "A red kite", "settings": {"duration": 7, "resolution": "1080p", "aspect_ratio": "9:16"}},
    )


async def test_turbo_from_a_picture_reads_as_the_new_wire_wants_it() -> None:
    request = prepared(prompt="She turns", model_name="kling-3.0-turbo", image=PICTURE, watermark=True)
    assert request == Request(
        "v2",
        "/image-to-video/kling-3.0-turbo",
        {
            "contents": [{"type": "prompt", "text": "She turns"}, {"type": "first_frame", "url": PICTURE}],
            "settings": {"duration": 5, "resolution": "720p"},
            "options": {"watermark_info": {"enabled": True}},
        },
    )


async def test_the_contract_s_example_from_text_is_written_literally() -> None:
    path, body = rewritten(
        T2V,
        {
            "model_name": "kling-v3",
            "prompt": "A red kite over dunes",
            "mode": "pro",
            "duration": "7",
            "sound": "on",
            "aspect_ratio": "16:9",
        },
    )
    assert path == "/text-to-video/kling-3.0"
    assert body == {
        "prompt": "A red kite over dunes",
        "settings": {
            "resolution": "1080p",
            "duration": 7,
            "audio": "native",
            "multi_shot": False,
            "aspect_ratio": "16:9",
        },
    }


async def test_the_contract_s_example_from_a_picture_is_written_literally() -> None:
    path, body = rewritten(
        I2V,
        {
            "model_name": "kling-v3",
            "prompt": "She turns, <<<element_1>>> smiles",
            "image": PICTURE,
            "mode": "std",
            "duration": "5",
            "sound": "off",
            "element_list": [{"element_id": 163}],
        },
    )
    assert path == "/image-to-video/kling-3.0"
    assert body == {
        "contents": [
            {"type": "prompt", "text": "She turns, @element_1 smiles"},
            {"type": "first_frame", "url": PICTURE},
            {"type": "element", "element_id": "163", "id": "element_1"},
        ],
        "settings": {"resolution": "720p", "duration": 5, "audio": "off", "multi_shot": False},
    }


def body_of(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    legacy = {"model_name": "kling-v3", "prompt": "a gull", "image": PICTURE, "duration": "5", "mode": "std", **more}
    return rewritten(I2V, legacy)[1]


async def test_frames_voices_and_long_ids_have_their_place_among_the_contents() -> None:
    body = body_of(
        model_name="kling-v2-6",
        prompt="<<<voice_2>>>says hello, <<<voice_1>>>.",
        image_tail="https://cdn.example/b.png",
        sound="on",
        mode="pro",
        voice_list=[{"voice_id": "v-1"}, {"voice_id": 829836802793406551}],
    )
    assert body == {
        "contents": [
            {"type": "prompt", "text": "@voice_2 says hello, @voice_1."},
            {"type": "first_frame", "url": PICTURE},
            {"type": "last_frame", "url": "https://cdn.example/b.png"},
            {"type": "voice", "voice_id": "v-1", "id": "voice_1"},
            {"type": "voice", "voice_id": "829836802793406551", "id": "voice_2"},
        ],
        "settings": {"duration": 5, "resolution": "1080p", "audio": "native"},
    }


async def test_an_id_that_the_words_already_contain_gives_way() -> None:
    body = body_of(prompt="my element_1 is <<<element_1>>>", element_list=[{"element_id": 1}])
    assert body["contents"][0]["text"] == "my element_1 is @x_element_1"
    assert body["contents"][2] == {"type": "element", "element_id": "1", "id": "x_element_1"}


async def test_shots_are_written_into_the_prompt_and_the_switch_is_on() -> None:
    shots = [
        {"index": 2, "prompt": "Close on <<<element_1>>>", "duration": "4"},
        {"index": 1, "prompt": "Harbor; dawn", "duration": "3"},
    ]
    body = body_of(
        prompt="",
        multi_shot=True,
        shot_type="customize",
        multi_prompt=shots,
        duration="7",
        element_list=[{"element_id": 1}],
    )
    assert body["contents"][0]["text"] == "shot 1, 3, Harbor, dawn; shot 2, 4, Close on @element_1;"
    assert body["settings"] == {"duration": 7, "resolution": "720p", "multi_shot": True}


async def test_shots_kling_finds_by_itself_leave_the_prompt_alone() -> None:
    body = body_of(prompt="a day; at sea", multi_shot=True, shot_type="intelligence")
    assert body["contents"][0]["text"] == "a day; at sea"
    assert body["settings"]["multi_shot"] is True


@pytest.mark.parametrize("model", [name for name, facts in MODELS.items() if "v2" in facts.wires])
async def test_the_switch_for_shots_is_said_exactly_where_the_model_has_it(model: str) -> None:
    row = MODELS[model].row("text2video", "std")
    assert row is not None
    _, body = rewritten(T2V, {"model_name": model, "prompt": "a gull", "duration": "5", "mode": "std", "sound": "off"})
    assert body["settings"].get("multi_shot") is (False if row.multi_shot else None)
    assert ("audio" in body["settings"]) is not MODELS[model].always_sound


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("shot 1, 3, a gull; shot 2, 4, a boat;", "shot 1: 3, a gull; shot 2: 4, a boat;"),
        ("Shot 1 , 3 , a gull", "Shot 1: 3 , a gull"),
        ("one shot, 3, 4", "one shot, 3, 4"),
        ("shot 1 shows a gull, 3, 4", "shot 1 shows a gull, 3, 4"),
        ("snapshot 1, 3, a gull", "snapshot 1, 3, a gull"),
    ],
)
async def test_a_prompt_that_merely_looks_like_shots_is_not_cut_into_shots_by_turbo(written: str, sent: str) -> None:
    assert prepared(prompt=written, model_name="kling-3.0-turbo").body["prompt"] == sent


async def test_a_model_without_the_grammar_gets_the_prompt_as_it_is() -> None:
    _, body = rewritten(T2V, {"model_name": "kling-v2-6", "prompt": "shot 1, 3, a gull", "duration": "5"})
    assert body["prompt"] == "shot 1, 3, a gull"


@pytest.mark.parametrize(
    ("path", "body", "why"),
    [
        (T2V, V3 | {"prompt": "x", "negative_prompt": "y", "cfg_scale": 0.5}, "has no cfg_scale, negative_prompt"),
        (I2V, V3 | {"image": PICTURE, "static_mask": PICTURE}, "has no static_mask"),
        (T2V, V3 | {"camera_control": {"type": "simple"}}, "has no camera_control"),
        (I2V, V3 | {"image_tail": PICTURE}, "only together with a first one"),
        (I2V, V3 | {"image": PICTURE, "voice_list": [{"voice_id": "1"}]}, "has no voice_list with this model"),
        (T2V, {"model_name": "kling-v1"}, "does not have kling-v1"),
        (T2V, {"prompt": "x"}, "does not have a default model"),
        (T2V, V3 | {"prompt": "x" * 3073}, "at most 3072 characters, and this one has 3073"),
        ("/v1/videos/effects", {}, "does not offer this function"),
    ],
)
async def test_what_the_new_wire_has_no_place_for_is_never_dropped_in_silence(
    path: str, body: dict[str, Any], why: str
) -> None:
    assert why in (obstacle(path, body) or "")


async def test_what_the_new_wire_can_carry_meets_no_obstacle() -> None:
    full = GenerateVideo.parse(
        {"prompt": "a", "image": PICTURE, "image_tail": PICTURE, "sound": "on", "watermark": True, "duration": 9}
    )
    assert obstacle(full.path, full.body()) is None


# --- posting


async def test_our_id_goes_where_each_wire_wants_it_and_the_body_is_otherwise_as_stored() -> None:
    for request, sent in (
        (Request("v1", T2V, {"prompt": "a"}), {"prompt": "a", "external_task_id": "km1-A"}),
        (Request("v2", "/text-to-video/x", {"prompt": "a"}), {"prompt": "a", "options": {"external_task_id": "km1-A"}}),
        (
            Request("v2", "/text-to-video/x", {"options": {"watermark_info": {"enabled": True}}}),
            {"options": {"watermark_info": {"enabled": True}, "external_task_id": "km1-A"}},
        ),
    ):
        before = repr(request)
        far_side = FarSide([answered(new_task(1, "submitted", "km1-A"))])
        progress = await far_side.provider().submit(request, "km1-A")
        assert progress == Progress("893605946402811901", "submitted", "km1-A", created_at=1_781_080_778.802)
        assert (far_side.lines, far_side.body()) == ([f"POST {request.path}"], sent)
        assert repr(request) == before


@pytest.mark.parametrize("ext_id", ["", "a/b", "x" * 200, "a b"])
async def test_an_unusable_id_of_ours_stops_the_request_before_it_leaves(ext_id: str) -> None:
    far_side = FarSide([answered({})])
    with pytest.raises(InvalidRequest):
        await far_side.provider().submit(Request("v1", T2V, {}), ext_id)
    assert far_side.requests == []
