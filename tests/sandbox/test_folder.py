"""A folder keeps tasks alive: over restarts, and between processes that share it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from kling_mcp.clock import ManualClock
from kling_mcp.errors import LocalTrouble
from kling_mcp.sandbox.folder import TaskFolder
from kling_mcp.sandbox.order import Order
from kling_mcp.sandbox.wire import Refusal
from tests.sandbox.shop import IMAGE, LONG_ENOUGH_S, TEXT, new_sandbox, opened, picture

if TYPE_CHECKING:
    from pathlib import Path

    from kling_mcp.sandbox.app import Sandbox

pytestmark = pytest.mark.anyio

KITE = {"model_name": "kling-v3", "prompt": "A kite", "external_task_id": "job-7"}


async def test_everything_about_a_task_survives_a_restart(clock: ManualClock, tmp_path: Path) -> None:
    body = {
        **KITE,
        "image": picture(600, 400),
        "sound": "on",
        "watermark_info": {"enabled": True},
        "element_list": [{"element_id": 829836802793406551}],
    }
    before = new_sandbox(clock, folder=tmp_path)
    async with opened(before, clock) as kling:
        await kling.accepted(body, IMAGE)
        await kling.accepted({"prompt": "Another"}, "/text-to-video/kling-3.0-turbo")
    after = new_sandbox(clock, folder=tmp_path)
    assert after.state.tasks == before.state.tasks
    clock.advance(LONG_ENOUGH_S)
    assert after.state.deducted == before.state.deducted == after.state.pack.total - after.state.remaining > 0


async def test_two_processes_on_one_folder_are_one_kling(clock: ManualClock, tmp_path: Path) -> None:
    one, two = (new_sandbox(clock, folder=tmp_path, concurrency=2) for _ in range(2))
    async with opened(one, clock) as here, opened(two, clock) as there:
        task_id = await here.accepted(KITE)
        assert (await there.refusal(TEXT, KITE))[2] == "External_task_id job-7 already exists"
        assert (await there.data(f"{TEXT}/job-7"))["task_id"] == task_id
        await there.accepted({"model_name": "kling-v3", "prompt": "A kite"})
        assert (await here.refusal(TEXT, KITE | {"external_task_id": "job-8"}))[1] == 1303
        assert one.state.tasks == two.state.tasks


def test_who_comes_second_in_the_same_instant_is_told_so(clock: ManualClock, tmp_path: Path) -> None:
    order = Order(TEXT, external_id="job-7")
    first, second = (new_sandbox(clock).state.accept(order, {}) for _ in range(2))
    one, two = TaskFolder(tmp_path), TaskFolder(tmp_path)
    assert (one.add(first), two.add(second)) == (True, False)
    assert (one.new(), two.new()) == (([], []), ([first], []))


def test_of_many_processes_that_claim_one_external_id_one_gets_it(clock: ManualClock, tmp_path: Path) -> None:
    order = Order(TEXT, external_id="job-7")
    sandboxes = [new_sandbox(clock, folder=tmp_path) for _ in range(8)]
    start, accepted, refused = threading.Barrier(8), list[str](), list[str]()

    def claim(sandbox: Sandbox) -> None:
        start.wait(10)
        try:
            accepted.append(sandbox.state.accept(order, {}).id)
        except Refusal as refusal:
            refused.append(refusal.message)

    threads = [threading.Thread(target=claim, args=(sandbox,)) for sandbox in sandboxes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(accepted) == 1
    assert refused == ["External_task_id job-7 already exists"] * 7
    assert {sandbox.state.creates for sandbox in sandboxes} == {1}


async def test_a_process_whose_clock_is_behind_catches_up(tmp_path: Path) -> None:
    ahead, behind = ManualClock(2_000_000_000.0), ManualClock(1_900_000_000.0)
    fast, slow = (new_sandbox(clock, folder=tmp_path) for clock in (ahead, behind))
    async with opened(fast, ahead) as kling:
        await kling.accepted(KITE)
    async with opened(slow, behind) as kling:
        assert (await kling.data(f"{TEXT}/job-7"))["task_status"] == "submitted"
        behind.advance(LONG_ENOUGH_S)
        assert (await kling.data(f"{TEXT}/job-7"))["task_status"] == "succeed"


async def test_a_half_written_draft_is_no_task(clock: ManualClock, tmp_path: Path) -> None:
    (tmp_path / "left-by-a-crash.draft").write_text('{"id": "12')
    async with opened(new_sandbox(clock, folder=tmp_path), clock) as kling:
        assert await kling.data(TEXT) == []
        await kling.accepted(KITE)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LocalTrouble, match="cannot keep its tasks in"):
        TaskFolder(tmp_path / "file" / "folder")
