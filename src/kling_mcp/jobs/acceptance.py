"""Accepting what an agent asks for: sources looked up, checked and priced, and in the ledger before it is paid."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import anyio

from kling_mcp.jobs.asked import asked
from kling_mcp.jobs.ledger.intake import Wanted
from kling_mcp.jobs.spend import check_key
from kling_mcp.operations.base import Composite

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from kling_mcp.clock import Clock
    from kling_mcp.jobs.intent import Intents
    from kling_mcp.jobs.ledger.intake import Intake
    from kling_mcp.jobs.model import Job
    from kling_mcp.jobs.plans import Plans
    from kling_mcp.jobs.sources import Sources
    from kling_mcp.jobs.spend import Accepted, Limits, Terms
    from kling_mcp.jobs.worker import Worker
    from kling_mcp.operations.base import Generation
    from kling_mcp.providers.base import Provider


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Turns requests into jobs.

    Attributes:
        intake: Where they are recorded.
        provider: Who will run them.
        intents: Makes their first records.
        sources: Finds what they refer to.
        plans: Checks those of several steps.
        worker: Begins at once with what was accepted.
        limits: What may be spent.
        clock: Tells the time.
    """

    intake: Intake
    provider: Provider
    intents: Intents
    sources: Sources
    plans: Plans
    worker: Worker
    limits: Limits
    clock: Clock

    async def accept(self, operation: Generation, arguments: Mapping[str, Any], terms: Terms) -> Accepted:
        """Record a request and begin with it: see ``Jobs.accept``."""
        check_key(terms.idempotency_key)
        given, operation = operation, await self.sources.resolved(operation)
        if isinstance(operation, Composite):
            await self.plans.check(operation)
            job, posted = self._first(operation, arguments), asked(arguments, given, operation)
        else:
            posted = self.provider.prepare(operation)
            job = self.intents.of(operation, arguments, posted, self.clock.now())
        if terms.idempotency_key is not None:
            job = replace(job, idempotency_key=terms.idempotency_key)
        if operation.stateful:
            terms = replace(terms, allow_duplicate=True)
        wanted = Wanted(job, posted, operation.quote(), terms, self.limits)
        return await self._recorded(wanted)

    async def approval_token(self, operation: Generation) -> str:
        """A token by which a person agrees to the price of this request: see ``Jobs.approval_token``."""
        job = self._first(await self.sources.resolved(operation), {})
        return await self.intake.approval(job.account, job.request_hash)

    def _first(self, operation: Generation, arguments: Mapping[str, Any]) -> Job:
        """The first record of a request whose sources are known."""
        now = self.clock.now()
        if isinstance(operation, Composite):
            return self.intents.of_plan(operation, arguments, now)
        return self.intents.of(operation, arguments, self.provider.prepare(operation), now)

    async def _recorded(self, wanted: Wanted) -> Accepted:
        with _shielded():
            accepted = await self.intake.accept(wanted)
            if not accepted.deduplicated:
                self._begin(accepted.job)
        return accepted

    def _begin(self, job: Job) -> None:
        if job.has_steps:
            self.worker.wake()
        else:
            self.worker.post(job)


@contextmanager
def _shielded() -> Generator[None]:
    """A client that hangs up must still find the job it may have paid for."""
    with anyio.CancelScope(shield=True):
        yield
