"""What Kling charges, in units: one table. 1 unit lists at 0.14 USD.

Contract: video.md part E and ``pricing_units`` of capabilities.json. Billing is on the requested seconds, not on the
length of the file; a failed task costs nothing.
"""

from __future__ import annotations

from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

CARD_DATE = "2026-09-20"
"""Date of the vendor's price list the figures are from, ISO."""

RETIRED_PRICES_ARE = "from a third party's copy of the vendor's table, unconfirmed"
"""How well the per-clip prices of retired models are known."""

Track = Literal["silent", "sound", "voice"]

# Units per second: model → mode → track. A missing entry has no known price.
_PER_SECOND: Mapping[str, Mapping[str, Mapping[Track, str]]] = MappingProxyType(
    {
        "kling-v3": {
            "std": {"silent": "0.6", "sound": "0.9"},
            "pro": {"silent": "0.8", "sound": "1.2"},
            "4k": {"silent": "3.0", "sound": "3.0"},
        },
        # Always with sound, which is included.
        "kling-3.0-turbo": {"std": {"silent": "0.8", "sound": "0.8"}, "pro": {"silent": "1.0", "sound": "1.0"}},
        "kling-v2-6": {"std": {"silent": "0.3"}, "pro": {"silent": "0.5", "sound": "1.0", "voice": "1.2"}},
        "kling-v2-5-turbo": {"std": {"silent": "0.3"}, "pro": {"silent": "0.5"}},
    }
)

# Units per clip of 5 seconds and of 10, retired models: model → mode.
_PER_CLIP: Mapping[str, Mapping[str, Mapping[int, str]]] = MappingProxyType(
    {
        "kling-v2-1-master": {"*": {5: "10", 10: "20"}},
        "kling-v2-1": {"std": {5: "2", 10: "4"}, "pro": {5: "3.5", 10: "7"}},
        "kling-v2-master": {"*": {5: "10", 10: "20"}},
        "kling-v1-6": {"std": {5: "2", 10: "4"}, "pro": {5: "3.5", 10: "7"}},
        "kling-v1-5": {"std": {5: "2", 10: "4"}, "pro": {5: "3.5", 10: "7"}},
        "kling-v1": {"std": {5: "1", 10: "2"}, "pro": {5: "3.5", 10: "7"}},
    }
)


def units_per_second(model: str, mode: str, track: Track) -> Decimal | None:
    """The rate of a current model; None where the price list has none."""
    rate = _PER_SECOND.get(model, {}).get(mode, {}).get(track)
    return None if rate is None else Decimal(rate)


def video_units(model: str, mode: str, duration: int, *, sound: bool, voice: bool) -> Decimal | None:
    """Units for one text2video or image2video clip. Contract: video.md part E.

    Args:
        model: A name in ``model_facts.MODELS``.
        mode: ``std``, ``pro``, ``4k``, or ``*`` for a model without modes.
        duration: Requested seconds.
        sound: Whether the clip has native sound.
        voice: Whether a listed voice speaks (``voice_list`` and a ``<<<voice_n>>>`` in the prompt).

    Returns:
        The exact amount, or None where no price is known.
    """
    track = _track(sound, voice)
    if track is None:
        return None
    rate = units_per_second(model, mode, track)
    if rate is not None:
        return rate * duration
    clip = _PER_CLIP.get(model, {}).get(mode, {}).get(duration)
    return None if clip is None or track != "silent" else Decimal(clip)


def _track(sound: bool, voice: bool) -> Track | None:
    if voice:
        return "voice" if sound else None  # a voice without sound does not exist
    return "sound" if sound else "silent"
