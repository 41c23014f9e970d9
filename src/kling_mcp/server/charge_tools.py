"""The tool that shows what Kling charged, beside the jobs it was for, and what of it no job explains."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from kling_mcp.jobs.billing import audited
from kling_mcp.jobs.spend import DAY_S
from kling_mcp.providers.base import Charge
from kling_mcp.server.answers import answer
from kling_mcp.server.view import Amount, View, joined, moment, plain, summed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp import types

    from kling_mcp.jobs.billing import Audit
    from kling_mcp.jobs.model import Job
    from kling_mcp.operations.account import ListCharges
    from kling_mcp.server.tool import Call

AHEAD_S = 7 * DAY_S
"""Kling's clock may be ahead of ours, and that of a hurried sandbox is by days: the newest charges are to be seen."""
EARLIER_S = 2 * DAY_S
"""A job this much older than the period may still have been charged in it."""
PAGES_AT_ONCE = 5
"""How many pages of Kling's list one call reads at most beyond those it shows."""
PAGE_AT_MOST = 500
"""Longest page Kling gives. Contract: video.md part D."""
JOBS_AT_MOST = 5000
NAMED = 10
"""How many are named of what does not add up."""
DAYS = 7
"""How many days are summed up."""


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
    alike: bool | None = None

    @classmethod
    def of_charge(cls, charge: Charge, job: Job | None, *, alike: bool = False) -> ChargeView:
        """The deduction as an agent sees it.

        Args:
            charge: Which.
            job: What it was for, if that is known.
            alike: Whether that was found by likeness: Kling never told the task.
        """
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
            alike=alike or None,
        )

    def line(self) -> str:
        """The deduction as one line."""
        whose = f"job {self.job_id} ({self.tool}{', by likeness' if self.alike else ''})" if self.job_id else "no job"
        length = f"{self.duration} s" if self.duration else None
        facts = [self.function, self.model_name, self.resolution, length, f"task {self.task_id}", whose]
        return f"{self.at} {plain(self.amount)} {self.of}: {joined(facts)}"


class DoubtView(BaseModel):
    """A job of which nobody knows whether it was charged, and the charge that fits it, if there is one."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    job_id: str
    tool: str
    units: Amount | None = None
    charged_at: str | None = None

    def line(self) -> str:
        """The doubt as one line."""
        found = f"a charge of {self.charged_at} fits it" if self.charged_at else "no charge fits it (so far)"
        return f"unconfirmed {self.job_id} ({self.tool}): {found}"


class AuditView(BaseModel):
    """What does not add up between Kling's bill and the ledger, over the whole period. Absent is what does."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    unexplained: list[ChargeView] | None = None
    unexplained_sum: dict[str, Amount] | None = None
    not_booked_yet: list[str] | None = None
    not_booked_units: Amount | None = None
    unconfirmed: list[DoubtView] | None = None
    days: dict[str, dict[str, Amount]] | None = None
    verdict: str

    def lines(self) -> list[str]:
        """What does not add up, then what to do about it."""
        sums = joined(f"{plain(amount)} {of}" for of, amount in (self.unexplained_sum or {}).items())
        lines = [f"explained by no job: {sums}"] if sums else []
        lines += [f"- {charge.line()}" for charge in self.unexplained or ()]
        lines += [doubt.line() for doubt in self.unconfirmed or ()]
        if self.not_booked_yet and self.not_booked_units is not None:
            lines.append(f"not booked yet: {plain(self.not_booked_units)} units of {joined(self.not_booked_yet)}")
        for day, of in (self.days or {}).items():
            lines.append(f"{day}: {joined(f'{name} {plain(units)} units' for name, units in of.items())}")
        return [*lines, self.verdict]


class ChargesView(View):
    """A page of deductions, newest first. ``sum`` adds up this page by type of pack or currency."""

    announced = ("charges", "sum", "cursor")

    charges: list[ChargeView]
    sum: dict[str, Amount]
    cursor: str | None = None
    audit: AuditView | None = None
    next: str

    def text(self) -> str:
        """One line for each deduction, their sum, what does not add up, then how to go on."""
        total = joined(f"{plain(amount)} {of}" for of, amount in self.sum.items())
        rows = [charge.line() for charge in self.charges]
        audit = self.audit.lines() if self.audit else []
        return "\n".join([*rows, f"sum of these: {total or 'nothing'}", *audit, self.next])


@dataclass(frozen=True, slots=True)
class _Bill:
    """Charges as they were read: those that are shown, and further ones that are only compared with the ledger."""

    shown: tuple[Charge, ...]
    more: tuple[Charge, ...]
    cursor: str
    """Goes on after those shown."""
    whole: bool
    """Whether all of the period was read."""


