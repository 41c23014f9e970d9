"""Every row of the model table: what it offers is accepted, what it lacks is refused with the name of a model that can.

The table itself is checked against the contract in ``test_tables``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from kling_mcp.errors import InvalidRequest
from kling_mcp.operations.model_facts import MODELS, Endpoint, ModeFacts
from kling_mcp.operations.video import GenerateVideo

if TYPE_CHECKING:
    from collections.abc import Callable

A, B = "https://cdn.example/a.png", "https://cdn.example/b.png"
PATH = [{"x": 1, "y": 1}, {"x": 2, "y": 2}]

ROWS = [
    pytest.param(name, endpoint, mode, row, id=f"{name}-{endpoint}-{mode}")
    for name, facts in MODELS.items()
    for endpoint, modes in facts.endpoints.items()
    for mode, row in modes.items()
]

# What an agent adds to ask for a feature; the lengths a row offers it for; whether it exists from text too.
ASKING: dict[str, tuple[dict[str, Any], Callable[[ModeFacts], tuple[int, ...]], bool]] = {
    "sound": ({"sound": "on"}, lambda row: row.durations if row.sound else (), True),
    "multi_shot": (
        {"multi_shot": True, "shot_type": "intelligence"},
        lambda row: row.durations if row.multi_shot else (),
        True,
    ),
    "camera_control": (
        {"camera_control": {"type": "simple", "config": {"zoom": 3}}},
        lambda row: row.camera,
        True,
    ),
    "image_tail": ({"image_tail": B}, lambda row: row.first_last, False),
    "static_mask": ({"static_mask": B}, lambda row: row.brush, False),
    "dynamic_masks": ({"dynamic_masks": [{"mask": B, "trajectories": PATH}]}, lambda row: row.brush, False),
    "element_list": (
        {"element_list": [{"element_id": 7}]},
        lambda row: row.durations if row.max_elements else (),
        False,
    ),
    "voice_list": ({"voice_list": [{"voice_id": "7"}], "sound": "on"}, lambda row: row.voice, False),
}

# One refusal per row, typed in by hand: what is added, the field at fault, the model that can (None: no model).
REFUSED: dict[tuple[str, str, str], tuple[dict[str, Any], str, str | None]] = {
    ("kling-v3", "text2video", "std"): ({"duration": 16}, "duration", "kling-v3 with duration 15"),
    ("kling-v3", "text2video", "pro"): ({"prompt": "x" * 3073}, "prompt", None),
    ("kling-v3", "text2video", "4k"): (
        {"camera_control": {"type": "forward_up"}},
        "camera_control",
        "kling-v1 with mode std",
    ),
    ("kling-v3", "image2video", "std"): ({"static_mask": B}, "static_mask", "kling-v1"),
    ("kling-v3", "image2video", "pro"): (ASKING["voice_list"][0], "voice_list", "kling-v2-6"),
    ("kling-v3", "image2video", "4k"): (ASKING["voice_list"][0], "voice_list", "kling-v2-6 with mode pro"),
    ("kling-3.0-turbo", "text2video", "std"): ({"sound": "off"}, "sound", "kling-v3"),
    ("kling-3.0-turbo", "text2video", "pro"): (ASKING["multi_shot"][0], "multi_shot", "kling-v3"),
    ("kling-3.0-turbo", "image2video", "std"): (ASKING["image_tail"][0], "image_tail", "kling-v3"),
    ("kling-3.0-turbo", "image2video", "pro"): ({"negative_prompt": "rain"}, "negative_prompt", "kling-v3"),
    ("kling-v2-6", "text2video", "std"): ({"sound": "on"}, "sound", "kling-v3"),
    ("kling-v2-6", "text2video", "pro"): ({"duration": 7}, "duration", "kling-v3"),
    ("kling-v2-6", "image2video", "std"): (ASKING["voice_list"][0], "voice_list", "kling-v2-6 with mode pro"),
    ("kling-v2-6", "image2video", "pro"): ({"image_tail": B, "sound": "on"}, "sound", "kling-v3"),
    ("kling-v2-5-turbo", "text2video", "std"): ({"mode": "4k"}, "mode", "kling-v3"),
    ("kling-v2-5-turbo", "text2video", "pro"): ({"sound": "on"}, "sound", "kling-v3"),
    ("kling-v2-5-turbo", "image2video", "std"): (ASKING["image_tail"][0], "image_tail", "kling-v3"),
    ("kling-v2-5-turbo", "image2video", "pro"): (ASKING["element_list"][0], "element_list", "kling-v3"),
    ("kling-v2-1-master", "text2video", "*"): ({"mode": "pro"}, "mode", "kling-v3"),
    ("kling-v2-1-master", "image2video", "*"): (ASKING["image_tail"][0], "image_tail", "kling-v3"),
    ("kling-v2-1", "image2video", "std"): ({"duration": 3}, "duration", "kling-v3"),
    ("kling-v2-1", "image2video", "pro"): ({"image": None}, "model_name", "kling-v3"),
    ("kling-v2-master", "text2video", "*"): ({"sound": "on"}, "sound", "kling-v3"),
    ("kling-v2-master", "image2video", "*"): (ASKING["multi_shot"][0], "multi_shot", "kling-v3"),
    ("kling-v1-6", "text2video", "std"): ({"duration": 8}, "duration", "kling-v3"),
    ("kling-v1-6", "text2video", "pro"): (ASKING["camera_control"][0], "camera_control", "kling-v1 with mode std"),
    ("kling-v1-6", "image2video", "std"): (
        {"image": None, "image_tail": B},
        "image_tail",
        "kling-v1-6 with mode pro",
    ),
    ("kling-v1-6", "image2video", "pro"): (ASKING["dynamic_masks"][0], "dynamic_masks", "kling-v1-5"),
    ("kling-v1-5", "image2video", "std"): (ASKING["camera_control"][0], "camera_control", "kling-v1-5 with mode pro"),
    ("kling-v1-5", "image2video", "pro"): ({"camera_control": {"type": "down_back"}}, "camera_control.type", None),
    ("kling-v1", "text2video", "std"): (
        {**ASKING["camera_control"][0], "duration": 10},
        "camera_control",
        "kling-v1 with duration 5",
    ),
    ("kling-v1", "text2video", "pro"): ({"sound": "on"}, "sound", "kling-v3"),
    ("kling-v1", "image2video", "std"): ({"image_tail": B, "duration": 10}, "image_tail", "kling-v3"),
    ("kling-v1", "image2video", "pro"): ({"static_mask": B, "duration": 10}, "static_mask", "kling-v1 with duration 5"),
}

ABLE = re.compile(r"(kling-[\w.-]*\w)( with ((no )?mode( \w+)?)?( and )?(duration (\d+))?)? can do the whole request")


def plain_request(model: str, endpoint: Endpoint, mode: str, duration: int = 5) -> dict[str, Any]:
    request: dict[str, Any] = {"prompt": "x", "model_name": model, "duration": duration}
    return {**request, **({"mode": mode} if mode != "*" else {}), **({"image": A} if endpoint == "image2video" else {})}


def refusal(arguments: dict[str, Any]) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        GenerateVideo.parse(arguments)
    return caught.value


@pytest.mark.parametrize(("model", "endpoint", "mode", "row"), ROWS)
def test_each_row_accepts_every_length_it_offers(model: str, endpoint: Endpoint, mode: str, row: ModeFacts) -> None:
    for duration in row.durations:
        request = GenerateVideo.parse(plain_request(model, endpoint, mode, duration))
        assert (request.body().get("mode", "*"), request.body()["duration"]) == (mode, str(duration))
        assert request.quote().units is not None


@pytest.mark.parametrize(("model", "endpoint", "mode", "row"), ROWS)
def test_each_row_refuses_one_request_with_a_model_that_can(
    model: str, endpoint: Endpoint, mode: str, row: ModeFacts
) -> None:
    del row
    added, field, able = REFUSED[(model, endpoint, mode)]
    arguments = {**plain_request(model, endpoint, mode), **added}
    problem = next(p for p in refusal(arguments).problems if p.field == field)
    assert f"'{field}'" in problem.sentence
    assert (f" {able} can do the whole request" if able else "No Kling model can do this.") in problem.sentence


def test_each_row_has_its_refusal() -> None:
    assert set(REFUSED) == {tuple(row.values[:3]) for row in ROWS}


@pytest.mark.parametrize(
    ("model", "endpoint", "mode", "row", "field"),
    [
        pytest.param(*row.values, field, id=f"{row.id}-{field}")
        for row in ROWS
        for field, (_, _, from_text) in ASKING.items()
        if from_text or row.values[1] == "image2video"
    ],
)
def test_a_feature_passes_where_the_row_offers_it_and_is_refused_where_not(
    model: str, endpoint: Endpoint, mode: str, row: ModeFacts, field: str
) -> None:
    added, lengths, _ = ASKING[field]
    for duration in row.durations:
        arguments = {**plain_request(model, endpoint, mode, duration), **added}
        if duration in lengths(row):
            GenerateVideo.parse(arguments)
        else:
            problem = next(p for p in refusal(arguments).problems if p.field == field)
            assert model in problem.sentence


@pytest.mark.parametrize(("model", "endpoint", "mode", "row"), ROWS)
def test_a_model_that_is_said_to_be_able_is_able(model: str, endpoint: Endpoint, mode: str, row: ModeFacts) -> None:
    for added, _, _ in ASKING.values():
        arguments = {**plain_request(model, endpoint, mode, row.durations[-1]), **added}
        try:
            GenerateVideo.parse(arguments)
        except InvalidRequest as error:
            for found in ABLE.finditer(str(error)):
                GenerateVideo.parse({**arguments, **changes(found)})


def changes(found: re.Match[str]) -> dict[str, Any]:
    name, _, mode, no_mode, mode_name, _, _, duration = found.groups()
    changed: dict[str, Any] = {"model_name": name}
    if mode:
        changed["mode"] = None if no_mode else mode_name.strip()
    return {**changed, **({"duration": int(duration)} if duration else {})}
