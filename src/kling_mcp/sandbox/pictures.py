"""Pictures and sounds in a request: Base64 ones are opened and measured, URLs are only looked at, never fetched.

Contract: video.md section 6 (images), B1 (50 MB on the new wire), A9, A10 (sounds). Opening takes time, so every long
text of a body is opened ahead, in a thread (``opened_in``); a family then asks for each in its own turn.
"""

# PyAV mentions NumPy in its signatures; it is not installed, so parts of them are unknown to pyright.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from io import BytesIO
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from kling_mcp.sandbox.checks import is_link
from kling_mcp.sandbox.wire import illegal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from PIL.Image import Image

    from kling_mcp.sandbox.order import Wire

MEGABYTE = 1024 * 1024
_MOST: Mapping[Wire, int] = MappingProxyType({"v1": 10 * MEGABYTE, "v2": 50 * MEGABYTE})
_MOST_SOUND = 5 * MEGABYTE
MIN_SIDE = 300
_MAX_RATIO = 2.5
_BACKDROP_SIDE = 720
_LONG = 400
"""Characters from which a text is taken for a picture or a sound; the smallest picture of 300 px is longer."""
_SOUNDS = frozenset({"mp3", "wav", "mov", "mp4", "aac", "m4a"})
"""What PyAV calls the forms Kling takes; m4a is read by its reader of mp4."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture in a request.

    Attributes:
        size: Width and height in pixels, the right way up; None where it is at an address nobody looked into.
        backdrop: What ``Make.backdrop`` takes, to start from this picture; None where it was not seen.
        ratio: ``width:height`` of it, or of the result of ours that it is.
    """

    size: tuple[int, int] | None = None
    backdrop: str | None = None
    ratio: str | None = None

    def ratio_or(self, other: str) -> str:
        """Its own ratio, or another where it was not seen, or is longer than any video (as an end frame may be)."""
        if self.size and max(self.size) > _MAX_RATIO * min(self.size):
            return other
        return self.ratio or other


@dataclass(frozen=True, slots=True)
class Opened:
    """What a long text of a body turned out to be.

    Attributes:
        bytes: Its length once decoded; None: it is no Base64.
        picture: The picture in it.
        seconds: Length of the sound in it.
    """

    bytes: int | None = None
    picture: Picture | None = None
    seconds: float | None = None


def opened_in(body: object) -> Mapping[str, Opened]:
    """Open every long text in a body that is no address. Slow; call it in a thread."""
    return {text: opened(text) for text in set(long_texts(body))}


def long_texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    """Every text of a body that may be a file. Walks without recursion: a body may be nested very deep."""
    waiting = [value]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, dict):
            waiting.extend(cast("dict[str, Any]", inner).values())
        elif isinstance(inner, list):
            waiting.extend(cast("list[Any]", inner))
        elif isinstance(inner, str) and len(inner) >= _LONG and not is_link(inner):
            yield inner


def opened(text: str) -> Opened:
    """What is in a text."""
    try:
        # Padding may be missing; a data: prefix, line breaks or the URL-safe alphabet may not.
        raw = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return Opened()
    if len(raw) > _MOST["v2"]:
        return Opened(len(raw))
    picture = _picture(raw)
    return Opened(len(raw), picture, None if picture else _seconds(raw))


def checked_picture(found: Opened, wire: Wire = "v1", *, shaped: bool = True, smallest: int = MIN_SIDE) -> Picture:
    """A Base64 picture that keeps Kling's rules.

    Args:
        found: What was in the text.
        wire: Which one's limit of size holds.
        shaped: Whether its ratio is limited; it is not for end frames and masks (video.md section 6).
        smallest: Least pixels of a side.

    Raises:
        Refusal: 1201: it is no picture, too large, too small or too long.
    """
    if found.bytes is not None and found.bytes > _MOST[wire]:
        raise illegal(f"Image size cannot exceed {_MOST[wire] // MEGABYTE}MB")  # [OWN]
    if found.picture is None or found.picture.size is None:
        raise illegal("File is not in a valid base64 format")
    width, height = found.picture.size
    if min(width, height) < smallest:
        raise illegal("Image pixel is invalid")
    if shaped and max(width, height) > _MAX_RATIO * min(width, height):
        raise illegal("Image aspect ratio is invalid")  # [OWN]
    return found.picture


def checked_sound(found: Opened) -> float:
    """Seconds of a Base64 sound.

    Raises:
        Refusal: 1201: it is no sound, or too large.
    """
    if found.bytes is not None and found.bytes > _MOST_SOUND:
        raise illegal(f"Audio size cannot exceed {_MOST_SOUND // MEGABYTE}MB")  # [OWN]
    if found.seconds is None:
        raise illegal("File is not in a valid base64 format")
    return found.seconds


def picture_of(raw: bytes) -> Picture | None:
    """The picture in a file of ours."""
    return _picture(raw)


def _picture(raw: bytes) -> Picture | None:
    from PIL import Image, ImageOps  # noqa: PLC0415 - loaded at first use: it slows the start

    try:
        image = Image.open(BytesIO(raw), formats=("JPEG", "PNG"))  # a phone's MPO opens as a JPEG
        image.load()
        upright = ImageOps.exif_transpose(image)
        return Picture(upright.size, _backdrop(upright), "{}:{}".format(*upright.size))
    except Exception:  # noqa: BLE001 - Pillow's parsers raise many types on broken files, and all mean the same
        return None


def _backdrop(image: Image) -> str:
    small = image.convert("RGB")
    small.thumbnail((_BACKDROP_SIDE, _BACKDROP_SIDE))
    buffer = BytesIO()
    small.save(buffer, "JPEG", quality=80)
    return base64.b64encode(buffer.getvalue()).decode()


def _seconds(raw: bytes) -> float | None:
    import av  # noqa: PLC0415 - loaded at first use: it slows the start

    try:
        with av.open(BytesIO(raw), "r") as file:
            if not file.streams.audio or not set(file.format.name.split(",")) & _SOUNDS:
                return None
            if file.duration is not None:
                return file.duration / av.time_base
            return sum(frame.samples / frame.sample_rate for frame in file.decode(audio=0))
    except Exception:  # noqa: BLE001 - FFmpeg raises many types on broken files, and all mean the same
        return None
