"""A ledger restored from a backup does not know what was posted since: it asks before it pays, and pays for nothing."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import pytest

from kling_mcp.clock import SystemClock
from kling_mcp.jobs.model import Delivery, State
from kling_mcp.jobs.moves import STALE_QUEUE_S
from kling_mcp.sandbox.faults import Fault
from tests.stack import HURRY, new_sandbox, running_stack

from .test_nameless import CREATE, nameless_stack

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

MODEL = "kling-v2-5-turbo"


class Jumping(SystemClock):
    """A clock that can let days go by."""

    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead


def backup(ledger: Path, to: Path) -> None:
    """A copy as people make one while a server runs."""
    to.parent.mkdir(parents=True)
    with closing(sqlite3.connect(ledger)) as db, closing(sqlite3.connect(to)) as copy:
        db.backup(copy)


async def test_a_restored_backup_posts_nothing_that_the_original_has_posted_since(tmp_path: Path) -> None:
    clock = Jumping(HURRY)
    sandbox = new_sandbox(clock)
    copy = tmp_path / "restored" / "state" / "ledger.db"
    sandbox.faults.add(Fault("code", "/v1/videos", "POST", code=1303, times=None))
    async with running_stack(tmp_path, sandbox=sandbox, clock=clock) as original:
        named = [await original.submitted(prompt=f"kite {n}", model_name=MODEL) for n in range(3)]
        async with nameless_stack(tmp_path, sandbox, clock) as other:
            nameless = [await other.submitted(prompt=f"boat {n}", model_name=MODEL) for n in range(2)]
            everything = [job.id for job in (*named, *nameless)]
            await other.jobs.answered(everything[-1], 60.0)
            backup(original.ledger.path, copy)
            sandbox.faults.clear()
            done = await original.jobs.wait(everything, 5000.0)
            assert {job.state for job in done} == {State.SUCCEEDED}
    assert sandbox.state.creates == 5
    posts = sum(n for name, n in sandbox.requests.items() if name.startswith("POST /v1"))
    clock.ahead += STALE_QUEUE_S + 60.0
    async with running_stack(tmp_path / "restored", sandbox=sandbox, clock=clock) as restored:
        with anyio.fail_after(60):
            found = await restored.jobs.wait(everything, 5000.0)
        assert [(job.state, job.delivery) for job in found] == [(State.SUCCEEDED, Delivery.STORED)] * 3 + [
            (State.UNCONFIRMED, Delivery.NONE)
        ] * 2
        assert {job.task_id for job in found[:3]} == {job.task_id for job in done[:3]}
        assert restored.posts == posts, "nothing was even tried"
    assert sandbox.state.creates == 5


async def test_a_restored_backup_of_today_is_kept_from_paying_twice_by_its_ids(tmp_path: Path) -> None:
    clock = Jumping(HURRY)
    sandbox = new_sandbox(clock)
    copy = tmp_path / "restored" / "state" / "ledger.db"
    sandbox.faults.add(Fault("code", CREATE, "POST", code=1303, times=None))
    async with running_stack(tmp_path, sandbox=sandbox, clock=clock) as original:
        job = await original.submitted(prompt="a kite", model_name=MODEL)
        await original.jobs.answered(job.id, 60.0)
        backup(original.ledger.path, copy)
        sandbox.faults.clear()
        (done,) = await original.jobs.wait([job.id], 5000.0)
    async with running_stack(tmp_path / "restored", sandbox=sandbox, clock=clock) as restored:
        (found,) = await restored.jobs.wait([job.id], 5000.0)
    assert (found.state, found.task_id, sandbox.state.creates) == (State.SUCCEEDED, done.task_id, 1)


async def test_a_backup_restored_in_place_goes_on_where_it_was(tmp_path: Path) -> None:
    clock = Jumping(HURRY)
    sandbox = new_sandbox(clock)
    async with running_stack(tmp_path, sandbox=sandbox, clock=clock) as original:
        job = await original.submitted(prompt="a kite", model_name=MODEL)
        backup(original.ledger.path, tmp_path / "backup" / "ledger.db")
        (done,) = await original.jobs.wait([job.id], 5000.0)
    shutil.copyfile(tmp_path / "backup" / "ledger.db", original.ledger.path)
    clock.ahead += STALE_QUEUE_S + 60.0
    async with running_stack(tmp_path, sandbox=sandbox, clock=clock) as restored:
        (found,) = await restored.jobs.wait([job.id], 5000.0)
        assert replace(found, media=()).task_id == done.task_id
        assert (found.state, found.delivery, sandbox.state.creates) == (State.SUCCEEDED, Delivery.STORED, 1)
