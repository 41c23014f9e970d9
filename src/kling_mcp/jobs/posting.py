"""Posting jobs: claim, send once, record the answer. Each step is safe to repeat and to interrupt.

Who calls them, and when, is the worker's business. Several processes may run them on one ledger at once: a claim is
a fenced write, so of two that try, one wins.
"""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING

import anyio

from kling_mcp.errors import Failure, KlingError, LocalTrouble, OutcomeUnknown, Unavailable
from kling_mcp.jobs import doubts, moves
from kling_mcp.jobs.model import Job, State

if TYPE_CHECKING:
    from kling_mcp.jobs.records import Records
    from kling_mcp.providers.base import Progress, Provider, Request

log = logging.getLogger(__name__)

ENDED = Failure(code="interrupted", message="The process that was submitting it has ended.")
RECORD_AGAIN_S = 15.0
"""Pause before an answer that nobody can ask for again is offered to a full disk once more."""
HEAR_OUT_S = 2.0
"""How long a server that is told to stop still waits for an answer that nobody can ask for again. Hosts kill later."""


class Posting:
    """Posts the jobs of one account of one provider."""

    def __init__(self, records: Records, provider: Provider, dice: random.Random | None = None) -> None:
        self._records, self._provider = records, provider
        self._ledger, self._clock, self._owner = records.ledger, records.clock, records.owner
        self._dice = dice or random.Random()  # noqa: S311 - jitter, not secrets

    async def take_over(self) -> None:
        """Free what a dead or silent process was posting: its answer counts as lost, so it is looked up."""
        now = self._clock.now()
        account, settle_s = self._provider.account, self._provider.settle_s
        for job in await self._ledger.in_state(account, State.SUBMITTING, now):
            if not self._records.held(job):
                await self._records.save(job, moves.doubted(job, ENDED, now, settle_s))

    async def queued(self) -> list[Job]:
        """Queued jobs whose time has come and that are not about to be posted here."""
        waiting = await self._ledger.in_state(self._provider.account, State.QUEUED, self._clock.now())
        return [job for job in waiting if not self._records.is_ours(job)]

    async def post(self, job: Job) -> None:
        """Post a queued job once, if nobody else does, and record the answer, whatever happens to this task."""
        with self._records.at(job) as free:
            if not free or await self._withdrawn(job):
                return
            if (request := await self._ledger.request(job.id)) and (claimed := await self._claimed(job)):
                await self._post(claimed, request)

    async def _withdrawn(self, job: Job) -> bool:
        """Whether the job it is a step of has ended without it, so that nobody wants it any more: then it ends too."""
        whole = (await self._ledger.many([job.parent])).get(job.parent) if job.parent else None
        if whole is None or not whole.finished:
            return False
        await self._records.save(job, moves.cancelled(job, self._clock.now()))
        return True

    async def _claimed(self, job: Job) -> Job | None:
        """The job, claimed; None if somebody else has it or it must be looked up first."""
        now = self._clock.now()
        if job.nameless and job.doubts:
            # A server of the version before took "not found" for proof that it never arrived.
            await self._records.save(job, doubts.unconfirmed(job, ENDED, now))
            return None
        if now - job.updated_at > moves.STALE_QUEUE_S:
            await self._records.save(job, moves.stale(job, now, self._provider.settle_s))
            return None
        return await self._records.save(job, moves.claimed(job, self._owner.name, now), lease_s=moves.LEASE_S)

    async def _post(self, job: Job, request: Request) -> None:
        try:
            outcome = await (self._heard_out(job, request) if job.nameless else self._submitted(job, request))
        except anyio.get_cancelled_exc_class():
            stopped = Failure(code="interrupted", message="The server was stopped while it was submitting.")
            with anyio.CancelScope(shield=True):
                now = self._clock.now()
                await self._records.save(job, moves.doubted(job, stopped, now, self._provider.settle_s))
            raise
        while not await self._heard(job, outcome):
            await self._clock.sleep(RECORD_AGAIN_S)

    async def _heard(self, job: Job, outcome: Progress | KlingError) -> bool:
        """Record the answer to a POST; whether nothing more can be done about it.

        An answer to a nameless request exists nowhere but here: it is kept in hand until it is on disk. All others can
        be asked for again.
        """
        now = self._clock.now()
        after = moves.after_post(job, outcome, now, self._provider.settle_s, self._dice)
        try:
            with anyio.CancelScope(shield=True):
                if await self._records.record(job, after) is None and job.nameless:
                    await self._heard_late(job.id, outcome)
        except LocalTrouble as trouble:
            log.error("%s: %s", job.id, trouble)  # noqa: TRY400 - a foreseen failure needs no traceback
            return not job.nameless
        return True

    async def _heard_late(self, job_id: str, outcome: Progress | KlingError) -> None:
        """Put the answer in place of what another process concluded from our silence."""
        while row := (await self._ledger.many([job_id])).get(job_id):
            after = moves.heard_late(row, outcome, self._clock.now())
            if after == row or await self._records.save(row, after):
                return

    async def _heard_out(self, job: Job, request: Request) -> Progress | KlingError:
        """Post what has no name, whose answer nobody can ask for again: a server that stops waits for it a moment."""
        answer: list[Progress | KlingError] = []
        patience = anyio.CancelScope(shield=True)

        async def hear() -> None:
            with patience:
                answer.append(await self._submitted(job, request))
            group.cancel_scope.cancel()

        try:
            async with anyio.create_task_group() as group:
                group.start_soon(hear)
                try:
                    await anyio.sleep_forever()
                finally:
                    patience.deadline = anyio.current_time() + HEAR_OUT_S
        except anyio.get_cancelled_exc_class():
            if not answer:
                raise
        return answer[0]

    async def _submitted(self, job: Job, request: Request) -> Progress | KlingError:
        if self._clock.now() - job.updated_at > moves.SEND_GUARD_S:
            slept = "This machine slept between claiming the job and sending it."
            # Nobody but the holder of the claim sends: without a name it is simply sent later, by whoever claims it.
            return Unavailable(slept) if job.nameless else OutcomeUnknown(slept)
        try:
            return await self._provider.submit(request, job.id)
        except KlingError as error:
            return error
        except Exception:
            log.exception("a bug while submitting %s; its outcome counts as unknown", job.id)
            return OutcomeUnknown("An internal error hid Kling's answer.")
