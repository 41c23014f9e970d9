"""Text to video and image to video on the legacy wire: bodies read, checked, turned into orders.

Contract: video.md A1, A2; the order of checks is that of part G. Messages without a captured text are [OWN], in the
style of the others.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from kling_mcp.operations.model_facts import MODELS, NO_MODE
from kling_mcp.sandbox import checks
from kling_mcp.sandbox.capability import Wish, check_capability, known_model
from kling_mcp.sandbox.checks import Rule
from kling_mcp.sandbox.families import shots
from kling_mcp.sandbox.families.clips import clip_order
from kling_mcp.sandbox.family import Family
from kling_mcp.sandbox.wire import illegal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_mcp.operations.model_facts import Endpoint, ModelFacts
    from kling_mcp.sandbox.checks import Body, Reader
    from kling_mcp.sandbox.order import Order
    from kling_mcp.sandbox.pictures import Picture
    from kling_mcp.sandbox.shop import Shop

DEFAULT_MODEL = "kling-v1"
"""What an absent ``model_name`` means, although it is retired. Contract: video.md A1, F.1."""

_VOICE_REFERENCE = re.compile(r"<<<voice_\d+>>>")
_AXES = ("horizontal", "vertical", "pan", "tilt", "roll", "zoom")
_CAMERA: Mapping[str, Reader] = {
    "type": checks.one_of(("simple", "down_back", "forward_up", "right_turn_forward", "left_turn_forward")),
    "config": checks.nested(dict.fromkeys(_AXES, checks.number(-10, 10))),
}
_VOICE: Mapping[str, Reader] = {"voice_id": checks.text()}
_POINT: Mapping[str, Reader] = {"x": checks.whole(), "y": checks.whole()}
_MOST_POINTS = 77
_MASK: Mapping[str, Reader] = {
    "mask": checks.text(),
    "trajectories": checks.objects(_MOST_POINTS, lambda: _POINT),
}


def order_of(endpoint: Endpoint, posted: Body, shop: Shop) -> Order:
    """Check a body and say what to make.

    Raises:
        Refusal: The first thing Kling would complain about.
    """
    body = checks.without_empties(posted)
    facts = _model(endpoint, body, shop.serve_retired)
    mode = _mode(endpoint, facts, body)
    asked = checks.read(body, _fields(endpoint, facts, mode))
    asked["duration"] = int(asked.get("duration", "5"))
    _check_required(endpoint, asked, posted)
    checks.obey(asked, _RULES)
    if endpoint == "image2video":
        _check_camera_type(asked)
    wish = _wish(endpoint, facts, mode, asked)
    check_capability(wish)
    for element in asked.get("element_list", []):
        shop.element(element["element_id"])
    for voice in asked.get("voice_list", []):
        shop.voice(voice["voice_id"])
    return clip_order(
        wish,
        path=f"/v1/videos/{endpoint}",
        prompt=shots.words(asked),
        aspect_ratio=asked.get("aspect_ratio", "16:9"),
        start=_start(asked, shop),
        shared=checks.common(asked),
    )


# --- model, mode, values -----------------------------------------------------------------------------------


def _model(endpoint: Endpoint, body: Body, serve_retired: bool) -> ModelFacts:
    name = str(body.get("model_name", DEFAULT_MODEL))
    facts = MODELS.get(name)
    if facts is not None and ("v1" not in facts.wires or endpoint not in facts.endpoints):
        facts = None
    return known_model(name, facts, serve_retired=serve_retired)


def _mode(endpoint: Endpoint, facts: ModelFacts, body: Body) -> str:
    modes = facts.endpoints[endpoint]
    if NO_MODE in modes:
        return NO_MODE
    return checks.one_of(modes)("mode", body.get("mode", "std"))


def _fields(endpoint: Endpoint, facts: ModelFacts, mode: str) -> Mapping[str, Reader]:
    """The fields of an endpoint in the order they are looked at."""
    row = facts.endpoints[endpoint][mode]
    fields: dict[str, Reader] = {
        "duration": checks.one_of(row.durations),
        "sound": checks.ON_OFF,
        **shots.FIELDS,
        "prompt": checks.text(facts.prompt_max if endpoint == "text2video" else facts.image_prompt_max),
        "negative_prompt": checks.text(checks.NEGATIVE_PROMPT_MAX),
        "camera_control": checks.nested(_CAMERA),
        **checks.COMMON,
    }
    if facts.cfg_scale == "supported":  # v2.x ignore it (F.8)
        fields["cfg_scale"] = checks.number(0, 1)
    if endpoint == "image2video":
        return {**fields, **_FRAMES}
    return {**fields, "aspect_ratio": checks.one_of(facts.aspect_ratios)}


_FRAMES: Mapping[str, Reader] = {
    "image": checks.text(),
    "image_tail": checks.text(),
    "static_mask": checks.text(),
    "dynamic_masks": checks.objects(6, lambda: _MASK),
    "element_list": checks.objects(3, lambda: checks.ELEMENT),
    "voice_list": checks.objects(2, lambda: _VOICE),
}

_FRAME_NAMES = ("image", "image_tail", "static_mask")

# --- what must be there ------------------------------------------------------------------------------------


def _check_required(endpoint: Endpoint, asked: Body, posted: Body) -> None:
    if endpoint == "image2video" and not ("image" in asked or "image_tail" in asked):
        raise illegal("image can not be null")
    shots.check_required(asked, posted)


# --- what goes together ------------------------------------------------------------------------------------


def _groups(asked: Body) -> int:
    """How many of the three things that exclude each other are given."""
    return sum(("image_tail" in asked, "dynamic_masks" in asked or "static_mask" in asked, "camera_control" in asked))


def _axes_moved(asked: Body) -> int:
    return sum(bool(value) for value in asked["camera_control"].get("config", {}).values())


def _is_simple(asked: Body) -> bool:
    return "camera_control" in asked and asked["camera_control"].get("type", "simple") == "simple"


def _is_preset(asked: Body) -> bool:
    return "camera_control" in asked and not _is_simple(asked)


_RULES = (
    *shots.RULES,
    Rule(lambda a: _groups(a) > 1, "only one of image_tail, dynamic_masks/static_mask and camera_control can be used"),
    Rule(
        lambda a: ("static_mask" in a or "dynamic_masks" in a) and "image" not in a,
        "image is required with dynamic_masks/static_mask",
    ),
    Rule(lambda a: "element_list" in a and "voice_list" in a, "element_list and voice_list cannot be used together"),
    Rule(
        lambda a: bool(_VOICE_REFERENCE.search(shots.words(a))) and a.get("sound") != "on",
        "sound must be on when a voice is specified in prompt",
    ),
    Rule(lambda a: _is_simple(a) and _axes_moved(a) != 1, "camera_control.config must have exactly one non-zero value"),
    Rule(
        lambda a: _is_preset(a) and "config" in a["camera_control"],
        "camera_control.config is only supported when type is simple",
    ),
    Rule(
        lambda a: any(len(mask["trajectories"]) < 2 for mask in a.get("dynamic_masks", [])),  # noqa: PLR2004 - a path has two ends
        "dynamic_masks.trajectories must have 2 to 77 points",
    ),
)


def _check_camera_type(asked: Body) -> None:
    """``type`` may be left out in text2video only. Contract: video.md A1."""
    if "camera_control" in asked and "type" not in asked["camera_control"]:
        raise illegal("camera_control.type is required")


# --- the order ---------------------------------------------------------------------------------------------


def _wish(endpoint: Endpoint, facts: ModelFacts, mode: str, asked: Body) -> Wish:
    camera = asked.get("camera_control")
    return Wish(
        wire="v1",
        endpoint=endpoint,
        model=facts.name,
        mode=mode,
        duration=asked["duration"],
        sound=asked.get("sound") == "on",
        speaks="voice_list" in asked and bool(_VOICE_REFERENCE.search(shots.words(asked))),
        first="image" in asked,
        last="image_tail" in asked,
        still_mask="static_mask" in asked,
        moving_masks="dynamic_masks" in asked,
        camera=camera and camera.get("type", "simple"),
        elements=len(asked.get("element_list", [])),
        voices=len(asked.get("voice_list", [])),
        shots=asked.get("multi_shot", False),
    )


# --- pictures ----------------------------------------------------------------------------------------------


def _start(asked: Body, shop: Shop) -> Picture | None:
    """The picture the clip starts (or, having no other, ends) with, every picture being checked."""
    frames = {name: shop.picture(name, asked[name], shaped=name == "image") for name in _FRAME_NAMES if name in asked}
    masks = [frames["static_mask"]] if "static_mask" in frames else []
    for index, mask in enumerate(asked.get("dynamic_masks", [])):
        masks.append(shop.picture(f"dynamic_masks[{index}].mask", mask["mask"], shaped=False))
    _check_masks(frames, [mask.size for mask in masks if mask.size])
    return frames.get("image") or frames.get("image_tail")


def _check_masks(frames: Mapping[str, Picture], masks: list[tuple[int, int]]) -> None:
    """Texts [OWN]."""
    if len(set(masks)) > 1:
        raise illegal("dynamic_masks/static_mask must have the same resolution")
    still, image = (frames[name].size if name in frames else None for name in ("static_mask", "image"))
    if still and image and abs(still[0] / still[1] - image[0] / image[1]) > 0.01:  # noqa: PLR2004 - a pixel of rounding
        raise illegal("static_mask must have the aspect ratio of image")


FAMILIES = tuple(
    Family(f"/v1/videos/{endpoint}", partial(order_of, endpoint)) for endpoint in ("text2video", "image2video")
)
