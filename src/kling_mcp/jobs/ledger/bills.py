"""What the ledger knows of charges: the jobs that may have caused one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_mcp.jobs.ledger.schema import SELECT, job_of
from kling_mcp.jobs.model import PLAN

if TYPE_CHECKING:
    import sqlite3

    from kling_mcp.jobs.ledger.book import Ledger
    from kling_mcp.jobs.model import Job

_SENT = (
    f"{SELECT} WHERE created_at>=? AND provider=? AND wire<>'{PLAN}' AND state NOT IN ('queued', 'cancelled') "
    "ORDER BY created_at DESC LIMIT ?"
)


async def sent_since(ledger: Ledger, provider: str, since: float, limit: int) -> list[Job]:
    """What was sent to this provider since then, under whichever key, newest first: steps, and not their wholes.

    Raises:
        LocalTrouble: The ledger cannot be read.
    """

    def work(db: sqlite3.Connection) -> list[Job]:
        return [job_of(row) for row in db.execute(_SENT, (since, provider, limit))]

    return await ledger.read(work)
