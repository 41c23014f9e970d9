"""Slots, units, unique ids, and what the account says. Expectations: video.md sections 3 and 4, parts D and E."""

from __future__ import annotations

from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.shop import IMAGE, LONG_ENOUGH_S, START_MS, TEXT, new_sandbox, opened, refusal_in

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from kling_mcp.clock import ManualClock
    from tests.sandbox.shop import Customer

pytestmark = pytest.mark.anyio

KITE = {"model_name": "kling-v3", "prompt": "A kite"}
COSTS = "/account/costs?start_time=1&end_time=2"
ALL_TIME = {"start_time": 0, "end_time": 4_000_000_000_000}


@asynccontextmanager
async def account(clock: ManualClock, **facts: Any) -> AsyncGenerator[Customer]:  # noqa: ANN401 - what Sandbox takes
    async with opened(new_sandbox(clock, **facts), clock) as customer:
        yield customer


# --- slots -------------------------------------------------------------------------------------------------


async def test_one_task_too_many_is_refused_with_exactly_three_keys(clock: ManualClock) -> None:
    async with account(clock, concurrency=2) as kling:
        await kling.accepted(KITE)
        await kling.accepted(KITE)
        answer = await kling.post(TEXT, KITE)
        said = answer.json()
        assert answer.status_code == 429
        assert said == {
            "code": 1303,
            "message": "parallel task over resource pack limit",
            "request_id": said["request_id"],
        }


@pytest.mark.parametrize("prompt", ["A kite", "A kite sandbox-risk"])
async def test_a_slot_is_held_until_the_task_ends_however_it_ends(clock: ManualClock, prompt: str) -> None:
    async with account(clock, concurrency=1) as kling:
        await kling.accepted(KITE | {"prompt": prompt})
        [task] = kling.sandbox.state.tasks
        clock.advance(task.ends_at - clock.now() - 0.5)
        assert (await kling.refusal(TEXT, KITE))[1] == 1303
        clock.advance(0.5)
        await kling.accepted(KITE)


async def test_slots_and_units_change_while_it_runs_and_somebody_else_may_hold_some(clock: ManualClock) -> None:
    async with account(clock, concurrency=1) as kling:
        change = "/_sandbox/packs"
        await kling.accepted(KITE)
        assert (await kling.refusal(TEXT, KITE))[1] == 1303
        shown = (await kling.post(change, {"package": "video", "concurrency": 3, "others": 1})).json()
        assert (shown["slots"], shown["slots_taken"]) == (2, 1)
        await kling.accepted(KITE)
        assert (await kling.refusal(TEXT, KITE))[1] == 1303
        await kling.post(change, {"package": "video", "others": 0, "units": "6"})
        assert (await kling.refusal(TEXT, KITE))[1] == 1102, "what is running has reserved what is left"
        await kling.post(change, {"package": "video", "units": 9})
        await kling.accepted(KITE)
        assert (await kling.post(change, {"package": "films"})).status_code == 400


async def test_both_wires_share_the_slots(clock: ManualClock) -> None:
    async with account(clock, concurrency=1) as kling:
        await kling.accepted({"prompt": "A kite"}, "/text-to-video/kling-3.0-turbo")
        assert (await kling.refusal(TEXT, KITE))[1] == 1303


async def test_reading_takes_no_slot(clock: ManualClock) -> None:
    async with account(clock, concurrency=1) as kling:
        task_id = await kling.accepted(KITE)
        assert len(await kling.data(f"/tasks?task_ids={task_id}")) == 1


# --- units -------------------------------------------------------------------------------------------------

# Units typed in from video.md part E.
PRICES: list[tuple[str, dict[str, Any], str]] = [
    (TEXT, KITE, "3"),
    (TEXT, KITE | {"duration": "3", "mode": "pro"}, "2.4"),
    (TEXT, KITE | {"sound": "on", "mode": "pro", "duration": 10}, "12"),
    (TEXT, KITE | {"mode": "4k", "duration": 15, "sound": "on"}, "45"),
    (TEXT, KITE | {"model_name": "kling-v2-5-turbo"}, "1.5"),
    (TEXT, KITE | {"model_name": "kling-v2-6", "mode": "pro", "sound": "on"}, "5"),
    (
        IMAGE,
        {
            "model_name": "kling-v2-6",
            "mode": "pro",
            "sound": "on",
            "prompt": "Say <<<voice_1>>>",
            "image": "https://cdn.example/a.png",
            "voice_list": [{"voice_id": "829836802793406"}],
        },
        "6",
    ),
    ("/text-to-video/kling-3.0-turbo", {"prompt": "A kite", "settings": {"resolution": "1080p"}}, "5"),
    ("/text-to-video/kling-3.0", {"prompt": "A kite", "settings": {"audio": "native", "duration": 4}}, "3.6"),
]


