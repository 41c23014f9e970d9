"""What Kling charges for pictures and for the library, in units: one table.

Contract: image-audio-general.md section 15 (list prices of September 2026) and 9.1. A unit of an image pack lists at
0.0035 USD, one of a video pack at 0.14 USD; a failed task costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Rate:
    """One row of the price list.

    Attributes:
        units: What one costs.
        per: Of what: ``image``, ``call``, ``voice`` or ``element``.
        package: Which pack pays; empty where nothing is paid.
    """

    units: Decimal
    per: Literal["image", "call", "voice", "element"] = "image"
    package: Literal["image", "video", ""] = "image"


RATES: Mapping[str, Rate] = MappingProxyType(
    {
        "kling-v3": Rate(Decimal(8)),
        "kling-v3-omni": Rate(Decimal(8)),
        "kling-v3-omni in 4k": Rate(Decimal(16)),
        "kling-image-o1": Rate(Decimal(8)),
        "kling-v2-1 from text": Rate(Decimal(4)),
        "kling-v2-1 from a picture": Rate(Decimal(8)),
        "kling-v2-1 from several pictures": Rate(Decimal(16)),
        "expansion": Rate(Decimal(8)),
        "multi-shot views": Rate(Decimal(20), "call"),
        "recognition": Rate(Decimal("0.1"), "call", "video"),
        "custom voice": Rate(Decimal("0.05"), "voice", "video"),
        "custom element": Rate(Decimal(0), "element", ""),
    }
)
"""What is charged → its price. What is missing has no known price (retired models)."""

TRY_ON_BASIS = (
    "one try-on, paid from a try-on pack of its own. Kling publishes no price for it; older price lists said 0.07 USD "
    "a picture, unconfirmed"
)
"""All that is known about the price of ``virtual_try_on``. Contract: section 15."""
