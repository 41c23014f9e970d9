"""Faces, lips and avatars, new and old. Expectations: video.md A8 to A10, part E."""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from tests.sandbox.shop import LONG_ENOUGH_S, URL, picture, refusal_in, sound

if TYPE_CHECKING:
    from tests.sandbox.shop import Customer

pytestmark = pytest.mark.anyio

FACES, LIPS = "/v1/videos/identify-face", "/v1/videos/advanced-lip-sync"
AVATAR, OLD_LIPS = "/v1/videos/avatar/image2video", "/v1/videos/lip-sync"
TTS = "/v1/audio/tts"
PNG, MP4, MP3 = "https://cdn.example/f.png", "https://cdn.example/v.mp4", "https://cdn.example/a.mp3"
WORDS = "Welcome aboard this little boat, it is going to be a long and quiet ride"
DAY_S = 86_400.0


async def spoken(kling: Customer) -> str:
    """The id of speech of about five seconds."""
    said = await kling.answered(TTS, {"text": WORDS, "voice_id": "oversea_male1", "voice_language": "en"})
    return said["task_result"]["audios"][0]["id"]


def chosen(**changes: object) -> dict[str, Any]:
    return {"face_id": "0", "sound_start_time": 0, "sound_end_time": 3000, "sound_insert_time": 500} | changes


async def faces(kling: Customer, prompt: str = "A woman speaks", **body: Any) -> str:  # noqa: ANN401 - any JSON
    """A session with the faces of a new video."""
    video = await kling.clip(prompt=prompt, **body)
    return (await kling.answered(FACES, {"video_id": video}))["session_id"]


# --- identify-face -----------------------------------------------------------------------------------------


async def test_a_video_has_a_face_with_a_picture_and_the_time_it_is_seen(kling: Customer) -> None:
    video = await kling.clip()
    said = await kling.answered(FACES, {"video_id": video, "video_url": ""})
    [face] = said["face_data"]
    assert re.fullmatch(r"\d{18,19}", said["session_id"])
    assert said == {
        "session_id": said["session_id"],
        "final_unit_deduction": "0.05",
        "final_balance_deduction": {"quota": "0", "list_price": "0"},
        "face_data": [{"face_id": "0", "face_image": face["face_image"], "start_time": 0, "end_time": 5041}],
    }
    answer = await kling.get(face["face_image"])
    assert answer.headers["content-type"] == "image/png"
    assert min(Image.open(BytesIO(answer.content)).size) >= 300


@pytest.mark.parametrize(
    ("words", "ids"), [("A crowd sandbox-two-faces", ["0", "1"]), ("A kettle sandbox-no-face", []), ("A woman", ["0"])]
)
async def test_the_words_of_a_video_decide_how_many_faces_it_has(kling: Customer, words: str, ids: list[str]) -> None:
    of_ours = await kling.answered(FACES, {"video_id": await kling.clip(prompt=words)})
    foreign = await kling.answered(FACES, {"video_url": f"{MP4}?{words.rsplit(maxsplit=1)[-1]}"})
    assert [face["face_id"] for face in of_ours["face_data"]] == ids
    assert [face["face_id"] for face in foreign["face_data"]] == ids


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "exactly one of video_id and video_url is required"),
        ({"video_id": "1", "video_url": MP4}, "exactly one of video_id and video_url is required"),
        ({"video_id": "1"}, "Video not found by id: 1"),
        ({"video_url": "film"}, "video_url value 'film' is invalid"),
        ({"video_url": f"{MP4}?seconds=1"}, "Video duration must be 2s to 60s"),
        ({"video_url": f"{MP4}?seconds=61"}, "Video duration must be 2s to 60s"),
        ({"video_url": f"{URL}/files/1.mp4"}, "File cannot be downloaded"),
    ],
)
async def test_a_video_that_cannot_be_looked_at(kling: Customer, body: dict[str, Any], message: str) -> None:
    assert await kling.refusal(FACES, body) == (400, 1201, message)


