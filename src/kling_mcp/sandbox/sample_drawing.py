"""What all samples are drawn with: letters on a shaded panel, dusk for a background, another picture behind it."""

# Pillow mentions NumPy in its signatures; it is not installed, so parts of them are unknown to pyright.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import colorsys
import hashlib
import textwrap
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont

BASE_SIDE = 360
"""Pixels of the short side for which all distances here are given; larger pictures have larger letters."""
MARGIN = BASE_SIDE // 20
SHORT_SIDE = 720
"""Pixels of a video, as in Kling's std mode. Lip-sync and video references take no smaller ones. Contract: video.md A3,
A9, part C."""
CLOCK_ROOM = 30
"""Below the label, for a running clock."""

Colour = tuple[int, int, int]


def opened(picture: bytes) -> Image:
    """An encoded picture, upright, as RGB.

    Raises:
        ValueError: It is no picture.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError  # noqa: PLC0415 - loaded at first use: it slows the start

    try:
        return ImageOps.exif_transpose(Image.open(BytesIO(picture))).convert("RGB")
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise ValueError("the backdrop is not a picture") from error


def ground(caption: str, size: tuple[int, int], backdrop: bytes | None) -> Image:
    """What lies behind the letters: the backdrop, cut to the size, or dusk in the caption's colour."""
    from PIL import ImageOps  # noqa: PLC0415 - loaded at first use: it slows the start

    return ImageOps.fit(opened(backdrop), size) if backdrop else _gradient(hue_of(caption), size)


def hue_of(caption: str) -> float:
    """Every caption has its colour, 0 to 1."""
    return hashlib.sha256(caption.encode()).digest()[0] / 256


def colour(hue: float, saturation: float, value: float) -> Colour:
    """Each 0 to 1; a hue beyond that goes round again."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def _gradient(hue: float, size: tuple[int, int]) -> Image:
    """Dusk: light near the ground, dark above, leaning a little to one side."""
    from PIL import Image, ImageChops, ImageOps  # noqa: PLC0415 - loaded at first use: it slows the start

    down = Image.linear_gradient("L").resize(size)
    across = Image.linear_gradient("L").rotate(90).resize(size)
    return ImageOps.colorize(
        ImageChops.blend(down, across, 0.3),
        black=colour(hue, 0.75, 0.22),
        mid=colour(hue + 0.06, 0.65, 0.55),
        white=colour(hue + 0.14, 0.50, 0.92),
    )


def font(size: float) -> FreeTypeFont:
    """The letters that Pillow brings along."""
    from PIL import ImageFont  # noqa: PLC0415 - loaded at first use: it slows the start

    letters = ImageFont.load_default(size=size)
    assert isinstance(letters, ImageFont.FreeTypeFont)  # noqa: S101 - a size was asked for, and only these have one
    return letters


def lettered(picture: Image, caption: str, label: str, *, shade: int, below: int = 0) -> Image:
    """The picture with a shaded panel along its foot: the caption, the label, and room below it.

    Args:
        picture: It stays as it is.
        caption: Wrapped, and cut after a few lines.
        label: One line in small letters.
        shade: How dark the panel is, 0 to 255.
        below: Height of the room below the label, at ``BASE_SIDE``.
    """
    from PIL import Image, ImageDraw  # noqa: PLC0415 - loaded at first use: it slows the start

    scale = min(picture.size) / BASE_SIDE
    width, height = picture.width / scale, picture.height / scale
    lines = _wrapped(caption, font(20), int(width) - 4 * MARGIN)
    top = height - MARGIN - 26 * len(lines) - 44 - below
    layer = Image.new("RGBA", picture.size)
    draw = ImageDraw.Draw(layer)

    def at(x: float, y: float) -> tuple[float, float]:
        return x * scale, y * scale

    panel = (*at(MARGIN, top), *at(width - MARGIN, height - MARGIN))
    draw.rounded_rectangle(panel, 12 * scale, fill=(10, 12, 22, shade))
    place = at(2 * MARGIN, top + 12)
    draw.multiline_text(place, "\n".join(lines), font=font(20 * scale), fill="white", spacing=6 * scale)
    place = at(2 * MARGIN, height - MARGIN - 24 - below)
    draw.text(place, label[:80], font=font(12 * scale), fill=(255, 255, 255, 190))
    draw.text(at(MARGIN, MARGIN), "SAMPLE  ·  pretend Kling", font=font(13 * scale), fill=(255, 255, 255, 210))
    return Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")


def _wrapped(caption: str, letters: FreeTypeFont, width: float, most: int = 4) -> list[str]:
    per_line = max(8, int(width / letters.getlength("nearly")) * len("nearly"))
    return textwrap.wrap(" ".join(caption.split()) or "…", per_line, max_lines=most, placeholder=" …")
