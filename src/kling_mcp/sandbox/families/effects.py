"""Effects: templates that need one picture, or two beside each other. Contract: video.md A11."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_mcp.operations.effect_facts import EFFECTS
from kling_mcp.sandbox import checks, prices
from kling_mcp.sandbox.family import Family
from kling_mcp.sandbox.life import video_pace
from kling_mcp.sandbox.order import BESIDE, Make, Order
from kling_mcp.sandbox.wire import illegal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_mcp.sandbox.checks import Body, Reader
    from kling_mcp.sandbox.shop import Shop

_PATH = "/v1/videos/effects"
_SECONDS = 5
"""How long the clips are is not stated; five seconds were usual [OWN]."""
_PAIR = 2
_INPUT: Mapping[str, Reader] = {"image": checks.text(), "images": checks.texts(_PAIR)}
_FIELDS: Mapping[str, Reader] = {"effect_scene": checks.text(), "input": checks.nested(_INPUT), **checks.COMMON}


def order_of(posted: Body, shop: Shop) -> Order:
    """Check a body and say what to make. Keys of the form of 2025 (``model_name`` and such) are ignored.

    Raises:
        Refusal: The first thing Kling would complain about.
    """
    asked = checks.form(posted, _FIELDS, ("effect_scene", "input"))
    scene = asked["effect_scene"]
    effect = EFFECTS.get(scene)
    if effect is None or (effect.standing == "discontinued" and not shop.serve_retired):
        raise checks.invalid("effect_scene", scene)
    pictures = [shop.picture("input.image", value) for value in _images(effect.images, asked["input"])]
    backdrops = [picture.backdrop for picture in pictures if picture.backdrop]
    first = pictures[0].ratio_or("16:9") if len(pictures) == 1 else "16:9"
    return Order(
        _PATH,
        prompt=scene.replace("_", " "),
        units=prices.EFFECT,
        makes=(
            Make("video", aspect_ratio=first, duration=_SECONDS, backdrop=BESIDE.join(backdrops) or None, label=scene),
        ),
        info={"product_function": "Video Effects"},
        pace=video_pace("std", _SECONDS),
        **checks.common(asked),
    )


def _images(wanted: int | None, given: Body) -> list[str]:
    """The pictures a scene takes; where that is not known, whichever were given."""
    pair = wanted == _PAIR or (wanted is None and "images" in given)
    name = "images" if pair else "image"
    if name not in given:
        raise illegal(f"input.{name} is required")
    return given["images"] if pair else [given["image"]]


FAMILIES = (Family(_PATH, order_of),)
