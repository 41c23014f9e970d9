"""A sound as a picture: how loud it is, over a time axis."""

# PyAV and Pillow mention NumPy in their signatures; it is not installed, so parts of them are unknown to pyright.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from array import array
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from PIL.Image import Image

    from kling_mcp.media.streams import Sound

SAMPLES_PER_SECOND = 8000
"""Enough to see how loud it is."""
LOUDEST = 32_768
AXIS = 26
"""Height of the time axis in pixels."""
STEPS_S = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600)
"""Distances between two marks of the axis that are easy to read, in seconds."""
MOST_MARKS = 10

_PAPER, _INK, _WAVE = (24, 24, 28), (200, 200, 208), (96, 190, 255)


def waveform(sound: Sound, size: tuple[int, int]) -> Image:
    """Draw it: one column of pixels per moment, seconds along the foot."""
    from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415 - loaded at first use: it slows the start

    width, height = size
    picture = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(picture)
    middle = (height - AXIS) / 2
    for x, (low, high) in enumerate(_extremes(_samples(sound), width)):
        draw.line((x, middle - high * middle / LOUDEST, x, middle - low * middle / LOUDEST), fill=_WAVE)
    for at_s in _marks(sound.index.length_s):
        x = at_s / sound.index.length_s * width
        draw.line((x, height - AXIS, x, height - AXIS + 5), fill=_INK)
        draw.text((x + 3, height - AXIS + 4), f"{at_s:g} s", fill=_INK, font=ImageFont.load_default(size=13))
    return picture


def _marks(length_s: float) -> Iterator[float]:
    step = next((step for step in STEPS_S if length_s / step <= MOST_MARKS), length_s / MOST_MARKS)
    return (round(n * step, 1) for n in range(int(length_s / step) + 1) if n * step < length_s)


def _samples(sound: Sound) -> array[int]:
    """All of it as one channel of 16-bit samples."""
    from av import AudioResampler  # noqa: PLC0415 - loaded at first use: it slows the start

    resampler = AudioResampler(format="s16", layout="mono", rate=SAMPLES_PER_SECOND)
    samples = array("h")
    for frame in (*sound.frames(), None):
        for piece in resampler.resample(frame):
            samples.frombytes(bytes(piece.planes[0])[: piece.samples * samples.itemsize])
    return samples


def _extremes(samples: Sequence[int], columns: int) -> Iterator[tuple[int, int]]:
    """The lowest and highest sample of each column."""
    edges = [column * len(samples) // columns for column in range(columns + 1)]
    for start, end in pairwise(edges):
        piece = samples[start : max(end, start + 1)]
        yield min(piece, default=0), max(piece, default=0)
