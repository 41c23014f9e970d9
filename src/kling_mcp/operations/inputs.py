"""Videos, sounds and Kling's own ids as arguments: judged by their form; a result of ours stays a ``Reference``.

Contract: video.md section 6 (videos are URLs; audio is a URL or Base64), A8 to A10 (sounds: mp3, wav, m4a, aac, at most
5 MB).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kling_mcp.operations.encoded import decoded
from kling_mcp.operations.sources import Reference, facts_of, kling_id_of
from kling_mcp.operations.web import is_url, refuse, web_address

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kling_mcp.operations.sources import Wants

MAX_SOUND_BYTES = 5 * 1024 * 1024

_KLING_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}", re.ASCII)
_SOUND_STARTS = (b"ID3", b"RIFF", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xf1", b"\xff\xf9", b"\xff\xfa")


def kling_id(wants: Wants, what: str) -> Callable[[object], str]:
    """A check for an id that Kling gave, or for the result of ours that has it.

    Args:
        wants: What a reference has to have.
        what: Names it in a refusal: ``a Kling video id``.
    """

    def checked(value: object) -> str:
        text = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
        if reference := Reference.read(text, wants):
            return reference
        if is_url(text):
            refuse(f"is an address, but must be {what}, or a job id or kling://media/… of this server.")
        if not _KLING_ID.fullmatch(text):
            refuse(f"must be {what}, or a job id or kling://media/… of this server.")
        return text

    return checked


def video_url(value: object) -> str:
    """A public address of a video, or a result of ours.

    Raises:
        PydanticCustomError: It is neither. Kling takes no video as Base64.
    """
    text = value.strip() if isinstance(value, str) else ""
    if reference := Reference.read(text, "video"):
        return reference
    if not is_url(text) or text[:5].lower() == "data:":
        refuse("must be an http(s) URL of an mp4 or mov, or a job id or kling://media/… of this server.")
    return web_address(text, of="an mp4 or mov")


def sound_file(value: object) -> str:
    """A sound as Kling takes it: an http(s) URL, or bare Base64 of mp3, wav, m4a or aac; or a result of ours.

    Raises:
        PydanticCustomError: It is none of them.
    """
    text = value.strip() if isinstance(value, str) else ""
    if reference := Reference.read(text, "audio"):
        return reference
    if is_url(text) and text[:5].lower() != "data:":
        return web_address(text, of="an mp3, wav, m4a or aac", otherwise="Base64")
    return _sound(text)


def _sound(text: str) -> str:
    compact, raw = decoded(
        text,
        most=MAX_SOUND_BYTES,
        mime="audio/mpeg",
        too_large="is too large: Kling takes sounds of up to 5 MB. Give a shorter one, or mp3 instead of wav.",
        neither=(
            "is neither an http(s) URL nor Base64 nor a result of this server. Kling cannot read a file by its path."
        ),
    )
    if not (raw.startswith(_SOUND_STARTS) or raw[4:8] == b"ftyp"):
        refuse("does not begin like an mp3, wav, m4a or aac. Give one of these formats.")
    return compact


def id_or_url(
    given_id: str | None, url: str | None, names: tuple[str, str] = ("video_id", "video_url")
) -> Mapping[str, str]:
    """One of two fields of which Kling takes exactly one: its own id of a result where it has one, else the address.

    Args:
        given_id: What stands in the id field: Kling's id, or a ``Source``.
        url: What stands in the address field: a URL, Base64, or a ``Source``.
        names: What the two are called on the wire.
    """
    given = given_id or url
    if given is None:
        return {}
    if facts_of(given) is None:
        return {names[0] if given_id else names[1]: given}
    own = kling_id_of(given)
    return {names[0]: own} if own else {names[1]: str(given)}
