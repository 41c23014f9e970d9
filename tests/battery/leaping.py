"""An event loop whose time leaps: while nobody has anything to do, the next alarm rings at once.

Everything that waits by the loop waits no longer than the machine works: time-outs, pauses, polling. Sockets of this
very process answer before time leaps; threads do not, so whoever waits for one says so (``busy``).
"""

from __future__ import annotations

import asyncio
import selectors
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import anyio

from kling_mcp.jobs.ledger import Ledger
from kling_mcp.media.downloads import Downloads

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from kling_mcp.media.downloads import Stored
    from kling_mcp.operations.base import Yields

_Result = TypeVar("_Result")

GRACE_S = 0.0002
"""Real seconds without any sign of life after which time leaps."""
START = 1_790_000_000.0


class _Leaping(selectors.DefaultSelector):
    leapt = 0.0
    busy = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        if events := super().select(min(timeout, GRACE_S)):
            return events
        if self.busy:
            return super().select(min(timeout, 0.05))
        self.leapt += timeout
        return []


class LeapingLoop(asyncio.SelectorEventLoop):
    """The loop. Real time passes in it too, as always; it is only never waited for."""

    def __init__(self) -> None:
        self._leaping = _Leaping()
        super().__init__(self._leaping)
        self.born = self.time()

    def time(self) -> float:
        return super().time() + self._leaping.leapt

    def jump(self, seconds: float) -> None:
        """So much time is over at once, as after a machine has slept: every alarm of it rings now, and only once."""
        self._leaping.leapt += seconds

    @contextmanager
    def busy(self) -> Generator[None]:
        """Time does not leap within: a thread is at work."""
        self._leaping.busy += 1
        try:
            yield
        finally:
            self._leaping.busy -= 1


def _busy() -> Any:  # noqa: ANN401 - a context manager
    loop = asyncio.get_running_loop()
    assert isinstance(loop, LeapingLoop)
    return loop.busy()


class LoopClock:
    """The loop's time, as the clock of everything that runs in it: all of them tell the same."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, LeapingLoop)
        self._loop, self._start = loop, START - loop.born

    def now(self) -> float:
        return self._start + self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(max(0.0, seconds))


class LeapingLedger(Ledger):
    """The ledger, whose writer is a thread."""

    async def write(self, work: Callable[..., _Result]) -> _Result:
        with _busy():
            return await super().write(work)

    async def read(self, work: Callable[..., _Result]) -> _Result:
        with _busy():
            return await super().read(work)


class LeapingDownloads(Downloads):
    """Downloads, which look at files in threads. Their network must not wait: no time leaps."""

    async def fetch(self, url: str, *, stem: str, kind: Yields) -> Stored:
        with _busy():
            return await super().fetch(url, stem=stem, kind=kind)
