"""Writing down what became of a job, and knowing who is at it: what everything that moves jobs shares."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kling_mcp.errors import LocalTrouble
from kling_mcp.providers.base import TaskRef

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from kling_mcp.clock import Clock
    from kling_mcp.jobs.ledger import Ledger
    from kling_mcp.jobs.ledger.book import Lesson
    from kling_mcp.jobs.locks import Owner
    from kling_mcp.jobs.model import Job

log = logging.getLogger(__name__)

RECORD_RETRIES_S = (0.1, 1.0, 5.0)


class Records:
    """The ledger as one process writes it: every write is fenced, told, and of a known owner."""

    def __init__(self, ledger: Ledger, clock: Clock, owner: Owner, changed: Callable[[Job], Awaitable[None]]) -> None:
        self.ledger, self.clock, self.owner = ledger, clock, owner
        self._changed = changed
        self._busy = set[str]()

    async def save(
        self, before: Job, after: Job, *, lease_s: float | None = None, also: Lesson | None = None
    ) -> Job | None:
        """Write a job's next record, and tell if it moved; None if somebody else wrote the row first.

        Args:
            before: As it was read.
            after: As it is now.
            lease_s: For how long others are to believe that its owner is at it, from the moment it is written.
            also: What is written with it, in the same transaction.

        Raises:
            LocalTrouble: It could not be written.
        """
        return await self.told(before, await self.ledger.save(after, lease_s=lease_s, also=also))

    async def told(self, before: Job, saved: Job | None) -> Job | None:
        """Tell of a record that was written, if the job moved with it."""
        if saved is not None and (before.state, before.delivery) != (saved.state, saved.delivery):
            log.info("%s %s→%s %s", saved.id, before.state, saved.state, saved.delivery)
            await self._changed(saved)
        return saved

    async def record(self, before: Job, after: Job, *, also: Lesson | None = None) -> Job | None:
        """Save what cannot be asked for again, trying a few times: the disk may be full just now.

        If it stays impossible, the row is found ``submitting`` or ``fetching`` with nobody at it, and taken up again.

        Returns:
            The record as it now stands, or None if somebody else wrote the row first.

        Raises:
            LocalTrouble: It stayed impossible.
        """
        for pause in RECORD_RETRIES_S:
            try:
                return await self.save(before, after, also=also)
            except LocalTrouble as trouble:
                log.error("%s: %s", before.id, trouble)  # noqa: TRY400 - a foreseen failure needs no traceback
                await self.clock.sleep(pause)
        return await self.save(before, after, also=also)

    @contextmanager
    def at(self, job: Job) -> Generator[bool]:
        """Be at this job for the length of the block. False if this process is at it already."""
        if not self.begin(job):
            yield False
            return
        try:
            yield True
        finally:
            self.end(job)

    def begin(self, job: Job) -> bool:
        """Be at this job from now on. False if this process is at it already."""
        if self.is_ours(job):
            return False
        self._busy.add(job.id)
        return True

    def end(self, job: Job) -> None:
        """Be at this job no more."""
        self._busy.discard(job.id)

    def is_ours(self, job: Job) -> bool:
        """Whether this process is at it right now."""
        return job.id in self._busy

    def held(self, job: Job) -> bool:
        """Whether a living process is at it. Of ourselves we know; of others their lock and their lease tell."""
        now = self.ledger.clock.now()
        if job.owner == self.owner.name:
            return self.is_ours(job)
        return job.owner is not None and now < (job.lease_until or 0) and self.owner.is_alive(job.owner)


def ref(job: Job) -> TaskRef:
    """How to ask the provider about a job."""
    return TaskRef(wire="v2" if job.wire == "v2" else "v1", path=job.path, ext_id=job.id, task_id=job.task_id)
