"""lip_sync: three paid steps behind one call, driven here as pure data through every branch."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Any

import pytest

from kling_mcp.errors import InvalidRequest
from kling_mcp.operations.audio import TextToSpeech
from kling_mcp.operations.base import Done, Ending, Step
from kling_mcp.operations.faces import IdentifyFaces
from kling_mcp.operations.lip_render import AdvancedLipSync
from kling_mcp.operations.lip_timing import Interval, Timing
from kling_mcp.operations.rates_audio import LIP_SYNC_NOTE
from kling_mcp.operations.sounds import milliseconds
from kling_mcp.operations.sources import Reference, Source, SourceFacts
from kling_mcp.operations.talking import LipSync

JOB = "km1-01JCZ8Q5W6X7Y8Z9ABCDEFGHJK"
CLIP = f"kling://media/{JOB}_1"
VOICE = "kling://media/km1-01JCZ8Q5W6X7Y8Z9ABCDEFGHJM_0"
URL = "https://cdn.example/talk.mp4"
MP3 = "https://cdn.example/voice.mp3"
ID = "743211632612511839"

ONE_FACE = Done(
    (f"kling://media/{JOB}-faces_0",),
    {"session_id": "850508686686064678", "faces": [{"face_id": "0", "start_ms": 0, "end_ms": 5200}]},
)
TWO_FACES = Done(
    (f"kling://media/{JOB}-faces_0", f"kling://media/{JOB}-faces_1"),
    {
        "session_id": "850508686686064678",
        "faces": [{"face_id": "0", "start_ms": 0, "end_ms": 5200}, {"face_id": "1", "start_ms": 3000, "end_ms": 8000}],
    },
)
SPEECH_URI = f"kling://media/{JOB}-speech_0"


def spoken(seconds: float | None) -> Done:
    return Done((SPEECH_URI,), {} if seconds is None else {"duration_s": seconds})


def clip(seconds: float | None = 8.0, width: int = 1280, height: int = 720, kling_id: str | None = ID) -> Source:
    facts = SourceFacts(CLIP, "video", kling_id=kling_id, duration_s=seconds, width=width, height=height)
    return Source.of("https://kling.example/clip.mp4", facts)


def sound(seconds: float | None, tool: str = "text_to_speech", kling_id: str | None = "930801290416885794") -> Source:
    return Source.of(
        "https://kling.example/v.mp3", SourceFacts(VOICE, "audio", kling_id=kling_id, tool=tool, duration_s=seconds)
    )


def problems(arguments: dict[str, Any], **found: object) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequest) as caught:
        LipSync.parse(arguments).resolved(found)
    return [(problem.field, problem.sentence) for problem in caught.value.problems]


def refused_at(request: LipSync, done: dict[str, Done]) -> tuple[str, str]:
    with pytest.raises(InvalidRequest) as caught:
        request.next_step(done)
    (problem,) = caught.value.problems
    return problem.field, problem.sentence


def step(request: LipSync, done: dict[str, Done]) -> Step:
    found = request.next_step(done)
    assert isinstance(found, Step)
    return found


# ---------------------------------------------------------------------------------------------------------------- steps


def test_a_video_and_a_text_take_three_steps() -> None:
    request = LipSync.parse({"video_id": ID, "text": "Welcome aboard.", "voice_speed": "1.2"})

    first = step(request, {})
    assert first == Step("faces", IdentifyFaces(video_id=ID))
    assert (first.request.path, first.request.body()) == ("/v1/videos/identify-face", {"video_id": ID})

    second = step(request, {"faces": ONE_FACE})
    assert second == Step("speech", TextToSpeech(text="Welcome aboard.", voice_speed=1.2))
    assert (second.request.path, second.request.body()) == (
        "/v1/audio/tts",
        {"text": "Welcome aboard.", "voice_id": "oversea_male1", "voice_language": "en", "voice_speed": 1.2},
    )

    done = {"faces": ONE_FACE, "speech": spoken(3.0)}
    third = step(request, done)
    assert third.name == "render"
    reference = third.request.references()["audio_id"]
    assert (str(reference), reference.wants, reference.job_id) == (SPEECH_URI, "audio", f"{JOB}-speech")
    assert third.request.resolved({"audio_id": sound(3.0)}).body() == {
        "session_id": "850508686686064678",
        "face_choose": [
            {
                "face_id": "0",
                "audio_id": "930801290416885794",
                "sound_start_time": 0,
                "sound_end_time": 2950,
                "sound_insert_time": 0,
            }
        ],
    }

    assert request.next_step({**done, "render": Done((CLIP,), {})}) == Ending("render")


def test_every_step_is_the_same_whenever_it_is_worked_out_again() -> None:
    request = LipSync.parse({"video_url": URL, "text": "Hello again"})
    for done in ({}, {"faces": ONE_FACE}, {"faces": ONE_FACE, "speech": spoken(4.0)}):
        assert request.next_step(done) == request.next_step(done)


def test_a_sound_needs_no_speaking() -> None:
    request = LipSync.parse({"video_url": URL, "sound_file": MP3, "sound_end_time": 3000, "sound_insert_time": 500})
    assert step(request, {}).request.body() == {"video_url": URL}
    rendering = step(request, {"faces": ONE_FACE})
    assert rendering.name == "render"
    assert rendering.request.body() == {
        "session_id": "850508686686064678",
        "face_choose": [
            {
                "face_id": "0",
                "sound_file": MP3,
                "sound_start_time": 0,
                "sound_end_time": 3000,
                "sound_insert_time": 500,
            }
        ],
    }


def test_the_contracts_example_is_sent_as_it_stands() -> None:
    """video.md A9."""
    request = LipSync.parse(
        {
            "session_id": "850508686686064678",
            "face_id": 0,
            "audio_id": "930801290416885794",
            "sound_end_time": "3000",
            "sound_insert_time": 500,
        }
    )
    first = step(request, {})
    assert (first.name, first.request.path) == ("render", "/v1/videos/advanced-lip-sync")
    assert first.request.body() == {
        "session_id": "850508686686064678",
        "face_choose": [
            {
                "face_id": "0",
                "audio_id": "930801290416885794",
                "sound_start_time": 0,
                "sound_end_time": 3000,
                "sound_insert_time": 500,
            }
        ],
    }


def test_every_other_field_reaches_the_wire() -> None:
    request = LipSync.parse(
        {
            "session_id": "85",
            "face_id": "1",
            "sound_file": MP3,
            "sound_start_time": 1000,
            "sound_end_time": 4500,
            "sound_insert_time": 250,
            "sound_volume": "1.5",
            "original_audio_volume": 0,
            "watermark": True,
        }
    )
    assert step(request, {}).request.body() == {
        "session_id": "85",
        "face_choose": [
            {
                "face_id": "1",
                "sound_file": MP3,
                "sound_start_time": 1000,
                "sound_end_time": 4500,
                "sound_insert_time": 250,
                "sound_volume": 1.5,
                "original_audio_volume": 0.0,
            }
        ],
        "watermark_info": {"enabled": True},
    }


def test_the_job_that_found_the_faces_stands_for_its_session() -> None:
    request = LipSync.parse({"session_id": f"{JOB}-faces", "face_id": "1", "text": "Hello there, everybody"})
    speaking = step(request, {})
    assert speaking.name == "speech"
    rendering = step(request, {"speech": spoken(2.5)})
    assert rendering.request.references()["session_id"].wants == "faces"
    body = rendering.request.resolved({"session_id": "850508686686064678", "audio_id": sound(2.5)}).body()
    assert body["session_id"] == "850508686686064678"
    assert body["face_choose"][0]["face_id"] == "1"


def test_a_video_of_ours_goes_to_the_search_as_it_was_found() -> None:
    request = LipSync.parse({"video_url": CLIP, "text": "Hello"})
    unresolved = step(request, {}).request
    assert isinstance(unresolved.references()["video_url"], Reference)
    assert step(request.resolved({"video_url": clip()}), {}).request.body() == {"video_id": ID}
    old = clip(kling_id=None)
    assert step(request.resolved({"video_url": old}), {}).request.body() == {
        "video_url": "https://kling.example/clip.mp4"
    }


# ---------------------------------------------------------------------------------------------------------------- faces


def test_of_several_faces_none_is_guessed() -> None:
    request = LipSync.parse({"video_id": ID, "text": "Hello"})
    assert request.next_step({"faces": TWO_FACES}) == Ending(
        "faces",
        notes=("The video has 2 faces and face_id does not say whose lips move: nothing was rendered.",),
    )


def test_the_call_that_is_proposed_is_one_that_is_accepted() -> None:
    again = LipSync.parse({"session_id": JOB, "face_id": "0", "text": "Hello"})
    assert step(again, {}).name == "speech"


def test_a_chosen_face_is_used() -> None:
    request = LipSync.parse({"video_id": ID, "text": "Hello", "face_id": "1"})
    rendering = step(request, {"faces": TWO_FACES, "speech": spoken(3.0)}).request
    face = rendering.resolved({"audio_id": sound(3.0)}).body()["face_choose"][0]
    assert (face["face_id"], face["sound_insert_time"]) == ("1", 3000)


def test_the_faces_of_an_earlier_search_are_known_before_anything_is_paid() -> None:
    facts = SourceFacts(f"kling://jobs/{JOB}", "session", faces=TWO_FACES.facts["faces"])
    session = Source.of("850508686686064678", facts)
    request = LipSync.parse({"session_id": JOB, "text": "Hello", "face_id": "7"}).resolved({"session_id": session})
    field, sentence = refused_at(request, {})
    assert (field, sentence[:60]) == ("face_id", "'face_id' is '7', but the faces found are '0' or '1'. Nothin")
    assert step(request.model_copy(update={"face_id": "1"}), {}).name == "speech"


def test_a_face_that_was_not_found_is_refused_with_those_that_were() -> None:
    request = LipSync.parse({"video_id": ID, "text": "Hello", "face_id": "7"})
    assert refused_at(request, {"faces": TWO_FACES}) == (
        "face_id",
        "'face_id' is '7', but the faces found are '0' or '1'. Nothing was rendered; give one of these.",
    )


@pytest.mark.parametrize("facts", [{}, {"session_id": "85", "faces": []}])
def test_a_video_without_faces_is_refused(facts: dict[str, Any]) -> None:
    field, sentence = refused_at(LipSync.parse({"video_url": URL, "text": "Hello"}), {"faces": Done((), facts)})
    assert field == "video_id"
    assert sentence.startswith("No face was found in the video")


# ---------------------------------------------------------------------------------------------------------------- times


def test_speech_longer_than_the_face_is_cut_and_said_so() -> None:
    request = LipSync.parse({"video_id": ID, "text": "A long story"})
    done = {"faces": ONE_FACE, "speech": spoken(7.5)}
    face = step(request, done).request.resolved({"audio_id": sound(7.5)}).body()["face_choose"][0]
    assert (face["sound_start_time"], face["sound_end_time"], face["sound_insert_time"]) == (0, 5150, 0)
    assert request.next_step({**done, "render": Done((CLIP,), {})}) == Ending(
        "render",
        notes=(
            (
                "Of the sound (7500 ms) only the part from 0 to 5150 ms was used: it begins at 0 ms, and the video was "
                "taken to end when the face is gone."
            ),
        ),
    )


def test_where_the_length_of_the_video_is_known_the_sound_may_outlast_the_face() -> None:
    request = LipSync.parse({"video_id": CLIP, "text": "A long story"}).resolved({"video_id": clip(8.0)})
    done = {"faces": ONE_FACE, "speech": spoken(9.0)}
    face = step(request, done).request.resolved({"audio_id": sound(9.0)}).body()["face_choose"][0]
    assert face["sound_end_time"] == 7950
    ending = request.next_step({**done, "render": Done((CLIP,), {})})
    assert isinstance(ending, Ending)
    assert ending.notes[0].endswith("it begins at 0 ms, and the video lasts 8000 ms.")


@pytest.mark.parametrize(
    ("sound_s", "video_s", "face_ms", "end_ms"),
    [
        (3.0, 8.0, 8000, 2950),
        (2.03, 8.0, 8000, 2000),
        (2.0, 2.0, 2000, 2000),
        (9.0, 2.04, 2040, 2000),
        (9.0, None, 5200, 5150),
    ],
)
def test_a_length_that_was_measured_is_not_used_to_its_last_bit(
    sound_s: float, video_s: float | None, face_ms: int, end_ms: int
) -> None:
    """Kling refuses an end behind what it takes for the length; but less than 2 s it refuses too."""
    timing = Timing(sound=milliseconds(sound_s), video=milliseconds(video_s), face=Interval(0, face_ms))
    assert (timing.ends_at, list(timing.problems())) == (end_ms, [])


def test_a_sound_begins_when_the_face_is_first_seen() -> None:
    late = Done((), {"session_id": "85", "faces": [{"face_id": "0", "start_ms": 1500, "end_ms": 6000}]})
    early = Done((), {"session_id": "85", "faces": [{"face_id": "0", "start_ms": -40, "end_ms": 6000}]})
    request = LipSync.parse({"video_id": ID, "sound_file": MP3, "sound_end_time": 3000})
    bodies = [step(request, {"faces": found}).request.body() for found in (late, early)]
    assert [body["face_choose"][0]["sound_insert_time"] for body in bodies] == [1500, 0]


def test_the_length_of_a_speech_is_learnt_from_the_result_where_the_step_did_not_tell() -> None:
    request = LipSync.parse({"video_id": ID, "text": "Hello"})
    rendering = step(request, {"faces": ONE_FACE, "speech": spoken(None)}).request
    assert rendering.resolved({"audio_id": sound(3.6)}).body()["face_choose"][0]["sound_end_time"] == 3550
    with pytest.raises(InvalidRequest, match="'sound_end_time' is missing"):
        rendering.resolved({"audio_id": sound(None)})


def test_a_sound_of_ours_tells_its_own_length() -> None:
    request = LipSync.parse({"video_id": ID, "audio_id": VOICE}).resolved({"audio_id": sound(3.5)})
    face = step(request, {"faces": ONE_FACE}).request.body()["face_choose"][0]
    assert (face["audio_id"], face["sound_end_time"]) == ("930801290416885794", 3450)


def test_only_speech_is_named_by_its_id() -> None:
    """Kling's audio_id is an id of its text to speech; a sound effect has an id too, but goes by its address."""
    request = LipSync.parse({"video_id": ID, "audio_id": VOICE}).resolved({"audio_id": sound(4, "text_to_audio")})
    face = step(request, {"faces": ONE_FACE}).request.body()["face_choose"][0]
    assert face["sound_file"] == "https://kling.example/v.mp3"
    assert "audio_id" not in face


