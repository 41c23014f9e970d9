"""What is in a file, as a decoder found it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kling_mcp.media import pictures, streams
from kling_mcp.media.forms import M4A, form_of

if TYPE_CHECKING:
    from pathlib import Path

    from kling_mcp.media.forms import Form


@dataclass(frozen=True, slots=True)
class Facts:
    """What a decoder found. Pixels; seconds; None where the question makes no sense.

    Attributes:
        form: What kind of file it is.
        width: Of a picture or a video.
        height: Of the same.
        duration_s: Of a video or a sound.
        sound: Whether a video has a sound track.
    """

    form: Form
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    sound: bool | None = None


def probe(path: Path) -> Facts:
    """Open a file with a decoder and say what it holds. Reads all of it: one that was cut off is found out.

    Raises:
        Refused: It is no picture, video or sound, or a damaged one.
        LocalTrouble: It cannot be read at all.
    """
    form = form_of(path)
    if form.kind == "image":
        return Facts(form, *pictures.read(path, form).size)
    with streams.opened(path, form) as track:
        if isinstance(track, streams.Video):
            return Facts(form, track.stream.width, track.stream.height, track.index.length_s, track.sounds)
        return Facts(M4A if form.kind == "video" else form, duration_s=track.index.length_s)
