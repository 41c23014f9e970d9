"""What ten thousand jobs in flight cost the engine: memory, requests, and how long it keeps its own event loop busy.

``python bench/scale.py [--json] [FOLDER]``. The engine and the official provider run in this process, the pretend Kling
in another one on the loopback network, in real time. All jobs are in flight when the engine starts, and end within the
minute after that. Files are a few bytes. Wanted: at most 150 MB, at most 25 requests a sweep, nobody waits for the loop
for more than about 50 ms.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
from machine import described
from pydantic import SecretStr

from kling_mcp.clock import SystemClock
from kling_mcp.jobs.ledger import Ledger
from kling_mcp.jobs.model import Delivery, Job, State
from kling_mcp.jobs.runner import Jobs
from kling_mcp.media.downloads import Stored
from kling_mcp.providers.base import Request
from kling_mcp.providers.http import Door
from kling_mcp.providers.official import ApiKey, OfficialProvider

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from kling_mcp.operations.base import Yields
    from kling_mcp.providers.base import Progress, TaskRef

JOBS = 10_000
PATH = "/v1/videos/text2video"
SOONEST_S, LATEST_S = 30.0, 90.0
PATIENCE_S = 480.0
TICK_S = 0.005


def pretend(port: str, folder: str) -> None:
    """The other process: a pretend Kling with all the tasks, whose ids and times it writes down."""
    import uvicorn

    from kling_mcp.sandbox.app import Sandbox
    from kling_mcp.sandbox.order import Make, Order

    base = f"http://127.0.0.1:{port}"
    sandbox = Sandbox(clock=SystemClock(), base_url=base, units=Decimal(10**9), concurrency=10**6)
    dice = random.Random(1)  # noqa: S311 - durations, not secrets
    tasks: list[tuple[str, float, float]] = []
    film = (Make("video", duration=5.0),)
    for number in range(JOBS):
        pace = dice.uniform(SOONEST_S, LATEST_S)
        order = Order(PATH, model="kling-v3", units=Decimal(3), makes=film, external_id=_name(number), pace=pace)
        task = sandbox.state.accept(order, {})
        tasks.append((task.id, task.created_at, task.ends_at))
    Path(folder, "tasks.json").write_text(json.dumps(tasks), encoding="utf-8")
    uvicorn.run(sandbox.app, port=int(port), log_level="error")


def _name(number: int) -> str:
    return f"km1-{number:026d}"


@dataclass(frozen=True)
class SmallFiles:
    """Downloads of a few bytes."""

    folder: Path

    async def fetch(self, url: str, *, stem: str, kind: Yields) -> Stored:
        """Write a small file."""
        await anyio.lowlevel.checkpoint()
        del url, kind
        path = self.folder / f"{stem}.mp4"
        path.write_bytes(b"film")
        return Stored(path, "video/mp4", 4, "0" * 64, 160, 90, 5.0)


@dataclass
class Measured:
    """What happened."""

    ends: Mapping[str, float]
    late: list[float] = field(default_factory=list[float])
    stored: int = 0
    sweeps: list[int] = field(default_factory=list[int])
    blocks: list[float] = field(default_factory=list[float])
    computing: list[float] = field(default_factory=list[float])
    done: anyio.Event = field(default_factory=anyio.Event)

    async def heard(self, job: Job) -> None:
        """A job moved."""
        await anyio.lowlevel.checkpoint()
        if job.state is State.SUCCEEDED and job.delivery is Delivery.FETCHING and not job.fetches:
            self.late.append(time.time() - self.ends[job.id])
        self.stored += job.delivery is Delivery.STORED
        if self.stored == JOBS:
            self.done.set()

    async def watch(self) -> None:
        """How long the event loop keeps a short nap waiting."""
        while True:
            began, computed = time.perf_counter(), time.thread_time()
            await anyio.sleep(TICK_S)
            self.blocks.append(time.perf_counter() - began - TICK_S)
            self.computing.append(time.thread_time() - computed)


class CountedDoor(Door):
    """Counts requests."""

    asked = 0

    async def _exchange(self, *args: Any, **content: Any) -> Any:  # noqa: ANN401 - passed on
        self.asked += 1
        return await super()._exchange(*args, **content)


@dataclass(frozen=True)
class CountedSweeps:
    """The provider's look-ups, with what each asked."""

    provider: OfficialProvider
    door: CountedDoor
    sweeps: list[int]

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the provider's own
        return getattr(self.provider, name)

    async def look_up(self, refs: Sequence[TaskRef]) -> Mapping[str, Progress]:
        """Ask, and count."""
        before = self.door.asked
        found = await self.provider.look_up(refs)
        self.sweeps.append(self.door.asked - before)
        return found