@pytest.mark.parametrize(
    ("seconds", "sentence"),
    [
        (
            1.2,
            (
                "The text takes 1200 ms to speak, but Kling syncs 2000 to 60000 ms. Nothing was rendered; give a "
                "longer text, or another voice_speed."
            ),
        ),
        (
            61.0,
            (
                "The text takes 61000 ms to speak, but Kling syncs 2000 to 60000 ms. Nothing was rendered; give a "
                "shorter text, or another voice_speed."
            ),
        ),
    ],
)
def test_a_text_too_short_or_too_long_to_sync_is_refused_before_the_rendering(seconds: float, sentence: str) -> None:
    request = LipSync.parse({"video_id": ID, "text": "Hi"})
    assert refused_at(request, {"faces": ONE_FACE, "speech": spoken(seconds)}) == ("text", sentence)


@pytest.mark.parametrize(
    ("times", "speech_s", "field", "sentence"),
    [
        (
            {"sound_end_time": 9000},
            4.0,
            "sound_end_time",
            "'sound_end_time' is 9000, but the sound lasts 4000 ms. Give that or less.",
        ),
        (
            {"sound_start_time": 2500},
            4.0,
            "sound_start_time",
            (
                "From 'sound_start_time' 2500 on, 1500 ms of the sound are left; Kling needs at least 2000 ms. Give a "
                "smaller one, or a longer sound."
            ),
        ),
        (
            {"sound_insert_time": 4000},
            None,
            "sound_insert_time",
            (
                "From 'sound_insert_time' 4000 on, 1200 ms are left in which lips can move; Kling needs at least 2000 "
                "ms. Give a smaller one."
            ),
        ),
        (
            {"sound_insert_time": 4000, "sound_end_time": 6000},
            None,
            "sound_insert_time",
            (
                "From 'sound_insert_time' 4000 on, 1200 ms are left in which lips can move; Kling needs at least 2000 "
                "ms. Give a smaller one."
            ),
        ),
    ],
)
def test_times_that_kling_would_refuse_are_refused_with_the_numbers(
    times: dict[str, int], speech_s: float | None, field: str, sentence: str
) -> None:
    """What can be known before the speech is paid for is refused before it."""
    request = LipSync.parse({"video_id": ID, "text": "Hello there", **times})
    done = {"faces": ONE_FACE} if speech_s is None else {"faces": ONE_FACE, "speech": spoken(speech_s)}
    assert refused_at(request, done) == (field, sentence)


