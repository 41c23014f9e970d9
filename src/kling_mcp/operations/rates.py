"""What Kling charges, in units: one table. 1 unit lists at 0.14 USD.

Contract: video.md part E and ``pricing_units`` of capabilities.json. Billing is on the requested seconds, not on the
length of the file; a failed task costs nothing.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

CARD_DATE = "2026-09-20"
"""Date of the vendor's price list the figures are from, ISO."""

RETIRED_PRICES_ARE = "from a third party's copy of the vendor's table, unconfirmed"
"""How well the per-clip prices of retired models are known."""

Track = Literal["silent", "sound", "voice", "video", "motion"]
"""What a price per second depends on besides model and mode: the sound, a video given as input, or a copied motion."""

# Units per second: model → mode → track. A missing entry has no known price.
_PER_SECOND: Mapping[str, Mapping[str, Mapping[Track, str]]] = MappingProxyType(
    {
        "kling-v3": {
            "std": {"silent": "0.6", "sound": "0.9", "motion": "0.9"},
            "pro": {"silent": "0.8", "sound": "1.2", "motion": "1.2"},
            "4k": {"silent": "3.0", "sound": "3.0"},
        },
        # Always with sound, which is included.
        "kling-3.0-turbo": {"std": {"silent": "0.8", "sound": "0.8"}, "pro": {"silent": "1.0", "sound": "1.0"}},
        "kling-v2-6": {
            "std": {"silent": "0.3", "motion": "0.5"},
            "pro": {"silent": "0.5", "sound": "1.0", "voice": "1.2", "motion": "0.8"},
        },
        "kling-v2-5-turbo": {"std": {"silent": "0.3"}, "pro": {"silent": "0.5"}},
        "kling-v3-omni": {
            "std": {"silent": "0.6", "sound": "0.8", "video": "0.9"},
            "pro": {"silent": "0.8", "sound": "1.0", "video": "1.2"},
            "4k": {"silent": "3.0", "sound": "3.0", "video": "3.0"},
        },
        "kling-video-o1": {
            "std": {"silent": "0.6", "video": "0.9"},
            "pro": {"silent": "0.8", "video": "1.2"},
        },
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

# The same for what these models do beside text2video and image2video: mode → seconds.
_PER_MULTI_IMAGE_CLIP: Mapping[str, Mapping[int, str]] = MappingProxyType(
    {"std": {5: "2", 10: "4"}, "pro": {5: "3.5", 10: "7"}}
)
_PER_EDIT: Mapping[str, Mapping[int, str]] = MappingProxyType({"std": {5: "3", 10: "6"}, "pro": {5: "5", 10: "10"}})

# Units per extension of 4 to 5 seconds: model of the clip → mode it was made in.
_PER_EXTENSION: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "kling-v1": {"std": "1", "pro": "3.5"},
        "kling-v1-5": {"std": "2", "pro": "3.5"},
        "kling-v1-6": {"std": "2", "pro": "3.5"},
    }
)


def units_per_second(model: str, mode: str, track: Track) -> Decimal | None:
    """The rate of a current model; None where the price list has none."""
    return _found(_PER_SECOND.get(model, {}).get(mode, {}).get(track))


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


def multi_image_units(mode: str, duration: int) -> Decimal | None:
    """Units for one clip of ``multi_image_to_video``; None where the price list has none."""
    return _found(_PER_MULTI_IMAGE_CLIP.get(mode, {}).get(duration))


def edit_units(mode: str, duration: int) -> Decimal | None:
    """Units for one ``edit_video``; None where the price list has none."""
    return _found(_PER_EDIT.get(mode, {}).get(duration))


def extension_units(model: str, mode: str) -> Decimal | None:
    """Units to extend a clip of this model and mode once; None where the price list has none."""
    return _found(_PER_EXTENSION.get(model, {}).get(mode))


def extension_range() -> tuple[Decimal, Decimal]:
    """The cheapest and the dearest extension, in units: all that is known when the clip's model is not."""
    prices = sorted(Decimal(price) for modes in _PER_EXTENSION.values() for price in modes.values())
    return prices[0], prices[-1]


def card() -> dict[str, object]:
    """Every price of this table as plain JSON, for people and agents who want to compare."""
    return {
        "units per second": {model: dict(modes) for model, modes in _PER_SECOND.items()},
        "units per clip of 5 and 10 s, retired models": {model: dict(modes) for model, modes in _PER_CLIP.items()},
        "multi_image_to_video, units per clip": dict(_PER_MULTI_IMAGE_CLIP),
        "edit_video, units per clip": dict(_PER_EDIT),
        "extend_video, units per extension": {model: dict(modes) for model, modes in _PER_EXTENSION.items()},
    }


def whole_seconds(length: float) -> int:
    """The seconds that are billed for a video of this length: rounded to the nearest. Contract: video.md part E."""
    return int(Decimal(str(length)).quantize(Decimal(1), ROUND_HALF_UP))


def _found(price: str | None) -> Decimal | None:
    return None if price is None else Decimal(price)