@contextmanager
def kling(folder: Path) -> Generator[str]:
    """The pretend Kling, running; gives its address."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    other = subprocess.Popen([sys.executable, __file__, "--kling", port, str(folder)])
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if (folder / "tasks.json").exists() and probe.connect_ex(("127.0.0.1", int(port))) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        other.terminate()
        other.wait(10)


async def measured(folder: Path, url: str) -> dict[str, Any]:
    """Let the engine bring them all home."""
    clock = SystemClock()
    tasks: list[tuple[str, float, float]] = json.loads((folder / "tasks.json").read_text(encoding="utf-8"))
    result = Measured({_name(number): end for number, (_, _, end) in enumerate(tasks)})
    door = CountedDoor(url, clock=clock)
    provider = OfficialProvider(door, ApiKey(SecretStr("sandbox")))
    ledger, films = Ledger(folder / "ledger.db", clock), folder / "films"
    films.mkdir()
    for start in range(0, JOBS, 500):
        async with anyio.create_task_group() as group:
            for number in range(start, start + 500):
                job = _job(number, tasks[number], provider, films)
                group.start_soon(ledger.add, job, Request("v1", PATH, {}))
    small, counted = _any(SmallFiles), _any(CountedSweeps(provider, door, result.sweeps))
    jobs = Jobs(ledger=ledger, provider=counted, downloads=small, folder=films, clock=clock)
    jobs.listen(result.heard)
    before = _rss_mb()
    async with jobs.running(), anyio.create_task_group() as group:
        group.start_soon(result.watch)
        with anyio.move_on_after(PATIENCE_S):
            await result.done.wait()
        group.cancel_scope.cancel()
    await provider.aclose()
    late, blocks = sorted(result.late), sorted(result.blocks)
    return {
        "finished": result.stored,
        "rss_mb": round(_rss_mb()),
        "rss_before_mb": round(before),
        "requests_per_sweep": max(result.sweeps),
        "requests": sum(result.sweeps),
        "late_p50_s": round(late[len(late) // 2], 1),
        "late_p95_s": round(late[int(len(late) * 0.95)], 1),
        "loop_p99_ms": round(blocks[int(len(blocks) * 0.99)] * 1000, 1),
        "loop_worst_ms": round(blocks[-1] * 1000, 1),
        "computing_worst_ms": round(max(result.computing) * 1000, 1),
    }


def _any(thing: Any) -> Any:  # noqa: ANN401 - stands in for what it is not
    return thing


def _job(number: int, task: tuple[str, float, float], provider: OfficialProvider, films: Path) -> Job:
    task_id, begun_at, _ = task
    return Job(
        id=_name(number),
        account=provider.account,
        provider=provider.name,
        tool="generate_video",
        request_hash=str(number),
        arguments={"prompt": "a kite over dunes, late light, slow pan to the left"},
        model_name="kling-v3",
        units_quoted=Decimal(3),
        created_at=begun_at,
        updated_at=begun_at,
        wire="v1",
        path=PATH,
        state=State.RUNNING,
        task_id=task_id,
        attempts=1,
        folder=str(films),
        package="video",
        pace="bench",
        begun_at=round(begun_at, 3),
    )


def _rss_mb() -> float:
    """The most this program has had in memory. What getrusage tells begins with what its parent had."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    peak = next(line for line in lines if line.startswith("VmHWM:"))
    return int(peak.split()[1]) / 1024


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["--kling"]:
        pretend(*sys.argv[2:4])
        return
    options = sys.argv[1:]
    as_json = "--json" in options
    named = [each for each in options if not each.startswith("--")]
    with tempfile.TemporaryDirectory(dir=named[0] if named else None) as room, kling(Path(room)) as url:
        figures = anyio.run(measured, Path(room), url)
    if as_json:
        print(json.dumps(figures))
        return
    print(described())
    print(f"{figures['finished']} of {JOBS} jobs in flight ended within a minute and are on disk")
    print(f"memory at most {figures['rss_mb']} MB ({figures['rss_before_mb']} MB before the engine began; wanted: 150)")
    print(f"at most {figures['requests_per_sweep']} requests a sweep (wanted: 25), {figures['requests']} in all")
    print(f"noticed after {figures['late_p50_s']} s (median), {figures['late_p95_s']} s (p95)")
    late, worst = figures["loop_p99_ms"], figures["loop_worst_ms"]
    print(f"the event loop was late by {late} ms (p99), {worst} ms (worst);")
    print(f"its thread computed for at most {figures['computing_worst_ms']} ms at a stretch: else the machine was busy")


if __name__ == "__main__":
    main()