async def list_charges(call: Call[ListCharges]) -> types.CallToolResult:
    """A page of what was deducted, each row with the job it was for; with the first page, what does not add up.

    Raises:
        NotAuthorised, Unavailable, Busy: The account could not be read.
        LocalTrouble: The ledger could not be read.
    """
    asked, now = call.request, call.jobs.clock.now()
    since = now - asked.days * DAY_S
    bill = await _read(call, since, now)
    every = [*bill.shown, *bill.more]
    jobs = await call.jobs.sent_since(since - EARLIER_S, JOBS_AT_MOST)
    known = {job.id for job in jobs}
    older = await call.jobs.of_tasks([charge.task_id for charge in bill.shown])
    jobs = [*jobs, *(job for job in older.values() if job.id not in known)]
    if not bill.whole and every:
        since = max(since, min(charge.at for charge in every))
    relevant = [job for job in jobs if asked.product_type in (None, job.package)]
    return answer(charges_view(bill, audited(every, relevant, since, now), asked))


async def _read(call: Call[ListCharges], since: float, now: float) -> _Bill:
    """The charges asked for, and with the first page the rest of the period, as far as a few pages tell it."""
    asked, cash = call.request, call.request.product_type == "cash"
    shown, more, cursor, onward = list[Charge](), list[Charge](), asked.cursor or "", ""
    for number in range(PAGES_AT_ONCE + 1):
        full = len(shown) >= asked.limit
        if number and (not cursor or (full and asked.cursor)):
            break
        limit = PAGE_AT_MOST if full else asked.limit
        page = await call.jobs.provider.charges(since, now + AHEAD_S, cash=cash, limit=limit, cursor=cursor)
        (more if full else shown).extend(each for each in page.charges if asked.product_type in _types(each))
        cursor = page.cursor
        onward = onward if full else cursor
    return _Bill(tuple(shown), tuple(more), onward, whole=not cursor)


def _types(charge: Charge) -> tuple[str | None, ...]:
    """By which types a charge is asked for."""
    return (None, "cash", charge.package)


def charges_view(bill: _Bill, audit: Audit, asked: ListCharges) -> ChargesView:
    """The deductions as an agent sees them."""
    owned = zip(bill.shown, audit.owners, strict=False)
    return ChargesView(
        charges=[ChargeView.of_charge(each, job, alike=each.task_id in audit.alike) for each, job in owned],
        sum=summed((_currency(charge), charge.amount) for charge in bill.shown),
        cursor=bill.cursor or None,
        audit=None if asked.cursor else _audit_view(bill, audit, asked),
        next=_onward(bill, asked),
    )


def _audit_view(bill: _Bill, audit: Audit, asked: ListCharges) -> AuditView:
    every = [*bill.shown, *bill.more]
    strays = [charge for charge, job in zip(every, audit.owners, strict=True) if job is None]
    cash = asked.product_type == "cash"  # the ledger counts units: of money it can say only whose it was
    unbooked, days = ((), ()) if cash else (audit.unbooked, audit.days[:DAYS])
    return AuditView(
        unexplained=[ChargeView.of_charge(charge, None) for charge in strays[:NAMED]] or None,
        unexplained_sum=summed((_currency(charge), charge.amount) for charge in strays) or None,
        not_booked_yet=[job.id for job in unbooked[:NAMED]] or None,
        not_booked_units=sum((job.units_charged or Decimal() for job in unbooked), Decimal()) if unbooked else None,
        unconfirmed=[_doubt_view(job, charge) for job, charge in audit.unconfirmed[:NAMED]] or None,
        days={day.date: {"ledger": day.ledger, "kling": day.kling} for day in days} or None,
        verdict=_verdict(strays, audit, whole=bill.whole),
    )


def _doubt_view(job: Job, charge: Charge | None) -> DoubtView:
    at = moment(charge.at) if charge else None
    return DoubtView(job_id=job.id, tool=job.tool, units=job.units_quoted, charged_at=at)


def _verdict(strays: Sequence[Charge], audit: Audit, *, whole: bool) -> str:
    """What to do about what does not add up, in a sentence for each kind."""
    scope = "of the period" if whole else "of the newest that were read"
    said = [_about(strays, scope) if strays else f"Every charge {scope} is explained by a job."]
    said += ["Kling books with a delay: what is not booked yet should appear within a day."] if audit.unbooked else []
    if any(charge is None for _, charge in audit.unconfirmed):
        said.append("An unconfirmed job that no charge fits was most likely never charged, once a day has gone by.")
    return " ".join(said)


def _about(strays: Sequence[Charge], scope: str) -> str:
    many = f"{len(strays)} charges {scope} belong" if strays[1:] else f"One charge {scope} belongs"
    return (
        f"{many} to no job of this ledger: made elsewhere with this account, or paid and lost. Ask the human; "
        "adopt_task(task_id=…, tool=…) brings a lost one in. What nobody made may be a double payment: Kling's support "
        "needs its task id."
    )


def _onward(bill: _Bill, asked: ListCharges) -> str:
    if bill.cursor:
        only = f', product_type="{asked.product_type}"' if asked.product_type else ""
        limit = "" if asked.limit == type(asked).model_fields["limit"].default else f", limit={asked.limit}"
        return f'For older ones call list_charges(days={asked.days}{only}{limit}, cursor="{bill.cursor}")'
    these = "These are all" if bill.shown else "There are none"
    time = "day" if asked.days == 1 else f"{asked.days} days"
    return f"{these} of the last {time}. Kling books a charge with some delay."


def _currency(charge: Charge) -> str:
    return charge.currency or f"{charge.package} units".strip()
