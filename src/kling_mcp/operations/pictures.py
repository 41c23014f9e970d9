"""A picture as an argument: a URL, Base64, a ``data:`` URI, or a result of ours; looked at in memory, never fetched.

Contract: video.md section 6 (images): jpg or png, at most 10 MB, sides of at least 300 px, ratio 1:2.5 to 2.5:1.
"""

from __future__ import annotations

import base64
import io

from kling_mcp.operations.encoded import decoded
from kling_mcp.operations.sources import Reference, facts_of
from kling_mcp.operations.web import is_url, refuse, web_address

MAX_BYTES = 10 * 1024 * 1024
MIN_SIDE = 300
MAX_RATIO = 2.5


def picture(value: object, *, shaped: bool = True) -> str:
    """The picture as Kling takes it: an http(s) URL unchanged, or bare Base64 without a ``data:`` prefix.

    A result of ours is returned as the ``Reference`` it is.

    Args:
        value: What was given.
        shaped: Whether its ratio is limited.

    Raises:
        PydanticCustomError: It cannot be a picture Kling accepts. The sentence never repeats the value.
    """
    if not isinstance(value, str):
        refuse("must be text: an http(s) URL, or the Base64 of a jpg or png.")
    text = value.strip()
    if reference := Reference.read(text, "image"):
        return reference
    if is_url(text) and text[:5].lower() != "data:":
        return web_address(text, of="a jpg or png", otherwise="Base64")
    return _checked_base64(text, shaped=shaped)


def picture_of_any_shape(value: object) -> str:
    """A picture whose ratio is not limited. Contract: video.md section 6 does not restate the limit for last frames."""
    return picture(value, shaped=False)


def pixels(value: str) -> tuple[int, int] | None:
    """Width and height of a checked picture in Base64 or of ours; None for a URL, which only Kling looks at."""
    facts = facts_of(value)
    if facts is not None and facts.width and facts.height:
        return facts.width, facts.height
    return None if isinstance(value, Reference) or is_url(value) else _measured(base64.b64decode(value))


def misfit(width: int, height: int, *, shaped: bool = True) -> str:
    """Why Kling refuses a picture of this size, as the rest of a sentence; empty if it does not."""
    if min(width, height) < MIN_SIDE:
        return f"is {width}x{height} px; each side must have at least {MIN_SIDE} px. Give a larger picture."
    if shaped and max(width, height) > MAX_RATIO * min(width, height):
        return f"is {width}x{height} px; its ratio must lie between 1:{MAX_RATIO} and {MAX_RATIO}:1. Crop it."
    return ""


def _checked_base64(text: str, *, shaped: bool) -> str:
    compact, raw = decoded(
        text,
        most=MAX_BYTES,
        mime="image/png",
        too_large=f"is too large: Kling takes pictures of up to {MAX_BYTES // 1024 // 1024} MB. Give a smaller one.",
        neither=(
            "is neither an http(s) URL nor Base64. Kling cannot read a file of this machine by its path: give a URL, "
            "or the file's content as Base64."
        ),
    )
    if wrong := misfit(*_measured(raw), shaped=shaped):
        refuse(wrong)
    return compact


def _measured(raw: bytes) -> tuple[int, int]:
    """Width and height of a jpg or png that is whole."""
    from PIL import Image  # noqa: PLC0415 - loaded at first use: it slows the start

    try:
        image = Image.open(io.BytesIO(raw), formats=("JPEG", "PNG"))  # a phone's MPO opens as a JPEG
        size = image.size
        if image.format == "PNG":
            image.verify()
        else:  # nothing verifies a JPEG but decoding it; at an eighth of its size that is quick
            image.draft("RGB", (1, 1))
            image.load()
    except Exception:  # noqa: BLE001 - Pillow's parsers raise many types on broken files, and all mean the same
        refuse("does not decode to a jpg or png picture that can be read. Give one of these formats.")
    return size
