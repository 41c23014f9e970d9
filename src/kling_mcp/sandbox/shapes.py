"""The two shapes of a task: legacy (``task_id``, ``succeed``) and new standard (``id``, ``succeeded``).

Contract: video.md sections 1, 5, 6 and B7. Either shape can show a task of either wire.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from kling_mcp.sandbox.order import Status, Task

LEGACY_STATUS: Mapping[Status, str] = MappingProxyType(
    {"submitted": "submitted", "processing": "processing", "succeeded": "succeed", "failed": "failed"}
)
_LONGER_S = 0.041
"""A clip is this much longer than asked for. Contract: video.md section 6, part E."""

Json = dict[str, Any]


def milliseconds(seconds: float) -> int:
    """Unix seconds as Kling writes times."""
    return round(seconds * 1000)


def units_text(units: Decimal) -> str:
    """An amount as Kling writes it: ``"4.5"``, ``"3"``."""
    return f"{units.normalize():f}"


def length_s(task: Task) -> float:
    """Seconds of the finished clip."""
    return task.order.duration + _LONGER_S


def file_name(task: Task, *, watermark: bool = False) -> str:
    """Name under ``/files``."""
    return f"{task.id}{'-watermark' if watermark else ''}.mp4"


def _video(task: Task, base_url: str) -> Json:
    video = {"id": task.result_id, "url": f"{base_url}/files/{file_name(task)}"}
    if task.order.watermark:
        video["watermark_url"] = f"{base_url}/files/{file_name(task, watermark=True)}"
    return video | {"duration": f"{length_s(task):.3f}"}


def legacy_created(task: Task) -> Json:
    """``data`` of the answer to a legacy create."""
    external = task.order.external_id
    created = milliseconds(task.created_at)
    return {
        "task_id": task.id,
        "task_status": "submitted",
        "task_info": {} if external is None else {"external_task_id": external},
        "created_at": created,
        "updated_at": created,
    }


def legacy_task(task: Task, now: float, base_url: str) -> Json:
    """``data`` of a legacy query, and one member of a legacy list."""
    step = task.at(now)
    shown: Json = {
        **legacy_created(task),
        "task_status": LEGACY_STATUS[step.status],
        "task_status_msg": task.message if step.status == "failed" else "",
        "task_result": {},
        "updated_at": milliseconds(step.at),
    }
    if task.order.watermark is not None:
        shown["watermark_info"] = {"enabled": task.order.watermark}
    if step.status == "succeeded":
        shown["task_result"] = {"videos": [_video(task, base_url)]}
        shown["final_unit_deduction"] = units_text(task.units)
        shown["final_balance_deduction"] = {"quota": "0", "list_price": "0"}
    return shown


def legacy_callback(task: Task, now: float, base_url: str) -> Json:
    """Body of a legacy callback: the query's, without envelope and watermarks."""
    shown = legacy_task(task, now, base_url)
    shown.pop("watermark_info", None)
    for video in shown["task_result"].get("videos", []):
        video.pop("watermark_url", None)
    return shown


def standard_created(task: Task) -> Json:
    """``data`` of the answer to a create on the new wire."""
    created = milliseconds(task.created_at)
    shown: Json = {"id": task.id, "status": "submitted", "create_time": created, "update_time": created}
    return shown if task.order.external_id is None else shown | {"external_id": task.order.external_id}


def standard_task(task: Task, now: float, base_url: str) -> Json:
    """A task as ``/tasks`` shows it, and the body of a callback on the new wire."""
    step = task.at(now)
    done = step.status == "succeeded"
    return standard_created(task) | {
        "status": step.status,
        "message": task.message if step.status == "failed" else "",
        "update_time": milliseconds(step.at),
        "external_id": task.order.external_id or "",
        "outputs": [{"type": "video"} | _video(task, base_url)] if done else [],
        "billing": [{"charge_type": "unit", "amount": units_text(task.units), "package_type": "video"}] if done else [],
    }
