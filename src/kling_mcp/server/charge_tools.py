"""The tool that shows what Kling charged, beside the jobs it was for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from kling_mcp.providers.base import Charge, Charges
from kling_mcp.server.answers import answer
from kling_mcp.server.view import Amount, View, joined, moment, plain, summed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp import types

    from kling_mcp.jobs.model import Job
    from kling_mcp.operations.account import ListCharges
    from kling_mcp.server.tool import Call

AHEAD_S = 7 * 86_400.0
"""Kling's clock may be ahead of ours, and that of a hurried sandbox is by days: the newest charges are to be seen."""
DAY_S = 86_400.0
WHOSE = (
    "A charge whose job is unknown was made elsewhere, or by a tool that Kling answers at once (identify_faces, "
    "recognize_image and the like): it books these under a task it never names."
)
PAGES_AT_ONCE = 5
"""How many pages of Kling's list one call reads at most, to find charges of one type among the others."""


class ChargeView(BaseModel):
    """One deduction, and the job it was for where the ledger knows it."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    at: str
    amount: Amount
    of: str
    function: str
    model_name: str | None = None
    duration: str | None = None
    resolution: str | None = None
    task_id: str
    job_id: str | None = None
    tool: str | None = None

    @classmethod
    def of_charge(cls, charge: Charge, job: Job | None) -> ChargeView:
        """The deduction as an agent sees it."""
        return cls(
            at=moment(charge.at) or "",
            amount=charge.amount,
            of=_currency(charge),
            function=charge.function,
            model_name=charge.model_name or None,
            duration=charge.duration or None,
            resolution=charge.resolution or None,
            task_id=charge.task_id,
            job_id=job.id if job else None,
            tool=job.tool if job else None,
        )

    def line(self) -> str:
        """The deduction as one line."""
        whose = f"job {self.job_id} ({self.tool})" if self.job_id else "job unknown"
        length = f"{self.duration} s" if self.duration else None
        facts = [self.function, self.model_name, self.resolution, length, f"task {self.task_id}", whose]
        return f"{self.at} {plain(self.amount)} {self.of}: {joined(facts)}"


class ChargesView(View):
    """A page of deductions, newest first. ``sum`` adds up this page by type of pack or currency."""

    announced = ("charges", "sum", "cursor")

    charges: list[ChargeView]
    sum: dict[str, Amount]
    cursor: str | None = None
    note: str | None = None
    next: str

    def text(self) -> str:
        """One line for each deduction, their sum, then how to go on."""
        total = joined(f"{plain(amount)} {of}" for of, amount in self.sum.items())
        rows = [charge.line() for charge in self.charges]
        return joined([*rows, f"sum of these: {total or 'nothing'}", self.note, self.next], "\n")


async def list_charges(call: Call[ListCharges]) -> types.CallToolResult:
    """A page of what was deducted, each row with the job it was for.

    Raises:
        NotAuthorised, Unavailable, Busy: The account could not be read.
    """
    page = await _page(call)
    jobs = await call.jobs.of_tasks([charge.task_id for charge in page.charges])
    return answer(charges_view(page, jobs, call.request))


async def _page(call: Call[ListCharges]) -> Charges:
    """The charges asked for: several of Kling's pages where most are of another type."""
    asked, now = call.request, call.jobs.clock.now()
    start, cash = now - asked.days * DAY_S, asked.product_type == "cash"
    found, cursor = list[Charge](), asked.cursor or ""
    for _ in range(PAGES_AT_ONCE):
        page = await call.jobs.provider.charges(start, now + AHEAD_S, cash=cash, limit=asked.limit, cursor=cursor)
        found += [charge for charge in page.charges if asked.product_type in (None, "cash", charge.package)]
        cursor = page.cursor
        if not cursor or len(found) >= asked.limit:
            break
    return Charges(tuple(found), cursor)


def charges_view(page: Charges, jobs: Mapping[str, Job], asked: ListCharges) -> ChargesView:
    """The deductions as an agent sees them."""
    return ChargesView(
        charges=[ChargeView.of_charge(charge, jobs.get(charge.task_id)) for charge in page.charges],
        sum=summed((_currency(charge), charge.amount) for charge in page.charges),
        cursor=page.cursor or None,
        note=WHOSE if any(charge.task_id not in jobs for charge in page.charges) else None,
        next=_onward(page, asked),
    )


def _onward(page: Charges, asked: ListCharges) -> str:
    if page.cursor:
        only = f', product_type="{asked.product_type}"' if asked.product_type else ""
        limit = "" if asked.limit == type(asked).model_fields["limit"].default else f", limit={asked.limit}"
        return f'For older ones call list_charges(days={asked.days}{only}{limit}, cursor="{page.cursor}")'
    these = "These are all" if page.charges else "There are none"
    time = "day" if asked.days == 1 else f"{asked.days} days"
    return f"{these} of the last {time}. Kling books a charge with some delay."


def _currency(charge: Charge) -> str:
    return charge.currency or f"{charge.package} units".strip()
