"""Trouble on demand, in process and over HTTP, and the ledger that tells what really happened."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import anyio
import httpx2
import pytest
import uvicorn

from kling_mcp.clock import ManualClock
from kling_mcp.sandbox.app import Sandbox
from kling_mcp.sandbox.faults import Fault
from tests.sandbox.shop import LONG_ENOUGH_S, START_MS, TEXT, URL, new_sandbox, opened, refusal_in

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from tests.sandbox.shop import Customer

pytestmark = pytest.mark.anyio

KITE = {"model_name": "kling-v3", "prompt": "A kite", "external_task_id": "job-7"}

# HTTP statuses typed in from video.md section 3.
CODES = {
    **dict.fromkeys((1200, 1201, 1300, 1301), 400),
    **dict.fromkeys((1000, 1001, 1002, 1003, 1004), 401),
    **dict.fromkeys((1202, 1203), 404),
    **dict.fromkeys((1100, 1101, 1102, 1302, 1303, 1304), 429),
    1103: 403,
    5000: 500,
    5001: 503,
    5002: 504,
}


@pytest.mark.parametrize(("code", "status"), CODES.items())
async def test_any_code_of_the_table_can_be_answered_under_its_http_status(
    kling: Customer, code: int, status: int
) -> None:
    kling.sandbox.faults.add(Fault("code", code=code))
    assert (await kling.refusal(TEXT, KITE))[:2] == (status, code)
    await kling.accepted(KITE)


async def test_an_answer_may_be_lost_after_the_task_was_created(kling: Customer) -> None:
    kling.sandbox.faults.add(Fault("drop", TEXT, "POST", when="after"))
    with pytest.raises(ConnectionResetError):
        await kling.post(TEXT, KITE)
    assert kling.sandbox.state.creates == 1
    assert (await kling.refusal(TEXT, KITE))[2] == "External_task_id job-7 already exists"


async def test_a_connection_may_be_lost_before_anything_was_created(kling: Customer) -> None:
    kling.sandbox.faults.add(Fault("drop", TEXT, "POST"))
    with pytest.raises(ConnectionResetError):
        await kling.post(TEXT, KITE)
    assert kling.sandbox.state.creates == 0


@pytest.mark.parametrize(("when", "creates"), [("before", 0), ("after", 1)])
async def test_a_server_error_may_or_may_not_have_created_a_task(
    kling: Customer, when: Literal["before", "after"], creates: int
) -> None:
    kling.sandbox.faults.add(Fault("code", TEXT, code=5002, when=when))
    answer = await kling.post(TEXT, KITE)
    assert refusal_in(answer)[:2] == (504, 5002)
    assert kling.sandbox.state.creates == creates


async def test_a_proxy_may_answer_with_html(kling: Customer) -> None:
    kling.sandbox.faults.add(Fault("html"))
    answer = await kling.get(TEXT)
    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html; charset=utf-8")
    assert answer.text.startswith("<html>")


async def test_an_answer_may_end_in_the_middle(kling: Customer) -> None:
    kling.sandbox.faults.add(Fault("truncated", TEXT))
    answer = await kling.post(TEXT, KITE)
    assert answer.text.startswith('{"code":0,')
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        answer.json()
    assert kling.sandbox.state.creates == 1


async def test_a_request_may_be_held_before_it_takes_effect_and_its_answer_after(kling: Customer) -> None:
    kling.sandbox.faults.add(Fault("delay", TEXT, hold_s=10, delay_s=20))
    answered = anyio.Event()

    async def post() -> None:
        await kling.accepted(KITE)
        answered.set()

    async with anyio.create_task_group() as group:
        group.start_soon(post)
        await anyio.wait_all_tasks_blocked()
        assert kling.sandbox.state.creates == 0
        kling.clock.advance(10)
        await anyio.wait_all_tasks_blocked()
        assert (kling.sandbox.state.creates, answered.is_set()) == (1, False)
        kling.clock.advance(20)
        with anyio.fail_after(5):
            await answered.wait()


async def test_a_request_may_take_effect_after_its_client_was_told_that_it_failed(kling: Customer) -> None:
    kling.sandbox.faults.add(Fault("html", TEXT, "POST", when="late", hold_s=30))
    assert (await kling.post(TEXT, KITE)).status_code == 502
    kling.clock.advance(29)
    assert await kling.data("/tasks?external_task_ids=job-7") == []
    kling.clock.advance(1)
    assert len(await kling.data("/tasks?external_task_ids=job-7")) == 1
    assert (await kling.refusal(TEXT, KITE))[2] == "External_task_id job-7 already exists"


async def test_a_late_request_finds_its_id_taken_unless_uniqueness_is_off(clock: ManualClock, tmp_path: Path) -> None:
    for folder, unique in ((None, True), (None, False), (tmp_path / "a", True), (tmp_path / "b", False)):
        async with opened(new_sandbox(clock, folder=folder), clock) as kling:
            kling.sandbox.state.unique = unique
            kling.sandbox.faults.add(Fault("drop", TEXT, "POST", when="late", hold_s=30))
            with pytest.raises(ConnectionResetError):
                await kling.post(TEXT, KITE)
            await kling.accepted(KITE)
            clock.advance(30)
            await kling.sandbox.app.land()
            state = kling.sandbox.state
            assert (state.creates, state.duplicates_refused) == ((1, 1) if unique else (2, 0))


async def test_a_fault_hits_the_next_matching_requests_and_then_is_over(kling: Customer) -> None:
    kling.sandbox.faults.add(Fault("code", "/v1/", "GET", times=2, code=5001))
    await kling.accepted(KITE)
    assert await kling.data("/tasks?external_task_ids=job-7")
    assert [(await kling.get(TEXT)).status_code for _ in range(3)] == [503, 503, 200]
    assert kling.sandbox.faults.waiting == ()


async def test_a_fault_may_last_until_it_is_cleared(kling: Customer) -> None:
    kling.sandbox.faults.add(Fault("code", times=None))
    assert {(await kling.get(TEXT)).status_code for _ in range(5)} == {500}
    kling.sandbox.faults.clear()
    assert (await kling.get(TEXT)).status_code == 200


async def test_a_result_may_be_missing_cut_short_or_something_else(kling: Customer) -> None:
    await kling.accepted(KITE | {"duration": "3"})
    kling.clock.advance(LONG_ENOUGH_S)
    path = f"/files/{kling.sandbox.state.tasks[0].result_id}.mp4"
    whole = (await kling.get(path)).content
    kling.sandbox.faults.add(*(Fault(kind, "/files/") for kind in ("missing", "truncated", "junk", "half")))
    assert (await kling.get(path)).status_code == 404
    assert (await kling.get(path)).content == whole[: len(whole) // 2]
    junk = await kling.get(path)
    assert (junk.headers["content-type"], junk.content) == ("video/mp4", b"This is not what you asked for.")
    with pytest.raises(ConnectionResetError):
        await kling.get(path)
    assert (await kling.get(path)).content == whole


def test_a_code_that_kling_does_not_have_cannot_be_programmed() -> None:
    with pytest.raises(ValueError, match="1234 is not one of Kling's codes"):
        Fault("code", code=1234)


# --- over HTTP ---------------------------------------------------------------------------------------------


async def test_faults_can_be_programmed_and_forgotten_over_http(kling: Customer) -> None:
    answer = await kling.post("/_sandbox/faults", {"kind": "code", "path": TEXT, "code": 5001, "times": 2})
    assert answer.json() == {"waiting": 1}
    assert kling.sandbox.faults.waiting == (Fault("code", TEXT, code=5001, times=2),)
    assert (await kling.get(TEXT)).status_code == 503
    assert (await kling.client.delete("/_sandbox/faults")).json() == {"waiting": 0}
    assert (await kling.client.delete("/_sandbox/uniqueness")).json() == {"unique": False}
    assert await kling.accepted(KITE) != await kling.accepted(KITE)
    assert (await kling.get(TEXT)).status_code == 200


@pytest.mark.parametrize("body", [{}, {"kind": "fire"}, {"kind": "code", "code": 1}, {"kind": "drop", "times": "x"}])
async def test_a_fault_that_makes_no_sense_is_explained(kling: Customer, body: dict[str, Any]) -> None:
    answer = await kling.post("/_sandbox/faults", body)
    assert answer.status_code == 400
    assert answer.json()["problems"]
    assert kling.sandbox.faults.waiting == ()


async def test_the_ledger_tells_what_was_created_charged_and_asked(kling: Customer) -> None:
    task_id = await kling.accepted(KITE)
    await kling.refusal(TEXT, KITE)
    await kling.data(f"{TEXT}/{task_id}")
    kling.clock.advance(LONG_ENOUGH_S)
    said = (await kling.get("/_sandbox/ledger")).json()
    assert said == {
        "creates": 1,
        "duplicates_refused": 1,
        "running": 0,
        "units_deducted": "3",
        "units_remaining": "997",
        "packs": {
            "video": {
                "name": "Video-1000Units-20Con-6Months",
                "slots_taken": 0,
                "units_deducted": "3",
                "units_remaining": "997",
            },
            "image": said["packs"]["image"],
            "try-on": said["packs"]["try-on"],
        },
        "requests": {f"GET {TEXT}/{{id}}": 1, f"POST {TEXT}": 2},
        "tasks": [
            {
                "id": task_id,
                "external_task_id": "job-7",
                "path": TEXT,
                "model": "kling-v3",
                "status": "succeeded",
                "created_at": START_MS,
                "units": "3",
                "package": "video",
            }
        ],
    }


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_other_machines_find_nothing_behind_the_counter(kling: Customer, method: str) -> None:
    transport = httpx2.ASGITransport(kling.sandbox.app, client=("192.0.2.7", 50_000))
    async with httpx2.AsyncClient(transport=transport, base_url=URL) as stranger:
        path = "/_sandbox/ledger" if method == "GET" else "/_sandbox/faults"
        assert (await stranger.request(method, path)).status_code == 404


# --- a real server -----------------------------------------------------------------------------------------


@contextmanager
def served() -> Generator[tuple[str, Sandbox]]:
    """The sandbox behind a real socket, in a thread of its own."""
    sandbox = Sandbox(clock=ManualClock(), base_url="http://127.0.0.1")
    config = uvicorn.Config(sandbox.app, port=0, log_level="critical", lifespan="on")
    server = uvicorn.Server(config)
    door = config.bind_socket()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{door.getsockname()[1]}", sandbox
    finally:
        server.should_exit = True
        thread.join(10)
        door.close()
        assert not thread.is_alive()


async def test_a_served_connection_is_really_lost() -> None:
    headers = {"authorization": "Bearer sandbox"}
    with served() as (url, sandbox):
        async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=10) as client:
            sandbox.faults.add(Fault("drop", TEXT, "POST", when="after"), Fault("half", "/tasks"))
            with pytest.raises(httpx2.TransportError):
                await client.post(TEXT, json=KITE)
            assert sandbox.state.creates == 1
            with pytest.raises(httpx2.TransportError):
                await client.get("/tasks?external_task_ids=job-7")
            found = (await client.get("/tasks?external_task_ids=job-7")).json()["data"]
            assert [task["external_id"] for task in found] == ["job-7"]