def test_a_sound_that_misses_the_face_is_refused() -> None:
    late = Done((), {"session_id": "85", "faces": [{"face_id": "0", "start_ms": 3000, "end_ms": 8000}]})
    request = LipSync.parse({"video_id": ID, "text": "Hello", "sound_insert_time": 0})
    assert refused_at(request, {"faces": late, "speech": spoken(4.0)}) == (
        "sound_insert_time",
        (
            "The face is seen from 3000 to 8000 ms, and 950 ms of the sound, inserted at 0, fall into that time; "
            "Kling needs at least 2000 ms. Choose another time, another face or another video."
        ),
    )


def test_a_face_that_is_seen_too_briefly_is_refused_before_anything_is_spoken() -> None:
    brief = Done((), {"session_id": "85", "faces": [{"face_id": "0", "start_ms": 500, "end_ms": 1900}]})
    field, sentence = refused_at(LipSync.parse({"video_id": ID, "text": "Hello"}), {"faces": brief})
    assert field == "sound_insert_time"
    assert "seen from 500 to 1900 ms" in sentence


# ---------------------------------------------------------------------------------------------- refusals before step 1

SOUND = {"sound_file": MP3, "sound_end_time": 3000}


@pytest.mark.parametrize(
    ("arguments", "field", "sentence"),
    [
        (
            {"text": "Hi"},
            "video_id",
            "'video_id' or 'video_url' is missing: give one of them to say whose lips move.",
        ),
        (
            {"text": "Hi", "video_id": "", "video_url": "  "},
            "video_id",
            "'video_id' or 'video_url' is missing: give one of them to say whose lips move.",
        ),
        (
            {"text": "Hi", "video_id": ID, "video_url": URL},
            "video_url",
            "'video_url' cannot be used together with 'video_id'. Remove one of them.",
        ),
        (
            {"video_id": ID},
            "text",
            "'text', 'audio_id' or 'sound_file' is missing: give one of them to say what is spoken.",
        ),
        (
            {"video_id": ID, "text": "Hi", **SOUND},
            "sound_file",
            "'sound_file' cannot be used together with 'text'. Remove one of them.",
        ),
        (
            {"video_id": ID, "audio_id": "9", **SOUND},
            "sound_file",
            "'sound_file' cannot be used together with 'audio_id'. Remove one of them.",
        ),
        (
            {"session_id": "85", "text": "Hi"},
            "face_id",
            "'face_id' is missing: with session_id, say which of its faces speaks.",
        ),
        (
            {"session_id": "85", "face_id": "0", "video_url": URL, "text": "Hi"},
            "video_url",
            "'video_url' cannot be used together with 'session_id', which has its own video. Remove one.",
        ),
        (
            {"video_id": ID, "voice_id": "AOT", **SOUND},
            "voice_id",
            "'voice_id' has no effect without 'text'. Give text, or remove it.",
        ),
        (
            {"video_id": ID, "voice_speed": 1, **SOUND},
            "voice_speed",
            "'voice_speed' has no effect without 'text'. Give text, or remove it.",
        ),
        (
            {"video_id": ID, "sound_file": MP3},
            "sound_end_time",
            (
                "'sound_end_time' is missing: the length of this sound is not known here. Give it in milliseconds, at "
                "most the sound's length."
            ),
        ),
        (
            {"video_id": ID, "sound_file": MP3, "sound_start_time": 2000, "sound_end_time": 3500},
            "sound_end_time",
            (
                "'sound_end_time' is 3500 and 'sound_start_time' 2000: Kling needs at least 2000 ms of the sound "
                "between them."
            ),
        ),
        (
            {"video_id": ID, "sound_file": MP3, "sound_end_time": 60001},
            "sound_end_time",
            "'sound_end_time' should be less than or equal to 60000 (you gave 60001).",
        ),
        (
            {"video_id": ID, "sound_insert_time": -1, **SOUND},
            "sound_insert_time",
            "'sound_insert_time' should be greater than or equal to 0 (you gave -1).",
        ),
        (
            {"video_id": ID, "sound_insert_time": "soon", **SOUND},
            "sound_insert_time",
            "'sound_insert_time' should be a valid integer (you gave 'soon').",
        ),
        (
            {"video_id": ID, "sound_volume": 2.1, **SOUND},
            "sound_volume",
            "'sound_volume' should be less than or equal to 2 (you gave 2.1).",
        ),
        (
            {"video_id": ID, "original_audio_volume": True, **SOUND},
            "original_audio_volume",
            "'original_audio_volume' must be a number, not true or false.",
        ),
        (
            {"video_id": ID, "text": "x" * 1001},
            "text",
            "'text' string should have at most 1000 characters (you gave a text of 1001 characters).",
        ),
        (
            {"video_id": ID, "text": "Hi", "voice_speed": 2.5},
            "voice_speed",
            "'voice_speed' should be less than or equal to 2 (you gave 2.5).",
        ),
        (
            {"video_id": ID, "text": "Hi", "voice_language": "fr"},
            "voice_language",
            "'voice_language' should be 'zh' or 'en' (you gave 'fr').",
        ),
        (
            {"video_id": ID, "text": "Hi", "voice": "AOT"},
            "voice",
            "'voice' is not an argument of lip_sync. Did you mean 'voice_id'?",
        ),
        ({"video_id": ID, "text": "Hi", "face_id": ["0"]}, "face_id", "'face_id' must be the id of a face, such as 0."),
        (
            {"video_id": URL, "text": "Hi"},
            "video_id",
            "'video_id' is an address, but must be a Kling video id, or a job id or kling://media/… of this server.",
        ),
        (
            {"video_url": "data:video/mp4;base64,AAAA", "text": "Hi"},
            "video_url",
            "'video_url' must be an http(s) URL of an mp4 or mov, or a job id or kling://media/… of this server.",
        ),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_paid(arguments: dict[str, Any], field: str, sentence: str) -> None:
    assert problems(arguments) == [(field, sentence)]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    found = problems({"video_id": ID, "video_url": URL, "voice_speed": 9, "sound_start_time": -5, "faces": 1})
    assert [field for field, _ in found] == ["faces", "voice_speed", "sound_start_time", "video_url", "text"]


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (clip(1.5), "'video_id' lasts 1.5 s, but Kling takes a video of 2 to 60 s here. Give another."),
        (clip(63.2), "'video_id' lasts 63.2 s, but Kling takes a video of 2 to 60 s here. Give another."),
        (
            clip(width=3840, height=2160),
            (
                "'video_id' is 3840x2160 px, but Kling takes sides of 512 to 2160 px here. Make the video in 720p or "
                "1080p (mode std or pro)."
            ),
        ),
        (
            clip(width=900, height=500),
            (
                "'video_id' is 900x500 px, but Kling takes sides of 512 to 2160 px here. Make the video in 720p or "
                "1080p (mode std or pro)."
            ),
        ),
    ],
)
def test_a_video_of_ours_that_does_not_fit_is_refused_before_the_search(source: Source, sentence: str) -> None:
    assert problems({"video_id": CLIP, "text": "Hello"}, video_id=source) == [("video_id", sentence)]


