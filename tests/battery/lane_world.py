"""A Kling that is nothing but parallel slots, before it the real posting on the real ledger, on a clock that leaps.

Everything between a job in the ledger and its POST is ours and real: claiming, lanes, learning, several processes on
one file. What is left out is what takes no slots: pictures, downloads and answers that go astray.
"""

from __future__ import annotations

import heapq
import math
import random
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import anyio

from kling_mcp.clock import ManualClock
from kling_mcp.errors import Busy
from kling_mcp.jobs import moves
from kling_mcp.jobs.ledger import Ledger
from kling_mcp.jobs.locks import Owner
from kling_mcp.jobs.model import Job, State
from kling_mcp.jobs.posting import Posting
from kling_mcp.jobs.records import Records
from kling_mcp.providers.base import Balance, Output, Progress, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Slots = Callable[[float], int]
    """How many parallel slots there are, so many seconds after the start."""

T0 = 1_790_000_000.0
MEDIAN_S = 75.0
BEAT_S = 2.0
"""How often the engine looks for something to post."""
SWEEP_S = 5.0
"""How often it looks what has ended: until then a slot that is free again looks taken."""
ACCOUNT = "acc"


@dataclass
class SlotKling:
    """Kling, as far as it has slots."""

    clock: ManualClock
    slots: Slots
    seconds: dict[str, float]
    needs: dict[str, int]
    name: str = "official"
    account: str = ACCOUNT
    settle_s: float = 5.0
    refusals: int = 0
    posts: int = 0
    ends: dict[str, float] = field(default_factory=dict[str, float])

    def running(self, now: float) -> int:
        """Slots taken at a time."""
        return sum(self.needs[job] for job, end in self.ends.items() if end > now)

    async def submit(self, request: Request, ext_id: str) -> Progress:
        del request
        now = self.clock.now()
        self.posts += 1
        assert ext_id not in self.ends, f"{ext_id} was posted twice"
        if self.running(now) + self.needs[ext_id] > self.slots(now - T0):
            self.refusals += 1
            raise Busy("parallel task over resource pack limit", code=1303)
        self.ends[ext_id] = now + self.seconds[ext_id]
        return Progress(f"t-{ext_id}", "submitted", ext_id, created_at=now)

    async def balance(self) -> Balance:
        return Balance()


@dataclass(frozen=True)
class Figures:
    """How a run went. ``ideal_s``: had the slots been known, and every end been seen at once."""

    jobs: int
    refusals: int
    makespan_s: float
    ideal_s: float

    @property
    def wasted(self) -> float:
        return self.refusals / self.jobs

    @property
    def stretch(self) -> float:
        return self.makespan_s / self.ideal_s

    def __str__(self) -> str:
        return (
            f"{self.jobs} jobs, 1303 per job {self.wasted:.3f}, makespan {self.makespan_s:.0f} s, "
            f"{self.stretch:.3f} x ideal"
        )


async def run(
    folder: Path, slots: Slots, *, needs: Sequence[int] | None = None, processes: int = 1, seed: int = 1
) -> Figures:
    """Work off a queue that is full from the start.

    Args:
        folder: Where the ledger goes.
        slots: Kling's.
        needs: How many slots each job takes, in the order of the queue; 600 jobs of one if not said.
        processes: How many share the ledger.
        seed: Of the durations.
    """
    needs = needs or [1] * 600
    dice, clock = random.Random(seed), ManualClock(T0)
    jobs = [_job(number, each) for number, each in enumerate(needs)]
    seconds = {job.id: _seconds(dice) for job in jobs}
    kling = SlotKling(clock, slots, seconds, {job.id: job.slots for job in jobs})
    teams = [_team(folder, clock, kling, seed + number) for number in range(processes)]
    for _, ledger, _ in teams:  # how durable it is takes no part in this
        await ledger.read(lambda db: db.execute("PRAGMA synchronous=OFF").close())
    await _filled(teams[0][1], jobs)
    await _worked_off(kling, clock, teams)
    for _, ledger, owner in teams:
        await ledger.close()
        owner.leave()
    assert len(kling.ends) == len(jobs)
    ideal = _ideal([(seconds[job.id], job.slots) for job in jobs], slots)
    return Figures(len(jobs), kling.refusals, max(kling.ends.values()) - T0, ideal)


