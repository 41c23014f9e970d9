"""Requests that Kling knows by no id of ours: none is ever posted twice, and of a lost answer only a task can tell."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import pytest

from kling_mcp.clock import SystemClock
from kling_mcp.errors import AlreadySubmitted, Busy, OutcomeUnknown, Unavailable
from kling_mcp.jobs import moves
from kling_mcp.jobs.model import Delivery, State
from kling_mcp.providers.base import Output, Progress, Request
from kling_mcp.sandbox.faults import Fault
from tests.stack import HURRY, Stack, new_sandbox, running_stack

from .test_moves import DICE, SETTLE, T0, submitting

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from kling_mcp.jobs.model import Job
    from kling_mcp.operations.base import Generation
    from kling_mcp.sandbox.app import Sandbox

pytestmark = pytest.mark.anyio

CREATE = "/v1/videos/text2video"


@asynccontextmanager
async def nameless_stack(folder: Path, sandbox: Sandbox, clock: SystemClock) -> AsyncGenerator[Stack]:
    """The stack, with a provider that sends every request without an id of ours."""
    async with running_stack(folder, sandbox=sandbox, clock=clock) as stack:
        prepare = stack.provider.prepare

        def nameless(operation: Generation) -> Request:
            return replace(prepare(operation), nameless=True)

        stack.provider.prepare = nameless  # type: ignore[method-assign] - a wire that knows no ids of ours
        yield stack


def _nameless() -> Job:
    return replace(submitting(), nameless=True)


@pytest.mark.parametrize("outcome", [OutcomeUnknown("The answer was cut off."), AlreadySubmitted("exists", code=1201)])
def test_a_lost_answer_that_leaves_no_task_is_unconfirmed_at_once_and_says_what_to_check(
    outcome: OutcomeUnknown,
) -> None:
    at_once = replace(_nameless(), tool="text_to_speech")
    job = moves.after_post(at_once, outcome, T0 + 1, SETTLE, DICE)
    assert (job.state, job.owner, job.finished_at) == (State.UNCONFIRMED, None, T0 + 1)
    assert job.failure is not None
    assert (job.failure.charged, job.failure.retryable) == (None, False)
    sentence = job.failure.sentence()
    for part in (outcome.failure.message, "may have been charged", "text_to_speech(prompt='a kite')", "list_charges"):
        assert part in sentence


@pytest.mark.parametrize("outcome", [Busy("no slot", code=1303), Unavailable("no connection")])
def test_what_certainly_created_nothing_is_posted_again(outcome: Busy | Unavailable) -> None:
    assert moves.after_post(_nameless(), outcome, T0 + 1, SETTLE, DICE).state is State.QUEUED


def test_a_nameless_task_with_an_id_of_klings_is_followed_by_it() -> None:
    running = moves.after_post(_nameless(), Progress("t1", "submitted"), T0, SETTLE, random.Random(1))
    assert (running.state, running.task_id) == (State.RUNNING, "t1")


def test_facts_without_files_are_a_success_with_nothing_to_fetch() -> None:
    job = replace(_nameless(), tool="some_tool")
    done = Progress("", "succeeded", facts={"session_id": "s1", "faces": [{"face_id": "0"}]})
    found = moves.after_post(job, done, T0, SETTLE, DICE)
    assert (found.state, found.delivery, found.settled, found.task_id) == (State.SUCCEEDED, Delivery.NONE, True, None)
    assert found.facts == {"session_id": "s1", "faces": [{"face_id": "0"}]}


def test_a_video_is_not_taken_for_delivered_because_its_measures_are_known() -> None:
    running = moves.accepted(submitting(), Progress("t1", "submitted"), T0)
    measured = Progress("t1", "succeeded", facts={"fps": 24})
    assert moves.observed(running, measured, T0 + 9).state is State.RUNNING


def test_labels_are_kept_and_a_file_that_is_its_own_address_never_runs_out() -> None:
    outputs = (Output("image", "data:image/png;base64,AAAA", label="head_seg"),)
    done = moves.after_post(_nameless(), Progress("t", "succeeded", outputs=outputs), T0, SETTLE, DICE)
    assert [(m.label, m.expires_at) for m in done.media] == [("head_seg", None)]


async def test_whatever_loses_the_answer_there_is_one_post_and_only_what_became_a_task_is_found(tmp_path: Path) -> None:
    clock = SystemClock(HURRY)
    sandbox = new_sandbox(clock)
    ends = list[State]()
    faults = (
        Fault("drop", CREATE, "POST", when="after"),
        Fault("html", CREATE, "POST", when="before"),
        Fault("code", CREATE, "POST", code=5000),
        Fault("truncated", CREATE, "POST"),
    )
    async with nameless_stack(tmp_path, sandbox, clock) as stack:
        for number, fault in enumerate(faults, start=1):
            sandbox.faults.add(fault)
            ends.append((await stack.made(prompt=f"kite {number}", model_name="kling-v2-5-turbo")).state)
            assert stack.posts == number
    assert ends == [State.SUCCEEDED, State.UNCONFIRMED, State.UNCONFIRMED, State.SUCCEEDED]
    assert sandbox.state.creates == 2


async def test_no_slot_and_no_connection_are_waited_out(tmp_path: Path) -> None:
    clock = SystemClock(HURRY)
    sandbox = new_sandbox(clock)
    async with nameless_stack(tmp_path, sandbox, clock) as stack:
        sandbox.faults.add(Fault("code", CREATE, "POST", code=1303, times=2))
        job = await stack.made(prompt="a kite", model_name="kling-v2-5-turbo")
        assert (job.state, sandbox.state.creates) == (State.SUCCEEDED, 1)


async def test_a_process_that_dies_while_posting_leaves_it_unconfirmed_and_never_posted_again(tmp_path: Path) -> None:
    clock = SystemClock(HURRY)
    sandbox = new_sandbox(clock)
    async with nameless_stack(tmp_path, sandbox, clock) as first:
        sandbox.faults.add(Fault("code", CREATE, "POST", code=1303, times=None))
        job = await first.submitted(prompt="a kite")
        await first.jobs.answered(job.id, 60.0)
        waiting = (await first.ledger.many([job.id]))[job.id]
    sandbox.faults.clear()
    posts = sum(n for name, n in sandbox.requests.items() if name.startswith("POST /v1"))
    async with nameless_stack(tmp_path / "other", sandbox, clock) as second:
        dead = replace(
            waiting, id=waiting.id, state=State.SUBMITTING, owner="elsewhere-1-x", lease_until=clock.now() - 1
        )
        await second.ledger.add(dead, Request("v1", CREATE, {"prompt": "a kite"}, nameless=True))
        (found,) = await second.jobs.wait([job.id], 3000.0)
        assert (found.state, second.posts) == (State.UNCONFIRMED, posts)


async def test_a_row_of_a_restored_backup_is_not_posted_and_says_why(tmp_path: Path) -> None:
    clock = SystemClock(HURRY)
    sandbox = new_sandbox(clock)
    async with nameless_stack(tmp_path, sandbox, clock) as stack:
        made = await stack.made(prompt="a kite", model_name="kling-v2-5-turbo")
        posts = stack.posts
        old = replace(
            made, id="km1-01BACKUP", state=State.QUEUED, delivery=Delivery.NONE, updated_at=clock.now() - 90_000
        )
        await stack.ledger.add(old, Request("v1", CREATE, {"prompt": "a kite"}, nameless=True))
        (found,) = await stack.jobs.wait(["km1-01BACKUP"], 3000.0)
        assert found.failure is not None
        assert (found.state, stack.posts) == (State.UNCONFIRMED, posts)
        assert "restored backup" in found.failure.message


async def test_a_server_that_stops_hears_an_answer_out_that_nobody_can_ask_for_again(tmp_path: Path) -> None:
    clock = SystemClock(HURRY)
    sandbox = new_sandbox(clock)
    async with nameless_stack(tmp_path, sandbox, clock) as first:
        sandbox.faults.add(Fault("delay", CREATE, "POST", delay_s=30.0))
        job = await first.submitted(prompt="a kite", model_name="kling-v2-5-turbo")
        with anyio.fail_after(20):
            while sandbox.state.creates == 0:
                await clock.sleep(0.5)
    async with nameless_stack(tmp_path, sandbox, clock) as second:
        (found,) = await second.jobs.wait([job.id], 3000.0)
        assert (found.state, sandbox.state.creates) == (State.SUCCEEDED, 1)


async def test_a_server_that_stops_while_posting_leaves_it_to_the_next_to_find_the_task(tmp_path: Path) -> None:
    clock = SystemClock(HURRY)
    sandbox = new_sandbox(clock)
    async with nameless_stack(tmp_path, sandbox, clock) as first:
        sandbox.faults.add(Fault("delay", CREATE, "POST", delay_s=1e6))
        job = await first.submitted(prompt="a kite")
        with anyio.fail_after(20):
            while sandbox.state.creates == 0:
                await clock.sleep(0.5)
    async with nameless_stack(tmp_path, sandbox, clock) as second:
        (found,) = await second.jobs.wait([job.id], 3000.0)
        assert (found.state, found.delivery, sandbox.state.creates) == (State.SUCCEEDED, Delivery.STORED, 1)