async def test_what_identify_face_costs_is_among_the_charges_but_it_is_no_task_to_ask_for(kling: Customer) -> None:
    await kling.answered(FACES, {"video_url": MP4})
    assert str(kling.sandbox.state.deducted) == "0.05"
    billed = await kling.answered("/account/billing/package", {"start_time": 0, "end_time": 4_000_000_000_000})
    [row] = billed["result"]["detail"]
    assert (row["product_function"], row["deduction_amount"], row["product_type"]) == ("Identify Face", "0.05", "video")
    assert await kling.data(f"/tasks?task_ids={row['task_id']}") == []
    assert (await kling.client.get(FACES)).json()["code"] == 1202


# --- advanced-lip-sync -------------------------------------------------------------------------------------


async def test_lips_move_to_speech_of_the_account(kling: Customer) -> None:
    video = await kling.clip()
    session = (await kling.answered(FACES, {"video_id": video}))["session_id"]
    body = {"session_id": session, "face_choose": [chosen(audio_id=await spoken(kling))]}
    shown = await kling.finished(body, LIPS)
    [result] = shown["task_result"]["videos"]
    assert shown["task_info"]["parent_video"] == {
        "id": video,
        "url": f"{URL}/files/{video}.mp4",
        "duration": "5.041",
    }
    assert (result["duration"], shown["final_unit_deduction"]) == ("5.041", "0.5")
    [make] = kling.sandbox.state.tasks[-1].order.makes
    assert (make.sound, make.backdrop) == (True, f"made:{video}")


async def test_lips_move_to_a_file_too_and_cost_by_each_five_seconds_begun(kling: Customer) -> None:
    for sound_file, seconds, units in ((sound(3), 6, "1"), (f"{MP3}?seconds=60", 10, "1"), (MP3, 11, "1.5")):
        session = (await kling.answered(FACES, {"video_url": f"{MP4}?seconds={seconds}"}))["session_id"]
        face = chosen(sound_file=sound_file, sound_volume=2, original_audio_volume="0", audio_id="")
        shown = await kling.finished({"session_id": session, "face_choose": [face]}, LIPS)
        assert shown["final_unit_deduction"] == units


LIPS_REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"session_id": ""}, "session_id cannot be empty"),
    ({"session_id": "7"}, "Session not found by id: 7"),
    ({"face_choose": []}, "face_choose cannot be empty"),
    ({"face_choose": [chosen(sound_file=MP3)] * 2}, "face_choose size cannot exceed 1"),
    ({"face_choose": [chosen()]}, "exactly one of face_choose[0].audio_id and face_choose[0].sound_file is required"),
    (
        {"face_choose": [chosen(sound_file=MP3, audio_id="1")]},
        "exactly one of face_choose[0].audio_id and face_choose[0].sound_file is required",
    ),
    ({"face_choose": [chosen(sound_file=MP3, face_id="1")]}, "face_choose[0].face_id value '1' is invalid"),
    ({"face_choose": [chosen(sound_file=MP3, face_id="")]}, "face_choose[0].face_id is required"),
    ({"face_choose": [chosen(sound_file=MP3, sound_end_time=None)]}, "face_choose[0].sound_end_time is required"),
    (
        {"face_choose": [chosen(sound_file=MP3, sound_start_time=-1)]},
        "face_choose[0].sound_start_time value '-1' is invalid",
    ),
    ({"face_choose": [chosen(sound_file=MP3, sound_volume=2.1)]}, "face_choose[0].sound_volume value '2.1' is invalid"),
    ({"face_choose": [chosen(audio_id="1")]}, "Audio not found by id: 1"),
    ({"face_choose": [chosen(sound_file=sound(1))]}, "Audio duration must be 2s to 60s"),
    ({"face_choose": [chosen(sound_file=f"{MP3}?seconds=61")]}, "Audio duration must be 2s to 60s"),
    ({"face_choose": [chosen(sound_file="data:audio/wav;base64,AAAA")]}, "File is not in a valid base64 format"),
    ({"face_choose": [chosen(sound_file=picture())]}, "File is not in a valid base64 format"),
    (
        {"face_choose": [chosen(sound_file=sound(2.5))]},
        "face_choose[0].sound_end_time cannot exceed the audio duration 2500",
    ),
    (
        {"face_choose": [chosen(sound_file=MP3, sound_start_time=1001)]},
        "face_choose[0]: the audio must last at least 2000ms after cropping",
    ),
    (
        {"face_choose": [chosen(sound_file=MP3, sound_insert_time=2042)]},
        "face_choose[0]: the inserted audio cannot exceed the video duration",
    ),
]


