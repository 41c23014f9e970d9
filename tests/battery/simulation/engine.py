"""The one place that knows how the real engine is put together. If its constructors change, only this file does."""

# ruff: noqa: ANN401 - it stands between asyncio and the engine, and passes on whatever they exchange

from __future__ import annotations

import random
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

import anyio.to_thread

from kling_mcp.jobs import runner
from kling_mcp.jobs.ledger import Ledger
from kling_mcp.jobs.ledger.intake import Wanted
from kling_mcp.jobs.model import Job
from kling_mcp.jobs.runner import Jobs
from kling_mcp.jobs.spend import Limits, Terms
from kling_mcp.media.downloads import Stored
from kling_mcp.operations.base import Quote
from kling_mcp.providers.base import Request
from tests.battery.simulation.store import Desk

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from kling_mcp.providers.base import Provider
    from tests.battery.simulation.kling import Intent
    from tests.battery.simulation.store import Shelf
    from tests.battery.simulation.world import Host

FOLDER = Path("/simulated")
STORED = Stored(FOLDER / "result.png", "image/png", 1, "0" * 64, 1, 1, None)
_TERMS, _LIMITS = Terms(), Limits()


class Engine:
    """The real engine of one program, as the server makes it, on a simulated file, lock and clock."""

    def __init__(self, host: Host, shelf: Shelf, provider: Provider) -> None:
        self._host = host
        ledger = Ledger(FOLDER / "ledger.db", host.clock)
        ledger._writer = cast("Any", Desk(shelf, host))  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - the seam

        def itself(_: Path) -> Any:
            return host

        def dice() -> random.Random:
            return host.world.dice

        with patch.object(runner, "Owner", itself), patch.object(random, "Random", dice):
            self.jobs = Jobs(
                ledger=ledger,
                provider=provider,
                downloads=itself,
                folder=FOLDER,
                clock=host.clock,
            )
        self.jobs.listen(self._moved)

    async def run(self) -> None:
        """Work for ever."""
        async with self.jobs.running():
            await self._host.world.loop.create_future()

    async def accept(self, job: Job, request: Request) -> None:
        """Take a job in; what comes before (sources, checks, the price) is not simulated."""
        wanted = Wanted(job, request, Quote(job.units_quoted, job.package, "simulated", "2026-11-21"), _TERMS, _LIMITS)
        await self.jobs._acceptance._recorded(wanted)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - as above

    async def _moved(self, job: Job) -> None:
        self._host.note(f"{job.id}: {job.state} {job.delivery}, epoch {job.epoch}, {job.failure and job.failure.code}")


@contextmanager
def no_threads() -> Generator[None]:
    """What the engine would do in a thread is done at once."""

    async def run_sync(work: Callable[..., Any], *args: Any, **_: Any) -> Any:
        return work(*args)

    with ExitStack() as stack:
        stack.enter_context(patch.object(anyio.to_thread, "run_sync", run_sync))
        yield


def job_for(intent: Intent, now: float, account: str, provider: str) -> tuple[Job, Request]:
    """The first record of an intent, and what is posted for it."""
    job = Job(
        id=f"km1-{intent.number:026d}",
        account=account,
        provider=provider,
        tool=intent.tool,
        request_hash=str(intent.number),
        arguments={},
        model_name="kling-v3",
        units_quoted=intent.units,
        created_at=now,
        updated_at=now,
        wire="v1",
        path=f"/v1/{intent.tool}",
        folder=str(FOLDER),
        nameless=intent.nameless,
        package="video",
        slots=intent.slots,
        pace=intent.tool,
    )
    return job, Request("v1", job.path, {"intent": intent.number}, nameless=intent.nameless)
