"""Elements: made from pictures or from a video, listed, deleted; and their older, synchronous interface.

Contract: image-audio-general.md section 9. Messages without a captured text are [OWN]. Which path deletes which kind
is not known (9.3), so both delete both.
"""

from __future__ import annotations

import base64
import functools
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from kling_mcp.sandbox import checks
from kling_mcp.sandbox.families.library import NAME, UNMARKED, any_voice, deleted, kept
from kling_mcp.sandbox.family import Family, Instant
from kling_mcp.sandbox.lists import paged
from kling_mcp.sandbox.order import Make, Order
from kling_mcp.sandbox.presets import ELEMENTS
from kling_mcp.sandbox.sample_pictures import sample_image
from kling_mcp.sandbox.shapes import OWNER, milliseconds
from kling_mcp.sandbox.wire import illegal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_mcp.sandbox.checks import Body, Reader
    from kling_mcp.sandbox.presets import PresetElement
    from kling_mcp.sandbox.shapes import Json
    from kling_mcp.sandbox.shop import Shop

CUSTOM = "/v1/general/advanced-custom-elements"
PRESETS = "/v1/general/advanced-presets-elements"
DELETE = ("/v1/general/delete-elements", "/v1/general/delete-advanced-elements")
OLD_CUSTOM = "/v1/general/custom-elements"
OLD_PRESETS = "/v1/general/presets-elements"

TAGS: Mapping[str, str] = MappingProxyType(
    {
        "o_101": "Hottest",
        "o_102": "Character",
        "o_103": "Animal",
        "o_104": "Item",
        "o_105": "Costume",
        "o_106": "Scene",
        "o_107": "Effect",
        "o_108": "Others",
    }
)
_PACE_S = 4.0
"""An element was seen to take about 5 s."""
_LEAST_S, _MOST_S = 3.0, 8.0
_WIDE, _ROUNDING = 16 / 9, 0.05
_FREE = Decimal(0)

_TAG: Mapping[str, Reader] = {"tag_id": checks.one_of(TAGS)}
_REFERENCE: Mapping[str, Reader] = {"image_url": checks.text()}
_VIDEO: Mapping[str, Reader] = {"video_url": checks.link}
_IMAGES = checks.nested({"frontal_image": checks.text(), "refer_images": checks.objects(3, lambda: _REFERENCE)})
_VIDEOS = checks.nested({"refer_videos": checks.objects(1, lambda: _VIDEO)})
_TAG_LIST = checks.objects(len(TAGS), lambda: _TAG)
_DESCRIPTION = checks.text(100)


# --- made --------------------------------------------------------------------------------------------------


def element(posted: Body, shop: Shop) -> Order:
    """Section 9.1. Only the list that ``reference_type`` names is looked at."""
    body = checks.without_empties(posted)
    by_video = body.get("reference_type") == "video_refer"
    asked = checks.form(
        posted,
        {
            "element_name": NAME,
            "element_description": _DESCRIPTION,
            "reference_type": checks.one_of(("image_refer", "video_refer")),
            "element_image_list": checks.as_given if by_video else _IMAGES,
            "element_video_list": _VIDEOS if by_video else checks.as_given,
            "element_voice_id": checks.text(),
            "tag_list": _TAG_LIST,
            **UNMARKED,
        },
        ["element_name", "element_description", "reference_type"],
    )
    reference = _filmed(asked, shop) if by_video else _pictured(asked, shop)
    voice = any_voice(asked["element_voice_id"], shop) if "element_voice_id" in asked else {}
    detail = {
        "element_name": asked["element_name"],
        "element_description": asked["element_description"],
        "reference_type": asked["reference_type"],
        "element_image_list": {},
        "element_video_list": {},
        **reference,
        "element_voice_info": voice,
        "tag_list": [tag(one["tag_id"]) for one in asked.get("tag_list", [])],
    }
    return Order(
        CUSTOM,
        prompt=f"{asked['element_name']}: {asked['element_description']}",
        units=_FREE,
        makes=(Make("element", detail=detail),),
        info={"product_function": "Custom Element"},
        pace=_PACE_S,
        **checks.common(asked),
    )


def tag(tag_id: str) -> Json:
    """A tag as results show it. Its description is not known [OWN]."""
    return {"id": tag_id, "name": TAGS[tag_id], "description": TAGS[tag_id]}


def _pictured(asked: Body, shop: Shop) -> Json:
    given = asked.get("element_image_list", {})
    for name in ("frontal_image", "refer_images"):
        if name not in given:
            raise illegal(f"element_image_list.{name} is required")
    others = [one["image_url"] for one in given["refer_images"]]
    return {
        "element_image_list": {
            "frontal_image": _address("frontal_image", given["frontal_image"], shop),
            "refer_images": [{"image_url": _address("refer_images.image_url", one, shop)} for one in others],
        }
    }


def _address(name: str, value: str, shop: Shop) -> str:
    """Where a picture can be seen: what came as Base64 is kept for that."""
    picture = shop.picture(name, value)
    if checks.is_link(value) or picture.backdrop is None:
        return value
    return shop.file(_png(base64.b64decode(picture.backdrop)), "element.png")


