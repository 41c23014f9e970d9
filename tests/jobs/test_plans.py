"""Jobs of several steps on the real provider and the pretend Kling: no step is ever made twice, and every job ends."""

# No `from __future__ import annotations`: pydantic reads the annotations of the operation that is defined here.

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import anyio
import pytest

from kling_mcp.clock import Clock, SystemClock
from kling_mcp.errors import InvalidRequest, LocalTrouble
from kling_mcp.jobs.ledger import Ledger
from kling_mcp.jobs.model import Delivery, Job, State
from kling_mcp.operations.base import Composite, Done, Ending, Generation, Kind, Quote, Step, Yields
from kling_mcp.operations.catalogue import GENERATIONS
from kling_mcp.operations.video import GenerateVideo
from kling_mcp.providers.base import Request
from kling_mcp.sandbox.app import Sandbox
from kling_mcp.sandbox.faults import Fault
from tests.stack import HURRY, Stack, new_sandbox, running_stack

pytestmark = pytest.mark.anyio

TEXT, IMAGE = "/v1/videos/text2video", "/v1/videos/image2video"
QUICK = {"model_name": "kling-v2-5-turbo"}


class TwoClips(Composite):
    """A clip, and another that goes on from its last frame."""

    tool: ClassVar[str] = "two_clips"
    title: ClassVar[str] = "Two clips"
    toolset: ClassVar[str] = "video"
    kind: ClassVar[Kind] = "job"
    yields: ClassVar[Yields] = "video"

    prompt: str
    """What happens."""
    then: str
    """What happens next."""
    join: bool = False
    """Whether both are joined."""

    def next_step(self, done: Mapping[str, Done]) -> Step | Ending:
        if "first" not in done:
            return Step("first", GenerateVideo.parse({"prompt": self.prompt, **QUICK}))
        if self.then == "nothing":
            raise InvalidRequest.one("then", f"'then' is nothing after {done['first'].facts['duration_s']:.0f} s.")
        if "second" not in done:
            image = f"{done['first'].uris[0]}#last"
            return Step("second", GenerateVideo.parse({"prompt": self.then, "image": image, "mode": "pro", **QUICK}))
        return Ending("second", after=done["first"].uris[0] if self.join else None, notes=("Both were made.",))

    def quote(self) -> Quote:
        return Quote(Decimal(4), "video", "two clips", "2026-11-01")


CATALOGUE: Mapping[str, type[Generation]] = {**GENERATIONS, TwoClips.tool: TwoClips}
ASKED: dict[str, Any] = {"prompt": "a kite", "then": "it lands"}


@asynccontextmanager
async def stack_of(
    folder: Path, sandbox: Sandbox | None = None, clock: SystemClock | None = None
) -> AsyncGenerator[Stack]:
    async with running_stack(folder, sandbox=sandbox, clock=clock, catalogue=CATALOGUE) as stack:
        with anyio.fail_after(60):
            yield stack


async def submitted(stack: Stack, **asked: object) -> Job:
    arguments = {**ASKED, **asked}
    return await stack.jobs.submit(TwoClips.parse(arguments), arguments)


async def made(stack: Stack, **asked: object) -> Job:
    job = await submitted(stack, **asked)
    return (await stack.jobs.wait([job.id], 6000.0))[0]


async def test_the_whole_has_the_last_steps_result_and_the_sum_of_what_the_steps_cost(tmp_path: Path) -> None:
    async with stack_of(tmp_path) as stack:
        job = await made(stack)
        first, second = await stack.ledger.steps(job.id)
        assert (job.state, job.delivery, job.failure) == (State.SUCCEEDED, Delivery.STORED, None)
        assert [(first.id, first.step), (second.id, second.step)] == [
            (f"{job.id}-first", "first"),
            (f"{job.id}-second", "second"),
        ]
        assert [m.media_id for m in job.media] == [f"{job.id}_1"]
        assert (job.media[0].path, job.media[0].kling_id) == (second.media[0].path, second.media[0].kling_id)
        assert first.units_charged is not None
        assert second.units_charged is not None
        assert job.units_charged == first.units_charged + second.units_charged == stack.sandbox.state.deducted
        assert (job.units_quoted, job.notes, job.model_name) == (Decimal(4), ("Both were made.",), "kling-v2-5-turbo")
        assert second.arguments["image"].startswith("<"), "a picture is not kept in the row"
        assert [listed.id for listed in await stack.jobs.list()] == [job.id]
        assert await stack.ledger.asked(job.id) is None


