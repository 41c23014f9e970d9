"""Faces, the old lip-sync and avatars: what is sent, what is refused, what it costs."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from kling_mcp.errors import InvalidRequest
from kling_mcp.operations.avatar import GenerateAvatar
from kling_mcp.operations.base import Done, Step
from kling_mcp.operations.faces import IdentifyFaces
from kling_mcp.operations.lip_sync_classic import LipSyncClassic
from kling_mcp.operations.rates_audio import LIP_SYNC_NOTE
from kling_mcp.operations.sources import Source, SourceFacts
from kling_mcp.operations.talking import LipSync

if TYPE_CHECKING:
    from kling_mcp.operations.base import Generation

JOB = "km1-01JCZ8Q5W6X7Y8Z9ABCDEFGHJK"
CLIP = f"kling://media/{JOB}_1"
VIDEO = "https://cdn.example/talk.mp4"
FACE = "https://cdn.example/face.png"
MP3 = "https://cdn.example/voice.mp3"
WAV64 = base64.b64encode(b"RIFF" + bytes(60)).decode()
ID = "743211632612511839"
SPEECH = "930801290416885794"
SUPERSEDED = "Kling replaced this endpoint by that of lip_sync on 2025-09-15 and may refuse it, free of charge."


def clip(seconds: float | None = 5.041, width: int = 1280, height: int = 720, kling_id: str | None = ID) -> Source:
    facts = SourceFacts(CLIP, "video", kling_id=kling_id, duration_s=seconds, width=width, height=height)
    return Source.of("https://kling.example/clip.mp4", facts)


def sound(seconds: float | None, tool: str = "text_to_speech", kling_id: str | None = SPEECH) -> Source:
    facts = SourceFacts(CLIP, "audio", kling_id=kling_id, tool=tool, duration_s=seconds)
    return Source.of("https://kling.example/v.mp3", facts)


def problems(operation: type[Generation], arguments: dict[str, Any], **found: object) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequest) as caught:
        operation.parse(arguments).resolved(found)
    return [(problem.field, problem.sentence) for problem in caught.value.problems]


# ---------------------------------------------------------------------------------------------------------------- faces


@pytest.mark.parametrize("body", [{"video_id": ID}, {"video_url": VIDEO}])
def test_a_search_for_faces_names_the_video(body: dict[str, str]) -> None:
    request = IdentifyFaces.parse(body)
    assert (request.path, request.body()) == ("/v1/videos/identify-face", body)
    assert (request.kind, request.nameless, request.yields) == ("immediate", True, "faces")
    assert (request.quote().units, request.quote().package) == (Decimal("0.05"), "video")


def test_an_empty_id_beside_an_address_is_absent() -> None:
    assert IdentifyFaces.parse({"video_id": "", "video_url": VIDEO}).body() == {"video_url": VIDEO}


@pytest.mark.parametrize("name", ["video_id", "video_url"])
def test_a_clip_of_ours_goes_by_its_id_while_kling_has_it(name: str) -> None:
    request = IdentifyFaces.parse({name: JOB})
    assert request.resolved({name: clip()}).body() == {"video_id": ID}
    assert request.resolved({name: clip(kling_id=None)}).body() == {"video_url": "https://kling.example/clip.mp4"}


def test_a_search_needs_one_video_that_fits() -> None:
    both = {"video_id": ID, "video_url": VIDEO}
    assert problems(IdentifyFaces, {}) == [
        ("video_id", "'video_id' or 'video_url' is missing: give one of them to say where the faces are.")
    ]
    assert problems(IdentifyFaces, both) == [
        ("video_url", "'video_url' cannot be used together with 'video_id'. Remove one of them.")
    ]
    assert problems(IdentifyFaces, {"video_id": CLIP}, video_id=clip(1.96)) == [
        ("video_id", "'video_id' lasts 1.96 s, but Kling takes a video of 2 to 60 s here. Give another.")
    ]
    assert [field for field, _ in problems(IdentifyFaces, {"video_id": CLIP}, video_id=clip(61, 3840, 2160))] == [
        "video_id",
        "video_id",
    ]
    assert problems(IdentifyFaces, {"video_uri": VIDEO})[0] == (
        "video_uri",
        "'video_uri' is not an argument of identify_faces. Did you mean 'video_url'?",
    )


def test_a_clip_of_unknown_measure_is_left_to_kling() -> None:
    facts = SourceFacts(CLIP, "video")
    assert IdentifyFaces.parse({"video_id": CLIP}).resolved({"video_id": Source.of("https://k.example/1", facts)})


# -------------------------------------------------------------------------------------------------------------- classic


def test_the_contracts_classic_example_is_sent_as_it_stands() -> None:
    """video.md A8."""
    request = LipSyncClassic.parse(
        {
            "video_id": "743211632612511839",
            "mode": "text2video",
            "text": "Hello there",
            "voice_id": "oversea_male1",
            "voice_language": "en",
            "voice_speed": 1.0,
        }
    )
    assert request.path == "/v1/videos/lip-sync"
    assert request.body() == {
        "input": {
            "video_id": "743211632612511839",
            "mode": "text2video",
            "text": "Hello there",
            "voice_id": "oversea_male1",
            "voice_language": "en",
            "voice_speed": 1.0,
        }
    }
    assert (request.kind, request.nameless, request.yields) == ("job", True, "video")


@pytest.mark.parametrize(
    ("sound", "wire"),
    [
        ({"audio_url": MP3}, {"audio_type": "url", "audio_url": MP3}),
        ({"audio_file": WAV64}, {"audio_type": "file", "audio_file": WAV64}),
        ({"audio_file": f"data:audio/wav;base64,{WAV64}"}, {"audio_type": "file", "audio_file": WAV64}),
        # Which field it is given in does not matter: what it is shows.
        ({"audio_file": MP3}, {"audio_type": "url", "audio_url": MP3}),
        ({"audio_url": WAV64}, {"audio_type": "file", "audio_file": WAV64}),
    ],
)
def test_the_mode_and_the_kind_of_sound_follow_from_what_is_given(sound: dict[str, str], wire: dict[str, str]) -> None:
    expected = {"input": {"video_url": VIDEO, "mode": "audio2video", **wire}}
    assert LipSyncClassic.parse({"video_url": VIDEO, **sound}).body() == expected
    assert LipSyncClassic.parse({"video_url": VIDEO, "mode": "audio2video", **sound}).body() == expected


def test_a_text_alone_is_spoken_by_a_voice_of_its_language() -> None:
    chinese = LipSyncClassic.parse({"video_url": VIDEO, "text": "你好"}).body()["input"]
    assert chinese == {
        "video_url": VIDEO,
        "mode": "text2video",
        "text": "你好",
        "voice_id": "genshin_vindi2",
        "voice_language": "zh",
    }


def test_a_sound_of_ours_goes_by_its_address() -> None:
    request = LipSyncClassic.parse({"video_id": CLIP, "audio_url": JOB})
    assert request.resolved({"video_id": clip(), "audio_url": sound(3)}).body() == {
        "input": {
            "video_id": ID,
            "mode": "audio2video",
            "audio_type": "url",
            "audio_url": "https://kling.example/v.mp3",
        }
    }


@pytest.mark.parametrize(
    ("arguments", "field", "sentence"),
    [
        (
            {"text": "Hi"},
            "video_id",
            "'video_id' or 'video_url' is missing: give one of them to say whose lips move.",
        ),
        (
            {"video_id": ID},
            "text",
            "'text', 'audio_file' or 'audio_url' is missing: give one of them to say what is spoken.",
        ),
        (
            {"video_id": ID, "audio_url": MP3, "audio_file": WAV64},
            "audio_url",
            "'audio_url' cannot be used together with 'audio_file'. Remove one of them.",
        ),
        (
            {"video_id": ID, "audio_url": MP3, "mode": "text2video"},
            "mode",
            "'mode' is 'text2video', which speaks 'text', but a sound is given. Remove mode.",
        ),
        (
            {"video_id": ID, "text": "Hi", "mode": "audio2video"},
            "mode",
            "'mode' is 'audio2video', which takes a sound, but 'text' is given. Remove mode.",
        ),
        (
            {"video_id": ID, "text": "Hi", "mode": "std"},
            "mode",
            "'mode' should be 'text2video' or 'audio2video' (you gave 'std').",
        ),
        (
            {"video_id": ID, "text": "x" * 121},
            "text",
            "'text' string should have at most 120 characters (you gave a text of 121 characters).",
        ),
        (
            {"video_id": ID, "audio_url": MP3, "voice_language": "en"},
            "voice_language",
            "'voice_language' has no effect without 'text'. Give text, or remove it.",
        ),
        (
            {"video_id": ID, "text": "Hi", "voice_speed": 1.25},
            "voice_speed",
            "'voice_speed' is 1.25, but Kling takes one decimal, such as 1.2.",
        ),
        (
            {"video_id": ID, "text": "Hi", "input": {}, "audio_type": "url"},
            "audio_type",
            "'audio_type' is not an argument of lip_sync_classic. Did you mean 'audio_file'?",
        ),
    ],
)
def test_the_classic_refuses_what_kling_would(arguments: dict[str, Any], field: str, sentence: str) -> None:
    assert problems(LipSyncClassic, arguments) == [(field, sentence)]


@pytest.mark.parametrize(
    ("seconds", "wire"),
    [
        (5.041, {"video_id": ID}),
        (10.04, {"video_id": ID}),
        (None, {"video_id": ID}),
        (8.04, {"video_url": "https://kling.example/clip.mp4"}),
    ],
)
def test_the_classic_takes_by_id_only_clips_of_five_and_ten_seconds(
    seconds: float | None, wire: dict[str, str]
) -> None:
    request = LipSyncClassic.parse({"video_id": CLIP, "text": "Hi"}).resolved({"video_id": clip(seconds)})
    assert wire.items() <= request.body()["input"].items()


def test_a_clip_measures_a_little_more_than_it_is() -> None:
    assert IdentifyFaces.parse({"video_id": CLIP}).resolved({"video_id": clip(60.04)})


def test_the_classic_takes_smaller_clips_than_the_new() -> None:
    assert problems(LipSyncClassic, {"video_id": CLIP, "text": "Hi"}, video_id=clip(5, 960, 540)) == [
        (
            "video_id",
            (
                "'video_id' is 960x540 px, but Kling takes sides of 720 to 1920 px here. Make the video in 720p or "
                "1080p (mode std or pro)."
            ),
        )
    ]


def test_a_face_without_times_speaks_whenever_the_sound_is() -> None:
    """The search was paid: an answer that lacks what A9 shows is not a reason to lose it."""
    sounding = {"sound_file": MP3, "sound_end_time": 3000}
    request = LipSync.parse({"video_url": VIDEO, **sounding})
    faces = [{"face_id": "0", "start_ms": None, "end_ms": None}]
    step = request.next_step({"faces": Done((), {"session_id": "850508686686064678", "faces": faces})})
    assert isinstance(step, Step)
    assert step.request.body()["face_choose"] == [
        {"face_id": "0", "sound_file": MP3, "sound_start_time": 0, "sound_end_time": 3000, "sound_insert_time": 0}
    ]


def test_the_classic_costs_by_the_length_of_the_clip() -> None:
    request = LipSyncClassic.parse({"video_id": CLIP, "audio_url": MP3})
    quote = request.resolved({"video_id": clip(10.04)}).quote()
    assert (quote.units, quote.notes) == (Decimal("1.0"), (SUPERSEDED, LIP_SYNC_NOTE))
    assert request.quote().units is None
    assert request.quote().basis == "0.5 units per started 5 s of the video, whose length is not known"


# --------------------------------------------------------------------------------------------------------------- avatar


def test_the_contracts_avatar_example_is_sent_as_it_stands() -> None:
    """video.md A10."""
    example = {"image": "https://cdn.example/face.png", "audio_id": "930801290416885794", "mode": "std"}
    request = GenerateAvatar.parse(example)
    assert (request.path, request.body()) == ("/v1/videos/avatar/image2video", example)
    assert (request.kind, request.nameless, request.yields, request.model) == ("job", False, "video", None)


def test_every_field_of_an_avatar_reaches_the_wire() -> None:
    request = GenerateAvatar.parse(
        {"image": FACE, "sound_file": WAV64, "prompt": "Smiling, slow zoom", "mode": "pro", "watermark": True}
    )
    assert request.body() == {
        "image": FACE,
        "sound_file": WAV64,
        "prompt": "Smiling, slow zoom",
        "mode": "pro",
        "watermark_info": {"enabled": True},
    }


def test_the_mode_of_an_avatar_is_always_written_out() -> None:
    assert GenerateAvatar.parse({"image": FACE, "sound_file": MP3, "prompt": " "}).body() == {
        "image": FACE,
        "sound_file": MP3,
        "mode": "std",
    }


@pytest.mark.parametrize(
    ("found", "wire"),
    [
        (sound(5), {"audio_id": SPEECH}),
        (sound(5, kling_id=None), {"sound_file": "https://kling.example/v.mp3"}),
        (sound(5, tool="text_to_audio"), {"sound_file": "https://kling.example/v.mp3"}),
    ],
)
@pytest.mark.parametrize("name", ["audio_id", "sound_file"])
def test_only_speech_that_kling_still_has_goes_by_its_id(name: str, found: Source, wire: dict[str, str]) -> None:
    request = GenerateAvatar.parse({"image": FACE, name: JOB}).resolved({name: found})
    assert request.body() == {"image": FACE, **wire, "mode": "std"}


@pytest.mark.parametrize(
    ("arguments", "field", "sentence"),
    [
        ({"audio_id": SPEECH}, "image", "'image' is required: generate_avatar cannot run without it."),
        (
            {"image": FACE},
            "audio_id",
            "'audio_id' or 'sound_file' is missing: give one of them to say what is spoken.",
        ),
        (
            {"image": FACE, "audio_id": SPEECH, "sound_file": MP3},
            "sound_file",
            "'sound_file' cannot be used together with 'audio_id'. Remove one of them.",
        ),
        (
            {"image": FACE, "audio_id": SPEECH, "mode": "4k"},
            "mode",
            "'mode' should be 'std' or 'pro' (you gave '4k').",
        ),
        (
            {"image": FACE, "audio_id": SPEECH, "prompt": "x" * 2501},
            "prompt",
            "'prompt' string should have at most 2500 characters (you gave a text of 2501 characters).",
        ),
        (
            {"image": FACE, "audio_id": SPEECH, "duration": 5},
            "duration",
            (
                "'duration' is not an argument of generate_avatar. Its arguments are: image, audio_id, sound_file, "
                "prompt, mode, watermark."
            ),
        ),
        (
            {"image": FACE, "sound_file": "/home/me/voice.mp3"},
            "sound_file",
            (
                "'sound_file' is neither an http(s) URL nor Base64 nor a result of this server. Kling cannot read a "
                "file by its path."
            ),
        ),
        (
            {"image": FACE, "sound_file": base64.b64encode(b"%PDF-1.7 no sound").decode()},
            "sound_file",
            "'sound_file' does not begin like an mp3, wav, m4a or aac. Give one of these formats.",
        ),
        (
            {"image": FACE, "sound_file": "A" * (7 * 1024 * 1024)},
            "sound_file",
            "'sound_file' is too large: Kling takes sounds of up to 5 MB. Give a shorter one, or mp3 instead of wav.",
        ),
        (
            {"image": FACE, "sound_file": "data:audio/wav,AAAA"},
            "sound_file",
            "'sound_file' is a data: URI without ';base64,'. Give data:audio/mpeg;base64,... or the bare Base64.",
        ),
        (
            {"image": "data:image/png;base64,AAAA", "sound_file": MP3},
            "image",
            "'image' does not decode to a jpg or png picture that can be read. Give one of these formats.",
        ),
    ],
)
def test_an_avatar_that_kling_would_refuse_is_refused(arguments: dict[str, Any], field: str, sentence: str) -> None:
    assert problems(GenerateAvatar, arguments) == [(field, sentence)]


@pytest.mark.parametrize("seconds", [1.9, 300.5])
def test_a_sound_of_ours_too_short_or_too_long_for_an_avatar_is_refused(seconds: float) -> None:
    assert problems(GenerateAvatar, {"image": FACE, "audio_id": JOB}, audio_id=sound(seconds)) == [
        ("audio_id", f"'audio_id' lasts {seconds:g} s, but Kling takes a sound of 2 to 300 s here. Give another.")
    ]


@pytest.mark.parametrize(
    ("mode", "seconds", "units"), [("std", 11.3, "4.4"), ("std", 2, "0.8"), ("pro", 11.3, "8.8"), ("pro", 300, "240.0")]
)
def test_an_avatar_costs_by_the_seconds_of_its_sound(mode: str, seconds: float, units: str) -> None:
    """The first row is the bill that video.md A10 reports."""
    request = GenerateAvatar.parse({"image": FACE, "audio_id": JOB, "mode": mode}).resolved(
        {"audio_id": sound(seconds)}
    )
    assert (request.quote().units, request.quote().package) == (Decimal(units), "video")


def test_the_price_of_an_avatar_with_an_unknown_sound_is_told_as_a_rate() -> None:
    quote = GenerateAvatar.parse({"image": FACE, "sound_file": MP3}).quote()
    assert (quote.units, quote.basis) == (
        None,
        "0.4 units per second of the sound (std), whose length is not known",
    )
