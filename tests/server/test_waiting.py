"""Waiting: signs of life, budgets, clients that leave, jobs that fail, and a server that shuts down."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import anyio
import pytest

from kling_mcp.errors import Busy, OutcomeUnknown, OutOfCredit, Refused, Unavailable
from kling_mcp.server.job_tools import patience
from kling_mcp.settings import Settings

from .studio import ANOTHER, ERAS, WISH, House, text, told

if TYPE_CHECKING:
    from .studio import Mode

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("mode", ERAS)
async def test_progress_comes_every_five_seconds_and_always_grows(house: House, mode: Mode) -> None:
    house.studio.lasts = 24
    heard: list[tuple[float, float | None, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        await anyio.lowlevel.checkpoint()
        heard.append((progress, total, message))

    with anyio.fail_after(20):
        async with house.client(mode) as client:
            await client.call_tool("generate_video", {**WISH, "wait_seconds": 55}, progress_callback=hear)
    values = [progress for progress, _, _ in heard]
    assert len(values) >= 4
    assert values == sorted(set(values))
    assert all(total is not None and total >= progress for progress, total, _ in heard)
    assert all(message and " s of about " in message for _, _, message in heard)
    assert any(message and message.startswith("running, ") for _, _, message in heard)


async def test_a_client_that_leaves_while_waiting_leaves_the_job_alone(house: House) -> None:
    house.studio.lasts = 20
    with anyio.fail_after(20):
        async with house.client() as client:
            with anyio.move_on_after(0.1):
                await client.call_tool("generate_video", WISH)
            (row,) = told(await client.call_tool("list_jobs", {}))["jobs"]
            done = told(await client.call_tool("wait_for_jobs", {"job_ids": [row["job_id"]]}))
    assert done["jobs"][0]["status"] == "succeeded"
    assert len(house.studio.creates) == 1


async def test_waiting_for_the_first_returns_when_one_is_finished(house: House) -> None:
    with anyio.fail_after(20):
        async with house.client() as client:
            quick = told(await client.call_tool("generate_video", {**WISH, "wait_seconds": 0}))["job_id"]
            await client.call_tool("wait_for_jobs", {"job_ids": [quick]})
            house.studio.lasts = 500
            slow = told(await client.call_tool("generate_video", {**ANOTHER, "wait_seconds": 0}))["job_id"]
            result = await client.call_tool("wait_for_jobs", {"job_ids": [slow, quick, slow], "until": "first"})
    answer = told(result)
    assert [(job["job_id"], job["status"]) for job in answer["jobs"]] == [(slow, "running"), (quick, "succeeded")]
    assert answer["next"] == f'call wait_for_jobs(job_ids=["{slow}"]); do not resubmit'
    assert [block.type for block in result.content] == ["text", "resource_link", "image"]


async def test_a_refusal_of_kling_is_an_error_with_its_code_and_cost(house: House) -> None:
    house.studio.trouble = Refused("Content policy.", fix="Change the prompt.", code=1301, request_id="req-7")
    with anyio.fail_after(20):
        async with house.client() as client:
            result = await client.call_tool("generate_video", {**WISH, "wait_seconds": 0})
    assert result.is_error
    assert told(result)["status"] == "failed"
    assert told(result)["error"] == {
        "code": "1301",
        "message": "Content policy.",
        "fix": "Change the prompt.",
        "retryable": False,
        "charged": False,
        "request_id": "req-7",
    }
    assert "[1301] Content policy. Change the prompt. Nothing was charged." in text(result)


async def test_an_empty_account_is_told_at_once_and_holds_the_job_until_it_is_put_right(house: House) -> None:
    house.studio.trouble = OutOfCredit("The account has no units left.", fix="Buy a resource pack.", code=1102)
    with anyio.fail_after(20):
        async with house.client() as client:
            result = await client.call_tool("generate_video", {**WISH, "wait_seconds": 55})
    answer = told(result)
    assert (result.is_error, answer["status"], answer["error"]["code"]) == (False, "queued", "1102")
    assert answer["next"].startswith("Tell the human: Buy a resource pack. Then the job goes on by itself: ")
    assert answer["elapsed_s"] < 20


async def test_a_job_that_kling_accepts_and_then_fails_is_an_error(house: House) -> None:
    house.studio.message = "The picture shows a known person"
    with anyio.fail_after(20):
        async with house.client() as client:
            result = await client.call_tool("generate_video", WISH)
            waited = await client.call_tool("wait_for_jobs", {"job_ids": [told(result)["job_id"]]})
            looked = await client.call_tool("get_job", {"job_id": told(result)["job_id"]})
    assert (result.is_error, waited.is_error, looked.is_error) == (True, True, True)
    assert "known person" in told(result)["error"]["message"]


async def test_a_busy_kling_leaves_the_job_queued_with_the_reason(house: House) -> None:
    house.studio.trouble = Busy("All slots of the account are in use.", code=1303)
    with anyio.fail_after(20):
        async with house.client() as client:
            answer = told(await client.call_tool("generate_video", {**WISH, "wait_seconds": 0}))
    assert answer["status"] == "queued"
    assert "slots of the account" in answer["blocked_reason"], "as Kling put it, or what follows from it by now"


async def test_while_kling_cannot_be_reached_the_handle_comes_at_once_and_promises_no_time(house: House) -> None:
    house.studio.trouble = Unavailable("Kling could not be reached.", fix="Check the network.")
    heard: list[tuple[float | None, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        del progress
        await anyio.lowlevel.checkpoint()
        heard.append((total, message))

    with anyio.fail_after(20):
        async with house.client() as client:
            wish = {**WISH, "wait_seconds": 55}
            answer = told(await client.call_tool("generate_video", wish, progress_callback=hear))
            waited = list(heard)
            waiting = {"job_ids": [answer["job_id"]], "wait_seconds": 6}
            await client.call_tool("wait_for_jobs", waiting, progress_callback=hear)
    assert waited == []
    assert (answer["status"], "eta_s" in answer) == ("queued", False)
    assert "do not resubmit" in answer["next"]
    assert heard
    assert all(total is None and message and " of about " not in message for total, message in heard)


async def test_a_queued_job_can_be_cancelled_and_a_running_one_cannot(wide: House) -> None:
    wide.studio.lasts = 500
    with anyio.fail_after(20):
        async with wide.client() as client:
            running = told(await client.call_tool("generate_video", {**WISH, "wait_seconds": 0}))["job_id"]
            wide.studio.trouble = Busy("All slots of the account are in use.", retry_after=250)
            queued = told(await client.call_tool("generate_video", {**ANOTHER, "wait_seconds": 0}))["job_id"]
            gone = await client.call_tool("cancel_job", {"job_id": queued})
            late = await client.call_tool("cancel_job", {"job_id": running})
    assert (gone.is_error, told(gone)["status"]) == (False, "cancelled")
    assert late.is_error
    assert "Kling has no cancel" in text(late)
    assert "Nothing was submitted" not in text(late)


async def test_a_lost_answer_is_looked_up_and_never_paid_twice(house: House) -> None:
    house.studio.trouble = OutcomeUnknown("The connection broke.")
    with anyio.fail_after(20):
        async with house.client() as client:
            answer = told(await client.call_tool("generate_video", {**WISH, "wait_seconds": 0}))
            assert answer["status"] == "queued"
            assert "nothing is sent or charged twice" in answer["blocked_reason"]
            house.studio.trouble = None
            house.studio.started[answer["job_id"]] = house.jobs.clock.now()
            done = told(await client.call_tool("wait_for_jobs", {"job_ids": [answer["job_id"]]}))
    assert done["jobs"][0]["status"] == "succeeded"
    assert len(house.studio.creates) == 1


@pytest.mark.parametrize("mode", ERAS)
async def test_draining_lets_waiting_calls_return_their_handle(house: House, mode: Mode) -> None:
    house.studio.lasts = 5000
    answers: list[str] = []

    async def wait() -> None:
        async with house.client(mode) as client:
            answers.append(told(await client.call_tool("generate_video", {**WISH, "wait_seconds": 55}))["next"])

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            while not house.studio.started:
                await anyio.lowlevel.checkpoint()
            house.server.drain()
    assert "do not resubmit" in answers[0]


async def test_a_render_of_three_minutes_costs_at_most_six_calls_and_six_kilobytes(fast: House) -> None:
    fast.studio.lasts = 180
    calls, read = 0, 0
    with anyio.fail_after(30):
        async with fast.client() as client:
            result = await client.call_tool("generate_video", WISH)
            while True:
                calls += 1
                read += len(text(result)) + len(json.dumps(result.structured_content))
                job = told(result).get("jobs", [told(result)])[0]
                if job["status"] == "succeeded":
                    break
                result = await client.call_tool("wait_for_jobs", {"job_ids": [job["job_id"]]})
    assert calls <= 6
    assert read <= 6_000


def test_the_operators_limit_holds_for_waiting_too() -> None:
    assert patience(Settings()) == 55
    assert patience(Settings(wait_seconds=5)) == 5
