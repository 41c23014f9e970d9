"""Tasks that were made elsewhere, brought into the ledger by Kling's id of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_mcp.errors import InvalidRequest
from kling_mcp.jobs import moves
from kling_mcp.operations.wording import closest, shown
from kling_mcp.providers.base import TaskRef
from kling_mcp.providers.http import is_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_mcp.clock import Clock
    from kling_mcp.jobs.intent import Intents
    from kling_mcp.jobs.ledger import Ledger
    from kling_mcp.jobs.model import Job
    from kling_mcp.operations.base import Generation
    from kling_mcp.providers.base import Progress, Provider

_FILES = ("video", "image", "audio")


async def adopted(  # noqa: PLR0913 - two arguments, and what they are asked of
    task_id: str,
    tool: str,
    *,
    ledger: Ledger,
    provider: Provider,
    intents: Intents,
    catalogue: Mapping[str, type[Generation]],
    clock: Clock,
) -> Job:
    """The job of a task: the one that has it already, or a new one as Kling says that it stands.

    Raises:
        InvalidRequest: There is no such tool or task; the sentence says which.
        Unavailable, Busy, NotAuthorised: Kling could not be asked.
        LocalTrouble: The ledger could not record it.
    """
    operation = _tool(tool, catalogue)
    if not is_id(task_id):
        raise InvalidRequest.one("task_id", f"'task_id' is {shown(task_id)}, which is no id that Kling gives to tasks.")
    if job := (await ledger.of_tasks(provider.account, [task_id])).get(task_id):
        return job
    path, progress = await _found(task_id, operation, provider)
    _check_kind(operation, progress)
    if progress.ext_id and (ours := (await ledger.many([progress.ext_id])).get(progress.ext_id)):
        return ours
    now = clock.now()
    return await ledger.adopt(moves.accepted(intents.of_task(task_id, tool, path, now), progress, now))


def _tool(tool: str, catalogue: Mapping[str, type[Generation]]) -> type[Generation]:
    """The operation of a tool that leaves tasks at Kling."""
    operation = catalogue.get(tool)
    if operation is None:
        meant = closest(tool, catalogue)
        hint = f"Did you mean '{meant}'?" if meant else f"It is one of {', '.join(catalogue)}."
        raise InvalidRequest.one("tool", f"'tool' is {shown(tool)}, which makes no tasks at Kling. {hint}")
    if operation.kind != "job":
        raise InvalidRequest.one("tool", f"{tool} leaves no task at Kling that could be adopted: it answers at once.")
    return operation


async def _found(task_id: str, operation: type[Generation], provider: Provider) -> tuple[str, Progress]:
    for path in operation.makes_tasks_at or (operation.posts_to,):
        found = await provider.look_up([TaskRef(wire="v1", path=path, ext_id=task_id, task_id=task_id)])
        if (progress := found.get(task_id)) and progress.fresh:
            return path, progress
    raise InvalidRequest.one(
        "task_id",
        f"Kling knows no task {shown(task_id)} of {operation.tool} in the account of this key. Check the id, and give "
        "the tool that makes such results (generate_image for pictures, for example).",
    )


def _check_kind(operation: type[Generation], progress: Progress) -> None:
    kinds = [output.kind for output in progress.outputs]
    if operation.yields in _FILES and kinds and operation.yields not in kinds:
        raise InvalidRequest.one(
            "tool",
            f"The task made {kinds[0]} results, but {operation.tool} makes {operation.yields}. Give the tool that makes"
            " such results.",
        )
