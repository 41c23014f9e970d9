"""Kling's two shapes of a task, read into ``Progress``. Pure, and forgiving: a missing field is never a failure.

Contract: video.md section 6 (legacy: ``task_id``, ``task_result``, …) and B7 (new: ``id``, ``outputs``, ``billing``).
"""

from __future__ import annotations

from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from kling_mcp.errors import trimmed
from kling_mcp.providers.base import Progress, TaskStatus
from kling_mcp.providers.reading import amount, fields_of, identity, measure, members, string, word
from kling_mcp.providers.results import facts_of, outputs_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_mcp.providers.base import Output

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


def progress_of(task: object) -> Progress | None:
    """A task as Kling states it, in either shape; None if it is not a task or has no usable id."""
    fields = fields_of(task)
    task_id = identity(fields.get("task_id")) or identity(fields.get("id"))
    if task_id is None:
        return None
    created = measure(fields.get("created_at") or fields.get("create_time"))
    updated = measure(fields.get("updated_at") or fields.get("update_time"))
    status = STATUSES.get(word(fields.get("task_status") or fields.get("status")), "processing")
    ended = updated if status in {"succeeded", "failed"} else None
    return Progress(
        task_id=task_id,
        status=status,
        ext_id=_ext_id(fields),
        message=trimmed(string(fields.get("task_status_msg")) or string(fields.get("message")) or ""),
        outputs=tuple(sorted(outputs_of(fields), key=_rank)),
        units=units_of(fields),
        created_at=None if created is None else created / 1000.0,
        facts=facts_of(fields),
        ended_at=None if ended is None else ended / 1000.0,
    )


def units_of(fields: Mapping[str, Any]) -> Decimal | None:
    """Units charged. A bill in money (``charge_type`` cash) is not units; no bill at all is not zero."""
    bills = [amount(bill.get("amount")) for bill in members(fields.get("billing")) if bill.get("charge_type") == "unit"]
    known = [units for units in bills if units is not None]
    return sum(known, Decimal(0)) if known else amount(fields.get("final_unit_deduction"))


def _rank(output: Output) -> bool:
    """A sound goes behind what it is the sound of; nothing else changes places."""
    return output.kind == "audio"


def _ext_id(fields: Mapping[str, Any]) -> str | None:
    return string(fields.get("external_id")) or string(fields_of(fields.get("task_info")).get("external_task_id"))