async def test_both_clips_are_delivered_joined_where_that_was_asked_for(tmp_path: Path) -> None:
    async with stack_of(tmp_path) as stack:
        job = await made(stack, join=True)
        first, second = await stack.ledger.steps(job.id)
        main, joined = job.media
        assert (main.label, joined.label, joined.media_id) == ("", "joined", f"{job.id}_2")
        lengths = [clip.duration_s or 0 for clip in (first.media[0], second.media[0])]
        assert joined.duration_s == pytest.approx(sum(lengths), abs=0.3)
        assert joined.path is not None
        assert Path(joined.path).parent == stack.folder / "films"
        assert joined.sha256 is not None
        Path(joined.path).unlink()
        Path(joined.path).touch()  # as a process leaves it that is killed on a disk without hard links
        whole = await stack.jobs.get(job.id)
        assert whole == job, "there is a file, and nothing is looked into without need"
        Path(joined.path).unlink()
        again = (await stack.jobs.get(job.id)).media[1]
        assert (again.path, again.sha256) == (joined.path, joined.sha256)
        Path(main.path or "").unlink()
        Path(joined.path).unlink()
        stack.sandbox.faults.add(Fault("missing", "/files", times=None))
        apart = (await stack.jobs.get(job.id)).media[1]
        assert (apart.path, apart.trouble) == (None, "The joined clip was not made: not both clips are on disk.")


async def test_a_job_is_queued_until_its_first_step_is_posted_and_running_from_then_on(tmp_path: Path) -> None:
    async with stack_of(tmp_path) as stack:
        seen: list[State] = []

        async def listener(job: Job) -> None:
            if job.has_steps:
                seen.append(job.state)

        stack.jobs.listen(listener)
        job = await submitted(stack)
        assert job.state is State.QUEUED
        assert (await stack.jobs.answered(job.id, 60.0)).state is State.RUNNING
        assert stack.jobs.eta_s(job) is not None
        while State.SUCCEEDED not in seen:
            await stack.clock.sleep(1.0)
        assert seen == [State.RUNNING, State.SUCCEEDED]


async def test_only_while_nothing_was_posted_can_it_be_withdrawn(tmp_path: Path) -> None:
    async with stack_of(tmp_path) as stack:
        stack.sandbox.faults.add(Fault("code", TEXT, "POST", code=1303, times=None))
        waiting = await submitted(stack)
        assert "slot" in (await stack.jobs.answered(waiting.id, 60.0)).blocked_reason
        assert (await stack.withdrawn(waiting)).state is State.CANCELLED
        stack.sandbox.faults.clear()
        running = await submitted(stack)
        while (await stack.jobs.get(running.id)).state is not State.RUNNING:
            await stack.clock.sleep(1.0)
        with pytest.raises(InvalidRequest, match="Kling has no cancel"):
            await stack.jobs.cancel(running.id)
        assert (await stack.jobs.wait([running.id], 6000.0))[0].state is State.SUCCEEDED
        assert [step.state for step in await stack.ledger.steps(waiting.id)] == [State.CANCELLED]
        assert stack.sandbox.state.creates == 2


async def test_a_step_that_fails_fails_the_whole_says_which_and_what_was_paid(tmp_path: Path) -> None:
    async with stack_of(tmp_path) as stack:
        job = await made(stack, then="sandbox-risk")
        first, _ = await stack.ledger.steps(job.id)
        assert job.failure is not None
        assert (job.state, job.failure.code, job.failure.charged) == (State.FAILED, "task_failed", True)
        assert "step 'second' (generate_video) failed" in job.failure.message
        assert "risk control" in job.failure.message
        assert f"kling://media/{first.id}_1" in job.failure.fix
        assert job.units_charged == first.units_charged


