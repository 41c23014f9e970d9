"""The whole house in one loop whose time leaps: server, engine, official provider, pretend Kling. No sockets.

Small files stand for Kling's, because drawing films is most of the work of a test.
"""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

import httpx2
from PIL import Image
from pydantic import SecretStr

from kling_mcp.jobs.runner import Jobs
from kling_mcp.jobs.spend import Limits
from kling_mcp.providers.http import Door
from kling_mcp.providers.official import ApiKey, OfficialProvider
from kling_mcp.sandbox.app import Sandbox
from kling_mcp.sandbox.samples import sample_video
from kling_mcp.server.catalogue import build_server
from kling_mcp.settings import Settings

from .leaping import LeapingDownloads, LeapingLedger, LoopClock

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from pathlib import Path

    from kling_mcp.providers.credentials import Credential
    from kling_mcp.server.front import KlingServer

URL = "https://sandbox.invalid"
KEY = ApiKey(SecretStr("sandbox"))
_NOT_PAID = ("POST /account/", "POST /tasks")


@cache
def small_film() -> bytes:
    return sample_video(caption="", label="", aspect_ratio="16:9", duration_s=0.2, sound=False, short_side=64)


@cache
def small_picture() -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (32, 32), "navy").save(buffer, "PNG")
    return buffer.getvalue()


@dataclass
class FileHost:
    """Serves small files in the place of Kling's."""

    asked: Counter[str] = field(default_factory=Counter[str])

    def client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.MockTransport(self._served))

    def _served(self, request: httpx2.Request) -> httpx2.Response:
        self.asked[request.url.path] += 1
        form = request.url.path.rpartition(".")[2]
        content, media_type = (small_film(), "video/mp4") if form == "mp4" else (small_picture(), "image/png")
        return httpx2.Response(200, content=content, headers={"content-type": media_type})


class Garbling(httpx2.AsyncBaseTransport):
    """Passes every exchange on to an application, and its answer through ``garble``."""

    def __init__(self, app: Any) -> None:  # noqa: ANN401 - any ASGI application
        self._inner = httpx2.ASGITransport(app)
        self.garble: Callable[[httpx2.Request, httpx2.Response, bytes], httpx2.Response] | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._inner.handle_async_request(request)
        if self.garble is None:
            return response
        await response.aread()
        altered = self.garble(request, response, response.content)
        return httpx2.Response(altered.status_code, headers=altered.headers, stream=httpx2.ByteStream(altered.content))


@dataclass
class House:
    """One running server."""

    jobs: Jobs
    provider: OfficialProvider
    ledger: LeapingLedger
    sandbox: Sandbox
    clock: LoopClock
    server: KlingServer
    settings: Settings
    network: Garbling
    files: FileHost
    films: Path

    @property
    def posts(self) -> int:
        """How many requests that may be paid have left."""
        return sum(
            count
            for name, count in self.sandbox.requests.items()
            if name.startswith("POST ") and not name.startswith(_NOT_PAID)
        )


@cache
def _settings(**options: object) -> Settings:
    """Reading the environment takes longer than a call."""
    return Settings.model_validate({"toolsets": "all", "wait_seconds": 0, "provider": "official", **options})


@asynccontextmanager
async def house(
    folder: Path,
    *,
    sandbox: Sandbox | None = None,
    credential: Credential = KEY,
    limits: Limits | None = None,
    **options: object,
) -> AsyncGenerator[House]:
    """A server over its engine; hand in the sandbox of another to have two on one Kling, the folder for its ledger."""
    clock = LoopClock()
    pretend = sandbox or Sandbox(clock=clock, base_url=URL, units=Decimal(10**9), concurrency=10**6)
    network, files = Garbling(pretend.app), FileHost()
    door = Door(URL, clock=clock, client_factory=lambda: httpx2.AsyncClient(transport=network))
    provider = OfficialProvider(door, credential)
    ledger = LeapingLedger(folder / "state" / "ledger.db", clock)
    settings = _settings(**options).model_copy(update={"output_dir": folder / "films"})
    jobs = Jobs(
        ledger=ledger,
        provider=provider,
        downloads=lambda to: LeapingDownloads(to, files.client, trusted_origin=URL),
        folder=folder / "films",
        clock=clock,
        limits=limits or Limits(),
    )
    server = build_server(jobs, settings, provider_name="official")
    try:
        async with jobs.running():
            yield House(jobs, provider, ledger, pretend, clock, server, settings, network, files, folder / "films")
    finally:
        await provider.aclose()


@contextmanager
def crashes() -> Generator[list[str]]:
    """What was logged with a traceback meanwhile: bugs, whoever caught them."""
    found: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.exc_info:
                found.append(logging.Formatter().format(record))

    ear = Ear()
    logging.getLogger().addHandler(ear)
    try:
        yield found
    finally:
        logging.getLogger().removeHandler(ear)
