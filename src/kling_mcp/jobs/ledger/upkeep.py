"""What keeps a ledger in order over years: what is done now and then, by whichever process comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_mcp.jobs.ledger import rows
from kling_mcp.jobs.ledger.rows import TASK
from kling_mcp.jobs.model import FINISHED, State

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from kling_mcp.jobs.ledger import Ledger
    from kling_mcp.jobs.model import Job

# Columns whose index the account leads, so that a process that has nothing to do reads next to nothing.
_DOUBTED = f"state='{State.UNKNOWN}' AND nameless=1 AND task_id IS NULL AND provider=?"
_OF_ANY = "account IN (SELECT DISTINCT account FROM job)"
_LEASE_KEPT_S = 86_400.0
_MAY_HAVE_ONE = (State.SUBMITTING, State.UNKNOWN, State.UNCONFIRMED)
_FINISHED = rows.listed(FINISHED)
_UNSETTLED_STEP = (
    f"step.state NOT IN ({_FINISHED}) OR step.delivery IN ('fetching', 'failed') "
    "OR coalesce(step.finished_at, step.updated_at)>=?1"
)
_OLD = (
    f"WHERE created_at<?1 AND (created_at, id)>(?2, ?3) AND parent IS NULL AND state IN ({_FINISHED}) "  # noqa: S608 - our words
    "AND delivery IN ('none', 'stored') AND coalesce(finished_at, updated_at)<?1 "
    f"AND NOT EXISTS (SELECT 1 FROM job AS step WHERE step.parent=job.id AND ({_UNSETTLED_STEP})) "
    "ORDER BY created_at, id LIMIT ?4"
)
_FORGET_REQUESTS = "DELETE FROM request WHERE job_id=?1 OR job_id IN (SELECT id FROM job WHERE parent=?1)"


async def doubted(ledger: Ledger, provider: str, account: str | None = None) -> list[Job]:
    """A provider's jobs (of one account, or of all) without a name, of which nobody knows whether they arrived."""
    if account is None:
        return await _jobs(ledger, f"WHERE {_DOUBTED} ORDER BY created_at", provider)
    return await _jobs(ledger, f"WHERE account=? AND {_DOUBTED} ORDER BY created_at", account, provider)


async def without_task(ledger: Ledger, provider: str, path: str, since: float) -> list[Job]:
    """Jobs without a name that may have made a task of this function since then, though none is known of them.

    Under whichever credential: several may be of one account at Kling, whose lists show the tasks of all of them.
    """
    return await _jobs(
        ledger,
        f"WHERE {_OF_ANY} AND state IN (?, ?, ?) AND path=? AND nameless=1 AND task_id IS NULL AND updated_at>=? "
        f"AND {TASK} AND provider=?",
        *_MAY_HAVE_ONE,
        path,
        since,
        provider,
    )


async def with_task(ledger: Ledger, provider: str, task_ids: Sequence[str]) -> set[str]:
    """Those of these tasks that some job has, under whichever credential."""
    marks = ", ".join("?" * len(task_ids))
    found = await _jobs(ledger, f"WHERE {_OF_ANY} AND task_id IN ({marks}) AND provider=?", *task_ids, provider)
    return {job.task_id for job in found if job.task_id}


async def undelivered(ledger: Ledger, account: str) -> list[Job]:
    """Finished jobs of an account whose files are not on disk though Kling may still have them."""
    return await _jobs(ledger, "WHERE account=? AND delivery IN ('fetching', 'failed')", account)


async def turn(ledger: Ledger, name: str, owner: str, every_s: float) -> bool:
    """Whether it is this process that does the named thing now: one does, and nobody for the next ``every_s``.

    It is its own time that counts, not its owner's life: who dies over it has had its turn.
    """

    def work(db: sqlite3.Connection) -> bool:
        now = ledger.clock.now()
        row = db.execute("SELECT until FROM lease WHERE name=?", (name,)).fetchone()
        if row and now < row[0] <= now + every_s:  # a later end was written by a clock that has been set back
            return False
        db.execute("INSERT OR REPLACE INTO lease VALUES (?, ?, ?)", (name, owner, now + every_s))
        return True

    return await ledger.write(work)


async def old(ledger: Ledger, before: float, after: tuple[float, str], limit: int) -> list[Job]:
    """Jobs with nothing left to wait for since that time, all their steps included; oldest first.

    Those whose files never reached a disk are not among them, however old they are.

    Args:
        ledger: Where.
        before: Unix seconds.
        after: Acceptance and id of the job behind which to go on.
        limit: How many at most.
    """
    return await _jobs(ledger, _OLD, before, *after, limit)


async def forget(ledger: Ledger, jobs: Sequence[Job]) -> int:
    """Delete these jobs, unless somebody has written them since they were read, with their steps; how many went."""

    def work(db: sqlite3.Connection) -> int:
        gone = 0
        for job in jobs:
            if db.execute("DELETE FROM job WHERE id=? AND epoch=?", (job.id, job.epoch)).rowcount:
                db.execute(_FORGET_REQUESTS, (job.id,))
                db.execute("DELETE FROM job WHERE parent=?", (job.id,))
                gone += 1
        return gone

    return await ledger.write(work)


async def tidy(ledger: Ledger) -> None:
    """Delete what is of no use to anybody: approvals and leases that have run out, requests without a job."""

    def work(db: sqlite3.Connection) -> None:
        now = ledger.clock.now()
        db.execute("DELETE FROM approval WHERE expires_at<?", (now,))
        db.execute("DELETE FROM lease WHERE until<?", (now - _LEASE_KEPT_S,))
        db.execute("DELETE FROM request WHERE job_id NOT IN (SELECT id FROM job)")

    await ledger.write(work)


async def _jobs(ledger: Ledger, where: str, *values: object) -> list[Job]:
    return await ledger.read(lambda db: rows.jobs(db, where, *values))