async def test_a_first_step_that_fails_cost_nothing(tmp_path: Path) -> None:
    async with stack_of(tmp_path) as stack:
        job = await made(stack, prompt="sandbox-risk")
        assert job.failure is not None
        assert (job.state, job.failure.charged, job.units_charged or 0) == (State.FAILED, False, 0)
        assert stack.sandbox.state.creates == 1


async def test_what_the_steps_found_may_rule_out_the_rest(tmp_path: Path) -> None:
    async with stack_of(tmp_path) as stack:
        job = await made(stack, then="nothing")
        assert job.failure is not None
        assert (job.state, job.failure.code, job.failure.charged) == (State.FAILED, "invalid_request", True)
        assert "'then' is nothing after 5 s." in job.failure.message
        assert stack.sandbox.state.creates == 1


async def test_what_its_first_step_would_be_refused_for_is_refused_before_anything_is_accepted(tmp_path: Path) -> None:
    async with stack_of(tmp_path) as stack:
        with pytest.raises(InvalidRequest):
            await submitted(stack, prompt="x" * 9000)
        assert (await stack.jobs.list(), stack.sandbox.state.creates) == ([], 0)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_lost_answers_of_any_step_are_looked_up(tmp_path: Path, when: Any) -> None:  # noqa: ANN401 - a literal
    async with stack_of(tmp_path) as stack:
        stack.sandbox.faults.add(Fault("drop", TEXT, "POST", when=when))
        stack.sandbox.faults.add(Fault("drop", IMAGE, "POST", when=when))
        job = await made(stack)
        assert (job.state, stack.sandbox.state.creates) == (State.SUCCEEDED, 2)


async def test_two_processes_share_a_job_without_doubling_a_step(tmp_path: Path) -> None:
    clock = SystemClock(HURRY)
    sandbox = new_sandbox(clock)
    async with stack_of(tmp_path, sandbox, clock) as one, stack_of(tmp_path, sandbox, clock) as two:
        jobs = [await submitted(stack, join=True, prompt=f"kite {n}") for n, stack in enumerate((one, two))]
        done = await two.jobs.wait([job.id for job in jobs], 6000.0)
        assert [job.state for job in done] == [State.SUCCEEDED] * 2
        assert sandbox.state.creates == 4
        assert [len(job.media) for job in done] == [2, 2]
        assert len(list((tmp_path / "films").glob("*.mp4"))) == 6, "each clip and each join once"


async def test_a_deleted_file_of_the_whole_is_fetched_again(tmp_path: Path) -> None:
    async with stack_of(tmp_path) as stack:
        job = await made(stack)
        path = Path(job.media[0].path or "")
        path.unlink()
        again = await stack.jobs.get(job.id)
        assert (again.delivery, path.exists()) == (Delivery.STORED, True)


async def test_a_blocked_folder_delivers_the_whole_once_it_is_free(tmp_path: Path) -> None:
    async with stack_of(tmp_path) as stack:
        job = await submitted(stack)
        while len(await stack.ledger.steps(job.id)) < 2:
            await stack.clock.sleep(1.0)
        films = tmp_path / "films"
        films.rename(tmp_path / "moved")
        films.write_text("in the way")
        (blocked,) = await stack.jobs.wait([job.id], 6000.0)
        assert (blocked.state, blocked.delivery) == (State.SUCCEEDED, Delivery.FAILED)
        assert "films" in blocked.media[0].trouble
        films.unlink()
        (free,) = [await stack.jobs.get(job.id)]
        while free.delivery is not Delivery.STORED:
            await stack.clock.sleep(1.0)
            free = await stack.jobs.get(job.id)
        assert Path(free.media[0].path or "").exists()


ASIDE = ("Ledger.lease.", "may_look.", "looked.")
"""Writes about who looks at Kling when, many and with nothing of a job in them: dying there is dying just before."""


class Mortal(Ledger):
    """A ledger whose process dies right after its n-th write: nothing it does later is on disk."""

    def __init__(self, path: Path, clock: Clock, *, lives: int) -> None:
        super().__init__(path, clock)
        self.lives = lives
        self.died = anyio.Event()

    async def write(self, work: Any) -> Any:  # noqa: ANN401 - as in Ledger
        if self.lives <= 0:
            self.died.set()
            raise LocalTrouble("The process is dead.")
        self.lives -= not work.__qualname__.startswith(ASIDE)
        return await super().write(work)


