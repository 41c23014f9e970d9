"""The pictures the pretend Kling returns: real ones, that say what was asked for, or show what they were made from.

All are drawn in a fraction of a second, and the same arguments give the same bytes.
"""

# Pillow mentions NumPy in its signatures; it is not installed, so parts of them are unknown to pyright.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import re
from fractions import Fraction
from io import BytesIO
from typing import TYPE_CHECKING

from kling_mcp.sandbox.sample_drawing import colour, font, ground, hue_of, lettered, opened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

DRAWN_SIDE = 1024
"""Larger pictures are drawn with this long side and then enlarged: nobody looks for detail in a sample."""
LONGEST_SIDE = 8192
FACE_SIDE = 400
"""Pixels: faces need at least 300. Contract: video.md section 6."""
MOST_RATIO = 30
BACKDROP_SIDE = 720

# Where each region of a portrait is, as fractions of the picture: left, top, right, bottom.
_REGIONS: Mapping[str, tuple[float, float, float, float]] = {
    "object_seg": (0.15, 0.05, 0.85, 0.98),
    "head_seg": (0.32, 0.06, 0.68, 0.46),
    "face_seg": (0.37, 0.14, 0.63, 0.42),
    "cloth_seg": (0.20, 0.42, 0.80, 0.95),
}
_RUNS = re.compile(rb"\x00+|[^\x00]+")


def sample_image(
    *, caption: str, label: str, aspect_ratio: str, long_side: int = DRAWN_SIDE, backdrop: bytes | None = None
) -> bytes:
    """Make a png that shows what was asked for.

    Args:
        caption: The prompt, shown wrapped; also decides the colours.
        label: A line in small letters: the id of the task.
        aspect_ratio: ``"16:9"`` and the like, or a picture's width and height: ``"600:1200"``.
        long_side: Pixels of the longer side; the other follows from the ratio, to the pixel.
        backdrop: An encoded picture to start from instead of a plain gradient.

    Raises:
        ValueError: ``aspect_ratio`` or ``long_side`` makes no sense, or ``backdrop`` is no picture.
    """
    size = _size(aspect_ratio, long_side)
    drawn = _size(aspect_ratio, min(long_side, DRAWN_SIDE))
    picture = lettered(ground(caption, drawn, backdrop), caption, label, shade=235 if backdrop else 150)
    return _png(picture if size == drawn else picture.resize(size, 0))


def expanded(  # noqa: PLR0913 - four directions, all named by the caller
    *, backdrop: bytes, up: float, down: float, left: float, right: float, size: Sequence[int] | None = None
) -> bytes:
    """Make a png with a picture in its middle and dusk around it.

    Args:
        backdrop: The encoded picture.
        up: How much is added above, as a fraction of the picture's height.
        down: The same below.
        left: How much is added on the left, as a fraction of the picture's width.
        right: The same on the right.
        size: Width and height the picture really has, if ``backdrop`` is a smaller copy.

    Raises:
        ValueError: ``backdrop`` is no picture.
    """
    middle = opened(backdrop)
    width, height = size or middle.size
    # The whole may be large; it is made smaller as a whole.
    scale = min(1.0, LONGEST_SIDE / 2 / max(width * (1 + left + right), height * (1 + up + down)))
    width, height = max(1, round(width * scale)), max(1, round(height * scale))
    before, above = round(width * left), round(height * up)
    whole = ground("expanded", (before + width + round(width * right), above + height + round(height * down)), None)
    whole.paste(middle.resize((width, height)), (before, above))
    return _png(whole)


def beside(*pictures: bytes) -> bytes:
    """Several encoded pictures next to each other as one small JPEG, all as high as the first: a backdrop."""
    height = BACKDROP_SIDE // 2
    shown = [opened(picture) for picture in pictures]
    shown = [picture.resize((max(1, round(picture.width * height / picture.height)), height)) for picture in shown]
    whole = _blank((sum(picture.width for picture in shown), height))
    left = 0
    for picture in shown:
        whole.paste(picture, (left, 0))
        left += picture.width
    buffer = BytesIO()
    whole.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


# --- faces, masks, cutouts ---------------------------------------------------------------------------------


def sample_face(*, number: int, label: str) -> bytes:
    """Make a png of a simple face; each number has its own colours and mouth."""
    from PIL import ImageDraw  # noqa: PLC0415 - loaded at first use: it slows the start

    picture = ground(f"face {number}", (FACE_SIDE, FACE_SIDE), None)
    draw = ImageDraw.Draw(picture)
    draw_face(draw, (80, 50, 320, 330), number)
    draw.text((12, FACE_SIDE - 26), label[:60], font=font(14), fill="white")
    return _png(picture)


