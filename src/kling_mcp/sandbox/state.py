"""What the pretend Kling remembers: tasks and their external ids, slots, and what is left of the resource pack.

Everything about money and slots follows from the tasks and the clock. When a pack is debited is [OWN]: at the moment
a task succeeds. Until then its price is reserved, so that running tasks can never overdraw the pack. Between
processes that share a folder only external ids are guarded against the same instant; slots and units are not.
"""

from __future__ import annotations

import bisect
import heapq
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from kling_mcp.operations.rates import video_units
from kling_mcp.sandbox.folder import TaskFolder
from kling_mcp.sandbox.life import life_of, message_of, new_id
from kling_mcp.sandbox.order import Task
from kling_mcp.sandbox.wire import Refusal, illegal

if TYPE_CHECKING:
    from pathlib import Path

    from kling_mcp.clock import Clock
    from kling_mcp.sandbox.order import Order

_PACK_LIFE_S = 180 * 86_400
_SHOWN = 200
"""Characters of a posted text that are kept for people to read."""
_DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Pack:
    """The resource pack of the account. Contract: video.md section 4, part D. Times are unix seconds."""

    name: str
    id: str
    total: Decimal
    concurrency: int
    purchased_at: float
    invalid_at: float


class State:
    """One account. Every method looks at the clock first, so what it says is true now."""

    def __init__(self, clock: Clock, *, units: Decimal, concurrency: int, folder: Path | None = None) -> None:
        self._clock = clock
        self._ahead_s = 0.0
        self._folder = TaskFolder(folder) if folder is not None else None
        self._tasks: list[Task] = []
        self._by_id: dict[str, Task] = {}
        self._by_external: dict[str, Task] = {}
        self._running: list[tuple[float, str]] = []
        self._ended: list[Task] = []
        self._spent = Decimal(0)
        self.duplicates_refused = 0
        born = clock.now()
        name = f"Video-{units:f}Units-{concurrency}Con-6Months"
        self.pack = Pack(name, f"{0x5A17D_B0C5:032x}", units, concurrency, born, born + _PACK_LIFE_S)

    def now(self) -> float:
        """The time, unix seconds; never before the newest task, whichever process (and clock) accepted it."""
        return self._clock.now() + self._ahead_s

    @property
    def tasks(self) -> list[Task]:
        """Every task ever accepted, oldest first."""
        self._look()
        return list(self._tasks)

    @property
    def creates(self) -> int:
        """How many tasks were accepted."""
        self._look()
        return len(self._tasks)

    @property
    def charged(self) -> list[Task]:
        """Tasks that succeeded and were paid for, in the order of their ends."""
        self._look()
        return [task for task in self._ended if task.charge]

    @property
    def deducted(self) -> Decimal:
        """Units spent so far."""
        self._look()
        return self._spent

    @property
    def remaining(self) -> Decimal:
        """Units left in the pack."""
        return self.pack.total - self.deducted

    @property
    def running(self) -> list[Task]:
        """Tasks that hold a slot."""
        self._look()
        return [self._by_id[task_id] for _, task_id in self._running]

    def by_id(self, task_id: str) -> Task | None:
        """The task with this id; None if there is none or it was purged."""
        self._look()
        return self._kept(self._by_id.get(task_id))

    def by_external_id(self, external_id: str) -> Task | None:
        """The task with this external id; None if there is none or it was purged."""
        self._look()
        return self._kept(self._by_external.get(external_id))

    def newest(self, path: str | None = None) -> list[Task]:
        """What is not purged, newest first; only one family's if its create path is given."""
        now = self.now()
        return [task for task in reversed(self.tasks) if path in {None, task.order.path} and not task.purged(now)]

    def accept(self, order: Order, body: dict[str, Any]) -> Task:
        """The last checks, in the order of video.md part G, and then a task.

        Raises:
            Refusal: The external id exists (1201), the pack is too small (1102), every slot is taken (1303).
        """
        self._look()
        task = self._new(order, body)
        if order.external_id in self._by_external:
            raise self._duplicate(order)
        self._check_account(task.units)
        if self._folder is not None and not self._folder.add(task):
            raise self._duplicate(order)
        self._remember(task)
        return task

    def _kept(self, task: Task | None) -> Task | None:
        return None if task is None or task.purged(self.now()) else task

    def _new(self, order: Order, body: dict[str, Any]) -> Task:
        now = self.now()
        task_id = new_id(now, after=self._tasks[-1].id if self._tasks else "0")
        units = video_units(order.model, order.mode, order.duration, sound=order.sound, voice=order.speaks)
        return Task(
            id=task_id,
            result_id=new_id(now),
            order=order,
            units=units or Decimal(0),
            life=life_of(order, task_id, now),
            message=message_of(order),
            body=abridged(body),
        )

    def _duplicate(self, order: Order) -> Refusal:
        self.duplicates_refused += 1
        return illegal(f"External_task_id {order.external_id} already exists")

    def _check_account(self, units: Decimal) -> None:
        running = self.running
        reserved = sum((task.units for task in running), Decimal(0))
        if self.now() >= self.pack.invalid_at or self.remaining - reserved < units:
            raise Refusal(1102)
        if len(running) >= self.pack.concurrency:
            raise Refusal(1303)

    def _look(self) -> None:
        """Take in what other processes accepted, and let tasks end."""
        for task in self._folder.new() if self._folder is not None else ():
            self._remember(task)
        now = self.now()
        while self._running and self._running[0][0] <= now:
            task = self._by_id[heapq.heappop(self._running)[1]]
            self._ended.append(task)
            self._spent += task.charge

    def _remember(self, task: Task) -> None:
        self._ahead_s += max(0.0, task.created_at - self.now())
        bisect.insort(self._tasks, task, key=lambda known: (known.created_at, known.id))
        self._by_id[task.id] = task
        if task.order.external_id is not None:
            self._by_external[task.order.external_id] = task
        heapq.heappush(self._running, (task.ends_at, task.id))


def abridged(value: Any, depth: int = 0) -> Any:  # noqa: ANN401 - any JSON
    """A posted body with its long texts (pictures) cut short, and what is nested beyond reason left out."""
    if depth > _DEEPEST:
        return "…"
    if isinstance(value, dict):
        return {key: abridged(inner, depth + 1) for key, inner in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [abridged(inner, depth + 1) for inner in cast("list[Any]", value)]
    if isinstance(value, str) and len(value) > _SHOWN:
        return f"{value[:_SHOWN]}… ({len(value)} characters)"
    return value
