"""Pictures of results for a model's eyes: small, and telling.

All functions here are synchronous and busy for up to seconds: call them in a worker thread. All raise ``Refused``
for a file that is damaged or no medium, and ``LocalTrouble`` for one that cannot be read.
"""

# PyAV mentions NumPy in its signatures; it is not installed, so parts of them are unknown to pyright.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kling_mcp.errors import Refused
from kling_mcp.media import pictures, streams
from kling_mcp.media.forms import form_of
from kling_mcp.media.waveform import waveform

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from av.video.frame import VideoFrame
    from PIL.Image import Image

SHEET_SIDE = 1280
"""Longest side of a contact sheet in pixels."""
SHEET_RATIO = 4 / 3
"""The shape a contact sheet comes close to, so that no model scales it down much."""
THUMBNAIL_SIDE = 512
GAP = 4
NEARLY_BLACK = 16
"""Mean brightness, 0 to 255, below which a frame shows nothing."""
LAST_FRAME_BYTES = 7_000_000
"""Kling takes first frames up to 10 MB; whether that is before or after Base64 (which adds a third) nobody says.
Contract: video.md section 6."""

FIRST_FRAME_SIDE = 300
"""The least a first frame's sides may have, in pixels. Contract: video.md section 6."""

_PAPER = (24, 24, 28)
_Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One JPEG that shows a whole result. ``times`` are the frames' seconds; empty for pictures and sounds."""

    jpeg: bytes
    width: int
    height: int
    times: tuple[float, ...] = ()


