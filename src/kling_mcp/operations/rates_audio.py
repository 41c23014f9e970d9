"""What Kling charges for talking and sound, in units of the video pack: one table.

Contract: video.md part E and image-audio-general.md section 15. A failed task costs nothing.
"""

from __future__ import annotations

from decimal import Decimal
from math import ceil, floor
from types import MappingProxyType
from typing import TYPE_CHECKING

from kling_mcp.operations.base import Quote
from kling_mcp.operations.rates import CARD_DATE

if TYPE_CHECKING:
    from collections.abc import Mapping

PER_REQUEST: Mapping[str, Decimal] = MappingProxyType(
    {
        "identify_faces": Decimal("0.05"),
        "text_to_speech": Decimal("0.05"),
        "text_to_audio": Decimal("0.25"),
        "video_to_audio": Decimal("0.25"),
    }
)
"""Units per request, by tool."""

LIP_SYNC_SPAN_S = 5
LIP_SYNC_SPAN = Decimal("0.5")
"""Units per started ``LIP_SYNC_SPAN_S`` seconds of the video."""

LIP_SYNC_NOTE = "Kling prices lip-sync per 5 s without saying of what: started ones of the video are counted here."
"""How sure a price of lip-sync is. Contract: video.md part E."""

AVATAR_PER_SECOND: Mapping[str, Decimal] = MappingProxyType({"std": Decimal("0.4"), "pro": Decimal("0.8")})
"""Units per second of the sound, by mode."""


def flat_quote(tool: str, notes: tuple[str, ...] = ()) -> Quote:
    """The price of a request that costs the same whatever is in it."""
    units = PER_REQUEST[tool]
    return Quote(units, "video", f"{units} units a request", CARD_DATE, notes)


def billed_seconds(length_s: float) -> int:
    """The whole seconds that a clip or a sound counts as.

    Files run a few hundredths over what was asked for (5.041 s), and the one avatar bill anybody has published (4.4
    units in std for 11.3 s of sound) fits rounding to the nearest second, as Kling says it does for motion control.
    Contract: video.md A10 and part E.
    """
    return max(1, floor(length_s + 0.5))


def lip_sync_units(length_s: float | None) -> Decimal | None:
    """Units for rendering a video of that length; None if its length is not known."""
    return None if length_s is None else LIP_SYNC_SPAN * ceil(billed_seconds(length_s) / LIP_SYNC_SPAN_S)


def lip_sync_basis(length_s: float | None) -> str:
    """How the price of rendering comes about."""
    rate = f"{LIP_SYNC_SPAN} units per started {LIP_SYNC_SPAN_S} s of the video"
    return f"{rate}, whose length is not known" if length_s is None else f"{rate} ({billed_seconds(length_s)} s)"


def avatar_units(mode: str, length_s: float | None) -> Decimal | None:
    """Units for an avatar that speaks that long; None if the length is not known."""
    return None if length_s is None else AVATAR_PER_SECOND[mode] * billed_seconds(length_s)


def avatar_basis(mode: str, length_s: float | None) -> str:
    """How the price of an avatar comes about."""
    rate = f"{AVATAR_PER_SECOND[mode]} units per second of the sound ({mode})"
    return f"{rate}, whose length is not known" if length_s is None else f"{billed_seconds(length_s)} s x {rate}"
