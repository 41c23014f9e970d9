"""The chores of a process: end doubts about nameless requests, warn of files that perish, forget old jobs."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from kling_mcp.jobs import results
from kling_mcp.jobs.background import survived
from kling_mcp.jobs.ledger import upkeep
from kling_mcp.jobs.spend import DAY_S

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from kling_mcp.jobs.model import Job
    from kling_mcp.jobs.records import Records
    from kling_mcp.jobs.strays import Strays

log = logging.getLogger(__name__)

AFTER_START_S = 5.0
"""Whoever calls a tool right after the start comes first."""
BEAT_S = 5.0
"""Pause while there is a doubt to end."""
IDLE_BEAT_S = 60.0
INSIST_EVERY_S = 600.0
DEAD_FOR_S = 3600.0
BATCH = 50
"""Jobs deleted in one transaction: nobody who pays for a job shall wait behind it."""
BETWEEN_BATCHES_S = 0.2


class Upkeep:
    """The chores of one process, for one account.

    Args:
        records: The ledger as this process writes it.
        account: Whose files are watched over.
        strays: Ends the doubts about nameless requests.
        retention_days: How long finished jobs are kept; None: for ever. It holds for the whole ledger.
    """

    def __init__(self, records: Records, account: str, strays: Strays, retention_days: int | None) -> None:
        self._records, self._account, self._strays = records, account, strays
        self._ledger, self._clock, self._owner = records.ledger, records.clock, records.owner
        self._retention_days = retention_days
        self._done_at = dict[str, float]()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Do the chores until left."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._for_ever)
            try:
                yield
            finally:
                group.cancel_scope.cancel()

    async def _for_ever(self) -> None:
        await self._clock.sleep(AFTER_START_S)
        await survived(self._strays.restore)
        while True:
            with suppress(OSError):  # it may have failed at the start: who is not known to live is taken for dead
                self._owner.appear()
            busy = await survived(self._strays.settle)
            await survived(self.round)
            await self._clock.sleep(BEAT_S if busy else IDLE_BEAT_S)

    async def round(self) -> None:
        """Whatever is due of what is not done all the time."""
        if self._is_due("insist", INSIST_EVERY_S):
            await self.insist()
        if self._is_due("warn", DAY_S):
            await self.warn()
        if self._is_due("turn", INSIST_EVERY_S) and await upkeep.turn(self._ledger, "upkeep", self._owner.name, DAY_S):
            await upkeep.tidy(self._ledger)
            await anyio.to_thread.run_sync(self._owner.sweep_dead, DEAD_FOR_S)
            if self._retention_days is not None:
                await self.forget(self._clock.now() - self._retention_days * DAY_S)

    async def insist(self) -> None:
        """Have files that perish fetched now, whatever kept them away before."""
        now = self._clock.now()
        for job in await upkeep.undelivered(self._ledger, self._account):
            if (again := results.insisted(job, now)) != job and not self._records.held(job):
                await self._records.save(job, again)

    async def warn(self) -> None:
        """Say which files perish: they are paid, and nobody can have them twice."""
        now = self._clock.now()
        for job in await upkeep.undelivered(self._ledger, self._account):
            if sentence := results.alarm(job, now):
                trouble = next((media.trouble for media in job.media if media.trouble), "")
                log.warning("%s: %s %s", job.parent or job.id, sentence, trouble)

    async def forget(self, before: float) -> int:
        """Delete jobs that have been settled since before then, a few at a time; how many. Files stay where they are.

        A job stays as long as a file of it is not where it was put: then its record may be all that tells of it.
        """
        gone, after = 0, (0.0, "")
        while jobs := await upkeep.old(self._ledger, before, after, BATCH):
            after = (jobs[-1].created_at, jobs[-1].id)
            steps = await self._ledger.steps(*(job.id for job in jobs))
            with_files = await anyio.to_thread.run_sync(_with_files, jobs, steps)
            gone += await upkeep.forget(self._ledger, with_files)
            await self._clock.sleep(BETWEEN_BATCHES_S)
        if gone:
            log.info("%s jobs older than %s days deleted from the ledger", gone, self._retention_days)
        return gone

    def _is_due(self, name: str, every_s: float) -> bool:
        now = self._clock.now()
        if name in self._done_at and abs(now - self._done_at[name]) < every_s:  # abs: the clock may have been set back
            return False
        self._done_at[name] = now
        return True


def _with_files(jobs: Sequence[Job], steps: Sequence[Job]) -> list[Job]:
    """Those of the jobs whose files, and whose steps' files, are all where they were put."""
    lacking = {each.parent or each.id for each in (*jobs, *steps) if not _is_whole(each)}
    return [job for job in jobs if job.id not in lacking]


def _is_whole(job: Job) -> bool:
    return all(media.path is not None and Path(media.path).is_file() for media in job.media)
