"""Looking after what Kling has, or may have: one process at a time asks how it all stands, in few requests.

Who is asked about, and in what order, is ``polling``'s business and the provider's; what an answer makes of a job is
that of ``moves``. What is only remembered here (when who was last looked at) may be lost: it is a matter of pace.
"""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from kling_mcp.errors import KlingError
from kling_mcp.jobs import moves, orphans, polling
from kling_mcp.jobs.ledger import inflight
from kling_mcp.jobs.model import Job, State
from kling_mcp.jobs.paces import Paces
from kling_mcp.jobs.pauses import patience
from kling_mcp.jobs.polling import FEW, Flying, Look
from kling_mcp.jobs.posting import ENDED
from kling_mcp.jobs.records import ref

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kling_mcp.jobs.records import Records
    from kling_mcp.providers.base import Progress, Provider, TaskRef

log = logging.getLogger(__name__)

DOUBTS_AT_ONCE = 16
"""Each doubt must be answered with certainty; so many one look-up can settle within its budget, whatever they are."""
LOOKS_APART_S = 5.0
"""An agent's question about a job that nobody has looked at for so long makes somebody look."""
WRITTEN_AT_ONCE = 100
"""Records in one transaction: few enough that nobody waits long for the ledger, or for this process."""
TOLD_AT_ONCE = 200
"""How many jobs are told of trouble with a sweep. The others are as they were."""
_TENDED_APART = 500
"""So many are better prepared in a thread: it would keep everybody waiting."""

_REMEMBERED_S = 60.0
"""How long it is known that a job was looked at which is not in flight, or only as a whole of several steps."""


