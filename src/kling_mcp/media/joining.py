"""Two clips as one: the second straight after the first, in the first's size and at its frame rate.

Both are decoded and encoded anew, a few frames at a time: however long they are, memory does not grow. The same
clips give the same bytes.
"""

# PyAV mentions NumPy in its signatures; it is not installed, so parts of them are unknown to pyright.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import heapq
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

from kling_mcp.errors import Refused
from kling_mcp.media import streams
from kling_mcp.media.drafts import Draft, trouble
from kling_mcp.media.forms import form_of
from kling_mcp.media.resampling import conformed, resampled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

    _Packet: TypeAlias = Packet[VideoStream] | Packet[AudioStream]

AAC_FRAME = 1024
STEREO = 2
USUAL_RATE = 24
_X264 = {"preset": "veryfast", "crf": "18", "threads": "4", "x264-params": "mbtree=0"}
"""Hardly to be told from the original. Four threads whatever the machine: the bytes depend on their number. No
macroblock tree: x264's fast code for it gives one result or another where the width is no multiple of 128."""
_COLOURS = ("color_range", "colorspace", "color_primaries", "color_trc")


@dataclass(frozen=True, slots=True)
class _Clip:
    """What has to be known of a clip before it is decoded. Pixels; seconds; samples per second, 0 without sound."""

    path: Path
    size: tuple[int, int]
    rate: Fraction
    length: Fraction
    sample_rate: int
    channels: int
    colours: tuple[int, ...]

    def frames_at(self, rate: Fraction) -> int:
        """How many frames it has at another rate."""
        return max(1, round(self.length * rate))


def joined(first: Path, then: Path, into: Path) -> Path:
    """Put one clip after the other. Busy for seconds: call it in a worker thread.

    The result is an H.264 mp4 that plays while it loads, with AAC sound if either clip has sound (silence where one
    has none). The second clip is scaled to the first's size, with black bars where its shape differs.

    Args:
        first: What is seen first.
        then: What follows.
        into: Where it shall be; the file appears there whole or not at all.

    Returns:
        Where it is: ``into``, or a numbered name beside it where that is taken by something else.

    Raises:
        Refused: One of them is damaged, or no video.
        LocalTrouble: One of them cannot be read, or the result cannot be written.
    """
    clips = _clip(first), _clip(then)
    with Draft(into.parent, into.stem) as draft:
        draft.begin(first.stat().st_size + then.stat().st_size)
        try:
            _write(draft.path, clips)
        except OSError as error:  # of the writing only: what cannot be decoded is named where it is read
            raise trouble(into.parent, error) from error
        draft.recount()
        return draft.keep(".mp4")


def _clip(path: Path) -> _Clip:
    form = form_of(path)
    if form.kind != "video":
        raise _no_video(path)
    with streams.soundtrack(path, form) as sound:
        heard = (sound.stream.rate, sound.stream.channels) if sound else (0, 0)
    with streams.opened(path, form) as track:
        if isinstance(track, streams.Sound):
            raise _no_video(path)
        stream, context = track.stream, track.stream.codec_context
        return _Clip(
            path,
            (stream.width, stream.height),
            stream.average_rate or stream.guessed_rate or Fraction(USUAL_RATE),
            Fraction(track.index.length_s).limit_denominator(1000),
            *heard,
            tuple(getattr(context, name) for name in _COLOURS),
        )


def _no_video(path: Path) -> Refused:
    return Refused(f"{path.name} is no video, so nothing can be joined to it.", fix="Choose a video.", code="no_video")


# --- encoding ----------------------------------------------------------------------------------------------


def _write(path: Path, clips: Sequence[_Clip]) -> None:
    import av  # noqa: PLC0415 - loaded at first use: it slows the start

    with av.open(f"file:{path}", "w", format="mp4", options={"movflags": "+faststart"}) as container:
        tracks: list[Iterator[_Packet]] = [_video(container, clips)]
        if any(clip.sample_rate for clip in clips):
            tracks.append(_audio(container, clips))
        # Side by side, so that neither track has to wait in memory for the other.
        for packet in heapq.merge(*tracks, key=_decoded_at):
            container.mux(packet)


def _decoded_at(packet: _Packet) -> Fraction:
    return (packet.dts or 0) * packet.time_base


def _video(container: OutputContainer, clips: Sequence[_Clip]) -> Iterator[Packet[VideoStream]]:
    first = clips[0]
    stream = container.add_stream("libx264", rate=first.rate, options=_X264)
    # yuv420p halves the colour in both directions.
    stream.width, stream.height = (max(2, side - side % 2) for side in first.size)
    stream.pix_fmt = "yuv420p"
    for name, colour in zip(_COLOURS, first.colours, strict=True):
        setattr(stream.codec_context, name, colour)
    return _encoded_video(stream, clips)


def _encoded_video(stream: VideoStream, clips: Sequence[_Clip]) -> Iterator[Packet[VideoStream]]:
    from av.video.frame import PictureType  # noqa: PLC0415 - loaded at first use: it slows the start

    shown, rate = 0, clips[0].rate
    for clip in clips:
        for frame in conformed(clip.path, (stream.width, stream.height), rate, clip.frames_at(rate)):
            frame.pts, frame.time_base, frame.pict_type = shown, 1 / rate, PictureType.NONE
            yield from stream.encode(frame)
            shown += 1
    yield from stream.encode(None)


def _audio(container: OutputContainer, clips: Sequence[_Clip]) -> Iterator[Packet[AudioStream]]:
    heard = next(clip for clip in clips if clip.sample_rate)
    layout = "stereo" if heard.channels >= STEREO else "mono"
    stream = container.add_stream("aac", rate=heard.sample_rate, layout=layout)
    return _encoded_audio(stream, layout, clips)


def _encoded_audio(stream: AudioStream, layout: str, clips: Sequence[_Clip]) -> Iterator[Packet[AudioStream]]:
    from av import AudioFrame  # noqa: PLC0415 - loaded at first use: it slows the start

    width, start = 2 * (STEREO if layout == "stereo" else 1), 0
    for piece in _cut(_samples(stream.rate, layout, clips), AAC_FRAME * width):
        frame = AudioFrame("s16", layout, len(piece) // width)
        frame.planes[0].update(piece.ljust(frame.planes[0].buffer_size, b"\0"))
        frame.sample_rate, frame.pts, frame.time_base = stream.rate, start, Fraction(1, stream.rate)
        start += len(piece) // width
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _samples(rate: int, layout: str, clips: Sequence[_Clip]) -> Iterator[bytes]:
    """The sound of all clips, each exactly as long as its pictures are shown."""
    shown, heard = 0, 0
    for clip in clips:
        shown += clip.frames_at(clips[0].rate)
        wanted = round(shown / clips[0].rate * rate) - heard
        yield from resampled(clip.path, rate, layout, wanted)
        heard += wanted


def _cut(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in pieces of one size; the last may be shorter."""
    waiting = b""
    for piece in pieces:
        waiting += piece
        while len(waiting) >= size:
            yield waiting[:size]
            waiting = waiting[size:]
    if waiting:
        yield waiting
