"""The background of one process: beats over the ledger, posts, sweeps and fetches. Nothing here is waited for."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio

from kling_mcp.clock import event_or
from kling_mcp.errors import LocalTrouble
from kling_mcp.jobs import moves

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from anyio.abc import TaskGroup

    from kling_mcp.clock import Clock
    from kling_mcp.jobs.model import Job
    from kling_mcp.jobs.steps import Steps

log = logging.getLogger(__name__)

BEAT_S = 2.0
"""Pause between beats while anything is open; a new job, a finished post or download wakes it at once."""
IDLE_BEAT_S = 30.0
"""Pause while nothing is: another process may have died and left something."""
FETCHES_AT_ONCE = 4
JITTER_S = 0.1


class Worker:
    """Calls the steps at the right time. Any number may run on one ledger; each process has one."""

    def __init__(self, steps: Steps, clock: Clock) -> None:
        self._steps, self._clock = steps, clock
        self._posting: set[str] = set()
        self._wake = anyio.Event()
        self._fetch_slots = anyio.Semaphore(FETCHES_AT_ONCE)
        self._swept_at = 0.0
        self._tasks: TaskGroup | None = None

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Work until left. What is under way then is settled by whoever comes next: the ledger knows all."""
        async with anyio.create_task_group() as self._tasks:
            self._tasks.start_soon(self._beat_for_ever)
            try:
                yield
            finally:
                self._tasks.cancel_scope.cancel()

    def post(self, job: Job) -> None:
        """Claim and post a queued job now."""
        self._start(self._post, job)

    def wake(self) -> None:
        """Something changed: beat now."""
        self._wake.set()

    async def _beat_for_ever(self) -> None:
        await self._survive(self._steps.restore)
        while True:
            self._wake = anyio.Event()
            busy = await self._survive(self._beat)
            await event_or(self._wake, BEAT_S if busy else IDLE_BEAT_S, self._clock)

    async def _beat(self) -> bool:
        """One round over the ledger; whether anything is open."""
        await self._steps.take_over()
        for job in await self._steps.queued():
            if job.id not in self._posting:
                self.post(job)
        await self._sweep()
        for job in await self._steps.deliverable():
            self._start(self._deliver, job)
        return await self._steps.anything_open()

    async def _sweep(self) -> None:
        jobs, now = await self._steps.in_flight(), self._clock.now()
        if not jobs:
            await self._rest()
            return
        pause = moves.look_after(now - max(job.created_at for job in jobs))
        if now >= self._swept_at + pause - JITTER_S:
            self._swept_at = now
            await self._steps.sweep(jobs, hold_s=pause + BEAT_S)

    async def _rest(self) -> None:
        """Leave the sweeping to others: we may not look here again for a while."""
        if self._swept_at:
            self._swept_at = 0.0
            await self._steps.rest()

    async def _post(self, job: Job) -> None:
        self._posting.add(job.id)
        try:
            if claimed := await self._steps.claim(job):
                await self._steps.post(claimed)
        finally:
            self._posting.discard(job.id)
        self.wake()

    async def _deliver(self, job: Job) -> None:
        async with self._fetch_slots:
            await self._steps.deliver(job)

    def _start(self, work: Callable[[Job], Awaitable[None]], job: Job) -> None:
        assert self._tasks is not None, "Worker.running() is not entered"  # noqa: S101 - a bug of ours
        self._tasks.start_soon(self._survive, work, job)

    async def _survive(self, work: Callable[..., Awaitable[Any]], *args: Job) -> Any:  # noqa: ANN401 - work's own
        """Background work must outlive any single failure: the ledger still holds whatever it was about."""
        try:
            return await work(*args)
        except LocalTrouble as trouble:
            log.error("%s", trouble)  # noqa: TRY400 - a foreseen failure needs no traceback
        except Exception:
            log.exception("background work failed; the ledger keeps the job and it is taken up again")
        return None
