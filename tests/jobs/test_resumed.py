"""Jobs of several steps taken up again: what was begun is brought to its end, whatever became of its sources."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from kling_mcp.clock import SystemClock
from kling_mcp.jobs import doubts, joins, moves, whole
from kling_mcp.jobs.asked import Asked, asked
from kling_mcp.jobs.model import PLAN, Delivery, Job, Media, State
from kling_mcp.operations.catalogue import GENERATIONS
from kling_mcp.operations.extend import ExtendVideo
from kling_mcp.operations.sources import Source, SourceFacts
from kling_mcp.providers.base import Request
from kling_mcp.sandbox.samples import sample_video
from tests.stack import HURRY, Stack, new_sandbox, running_stack

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

pytestmark = pytest.mark.anyio

CLIP, PLAN_ID = (f"km1-{letter * 26}" for letter in "CP")
GONE = "https://cdn.example/gone.mp4"
NATIVE = {"video_id": CLIP, "prompt": "she smiles"}


@asynccontextmanager
async def idle_stack(folder: Path) -> AsyncGenerator[Stack]:
    """A stack that hurries and has nothing to do yet."""
    clock = SystemClock(HURRY)
    async with running_stack(folder, sandbox=new_sandbox(clock), clock=clock) as stack:
        with anyio.fail_after(20):
            yield stack


def job_of(stack: Stack, job_id: str, tool: str, **more: Any) -> Job:  # noqa: ANN401 - any column
    now = stack.clock.now()
    job = Job(
        id=job_id,
        account=stack.provider.account,
        provider=stack.provider.name,
        tool=tool,
        request_hash="h",
        arguments={},
        model_name="kling-v1-6",
        units_quoted=Decimal(2),
        created_at=now - 60,
        updated_at=now,
        wire="v1",
        path="/p",
        folder=str(stack.folder / "films"),
    )
    return replace(job, **more)


async def clip_of(stack: Stack, **more: Any) -> Job:  # noqa: ANN401 - any column
    """A clip of a model that Kling extends, whose file is not on disk."""
    media = Media(f"{CLIP}_1", "video", GONE, "v1", expires_at=stack.clock.now() + 1e6, duration_s=5.0)
    clip = job_of(stack, CLIP, "generate_video", state=State.SUCCEEDED, delivery=Delivery.EXPIRED, media=(media,))
    clip = replace(clip, **more)
    await stack.ledger.add(clip, Request("v1", "/p", {}))
    return clip


async def begun(stack: Stack, **more: Any) -> Job:  # noqa: ANN401 - any column
    """An extension by Kling itself, accepted, whose one step is not made yet and that nobody may touch meanwhile."""
    given = GENERATIONS["extend_video"].parse(NATIVE)
    resolved = await stack.jobs.resolved(given)
    plan = job_of(stack, PLAN_ID, "extend_video", wire=PLAN, path="", arguments=NATIVE, account="later")
    await stack.ledger.add(replace(plan, **more), asked(NATIVE, given, resolved))
    return plan


async def stepped(stack: Stack, step: str = "clip", **more: Any) -> Job:  # noqa: ANN401 - any column
    """Its step, paid and through."""
    job_id = f"{PLAN_ID}-{step}"
    media = Media(f"{job_id}_1", "video", GONE, "v2", path="/nowhere.mp4", duration_s=10.0)
    job = job_of(stack, job_id, "native_extend", parent=PLAN_ID, step=step, state=State.SUCCEEDED)
    job = replace(job, delivery=Delivery.STORED, media=(media,), units_charged=Decimal(2), finished_at=job.updated_at)
    await stack.ledger.add(replace(job, **more), Request("v1", "/p", {}))
    return job


async def taken_up(stack: Stack) -> Job:
    """The plan as it ends once this credential looks after it."""
    plan = (await stack.ledger.many([PLAN_ID]))[PLAN_ID]
    await stack.ledger.save(moves.rehomed(plan, stack.provider.account, stack.clock.now()))
    return (await stack.jobs.wait([PLAN_ID], 6000.0))[0]


@pytest.mark.parametrize("change", [{"account": "an old key"}, {"media": ()}, {"state": State.FAILED}])
async def test_what_was_begun_in_one_way_ends_in_that_way_whatever_became_of_its_source(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    async with idle_stack(tmp_path) as stack:
        clip = await clip_of(stack)
        await begun(stack)
        await stepped(stack)
        await stack.ledger.save(replace(clip, **change))
        job = await taken_up(stack)
        assert (job.state, job.units_charged, [media.label for media in job.media]) == (State.SUCCEEDED, 2, [""])
        assert "Kling extended the clip itself" in job.notes[0]
        assert not stack.posts


async def test_what_an_older_version_deleted_of_a_job_is_read_from_its_record(tmp_path: Path) -> None:
    async with idle_stack(tmp_path) as stack:
        await clip_of(stack)
        await begun(stack)
        await stepped(stack)
        with closing(sqlite3.connect(stack.ledger.path)) as db, db:
            db.execute("DELETE FROM request WHERE job_id=?", (PLAN_ID,))
        job = await taken_up(stack)
        assert (job.state, job.failure) == (State.SUCCEEDED, None)


async def test_a_job_whose_request_cannot_be_known_any_more_ends_and_names_what_was_paid(tmp_path: Path) -> None:
    async with idle_stack(tmp_path) as stack:
        await clip_of(stack)
        elided = {**NATIVE, "prompt": f"<9000 characters, sha256 {'0' * 16}>"}
        await begun(stack, arguments=elided)
        step = await stepped(stack)
        with closing(sqlite3.connect(stack.ledger.path)) as db, db:
            db.execute("DELETE FROM request WHERE job_id=?", (PLAN_ID,))
        job = await taken_up(stack)
        assert job.failure is not None
        assert (job.state, job.failure.charged, job.units_charged) == (State.FAILED, True, 2)
        assert "older version" in job.failure.message
        assert f"{step.id}_1" in job.failure.fix


async def test_a_bug_in_working_out_what_comes_next_ends_the_job_and_names_what_was_paid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with idle_stack(tmp_path) as stack:
        await clip_of(stack)
        await begun(stack)
        step = await stepped(stack)
        monkeypatch.setattr(ExtendVideo, "next_step", _broken)
        job = await taken_up(stack)
        assert job.failure is not None
        assert (job.state, job.failure.code, job.failure.charged) == (State.FAILED, "internal_error", True)
        assert (f"{step.id}_1" in job.failure.fix, job.units_charged, stack.posts) == (True, 2, 0)


async def test_results_arrive_under_a_renewed_key_too(tmp_path: Path) -> None:
    async with idle_stack(tmp_path) as stack:
        await clip_of(stack)
        await begun(stack, account="an old key", state=State.SUCCEEDED, delivery=Delivery.FETCHING, step="clip")
        await stepped(stack)
        (job,) = await stack.jobs.wait([PLAN_ID], 600.0)
        assert (job.settled, job.delivery, len(job.media)) == (True, Delivery.STORED, 1)


async def test_a_step_of_a_job_that_has_ended_is_not_posted(tmp_path: Path) -> None:
    async with idle_stack(tmp_path) as stack:
        await clip_of(stack)
        await begun(stack, state=State.CANCELLED)
        orphan = job_of(stack, f"{PLAN_ID}-clip", "native_extend", parent=PLAN_ID, step="clip")
        await stack.ledger.add(orphan, Request("v1", "/v1/videos/video-extend", {"video_id": "v1"}))
        (job,) = await stack.jobs.wait([orphan.id], 600.0)
        assert (job.state, stack.posts) == (State.CANCELLED, 0)


async def test_a_pause_that_no_version_of_ours_makes_does_not_hold_a_job_up(tmp_path: Path) -> None:
    async with idle_stack(tmp_path) as stack:
        await clip_of(stack)
        await begun(stack, not_before=stack.clock.now() + 1e6)
        await stepped(stack)
        assert (await taken_up(stack)).state is State.SUCCEEDED


async def test_a_server_that_stops_does_not_wait_for_a_clip_that_is_being_joined() -> None:
    stuck = threading.Event()

    def work() -> Media:
        stuck.wait(10)
        raise AssertionError

    with anyio.move_on_after(0.05) as stopped:
        await joins._apart(work)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - what makes stopping quick
    stuck.set()
    assert stopped.cancelled_caught


async def test_what_a_killed_process_left_of_a_joined_clip_is_not_taken_for_the_whole(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(sample_video(caption="a", label="b", aspect_ratio="16:9", duration_s=1.0, sound=False))
    into = tmp_path / "joined.mp4"
    into.touch()
    media = joins._join(clip, clip, into, "m_2")  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - its one way in
    assert (media.label, media.path) == ("joined", str(tmp_path / "joined-2.mp4"))


def _broken(*_: object) -> None:
    raise ZeroDivisionError


def plan_and_step(age_s: float, **more: Any) -> tuple[Job, Job]:  # noqa: ANN401 - any column
    then = 1_790_000_000.0 - age_s
    plan = Job(
        PLAN_ID, "old", "official", "lip_sync", "h", {}, None, Decimal(1), then, then, PLAN, "", state=State.RUNNING
    )
    step = replace(plan, id=f"{PLAN_ID}-faces", wire="v1", parent=PLAN_ID, step="faces", state=State.SUCCEEDED)
    return plan, replace(step, units_charged=Decimal("0.05"), **more)


def test_what_a_lost_credential_began_ends_after_two_days_and_says_what_was_paid() -> None:
    now = 1_790_000_000.0
    plan, step = plan_and_step(doubts.LOST_AFTER_S + 1)
    ended = whole.abandoned(plan, [step], now)
    assert ended.failure is not None
    assert (ended.state, ended.failure.charged, ended.units_charged) == (State.FAILED, True, Decimal("0.05"))
    for hopeful in (plan_and_step(doubts.LOST_AFTER_S - 1), plan_and_step(1e6, state=State.RUNNING)):
        assert whole.abandoned(hopeful[0], [hopeful[1]], now) is hopeful[0]
    assert whole.abandoned(plan, [], now) is plan, "never posted: it can be withdrawn"


def test_files_of_a_step_are_waited_for_as_long_as_a_lost_task_is() -> None:
    now = 1_790_000_000.0
    for age_s, pending in ((60.0, True), (doubts.LOST_AFTER_S + 1, False)):
        _, step = plan_and_step(age_s, delivery=Delivery.FAILED, finished_at=now - age_s)
        assert whole.files_pending([step], now) is pending


def test_sources_are_kept_and_read_back_as_they_were() -> None:
    facts = SourceFacts(uri=f"kling://media/{CLIP}_1", kind="video", kling_id="v1", model_name="kling-v1-6")
    given = GENERATIONS["extend_video"].parse(NATIVE)
    resolved = given.model_copy(update={"video_id": Source.of(GONE, facts)})
    kept = asked(NATIVE, given, resolved)
    assert list(kept.sources) == ["video_id"]
    again = kept.of(GENERATIONS["extend_video"])
    assert (again, vars(again)["video_id"].facts) == (resolved, facts)
    session = GENERATIONS["lip_sync"].parse({"session_id": CLIP, "face_id": "0", "text": "Good evening."})
    known = session.model_copy(update={"session_id": "s-1"})
    assert asked({}, session, known).sources == {"session_id": {"is": "s-1", "facts": None}}
    assert asked({}, session, session) == Asked({}, {})