def contact_sheet(path: Path, *, frames: int = 9, max_bytes: int = 150_000) -> Sheet:
    """A video as evenly spaced frames with their times, the first and the last among them.

    A picture comes out as itself, smaller; a sound as its waveform over a time axis.

    Args:
        path: The file.
        frames: How many frames of a video, at least 1; fewer if it has fewer.
        max_bytes: What the JPEG must not exceed.
    """
    form = form_of(path)
    if form.kind == "image":
        return _sheet(_shrunk(pictures.flattened(pictures.read(path, form)), SHEET_SIDE), max_bytes)
    with streams.opened(path, form) as track:
        if isinstance(track, streams.Sound):
            return _sheet(waveform(track, (SHEET_SIDE, SHEET_SIDE // 4)), max_bytes)
        ticks = _spread(track.index.ticks, frames)
        times = tuple(round(track.index.at_s(tick), 2) for tick in ticks)
        return _sheet(_laid_out(track, ticks, times), max_bytes, times)


def thumbnail(path: Path, *, max_bytes: int = 40_000) -> bytes:
    """One small JPEG: a picture, a sound's waveform, or a video's middle frame (another if that is black)."""
    form = form_of(path)
    if form.kind == "image":
        picture = pictures.flattened(pictures.read(path, form))
    else:
        with streams.opened(path, form) as track:
            picture = _telling(track) if isinstance(track, streams.Video) else waveform(track, (THUMBNAIL_SIDE, 160))
    return pictures.jpeg_within(_shrunk(picture, THUMBNAIL_SIDE), max_bytes)[0]


def last_frame(path: Path) -> bytes:
    """The last frame of a video in full size, as a fine JPEG: what the next video can start from.

    One with a side below ``FIRST_FRAME_SIDE`` is enlarged to it.

    Raises:
        Refused: It has no frames.
    """
    with streams.opened(path, form_of(path)) as track:
        if isinstance(track, streams.Sound):
            raise Refused(f"{path.name} has no picture.", fix="Choose a video.", code="no_picture")
        frame = next(track.frames(track.index.ticks[-1:]))
        return pictures.jpeg_within(_enlarged(frame.to_image(), FIRST_FRAME_SIDE), LAST_FRAME_BYTES)[0]


def _sheet(picture: Image, max_bytes: int, times: tuple[float, ...] = ()) -> Sheet:
    encoded, picture = pictures.jpeg_within(picture, max_bytes)
    return Sheet(encoded, *picture.size, times)


def _shrunk(picture: Image, side: int) -> Image:
    picture = picture.copy()
    picture.thumbnail((side, side))
    return picture


def _enlarged(picture: Image, side: int) -> Image:
    """The picture with no side shorter than ``side``."""
    if min(picture.size) >= side:
        return picture
    scale = side / min(picture.size)
    return picture.resize((max(side, round(picture.width * scale)), max(side, round(picture.height * scale))))


def _spread(ticks: Sequence[int], count: int) -> list[int]:
    """Evenly chosen, the first and the last included; all of them if there are no more."""
    last, steps = len(ticks) - 1, max(1, min(count, len(ticks)) - 1)
    chosen = [0] if count == 1 else [round(step * last / steps) for step in range(steps + 1)]
    return [ticks[index] for index in dict.fromkeys(chosen)]


# --- contact sheet -----------------------------------------------------------------------------------------


def _grid(count: int, ratio: float) -> tuple[int, int]:
    """Columns and rows: close to ``SHEET_RATIO``, with few empty places."""

    def ugliness(columns: int) -> float:
        rows = math.ceil(count / columns)
        empty = columns * rows - count
        return abs(math.log(columns * ratio / rows / SHEET_RATIO)) + empty / count

    columns = min(range(1, count + 1), key=ugliness)
    return columns, math.ceil(count / columns)


def _cell(size: _Size, columns: int, rows: int) -> _Size:
    """How large each frame is drawn: the sheet's longest side comes to ``SHEET_SIDE`` at most."""
    width, height = size
    scale = min(
        (SHEET_SIDE - GAP * (columns - 1)) / (columns * width), (SHEET_SIDE - GAP * (rows - 1)) / (rows * height), 1.0
    )
    return max(1, int(width * scale)), max(1, int(height * scale))


def _laid_out(video: streams.Video, ticks: Sequence[int], times: Sequence[float]) -> Image:
    from PIL import Image  # noqa: PLC0415 - loaded at first use: it slows the start

    size = video.stream.width, video.stream.height
    columns, rows = _grid(len(ticks), size[0] / size[1])
    width, height = _cell(size, columns, rows)
    sheet = Image.new("RGB", (columns * (width + GAP) - GAP, rows * (height + GAP) - GAP), _PAPER)
    for place, (frame, at_s) in enumerate(zip(video.frames(ticks), times, strict=False)):
        row, column = divmod(place, columns)
        sheet.paste(_timed(_scaled(frame, (width, height)), at_s), (column * (width + GAP), row * (height + GAP)))
    return sheet


def _scaled(frame: VideoFrame, size: _Size) -> Image:
    """A frame as a small picture. The decoder's own scaler is far quicker than first making a large one."""
    width, height = size
    return frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA").to_image()


def _timed(picture: Image, at_s: float) -> Image:
    from PIL import ImageDraw, ImageFont  # noqa: PLC0415 - loaded at first use: it slows the start

    font = ImageFont.load_default(size=max(11, min(20, picture.height // 10)))
    draw = ImageDraw.Draw(picture, "RGBA")
    left, top, right, bottom = draw.textbbox((8, 6), f"{at_s:.2f} s", font=font)
    draw.rectangle((left - 5, top - 4, right + 5, bottom + 4), fill=(0, 0, 0, 170))
    draw.text((8, 6), f"{at_s:.2f} s", font=font, fill="white")
    return picture


# --- thumbnail ---------------------------------------------------------------------------------------------


def _telling(video: streams.Video) -> Image:
    """The middle frame; if that is black, the first of a few that is not; if all are, the middle one."""
    ticks = video.index.ticks
    size = _cell((video.stream.width, video.stream.height), 1, 1)
    middle = _scaled(next(video.frames([ticks[len(ticks) // 2]])), size)
    if not _is_black(middle):
        return middle
    others = (_scaled(frame, size) for frame in video.frames(_spread(ticks, 9)))
    return next((picture for picture in others if not _is_black(picture)), middle)


def _is_black(picture: Image) -> bool:
    from PIL import ImageStat  # noqa: PLC0415 - loaded at first use: it slows the start

    return ImageStat.Stat(picture.convert("L")).mean[0] < NEARLY_BLACK
