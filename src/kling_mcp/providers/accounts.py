"""What an account still has, as Kling tells it. Contract: video.md part D."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import anyio

from kling_mcp.errors import Unavailable, trimmed
from kling_mcp.providers.base import Balance, Pack
from kling_mcp.providers.envelope import Reply, whole_number
from kling_mcp.providers.refusals import unanswered, verdict
from kling_mcp.providers.tasks import amount, fields_of, members

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_mcp.clock import Clock
    from kling_mcp.providers.lookup import Read

LOOK_BACK_S = 365 * 86_400.0
"""Packs live half a year at most; Kling demands a range."""
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
