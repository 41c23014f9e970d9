"""The bodies of the new standard, text-to-video and image-to-video: read, checked, turned into an order.

Contract: video.md B1 to B3; the order of checks is that of part G. Messages without a captured text are [OWN].
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from kling_mcp.operations.model_facts import MODELS, RESOLUTIONS
from kling_mcp.sandbox import checks
from kling_mcp.sandbox.capability import known_model
from kling_mcp.sandbox.legacy import check_prompt
from kling_mcp.sandbox.order import Order
from kling_mcp.sandbox.wire import Refusal, illegal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_mcp.operations.model_facts import Endpoint, ModelFacts
    from kling_mcp.sandbox.checks import Body, Reader

ENDPOINTS: Mapping[str, Endpoint] = MappingProxyType({"text-to-video": "text2video", "image-to-video": "image2video"})
"""First segment of the path → endpoint of the table of facts."""

_BY_PATH = {facts.v2_name: facts for facts in MODELS.values() if facts.v2_name is not None}
_MODES = {resolution: mode for mode, resolution in RESOLUTIONS.items()}
_SHOT = re.compile(r"shot\s+(\d+)\s*,\s*(\d+)\s*,\s*([^;]*)", re.IGNORECASE)
_OPTIONS: Reader = checks.nested(
    {"callback_url": checks.link, "external_task_id": checks.text(), "watermark_info": checks.WATERMARK}
)


def order_of(family: str, model: str, posted: Body, *, serve_retired: bool) -> tuple[Order, Mapping[str, str]]:
    """Check a body of the new standard up to its cross-field rules.

    Returns:
        The order, and the pictures in it by the name of their item, not yet looked at.

    Raises:
        Refusal: The first thing Kling would complain about.
    """
    endpoint, facts = ENDPOINTS[family], _BY_PATH.get(model)
    if facts is None or endpoint not in facts.endpoints:
        raise Refusal(1203, f"Model '{model}' does not exist")  # [OWN]
    known_model(model, facts, serve_retired=serve_retired)
    body = checks.without_empties(posted)
    settings = _settings(endpoint, facts, body)
    options = checks.read(body, {"options": _OPTIONS}).get("options", {})
    contents = _texts(facts, body, posted) if endpoint == "text2video" else _contents(facts, body)
    order = _order(f"/{family}/{model}", endpoint, facts, settings, options, contents)
    _check_rules(order, contents)
    return order, {item["type"]: item["url"] for item in contents if "url" in item}


# --- values ------------------------------------------------------------------------------------------------


def _settings(endpoint: Endpoint, facts: ModelFacts, body: Body) -> Body:
    """The settings the model has, with defaults. What it does not have is an unknown key, hence ignored."""
    modes = facts.endpoints[endpoint]
    given = body.get("settings", {})
    if not isinstance(given, dict):
        raise checks.invalid("settings", given)
    given = cast("Body", given)
    resolutions = {"resolution": checks.one_of(RESOLUTIONS[mode] for mode in modes)}
    mode = _MODES[checks.read(given, resolutions, "settings.").get("resolution", "720p")]
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
    check_prompt(asked, posted)
    return [{"type": "prompt", "text": asked["prompt"]}]


def _prompt_max(facts: ModelFacts) -> int:
    """One page says 2500 for 3.0 Turbo with an image, another 3072 (F.5): the larger is accepted."""
    return facts.v2_prompt_max or facts.prompt_max


def _contents(facts: ModelFacts, body: Body) -> list[Body]:
    given = body.get("contents")
    if given is None:
        raise illegal("contents cannot be empty")
    if not isinstance(given, list):
        raise checks.invalid("contents", given)
    forms = _forms(facts)
    return [_content(f"contents[{index}]", item, forms) for index, item in enumerate(cast("list[Any]", given))]


def _forms(facts: ModelFacts) -> Mapping[str, Mapping[str, Reader]]:
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


def _content(name: str, item: Any, forms: Mapping[str, Mapping[str, Reader]]) -> Body:  # noqa: ANN401 - any JSON
    if not isinstance(item, dict):
        raise checks.invalid(name, item)
    fields = cast("Body", item)
    if "type" not in fields:
        raise illegal(f"{name}.type is required")
    kind = checks.one_of(forms)(f"{name}.type", fields["type"])
    read = checks.read(fields, forms[kind], f"{name}.")
    for key in forms[kind]:
        if key not in read:
            raise illegal(f"{name}.{key} is required")
    return {"type": kind} | read


# --- rules -------------------------------------------------------------------------------------------------


def _check_rules(order: Order, contents: list[Body]) -> None:
    counts = {kind: [item["type"] for item in contents].count(kind) for kind in ("prompt", "first_frame", "last_frame")}
    for kind, count in counts.items():
        if count > 1:
            raise illegal(f"contents can have only one {kind}")
    if order.endpoint == "image2video" and not order.first:
        raise illegal("first_frame is required")
    names = [item["id"] for item in contents if "id" in item]
    if len(set(names)) < len(names):
        raise illegal("contents ids must be unique")
    if order.voices and not order.sound:
        raise illegal("settings.audio must be native when a voice is used")
    _check_grammar(order)


def _check_grammar(order: Order) -> None:
    """``shot n, m, words;`` is expanded unless multi_shot is off, which 3.0 Turbo cannot say. Contract: video.md B1."""
    shots = _SHOT.findall(order.prompt) if order.shots or MODELS[order.model].shot_grammar else []
    if not shots:
        return
    seconds = [int(length) for _, length, _ in shots]
    if len(shots) > checks.SHOTS_MAX:
        raise illegal(f"shot size cannot exceed {checks.SHOTS_MAX}")
    if not all(1 <= int(number) <= checks.SHOTS_MAX for number, _, _ in shots):
        raise illegal(f"shot number must be 1 to {checks.SHOTS_MAX}")
    if min(seconds) < 1 or sum(seconds) != order.duration:
        raise illegal("the sum of shot durations must be equal to settings.duration")
    if any(len(words) > checks.SHOT_PROMPT_MAX for _, _, words in shots):
        raise illegal(f"shot prompt length cannot exceed {checks.SHOT_PROMPT_MAX}")


def _order(  # noqa: PLR0913, PLR0917 - the parts of one body, each read by its own function
    path: str, endpoint: Endpoint, facts: ModelFacts, settings: Body, options: Body, contents: list[Body]
) -> Order:
    prompt = " ".join(str(item["text"]) for item in contents if item["type"] == "prompt")
    kinds = [item["type"] for item in contents]
    voices = [item["id"] for item in contents if item["type"] == "voice"]
    return Order(
        wire="v2",
        path=path,
        endpoint=endpoint,
        model=facts.name,
        mode=settings["mode"],
        duration=int(settings["duration"]),
        prompt=prompt,
        aspect_ratio=settings.get("aspect_ratio", "16:9"),
        sound=facts.always_sound or settings["audio"] == "native",
        speaks=any(f"@{name}" in prompt for name in voices),
        first="first_frame" in kinds,
        last="last_frame" in kinds,
        elements=kinds.count("element"),
        voices=len(voices),
        shots=settings.get("multi_shot", False),
        external_id=options.get("external_task_id"),
        callback_url=options.get("callback_url"),
        watermark=options.get("watermark_info", {}).get("enabled"),
    )
