"""Thousands of jobs in flight: the real engine, the official provider and the pretend Kling, on a clock that steps.

Time stands still while anybody has anything to do, so lateness is what the engine decides and not how busy this machine
is. Files are a few bytes, made where downloads would be.
"""

from __future__ import annotations

import math
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread
import httpx2
from pydantic import SecretStr

from kling_mcp.clock import ManualClock
from kling_mcp.jobs.ledger import Ledger
from kling_mcp.jobs.model import Delivery, Job, State
from kling_mcp.jobs.runner import Jobs
from kling_mcp.media.downloads import Stored
from kling_mcp.providers.base import Request
from kling_mcp.providers.http import Door
from kling_mcp.providers.official import ApiKey, KeyPair, OfficialProvider
from kling_mcp.sandbox.app import Sandbox
from kling_mcp.sandbox.order import Make, Order

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
    from pathlib import Path

    from kling_mcp.operations.base import Yields
    from kling_mcp.providers.base import Progress, TaskRef
    from kling_mcp.sandbox.order import Task

URL = "https://sandbox.invalid"
TEXT, IMAGE = "/v1/videos/text2video", "/v1/videos/image2video"
ROUND_TRIP_S = 0.3
"""How long Kling takes to answer, on the stepping clock."""
QUIET = 12
"""So many turns of the event loop without work make an idle engine."""

_Result = TypeVar("_Result")


def wait_s(dice: random.Random, median: float = 150.0, sigma: float = 0.5) -> float:
    """How long a task takes: lognormal, and one in a hundred five times as long (reliability.md section 8)."""
    usual = median * math.exp(dice.gauss(0.0, sigma))
    return usual * 5.0 if dice.random() < 0.01 else usual


class BusyLedger(Ledger):
    """Knows whether its thread is at work."""

    pending = 0

    async def write(self, work: Callable[..., _Result]) -> _Result:
        return await self._counted(super().write(work))

    async def read(self, work: Callable[..., _Result]) -> _Result:
        return await self._counted(super().read(work))

    async def _counted(self, doing: Any) -> Any:  # noqa: ANN401 - an awaitable and what it gives
        self.pending += 1
        try:
            return await doing
        finally:
            self.pending -= 1


class CountingProvider(OfficialProvider):
    """Counts what each look-up asks."""

    asked: int
    sweeps: list[tuple[float, int]]
    """When, and how many requests."""

    async def look_up(self, refs: Sequence[TaskRef]) -> Mapping[str, Progress]:
        before = self.asked
        try:
            return await super().look_up(refs)
        finally:
            self.sweeps.append((self._door.clock.now(), self.asked - before))


@dataclass(frozen=True)
class SmallFiles:
    """Downloads of a few bytes."""

    folder: Path

    async def fetch(self, url: str, *, stem: str, kind: Yields) -> Stored:
        await anyio.lowlevel.checkpoint()
        del url, kind
        path = self.folder / f"{stem}.mp4"
        path.write_bytes(b"film")
        return Stored(path, "video/mp4", 4, "0" * 64, 160, 90, 5.0)


@dataclass
class Crowd:
    """The house, and what it has done."""

    jobs: Jobs
    sandbox: Sandbox
    provider: CountingProvider
    ledger: BusyLedger
    clock: ManualClock
    folder: Path
    ends: dict[str, float] = field(default_factory=dict[str, float])
    late: dict[str, float] = field(default_factory=dict[str, float])
    stored: set[str] = field(default_factory=set[str])

    async def heard(self, job: Job) -> None:
        """How late the end of a job was noticed."""
        if job.state is State.SUCCEEDED and job.id not in self.late:
            self.late[job.id] = self.clock.now() - self.ends[job.id]
        if job.delivery is Delivery.STORED:
            self.stored.add(job.id)

    async def begin(self, paces: Sequence[float], *, path: str = TEXT, pace: str = "crowd") -> None:
        """So many tasks begin now, at Kling and in the ledger; each takes about so many seconds."""
        async with anyio.create_task_group() as group:
            for seconds in paces:
                job = self._begun(seconds, path, pace)
                group.start_soon(self.ledger.add, job, Request("v1", path, {}))
        self.jobs._worker.wake()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - as accepting a job does

    async def pass_time(self, seconds: float, step: float = 1.0) -> None:
        """Let time pass, a step at a time, and the engine do all it has to do in each."""
        for _ in range(round(seconds / step)):
            self.clock.advance(step)
            await self.settled()

    async def settled(self) -> None:
        """Wait until nobody does anything any more without time passing."""
        threads = anyio.to_thread.current_default_thread_limiter()
        quiet = 0
        while quiet < QUIET:
            if self.ledger.pending or threads.borrowed_tokens:
                quiet = 0
                await anyio.sleep(0.0003)
            else:
                quiet += 1
                await anyio.lowlevel.checkpoint()

    def _begun(self, seconds: float, path: str, pace: str) -> Job:
        now = self.clock.now()
        name = f"km1-{len(self.ends):026d}"
        film = Make("video", duration=5.0)
        order = Order(path, model="kling-v3", units=Decimal(3), makes=(film,), external_id=name, pace=seconds)
        task: Task = self.sandbox.state.accept(order, {})
        self.ends[name] = task.ends_at
        return Job(
            id=name,
            account=self.provider.account,
            provider=self.provider.name,
            tool="generate_video",
            request_hash=name,
            arguments={"prompt": "a kite"},
            model_name="kling-v3",
            units_quoted=Decimal(3),
            created_at=now,
            updated_at=now,
            wire="v1",
            path=path,
            state=State.RUNNING,
            task_id=task.id,
            attempts=1,
            folder=str(self.folder),
            package="video",
            pace=pace,
            begun_at=round(task.created_at, 3),
        )


@asynccontextmanager
async def gathered(folder: Path, *, pair: bool = False) -> AsyncGenerator[Crowd]:
    """The house, running."""
    clock = ManualClock()
    sandbox = Sandbox(clock=clock, base_url=URL, units=Decimal(10**9), concurrency=10**6)

    class Wire(httpx2.ASGITransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            provider.asked += 1
            await clock.sleep(ROUND_TRIP_S)
            return await super().handle_async_request(request)

    def client() -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=Wire(sandbox.app), timeout=None)

    secret = SecretStr("sandbox-sk-0123456789abcdef0123456789abcdef")
    credential = KeyPair(SecretStr("sandbox-ak"), secret) if pair else ApiKey(SecretStr("sandbox"))
    provider = CountingProvider(Door(URL, clock=clock, client_factory=client), credential)
    provider.asked, provider.sweeps = 0, []
    ledger = BusyLedger(folder / "state" / "ledger.db", clock)
    films = folder / "films"
    films.mkdir(parents=True)
    made: Any = SmallFiles
    jobs = Jobs(ledger=ledger, provider=provider, downloads=made, folder=films, clock=clock)
    crowd = Crowd(jobs, sandbox, provider, ledger, clock, films)
    jobs.listen(crowd.heard)
    async with jobs.running():
        await crowd.settled()
        yield crowd
    await provider.aclose()


def share(figures: Sequence[float], part: float) -> float:
    """The figure that this part of them does not exceed."""
    ordered = sorted(figures)
    return ordered[min(len(ordered) - 1, math.ceil(len(ordered) * part) - 1)]
