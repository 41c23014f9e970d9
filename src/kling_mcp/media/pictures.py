"""Reading and writing still pictures."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from kling_mcp.media.forms import damaged

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image

    from kling_mcp.media.forms import Form

_QUALITIES = (95, 85, 75, 65, 55, 45, 35, 25)


def read(path: Path, form: Form) -> Image:
    """A picture, completely decoded and upright.

    Raises:
        Refused: The decoder cannot read it.
    """
    from PIL import Image, ImageOps  # noqa: PLC0415 - loaded at first use: it slows the start

    try:
        with Image.open(path, formats=[form.reader]) as picture:
            return ImageOps.exif_transpose(picture)
    # Pillow reports damage as whatever its parser stumbled over.
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise damaged(path, form) from error


def flattened(picture: Image) -> Image:
    """The picture as RGB; what shone through is white."""
    from PIL import Image  # noqa: PLC0415 - loaded at first use: it slows the start

    if not picture.has_transparency_data:
        return picture.convert("RGB")
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")


def _jpeg(picture: Image, quality: int) -> bytes:
    """Encode at one quality, 1 to 95. The finest keeps full colour resolution."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality, optimize=True, subsampling=0 if quality > 90 else 2)  # noqa: PLR2004 - Pillow's scale
    return buffer.getvalue()


def jpeg_within(picture: Image, max_bytes: int) -> tuple[bytes, Image]:
    """Encode as finely as fits into ``max_bytes``; a picture that never fits is made smaller.

    Returns:
        The JPEG and the picture that is in it.
    """
    for quality in _QUALITIES:
        encoded = _jpeg(picture, quality)
        if len(encoded) <= max_bytes:
            return encoded, picture
    if max(picture.size) == 1:
        raise ValueError(f"no picture fits into {max_bytes} bytes")
    return jpeg_within(picture.reduce(2), max_bytes)
