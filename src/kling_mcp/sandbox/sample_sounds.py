"""The sounds the pretend Kling returns: real ones, that one can hear. The same arguments give the same bytes.

Speech sounds like somebody humming the text, a syllable at a time; everything else is a slow tune. Each sound is put
together from a few short ones that are worked out once.
"""

# PyAV mentions NumPy in its signatures; it is not installed, so parts of them are unknown to pyright.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import functools
import hashlib
import math
import re
import wave
from array import array
from fractions import Fraction
from io import BytesIO
from itertools import cycle
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLE_RATE = 24_000
MOST_SECONDS = 3600.0
MP3_FRAME = 576
"""Samples. The encoder's run-in makes a file some frames longer, or not, as the player counts: one less is midway."""

_LOUD = 9000
_SYLLABLE_S, _REST_S, _CHORD_S = 0.17, 0.11, 0.5
_HEIGHTS_HZ = (150, 165, 185, 200, 220, 250)
"""Of a humming voice."""
_ROOTS_HZ = (196, 220, 247, 262)
_HARMONICS = ((1, 1.0), (2, 0.6), (3, 0.35), (5, 0.15))
_CHORD = ((1.0, 0.5), (1.25, 0.35), (1.5, 0.35), (2.0, 0.2))

_SYLLABLE = re.compile(r"[aeiouyäöüáéíóúàèò]+|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\d", re.IGNORECASE)
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_START_S, _LETTER_S, _WIDE_S = 0.35, 0.062, 0.21


def speech_seconds(text: str, speed: float) -> float:
    """How long it takes to say a text, in seconds to the millisecond: some 15 letters or 5 signs a second.

    Args:
        text: What is said.
        speed: 1.0 is usual; twice that takes half as long.
    """
    wide = len(_WIDE.findall(text))
    return round(max(0.6, (_START_S + _WIDE_S * wide + _LETTER_S * (len(text) - wide)) / speed), 3)


def sample_sound(*, seconds: float, text: str, form: Literal["mp3", "wav"], voice: bool = False) -> bytes:
    """Make a sound file.

    Args:
        seconds: Its length; an mp3 comes within a frame (24 ms) of it.
        text: Decides what one hears.
        form: Which kind of file.
        voice: Whether it shall resemble somebody who speaks the text.

    Raises:
        ValueError: ``seconds`` makes no sense.
    """
    if not 0 < seconds <= MOST_SECONDS:
        raise ValueError(f"a sound cannot last {seconds} s")
    samples = _cut(_hummed(text) if voice else _played(text), round(seconds * SAMPLE_RATE))
    return _wav(samples) if form == "wav" else _mp3(samples[:-MP3_FRAME] if len(samples) > 2 * MP3_FRAME else samples)


def _cut(pieces: Iterator[array[int]], count: int) -> array[int]:
    samples = array("h")
    for piece in pieces:
        samples += piece
        if len(samples) >= count:
            return samples[:count]
    return samples + array("h", bytes(2 * (count - len(samples))))


# --- what one hears ----------------------------------------------------------------------------------------


def _hummed(text: str) -> Iterator[array[int]]:
    """A hum for every syllable, a rest between words; again from the beginning when it ends."""
    words = [_SYLLABLE.findall(word.casefold()) or ["m"] for word in text.split()] or [["m"]]
    for word in cycle(words):
        for syllable in word:
            height = _HEIGHTS_HZ[sum(syllable.encode()) % len(_HEIGHTS_HZ)]
            yield _tone(tuple((height * factor, share) for factor, share in _HARMONICS), _SYLLABLE_S)
        yield array("h", bytes(2 * round(_REST_S * SAMPLE_RATE)))


def _played(text: str) -> Iterator[array[int]]:
    """Chords, in an order that the text decides."""
    for byte in cycle(hashlib.sha256(text.encode()).digest()[:8]):
        root = _ROOTS_HZ[byte % len(_ROOTS_HZ)]
        yield _tone(tuple((root * factor, share) for factor, share in _CHORD), _CHORD_S)


@functools.cache
def _tone(parts: tuple[tuple[float, float], ...], seconds: float) -> array[int]:
    """A sound of several pitches (Hz, share) that swells and fades: silent at both ends, so that none clicks."""
    count = round(seconds * SAMPLE_RATE)
    turns = [(2 * math.pi * hz / SAMPLE_RATE, share) for hz, share in parts]
    return array(
        "h",
        (
            round(_LOUD / 2 * math.sin(math.pi * n / count) * sum(share * math.sin(turn * n) for turn, share in turns))
            for n in range(count)
        ),
    )


# --- files -------------------------------------------------------------------------------------------------


def _wav(samples: array[int]) -> bytes:
    buffer = BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(samples.tobytes())
    return buffer.getvalue()


def _mp3(samples: array[int]) -> bytes:
    import av  # noqa: PLC0415 - loaded at first use: it slows the start

    buffer = BytesIO()
    with av.open(buffer, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=SAMPLE_RATE, layout="mono", options={"compression_level": "9"})
        stream.codec_context.bit_rate = 64_000
        frame = av.AudioFrame("s16", "mono", len(samples))
        frame.planes[0].update(samples.tobytes().ljust(frame.planes[0].buffer_size, b"\0"))
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, 0, Fraction(1, SAMPLE_RATE)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()