def _png(picture: bytes) -> bytes:
    from io import BytesIO  # noqa: PLC0415 - as below

    from PIL import Image  # noqa: PLC0415 - loaded at first use: it slows the start

    buffer = BytesIO()
    with Image.open(BytesIO(picture)) as image:
        image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _filmed(asked: Body, shop: Shop) -> Json:
    films = asked.get("element_video_list", {}).get("refer_videos")
    if not films:
        raise illegal("element_video_list.refer_videos is required")
    clip = shop.clip("element_video_list.refer_videos.video_url", films[0]["video_url"])
    # A clip of 8 s lasts a little longer.
    if not _LEAST_S <= clip.seconds < _MOST_S + 0.5:
        raise illegal("element video duration must be between 3 and 8 seconds")
    width, height = (int(side) for side in clip.ratio.split(":"))
    if abs(max(width, height) / min(width, height) - _WIDE) > _ROUNDING:
        raise illegal("element video aspect ratio must be 16:9 or 9:16")
    return {"element_video_list": {"refer_videos": [{"video_url": films[0]["video_url"]}]}}


# --- listed ------------------------------------------------------------------------------------------------


def presets(query: Body, shop: Shop) -> list[Json]:
    """Section 9.2: Kling's own, each like a finished task, without a word of units."""
    since = milliseconds(shop.state.pack.purchased_at)
    return [
        {
            "task_id": preset.id,
            "task_status": "succeed",
            "task_status_msg": "",
            "task_info": {},
            "task_result": {"elements": [_preset(preset, shop)]},
            "created_at": since,
            "updated_at": since,
        }
        for preset in paged(list(ELEMENTS.values()), query)
    ]


def _preset(preset: PresetElement, shop: Shop) -> Json:
    front = shop.file(_portrait(preset.name, preset.description), "element.png")
    pictured = preset.reference_type == "image_refer"
    return {
        "element_id": int(preset.id),
        "element_name": preset.name,
        "element_description": preset.description,
        "reference_type": preset.reference_type,
        "element_image_list": {"frontal_image": front, "refer_images": [{"image_url": front}]} if pictured else {},
        "element_video_list": {},
        "element_voice_info": {},
        "tag_list": [tag(preset.tag)],
        "owned_by": "kling",
        "status": "succeed",
    }


@functools.cache
def _portrait(name: str, description: str) -> bytes:
    return sample_image(caption=f"{name}: {description}", label="element", aspect_ratio="1:1", long_side=512)


# --- deleted -----------------------------------------------------------------------------------------------


def deleted_element(posted: Body, shop: Shop) -> Json:
    """Section 9.3: only own elements; the id comes as text, although answers have it as a number."""
    asked = checks.form(posted, {"element_id": checks.ELEMENT_ID}, ["element_id"])
    if not isinstance(shop.element(asked["element_id"]), tuple):
        raise illegal("Only custom elements can be deleted")
    return deleted(str(asked["element_id"]), shop)


# --- the older interface -----------------------------------------------------------------------------------


def old_element(posted: Body, shop: Shop) -> Json:
    """Section 9.4: made and answered at once."""
    names = ("element_name", "element_description", "element_frontal_image", "element_refer_list")
    asked = checks.form(
        posted,
        {
            "element_name": NAME,
            "element_description": _DESCRIPTION,
            "element_frontal_image": checks.text(),
            "element_refer_list": checks.objects(3, lambda: _REFERENCE),
            "tag_list": _TAG_LIST,
        },
        names,
    )
    others = [_address("element_refer_list.image_url", one["image_url"], shop) for one in asked["element_refer_list"]]
    detail = {
        "element_name": asked["element_name"],
        "element_description": asked["element_description"],
        "reference_type": "image_refer",
        "element_image_list": {
            "frontal_image": _address("element_frontal_image", asked["element_frontal_image"], shop),
            "refer_images": [{"image_url": other} for other in others],
        },
        "tag_list": [tag(one["tag_id"]) for one in asked.get("tag_list", [])],
    }
    words = f"{asked['element_name']}: {asked['element_description']}"
    task = shop.charge(OLD_CUSTOM, _FREE, prompt=words, makes=(Make("element", detail=detail),))
    return _old(task.result_id, detail, OWNER)


def _old(element_id: str, detail: Mapping[str, Any], owner: str) -> Json:
    pictures = detail["element_image_list"]
    return {
        "element_id": int(element_id),
        "element_name": detail["element_name"],
        "element_description": detail["element_description"],
        "element_frontal_image": pictures["frontal_image"],
        "element_refer_list": pictures["refer_images"],
        "tag_list": detail["tag_list"],
        "owned_by": owner,
    }


def old_elements(query: Body, shop: Shop) -> list[Json]:
    """Those made by this interface, newest first."""
    tasks = [task for task in reversed(shop.state.tasks) if task.order.path == OLD_CUSTOM and kept(task, shop)]
    return [_old(task.result_id, task.order.makes[0].detail, OWNER) for task in paged(tasks, query)]


def old_presets(query: Body, shop: Shop) -> list[Json]:
    """Kling's own that are made of pictures."""
    pictured = [preset for preset in ELEMENTS.values() if preset.reference_type == "image_refer"]
    return [_old(preset.id, _preset(preset, shop), "kling") for preset in paged(pictured, query)]


FAMILIES = (Family(CUSTOM, element, listed=kept),)
INSTANTS = (
    Instant(PRESETS, presets, method="GET"),
    *(Instant(path, deleted_element) for path in DELETE),
    Instant(OLD_CUSTOM, old_element),
    Instant(OLD_CUSTOM, old_elements, method="GET"),
    Instant(OLD_PRESETS, old_presets, method="GET"),
)
