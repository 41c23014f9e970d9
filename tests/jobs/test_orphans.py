"""Tasks without a name: one is matched with a lost answer where there is no other explanation, and never else."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import anyio
import pytest

from kling_mcp.clock import SystemClock
from kling_mcp.errors import Failure, OutcomeUnknown, Unavailable
from kling_mcp.jobs import moves, orphans, spend
from kling_mcp.jobs.doubts import unconfirmed
from kling_mcp.jobs.ledger import Ledger
from kling_mcp.jobs.locks import Owner
from kling_mcp.jobs.model import State
from kling_mcp.jobs.records import Records
from kling_mcp.jobs.spend import Terms
from kling_mcp.jobs.strays import Strays
from kling_mcp.jobs.sweeping import Sweeping
from kling_mcp.operations.audio import TextToSpeech
from kling_mcp.providers.base import Progress, Request
from kling_mcp.sandbox.faults import Fault
from tests.providers.far_side import FarSide, answered, legacy_task
from tests.stack import HURRY, new_sandbox

from .test_moves import SETTLE, T0, submitting
from .test_nameless import CREATE, nameless_stack

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kling_mcp.jobs.model import Job

LOST = Failure(code="ambiguous", message="The answer was cut off.")


def posted(job_id: str = "km1-A", at: float = T0) -> Job:
    return replace(submitting(), id=job_id, tool="lip_sync_classic", nameless=True, updated_at=at, created_at=at)


def lost(job_id: str = "km1-A", at: float = T0) -> Job:
    return moves.doubted(posted(job_id, at), LOST, at + 60, SETTLE)


def task(task_id: str = "t1", at: float = T0 + 1, **facts: object) -> Progress:
    return replace(Progress(task_id, "submitted", created_at=at), **facts)


def test_nothing_is_concluded_while_it_may_still_arrive() -> None:
    job = lost()
    assert (job.state, job.settles_at, job.not_before) == (State.UNKNOWN, T0 + 120, T0 + 120)
    assert "not sent twice" in job.blocked_reason
    untold = Progress("", "processing", fresh=False)
    for later in (61.0, 119.0, 300.0, 719.0):
        assert moves.observed(job, untold, T0 + later) == job, "no look-up can tell, so none concludes anything"
    assert moves.observed(job, untold, T0 + 721).state is State.UNCONFIRMED, "nobody found it: the doubt must end"


def test_a_clock_that_was_set_back_does_not_keep_a_doubt_open() -> None:
    assert moves.observed(lost(), Progress("", "processing", fresh=False), T0 - 90_000).state is State.UNCONFIRMED


def test_while_its_task_is_looked_for_the_same_request_is_that_job_however_late_it_comes() -> None:
    again = replace(submitting(), id="km1-B", created_at=T0 + 400)
    assert spend.repeated(again, lost(), Terms()) == lost()
    assert spend.repeated(again, lost(), Terms(confirm_possible_duplicate=True)) is None


FITS: list[tuple[str, Sequence[Progress], Sequence[Job], str | None]] = [
    ("the only task of that time", [task()], [], "t1"),
    ("none", [], [], None),
    ("two tasks", [task(), task("t2")], [], None),
    ("a task of before", [task(at=T0 - 6)], [], None),
    ("a task of after", [task(at=T0 + 121)], [], None),
    ("one inside, one outside", [task(), task("t2", at=T0 + 300)], [], "t1"),
    ("clocks that differ by some seconds", [task(at=T0 - 4)], [], "t1"),
    ("a task that somebody has named", [task(ext_id="km1-else")], [], None),
    ("a task of unknown time", [task(at=T0 + 1, created_at=None)], [], None),
    ("a task of another price", [task(units=Decimal(5))], [], None),
    ("a task of that price", [task(units=Decimal("3.0"))], [], "t1"),
    ("another job in doubt", [task()], [lost("km1-B", T0 + 4)], None),
    ("another job just being posted", [task()], [posted("km1-B", T0 - 1)], None),
    ("another job that was given up", [task()], [unconfirmed(lost("km1-B"), LOST, T0 + 200)], None),
    (
        "another job given up by an older version",
        [task()],
        [replace(unconfirmed(posted("km1-B"), LOST, T0 + 2), settles_at=0.0)],
        None,
    ),
    ("another job that came later", [task()], [lost("km1-B", T0 + 30)], "t1"),
    ("another job of another time", [task()], [lost("km1-B", T0 + 3600)], "t1"),
    ("itself among those in doubt", [task()], [lost()], "t1"),
]


@pytest.mark.parametrize(("strays", "rivals", "expected"), [row[1:] for row in FITS], ids=[row[0] for row in FITS])
def test_a_task_is_taken_only_where_there_is_no_other_explanation(
    strays: Sequence[Progress], rivals: Sequence[Job], expected: str | None
) -> None:
    found = orphans.found(lost(), strays, rivals)
    assert (found.task_id if found else None) == expected


@pytest.mark.anyio
async def test_a_task_that_is_found_is_followed_and_says_how_it_was_found(tmp_path: Path) -> None:
    clock = SystemClock(HURRY)
    sandbox = new_sandbox(clock)
    async with nameless_stack(tmp_path, sandbox, clock) as stack:
        sandbox.faults.add(Fault("drop", CREATE, "POST", when="after"))
        job = await stack.made(prompt="a kite", model_name="kling-v2-5-turbo")
        assert (job.state, stack.posts, sandbox.state.creates) == (State.SUCCEEDED, 1, 1)
        assert orphans.FOUND in job.notes


@pytest.mark.anyio
async def test_of_two_lost_answers_at_once_none_is_guessed(tmp_path: Path) -> None:
    clock = SystemClock(HURRY)
    sandbox = new_sandbox(clock)
    async with nameless_stack(tmp_path, sandbox, clock) as stack:
        sandbox.faults.add(Fault("drop", CREATE, "POST", when="after", times=2))
        jobs = [await stack.submitted(prompt=f"kite {n}", model_name="kling-v2-5-turbo") for n in range(2)]
        found = await stack.jobs.wait([job.id for job in jobs], 3000.0)
        assert [job.state for job in found] == [State.UNCONFIRMED, State.UNCONFIRMED]
        assert stack.posts == 2


@pytest.mark.anyio
async def test_while_kling_cannot_be_asked_the_doubt_stays_and_then_it_is_found(tmp_path: Path) -> None:
    clock = SystemClock(HURRY)
    sandbox = new_sandbox(clock)
    async with nameless_stack(tmp_path, sandbox, clock) as stack:
        asked, answer = list[float](), stack.provider.taken_between

        async def troubled(path: str, start: float, end: float) -> Sequence[Progress] | None:
            asked.append(clock.now())
            if len(asked) < 3:
                raise Unavailable("no connection")
            return await answer(path, start, end)

        stack.provider.taken_between = troubled  # type: ignore[method-assign] - Kling, out of reach for a while
        sandbox.faults.add(Fault("drop", CREATE, "POST", when="after"))
        job = await stack.made(prompt="a kite", model_name="kling-v2-5-turbo")
        assert (job.state, len(asked), stack.posts) == (State.SUCCEEDED, 3, 1)


@pytest.mark.anyio
async def test_a_list_that_kling_does_not_show_leaves_it_unconfirmed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orphans, "PATIENCE_S", 60.0)
    clock = SystemClock(HURRY)
    sandbox = new_sandbox(clock)
    async with nameless_stack(tmp_path, sandbox, clock) as stack:
        sandbox.faults.add(Fault("code", CREATE, "GET", code=1202, times=None))
        sandbox.faults.add(Fault("drop", CREATE, "POST", when="after"))
        job = await stack.made(prompt="a kite")
        assert (job.state, stack.posts) == (State.UNCONFIRMED, 1)


@pytest.mark.anyio
@pytest.mark.parametrize("jobs", [20, pytest.param(200, marks=pytest.mark.battery)])
async def test_a_nameless_request_whose_answer_is_lost_is_never_sent_again(tmp_path: Path, jobs: int) -> None:
    clock = SystemClock(HURRY)
    async with nameless_stack(tmp_path, new_sandbox(clock), clock) as stack:
        posts = Counter[str]()

        async def lossy(_: Request, ext_id: str) -> Progress:
            posts[ext_id] += 1
            turn = posts.total()
            await clock.sleep(1.0)
            if turn % 2 == 0:  # every other one arrives, or the account would be taken for broken
                return Progress("", "succeeded", facts={"audio_id": ext_id})
            raise OutcomeUnknown("The connection ended before the answer.")

        stack.provider.submit = lossy  # type: ignore[method-assign] - a wire that loses most answers
        made: list[Job] = []
        async with anyio.create_task_group() as group:

            async def call(number: int) -> None:
                asked = {"text": f"Good morning, number {number}"}
                made.append(await stack.jobs.submit(TextToSpeech.parse(asked), asked))

            for number in range(jobs * 2):
                group.start_soon(call, number)
        found = await stack.jobs.wait([job.id for job in made], 200_000.0)
        await clock.sleep(100.0)
        states = Counter(job.state for job in found)
        print(f"{len(made)} nameless requests, {states[State.UNCONFIRMED]} answers lost, {posts.total()} POSTs")  # noqa: T201 - a figure of the battery
        assert states[State.UNCONFIRMED] == jobs
        assert states[State.UNCONFIRMED] + states[State.SUCCEEDED] == len(made)
        assert set(posts.values()) == {1}


@pytest.mark.anyio
@pytest.mark.parametrize("theirs", ["has it", "may have it", None])
async def test_a_task_that_a_job_under_another_credential_of_the_same_account_has_made_is_not_ours(
    tmp_path: Path, theirs: str | None
) -> None:
    far_side = FarSide([])
    now = far_side.clock.now()
    shown = legacy_task(1, created_at=int((now - orphans.WINDOW_S) * 1000))
    far_side.answers += [answered([shown]), answered([])]
    ledger, owner = Ledger(tmp_path / "ledger.db", far_side.clock), Owner(tmp_path / "owners")

    async def changed(_: Job) -> None: ...

    provider = far_side.provider()
    ours = replace(lost(at=now - orphans.WINDOW_S), account=provider.account)
    other = replace(ours, id="km1-B", account="an older key")
    if theirs == "has it":
        other = replace(other, state=State.RUNNING, task_id=shown["task_id"])
    for job in (ours, other) if theirs else (ours,):
        await ledger.add(job, Request("v1", CREATE, {}, nameless=True))
    await Strays(Records(ledger, far_side.clock, owner, changed), provider).settle()
    after = (await ledger.many([ours.id]))[ours.id]
    await ledger.close()
    assert (after.state, after.task_id) == ((State.UNCONFIRMED, None) if theirs else (State.RUNNING, shown["task_id"]))


@pytest.mark.anyio
@pytest.mark.parametrize(("since_s", "left"), [(60.0, State.UNKNOWN), (3600.0, State.UNCONFIRMED)])
async def test_a_second_server_under_another_credential_does_not_end_the_search_for_a_task(
    tmp_path: Path, since_s: float, left: State
) -> None:
    far_side = FarSide([answered([])])
    ledger, owner = Ledger(tmp_path / "ledger.db", far_side.clock), Owner(tmp_path / "owners")

    async def changed(_: Job) -> None: ...

    theirs = replace(lost(at=far_side.clock.now() - since_s), account="another key")
    await ledger.add(theirs, Request("v1", CREATE, {}, nameless=True))
    await Sweeping(Records(ledger, far_side.clock, owner, changed), far_side.provider()).restore()
    after = (await ledger.many([theirs.id]))[theirs.id]
    await ledger.close()
    assert after.state is left
