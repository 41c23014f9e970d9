"""What the operator lets be spent, as agents are told before they ask for more."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from kling_mcp.errors import LocalTrouble, OverLimit
from kling_mcp.jobs import spend
from kling_mcp.server.view import Amount, joined, moment, plain

if TYPE_CHECKING:
    from kling_mcp.errors import Price
    from kling_mcp.server.tool import Call


class LimitsView(BaseModel):
    """The limits in force, in units of all packs together. Absent is what is not limited."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    per_job: Amount | None = None
    per_day: Amount | None = None
    left_today: Amount | None = None
    day_ends_at: str | None = None
    confirm_above: Amount | None = None

    def line(self) -> str:
        """The limits as one line."""
        left = f" ({plain(self.left_today)} left until {self.day_ends_at})" if self.left_today is not None else ""
        facts = [
            f"{plain(self.per_job)} units per job" if self.per_job is not None else None,
            f"{plain(self.per_day)} a day{left}" if self.per_day is not None else None,
            f"above {plain(self.confirm_above)} a person is asked" if self.confirm_above is not None else None,
        ]
        return f"limits: {joined(facts)}"


async def limits_view(call: Call[Any]) -> LimitsView | None:
    """The limits in force and what is left of today; None where nothing is limited."""
    limits = call.jobs.limits
    if limits == spend.Limits():
        return None
    left = None
    with suppress(LocalTrouble):  # the rest can be told without the ledger
        left = await left_today(call)
    return LimitsView(
        per_job=limits.per_job,
        per_day=limits.per_day,
        left_today=left,
        day_ends_at=None if left is None else moment(spend.day(call.jobs.clock.now())[1]),
        confirm_above=limits.confirm_above,
    )


async def left_today(call: Call[Any]) -> Decimal | None:
    """What may still be spent today, in units; None without such a limit.

    Raises:
        LocalTrouble: The ledger cannot be read.
    """
    cap = call.jobs.limits.per_day
    return None if cap is None else max(cap - await call.jobs.spent_today(), Decimal())


def over_limit(call: Call[Any], price: Price, left: Decimal | None) -> str | None:
    """Why a request of this price would be refused now; None if it would not."""
    limits, now = call.jobs.limits, call.jobs.clock.now()
    try:
        spend.check_job(price, limits)
        if limits.per_day is not None and left is not None:
            spend.check_day(price, limits, limits.per_day - left, now)
    except OverLimit as refusal:
        return refusal.failure.message
    return None


def needs_person(call: Call[Any], price: Price) -> bool | None:
    """Whether a person has to agree to this price first; None where nobody ever has to."""
    limits = call.jobs.limits
    return None if limits.confirm_above is None else spend.needs_approval(price, limits)
