"""The steps that move jobs on: take over, claim, post, sweep, deliver. Each is safe to repeat and to interrupt.

Who calls them, and when, is the runner's business. Several processes may run them on one ledger at once: a claim is
a fenced write, so of two that try, one wins.
"""

from __future__ import annotations

import logging
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from kling_mcp.errors import Failure, KlingError, LocalTrouble, OutcomeUnknown
from kling_mcp.jobs import moves
from kling_mcp.jobs.model import Job, Media, State
from kling_mcp.providers.base import TaskRef

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from kling_mcp.clock import Clock
    from kling_mcp.jobs.ledger import Ledger
    from kling_mcp.jobs.locks import Owner
    from kling_mcp.media.downloads import Downloads
    from kling_mcp.providers.base import Progress, Provider

log = logging.getLogger(__name__)

SWEEP_LEASE_S = 30.0
DOUBTS_AT_ONCE = 20
"""Each doubt must be answered with certainty, and 20 are what one look-up can settle; the rest take the next."""
AFTER_POST_RETRIES_S = (0.1, 1.0, 5.0)


class Steps:
    """The steps, bound to one account of one provider."""

    def __init__(  # noqa: PLR0913 - each is a collaborator that tests replace
        self,
        *,
        ledger: Ledger,
        provider: Provider,
        downloads: Callable[[Path], Downloads],
        clock: Clock,
        owner: Owner,
        changed: Callable[[Job], Awaitable[None]],
        dice: random.Random | None = None,
    ) -> None:
        self._ledger, self._provider, self._downloads = ledger, provider, downloads
        self._clock, self._owner, self._changed = clock, owner, changed
        self._dice = dice or random.Random()  # noqa: S311 - jitter, not secrets

    async def restore(self) -> None:
        """At start: try again what was given up for now, and find our tasks again after a key was renewed."""
        now = self._clock.now()
        for job in await self._ledger.undelivered(self._provider.account):
            await self._save(job, moves.to_fetch(job, now))
        strangers = await self._ledger.strangers(self._provider.account, self._provider.name)
        if not strangers:
            return
        try:
            found = await self._provider.look_up([_ref(job) for job in strangers])
        except KlingError:
            return
        for job in strangers:
            if job.id in found and found[job.id].fresh:
                await self._save(job, moves.rehomed(job, self._provider.account, now))

    async def take_over(self) -> None:
        """Free what a dead or silent process was posting: its answer counts as lost, so it is looked up."""
        now = self._clock.now()
        for job in await self._ledger.in_state(self._provider.account, State.SUBMITTING, now):
            if not self._held(job, now):
                silent = Failure(code="interrupted", message="The process that was submitting it has ended.")
                await self._save(job, moves.doubted(job, silent, now, self._provider.settle_s))

    async def claim(self, job: Job) -> Job | None:
        """Claim a queued job for posting; None if somebody else has it or it must be looked up first."""
        now = self._clock.now()
        if now - job.updated_at > moves.STALE_QUEUE_S:
            old = Failure(code="stale", message="It has been queued for more than a day.")
            await self._save(job, moves.doubted(job, old, now, self._provider.settle_s))
            return None
        return await self._save(job, moves.claimed(job, self._owner.name, now))

    async def queued(self) -> list[Job]:
        """Queued jobs whose time has come."""
        return await self._ledger.in_state(self._provider.account, State.QUEUED, self._clock.now())

    async def post(self, job: Job) -> None:
        """Post a claimed job once and record the answer, whatever happens to this task meanwhile."""
        try:
            outcome = await self._submitted(job)
        except anyio.get_cancelled_exc_class():
            stopped = Failure(code="interrupted", message="The server was stopped while it was submitting.")
            with anyio.CancelScope(shield=True):
                now = self._clock.now()
                await self._save(job, moves.doubted(job, stopped, now, self._provider.settle_s))
            raise
        with anyio.CancelScope(shield=True):
            now = self._clock.now()
            await self._record(job, moves.after_post(job, outcome, now, self._provider.settle_s, self._dice))

    async def in_flight(self) -> list[Job]:
        """Jobs Kling has, or may have, whose next look is due."""
        now, account = self._clock.now(), self._provider.account
        return [
            *await self._ledger.in_state(account, State.RUNNING, now),
            *await self._ledger.in_state(account, State.UNKNOWN, now, limit=DOUBTS_AT_ONCE),
        ]

    async def sweep(self, jobs: Sequence[Job]) -> None:
        """Ask Kling about all these jobs in as few requests as it takes, if no other process does."""
        now = self._clock.now()
        name = f"sweep:{self._provider.account}"
        if jobs and await self._ledger.lease(name, self._owner.name, now, SWEEP_LEASE_S, self._owner.is_alive):
            await self.look(jobs)

    async def look(self, jobs: Sequence[Job]) -> None:
        """Ask Kling about these jobs now and record what it says."""
        try:
            found = await self._provider.look_up([_ref(job) for job in jobs])
        except KlingError as trouble:
            now = self._clock.now()
            for job in jobs:
                await self._save(job, moves.unanswered(job, trouble, now, self._dice))
            return
        now = self._clock.now()
        for job in jobs:
            progress = found.get(job.id)
            seen = moves.observed(job, progress, now) if progress else moves.absent(job, now, self._dice)
            if seen is not job:
                await self._save(job, seen)

    async def anything_open(self) -> bool:
        """Whether any job of ours is not settled."""
        return bool(await self._ledger.open_jobs(self._provider.account))

    async def deliverable(self) -> list[Job]:
        """Claim the finished jobs whose files nobody is fetching."""
        now = self._clock.now()
        waiting = [j for j in await self._ledger.to_deliver(self._provider.account, now) if not self._held(j, now)]
        claimed = [await self._save(job, moves.fetching(job, self._owner.name, now)) for job in waiting]
        return [job for job in claimed if job]

    async def deliver(self, job: Job) -> None:
        """Fetch the files of a claimed job. What cannot be fetched stays at Kling and is said."""
        media, trouble = list[Media](), None
        for result in job.media:
            try:
                media.append(result if result.path else await self._fetched(job, result))
            except KlingError as error:
                trouble = error
                media.append(moves.troubled(result, error))
        now = self._clock.now()
        if trouble is None:
            await self._record(job, moves.delivered(job, tuple(media), now))
        else:
            await self._record(job, moves.undelivered(job, tuple(media), trouble, now, self._dice))

    async def refetch(self, job: Job) -> Job | None:
        """Have the files fetched again, from addresses asked for anew: the old ones may have run out."""
        found = await self._provider.look_up([_ref(job)])
        progress = found.get(job.id)
        return await self._save(job, moves.to_fetch(job, self._clock.now(), progress.outputs if progress else ()))

    async def _submitted(self, job: Job) -> Progress | KlingError:
        if self._clock.now() - job.updated_at > moves.SEND_GUARD_S:
            return OutcomeUnknown("This machine slept between claiming the job and sending it.")
        assert job.request is not None  # noqa: S101 - only dropped once Kling has answered
        try:
            return await self._provider.submit(job.request, job.id)
        except KlingError as error:
            return error
        except Exception:
            log.exception("a bug while submitting %s; its outcome counts as unknown", job.id)
            return OutcomeUnknown("An internal error hid Kling's answer.")

    async def _fetched(self, job: Job, result: Media) -> Media:
        day = datetime.fromtimestamp(job.created_at, UTC).date().isoformat()
        stored = await self._downloads(Path(job.folder)).fetch(
            result.url, stem=f"{day}_{job.tool}_{result.media_id}", kind=result.kind
        )
        return moves.on_disk(result, stored)

    async def _record(self, before: Job, after: Job) -> None:
        """Save what cannot be asked for again, trying a few times: the disk may be full just now.

        If it stays impossible, the row is found ``submitting`` or ``fetching`` later, and settled by a look-up.
        """
        for pause in (*AFTER_POST_RETRIES_S, None):
            try:
                await self._save(before, after)
            except LocalTrouble as trouble:
                log.error("%s: %s", before.id, trouble)  # noqa: TRY400 - a foreseen failure needs no traceback
                if pause is None:
                    return
                await self._clock.sleep(pause)
            else:
                return

    async def _save(self, before: Job, after: Job) -> Job | None:
        saved = await self._ledger.save(after)
        if saved is not None and (before.state, before.delivery) != (after.state, after.delivery):
            log.info("%s %s→%s %s", saved.id, before.state, saved.state, saved.delivery)
            await self._changed(saved)
        return saved

    def _held(self, job: Job, now: float) -> bool:
        """Whether a living process is at it."""
        return job.owner is not None and now < (job.lease_until or 0) and self._owner.is_alive(job.owner)


def _ref(job: Job) -> TaskRef:
    return TaskRef(wire="v2" if job.wire == "v2" else "v1", path=job.path, ext_id=job.id, task_id=job.task_id)