class Sweeping:
    """Looks after the jobs of one account of one provider."""

    def __init__(
        self, records: Records, provider: Provider, dice: random.Random | None = None, paces: Paces | None = None
    ) -> None:
        self._records, self._provider = records, provider
        self._ledger, self._clock, self._owner = records.ledger, records.clock, records.owner
        self._dice = dice or random.Random()  # noqa: S311 - jitter, not secrets
        self._paces = paces or Paces(records.ledger, provider.name)
        self._looks: dict[str, Look] = {}
        self._resumes_at = 0.0
        self._under_way = False

    async def restore(self) -> None:
        """At start: find our tasks again after a key was renewed."""
        now, account = self._clock.now(), self._provider.account
        strangers = await self._ledger.strangers(account, self._provider.name)
        strangers = [job for job in strangers if not self._records.held(job)]
        for job in strangers:
            # While its task may still be found, a server with its credential may be at that (``strays``).
            if job.nameless and job.task_id is None and not orphans.waiting(job, now):
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

    # ---- sweeps

    async def pause(self) -> float | None:
        """Seconds from one sweep to the next, as things stand; None if there is nothing to look after."""
        now = self._clock.now()
        some = await inflight.summary(self._ledger, self._provider.account, now)
        return polling.every(some.known, now - some.news_at) if some.known or some.doubts else None

    async def in_flight(self) -> list[Flying]:
        """What Kling has, or may have, and whose next look is due; of many doubts, some by chance."""
        flights = await inflight.flying(self._ledger, self._provider.account, self._clock.now())
        doubts = [each for each in flights if not each.task_id]
        if len(doubts) > DOUBTS_AT_ONCE:
            doubts = self._dice.sample(doubts, DOUBTS_AT_ONCE)
        return [each for each in flights if each.task_id] + doubts

    async def sweep(self, *, hold_s: float) -> None:
        """Ask Kling how everything stands in as few requests as it takes, unless another process does.

        Args:
            hold_s: For how long others may rely on us to sweep again.
        """
        now = self._clock.now()
        if self._under_way or now < self._resumes_at <= now + moves.LONGEST_SETTLE_S:
            return
        self._under_way = True
        try:
            if await self._hold_sweep(hold_s):
                await self._sweep()
                if self._clock.now() - now > hold_s / 2:
                    await self._hold_sweep(hold_s)
        finally:
            self._under_way = False

    async def rest(self) -> None:
        """Let another process sweep from now on, if it was us."""
        await self._hold_sweep(0.0)

    async def anything_open(self) -> bool:
        """Whether any job of ours is not settled."""
        return await self._ledger.anything_open(self._provider.account)

    async def _sweep(self) -> None:
        flights, now = await self.in_flight(), self._clock.now()
        self._forget({each.id for each in flights}, now)
        await self._paces.learn(flights)
        begun = await self._begun(flights, now)
        if len(flights) > _TENDED_APART:
            asked, refs = await anyio.to_thread.run_sync(self._planned, flights, begun, now)
        else:
            asked, refs = self._planned(flights, begun, now)
        if not asked:
            return
        try:
            found = await self._provider.look_up(refs)
        except KlingError as trouble:
            await self._unanswered(asked, trouble)
            return
        await self._took_in(asked, found)
        passed_over = any(found[each.id].trace in {"later", "gone"} for each in asked if each.id in found)
        if len(asked) == len(flights) and not passed_over:
            await inflight.looked(self._ledger, self._provider.account, now)

    def _planned(
        self, flights: Sequence[Flying], begun: Mapping[tuple[str, int], int], now: float
    ) -> tuple[list[Flying], list[TaskRef]]:
        """Whom to ask about, and how."""
        known = [each for each in flights if each.task_id]
        paces = {each.id: self._paces.of(each) for each in flights}
        asked = polling.due(known, paces, self._looks, now) + [each for each in flights if not each.task_id]
        return asked, polling.refs(asked, paces, self._looks, begun, now)

    async def _begun(self, flights: Sequence[Flying], now: float) -> Mapping[tuple[str, int], int]:
        """How many others began when these did; of no interest while all of them fit into one request."""
        if len(flights) <= FEW:
            return {}
        return await inflight.begun(self._ledger, self._provider.account, now - polling.CROWDS_S)

    async def _unanswered(self, flights: Sequence[Flying], trouble: KlingError) -> None:
        """Nobody could be asked: tell the youngest jobs, and have all wait a moment."""
        youngest = sorted(flights, key=lambda each: each.created_at)[-TOLD_AT_ONCE:]
        jobs, now = list((await self._ledger.many([each.id for each in youngest])).values()), self._clock.now()
        if not jobs:
            return
        pause = patience(jobs, now, self._dice)
        if len(flights) > len(youngest):
            self._resumes_at = now + pause
        told = [moves.unanswered(job, trouble, now, pause) for job in jobs if job.state in _AT_KLING]
        await inflight.save_all(self._ledger, told)

    def _forget(self, flying: set[str], now: float) -> None:
        self._looks = {
            each: look for each, look in self._looks.items() if each in flying or now - look.at < _REMEMBERED_S
        }

    # ---- for an agent who asks

    def unseen(self, jobs: Sequence[Job], for_s: float) -> list[Job]:
        """Those of the jobs that Kling is at and that this process has not looked at for so long."""
        now, account = self._clock.now(), self._provider.account
        at_kling = [job for job in jobs if job.state is State.RUNNING and job.account == account]
        return [job for job in at_kling if (job.task_id or job.has_steps) and abs(now - self._seen_at(job)) > for_s]

    async def look_now(self, *jobs: Job) -> None:
        """Look at these now, unless somebody in some process has just done so; what cannot be asked stays as it is."""
        now, looks = self._clock.now(), dict(self._looks)
        self._looks |= {job.id: Look(now) for job in jobs}
        plans = [job.id for job in jobs if job.has_steps]
        tasks = [*jobs, *(await self._ledger.steps(*plans) if plans else ())]
        tasks = [job for job in tasks if job.state is State.RUNNING and job.task_id][:FEW]
        ids = [job.id for job in tasks]
        allowed = await inflight.may_look(self._ledger, self._provider.account, ids, now, LOOKS_APART_S)
        asked = [job for job in tasks if job.id in allowed]
        if not asked:
            return
        try:
            found = await self._provider.look_up([ref(job) for job in asked])
        except KlingError as trouble:
            log.info("%d jobs could not be looked at: %s", len(asked), trouble)
            self._looks |= {job.id: looks[job.id] for job in asked if job.id in looks}
            return
        await self._took_in([_flying(job) for job in asked], found)

    def _seen_at(self, job: Job) -> float:
        look = self._looks.get(job.id)
        return max(job.updated_at, look.at if look else 0.0)

    # ---- what comes back

    async def _took_in(self, flights: Sequence[Flying], found: Mapping[str, Progress]) -> None:
        """Remember who was seen, and record what is news."""
        now = self._clock.now()
        for each in flights:
            self._looks[each.id] = polling.looked(each, self._looks.get(each.id), found.get(each.id), now)
        news = [each for each in flights if _is_news(each, found.get(each.id))]
        for part in _parts(news):
            with anyio.CancelScope(shield=True):  # what is written is told, whoever loses patience
                await self._record(part, found)

    async def _record(self, flights: Sequence[Flying], found: Mapping[str, Progress]) -> None:
        jobs, now = await self._ledger.many([each.id for each in flights]), self._clock.now()
        moved = list[tuple[Job, Job]]()
        for flight in flights:
            job, progress = jobs.get(flight.id), found.get(flight.id)
            if job is None or job.state not in _AT_KLING:
                continue
            if progress is None and job.updated_at != flight.updated_at:
                continue  # posted anew since it was asked about, perhaps: of that, its absence then proves nothing
            after = moves.observed(job, progress, now) if progress else moves.absent(job, now, self._dice)
            if after != job:
                moved.append((job, after))
        saved = await inflight.save_all(self._ledger, [after for _, after in moved])
        for (before, _), record in zip(moved, saved, strict=True):
            await self._records.told(before, record)

    async def _hold_sweep(self, seconds: float) -> bool:
        name = f"sweep:{self._provider.account}"
        return await self._ledger.lease(name, self._owner.name, seconds, self._owner.is_alive)


_AT_KLING = frozenset({State.RUNNING, State.UNKNOWN})


def _is_news(flight: Flying, progress: Progress | None) -> bool:
    """Whether a job's record has to be read for this: it has ended, or is absent, or its record knows of trouble."""
    if progress is None:
        return True
    if progress.trace or (flight.task_id and not progress.fresh):
        return False
    ended = progress.status in {"succeeded", "failed"}
    return bool(ended or flight.restless or progress.task_id != flight.task_id or not flight.task_id)


def _flying(job: Job) -> Flying:
    restless = bool(job.absences or job.blocked_reason or job.failure)
    return Flying(
        job.id,
        job.wire,
        job.path,
        job.task_id,
        job.pace,
        job.tool,
        job.model_name,
        job.created_at,
        job.begun_at,
        job.updated_at,
        restless,
    )


def _parts(flights: Sequence[Flying]) -> Iterator[Sequence[Flying]]:
    return (flights[start : start + WRITTEN_AT_ONCE] for start in range(0, len(flights), WRITTEN_AT_ONCE))
