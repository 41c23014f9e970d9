"""The whole house in one process: the engine, the official provider and the pretend Kling, on one hurrying clock."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import httpx2
from pydantic import SecretStr

from kling_mcp.clock import SystemClock
from kling_mcp.errors import InvalidRequest
from kling_mcp.jobs.ledger import Ledger
from kling_mcp.jobs.runner import Jobs
from kling_mcp.jobs.spend import Limits
from kling_mcp.media.downloads import Downloads
from kling_mcp.operations.catalogue import GENERATIONS
from kling_mcp.operations.video import GenerateVideo
from kling_mcp.providers.http import Door
from kling_mcp.providers.official import ApiKey, KeyPair, OfficialProvider
from kling_mcp.sandbox.app import Sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping
    from pathlib import Path

    from kling_mcp.clock import Clock
    from kling_mcp.jobs.model import Job
    from kling_mcp.operations.base import Generation
    from kling_mcp.providers.credentials import Credential

URL = "https://sandbox.invalid"
HURRY = 100.0
"""Seconds of the stack's clock in one of ours: a five-second clip is rendered in under one."""
API_KEY = ApiKey(SecretStr("sandbox"))
NO_LIMITS = Limits()


@dataclass(frozen=True)
class Stack:
    jobs: Jobs
    sandbox: Sandbox
    clock: SystemClock
    folder: Path
    ledger: Ledger
    provider: OfficialProvider

    @property
    def posts(self) -> int:
        return sum(n for name, n in self.sandbox.requests.items() if name.startswith("POST /v1"))

    async def made(self, **arguments: object) -> Job:
        """A job, submitted and waited for."""
        job = await self.submitted(**arguments)
        return (await self.jobs.wait([job.id], 3000.0))[0]

    async def withdrawn(self, job: Job) -> Job:
        """A job that is refused a slot again and again, cancelled between two tries."""
        while True:
            with suppress(InvalidRequest):
                return await self.jobs.cancel(job.id)
            await self.clock.sleep(0.5)

    async def submitted(self, **arguments: object) -> Job:
        return await self.jobs.submit(GenerateVideo.parse(arguments), arguments)


def key_pair() -> KeyPair:
    return KeyPair(SecretStr("sandbox-ak"), SecretStr("sandbox-sk-0123456789abcdef0123456789abcdef"))


def new_sandbox(clock: SystemClock, *, concurrency: int = 20, short_side: int = 160) -> Sandbox:
    """A pretend Kling with small films, because drawing large ones is most of the work of a test."""
    return Sandbox(
        clock=clock,
        base_url=URL,
        units=Decimal(100_000),
        concurrency=concurrency,
        serve_retired=True,
        dropped=_dropped,
        short_side=short_side,
    )


def _dropped() -> Exception:
    """What a client sees of a connection that ends inside the answer."""
    return httpx2.RemoteProtocolError("the server ended the connection")


@asynccontextmanager
async def running_stack(
    folder: Path,
    *,
    sandbox: Sandbox | None = None,
    clock: SystemClock | None = None,
    credential: Credential = API_KEY,
    output: Path | None = None,
    catalogue: Mapping[str, type[Generation]] = GENERATIONS,
    ledger_of: Callable[[Path, Clock], Ledger] = Ledger,
    short_side: int = 160,
    limits: Limits = NO_LIMITS,
) -> AsyncGenerator[Stack]:
    """A running engine; hand in the sandbox of another to have two on one Kling, the folder to share its ledger."""
    clock = clock or SystemClock(HURRY)
    pretend = sandbox or new_sandbox(clock, short_side=short_side)

    def client() -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(pretend.app))

    signing = SystemClock() if isinstance(credential, KeyPair) else clock  # the sandbox judges tokens by the real date
    provider = OfficialProvider(Door(URL, clock=signing, client_factory=client), credential)
    ledger = ledger_of(folder / "state" / "ledger.db", clock)
    jobs = Jobs(
        ledger=ledger,
        provider=provider,
        downloads=lambda to: Downloads(to, client, trusted_origin=URL),
        folder=output or folder / "films",
        clock=clock,
        catalogue=catalogue,
        limits=limits,
    )
    async with jobs.running():
        yield Stack(jobs, pretend, clock, folder, ledger, provider)
    await provider.aclose()
