"""Sounds: speech from text, sounds from words, sounds for a video.

Contract: image-audio-general.md sections 11 to 13; prices of section 15, all from the video pack. Messages without a
captured text are [OWN].
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from kling_mcp.sandbox import checks
from kling_mcp.sandbox.family import Family, Instant
from kling_mcp.sandbox.order import Make, Order
from kling_mcp.sandbox.sample_sounds import speech_seconds
from kling_mcp.sandbox.shapes import LONGER_S, charged, file_url, length_s, milliseconds
from kling_mcp.sandbox.speech_voices import SPEECH_VOICES
from kling_mcp.sandbox.wire import illegal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_mcp.sandbox.checks import Body, Reader
    from kling_mcp.sandbox.order import Task
    from kling_mcp.sandbox.shapes import Json
    from kling_mcp.sandbox.shop import Shop
    from kling_mcp.sandbox.sources import Clip

SPEECH = "/v1/audio/tts"
WORDS_TO_SOUND = "/v1/audio/text-to-audio"
VIDEO_TO_SOUND = "/v1/audio/video-to-audio"

_SPEECH = Decimal("0.05")
_SOUND = Decimal("0.25")
_SLOWEST, _FASTEST = 0.8, 2.0
_ANY_SPEED = checks.number(-1e9, 1e9)
_LONGER = 0.146
"""A sound is this much longer than asked for: 5 s came as 5.146 s. Contract: section 12."""
_LEAST_VIDEO_S, _MOST_VIDEO_S = 3.0, 20.0
_PACE_S = 20.0
_UNMARKED: Mapping[str, Reader] = {name: checks.COMMON[name] for name in ("callback_url", "external_task_id")}


# --- speech ------------------------------------------------------------------------------------------------


def spoken(posted: Body, shop: Shop) -> Json:
    """Section 11, answered at once. A speed beyond its limits is brought within them, not refused."""
    asked = checks.form(
        posted,
        {
            "text": checks.text(1000),
            "voice_id": checks.text(),
            "voice_language": checks.one_of(("zh", "en")),
            "voice_speed": _ANY_SPEED,
        },
        ["text", "voice_id"],
    )
    if asked["voice_id"] not in SPEECH_VOICES:
        raise illegal("Voice id not found")
    speed = round(min(max(asked.get("voice_speed", 1.0), _SLOWEST), _FASTEST), 1)
    make = Make("audio", caption=asked["text"], duration=speech_seconds(asked["text"], speed), detail={"spoken": True})
    info = {"product_function": "Text to Speech", "duration": f"{make.duration:.2f}"}
    return _answer(shop.charge(SPEECH, _SPEECH, prompt=asked["text"], makes=(make,), info=info), shop)


def _answer(task: Task, shop: Shop) -> Json:
    """Shaped like a finished task, although nobody can ask for it."""
    ((result_id, make),) = task.made
    created = milliseconds(task.created_at)
    audio = {"id": result_id, "url": file_url(shop.base_url, result_id, "mp3"), "duration": f"{length_s(make):.3f}"}
    return {
        "task_id": task.id,
        "task_status": "succeed",
        "task_status_msg": "",
        "task_result": {"audios": [audio]},
        **charged(task.units),
        "created_at": created,
        "updated_at": created,
    }


# --- sounds ------------------------------------------------------------------------------------------------


def sounding(posted: Body, _shop: Shop) -> Order:
    """Section 12: a sound from words."""
    asked = checks.form(
        posted,
        {"prompt": checks.text(200), "duration": checks.number(3, 10), **_UNMARKED},
        ["prompt", "duration"],
    )
    return Order(
        WORDS_TO_SOUND,
        prompt=asked["prompt"],
        units=_SOUND,
        makes=(Make("audio", duration=round(round(asked["duration"], 1) + _LONGER, 3)),),
        info={"product_function": "Text to Audio"},
        pace=_PACE_S,
        **checks.common(asked),
    )


def dubbed(posted: Body, shop: Shop) -> Order:
    """Section 13: a video gets a sound track, which also comes by itself."""
    asked = checks.form(
        posted,
        {
            "video_id": checks.text(),
            "video_url": checks.link,
            "sound_effect_prompt": checks.text(200),
            "bgm_prompt": checks.text(200),
            "asmr_mode": checks.flag,
            **_UNMARKED,
        },
    )
    clip = shop.source(asked)
    # A clip is a little longer than asked for: one of 20 s is still one of 20 s.
    if not _LEAST_VIDEO_S <= clip.seconds < _MOST_VIDEO_S + 1:
        raise illegal("video duration must be between 3 and 20 seconds")
    words = ", ".join(asked[name] for name in ("sound_effect_prompt", "bgm_prompt") if name in asked)
    return Order(
        VIDEO_TO_SOUND,
        prompt=words or clip.words,
        units=_SOUND,
        makes=_dub(clip),
        parent=clip.parent,
        info={"product_function": "Video to Audio", "refer_video_input": True, "video_sound": "native"},
        pace=_PACE_S,
        **checks.common(asked),
    )


def _dub(clip: Clip) -> tuple[Make, Make]:
    video = Make(
        "video",
        aspect_ratio=clip.ratio,
        duration=round(clip.seconds - LONGER_S, 3),
        sound=True,
        backdrop=clip.backdrop,
    )
    return video, Make("audio", duration=clip.seconds)


FAMILIES = (Family(WORDS_TO_SOUND, sounding), Family(VIDEO_TO_SOUND, dubbed))
INSTANTS = (Instant(SPEECH, spoken),)
