"""Composition: settings in, one running server out. The only place where the rooms meet."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from pydantic import SecretStr

from kling_mcp.clock import Clock, SystemClock
from kling_mcp.errors import InvalidRequest
from kling_mcp.jobs.ledger import Ledger
from kling_mcp.jobs.runner import Jobs
from kling_mcp.jobs.spend import Limits
from kling_mcp.providers.http import Door
from kling_mcp.providers.official import ApiKey, KeyPair, OfficialProvider
from kling_mcp.providers.unconfigured import Unconfigured
from kling_mcp.server.catalogue import build_server

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping
    from pathlib import Path

    import httpx2

    from kling_mcp.media.downloads import Downloads
    from kling_mcp.providers.base import Provider
    from kling_mcp.sandbox.app import Sandbox
    from kling_mcp.server.front import KlingServer
    from kling_mcp.settings import Settings

SANDBOX_URL = "https://sandbox.invalid"
"""The pretend Kling inside this process: a name that can never resolve, so nothing of it can leak to a network."""
SANDBOX_SPEED = 10.0
SANDBOX_UNITS = Decimal(1_000_000)
"""It remembers what was spent from one start to the next; nobody shall run out while trying things."""
SAMPLE = "This is a sample from the sandbox: its url and units are pretended. Set KLING_API_KEY for the real thing."


@dataclass(frozen=True, slots=True)
class Runtime:
    """What one process runs: entered once, shared by every connection."""

    settings: Settings
    jobs: Jobs
    server: KlingServer


@dataclass(frozen=True, slots=True)
class _Kling:
    """Who runs the jobs, and how their results are fetched."""

    provider: Provider
    downloads: Callable[[Path], Downloads]
    notes: tuple[str, ...] = ()


@asynccontextmanager
async def open_runtime(settings: Settings, *, clock: Clock | None = None) -> AsyncGenerator[Runtime]:
    """Start the engine and build the server. Starts without a credential, and with a broken ledger, too.

    Leaving it stops the background work; jobs go on at Kling and are taken up at the next start.
    """
    clock = clock or SystemClock()
    kling = _sandboxed(settings, clock) if settings.provider == "sandbox" else _official(settings, clock)
    jobs = Jobs(
        ledger=Ledger(settings.ledger_path, clock),
        provider=kling.provider,
        downloads=kling.downloads,
        folder=settings.output_dir.expanduser(),
        clock=clock,
        notes=kling.notes,
        limits=Limits(settings.max_units_per_job, settings.max_units_per_day, settings.confirm_above_units),
        retention_days=settings.retention_days,
    )
    try:
        async with jobs.running():
            yield Runtime(settings, jobs, build_server(jobs, settings, provider_name=kling.provider.name))
    finally:
        await kling.provider.aclose()


def _official(settings: Settings, clock: Clock) -> _Kling:
    def downloads(folder: Path) -> Downloads:
        from kling_mcp.media.addresses import Origin  # noqa: PLC0415 - loaded at first use: it slows the start
        from kling_mcp.media.downloads import Downloads  # noqa: PLC0415 - as above

        local = Origin.of(settings.kling_url).on_this_machine  # a pretend Kling; of Kling itself no host is special
        return Downloads(folder, trusted_origin=settings.kling_url if local else None)

    return _Kling(_official_provider(settings, clock), downloads)


def _official_provider(settings: Settings, clock: Clock) -> Provider:
    """Kling, or nobody when the settings do not say who we are: then every tool says what to set."""
    try:
        credential = _credential(settings)
        return OfficialProvider(Door(settings.kling_url, clock=clock), credential) if credential else Unconfigured()
    except InvalidRequest as error:
        return Unconfigured(str(error), fix="Correct it in this server's configuration, then restart it.")


def _credential(settings: Settings) -> ApiKey | KeyPair | None:
    if settings.api_key:
        return ApiKey(settings.api_key)
    if settings.access_key and settings.secret_key:
        return KeyPair(settings.access_key, settings.secret_key)
    if settings.access_key or settings.secret_key:
        have, lack = ("ACCESS", "SECRET") if settings.access_key else ("SECRET", "ACCESS")
        raise InvalidRequest.one("", f"KLING_{have}_KEY is set but KLING_{lack}_KEY is not: they only work together.")
    return None


def _sandboxed(settings: Settings, clock: Clock) -> _Kling:
    """The pretend Kling in this very process, its tasks kept beside the ledger so that they outlive it."""
    import httpx2  # noqa: PLC0415 - loaded at first use: it slows the start

    from kling_mcp.media.downloads import Downloads  # noqa: PLC0415 - as above
    from kling_mcp.sandbox.app import API_KEY, Sandbox  # noqa: PLC0415 - as above

    pretend = Sandbox(
        clock=SystemClock(SANDBOX_SPEED) if isinstance(clock, SystemClock) else clock,
        base_url=SANDBOX_URL,
        folder=settings.ledger_path.parent / "sandbox",
        units=SANDBOX_UNITS,
    )

    def client() -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(pretend.app))

    door = Door(SANDBOX_URL, clock=clock, client_factory=client)
    return _Kling(
        OfficialProvider(door, ApiKey(SecretStr(API_KEY)), name="sandbox"),
        lambda folder: Downloads(folder, client, trusted_origin=SANDBOX_URL),
        notes=(SAMPLE,),
    )


def pretend_kling(base_url: str, *, speed: float, serve_retired: bool, folder: Path | None = None) -> Sandbox:
    """The pretend Kling as a server of its own, which also calls back where it was asked to (on this machine).

    Args:
        base_url: Where it is served.
        speed: How many times as fast as Kling it works.
        serve_retired: Serve models Kling has retired.
        folder: Where its tasks outlive it; None: they end with it.

    Raises:
        LocalTrouble: ``folder`` cannot be used.
    """
    import httpx2  # noqa: PLC0415 - loaded at first use: it slows the start

    from kling_mcp.sandbox.app import Sandbox  # noqa: PLC0415 - as above

    async def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
        async with httpx2.AsyncClient(trust_env=False) as client:
            return (await client.post(url, content=body, headers=dict(headers))).status_code

    return Sandbox(clock=SystemClock(speed), base_url=base_url, folder=folder, serve_retired=serve_retired, post=post)
