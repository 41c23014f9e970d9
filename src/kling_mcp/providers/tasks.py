"""Kling's two shapes of a task, read into ``Progress``. Pure, and forgiving: a missing field is never a failure.

Contract: video.md section 6 (legacy: ``task_id``, ``task_result``, …) and B7 (new: ``id``, ``outputs``, ``billing``);
image-audio-general.md sections 11 to 13 for audio. Ids are strings: they exceed what some JSON readers keep exact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from kling_mcp.errors import trimmed
from kling_mcp.providers.base import Output, Progress, TaskStatus
from kling_mcp.providers.http import is_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kling_mcp.operations.base import Yields

MOST = Decimal(10) ** 15
"""More than any account has units, or any time has milliseconds. A figure beyond it is a mistake we could not show."""

STATUSES: Mapping[str, TaskStatus] = MappingProxyType(
    {
        "submitted": "submitted",
        "processing": "processing",
        "succeed": "succeeded",  # legacy
        "succeeded": "succeeded",
        "failed": "failed",
    }
)
"""Kling's word → ours. Any other word counts as processing: giving up on a paid task needs certainty."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Where one kind of result keeps what we want. The first name that is present counts."""

    kind: Yields
    urls: tuple[str, ...] = ("url",)
    durations: tuple[str, ...] = ("duration",)


LEGACY_SHAPES: Mapping[str, Shape] = MappingProxyType(
    {
        "videos": Shape("video"),
        "images": Shape("image", durations=()),
        "audios": Shape("audio", ("url_mp3", "url_wav", "url"), ("duration_mp3", "duration_wav", "duration")),
    }
)
"""List in the legacy ``task_result`` → shape of its members."""

SHAPES: Mapping[str, Shape] = MappingProxyType(
    {
        "video": Shape("video"),
        "image": Shape("image", durations=()),
        "audio": Shape("audio", ("mp3_url", "wav_url"), ("mp3_duration", "wav_duration")),
    }
)
"""``type`` of a member of the new ``outputs`` → shape."""


def progress_of(task: object) -> Progress | None:
    """A task as Kling states it, in either shape; None if it is not a task or has no usable id."""
    fields = fields_of(task)
    task_id = _identity(fields.get("task_id")) or _identity(fields.get("id"))
    if task_id is None:
        return None
    word = _word(fields.get("task_status") or fields.get("status"))
    created = _number(fields.get("created_at") or fields.get("create_time"))
    return Progress(
        task_id=task_id,
        status=STATUSES.get(word, "processing"),
        ext_id=_ext_id(fields),
        message=trimmed(_string(fields.get("task_status_msg")) or _string(fields.get("message")) or ""),
        outputs=tuple(_outputs(fields)),
        units=_units(fields),
        created_at=None if created is None else created / 1000.0,
    )


def amount(value: object) -> Decimal | None:
    """A quantity Kling sends as text or as a number; None if it is neither, or beyond all sense."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < MOST else None


def fields_of(value: object) -> Mapping[str, Any]:
    """A JSON object; an empty one for anything else."""
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def members(value: object) -> list[Mapping[str, Any]]:
    """The objects in a list, whatever else is in it; empty for anything that is not a list."""
    return [fields_of(each) for each in cast("list[object]", value)] if isinstance(value, list) else []


def _ext_id(fields: Mapping[str, Any]) -> str | None:
    return _string(fields.get("external_id")) or _string(fields_of(fields.get("task_info")).get("external_task_id"))


def _outputs(fields: Mapping[str, Any]) -> Iterator[Output]:
    for result in members(fields.get("outputs")):
        yield from _output(SHAPES.get(_word(result.get("type"))), result)
    legacy = fields_of(fields.get("task_result"))
    for name, shape in LEGACY_SHAPES.items():
        for result in members(legacy.get(name)):
            yield from _output(shape, result)


def _output(shape: Shape | None, result: Mapping[str, Any]) -> Iterator[Output]:
    url = _string(_first(result, shape.urls)) if shape else None
    if shape and url:
        seconds = _number(_first(result, shape.durations))
        output = Output(kind=shape.kind, url=url, kling_id=_identity(result.get("id")), duration_s=seconds)
        yield output
        if copy := _string(result.get("watermark_url")):
            yield replace(output, url=copy, watermarked=True)


def _units(fields: Mapping[str, Any]) -> Decimal | None:
    """Units charged. A bill in money (``charge_type`` cash) is not units; no bill at all is not zero."""
    bills = [amount(bill.get("amount")) for bill in members(fields.get("billing")) if bill.get("charge_type") == "unit"]
    known = [units for units in bills if units is not None]
    return sum(known, Decimal(0)) if known else amount(fields.get("final_unit_deduction"))


def _first(fields: Mapping[str, Any], names: Iterable[str]) -> object:
    return next((fields[name] for name in names if fields.get(name)), None)


def _identity(value: object) -> str | None:
    """An id as text, whether Kling sent it as text or as a number."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    return cast("str", text) if is_id(text) else None


def _string(value: object) -> str | None:
    """Text that can be stored: JSON may hold halves of characters, which no file and no database takes."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) and value else None


def _word(value: object) -> str:
    return value.strip().lower() if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    number = amount(value)
    seconds = None if number is None else float(number)
    return seconds if seconds is not None and math.isfinite(seconds) and seconds >= 0 else None


__all__ = ["amount", "fields_of", "members", "progress_of"]
