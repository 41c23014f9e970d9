"""One seed: programs on one machine and one ledger, in bad weather, until all is calm and everything is settled."""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self, cast

from kling_mcp.errors import LocalTrouble
from tests.battery.simulation.engine import STORED, Engine, job_for, no_threads
from tests.battery.simulation.kling import Intent, Kling, Line
from tests.battery.simulation.loop import Loop, Program, Stuck
from tests.battery.simulation.weather import EPOCH, FROZEN_UNSENT_S, LONGEST_FREEZE_S, Weather, drawn

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator, Sequence

    from kling_mcp.jobs.model import Job
    from kling_mcp.media.downloads import Stored
    from kling_mcp.providers.base import Provider
    from tests.battery.simulation.kling import Task
    from tests.battery.simulation.store import Shelf

CALM_S = 7200.0
"""How long after the storm everything must be settled."""
LOOK_S = 10.0
NAMED = ("generate_video", "generate_image")


class Host(Program):
    """A simulated process with its engine: also its clock, its owner's lock and its downloader."""

    def __init__(self, world: World, number: int) -> None:
        super().__init__(f"p{number}")
        self.world, self.clock = world, self
        self.frozen = False
        self.unsent = 0
        """POSTs in hand that the send guard has let pass."""
        self._allowance_s = 0.0
        self.engine = Engine(self, world.shelf, cast("Provider", Line(self)))

    # ---- what may happen to it

    async def point(self, label: str, freeze: float = 0.0) -> None:
        """A labelled point: the process may be killed or frozen here, or others may be quicker."""
        world, weather, dice = self.world, self.world.weather, self.world.dice
        freeze += weather.freeze
        if world.over:
            return
        chance = dice.random()
        if chance < weather.crash:
            self.note(f"KILLED {label}")
            world.kill(self)
        elif chance < weather.crash + freeze and any(not host.stopped for host in world.living if host is not self):
            self.freeze(label)
        elif chance < 0.75:
            return
        await asyncio.sleep(dice.uniform(0.0, 0.2) if self.alive and not self.frozen else 0.0)

    async def breath(self) -> None:
        """A moment in which others may be quicker."""
        if self.world.dice.random() < 0.1:
            await asyncio.sleep(self.world.dice.uniform(0.0, 0.2))

    def freeze(self, label: str, longest_s: float = LONGEST_FREEZE_S) -> None:
        """Stop getting turns for a while: SIGSTOP, or the lid was closed."""
        dice = self.world.dice
        seconds = longest_s * (dice.random() if dice.random() < 0.5 else dice.uniform(0.8, 1.0))
        if dice.random() < 0.3:
            seconds += dice.uniform(0.0, longest_s)
        if self.unsent and not self.world.weather.unique:
            seconds = min(seconds, self._allowance_s)
            self._allowance_s -= seconds
        self.note(f"FROZEN for {seconds:.1f} s {label}")
        self.frozen = self.stopped = True
        self.world.loop.later(seconds, self._thaw)

    @contextmanager
    def sending(self) -> Generator[None]:
        """Between the guard and the wire: for what no check can see, there is an allowance."""
        if not self.unsent:
            self._allowance_s = FROZEN_UNSENT_S
        self.unsent += 1
        yield
        self.unsent -= 1

    def _thaw(self) -> None:
        self.frozen = False
        if self.alive:
            self.note("goes on")
            self.world.loop.go_on(self)

    def unwritable(self) -> bool:
        """Whether the disk is full, or the world has ended."""
        if self.world.over:
            return True
        full = self.world.dice.random() < self.world.weather.disk
        if full:
            self.note("the disk is full")
        return full

    # ---- its clock, its lock, its downloads

    def now(self) -> float:
        """The machine's clock."""
        return EPOCH + self.world.loop.time() + self.world.clock_off

    async def sleep(self, seconds: float) -> None:
        """Sleep at least so long; a busy machine wakes nobody in time."""
        await asyncio.sleep(max(0.0, seconds) * self.world.dice.uniform(1.0, self.world.weather.haste))

    def appear(self) -> Self:
        """It holds its lock from its start to its end, whatever it does."""
        return self

    def leave(self) -> None:
        """As above."""

    def sweep_dead(self, _: float) -> None:
        """No lock files, so none left behind."""

    def is_alive(self, name: str) -> bool:
        """Whether the process of this name holds its lock. A frozen one does."""
        return any(host.name == name for host in self.world.living)

    async def fetch(self, _url: str, **_: object) -> Stored:
        """A download, which may be interrupted like anything else."""
        await self.point("while downloading")
        return STORED

    def note(self, text: str) -> None:
        self.world.note(self.name, text)


