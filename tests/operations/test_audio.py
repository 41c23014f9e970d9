"""Speech, sounds from words and sounds for clips: what is sent, what is refused, what it costs."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from kling_mcp.errors import InvalidRequest
from kling_mcp.operations.audio import OPERATIONS, TextToAudio, TextToSpeech, VideoToAudio
from kling_mcp.operations.base import Quote
from kling_mcp.operations.sources import Source, SourceFacts

if TYPE_CHECKING:
    from kling_mcp.operations.base import Generation

JOB = "km1-01JCZ8Q5W6X7Y8Z9ABCDEFGHJK"
CLIP = f"kling://media/{JOB}_1"
VIDEO = "https://media.example/clip.mp4"
ID = "743211632612511839"
DEFAULT_EN = "The voice is oversea_male1, the default for en; list_voices with origin 'speech' shows others."
ELSEWHERE = (
    "Speech has voices of its own, such as 'oversea_male1': list_voices with origin 'speech' finds them by words."
)


def problems(operation: type[Generation], arguments: dict[str, Any], **found: object) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequest) as caught:
        operation.parse(arguments).resolved(found)
    return [(problem.field, problem.sentence) for problem in caught.value.problems]


def clip(seconds: float | None, kling_id: str | None = ID) -> Source:
    facts = SourceFacts(CLIP, "video", kling_id=kling_id, duration_s=seconds)
    return Source.of("https://kling.example/clip.mp4", facts)


# --------------------------------------------------------------------------------------------------------------- speech


def test_the_contracts_speech_example_is_sent_as_it_stands() -> None:
    """image-audio-general.md section 11."""
    example = {"text": "Welcome aboard.", "voice_id": "oversea_male1", "voice_language": "en", "voice_speed": 1.2}
    request = TextToSpeech.parse(example)
    assert (request.path, request.body()) == ("/v1/audio/tts", example)
    assert (request.kind, request.nameless, request.yields) == ("immediate", True, "audio")
    assert request.quote() == Quote(Decimal("0.05"), "video", "0.05 units a request", "2026-09-20")


def test_a_text_is_enough_and_the_choice_is_said() -> None:
    request = TextToSpeech.parse({"text": "Welcome aboard."})
    assert request.body() == {"text": "Welcome aboard.", "voice_id": "oversea_male1", "voice_language": "en"}
    assert request.quote().notes == (DEFAULT_EN,)


@pytest.mark.parametrize(
    ("arguments", "voice", "language"),
    [
        ({"text": "欢迎登机"}, "genshin_vindi2", "zh"),
        ({"text": "Welcome to 北京!"}, "genshin_vindi2", "zh"),
        ({"text": "欢迎", "voice_language": "en"}, "oversea_male1", "en"),
        ({"text": "Bienvenue à bord"}, "oversea_male1", "en"),
        ({"text": "Hi", "voice_language": "zh"}, "genshin_vindi2", "zh"),
        ({"text": "Hi", "voice_id": "AOT"}, "AOT", "en"),
        ({"text": "你好", "voice_id": "uk_oldman3", "voice_language": ""}, "uk_oldman3", "zh"),
    ],
)
def test_voice_and_language_follow_from_the_text(arguments: dict[str, Any], voice: str, language: str) -> None:
    wire = TextToSpeech.parse(arguments).body()
    assert (wire["voice_id"], wire["voice_language"]) == (voice, language)


def test_a_voice_that_is_not_in_the_list_may_still_exist() -> None:
    quote = TextToSpeech.parse({"text": "Hi", "voice_id": "studio_host_en-v3"}).quote()
    assert quote.notes == (
        (
            "The voice studio_host_en-v3 is not in the list known here, which may lack some. If Kling does not know it "
            "either, it refuses, free of charge."
        ),
    )


def test_a_voice_of_another_language_is_told_about() -> None:
    quote = TextToSpeech.parse({"text": "Hi there", "voice_id": "chuanmeizi_speech02"}).quote()
    assert quote.notes == ("The voice chuanmeizi_speech02 is listed for zh only, but speaks en here.",)


@pytest.mark.parametrize(
    ("voice", "sentence"),
    [
        (
            "829836802793406551",
            f"'voice_id' is '829836802793406551', a voice of the library, which cannot speak text. {ELSEWHERE}",
        ),
        (
            829836802793406551,
            f"'voice_id' is '829836802793406551', a voice of the library, which cannot speak text. {ELSEWHERE}",
        ),
        (JOB, f"'voice_id' is '{JOB}', a voice of the library, which cannot speak text. {ELSEWHERE}"),
        (CLIP, f"'voice_id' is '{CLIP}', a voice of the library, which cannot speak text. {ELSEWHERE}"),
        (
            "oversea_male_1",
            (
                "'voice_id' is 'oversea_male_1', which is no voice of speech. Did you mean 'oversea_male1' (male man "
                "presenter news)?"
            ),
        ),
        (
            "Girlfriend-4-speech02",
            (
                "'voice_id' is 'Girlfriend-4-speech02', which is no voice of speech. Did you mean "
                "'girlfriend_4_speech02' (female young girlfriend)?"
            ),
        ),
        ("Ace", "'voice_id' is 'Ace', which is no voice of speech. Did you mean 'AOT' (Ace)?"),
        (
            "grandmother",
            (
                "'voice_id' is 'grandmother', which is no voice of speech. Did you mean 'laopopo_speech02' (female old "
                "woman grandmother grandma chatty) or 'heainainai_speech02' (female old woman grandmother grandma kind "
                "warm)?"
            ),
        ),
        ("x" * 101, f"'voice_id' must be the id of a voice. {ELSEWHERE}"),
        ("https://cdn.example/voice.mp3", f"'voice_id' must be the id of a voice. {ELSEWHERE}"),
        (True, f"'voice_id' must be the id of a voice. {ELSEWHERE}"),
        (["AOT"], f"'voice_id' must be the id of a voice. {ELSEWHERE}"),
    ],
)
def test_a_voice_that_cannot_be_one_is_refused_with_what_was_meant(voice: object, sentence: str) -> None:
    assert problems(TextToSpeech, {"text": "Hi", "voice_id": voice}) == [("voice_id", sentence)]


@pytest.mark.parametrize(
    ("arguments", "field", "sentence"),
    [
        ({}, "text", "'text' is required: text_to_speech cannot run without it."),
        ({"text": " \n"}, "text", "'text' is required: text_to_speech cannot run without it."),
        ({"text": 5}, "text", "'text' should be a valid string (you gave 5)."),
        (
            {"text": "x" * 1001},
            "text",
            "'text' string should have at most 1000 characters (you gave a text of 1001 characters).",
        ),
        (
            {"text": "Hi", "voice_speed": 0.7},
            "voice_speed",
            "'voice_speed' should be greater than or equal to 0.8 (you gave 0.7).",
        ),
        (
            {"text": "Hi", "voice_speed": "2.1"},
            "voice_speed",
            "'voice_speed' should be less than or equal to 2 (you gave '2.1').",
        ),
        (
            {"text": "Hi", "voice_speed": 1.25},
            "voice_speed",
            "'voice_speed' is 1.25, but Kling takes one decimal, such as 1.2.",
        ),
        (
            {"text": "Hi", "voice_speed": "fast"},
            "voice_speed",
            "'voice_speed' should be a valid number (you gave 'fast').",
        ),
        ({"text": "Hi", "voice_speed": True}, "voice_speed", "'voice_speed' must be a number, not true or false."),
        (
            {"text": "Hi", "voice_speed": float("nan")},
            "voice_speed",
            "'voice_speed' should be a finite number (you gave nan).",
        ),
        (
            {"text": "Hi", "voice_language": "english"},
            "voice_language",
            "'voice_language' should be 'zh' or 'en' (you gave 'english').",
        ),
        (
            {"text": "Hi", "speed": 1},
            "speed",
            "'speed' is not an argument of text_to_speech. Did you mean 'voice_speed'?",
        ),
    ],
)
def test_speech_refuses_what_kling_would_refuse_or_bend(arguments: dict[str, Any], field: str, sentence: str) -> None:
    assert problems(TextToSpeech, arguments) == [(field, sentence)]


@pytest.mark.parametrize(("given", "sent"), [("1.2", 1.2), (0.8, 0.8), (2, 2.0), (1.1000000000000001, 1.1)])
def test_a_speed_may_be_written_as_text_and_keeps_one_decimal(given: object, sent: float) -> None:
    assert TextToSpeech.parse({"text": "Hi", "voice_speed": given}).body()["voice_speed"] == sent


# --------------------------------------------------------------------------------------------------------------- sounds


def test_the_contracts_sound_example_is_sent_as_it_stands() -> None:
    """image-audio-general.md section 12."""
    example = {"prompt": "rain on a tin roof", "duration": 4.5}
    request = TextToAudio.parse(example)
    assert (request.path, request.body()) == ("/v1/audio/text-to-audio", example)
    assert (request.kind, request.nameless, request.yields) == ("job", False, "audio")
    assert (request.quote().units, request.quote().package) == (Decimal("0.25"), "video")


@pytest.mark.parametrize("duration", [3, 10, "4.5", 3.0])
def test_the_limits_of_a_sound_are_accepted(duration: object) -> None:
    assert TextToAudio.parse({"prompt": "x" * 200, "duration": duration}).body()["duration"] == float(str(duration))


@pytest.mark.parametrize(
    ("arguments", "field", "sentence"),
    [
        ({"duration": 5}, "prompt", "'prompt' is required: text_to_audio cannot run without it."),
        ({"prompt": "rain"}, "duration", "'duration' is required: text_to_audio cannot run without it."),
        (
            {"prompt": "x" * 201, "duration": 5},
            "prompt",
            "'prompt' string should have at most 200 characters (you gave a text of 201 characters).",
        ),
        (
            {"prompt": "rain", "duration": 2.9},
            "duration",
            "'duration' should be greater than or equal to 3 (you gave 2.9).",
        ),
        (
            {"prompt": "rain", "duration": 10.1},
            "duration",
            "'duration' should be less than or equal to 10 (you gave 10.1).",
        ),
        (
            {"prompt": "rain", "duration": 4.55},
            "duration",
            "'duration' is 4.55, but Kling takes one decimal, such as 4.5.",
        ),
    ],
)
def test_a_sound_refuses_what_kling_would(arguments: dict[str, Any], field: str, sentence: str) -> None:
    assert problems(TextToAudio, arguments) == [(field, sentence)]


# ----------------------------------------------------------------------------------------------------- sounds for clips


def test_the_contracts_dubbing_example_is_sent_as_it_stands() -> None:
    """image-audio-general.md section 13."""
    example = {
        "video_url": "https://media.example/clip.mp4",
        "sound_effect_prompt": "footsteps on gravel",
        "asmr_mode": True,
    }
    request = VideoToAudio.parse({**example, "video_id": "", "bgm_prompt": ""})
    assert (request.path, request.body()) == ("/v1/audio/video-to-audio", example)
    assert (request.kind, request.nameless, request.yields) == ("job", False, "video")
    assert (request.quote().units, request.quote().package) == (Decimal("0.25"), "video")


def test_every_field_of_dubbing_reaches_the_wire() -> None:
    arguments = {"video_id": ID, "sound_effect_prompt": "rain", "bgm_prompt": "piano", "asmr_mode": "false"}
    assert VideoToAudio.parse(arguments).body() == {
        "video_id": ID,
        "sound_effect_prompt": "rain",
        "bgm_prompt": "piano",
        "asmr_mode": False,
    }


def test_a_clip_of_ours_is_dubbed_by_its_id_while_kling_has_it() -> None:
    request = VideoToAudio.parse({"video_url": CLIP})
    assert request.resolved({"video_url": clip(5.041)}).body() == {"video_id": ID}
    assert request.resolved({"video_url": clip(5.041, None)}).body() == {"video_url": "https://kling.example/clip.mp4"}


@pytest.mark.parametrize(
    ("arguments", "found", "field", "sentence"),
    [
        (
            {},
            {},
            "video_id",
            "'video_id' or 'video_url' is missing: give one of them to say which clip gets the sound.",
        ),
        (
            {"video_id": ID, "video_url": VIDEO},
            {},
            "video_url",
            "'video_url' cannot be used together with 'video_id'. Remove one of them.",
        ),
        (
            {"video_id": ID, "bgm_prompt": "x" * 201},
            {},
            "bgm_prompt",
            "'bgm_prompt' string should have at most 200 characters (you gave a text of 201 characters).",
        ),
        (
            {"video_id": ID, "sound_effect_prompt": ["rain"]},
            {},
            "sound_effect_prompt",
            "'sound_effect_prompt' should be a valid string (you gave a list of 1).",
        ),
        (
            {"video_id": ID, "asmr_mode": "loud"},
            {},
            "asmr_mode",
            "'asmr_mode' should be a valid boolean (you gave 'loud').",
        ),
        (
            {"video_url": "file:///tmp/clip.mp4"},
            {},
            "video_url",
            "'video_url' has an address that starts with file:, but Kling fetches only http:// and https://.",
        ),
        (
            {"video_id": CLIP},
            {"video_id": clip(2.5)},
            "video_id",
            "'video_id' lasts 2.5 s, but Kling takes a video of 3 to 20 s here. Give another.",
        ),
        (
            {"video_id": CLIP},
            {"video_id": clip(20.5)},
            "video_id",
            "'video_id' lasts 20.5 s, but Kling takes a video of 3 to 20 s here. Give another.",
        ),
    ],
)
def test_dubbing_refuses_what_kling_would(
    arguments: dict[str, Any], found: dict[str, Source], field: str, sentence: str
) -> None:
    assert problems(VideoToAudio, arguments, **found) == [(field, sentence)]


def test_the_tools_of_sound_are_listed() -> None:
    assert [operation.tool for operation in OPERATIONS] == ["text_to_speech", "text_to_audio", "video_to_audio"]
