"""Pictures changed, seen from other sides, taken apart, and worn by somebody.

Contract: image-audio-general.md sections 5 to 8; prices of section 15. Messages without a captured text are [OWN].
"""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import TYPE_CHECKING

from kling_mcp.sandbox import checks
from kling_mcp.sandbox.families.image_makes import COUNT, FIRST_S, PROMPT, image_order, pictures_of, views_of
from kling_mcp.sandbox.families.image_models import known
from kling_mcp.sandbox.families.image_results import multi_shot_result, pictures_result
from kling_mcp.sandbox.family import Family, Instant
from kling_mcp.sandbox.order import MADE, Order
from kling_mcp.sandbox.sample_pictures import sample_cutout
from kling_mcp.sandbox.shapes import charged
from kling_mcp.sandbox.wire import illegal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_mcp.sandbox.checks import Body, Reader
    from kling_mcp.sandbox.pictures import Picture
    from kling_mcp.sandbox.shapes import Json
    from kling_mcp.sandbox.shop import Shop

EXPAND = "/v1/images/editing/expand"
MULTI_SHOT = "/v1/general/ai-multi-shot"
TRY_ON = "/v1/images/kolors-virtual-try-on"
RECOGNIZE = "/v1/videos/image-recognize"

_MOST_EXPANSION = 2.0
_MOST_AREA = 3.0
_ROUNDING = 1e-3
"""The vendor's own calculator rounds to four decimals. Contract: section 5."""
_EXPANSION = Decimal(8)
_MULTI_SHOT = Decimal(20)
_TRY_ON = Decimal(1)
"""No price of a try-on is published [OWN]."""
_RECOGNITION = Decimal("0.1")

# --- expand ------------------------------------------------------------------------------------------------

_SIDES = ("up", "down", "left", "right")
_RATIO = checks.number(0, _MOST_EXPANSION)


def expansion(posted: Body, shop: Shop) -> Order:
    """Section 5. The result is as large as its source makes it; of an unseen source nothing but the shape is known."""
    ratios = {f"{side}_expansion_ratio": _RATIO for side in _SIDES}
    asked = checks.form(
        posted,
        {"image": checks.text(), **ratios, "prompt": PROMPT, "n": COUNT, **checks.COMMON},
        ["image", *ratios],
    )
    up, down, left, right = (asked[name] for name in ratios)
    if (1 + up + down) * (1 + left + right) > _MOST_AREA + _ROUNDING:
        raise illegal("the area after expansion cannot exceed 3 times the area of the original image")
    source = shop.picture("image", asked["image"])
    makes = pictures_of(
        asked.get("n", 1),
        _expanded_ratio(source, up + down, left + right),
        "1k",
        [source],
        detail={"expansion": dict(zip(_SIDES, (up, down, left, right), strict=True)) | {"size": source.size}},
    )
    prompt = asked.get("prompt", "")
    return image_order(
        EXPAND, asked, makes=makes, units=_EXPANSION * len(makes), prompt=prompt, function="Image Expansion"
    )


def _expanded_ratio(source: Picture, upright: float, across: float) -> str:
    width, height = (int(side) for side in source.ratio_or("1:1").split(":"))
    return f"{round(1000 * width * (1 + across))}:{round(1000 * height * (1 + upright))}"


# --- other sides, worn by somebody -------------------------------------------------------------------------

_UNMARKED: Mapping[str, Reader] = {name: checks.COMMON[name] for name in ("callback_url", "external_task_id")}


def multi_shot(posted: Body, shop: Shop) -> Order:
    """Section 6: three sets of three views, for one price. How many slots that holds is not known: one [OWN]."""
    asked = checks.form(posted, {"element_frontal_image": checks.text(), **_UNMARKED}, ["element_frontal_image"])
    front = shop.picture("element_frontal_image", asked["element_frontal_image"])
    return Order(
        MULTI_SHOT,
        units=_MULTI_SHOT,
        package="image",
        makes=views_of(front),
        info={"product_function": "AI Multi-Shot"},
        pace=FIRST_S,
        **checks.common(asked),
    )


def try_on(posted: Body, shop: Shop) -> Order:
    """Section 7, paid from a pack of its own."""
    body = checks.without_empties(posted)
    name = body.get("model_name", "kolors-virtual-try-on-v1")
    model = known(TRY_ON, name, serve_retired=shop.serve_retired)
    names = ("human_image", "cloth_image")
    asked = checks.form(posted, {**dict.fromkeys(names, checks.text()), **_UNMARKED}, names)
    given = [shop.picture(name, asked[name]) for name in names]
    return Order(
        TRY_ON,
        model=model.name,
        units=_TRY_ON,
        package="try-on",
        makes=tuple(pictures_of(1, given[0].ratio_or("3:4"), "1k", given, caption="Virtual try-on")),
        info={"product_function": "Virtual Try-On"},
        pace=FIRST_S,
        **checks.common(asked),
    )


# --- taken apart -------------------------------------------------------------------------------------------

_REGIONS = ("object_seg", "head_seg", "face_seg", "cloth_seg")
_WIDE = 1.7
"""In a picture wider than this no garment is found [OWN]: an answer may lack a region."""


def recognized(posted: Body, shop: Shop) -> Json:
    """Section 8: one member for each region, with what was cut out where it is contained."""
    asked = checks.form(posted, {"image": checks.text()}, ["image"])
    picture = shop.picture("image", asked["image"])
    task = shop.charge(RECOGNIZE, _RECOGNITION, info={"product_function": "Image Recognition"})
    backdrop = _seen(picture, shop)
    width, height = (int(side) for side in picture.ratio_or("1:1").split(":"))
    missing = {"cloth_seg"} if width > _WIDE * height else set[str]()
    return charged(task.units) | {
        "task_result": {"images": [_region(shop, name, backdrop, contained=name not in missing) for name in _REGIONS]}
    }


def _seen(picture: Picture, shop: Shop) -> bytes | None:
    """The picture itself; None for one at an address nobody looked into."""
    given = picture.backdrop
    if given is None or not given.startswith(MADE):
        return None if given is None else base64.b64decode(given)
    file = shop.files.of(given.removeprefix(MADE))
    return None if file is None else file.read_bytes()


def _region(shop: Shop, name: str, backdrop: bytes | None, *, contained: bool) -> Json:
    url = ""
    if contained:
        url = shop.file(sample_cutout(region=name, backdrop=backdrop), f"{name.replace('_', '-')}.png")
    return {"type": name, "is_contain": contained, "url": url}


FAMILIES = (
    Family(EXPAND, expansion, pictures_result),
    Family(MULTI_SHOT, multi_shot, multi_shot_result),
    Family(TRY_ON, try_on, tells_info=False),
)
INSTANTS = (Instant(RECOGNIZE, recognized),)
