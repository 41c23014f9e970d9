"""The background of one process: beats over the ledger, posts, sweeps and fetches. Nothing here is waited for."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import anyio

from kling_mcp.clock import event_or
from kling_mcp.jobs.background import survived

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    from anyio.abc import TaskGroup

    from kling_mcp.clock import Clock
    from kling_mcp.jobs.fetcher import Fetcher
    from kling_mcp.jobs.model import Job
    from kling_mcp.jobs.plans import Plans
    from kling_mcp.jobs.posting import Posting
    from kling_mcp.jobs.sweeping import Sweeping

log = logging.getLogger(__name__)

BEAT_S = 2.0
"""Pause between beats while anything is open; a new job, a finished post or download wakes it at once."""
IDLE_BEAT_S = 30.0
"""Pause while nothing is: another process may have died and left something."""
HOLD_AT_MOST_S = 30.0
"""How long others wait for a process that holds the sweep and has stopped without dying."""
JITTER_S = 0.1


class Worker:
    """Calls the steps at the right time. Any number may run on one ledger; each process has one."""

    def __init__(self, posting: Posting, sweeping: Sweeping, fetcher: Fetcher, plans: Plans, clock: Clock) -> None:
        self._posting, self._sweeping = posting, sweeping
        self._fetcher, self._plans, self._clock = fetcher, plans, clock
        self._wake, self._more = anyio.Event(), anyio.Event()
        self._swept_at = 0.0
        self._tasks: TaskGroup | None = None

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Work until left. What is under way then is settled by whoever comes next: the ledger knows all."""
        async with anyio.create_task_group() as self._tasks:
            self._start(self._restore)
            self._tasks.start_soon(self._beat_for_ever)
            self._tasks.start_soon(self._post_for_ever)
            try:
                yield
            finally:
                self._tasks.cancel_scope.cancel()

    async def _restore(self) -> None:
        """One after the other: a whole follows its steps, and a step its files."""
        await survived(self._fetcher.restore)
        await survived(self._sweeping.restore)
        await survived(partial(self._plans.restore, self._sweeping.known))

    def post(self, job: Job) -> None:
        """A job was queued: claim and post it now, if it is its turn."""
        log.debug("%s is queued", job.id)
        self._more.set()

    def wake(self) -> None:
        """Something changed: beat now. It may have made place for what waits."""
        self._wake.set()
        self._more.set()

    def look(self, jobs: Sequence[Job], unseen_s: float) -> anyio.Event:
        """Begin to look at those of these jobs that nobody has looked at for so long; set once that is done."""
        unseen, done = self._sweeping.unseen(jobs, unseen_s), anyio.Event()

        async def look() -> None:
            try:
                await survived(partial(self._sweeping.look_now, *unseen))
            finally:
                done.set()

        if unseen and self._tasks is not None:
            self._tasks.start_soon(look)
        else:
            done.set()
        return done

    async def _post_for_ever(self) -> None:
        while True:
            self._more = anyio.Event()
            claimed = await survived(self._posting.claim) or ()
            for job in claimed:
                self._start(self._posting.send, job)
            await (self._posting.left() if claimed else self._more.wait())

    async def _probe(self) -> None:
        for job in await self._posting.probe():
            self._start(self._posting.send, job)

    async def _beat_for_ever(self) -> None:
        while True:
            self._wake = anyio.Event()
            busy = await survived(self._beat)
            await event_or(self._wake, BEAT_S if busy else IDLE_BEAT_S, self._clock)

    async def _beat(self) -> bool:
        """One round over the ledger; whether anything is open."""
        await self._posting.take_over()
        for job in await self._plans.advance():
            self._start(self._plans.end, job)
        self._more.set()
        if self._tasks is not None:
            self._tasks.start_soon(survived, self._probe)  # Kling may take its time to answer
        for job in await self._fetcher.deliverable():
            self._start(self._fetcher.deliver, job)
        await self._sweep()  # these last, because Kling may take its time to answer
        await self._fetcher.try_again()
        return await self._sweeping.anything_open()

    async def _sweep(self) -> None:
        pause, now = await self._sweeping.pause(), self._clock.now()
        if pause is None:
            await self._rest()
        elif abs(now - self._swept_at) >= pause - JITTER_S:  # abs: the clock may have been set back
            self._swept_at = now
            self._start(partial(self._sweeping.sweep, hold_s=min(pause, HOLD_AT_MOST_S) + BEAT_S))

    async def _rest(self) -> None:
        """Leave the sweeping to others: we may not look here again for a while."""
        if self._swept_at:
            self._swept_at = 0.0
            await self._sweeping.rest()

    def _start(self, work: Callable[..., Awaitable[None]], *args: Job) -> None:
        assert self._tasks is not None, "Worker.running() is not entered"  # noqa: S101 - a bug of ours

        async def run() -> None:
            await work(*args)
            self.wake()

        self._tasks.start_soon(survived, run)
