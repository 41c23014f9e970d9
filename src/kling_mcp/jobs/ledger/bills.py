"""What the ledger knows of charges: the jobs that may have caused one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_mcp.jobs.ledger import rows
from kling_mcp.jobs.ledger.rows import TASK

if TYPE_CHECKING:
    from kling_mcp.jobs.ledger.book import Ledger
    from kling_mcp.jobs.model import Job

_SENT = (
    f"WHERE created_at>=? AND provider=? AND {TASK} AND state NOT IN ('queued', 'cancelled') "
    "ORDER BY created_at DESC LIMIT ?"
)


async def sent_since(ledger: Ledger, provider: str, since: float, limit: int) -> list[Job]:
    """What was sent to this provider since then, under whichever key, newest first: steps, and not their wholes.

    Raises:
        LocalTrouble: The ledger cannot be read.
    """
    return await ledger.read(lambda db: rows.jobs(db, _SENT, since, provider, limit))