def draw_face(draw: ImageDraw, box: tuple[float, float, float, float], number: int) -> None:
    """Draw hair, a head, two eyes and a mouth into a box (left, top, right, bottom)."""
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    hue = hue_of(f"face {number}")
    draw.ellipse(
        (left - width * 0.06, top - height * 0.08, right + width * 0.06, bottom - height * 0.2), colour(hue, 0.6, 0.35)
    )
    draw.ellipse(box, colour(0.07, 0.35, 0.95 - 0.12 * (number % 4)))
    for centre in (0.32, 0.68):
        x, y, radius = left + width * centre, top + height * 0.42, width * 0.07
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), "white")
        draw.ellipse((x - radius / 2, y - radius / 2, x + radius / 2, y + radius / 2), colour(hue + 0.5, 0.8, 0.4))
    mouth = (left + width * 0.3, top + height * 0.55, left + width * 0.7, top + height * (0.75 + 0.03 * (number % 3)))
    draw.chord(mouth, 10, 170, colour(0.98, 0.7, 0.7))


def sample_mask(*, width: int, height: int, points: Sequence[tuple[float, float]]) -> bytes:
    """Make a black png with a white blob around each point (x, y; 0 to 1, from the top left)."""
    from PIL import Image, ImageDraw  # noqa: PLC0415 - loaded at first use: it slows the start

    mask = Image.new("L", (width, height))
    draw, radius = ImageDraw.Draw(mask), min(width, height) / 7
    for x, y in points:
        centre_x, centre_y = x * (width - 1), y * (height - 1)
        draw.ellipse((centre_x - radius, centre_y - radius, centre_x + radius, centre_y + radius), 255)
    return _png(mask)


def coco_rle(mask: bytes) -> str:
    """The ``counts`` of a mask in COCO's compressed run-length code.

    Runs go down the columns and begin with black; from the fourth on, each is told as its difference from the last
    but one; every number is written in groups of five bits, lowest first, as characters from ``0`` upwards.
    """
    from PIL import Image  # noqa: PLC0415 - loaded at first use: it slows the start

    with Image.open(BytesIO(mask)) as picture:
        columns = picture.convert("L").transpose(Image.Transpose.TRANSPOSE).tobytes()
    runs = [len(run[0]) for run in _RUNS.finditer(columns)]
    if columns[:1] != b"\0":
        runs.insert(0, 0)
    return "".join(_number(run - runs[place - 2] if place > 2 else run) for place, run in enumerate(runs))  # noqa: PLR2004 - as the code has it


def _number(value: int) -> str:
    written = ""
    while True:
        group, value = value & 31, value >> 5
        more = value != (-1 if group & 16 else 0)
        written += chr(48 + group + (32 if more else 0))
        if not more:
            return written


def sample_cutout(*, region: str, backdrop: bytes | None) -> bytes:
    """Make a png in which only one region (``head_seg`` and the like) of a picture is left, the rest transparent.

    Raises:
        ValueError: There is no such region, or ``backdrop`` is no picture.
    """
    from PIL import Image, ImageDraw  # noqa: PLC0415 - loaded at first use: it slows the start

    if region not in _REGIONS:
        raise ValueError(f"there is no region {region!r}")
    picture = opened(backdrop) if backdrop else _portrait()
    left, top, right, bottom = _REGIONS[region]
    mask = Image.new("L", picture.size)
    box = (left * picture.width, top * picture.height, right * picture.width, bottom * picture.height)
    ImageDraw.Draw(mask).ellipse(box, 255)
    picture.putalpha(mask)
    return _png(picture)


def _portrait() -> Image:
    from PIL import ImageDraw  # noqa: PLC0415 - loaded at first use: it slows the start

    picture = ground("portrait", (FACE_SIDE, FACE_SIDE), None)
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle((90, 170, 310, FACE_SIDE), 60, fill=colour(0.6, 0.6, 0.6))
    draw_face(draw, (140, 45, 260, 175), 1)
    return picture


# --- sizes and files ---------------------------------------------------------------------------------------


def _size(aspect_ratio: str, long_side: int) -> tuple[int, int]:
    """Width and height in pixels."""
    try:
        width, height = aspect_ratio.split(":")
        ratio = Fraction(int(width), int(height))
    except (ValueError, ZeroDivisionError) as error:
        raise ValueError(f"aspect_ratio {aspect_ratio!r} is not of the form '16:9'") from error
    if not Fraction(1, MOST_RATIO) <= ratio <= MOST_RATIO:
        raise ValueError(f"aspect_ratio {aspect_ratio!r} is beyond {MOST_RATIO}:1")
    if not 1 <= long_side <= LONGEST_SIDE:
        raise ValueError(f"no picture is {long_side} pixels long")
    short_side = max(1, round(long_side / max(ratio, 1 / ratio)))
    return (long_side, short_side) if ratio >= 1 else (short_side, long_side)


def _blank(size: tuple[int, int]) -> Image:
    from PIL import Image  # noqa: PLC0415 - loaded at first use: it slows the start

    return Image.new("RGB", size)


def _png(picture: Image) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, "PNG", compress_level=1)  # samples are made to be quick, not small
    return buffer.getvalue()
