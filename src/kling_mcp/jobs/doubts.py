"""The end of a doubt that nothing settles, in words that a person can act on. Pure, like ``moves``."""

from __future__ import annotations

from dataclasses import replace

from kling_mcp.errors import Failure, trimmed
from kling_mcp.jobs.model import Job, State, free
from kling_mcp.operations.wording import shown

LOST_AFTER_S = 172_800.0
"""A task that Kling lists no more is given up after this long, and after three reads; a doubt that its look-ups cannot
settle, after this long and two of them."""
_TASK_HINT = " (adopt_task brings in a task whose id is known)"


def unconfirmed(job: Job, failure: Failure, now: float) -> Job:
    """The end of a doubt: the answer was lost, and nobody can look up, or has been able to, whether it arrived."""
    units = f"{job.units_quoted} units" if job.units_quoted is not None else "units"
    asked = ", ".join(f"{name}={shown(value)}" for name, value in job.arguments.items())
    hours = f"{LOST_AFTER_S / 3600:.0f}"
    why = (
        "Kling knows such requests by no id of ours, so nobody can look up whether it arrived"
        if job.nameless
        else f"Kling's answers have not shown within {hours} hours whether it arrived"
    )
    doubt = Failure(
        code="unconfirmed",
        message=trimmed(f"{failure.message} {why}: {units} may have been charged for {job.tool}({asked})."),
        fix=f"It is not sent again. Look in list_charges whether it was charged{'' if job.nameless else _TASK_HINT}; "
        f"call {job.tool} again only if not, or if a second charge is acceptable.",
        charged=None,
    )
    return replace(
        free(job, now),
        state=State.UNCONFIRMED,
        doubts=job.doubts + 1,
        failure=doubt,
        finished_at=now,
        blocked_reason="",
    )
