"""Answers that come late, doubts that nothing settles, clocks that jump, and servers of the version before."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from kling_mcp.clock import ManualClock, SystemClock
from kling_mcp.errors import Busy, KlingError, LocalTrouble, OutcomeUnknown, Refused
from kling_mcp.jobs import doubts, moves
from kling_mcp.jobs.ledger import Ledger
from kling_mcp.jobs.locks import Owner
from kling_mcp.jobs.model import Delivery, Job, State
from kling_mcp.jobs.posting import Posting
from kling_mcp.jobs.records import Records
from kling_mcp.jobs.sweeping import DOUBTS_AT_ONCE, Sweeping
from kling_mcp.providers.base import Progress, Request
from kling_mcp.sandbox.faults import Fault
from tests.stack import HURRY, Stack, new_sandbox, running_stack

from .test_moves import DICE, SETTLE, T0, queued, running, submitting

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

pytestmark = pytest.mark.anyio

SPEAK = "/v1/audio/tts"
YEAR_S = 365 * 86_400.0
HOUR_S = 3600.0
UNTOLD = Progress("", "processing", fresh=False)
DONE = Progress("s", "succeeded", facts={"session_id": "s"})


# ---- doubts


def in_doubt() -> Job:
    return moves.doubted(submitting(), OutcomeUnknown("The answer was cut off.").failure, T0, SETTLE)


def test_a_doubt_that_no_look_up_can_settle_ends_after_two_days_and_two_looks() -> None:
    asked = moves.observed(in_doubt(), UNTOLD, T0 + 60)
    assert (asked.state, asked.not_before > T0 + 60) == (State.UNKNOWN, True)
    early = moves.observed(asked, UNTOLD, T0 + 47 * HOUR_S)
    assert early.state is State.UNKNOWN
    asleep = moves.observed(in_doubt(), UNTOLD, T0 + 49 * HOUR_S)
    assert asleep.state is State.UNKNOWN, "the machine slept: the first look proves nothing"
    ended = moves.observed(early, UNTOLD, T0 + 49 * HOUR_S)
    assert ended.failure is not None
    assert (ended.state, ended.failure.charged, ended.finished_at) == (State.UNCONFIRMED, None, T0 + 49 * HOUR_S)
    for part in ("cut off", "48 hours", "3 units may have been charged", "list_charges", "adopt_task"):
        assert part in ended.failure.sentence()


def test_a_doubt_counts_from_when_it_arose_and_not_from_when_the_job_was_accepted() -> None:
    old = replace(in_doubt(), created_at=T0 - YEAR_S)
    assert moves.observed(moves.observed(old, UNTOLD, T0 + 1), UNTOLD, T0 + 9).state is State.UNKNOWN


def test_a_task_that_kling_has_and_never_shows_ends_too() -> None:
    held = replace(running(), task_id=None, settles_at=T0)
    asked = moves.observed(held, UNTOLD, T0 + 60)
    assert asked.state is State.RUNNING
    assert moves.observed(asked, UNTOLD, T0 + 49 * HOUR_S).state is State.UNCONFIRMED


def test_a_task_whose_turn_did_not_come_stays_as_it_was() -> None:
    job = running()
    assert moves.observed(job, replace(UNTOLD, task_id="t1"), T0 + 49 * HOUR_S) == job


@pytest.mark.parametrize("said", [UNTOLD, None])
def test_a_doubt_about_what_has_no_name_and_leaves_no_task_ends_at_the_first_look(said: Progress | None) -> None:
    job = replace(in_doubt(), nameless=True, tool="text_to_speech")
    ended = moves.observed(job, said, T0 + 1) if said else moves.absent(job, T0 + 1, DICE)
    assert ended.state is State.UNCONFIRMED


def test_a_settle_window_written_by_a_clock_that_was_ahead_does_not_hold_for_a_year() -> None:
    ahead = replace(in_doubt(), settles_at=T0 + YEAR_S)
    once = moves.absent(ahead, T0, DICE)
    assert once.settles_at == T0 + moves.LONGEST_SETTLE_S
    assert moves.absent(once, once.settles_at, DICE).state is State.QUEUED


# ---- answers that come late


@pytest.mark.parametrize("given_up", [State.UNCONFIRMED, State.UNKNOWN, State.QUEUED])
@pytest.mark.parametrize(
    ("outcome", "becomes"),
    [
        (DONE, State.SUCCEEDED),
        (Progress("t", "submitted"), State.RUNNING),
        (Refused("no", code=1201), State.FAILED),
        (Busy("no slot", code=1303), State.FAILED),
        (OutcomeUnknown("cut off"), None),
    ],
)
def test_a_late_answer_beats_the_doubt_and_never_queues_again(
    given_up: State, outcome: Progress | KlingError, becomes: State | None
) -> None:
    lost = replace(doubts.unconfirmed(submitting(), OutcomeUnknown("x").failure, T0), state=given_up, tool="some_tool")
    heard = moves.heard_late(lost, outcome, T0 + 300)
    assert heard.state is (becomes or given_up)
    assert (heard.finished_at is None) == (heard.state is State.RUNNING)


@pytest.mark.parametrize("state", [State.SUCCEEDED, State.SUBMITTING, State.CANCELLED, State.RUNNING])
def test_a_late_answer_changes_nothing_that_was_not_given_up(state: State) -> None:
    job = replace(queued(), state=state)
    assert moves.heard_late(job, DONE, T0) is job


class Speaking:
    """A provider whose answer is held back until it is let go. Kling's door, at its narrowest."""

    name, account, settle_s = "official", "acc", 5.0

    def __init__(self) -> None:
        self.asked, self.answer, self.posts = anyio.Event(), anyio.Event(), 0

    async def submit(self, request: Request, ext_id: str) -> Progress:
        del request, ext_id
        self.posts += 1
        self.asked.set()
        await self.answer.wait()
        return DONE


