"""What is in flight, as little of it as looking after it takes: thousands of rows may be read every few seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kling_mcp.jobs.ledger import rows
from kling_mcp.jobs.ledger.rows import TASK
from kling_mcp.jobs.model import CLOCK_SLACK_S
from kling_mcp.jobs.polling import MINUTE_S, Flying

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from kling_mcp.jobs.ledger import Ledger
    from kling_mcp.jobs.model import Job

# The indexes are partial, so their conditions stand here word for word.
_AT_KLING = (
    f"account=?1 AND state IN ('running', 'unknown') AND {TASK} AND (not_before<=?2 OR updated_at>?3) "
    "AND (state='running' OR nameless=0 OR task_id IS NOT NULL)"  # the others' doubts are settled by ``strays``
)
_FLYING = ", ".join((*Flying._fields[:-1], "(absences>0 OR blocked_reason<>'' OR updated_at>?3)"))
_FORGOTTEN_S = 600.0


class Summary(NamedTuple):
    """How much there is to look after.

    Attributes:
        known: Jobs in flight whose task id is known, and whose next look is due.
        doubts: Jobs that Kling may have, or has under an id that it did not tell.
        news_at: When anything last happened to any of them.
    """

    known: int
    doubts: int
    news_at: float


async def summary(ledger: Ledger, account: str, now: float) -> Summary:
    """How much there is to look after, without reading it."""

    def work(db: sqlite3.Connection) -> Summary:
        query = f"SELECT count(*), count(task_id), max(updated_at) FROM job WHERE {_AT_KLING}"  # noqa: S608 - our words
        every, known, news_at = db.execute(query, (account, now, now + CLOCK_SLACK_S)).fetchone()
        return Summary(known, every - known, news_at or 0.0)

    return await ledger.read(work)


async def flying(ledger: Ledger, account: str, now: float) -> list[Flying]:
    """Everything to look after now, oldest first."""

    def work(db: sqlite3.Connection) -> list[Flying]:
        query = f"SELECT {_FLYING} FROM job WHERE {_AT_KLING} ORDER BY created_at"  # noqa: S608 - our words
        return list(map(Flying._make, db.execute(query, (account, now, now + CLOCK_SLACK_S)).fetchall()))

    return await ledger.read(work)


async def begun(ledger: Ledger, account: str, since: float) -> dict[tuple[str, int], int]:
    """How many jobs Kling took since then, by function and minute."""
    query = (
        f"SELECT path, CAST(begun_at / {MINUTE_S} AS INTEGER) AS minute, count(*) FROM job "  # noqa: S608 - our number
        "WHERE account=? AND begun_at>=? GROUP BY path, minute"
    )

    def work(db: sqlite3.Connection) -> dict[tuple[str, int], int]:
        return {(path, minute): count for path, minute, count in db.execute(query, (account, since)).fetchall()}

    return await ledger.read(work)


async def save_all(ledger: Ledger, jobs: Sequence[Job]) -> list[Job | None]:
    """Write several jobs' next records in one transaction.

    Returns:
        The records as they now stand; None for each that somebody else wrote since ours was read.
    """

    def work(db: sqlite3.Connection) -> list[Job | None]:
        return [rows.replaced(db, job) for job in jobs]

    return await ledger.write(work)


async def looked(ledger: Ledger, account: str, now: float) -> None:
    """Note that everything of an account that is in flight was looked at just now."""

    def work(db: sqlite3.Connection) -> None:
        db.execute("INSERT OR REPLACE INTO look VALUES (?, ?)", (account, now))

    await ledger.write(work)


async def may_look(ledger: Ledger, account: str, job_ids: Sequence[str], now: float, every_s: float) -> list[str]:
    """Those of the jobs that nobody has looked at for ``every_s``; who asks is to look at them now."""
    recent = "SELECT 1 FROM look WHERE name=? AND at>? AND at<=?"
    claim = "INSERT INTO look VALUES (?1, ?2) ON CONFLICT DO UPDATE SET at=?2 WHERE NOT (at>?3 AND at<=?4)"

    def work(db: sqlite3.Connection) -> list[str]:
        window = (now - every_s, now + CLOCK_SLACK_S)
        if db.execute(recent, (account, *window)).fetchone():
            return []
        db.execute("DELETE FROM look WHERE at<?", (now - _FORGOTTEN_S,))
        return [job_id for job_id in job_ids if db.execute(claim, (job_id, now, *window)).rowcount == 1]

    return await ledger.write(work)
