"""Server, engine, provider and pretend Kling in one process, with a real MCP client in front of them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import httpx2
from mcp import Client
from pydantic import SecretStr

from kling_mcp.jobs.ledger import Ledger
from kling_mcp.jobs.runner import Jobs
from kling_mcp.media.downloads import Downloads
from kling_mcp.providers.http import Door
from kling_mcp.providers.official import ApiKey, OfficialProvider
from kling_mcp.sandbox.app import Sandbox
from kling_mcp.server.catalogue import build_server
from kling_mcp.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    from starlette.types import ASGIApp

    from kling_mcp.clock import Clock

URL = "https://sandbox.invalid"


@dataclass(frozen=True, slots=True)
class Stage:
    """What a benchmark measures."""

    client: Client
    provider: OfficialProvider
    sandbox: Sandbox


def unwatched(app: ASGIApp) -> ASGIApp:
    """The pretend Kling as it is."""
    return app


@asynccontextmanager
async def staged(
    folder: Path, clock: Clock, watched: Callable[[ASGIApp], ASGIApp] = unwatched
) -> AsyncGenerator[Stage]:
    """Everything in one process; ``watched`` may wrap the pretend Kling to see what reaches it."""
    sandbox = Sandbox(clock=clock, base_url=URL, concurrency=100_000, units=Decimal(100_000))

    def client() -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(watched(sandbox.app)))

    settings = Settings(api_key=SecretStr("sandbox"), output_dir=folder)
    provider = OfficialProvider(Door(URL, clock=clock, client_factory=client), ApiKey(SecretStr("sandbox")))
    jobs = Jobs(
        ledger=Ledger(folder / "ledger.db", clock),
        provider=provider,
        downloads=lambda out: Downloads(out, client, trusted_origin=URL),
        folder=folder,
        clock=clock,
    )
    server = build_server(jobs, settings, provider_name=provider.name)
    async with jobs.running(), Client(server) as agent:
        yield Stage(agent, provider, sandbox)
    await provider.aclose()
