"""What belongs to the retired models: several images to video, and extending a clip.

Contract: video.md A4, A7. How much an extension adds is between 4 and 5 seconds; here always the same [OWN].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_mcp.operations.model_facts import MODELS, RESOLUTIONS
from kling_mcp.sandbox import checks, prices
from kling_mcp.sandbox.capability import known_model
from kling_mcp.sandbox.family import Family
from kling_mcp.sandbox.life import video_pace
from kling_mcp.sandbox.order import Make, Order
from kling_mcp.sandbox.shapes import LONGER_S
from kling_mcp.sandbox.wire import illegal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_mcp.sandbox.checks import Body, Reader
    from kling_mcp.sandbox.shop import Shop
    from kling_mcp.sandbox.sources import Clip

_SEVERAL, _EXTEND = "/v1/videos/multi-image2video", "/v1/videos/video-extend"
_WORDS: Mapping[str, Reader] = {
    "prompt": checks.text(2500),
    "negative_prompt": checks.text(checks.NEGATIVE_PROMPT_MAX),
}

# --- several images ----------------------------------------------------------------------------------------

_MODEL = "kling-v1-6"
_IMAGE: Mapping[str, Reader] = {"image": checks.text()}
_IMAGES: Mapping[str, Reader] = {
    "mode": checks.one_of(("std", "pro")),
    "duration": checks.one_of((5, 10)),
    "aspect_ratio": checks.ASPECT_RATIO,
    **_WORDS,
    "image_list": checks.objects(4, lambda: _IMAGE),
    **checks.COMMON,
}


def several(posted: Body, shop: Shop) -> Order:
    """Check a body with several images and say what to make.

    Raises:
        Refusal: The first thing Kling would complain about.
    """
    model = str(checks.without_empties(posted).get("model_name", _MODEL))
    known_model(model, MODELS[_MODEL] if model == _MODEL else None, serve_retired=shop.serve_retired)
    asked = checks.form(posted, _IMAGES, ("image_list", "prompt"))
    mode, seconds = asked.get("mode", "std"), int(asked.get("duration", "5"))
    pictures = [
        shop.picture(f"image_list[{index}].image", one["image"]) for index, one in enumerate(asked["image_list"])
    ]
    seen = [picture.backdrop for picture in pictures if picture.backdrop]
    return Order(
        _SEVERAL,
        model=_MODEL,
        mode=mode,
        prompt=asked["prompt"],
        units=prices.per_clip("multi-image2video", mode, seconds),
        makes=(
            Make(
                "video",
                aspect_ratio=asked.get("aspect_ratio", "16:9"),
                duration=seconds,
                backdrop=seen[0] if seen else None,
            ),
        ),
        info={"product_function": "Multi-Image to Video", "resolution": RESOLUTIONS[mode]},
        pace=video_pace(mode, seconds),
        **checks.common(asked),
    )


# --- extending ---------------------------------------------------------------------------------------------

_EXTENDED = frozenset({"kling-v1", "kling-v1-5", "kling-v1-6"})
_MADE_BY = frozenset({"/v1/videos/text2video", "/v1/videos/image2video", _EXTEND})
_UNSTEERED = "kling-v1"
_ADDED_S = 4.5
_LONGEST_S = 180.0
_EXTENSION: Mapping[str, Reader] = {
    "video_id": checks.text(),
    **_WORDS,
    "cfg_scale": checks.number(0, 1),
    **checks.COMMON,
}


def extension(posted: Body, shop: Shop) -> Order:
    """Check a body that asks to go on, and say what to make: the clip and what follows, in one.

    Raises:
        Refusal: The first thing Kling would complain about.
    """
    asked = checks.form(posted, _EXTENSION, ("video_id",))
    clip = shop.video(asked["video_id"])
    model, mode = _extendable(clip)
    for name in ("negative_prompt", "cfg_scale"):
        if name in asked and model == _UNSTEERED:
            raise illegal(f"{name} is not supported with video-extend of {model}")
    seconds = clip.seconds - LONGER_S + _ADDED_S
    if seconds > _LONGEST_S:
        raise illegal("Video duration cannot exceed 3 minutes")
    prompt = asked.get("prompt", "")
    return Order(
        _EXTEND,
        model=model,
        mode=mode,
        prompt=prompt,
        units=prices.extension(model, mode),
        makes=(
            Make(
                "video",
                caption=prompt or clip.words,
                aspect_ratio=clip.ratio,
                duration=round(seconds, 3),
                backdrop=clip.backdrop,
            ),
        ),
        parent=clip.parent,
        info={"product_function": "Video Extension", "resolution": RESOLUTIONS[mode]},
        pace=video_pace(mode, _ADDED_S),
        **checks.common(asked),
    )


def _extendable(clip: Clip) -> tuple[str, str]:
    """Model and mode of a clip that can be extended; both are inherited."""
    made = clip.task.order if clip.task else None
    if made is None or made.path not in _MADE_BY or made.model not in _EXTENDED:
        raise illegal(f"Video {clip.id} is not supported with video-extend")
    return made.model, made.mode


FAMILIES = (
    Family(_SEVERAL, several, tells_info=False),
    Family(_EXTEND, extension),
)
