"""A server over the real engine, with a film studio of our own in the place of Kling: it does what a test tells it."""

from __future__ import annotations

from collections import defaultdict
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, cast

import anyio.lowlevel
import httpx2
from mcp import Client
from mcp.types import TextContent

from kling_mcp.errors import Refused
from kling_mcp.jobs.ledger import Ledger
from kling_mcp.jobs.runner import Jobs
from kling_mcp.jobs.spend import Limits
from kling_mcp.media.downloads import Downloads
from kling_mcp.providers.base import Balance, Charge, Charges, Listed, Output, Pack, Progress, Request
from kling_mcp.server.catalogue import build_server

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence
    from pathlib import Path

    from mcp.client.session import ElicitationFnT
    from mcp.types import CallToolResult

    from kling_mcp.clock import Clock
    from kling_mcp.errors import KlingError
    from kling_mcp.operations.base import Generation
    from kling_mcp.providers.base import Element, Origin, Shelf, TaskRef, Voice
    from kling_mcp.server.front import KlingServer
    from kling_mcp.settings import Settings

SPEED = 40.0
"""How many seconds of the engine go by in one of ours."""
ORIGIN = "https://studio.invalid"
BALANCE = Balance(
    (
        Pack("Video pack", "online", Decimal(1000), Decimal("995.5"), 1_800_000_000.0),
        Pack("Old pack", "expired", Decimal(100), Decimal(3), 1_700_000_000.0),
    )
)
WISH = {"prompt": "A red fox in fresh snow", "model_name": "kling-v3", "duration": 5}
ANOTHER = {**WISH, "allow_duplicate": True}
"""The same wish for one more, so that it is not taken for a retry."""
Mode = Literal["auto", "legacy"]
ERAS: tuple[Mode, ...] = ("auto", "legacy")


