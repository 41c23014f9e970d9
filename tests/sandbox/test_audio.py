"""Sounds of the pretend Kling: hand-written bodies from the contract, good and bad, and what one hears."""

# PyAV mentions NumPy in its signatures; it is not installed, so parts of them are unknown to pyright.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING, Any

import av
import pytest

from tests.sandbox.gallery import done
from tests.sandbox.shop import START_MS, TEXT, new_sandbox, opened

if TYPE_CHECKING:
    from kling_mcp.clock import ManualClock
    from tests.sandbox.shop import Customer

pytestmark = pytest.mark.anyio

TTS, SOUND, DUB = "/v1/audio/tts", "/v1/audio/text-to-audio", "/v1/audio/video-to-audio"
SPEECH = {"text": "Welcome aboard.", "voice_id": "oversea_male1", "voice_language": "en", "voice_speed": 1.2}
CLIP = "https://media.example/clip.mp4"


async def heard(kling: Customer, url: str, mime: str) -> float:
    """Seconds of a sound that is served as such; one can hear it."""
    answer = await kling.get(url)
    assert (answer.status_code, answer.headers["content-type"]) == (200, mime)
    with av.open(BytesIO(answer.content), "r") as container:
        frames = list(container.decode(audio=0))
        assert any(bytes(frame.planes[0]).strip(b"\0") for frame in frames)
        return sum(frame.samples / frame.sample_rate for frame in frames)


async def spoken(kling: Customer, **said: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    answer = (await kling.post(TTS, SPEECH | said)).json()
    assert answer["code"] == 0, answer
    return answer["data"]


# --- speech ------------------------------------------------------------------------------------------------


async def test_speech_is_answered_at_once_and_can_be_heard(kling: Customer) -> None:
    said = await spoken(kling)
    (audio,) = said["task_result"]["audios"]
    assert said == {
        "task_id": said["task_id"],
        "task_status": "succeed",
        "task_status_msg": "",
        "task_result": {"audios": [{"id": audio["id"], "url": audio["url"], "duration": audio["duration"]}]},
        "final_unit_deduction": "0.05",
        "final_balance_deduction": {"quota": "0", "list_price": "0"},
        "created_at": START_MS,
        "updated_at": START_MS,
    }
    assert await heard(kling, audio["url"], "audio/mpeg") == pytest.approx(float(audio["duration"]), abs=0.05)
    assert kling.sandbox.state.left("video") == Decimal("999.95")


async def test_more_text_takes_longer_and_speed_shortens_it(kling: Customer) -> None:
    async def seconds(**said: Any) -> float:  # noqa: ANN401 - any JSON
        return float((await spoken(kling, **said))["task_result"]["audios"][0]["duration"])

    text = "Please mind the gap between the train and the platform, and have a pleasant journey."
    slow, usual, fast = [await seconds(text=text, voice_speed=speed) for speed in (0.8, 1.0, 2.0)]
    assert slow > usual > fast
    assert usual == pytest.approx(2 * fast, rel=0.01)
    assert await seconds(text=text * 5) > 4 * await seconds(text=text)
    assert [await seconds(text=text, voice_speed=speed) for speed in (0.1, 9, "1.0")] == [slow, fast, usual]
    assert await seconds(text=text, voice_speed=None) == usual


@pytest.mark.parametrize(
    "body",
    [
        {"voice_language": None},
        {"voice_language": "zh", "voice_id": "genshin_vindi2", "text": "欢迎登机"},
        {"voice_id": "girlfriend_1_speech02"},
        {"text": "x" * 1000},
        {"callback_url": "ignored", "external_task_id": "ignored"},
    ],
)
async def test_speech_accepts(kling: Customer, body: dict[str, Any]) -> None:
    await spoken(kling, **body)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"text": ""}, "text cannot be empty"),
        ({"text": "x" * 1001}, "text length cannot exceed 1000"),
        ({"voice_id": ""}, "voice_id cannot be empty"),
        ({"voice_id": "nobody"}, "Voice id not found"),
        ({"voice_id": "829824295735410756"}, "Voice id not found"),  # a preset of the library speaks only in videos
        ({"voice_language": "de"}, "voice_language value 'de' is invalid"),
        ({"voice_speed": "fast"}, "voice_speed value 'fast' is invalid"),
    ],
)
async def test_speech_refuses(kling: Customer, body: dict[str, Any], message: str) -> None:
    assert await kling.refusal(TTS, SPEECH | body) == (400, 1201, message)


