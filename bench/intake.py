"""How fast requests become jobs: durable intents per second of one process, and how long one call waits for its own.

``python bench/intake.py [INTENTS CALLERS]``. Wanted: at least 5,000 intents per second recorded by one process with
many callers at once; p99 of a call at most 50 ms with 10,000 jobs in flight in the ledger.

Recorded means: its first record made and its body hashed, repeats looked for, limits checked, row and request
committed with an fsync. The whole call also checks the arguments, works out the price and prepares the wire. Nothing is
posted: that is Kling's speed, not ours.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import anyio
from machine import described
from pydantic import SecretStr

from kling_mcp.clock import SystemClock
from kling_mcp.jobs.acceptance import Acceptance
from kling_mcp.jobs.intent import Intents
from kling_mcp.jobs.ledger import Ledger
from kling_mcp.jobs.ledger.intake import Intake, Wanted
from kling_mcp.jobs.model import State
from kling_mcp.jobs.sources import Sources
from kling_mcp.jobs.spend import Limits, Terms
from kling_mcp.operations.catalogue import GENERATIONS
from kling_mcp.operations.video import GenerateVideo
from kling_mcp.providers.http import Door
from kling_mcp.providers.official import ApiKey, OfficialProvider

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from kling_mcp.jobs.model import Job
    from kling_mcp.jobs.plans import Plans
    from kling_mcp.jobs.worker import Worker

IN_FLIGHT = 10_000
PACED_CALLS = 3_000
PACED_CALLERS = 10
PAUSE_S = 0.05
"""Between the calls of one of the paced callers: together at most 200 a second."""
MOVES_APART_S = 0.01
"""Meanwhile the jobs in flight move on too: a hundred rows a second."""
NOBODY_CAPPED = Limits()
CAPPED = Limits(per_day=Decimal(10**9))


class Idle:
    """A worker that posts nothing."""

    def post(self, job: Job) -> None:
        """Leave it queued."""

    def wake(self) -> None:
        """Sleep on."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What accepts requests, up to the moment when they would be posted."""

    ledger: Ledger
    intake: Intake
    intents: Intents
    provider: OfficialProvider
    acceptance: Acceptance
    clock: SystemClock

    @classmethod
    def at(cls, folder: Path) -> Desk:
        """A desk with a ledger of its own."""
        clock = SystemClock()
        ledger = Ledger(folder / "ledger.db", clock)
        provider = OfficialProvider(Door("https://kling.invalid", clock=clock), ApiKey(SecretStr("bench")))
        intents, intake = Intents(provider, folder), Intake(ledger)
        sources = Sources(ledger, provider, clock, GENERATIONS)
        worker, no_plans = cast("Worker", Idle()), cast("Plans", None)
        whole = Acceptance(intake, provider, intents, sources, no_plans, worker, NOBODY_CAPPED, clock)
        return cls(ledger, intake, intents, provider, whole, clock)

    def wanted(self, number: int, limits: Limits) -> Wanted:
        """A request of its own, up to its first record."""
        arguments = asked(number)
        operation = GenerateVideo.parse(arguments)
        posted = self.provider.prepare(operation)
        job = self.intents.of(operation, arguments, posted, self.clock.now())
        return Wanted(job, posted, operation.quote(), Terms(), limits)

    async def call(self, number: int) -> None:
        """All that a tool call does until its job is durable."""
        arguments = asked(number)
        await self.acceptance.accept(GenerateVideo.parse(arguments), arguments, Terms())


def asked(number: int) -> dict[str, Any]:
    """Arguments as agents give them."""
    return {"prompt": f"A red kite over the dunes at dusk, slow pan to the left, take {number}", "duration": 5}


async def timed(
    callers: int, count: int, work: Callable[[int], Awaitable[object]], pause_s: float = 0.0
) -> list[float]:
    """How long each of so many calls took, by so many callers at once."""
    numbers, took = iter(range(count)), list[float]()

    async def caller() -> None:
        for number in numbers:
            began = time.perf_counter()
            await work(number)
            took.append(time.perf_counter() - began)
            if pause_s:
                await anyio.sleep(pause_s)

    async with anyio.create_task_group() as group:
        for _ in range(callers):
            group.start_soon(caller)
    return took


def told(took: list[float]) -> str:
    """Median and tail, in milliseconds."""
    ranked = sorted(took)
    return f"p50 {statistics.median(ranked) * 1000:.1f} ms, p99 {ranked[int(len(ranked) * 0.99)] * 1000:.1f} ms"


async def burst(name: str, callers: int, count: int, limits: Limits | None) -> None:
    """How many are recorded in a second, everybody calling as fast as they can; ``limits`` None: the whole call."""
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk.at(Path(folder))
        await desk.ledger.check()
        ready = [] if limits is None else [desk.wanted(number, limits) for number in range(count)]

        async def record(number: int) -> None:
            # The first record is made anew: making and hashing it is counted.
            job, posted = ready[number].job, ready[number].posted
            made = desk.intents.of(_OPERATION, job.arguments, cast("Any", posted), job.created_at)
            await desk.intake.accept(replace(ready[number], job=made))

        began, worked = time.perf_counter(), time.process_time()
        took = await timed(callers, count, desk.call if limits is None else record)
        seconds, cpu = time.perf_counter() - began, time.process_time() - worked
        assert len(await desk.ledger.newest("official", limit=count + 1)) == count, "not every intent is in the ledger"
        await desk.ledger.close()
    print(
        f"{name:<34} {count / seconds:>6.0f} a second ({count} by {callers} callers at once; {told(took)}; "
        f"{cpu / count * 1e6:.0f} us of processor each)"
    )


_OPERATION = GenerateVideo.parse(asked(0))


async def steady() -> None:
    """How long a call waits while the ledger has ten thousand jobs in flight, and they move."""
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk.at(Path(folder))
        flying = [
            replace(desk.wanted(-n - 1, NOBODY_CAPPED).job, state=State.RUNNING, task_id=f"t{n}")
            for n in range(IN_FLIGHT)
        ]

        async def fly(number: int) -> None:
            await desk.intake.accept(
                replace(desk.wanted(0, NOBODY_CAPPED), job=flying[number], terms=Terms(allow_duplicate=True))
            )

        await timed(500, IN_FLIGHT, fly)
        took = list[float]()
        async with anyio.create_task_group() as background:
            background.start_soon(_move, desk, flying)
            took += await timed(PACED_CALLERS, PACED_CALLS, desk.call, PAUSE_S)
            background.cancel_scope.cancel()
        every = await desk.ledger.newest("official", limit=IN_FLIGHT + PACED_CALLS + 1)
        assert len(every) == IN_FLIGHT + PACED_CALLS, "not every intent is in the ledger"
        await desk.ledger.close()
    name = f"the whole call, {IN_FLIGHT} in flight"
    print(f"{name:<34} {told(took)} ({PACED_CALLS} by {PACED_CALLERS} callers with pauses)")


async def _move(desk: Desk, flying: list[Job]) -> None:
    while True:
        for job in flying:
            (row,) = (await desk.ledger.many([job.id])).values()
            await desk.ledger.save(replace(row, updated_at=desk.clock.now()))
            await anyio.sleep(MOVES_APART_S)


async def main(count: int, callers: int) -> None:
    """Measure and print."""
    print(described())
    await burst("recorded", callers, count, NOBODY_CAPPED)
    await burst("recorded, with a limit for the day", callers, count, CAPPED)
    await burst("the whole call", callers, count, None)
    await steady()


if __name__ == "__main__":
    count, callers = map(int, sys.argv[1:] or ("20000", "500"))
    anyio.run(main, count, callers)
