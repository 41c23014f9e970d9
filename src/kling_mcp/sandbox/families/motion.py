"""Motion control: legacy ``motion-control``, and ``/motion-control/{model}`` of the new standard.

Contract: video.md A5, B4. The result is taken to be as long as the video, as far as the orientation allows [OWN].
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from kling_mcp.operations.model_facts import RESOLUTIONS
from kling_mcp.sandbox import checks, prices
from kling_mcp.sandbox.families.contents import (
    check_contents,
    contents_of,
    mode_of,
    of_type,
    options_of,
    prompt_in,
    settings_of,
)
from kling_mcp.sandbox.families.omni_rules import check_length
from kling_mcp.sandbox.family import Family, Standard
from kling_mcp.sandbox.life import video_pace
from kling_mcp.sandbox.order import Make, Order
from kling_mcp.sandbox.shapes import LONGER_S
from kling_mcp.sandbox.wire import Refusal, illegal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_mcp.sandbox.checks import Body, Reader
    from kling_mcp.sandbox.families.contents import Forms
    from kling_mcp.sandbox.order import Wire
    from kling_mcp.sandbox.shop import Shop

_PATH = "/v1/videos/motion-control"
_MOST_ELEMENTS: Mapping[str, int] = MappingProxyType({"kling-v3": 1, "kling-v2-6": 0})
_BY_PATH: Mapping[str, str] = MappingProxyType({"kling-3.0": "kling-v3", "kling-2.6": "kling-v2-6"})
_LONGEST_S: Mapping[str, float] = MappingProxyType({"image": 10, "video": 30})
_SHORTEST_S = 3
_PROMPT = checks.text(2500)
_ORIENTATION = checks.one_of(_LONGEST_S)
_MODES = ("std", "pro")


@dataclass(frozen=True, slots=True)
class _Wish:
    wire: Wire
    model: str
    mode: str
    prompt: str
    image: str
    video: str
    orientation: str
    elements: tuple[int, ...]
    keeps_sound: bool


# --- legacy ------------------------------------------------------------------------------------------------

_FIELDS: Mapping[str, Reader] = {
    "mode": checks.one_of(_MODES),
    "character_orientation": _ORIENTATION,
    "keep_original_sound": checks.YES_NO,
    "prompt": _PROMPT,
    "image_url": checks.text(),
    "video_url": checks.text(),
    "element_list": checks.objects(1, lambda: checks.ELEMENT),
    **checks.COMMON,
}


def order_of(posted: Body, shop: Shop) -> Order:
    """Check a legacy body and say what to make.

    Raises:
        Refusal: The first thing Kling would complain about.
    """
    model = str(checks.without_empties(posted).get("model_name", "kling-v2-6"))
    if model not in _MOST_ELEMENTS:
        raise illegal("model is not supported")
    asked = checks.form(posted, _FIELDS, ("image_url", "video_url", "character_orientation", "mode"))
    wish = _Wish(
        wire="v1",
        model=model,
        mode=asked["mode"],
        prompt=asked.get("prompt", ""),
        image=asked["image_url"],
        video=asked["video_url"],
        orientation=asked["character_orientation"],
        elements=tuple(one["element_id"] for one in asked.get("element_list", [])),
        keeps_sound=asked.get("keep_original_sound", "yes") == "yes",
    )
    return _order(wish, shop, _PATH, checks.common(asked))


# --- new standard ------------------------------------------------------------------------------------------

_FORMS: Forms = {
    "prompt": {"text": _PROMPT},
    "image": {"url": checks.text()},
    "video": {"url": checks.text()},
}
_ELEMENT: Mapping[str, Reader] = {"element_id": checks.ELEMENT_ID, "id": checks.text()}
_SETTINGS: Mapping[str, Reader] = {"character_orientation": _ORIENTATION, "audio": checks.one_of(("original", "off"))}


def standard_order(model: str, posted: Body, shop: Shop) -> Order:
    """Check a body of the new standard and say what to make.

    Raises:
        Refusal: The first thing Kling would complain about.
    """
    if model not in _BY_PATH:
        raise Refusal(1203, f"Model '{model}' does not exist")  # [OWN]
    body, name = checks.without_empties(posted), _BY_PATH[model]
    given = settings_of(body)
    mode = mode_of(given, _MODES)
    settings = {"audio": "original"} | checks.read(given, _SETTINGS, "settings.")
    shared = options_of(body)
    forms = {**_FORMS, "element": _ELEMENT} if _MOST_ELEMENTS[name] else _FORMS
    contents = contents_of(body, forms)
    if "character_orientation" not in settings:
        raise illegal("settings.character_orientation is required")
    for kind in ("image", "video"):
        if not of_type(contents, kind):
            raise illegal(f"{kind} is required")
    check_contents(contents, single=("prompt", "image", "video", "element"))
    wish = _Wish(
        wire="v2",
        model=name,
        mode=mode,
        prompt=prompt_in(contents),
        image=of_type(contents, "image")[0]["url"],
        video=of_type(contents, "video")[0]["url"],
        orientation=settings["character_orientation"],
        elements=tuple(one["element_id"] for one in of_type(contents, "element")),
        keeps_sound=settings["audio"] == "original",
    )
    return _order(wish, shop, f"/motion-control/{model}", shared)


# --- both --------------------------------------------------------------------------------------------------


def _order(wish: _Wish, shop: Shop, path: str, shared: Mapping[str, Any]) -> Order:
    if wish.elements and wish.orientation == "image":
        raise illegal("character_orientation must be video when an element is used")
    if len(wish.elements) > _MOST_ELEMENTS[wish.model]:
        raise illegal("element_list is not supported by the current model")
    for element in wish.elements:
        shop.element(element)
    picture = shop.picture("image_url", wish.image, wish.wire)
    clip = shop.clip("video_url", wish.video)
    check_length(clip.seconds, ((_SHORTEST_S, _LONGEST_S[wish.orientation]),))
    seconds = round(clip.seconds - (LONGER_S if clip.id else 0), 3)
    sounds = wish.keeps_sound and clip.sound
    return Order(
        path,
        wire=wish.wire,
        model=wish.model,
        mode=wish.mode,
        prompt=wish.prompt,
        units=prices.per_second(wish.model, "motion", wish.mode, prices.whole(seconds)),
        makes=(
            Make(
                "video",
                aspect_ratio=picture.ratio_or("16:9"),
                duration=seconds,
                sound=sounds,
                backdrop=picture.backdrop or clip.backdrop,
            ),
        ),
        info={
            "product_function": "Motion Control",
            "resolution": RESOLUTIONS[wish.mode],
            "refer_video_input": True,
            "video_sound": "original" if wish.keeps_sound else "off",
        },
        pace=video_pace(wish.mode, seconds, model=wish.model),
        **shared,
    )


FAMILIES = (Family(_PATH, order_of),)
STANDARDS = (Standard("/motion-control", standard_order),)
