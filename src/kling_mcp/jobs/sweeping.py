"""Looking after what Kling has, or may have: one process at a time asks how it all stands, in few requests."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from kling_mcp.errors import KlingError
from kling_mcp.jobs import moves
from kling_mcp.jobs.model import Job, State
from kling_mcp.jobs.posting import ENDED
from kling_mcp.jobs.records import ref

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kling_mcp.jobs.records import Records
    from kling_mcp.providers.base import Provider

DOUBTS_AT_ONCE = 20
"""Each doubt must be answered with certainty, and 20 are what one look-up can settle; the rest take the next."""


class Sweeping:
    """Looks after the jobs of one account of one provider."""

    def __init__(self, records: Records, provider: Provider, dice: random.Random | None = None) -> None:
        self._records, self._provider = records, provider
        self._ledger, self._clock, self._owner = records.ledger, records.clock, records.owner
        self._dice = dice or random.Random()  # noqa: S311 - jitter, not secrets

    async def restore(self) -> None:
        """At start: find our tasks again after a key was renewed."""
        now, account = self._clock.now(), self._provider.account
        strangers = await self._ledger.strangers(account, self._provider.name)
        strangers = [job for job in strangers if not self._records.held(job)]
        for job in strangers:
            if job.nameless and job.task_id is None:
                await self._records.save(job, moves.doubted(job, ENDED, now, self._provider.settle_s))
        traceable = [job for job in strangers if not job.nameless or job.task_id]
        for job in await self.known(traceable):
            await self._records.save(job, moves.rehomed(job, account, now))

    async def known(self, jobs: Sequence[Job]) -> list[Job]:
        """Those of the jobs whose task the present credential can see; none if nobody can be asked."""
        if not jobs:
            return []
        try:
            found = await self._provider.look_up([ref(job) for job in jobs])
        except KlingError:
            return []
        return [job for job in jobs if job.id in found and found[job.id].fresh]

    async def in_flight(self) -> list[Job]:
        """Jobs Kling has, or may have, whose next look is due."""
        now, account = self._clock.now(), self._provider.account
        running = await self._ledger.in_state(account, State.RUNNING, now)
        # Kling has these, and has not told its id of them: that is a doubt like any other.
        unnamed = [job for job in running if not job.task_id]
        known = [job for job in running if job.task_id]
        doubts = unnamed + await self._ledger.in_state(account, State.UNKNOWN, now, limit=DOUBTS_AT_ONCE)
        return known + (doubts if len(doubts) <= DOUBTS_AT_ONCE else self._dice.sample(doubts, DOUBTS_AT_ONCE))

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
            found = await self._provider.look_up([ref(job) for job in jobs])
        except KlingError as trouble:
            now = self._clock.now()
            pause = moves.patience(jobs, now, self._dice)
            for job in jobs:
                await self._records.save(job, moves.unanswered(job, trouble, now, pause))
            return
        now = self._clock.now()
        for job in jobs:
            progress = found.get(job.id)
            seen = moves.observed(job, progress, now) if progress else moves.absent(job, now, self._dice)
            if seen != job:
                await self._records.save(job, seen)

    async def anything_open(self) -> bool:
        """Whether any job of ours is not settled."""
        return bool(await self._ledger.open_jobs(self._provider.account))

    async def _hold_sweep(self, seconds: float) -> bool:
        name = f"sweep:{self._provider.account}"
        return await self._ledger.lease(name, self._owner.name, seconds, self._owner.is_alive)
