"""What a job may cost, and who has agreed to it. Pure; the ledger enforces it, across processes (``ledger.intake``)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from kling_mcp.errors import InvalidRequest, NeedsApproval, OverLimit
from kling_mcp.jobs.model import State

if TYPE_CHECKING:
    from kling_mcp.errors import Price
    from kling_mcp.jobs.model import Job

REPEAT_S = 120.0
"""An identical request within this time is taken for the agent's own retry, unless it says or names it otherwise."""
DOUBT_S = 86_400.0
"""For how long a job that may have been charged keeps its like from being sent, unless a second charge is accepted."""
APPROVAL_S = 900.0
"""How long a confirmation token is good for."""
DAY_S = 86_400.0
"""Unix time knows no leap seconds: a day of UTC begins at every multiple of this."""
UNSTATED = "units_charged leaves out"
"""How the note begins that a job has of whose steps not every cost is known."""
_KEY = re.compile(r"[!-~]{1,128}")
_SAVE = "Ask for less (a shorter clip, fewer pictures, a cheaper mode, resolution or model)"
_HUMAN = "in this server's configuration, then restart it"


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
        idempotency_key: The agent's own name for it: a second request under it returns the first one's job, and one
            that has another name is another request, however alike.
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
        partly = job.state is State.UNCONFIRMED or any(note.startswith(UNSTATED) for note in job.notes)
        return max(quoted, charged) if partly else charged
    return Decimal(0) if job.failure and job.failure.charged is False else quoted


def day(now: float) -> tuple[float, float]:
    """The day (UTC) that a time is in: when it began, and when the next one does."""
    began = now - now % DAY_S
    return began, began + DAY_S


def check_key(key: str | None) -> None:
    """Refuse a key that could not be told from another one.

    Raises:
        InvalidRequest: It is empty, too long, or has characters that nobody sees.
    """
    if key is not None and not _KEY.fullmatch(key):
        raise InvalidRequest.one(
            "idempotency_key",
            f"'idempotency_key' has {len(key)} characters, but must be 1 to 128 visible ones without spaces: letters, "
            "digits and signs of ASCII. A random id is best.",
        )


def named(job: Job, earlier: Job) -> Job:
    """The job that has this one's idempotency key already.

    Raises:
        InvalidRequest: It asked for something else.
    """
    if earlier.request_hash == job.request_hash:
        return earlier
    raise InvalidRequest.one(
        "idempotency_key",
        f"'idempotency_key' {earlier.idempotency_key} was used by job {earlier.id} ({earlier.tool}), which asked for "
        "something else. Use a new key for a new request; to see that job, call "
        f'get_job(job_id="{earlier.id}").',
    )


def repeated(job: Job, latest: Job, terms: Terms) -> Job | None:
    """The job that this one repeats; None if it is a request of its own.

    Args:
        job: Its first record.
        latest: The latest job of the same request that was neither cancelled nor failed.
        terms: What the agent said about it.

    Raises:
        InvalidRequest: Nobody knows whether the latest one was charged, and nobody has accepted a second charge.
    """
    if latest.state is not State.UNCONFIRMED:
        searched = latest.nameless and latest.state is State.UNKNOWN and not terms.confirm_possible_duplicate
        # Whether it arrived is known within minutes. abs: the clock may have been set back.
        recent = abs(job.created_at - latest.created_at) <= REPEAT_S
        named_apart = job.idempotency_key is not None and latest.idempotency_key is not None
        return latest if searched or (recent and not named_apart) else None
    age = abs(job.created_at - (latest.finished_at or latest.created_at))
    if terms.confirm_possible_duplicate or age > DOUBT_S or job.units_quoted == 0:
        return None
    raise InvalidRequest.one(
        "confirm_possible_duplicate",
        f"The same request was sent as job {latest.id}, its answer was lost, and nobody knows whether it was charged. "
        "Look in list_charges first. If it was not charged, or if a second charge is acceptable, call again with "
        "confirm_possible_duplicate=true.",
    )


