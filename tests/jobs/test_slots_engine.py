"""Lanes and circuits in the running engine: on the pretend Kling, and on a far side that answers what it is told to."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

import anyio
import pytest

from kling_mcp.clock import SystemClock
from kling_mcp.errors import LocalTrouble
from kling_mcp.jobs import circuits
from kling_mcp.jobs.ledger import Ledger
from kling_mcp.jobs.ledger.lanes import Lanes
from kling_mcp.jobs.locks import Owner
from kling_mcp.jobs.model import Job, State
from kling_mcp.jobs.posting import Posting
from kling_mcp.jobs.queueing import Queue
from kling_mcp.jobs.records import Records
from kling_mcp.operations.audio import TextToSpeech
from kling_mcp.providers.base import Request
from kling_mcp.sandbox.faults import Fault
from kling_mcp.sandbox.packs import Change
from tests.providers.far_side import FarSide, answered, legacy_task, refused
from tests.stack import HURRY, Stack, new_sandbox, running_stack

from .test_moves import queued
from .test_plans import stack_of
from .test_plans import submitted as submitted_plan

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    import httpx2

pytestmark = pytest.mark.anyio

CREATE = "/v1/videos/text2video"
QUICK = {"model_name": "kling-v2-5-turbo"}


@asynccontextmanager
async def small_account(folder: Path, *, concurrency: int = 20) -> AsyncGenerator[Stack]:
    clock = SystemClock(HURRY)
    sandbox = new_sandbox(clock, concurrency=concurrency)
    async with running_stack(folder, sandbox=sandbox, clock=clock) as stack:
        with anyio.fail_after(60):
            yield stack


# ---- circuits, on the pretend Kling


def _remedy(held: Job) -> str:
    assert held.failure is not None
    return held.failure.fix


async def test_an_empty_pack_holds_its_jobs_says_so_at_once_and_a_purchase_sets_them_going(tmp_path: Path) -> None:
    async with small_account(tmp_path) as stack:
        stack.sandbox.state.change(Change("video", units=Decimal(0)))
        first = await stack.submitted(prompt="a kite", **QUICK)
        held = await stack.jobs.answered(first.id, 60.0)
        assert (held.state, held.failure and held.failure.code) == (State.QUEUED, "1102")
        assert "no units left" in held.blocked_reason
        assert "Nothing was charged" in held.blocked_reason
        posts = stack.posts
        second = await stack.submitted(prompt="two kites", **QUICK)
        told = await stack.jobs.answered(second.id, 60.0)
        assert (told.state, told.blocked_reason) == (State.QUEUED, held.blocked_reason)
        assert [each.blocked_reason for each in await stack.jobs.list()] == [held.blocked_reason] * 2
        await stack.clock.sleep(200.0)
        assert stack.posts <= posts + 1, "the balance shows no units, so no job is tried"
        stack.sandbox.state.change(Change("video", units=Decimal(50)))
        done = await stack.jobs.wait([first.id, second.id], 3000.0)
        assert [job.state for job in done] == [State.SUCCEEDED] * 2, [job.failure for job in done]
        assert stack.sandbox.state.creates == 2


@pytest.mark.parametrize(("code", "says"), [(1002, "KLING_API_KEY"), (1304, "whitelist"), (1103, "console")])
async def test_what_the_human_can_put_right_holds_jobs_and_one_tries_before_the_others_follow(
    tmp_path: Path, code: int, says: str
) -> None:
    async with small_account(tmp_path) as stack:
        stack.sandbox.faults.add(Fault("code", CREATE, "POST", code=code))
        first = await stack.submitted(prompt="a kite", **QUICK)
        assert says in _remedy(await stack.jobs.answered(first.id, 60.0))
        second = await stack.submitted(prompt="two kites", **QUICK)
        assert says in _remedy(await stack.jobs.answered(second.id, 60.0))
        assert stack.posts == 1
        done = await stack.jobs.wait([first.id, second.id], 3000.0)
        assert [job.state for job in done] == [State.SUCCEEDED] * 2, [job.failure for job in done]
        assert (stack.posts, stack.sandbox.state.creates) == (3, 2)


async def test_a_model_the_account_may_not_use_holds_back_no_other(tmp_path: Path) -> None:
    async with small_account(tmp_path) as stack:
        stack.sandbox.faults.add(Fault("code", CREATE, "POST", code=1103))
        shut = await stack.submitted(prompt="a kite")
        assert (await stack.jobs.answered(shut.id, 60.0)).blocked_reason
        other = await stack.submitted(prompt="a kite", **QUICK)
        assert not (await stack.jobs.answered(other.id, 60.0)).blocked_reason
        assert (await stack.jobs.wait([other.id], 3000.0))[0].state is State.SUCCEEDED


# ---- lanes, on the pretend Kling


async def test_who_waits_for_a_slot_is_told_for_which_and_how_many_are_before_it(tmp_path: Path) -> None:
    async with small_account(tmp_path, concurrency=2) as stack:
        jobs = [await stack.submitted(prompt=f"kite {number}", **QUICK) for number in range(6)]
        last = jobs[-1].id
        while "before it" not in (await stack.jobs.get(last)).blocked_reason:
            await stack.clock.sleep(1.0)
        told = await stack.jobs.get(last)
        assert "It waits for one of the account's" in told.blocked_reason
        assert "parallel video slots" in told.blocked_reason
        assert (stack.jobs.eta_s(told) or 0) > (stack.jobs.eta_s(await stack.jobs.get(jobs[0].id)) or 0)
        speech = TextToSpeech.parse({"text": "Good evening."})
        spoken = await stack.jobs.submit(speech, {"text": "Good evening."})
        assert (await stack.jobs.wait([spoken.id], 30.0))[0].state is State.SUCCEEDED, "it takes no slot"
        done = await stack.jobs.wait([job.id for job in jobs], 3000.0)
        assert [job.state for job in done] == [State.SUCCEEDED] * 6
        begun = sorted(done, key=lambda job: job.begun_at or 0)
        # The first four left together, before anything was known of the slots.
        assert [job.id for job in begun[4:]] == [job.id for job in jobs[4:]]


# ---- steps of a job


async def test_a_held_first_step_shows_at_its_whole_and_is_withdrawn_with_it(tmp_path: Path) -> None:
    async with stack_of(tmp_path) as stack:
        stack.sandbox.state.change(Change("video", units=Decimal(0)))
        job = await submitted_plan(stack)
        while not (told := await stack.jobs.get(job.id)).failure:
            await stack.clock.sleep(1.0)
        assert told.failure is not None
        assert (told.failure.code, "video pack" in told.failure.fix) == ("1102", True)
        assert (await stack.jobs.cancel(job.id)).state is State.CANCELLED
        assert [step.state for step in await stack.ledger.steps(job.id)] == [State.CANCELLED]
        assert stack.sandbox.state.creates == 0


async def test_a_held_later_step_is_withdrawn_with_its_whole_which_keeps_what_was_made(tmp_path: Path) -> None:
    async with stack_of(tmp_path) as stack:
        stack.sandbox.faults.add(Fault("code", "/v1/videos/image2video", "POST", code=1102, times=None))
        job = await submitted_plan(stack)
        while "no units left" not in (told := await stack.jobs.get(job.id)).blocked_reason:
            await stack.clock.sleep(1.0)
        assert (told.state, told.failure and told.failure.code) == (State.RUNNING, "1102")
        ended = await stack.jobs.cancel(job.id)
        assert ended.failure is not None
        assert (ended.state, ended.failure.code) == (State.FAILED, "cancelled")
        assert f"kling://media/{job.id}-first_1" in ended.failure.fix
        assert stack.sandbox.state.creates == 1


# ---- a far side that answers what it is told to, on a clock that waits for nothing


@dataclass
class Team:
    """The posting of one process."""

    posting: Posting
    ledger: Ledger
    far_side: FarSide
    account: str

    async def put(self, number: int, **more: object) -> Job:
        now = self.far_side.clock.now()
        job = replace(
            queued(), id=f"km1-{number:03}", account=self.account, created_at=now + number / 1000.0, updated_at=now,
            package="video", **more,  # type: ignore[arg-type]
        )  # fmt: skip
        await self.ledger.add(job, Request("v1", CREATE, {"prompt": "a kite"}))
        return job

    async def beat(self) -> int:
        """All that may be posted now, and then the probes; how many were posted."""
        before = len(self.creates)
        while claimed := await self.posting.claim():
            for job in claimed:
                await self.posting.send(job)
        for job in await self.posting.probe():
            await self.posting.send(job)
        return len(self.creates) - before

    @property
    def creates(self) -> list[httpx2.Request]:
        return [each for each in self.far_side.requests if each.method == "POST"]

    async def row(self, job: Job) -> Job:
        return (await self.ledger.many([job.id]))[job.id]


@asynccontextmanager
async def team(folder: Path, answer: Callable[[httpx2.Request], httpx2.Response]) -> AsyncGenerator[Team]:
    far_side = FarSide([answer])
    ledger, owner = Ledger(folder / "ledger.db", far_side.clock), Owner(folder / "owners").appear()

    async def changed(_: Job) -> None: ...

    provider = far_side.provider()
    posting = Posting(Records(ledger, far_side.clock, owner, changed), provider, random.Random(1))
    yield Team(posting, ledger, far_side, provider.account)
    await ledger.close()
    owner.leave()


def empty_account(request: httpx2.Request) -> httpx2.Response:
    if request.method == "POST":
        return refused(429, 1102)
    return answered({"code": 0, "msg": "success", "resource_pack_subscribe_infos": []})


async def test_what_is_held_for_a_day_fails_with_its_cause_uncharged_and_was_tried_ever_more_rarely(
    tmp_path: Path,
) -> None:
    async with team(tmp_path, empty_account) as one:
        jobs = [await one.put(number) for number in range(30)]
        first = await one.beat()
        assert first <= 4
        beats = [await one.beat() for _ in _minutes(one, 24 * 60 + 5)]
        assert max(beats) <= 1, "one job at a time tries it"
        assert sum(beats) <= 24 * 6 + 1
        rows = [await one.row(job) for job in jobs]
        tried = [row for row in rows if row.state is State.FAILED]
        assert tried
        for row in tried:
            assert row.failure is not None
            assert (row.failure.code, row.failure.charged) == ("1102", False)
        assert {row.state for row in rows} <= {State.FAILED, State.UNKNOWN}, "what nobody touched is looked up first"


def _minutes(one: Team, count: int) -> list[int]:
    class Passing(list[int]):
        def __iter__(self):  # noqa: ANN204
            for minute in range(count):
                one.far_side.clock.advance(60.0)
                yield minute

    return Passing()


async def test_five_answers_lost_in_a_row_stop_posting_and_a_probe_sets_it_going_again(tmp_path: Path) -> None:
    well = list[bool]()

    def ill(request: httpx2.Request) -> httpx2.Response:
        if request.method == "GET":
            return answered({"code": 0, "msg": "success", "resource_pack_subscribe_infos": []})
        number = len(well)
        return answered(legacy_task(number, "submitted")) if well else refused(500, 5000)

    async with team(tmp_path, ill) as one:
        jobs = [await one.put(number) for number in range(40)]
        assert circuits.DOUBTS_TO_OPEN <= await one.beat() <= 2 * circuits.DOUBTS_TO_OPEN
        assert await one.beat() == 0
        (told,) = await Queue(one.ledger, one.account).explained([await one.row(jobs[-1])])
        assert "lost" in told.blocked_reason
        well.append(True)
        one.far_side.clock.advance(circuits.FIRST_DOUBT_PAUSE_S + 1)
        assert await one.beat() == 1, "half open"
        assert await one.beat() > 1


async def test_a_job_that_needs_more_slots_than_there_are_lets_others_pass(tmp_path: Path) -> None:
    def two_slots(request: httpx2.Request) -> httpx2.Response:
        return refused(429, 1303) if b"km1-000" in request.content else answered(legacy_task(1, "submitted"))

    async with team(tmp_path, two_slots) as one:
        large = await one.put(0, slots=9)
        small = await one.put(1)
        for _ in range(5):
            await one.beat()
            one.far_side.clock.advance(2.0)
        assert (await one.row(large)).state is State.QUEUED
        assert (await one.row(small)).state is State.RUNNING


async def test_processes_claim_together_no_more_than_the_slots_and_no_job_twice(tmp_path: Path) -> None:
    def everything(_: httpx2.Request) -> httpx2.Response:
        return answered(legacy_task(1, "submitted"))

    async with team(tmp_path, everything) as one, team(tmp_path, everything) as two, team(tmp_path, everything) as six:
        jobs = [await one.put(number) for number in range(40)]
        now = one.far_side.clock.now()
        learnt = (one.account, "video", 5, now, now + 200.0, 15.0, None, 0, 0.0, 0.0)
        row = "INSERT INTO lane VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        await one.ledger.write(lambda db: db.execute(row, learnt).close())
        claimed = list[Job]()

        async def claim(each: Team) -> None:
            claimed.extend(await each.posting.claim())

        async with anyio.create_task_group() as group:
            for each in (one, two, six) * 3:
                group.start_soon(claim, each)
        assert sorted(job.id for job in claimed) == [job.id for job in jobs[:5]]


async def test_claims_hold_by_the_ledgers_clock(tmp_path: Path) -> None:
    async with team(tmp_path, empty_account) as one:
        job = await one.put(0)
        (claimed,) = await one.posting.claim()
        assert claimed.lease_until == one.ledger.clock.now() + 150.0
        assert (await one.row(job)).lease_until == claimed.lease_until
        assert not await Lanes(one.ledger).anything_shut(one.account)


@pytest.mark.parametrize(("wide", "narrow"), [(1304, 1102), (1304, 1103), (1102, 1103)])
async def test_what_two_circuits_hold_at_once_is_tried_all_the_same(tmp_path: Path, wide: int, narrow: int) -> None:
    refusals = [narrow, wide]

    def twice_refused(request: httpx2.Request) -> httpx2.Response:
        if request.method == "GET":
            return answered({"code": 0, "msg": "success", "resource_pack_subscribe_infos": []})
        return refused(429, refusals.pop(0)) if refusals else answered(legacy_task(1, "submitted"))

    async with team(tmp_path, twice_refused) as one:
        jobs = [await one.put(number) for number in range(2)]
        await one.beat()
        assert not refusals, "both are open now"
        for _ in _minutes(one, 60):
            await one.beat()
        assert [(await one.row(job)).state for job in jobs] == [State.RUNNING] * 2


async def test_a_probe_is_made_though_many_older_jobs_are_held_by_another_circuit(tmp_path: Path) -> None:
    refusals = [1103, 1304]

    def twice_refused(request: httpx2.Request) -> httpx2.Response:
        if request.method == "GET":
            return answered({"code": 0, "msg": "success", "resource_pack_subscribe_infos": []})
        if b"km1-0" in request.content and len(refusals) < 2:
            return refused(429, 1103)
        return refused(429, refusals.pop(0)) if refusals else answered(legacy_task(1, "submitted"))

    async with team(tmp_path, twice_refused) as one:
        held = await one.put(0)
        await one.beat()
        last = [await one.put(number, model_name="kling-v9") for number in (900, 901)]
        await one.beat()
        assert not refusals
        for number in range(1, 30):
            now = one.far_side.clock.now()
            more = replace(held, id=f"km1-{number:03}", created_at=now - 3600.0 + number, updated_at=now)
            await one.ledger.add(more, Request("v1", CREATE, {"prompt": "a kite"}))
        for _ in _minutes(one, 10):
            await one.beat()
        assert [(await one.row(job)).state for job in last] == [State.RUNNING] * 2


async def test_a_ledger_that_fails_between_two_probes_keeps_nobody_from_posting(tmp_path: Path) -> None:
    refusals = [1103, 1103]

    def twice_refused(request: httpx2.Request) -> httpx2.Response:
        if request.method == "GET":
            return answered({"code": 0, "msg": "success", "resource_pack_subscribe_infos": []})
        return refused(429, refusals.pop(0)) if refusals else answered(legacy_task(1, "submitted"))

    async with team(tmp_path, twice_refused) as one:
        for number, model in enumerate(("a", "b")):
            await one.put(number, model_name=model)
        await one.beat()
        assert not refusals, "both models are refused now"
        one.far_side.clock.advance(circuits.FIRST_PAUSE_S + 1)
        write, calls = one.ledger.write, list[None]()

        async def failing(work: Callable[[sqlite3.Connection], object]) -> object:
            calls.append(None)
            if len(calls) == 4:
                message = "The disk is full."
                raise LocalTrouble(message)
            return await write(work)

        one.ledger.write = failing  # type: ignore[method-assign]
        (probe,) = await one.posting.probe()
        one.ledger.write = write  # type: ignore[method-assign]
        await one.posting.send(probe)
        with anyio.fail_after(5):
            await one.posting.left()
        assert (await one.row(probe)).state is State.RUNNING
