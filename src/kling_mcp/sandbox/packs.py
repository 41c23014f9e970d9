"""The three resource packs of the account: what they are called and what they hold. Contract: video.md section 4."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from kling_mcp.sandbox.order import Package

_LIFE_S = 180 * 86_400
_NAMES: Mapping[Package, str] = MappingProxyType({"video": "Video", "image": "Image", "try-on": "TryOn"})


@dataclass(frozen=True, slots=True)
class Pack:
    """A resource pack. Contract: video.md section 4, part D. Times are unix seconds."""

    package: Package
    name: str
    id: str
    total: Decimal
    concurrency: int
    purchased_at: float
    invalid_at: float


def new_packs(born: float, *, units: Decimal, concurrency: int) -> Mapping[Package, Pack]:
    """One pack of each kind, each with so many units and slots."""
    return MappingProxyType(
        {
            package: Pack(
                package,
                f"{name}-{units:f}Units-{concurrency}Con-6Months",
                f"{0x5A17D_B0C5 + number:032x}",
                units,
                concurrency,
                born,
                born + _LIFE_S,
            )
            for number, (package, name) in enumerate(_NAMES.items())
        }
    )
