"""Text to video and image to video on the new standard: bodies read, checked, turned into orders.

Contract: video.md B1 to B3; the order of checks is that of part G. Messages without a captured text are [OWN].
"""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from kling_mcp.operations.model_facts import MODELS
from kling_mcp.sandbox import checks
from kling_mcp.sandbox.capability import Wish, check_capability, known_model
from kling_mcp.sandbox.families.clips import clip_order
from kling_mcp.sandbox.families.contents import (
    check_contents,
    check_grammar,
    check_library,
    contents_of,
    mode_of,
    options_of,
    prompt_in,
    settings_of,
)
from kling_mcp.sandbox.family import Standard
from kling_mcp.sandbox.wire import Refusal, illegal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_mcp.operations.model_facts import Endpoint, ModelFacts
    from kling_mcp.sandbox.checks import Body, Reader
    from kling_mcp.sandbox.families.contents import Forms
    from kling_mcp.sandbox.order import Order
    from kling_mcp.sandbox.pictures import Picture
    from kling_mcp.sandbox.shop import Shop

ENDPOINTS: Mapping[str, Endpoint] = MappingProxyType({"text-to-video": "text2video", "image-to-video": "image2video"})
"""First segment of the path → endpoint of the table of facts."""

_BY_PATH = {facts.v2_name: facts for facts in MODELS.values() if facts.v2_name is not None}


def order_of(family: str, model: str, posted: Body, shop: Shop) -> Order:
    """Check a body of the new standard and say what to make.

    Raises:
        Refusal: The first thing Kling would complain about.
    """
    endpoint, facts = ENDPOINTS[family], _BY_PATH.get(model)
    if facts is None or endpoint not in facts.endpoints:
        raise Refusal(1203, f"Model '{model}' does not exist")  # [OWN]
    known_model(model, facts, serve_retired=shop.serve_retired)
    body = checks.without_empties(posted)
    settings = _settings(endpoint, facts, body)
    shared = options_of(body)
    contents = _texts(facts, body, posted) if endpoint == "text2video" else contents_of(body, _forms(facts))
    wish, prompt = _wish(endpoint, facts, settings, contents), prompt_in(contents)
    _check_rules(wish, prompt, contents)
    check_capability(wish)
    check_library(contents, shop)
    return clip_order(
        wish,
        path=f"/{family}/{model}",
        prompt=prompt,
        aspect_ratio=settings.get("aspect_ratio", "16:9"),
        start=_start(contents, shop),
        shared=shared,
    )


# --- values ------------------------------------------------------------------------------------------------


def _settings(endpoint: Endpoint, facts: ModelFacts, body: Body) -> Body:
    """The settings the model has, with defaults. What it does not have is an unknown key, hence ignored."""
    modes = facts.endpoints[endpoint]
    given = settings_of(body)
    mode = mode_of(given, modes)
    fields: dict[str, Reader] = {"duration": checks.one_of(modes[mode].durations)}
    if not facts.always_sound and any(row.sound for row in modes.values()):
        fields["audio"] = checks.one_of(("native", "off"))
    if endpoint == "text2video":
        fields["aspect_ratio"] = checks.one_of(facts.aspect_ratios)
    shots: Body = {}
    if any(row.multi_shot for row in modes.values()):
        fields["multi_shot"] = checks.flag
        shots = {"multi_shot": True}  # the trap of the new wire
    return {"mode": mode, "duration": "5", "audio": "off"} | shots | checks.read(given, fields, "settings.")


def _texts(facts: ModelFacts, body: Body, posted: Body) -> list[Body]:
    """The top-level prompt, in the form of ``contents``."""
    asked = checks.read(body, {"prompt": checks.text(_prompt_max(facts))})
    checks.demand(asked, posted, ["prompt"])
    return [{"type": "prompt", "text": asked["prompt"]}]


def _prompt_max(facts: ModelFacts) -> int:
    """One page says 2500 for 3.0 Turbo with an image, another 3072 (F.5): the larger is accepted."""
    return facts.v2_prompt_max or facts.prompt_max


def _forms(facts: ModelFacts) -> Forms:
    """The types of content a model takes, each with its fields, all required."""
    rows = facts.endpoints["image2video"].values()
    forms: dict[str, Mapping[str, Reader]] = {
        "prompt": {"text": checks.text(_prompt_max(facts))},
        "first_frame": {"url": checks.text()},
    }
    if any(row.first_last for row in rows):
        forms["last_frame"] = {"url": checks.text()}
    if any(row.max_elements for row in rows):
        forms["element"] = {"element_id": checks.ELEMENT_ID, "id": checks.text()}
    if any(row.max_voices for row in rows):
        forms["voice"] = {"voice_id": checks.text(), "id": checks.text()}
    return forms


# --- rules -------------------------------------------------------------------------------------------------


def _check_rules(wish: Wish, prompt: str, contents: list[Body]) -> None:
    check_contents(contents, single=("prompt", "first_frame", "last_frame"))
    if wish.endpoint == "image2video" and not wish.first:
        raise illegal("first_frame is required")
    if wish.voices and not wish.sound:
        raise illegal("settings.audio must be native when a voice is used")
    if wish.shots or MODELS[wish.model].shot_grammar:
        check_grammar(prompt, wish.duration)


def _wish(endpoint: Endpoint, facts: ModelFacts, settings: Body, contents: list[Body]) -> Wish:
    kinds = [item["type"] for item in contents]
    voices = [item["id"] for item in contents if item["type"] == "voice"]
    return Wish(
        wire="v2",
        endpoint=endpoint,
        model=facts.name,
        mode=settings["mode"],
        duration=int(settings["duration"]),
        sound=facts.always_sound or settings["audio"] == "native",
        speaks=any(f"@{name}" in prompt_in(contents) for name in voices),
        first="first_frame" in kinds,
        last="last_frame" in kinds,
        elements=kinds.count("element"),
        voices=len(voices),
        shots=settings.get("multi_shot", False),
    )


def _start(contents: list[Body], shop: Shop) -> Picture | None:
    """The first frame, every picture being checked."""
    frames = {
        item["type"]: shop.picture(item["type"], item["url"], "v2", shaped=item["type"] == "first_frame")
        for item in contents
        if "url" in item
    }
    return frames.get("first_frame")


STANDARDS = tuple(Standard(f"/{family}", partial(order_of, family)) for family in ENDPOINTS)
