"""What things cost, in units: typed in from the contract once more, and worked out on its own.

The client's rate card must not be used here: a bill that agrees with a quote proves something only if the two were
written apart. Contract: video.md part E; image-audio-general.md section 15.
"""

from __future__ import annotations

from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Units per second: (model, case) → std, pro, 4k.
_PER_SECOND: Mapping[tuple[str, str], tuple[str, ...]] = MappingProxyType(
    {
        ("kling-3.0-turbo", "sound"): ("0.8", "1.0"),
        ("kling-v3", "silent"): ("0.6", "0.8", "3.0"),
        ("kling-v3", "sound"): ("0.9", "1.2", "3.0"),
        ("kling-v3", "motion"): ("0.9", "1.2"),
        ("kling-v3-omni", "silent"): ("0.6", "0.8", "3.0"),
        ("kling-v3-omni", "sound"): ("0.8", "1.0", "3.0"),
        ("kling-v3-omni", "video"): ("0.9", "1.2", "3.0"),
        ("kling-video-o1", "silent"): ("0.6", "0.8"),
        ("kling-video-o1", "video"): ("0.9", "1.2"),
        ("kling-v2-6", "silent"): ("0.3", "0.5"),
        ("kling-v2-6", "sound"): ("", "1.0"),
        ("kling-v2-6", "voice"): ("", "1.2"),
        ("kling-v2-6", "motion"): ("0.5", "0.8"),
        ("kling-v2-5-turbo", "silent"): ("0.3", "0.5"),
        ("avatar", "sound"): ("0.4", "0.8"),
    }
)
# Units per clip of 5 s and of 10 s: what → std, pro; without modes the same.
_PER_CLIP: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "kling-v1": ("1", "3.5"),
        "kling-v1-5": ("2", "3.5"),
        "kling-v1-6": ("2", "3.5"),
        "kling-v2-1": ("2", "3.5"),
        "kling-v2-master": ("10", "10"),
        "kling-v2-1-master": ("10", "10"),
        "multi-image2video": ("2", "3.5"),
        "multi-elements": ("3", "5"),
    }
)
_MODES = ("std", "pro", "4k")

FREE = Decimal(0)
FACES = Decimal("0.05")
EFFECT = Decimal(2)
"""Templates have no published price [OWN]."""
_LIPS = Decimal("0.5")
_LIPS_S = 5


def whole(seconds: float) -> int:
    """Seconds as they are billed where the length follows from a file: rounded to the nearest, a half upwards."""
    return int(seconds + 0.5)


def per_second(model: str, case: str, mode: str, seconds: float) -> Decimal:
    """The price of so many seconds, to the tenth of a second; nothing where the card has no such row."""
    rates = _PER_SECOND.get((model, case), ())
    place = _MODES.index(mode)
    rate = rates[place] if place < len(rates) and rates[place] else "0"
    return Decimal(rate) * Decimal(str(round(seconds, 1)))


def per_clip(what: str, mode: str, seconds: int) -> Decimal:
    """The price of a clip of 5 or 10 seconds; the longer costs twice the shorter."""
    std, pro = _PER_CLIP[what]
    return Decimal(pro if mode == "pro" else std) * (seconds // 5)


def clip(model: str, mode: str, seconds: int, *, sound: bool, voice: bool) -> Decimal:
    """The price of a text2video or image2video clip."""
    if model in _PER_CLIP:
        return per_clip(model, mode, seconds)
    return per_second(model, "voice" if voice else "sound" if sound else "silent", mode, seconds)


def extension(model: str, mode: str) -> Decimal:
    """The price of an extension, which costs what five seconds of its model cost."""
    return per_clip(model, mode, 5)


def lips(seconds: float) -> Decimal:
    """The price of moved lips: each five seconds begun, after rounding to whole ones [OWN]."""
    return _LIPS * max(1, -(-whole(seconds) // _LIPS_S))
