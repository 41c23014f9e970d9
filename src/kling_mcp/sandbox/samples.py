"""The videos the pretend Kling returns: real ones, that say what was asked for.

A person who opens one sees the prompt, the task and a running clock, and so knows that the whole way from
sentence to file worked. They are drawn in a fraction of a second: everything that stands still is drawn once.
"""

# PyAV and Pillow mention NumPy in their signatures; it is not installed, so parts of them are unknown to pyright.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import functools
import math
import tempfile
from array import array
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from kling_mcp.sandbox.sample_drawing import (
    BASE_SIDE,
    CLOCK_ROOM,
    MARGIN,
    SHORT_SIDE,
    colour,
    font,
    ground,
    hue_of,
    lettered,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

    from kling_mcp.sandbox.sample_drawing import Colour

FRAMES_PER_SECOND = 24
SAMPLE_RATE = 44_100
AAC_FRAME = 1024
CHORD_HZ = (220, 277, 330, 440)
"""Whole numbers, so that one second of it repeats without a click."""

_Packet: TypeAlias = "Packet[VideoStream] | Packet[AudioStream]"


@dataclass(frozen=True, slots=True)
class _Scene:
    """What one sample shows, before the clock runs."""

    still: Image
    accent: Colour
    seconds: Fraction
    frames: int


def sample_video(  # noqa: PLR0913 - the facts of one task, all named by the caller
    *,
    caption: str,
    label: str,
    aspect_ratio: str,
    duration_s: float,
    sound: bool,
    backdrop: bytes | None = None,
    short_side: int = SHORT_SIDE,
) -> bytes:
    """Make a playable H.264 mp4. The same arguments give the same bytes.

    Args:
        caption: The prompt, shown wrapped; also decides the colours.
        label: A line in small letters: the id of the task.
        aspect_ratio: ``"16:9"`` and the like, or a picture's width and height: ``"600:1200"``.
        duration_s: Length in seconds, kept to the millisecond.
        sound: Whether there is an AAC track, with a soft chord. Without it there is no audio stream at all.
        backdrop: An encoded picture to start from instead of a plain gradient.
        short_side: Pixels of the shorter side, even.

    Raises:
        ValueError: ``aspect_ratio`` or ``duration_s`` makes no sense, or ``backdrop`` is no picture.
    """
    seconds = Fraction(round(duration_s * 1000), 1000)
    if seconds <= 0:
        raise ValueError(f"a video cannot last {duration_s} s")
    still, accent = _still(caption, label, _size(aspect_ratio, short_side), backdrop)
    scene = _Scene(still, accent, seconds, frames=max(1, round(seconds * FRAMES_PER_SECOND)))
    with tempfile.TemporaryDirectory(prefix="kling-sample-") as folder:
        # A file rather than memory: the muxer reopens it to put the index in front (faststart).
        path = Path(folder) / "sample.mp4"
        _write(path, scene, sound=sound)
        return path.read_bytes()


def _size(aspect_ratio: str, short_side: int) -> tuple[int, int]:
    """Width and height in pixels, both even, as yuv420p wants them."""
    try:
        ratio = Fraction(*(int(part) for part in aspect_ratio.split(":", 1)))
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise ValueError(f"aspect_ratio {aspect_ratio!r} is not of the form '16:9'") from error
    if not Fraction(1, 4) <= ratio <= 4:  # noqa: PLR2004 - wider is no picture but a line
        raise ValueError(f"aspect_ratio {aspect_ratio!r} is beyond 4:1")
    longer = 2 * round(short_side * max(ratio, 1 / ratio) / 2)
    return (longer, short_side) if ratio >= 1 else (short_side, longer)


# --- what stands still -------------------------------------------------------------------------------------


def _still(caption: str, label: str, size: tuple[int, int], backdrop: bytes | None) -> tuple[Image, Colour]:
    # A backdrop may be a frame of an earlier sample: the panel then has to cover that one's letters.
    picture, shade = ground(caption, size, backdrop), 235 if backdrop else 150
    accent = colour(hue_of(caption) + 0.42, 0.40, 1.0)
    return lettered(picture, caption, label, shade=shade, below=CLOCK_ROOM), accent


# --- what moves --------------------------------------------------------------------------------------------


def _pictures(scene: _Scene) -> Iterator[Image]:
    from PIL import ImageDraw  # noqa: PLC0415 - loaded at first use: it slows the start

    letters = font(15 * min(scene.still.size) / BASE_SIDE)
    for index in range(scene.frames):
        picture = scene.still.copy()
        done = index / max(1, scene.frames - 1)
        _animate(ImageDraw.Draw(picture, "RGBA"), scene, done, letters, float(index * scene.seconds / scene.frames))
        yield picture


def _animate(draw: ImageDraw, scene: _Scene, done: float, letters: FreeTypeFont, at_s: float) -> None:
    """A sun on its arc, the line of progress and the running clock."""
    width, height = scene.still.size
    scale = min(scene.still.size) / BASE_SIDE
    margin = MARGIN * scale
    x = margin + done * (width - 2 * margin)
    y = height * (0.36 - 0.20 * math.sin(math.pi * done))
    for radius, opacity in ((30 * scale, 50), (22 * scale, 90), (15 * scale, 255)):
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(*scene.accent, opacity))
    left, right, line, thick = 2 * margin, width - 2 * margin, height - margin - 20 * scale, 5 * scale
    end = right - 70 * scale
    draw.rounded_rectangle((left, line, end, line + thick), 2 * scale, fill=(255, 255, 255, 90))
    reached = left + max(6 * scale, done * (end - left))
    draw.rounded_rectangle((left, line, reached, line + thick), 2 * scale, fill=scene.accent)
    draw.text((right, line + 2 * scale), f"{at_s:05.2f} s", font=letters, fill="white", anchor="rm")


