"""Withdrawing what was not submitted yet: Kling has no cancel, so it is a race with the background that posts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kling_mcp.errors import InvalidRequest
from kling_mcp.jobs import moves
from kling_mcp.jobs.model import State

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from kling_mcp.clock import Clock
    from kling_mcp.jobs.ledger import Ledger
    from kling_mcp.jobs.model import Job
    from kling_mcp.jobs.watch import Watch

CONCLUDED_S = 10.0
"""How long the background may take to draw the conclusion from a step that was withdrawn."""


class Withdrawal:
    """Cancels jobs of one ledger.

    Args:
        ledger: Where they are.
        watch: Reads them, and waits for what becomes of them.
        clock: Tells the time.
        announce: Tells everybody that a job moved.
    """

    def __init__(self, ledger: Ledger, watch: Watch, clock: Clock, announce: Callable[[Job], Awaitable[None]]) -> None:
        self._ledger, self._watch, self._clock, self._announce = ledger, watch, clock, announce

    async def cancel(self, job_id: str) -> Job:
        """Withdraw a job: see ``Jobs.cancel``. Who asks again, because an answer was lost, is answered alike."""
        while (job := (await self._watch.read([job_id]))[0]).state is State.QUEUED:
            steps = await self._ledger.steps(job.id) if job.has_steps else []
            if any(step.state not in (State.QUEUED, State.CANCELLED) for step in steps):
                job = replace(job, state=State.RUNNING)  # its record has not caught up with its step yet
                break
            if gone := await self._withdrawn(job, steps):
                return gone
        if job.state is State.CANCELLED:  # by an earlier call, or the background was quicker to draw the conclusion
            return job
        if job.has_steps and await self._step_withdrawn(job):
            return (await self._watch.until(lambda jobs: jobs[0].settled, [job_id], CONCLUDED_S, None))[0]
        raise InvalidRequest.one(
            "job_id",
            f"Job {job_id} can no longer be cancelled (state: {job.state}). Kling has no cancel once it was submitted."
            + ("" if job.finished else f' Wait for it: wait_for_jobs(job_ids=["{job_id}"]).'),
        )

    async def _withdrawn(self, job: Job, steps: Sequence[Job]) -> Job | None:
        """The job, cancelled; None if somebody was quicker. Its steps go first: a job without them posts nothing."""
        for step in steps:
            if step.state is State.QUEUED and not await self._gone(step):
                return None
        return await self._gone(job)

    async def _step_withdrawn(self, job: Job) -> bool:
        """Withdraw the step of a running job that waits to be posted; whether there was one."""
        for step in await self._ledger.steps(job.id):
            if step.state is State.QUEUED and await self._gone(step):
                return True
        return False

    async def _gone(self, job: Job) -> Job | None:
        gone = await self._ledger.save(moves.cancelled(job, self._clock.now()))
        if gone is not None:
            await self._announce(gone)
        return gone
