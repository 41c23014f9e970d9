"""Jobs of several steps: each step is a job of its own, and the whole moves as its steps do.

A step's id follows from its job's id and its name, and a job's next step is written together with the job's own row:
so two processes, or a restart at any point, never make a step twice. What comes next is worked out anew each time from
what was asked and what the steps so far found.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import anyio

from kling_mcp.errors import Failure, InvalidRequest, KlingError, LocalTrouble
from kling_mcp.jobs import joins, moves, whole
from kling_mcp.jobs.asked import Asked
from kling_mcp.jobs.intent import is_elided
from kling_mcp.jobs.model import Job, Media, State, taken
from kling_mcp.operations.base import Composite, Ending, Step

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from kling_mcp.jobs.intent import Intents
    from kling_mcp.jobs.records import Records
    from kling_mcp.jobs.sources import Sources
    from kling_mcp.operations.base import Generation
    from kling_mcp.providers.base import Provider

log = logging.getLogger(__name__)

JOIN_LEASE_S = 1800.0
"""How long joining two clips may take. A dead process's claim is free at once all the same."""
ENDINGS_AT_ONCE = 2
"""Each may join two clips, which takes every core for seconds."""
TRY_AGAIN_S = 15.0
"""Pause before a job that is held up by this machine, or by Kling, is looked at again."""


