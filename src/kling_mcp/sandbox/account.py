"""What is left and what was charged: ``/account/costs`` and ``/account/billing``. Contract: video.md part D."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from kling_mcp.sandbox.checks import whole
from kling_mcp.sandbox.lists import Page, filtered, page_of
from kling_mcp.sandbox.shapes import Json, length_s, milliseconds, units_text
from kling_mcp.sandbox.wire import Refusal, illegal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal

    from kling_mcp.sandbox.checks import Body
    from kling_mcp.sandbox.order import Package, Task
    from kling_mcp.sandbox.packs import Pack
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
        name = query.get("resource_pack_name")
        packs = [self._shown(pack, now) for pack in self._state.packs.values() if name in {None, "", pack.name}]
        return {"code": 0, "msg": "success", "resource_pack_subscribe_infos": packs}

    def _shown(self, pack: Pack, now: float) -> Json:
        remaining = self._state.left(pack.package)
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
    left: dict[Package, Decimal] = {package: pack.total for package, pack in state.packs.items()}
    details: list[Json] = []
    for task in state.charged:
        package = task.order.package
        details.append(_detail(task, state.packs[package], left[package]))
        left[package] -= task.charge
    names = {pack.id: pack.name for pack in state.packs.values()}
    tests: Mapping[str, Callable[[Json], str]] = {
        "api_key_name": lambda detail: detail["api_key_name"],
        "product_type": lambda detail: detail["product_type"],
        "package_id": lambda detail: detail["package_id"],
        "package_name": lambda detail: names[detail["package_id"]],
    }
    wanted = [detail for detail in reversed(details) if page.covers(int(detail["deduction_time"]))]
    return _paged(page, filtered(wanted, page, tests))


def balances(body: Body) -> Json:
    """``POST /account/billing/balance``: deductions in money, of which this account has none: it is all prepaid.

    Raises:
        Refusal: Times, limit, filter or cursor make no sense (1201).
    """
    page = page_of(body, most=500, usual=500, now=None)
    return _paged(page, filtered([], page, {"api_key_name": lambda _: ""}))


def _paged(page: Page, details: list[Json]) -> Json:
    shown, following = page.cut(details)
    return {
        "result": {"detail": shown, "count": len(shown)},
        "next_cursor": following,
        "has_more": bool(following),
    }


_PLAIN: Mapping[str, object] = MappingProxyType(
    {
        "product_function": "",
        "resolution": "",
        "refer_video_input": False,
        "video_sound": "off",
        "voice_control": False,
    }
)
"""What a billing row says of what an order does not tell."""


def _detail(task: Task, pack: Pack, before: Decimal) -> Json:
    order = task.order
    length = length_s(order.makes[0]) if order.makes else 0.0
    shown: Json = dict(_PLAIN) | {"duration": f"{length:.2f}" if length else ""} | order.info
    return {
        "task_id": task.id,
        "api_key_name": "sandbox",
        "model_name": order.model,
        **shown,
        "deduction_time": str(milliseconds(task.ends_at)),
        "package_id": pack.id,
        "product_type": pack.package,
        "unit_before_deduction": units_text(before),
        "deduction_amount": units_text(task.charge),
        "unit_after_deduction": units_text(before - task.charge),
    }
