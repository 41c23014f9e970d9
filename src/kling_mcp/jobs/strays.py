"""Looking for the tasks of lost answers: asks Kling, and has ``orphans`` judge."""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING

from kling_mcp.errors import Failure, KlingError
from kling_mcp.jobs import moves, orphans
from kling_mcp.jobs.doubts import unconfirmed
from kling_mcp.jobs.ledger import upkeep
from kling_mcp.jobs.pauses import patience

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kling_mcp.jobs.model import Job
    from kling_mcp.jobs.records import Records
    from kling_mcp.providers.base import Progress, Provider

log = logging.getLogger(__name__)

_LOST = Failure(code="unconfirmed", message="The answer was lost.")


class Strays:
    """Ends the doubts about requests without a name, of one account of one provider."""

    def __init__(self, records: Records, provider: Provider, dice: random.Random | None = None) -> None:
        self._records, self._provider = records, provider
        self._ledger, self._clock = records.ledger, records.clock
        self._dice = dice or random.Random()  # noqa: S311 - jitter, not secrets

    async def restore(self) -> None:
        """At start: end the doubts of a credential before ours, whose tasks nobody can list any more."""
        now, account = self._clock.now(), self._provider.account
        for job in await upkeep.doubted(self._ledger, self._provider.name):
            if job.account != account and not orphans.waiting(job, now):
                await self._give_up(job, now)

    async def settle(self) -> bool:
        """Match what can be matched, give up what can be no more; whether any doubt is left."""
        now = self._clock.now()
        doubted = await upkeep.doubted(self._ledger, self._provider.name, self._provider.account)
        for job in doubted:
            if not orphans.waiting(job, now):
                await self._give_up(job, now)
        due = [job for job in doubted if orphans.waiting(job, now) and now >= max(job.not_before, job.settles_at)]
        for path in dict.fromkeys(job.path for job in due):
            await self._asked(path, [job for job in due if job.path == path])
        return bool(doubted)

    async def _asked(self, path: str, jobs: Sequence[Job]) -> None:
        windows = [orphans.window(job) for job in jobs]
        start, end = min(since for since, _ in windows), max(until for _, until in windows)
        try:
            tasks = await self._provider.taken_between(path, start, end)
        except KlingError as trouble:
            now = self._clock.now()
            pause = patience(jobs, now, self._dice)
            for job in jobs:
                await self._records.save(job, moves.unanswered(job, trouble, now, pause))
            return
        # Read after Kling was asked: what it told of was claimed by then, so nobody's task is taken for a stray.
        rivals = await upkeep.without_task(self._ledger, self._provider.name, path, start)
        known = await upkeep.with_task(self._ledger, self._provider.name, [task.task_id for task in tasks or ()])
        strays = [task for task in tasks or () if task.task_id not in known]
        for job in jobs:
            await self._judged(job, orphans.found(job, strays, rivals))

    async def _judged(self, job: Job, task: Progress | None) -> None:
        now = self._clock.now()
        if task is None:
            await self._give_up(job, now)
            return
        log.warning("%s: its answer was lost; it is task %s, the only one it can be", job.id, task.task_id)
        await self._records.save(job, moves.accepted(orphans.noted(job), task, now))

    async def _give_up(self, job: Job, now: float) -> None:
        await self._records.save(job, unconfirmed(job, job.failure or _LOST, now))
