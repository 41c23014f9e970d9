"""What was paid is kept: across renewed keys, failing disks, stopped processes and clocks that are set back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from pydantic import SecretStr

from kling_mcp.clock import SystemClock
from kling_mcp.errors import LocalTrouble
from kling_mcp.jobs.ledger import Ledger
from kling_mcp.jobs.model import Delivery, Job, State
from kling_mcp.providers.official import KeyPair
from kling_mcp.sandbox.faults import Fault
from tests.stack import HURRY, Stack, new_sandbox, running_stack

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.anyio

CREATE = "/v1/videos/text2video"
OLD_KEY = KeyPair(SecretStr("sandbox-ak"), SecretStr("sandbox-sk-0123456789abcdef0123456789abcdef"))


class SetBack(SystemClock):
    """A hurrying clock that somebody sets back."""

    back_s = 0.0

    def now(self) -> float:
        return super().now() - self.back_s


async def test_files_of_an_old_keys_jobs_are_fetched_with_the_new_one(tmp_path: Path) -> None:
    clock = SystemClock(HURRY)
    sandbox = new_sandbox(clock)
    async with running_stack(tmp_path, sandbox=sandbox, clock=clock, credential=OLD_KEY) as before:
        job = await before.made(prompt="a kite")
        Path(job.media[0].path or "").unlink()
        sandbox.faults.add(Fault("delay", "/files", delay_s=1e6))
        unfetched = await before.submitted(prompt="another kite")
        await _seen(before, unfetched, lambda now: now.state is State.SUCCEEDED)
    sandbox.faults.clear()
    async with running_stack(tmp_path, sandbox=sandbox, clock=clock) as after:
        await after.jobs.get(job.id)
        done = await after.jobs.wait([job.id, unfetched.id], 3000.0)
        assert [j.delivery for j in done] == [Delivery.STORED, Delivery.STORED]


async def test_a_job_that_waits_for_an_old_key_says_so_and_can_be_withdrawn(tmp_path: Path) -> None:
    clock = SystemClock(HURRY)
    sandbox = new_sandbox(clock)
    async with running_stack(tmp_path, sandbox=sandbox, clock=clock, credential=OLD_KEY) as before:
        sandbox.faults.add(Fault("code", CREATE, "POST", code=1303, times=None))
        job = await before.submitted(prompt="a kite")
        await before.jobs.answered(job.id, 60.0)
    sandbox.faults.clear()
    async with running_stack(tmp_path, sandbox=sandbox, clock=clock) as after:
        assert "another Kling credential" in (await after.jobs.get(job.id)).blocked_reason
        assert (await after.jobs.cancel(job.id)).state is State.CANCELLED
    assert sandbox.state.creates == 0


async def test_what_an_old_key_left_in_doubt_is_found_with_the_new_one(tmp_path: Path) -> None:
    clock = SystemClock(HURRY)
    sandbox = new_sandbox(clock)
    async with running_stack(tmp_path, sandbox=sandbox, clock=clock, credential=OLD_KEY) as before:
        sandbox.faults.add(Fault("delay", CREATE, "POST", delay_s=1e6))
        job = await before.submitted(prompt="a kite")
        while sandbox.state.creates == 0:
            await clock.sleep(0.5)
    async with running_stack(tmp_path, sandbox=sandbox, clock=clock) as after:
        (done,) = await after.jobs.wait([job.id], 3000.0)
        assert (done.delivery, sandbox.state.creates) == (Delivery.STORED, 1)


async def test_an_accepted_job_is_not_called_refused_because_an_estimate_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_stack(tmp_path) as stack:
        monkeypatch.setattr(stack.ledger, "durations", _busy)
        job = await stack.submitted(prompt="a kite")
        monkeypatch.undo()
        assert (await stack.jobs.wait([job.id], 3000.0))[0].state is State.SUCCEEDED


async def test_a_delivery_that_could_not_be_recorded_is_taken_up_again_within_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_stack(tmp_path) as stack:
        save, refused = stack.ledger.save, list[Job]()

        async def full(job: Job, **more: Any) -> Job | None:  # noqa: ANN401 - passed on
            if job.delivery is Delivery.STORED and len(refused) < 4:
                refused.append(job)
                await _busy()
            return await save(job, **more)

        monkeypatch.setattr(stack.ledger, "save", full)
        job = await stack.made(prompt="a kite")
        assert (job.delivery, len(refused)) == (Delivery.STORED, 4)


async def test_downloads_are_claimed_when_they_can_begin_and_let_go_at_the_end(tmp_path: Path) -> None:
    clock = SystemClock(HURRY)
    sandbox = new_sandbox(clock)
    async with running_stack(tmp_path, sandbox=sandbox, clock=clock) as stack:
        sandbox.faults.add(Fault("delay", "/files", times=None, delay_s=1e6))
        jobs = [await stack.submitted(prompt=f"kite {n}", model_name="kling-v2-5-turbo") for n in range(6)]
        for job in jobs:
            await _seen(stack, job, lambda now: now.state is State.SUCCEEDED)
        await clock.sleep(10.0)
        assert sum(job.owner is not None for job in await _rows(stack.ledger, jobs)) == 4
    ledger = Ledger(stack.ledger.path)
    assert {(job.owner, job.delivery) for job in await _rows(ledger, jobs)} == {(None, Delivery.FETCHING)}
    await ledger.close()


async def test_in_an_outage_of_kling_all_jobs_stay_one_question(tmp_path: Path) -> None:
    async with running_stack(tmp_path) as stack:
        jobs = [await stack.submitted(prompt=f"kite {n}") for n in range(10)]
        for job in jobs:
            await stack.jobs.answered(job.id, 60.0)
        stack.sandbox.faults.add(Fault("code", "/tasks", "GET", times=None, code=5000))
        await stack.clock.sleep(60.0)
        next_looks = {job.not_before for job in await _rows(stack.ledger, jobs)}
        assert len(next_looks) <= 2, "each asks for itself; two only while they are being put off"
        stack.sandbox.faults.clear()
        done = await stack.jobs.wait([job.id for job in jobs], 3000.0)
        assert {job.state for job in done} == {State.SUCCEEDED}


async def test_a_wait_keeps_its_budget_when_the_clock_is_set_back(tmp_path: Path) -> None:
    clock = SetBack(HURRY)
    async with running_stack(tmp_path, clock=clock) as stack:
        job = await stack.submitted(prompt="a kite", mode="4k", duration=15)
        async with anyio.create_task_group() as group:
            with anyio.fail_after(5):
                group.start_soon(_set_back, clock)
                await stack.jobs.wait([job.id], 20.0)


async def _set_back(clock: SetBack) -> None:
    await clock.sleep(5.0)
    clock.back_s = 86_400.0


async def _busy(*_: object) -> Any:  # noqa: ANN401 - never returns
    raise LocalTrouble("The ledger is busy.", code="store_busy")


async def _rows(ledger: Ledger, jobs: list[Job]) -> list[Job]:
    return list((await ledger.many([job.id for job in jobs])).values())


async def _seen(stack: Stack, job: Job, condition: Callable[[Job], bool]) -> None:
    """The row reaches a state, bounded."""
    with anyio.fail_after(20):
        while not condition((await _rows(stack.ledger, [job]))[0]):
            await stack.clock.sleep(1.0)


async def test_a_file_that_could_not_be_fetched_arrives_by_itself_once_the_way_is_free(tmp_path: Path) -> None:
    (tmp_path / "films").write_text("in the way")
    async with running_stack(tmp_path) as stack:
        job = await stack.made(prompt="a kite")
        assert job.delivery is Delivery.FAILED
        (tmp_path / "films").unlink()
        await _seen(stack, job, lambda now: now.delivery is Delivery.STORED)
        assert stack.sandbox.state.creates == 1