class World:
    """Everything of one seed."""

    def __init__(
        self,
        seed: int,
        shelf: Shelf,
        *,
        unique: bool | None = None,
        traced: bool = False,
    ) -> None:
        self.seed, self.shelf = seed, shelf
        self.dice = random.Random(seed)
        self.weather = drawn(self.dice, unique=unique)
        self.loop = Loop()
        self.kling = Kling(self)
        self.clock_off = 0.0
        self.over = False
        self.living: list[Host] = []
        self._hosts: list[Host] = []
        self._roots: list[asyncio.Task[None]] = []
        self._traced, self.trace = traced, list[str]()
        self.wrong: list[str] = []
        """What is wrong at the end."""
        self.bugs: list[str] = []
        self.accepted: list[int] = []
        self.asked = 0
        self._begun = 0
        self._calm_checks = 0

    def note(self, who: str, text: str) -> None:
        if self._traced:
            self.trace.append(f"{self.loop.time():9.3f} {who:6} {text}")

    def run(self) -> list[str]:
        """Let the seed happen, and look what is wrong at its end."""
        self.shelf.empty()
        self.note("world", repr(self.weather))
        dice, weather, later = self.dice, self.weather, self.loop.later
        for _ in range(dice.randint(2, 3)):
            later(dice.uniform(0.0, 3.0), self._start)
        self._ask(dice.randint(2, 4))
        if dice.random() < 0.1:
            later(dice.uniform(0.0, weather.storm_s), self._sleep)
        for jump in weather.jumps:
            later(dice.uniform(0.0, weather.storm_s), self._set_clock, jump)
        later(weather.storm_s, self._calm)
        watch = _Watch(self.bugs)
        with watch, no_threads():
            try:
                self.loop.run_until(lambda: self.over)
            except Stuck:
                self.bugs.append("everything stands still")
            self.wrong = self._verdict()
            self._end()
        return self.wrong

    # ---- events

    def _start(self) -> None:
        self._begun += 1
        host = Host(self, self._begun)
        self.living.append(host)
        self._hosts.append(host)
        host.note("starts")
        self._begin(host, host.engine.run())

    def kill(self, host: Host) -> None:
        """No turn for it ever again; another is started some time later."""
        host.alive, host.stopped = False, True
        self.living.remove(host)
        self.loop.later(self.dice.uniform(0.0, 60.0), self._start)

    def _sleep(self) -> None:
        """The lid is closed: every process stops at once, wherever it is."""
        for host in self.living:
            if not host.stopped:
                host.freeze("as the machine sleeps", LONGEST_FREEZE_S)

    def _set_clock(self, jump: float) -> None:
        self.note("world", f"the clock is set by {jump:+.0f} s")
        self.clock_off += jump

    def _calm(self) -> None:
        self.note("world", "all faults stop")
        weather = self.weather
        self.weather = Weather(unique=weather.unique, capacity=weather.capacity, haste=weather.haste)
        self._look()

    def _ask(self, jobs: int) -> None:
        dice = self.dice
        for number in range(jobs):
            nameless = dice.random() < 0.25
            at_once = nameless and dice.random() < 0.5
            slots = 0 if at_once else dice.choice((1, 1, 2, 4))
            fate = dice.choices(("succeeded", "failed", "refused"), (8, 1, 1))[0]
            tool = "text_to_speech" if at_once else "extend_video" if nameless else dice.choice(NAMED)
            units = Decimal(dice.randint(1, 50)) / 10
            intent = Intent(number, tool, nameless, at_once, slots, fate, dice.uniform(5.0, 100.0), units)
            if at_once and fate == "failed":
                continue
            self.kling.intents[number] = intent
            self.asked += 1
            self.loop.later(dice.uniform(0.0, 60.0), self._accept, intent)

    def _accept(self, intent: Intent) -> None:
        able = [host for host in self.living if not host.stopped]
        if not able:
            self.loop.later(5.0, self._accept, intent)
            return
        host = self.dice.choice(able)
        self.asked -= 1
        self._begin(host, self._accepted(host, intent))

    def _begin(self, host: Host, work: Coroutine[Any, Any, None]) -> None:
        self._roots.append(host.context.run(self.loop.create_task, work, context=host.context))

    async def _accepted(self, host: Host, intent: Intent) -> None:
        job, request = job_for(intent, host.now(), Line.account, Line.name)
        try:
            await host.engine.accept(job, request)
        except LocalTrouble:
            return
        host.note(f"{job.id} accepted: {intent}")
        self.accepted.append(intent.number)

    def _look(self) -> None:
        """Whether it is over: twice in a row nothing was open, nobody frozen, nothing on its way."""
        quiet = not (self.asked or self.kling.under_way or self.shelf.open())
        quiet = quiet and not any(host.frozen for host in self.living)
        self._calm_checks = self._calm_checks + 1 if quiet else 0
        self.over = self._calm_checks > 1 or self.loop.time() > self.weather.storm_s + CALM_S
        self.loop.later(LOOK_S, self._look)

    # ---- the end

    def _verdict(self) -> list[str]:
        jobs = {int(job_id[-6:]): job for job_id, job in self.shelf.jobs().items()}
        wrong = [*self.bugs, *self.loop.errors, *self.shelf.audit()]
        wrong += [f"a bug: {task.exception()!r}" for task in self._roots if task.done() and task.exception()]
        wrong += [f"job {number} was accepted and is not there" for number in self.accepted if number not in jobs]
        owed = Decimal(0)
        for number, intent in self.kling.intents.items():
            tasks = self.kling.made(intent)
            if len(tasks) > 1:
                wrong.append(f"DOUBLE: job {number} has {len(tasks)} tasks: {', '.join(task.id for task in tasks)}")
            if number not in jobs:
                wrong += [f"job {number} is at Kling and not in the ledger"] if tasks else []
                continue
            job = jobs[number]
            if problem := _unsettled(job, intent, tasks):
                wrong.append(f"job {number} ({intent}) is {job.state} {job.delivery}, {job.failure}: {problem}")
            kept = bool(tasks) and intent.fate == "succeeded"
            owed += intent.units if kept or job.state == "unconfirmed" else Decimal(0)
        if not wrong and self.shelf.reserved() != int(owed * 1_000_000):
            wrong.append(f"reserved is {self.shelf.reserved()} millionths, owed {owed}")
        return wrong

    def _end(self) -> None:
        """Let every task end in order, where it can change nothing any more: a collected one would complain."""
        self.over = True
        self.loop.forget_world()
        for host in self._hosts:
            self.loop.go_on(host)
        left = [task for task in self.loop.tasks if not task.done()]
        for root in self._roots:
            root.cancel()
        self.loop.run_until(lambda: all(task.done() for task in left))