def _seconds(dice: random.Random) -> float:
    long = 5.0 if dice.random() < 0.01 else 1.0
    return MEDIAN_S * dice.lognormvariate(0.0, 0.3) * long


def _job(number: int, slots: int) -> Job:
    return Job(
        id=f"km1-{number:05}",
        account=ACCOUNT,
        provider="official",
        tool="generate_image" if slots > 1 else "generate_video",
        request_hash=str(number),
        arguments={},
        model_name="kling-v3",
        units_quoted=Decimal(1),
        created_at=T0 + number / 1000.0,
        updated_at=T0 + number / 1000.0,
        wire="v1",
        path="/v1/videos/text2video",
        package="video",
        slots=slots,
    )


Team = tuple[Posting, Ledger, Owner]


def _team(folder: Path, clock: ManualClock, kling: SlotKling, seed: int) -> Team:
    ledger, owner = Ledger(folder / "ledger.db", clock), Owner(folder / "owners").appear()

    async def changed(_: Job) -> None: ...

    provider: Any = kling  # of a provider, only what posting needs
    return Posting(Records(ledger, clock, owner, changed), provider, random.Random(seed)), ledger, owner


async def _filled(ledger: Ledger, jobs: Sequence[Job]) -> None:
    async with anyio.create_task_group() as group:
        for job in jobs:
            group.start_soon(ledger.add, job, Request("v1", job.path, {}))


async def _worked_off(kling: SlotKling, clock: ManualClock, teams: Sequence[Team]) -> None:
    ledger, turn = teams[0][1], 0
    running, begun = list[tuple[float, str]](), set[str]()
    clock.advance(1.0)
    while len(begun) < len(kling.seconds) or running:
        turn += 1
        await _posted(teams[turn % len(teams)][0])
        for job_id in kling.ends.keys() - begun:
            begun.add(job_id)
            heapq.heappush(running, (kling.ends[job_id], job_id))
        clock.advance(await _until_news(ledger, clock.now(), running))
        seen_at = clock.now() - clock.now() % SWEEP_S  # when it was looked last
        while running and running[0][0] <= seen_at:
            await _ended(ledger, heapq.heappop(running)[1], clock.now())


async def _until_news(ledger: Ledger, now: float, running: Sequence[tuple[float, str]]) -> float:
    """How long all beats from now on would do nothing: until an end is seen, a rest is over, or more may be tried."""
    query = "SELECT wait_until, probe_at FROM lane"
    times = await ledger.read(lambda db: [at for row in db.execute(query).fetchall() for at in row])
    times += [math.ceil(running[0][0] / SWEEP_S) * SWEEP_S] if running else []
    pause = min((at - now for at in times if at > now), default=BEAT_S)
    return max(1, math.ceil(pause / BEAT_S)) * BEAT_S


async def _posted(posting: Posting) -> None:
    """What one process posts in one beat: each answer is heard before the next look at the queue, as answers come."""
    while claimed := await posting.claim():
        for job in claimed:
            await posting.send(job)


async def _ended(ledger: Ledger, job_id: str, now: float) -> None:
    row = (await ledger.many([job_id]))[job_id]
    done = Progress(f"t-{job_id}", "succeeded", job_id, outputs=(Output("video", "https://cdn.example/v.mp4"),))
    after = moves.observed(row, done, now)
    assert after.state is State.SUCCEEDED
    assert await ledger.save(replace(after))


def _still(running: list[tuple[float, int]], now: float) -> list[tuple[float, int]]:
    return [(end, held) for end, held in running if end > now]


def _ideal(work: Sequence[tuple[float, int]], slots: Slots) -> float:
    """The makespan of somebody who knows the slots at every moment and sees every end at once; the same order."""
    now: float = 0.0
    waiting = list(work)
    running: list[tuple[float, int]] = []
    while waiting:
        running = _still(running, now)
        free = slots(now) - sum(held for _, held in running)
        while waiting and waiting[0][1] <= free:
            seconds, held = waiting.pop(0)
            running.append((now + seconds, held))
            free -= held
        if waiting:
            now = min([end for end, _ in running] + [now + 1.0])
    return max(end for end, _ in running)
