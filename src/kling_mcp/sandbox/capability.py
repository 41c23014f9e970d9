"""Whether a model can do what was ordered: the last check of the request itself, against ``model_facts``.

Contract: video.md part C, and the captured messages of section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kling_mcp.operations.model_facts import MODELS, RESOLUTIONS, ModeFacts
from kling_mcp.sandbox.wire import Refusal, illegal

if TYPE_CHECKING:
    from collections.abc import Callable

    from kling_mcp.operations.model_facts import ModelFacts
    from kling_mcp.sandbox.order import Order


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
class _Feature:
    """Something special in an order, and what a row must have for it."""

    name: str
    wanted: Callable[[Order], bool]
    possible: Callable[[ModeFacts, Order], bool]
    refusal: Callable[[Order, str], str] | None = None


def _unsupported(order: Order, name: str) -> str:
    facts = MODELS[order.model]
    if order.wire == "v1":
        return f"model/mode/duration({order.model}/{order.mode}/{order.duration}) is not supported with {name}"
    resolution = RESOLUTIONS[order.mode]
    return f"model/resolution/duration({facts.v2_name}/{resolution}/{order.duration}) is not supported with {name}"


def _no_tail(order: Order, name: str) -> str:
    rows = MODELS[order.model].endpoints[order.endpoint].values()
    if not any(row.first_last or row.last_only for row in rows):
        return "Image tail is not supported by the current model"
    return _unsupported(order, name)


def _no_camera(order: Order, _: str) -> str:
    """The captured sentence for text2video; its like, by the table, for image2video."""
    model, mode, row = next(
        (facts.name, mode, row)
        for facts in reversed(list(MODELS.values()))
        for mode, row in facts.endpoints.get(order.endpoint, {}).items()
        if row.camera
    )
    return f"camera_control is only supported in {mode} mode with {row.camera[0]}s duration and {model}"


def _moves(row: ModeFacts, order: Order) -> bool:
    return order.duration in row.camera and order.camera in row.camera_types


# In this order; the first that is wanted and impossible is what the answer speaks of.
_FEATURES = (
    _Feature("camera_control", lambda o: o.camera is not None, _moves, _no_camera),
    _Feature("image_tail", lambda o: o.first and o.last, lambda r, o: o.duration in r.first_last, _no_tail),
    _Feature("only image_tail", lambda o: o.last and not o.first, lambda r, o: o.duration in r.last_only, _no_tail),
    _Feature("static_mask", lambda o: o.still_mask, lambda r, o: o.duration in r.brush),
    _Feature("dynamic_masks", lambda o: o.moving_masks, lambda r, o: o.duration in r.brush),
    _Feature("multi_shot", lambda o: o.shots, lambda r, _: r.multi_shot),
    _Feature("sound", lambda o: o.sound and not MODELS[o.model].always_sound, lambda r, _: r.sound),
    _Feature("sound and image_tail", lambda o: o.sound and o.last, lambda r, _: r.sound_with_last),
    _Feature("element_list", lambda o: o.elements > 0, lambda r, o: o.elements <= r.max_elements),
    _Feature("voice_list", lambda o: o.voices > 0, lambda r, o: o.duration in r.voice and o.voices <= r.max_voices),
    # capabilities.json, kling-v2-6: voice only with sound on. The new wire's rules say so before this table is asked.
    _Feature("voice_list without sound", lambda o: o.voices > 0, lambda _, o: o.sound),
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


def check_capability(order: Order) -> None:
    """Compare an order with its row of the capability map.

    Raises:
        Refusal: 1201, about the first feature the row lacks.
    """
    row = MODELS[order.model].row(order.endpoint, order.mode)
    assert row is not None  # noqa: S101 - the mode was read against this very table
    for feature in _FEATURES:
        if feature.wanted(order) and not feature.possible(row, order):
            name = feature.name if order.wire == "v1" else _STANDARD_NAMES[feature.name]
            raise illegal((feature.refusal or _unsupported)(order, name))
