"""Posting jobs: claim what may leave now, send each once, record the answer. Safe to repeat and to interrupt.

Who calls it, and when, is the worker's business. Several processes may run it on one ledger at once: what they claim,
and in which order, is decided inside the ledger (``ledger.lanes``).
"""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel

from kling_mcp.errors import Failure, KlingError, LocalTrouble, OutcomeUnknown, Unavailable
from kling_mcp.jobs import circuits, doubts, moves
from kling_mcp.jobs.ledger.lanes import Lanes
from kling_mcp.jobs.model import Job, State
from kling_mcp.jobs.outcomes import SLEPT
from kling_mcp.providers.base import Request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kling_mcp.jobs.circuits import Circuit
    from kling_mcp.jobs.ledger.lanes import Claim
    from kling_mcp.jobs.records import Records
    from kling_mcp.providers.base import Balance, Progress, Provider

log = logging.getLogger(__name__)

ENDED = Failure(code="interrupted", message="The process that was submitting it has ended.")
RECORD_AGAIN_S = 15.0
"""Pause before an answer that nobody can ask for again is offered to a full disk once more."""
HEAR_OUT_S = 2.0
"""How long a server that is told to stop still waits for an answer that nobody can ask for again. Hosts kill later."""
AT_ONCE = 16
"""POSTs under way in one process: fewer than its connections, so that none waits for one until its claim is stale."""
LEAVING_AT_ONCE = 4
"""So many are claimed before the first of them has left: a claim that is not sent at once must not be sent at all."""


