"""Those who wait for jobs: told of every move, and able to read the ledger in between."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio

from kling_mcp.clock import event_or
from kling_mcp.errors import InvalidRequest
from kling_mcp.jobs.model import Job, State
from kling_mcp.jobs.queueing import Queue

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from kling_mcp.clock import Clock
    from kling_mcp.jobs.ledger import Ledger
    from kling_mcp.jobs.paces import Paces

log = logging.getLogger(__name__)

RE_READ_S = 1.0
"""Another process may move a job: waiting calls read the ledger again this often."""
HEARTBEAT_S = 5.0
UNSEEN_S, STALLED_S = 5.0, 15.0
"""A call looks at once at a job that nobody has looked at for so long, and again while it waits after the second."""
UNKNOWN_NAMED = 5
OTHER_KEY = (
    "It was accepted under another Kling credential or address and is submitted only when a server with that one runs. "
    "Nothing was charged."
)
OTHER_KEY_GOES_ON = "It was begun under another Kling credential and goes on when a server with that one runs."


class Watch:
    """Waiting calls and listeners of one process.

    Args:
        ledger: Where the jobs are.
        account: Whose jobs this process moves on.
        clock: Tells the time.
        paces: Knows how long jobs take.
        look: Begins to look at those of some running jobs that nobody has looked at for so many seconds.
    """

    def __init__(
        self, ledger: Ledger, account: str, clock: Clock, paces: Paces, look: Callable[[Sequence[Job], float], object]
    ) -> None:
        self._ledger, self._account, self._clock = ledger, account, clock
        self._paces, self._look = paces, look
        self._queue = Queue(ledger, account)
        self._listeners: list[Callable[[Job], Awaitable[None]]] = []
        self._news = anyio.Event()
        self._draining = False

    def listen(self, listener: Callable[[Job], Awaitable[None]]) -> Callable[[], None]:
        """Be told of every change of state; returns the call that ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def drain(self) -> None:
        """Every waiting call returns what it has, now and from now on."""
        self._draining = True
        self._tell()

    async def announce(self, job: Job) -> None:
        """Tell everybody that this job moved."""
        if job.settled:
            self._paces.outdated(job)
        self._tell()
        for listener in list(self._listeners):
            try:
                await listener(job)
            except Exception:
                log.exception("a listener failed on %s", job.id)

    async def learn(self, *jobs: Job) -> None:
        """How long such jobs take: an estimate, whose failure never looks like a job's."""
        await self._paces.learn(job for job in jobs if not job.finished)

    def eta_s(self, job: Job) -> float | None:
        """Seconds it will probably still take, learnt from earlier jobs; None once finished."""
        if job.finished:
            return None
        pace = self._paces.of(job)
        if turns := self._queue.turns(job):
            return pace.p50 * (1.0 + turns)
        begun = job.begun_at or (job.created_at if job.has_steps else None)
        return pace.eta(0.0 if begun is None else self._clock.now() - begun)

    async def until(
        self,
        enough: Callable[[Sequence[Job]], bool],
        job_ids: Sequence[str],
        budget_s: float,
        on_progress: Callable[[Sequence[Job]], Awaitable[None]] | None = None,
    ) -> list[Job]:
        """Wait until it is enough, for at most ``budget_s`` seconds; ``on_progress`` hears of it every few.

        Raises:
            InvalidRequest: An id is unknown.
        """
        left, since_beat, unseen_s = budget_s, HEARTBEAT_S, UNSEEN_S
        while True:
            news, began = self._news, self._clock.now()
            jobs = await self.read(job_ids)
            if enough(jobs) or self._draining or left <= 0:
                return jobs
            if on_progress and since_beat >= HEARTBEAT_S:
                since_beat = 0.0
                await on_progress(jobs)
            self._look(jobs, unseen_s)
            unseen_s = STALLED_S
            await event_or(news, min(RE_READ_S, left), self._clock)
            if self._draining:  # without another read: a disk that is slow just now must not cost a client its handle
                return jobs
            spent = max(0.0, self._clock.now() - began)  # the clock may have been set back meanwhile
            left, since_beat = left - spent, since_beat + spent

    async def read(self, job_ids: Sequence[str]) -> list[Job]:
        """These jobs as they stand.

        Raises:
            InvalidRequest: An id is unknown.
        """
        found = await self._ledger.many(job_ids)
        unknown = [i for i in job_ids if i not in found]
        if unknown:
            named = ", ".join(repr(i[:60]) for i in unknown[:UNKNOWN_NAMED])
            more = f" nor {len(unknown) - UNKNOWN_NAMED} others" if len(unknown) > UNKNOWN_NAMED else ""
            raise InvalidRequest.one(
                "job_id", f"There is no job {named}{more} in this ledger. list_jobs shows the ids of recent jobs."
            )
        return await self.explained([found[i] for i in job_ids])

    async def explained(self, jobs: Sequence[Job]) -> list[Job]:
        """The jobs, each that waits with the reason that only the whole queue, or this process, can know."""
        await self.learn(*jobs)
        return [self._explained(job) for job in await self._queue.explained(jobs)]

    def _explained(self, job: Job) -> Job:
        """A job with the reason why it waits that only this process can know."""
        if job.account == self._account or job.finished:
            return job
        if job.state is State.QUEUED:
            return replace(job, blocked_reason=OTHER_KEY, failure=None)  # what that key lacked is nothing of ours
        return replace(job, blocked_reason=OTHER_KEY_GOES_ON) if job.has_steps else job

    def _tell(self) -> None:
        news, self._news = self._news, anyio.Event()
        news.set()