async def test_nobody_can_ask_for_speech_again(kling: Customer) -> None:
    task_id = (await spoken(kling))["task_id"]
    assert (await kling.get(TTS)).json()["code"] == 1202
    assert (await kling.get(f"{TTS}/{task_id}")).status_code == 404
    assert (await kling.get(f"/tasks?task_ids={task_id}")).json()["data"] == []


async def test_speech_is_the_voice_of_an_avatar(kling: Customer) -> None:
    audio = (await spoken(kling, text="A sentence that takes a little longer than two seconds to say."))["task_result"]
    body = {"image": "https://cdn.example/face.png", "audio_id": audio["audios"][0]["id"], "mode": "std"}
    task = await done(kling, "/v1/videos/avatar/image2video", body)
    length = float(task["task_result"]["videos"][0]["duration"])
    assert length == pytest.approx(float(audio["audios"][0]["duration"]), abs=1.5)


# --- sounds from words -------------------------------------------------------------------------------------


async def test_a_sound_comes_as_mp3_and_as_wav(kling: Customer) -> None:
    task = await done(kling, SOUND, {"prompt": "rain on a tin roof", "duration": 5, "external_task_id": "rain"})
    (audio,) = task["task_result"]["audios"]
    assert set(audio) == {"id", "url_mp3", "url_wav", "duration_mp3", "duration_wav"}
    assert (audio["duration_mp3"], audio["duration_wav"]) == ("5.146", "5.080")
    assert await heard(kling, audio["url_mp3"], "audio/mpeg") == pytest.approx(5.146, abs=0.05)
    assert await heard(kling, audio["url_wav"], "audio/wav") == pytest.approx(5.08, abs=0.001)
    assert (task["task_info"], task["final_unit_deduction"]) == ({"external_task_id": "rain"}, "0.25")
    assert (await kling.data(f"{SOUND}/rain"))["task_id"] == task["task_id"]


@pytest.mark.parametrize(("duration", "seconds"), [(3, "3.146"), (4.5, "4.646"), ("10.0", "10.146"), (4.44, "4.546")])
async def test_a_length_has_one_decimal(kling: Customer, duration: object, seconds: str) -> None:
    task = await done(kling, SOUND, {"prompt": "rain", "duration": duration})
    assert task["task_result"]["audios"][0]["duration_mp3"] == seconds


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"duration": 5}, "prompt is required"),
        ({"prompt": "rain"}, "duration is required"),
        ({"prompt": "x" * 201, "duration": 5}, "prompt length cannot exceed 200"),
        ({"prompt": "rain", "duration": 2.9}, "duration value '2.9' is invalid"),
        ({"prompt": "rain", "duration": 10.1}, "duration value '10.1' is invalid"),
        ({"prompt": "rain", "duration": "long"}, "duration value 'long' is invalid"),
    ],
)
async def test_a_sound_is_refused(kling: Customer, body: dict[str, Any], message: str) -> None:
    assert await kling.refusal(SOUND, body) == (400, 1201, message)


# --- sounds for a video ------------------------------------------------------------------------------------


async def a_clip(kling: Customer, **body: Any) -> str:  # noqa: ANN401 - any JSON
    task = await done(kling, TEXT, {"model_name": "kling-v3", "prompt": "a steam train", "duration": "7"} | body)
    return task["task_result"]["videos"][0]["id"]


async def test_a_video_gets_sound_and_the_track_comes_by_itself_too(kling: Customer) -> None:
    source = await a_clip(kling, aspect_ratio="9:16")
    body = {"video_id": source, "video_url": "", "sound_effect_prompt": "steam", "asmr_mode": True}
    task = await done(kling, DUB, body)
    (video,), (audio,) = task["task_result"]["videos"], task["task_result"]["audios"]
    assert (set(video), video["duration"]) == ({"id", "url", "duration"}, "7.041")
    assert set(audio) == {"id", "url_mp3", "url_wav", "duration_mp3", "duration_wav"}
    url = f"https://kling.test/files/{source}.mp4"
    assert task["task_info"] == {"parent_video": {"id": source, "url": url, "duration": "7.041"}}
    assert task["final_unit_deduction"] == "0.25"
    with av.open(BytesIO((await kling.get(video["url"])).content), "r") as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) in {(360, 640), (720, 1280)}
        assert len(container.streams.audio) == 1
        assert container.duration is not None
        assert container.duration / 1e6 == pytest.approx(7.041, abs=0.01)
    assert await heard(kling, audio["url_mp3"], "audio/mpeg") == pytest.approx(7.041, abs=0.05)


