"""What every answer has in common: one set of facts, as data and as text, because some hosts read only one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, cast

from pydantic import BaseModel, ConfigDict, PlainSerializer, WithJsonSchema

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def plain(amount: Decimal) -> int | float:
    """An exact amount as a JSON number, whole where it is whole."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)


Amount = Annotated[Decimal, PlainSerializer(plain), WithJsonSchema({"type": "number"})]
"""Units or dollars."""


def summed(amounts: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """Amounts added up by what they are of; what is not of one kind is never added."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for name, amount in amounts:
        sums[name] += amount
    return dict(sums)


class View(BaseModel):
    """A tool's answer. Fields without a value are left out."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    announced: ClassVar[tuple[str, ...]]
    """The fields that hosts are told of beforehand: those that say whether it worked and what came out."""

    def structured(self) -> dict[str, Any]:
        """The facts as data."""
        return self.model_dump(mode="json", exclude_none=True)

    def text(self) -> str:
        """The same facts as text."""
        raise NotImplementedError

    @classmethod
    def output_schema(cls, *, named: bool = True) -> dict[str, Any]:
        """What hosts are told about the answer: the main names alone, because each byte of it stands in every tool.

        Paid tools all answer as ``get_job`` does, where the names stand once (``named``).

        Nothing is required and nothing forbidden, because an answer leaves out what has no value, and hosts check
        failures, which have an ``error`` instead, against the same schema.
        """
        schema: dict[str, Any] = {"type": "object"}
        return schema | {"properties": {name: {} for name in cls.announced}} if named else schema


def moment(unix_s: float | None) -> str | None:
    """A time as people and models read it: ISO 8601, UTC, whole seconds."""
    return None if unix_s is None else datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def plainly(value: object) -> str:
    """Small JSON as people read it: ``face_id 0, start_ms 0; face_id 1, start_ms 900``."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        pairs = cast("Mapping[str, object]", value).items()
        return ", ".join(f"{name} {plainly(inner)}" for name, inner in pairs)
    if isinstance(value, list | tuple):
        return "; ".join(plainly(inner) for inner in cast("Sequence[object]", value))
    return str(value)


def joined(parts: Iterable[str | None], between: str = ", ") -> str:
    """The parts there are, as one text."""
    return between.join(part for part in parts if part)
