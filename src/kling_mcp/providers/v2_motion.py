"""Motion control in the new wire's words. Contract: video.md B4."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from kling_mcp.operations.model_facts import RESOLUTIONS
from kling_mcp.providers.v2_prompt import citation_ids, cited, listed, prompt_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MODELS: Mapping[str, str] = MappingProxyType({"kling-v3": "kling-3.0", "kling-v2-6": "kling-2.6"})
"""Legacy model → its path segment."""
PROMPT_MAX = 2500
TAKES_ELEMENTS = frozenset({"kling-v3"})

CARRIED = frozenset(
    {
        "model_name",
        "image_url",
        "video_url",
        "character_orientation",
        "mode",
        "prompt",
        "keep_original_sound",
        "element_list",
        "watermark_info",
    }
)
"""Legacy fields the new wire has a place for."""

_CITED = {"element_list": "element"}


def written(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body on the new wire."""
    settings = {"character_orientation": body["character_orientation"]}
    if "mode" in body:
        settings["resolution"] = RESOLUTIONS[body["mode"]]
    if kept := body.get("keep_original_sound"):  # unsaid, both wires keep it
        settings["audio"] = "original" if kept == "yes" else "off"
    return {"contents": list(_contents(body)), "settings": settings}


def obstacle(body: Mapping[str, Any]) -> str | None:
    """Why it cannot be carried, as the rest of a sentence; None if it can."""
    if body.get("element_list") and body["model_name"] not in TAKES_ELEMENTS:
        return "has no element_list with this model"
    return None


def _contents(body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    ids = citation_ids(body, _CITED)
    yield {"type": "image", "url": body["image_url"]}
    yield {"type": "video", "url": body["video_url"]}
    if prompt := cited(prompt_of(body), ids):
        yield {"type": "prompt", "text": prompt}
    yield from listed(body, "element_list", "element", ids)
