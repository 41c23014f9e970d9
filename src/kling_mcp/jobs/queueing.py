"""Why a queued job waits, and how long it probably will: worked out when it is read, and never written to its row."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kling_mcp.jobs import circuits
from kling_mcp.jobs.ledger.lanes import Lanes
from kling_mcp.jobs.model import Job, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kling_mcp.jobs.ledger import Ledger
    from kling_mcp.jobs.ledger.lanes import Standing

REMEMBERED = 1000
"""So many jobs' places in their queues are kept in mind."""


class Queue:
    """The queue as those who read jobs see it.

    Args:
        ledger: Where the jobs are.
        account: Whose queue this process works off.
    """

    def __init__(self, ledger: Ledger, account: str) -> None:
        self._ledger, self._account = ledger, account
        self._lanes = Lanes(ledger)
        self._turns = dict[str, float]()

    async def explained(self, jobs: Sequence[Job]) -> list[Job]:
        """The jobs, each that waits with the reason; of a job of several steps, its present step's."""
        plans = [job.id for job in jobs if job.has_steps and not job.finished]
        steps = {step.parent: step for step in await self._ledger.steps(*plans)} if plans else {}
        waiting = [job for job in (*jobs, *steps.values()) if self._waits(job)]
        if not waiting:
            return list(jobs)
        standings = await self._lanes.standings(waiting)
        return [self._with_reason(job, steps.get(job.id), standings) for job in jobs]

    def turns(self, job: Job) -> float:
        """How many durations of a job go by before it is its turn, as far as was seen when it was last read."""
        return self._turns.get(job.id, 0.0) if job.state is State.QUEUED else 0.0

    def _waits(self, job: Job) -> bool:
        return job.state is State.QUEUED and job.account == self._account and not job.has_steps

    def _with_reason(self, job: Job, step: Job | None, standings: Mapping[str, Standing]) -> Job:
        of = step or job
        if of.id not in standings:
            return job
        standing = standings[of.id]
        while len(self._turns) >= REMEMBERED:
            self._turns.pop(next(iter(self._turns)))
        self._turns[job.id] = turns_before(of, standing)
        told = explained(of, standing, self._ledger.clock.now())
        if told == of:
            return job if step is None else replace(job, blocked_reason=step.blocked_reason, failure=step.failure)
        return replace(job, blocked_reason=told.blocked_reason, failure=told.failure)


def explained(job: Job, standing: Standing, now: float) -> Job:
    """A queued job with the reason why it waits. The same record comes back if there is none but its own. Pure."""
    if standing.circuit is not None and standing.circuit.failure is not None:
        failure = standing.circuit.failure
        return replace(job, failure=failure, blocked_reason=circuits.reason(failure))
    lane = standing.lane
    kind = f"{job.package} slots" if job.package else "slots"
    if lane.cap is not None and job.slots and standing.load.held + standing.slots_before + job.slots > lane.cap:
        wanted = "one" if job.slots == 1 else str(job.slots)
        reason = f"It waits for {wanted} of the account's {lane.cap} parallel {kind}; {_place(standing.before)}."
        return replace(job, failure=None, blocked_reason=reason)
    if now < lane.wait_until and lane.wait and job.slots:
        reason = f"It waits: Kling asks for fewer requests, or others hold all parallel {kind} of the account."
        return replace(job, failure=None, blocked_reason=reason)
    return replace(job, failure=None, blocked_reason="") if job.failure else job


def _place(before: int) -> str:
    return "it is next" if not before else "1 job is before it" if before == 1 else f"{before} jobs are before it"


def turns_before(job: Job, standing: Standing) -> float:
    """How many durations of a job go by before it is its turn. Pure."""
    cap = standing.lane.cap
    if not job.slots or not cap:
        return 0.0
    return max(0.0, (standing.load.held + standing.slots_before + job.slots - cap) / cap)
