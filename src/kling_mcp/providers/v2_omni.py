"""Omni video in the new wire's words: pictures, elements, a video, all cited by ids. Contract: video.md B5 and B6."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from kling_mcp.operations.model_facts import RESOLUTIONS
from kling_mcp.operations.omni_facts import OMNI_MODELS
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
        "image_list",
        "element_list",
        "video_list",
        "watermark_info",
    }
)
"""Legacy fields the new wire has a place for."""

_CITED = {"image_list": "image", "video_list": "video", "element_list": "element"}
_PICTURES: Mapping[str | None, str] = MappingProxyType({"first_frame": "first_frame", "end_frame": "last_frame"})
"""``type`` of a legacy picture → among the contents. Any other picture is a ``refer_image``."""
_VIDEOS: Mapping[str, str] = MappingProxyType({"base": "base_video", "feature": "feature_video"})
_LEGACY_MODE = "pro"
"""What the old wire makes where no mode is said; the new wire's own default is the lower one. Contract: A3, B5."""


def written(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body on the new wire."""
    return {"contents": list(_contents(body)), "settings": dict(_settings(body))}


def obstacle(body: Mapping[str, Any]) -> str | None:
    """Why it cannot be carried, as the rest of a sentence; None if it can."""
    facts, video = OMNI_MODELS[body["model_name"]], _video(body)
    if body.get("sound") == "on" and (video or not facts.sound):
        return "makes no sound of its own beside a video" if video else "makes no sound with this model"
    if _kind(video) == "feature_video" and video.get("keep_original_sound") == "yes":
        return "keeps no sound of a video that serves as a feature reference (keep_original_sound)"
    seconds = int(body.get("duration", 5))
    if not video and seconds not in facts.sure_durations and not _refers(body):
        return (
            f"makes no clip of {seconds} s with this model without a reference picture"  # seen on the live server (F.2)
        )
    if body.get("multi_shot") and (not facts.multi_shot or _kind(video) == "base_video"):
        return "makes no multi_shot " + ("while it edits a video" if video else "with this model")
    return None


def _refers(body: Mapping[str, Any]) -> bool:
    """Whether there is anything to be true to beside frames."""
    return bool(body.get("element_list")) or any("type" not in picture for picture in body.get("image_list", ()))


def _contents(body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    ids = citation_ids(body, _CITED)
    if prompt := cited(prompt_of(body), ids):
        yield {"type": "prompt", "text": prompt}
    for n, picture in enumerate(body.get("image_list", ()), start=1):
        kind = _PICTURES.get(picture.get("type"), "refer_image")
        yield {"type": kind, "url": picture["image_url"], "id": ids[f"image_{n}"]}
    if video := _video(body):
        yield {"type": _kind(video), "url": video["video_url"], "id": ids["video_1"]}
    yield from listed(body, "element_list", "element", ids)


def _settings(body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    video = _video(body)
    yield "resolution", RESOLUTIONS[body.get("mode", _LEGACY_MODE)]
    if _kind(video) != "base_video":  # an edited video keeps its own length, and the old wire ignores the field
        yield "duration", int(body.get("duration", 5))
    if "aspect_ratio" in body:
        yield "aspect_ratio", body["aspect_ratio"]
    if audio := _audio(body, video):
        yield "audio", audio
    if OMNI_MODELS[body["model_name"]].multi_shot:
        yield "multi_shot", bool(body.get("multi_shot"))  # always said: Kling's own default is true


def _audio(body: Mapping[str, Any], video: Mapping[str, Any]) -> str | None:
    """Whose sound the clip has; None where nothing was said, and each wire keeps its own default."""
    if video:
        # The old wire's default is documented for motion control alone, where the sound is kept (A5). A feature video
        # has no sound to give here.
        kept = video.get("keep_original_sound", "yes" if _kind(video) == "base_video" else "no")
        return "original" if kept == "yes" else "off"
    sound = body.get("sound")
    return None if sound is None else "native" if sound == "on" else "off"


def _video(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The one video; empty if there is none."""
    videos = body.get("video_list")
    return videos[0] if videos else {}


def _kind(video: Mapping[str, Any]) -> str | None:
    return _VIDEOS[video.get("refer_type", "base")] if video else None
