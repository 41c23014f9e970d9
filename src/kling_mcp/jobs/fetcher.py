"""The steps that bring results to disk: fetch, try again, fetch again. Each is safe to repeat and to interrupt."""

from __future__ import annotations

import logging
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from kling_mcp.errors import KlingError, Lost, Unavailable
from kling_mcp.jobs import moves, results
from kling_mcp.jobs.model import Delivery, Job, Media
from kling_mcp.jobs.records import ref

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kling_mcp.jobs.records import Records
    from kling_mcp.media.downloads import Downloads
    from kling_mcp.providers.base import Progress, Provider

log = logging.getLogger(__name__)

FETCHES_AT_ONCE = 4


class Fetcher:
    """Fetches the files of one provider's jobs.

    Args:
        records: The ledger as this process writes it.
        provider: Who made them.
        downloads: Gives the downloader for an output folder.
        dice: Spreads what is tried again.
    """

    def __init__(
        self,
        records: Records,
        provider: Provider,
        downloads: Callable[[Path], Downloads],
        dice: random.Random | None = None,
    ) -> None:
        self._records, self._provider, self._downloads = records, provider, downloads
        self._ledger, self._clock, self._owner = records.ledger, records.clock, records.owner
        self._dice = dice or random.Random()  # noqa: S311 - jitter, not secrets
        self._under_way = 0

    async def restore(self) -> None:
        """At start: try again what was given up for now, and what was the business of a credential before ours."""
        now, account = self._clock.now(), self._provider.account
        for job in await self._ledger.undelivered(account, self._provider.name):
            if not self._records.held(job):
                again = results.to_fetch(job, await missing(job), now)
                await self._records.save(job, moves.rehomed(again, account, now))

    async def deliverable(self) -> list[Job]:
        """Finished jobs whose files nobody is fetching: no more than can be begun now, so that others may help."""
        now = self._clock.now()
        ready = await self._ledger.in_delivery(self._provider.account, Delivery.FETCHING, now)
        waiting = [job for job in ready if not self._records.held(job)]
        return waiting[: max(0, FETCHES_AT_ONCE - self._under_way)]

    async def deliver(self, job: Job) -> None:
        """Fetch the files of a job, if nobody else does. What cannot be fetched stays at Kling and is said."""
        with self._records.at(job) as free:
            if not free:
                return
            self._under_way += 1
            try:
                claim = results.fetching(job, self._owner.name, self._clock.now())
                if claimed := await self._records.save(job, claim, lease_s=results.FETCH_LEASE_S):
                    await self._deliver(claimed)
            finally:
                self._under_way -= 1

    async def try_again(self) -> None:
        """Have the files fetched that could not be some time ago: disks are cleared, networks come back."""
        now, account = self._clock.now(), self._provider.account
        for job in await self._ledger.in_delivery(account, Delivery.FAILED, now, FETCHES_AT_ONCE):
            try:
                await self.refetch(job)
            except KlingError as trouble:
                await self._records.save(job, results.undelivered(job, job.media, trouble, now, self._dice))

    async def refetch(self, job: Job) -> Job | None:
        """Have missing files fetched again, from addresses asked for anew: the old ones may have run out.

        Raises:
            Unavailable, Busy, NotAuthorised: Kling could not be asked.
        """
        nothing: Mapping[str, Progress] = {}
        found = nothing if results.answered_at_once(job) else await self._provider.look_up([ref(job)])
        outputs = found[job.id].outputs if job.id in found else ()
        now = self._clock.now()
        again = results.to_fetch(job, await missing(job), now, outputs)
        return await self._records.save(job, moves.rehomed(again, self._provider.account, now))

    async def _deliver(self, job: Job) -> None:
        try:
            media, trouble = await self._fetched(job)
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                await self._records.save(job, moves.released(job, self._clock.now()))
            raise
        now = self._clock.now()
        if trouble is None:
            await self._records.record(job, results.delivered(job, media, now))
        else:
            await self._records.record(job, results.undelivered(job, media, trouble, now, self._dice))

    async def _fetched(self, job: Job) -> tuple[tuple[Media, ...], KlingError | None]:
        """The results as they are after fetching, and what was in the way."""
        media, trouble = list[Media](), None
        for result in job.media:
            try:
                media.append(result if result.path else await self._fetched_one(job, result))
            except KlingError as error:
                trouble = error
                media.append(results.troubled(result, error))
        return tuple(media), trouble

    async def _fetched_one(self, job: Job, result: Media) -> Media:
        if not result.url:
            raise Lost(
                "Kling sent this file itself and keeps no copy, and it is no longer on disk.",
                fix=f"Put it back, or call {job.tool} again.",
                code="expired",
            )
        try:
            stored = await self._downloads(Path(job.folder)).fetch(
                result.url, stem=stem(job, result.media_id), kind=result.kind
            )
        except KlingError:
            raise
        except Exception as bug:
            log.exception("a bug while fetching %s", result.media_id)
            raise Unavailable("An internal error kept the file from being fetched; the log has it.") from bug
        return results.on_disk(result, stored)


def stem(job: Job, media_id: str) -> str:
    """The name of a result's file, without its extension."""
    return f"{datetime.fromtimestamp(job.created_at, UTC).date().isoformat()}_{job.tool}_{media_id}"


async def missing(job: Job) -> set[str]:
    """Ids of the results that are not on disk."""
    return {media.media_id for media in job.media if not await on_disk(media)}


async def on_disk(media: Media) -> bool:
    """Whether the file of a result is where it was put."""
    return media.path is not None and await anyio.to_thread.run_sync(Path(media.path).is_file)
