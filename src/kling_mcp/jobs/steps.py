"""The steps that move jobs on: take over, claim, post, sweep, deliver. Each is safe to repeat and to interrupt.

Who calls them, and when, is the runner's business. Several processes may run them on one ledger at once: a claim is
a fenced write, so of two that try, one wins.
"""

from __future__ import annotations

import logging
import random
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from kling_mcp.errors import Failure, KlingError, LocalTrouble, OutcomeUnknown, Unavailable
from kling_mcp.jobs import moves
from kling_mcp.jobs.model import Delivery, Job, Media, State
from kling_mcp.providers.base import TaskRef

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Sequence

    from kling_mcp.clock import Clock
    from kling_mcp.jobs.ledger import Ledger
    from kling_mcp.jobs.locks import Owner
    from kling_mcp.media.downloads import Downloads
    from kling_mcp.providers.base import Progress, Provider, Request

log = logging.getLogger(__name__)

FETCHES_AT_ONCE = 4
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
        self._posting, self._fetching = set[str](), set[str]()

    async def restore(self) -> None:
        """At start: try again what was given up for now, and find our tasks again after a key was renewed."""
        now, account, name = self._clock.now(), self._provider.account, self._provider.name
        for job in await self._ledger.undelivered(account, name):
            if not self._held(job, now):
                await self._save(job, moves.rehomed(moves.to_fetch(job, await missing(job), now), account, now))
        strangers = [job for job in await self._ledger.strangers(account, name) if not self._held(job, now)]
        if not strangers:
            return
        try:
            found = await self._provider.look_up([_ref(job) for job in strangers])
        except KlingError:
            return
        for job in strangers:
            if job.id in found and found[job.id].fresh:
                await self._save(job, moves.rehomed(job, account, now))

    async def take_over(self) -> None:
        """Free what a dead or silent process was posting: its answer counts as lost, so it is looked up."""
        now = self._clock.now()
        for job in await self._ledger.in_state(self._provider.account, State.SUBMITTING, now):
            if not self._held(job, now):
                silent = Failure(code="interrupted", message="The process that was submitting it has ended.")
                await self._save(job, moves.doubted(job, silent, now, self._provider.settle_s))

    async def queued(self) -> list[Job]:
        """Queued jobs whose time has come and that are not about to be posted here."""
        waiting = await self._ledger.in_state(self._provider.account, State.QUEUED, self._clock.now())
        return [job for job in waiting if job.id not in self._posting]

    async def post(self, job: Job) -> None:
        """Post a queued job once, if nobody else does, and record the answer, whatever happens to this task."""
        with _at(job, self._posting) as free:
            if free and (request := await self._ledger.request(job.id)) and (claimed := await self._claimed(job)):
                await self._post(claimed, request)

    async def _claimed(self, job: Job) -> Job | None:
        """The job, claimed; None if somebody else has it or it must be looked up first."""
        now = self._clock.now()
        if now - job.updated_at > moves.STALE_QUEUE_S:
            old = Failure(code="stale", message="It has been queued for more than a day.")
            await self._save(job, moves.doubted(job, old, now, self._provider.settle_s))
            return None
        return await self._save(job, moves.claimed(job, self._owner.name, now))

    async def _post(self, job: Job, request: Request) -> None:
        try:
            outcome = await self._submitted(job, request)
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

    async def sweep(self, jobs: Sequence[Job], *, hold_s: float) -> None:
        """Ask Kling about all these jobs in as few requests as it takes, unless another process does.

        Args:
            jobs: What is in flight.
            hold_s: For how long others may rely on us to sweep again.
        """
        if await self._hold_sweep(hold_s):
            await self.look(jobs)

    async def rest(self) -> None:
        """Let another process sweep from now on, if it was us."""
        await self._hold_sweep(0.0)

    async def look(self, jobs: Sequence[Job]) -> None:
        """Ask Kling about these jobs now and record what it says."""
        try:
            found = await self._provider.look_up([_ref(job) for job in jobs])
        except KlingError as trouble:
            now = self._clock.now()
            pause = moves.patience(jobs, now, self._dice)
            for job in jobs:
                await self._save(job, moves.unanswered(job, trouble, now, pause))
            return
        now = self._clock.now()
        for job in jobs:
            progress = found.get(job.id)
            seen = moves.observed(job, progress, now) if progress else moves.absent(job, now, self._dice)
            if seen != job:
                await self._save(job, seen)

    async def anything_open(self) -> bool:
        """Whether any job of ours is not settled."""
        return bool(await self._ledger.open_jobs(self._provider.account))

    async def deliverable(self) -> list[Job]:
        """Finished jobs whose files nobody is fetching: no more than can be begun now, so that others may help."""
        now = self._clock.now()
        ready = await self._ledger.in_delivery(self._provider.account, Delivery.FETCHING, now)
        waiting = [job for job in ready if not self._held(job, now)]
        return waiting[: max(0, FETCHES_AT_ONCE - len(self._fetching))]

    async def deliver(self, job: Job) -> None:
        """Fetch the files of a job, if nobody else does. What cannot be fetched stays at Kling and is said."""
        with _at(job, self._fetching) as free:
            now = self._clock.now()
            if free and (claimed := await self._save(job, moves.fetching(job, self._owner.name, now))):
                await self._deliver(claimed)

    async def _deliver(self, job: Job) -> None:
        try:
            media, trouble = await self._fetched(job)
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                await self._save(job, moves.released(job, self._clock.now()))
            raise
        now = self._clock.now()
        if trouble is None:
            await self._record(job, moves.delivered(job, media, now))
        else:
            await self._record(job, moves.undelivered(job, media, trouble, now, self._dice))

    async def _fetched(self, job: Job) -> tuple[tuple[Media, ...], KlingError | None]:
        """The results as they are after fetching, and what was in the way."""
        media, trouble = list[Media](), None
        for result in job.media:
            try:
                media.append(result if result.path else await self._fetched_one(job, result))
            except KlingError as error:
                trouble = error
                media.append(moves.troubled(result, error))
        return tuple(media), trouble

    async def try_again(self) -> None:
        """Have the files fetched that could not be some time ago: disks are cleared, networks come back."""
        now = self._clock.now()
        for job in await self._ledger.in_delivery(self._provider.account, Delivery.FAILED, now, FETCHES_AT_ONCE):
            try:
                await self.refetch(job)
            except KlingError as trouble:
                await self._save(job, moves.undelivered(job, job.media, trouble, now, self._dice))

    async def refetch(self, job: Job) -> Job | None:
        """Have missing files fetched again, from addresses asked for anew: the old ones may have run out."""
        found = await self._provider.look_up([_ref(job)])
        outputs = found[job.id].outputs if job.id in found else ()
        now = self._clock.now()
        again = moves.to_fetch(job, await missing(job), now, outputs)
        return await self._save(job, moves.rehomed(again, self._provider.account, now))

    async def _submitted(self, job: Job, request: Request) -> Progress | KlingError:
        if self._clock.now() - job.updated_at > moves.SEND_GUARD_S:
            return OutcomeUnknown("This machine slept between claiming the job and sending it.")
        try:
            return await self._provider.submit(request, job.id)
        except KlingError as error:
            return error
        except Exception:
            log.exception("a bug while submitting %s; its outcome counts as unknown", job.id)
            return OutcomeUnknown("An internal error hid Kling's answer.")

    async def _fetched_one(self, job: Job, result: Media) -> Media:
        stem = f"{datetime.fromtimestamp(job.created_at, UTC).date().isoformat()}_{job.tool}_{result.media_id}"
        try:
            stored = await self._downloads(Path(job.folder)).fetch(result.url, stem=stem, kind=result.kind)
        except KlingError:
            raise
        except Exception as bug:
            log.exception("a bug while fetching %s", result.media_id)
            raise Unavailable("An internal error kept the file from being fetched; the log has it.") from bug
        return moves.on_disk(result, stored)

    async def _record(self, before: Job, after: Job) -> None:
        """Save what cannot be asked for again, trying a few times: the disk may be full just now.

        If it stays impossible, the row is found ``submitting`` or ``fetching`` with nobody at it, and taken up again.
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

    async def _hold_sweep(self, seconds: float) -> bool:
        name = f"sweep:{self._provider.account}"
        return await self._ledger.lease(name, self._owner.name, self._clock.now(), seconds, self._owner.is_alive)

    def _held(self, job: Job, now: float) -> bool:
        """Whether a living process is at it. Of ourselves we know; of others their lock and their lease tell."""
        if job.owner == self._owner.name:
            return job.id in self._posting or job.id in self._fetching
        return job.owner is not None and now < (job.lease_until or 0) and self._owner.is_alive(job.owner)


@contextmanager
def _at(job: Job, busy: set[str]) -> Generator[bool]:
    """Be at this job for the length of the block. False if this process is at it already."""
    if job.id in busy:
        yield False
        return
    busy.add(job.id)
    try:
        yield True
    finally:
        busy.discard(job.id)


async def missing(job: Job) -> set[str]:
    """Ids of the results that are not on disk."""
    return await anyio.to_thread.run_sync(
        lambda: {m.media_id for m in job.media if not (m.path and Path(m.path).exists())}
    )


def _ref(job: Job) -> TaskRef:
    return TaskRef(wire="v2" if job.wire == "v2" else "v1", path=job.path, ext_id=job.id, task_id=job.task_id)
