"""The tools of several steps, whole: the engine, the official provider and the pretend Kling."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest

from kling_mcp.clock import SystemClock
from kling_mcp.errors import InvalidRequest
from kling_mcp.jobs.asked import Asked
from kling_mcp.jobs.model import Delivery, Job, State
from kling_mcp.operations.catalogue import GENERATIONS
from kling_mcp.sandbox.faults import Fault
from kling_mcp.sandbox.sample_drawing import SHORT_SIDE
from tests.stack import HURRY, Stack, key_pair, new_sandbox, running_stack

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

pytestmark = pytest.mark.anyio

FACES, SPEECH, RENDER = "/v1/videos/identify-face", "/v1/audio/tts", "/v1/videos/advanced-lip-sync"
WORDS = {"text": "Good evening, and welcome to the programme.", "voice_id": "girlfriend_1_speech02"}


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncGenerator[Stack]:
    async with running_stack(tmp_path, short_side=SHORT_SIDE) as running:
        with anyio.fail_after(60):
            yield running


async def run(stack: Stack, tool: str, **arguments: object) -> Job:
    job = await stack.jobs.submit(GENERATIONS[tool].parse(arguments), arguments)
    return (await stack.jobs.wait([job.id], 6000.0))[0]


async def _clip(stack: Stack) -> Job:
    return await stack.made(prompt="a newsreader", model_name="kling-v2-5-turbo")


def _posts(stack: Stack, path: str) -> int:
    return stack.sandbox.requests[f"POST {path}"]


async def test_lip_sync_finds_speaks_and_renders_and_costs_the_sum(stack: Stack) -> None:
    clip = await _clip(stack)
    before = stack.sandbox.state.deducted
    job = await run(stack, "lip_sync", video_id=clip.id, **WORDS)
    assert (job.state, job.delivery) == (State.SUCCEEDED, Delivery.STORED), job.failure
    assert [step.step for step in await stack.ledger.steps(job.id)] == ["faces", "speech", "render"]
    assert job.units_quoted == job.units_charged == stack.sandbox.state.deducted - before
    assert [media.kind for media in job.media] == ["video"]
    assert [_posts(stack, path) for path in (FACES, SPEECH, RENDER)] == [1, 1, 1]


@pytest.mark.parametrize(("path", "step", "paid"), [(FACES, "faces", None), (SPEECH, "speech", True)])
async def test_a_lost_answer_of_a_nameless_step_ends_it_unconfirmed_and_is_not_repeated(
    stack: Stack, path: str, step: str, paid: bool | None
) -> None:
    clip = await _clip(stack)
    stack.sandbox.faults.add(Fault("drop", path, "POST", when="after"))
    job = await run(stack, "lip_sync", video_id=clip.id, **WORDS)
    await stack.clock.sleep(30.0)
    assert job.failure is not None
    assert (job.state, job.failure.charged, _posts(stack, path)) == (State.UNCONFIRMED, paid, 1)
    assert f"step '{step}'" in job.failure.message
    assert "list_charges" in job.failure.fix
    assert _posts(stack, RENDER) == 0


async def test_a_lost_answer_of_the_rendering_is_looked_up(stack: Stack) -> None:
    clip = await _clip(stack)
    stack.sandbox.faults.add(Fault("drop", RENDER, "POST", when="after"))
    job = await run(stack, "lip_sync", video_id=clip.id, **WORDS)
    assert (job.state, _posts(stack, SPEECH)) == (State.SUCCEEDED, 1)
    assert job.units_charged == job.units_quoted


async def test_a_process_that_stops_between_the_steps_leaves_the_rest_to_the_next(tmp_path: Path) -> None:
    clock = SystemClock(HURRY)
    sandbox = new_sandbox(clock, short_side=SHORT_SIDE)
    async with running_stack(tmp_path, sandbox=sandbox, clock=clock) as first:
        clip = await _clip(first)
        sandbox.faults.add(Fault("code", RENDER, "POST", code=1303, times=None))
        arguments = {"video_id": clip.id, **WORDS}
        job = await first.jobs.submit(GENERATIONS["lip_sync"].parse(arguments), arguments)
        with anyio.fail_after(30):
            while _posts(first, RENDER) == 0:
                await clock.sleep(1.0)
    sandbox.faults.clear()
    async with running_stack(tmp_path, sandbox=sandbox, clock=clock) as second:
        (done,) = await second.jobs.wait([job.id], 6000.0)
        assert (done.state, done.delivery) == (State.SUCCEEDED, Delivery.STORED), done.failure
        assert [_posts(second, path) for path in (FACES, SPEECH)] == [1, 1]


async def test_a_renewed_key_goes_on_with_what_the_old_one_began(tmp_path: Path) -> None:
    clock = SystemClock(HURRY)
    sandbox = new_sandbox(clock, short_side=SHORT_SIDE)
    async with running_stack(tmp_path, sandbox=sandbox, clock=clock, credential=key_pair()) as before:
        clip = await _clip(before)
        arguments = {"video_id": clip.id, "prompt": "she smiles"}
        job = await before.jobs.submit(GENERATIONS["extend_video"].parse(arguments), arguments)
        assert (await before.jobs.answered(job.id, 60.0)).state is State.RUNNING
        while not (await before.ledger.steps(job.id))[0].task_id:
            await clock.sleep(1.0)
    async with running_stack(tmp_path, sandbox=sandbox, clock=clock) as after:
        with anyio.fail_after(40):
            (done,) = await after.jobs.wait([job.id], 6000.0)
        assert (done.state, len(done.media)) == (State.SUCCEEDED, 2)


async def test_extend_video_delivers_what_comes_next_and_the_whole(stack: Stack) -> None:
    clip = await _clip(stack)
    job = await run(stack, "extend_video", video_id=clip.id, prompt="she smiles")
    assert (job.state, [media.label for media in job.media]) == (State.SUCCEEDED, ["", "joined"])
    assert job.media[1].duration_s == pytest.approx(10.08, abs=0.2)
    again = await run(stack, "extend_video", video_id=f"kling://media/{job.media[1].media_id}", prompt="she nods")
    assert again.media[1].duration_s == pytest.approx(15.1, abs=0.3)


async def test_the_price_of_a_request_is_known_from_its_sources(stack: Stack) -> None:
    clip = await _clip(stack)
    request = GENERATIONS["lip_sync"].parse({"video_id": clip.id, **WORDS})
    assert request.quote().units is None
    assert (await stack.jobs.resolved(request)).quote().units == Decimal("0.60")


async def test_files_that_kling_sends_itself_are_kept_once_on_disk(stack: Stack) -> None:
    clip = await _clip(stack)
    session = await run(stack, "start_video_edit", video_id=clip.id)
    points = [{"x": 0.5, "y": 0.5}]
    marked = await run(stack, "mark_video_edit", session_id=session.id, action="add", frame_index=0, points=points)
    assert (marked.state, marked.delivery) == (State.SUCCEEDED, Delivery.STORED), marked
    (mask,) = [media for media in marked.media if media.label.startswith("mask")]
    assert (mask.url, mask.mime) == ("", "image/png")
    Path(mask.path or "").unlink()
    gone = await stack.jobs.get(marked.id)
    assert gone.delivery is Delivery.EXPIRED
    assert "keeps no copy" in gone.media[0].trouble


async def test_a_source_that_is_not_ready_costs_nothing(stack: Stack) -> None:
    running = await stack.submitted(prompt="a newsreader")
    with pytest.raises(InvalidRequest, match="wait_for_jobs"):
        await run(stack, "lip_sync", video_id=running.id, **WORDS)
    assert len(await stack.jobs.list()) == 1


async def test_a_step_of_a_restored_backup_is_not_posted(tmp_path: Path) -> None:
    clock = SystemClock(HURRY)
    sandbox = new_sandbox(clock, short_side=SHORT_SIDE)
    async with running_stack(tmp_path, sandbox=sandbox, clock=clock) as stack:
        clip = await _clip(stack)
        sandbox.faults.add(Fault("code", FACES, "POST", code=1303, times=None))
        arguments = {"video_id": clip.id, **WORDS}
        job = await stack.jobs.submit(GENERATIONS["lip_sync"].parse(arguments), arguments)
        await stack.jobs.answered(job.id, 60.0)
        plan = (await stack.ledger.many([job.id]))[job.id]
        await stack.jobs.cancel(job.id)
        sandbox.faults.clear()
        posts = _posts(stack, FACES)
        old = replace(plan, id=f"km1-{'B' * 26}", updated_at=clock.now() - 90_000, created_at=clock.now() - 90_000)
        await stack.ledger.add(old, Asked(arguments, {}, complete=False))
        with anyio.fail_after(30):
            (found,) = await stack.jobs.wait([old.id], 6000.0)
        assert found.failure is not None
        assert (found.state, _posts(stack, FACES)) == (State.UNCONFIRMED, posts)
        assert "restored backup" in found.failure.message
