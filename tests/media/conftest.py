"""Real files to fetch and to look at, and a server to fetch them from."""

# PyAV mentions NumPy in its signatures; it is not installed, so parts of them are unknown to pyright.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import asyncio
import math
from array import array
from fractions import Fraction
from io import BytesIO
from typing import TYPE_CHECKING

import av
import pytest
from PIL import Image

from kling_mcp.sandbox.samples import sample_video
from tests.media.raw_server import RawServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path


@pytest.fixture(scope="session")
def video() -> bytes:
    return sample_video(
        caption="A paper boat drifts down a rain-soaked street at dusk",
        label="task-1",
        aspect_ratio="16:9",
        duration_s=5.041,
        sound=True,
    )


@pytest.fixture(scope="session")
def picture() -> bytes:
    buffer = BytesIO()
    Image.effect_mandelbrot((900, 600), (-2, -1.2, 1, 1.2), 60).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], bytes]:
    """Two seconds of a tone that grows louder, as ``m4a``, ``mp3``, ``wav`` or ``aac``."""
    codecs = {"m4a": ("ipod", "aac"), "mp3": ("mp3", "libmp3lame"), "wav": ("wav", "pcm_s16le"), "aac": ("adts", "aac")}

    def made(extension: str) -> bytes:
        path = tmp_path_factory.mktemp("sound") / f"tone.{extension}"
        muxer, codec = codecs[extension]
        _write_tone(path, muxer, codec)
        return path.read_bytes()

    return made


def _write_tone(path: Path, muxer: str, codec: str, rate: int = 44_100) -> None:
    tone = array("h", (round(n / 4 * math.sin(n / 20)) for n in range(2 * rate)))
    with av.open(str(path), "w", format=muxer) as container:
        stream = container.add_stream(codec, rate=rate)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "mono"
        for start in range(0, len(tone), 1024):
            piece = tone[start : start + 1024]
            frame = av.AudioFrame("s16", "mono", len(piece))
            frame.planes[0].update(piece.tobytes().ljust(frame.planes[0].buffer_size, b"\0"))
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.fixture
async def server(anyio_backend: str) -> AsyncIterator[RawServer]:
    assert anyio_backend == "asyncio"
    raw = RawServer()
    listening = await asyncio.start_server(raw.answer, "127.0.0.1", 0)
    raw.origin = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    async with listening:
        yield raw