@pytest.mark.parametrize("seconds", [2, 60])
def test_the_limits_themselves_are_accepted(seconds: int) -> None:
    request = LipSync.parse({"video_id": CLIP, "audio_id": VOICE})
    assert request.resolved({"video_id": clip(seconds, 512, 2160), "audio_id": sound(seconds)})


def test_a_sound_of_ours_that_does_not_fit_is_refused_before_the_search() -> None:
    arguments = {"video_id": ID, "sound_file": VOICE}
    assert problems(arguments, sound_file=sound(1.5)) == [
        ("sound_file", "'sound_file' lasts 1.5 s, but Kling takes a sound of 2 to 60 s here. Give another.")
    ]
    assert problems({**arguments, "sound_end_time": 9000}, sound_file=sound(4)) == [
        ("sound_end_time", "'sound_end_time' is 9000, but the sound lasts 4000 ms. Give that or less.")
    ]
    assert problems(arguments, sound_file=sound(None))[0][0] == "sound_end_time"


def test_a_sound_that_ends_after_the_video_is_refused_before_the_search() -> None:
    arguments = {"video_id": CLIP, "sound_file": MP3, "sound_end_time": 6000, "sound_insert_time": 4000}
    assert problems(arguments, video_id=clip(8.0)) == [
        (
            "sound_insert_time",
            (
                "6000 ms of sound inserted at 4000 end after the video, which lasts 8000 ms. Give a smaller one, or "
                "less of the sound (sound_start_time, sound_end_time)."
            ),
        )
    ]