@pytest.mark.parametrize(("path", "body", "units"), PRICES)
async def test_a_task_costs_what_the_rate_card_says_once_it_succeeds(
    kling: Customer, path: str, body: dict[str, Any], units: str
) -> None:
    task_id = await kling.accepted(body, path)
    assert kling.sandbox.state.deducted == 0
    kling.clock.advance(LONG_ENOUGH_S)
    [shown] = await kling.data(f"/tasks?task_ids={task_id}")
    assert shown["billing"] == [{"charge_type": "unit", "amount": units, "package_type": "video"}]
    assert kling.sandbox.state.deducted == Decimal(units)


async def test_running_tasks_reserve_their_price(clock: ManualClock) -> None:
    async with account(clock, units=Decimal(5)) as kling:
        await kling.accepted(KITE)
        assert await kling.refusal(TEXT, KITE) == (429, 1102, "Account balance not enough")
        clock.advance(LONG_ENOUGH_S)
        assert await kling.refusal(TEXT, KITE) == (429, 1102, "Account balance not enough")
        await kling.accepted(KITE | {"model_name": "kling-v2-5-turbo"})


async def test_a_failed_task_gives_its_price_back(clock: ManualClock) -> None:
    async with account(clock, units=Decimal(3)) as kling:
        await kling.accepted(KITE | {"prompt": "sandbox-risk"})
        assert (await kling.refusal(TEXT, KITE))[1] == 1102
        clock.advance(LONG_ENOUGH_S)
        await kling.accepted(KITE)


async def test_a_pack_runs_out_of_time_too(clock: ManualClock) -> None:
    async with account(clock) as kling:
        clock.advance(181 * 86_400)
        assert (await kling.refusal(TEXT, KITE))[1] == 1102
        packs = (await kling.data(COSTS))["resource_pack_subscribe_infos"]
        assert {pack["status"] for pack in packs} == {"expired"}


# --- the order of the last checks --------------------------------------------------------------------------


async def test_the_balance_is_checked_before_the_slots(clock: ManualClock) -> None:
    async with account(clock, units=Decimal(3), concurrency=1) as kling:
        await kling.accepted(KITE)
        assert (await kling.refusal(TEXT, KITE))[1] == 1102


async def test_the_external_id_is_checked_before_the_balance(clock: ManualClock) -> None:
    async with account(clock, units=Decimal(3)) as kling:
        await kling.accepted(KITE | {"external_task_id": "job-7"})
        taken = await kling.refusal(TEXT, KITE | {"external_task_id": "job-7"})
        assert taken == (400, 1201, "External_task_id job-7 already exists")


async def test_an_external_id_is_unique_across_families_and_wires(kling: Customer) -> None:
    await kling.accepted(KITE | {"external_task_id": "job-7"})
    taken = (400, 1201, "External_task_id job-7 already exists")
    body = KITE | {"image": "https://cdn.example/a.png", "external_task_id": "job-7"}
    assert await kling.refusal(IMAGE, body) == taken
    new = {"prompt": "A kite", "options": {"external_task_id": "job-7"}}
    assert await kling.refusal("/text-to-video/kling-3.0", new) == taken


async def test_a_refused_body_leaves_its_external_id_free(kling: Customer) -> None:
    assert (await kling.refusal(TEXT, KITE | {"external_task_id": "job-7", "mode": "x"}))[1] == 1201
    await kling.accepted(KITE | {"external_task_id": "job-7"})


# --- what the account says ---------------------------------------------------------------------------------


async def test_costs_shows_the_packs_in_an_envelope_of_its_own(kling: Customer) -> None:
    await kling.accepted(KITE)
    kling.clock.advance(LONG_ENOUGH_S)
    said = await kling.data(COSTS)
    [pack, *others] = said["resource_pack_subscribe_infos"]
    assert len(pack["resource_pack_id"]) == 32
    assert said == {
        "code": 0,
        "msg": "success",
        "resource_pack_subscribe_infos": [
            {
                "resource_pack_name": "Video-1000Units-20Con-6Months",
                "resource_pack_id": pack["resource_pack_id"],
                "resource_pack_type": "decreasing_total",
                "total_quantity": 1000.0,
                "remaining_quantity": 997.0,
                "purchase_time": START_MS,
                "effective_time": START_MS,
                "invalid_time": START_MS + 180 * 86_400_000,
                "status": "online",
            },
            *others,
        ],
    }


async def test_there_is_a_pack_for_videos_for_images_and_for_try_ons(kling: Customer) -> None:
    packs = (await kling.data(COSTS))["resource_pack_subscribe_infos"]
    assert [(pack["resource_pack_name"], pack["remaining_quantity"]) for pack in packs] == [
        ("Video-1000Units-20Con-6Months", 1000.0),
        ("Image-1000Units-20Con-6Months", 1000.0),
        ("TryOn-1000Units-20Con-6Months", 1000.0),
    ]
    assert len({pack["resource_pack_id"] for pack in packs}) == 3


async def test_costs_may_name_a_pack(kling: Customer) -> None:
    named = await kling.data(f"{COSTS}&resource_pack_name=Image-1000Units-20Con-6Months")
    assert [pack["resource_pack_name"] for pack in named["resource_pack_subscribe_infos"]] == [
        "Image-1000Units-20Con-6Months"
    ]
    kling.clock.advance(1.0)
    said = await kling.data(f"{COSTS}&resource_pack_name=another")
    assert said["resource_pack_subscribe_infos"] == []


