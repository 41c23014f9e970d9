"""Tasks that were made elsewhere: found at Kling, recorded once, and delivered like any other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest

from kling_mcp.clock import SystemClock
from kling_mcp.errors import InvalidRequest
from kling_mcp.jobs import moves
from kling_mcp.jobs.model import Delivery, Job, State
from kling_mcp.jobs.results import RESULT_LIFE_S
from kling_mcp.providers.base import Output, Progress
from tests.stack import HURRY, Stack, key_pair, new_sandbox, running_stack

from .test_moves import T0, queued

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

pytestmark = pytest.mark.anyio


@pytest.fixture
async def two(tmp_path: Path) -> AsyncGenerator[tuple[Stack, Stack]]:
    """Two computers with ledgers of their own, and one account."""
    clock = SystemClock(HURRY)
    sandbox = new_sandbox(clock)
    async with (
        running_stack(tmp_path / "theirs", sandbox=sandbox, clock=clock) as theirs,
        running_stack(tmp_path / "ours", sandbox=sandbox, clock=clock) as ours,
    ):
        with anyio.fail_after(50):
            yield theirs, ours


async def _task(theirs: Stack) -> Job:
    job = await theirs.submitted(prompt="a kite", model_name="kling-v2-5-turbo")
    return await theirs.jobs.answered(job.id, 60.0)


async def test_a_running_task_is_followed_to_its_file_and_posts_nothing(two: tuple[Stack, Stack]) -> None:
    theirs, ours = two
    made = await _task(theirs)
    assert made.task_id is not None
    job = await ours.jobs.adopt(made.task_id, "generate_video")
    assert (job.state, job.task_id, job.units_quoted, job.tool) == (
        State.RUNNING,
        made.task_id,
        None,
        "generate_video",
    )
    assert any("adopted" in note for note in job.notes)
    (done,) = await ours.jobs.wait([job.id], 3000.0)
    assert (done.state, done.delivery, done.units_charged) == (
        State.SUCCEEDED,
        Delivery.STORED,
        ours.sandbox.state.deducted,
    )
    assert Path(done.media[0].path or "").parent == ours.folder / "films"
    assert ours.sandbox.state.creates == 1


async def test_the_same_task_is_adopted_once_however_often_it_is_asked_for(two: tuple[Stack, Stack]) -> None:
    theirs, ours = two
    made = await _task(theirs)
    assert made.task_id is not None
    jobs = list[Job]()

    async def adopt() -> None:
        jobs.append(await ours.jobs.adopt(made.task_id or "", "generate_video"))

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(adopt)
    assert len({job.id for job in jobs}) == 1
    assert len(await ours.jobs.list()) == 1


async def test_a_task_of_our_own_stays_the_job_it_is(two: tuple[Stack, Stack]) -> None:
    theirs, _ = two
    made = await _task(theirs)
    assert (await theirs.jobs.adopt(made.task_id or "", "generate_video")).id == made.id
    forgot = replace(made, task_id=None)
    await theirs.ledger.save(replace((await theirs.ledger.many([made.id]))[made.id], task_id=None))
    assert (await theirs.jobs.adopt(made.task_id or "", "generate_video")).id == forgot.id


async def test_with_a_key_pair_both_paths_of_a_tool_are_asked(tmp_path: Path) -> None:
    clock = SystemClock(HURRY)
    sandbox = new_sandbox(clock)
    async with (
        running_stack(tmp_path / "theirs", sandbox=sandbox, clock=clock, credential=key_pair()) as theirs,
        running_stack(tmp_path / "ours", sandbox=sandbox, clock=clock, credential=key_pair()) as ours,
    ):
        with anyio.fail_after(50):
            first = await theirs.made(prompt="a kite", model_name="kling-v2-5-turbo")
            image = f"kling://media/{first.media[0].media_id}#last"
            made = await theirs.submitted(prompt="it lands", image=image, mode="pro", model_name="kling-v2-5-turbo")
            made = await theirs.jobs.answered(made.id, 60.0)
            job = await ours.jobs.adopt(made.task_id or "", "generate_video")
            assert job.path == "/v1/videos/image2video"
            assert (await ours.jobs.wait([job.id], 3000.0))[0].delivery is Delivery.STORED


@pytest.mark.parametrize(
    ("task_id", "tool", "says"),
    [
        ("893605946402811901", "generate_video", "knows no task '893605946402811901' of generate_video"),
        ("../account/costs", "generate_video", "no id that Kling gives"),
        ("893605946402811901", "generate_vidoe", "Did you mean 'generate_video'"),
        ("893605946402811901", "text_to_speech", "answers at once"),
    ],
)
async def test_what_is_not_there_is_said_and_nothing_is_recorded(
    two: tuple[Stack, Stack], task_id: str, tool: str, says: str
) -> None:
    _, ours = two
    with pytest.raises(InvalidRequest, match=says):
        await ours.jobs.adopt(task_id, tool)
    assert await ours.jobs.list() == []


async def test_a_task_of_another_kind_is_not_taken_for_what_it_is_not(two: tuple[Stack, Stack]) -> None:
    theirs, ours = two
    made = await theirs.made(prompt="a kite", model_name="kling-v2-5-turbo")
    with pytest.raises(InvalidRequest, match=r"made video results, but generate_image makes image"):
        await ours.jobs.adopt(made.task_id or "", "generate_image")


def test_a_task_made_long_ago_expires_from_when_kling_made_it() -> None:
    made_at = T0 - 40 * 86_400.0
    done = Progress("t1", "succeeded", outputs=(Output("video", "https://cdn.example/v.mp4"),), created_at=made_at)
    assert moves.accepted(queued(), done, T0).media[0].expires_at == made_at + RESULT_LIFE_S