@asynccontextmanager
async def sender(folder: Path, kling: Speaking) -> AsyncGenerator[tuple[Posting, Ledger]]:
    """The steps of one process."""
    clock = SystemClock(HURRY)
    ledger = Ledger(folder / "ledger.db", clock)
    owner = Owner(folder / "owners").appear()

    async def changed(_: Job) -> None: ...

    yield Posting(Records(ledger, clock, owner, changed), kling, random.Random(1)), ledger  # type: ignore[arg-type]
    owner.leave()
    await ledger.close()


def speech(clock_now: float) -> Job:
    return replace(queued(), tool="some_tool", nameless=True, created_at=clock_now, updated_at=clock_now)


@pytest.mark.parametrize(("tool", "doubted"), [("text_to_speech", State.UNCONFIRMED), ("some_tool", State.UNKNOWN)])
async def test_a_process_that_was_silent_too_long_still_delivers_the_answer_it_holds(
    tmp_path: Path, tool: str, doubted: State
) -> None:
    kling, job = Speaking(), replace(speech(SystemClock().now()), tool=tool)
    async with sender(tmp_path, kling) as (slept, ledger), anyio.create_task_group() as group:
        await ledger.add(job, Request("v1", SPEAK, {}, nameless=True))
        (posting,) = await slept.claim()
        group.start_soon(slept.send, posting)
        await kling.asked.wait()
        claimed = (await ledger.many([job.id]))[job.id]
        await ledger.save(replace(claimed, lease_until=0.0))  # as after a night
        async with sender(tmp_path, kling) as (other, _):
            await other.take_over()
        lost = (await ledger.many([job.id]))[job.id]
        assert lost.state is doubted
        kling.answer.set()
    async with sender(tmp_path, kling) as (_, ledger):
        found = (await ledger.many([job.id]))[job.id]
    assert (found.state, found.facts, found.failure, kling.posts) == (State.SUCCEEDED, {"session_id": "s"}, None, 1)


async def test_an_answer_that_nobody_can_ask_for_again_is_kept_in_hand_until_the_disk_has_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kling = Speaking()
    kling.answer.set()
    async with sender(tmp_path, kling) as (steps, ledger):
        job = speech(SystemClock().now())
        await ledger.add(job, Request("v1", SPEAK, {}, nameless=True))
        save, refused = ledger.save, list[Job]()

        async def full(after: Job, **more: Any) -> Job | None:  # noqa: ANN401 - passed on
            if after.state is State.SUCCEEDED and len(refused) < 9:
                refused.append(after)
                raise LocalTrouble("The disk is full.")
            return await save(after, **more)

        monkeypatch.setattr(ledger, "save", full)
        with anyio.fail_after(10):
            (claimed,) = await steps.claim()
            await steps.send(claimed)
        assert ((await ledger.many([job.id]))[job.id].state, kling.posts) == (State.SUCCEEDED, 1)