@dataclass
class Studio:
    """Somebody who runs operations. Seconds are the engine's."""

    clock: Clock
    lasts: float = 10.0
    trouble: KlingError | None = None
    """Raised instead of taking a job."""
    unprepared: KlingError | None = None
    """Raised before anything is accepted."""
    message: str = ""
    """Why every task fails; empty if they succeed."""
    outputs: tuple[Output, ...] = (Output("video", f"{ORIGIN}/film.mp4?sign=canary", "990017", 1.0),)
    """What every task makes."""
    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    """What every task tells beside files."""
    at_once: bool = False
    """Whether tasks are finished in the answer to their POST."""
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict[str, tuple[str, bytes]])
    """What is served: ending of the address → media type and content."""
    creates: list[str] = field(default_factory=list[str])
    started: dict[str, float] = field(default_factory=dict[str, float])
    library: dict[tuple[Shelf, Origin], list[Any]] = field(default_factory=lambda: defaultdict(list[Any]))
    """What is on which shelf."""
    deductions: list[Charge] = field(default_factory=list[Charge])
    """What was charged, newest first."""

    name: str = "studio"
    account: str = "studio-account"
    settle_s: float = 5.0

    def prepare(self, operation: Generation) -> Request:
        if self.unprepared:
            raise self.unprepared
        return Request("v1", operation.path, operation.body(), nameless=operation.nameless)

    async def submit(self, request: Request, ext_id: str) -> Progress:
        del request
        self.creates.append(ext_id)
        await anyio.lowlevel.checkpoint()
        if self.trouble:
            raise self.trouble
        self.started[ext_id] = self.clock.now() - (self.lasts if self.at_once else 0)
        return self._progress(ext_id) if self.at_once else Progress(f"task-{ext_id}", "submitted", ext_id)

    async def look_up(self, refs: Sequence[TaskRef]) -> Mapping[str, Progress]:
        await anyio.lowlevel.checkpoint()
        return {ref.ext_id: self._progress(ref.ext_id) for ref in refs if ref.ext_id in self.started}

    async def taken_between(self, path: str, start: float, end: float) -> Sequence[Progress] | None:
        del path, start, end
        return await anyio.lowlevel.checkpoint()

    async def balance(self) -> Balance:
        await anyio.lowlevel.checkpoint()
        if self.unprepared:
            raise self.unprepared
        return BALANCE

    async def voices(self, origin: Origin, page: int, size: int) -> Listed[Voice]:
        return await self._shelf(self.library["voice", origin], page, size)

    async def elements(self, origin: Origin, page: int, size: int) -> Listed[Element]:
        return await self._shelf(self.library["element", origin], page, size)

    async def _shelf(self, shelf: list[Any], page: int, size: int) -> Listed[Any]:
        found = await self._page(shelf, page, size)
        return Listed(tuple(each for each in found if each is not None), full=len(found) == size)

    async def _page(self, shelf: list[Any], page: int, size: int) -> list[Any]:
        await anyio.lowlevel.checkpoint()
        if self.unprepared:
            raise self.unprepared
        return shelf[(page - 1) * size : page * size]

    async def delete(self, shelf: Shelf, kling_id: str) -> None:
        own = await self._page(self.library[shelf, "own"], 1, 1000)
        if kling_id not in {each.id for each in own}:
            raise Refused(f"There is no {shelf} {kling_id} of one's own.", code="1201")
        self.library[shelf, "own"] = [each for each in own if each.id != kling_id]

    async def charges(self, start: float, end: float, *, cash: bool, limit: int, cursor: str = "") -> Charges:
        begin, made = (
            int(cursor or 0),
            [c for c in self.deductions if bool(c.currency) is cash and start <= c.at <= end],
        )
        page = await self._page(made[begin:], 1, limit)
        more = begin + limit < len(made)
        return Charges(tuple(page), str(begin + limit) if more else "")

    async def aclose(self) -> None:
        return

    def _progress(self, ext_id: str) -> Progress:
        if self.clock.now() < self.started[ext_id] + self.lasts:
            return Progress(f"task-{ext_id}", "processing", ext_id)
        if self.message:
            return Progress(f"task-{ext_id}", "failed", ext_id, message=self.message)
        return Progress(f"task-{ext_id}", "succeeded", ext_id, outputs=self.outputs, units=Decimal(3), facts=self.facts)

    def served(self, request: httpx2.Request) -> httpx2.Response:
        """A file of ours."""
        media_type, content = self.files[request.url.path.rpartition(".")[2]]
        return httpx2.Response(200, content=content, headers={"content-type": media_type})


@dataclass(frozen=True)
class House:
    """A running engine with its server."""

    studio: Studio
    jobs: Jobs
    server: KlingServer
    settings: Settings

    def client(self, mode: Mode = "auto", human: ElicitationFnT | None = None) -> Client:
        """A client, with somebody at it who can be asked, or with nobody."""
        return Client(self.server, mode=mode, elicitation_callback=human)


@asynccontextmanager
async def opened(folder: Path, film: bytes, settings: Settings, clock: Clock) -> AsyncGenerator[House]:
    def client() -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.MockTransport(studio.served))

    studio = Studio(clock, files={"mp4": ("video/mp4", film)})
    jobs = Jobs(
        ledger=Ledger(folder / "state" / "ledger.db", clock),
        provider=studio,
        downloads=lambda to: Downloads(to, client, trusted_origin=ORIGIN),
        folder=folder / "films",
        clock=clock,
        notes=("A test film.",),
        limits=Limits(settings.max_units_per_job, settings.max_units_per_day, settings.confirm_above_units),
    )
    async with jobs.running():
        yield House(studio, jobs, build_server(jobs, settings, provider_name="studio"), settings)


def told(result: CallToolResult) -> dict[str, Any]:
    """The answer as data."""
    return cast("dict[str, Any]", result.structured_content)


def text(result: CallToolResult) -> str:
    """The answer as text."""
    first = result.content[0]
    assert isinstance(first, TextContent)
    return first.text
