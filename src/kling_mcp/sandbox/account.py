"""What is left and what was charged: ``/account/costs`` and ``/account/billing/package``. Contract: video.md part D."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from kling_mcp.operations.model_facts import RESOLUTIONS
from kling_mcp.sandbox.checks import whole
from kling_mcp.sandbox.lists import Page, filtered, page_of
from kling_mcp.sandbox.shapes import Json, length_s, milliseconds, units_text
from kling_mcp.sandbox.wire import Refusal, illegal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kling_mcp.sandbox.checks import Body
    from kling_mcp.sandbox.order import Task
    from kling_mcp.sandbox.state import State

_COSTS_EVERY_S = 1.0


class Costs:
    """``GET /account/costs``: free, both times required, at most once a second."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._last: float | None = None

    def read(self, query: Mapping[str, str]) -> Json:
        """The packs, in an envelope of their own.

        Raises:
            Refusal: A time is missing (1201), or it is asked too often (1302).
        """
        now = self._state.now()
        if self._last is not None and now - self._last < _COSTS_EVERY_S:
            raise Refusal(1302)
        for name in ("start_time", "end_time"):
            if not query.get(name):
                raise illegal(f"{name} is required")
            whole(0)(name, query[name])
        self._last = now
        name = query.get("resource_pack_name") or self._state.pack.name
        packs = [self._pack(now)] if name == self._state.pack.name else []
        return {"code": 0, "msg": "success", "resource_pack_subscribe_infos": packs}

    def _pack(self, now: float) -> Json:
        pack, remaining = self._state.pack, self._state.remaining
        left = "online" if remaining > 0 else "runOut"
        return {
            "resource_pack_name": pack.name,
            "resource_pack_id": pack.id,
            "resource_pack_type": "decreasing_total",
            "total_quantity": float(pack.total),
            "remaining_quantity": float(remaining),  # at Kling this lags up to 12 hours
            "purchase_time": milliseconds(pack.purchased_at),
            "effective_time": milliseconds(pack.purchased_at),
            "invalid_time": milliseconds(pack.invalid_at),
            "status": "expired" if now >= pack.invalid_at else left,
        }


def charges(state: State, body: Body) -> Json:
    """``POST /account/billing/package``: every deduction, newest first.

    Raises:
        Refusal: Times, limit, filter or cursor make no sense (1201).
    """
    page = page_of(body, most=500, usual=500, now=None)
    if {"package_name", "package_id"} <= {key for key, _ in page.filters}:
        raise illegal("filters package_name and package_id cannot be used together")
    left, details = state.pack.total, list[Json]()
    for task in state.charged:
        details.append(_detail(state, task, left))
        left -= task.charge
    tests: Mapping[str, Callable[[Json], str]] = {
        "api_key_name": lambda detail: detail["api_key_name"],
        "product_type": lambda detail: detail["product_type"],
        "package_id": lambda detail: detail["package_id"],
        "package_name": lambda _: state.pack.name,
    }
    wanted = [detail for detail in reversed(details) if page.covers(int(detail["deduction_time"]))]
    return _paged(page, filtered(wanted, page, tests))


def _paged(page: Page, details: list[Json]) -> Json:
    shown, following = page.cut(details)
    return {
        "result": {"detail": shown, "count": len(shown)},
        "next_cursor": following,
        "has_more": bool(following),
    }


_SOUND = MappingProxyType({True: "native", False: "off"})


def _detail(state: State, task: Task, before: Any) -> Json:  # noqa: ANN401 - a Decimal
    order = task.order
    return {
        "task_id": task.id,
        "api_key_name": "sandbox",
        "product_function": "Text to Video" if order.endpoint == "text2video" else "Image to Video",
        "model_name": order.model,
        "resolution": RESOLUTIONS.get(order.mode, "720p"),
        "duration": f"{length_s(task):.2f}",
        "refer_video_input": False,
        "video_sound": _SOUND[order.sound],
        "voice_control": order.speaks,
        "deduction_time": str(milliseconds(task.ends_at)),
        "package_id": state.pack.id,
        "product_type": "video",
        "unit_before_deduction": units_text(before),
        "deduction_amount": units_text(task.charge),
        "unit_after_deduction": units_text(before - task.charge),
    }
