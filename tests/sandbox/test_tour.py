"""What the pretend Kling does, in the order a client meets it: create, wait, read, fetch, list."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.sandbox.shop import IMAGE, LONG_ENOUGH_S, START_MS, TEXT, URL, picture

if TYPE_CHECKING:
    from tests.sandbox.shop import Customer

pytestmark = pytest.mark.anyio

KITE = {"model_name": "kling-v3", "prompt": "A red kite over dunes", "external_task_id": "job-7"}


async def test_a_create_is_answered_with_a_submitted_task(kling: Customer) -> None:
    answer = await kling.post(TEXT, KITE)
    said = answer.json()
    assert answer.status_code == 200
    assert re.fullmatch(r"\d{18,19}", said["data"]["task_id"])
    assert said == {
        "code": 0,
        "message": "SUCCEED",
        "request_id": said["request_id"],
        "data": {
            "task_id": said["data"]["task_id"],
            "task_status": "submitted",
            "task_info": {"external_task_id": "job-7"},
            "created_at": START_MS,
            "updated_at": START_MS,
        },
    }


async def test_a_task_goes_from_submitted_through_processing_to_succeed(kling: Customer) -> None:
    task_id = await kling.accepted(KITE)
    seen: list[str] = []
    for _ in range(100):
        status = (await kling.data(f"{TEXT}/{task_id}"))["task_status"]
        seen += [status] if seen[-1:] != [status] else []
        kling.clock.advance(1.0)
    assert seen == ["submitted", "processing", "succeed"]


async def test_a_five_second_clip_in_std_takes_between_one_and_one_and_a_half_minutes(kling: Customer) -> None:
    for _ in range(20):
        await kling.accepted({"model_name": "kling-v3", "prompt": "A kite"})
    times = [task.ends_at - task.created_at for task in kling.sandbox.state.tasks]
    assert 60 <= min(times) < max(times) <= 90


async def test_a_finished_task_in_the_legacy_shape(kling: Customer) -> None:
    task_id = await kling.accepted(KITE | {"watermark_info": {"enabled": True}, "sound": "on"})
    kling.clock.advance(LONG_ENOUGH_S)
    shown = await kling.data(f"{TEXT}/job-7")
    assert shown == await kling.data(f"{TEXT}/{task_id}")
    video = shown["task_result"]["videos"][0]
    assert re.fullmatch(r"\d{18,19}", video["id"])
    assert START_MS < shown["updated_at"] < START_MS + LONG_ENOUGH_S * 1000
    assert shown == {
        "task_id": task_id,
        "task_status": "succeed",
        "task_status_msg": "",
        "task_info": {"external_task_id": "job-7"},
        "task_result": {
            "videos": [
                {
                    "id": video["id"],
                    "url": f"{URL}/files/{video['id']}.mp4",
                    "watermark_url": f"{URL}/files/{video['id']}-watermark.mp4",
                    "duration": "5.041",
                }
            ]
        },
        "watermark_info": {"enabled": True},
        "final_unit_deduction": "4.5",
        "final_balance_deduction": {"quota": "0", "list_price": "0"},
        "created_at": START_MS,
        "updated_at": shown["updated_at"],
    }


async def test_the_same_task_in_the_new_shape(kling: Customer) -> None:
    task_id = await kling.accepted(KITE)
    kling.clock.advance(LONG_ENOUGH_S)
    [shown] = await kling.data("/tasks?external_task_ids=job-7")
    legacy = await kling.data(f"{TEXT}/{task_id}")
    assert [shown] == await kling.data(f"/tasks?task_ids={task_id}")
    assert shown == {
        "id": task_id,
        "status": "succeeded",
        "message": "",
        "create_time": START_MS,
        "update_time": legacy["updated_at"],
        "external_id": "job-7",
        "outputs": [
            {
                "type": "video",
                "id": (result_id := legacy["task_result"]["videos"][0]["id"]),
                "url": f"{URL}/files/{result_id}.mp4",
                "duration": "5.041",
            }
        ],
        "billing": [{"charge_type": "unit", "amount": "3", "package_type": "video"}],
    }


async def test_moderation_may_fail_an_accepted_task_which_then_costs_nothing(kling: Customer) -> None:
    task_id = await kling.accepted({"model_name": "kling-v3", "prompt": "A kite sandbox-risk"})
    kling.clock.advance(LONG_ENOUGH_S)
    shown = await kling.data(f"{TEXT}/{task_id}")
    assert shown == {
        "task_id": task_id,
        "task_status": "failed",
        "task_status_msg": "Failure to pass the risk control system",
        "task_info": {},
        "task_result": {},
        "created_at": START_MS,
        "updated_at": shown["updated_at"],
    }
    [same] = await kling.data(f"/tasks?task_ids={task_id}")
    assert (same["status"], same["message"]) == ("failed", "Failure to pass the risk control system")
    assert (same["outputs"], same["billing"]) == ([], [])
    assert kling.sandbox.state.deducted == 0


async def test_moderation_may_refuse_before_there_is_a_task(kling: Customer) -> None:
    status, code, _ = await kling.refusal(TEXT, {"model_name": "kling-v3", "prompt": "A kite sandbox-refuse"})
    assert (status, code) == (400, 1301)


async def test_a_picture_becomes_a_clip_of_its_own_shape(kling: Customer) -> None:
    await kling.accepted({"model_name": "kling-v3", "prompt": "It moves", "image": picture(600, 400)}, IMAGE)
    [task] = kling.sandbox.state.tasks
    [clip] = task.order.makes
    assert (clip.aspect_ratio, bool(clip.backdrop)) == ("600:400", True)


async def test_a_task_and_its_clip_are_gone_after_thirty_days(kling: Customer) -> None:
    task_id = await kling.accepted(KITE)
    kling.clock.advance(LONG_ENOUGH_S + 30 * 86_400)
    [task] = kling.sandbox.state.tasks
    missing = (400, 1201, f"Task not found by id/external id: {task_id}")
    answer = (await kling.get(f"{TEXT}/{task_id}")).json()
    assert (answer["code"], answer["message"]) == missing[1:]
    assert await kling.data(f"/tasks?task_ids={task_id}") == []
    assert await kling.data(TEXT) == []
    assert (await kling.get(f"/files/{task.result_id}.mp4")).status_code == 404


async def test_each_family_lists_its_own_tasks_newest_first_as_a_bare_array(kling: Customer) -> None:
    mine: list[str] = []
    for _ in range(3):
        mine.append(await kling.accepted({"model_name": "kling-v3", "prompt": "A kite"}))
        kling.clock.advance(1.0)
    other = await kling.accepted(
        {"model_name": "kling-v3", "prompt": "It moves", "image": "https://cdn.example/a.png"}, IMAGE
    )
    assert [task["task_id"] for task in await kling.data(TEXT)] == mine[::-1]
    assert [task["task_id"] for task in await kling.data(f"{IMAGE}?pageNum=1&pageSize=30")] == [other]
    assert [task["task_id"] for task in await kling.data(f"{TEXT}?pageNum=2&pageSize=2")] == mine[:1]


@pytest.mark.parametrize(
    "query", ["pageNum=0", "pageNum=1001", "pageSize=0", "pageSize=501", "pageNum=x", "pageSize=1.5"]
)
async def test_a_page_outside_the_limits_is_refused(kling: Customer, query: str) -> None:
    name, value = query.split("=")
    answer = await kling.get(f"{TEXT}?{query}")
    assert answer.status_code == 400
    assert answer.json()["message"] == f"{name} value '{value}' is invalid"


async def test_one_family_does_not_know_the_tasks_of_another(kling: Customer) -> None:
    task_id = await kling.accepted(KITE)
    answer = (await kling.get(f"{IMAGE}/{task_id}")).json()
    assert answer["message"] == f"Task not found by id/external id: {task_id}"


async def test_legacy_paths_may_end_with_a_slash(kling: Customer) -> None:
    task_id = await kling.accepted(KITE, f"{TEXT}/")
    assert (await kling.data(f"{TEXT}/{task_id}/"))["task_id"] == task_id


async def test_unknown_ids_are_simply_missing_from_tasks(kling: Customer) -> None:
    task_id = await kling.accepted(KITE)
    found = await kling.data(f"/tasks?task_ids=1,{task_id},job-7")
    assert [task["id"] for task in found] == [task_id]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "task_ids or external_task_ids is required"),
        ("?task_ids=", "task_ids or external_task_ids is required"),
        ("?task_ids=1&external_task_ids=a", "task_ids or external_task_ids is required"),
        ("?task_ids=" + ",".join(map(str, range(21))), "task_ids or external_task_ids cannot exceed 20 in total"),
    ],
)
async def test_tasks_takes_one_kind_of_id_and_at_most_twenty(kling: Customer, query: str, message: str) -> None:
    answer = await kling.get(f"/tasks{query}")
    assert (answer.status_code, answer.json()["code"], answer.json()["message"]) == (400, 1201, message)


async def test_an_unknown_path_is_answered_by_the_web_framework(kling: Customer) -> None:
    answer = await kling.get("/v1/videos/nothing-here")
    assert answer.status_code == 404
    assert answer.json() == {
        "timestamp": START_MS,
        "status": 404,
        "error": "Not Found",
        "message": "No message available",
        "path": "/v1/videos/nothing-here",
    }


async def test_a_wrong_method_on_a_known_path_is_code_1202(kling: Customer) -> None:
    answer = await kling.client.delete(TEXT)
    assert (answer.status_code, answer.json()["code"]) == (404, 1202)


async def test_every_answer_has_a_request_id_of_its_own(kling: Customer) -> None:
    ids = {(await kling.get(TEXT)).json()["request_id"] for _ in range(3)}
    assert len(ids) == 3
