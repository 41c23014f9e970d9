"""Frames and samples of a file, in somebody else's size and at somebody else's rate, a few at a time."""

# PyAV mentions NumPy in its signatures; it is not installed, so parts of them are unknown to pyright.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_mcp.media import streams
from kling_mcp.media.forms import form_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction
    from pathlib import Path

    from av.filter import Graph
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

SECOND_BYTES = 8192
"""How much silence is made at once."""


def conformed(path: Path, size: tuple[int, int], rate: Fraction, count: int) -> Iterator[VideoFrame]:
    """So many frames of a video, evenly spaced, each as large as asked: with black bars where its shape differs.

    A frame stands until the next begins, so where there are fewer some are shown again, where there are more some
    are left out. Their clock is the caller's to set.

    Raises:
        Refused: The decoder cannot read it.
    """
    with streams.opened(path, form_of(path)) as track:
        assert isinstance(track, streams.Video)  # noqa: S101 - the caller looked
        given, before = 0, None
        for at, frame in _timed(track, size):
            while before is not None and given < count and given / rate < at:
                yield before
                given += 1
            before = frame
        while before is not None and given < count:
            yield before
            given += 1


def _timed(track: streams.Video, size: tuple[int, int]) -> Iterator[tuple[Fraction, VideoFrame]]:
    """Every frame, scaled, with its time in seconds from the first, half a tick early: clocks round."""
    stream, index = track.stream, track.index
    track.container.seek(index.ticks[0], stream=stream)
    graph = None
    for frame in track.container.decode(stream):
        if frame.pts is None:
            continue
        at = (frame.pts - index.ticks[0]) * index.tick_s - index.tick_s / 2
        if (frame.width, frame.height) != size or frame.format.name != "yuv420p":
            graph = graph or _fitting(stream, frame, size)
            graph.vpush(frame)
            frame = graph.vpull()  # noqa: PLW2901 - the same frame, in another size
        yield at, frame


def _fitting(stream: VideoStream, frame: VideoFrame, size: tuple[int, int]) -> Graph:
    """Scales into ``size`` without changing the shape."""
    from av.filter import Graph  # noqa: PLC0415 - loaded at first use: it slows the start

    width, height = size
    graph = Graph()
    steps = [
        graph.add_buffer(template=stream, time_base=frame.time_base),
        graph.add("scale", f"{width}:{height}:force_original_aspect_ratio=decrease:flags=bicubic"),
        graph.add("pad", f"{width}:{height}:-1:-1"),
        graph.add("setsar", "1"),
        graph.add("format", "yuv420p"),
        graph.add("buffersink"),
    ]
    graph.link_nodes(*steps).configure()
    return graph


def resampled(path: Path, rate: int, layout: str, count: int) -> Iterator[bytes]:
    """So many samples of a file's sound as packed 16-bit numbers; silence where it has none, or no more.

    Raises:
        Refused: The decoder cannot read it.
    """
    width = 4 if layout == "stereo" else 2
    left = count * width
    for piece in _sound(path, rate, layout, width):
        yield piece[:left]
        left -= min(left, len(piece))
        if not left:
            return
    while left:
        yield bytes(min(left, SECOND_BYTES))
        left -= min(left, SECOND_BYTES)


def _sound(path: Path, rate: int, layout: str, width: int) -> Iterator[bytes]:
    from av import AudioResampler  # noqa: PLC0415 - loaded at first use: it slows the start

    with streams.soundtrack(path, form_of(path)) as sound:
        if sound is None:
            return
        resampler = AudioResampler(format="s16", layout=layout, rate=rate)
        for frame in sound.frames():
            for piece in resampler.resample(frame):
                yield bytes(piece.planes[0])[: piece.samples * width]
        for piece in resampler.resample(None):
            yield bytes(piece.planes[0])[: piece.samples * width]