def test_a_sound_may_come_as_base64_with_a_prefix() -> None:
    raw = base64.b64encode(b"ID3" + bytes(60)).decode()
    request = LipSync.parse({"video_id": ID, "sound_file": f"data:audio/mpeg;base64,{raw}", "sound_end_time": "2000"})
    assert step(request, {"faces": ONE_FACE}).request.body()["face_choose"][0]["sound_file"] == raw


# --------------------------------------------------------------------------------------------------------------- prices


def test_the_price_is_exact_where_the_video_is_known() -> None:
    request = LipSync.parse({"video_id": CLIP, "text": "Hello", "voice_id": "AOT", "face_id": "0"})
    quote = request.resolved({"video_id": clip(8.042)}).quote()
    assert (quote.units, quote.package, quote.card_date) == (Decimal("1.1"), "video", "2026-09-20")
    assert quote.notes == (LIP_SYNC_NOTE,)
    assert quote.basis == ("0.05 units (faces) + 0.05 units (speech) + 0.5 units per started 5 s of the video (8 s)")


@pytest.mark.parametrize(
    ("seconds", "units"), [(3.0, "0.55"), (5.041, "0.55"), (6.0, "1.05"), (10.1, "1.05"), (60, "6.05")]
)
def test_every_started_five_seconds_cost_half_a_unit(seconds: float, units: str) -> None:
    request = LipSync.parse({"video_id": CLIP, **SOUND, "face_id": "0"}).resolved({"video_id": clip(seconds)})
    assert request.quote().units == Decimal(units)


