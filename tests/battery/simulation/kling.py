"""The simulated Kling, and the line to it of each program."""

# ruff: noqa: ANN401 - answers of any kind travel the same line

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from kling_mcp.errors import AlreadySubmitted, Busy, KlingError, OutcomeUnknown, OutOfCredit, Refused, Unavailable
from kling_mcp.providers.base import Balance, Output, Pack, Progress
from tests.battery.simulation.weather import EPOCH, LATEST_LANDING_S

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping, Sequence

    from kling_mcp.providers.base import Request, TaskRef
    from tests.battery.simulation.world import Host, World

ANSWER_WITHIN_S = (30.0, 120.0)
"""How long a client waits for an answer; the lease is longer."""


@dataclass(frozen=True, slots=True)
class Intent:
    """What somebody wants made once, and what will become of it."""

    number: int
    tool: str
    nameless: bool
    at_once: bool
    """Kling answers with the result."""
    slots: int
    fate: str
    """``succeeded``, ``failed``, or ``refused``: no task is ever made."""
    takes_s: float
    units: Decimal


@dataclass(slots=True)
class Task:
    """Kling's side of an intent."""

    id: str
    intent: Intent
    ext_id: str | None
    made_at: float
    over_at: float

    def listed(self, path: str, start: float, end: float) -> bool:
        return path == f"/v1/{self.intent.tool}" and start <= EPOCH + self.made_at <= end

    def progress(self, at: float) -> Progress:
        made_at = EPOCH + self.made_at
        if at < self.over_at:
            return Progress(self.id, "processing", self.ext_id, created_at=made_at)
        if self.intent.fate == "failed":
            return Progress(self.id, "failed", self.ext_id, message="it did not come out", created_at=made_at)
        outputs = tuple(
            Output("image", f"https://kling.example/{self.id}/{n}") for n in range(max(1, self.intent.slots))
        )
        return Progress(self.id, "succeeded", self.ext_id, outputs=outputs, units=self.intent.units, created_at=made_at)


@dataclass
class Kling:
    """Takes what lands, whoever sent it."""

    world: World
    intents: dict[int, Intent] = field(default_factory=dict[int, Intent])
    tasks: list[Task] = field(default_factory=list["Task"])
    under_way: int = 0
    """Requests that have left and may still land."""

    def made(self, intent: Intent) -> list[Task]:
        return [task for task in self.tasks if task.intent is intent]

    def post(self, intent: Intent, ext_id: str | None, hear: Callable[[Progress | KlingError], None]) -> None:
        """A POST leaves. What the sender hears of it, if anything, is said to ``hear``; only the first counts."""
        world, weather, dice = self.world, self.world.weather, self.world.dice
        world.loop.later(dice.uniform(*ANSWER_WITHIN_S), hear, OutcomeUnknown("No answer came in time."))
        if dice.random() < weather.severed:
            world.loop.later(dice.uniform(0.0, 10.0), hear, OutcomeUnknown("The connection broke."))
        if dice.random() < weather.lost:
            world.note("net", f"the POST of {intent.number} is lost")
            return
        late = dice.random() < weather.late
        self.under_way += 1
        world.loop.later(
            dice.uniform(2.0, LATEST_LANDING_S) if late else dice.uniform(0.02, 1.0), self._land, intent, ext_id, hear
        )

    def _land(self, intent: Intent, ext_id: str | None, hear: Callable[[Progress | KlingError], None]) -> None:
        self.under_way -= 1
        answer = self._taken(intent, ext_id)
        said = answer if isinstance(answer, Progress) else type(answer).__name__
        self.world.note("kling", f"POST of {intent.number} ({ext_id}) landed: {said}")
        if self.world.dice.random() >= self.world.weather.answer_lost:
            self.world.loop.later(self.world.dice.uniform(0.02, 1.0), hear, answer)

    def _taken(self, intent: Intent, ext_id: str | None) -> Progress | KlingError:
        world, dice, weather = self.world, self.world.dice, self.world.weather
        now = world.loop.time()
        broken = dice.random() < weather.broken
        if broken and dice.random() < 0.5:
            return OutcomeUnknown("HTTP 502")
        if refusal := self.refusal():
            return refusal
        running = sum(task.intent.slots for task in self.tasks if task.over_at > now)
        if dice.random() < weather.busy or running + intent.slots > weather.capacity:
            return Busy("Too many parallel tasks.", code=1303 if dice.random() < 0.8 else 1302)
        if weather.unique and ext_id and any(task.ext_id == ext_id for task in self.tasks):
            return AlreadySubmitted(f"External_task_id {ext_id} already exists", code=1201)
        if intent.fate == "refused":
            return Refused("The prompt is not allowed.", code=1301)
        over_at = now + (0.0 if intent.at_once else intent.takes_s)
        task = Task(f"task-{len(self.tasks)}", intent, ext_id, now, over_at)
        self.tasks.append(task)
        return OutcomeUnknown("HTTP 500") if broken else task.progress(now)

    def refusal(self) -> KlingError | None:
        """What the account is told, if it is refused just now."""
        now = self.world.loop.time()
        refused = any(begin <= now < begin + lasts for begin, lasts in self.world.weather.outages)
        return OutOfCredit("The account has no balance.", code=1101) if refused else None

    def seen(self, ref: TaskRef) -> Progress | None:
        """What a read finds: any one may come from a copy that lags behind."""
        at = self.world.loop.time() - self.world.dice.uniform(0.0, self.world.weather.lag)
        for task in self.tasks:
            if task.made_at <= at and (task.id == ref.task_id if ref.task_id else task.ext_id == ref.ext_id):
                return task.progress(at)
        return None


