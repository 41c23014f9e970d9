"""Time and programs of the simulation: an event loop whose clock jumps from timer to timer.

No threads, no sockets, no waiting: what runs next follows from what was scheduled, so a seed replays exactly. Every
callback belongs to the program whose context it was scheduled in; a program that is stopped gets no turns. Frozen, it
gets them later, with all it knew; killed, never: none of its ``except`` and ``finally`` clauses runs.
"""

# ruff: noqa: ANN401 - it stands between asyncio and the engine, and passes on whatever they exchange

from __future__ import annotations

import asyncio
import contextvars
import heapq
from collections import deque
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


class Program:
    """One simulated process, as the loop sees it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.stopped = False
        self.missed: list[Turn] = []
        """The turns it did not get because it was stopped."""
        self.context = contextvars.Context()
        self.context.run(_PROGRAM.set, self)


_PROGRAM: contextvars.ContextVar[Program | None] = contextvars.ContextVar("program", default=None)
_NOBODY = contextvars.Context()
"""The context of what belongs to no program: the network, Kling, the weather."""


class Turn:
    """A scheduled callback, and whose it is: all that asyncio wants of a handle and no more: there are many."""

    __slots__ = ("_args", "_callback", "_cancelled", "_context", "_when", "program")

    def __init__(
        self, when: float, callback: Callable[..., object], args: tuple[Any, ...], context: contextvars.Context
    ) -> None:
        self._when, self._callback, self._args, self._context = when, callback, args, context
        self._cancelled = False
        self.program = context.get(_PROGRAM)

    def take(self) -> None:
        if not self._cancelled:
            self._context.run(self._callback, *self._args)

    def cancel(self) -> None:
        self._cancelled = True

    def cancelled(self) -> bool:
        return self._cancelled

    def when(self) -> float:
        return self._when


class _Task(asyncio.Task[Any]):
    """A task whose hash is its number, so that sets of tasks have the same order in every run."""

    def __init__(self, number: int, coroutine: Coroutine[Any, Any, Any], **options: Any) -> None:
        self._number = number
        super().__init__(coroutine, **options)

    def __hash__(self) -> int:
        return self._number

    def __repr__(self) -> str:
        return f"task {self._number}"  # anyio writes it into every cancellation

    def __eq__(self, other: object) -> bool:
        return self is other


class Stuck(Exception):
    """Nothing is scheduled, and it is not over."""


class Loop(asyncio.AbstractEventLoop):
    """An event loop on virtual time."""

    def __init__(self) -> None:
        self._now = 0.0
        self._ready = deque[Turn]()
        self._timers: list[tuple[float, int, Turn]] = []
        self._scheduled = 0
        self.tasks: list[asyncio.Task[Any]] = []
        """All there ever were: one that is only waiting must not be collected, or its ``finally`` clauses run."""
        self.errors: list[str] = []

    def run_until(self, over: Callable[[], bool]) -> None:
        """Give turns until it is over.

        Raises:
            Stuck: Nothing is scheduled any more.
        """
        asyncio._set_running_loop(self)  # noqa: SLF001  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] - meant for those who write event loops
        ready = self._ready
        try:
            while not over():
                if not ready:
                    self._jump()
                while ready:
                    turn = ready.popleft()
                    if (program := turn.program) is not None and program.stopped:
                        program.missed.append(turn)
                    else:
                        turn.take()
        finally:
            asyncio._set_running_loop(None)  # noqa: SLF001  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] - as above

    def _jump(self) -> None:
        if not self._timers:
            raise Stuck
        self._now, _, turn = heapq.heappop(self._timers)
        self._ready.append(turn)

    def go_on(self, program: Program) -> None:
        """Give a stopped program the turns it missed."""
        program.stopped = False
        missed, program.missed = program.missed, []
        self._ready.extend(missed)

    def forget_world(self) -> None:
        """Drop what no program has scheduled."""
        self._timers = [timer for timer in self._timers if timer[2].program]
        heapq.heapify(self._timers)

    def later(self, seconds: float, callback: Callable[..., object], *args: Any) -> None:
        """Have the world outside the programs do something after so many seconds, whoever is stopped by then."""
        self.call_at(self._now + seconds, callback, *args, context=_NOBODY)

    # ---- what asyncio asks of a loop

    def time(self) -> float:
        return self._now

    def call_soon(self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None) -> Any:
        turn = Turn(self._now, callback, args, contextvars.copy_context() if context is None else context)
        self._ready.append(turn)
        return turn

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> Any:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> Any:
        turn = Turn(when, callback, args, contextvars.copy_context() if context is None else context)
        self._scheduled += 1
        heapq.heappush(self._timers, (max(when, self._now), self._scheduled, turn))
        return turn

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(
        self,
        coro: Any,
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
        **_: Any,
    ) -> asyncio.Task[Any]:
        task = _Task(len(self.tasks), cast("Coroutine[Any, Any, Any]", coro), loop=self, name=name, context=context)
        self.tasks.append(task)
        return task

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.errors.append(f"{context.get('message')}: {context.get('exception')!r}")

    def get_task_factory(self) -> None:
        return None

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False
