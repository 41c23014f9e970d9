"""Whether a model can make the clip that was asked for: text2video and image2video, against ``model_facts``.

It is the last check of the request itself. Contract: video.md part C, and the captured messages of section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kling_mcp.operations.model_facts import MODELS, RESOLUTIONS, ModeFacts
from kling_mcp.sandbox.wire import Refusal, illegal

if TYPE_CHECKING:
    from collections.abc import Callable

    from kling_mcp.operations.model_facts import Endpoint, ModelFacts
    from kling_mcp.sandbox.order import Wire


def known_model(name: str | None, facts: ModelFacts | None, *, serve_retired: bool) -> ModelFacts:
    """The facts of a model that is known and still served.

    Raises:
        Refusal: It is unknown (1201, captured) or retired (HTTP and code [OWN]: F.1).
    """
    if facts is None:
        raise illegal("model is not supported")
    if facts.retired is not None and not serve_retired:
        raise Refusal(1203, f"The model '{name}' has been discontinued and is no longer available.")
    return facts


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of a model, the same for both wires.

    Attributes:
        wire: Which generation of the API it came by.
        endpoint: Text or image to video.
        model: Name in ``model_facts.MODELS``.
        mode: ``std``, ``pro``, ``4k`` or ``*``; a resolution on the new wire is translated.
        duration: Requested seconds.
        sound: Whether there is a sound track.
        speaks: Whether a listed voice speaks, which costs more.
        first: Whether there is a first frame.
        last: Whether there is a last frame.
        still_mask: Whether there is a static mask.
        moving_masks: Whether there are dynamic masks.
        camera: The camera movement, if any.
        elements: How many elements are referred to.
        voices: How many voices are listed.
        shots: Whether the clip has several shots.
    """

    wire: Wire
    endpoint: Endpoint
    model: str
    mode: str
    duration: int
    sound: bool = False
    speaks: bool = False
    first: bool = False
    last: bool = False
    still_mask: bool = False
    moving_masks: bool = False
    camera: str | None = None
    elements: int = 0
    voices: int = 0
    shots: bool = False


@dataclass(frozen=True, slots=True)
class _Feature:
    """Something special in a wish, and what a row must have for it."""

    name: str
    wanted: Callable[[Wish], bool]
    possible: Callable[[ModeFacts, Wish], bool]
    refusal: Callable[[Wish, str], str] | None = None


def _unsupported(wish: Wish, name: str) -> str:
    facts = MODELS[wish.model]
    if wish.wire == "v1":
        return f"model/mode/duration({wish.model}/{wish.mode}/{wish.duration}) is not supported with {name}"
    resolution = RESOLUTIONS[wish.mode]
    return f"model/resolution/duration({facts.v2_name}/{resolution}/{wish.duration}) is not supported with {name}"


def _no_tail(wish: Wish, name: str) -> str:
    rows = MODELS[wish.model].endpoints[wish.endpoint].values()
    if not any(row.first_last or row.last_only for row in rows):
        return "Image tail is not supported by the current model"
    return _unsupported(wish, name)


def _no_camera(wish: Wish, _: str) -> str:
    """The captured sentence for text2video; its like, by the table, for image2video."""
    model, mode, row = next(
        (facts.name, mode, row)
        for facts in reversed(list(MODELS.values()))
        for mode, row in facts.endpoints.get(wish.endpoint, {}).items()
        if row.camera
    )
    return f"camera_control is only supported in {mode} mode with {row.camera[0]}s duration and {model}"


def _moves(row: ModeFacts, wish: Wish) -> bool:
    return wish.duration in row.camera and wish.camera in row.camera_types


# In this order; the first that is wanted and impossible is what the answer speaks of.
_FEATURES = (
    _Feature("camera_control", lambda w: w.camera is not None, _moves, _no_camera),
    _Feature("image_tail", lambda w: w.first and w.last, lambda r, w: w.duration in r.first_last, _no_tail),
    _Feature("only image_tail", lambda w: w.last and not w.first, lambda r, w: w.duration in r.last_only, _no_tail),
    _Feature("static_mask", lambda w: w.still_mask, lambda r, w: w.duration in r.brush),
    _Feature("dynamic_masks", lambda w: w.moving_masks, lambda r, w: w.duration in r.brush),
    _Feature("multi_shot", lambda w: w.shots, lambda r, _: r.multi_shot),
    _Feature("sound", lambda w: w.sound and not MODELS[w.model].always_sound, lambda r, _: r.sound),
    _Feature("sound and image_tail", lambda w: w.sound and w.last, lambda r, _: not r.silent_with_last),
    _Feature("element_list", lambda w: w.elements > 0, lambda r, w: w.elements <= r.max_elements),
    _Feature("voice_list", lambda w: w.voices > 0, lambda r, w: w.duration in r.voice and w.voices <= r.max_voices),
    # capabilities.json, kling-v2-6: voice only with sound on. The new wire's rules say so before this table is asked.
    _Feature("voice_list without sound", lambda w: w.voices > 0, lambda _, w: w.sound),
)
# What the new wire calls them. It has no cameras and no masks.
_STANDARD_NAMES = {
    "image_tail": "last_frame",
    "only image_tail": "only last_frame",
    "multi_shot": "settings.multi_shot",
    "sound": "settings.audio",
    "sound and image_tail": "settings.audio and last_frame",
    "element_list": "element",
    "voice_list": "voice",
}


def check_capability(wish: Wish) -> None:
    """Compare a wish with its row of the capability map.

    Raises:
        Refusal: 1201, about the first feature the row lacks.
    """
    row = MODELS[wish.model].row(wish.endpoint, wish.mode)
    assert row is not None  # noqa: S101 - the mode was read against this very table
    for feature in _FEATURES:
        if feature.wanted(wish) and not feature.possible(row, wish):
            name = feature.name if wish.wire == "v1" else _STANDARD_NAMES[feature.name]
            raise illegal((feature.refusal or _unsupported)(wish, name))
