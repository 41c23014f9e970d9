"""The three resource packs of the account: what they are called and what they hold. Contract: video.md section 4."""

# No `from __future__ import annotations`: pydantic reads those of `Change` when somebody posts one.

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

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
    others: int = 0
    """Parallel slots that somebody else holds who uses the same account."""

    @property
    def slots(self) -> int:
        """Parallel slots that are there for us. Kling grants the largest active pack's; of each kind we have one."""
        return self.concurrency - self.others


@dataclass(frozen=True, slots=True)
class Change:
    """What is to change about a pack, while it is in use; what is None stays.

    Attributes:
        package: Which pack.
        units: What is left in it from now on.
        concurrency: Its parallel slots. What is running goes on.
        others: How many of them somebody else holds.
    """

    package: Package
    units: Decimal | None = None
    concurrency: int | None = None
    others: int | None = None


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
