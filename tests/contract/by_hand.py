"""A tool's arguments written as Kling's body by hand: nothing is checked, and our classes have no part in it.

Only what the tool does by itself is done here too: a default that Kling demands or reads differently, a nested place,
the path. Contract: the endpoint's section in either file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from .values import Json

V, I, G, A = "/v1/videos", "/v1/images", "/v1/general", "/v1/audio"  # noqa: E741 - stands beside V
Wire = tuple[str, Any]


def _plain(path: str, **defaults: Any) -> Callable[[Json], Wire]:  # noqa: ANN401 - any JSON
    return lambda said: (path, defaults | said)


def _video(said: Json) -> Wire:
    framed = bool(said.get("image") or said.get("image_tail"))
    if said.get("model_name") == "kling-3.0-turbo":
        return _turbo(said, framed=framed)
    return f"{V}/{'image2video' if framed else 'text2video'}", {"model_name": "kling-v3"} | said


def _turbo(said: Json, *, framed: bool) -> Wire:
    """The only model that the old wire does not have. Contract: video.md B2, B3."""
    modes = {"std": "720p", "pro": "1080p", "4k": "4k"}
    names = {"duration": "duration", "aspect_ratio": "aspect_ratio", "multi_shot": "multi_shot"}
    settings: Json = {new: said[old] for old, new in names.items() if old in said}
    if "mode" in said:
        settings["resolution"] = (
            modes.get(said["mode"], said["mode"]) if isinstance(said["mode"], str) else said["mode"]
        )
    shared: Json = {"settings": settings} | ({"options": said["options"]} if "options" in said else {})
    if not framed:
        return "/text-to-video/kling-3.0-turbo", shared | {"prompt": said.get("prompt", "")}
    places = {"image": "first_frame", "image_tail": "last_frame"}
    contents: list[Json] = [{"type": kind, "url": said[name]} for name, kind in places.items() if said.get(name)]
    if said.get("prompt"):
        contents.append({"type": "prompt", "text": said["prompt"]})
    return "/image-to-video/kling-3.0-turbo", shared | {"contents": contents}


def _effect(said: Json) -> Wire:
    pictures = {name: said[name] for name in ("image", "images") if name in said}
    return f"{V}/effects", {**{k: v for k, v in said.items() if k not in pictures}, "input": pictures}


_OF_THE_SESSION = ("session_id", "watermark_info")


def _lips(said: Json) -> Wire:
    face = {"sound_start_time": 0, "sound_insert_time": 0}
    face |= {name: value for name, value in said.items() if name not in _OF_THE_SESSION}
    return f"{V}/advanced-lip-sync", {n: said[n] for n in _OF_THE_SESSION if n in said} | {"face_choose": [face]}


def _old_lips(said: Json) -> Wire:
    if said.get("text"):
        usual = {"mode": "text2video", "voice_id": "oversea_male1", "voice_language": "en"}
    else:
        usual = {"mode": "audio2video", "audio_type": "file" if "audio_file" in said else "url"}
    return f"{V}/lip-sync", {"input": usual | said}


def _expansion(said: Json) -> Wire | None:
    if "target_aspect_ratio" in said:
        return None  # Kling knows no such thing: the four ratios are worked out here
    sides = [f"{side}_expansion_ratio" for side in ("up", "down", "left", "right")]
    usual = dict.fromkeys(sides, 0) if said.keys() & set(sides) else {}
    return f"{I}/editing/expand", usual | said


def _mark(said: Json) -> Wire | None:
    action = said.get("action")
    if action not in {"add", "delete", "clear"}:
        return None  # our word for one of three paths
    return f"{V}/multi-elements/{action}-selection", {n: v for n, v in said.items() if n != "action"}


def _element(said: Json) -> Wire:
    body = {n: v for n, v in said.items() if n not in {"frontal_image", "refer_images", "video_url"}}
    if "video_url" in said:
        videos = [{"video_url": said["video_url"]}]
        body |= {"reference_type": "video_refer", "element_video_list": {"refer_videos": videos}}
    else:
        shown = {n: said[n] for n in ("frontal_image", "refer_images") if n in said}
        body |= {"reference_type": "image_refer", "element_image_list": shown}
    return f"{G}/advanced-custom-elements", body


WIRES: dict[str, Callable[[Json], Wire | None]] = {
    "generate_video": _video,
    "generate_omni_video": _plain(f"{V}/omni-video", model_name="kling-v3-omni", aspect_ratio="16:9"),
    "motion_control": _plain(f"{V}/motion-control", model_name="kling-v3", mode="std"),
    "native_extend": _plain(f"{V}/video-extend"),
    "apply_effect": _effect,
    "multi_image_to_video": _plain(f"{V}/multi-image2video"),
    "advanced_lip_sync": _lips,
    "identify_faces": _plain(f"{V}/identify-face"),
    "lip_sync_classic": _old_lips,
    "generate_avatar": _plain(f"{V}/avatar/image2video"),
    "text_to_speech": _plain(f"{A}/tts", voice_id="oversea_male1", voice_language="en"),
    "text_to_audio": _plain(f"{A}/text-to-audio"),
    "video_to_audio": _plain(f"{A}/video-to-audio"),
    "generate_image": _plain(f"{I}/generations", model_name="kling-v3"),
    "generate_omni_image": _plain(f"{I}/omni-image", model_name="kling-v3-omni"),
    "multi_image_to_image": _plain(f"{I}/multi-image2image"),
    "expand_image": _expansion,
    "ai_multi_shot": _plain(f"{G}/ai-multi-shot"),
    "recognize_image": _plain(f"{V}/image-recognize"),
    "virtual_try_on": _plain(f"{I}/kolors-virtual-try-on"),
    "start_video_edit": _plain(f"{V}/multi-elements/init-selection"),
    "mark_video_edit": _mark,
    "preview_video_edit": _plain(f"{V}/multi-elements/preview-selection"),
    "edit_video": _plain(f"{V}/multi-elements"),
    "create_voice": _plain(f"{G}/custom-voices"),
    "create_element": _element,
}


def by_hand(tool: str, said: Json) -> Wire | None:
    """Path and body for a tool's arguments as Kling names them; None where Kling has no words for them."""
    body = {name: value for name, value in said.items() if value not in (None, "", [], {})}
    watermark = body.pop("watermark", None)
    if watermark is not None:
        body |= {"watermark_info": {"enabled": watermark}, "options": {"watermark_info": {"enabled": watermark}}}
    return WIRES[tool](body)
