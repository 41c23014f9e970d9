"""Voices: made from a recording or from a clip in which somebody speaks, listed, deleted.

Contract: image-audio-general.md section 10. Messages without a captured text are [OWN].
"""

from __future__ import annotations

import functools
from decimal import Decimal
from typing import TYPE_CHECKING

from kling_mcp.sandbox import checks
from kling_mcp.sandbox.family import Family, Instant
from kling_mcp.sandbox.lists import paged
from kling_mcp.sandbox.order import Make, Order
from kling_mcp.sandbox.presets import VOICES
from kling_mcp.sandbox.sample_sounds import sample_sound
from kling_mcp.sandbox.shapes import file_url, length_s, milliseconds
from kling_mcp.sandbox.sources import hinted_s
from kling_mcp.sandbox.wire import illegal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_mcp.sandbox.checks import Body, Reader
    from kling_mcp.sandbox.order import Task
    from kling_mcp.sandbox.presets import PresetVoice
    from kling_mcp.sandbox.shapes import Json
    from kling_mcp.sandbox.shop import Shop

CUSTOM_VOICES = "/v1/general/custom-voices"
PRESET_VOICES = "/v1/general/presets-voices"
DELETE_VOICES = "/v1/general/delete-voices"

NAME = checks.text(20)
UNMARKED: Mapping[str, Reader] = {name: checks.COMMON[name] for name in ("callback_url", "external_task_id")}
_VOICE = Decimal("0.05")
_LEAST_S, _MOST_S = 5.0, 30.0
_TRIAL_S = 3.0
_PACE_S = 7.0
"""A voice was seen to take about 9 s."""
_SPEAKING = frozenset({"/v1/videos/lip-sync", "/v1/videos/advanced-lip-sync", "/v1/videos/avatar/image2video"})
"""Families in whose clips somebody always speaks."""
_SPOKEN_MODEL = "kling-v2-6"
_HEARD = frozenset({"audio", "voice", "video"})


# --- made --------------------------------------------------------------------------------------------------


def voice(posted: Body, shop: Shop) -> Order:
    """Section 10.1: from exactly one source; what two of them mean is not documented, so they are refused [OWN]."""
    asked = checks.form(
        posted, {"voice_name": NAME, "voice_url": checks.link, "video_id": checks.text(), **UNMARKED}, ["voice_name"]
    )
    checks.exactly_one(asked, "voice_url", "video_id")
    if "video_id" in asked:
        _check_spoken(asked["video_id"], shop)
    else:
        _check_length(asked["voice_url"], shop)
    name = asked["voice_name"]
    return Order(
        CUSTOM_VOICES,
        prompt=name,
        units=_VOICE,
        makes=(Make("voice", caption=trial_words(name), duration=_TRIAL_S, detail={"voice_name": name}),),
        info={"product_function": "Custom Voice"},
        pace=_PACE_S,
        **checks.common(asked),
    )


def trial_words(name: str) -> str:
    """What a voice says when one tries it."""
    return f"Hello, I am {name}. This is how I sound."


def _check_spoken(video_id: str, shop: Shop) -> None:
    """Only clips in which somebody speaks: 2.6 with sound, avatars, moved lips."""
    clip = shop.video(video_id)
    if clip.task is None:
        return
    order = clip.task.order
    if not (order.path in _SPEAKING or (_plain(order.model) == _SPOKEN_MODEL and clip.sound)):
        raise illegal(f"No voice found in video {video_id}")


def _plain(model: str) -> str:
    """The new wire's name of 2.6 means the same model."""
    return _SPOKEN_MODEL if model == "kling-2.6" else model


def _check_length(url: str, shop: Shop) -> None:
    ours = shop.made_at(url)
    if ours is not None and ours[2].kind not in _HEARD:
        raise illegal("voice_url is not an audio or a video")
    seconds = hinted_s(url) if ours is None else length_s(ours[2])
    if seconds is not None and not _LEAST_S <= seconds <= _MOST_S:
        raise illegal("voice duration must be between 5 and 30 seconds")


# --- listed ------------------------------------------------------------------------------------------------


def preset_voices(query: Body, shop: Shop) -> list[Json]:
    """Section 10.2: Kling's own, each like a finished task."""
    since = milliseconds(shop.state.pack.purchased_at)
    return [
        {
            "task_id": preset.id,
            "task_status": "succeed",
            "task_status_msg": "",
            "task_result": {"voices": [preset_voice(preset, shop)]},
            "created_at": since,
            "updated_at": since,
        }
        for preset in paged(list(VOICES.values()), query, 1000)
    ]


def preset_voice(preset: PresetVoice, shop: Shop) -> Json:
    """One of Kling's own voices."""
    trial = shop.file(_trial(preset.name), "trial.mp3")
    return {"voice_id": preset.id, "voice_name": preset.name, "trial_url": trial, "owned_by": "kling"}


@functools.cache
def _trial(name: str) -> bytes:
    return sample_sound(seconds=_TRIAL_S, text=trial_words(name), form="mp3", voice=True)


def any_voice(voice_id: str, shop: Shop) -> Json:
    """A voice of this account or of Kling, as results show it.

    Raises:
        Refusal: There is none (1201, captured).
    """
    found = shop.voice(voice_id)
    if not isinstance(found, tuple):
        return preset_voice(found, shop)
    url = file_url(shop.base_url, voice_id, "mp3")
    name = found[1].detail["voice_name"]
    return {"voice_id": voice_id, "voice_name": name, "trial_url": url, "owned_by": "sandbox"}


def kept(task: Task, shop: Shop) -> bool:
    """Whether what a task made is still in the library."""
    return not shop.deleted(task.result_id)


# --- deleted -----------------------------------------------------------------------------------------------


def deleted_voice(posted: Body, shop: Shop) -> Json:
    """Section 10.2: only own voices."""
    asked = checks.form(posted, {"voice_id": checks.text()}, ["voice_id"])
    if not isinstance(shop.voice(asked["voice_id"]), tuple):
        raise illegal("Only custom voices can be deleted")
    return deleted(asked["voice_id"], shop)


def deleted(result_id: str, shop: Shop) -> Json:
    """Delete something of one's own; what Kling answers."""
    return {"task_id": shop.delete(result_id).id, "task_status": "succeed"}


FAMILIES = (Family(CUSTOM_VOICES, voice, listed=kept, most_per_page=1000),)
INSTANTS = (
    Instant(PRESET_VOICES, preset_voices, method="GET"),
    Instant(DELETE_VOICES, deleted_voice),
)