# ---- a server of the version before, on the same ledger


@asynccontextmanager
async def idle_stack(folder: Path, clock: SystemClock | None = None) -> AsyncGenerator[Stack]:
    kling = SystemClock(HURRY)
    async with running_stack(folder, sandbox=new_sandbox(kling), clock=clock or kling) as stack:
        with anyio.fail_after(30):
            yield stack


def ours(stack: Stack, **more: Any) -> Job:  # noqa: ANN401 - any column
    now = stack.clock.now()
    here = {"account": stack.provider.account, "created_at": now, "updated_at": now}
    return replace(queued(), **{**here, "folder": str(stack.folder / "films"), **more})


@pytest.mark.parametrize("left", [{"state": State.QUEUED}, {"state": State.UNKNOWN, "settles_at": 1.0}])
async def test_what_an_older_server_took_for_never_arrived_is_not_posted_again(
    tmp_path: Path, left: dict[str, Any]
) -> None:
    async with idle_stack(tmp_path) as stack:
        job = ours(stack, tool="text_to_speech", nameless=True, attempts=1, doubts=1, path=SPEAK, **left)
        await stack.ledger.add(job, Request("v1", SPEAK, {"text": "Good evening."}, nameless=True))
        (found,) = await stack.jobs.wait([job.id], 600.0)
        assert (found.state, stack.posts) == (State.UNCONFIRMED, 0)


async def test_many_doubts_beside_a_task_without_an_id_are_asked_about_in_turns(tmp_path: Path) -> None:
    async with sender(tmp_path, Speaking()) as (one, ledger):
        steps = Sweeping(one._records, Speaking(), random.Random(1))  # type: ignore[arg-type] # noqa: SLF001 - as the runner puts them together
        for number in range(DOUBTS_AT_ONCE + 5):
            left = State.RUNNING if number % 2 else State.UNKNOWN
            await ledger.add(replace(queued(), id=f"km1-{number}", state=left), Request("v1", "/p", {}))
        assert len(await steps.in_flight()) == DOUBTS_AT_ONCE


# ---- clocks


class Ahead(SystemClock):
    """A hurrying clock that is a year ahead until somebody puts it right."""

    ahead_s = YEAR_S

    def now(self) -> float:
        return super().now() + self.ahead_s


async def test_jobs_go_on_when_a_clock_that_was_a_year_ahead_is_put_right(tmp_path: Path) -> None:
    clock = Ahead(HURRY)
    async with idle_stack(tmp_path, clock) as stack:
        stack.sandbox.faults.add(Fault("code", "/v1/videos", "POST", code=1303, times=1))
        waiting = await stack.submitted(prompt="a kite", model_name="kling-v2-5-turbo")
        await stack.jobs.answered(waiting.id, 60.0)
        held = await stack.submitted(prompt="two kites", model_name="kling-v2-5-turbo")
        await _state(stack, held, lambda job: job.state is State.RUNNING)
        clock.ahead_s = 0.0
        for job in (waiting, held):
            await _state(stack, job, lambda job: job.delivery is Delivery.STORED)


async def test_a_sweep_is_not_left_for_a_year_to_a_process_that_stopped(tmp_path: Path) -> None:
    clock = ManualClock(T0 + YEAR_S)
    ledger = Ledger(tmp_path / "ledger.db", clock)
    assert await ledger.lease("sweep", "one", 32.0, lambda _: True)
    clock.advance(-YEAR_S)
    assert await ledger.lease("sweep", "two", 32.0, lambda _: True)
    assert not await ledger.lease("sweep", "three", 32.0, lambda _: True)
    await ledger.close()


async def _state(stack: Stack, job: Job, reached: Callable[[Job], bool]) -> None:
    while not reached((await stack.ledger.many([job.id]))[job.id]):
        await stack.clock.sleep(1.0)