@pytest.mark.parametrize(("change", "message"), LIPS_REFUSED, ids=[row[1] for row in LIPS_REFUSED])
async def test_lips_that_cannot_move(kling: Customer, change: dict[str, Any], message: str) -> None:
    body = {"session_id": await faces(kling), "face_choose": [chosen(sound_file=MP3)]}
    assert await kling.refusal(LIPS, body | change) == (400, 1201, message)


async def test_speech_must_meet_its_face_for_two_seconds(kling: Customer) -> None:
    """The second face is seen from the first second on."""
    body = {"session_id": await faces(kling, "sandbox-two-faces")}
    early = chosen(sound_file=MP3, face_id="1", sound_insert_time=0, sound_end_time=2999)
    said = (await kling.refusal(LIPS, body | {"face_choose": [early]}))[2]
    assert said == "face_choose[0]: the audio must overlap with the face for at least 2000ms"
    await kling.accepted(body | {"face_choose": [early | {"sound_end_time": 3000}]}, LIPS)


async def test_a_session_of_faces_lives_for_a_day_and_is_no_session_of_editing(kling: Customer) -> None:
    session = await faces(kling)
    edit = (await kling.answered("/v1/videos/multi-elements/init-selection", {"video_url": MP4}))["session_id"]
    body = {"session_id": session, "face_choose": [chosen(sound_file=MP3)]}
    assert (await kling.refusal(LIPS, body | {"session_id": edit}))[2] == f"Session not found by id: {edit}"
    kling.clock.advance(DAY_S - 1)
    await kling.accepted(body, LIPS)
    kling.clock.advance(1)
    assert await kling.refusal(LIPS, body) == (400, 1201, f"Session {session} has expired")


async def test_speech_older_than_thirty_days_is_no_sound_any_more(kling: Customer) -> None:
    audio = await spoken(kling)
    kling.clock.advance(30 * DAY_S)
    body = {"image": PNG, "audio_id": audio}
    assert (await kling.refusal(AVATAR, body))[2] == f"Audio {audio} was generated more than 30 days ago"


# --- avatar ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "units", "seconds"),
    [
        ({"image": PNG, "sound_file": f"{MP3}?seconds=11.3", "mode": "std"}, "4.4", "12.271"),
        ({"image": picture(600, 400), "sound_file": sound(2), "mode": "pro", "audio_id": ""}, "1.6", "2.971"),
        ({"image": PNG, "sound_file": MP3, "prompt": "She smiles"}, "2", "5.971"),
    ],
)
async def test_an_avatar_is_as_long_as_its_sound_and_a_little_more(
    kling: Customer, body: dict[str, Any], units: str, seconds: str
) -> None:
    shown = await kling.finished(body, AVATAR)
    assert (shown["final_unit_deduction"], shown["task_result"]["videos"][0]["duration"]) == (units, seconds)
    assert kling.sandbox.state.tasks[-1].order.makes[0].sound


async def test_an_avatar_speaks_what_was_said(kling: Customer) -> None:
    body = {"image": PNG, "audio_id": await spoken(kling), "mode": "std", "external_task_id": "ava-1"}
    task_id = await kling.accepted(body, AVATAR)
    kling.clock.advance(LONG_ENOUGH_S)
    shown = await kling.data(f"{AVATAR}/ava-1")
    assert [task["task_id"] for task in await kling.data(AVATAR)] == [task_id]
    assert shown["task_result"]["videos"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"sound_file": MP3}, "image can not be null"),
        ({"image": "", "sound_file": MP3}, "image can not be null"),
        ({"image": PNG}, "exactly one of audio_id and sound_file is required"),
        ({"image": PNG, "sound_file": MP3, "audio_id": "1"}, "exactly one of audio_id and sound_file is required"),
        ({"image": PNG, "sound_file": MP3, "mode": "4k"}, "mode value '4k' is invalid"),
        ({"image": PNG, "sound_file": MP3, "prompt": "x" * 2501}, "prompt length cannot exceed 2500"),
        ({"image": picture(100, 300), "sound_file": MP3}, "Image pixel is invalid"),
        ({"image": PNG, "sound_file": f"{MP3}?seconds=301"}, "Audio duration must be 2s to 300s"),
        ({"image": PNG, "audio_id": "99"}, "Audio not found by id: 99"),
    ],
)
async def test_an_avatar_that_cannot_be(kling: Customer, body: dict[str, Any], message: str) -> None:
    assert await kling.refusal(AVATAR, body) == (400, 1201, message)