class Plans:
    """Moves the jobs of several steps on, for one account of one provider.

    Args:
        records: The ledger as this process writes it.
        provider: Who runs the steps.
        sources: Finds what the steps refer to.
        intents: Makes the steps' first records.
        catalogue: Operations by tool.
    """

    def __init__(
        self,
        records: Records,
        provider: Provider,
        sources: Sources,
        intents: Intents,
        catalogue: Mapping[str, type[Generation]],
    ) -> None:
        self._records, self._provider, self._sources = records, provider, sources
        self._intents, self._catalogue = intents, catalogue
        self._ledger, self._clock = records.ledger, records.clock
        self._endings = anyio.CapacityLimiter(ENDINGS_AT_ONCE)

    async def check(self, operation: Composite) -> None:
        """Refuse what the first step would be refused for, before anything is accepted.

        Raises:
            InvalidRequest, NotAuthorised: The sentence says why.
        """
        first = operation.next_step({})
        if isinstance(first, Step):
            self._provider.prepare(await self._sources.resolved(first.request))

    async def restore(self, known: Callable[[Sequence[Job]], Awaitable[Sequence[Job]]]) -> None:
        """At start: take over what a credential before ours began, where Kling shows its tasks to ours.

        Args:
            known: Those of some jobs whose task the present credential can see.
        """
        account = self._provider.account
        for plan in await self._ledger.open_plans(self._provider.name):
            if plan.account == account or plan.finished:
                continue
            steps, now = await self._ledger.steps(plan.id), self._clock.now()
            traceable = [step for step in steps if step.task_id and not step.nameless]
            if any(step.account == account for step in steps) or await known(traceable):
                for job in (plan, *(step for step in steps if step.state is State.QUEUED)):
                    await self._records.save(job, moves.rehomed(job, account, now))
            else:
                await self._saved(plan, whole.abandoned(plan, steps, now))

    async def advance(self) -> list[Job]:
        """Move every job of several steps on as far as it goes; those that only have to be ended are returned.

        Ending may take a while: two clips may have to be joined.
        """
        now, account = self._clock.now(), self._provider.account
        plans = await self._ledger.open_plans(self._provider.name)
        ours = [plan for plan in plans if plan.account == account or plan.finished]  # to show results, any key will do
        due = [plan for plan in ours if self._is_due(plan, now) and not self._records.held(plan)]
        steps = await self._ledger.steps(*(plan.id for plan in due)) if due else []
        ending = list[Job]()
        for plan in due:
            own = [step for step in steps if step.parent == plan.id]
            with self._records.at(plan) as free:
                if free and await self._survived(plan, partial(self._moved, plan, own)):
                    ending.append(plan)
        return ending

    def _is_due(self, plan: Job, now: float) -> bool:
        """Whether its pause is over. A longer one than we make is not ours, or a clock has been set back since."""
        return not now < plan.not_before <= now + TRY_AGAIN_S

    async def end(self, plan: Job) -> None:
        """Give a job its results, and join what is to be joined. Only one process does, and it is done once."""
        with self._records.at(plan) as free:
            if not free:
                return
            async with self._endings:
                if claimed := await self._ledger.save(self._taken(plan), lease_s=JOIN_LEASE_S):
                    await self._survived(claimed, partial(self._ended, claimed))

    async def mirrored(self, plan: Job) -> Job:
        """A finished job with its results as they stand with the step that made them."""
        last = f"{plan.id}-{plan.step}"
        step = (await self._ledger.many([last])).get(last)
        return plan if step is None or not plan.finished else await self._shown(plan, step)

    async def rejoined(self, plan: Job) -> Job:
        """A finished job whose joined clip was deleted, with the clip made anew; or told why that does not work."""
        if (lost := await joins.lost(plan)) is None:
            return plan
        with self._records.at(plan) as free:
            if not free:
                return plan
            async with self._endings:
                made = await self._joined_again(plan, lost)
        media = tuple(made if each is lost else each for each in plan.media)
        return await self._records.save(plan, replace(plan, media=media, updated_at=self._clock.now())) or plan

    async def _joined_again(self, plan: Job, lost: Media) -> Media:
        """The joined clip, made anew; else the lost one, with the reason."""
        steps, row = await self._ledger.steps(plan.id), Asked(plan.arguments, {}, complete=False)
        try:
            ending = await self._worked_out(plan, row, steps)
        except InvalidRequest as refusal:
            return replace(lost, path=None, trouble=f"It was deleted and cannot be joined again. {refusal}")
        if not isinstance(ending, Ending) or not ending.after:
            return replace(lost, path=None, trouble="It was deleted and cannot be joined again.")
        made, notes = await joins.joined(self._ledger, plan, ending, steps)
        return made or replace(lost, path=None, trouble=" ".join(notes))

    async def _shown(self, plan: Job, last: Job) -> Job:
        shown = whole.mirrored(plan, last, self._clock.now())
        return plan if shown == plan else await self._records.save(plan, shown) or plan

    def _taken(self, plan: Job) -> Job:
        return taken(plan, self._records.owner.name, self._clock.now())

    async def _survived(self, plan: Job, work: Callable[[], Awaitable[bool]]) -> bool:
        """A bug in one job must not hold up the others, nor leave it open for ever."""
        try:
            return await work()
        except LocalTrouble:
            raise
        except Exception:
            log.exception("a bug while moving %s on", plan.id)
            cause = Failure("internal_error", "An internal error kept it from going on; the log has it.")
            steps = await self._ledger.steps(plan.id)
            await self._records.save(plan, whole.refused(plan, steps, cause, self._clock.now()))
            return False

    async def _moved(self, plan: Job, steps: Sequence[Job]) -> bool:
        """One move of one job; whether it has to be ended."""
        now = self._clock.now()
        if plan.finished:
            for last in (step for step in steps if step.step == plan.step):
                await self._shown(plan, last)
        elif steps and not steps[-1].settled:
            await self._saved(plan, whole.under_way(plan, steps, now))
        elif steps and steps[-1].state is not State.SUCCEEDED:
            await self._saved(plan, whole.ended(plan, steps, now))
        elif step := await self._next(plan, steps):
            if isinstance(step, Ending):
                return True
            await self._add(plan, step, steps)
        return False

    async def _next(self, plan: Job, steps: Sequence[Job]) -> Step | Ending | None:
        """What comes next; None if nothing can come now, or ever: the job's record then says why."""
        try:
            asked = await self._asked(plan)  # None: moved on by another process meanwhile
            return await self._worked_out(plan, asked, steps) if asked else None
        except InvalidRequest as refusal:
            await self._refused(plan, steps, refusal)
            return None

    async def _worked_out(self, plan: Job, asked: Asked, steps: Sequence[Job]) -> Step | Ending | None:
        """What comes next by what was asked for; None if this version of us does not know the tool.

        Raises:
            InvalidRequest: Nothing can.
        """
        operation = self._catalogue.get(plan.tool)
        if operation is None:
            return None
        request = asked.of(operation)
        if request.references() or not asked.complete:
            request = await self._sources.resolved(request)
        assert isinstance(request, Composite)  # noqa: S101 - only these are accepted as jobs of several steps
        return request.next_step({step.step: whole.done(step) for step in steps})

    async def _asked(self, plan: Job) -> Asked | None:
        """What was asked for. A server of the version before may have deleted it: then what its record still says.

        Raises:
            InvalidRequest: The record does not say all of it.
        """
        if asked := await self._ledger.asked(plan.id):
            return asked
        row = (await self._ledger.many([plan.id])).get(plan.id)
        if row is None or row.finished or row.epoch != plan.epoch:
            return None
        if any(is_elided(value) for value in row.arguments.values()):
            message = "What was asked for is no longer in the ledger: a server of an older version deleted it."
            raise InvalidRequest.one("", message)
        return Asked(row.arguments, {}, complete=False)

    async def _add(self, plan: Job, step: Step, steps: Sequence[Job]) -> None:
        """Record the next step, ready to be posted."""
        if any(step.name == before.step for before in steps):
            message = f"{plan.tool} asks for its step '{step.name}' again"
            raise ValueError(message)
        try:
            request = await self._sources.resolved(step.request)
            prepared = self._provider.prepare(request)
        except InvalidRequest as refusal:
            await self._refused(plan, steps, refusal)
            return
        except KlingError as trouble:
            await self._held_up(plan, trouble)
            return
        now = self._clock.now()
        since = max([plan.updated_at, *(each.updated_at for each in steps)])
        child = self._intents.of_step(plan, Step(step.name, request), prepared, now, since)
        after = whole.under_way(plan, [*steps, child], now)
        await self._records.told(plan, await self._ledger.add_step(after, child, prepared))

    async def _refused(self, plan: Job, steps: Sequence[Job], refusal: InvalidRequest) -> None:
        """The steps so far rule the rest out; unless a file of theirs is what is missing, and may still come."""
        now = self._clock.now()
        if whole.files_pending(steps, now):
            await self._held_up(plan, refusal)
        else:
            await self._saved(plan, whole.refused(plan, steps, refusal.failure, now))

    async def _held_up(self, plan: Job, trouble: KlingError) -> None:
        await self._saved(plan, whole.held_up(plan, trouble.failure.message, self._clock.now() + TRY_AGAIN_S))

    async def _saved(self, plan: Job, after: Job) -> None:
        if after != plan:
            await self._records.save(plan, after)

    async def _ended(self, plan: Job) -> bool:
        steps = await self._ledger.steps(plan.id)
        ending = await self._next(plan, steps)
        if not isinstance(ending, Ending):
            return False
        media, notes = await joins.joined(self._ledger, plan, ending, steps)
        with anyio.CancelScope(shield=True):
            with_all = whole.with_joined(plan, media) if media else plan
            await self._records.record(plan, whole.finished(with_all, ending, steps, self._clock.now(), notes))
        return False