@pytest.mark.parametrize("url", [CLIP, f"{CLIP}?seconds=3", f"{CLIP}?seconds=20"])
async def test_a_video_elsewhere_gets_sound_too(kling: Customer, url: str) -> None:
    task = await done(kling, DUB, {"video_url": url, "sound_effect_prompt": "footsteps on gravel", "asmr_mode": True})
    assert task["task_info"]["parent_video"]["url"] == url


ONE = "exactly one of video_id and video_url is required"
LENGTH = "video duration must be between 3 and 20 seconds"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, ONE),
        ({"video_id": "", "video_url": ""}, ONE),
        ({"video_id": "1", "video_url": CLIP}, ONE),
        ({"video_id": "850000000000000001"}, "Video not found by id: 850000000000000001"),
        ({"video_url": "clip.mp4"}, "video_url value 'clip.mp4' is invalid"),
        ({"video_url": f"{CLIP}?seconds=2.9"}, LENGTH),
        ({"video_url": f"{CLIP}?seconds=21"}, LENGTH),
        ({"video_url": CLIP, "bgm_prompt": "x" * 201}, "bgm_prompt length cannot exceed 200"),
        ({"video_url": CLIP, "sound_effect_prompt": "x" * 201}, "sound_effect_prompt length cannot exceed 200"),
        ({"video_url": CLIP, "asmr_mode": "maybe"}, "asmr_mode value 'maybe' is invalid"),
    ],
)
async def test_sound_for_a_video_is_refused(kling: Customer, body: dict[str, Any], message: str) -> None:
    assert await kling.refusal(DUB, body) == (400, 1201, message)


async def test_a_video_older_than_thirty_days_gets_no_sound(kling: Customer) -> None:
    source = await a_clip(kling)
    kling.clock.advance(30 * 86_400)
    message = f"Video {source} was generated more than 30 days ago"
    assert await kling.refusal(DUB, {"video_id": source}) == (400, 1201, message)


async def test_a_sound_is_no_video(kling: Customer) -> None:
    audio = (await spoken(kling))["task_result"]["audios"][0]
    assert await kling.refusal(DUB, {"video_id": audio["id"]}) == (400, 1201, f"{audio['id']} is not a video")
    assert await kling.refusal(DUB, {"video_url": audio["url"]}) == (400, 1201, "video_url is not a video")


# --- all of them -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [SOUND, DUB])
async def test_sounds_are_listed_as_a_bare_array(kling: Customer, path: str) -> None:
    body: dict[str, Any] = {"prompt": "rain", "duration": 5} if path == SOUND else {"video_url": CLIP}
    ids = [await kling.accepted(body, path) for _ in range(3)]
    assert [task["task_id"] for task in await kling.data(f"{path}?pageSize=2")] == ids[:0:-1]


@pytest.mark.parametrize(("path", "body"), [(TTS, SPEECH), (SOUND, {"prompt": "rain", "duration": 5})])
async def test_words_and_packs_are_looked_at(clock: ManualClock, path: str, body: dict[str, Any]) -> None:
    async with opened(new_sandbox(clock, units=Decimal("0.04")), clock) as kling:
        assert await kling.refusal(path, body) == (429, 1102, "Account balance not enough")
        bad = {name: "sandbox-refuse" if name in {"text", "prompt"} else value for name, value in body.items()}
        assert (await kling.refusal(path, bad))[:2] == (400, 1301)


async def test_the_new_query_shows_sounds_too(kling: Customer) -> None:
    task = await done(kling, SOUND, {"prompt": "rain", "duration": 5})
    (shown,) = (await kling.get(f"/tasks?task_ids={task['task_id']}")).json()["data"]
    (output,) = shown["outputs"]
    assert set(output) == {"type", "id", "mp3_url", "wav_url", "mp3_duration", "wav_duration"}
    assert (output["type"], output["mp3_duration"]) == ("audio", "5.146")
