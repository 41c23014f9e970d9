"""The old lip-sync, of which everything sits in ``input``. Contract: video.md A8."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_mcp.operations.voices import SPEECH_VOICES
from kling_mcp.sandbox import checks
from kling_mcp.sandbox.families.omni_rules import check_length
from kling_mcp.sandbox.families.talking import SOURCE, VIDEO_S, lips_order
from kling_mcp.sandbox.family import Family
from kling_mcp.sandbox.wire import illegal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_mcp.sandbox.checks import Body, Reader
    from kling_mcp.sandbox.order import Order
    from kling_mcp.sandbox.shop import Shop

_PATH = "/v1/videos/lip-sync"
_INPUT: Mapping[str, Reader] = {
    "mode": checks.one_of(("text2video", "audio2video")),
    **SOURCE,
    "text": checks.text(120),
    "voice_id": checks.text(),
    "voice_language": checks.one_of(("zh", "en")),
    "voice_speed": checks.number(0.8, 2.0),
    "audio_type": checks.one_of(("file", "url")),
    "audio_file": checks.text(),
    "audio_url": checks.text(),
}
_FIELDS: Mapping[str, Reader] = {"input": checks.nested(_INPUT), "callback_url": checks.link}


def order_of(posted: Body, shop: Shop) -> Order:
    """Check a body and say what to make.

    Raises:
        Refusal: The first thing Kling would complain about.
    """
    form = checks.form(posted, _FIELDS, ("input",))
    asked = form["input"]
    _demand(asked, "mode")
    if asked["mode"] == "text2video":
        _demand(asked, "text", "voice_id")
        if asked["voice_id"] not in SPEECH_VOICES:
            raise illegal("Voice id not found")
    else:
        _demand(asked, "audio_type")
        _demand(asked, f"audio_{asked['audio_type']}")
    checks.exactly_one(asked, "video_id", "video_url", "input.")
    if asked["mode"] == "audio2video":
        name = f"audio_{asked['audio_type']}"
        _check_sound(name, asked[name], shop)
    clip = shop.source(asked)
    check_length(clip.seconds, VIDEO_S)
    return lips_order(_PATH, clip, words=asked.get("text", ""), shared=checks.common(form))


def _check_sound(name: str, value: str, shop: Shop) -> None:
    if name == "audio_url":
        checks.link("input.audio_url", value)
    elif checks.is_link(value):
        raise illegal("File is not in a valid base64 format")
    shop.sound(f"input.{name}", value)


def _demand(asked: Body, *names: str) -> None:
    for name in names:
        if name not in asked:
            raise illegal(f"input.{name} is required")


FAMILIES = (Family(_PATH, order_of, named=False),)
