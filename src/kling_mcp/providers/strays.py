"""Which tasks of a function Kling took in a certain time, whoever asked for them: the list of its family, to its end.

Contract: video.md section 6. The order of a list is undocumented, so nothing but its whole tells what is in it; and
the list of the family is asked, not ``POST /tasks``, because only it says which function made a task.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from kling_mcp.providers.lists import MAX_PAGES
from kling_mcp.providers.pages import ROWS
from kling_mcp.providers.tasks import progress_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kling_mcp.providers.asking import Read
    from kling_mcp.providers.base import Progress


async def taken_between(read: Read, path: str, start: float, end: float) -> Sequence[Progress] | None:
    """The tasks of a family from this time; None if the list is longer than we read, or cannot be understood.

    Raises:
        Unavailable, Busy, NotAuthorised: Kling did not answer.
    """
    taken: dict[str, Progress] = {}
    for page in range(1, MAX_PAGES + 1):
        reply = await read(path, {"pageNum": str(page), "pageSize": str(ROWS)})
        listed = _understood(reply.payload)
        if listed is None:
            return None
        taken |= {task.task_id: task for task in listed if start <= (task.created_at or 0.0) <= end}
        if not listed:  # the end of a list is an empty page: how long Kling makes its pages is not for us to know
            return list(taken.values())
    return None


def _understood(payload: object) -> list[Progress] | None:
    """Every task of a page; None if one cannot be read or placed in time: it may be the one that matters."""
    if not isinstance(payload, list):
        return None
    tasks = [progress_of(task) for task in cast("list[object]", payload)]
    placed = [task for task in tasks if task is not None and task.created_at is not None]
    return placed if len(placed) == len(tasks) else None
