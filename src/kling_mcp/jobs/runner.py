"""The engine that tools call: accept a job, wait for it, look at it. One per process, owner of the background work."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import anyio

from kling_mcp.clock import event_or
from kling_mcp.errors import InvalidRequest, KlingError
from kling_mcp.jobs.acceptance import Acceptance
from kling_mcp.jobs.adoption import adopted
from kling_mcp.jobs.fetcher import Fetcher, missing
from kling_mcp.jobs.intent import Intents
from kling_mcp.jobs.ledger.bills import sent_since
from kling_mcp.jobs.ledger.intake import Intake
from kling_mcp.jobs.locks import Owner
from kling_mcp.jobs.model import Delivery, Job, Media, State
from kling_mcp.jobs.paces import Paces
from kling_mcp.jobs.plans import Plans
from kling_mcp.jobs.posting import Posting
from kling_mcp.jobs.records import Records
from kling_mcp.jobs.sources import Sources
from kling_mcp.jobs.spend import Limits, Terms
from kling_mcp.jobs.strays import Strays
from kling_mcp.jobs.sweeping import Sweeping
from kling_mcp.jobs.upkeep import Upkeep
from kling_mcp.jobs.watch import UNSEEN_S, Watch
from kling_mcp.jobs.withdrawal import Withdrawal
from kling_mcp.jobs.worker import Worker
from kling_mcp.operations.base import Composite
from kling_mcp.operations.catalogue import GENERATIONS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
    from decimal import Decimal
    from pathlib import Path

    from kling_mcp.clock import Clock
    from kling_mcp.jobs.ledger import Ledger
    from kling_mcp.jobs.spend import Accepted
    from kling_mcp.media.downloads import Downloads
    from kling_mcp.operations.base import Generation
    from kling_mcp.providers.base import Balance, Provider

log = logging.getLogger(__name__)

LOOK_PATIENCE_S = 8.0
"""How long a question about one job waits for Kling; after that it is answered with what is known."""

_Operation = TypeVar("_Operation", bound="Generation")
_NO_LIMITS = Limits()
_NO_TERMS = Terms()


class Jobs:
    """All paid work of one process.

    Args:
        ledger: Where jobs are recorded before they are paid.
        provider: Who runs them.
        downloads: Gives the downloader for an output folder.
        folder: Where the files of jobs accepted here go.
        clock: Tells the time.
        notes: Said with every job (that results are samples, for instance).
        catalogue: Operations by tool.
        limits: What may be spent.
        retention_days: How long the ledger keeps finished jobs; None: for ever.
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
        catalogue: Mapping[str, type[Generation]] = GENERATIONS,
        limits: Limits = _NO_LIMITS,
        retention_days: int | None = None,
    ) -> None:
        self.clock, self.limits = clock, limits
        self._ledger, self._provider, self._catalogue = ledger, provider, catalogue
        self._owner = Owner(ledger.path.parent / "owners")
        paces = Paces(ledger, provider.name)
        self._watch = Watch(ledger, provider.account, clock, paces, self._look)
        self._withdrawal = Withdrawal(ledger, self._watch, clock, self._announce)
        self._intents, self._sources = Intents(provider, folder, notes), Sources(ledger, provider, clock, catalogue)
        records = Records(ledger, clock, self._owner, self._announce)
        self._fetcher = Fetcher(records, provider, downloads)
        self._plans = Plans(records, provider, self._sources, self._intents, catalogue)
        posting, sweeping = Posting(records, provider), Sweeping(records, provider, paces=paces)
        self._worker = Worker(posting, sweeping, self._fetcher, self._plans, clock)
        self._upkeep = Upkeep(records, provider.account, Strays(records, provider), retention_days)
        self._intake = Intake(ledger)
        self._acceptance = Acceptance(
            self._intake, provider, self._intents, self._sources, self._plans, self._worker, limits, clock
        )

    @property
    def provider(self) -> Provider:
        """Who runs the jobs, for questions that need no ledger: the library, the charges."""
        return self._provider

    # ---- what tools call

    async def accept(self, operation: Generation, arguments: Mapping[str, Any], terms: Terms = _NO_TERMS) -> Accepted:
        """Accept a request. When this returns its job is durable, and it will be posted exactly once.

        Args:
            operation: What to run. May name results of ours.
            arguments: What the agent gave for it.
            terms: What the agent said beside it.

        Returns:
            Its job; the one that is there already where it repeats a request.

        Raises:
            InvalidRequest, NotAuthorised: A result it names cannot be used, or from ``provider.prepare``, or it repeats
                a request that may have been charged.
            OverLimit: It costs more than the operator of this server allows.
            NeedsApproval: A person has to agree to its price first.
            LocalTrouble: The ledger could not record it. As with the others, nothing was posted.
        """
        accepted = await self._acceptance.accept(operation, arguments, terms)
        await self._watch.learn(accepted.job)
        return accepted

    async def submit(self, operation: Generation, arguments: Mapping[str, Any]) -> Job:
        """Accept a request on no special terms: see ``accept``."""
        return (await self.accept(operation, arguments)).job

    async def approval_token(self, operation: Generation) -> str:
        """A token by which this request is accepted once although it is dear. For 15 minutes; for a person to give.

        Raises:
            InvalidRequest, NotAuthorised, LocalTrouble: As from ``accept``.
        """
        return await self._acceptance.approval_token(operation)

    async def spent_today(self) -> Decimal:
        """Units that this provider's jobs of today (UTC) have cost or may still cost, over all processes.

        Raises:
            LocalTrouble: The ledger cannot be read.
        """
        return await self._intake.spent(self._provider.name, self.clock.now())

    async def resolved(self, operation: _Operation) -> _Operation:
        """The request with what its references to results of ours name, checked again. Free.

        Raises:
            InvalidRequest: A problem for each that cannot be used, or a rule that is broken now that more is known.
            LocalTrouble: The ledger cannot be read.
        """
        return await self._sources.resolved(operation)

    async def adopt(self, task_id: str, tool: str) -> Job:
        """Bring a task made elsewhere into the ledger. Free; a task that is there already stays the one job it is.

        Raises:
            InvalidRequest: There is no such tool, or Kling knows no such task.
            Unavailable, Busy, NotAuthorised: Kling could not be asked.
            LocalTrouble: The ledger could not record it.
        """
        job = await adopted(
            task_id,
            tool,
            ledger=self._ledger,
            provider=self._provider,
            intents=self._intents,
            catalogue=self._catalogue,
            clock=self.clock,
        )
        await self._announce(job)
        return job

    def check(self, operation: Generation) -> None:
        """Refuse what ``submit`` would refuse, without accepting anything. Pure.

        Of a request of several steps only its first can be judged, which ``submit`` does: nothing is refused here.

        Args:
            operation: What to run, resolved.

        Raises:
            InvalidRequest, NotAuthorised: From ``provider.prepare``.
        """
        if not isinstance(operation, Composite):
            self._provider.prepare(operation)

    async def answered(self, job_id: str, patience_s: float = 3.0) -> Job:
        """Wait until the POST was answered (or is known to be put off), for at most ``patience_s``."""

        def heard(jobs: Sequence[Job]) -> bool:
            return jobs[0].state not in (State.QUEUED, State.SUBMITTING) or bool(jobs[0].blocked_reason)

        return (await self._watch.until(heard, [job_id], patience_s, None))[0]

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
        return await self._watch.until(lambda jobs: enough(j.settled for j in jobs), job_ids, budget_s, on_progress)

    async def get(self, job_id: str) -> Job:
        """One job as it stands, looked at now if nobody just did. A result whose file is missing is fetched again.

        Raises:
            InvalidRequest: The id is unknown.
        """
        job = (await self._watch.read([job_id]))[0]
        if not (looked := self._look([job], UNSEEN_S)).is_set():
            await event_or(looked, LOOK_PATIENCE_S, self.clock)
            job = (await self._watch.read([job_id]))[0]
        if job.delivery not in (Delivery.STORED, Delivery.FAILED) or not await missing(job):
            return job
        if job.has_steps:
            job = await self._plans.mirrored(await self._fetched_again(job, f"{job.id}-{job.step}"))
            return await self._plans.rejoined(job)
        return await self._fetched_again(job, job.id)

    async def _fetched_again(self, job: Job, maker_id: str) -> Job:
        """A job whose missing files were fetched again, as far as that works just now.

        Args:
            job: Whose results they are.
            maker_id: The job whose task made them: itself, or its last step.
        """
        try:
            maker = (await self._watch.read([maker_id]))[0]
            if await missing(maker) and await self._fetcher.refetch(maker):
                self._worker.wake()
        except KlingError as trouble:
            log.warning("%s could not be fetched again: %s", job.id, trouble)
            return job
        await self.wait([maker_id], 10.0)
        return (await self._watch.read([job.id]))[0]

    async def list(
        self,
        *,
        states: Collection[State] = (),
        tool: str | None = None,
        limit: int = 20,
        before: str | None = None,
    ) -> list[Job]:
        """Jobs newest first; ``before`` (a job id) continues a listing."""
        name = self._provider.name
        found = await self._ledger.newest(name, states=states, tool=tool, limit=limit, before=before)
        return await self._watch.explained(found)

    async def cancel(self, job_id: str) -> Job:
        """Withdraw a job that was not yet submitted; of one of several steps, whatever was not.

        Raises:
            InvalidRequest: It is unknown, or too late: Kling has no cancel.
        """
        return await self._withdrawal.cancel(job_id)

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

    async def steps(self, job: Job) -> Sequence[Job]:
        """The jobs that a job was split into so far, in order; none where it is a single request."""
        return await self._ledger.steps(job.id) if job.has_steps else ()

    async def of_tasks(self, task_ids: Sequence[str]) -> dict[str, Job]:
        """The jobs that these tasks of Kling's belong to, by task id; those made elsewhere are missing."""
        return await self._ledger.of_tasks(self._provider.account, task_ids)

    async def sent_since(self, since: float, limit: int) -> Sequence[Job]:
        """What may have been charged since then, newest first: of a job of several steps, the steps.

        Raises:
            LocalTrouble: The ledger cannot be read.
        """
        return await sent_since(self._ledger, self._provider.name, since, limit)

    async def balance(self) -> Balance:
        """What the account still has. Free."""
        return await self._provider.balance()

    def eta_s(self, job: Job) -> float | None:
        """Seconds it will probably still take, learnt from earlier jobs; None once finished."""
        return self._watch.eta_s(job)

    def listen(self, listener: Callable[[Job], Awaitable[None]]) -> Callable[[], None]:
        """Be told of every change of state; returns the call that ends it."""
        return self._watch.listen(listener)

    def drain(self) -> None:
        """Every waiting call returns what it has, now and from now on. Jobs go on."""
        self._watch.drain()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Run the background work. Entered once per process; leaving it abandons nothing, the ledger knows all."""
        try:
            self._owner.appear()
        except OSError as error:
            log.warning("no lock file for this process (%s): the ledger will say what is wrong", error)
        try:
            async with self._worker.running(), self._upkeep.running():
                yield
        finally:
            with anyio.CancelScope(shield=True):
                await self._ledger.close()
            self._owner.leave()

    def _look(self, jobs: Sequence[Job], unseen_s: float) -> anyio.Event:
        """Begin to look at those of these that nobody has looked at for so long; set once that is done."""
        return self._worker.look(jobs, unseen_s)

    async def _announce(self, job: Job) -> None:
        if job.state is not State.SUBMITTING or job.parent:  # a claim makes no work, but its whole shows it
            self._worker.wake()
        await self._watch.announce(job)