def check_job(price: Price, limits: Limits) -> None:
    """Refuse what costs more than one job may, or what nobody can tell the price of where there is a limit.

    Raises:
        OverLimit: The sentence says what it costs and which setting stands in the way.
    """
    bounds = {"KLING_MAX_UNITS_PER_JOB": limits.per_job, "KLING_MAX_UNITS_PER_DAY": limits.per_day}
    names = " and ".join(name for name, bound in bounds.items() if bound is not None)
    if names and price.units is None:
        raise OverLimit(
            f"Its price is not known before it is made ({price.basis}), so it cannot be held to {names}.",
            fix=f"Ask for something with a known price (estimate_cost tells), or have a human unset {names} {_HUMAN}.",
        )
    if price.units is not None and limits.per_job is not None and price.units > limits.per_job:
        raise OverLimit(
            f"It costs {told(price)}, more than the {units(limits.per_job)} that KLING_MAX_UNITS_PER_JOB allows for "
            "one job.",
            fix=f"{_SAVE}, or have a human raise KLING_MAX_UNITS_PER_JOB {_HUMAN}.",
        )


def check_day(price: Price, limits: Limits, spent: Decimal, now: float) -> None:
    """Refuse what would make the day too dear.

    Args:
        price: What it costs.
        limits: What may be spent.
        spent: Units that the jobs of the day have cost or may still cost.
        now: When it is accepted.

    Raises:
        OverLimit: The sentence says what is left, and when the day ends.
    """
    if limits.per_day is None or not price.units or spent + price.units <= limits.per_day:
        return
    if price.units > limits.per_day:
        raise OverLimit(
            f"It costs {told(price)}, more than the {units(limits.per_day)} that KLING_MAX_UNITS_PER_DAY allows for a "
            "whole day.",
            fix=f"{_SAVE}, or have a human raise KLING_MAX_UNITS_PER_DAY {_HUMAN}.",
        )
    left = max(Decimal(0), limits.per_day - spent)
    ends = day(now)[1]
    minutes = max(1, round((ends - now) / 60))
    raise OverLimit(
        f"It costs {told(price)}, but of the {units(limits.per_day)} that KLING_MAX_UNITS_PER_DAY allows for one day, "
        f"{units(left)} are left. The day ends at {datetime.fromtimestamp(ends, UTC):%Y-%m-%d %H:%M} UTC, in "
        f"{minutes // 60} h {minutes % 60} min.",
        fix=f"{_SAVE}, call again when the day is over, or have a human raise KLING_MAX_UNITS_PER_DAY {_HUMAN}. Jobs "
        "that are cancelled, or fail without a charge, give back what was reserved for them.",
    )


def needs_approval(price: Price, limits: Limits) -> bool:
    """Whether a person has to agree: it is dear, or nobody knows how dear."""
    return limits.confirm_above is not None and (price.units is None or price.units > limits.confirm_above)


def unapproved(price: Price, limits: Limits, *, told_so: bool) -> NeedsApproval:
    """What is said where a person has to agree and has not.

    Args:
        price: What it costs.
        limits: What may be spent without asking.
        told_so: Whether a token was given, which is not good for this request (any more).
    """
    bound = units(limits.confirm_above or Decimal(0))
    cost = (
        f"Its price is not known before it is made ({price.basis})"
        if price.units is None
        else f"It costs {told(price)}, more than {bound}"
    )
    stale = (
        "The confirmation token is not good for it: a token is for this exact request, for one use, and for "
        f"{APPROVAL_S / 60:.0f} minutes. "
    )
    return NeedsApproval(
        f"{stale if told_so else ''}{cost}, so a person has to agree first (KLING_CONFIRM_ABOVE_UNITS is "
        f"{bound.removesuffix(' units').removesuffix(' unit')}).",
        quote=price,
        fix="Tell the human the price and ask. Never agree in their place.",
    )


def told(price: Price) -> str:
    """A known price in words: ``3 units, 0.42 USD (5 s x 0.6 units)``."""
    dollars = "" if price.usd is None else f", {_dollars(price.usd)} USD"
    return f"{units(price.units or Decimal(0))}{dollars} ({price.basis})"


def _dollars(amount: Decimal) -> str:
    cent = Decimal("0.01")
    return f"{amount.quantize(cent) if amount >= cent else amount.normalize():f}"


def units(amount: Decimal) -> str:
    """An amount of units in words."""
    return f"{amount.normalize():f} unit{'' if amount == 1 else 's'}"
