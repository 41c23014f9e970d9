"""Tasks without a name: Kling keeps no id of ours with some requests, and now and then loses the answer to one.

Such a request is never sent again. But it may have become a task, which the list of its function shows: if in the time
in which it can only have arrived there is exactly one task that nobody else can have made, it is that one. In every
other case the doubt stays what it is. Pure, like ``moves``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kling_mcp.jobs.model import CLOCK_SLACK_S, Job, State, free
from kling_mcp.jobs.results import answered_at_once

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kling_mcp.errors import Failure
    from kling_mcp.providers.base import Progress

BEFORE_S = 5.0
"""By how much Kling's clock may be behind ours."""
WINDOW_S = 120.0
"""How long after it was claimed a request may still arrive: no POST takes longer."""
PATIENCE_S = 600.0
"""How long after that Kling is asked, if it does not answer; then it stays a doubt."""

FOUND = (
    "Kling's answer to this request was lost, and it keeps no id of ours with it. This is the one task of its function "
    "that Kling took at that time and that no other job here has made."
)
"""Said with every job that was matched with a task."""
_ASKING = "It is not sent twice; within minutes Kling's list of such tasks shows whether it arrived."


def traceable(job: Job) -> bool:
    """Whether a request that is just being posted would leave a task behind, though none with a name of ours."""
    return job.nameless and job.state is State.SUBMITTING and not answered_at_once(job)


def awaited(job: Job, failure: Failure, now: float) -> Job:
    """Its answer is lost. Until it can no longer arrive nothing is concluded; then the list is looked through.

    From here on ``settles_at`` is the end of the time in which it may have arrived.
    """
    ends = min(job.updated_at, now) + WINDOW_S  # it was claimed when its record was last written
    return replace(
        free(job, now),
        state=State.UNKNOWN,
        doubts=job.doubts + 1,
        absences=0,
        not_before=max(now, ends),
        settles_at=ends,
        blocked_reason=f"{failure.message} {_ASKING}",
        failure=failure,
    )


def waiting(job: Job, now: float) -> bool:
    """Whether its task may still be found. A time too far ahead was written by a clock that has been set back."""
    if not job.nameless or job.state is not State.UNKNOWN or job.task_id or answered_at_once(job):
        return False
    return job.settles_at - WINDOW_S - CLOCK_SLACK_S <= now < job.settles_at + PATIENCE_S


def window(job: Job) -> tuple[float, float]:
    """From when until when Kling may have taken it."""
    if job.state is State.SUBMITTING:
        return job.updated_at - BEFORE_S, job.updated_at + WINDOW_S
    if job.settles_at:
        return job.settles_at - WINDOW_S - BEFORE_S, job.settles_at
    return job.created_at - BEFORE_S, (job.finished_at or job.updated_at) + WINDOW_S  # given up by an older version


def found(job: Job, strays: Iterable[Progress], rivals: Iterable[Job]) -> Progress | None:
    """The task that a lost answer was about, if there is no other explanation at all.

    Args:
        job: Whose answer was lost.
        strays: Tasks of its function that no job of the ledger has.
        rivals: Other jobs of its account and function of which no task is known, though they may have one.
    """
    fitting = [task for task in strays if _fits(job, task)]
    if len(fitting) != 1 or any(_fits(rival, fitting[0]) for rival in rivals if rival.id != job.id):
        return None
    return fitting[0]


def noted(job: Job) -> Job:
    """The job, with word of how its task was found."""
    return job if FOUND in job.notes else replace(job, notes=(*job.notes, FOUND))


def _fits(job: Job, task: Progress) -> bool:
    """Whether a task may be a job's. One with a name was made by somebody who names what he makes."""
    since, until = window(job)
    if task.ext_id or task.created_at is None or not since <= task.created_at <= until:
        return False
    return task.units is None or job.units_quoted is None or task.units == job.units_quoted
