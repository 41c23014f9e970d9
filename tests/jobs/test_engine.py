"""The engine on the real provider and the pretend Kling: one create per job, whatever goes wrong between them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import av
import pytest

from kling_mcp.clock import SystemClock
from kling_mcp.errors import InvalidRequest, LocalTrouble
from kling_mcp.jobs.model import Delivery, State
from kling_mcp.providers.base import Request
from kling_mcp.sandbox.faults import Fault
from tests.stack import HURRY, Stack, key_pair, new_sandbox, running_stack

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from kling_mcp.jobs.model import Job

pytestmark = pytest.mark.anyio

CREATE = "/v1/videos/text2video"


UNHURRIED = 25.0
"""For tests that start many jobs at once: at a hundredfold, a claim is too old to be sent after a tenth of a second."""


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncGenerator[Stack]:
    async with running_stack(tmp_path) as running:
        with anyio.fail_after(50):
            yield running


async def test_a_job_goes_from_sentence_to_a_verified_file_for_the_quoted_price(stack: Stack) -> None:
    job = await stack.made(prompt="a red kite over dunes", duration=5)
    (film,) = job.media
    assert film.path is not None
    path = Path(film.path)
    assert path.parent == stack.folder / "films"
    assert path.name.endswith(f"_generate_video_{job.id}_1.mp4")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == film.sha256
    with av.open(path) as container:
        assert container.duration is not None
        assert container.duration / 1e6 == pytest.approx(5.041, abs=0.1)
    assert (job.state, job.delivery, job.units_quoted, job.units_charged) == (
        State.SUCCEEDED,
        Delivery.STORED,
        Decimal("3.0"),
        Decimal("3.0"),
    )
    assert stack.sandbox.state.deducted == Decimal("3.0")


async def test_the_intent_is_on_disk_before_the_create_leaves(stack: Stack) -> None:
    seen: list[State] = []

    async def listener(job: Job) -> None:
        seen.append((await stack.ledger.many([job.id]))[job.id].state)

    stack.jobs.listen(listener)
    stack.sandbox.faults.add(Fault("delay", CREATE, hold_s=30.0))
    job = await stack.submitted(prompt="a kite")
    assert (await stack.ledger.many([job.id]))[job.id].id == job.id
    assert stack.sandbox.state.creates == 0
    await stack.jobs.wait([job.id], 3000.0)
    assert seen[:2] == [State.SUBMITTING, State.RUNNING]


@pytest.mark.parametrize(
    "fault",
    [
        Fault("drop", CREATE, "POST", when="before"),
        Fault("drop", CREATE, "POST", when="after"),
        Fault("html", CREATE, "POST", when="before"),
        Fault("html", CREATE, "POST", when="after"),
        Fault("truncated", CREATE, "POST"),
        Fault("code", CREATE, "POST", code=5000),
        Fault("code", CREATE, "POST", code=5002, when="after"),
        Fault("junk", CREATE, "POST"),
        Fault("code", CREATE, "POST", code=1303, times=3),
        Fault("code", CREATE, "POST", code=1302, times=2),
    ],
    ids=lambda f: f"{f.kind}-{f.code}-{f.when}",
)
async def test_whatever_happens_to_the_answer_there_is_one_create_and_one_charge(stack: Stack, fault: Fault) -> None:
    stack.sandbox.faults.add(fault)
    job = await stack.made(prompt="a kite")
    assert job.state is State.SUCCEEDED, job.failure
    assert stack.sandbox.state.creates == 1
    assert stack.sandbox.state.deducted == job.units_charged == Decimal("3.0")


async def test_a_refusal_of_the_request_fails_the_job_at_once_uncharged_and_is_not_repeated(stack: Stack) -> None:
    stack.sandbox.faults.add(Fault("code", CREATE, "POST", code=1301, times=None))
    job = await stack.made(prompt="a kite")
    assert job.failure is not None
    assert (job.state, job.failure.code, job.failure.charged) == (State.FAILED, "1301", False)
    assert "prompt" in job.failure.fix
    assert stack.posts == 1


async def test_moderation_after_acceptance_is_a_failure_that_cost_nothing(stack: Stack) -> None:
    job = await stack.made(prompt="a kite sandbox-risk")
    assert job.failure is not None
    assert (job.state, job.failure.code, job.failure.charged) == (State.FAILED, "task_failed", False)
    assert "risk control" in job.failure.message


async def test_twenty_jobs_in_flight_cost_one_request_per_sweep(tmp_path: Path) -> None:
    async with running_stack(tmp_path, clock=SystemClock(UNHURRIED)) as stack:
        jobs = [await stack.submitted(prompt=f"kite {n}") for n in range(20)]
        for job in jobs:
            await stack.jobs.answered(job.id, 60.0)
        before, started = stack.sandbox.requests["GET /tasks"], stack.clock.now()
        await stack.clock.sleep(60.0)
        asked, took = stack.sandbox.requests["GET /tasks"] - before, stack.clock.now() - started
        assert 0 < asked <= 10 + took / 5, f"{asked} requests in {took:.0f} s: more than one per sweep"
        assert not any(name.startswith("GET /v1/videos") for name in stack.sandbox.requests)
        done = await stack.jobs.wait([j.id for j in jobs], 3000.0)
        assert {j.state for j in done} == {State.SUCCEEDED}, [j.failure for j in done]
        assert stack.sandbox.state.creates == 20


async def test_a_key_pair_asks_by_list_not_job_by_job(tmp_path: Path) -> None:
    async with running_stack(tmp_path, credential=key_pair(), clock=SystemClock(UNHURRIED)) as stack:
        jobs = [await stack.submitted(prompt=f"kite {n}") for n in range(5)]
        done = await stack.jobs.wait([j.id for j in jobs], 3000.0)
        assert {j.state for j in done} == {State.SUCCEEDED}, [j.failure for j in done]
        assert "GET /tasks" not in stack.sandbox.requests
        assert stack.sandbox.requests["GET /v1/videos/text2video/{id}"] <= 5


async def test_more_jobs_than_slots_wait_their_turn(tmp_path: Path) -> None:
    clock = SystemClock(HURRY)
    sandbox = new_sandbox(clock, concurrency=2)
    async with running_stack(tmp_path, sandbox=sandbox, clock=clock) as stack:
        jobs = [await stack.submitted(prompt=f"kite {n}") for n in range(5)]
        waiting = [await stack.jobs.answered(j.id, 30.0) for j in jobs]
        assert any("slot" in j.blocked_reason or "busy" in j.blocked_reason.lower() for j in waiting)
        done = await stack.jobs.wait([j.id for j in jobs], 3000.0)
        assert [j.state for j in done] == [State.SUCCEEDED] * 5
        assert sandbox.state.creates == 5


async def test_waiting_for_the_first_returns_with_the_first(stack: Stack) -> None:
    quick = await stack.submitted(prompt="a kite", model_name="kling-v2-5-turbo")
    slow = await stack.submitted(prompt="a kite", mode="4k", duration=15)
    jobs: Sequence[Job] = await stack.jobs.wait([slow.id, quick.id], 3000.0, need="first")
    assert [j.settled for j in jobs] == [False, True]


async def test_a_wait_ends_with_its_budget_and_a_drain_ends_every_wait(stack: Stack) -> None:
    job = await stack.submitted(prompt="a kite", mode="4k", duration=15)
    began = stack.clock.now()
    assert not (await stack.jobs.wait([job.id], 10.0))[0].settled
    assert 10.0 <= stack.clock.now() - began < 60.0
    stack.jobs.drain()
    with anyio.fail_after(5):
        assert not (await stack.jobs.wait([job.id], 1e6))[0].settled


async def test_cancelling_the_wait_leaves_the_job_alone(stack: Stack) -> None:
    job = await stack.submitted(prompt="a kite")
    with anyio.move_on_after(0.05):
        await stack.jobs.wait([job.id], 3000.0)
    assert (await stack.jobs.wait([job.id], 3000.0))[0].state is State.SUCCEEDED


async def test_only_a_job_that_was_never_posted_can_be_cancelled(stack: Stack) -> None:
    stack.sandbox.faults.add(Fault("code", CREATE, "POST", code=1303, times=None))
    job = await stack.submitted(prompt="a kite")
    await stack.jobs.answered(job.id, 60.0)
    gone = await stack.withdrawn(job)
    assert gone.state is State.CANCELLED
    assert await stack.jobs.cancel(job.id) == gone, "the agent may not have had the answer"
    stack.sandbox.faults.clear()
    running = await stack.submitted(prompt="another kite")
    while (await stack.jobs.get(running.id)).state is not State.RUNNING:
        await stack.clock.sleep(1.0)
    with pytest.raises(InvalidRequest, match="Kling has no cancel"):
        await stack.jobs.cancel(running.id)
    await stack.jobs.wait([running.id], 3000.0)
    assert stack.sandbox.state.creates == 1


async def test_a_blocked_folder_keeps_the_job_succeeded_and_get_job_fetches_later(tmp_path: Path) -> None:
    (tmp_path / "films").write_text("in the way")
    async with running_stack(tmp_path) as stack:
        job = await stack.made(prompt="a kite")
        assert (job.state, job.delivery) == (State.SUCCEEDED, Delivery.FAILED)
        assert "films" in job.media[0].trouble
        (tmp_path / "films").unlink()
        await stack.jobs.get(job.id)
        (again,) = await stack.jobs.wait([job.id], 3000.0)
        assert again.delivery is Delivery.STORED
        assert Path(again.media[0].path or "").exists()
        assert stack.sandbox.state.creates == 1


async def test_a_deleted_file_is_fetched_again_by_get_job(stack: Stack) -> None:
    job = await stack.made(prompt="a kite")
    path = Path(job.media[0].path or "")
    path.unlink()
    again = await stack.jobs.get(job.id)
    assert (again.delivery, path.exists(), again.media[0].sha256) == (Delivery.STORED, True, job.media[0].sha256)


async def test_two_processes_on_one_ledger_share_the_work_without_doubling_it(tmp_path: Path) -> None:
    clock = SystemClock(HURRY)
    sandbox = new_sandbox(clock)
    async with (
        running_stack(tmp_path, sandbox=sandbox, clock=clock) as one,
        running_stack(tmp_path, sandbox=sandbox, clock=clock, output=tmp_path / "elsewhere") as two,
    ):
        jobs = [await (one if n % 2 else two).submitted(prompt=f"kite {n}") for n in range(6)]
        done = await two.jobs.wait([j.id for j in jobs], 3000.0)
        assert [j.state for j in done] == [State.SUCCEEDED] * 6
        assert sandbox.state.creates == 6
        assert [j.delivery for j in done] == [Delivery.STORED] * 6, [m.trouble for j in done for m in j.media]
        folders = {j.id: Path(j.media[0].path or "").parent for j in done}
        assert [folders[j.id].name for j in jobs] == ["elsewhere", "films"] * 3


async def test_a_process_with_nothing_to_do_does_not_hold_up_another(tmp_path: Path) -> None:
    clock = SystemClock(HURRY)
    sandbox = new_sandbox(clock)
    async with (
        running_stack(tmp_path, sandbox=sandbox, clock=clock) as idle,
        running_stack(tmp_path, sandbox=sandbox, clock=clock) as busy,
    ):
        await idle.made(prompt="a kite")
        job = await busy.made(prompt="another kite")
        task = next(task for task in sandbox.state.tasks if task.id == job.task_id)
        assert job.finished_at is not None
        assert job.finished_at - task.ends_at < 15.0


async def test_what_one_process_left_half_done_another_finishes(tmp_path: Path) -> None:
    clock = SystemClock(HURRY)
    sandbox = new_sandbox(clock)
    async with running_stack(tmp_path, sandbox=sandbox, clock=clock) as first:
        sandbox.faults.add(Fault("delay", CREATE, "POST", delay_s=3000.0))
        job = await first.submitted(prompt="a kite")
        while sandbox.state.creates == 0:
            await first.clock.sleep(0.5)
    async with running_stack(tmp_path, sandbox=sandbox, clock=clock) as second:
        done = (await second.jobs.wait([job.id], 3000.0))[0]
        assert done.state is State.SUCCEEDED
        assert sandbox.state.creates == 1


async def test_a_row_from_a_restored_backup_is_looked_up_never_posted(tmp_path: Path) -> None:
    clock = SystemClock(HURRY)
    sandbox = new_sandbox(clock)
    async with running_stack(tmp_path, sandbox=sandbox, clock=clock) as first:
        job = await first.made(prompt="a kite")
    async with running_stack(tmp_path / "restored", sandbox=sandbox, clock=clock) as second:
        intent = await second.submitted(prompt="another kite")
        await second.jobs.wait([intent.id], 3000.0)
        old = replace(
            (await second.ledger.many([intent.id]))[intent.id],
            id=job.id,
            task_id=None,
            state=State.QUEUED,
            delivery=Delivery.NONE,
            updated_at=clock.now() - 90_000,
        )
        posts = second.posts
        await second.ledger.add(old, Request("v1", CREATE, {"prompt": "a kite"}))
        settled = (await second.jobs.wait([job.id], 3000.0))[0]
        assert (settled.state, settled.task_id) == (State.SUCCEEDED, job.task_id)
        assert second.posts == posts


async def test_nothing_is_posted_when_the_ledger_cannot_record_it(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    async with running_stack(tmp_path) as stack:
        with pytest.raises(LocalTrouble):
            await stack.submitted(prompt="a kite")
        assert stack.posts == 0


async def test_a_watermarked_copy_is_delivered_where_it_was_asked_for(stack: Stack) -> None:
    asked = await stack.made(prompt="a kite", watermark=True)
    assert [Path(m.path or "").exists() for m in asked.media] == [True, True]
    assert "watermark" in asked.media[1].url
    assert len((await stack.made(prompt="a kite")).media) == 1
