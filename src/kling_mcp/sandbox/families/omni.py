"""Omni video: legacy ``omni-video``, and ``/omni-video/{model}`` of the new standard.

Contract: video.md A3, B5, B6; the order of checks is that of part G. Messages without a captured text are [OWN].
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from kling_mcp.operations.omni_facts import OMNI_MODELS
from kling_mcp.sandbox import checks
from kling_mcp.sandbox.families import shots
from kling_mcp.sandbox.families.contents import (
    check_contents,
    check_grammar,
    contents_of,
    mode_of,
    of_type,
    options_of,
    prompt_in,
    settings_of,
)
from kling_mcp.sandbox.families.omni_rules import OmniWish, omni_order
from kling_mcp.sandbox.family import Family, Standard
from kling_mcp.sandbox.wire import Refusal, illegal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_mcp.operations.omni_facts import OmniFacts
    from kling_mcp.sandbox.checks import Body, Reader
    from kling_mcp.sandbox.families.contents import Forms
    from kling_mcp.sandbox.order import Order
    from kling_mcp.sandbox.shop import Shop

_PATH = "/v1/videos/omni-video"
_DEFAULT_MODEL = "kling-video-o1"
_MOST_IMAGES = 9
"""Longest ``image_list`` that can pass at all: seven references and two frames."""
_IMAGE: Mapping[str, Reader] = {"image_url": checks.text(), "type": checks.one_of(("first_frame", "end_frame"))}
_VIDEO: Mapping[str, Reader] = {
    "video_url": checks.text(),
    "refer_type": checks.one_of(("base", "feature")),
    "keep_original_sound": checks.YES_NO,
}

# --- legacy ------------------------------------------------------------------------------------------------


def order_of(posted: Body, shop: Shop) -> Order:
    """Check a legacy body and say what to make.

    Raises:
        Refusal: The first thing Kling would complain about.
    """
    body = checks.without_empties(posted)
    facts = OMNI_MODELS.get(str(body.get("model_name", _DEFAULT_MODEL)))
    if facts is None:
        raise illegal("model is not supported")
    asked: Body = {"mode": "pro", "sound": "off"} | checks.read(body, _fields(facts))
    video: Body = asked["video_list"][0] if "video_list" in asked else {}
    edits = bool(video) and video.get("refer_type", "base") == "base"
    asked["duration"] = 5 if edits else int(checks.one_of(facts.durations)("duration", asked.get("duration", "5")))
    shots.check_required(asked, posted)
    checks.obey(asked, shots.RULES)
    wish = OmniWish(
        wire="v1",
        facts=facts,
        mode=asked["mode"],
        duration=asked["duration"],
        prompt=shots.words(asked),
        ratio=asked.get("aspect_ratio"),
        **_frames(asked),
        elements=tuple(one["element_id"] for one in asked.get("element_list", [])),
        video=video.get("video_url"),
        edits=edits,
        audio=_audio(asked, video),
        shots=asked.get("multi_shot", False),
    )
    if wish.video and not wish.edits and shots.customized(asked):
        raise illegal("shot_type must be intelligence with a feature video")
    return omni_order(wish, shop, path=_PATH, shared=checks.common(asked))


def _fields(facts: OmniFacts) -> Mapping[str, Reader]:
    return {
        "mode": checks.one_of(facts.modes),
        "duration": checks.as_given,  # without meaning where a video is edited
        "sound": checks.ON_OFF,
        "aspect_ratio": checks.ASPECT_RATIO,
        **shots.FIELDS,
        "prompt": checks.text(facts.prompt_max),
        "image_list": checks.objects(_MOST_IMAGES, lambda: _IMAGE, optional=("type",)),
        "element_list": checks.objects(7, lambda: checks.ELEMENT),
        "video_list": checks.objects(1, lambda: _VIDEO, optional=("refer_type", "keep_original_sound")),
        **checks.COMMON,
    }


def _frames(asked: Body) -> Body:
    """The pictures of a legacy body by what they are for."""
    images = asked.get("image_list", [])
    frames: Body = {"images": tuple(one["image_url"] for one in images if "type" not in one)}
    for name, kind in (("first", "first_frame"), ("last", "end_frame")):
        urls = [one["image_url"] for one in images if one.get("type") == kind]
        if len(urls) > 1:
            raise illegal(f"image_list can have only one {kind}")
        frames[name] = urls[0] if urls else None
    return frames


def _audio(asked: Body, video: Body) -> str:
    if asked["sound"] == "on":
        return "native"
    return "original" if video and video.get("keep_original_sound", "yes") == "yes" else "off"


# --- new standard ------------------------------------------------------------------------------------------

_BY_PATH = MappingProxyType(
    {facts.v2_name: facts for facts in OMNI_MODELS.values()} | {"kling-v3-omni": OMNI_MODELS["kling-v3-omni"]}
)
"""The last is a second name, seen once (B5)."""
_PICTURE: Mapping[str, Reader] = {"url": checks.text(), "id": checks.text()}
_SINGLE = ("prompt", "first_frame", "last_frame", "feature_video", "base_video")
_PICTURES = ("first_frame", "last_frame", "refer_image")
_VIDEOS = ("feature_video", "base_video")


def standard_order(model: str, posted: Body, shop: Shop) -> Order:
    """Check a body of the new standard and say what to make.

    Raises:
        Refusal: The first thing Kling would complain about.
    """
    facts = _BY_PATH.get(model)
    if facts is None:
        raise Refusal(1203, f"Model '{model}' does not exist")  # [OWN]
    body = checks.without_empties(posted)
    settings, said = _settings(facts, body)
    shared = options_of(body)
    optional = [f"{kind}.id" for kind in (*_PICTURES, *_VIDEOS)]
    contents = contents_of(body, _forms(facts), optional)
    check_contents(contents, single=_SINGLE)
    videos = [*of_type(contents, "base_video"), *of_type(contents, "feature_video")]
    if len(videos) > 1:
        raise illegal("contents can have only one video")
    edits = bool(of_type(contents, "base_video"))
    if settings.get("multi_shot") and not edits:
        check_grammar(prompt_in(contents), int(settings["duration"]))
    wish = OmniWish(
        wire="v2",
        facts=facts,
        mode=settings["mode"],
        duration=int(settings["duration"]),
        prompt=prompt_in(contents),
        ratio=settings.get("aspect_ratio"),
        first=_url(contents, "first_frame"),
        last=_url(contents, "last_frame"),
        images=tuple(one["url"] for one in of_type(contents, "refer_image")),
        elements=tuple(one["element_id"] for one in of_type(contents, "element")),
        video=videos[0]["url"] if videos else None,
        edits=edits,
        audio=settings["audio"],
        shots=said,
    )
    return omni_order(wish, shop, path=f"/omni-video/{model}", shared=shared)


def _settings(facts: OmniFacts, body: Body) -> tuple[Body, bool]:
    """The settings with their defaults, and whether several shots were asked for in so many words."""
    given = settings_of(body)
    mode = mode_of(given, facts.modes)
    fields: dict[str, Reader] = {
        "duration": checks.one_of(facts.durations),
        "audio": checks.one_of(("native", "original", "off") if facts.sound else ("original", "off")),
        "aspect_ratio": checks.ASPECT_RATIO,
    }
    usual: Body = {"mode": mode, "duration": "5", "audio": "off"}
    if facts.multi_shot:
        fields["multi_shot"] = checks.flag
        usual["multi_shot"] = True
    read = checks.read(given, fields, "settings.")
    return usual | read, bool(read.get("multi_shot"))


def _forms(facts: OmniFacts) -> Forms:
    return {
        "prompt": {"text": checks.text(facts.v2_prompt_max)},
        **dict.fromkeys(_PICTURES, _PICTURE),
        **dict.fromkeys(_VIDEOS, _PICTURE),
        "element": {"element_id": checks.ELEMENT_ID, "id": checks.text()},
    }


def _url(contents: list[Body], kind: str) -> str | None:
    return next((one["url"] for one in of_type(contents, kind)), None)


FAMILIES = (Family(_PATH, order_of),)
STANDARDS = (Standard("/omni-video", standard_order),)
