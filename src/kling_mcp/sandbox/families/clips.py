"""A clip made by text2video or image2video, over either wire: what both turn a checked body into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kling_mcp.operations.model_facts import RESOLUTIONS
from kling_mcp.sandbox import prices
from kling_mcp.sandbox.life import video_pace
from kling_mcp.sandbox.order import Make, Order

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_mcp.sandbox.capability import Wish
    from kling_mcp.sandbox.pictures import Picture


def clip_order(  # noqa: PLR0913 - the parts of one checked body
    wish: Wish, *, path: str, prompt: str, aspect_ratio: str, start: Picture | None, shared: Mapping[str, Any]
) -> Order:
    """The order for one clip.

    Args:
        wish: What is asked of the model.
        path: The create path.
        prompt: Everything to be shown.
        aspect_ratio: What was asked for; a first frame that was seen decides instead.
        start: The first frame, or the last where there is no other.
        shared: ``external_id``, ``callback_url`` and ``watermark``.
    """
    make = Make(
        "video",
        aspect_ratio=start.ratio_or(aspect_ratio) if start else aspect_ratio,
        duration=wish.duration,
        sound=wish.sound,
        backdrop=start.backdrop if start else None,
    )
    return Order(
        path,
        wire=wish.wire,
        model=wish.model,
        mode=wish.mode,
        prompt=prompt,
        units=prices.clip(wish.model, wish.mode, wish.duration, sound=wish.sound, voice=wish.speaks),
        makes=(make,),
        info={
            "product_function": "Text to Video" if wish.endpoint == "text2video" else "Image to Video",
            "resolution": RESOLUTIONS.get(wish.mode, "720p"),
            "video_sound": "native" if wish.sound else "off",
            "voice_control": wish.speaks,
        },
        pace=video_pace(wish.mode, wish.duration, model=wish.model, sound=wish.sound),
        **shared,
    )
