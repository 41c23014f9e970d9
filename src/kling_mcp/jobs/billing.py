"""Kling's bill beside the ledger: which job each charge was for, and what does not add up. Pure.

A charge names Kling's task, and so the job. Of some requests (faces, recognition) Kling never tells the task: their
charges are matched with such jobs one to one, by function, amount and time.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from kling_mcp.jobs.model import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from kling_mcp.jobs.model import Job
    from kling_mcp.providers.base import Charge

NEAR_S = 600.0
"""How far a charge without a known task may be from its job: a request takes minutes at most, and clocks differ."""
STEM = 4
"""Letters by which words for a function are told apart: Kling says ``Image Recognition``, we ``recognize_image``."""
_MAY_BE_CHARGED = frozenset({State.SUCCEEDED, State.UNCONFIRMED, State.FAILED})


@dataclass(frozen=True, slots=True)
class Day:
    """What was charged on one day (UTC), in units: by the jobs of the ledger, and by Kling."""

    date: str
    ledger: Decimal
    kling: Decimal


@dataclass(frozen=True, slots=True)
class Audit:
    """A bill, explained as far as that goes.

    Attributes:
        owners: The job each charge was for, in the order of the bill; None where no job explains it.
        alike: Tasks whose charge was matched by likeness alone.
        unbooked: Charged jobs that the bill does not have (yet).
        unconfirmed: Jobs nobody knows to be charged, each with the charge that fits it, if there is one.
        days: The sums of each day with any, newest first.
    """

    owners: tuple[Job | None, ...]
    alike: frozenset[str]
    unbooked: tuple[Job, ...]
    unconfirmed: tuple[tuple[Job, Charge | None], ...]
    days: tuple[Day, ...]


def audited(charges: Sequence[Charge], jobs: Iterable[Job], since: float, now: float) -> Audit:
    """Compare a bill with the ledger.

    Args:
        charges: Every charge from ``since`` on.
        jobs: The jobs that may have caused one: those of several steps are left out, their steps are given.
        since: From when on; unix seconds.
        now: Until when.
    """
    jobs = [job for job in jobs if not job.has_steps]
    by_task = {job.task_id: job for job in jobs if job.task_id}
    owners = [by_task.get(charge.task_id) for charge in charges]
    known = {job.id for job in owners if job}
    strays = [number for number, owner in enumerate(owners) if owner is None and not charges[number].currency]
    open_ = [job for job in jobs if _untold(job) and job.id not in known]
    alike = _matched({number: charges[number] for number in strays}, open_, now)
    for number, job in alike.items():
        owners[number] = job
    booked = known | {job.id for job in alike.values()}
    fitting = {job.id: charges[number] for number, job in alike.items()}
    doubtful = [job for job in jobs if job.state is State.UNCONFIRMED and _when(job) >= since]
    return Audit(
        owners=tuple(owners),
        alike=frozenset(charges[number].task_id for number in alike),
        unbooked=tuple(job for job in jobs if job.units_charged and job.id not in booked and _when(job) >= since),
        unconfirmed=tuple((job, fitting.get(job.id)) for job in doubtful),
        days=_days(charges, owners, [job for job in jobs if _when(job) >= since]),
    )


def _untold(job: Job) -> bool:
    """Whether Kling may have charged for it under a task that we do not know."""
    return job.nameless and job.state in _MAY_BE_CHARGED and bool(_amount(job))


def _amount(job: Job) -> Decimal | None:
    return job.units_quoted if job.units_charged is None else job.units_charged


def _when(job: Job) -> float:
    return job.begun_at or job.created_at


def _matched(strays: Mapping[int, Charge], jobs: Sequence[Job], now: float) -> dict[int, Job]:
    """The job of each stray charge that one fits: sure jobs first, then the nearest in time; each but once."""
    pairs = sorted(_pairs(strays, jobs, now), key=lambda pair: pair[:2])
    found, taken = dict[int, "Job"](), set[str]()
    for _, _, number, job in pairs:
        if number not in found and job.id not in taken:
            found[number] = job
            taken.add(job.id)
    return found


def _pairs(strays: Mapping[int, Charge], jobs: Sequence[Job], now: float) -> Iterator[tuple[bool, float, int, Job]]:
    for number, charge in strays.items():
        for job in jobs:
            # A charge of the future is by a clock that tells nothing: that of a hurried sandbox.
            apart = NEAR_S if charge.at > now + NEAR_S else abs(charge.at - _when(job))
            if apart <= NEAR_S and charge.amount == _amount(job) and _same_function(charge, job):
                yield job.state is not State.SUCCEEDED, apart, number, job


def _same_function(charge: Charge, job: Job) -> bool:
    """Whether Kling's word for the function may mean the job's tool; where it says nothing, it may."""
    words = _stems(charge.function)
    return (not words or bool(words & _stems(job.tool))) and charge.package in ("", job.package)


def _stems(words: str) -> frozenset[str]:
    return frozenset(word[:STEM] for word in re.findall(r"[a-z]{3,}", words.lower()))


def _days(charges: Sequence[Charge], owners: Sequence[Job | None], jobs: Sequence[Job]) -> tuple[Day, ...]:
    """Both sums of each day. A job counts on the day that Kling booked it, or else on that of its beginning."""
    ours, theirs, booked = defaultdict[str, Decimal](Decimal), defaultdict[str, Decimal](Decimal), dict[str, str]()
    for charge, owner in zip(charges, owners, strict=True):
        if not charge.currency:
            theirs[_date(charge.at)] += charge.amount
            if owner:
                booked[owner.id] = _date(charge.at)
    everyone = {job.id: job for job in (*jobs, *(owner for owner in owners if owner))}
    for job in everyone.values():
        if job.units_charged:
            ours[booked.get(job.id) or _date(_when(job))] += job.units_charged
    return tuple(Day(date, ours[date], theirs[date]) for date in sorted({*ours, *theirs}, reverse=True))


def _date(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")
