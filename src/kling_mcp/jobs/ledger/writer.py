"""One thread that owns the ledger's connection and commits in groups.

Why: SQLite allows one writer; a thread of its own keeps the event loop free of disk waits, and committing many
operations at once costs one fsync instead of many.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any, Protocol

import anyio
import anyio.to_thread

from kling_mcp.errors import LocalTrouble

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

GROUP = 256
PATIENCE_S = 30.0
"""How long an operation may wait for its turn before it fails closed."""

CLOSING_S = 2.0


class Connection(Protocol):
    """What the thread drives: opened in the thread, used only there."""

    def run(self, group: list[Operation]) -> None:
        """Run every operation, commit once, then settle each one's future."""
        ...

    def close(self) -> None:
        """Close, in the thread."""
        ...


@dataclass(frozen=True, slots=True)
class Operation:
    """A unit of work for the thread: ``work`` receives the connection and may read and write.

    Attributes:
        work: What is done.
        writes: Whether it may write.
        answer: Where its caller waits.
        future: Its result. Whoever is first decides: the thread that it is begun, or the caller that it is withdrawn.
    """

    work: Callable[[Any], Any]
    writes: bool
    answer: asyncio.Future[Any]
    future: Future[Any] = field(default_factory=Future[Any])

    def give_up(self) -> None:
        """Its turn has not come: it is withdrawn. If it was begun already it is waited for: it may be written yet."""
        if self.future.cancel() and not self.answer.done():
            self.answer.set_exception(_busy())

    def tell(self) -> None:
        """Hand the result to the caller, unless nobody waits any more."""
        if self.answer.done() or self.future.cancelled():
            return
        if error := self.future.exception():
            self.answer.set_exception(error)
        else:
            self.answer.set_result(self.future.result())


class Writer:
    """Hands operations to the thread and waits for their commit without blocking the event loop."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._queue: queue.SimpleQueue[Operation | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="ledger", daemon=True)
        self._started = False

    async def do(self, work: Callable[[Any], Any], *, writes: bool) -> Any:  # noqa: ANN401 - the caller knows
        """Run ``work`` in the thread; returns its result after the commit.

        Raises:
            LocalTrouble: The turn did not come within 30 s (somebody holds the ledger), or the store failed. Either
                way it was not done and never will be: a caller who is told so may try again.
        """
        if not self._started:
            self._started = True
            self._thread.start()
        loop = asyncio.get_running_loop()
        operation = Operation(work, writes, loop.create_future())
        patience = loop.call_later(PATIENCE_S, operation.give_up)
        self._queue.put(operation)
        try:
            return await operation.answer
        finally:
            patience.cancel()
            operation.future.cancel()  # a caller who left: what is still queued is withdrawn

    async def close(self) -> None:
        """Finish what is queued and end the thread; one that hangs on somebody else's lock is left behind."""
        if self._started:
            self._queue.put(None)
            with anyio.move_on_after(CLOSING_S):
                await anyio.to_thread.run_sync(self._thread.join, abandon_on_cancel=True)

    def _serve(self) -> None:
        while (first := self._queue.get()) is not None:
            group, ending = self._gather(first)
            self._connection.run(group)
            _tell(group)
            if ending:
                break
        self._connection.close()

    def _gather(self, first: Operation) -> tuple[list[Operation], bool]:
        """The first operation and whatever else has queued up meanwhile."""
        group, ending = [first], False
        while len(group) < GROUP:
            try:
                more = self._queue.get_nowait()
            except queue.Empty:
                break
            if more is None:
                ending = True
                break
            group.append(more)
        return group, ending


def _tell(group: Sequence[Operation]) -> None:
    """Hand all results over at once: waking the event loop for each costs as much as the work itself."""
    for loop, told in groupby(group, key=lambda operation: operation.answer.get_loop()):
        with suppress(RuntimeError):  # it was closed meanwhile: nobody waits there any more
            loop.call_soon_threadsafe(_tell_each, list(told))


def _tell_each(group: Sequence[Operation]) -> None:
    for operation in group:
        operation.tell()


def _busy() -> LocalTrouble:
    return LocalTrouble(
        f"The ledger has been busy for {PATIENCE_S:.0f} s: another process is holding it.",
        code="store_busy",
        fix="Close other programs that hold it, and kling-mcp processes that hang, then call again.",
    )