@pytest.mark.parametrize(("query", "missing"), [("", "start_time"), ("?start_time=1", "end_time")])
async def test_costs_needs_both_times(kling: Customer, query: str, missing: str) -> None:
    answer = await kling.get(f"/account/costs{query}")
    assert refusal_in(answer) == (400, 1201, f"{missing} is required")


async def test_costs_takes_times_as_numbers_only(kling: Customer) -> None:
    answer = await kling.get("/account/costs?start_time=soon&end_time=2")
    assert refusal_in(answer) == (400, 1201, "start_time value 'soon' is invalid")


async def test_costs_answers_once_a_second(kling: Customer) -> None:
    await kling.data(COSTS)
    assert refusal_in(await kling.get(COSTS))[:2] == (429, 1302)
    kling.clock.advance(1.0)
    await kling.data(COSTS)


async def test_a_pack_with_nothing_left_has_run_out(clock: ManualClock) -> None:
    async with account(clock, units=Decimal(3)) as kling:
        await kling.accepted(KITE)
        clock.advance(LONG_ENOUGH_S)
        [pack, *_] = (await kling.data(COSTS))["resource_pack_subscribe_infos"]
        assert (pack["remaining_quantity"], pack["status"]) == (0.0, "runOut")


async def charges(kling: Customer, body: dict[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    answer = (await kling.post("/account/billing/package", body)).json()
    assert answer["code"] == 0, answer
    return answer["data"]


async def test_charges_are_listed_with_the_balance_before_and_after(kling: Customer) -> None:
    await kling.accepted(KITE)
    failed = await kling.accepted(KITE | {"prompt": "sandbox-risk"})
    kling.clock.advance(LONG_ENOUGH_S)
    task_id = await kling.accepted(KITE | {"mode": "pro", "sound": "on"})
    kling.clock.advance(LONG_ENOUGH_S)
    said = await charges(kling, ALL_TIME)
    newest = said["result"]["detail"][0]
    assert (said["result"]["count"], said["has_more"], said["next_cursor"]) == (2, False, "")
    assert failed not in {detail["task_id"] for detail in said["result"]["detail"]}
    assert newest == {
        "task_id": task_id,
        "api_key_name": "sandbox",
        "product_function": "Text to Video",
        "model_name": "kling-v3",
        "resolution": "1080p",
        "duration": "5.04",
        "refer_video_input": False,
        "video_sound": "native",
        "voice_control": False,
        "deduction_time": newest["deduction_time"],
        "package_id": newest["package_id"],
        "product_type": "video",
        "unit_before_deduction": "997",
        "deduction_amount": "6",
        "unit_after_deduction": "991",
    }


async def test_charges_come_in_pages_and_a_cursor_overrides_everything(kling: Customer) -> None:
    for _ in range(5):
        await kling.accepted(KITE)
        kling.clock.advance(LONG_ENOUGH_S)
    seen: list[str] = []
    body: dict[str, Any] = ALL_TIME | {"limit": 2}
    for more in (True, True, False):
        said = await charges(kling, body)
        seen += [detail["unit_after_deduction"] for detail in said["result"]["detail"]]
        assert (said["has_more"], bool(said["next_cursor"])) == (more, more)
        body = {"cursor": said["next_cursor"], "limit": 500, "start_time": 0, "end_time": 1}
    assert seen == ["985", "988", "991", "994", "997"]


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ([], 1),
        ([{"key": "product_type"}], 1),
        ([{"key": "product_type", "values": ["image", "video"]}], 1),
        ([{"key": "product_type", "values": ["image"]}], 0),
        ([{"key": "product_type", "values": ["video"]}, {"key": "api_key_name", "values": ["other"]}], 0),
    ],
)
async def test_charges_pass_when_every_key_agrees(kling: Customer, filters: list[Any], count: int) -> None:
    await kling.accepted(KITE)
    kling.clock.advance(LONG_ENOUGH_S)
    assert (await charges(kling, ALL_TIME | {"filters": filters}))["result"]["count"] == count


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "start_time is required"),
        ({"start_time": 1}, "end_time is required"),
        (ALL_TIME | {"limit": 501}, "limit value '501' is invalid"),
        (ALL_TIME | {"filters": [{"key": "colour", "values": ["red"]}]}, "filters.key value 'colour' is invalid"),
        (
            ALL_TIME | {"filters": [{"key": name, "values": ["x"]} for name in ("package_name", "package_id")]},
            "filters package_name and package_id cannot be used together",
        ),
        ({"cursor": "nonsense"}, "cursor value 'nonsense' is invalid"),
    ],
)
async def test_a_list_of_charges_that_makes_no_sense_is_refused(
    kling: Customer, body: dict[str, Any], message: str
) -> None:
    answer = await kling.post("/account/billing/package", body)
    assert refusal_in(answer) == (400, 1201, message)