async def _lived(stack: Stack) -> tuple[Job | None, bool]:
    """Submit in a process that may die meanwhile; the job, unless it was refused, and whether the process died."""
    assert isinstance(stack.ledger, Mortal)
    try:
        job = await submitted(stack, join=True)
    except LocalTrouble:
        return None, True
    async with anyio.create_task_group() as either:

        async def finished() -> None:
            while not (await stack.jobs.wait([job.id], 6000.0))[0].settled:
                pass
            either.cancel_scope.cancel()

        either.start_soon(finished)
        await stack.ledger.died.wait()
        either.cancel_scope.cancel()
    return job, stack.ledger.died.is_set()


def _nameless(stack: Stack) -> None:
    """From now on requests are sent without an id of ours."""
    prepare = stack.provider.prepare

    def nameless(operation: Generation) -> Request:
        return replace(prepare(operation), nameless=True)

    stack.provider.prepare = nameless  # type: ignore[method-assign] - a wire that knows no ids of ours


async def _killed_after(folder: Path, lives: int, *, nameless: bool) -> tuple[Job | None, Sandbox, bool]:
    """A job whose process dies after so many writes, and which another process then takes up, as it ends."""
    clock = SystemClock(HURRY)
    sandbox = new_sandbox(clock)
    mortal = partial(Mortal, lives=lives)
    async with running_stack(folder, sandbox=sandbox, clock=clock, catalogue=CATALOGUE, ledger_of=mortal) as first:
        if nameless:
            _nameless(first)
        with anyio.fail_after(30):
            job, killed = await _lived(first)
    async with stack_of(folder, sandbox, clock) as later:
        if nameless:
            _nameless(later)
        if job is None:
            assert (await later.jobs.list(), sandbox.state.creates) == ([], 0), "refused, so nothing was posted"
            return None, sandbox, killed
        (done,) = await later.jobs.wait([job.id], 6000.0)
        await later.clock.sleep(10.0)
        return done, sandbox, killed


async def _a_kill_is_survived(folder: Path, lives: int) -> bool:
    done, sandbox, killed = await _killed_after(folder, lives, nameless=False)
    if done:
        assert (done.state, done.delivery) == (State.SUCCEEDED, Delivery.STORED), (lives, done)
        assert sandbox.state.creates == 2, lives
        assert done.units_charged == sandbox.state.deducted, lives
        assert [m.label for m in done.media] == ["", "joined"], lives
    return killed


async def _a_nameless_kill_posts_nothing_twice(folder: Path, lives: int) -> bool:
    done, sandbox, killed = await _killed_after(folder, lives, nameless=True)
    if done:
        assert done.state in {State.SUCCEEDED, State.UNCONFIRMED}, (lives, done)
        assert all(sandbox.requests[f"POST {path}"] <= 1 for path in (TEXT, IMAGE)), lives
        if done.state is State.UNCONFIRMED:
            assert done.failure is not None
            assert "list_charges" in done.failure.fix
            assert (done.failure.charged in {None, True}, done.settled) == (True, True)
    return killed


@pytest.mark.parametrize("lives", [1, 4, 10, 19])
async def test_killed_after_a_write_a_later_process_ends_it_and_no_step_is_posted_twice(
    tmp_path: Path, lives: int
) -> None:
    await _a_kill_is_survived(tmp_path, lives)


@pytest.mark.parametrize("lives", [3, 14])
async def test_killed_after_a_write_a_nameless_step_is_never_posted_again(tmp_path: Path, lives: int) -> None:
    await _a_nameless_kill_posts_nothing_twice(tmp_path, lives)


@pytest.mark.battery
@pytest.mark.parametrize("survived", [_a_kill_is_survived, _a_nameless_kill_posts_nothing_twice])
async def test_killed_after_each_single_write(tmp_path: Path, survived: Callable[[Path, int], Awaitable[bool]]) -> None:
    for lives in range(80):
        if not await survived(tmp_path / str(lives), lives):
            return
    pytest.fail("the job takes more writes than were tried")
