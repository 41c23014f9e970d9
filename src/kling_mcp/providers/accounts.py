"""What an account still has, and what was taken from it, as Kling tells it. Contract: video.md part D."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import anyio

from kling_mcp.errors import Unavailable, trimmed
from kling_mcp.providers.base import Balance, Charge, Charges, Pack
from kling_mcp.providers.envelope import Reply, whole_number
from kling_mcp.providers.reading import amount, fields_of, identity, measure, members, string
from kling_mcp.providers.refusals import unanswered, verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_mcp.clock import Clock
    from kling_mcp.providers.asking import Read

LOOK_BACK_S = 365 * 86_400.0
"""Packs live half a year at most; Kling demands a range."""
MOST_CHARGES = 500
"""Longest page of deductions."""
APART_S = 1.0
"""Kling allows one such question a second."""


class BalanceReader:
    """Asks for the packs of one account, never faster than Kling allows."""

    def __init__(self, read: Read, clock: Clock) -> None:
        self._read, self._clock = read, clock
        self._turn = anyio.Lock()
        self._last = float("-inf")

    async def read(self) -> Balance:
        """The account's packs.

        Raises:
            Unavailable, Busy, NotAuthorised: The question could not be answered.
        """
        async with self._turn:
            await self._clock.sleep(max(0.0, min(APART_S, self._last + APART_S - self._clock.now())))
            self._last = now = self._clock.now()
            span = {"start_time": str(int((now - LOOK_BACK_S) * 1000)), "end_time": str(int(now * 1000))}
            return _balance(await self._read("/account/costs", span))


def _balance(reply: Reply) -> Balance:
    """The packs, out of an envelope that has a second one inside."""
    inner = fields_of(reply.payload)
    code = whole_number(inner.get("code"))
    message = inner.get("msg")
    words = trimmed(message) if isinstance(message, str) else ""
    trouble = verdict(Reply(reply.status, code or 0, words, reply.request_id), paid=False)
    if trouble is not None:
        raise unanswered(trouble)
    infos = inner.get("resource_pack_subscribe_infos")
    if code is None and infos is None:
        raise Unavailable("Kling's answer about the balance cannot be read.")
    return Balance(packs=tuple(_pack(info) for info in members(infos)))


def _pack(info: Mapping[str, Any]) -> Pack:
    expires = amount(info.get("invalid_time"))
    return Pack(
        name=trimmed(str(info.get("resource_pack_name") or "unnamed"), 120),
        status=trimmed(str(info.get("status") or "unknown"), 40),
        total=amount(info.get("total_quantity")) or Decimal(0),
        remaining=amount(info.get("remaining_quantity")) or Decimal(0),
        expires_at=None if expires is None else float(expires) / 1000.0,
    )


def charges_question(start: float, end: float, *, cash: bool, limit: int, cursor: str) -> tuple[str, dict[str, Any]]:
    """Where to ask for a page of deductions, of packs or of money, and with what body."""
    size = max(1, min(MOST_CHARGES, limit))
    path = f"/account/billing/{'balance' if cash else 'package'}"
    if cursor:  # it overrides everything else
        return path, {"limit": size, "cursor": cursor}
    return path, {"limit": size, "start_time": int(start * 1000), "end_time": int(end * 1000)}


def charges_of(reply: Reply) -> Charges:
    """A page of deductions, newest first.

    A row without an amount is left out: a figure made up would be worse than none.

    Raises:
        Unavailable: The answer cannot be read.
    """
    payload = fields_of(reply.payload)
    if not payload.keys() & {"result", "has_more", "next_cursor"}:
        raise Unavailable("Kling's answer about the charges cannot be read.")
    rows = [_charge(row) for row in members(fields_of(payload.get("result")).get("detail"))]
    listed = sorted((row for row in rows if row is not None), key=lambda charge: -charge.at)
    more = string(payload.get("next_cursor")) if payload.get("has_more") is not False else None
    return Charges(tuple(listed), more or "")


def _charge(row: Mapping[str, Any]) -> Charge | None:
    deducted = amount(row.get("deduction_amount"))
    if deducted is None:
        return None
    return Charge(
        task_id=identity(row.get("task_id")) or "",
        function=_said(row, "product_function"),
        model_name=_said(row, "model_name"),
        at=(measure(row.get("deduction_time")) or 0.0) / 1000.0,
        amount=deducted,
        package=_said(row, "product_type").lower().replace("_", "-"),  # B8 writes try_on, part D try-on
        currency=_said(row, "currency"),
        key_name=_said(row, "api_key_name"),
        duration=_said(row, "duration"),
        resolution=_said(row, "resolution"),
    )


def _said(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return trimmed(str(value), 120) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
