"""Those who wait for jobs: told of every move, and able to read the ledger in between."""

from __future__ import annotations

import logging
import statistics
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio

from kling_mcp.clock import event_or
from kling_mcp.errors import InvalidRequest, LocalTrouble
from kling_mcp.jobs.model import Job, State
from kling_mcp.jobs.queueing import Queue

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from kling_mcp.clock import Clock
    from kling_mcp.jobs.ledger import Ledger

log = logging.getLogger(__name__)

RE_READ_S = 1.0
"""Another process may move a job: waiting calls read the ledger again this often."""
HEARTBEAT_S = 5.0
TYPICAL_S = 120.0
"""How long a generation takes when none of its kind was seen yet."""
UNKNOWN_NAMED = 5
OTHER_KEY = (
    "It was accepted under another Kling credential and is submitted when a server with that one runs; nothing was "
    "charged. cancel_job withdraws it."
)
OTHER_KEY_GOES_ON = "It was begun under another Kling credential and goes on when a server with that one runs."


class Watch:
    """Waiting calls and listeners of one process.

    Args:
        ledger: Where the jobs are.
        account: Whose jobs this process moves on.
        clock: Tells the time.
    """

    def __init__(self, ledger: Ledger, account: str, clock: Clock) -> None:
        self._ledger, self._account, self._clock = ledger, account, clock
        self._queue = Queue(ledger, account)
        self._listeners: list[Callable[[Job], Awaitable[None]]] = []
        self._typical: dict[tuple[str, str | None], float] = {}
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
            self._typical.pop((job.tool, job.model_name), None)
            await self.learn(job)
        self._tell()
        for listener in list(self._listeners):
            try:
                await listener(job)
            except Exception:
                log.exception("a listener failed on %s", job.id)

    async def learn(self, job: Job) -> None:
        """How long such jobs take: an estimate, whose failure must never look like the job's."""
        key = (job.tool, job.model_name)
        with suppress(LocalTrouble):
            if key not in self._typical and (seen := await self._ledger.durations(*key)):
                self._typical[key] = statistics.median(seen)

    def eta_s(self, job: Job) -> float | None:
        """Seconds it will probably still take, learnt from earlier jobs; None once finished."""
        if job.finished:
            return None
        typical = self._typical.get((job.tool, job.model_name), TYPICAL_S)
        if turns := self._queue.turns(job):
            return typical * (1.0 + turns)
        return max(1.0, typical - (self._clock.now() - job.created_at))

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
        left, since_beat = budget_s, HEARTBEAT_S
        while True:
            news, began = self._news, self._clock.now()
            jobs = await self.read(job_ids)
            if enough(jobs) or self._draining or left <= 0:
                return jobs
            if on_progress and since_beat >= HEARTBEAT_S:
                since_beat = 0.0
                await on_progress(jobs)
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
        return [self._explained(job) for job in await self._queue.explained(jobs)]

    def _explained(self, job: Job) -> Job:
        """A job with the reason why it waits that only this process can know."""
        if job.account == self._account or job.finished:
            return job
        if job.state is State.QUEUED:
            return replace(job, blocked_reason=OTHER_KEY)
        return replace(job, blocked_reason=OTHER_KEY_GOES_ON) if job.has_steps else job

    def _tell(self) -> None:
        news, self._news = self._news, anyio.Event()
        news.set()
