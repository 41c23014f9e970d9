"""Work that nobody waits for, so nobody would see it fail: what goes wrong is logged, and it is done again."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from kling_mcp.errors import LocalTrouble

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)


async def survived(work: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401 - work's own
    """What the work returns; None if it failed. It must outlive any failure: the ledger still holds what it was about.

    Cancelling it is no failure, and goes through.
    """
    try:
        return await work()
    except LocalTrouble as trouble:
        log.error("%s", trouble)  # noqa: TRY400 - a foreseen failure needs no traceback
    except Exception:
        log.exception("background work failed; the ledger keeps the job and it is taken up again")
    return None