class Posting:
    """Posts the jobs of one account of one provider."""

    def __init__(self, records: Records, provider: Provider, dice: random.Random | None = None) -> None:
        self._records, self._provider = records, provider
        self._ledger, self._clock, self._owner = records.ledger, records.clock, records.owner
        self._lanes = Lanes(records.ledger)
        self._dice = dice or random.Random()  # noqa: S311 - jitter, not secrets
        self._turn = anyio.Lock()
        """Between a claim's commit and our knowing of it, nobody here may take it for a dead process's."""
        self._under_way = 0
        self._requests = dict[str, Request]()
        self._leaving, self._left = dict[str, float](), anyio.Event()
        """Jobs whose claim is made and whose POST has not left, and since when by the clock that is never set."""

    async def take_over(self) -> None:
        """Free what a dead or silent process was posting: its answer counts as lost, so it is looked up."""
        account, settle_s = self._provider.account, self._provider.settle_s
        async with self._turn:
            now = self._clock.now()
            for job in await self._ledger.in_state(account, State.SUBMITTING, now):
                if not self._records.held(job):
                    await self._records.save(job, moves.doubted(job, ENDED, now, settle_s))

    async def claim(self) -> list[Job]:
        """Claim the jobs that may be posted now, by whatever process accepted them. Each must be sent: ``send``."""
        return await self._claimed()

    async def probe(self) -> list[Job]:
        """Look whether what held jobs back is over: the one job to try it with for each circuit, claimed, to be sent.

        Free: asks for the balance first, in one process at a time and ever more rarely.
        """
        account = self._provider.account
        if not await self._lanes.anything_shut(account):
            return []
        await self._told(await self._lanes.overdue(account, self._given_up))
        claimed = list[Job]()
        if due := await self._lanes.due(account):
            balance = await self._balance()
            with anyio.CancelScope(shield=True):  # what is claimed is handed on, whatever becomes of the next one
                for circuit in due:
                    claimed += await self._survived(circuit, balance)
        return claimed

    async def left(self) -> None:
        """Return once everything claimed here is on its way, or will not be."""
        while self._leaving:
            await self._left.wait()

    async def send(self, job: Job) -> None:
        """Post a claimed job once, and record the answer, whatever happens to this task."""
        try:
            await self._post(job, await self._begun(job))
        finally:
            self._leaves(job)
            self._under_way -= 1
            self._records.end(job)

    async def _told(self, moved: Sequence[Claim]) -> None:
        for claim in moved:
            await self._records.told(claim.before, claim.after)

    async def _balance(self) -> Balance | None:
        try:
            return await self._provider.balance()
        except KlingError as trouble:
            log.info("the balance cannot be read: %s", trouble)
            return None

    async def _survived(self, circuit: Circuit, balance: Balance | None) -> list[Job]:
        try:
            return await self._tried(circuit, balance)
        except LocalTrouble as trouble:
            log.error("no probe of %r: %s", circuit.scope, trouble)  # noqa: TRY400 - a foreseen failure
            return []

    async def _tried(self, circuit: Circuit, balance: Balance | None) -> list[Job]:
        account = self._provider.account
        if not circuits.lets_one_through(circuit, balance):
            await self._lanes.put_off(account, circuit)
            return []
        return await self._claimed(circuit)

    async def _claimed(self, probing: Circuit | None = None) -> list[Job]:
        """Claim, not to be interrupted: of claims left behind nobody would know that nothing was sent for them."""
        account, lease_s = self._provider.account, moves.LEASE_S
        ours = list[Job]()
        with anyio.CancelScope(shield=True):
            async with self._turn:
                asked_at = anyio.current_time()
                if probing:
                    moved = await self._lanes.claim_probe(account, probing.scope, self._judged, lease_s)
                else:
                    room = min(AT_ONCE - self._under_way, LEAVING_AT_ONCE - len(self._leaving))
                    moved = await self._lanes.claim(account, room, self._judged, lease_s)
                self._requests |= {claim.after.id: claim.request for claim in moved if claim.request}
                ours += [claim.after for claim in moved if claim.request]
                for job in ours:  # before anybody here may wonder whose they are
                    self._records.begin(job)
                    self._leaving[job.id] = asked_at
                self._under_way += len(ours)
            await self._told(moved)
        return ours

    def _leaves(self, job: Job) -> None:
        self._leaving.pop(job.id, None)
        if not self._leaving:
            self._left.set()
            self._left = anyio.Event()

    def _judged(self, job: Job, whole: Job | None, now: float) -> Job | None:
        """What becomes of a queued job whose turn has come. Called inside a transaction, in the ledger's thread."""
        if self._records.is_ours(job):  # its last answer was recorded this instant
            return None
        if whole is not None and whole.finished:  # it ended without this step, so that nobody wants it any more
            return moves.cancelled(job, now)
        if job.nameless and job.doubts:
            # A server of the version before took "not found" for proof that it never arrived.
            return doubts.unconfirmed(job, ENDED, now)
        if now - job.updated_at > moves.STALE_QUEUE_S:
            return moves.stale(job, now, self._provider.settle_s)
        return moves.claimed(job, self._owner.name, now)

    def _given_up(self, job: Job, cause: Failure, now: float) -> Job:
        """The end of a job that was held for too long; a row as of a restored backup is looked up first."""
        judged = self._judged(job, None, now)
        return judged if judged and judged.state is not State.SUBMITTING else moves.failed(job, cause, now)

    async def _begun(self, job: Job) -> Request:
        """What is to be posted. A process that stops here has not sent it."""
        request = self._requests.pop(job.id)
        try:
            await anyio.lowlevel.checkpoint()
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                await self._records.save(job, moves.unsent(job, self._clock.now()))
            raise
        return request

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
                lesson = self._lanes.lesson(job, outcome, self._dice)
                if await self._records.record(job, after, also=lesson) is None and job.nameless:
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
        if self._is_late(job):
            slept = "This machine slept between claiming the job and sending it."
            # Nobody but the holder of the claim sends: without a name it is simply sent later, by whoever claims it.
            return Unavailable(slept) if job.nameless else OutcomeUnknown(slept, code=SLEPT)
        self._leaves(job)
        try:
            return await self._provider.submit(request, job.id)
        except KlingError as error:
            return error
        except Exception:
            log.exception("a bug while submitting %s; its outcome counts as unknown", job.id)
            return OutcomeUnknown("An internal error hid Kling's answer.")

    def _is_late(self, job: Job) -> bool:
        """Whether a claim is too old to be sent on, by either clock: one may be set back, the other stops in sleep."""
        waited = anyio.current_time() - self._leaving.get(job.id, float("-inf"))
        return max(waited, abs(self._clock.now() - job.updated_at)) > moves.SEND_GUARD_S
