"""Clips from text and from frames in the new wire's words. Contract: video.md B2 and B3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kling_mcp.operations.model_facts import MODELS, RESOLUTIONS, Endpoint, ModelFacts
from kling_mcp.providers.v2_prompt import citation_ids, cited, listed, prompt_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CARRIED = frozenset(
    {
        "model_name",
        "prompt",
        "mode",
        "duration",
        "sound",
        "aspect_ratio",
        "multi_shot",
        "shot_type",
        "multi_prompt",
        "image",
        "image_tail",
        "element_list",
        "voice_list",
        "watermark_info",
    }
)
"""Legacy fields the new wire has a place for."""

_CITED = {"element_list": "element", "voice_list": "voice"}
_FRAMES = (("image", "first_frame"), ("image_tail", "last_frame"))


def from_text(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a clip from text."""
    facts = MODELS[body["model_name"]]
    prompt = cited(prompt_of(body, shot_grammar=facts.shot_grammar), citation_ids(body, _CITED))
    return {"prompt": prompt, "settings": _settings(body, facts, "text2video")}


def from_frames(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a clip from a first frame, and perhaps a last one."""
    facts = MODELS[body["model_name"]]
    return {"contents": list(_contents(body, facts)), "settings": _settings(body, facts, "image2video")}


def frames_obstacle(body: Mapping[str, Any]) -> str | None:
    """Why frames cannot be carried; None if they can."""
    if body.get("image_tail") and not body.get("image"):
        return "takes a last frame (image_tail) only together with a first one (image)"
    rows = MODELS[body["model_name"]].endpoints.get("image2video", {}).values()
    places = {
        "image_tail": any(row.first_last for row in rows),
        "element_list": any(row.max_elements for row in rows),
        "voice_list": any(row.max_voices for row in rows),
    }
    homeless = [name for name, has_place in places.items() if body.get(name) and not has_place]
    return f"has no {', '.join(homeless)} with this model" if homeless else None


def _contents(body: Mapping[str, Any], facts: ModelFacts) -> Iterator[dict[str, Any]]:
    ids = citation_ids(body, _CITED)
    if prompt := cited(prompt_of(body, shot_grammar=facts.shot_grammar), ids):
        yield {"type": "prompt", "text": prompt}
    for field, kind in _FRAMES:
        if body.get(field):
            yield {"type": kind, "url": body[field]}
    for field, kind in _CITED.items():
        yield from listed(body, field, kind, ids)


def _settings(body: Mapping[str, Any], facts: ModelFacts, endpoint: Endpoint) -> dict[str, Any]:
    settings: dict[str, Any] = {"duration": int(body.get("duration", 5))}
    if "mode" in body:
        settings["resolution"] = RESOLUTIONS[body["mode"]]
    if "aspect_ratio" in body and endpoint == "text2video":
        settings["aspect_ratio"] = body["aspect_ratio"]
    if "sound" in body and not facts.always_sound:
        settings["audio"] = "native" if body["sound"] == "on" else "off"
    if any(row.multi_shot for row in facts.endpoints.get(endpoint, {}).values()):
        settings["multi_shot"] = bool(body.get("multi_shot"))  # always said: Kling's own default is true
    return settings
