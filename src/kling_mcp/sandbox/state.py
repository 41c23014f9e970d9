"""What the pretend Kling remembers: tasks and their external ids, slots, and what is left of the resource packs.

Everything about money and slots follows from the tasks and the clock. When a pack is debited is [OWN]: at the moment
a task succeeds. Until then its price is reserved, so that running tasks can never overdraw a pack. Between
processes that share a folder only external ids are guarded against the same instant; slots and units are not.
"""

from __future__ import annotations

import bisect
import heapq
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from kling_mcp.sandbox.folder import TaskFolder
from kling_mcp.sandbox.life import life_of, message_of, new_id, new_ids
from kling_mcp.sandbox.order import KEPT_S, Note, Task, Transition
from kling_mcp.sandbox.packs import new_packs
from kling_mcp.sandbox.wire import Refusal, illegal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from kling_mcp.clock import Clock
    from kling_mcp.sandbox.order import Make, Order, Package
    from kling_mcp.sandbox.packs import Change, Pack

_SHOWN = 200
"""Characters of a posted text that are kept for people to read."""
_DEEPEST = 20


class State:
    """One account. Every method looks at the clock first, so what it says is true now."""

    def __init__(self, clock: Clock, *, units: Decimal, concurrency: int, folder: Path | None = None) -> None:
        self._clock = clock
        self._ahead_s = 0.0
        self._folder = TaskFolder(folder) if folder is not None else None
        self._tasks: list[Task] = []
        self._by_path: dict[str, list[Task]] = {}
        self._by_id: dict[str, Task] = {}
        self._by_external: dict[str, Task] = {}
        self._by_result: dict[str, tuple[Task, Make]] = {}
        self._notes: dict[str, list[Note]] = {}
        self._running: list[tuple[float, str]] = []
        self._slots: Counter[Package] = Counter()
        self._reserved: dict[Package, Decimal] = {}
        self._ended: list[Task] = []
        self._spent: dict[Package, Decimal] = {}
        self._last_id = "0"
        self.duplicates_refused = 0
        self.unique = True
        """Whether an external id can be used once only, as at Kling. Gateways were seen that do not look."""
        self.packs: Mapping[Package, Pack] = new_packs(clock.now(), units=units, concurrency=concurrency)

    def now(self) -> float:
        """The time, unix seconds; never before the newest task, whichever process (and clock) accepted it."""
        return self._clock.now() + self._ahead_s

    # --- tasks ---------------------------------------------------------------------------------------------

    @property
    def tasks(self) -> list[Task]:
        """Every task ever accepted, oldest first; what Kling answered at once is among them."""
        self._look()
        return list(self._tasks)

    @property
    def creates(self) -> int:
        """How many tasks were accepted."""
        self._look()
        return len(self._tasks)

    @property
    def running(self) -> list[Task]:
        """Tasks that hold slots."""
        self._look()
        return [self._by_id[task_id] for _, task_id in self._running]

    def by_id(self, task_id: str) -> Task | None:
        """The task with this id; None if there is none, it was answered at once, or it was purged."""
        self._look()
        return self._kept(self._by_id.get(task_id))

    def by_external_id(self, external_id: str) -> Task | None:
        """The task with this external id; None if there is none or it was purged."""
        self._look()
        return self._kept(self._by_external.get(external_id))

    def by_result(self, result_id: str) -> tuple[Task, Make] | None:
        """The task that makes this result, and the result; however old, and whatever became of it."""
        self._look()
        return self._by_result.get(result_id)

    def newest(self, path: str) -> Iterator[Task]:
        """What is not purged of a family (its create path), newest first."""
        self._look()
        return self._shown(reversed(self._by_path.get(path, [])))

    def between(self, start: float, end: float) -> Iterator[Task]:
        """What is not purged of all families and was accepted in this time (unix seconds), newest first."""
        self._look()
        first = bisect.bisect_left(self._tasks, start, key=_accepted_at)
        last = bisect.bisect_right(self._tasks, end, key=_accepted_at)
        return self._shown(reversed(self._tasks[first:last]))

    def accept(self, order: Order, body: dict[str, Any], *, instant: bool = False) -> Task:
        """The last checks, in the order of video.md part G, and then a task.

        Args:
            order: What to make.
            body: What was posted.
            instant: It is answered at once: it succeeds as it is accepted, and needs no slot.

        Raises:
            Refusal: The external id exists (1201), the pack is too small (1102), every slot is taken (1303).
        """
        self._look()
        task = self._new(order, body, instant)
        if self.unique and order.external_id is not None and order.external_id in self._by_external:
            raise self._duplicate(order)
        self._check_account(order, instant)
        if self._folder is not None and not self._folder.add(task, unique=self.unique):
            raise self._duplicate(order)
        self._remember(task)
        return task

    # --- units ---------------------------------------------------------------------------------------------

    @property
    def pack(self) -> Pack:
        """The pack most things are paid from."""
        return self.packs["video"]

    @property
    def charged(self) -> list[Task]:
        """Tasks that succeeded and were paid for, in the order of their ends."""
        self._look()
        return [task for task in self._ended if task.charge]

    @property
    def deducted(self) -> Decimal:
        """Units spent so far, of all packs together."""
        self._look()
        return sum(self._spent.values(), Decimal(0))

    @property
    def remaining(self) -> Decimal:
        """Units left in the video pack."""
        return self.left("video")

    def left(self, package: Package) -> Decimal:
        """Units left in a pack."""
        self._look()
        return self.packs[package].total - self._spent.get(package, Decimal(0))

    def change(self, change: Change) -> Pack:
        """Change a pack that is in use, as a purchase, an expiry or somebody else on the account would."""
        self._look()
        pack = self.packs[change.package]
        spent = self._spent.get(change.package, Decimal(0))
        pack = replace(
            pack,
            total=pack.total if change.units is None else spent + change.units,
            concurrency=pack.concurrency if change.concurrency is None else change.concurrency,
            others=pack.others if change.others is None else change.others,
        )
        self.packs = {**self.packs, change.package: pack}
        return pack

    # --- notes ---------------------------------------------------------------------------------------------

    def note(self, word: str, facts: dict[str, Any] | None = None, *, about: str | None = None) -> Note:
        """Write down what happened to a session or a result; a new session's id is the note's own."""
        self._look()
        note_id = self._new_id()
        note = Note(note_id, self.now(), about or note_id, word, facts or {})
        if self._folder is not None:
            self._folder.add(note)
        self._notes.setdefault(note.about, []).append(note)
        return note

    def notes(self, about: str) -> list[Note]:
        """What happened to a session or a result, oldest first."""
        self._look()
        return sorted(self._notes.get(about, []), key=lambda note: (note.at, note.id))

    # -------------------------------------------------------------------------------------------------------

    def _kept(self, task: Task | None) -> Task | None:
        return None if task is None else next(self._shown((task,)), None)

    def _shown(self, tasks: Iterable[Task]) -> Iterator[Task]:
        """Those that can be asked for and are not purged; only what is old can be."""
        now = self.now()
        old = now - KEPT_S
        return (task for task in tasks if not task.instant and (task.created_at > old or not task.purged(now)))

    def _new_id(self) -> str:
        self._last_id = new_id(self.now(), after=self._last_id)
        return self._last_id

    def _new(self, order: Order, body: dict[str, Any], instant: bool) -> Task:
        now, task_id = self.now(), self._new_id()
        return Task(
            id=task_id,
            results=new_ids(now, len(order.makes)),
            order=order,
            life=(Transition(now, "succeeded"),) if instant else life_of(order, task_id, now),
            message="" if instant else message_of(order),
            body=abridged(body),
        )

    def _duplicate(self, order: Order) -> Refusal:
        self.duplicates_refused += 1
        return illegal(f"External_task_id {order.external_id} already exists")

    def _check_account(self, order: Order, instant: bool) -> None:
        pack = self.packs[order.package]
        reserved = self._reserved.get(order.package, Decimal(0))
        if order.units and (self.now() >= pack.invalid_at or self.left(order.package) - reserved < order.units):
            raise Refusal(1102)
        if not instant and self._slots[order.package] + order.slots > pack.slots:
            raise Refusal(1303)

    def _look(self) -> None:
        """Take in what other processes accepted, and let tasks end."""
        tasks, notes = self._folder.new() if self._folder is not None else ([], [])
        for task in tasks:
            self._remember(task)
        for note in notes:
            self._notes.setdefault(note.about, []).append(note)
        now = self.now()
        while self._running and self._running[0][0] <= now:
            task = self._by_id[heapq.heappop(self._running)[1]]
            self._ended.append(task)
            self._hold(task, -1)
            self._spent[task.order.package] = self._spent.get(task.order.package, Decimal(0)) + task.charge

    def _remember(self, task: Task) -> None:
        self._ahead_s += max(0.0, task.created_at - self.now())
        for tasks in (self._tasks, self._by_path.setdefault(task.order.path, [])):
            bisect.insort(tasks, task, key=lambda known: (known.created_at, known.id))
        self._last_id = str(max(int(self._last_id), int(task.id)))
        self._by_id[task.id] = task
        self._by_result |= {result_id: (task, make) for result_id, make in task.made}
        if task.order.external_id is not None:
            self._by_external[task.order.external_id] = task
        heapq.heappush(self._running, (task.ends_at, task.id))
        self._hold(task, 1)

    def _hold(self, task: Task, sign: int) -> None:
        """Count what a task takes of its pack while it runs."""
        package = task.order.package
        self._slots[package] += sign * task.order.slots
        self._reserved[package] = self._reserved.get(package, Decimal(0)) + sign * task.units


def _accepted_at(task: Task) -> float:
    return task.created_at


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