def test_the_price_of_an_unknown_video_is_told_as_a_rate() -> None:
    quote = LipSync.parse({"video_url": URL, **SOUND}).quote()
    assert (quote.units, quote.usd, quote.notes) == (None, None, (LIP_SYNC_NOTE,))
    assert quote.basis == (
        "0.05 units (faces) + 0.5 units per started 5 s of the video, whose length is not known; of a video with "
        "several faces, only the search for them"
    )


def test_what_was_rendered_is_never_refused_afterwards() -> None:
    """A file may turn out shorter or longer than was said before; what is paid for is delivered all the same."""
    request = LipSync.parse({"video_id": ID, "text": "Hello", "sound_end_time": 4000})
    done = {"faces": ONE_FACE, "speech": spoken(1.9), "render": Done((CLIP,), {})}
    assert request.next_step(done) == Ending("render")


def test_the_steps_cost_what_the_whole_was_quoted() -> None:
    request = LipSync.parse({"video_id": CLIP, "text": "Hello", "face_id": "0"}).resolved({"video_id": clip(8.0)})
    done: dict[str, Done] = {}
    total = Decimal(0)
    for answer in (ONE_FACE, spoken(4.0), Done((CLIP,), {})):
        now = step(request, done)
        total += now.request.quote().units or 0
        done[now.name] = answer
    assert total == request.quote().units == Decimal("1.1")


def test_the_rendering_is_no_tool_and_stands_on_its_own() -> None:
    alone = AdvancedLipSync.parse(
        {"session_id": "85", "face_id": 0, "audio_id": "93", "sound_end_time": 2000, "watermark": False}
    )
    assert alone.body() == {
        "session_id": "85",
        "face_choose": [
            {"face_id": "0", "audio_id": "93", "sound_start_time": 0, "sound_end_time": 2000, "sound_insert_time": 0}
        ],
        "watermark_info": {"enabled": False},
    }
    assert alone.quote().units is None
    assert not alone.nameless
