"""Accepting a request: one transaction that finds what it repeats, holds it to the limits, and records it.

It is one transaction because several processes share a ledger: of two that accept the same request at the same
instant, the second must find the first one's job, and two that each fit into what is left of the day must not both.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from kling_mcp.jobs import spend
from kling_mcp.jobs.ledger import rows
from kling_mcp.jobs.ledger.rows import written
from kling_mcp.jobs.ledger.schema import RESERVED_PER_UNIT, SELECT, job_of, row_of
from kling_mcp.jobs.spend import APPROVAL_S, Accepted

if TYPE_CHECKING:
    import sqlite3

    from kling_mcp.errors import Price
    from kling_mcp.jobs.asked import Asked
    from kling_mcp.jobs.ledger.book import Ledger
    from kling_mcp.jobs.model import Job
    from kling_mcp.jobs.spend import Limits, Terms
    from kling_mcp.providers.base import Request

_NAMED = f"{SELECT} WHERE account=? AND idempotency_key=?"
_LATEST = (
    f"{SELECT} WHERE account=? AND request_hash=? AND state NOT IN ('failed', 'cancelled') AND parent IS NULL "
    "ORDER BY created_at>?, created_at DESC, id DESC LIMIT 1"  # a clock that was ahead must not hide what came since
)
_SPENT = "SELECT coalesce(sum(reserved), 0) FROM job WHERE provider=? AND created_at>=? AND created_at<?"
_GOOD = "SELECT 1 FROM approval WHERE digest=? AND account=? AND request_hash=? AND expires_at>?"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request that asks to be accepted.

    Attributes:
        job: Its first record.
        posted: What is to be posted for it; of a job of several steps, what was asked.
        price: What it will cost.
        terms: What the agent said beside what it asks for.
        limits: What may be spent.
    """

    job: Job
    posted: Request | Asked
    price: Price
    terms: Terms
    limits: Limits


class Intake:
    """Where requests become jobs."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger, self._tally = ledger, _Tally()

    async def accept(self, wanted: Wanted) -> Accepted:
        """Record a request, unless it repeats one that is there: then that one's job is returned.

        Raises:
            InvalidRequest: Its idempotency key belongs to another request, or its like may have been charged.
            OverLimit, NeedsApproval: It is too dear.
            LocalTrouble: The ledger could not record it.
        """
        job, token = wanted.job, wanted.terms.confirm
        row, posted = row_of(job), written(wanted.posted)  # before the transaction: pictures make it megabytes

        def work(db: sqlite3.Connection) -> Accepted:
            if (earlier := _earlier(db, job, wanted.terms)) is not None:
                return Accepted(earlier, deduplicated=True)
            self._check(db, wanted)
            rows.put(db, row, posted)
            if token:
                db.execute("DELETE FROM approval WHERE digest=?", (_digest(token),))
            if wanted.limits.per_day is not None:
                self._tally.grew(db, row[-1])
            return Accepted(job)

        return await self._ledger.write(work)

    async def approval(self, account: str, request_hash: str) -> str:
        """A token by which this request, and no other, may be accepted once although it is dear."""
        token = f"ok-{secrets.token_urlsafe(18)}"

        def work(db: sqlite3.Connection) -> None:
            now = self._ledger.clock.now()
            db.execute("DELETE FROM approval WHERE expires_at<=?", (now,))
            good = (_digest(token), account, request_hash, now + APPROVAL_S)
            db.execute("INSERT INTO approval VALUES (?, ?, ?, ?)", good)

        await self._ledger.write(work)
        return token

    async def spent(self, provider: str, now: float) -> Decimal:
        """Units that the jobs accepted on this day (UTC) have cost, or may still cost."""
        return await self._ledger.read(lambda db: self._tally.of(db, provider, now))

    def _check(self, db: sqlite3.Connection, wanted: Wanted) -> None:
        """Hold a new request to the limits, the one that asks most of the human last."""
        job, price, terms, limits = wanted.job, wanted.price, wanted.terms, wanted.limits
        spend.check_job(price, limits)
        if limits.per_day is not None:
            spend.check_day(price, limits, self._tally.of(db, job.provider, job.created_at), job.created_at)
        if not spend.needs_approval(price, limits) or terms.approved:
            return
        asked = (_digest(terms.confirm or ""), job.account, job.request_hash, self._ledger.clock.now())
        if not terms.confirm or not db.execute(_GOOD, asked).fetchone():
            raise spend.unapproved(price, limits, told_so=bool(terms.confirm))


class _Tally:
    """What the jobs of a day cost together. Used by the ledger's thread only.

    Summing up thousands takes a millisecond, so it is not done again while nobody but ourselves has written: another
    connection's commit shows in SQLite's ``data_version``, and our own other writes in ``total_changes``.
    """

    def __init__(self) -> None:
        self._of: tuple[object, ...] = ()
        self._sum = 0

    def of(self, db: sqlite3.Connection, provider: str, now: float) -> Decimal:
        """Units that the jobs accepted on this day (UTC) have cost, or may still cost."""
        began, ended = spend.day(now)
        standing = (db, _version(db), db.total_changes, provider, began)
        if self._of != standing:
            self._sum = int(db.execute(_SPENT, (provider, began, ended)).fetchone()[0])
            self._of = standing
        return Decimal(self._sum) / RESERVED_PER_UNIT

    def grew(self, db: sqlite3.Connection, reserved: int) -> None:
        """A job of the day was recorded right after it was asked about (``of``), in the same transaction."""
        _, version, _, *rest = self._of
        self._of = (db, version, db.total_changes, *rest)
        self._sum += reserved


def _earlier(db: sqlite3.Connection, job: Job, terms: Terms) -> Job | None:
    """The job that is there already: of the same key, else of the same request a moment ago."""
    if job.idempotency_key and (row := db.execute(_NAMED, (job.account, job.idempotency_key)).fetchone()):
        return spend.named(job, job_of(row))
    latest = (job.account, job.request_hash, job.created_at + spend.REPEAT_S)
    if terms.allow_duplicate or not (row := db.execute(_LATEST, latest).fetchone()):
        return None
    repeated = spend.repeated(job, job_of(row), terms)
    if repeated is None or repeated.idempotency_key is not None or job.idempotency_key is None:
        return repeated
    # From now on it is the job of that name, for whoever asks for it later under the same.
    db.execute("UPDATE job SET idempotency_key=? WHERE id=?", (job.idempotency_key, repeated.id))
    return replace(repeated, idempotency_key=job.idempotency_key)


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA data_version").fetchone()[0])


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
