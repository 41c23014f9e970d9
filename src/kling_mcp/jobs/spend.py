"""What a job may cost, and who has agreed to it. Pure; the ledger enforces it, across processes (``ledger.intake``)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from kling_mcp.jobs.model import State

if TYPE_CHECKING:
    from kling_mcp.jobs.model import Job

REPEAT_S = 120.0
"""An identical request within this time is taken for the agent's own retry, unless it says otherwise."""
APPROVAL_S = 900.0
"""How long a confirmation token is good for."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the operator allows. Units of all packs together; None: no limit.

    Attributes:
        per_job: A dearer request is refused.
        per_day: Requests accepted on one day (UTC) may not cost more together.
        confirm_above: A dearer request needs a person's approval.
    """

    per_job: Decimal | None = None
    per_day: Decimal | None = None
    confirm_above: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a request is made, beside what it asks for.

    Attributes:
        idempotency_key: The agent's own name for it: a second request under it returns the first one's job.
        allow_duplicate: An identical request of a moment ago is not what this one repeats.
        confirm_possible_duplicate: A second charge is acceptable where an identical request may have been charged.
        confirm: The one-time token by which a person has agreed to the price.
        approved: A person has agreed to the price just now.
    """

    idempotency_key: str | None = None
    allow_duplicate: bool = False
    confirm_possible_duplicate: bool = False
    confirm: str | None = None
    approved: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """The job of a request; ``deduplicated`` if it was there already."""

    job: Job
    deduplicated: bool = False


def reserved(job: Job) -> Decimal:
    """What a job may have cost or may still cost: its charge once that is known, its price until it is not charged.

    A step's cost is its whole's, which was reserved before it began.
    """
    quoted, charged = job.units_quoted or Decimal(0), job.units_charged or Decimal(0)
    if job.parent or job.state is State.CANCELLED:
        return Decimal(0)
    if not job.finished:
        return max(quoted, charged)
    if job.units_charged is not None:
        return charged
    return Decimal(0) if job.failure and job.failure.charged is False else quoted