# --- encoding ----------------------------------------------------------------------------------------------


def _write(path: Path, scene: _Scene, *, sound: bool) -> None:
    import av  # noqa: PLC0415 - loaded at first use: it slows the start

    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        packets: list[_Packet] = list(_video(container, scene))
        if sound:
            packets += _audio(container, scene.seconds)
        container.mux(sorted(packets, key=_decoded_at))


def _decoded_at(packet: _Packet) -> Fraction:
    return (packet.dts or 0) * packet.time_base


def _video(container: OutputContainer, scene: _Scene) -> Iterator[Packet[VideoStream]]:
    """Frames at whatever rate makes them fill the length exactly; close to ``FRAMES_PER_SECOND``."""
    from av import VideoFrame  # noqa: PLC0415 - loaded at first use: it slows the start

    rate = scene.frames / scene.seconds
    # One thread: the bytes then do not depend on the machine.
    stream = container.add_stream("libx264", rate=rate, options={"preset": "ultrafast", "crf": "23", "threads": "1"})
    stream.width, stream.height = scene.still.size
    stream.pix_fmt = "yuv420p"
    for index, picture in enumerate(_pictures(scene)):
        # The quickest scaler: nothing is scaled here, and the usual one takes as long as all the rest together.
        frame: VideoFrame = VideoFrame.from_image(picture).reformat(format="yuv420p", interpolation="FAST_BILINEAR")
        frame.pts, frame.time_base = index, 1 / rate
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _audio(container: OutputContainer, seconds: Fraction) -> Iterator[Packet[AudioStream]]:
    from av import AudioFrame  # noqa: PLC0415 - loaded at first use: it slows the start

    stream = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
    samples, second = int(seconds * SAMPLE_RATE), _chord()
    sound = second * (samples // SAMPLE_RATE + 1)
    for start in range(0, samples, AAC_FRAME):
        piece = sound[start : min(start + AAC_FRAME, samples)]
        frame = AudioFrame("s16", "mono", len(piece))
        frame.planes[0].update(piece.tobytes().ljust(frame.planes[0].buffer_size, b"\0"))
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, start, Fraction(1, SAMPLE_RATE)
        yield from stream.encode(frame)
    yield from stream.encode(None)


@functools.cache
def _chord() -> array[int]:
    """One second of a soft chord that swells and fades: 16-bit samples, silent at both ends."""
    turn = 2 * math.pi / SAMPLE_RATE
    return array(
        "h",
        (
            round(1500 * math.sin(math.pi * n / SAMPLE_RATE) * sum(math.sin(turn * hz * n) for hz in CHORD_HZ))
            for n in range(SAMPLE_RATE)
        ),
    )