# --- the old lip-sync --------------------------------------------------------------------------------------

SPOKEN: dict[str, Any] = {
    "video_url": MP4,
    "mode": "text2video",
    "text": "Hello there",
    "voice_id": "oversea_male1",
    "voice_language": "en",
    "voice_speed": 1.0,
}
SUNG: dict[str, Any] = {"video_url": MP4, "mode": "audio2video", "audio_type": "url", "audio_url": MP3}


def without(body: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != name}


@pytest.mark.parametrize(
    "given",
    [
        SPOKEN | {"video_id": ""},
        without(SPOKEN, "voice_language"),
        SPOKEN | {"voice_speed": "1.5", "video_url": f"{MP4}?seconds=4"},
        SUNG,
        SUNG | {"audio_type": "file", "audio_file": sound(3)},
    ],
)
async def test_the_old_lip_sync_speaks_and_sings(kling: Customer, given: dict[str, Any]) -> None:
    shown = await kling.finished({"input": given}, OLD_LIPS)
    assert (shown["final_unit_deduction"], shown["task_info"]["parent_video"]["id"]) == ("0.5", "")
    assert kling.sandbox.state.tasks[-1].order.makes[0].sound


async def test_the_old_lip_sync_takes_no_external_id(kling: Customer) -> None:
    for _ in range(2):
        await kling.accepted({"input": SPOKEN, "external_task_id": "job-7"}, OLD_LIPS)
    answer = await kling.get(f"{OLD_LIPS}/job-7")
    assert refusal_in(answer) == (400, 1201, "Task not found by id/external id: job-7")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "input cannot be empty"),
        ("x", "input value 'x' is invalid"),
        (without(SPOKEN, "mode"), "input.mode is required"),
        (SPOKEN | {"mode": "song"}, "input.mode value 'song' is invalid"),
        (without(SPOKEN, "text"), "input.text is required"),
        (SPOKEN | {"text": "x" * 121}, "input.text length cannot exceed 120"),
        (without(SPOKEN, "voice_id"), "input.voice_id is required"),
        (SPOKEN | {"voice_id": "829836802793406"}, "Voice id not found"),
        (SPOKEN | {"voice_language": "fr"}, "input.voice_language value 'fr' is invalid"),
        (SPOKEN | {"voice_speed": 2.1}, "input.voice_speed value '2.1' is invalid"),
        (without(SPOKEN, "video_url"), "exactly one of input.video_id and input.video_url is required"),
        (SPOKEN | {"video_id": "1"}, "exactly one of input.video_id and input.video_url is required"),
        (without(SUNG, "audio_type"), "input.audio_type is required"),
        (SUNG | {"audio_type": "tape"}, "input.audio_type value 'tape' is invalid"),
        (without(SUNG, "audio_url"), "input.audio_url is required"),
        (SUNG | {"audio_type": "file"}, "input.audio_file is required"),
        (SUNG | {"audio_url": "a.mp3"}, "input.audio_url value 'a.mp3' is invalid"),
        (SUNG | {"audio_type": "file", "audio_file": picture()}, "File is not in a valid base64 format"),
        (SUNG | {"video_url": f"{MP4}?seconds=61"}, "Video duration must be 2s to 60s"),
    ],
)
async def test_the_old_lip_sync_refuses(kling: Customer, given: object, message: str) -> None:
    assert await kling.refusal(OLD_LIPS, {"input": given}) == (400, 1201, message)
