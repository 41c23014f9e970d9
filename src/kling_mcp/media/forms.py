"""Which kind of file it really is, whatever it is called: decided by its first bytes, never by a name or a header."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from kling_mcp.errors import LocalTrouble, Refused

if TYPE_CHECKING:
    from pathlib import Path

MediaKind = Literal["video", "image", "audio"]

HEAD = 32
"""How many first bytes ``sniff`` needs."""


@dataclass(frozen=True, slots=True)
class Form:
    """A file format we keep. ``reader`` is what Pillow (for pictures) or FFmpeg calls it.

    The reader is always named and never guessed: among those FFmpeg would guess are playlists, which name other
    files to read.
    """

    kind: MediaKind
    mime: str
    extension: str
    reader: str


MP4 = Form("video", "video/mp4", ".mp4", "mov")
MOV = Form("video", "video/quicktime", ".mov", "mov")
M4A = Form("audio", "audio/mp4", ".m4a", "mov")
MP3 = Form("audio", "audio/mpeg", ".mp3", "mp3")
WAV = Form("audio", "audio/wav", ".wav", "wav")
AAC = Form("audio", "audio/aac", ".aac", "aac")
PNG = Form("image", "image/png", ".png", "PNG")
JPEG = Form("image", "image/jpeg", ".jpg", "JPEG")
WEBP = Form("image", "image/webp", ".webp", "WEBP")

_SIGNATURES: tuple[tuple[re.Pattern[bytes], Form], ...] = (
    (re.compile(rb"....ftypqt  ", re.DOTALL), MOV),
    (re.compile(rb"....ftypM4[AB] ", re.DOTALL), M4A),
    (re.compile(rb"....ftyp(?!avi[fs]|hei[cx]|hev[cx]|mif1|msf1)", re.DOTALL), MP4),  # those are still pictures
    (re.compile(rb"\x89PNG\r\n\x1a\n"), PNG),
    (re.compile(rb"\xff\xd8\xff"), JPEG),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), WEBP),
    (re.compile(rb"RIFF....WAVE", re.DOTALL), WAV),
    (re.compile(rb"ID3|\xff[\xe2\xe3\xf2\xf3\xfa\xfb]"), MP3),
    (re.compile(rb"\xff[\xf0\xf1\xf8\xf9]"), AAC),
)


def sniff(head: bytes) -> Form | None:
    """The format whose signature a file starts with; None if it is none of ours."""
    return next((form for signature, form in _SIGNATURES if signature.match(head)), None)


def form_of(path: Path) -> Form:
    """As ``sniff``, for a file.

    Raises:
        Refused: It is none of ours.
        LocalTrouble: It cannot be read at all.
    """
    try:
        with path.open("rb") as file:
            form = sniff(file.read(HEAD))
    except OSError as error:
        raise LocalTrouble(
            f"The file {path} cannot be read ({error.strerror}).", fix="Call get_job with its job id to fetch it again."
        ) from error
    if form is None:
        raise Refused(f"{path.name} is neither a picture nor a video nor a sound.", code="not_media")
    return form


def damaged(path: Path, form: Form) -> Refused:
    """The failure of a file that starts as ``form`` and does not go on as one."""
    return Refused(
        f"{path.name} is a damaged {form.mime} file.",
        fix="Call get_job with its job id to fetch it again.",
        code="damaged_media",
    )
