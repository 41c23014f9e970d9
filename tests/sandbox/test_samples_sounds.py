"""The pretend Kling's sounds are real ones, as long as asked, and one can hear them."""

# PyAV mentions NumPy in its signatures; it is not installed, so parts of them are unknown to pyright.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import time
from array import array
from io import BytesIO
from typing import Literal

import av
import pytest

from kling_mcp.sandbox.sample_sounds import sample_sound, speech_seconds

Form = Literal["mp3", "wav"]
FORMS: tuple[Form, ...] = ("mp3", "wav")


def heard(sound: bytes) -> tuple[str, float, array[int]]:
    """Codec, seconds and samples of a sound, by a decoder."""
    samples = array("h")
    with av.open(BytesIO(sound), "r") as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="s16", layout="mono", rate=24_000)
        for frame in (*container.decode(audio=0), None):
            for piece in resampler.resample(frame):
                samples.frombytes(bytes(piece.planes[0])[: piece.samples * 2])
        return stream.codec_context.name, len(samples) / 24_000, samples


@pytest.mark.parametrize("voice", [False, True])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seconds", [0.01, 0.6, 3.0, 5.146, 61.5])
def test_it_lasts_as_long_as_asked_and_can_be_heard(seconds: float, form: Form, *, voice: bool) -> None:
    codec, length, samples = heard(sample_sound(seconds=seconds, text="Welcome aboard.", form=form, voice=voice))
    assert codec.startswith({"mp3": "mp3", "wav": "pcm_s16le"}[form])
    assert length == pytest.approx(seconds, abs=0.05)
    if seconds > 0.1:
        assert 3000 < max(map(abs, samples)) < 32_000


def test_five_seconds_take_a_tenth_of_one() -> None:
    took: list[float] = []
    for n in range(5):
        began = time.process_time()
        sample_sound(seconds=5, text=f"Sound {n}", form="mp3")
        took.append(time.process_time() - began)
    assert min(took) < 0.1


@pytest.mark.parametrize("form", FORMS)
def test_the_same_words_are_the_same_bytes_and_others_are_not(form: Form) -> None:
    def said(text: str) -> bytes:
        return sample_sound(seconds=2, text=text, form=form, voice=True)

    assert said("Good morning") == said("Good morning")
    assert said("Good morning") != said("Good night to everybody")


def test_a_voice_rests_between_words_and_music_does_not() -> None:
    def quiet(*, voice: bool) -> int:
        samples = heard(sample_sound(seconds=3, text="one two three four", form="wav", voice=voice))[2]
        return sum(not any(samples[at : at + 2000]) for at in range(0, len(samples), 500))

    assert quiet(voice=True) > 5
    assert quiet(voice=False) < 2


@pytest.mark.parametrize("text", ["", "   ", "123", "雨が降る", "!?", "x" * 5000])
def test_any_text_can_be_spoken(text: str) -> None:
    assert heard(sample_sound(seconds=1, text=text, form="wav", voice=True))[1] == 1.0


@pytest.mark.parametrize("seconds", [0, -1, 1e9])
def test_a_senseless_length_is_an_error(seconds: float) -> None:
    with pytest.raises(ValueError, match="cannot last"):
        sample_sound(seconds=seconds, text="x", form="wav")


def test_speech_takes_longer_the_more_is_said_and_shorter_the_faster() -> None:
    assert speech_seconds("Hi", 1) < speech_seconds("Good morning everybody", 1) < speech_seconds("word " * 100, 1)
    assert speech_seconds("word " * 100, 2) == pytest.approx(speech_seconds("word " * 100, 1) / 2, abs=0.001)
    assert 2.5 < speech_seconds("天気がいいから散歩しましょう", 1) < 4.5
    assert 55 < speech_seconds("a" * 1000, 1) < 75
