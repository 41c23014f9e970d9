"""The engine that tools call: accept a job, wait for it, look at it. One per process, owner of the background work."""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
import statistics
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, cast

import anyio

from kling_mcp.clock import event_or
from kling_mcp.errors import InvalidRequest, KlingError, LocalTrouble
from kling_mcp.jobs import moves
from kling_mcp.jobs.fetcher import Fetcher, missing
from kling_mcp.jobs.locks import Owner
from kling_mcp.jobs.model import Delivery, Job, Media, State
from kling_mcp.jobs.records import Records
from kling_mcp.jobs.steps import Steps
from kling_mcp.jobs.worker import Worker

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from kling_mcp.clock import Clock
    from kling_mcp.jobs.ledger import Ledger
    from kling_mcp.media.downloads import Downloads
    from kling_mcp.operations.base import Generation
    from kling_mcp.providers.base import Balance, Provider, Request

log = logging.getLogger(__name__)

RE_READ_S = 1.0
"""Another process may move a job: waiting calls read the ledger again this often."""
HEARTBEAT_S = 5.0
TYPICAL_S = 120.0
"""How long a generation takes when none of its kind was seen yet."""
LONG_VALUE = 4000
UNKNOWN_NAMED = 5
OTHER_KEY = (
    "It was accepted under another Kling credential and is submitted when a server with that one runs; nothing was "
    "charged. cancel_job withdraws it."
)
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Jobs:
    """All paid work of one process.

    Args:
        ledger: Where jobs are recorded before they are paid.
        provider: Who runs them.
        downloads: Gives the downloader for an output folder.
        folder: Where the files of jobs accepted here go.
        clock: Tells the time.
        notes: Said with every job (that results are samples, for instance).
    """

    def __init__(  # noqa: PLR0913 - each is a collaborator that tests replace
        self,
        *,
        ledger: Ledger,
        provider: Provider,
        downloads: Callable[[Path], Downloads],
        folder: Path,
        clock: Clock,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.clock = clock
        self._ledger, self._provider, self._folder, self._notes = ledger, provider, folder, notes
        self._owner = Owner(ledger.path.parent / "owners")
        records = Records(ledger, clock, self._owner, self._announce)
        self._fetcher = Fetcher(records, provider, downloads)
        self._worker = Worker(Steps(records, provider), self._fetcher, clock)
        self._listeners: list[Callable[[Job], Awaitable[None]]] = []
        self._typical: dict[tuple[str, str | None], float] = {}
        self._news = anyio.Event()
        self._draining = False

    @property
    def provider(self) -> Provider:
        """Who runs the jobs, for questions that need no ledger: the library, the charges."""
        return self._provider

    # ---- what tools call

    async def submit(self, operation: Generation, arguments: Mapping[str, Any]) -> Job:
        """Accept a job. When this returns it is durable, and it will be posted exactly once.

        Raises:
            InvalidRequest, NotAuthorised: From ``provider.prepare``; nothing was recorded.
            LocalTrouble: The ledger could not record it; nothing was posted.
        """
        request = self._provider.prepare(operation)
        job = self._intent(operation, arguments, request)
        with anyio.CancelScope(shield=True):  # a client that hangs up now must still find the job it may have paid for
            await self._ledger.add(job, request)
            self._worker.post(job)
        await self._learn(job)
        return job

    def check(self, operation: Generation) -> None:
        """Refuse what ``submit`` would refuse, without accepting anything. Pure.

        Raises:
            InvalidRequest, NotAuthorised: From ``provider.prepare``.
        """
        self._provider.prepare(operation)

    async def answered(self, job_id: str, patience_s: float = 3.0) -> Job:
        """Wait until the POST was answered (or is known to be put off), for at most ``patience_s``."""

        def heard(jobs: Sequence[Job]) -> bool:
            return jobs[0].state not in (State.QUEUED, State.SUBMITTING) or bool(jobs[0].blocked_reason)

        return (await self._until(heard, [job_id], patience_s, None))[0]

    async def wait(
        self,
        job_ids: Sequence[str],
        budget_s: float,
        *,
        need: Literal["first", "all"] = "all",
        on_progress: Callable[[Sequence[Job]], Awaitable[None]] | None = None,
    ) -> list[Job]:
        """Wait until the first, or all, of these jobs are settled, for at most ``budget_s`` seconds.

        Cancelling the wait never touches a job.

        Raises:
            InvalidRequest: An id is unknown.
        """
        enough = any if need == "first" else all
        return await self._until(lambda jobs: enough(j.settled for j in jobs), job_ids, budget_s, on_progress)

    async def get(self, job_id: str) -> Job:
        """One job as it stands. A result whose file is missing is fetched again.

        Raises:
            InvalidRequest: The id is unknown.
        """
        job = (await self._read([job_id]))[0]
        if job.delivery not in (Delivery.STORED, Delivery.FAILED) or not await missing(job):
            return job
        try:
            if await self._fetcher.refetch(job):
                self._worker.wake()
        except KlingError as trouble:
            log.warning("%s could not be fetched again: %s", job.id, trouble)
            return job
        return (await self.wait([job_id], 10.0))[0]

    async def list(
        self,
        *,
        states: Collection[State] = (),
        tool: str | None = None,
        limit: int = 20,
        before: str | None = None,
    ) -> list[Job]:
        """Jobs newest first; ``before`` (a job id) continues a listing."""
        return await self._ledger.newest(self._provider.name, states=states, tool=tool, limit=limit, before=before)

    async def cancel(self, job_id: str) -> Job:
        """Withdraw a job that was not yet submitted.

        Raises:
            InvalidRequest: It is unknown, or too late: Kling has no cancel.
        """
        while (job := (await self._read([job_id]))[0]).state is State.QUEUED:
            if gone := await self._ledger.save(moves.cancelled(job, self.clock.now())):
                await self._announce(gone)
                return gone
        raise InvalidRequest.one(
            "job_id",
            f"Job {job_id} is {job.state} and can no longer be cancelled: Kling has no cancel once a job was "
            "submitted. Wait for it with wait_for_jobs; a failed job is not charged.",
        )

    async def media(self, media_id: str) -> tuple[Job, Media]:
        """A result by its id.

        Raises:
            InvalidRequest: The id is unknown.
        """
        found = await self._ledger.many([media_id.rpartition("_")[0]])
        for job in found.values():
            for result in job.media:
                if result.media_id == media_id:
                    return job, result
        raise InvalidRequest.one(
            "media", f"There is no result '{media_id}' in this ledger. list_jobs shows the jobs and their results."
        )

    async def of_tasks(self, task_ids: Sequence[str]) -> dict[str, Job]:
        """The jobs that these tasks of Kling's belong to, by task id; those made elsewhere are missing."""
        return await self._ledger.of_tasks(self._provider.account, task_ids)

    async def balance(self) -> Balance:
        """What the account still has. Free."""
        return await self._provider.balance()

    def eta_s(self, job: Job) -> float | None:
        """Seconds it will probably still take, learnt from earlier jobs; None once finished."""
        if job.finished:
            return None
        typical = self._typical.get((job.tool, job.model_name), TYPICAL_S)
        return max(1.0, typical - (self.clock.now() - job.created_at))

    def listen(self, listener: Callable[[Job], Awaitable[None]]) -> Callable[[], None]:
        """Be told of every change of state; returns the call that ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def drain(self) -> None:
        """Every waiting call returns what it has, now and from now on. Jobs go on."""
        self._draining = True
        self._tell()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Run the background work. Entered once per process; leaving it abandons nothing, the ledger knows all."""
        try:
            self._owner.appear()
        except OSError as error:
            log.warning("no lock file for this process (%s): the ledger will say what is wrong", error)
        try:
            async with self._worker.running():
                yield
        finally:
            with anyio.CancelScope(shield=True):
                await self._ledger.close()
            self._owner.leave()

    # ---- news

    async def _announce(self, job: Job) -> None:
        if job.settled:
            self._typical.pop((job.tool, job.model_name), None)
            await self._learn(job)
        self._tell()
        self._worker.wake()
        for listener in list(self._listeners):
            try:
                await listener(job)
            except Exception:
                log.exception("a listener failed on %s", job.id)

    async def _learn(self, job: Job) -> None:
        """How long such jobs take: an estimate, whose failure must never look like the job's."""
        key = (job.tool, job.model_name)
        with suppress(LocalTrouble):
            if key not in self._typical and (seen := await self._ledger.durations(*key)):
                self._typical[key] = statistics.median(seen)

    # ---- waiting and reading

    async def _until(
        self,
        enough: Callable[[Sequence[Job]], bool],
        job_ids: Sequence[str],
        budget_s: float,
        on_progress: Callable[[Sequence[Job]], Awaitable[None]] | None,
    ) -> list[Job]:
        left, since_beat = budget_s, HEARTBEAT_S
        while True:
            news, began = self._news, self.clock.now()
            jobs = await self._read(job_ids)
            if enough(jobs) or self._draining or left <= 0:
                return jobs
            if on_progress and since_beat >= HEARTBEAT_S:
                since_beat = 0.0
                await on_progress(jobs)
            await event_or(news, min(RE_READ_S, left), self.clock)
            if self._draining:  # without another read: a disk that is slow just now must not cost a client its handle
                return jobs
            spent = max(0.0, self.clock.now() - began)  # the clock may have been set back meanwhile
            left, since_beat = left - spent, since_beat + spent

    async def _read(self, job_ids: Sequence[str]) -> list[Job]:
        found = await self._ledger.many(job_ids)
        unknown = [i for i in job_ids if i not in found]
        if unknown:
            named = ", ".join(repr(i[:60]) for i in unknown[:UNKNOWN_NAMED])
            more = f" nor {len(unknown) - UNKNOWN_NAMED} others" if len(unknown) > UNKNOWN_NAMED else ""
            raise InvalidRequest.one(
                "job_id", f"There is no job {named}{more} in this ledger. list_jobs shows the ids of recent jobs."
            )
        return [self._explained(found[i]) for i in job_ids]

    def _explained(self, job: Job) -> Job:
        """A job with the reason why it waits that only this process can know."""
        if job.state is State.QUEUED and job.account != self._provider.account:
            return replace(job, blocked_reason=OTHER_KEY)
        return job

    def _tell(self) -> None:
        news, self._news = self._news, anyio.Event()
        news.set()

    def _intent(self, operation: Generation, arguments: Mapping[str, Any], request: Request) -> Job:
        quote, now = operation.quote(), self.clock.now()
        return Job(
            id=_new_id(now),
            account=self._provider.account,
            provider=self._provider.name,
            tool=operation.tool,
            request_hash=_digest({"path": request.path, "body": request.body}),
            arguments={name: _elided(value) for name, value in arguments.items()},
            model_name=operation.model,
            units_quoted=quote.units,
            created_at=now,
            updated_at=now,
            wire=request.wire,
            path=request.path,
            folder=str(self._folder),
            notes=(*self._notes, *quote.notes),
            nameless=request.nameless,
        )


def _new_id(now: float) -> str:
    """A ULID under our prefix: sorts by time, 80 random bits, never derived from the request."""
    number = (int(now * 1000) << 80) | secrets.randbits(80)
    return "km1-" + "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _elided(value: Any) -> Any:  # noqa: ANN401 - JSON
    """An argument as it is kept for people: a picture's Base64 becomes its size and digest."""
    if isinstance(value, str) and len(value) > LONG_VALUE:
        return f"<{len(value)} characters, sha256 {hashlib.sha256(value.encode()).hexdigest()[:16]}>"
    if isinstance(value, dict):
        return {name: _elided(inner) for name, inner in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_elided(inner) for inner in cast("list[Any]", value)]
    return value
