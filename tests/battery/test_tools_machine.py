"""R7: any order of calls, restarts and troubles: what the tools say, the ledger and Kling agree with a simple model.

Hypothesis chooses the steps; a failing run is printed as the calls that lead to it, and is the same each time.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from mcp import Client

from kling_mcp.jobs.model import State
from kling_mcp.jobs.spend import Limits, reserved
from kling_mcp.sandbox.app import Sandbox
from kling_mcp.sandbox.faults import Fault
from kling_mcp.sandbox.packs import Change

from .house import URL, House, house
from .leaping import LeapingLoop, LoopClock

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from kling_mcp.jobs.model import Job

_Result = TypeVar("_Result")

SEED = 20261121
EXAMPLES, STEPS, GROUPS = 500, 50, 10
DAY_CAP, JOB_CAP = Decimal(30), Decimal(8)
REPEAT_S, AROUND_S = 120.0, 2.0
"""Within ``AROUND_S`` of the limit, either answer is right: calls take time too."""
DAY_S = 86_400.0
TROUBLES_AT_MOST = 5
"""In one run: after six lost creates of one job the engine gives up, and rightly so."""
END_S = 40_000.0
IN_MEMORY = str(Path("/dev") / "shm") if (Path("/dev") / "shm").is_dir() else None
"""Where a disk that is slow just now slows nobody; the disk has tests of its own."""
WISHES: tuple[tuple[str, dict[str, Any], Decimal], ...] = (
    ("generate_video", {"prompt": "a kite", "model_name": "kling-v3", "duration": 3}, Decimal("1.8")),
    ("generate_video", {"prompt": "a boat", "model_name": "kling-v3", "duration": 5}, Decimal(3)),
    ("generate_video", {"prompt": "a long one", "model_name": "kling-v3", "duration": 15, "mode": "pro"}, Decimal(12)),
    ("generate_image", {"prompt": "a fox", "model_name": "kling-v3"}, Decimal(8)),
)
KEYS = ("one", "two")


@dataclass
class Known:
    """A job as the model knows it."""

    wish: int
    units: Decimal
    accepted_at: float
    key: str | None = None
    cancelled: bool = False


@dataclass
class Server:
    """A running server and a client of it, kept by a task of their own."""

    ready: asyncio.Event = field(default_factory=asyncio.Event)
    leave: asyncio.Event = field(default_factory=asyncio.Event)
    house: House | None = None
    client: Client | None = None
    task: asyncio.Task[None] | None = None

    async def run(self, folder: Path, sandbox: Sandbox, limits: Limits) -> None:
        opened = house(folder, sandbox=sandbox, limits=limits, toolsets="jobs", tools="generate_video,generate_image")
        async with opened as self.house, Client(self.house.server) as self.client:
            self.ready.set()
            await self.leave.wait()


class Tools(RuleBasedStateMachine):
    """The machine. Every rule is a step; the invariants hold after each."""

    steps = 0
    creates = 0

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="kling-machine-", dir=IN_MEMORY))
        self.runner = asyncio.Runner(loop_factory=LeapingLoop)
        self.clock: LoopClock
        self.sandbox: Sandbox
        self.servers: list[Server] = []
        self.known: dict[str, Known] = {}
        self.troubles = 0

    def do(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        return self.runner.run(work)

    # --- servers ---------------------------------------------------------------------------------------------

    @initialize()
    def begin(self) -> None:
        async def begun() -> None:
            self.clock = LoopClock()
            self.sandbox = Sandbox(clock=self.clock, base_url=URL, units=Decimal(10_000), concurrency=3)
            await self._open()

        self.do(begun())

    async def _open(self) -> None:
        server = Server()
        server.task = asyncio.create_task(server.run(self.folder, self.sandbox, Limits(JOB_CAP, DAY_CAP)))
        self.servers.append(server)
        ready = asyncio.create_task(server.ready.wait())
        await asyncio.wait({ready, server.task}, return_when=asyncio.FIRST_COMPLETED)
        assert server.ready.is_set()

    async def _close(self, server: Server, *, kindly: bool) -> None:
        self.servers.remove(server)
        assert server.task is not None
        if kindly:
            server.leave.set()
        else:
            server.task.cancel()
        with suppress(asyncio.CancelledError):
            await server.task

    @rule(which=st.integers(0, 1), what=st.sampled_from(("restart", "stop or start another")), kindly=st.booleans())
    def servers_come_and_go(self, which: int, what: str, kindly: bool) -> None:
        """One is ended, kindly or in the middle of whatever it does, and begun again; or there are two for a while."""

        async def changed() -> None:
            if what == "restart" or len(self.servers) > 1:
                await self._close(self.servers[which % len(self.servers)], kindly=kindly)
            if not self.servers or (what != "restart" and not kindly):
                await self._open()

        self.do(changed())

    # --- calls -----------------------------------------------------------------------------------------------

    def call(self, which: int, tool: str, **arguments: object) -> tuple[dict[str, Any], bool]:
        """A call of one of the servers: its answer as data, and whether it is an error."""
        client = self.servers[which % len(self.servers)].client
        assert client is not None
        answer = self.do(client.call_tool(tool, cast("Any", arguments)))
        told = cast("dict[str, Any]", answer.structured_content or {})
        assert told.get("error", {}).get("code") != "internal_error", told
        return told, bool(answer.is_error)

    @rule(
        which=st.integers(0, 1),
        wish=st.sampled_from(range(len(WISHES))),
        key=st.sampled_from((None, None, None, *KEYS)),
        again=st.booleans(),
        wait=st.sampled_from((0, 0, 0, 1, 5)),
    )
    def submit(self, which: int, wish: int, key: str | None, again: bool, wait: int) -> None:
        tool, arguments, units = WISHES[wish]
        extra = {"wait_seconds": wait} | ({"idempotency_key": key} if key else {})
        extra |= {"allow_duplicate": True} if again else {}
        now, before = self.clock.now(), self._ledger()
        told, _ = self.call(which, tool, **arguments, **extra)
        code = told.get("error", {}).get("code")
        expected = self._expected(wish, units, key, now, again=again, before=before)
        job_id = cast("str | None", told.get("job_id"))
        fresh = job_id is not None and job_id not in self.known
        assert ("new" if fresh else job_id or code) in expected, (told, expected)
        if job_id and fresh:
            self.known[job_id] = Known(wish, units, now, key)
            assert "deduplicated" not in told
        elif job_id:
            assert told["deduplicated"] is True
            self.known[job_id].key = self.known[job_id].key or key  # a name given later is its name from then on

    def _expected(
        self, wish: int, units: Decimal, key: str | None, now: float, *, again: bool, before: dict[str, Job]
    ) -> set[str]:
        """What the answer may be: the id of a job there is, ``new``, or the code of a refusal."""
        if key and (named := [job_id for job_id, job in self.known.items() if job.key == key]):
            return set(named) if self.known[named[0]].wish == wish else {"invalid_request"}
        alike = [job_id for job_id, job in self.known.items() if job.wish == wish and not _over(before[job_id])]
        fresh = {"new"} if units <= JOB_CAP and self._spent(before, now) + units <= DAY_CAP else {"over_limit"}
        if again or not alike:
            return fresh
        latest = max(alike, key=lambda job_id: (before[job_id].created_at, job_id))
        if key and self.known[latest].key:
            return fresh  # another name: another request, however alike
        age = now - before[latest].created_at
        if abs(age - REPEAT_S) < AROUND_S:
            return {latest} | fresh
        return {latest} if age < REPEAT_S else fresh

    @precondition(lambda self: bool(self.known))
    @rule(which=st.integers(0, 1), data=st.data(), again=st.booleans())
    def submit_the_same(self, which: int, data: st.DataObject, again: bool) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.known)))
        job = self.known[job_id]
        self.submit(which, job.wish, job.key, again, 0)

    @precondition(lambda self: bool(self.known))
    @rule(which=st.integers(0, 1), data=st.data())
    def cancel(self, which: int, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.known)))
        told, is_error = self.call(which, "cancel_job", job_id=job_id)
        if not is_error:
            assert told["status"] == "cancelled", told
            self.known[job_id].cancelled = True

    @precondition(lambda self: bool(self.known))
    @rule(which=st.integers(0, 1), data=st.data())
    def get(self, which: int, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.known)))
        told, _ = self.call(which, "get_job", job_id=job_id)
        assert told["job_id"] == job_id
        assert (told["status"] == "cancelled") == self.known[job_id].cancelled, told

    @precondition(lambda self: bool(self.known))
    @rule(which=st.integers(0, 1), data=st.data(), wait=st.sampled_from((0, 0, 5, 20)))
    def wait(self, which: int, data: st.DataObject, wait: int) -> None:
        ids = data.draw(st.lists(st.sampled_from(sorted(self.known)), min_size=1, max_size=3, unique=True))
        told, _ = self.call(which, "wait_for_jobs", job_ids=ids, wait_seconds=wait)
        assert [job["job_id"] for job in told["jobs"]] == ids

    @rule(which=st.integers(0, 1))
    def list_them(self, which: int) -> None:
        told, _ = self.call(which, "list_jobs", limit=50)
        newest = sorted(self.known, reverse=True)[:50]
        assert [job["job_id"] for job in told["jobs"]] == newest

    # --- the world -------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from((1.0, 5.0, 20.0)))
    def time_passes(self, seconds: float) -> None:
        self.do(self.clock.sleep(seconds))

    @rule(seconds=st.sampled_from((60.0, 121.0, 4_000.0, 90_000.0)))
    def the_machine_sleeps(self, seconds: float) -> None:
        async def slept() -> None:
            loop = asyncio.get_running_loop()
            assert isinstance(loop, LeapingLoop)
            loop.jump(seconds)
            await self.clock.sleep(1.0)

        self.do(slept())

    @precondition(lambda self: self.troubles < TROUBLES_AT_MOST)
    @rule(
        kind=st.sampled_from(("drop", "html", "truncated", "half", "code")),
        when=st.sampled_from(("before", "after", "late")),
        method=st.sampled_from(("POST", "GET")),
        hold_s=st.sampled_from((0.0, 3.0, 30.0)),
    )
    def trouble(self, kind: Any, when: Any, method: str, hold_s: float) -> None:  # noqa: ANN401 - Hypothesis's
        self.troubles += 1
        self.sandbox.faults.add(Fault(kind, "/v1/" if method == "POST" else "", method, when=when, hold_s=hold_s))

    @rule(slots=st.sampled_from((1, 3, 20)))
    def kling_has_so_many_slots(self, slots: int) -> None:
        for pack in self.sandbox.state.packs:
            self.sandbox.state.change(Change(pack, concurrency=slots))

    # --- what is always true -----------------------------------------------------------------------------------

    def _ledger(self) -> dict[str, Job]:
        here = self.servers[0].house
        assert here is not None
        return {job.id: job for job in self.do(here.ledger.newest("official", limit=10_000))}

    def _spent(self, jobs: dict[str, Job], now: float) -> Decimal:
        """Units of this day, by the model: what was cancelled or failed uncharged is free."""
        today = now - now % DAY_S
        return sum(
            (
                self.known[job_id].units
                for job_id, job in jobs.items()
                if job.created_at >= today and job.state not in (State.CANCELLED, State.FAILED)
            ),
            Decimal(0),
        )

    @invariant()
    def all_agree(self) -> None:
        if not self.servers:
            return
        Tools.steps += 1
        jobs = self._ledger()
        made = Counter(task.order.external_id for task in self.sandbox.state.tasks)
        assert set(jobs) == set(self.known)
        assert set(made) <= set(jobs), "Kling made what nobody asked for"
        assert not made or max(made.values()) == 1, "Kling made something twice"
        for job_id, job in jobs.items():
            assert (job.state is State.CANCELLED) == self.known[job_id].cancelled
            assert job.state is not State.FAILED, job.failure
            if job.state in (State.RUNNING, State.SUCCEEDED):
                assert made[job_id] == 1, job
            if self.known[job_id].cancelled or (job.state is State.QUEUED and not job.attempts):
                assert made[job_id] == 0, job
            assert job.units_quoted == self.known[job_id].units
        now, here = self.clock.now(), self.servers[0].house
        assert here is not None
        spent = self.do(here.jobs.spent_today())
        assert spent == self._spent(jobs, now), (spent, self._spent(jobs, now))
        assert spent <= DAY_CAP
        by_day = Counter[float]()
        for job in jobs.values():
            by_day[job.created_at // DAY_S] += reserved(job)  # pyright: ignore[reportArgumentType] - a sum of Decimals
        assert all(units <= DAY_CAP for units in by_day.values())

    def teardown(self) -> None:
        try:
            if self.servers:
                self._end()
        finally:
            self.do(self._all_closed())
            self.runner.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self) -> None:
        """Left alone, everything ends well: each job that was not cancelled is made, paid and on disk, once."""
        self.sandbox.faults.clear()
        for pack in self.sandbox.state.packs:
            self.sandbox.state.change(Change(pack, concurrency=20))
        here = self.servers[0].house
        assert here is not None
        wanted = [job_id for job_id, job in self.known.items() if not job.cancelled]
        done = self.do(here.jobs.wait(wanted, END_S)) if wanted else []
        self.do(self.sandbox.app.land())
        made = Counter(task.order.external_id for task in self.sandbox.state.tasks)
        assert {job.id: job.state for job in done} == dict.fromkeys(wanted, State.SUCCEEDED)
        assert made == Counter(wanted)
        assert all(Path(media.path or "").is_file() for job in done for media in job.media)
        assert sum((job.units_charged or Decimal(0) for job in done), Decimal(0)) == self.sandbox.state.deducted
        Tools.creates += len(wanted)

    async def _all_closed(self) -> None:
        for server in list(self.servers):
            await self._close(server, kindly=True)


def _over(job: Job) -> bool:
    return job.state in (State.FAILED, State.CANCELLED)


def played(examples: int, steps: int, group: int = 0) -> None:
    """Many runs; the same ones each time, and others in each group."""
    machine = type(f"Tools{group}", (Tools,), {})
    logging.getLogger("kling_mcp").setLevel(logging.CRITICAL)
    try:
        run_state_machine_as_test(  # pyright: ignore[reportUnknownMemberType] - Hypothesis
            seed(SEED + group)(machine),
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                database=None,
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
            ),
        )
    finally:
        logging.getLogger("kling_mcp").setLevel(logging.NOTSET)


def test_a_few_orders_of_calls() -> None:
    played(5, 20)


@pytest.mark.battery
@pytest.mark.parametrize("group", range(1, GROUPS + 1))
def test_500_orders_of_50_calls(group: int, capsys: pytest.CaptureFixture[str]) -> None:
    Tools.steps = Tools.creates = 0
    played(EXAMPLES // GROUPS, STEPS, group)
    with capsys.disabled():
        print(f"\nR7 group {group}: {Tools.steps} steps, {Tools.creates} jobs made")  # noqa: T201 - the battery's figures
