"""Faces that speak: identify-face and advanced-lip-sync, and avatars. Contract: video.md A9, A10.

How many faces a video has is told by the words it was made from, or by its address [OWN]: ``TWO_FACES``, ``NO_FACE``,
otherwise one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kling_mcp.sandbox import checks, prices
from kling_mcp.sandbox.families.omni_rules import check_length
from kling_mcp.sandbox.family import Family, Instant
from kling_mcp.sandbox.life import video_pace
from kling_mcp.sandbox.order import Make, Order
from kling_mcp.sandbox.shapes import LONGER_S, charged
from kling_mcp.sandbox.sources import UNSEEN_S
from kling_mcp.sandbox.wire import illegal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_mcp.sandbox.checks import Body, Reader
    from kling_mcp.sandbox.shapes import Json
    from kling_mcp.sandbox.shop import Shop
    from kling_mcp.sandbox.sources import Clip

TWO_FACES = "sandbox-two-faces"
NO_FACE = "sandbox-no-face"

_IDENTIFY = "/v1/videos/identify-face"
_LIPS = "/v1/videos/advanced-lip-sync"
_AVATAR = "/v1/videos/avatar/image2video"
_SESSION = "faces"
VIDEO_S = ((2.0, 60.0),)
"""Shortest and longest video whose lips can be moved. Contract: video.md A8, A9."""
_LEAST_MS = 2000
SOURCE: Mapping[str, Reader] = {"video_id": checks.text(), "video_url": checks.text()}

# --- identify-face -----------------------------------------------------------------------------------------


def identify(posted: Body, shop: Shop) -> Json:
    """Open a session with the faces of a video.

    Raises:
        Refusal: The video cannot be used (1201), or nothing can be paid (1102).
    """
    asked = checks.form(posted, SOURCE)
    clip = shop.source(asked)
    check_length(clip.seconds, VIDEO_S)
    faces = _faces(clip, shop)
    shop.charge(_IDENTIFY, prices.FACES, info={"product_function": "Identify Face", "refer_video_input": True})
    session = shop.open_session(_SESSION, {"source": asked, "faces": faces})
    return {"session_id": session, **charged(prices.FACES), "face_data": faces}


def _faces(clip: Clip, shop: Shop) -> list[Json]:
    """The faces of a video; a second one comes into the picture a second later."""
    from kling_mcp.sandbox.sample_pictures import sample_face  # noqa: PLC0415 - loaded at first use: it slows the start

    count = 2 if TWO_FACES in clip.words else 0 if NO_FACE in clip.words else 1
    end = int(clip.seconds * 1000)
    return [
        {
            "face_id": str(number),
            "face_image": shop.file(sample_face(number=number, label=f"{clip.id or 'video'} · {number}"), "face.png"),
            "start_time": number * 1000,
            "end_time": end,
        }
        for number in range(count)
    ]


# --- advanced-lip-sync -------------------------------------------------------------------------------------

_TIMES = ("sound_start_time", "sound_end_time", "sound_insert_time")
_FACE: Mapping[str, Reader] = {
    "face_id": checks.text(),
    "audio_id": checks.text(),
    "sound_file": checks.text(),
    **dict.fromkeys(_TIMES, checks.whole(0)),
    "sound_volume": checks.number(0, 2),
    "original_audio_volume": checks.number(0, 2),
}
_OPTIONAL = ("audio_id", "sound_file", "sound_volume", "original_audio_volume")
_FIELDS: Mapping[str, Reader] = {
    "session_id": checks.text(),
    "face_choose": checks.objects(1, lambda: _FACE, optional=_OPTIONAL),
    **checks.COMMON,
}
_SOUND_S = (2.0, 60.0)


def lips(posted: Body, shop: Shop) -> Order:
    """Check a body that lets one face speak, and say what to make.

    Raises:
        Refusal: The first thing Kling would complain about.
    """
    asked = checks.form(posted, _FIELDS, ("session_id", "face_choose"))
    chosen = asked["face_choose"][0]
    checks.exactly_one(chosen, "audio_id", "sound_file", "face_choose[0].")
    session = shop.session(_SESSION, asked["session_id"])
    clip = shop.source(session.facts["source"])
    face = next((face for face in session.facts["faces"] if face["face_id"] == chosen["face_id"]), None)
    if face is None:
        raise checks.invalid("face_choose[0].face_id", chosen["face_id"])
    _check_times(chosen, face, clip, sound_of(chosen, shop, "face_choose[0].sound_file", _SOUND_S))
    return lips_order(_LIPS, clip, shared=checks.common(asked))


def _check_times(chosen: Body, face: Json, clip: Clip, sound_s: float) -> None:
    start, end, insert = (chosen[name] for name in _TIMES)
    until = insert + end - start
    if end > round(sound_s * 1000):
        raise illegal(f"face_choose[0].sound_end_time cannot exceed the audio duration {round(sound_s * 1000)}")
    if end - start < _LEAST_MS:
        raise illegal(f"face_choose[0]: the audio must last at least {_LEAST_MS}ms after cropping")
    if until > round(clip.seconds * 1000):
        raise illegal("face_choose[0]: the inserted audio cannot exceed the video duration")
    if min(until, face["end_time"]) - max(insert, face["start_time"]) < _LEAST_MS:
        raise illegal(f"face_choose[0]: the audio must overlap with the face for at least {_LEAST_MS}ms")


def sound_of(asked: Mapping[str, Any], shop: Shop, name: str, span: tuple[float, float]) -> float:
    """Seconds of the sound of a body, by ``audio_id`` or in ``sound_file``; what nobody looked into, 5.

    Raises:
        Refusal: It cannot be used, or is too short or too long (1201).
    """
    seen = shop.audio(asked["audio_id"]) if "audio_id" in asked else shop.sound(name, asked["sound_file"])
    found, (low, high) = seen or UNSEEN_S, span
    if not low <= found <= high:
        raise illegal(f"Audio duration must be {low:g}s to {high:g}s")
    return found


def lips_order(path: str, clip: Clip, *, shared: Mapping[str, Any], words: str = "") -> Order:
    """The order for a video whose lips are moved: as long as the video, and heard.

    Args:
        path: The create path.
        clip: The video.
        shared: ``external_id``, ``callback_url`` and ``watermark``.
        words: What is said, where it is known.
    """
    return Order(
        path,
        prompt=words or clip.words,
        units=prices.lips(clip.seconds),
        makes=(
            Make(
                "video",
                aspect_ratio=clip.ratio,
                duration=round(clip.seconds - (LONGER_S if clip.id else 0), 3),
                sound=True,
                backdrop=clip.backdrop,
            ),
        ),
        parent=clip.parent,
        info={"product_function": "Lip Sync", "refer_video_input": True, "video_sound": "native"},
        pace=video_pace("std", clip.seconds),
        **shared,
    )


# --- avatar ------------------------------------------------------------------------------------------------

_AVATAR_FIELDS: Mapping[str, Reader] = {
    "mode": checks.one_of(("std", "pro")),
    "prompt": checks.text(2500),
    "image": checks.text(),
    "audio_id": checks.text(),
    "sound_file": checks.text(),
    **checks.COMMON,
}
_AVATAR_SOUND_S = (2.0, 300.0)
_AFTER_S = 0.93
"""How much longer than its sound an avatar is: 12.27 s were seen for 11.3 s."""


def avatar(posted: Body, shop: Shop) -> Order:
    """Check a body that lets a picture speak, and say what to make.

    Raises:
        Refusal: The first thing Kling would complain about.
    """
    asked = checks.form(posted, _AVATAR_FIELDS, ("image",))
    checks.exactly_one(asked, "audio_id", "sound_file")
    mode, picture = asked.get("mode", "std"), shop.picture("image", asked["image"])
    seconds = sound_of(asked, shop, "sound_file", _AVATAR_SOUND_S)
    return Order(
        _AVATAR,
        mode=mode,
        prompt=asked.get("prompt", ""),
        # 4.4 units were seen for 11.3 s in std: 11 seconds.
        units=prices.per_second("avatar", "sound", mode, prices.whole(seconds)),
        makes=(
            Make(
                "video",
                aspect_ratio=picture.ratio_or("16:9"),
                duration=round(seconds + _AFTER_S, 3),
                sound=True,
                backdrop=picture.backdrop,
            ),
        ),
        info={
            "product_function": "Avatar",
            "resolution": "720p" if mode == "std" else "1080p",
            "video_sound": "native",
        },
        pace=video_pace(mode, seconds),
        **checks.common(asked),
    )


FAMILIES = (Family(_LIPS, lips), Family(_AVATAR, avatar))
INSTANTS = (Instant(_IDENTIFY, identify),)
