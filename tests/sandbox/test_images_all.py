"""What every endpoint of pictures has in common: lists, duplicates, packs, moderation, the new query."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.sandbox.gallery import EXPAND, GENERATIONS, OMNI, RECOGNIZE, SEVERAL, TAKES, TRY_ON, done, seen
from tests.sandbox.shop import LONG_ENOUGH_S, new_sandbox, opened

if TYPE_CHECKING:
    from kling_mcp.clock import ManualClock
    from tests.sandbox.shop import Customer

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("path", [path for path in TAKES if path != RECOGNIZE])
async def test_every_family_lists_its_own_as_a_bare_array_newest_first(kling: Customer, path: str) -> None:
    ids: list[str] = []
    for number in range(3):
        kling.clock.advance(1)
        ids.insert(0, await kling.accepted(TAKES[path] | {"external_task_id": f"mine-{number}"}, path))
    listed = await kling.data(path)
    assert [task["task_id"] for task in listed] == ids
    assert [task["task_id"] for task in await kling.data(f"{path}?pageNum=2&pageSize=2")] == ids[2:]
    assert (await kling.data(f"{path}/mine-1"))["task_id"] == ids[1]
    repeated = await kling.refusal(path, TAKES[path] | {"external_task_id": "mine-1"})
    assert repeated == (400, 1201, "External_task_id mine-1 already exists")
    for bad in ("pageNum=0", "pageNum=1001", "pageSize=501", "pageSize=0"):
        assert (await kling.get(f"{path}?{bad}")).json()["code"] == 1201
    unknown = (await kling.get(f"{path}/nothing")).json()
    assert (unknown["code"], unknown["message"]) == (1201, "Task not found by id/external id: nothing")


@pytest.mark.parametrize("path", list(TAKES))
async def test_without_units_of_its_pack_nothing_is_made(clock: ManualClock, path: str) -> None:
    async with opened(new_sandbox(clock, units=Decimal("0.05")), clock) as kling:
        assert await kling.refusal(path, TAKES[path]) == (429, 1102, "Account balance not enough")


@pytest.mark.parametrize("path", [GENERATIONS, OMNI, SEVERAL, EXPAND])
async def test_words_can_be_refused_or_fail(kling: Customer, path: str) -> None:
    sentence = "Failure to pass the risk control system"
    assert await kling.refusal(path, TAKES[path] | {"prompt": "sandbox-refuse"}) == (400, 1301, sentence)
    task_id = await kling.accepted(TAKES[path] | {"prompt": "sandbox-risk"}, path)
    kling.clock.advance(LONG_ENOUGH_S)
    task = await kling.data(f"{path}/{task_id}")
    assert (task["task_status"], task["task_status_msg"], task["task_result"]) == ("failed", sentence, {})
    assert kling.sandbox.state.left("image") == 1000


@pytest.mark.parametrize("path", [path for path in TAKES if path != RECOGNIZE])
async def test_the_new_query_shows_pictures_too(kling: Customer, path: str) -> None:
    task = await done(kling, path, TAKES[path])
    (shown,) = (await kling.get(f"/tasks?task_ids={task['task_id']}")).json()["data"]
    assert (shown["id"], shown["status"]) == (task["task_id"], "succeeded")
    assert {output["type"] for output in shown["outputs"]} == {"image"}
    assert (await seen(kling, shown["outputs"][0]["url"])).width > 300
    assert shown["billing"] == [
        {
            "charge_type": "unit",
            "amount": task["final_unit_deduction"],
            "package_type": "try_on" if path == TRY_ON else "image",
        }
    ]
