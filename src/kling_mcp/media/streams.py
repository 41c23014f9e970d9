"""Reading videos and sounds: where their frames are, and only those frames that somebody wants to see."""

# PyAV mentions NumPy in its signatures; it is not installed, so parts of them are unknown to pyright.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from bisect import bisect_right
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from kling_mcp.media.forms import damaged

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    from kling_mcp.media.forms import Form


class _CutShortError(Exception):
    """There are fewer frames than packets."""


@dataclass(frozen=True, slots=True)
class Index:
    """Where the frames of a stream are, in ticks of its own clock.

    Attributes:
        ticks: When each frame is shown, in order.
        keys: Those from which decoding can start.
        tick_s: Seconds per tick.
        length_s: Seconds from the beginning to the end of the last frame. What is there, not what a header claims.
    """

    ticks: tuple[int, ...]
    keys: tuple[int, ...]
    tick_s: Fraction
    length_s: float

    def at_s(self, tick: int) -> float:
        """When a frame is shown, in seconds from the first."""
        return float((tick - self.ticks[0]) * self.tick_s)


@dataclass(frozen=True, slots=True)
class Video:
    """A video, open for decoding."""

    container: InputContainer
    stream: VideoStream
    index: Index

    @property
    def sounds(self) -> bool:
        """Whether there is a sound track too."""
        return bool(self.container.streams.audio)

    def frames(self, ticks: Sequence[int]) -> Iterator[VideoFrame]:
        """The frames shown at the given ticks (ascending, out of the index).

        Jumps to a key frame wherever that is shorter than decoding on. Where decoding ends early, its last frame
        stands in.
        """
        decoded, here = iter(()), None
        for wanted in ticks:
            key = self.index.keys[max(0, bisect_right(self.index.keys, wanted) - 1)]
            if here is None or here < key:
                self.container.seek(key, stream=self.stream)
                decoded = self.container.decode(self.stream)
            frame = None
            for frame in decoded:
                if frame.pts is not None and frame.pts >= wanted:
                    break
            if frame is None:
                raise _CutShortError
            here = frame.pts
            yield frame


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound, open for decoding."""

    container: InputContainer
    stream: AudioStream
    index: Index

    def frames(self) -> Iterator[AudioFrame]:
        """All of it, in pieces."""
        self.container.seek(self.index.keys[0], stream=self.stream)
        return self.container.decode(self.stream)


@contextmanager
def opened(path: Path, form: Form) -> Generator[Video | Sound]:
    """A video, or a file that has only sound, whatever ``form`` suggests; at least its first frame can be decoded.

    Raises:
        Refused: The decoder cannot read it, there or later inside the ``with``.
    """
    with _read(path, form) as container:
        track = _track(container, form)
        if track is None or next(container.decode(track.stream), None) is None:
            raise damaged(path, form)
        yield track


@contextmanager
def soundtrack(path: Path, form: Form) -> Generator[Sound | None]:
    """The sound of a video; None if it has none.

    Raises:
        Refused: The decoder cannot read it, there or later inside the ``with``.
    """
    with _read(path, form) as container:
        if not container.streams.audio:
            yield None
            return
        index = _index(container, container.streams.audio[0])
        if index is None:
            raise damaged(path, form)
        yield Sound(container, container.streams.audio[0], index)


@contextmanager
def _read(path: Path, form: Form) -> Generator[InputContainer]:
    import av.error  # noqa: PLC0415 - loaded at first use: it slows the start

    try:
        # The prefix keeps a path from being taken for another protocol.
        with av.open(f"file:{path}", "r", format=form.reader, options={"protocol_whitelist": "file"}) as container:
            yield container
    except (av.error.FFmpegError, _CutShortError) as error:
        raise damaged(path, form) from error


def _track(container: InputContainer, form: Form) -> Video | Sound | None:
    if form.kind == "video" and container.streams.video:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        index = _index(container, stream)
        return index and Video(container, stream, index)
    if container.streams.audio:
        index = _index(container, container.streams.audio[0])
        return index and Sound(container, container.streams.audio[0], index)
    return None


def _index(container: InputContainer, stream: VideoStream | AudioStream) -> Index | None:
    """Read through the whole file without decoding it; None if there is less than its header promised."""
    # Only figures are kept: together the packets are as large as the file.
    found = [
        (packet.pts, packet.pts + (packet.duration or 0), packet.is_keyframe, packet.is_discard)
        for packet in container.demux(stream)
        if packet.pts is not None
    ]
    if len(found) < stream.frames:
        return None
    found = [(tick, end, key) for tick, end, key, unseen in found if not unseen]
    if not found:
        return None
    ticks, keys = sorted(tick for tick, *_ in found), sorted(tick for tick, _, key in found if key)
    tick_s = stream.time_base or Fraction(1)
    # An encoder's run-in lies before zero and is not heard.
    length = (max(end for _, end, _ in found) - max(0, ticks[0])) * tick_s
    container.seek(ticks[0], stream=stream)
    return Index(tuple(ticks), tuple(keys) or (ticks[0],), tick_s, round(float(length), 3))
