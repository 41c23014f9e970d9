"""A picture as an argument: a URL, Base64, or a ``data:`` URI; looked at in memory, never fetched.

Contract: video.md section 6 (images): jpg or png, at most 10 MB, sides of at least 300 px, ratio 1:2.5 to 2.5:1.
"""

from __future__ import annotations

import base64
import binascii
import io
import ipaddress
import re
from typing import NoReturn
from urllib.parse import urlsplit

from pydantic_core import PydanticCustomError

from kling_mcp.operations.wording import OWN_SENTENCE

MAX_BYTES = 10 * 1024 * 1024
MIN_SIDE = 300
MAX_RATIO = 2.5
MAX_URL = 8192
"""Kling states no limit; addresses signed with a session token pass 2,000 characters."""

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+:", re.IGNORECASE)


def picture(value: object) -> str:
    """The picture as Kling takes it: an http(s) URL unchanged, or bare Base64 without a ``data:`` prefix.

    Raises:
        PydanticCustomError: It cannot be a picture Kling accepts. The sentence never repeats the value.
    """
    if not isinstance(value, str):
        _refuse("must be text: an http(s) URL, or the Base64 of a jpg or png.")
    text = value.strip()
    if text[:5].lower() == "data:":
        return _checked_base64(_without_prefix(text))
    return _checked_url(text) if _SCHEME.match(text) else _checked_base64(text)


def is_url(value: str) -> bool:
    """Whether a checked picture is a URL (else it is Base64)."""
    return bool(_SCHEME.match(value))


def pixels(value: str) -> tuple[int, int] | None:
    """Width and height of a checked picture in Base64; None for a URL, which only Kling looks at."""
    return None if is_url(value) else _measured(base64.b64decode(value))


def _refuse(sentence: str) -> NoReturn:
    raise PydanticCustomError(OWN_SENTENCE, "{sentence}", {"sentence": sentence})


def _checked_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        _refuse("is not a well-formed URL. Give the address of a jpg or png that starts with https://.")
    if parts.scheme.lower() not in {"http", "https"}:
        _refuse(f"has an address that starts with {parts.scheme[:20]}:, but Kling fetches only http:// and https://.")
    if not host or len(text) > MAX_URL or not text.isprintable() or " " in text:
        _refuse(f"is not a usable URL: it needs a host, no spaces, and at most {MAX_URL} characters.")
    if parts.username is not None or parts.password is not None:
        _refuse("has a user name or password in its URL. Give an address that needs none, or Base64.")
    if _is_private(host):
        _refuse(f"is an address inside a machine or network ({host[:60]}), which Kling cannot reach. Give Base64.")
    return text


def _is_private(host: str) -> bool:
    """Whether only this machine or its network can reach the host. Names are not looked up: rules do no I/O."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host.lower() == "localhost"


def _without_prefix(text: str) -> str:
    prefix, comma, rest = text.partition(",")
    if not comma or not prefix.lower().endswith(";base64"):
        _refuse("is a data: URI without ';base64,'. Give data:image/png;base64,... or the bare Base64.")
    return rest


def _checked_base64(text: str) -> str:
    compact = "".join(text.split())
    if len(compact) * 3 // 4 > MAX_BYTES:
        _refuse(f"is too large: Kling takes pictures of up to {MAX_BYTES // 1024 // 1024} MB. Give a smaller one.")
    compact = compact.rstrip("=")
    compact += "=" * (-len(compact) % 4)
    try:
        raw = base64.b64decode(compact, validate=True)
    except (binascii.Error, ValueError):
        _refuse(
            "is neither an http(s) URL nor Base64. Kling cannot read a file of this machine by its path: give a URL, "
            "or the file's content as Base64."
        )
    _check_shape(*_measured(raw))
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
        _refuse("does not decode to a jpg or png picture that can be read. Give one of these formats.")
    return size


def _check_shape(width: int, height: int) -> None:
    if min(width, height) < MIN_SIDE:
        _refuse(f"is {width}x{height} px; each side must have at least {MIN_SIDE} px. Give a larger picture.")
    if max(width, height) > MAX_RATIO * min(width, height):
        _refuse(f"is {width}x{height} px; its ratio must lie between 1:{MAX_RATIO} and {MAX_RATIO}:1. Crop it.")