class Line:
    """The provider of one program: says what it is told to, and hears what comes back."""

    name = "simulated"
    account = "account"

    def __init__(self, host: Host) -> None:
        self._host, self._world, self._kling = host, host.world, host.world.kling
        self.settle_s = host.world.weather.settle_s

    def fresh_number(self) -> int:
        """A number nobody had before, for a mutant."""
        return self._world.dice.randrange(1 << 30)

    async def submit(self, request: Request, ext_id: str) -> Progress:
        """Post once, through whatever weather there is."""
        host, dice, weather = self._host, self._world.dice, self._world.weather
        intent = self._kling.intents[request.body["intent"]]
        with host.sending():
            await host.point(f"before the POST of {intent.number} leaves")
        if dice.random() < weather.unreachable:
            raise Unavailable("No connection.")
        answer = self._world.loop.create_future()
        host.note(f"the POST of {intent.number} leaves")
        self._kling.post(intent, None if request.nameless else ext_id, _first(answer))
        await host.point(f"after the POST of {intent.number} left")
        outcome = await answer
        await host.point(f"the answer to the POST of {intent.number} has come: {type(outcome).__name__}")
        return _raised(outcome)

    async def look_up(self, refs: Sequence[TaskRef]) -> Mapping[str, Progress]:
        """Ask about tasks; the answer is of the moment when the question arrived."""
        await self._host.point("before the look-up")

        def read() -> dict[str, Progress]:
            return {ref.ext_id: seen for ref in refs if (seen := self._kling.seen(ref))}

        found = await self._asked(read)
        await self._host.point(f"the look-up of {len(refs)} found {len(found)}")
        return found

    async def balance(self) -> Balance:
        """What the account has, if it is not refused."""
        await self._host.point("before the balance")
        refusal = await self._asked(self._kling.refusal)
        if refusal:
            return Balance((Pack("video", "runOut", Decimal(100), Decimal(0)),))
        return Balance((Pack("video", "online", Decimal(100), Decimal(50)),))

    async def taken_between(self, path: str, start: float, end: float) -> Sequence[Progress]:
        """The tasks of a function that were made in a time, by Kling's clock."""
        await self._host.point("before the list")

        def read() -> list[Progress]:
            return [
                task.progress(self._world.loop.time()) for task in self._kling.tasks if task.listed(path, start, end)
            ]

        return await self._asked(read)

    async def _asked(self, question: Callable[[], Any]) -> Any:
        world, dice = self._world, self._world.dice
        answer = world.loop.create_future()
        hear = _first(answer)
        if dice.random() < world.weather.unread:
            world.loop.later(dice.uniform(0.0, 30.0), hear, Unavailable("The question was not answered."))
        else:
            travel = dice.uniform(0.02, 0.5)
            world.loop.later(dice.uniform(0.02, 0.5), lambda: world.loop.later(travel, hear, question()))
        return _raised(await answer)


def _first(answer: asyncio.Future[Any]) -> Callable[[Any], None]:
    def hear(heard: Any) -> None:
        if not answer.done():
            answer.set_result(heard)

    return hear


def _raised(outcome: Any) -> Any:
    if isinstance(outcome, KlingError):
        raise outcome
    return outcome