class _Watch(logging.Handler):
    """Notes what the engine logs as a bug of its own."""

    def __init__(self, bugs: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._bugs = bugs

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[0] is not None:
            self._bugs.append(f"a bug: {record.getMessage()}: {logging.Formatter().formatException(record.exc_info)}")

    def __enter__(self) -> None:
        log = logging.getLogger("kling_mcp")
        self._before = (log.level, log.propagate)
        log.setLevel(logging.ERROR)
        log.propagate = False
        log.addHandler(self)

    def __exit__(self, *_: object) -> None:
        log = logging.getLogger("kling_mcp")
        log.removeHandler(self)
        log.setLevel(self._before[0])
        log.propagate = self._before[1]


def _unsettled(job: Job, intent: Intent, tasks: Sequence[Task]) -> str:
    """What is wrong with how a job ended, if anything."""
    if not job.settled:
        return "not settled"
    if job.state == "unconfirmed":
        return "" if intent.nameless else "its id could be looked up"
    if not tasks:
        return "" if job.state == "failed" else "Kling has no task of it"
    if intent.fate == "failed":
        ended = job.state == "failed" and job.failure is not None and job.failure.code == "task_failed"
        return "" if ended else "its task failed"
    return "" if job.state == "succeeded" and job.task_id == tasks[0].id else "its task succeeded: LOST"
