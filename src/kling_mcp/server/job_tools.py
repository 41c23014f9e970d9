"""The tools that look after jobs already made. They cost nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field

from kling_mcp.operations.base import Operation
from kling_mcp.operations.fields import JsonText, Omitted, Texts
from kling_mcp.server.answers import about, answer, failed, shown, view_of
from kling_mcp.server.arguments import Waiting
from kling_mcp.server.listing import listed
from kling_mcp.server.names import JobId  # noqa: TC001 - pydantic reads it at run time
from kling_mcp.server.views import STATES, Status, gathered
from kling_mcp.server.waiting import budget, waited
from kling_mcp.settings import MAX_WAIT_SECONDS

if TYPE_CHECKING:
    from mcp import types

    from kling_mcp.server.tool import Call
    from kling_mcp.settings import Settings

JOBS_AT_ONCE = 50
PAGE = 10
PAGE_AT_MOST = 50
TASK_ID_AT_MOST = 200


def _as_list(value: object) -> object:
    """A model with one id may not bother with a list."""
    return [value] if isinstance(value, str) else value


class GetJob(Operation):
    """Look at a job without waiting. A file missing on disk is fetched again."""

    tool = "get_job"
    title = "Get a job"
    toolset = "jobs"
    starred = True
    kind = "local"
    yields = "text"

    job_id: JobId
    """The job's id."""


class WaitForJobs(Waiting, Operation):
    """Wait for jobs, up to 55 s per call; call it again while they run. Free."""

    tool = "wait_for_jobs"
    title = "Wait for jobs"
    toolset = "jobs"
    starred = True
    kind = "local"
    yields = "text"

    job_ids: Annotated[
        list[JobId], Field(min_length=1, max_length=JOBS_AT_ONCE), BeforeValidator(_as_list), JsonText, Texts
    ]
    """Up to 50 ids."""
    until: Literal["all", "first"] = "all"
    """All of them, or the first."""


class ListJobs(Operation):
    """List jobs, newest first."""

    tool = "list_jobs"
    title = "List jobs"
    toolset = "jobs"
    starred = True
    kind = "local"
    yields = "text"

    status: Status | Omitted = None
    """Only this status."""
    # Named apart from the class variable ``tool``; agents write it as "tool".
    made_by: Annotated[str | Omitted, Field(alias="tool")] = None
    """Only jobs of this tool."""
    limit: Annotated[int, Field(ge=1, le=PAGE_AT_MOST)] = PAGE
    """How many."""
    before: JobId | Omitted = None
    """Go on after this job id."""


class CancelJob(Operation):
    """Withdraw a job that still waits to be submitted. Kling has no cancel: once submitted, a job runs to its end."""

    tool = "cancel_job"
    title = "Cancel a job"
    toolset = "jobs"
    kind = "local"
    yields = "text"

    job_id: JobId
    """The job's id."""


class AdoptTask(Operation):
    """Bring a task made elsewhere with the same account into the list of jobs, by Kling's id of it. Free."""

    tool = "adopt_task"
    title = "Adopt a task"
    toolset = "jobs"
    kind = "immediate"
    yields = "text"

    task_id: Annotated[str, Field(min_length=1, max_length=TASK_ID_AT_MOST)]
    """Kling's id of the task."""
    made_by: Annotated[str, Field(alias="tool")] = "generate_video"
    """The tool that would have made it."""


async def get_job(call: Call[GetJob]) -> types.CallToolResult:
    """One job as it stands."""
    return await about(call.jobs, await call.jobs.get(call.request.job_id))


async def wait_for_jobs(call: Call[WaitForJobs]) -> types.CallToolResult:
    """The jobs as they stand when they are finished, or when the time is up. An error only if every one failed."""
    job_ids = list(dict.fromkeys(call.request.job_ids))
    jobs = await waited(call, job_ids, budget(call, patience(call.settings)), call.request.until)
    view = gathered([(job, await view_of(call.jobs, job)) for job in jobs])
    return answer(view, *await shown(jobs), is_error=all(failed(job) for job in jobs))


def patience(settings: Settings) -> float:
    """Seconds that ``wait_for_jobs`` waits by default.

    As long as a call may last, so that a long job takes few of them; unless the operator has set a limit, who knows
    what the host bears.
    """
    return settings.wait_seconds if "wait_seconds" in settings.model_fields_set else MAX_WAIT_SECONDS


async def list_jobs(call: Call[ListJobs]) -> types.CallToolResult:
    """A page of the ledger.

    Raises:
        InvalidRequest: There is no such tool.
    """
    asked = call.request
    tool = call.named(asked.made_by).name if asked.made_by else None
    states = STATES[asked.status] if asked.status else ()
    jobs = await call.jobs.list(states=states, tool=tool, limit=asked.limit, before=asked.before)
    return answer(listed(jobs, asked.limit, call.arguments, now=call.jobs.clock.now()))


async def cancel_job(call: Call[CancelJob]) -> types.CallToolResult:
    """The job, withdrawn."""
    return await about(call.jobs, await call.jobs.cancel(call.request.job_id))


async def adopt_task(call: Call[AdoptTask]) -> types.CallToolResult:
    """The job that the task now is, or was already; its files are fetched if it has any.

    Raises:
        InvalidRequest: There is no such tool, or Kling knows no such task.
        Unavailable, Busy, NotAuthorised: Kling could not be asked.
        LocalTrouble: The ledger could not record it.
    """
    job = await call.jobs.adopt(call.request.task_id, call.named(call.request.made_by).name)
    if not job.settled:
        (job,) = await waited(call, [job.id], call.settings.wait_seconds)
    return await about(call.jobs, job, fresh=True)
