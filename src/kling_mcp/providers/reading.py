"""Kling's JSON, read with patience: a field that is missing, misspelt or of another type is absent, never a failure.

Ids are text: they exceed what some JSON readers keep exact, and Kling sends them as text and as numbers.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, cast

from kling_mcp.providers.addresses import is_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:=+-]{0,199}")

MOST = Decimal(10) ** 15
"""More than any account has units, or any time has milliseconds. A figure beyond it is a mistake we could not show."""


def amount(value: object) -> Decimal | None:
    """A quantity Kling sends as text or as a number; None if it is neither, or beyond all sense."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value).strip())
    except (InvalidOperation, ValueError):  # ValueError: an integer of more digits than Python turns into text
        return None
    return number if number.is_finite() and abs(number) < MOST else None


def measure(value: object) -> float | None:
    """A length, a time or a rate: a quantity that is not negative."""
    number = amount(value)
    figure = None if number is None else float(number)
    return figure if figure is not None and math.isfinite(figure) and figure >= 0 else None


def count(value: object) -> int | None:
    """A number of things: pixels, frames, milliseconds."""
    figure = measure(value)
    return None if figure is None else round(figure)


def fields_of(value: object) -> Mapping[str, Any]:
    """A JSON object; an empty one for anything else."""
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def members(value: object) -> list[Mapping[str, Any]]:
    """The objects in a list, whatever else is in it; empty for anything that is not a list."""
    return [fields_of(each) for each in cast("list[object]", value)] if isinstance(value, list) else []


def first(fields: Mapping[str, Any], names: Iterable[str]) -> object:
    """The first of these fields that holds anything."""
    return next((fields[name] for name in names if fields.get(name)), None)


def identity(value: object) -> str | None:
    """An id as text, whether Kling sent it as text or as a number; None if it cannot be one."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if 0 <= value < 10**40 else None
    return cast("str", value) if is_id(value) else None


def body_id(value: object) -> str | None:
    """An id that travels in bodies alone (a session, a face, a voice), so that more is allowed than in an address.

    What was paid for is not lost because its id looks odd.
    """
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**40 else value
    return text if isinstance(text, str) and _NAME.fullmatch(text) else None


def string(value: object) -> str | None:
    """Text that can be stored: JSON may hold halves of characters, which no file and no database takes."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) and value else None


def word(value: object) -> str:
    """One of Kling's own words, in lower case; empty for anything else."""
    return value.strip().lower() if isinstance(value, str) else ""
