"""Pictures in a request: Base64 ones are opened and measured, URLs are only looked at, never fetched.

Contract: video.md section 6 (images), A2 (masks), B1 (50 MB on the new wire). They are looked at after everything else
in a request, because at Kling that takes a download [OWN].
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace
from io import BytesIO
from types import MappingProxyType
from typing import TYPE_CHECKING

from kling_mcp.sandbox.checks import is_link
from kling_mcp.sandbox.wire import illegal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL.Image import Image

    from kling_mcp.sandbox.order import Order, Wire

_MEGABYTE = 1024 * 1024
_MOST: Mapping[Wire, int] = MappingProxyType({"v1": 10 * _MEGABYTE, "v2": 50 * _MEGABYTE})
_MIN_SIDE = 300
_MAX_RATIO = 2.5
_FIRST = ("image", "first_frame")
"""The pictures whose ratio is limited; it is not restated for the others."""
_BACKDROP_SIDE = 720


def looked_at(order: Order, pictures: Mapping[str, str]) -> Order:
    """Check every picture and take the clip's shape from the first frame. Slow; call it in a thread.

    Raises:
        Refusal: 1201, about the first picture that is not one, is too large or too small.
    """
    images = {name: _opened(order.wire, value) for name, value in pictures.items() if not is_link(value)}
    for name, image in images.items():
        _check_size(name, image)
    _check_masks(images)
    first = next((images[name] for name in (*_FIRST, "image_tail") if name in images), None)
    if first is None:
        return order
    return replace(order, aspect_ratio="{}:{}".format(*_upright(first).size), backdrop=_backdrop(first))


def _opened(wire: Wire, value: str) -> Image:
    from PIL import Image  # noqa: PLC0415 - loaded at first use: it slows the start

    try:
        # Padding may be missing; a data: prefix, line breaks or the URL-safe alphabet may not.
        raw = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise illegal("File is not in a valid base64 format") from None
    if len(raw) > _MOST[wire]:
        raise illegal(f"Image size cannot exceed {_MOST[wire] // _MEGABYTE}MB")  # [OWN]
    try:
        image = Image.open(BytesIO(raw), formats=("JPEG", "PNG"))  # a phone's MPO opens as a JPEG
        image.load()
    except Exception:  # noqa: BLE001 - Pillow's parsers raise many types on broken files, and all mean the same
        raise illegal("File is not in a valid base64 format") from None
    return image


def _check_size(name: str, image: Image) -> None:
    width, height = image.size
    if min(width, height) < _MIN_SIDE:
        raise illegal("Image pixel is invalid")
    if name in _FIRST and max(width, height) > _MAX_RATIO * min(width, height):
        raise illegal("Image aspect ratio is invalid")  # [OWN]


def _check_masks(images: Mapping[str, Image]) -> None:
    """Texts [OWN]."""
    masks = {image.size for name, image in images.items() if name.startswith(("dynamic_masks", "static_mask"))}
    if len(masks) > 1:
        raise illegal("dynamic_masks/static_mask must have the same resolution")
    still, image = images.get("static_mask"), images.get("image")
    if still and image and abs(still.width / still.height - image.width / image.height) > 0.01:  # noqa: PLR2004 - a pixel of rounding
        raise illegal("static_mask must have the aspect ratio of image")


def _upright(image: Image) -> Image:
    from PIL import ImageOps  # noqa: PLC0415 - loaded at first use: it slows the start

    return ImageOps.exif_transpose(image)


def _backdrop(image: Image) -> str:
    small = _upright(image).convert("RGB")
    small.thumbnail((_BACKDROP_SIDE, _BACKDROP_SIDE))
    buffer = BytesIO()
    small.save(buffer, "JPEG", quality=80)
    return base64.b64encode(buffer.getvalue()).decode()
