"""Reports of a task's changes. Expectations: video.md section 5."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from kling_mcp.sandbox.callbacks import is_loopback, signature
from tests.sandbox.shop import START, TEXT, URL, new_sandbox, opened

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_mcp.clock import ManualClock
    from tests.sandbox.shop import Customer

pytestmark = pytest.mark.anyio

HERE = "http://127.0.0.1:9000/hook"
SECRET = "whsec_dGVzdHNlY3JldHRlc3RzZWNyZXR0ZXN0c2VjcmV0MTI="  # noqa: S105 - the contract's test vector
KITE = {"model_name": "kling-v3", "prompt": "A kite", "callback_url": HERE}


@dataclass
class Postbox:
    """Receives callbacks; answers with the statuses it was given, then with 200."""

    statuses: list[int | Exception] = field(default_factory=list[int | Exception])
    received: list[tuple[str, bytes, Mapping[str, str]]] = field(
        default_factory=list[tuple[str, bytes, "Mapping[str, str]"]]
    )

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        self.received.append((url, body, headers))
        answer = self.statuses.pop(0) if self.statuses else 200
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body, _ in self.received]


async def lived(kling: Customer) -> None:
    """Let time pass until every task has ended and been reported."""
    for _ in range(200):
        await anyio.wait_all_tasks_blocked()
        kling.clock.advance(1.0)
    await anyio.wait_all_tasks_blocked()


async def reported(
    clock: ManualClock,
    body: dict[str, Any],
    path: str,
    box: Postbox,
    **facts: Any,  # noqa: ANN401 - what Sandbox takes
) -> str:
    """Run a task to its end with callbacks going to ``box``; returns its id."""
    sandbox = new_sandbox(clock, post=box, **facts)
    with anyio.fail_after(20):
        async with opened(sandbox, clock) as kling, sandbox.running():
            task_id = await kling.accepted(body, path)
            await lived(kling)
    return task_id


async def test_a_legacy_task_reports_processing_and_its_end_in_the_legacy_shape(clock: ManualClock) -> None:
    box = Postbox()
    body = KITE | {"external_task_id": "job-7", "watermark_info": {"enabled": True}}
    task_id = await reported(clock, body, TEXT, box)
    processing, done = box.bodies
    assert [url for url, _, _ in box.received] == [HERE, HERE]
    assert (processing["task_status"], processing["task_result"]) == ("processing", {})
    assert done == {
        "task_id": task_id,
        "task_status": "succeed",
        "task_status_msg": "",
        "task_info": {"external_task_id": "job-7"},
        "task_result": {
            "videos": [
                {
                    "id": (result_id := done["task_result"]["videos"][0]["id"]),
                    "url": f"{URL}/files/{result_id}.mp4",
                    "duration": "5.041",
                }
            ]
        },
        "final_unit_deduction": "3",
        "final_balance_deduction": {"quota": "0", "list_price": "0"},
        "created_at": int(START * 1000),
        "updated_at": done["updated_at"],
    }


async def test_a_new_task_reports_in_the_new_shape(clock: ManualClock) -> None:
    box = Postbox()
    body = {"prompt": "A kite sandbox-risk", "options": {"callback_url": HERE, "external_task_id": "job-7"}}
    task_id = await reported(clock, body, "/text-to-video/kling-3.0", box)
    processing, done = box.bodies
    assert processing["status"] == "processing"
    assert done == {
        "id": task_id,
        "status": "failed",
        "message": "Failure to pass the risk control system",
        "create_time": int(START * 1000),
        "update_time": done["update_time"],
        "external_id": "job-7",
        "outputs": [],
        "billing": [],
    }


async def test_a_report_is_tried_three_times(clock: ManualClock) -> None:
    box = Postbox([500, OSError("refused"), 200])
    await reported(clock, KITE, TEXT, box)
    assert [body["task_status"] for body in box.bodies] == ["processing"] * 3 + ["succeed"]


async def test_a_report_nobody_takes_is_given_up(clock: ManualClock) -> None:
    box = Postbox([500] * 3)
    await reported(clock, KITE, TEXT, box)
    assert [body["task_status"] for body in box.bodies] == ["processing"] * 3 + ["succeed"]


async def test_an_answer_that_does_not_come_in_time_is_a_failed_try(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kling_mcp.sandbox.callbacks._TIMEOUT_S", 0.01)
    tries: list[bytes] = []

    async def never(_url: str, body: bytes, _headers: Mapping[str, str]) -> int:
        tries.append(body)
        await anyio.sleep_forever()
        raise AssertionError

    sandbox = new_sandbox(clock, post=never)
    with anyio.fail_after(20):
        async with opened(sandbox, clock) as kling, sandbox.running():
            await kling.accepted(KITE)
            while len(tries) < 6:
                await anyio.sleep(0.005)
                clock.advance(1.0)
    assert sandbox.callbacks.delivered == []


async def test_other_machines_are_not_called_unless_allowed(clock: ManualClock) -> None:
    box, allowed = Postbox(), Postbox()
    body = KITE | {"callback_url": "https://example.com/hook"}
    await reported(clock, body, TEXT, box)
    await reported(clock, body, TEXT, allowed, callbacks_anywhere=True)
    assert (len(box.received), len(allowed.received)) == (0, 2)


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://localhost:1/x", True),
        ("http://127.0.0.1/", True),
        ("http://[::1]:8/", True),
        ("http://127.0.0.1.example.com/", False),
        ("http://10.0.0.1/", False),
        ("https://example.com/localhost", False),
    ],
)
def test_what_counts_as_this_machine(url: str, here: bool) -> None:
    assert is_loopback(url) is here


async def test_reports_are_signed_where_there_is_a_secret(clock: ManualClock) -> None:
    box = Postbox()
    await reported(clock, KITE, TEXT, box, webhook_secret=SECRET)
    [(_, body, headers), _] = box.received
    assert set(headers) == {"content-type", "webhook-id", "webhook-timestamp", "webhook-signature"}
    assert START <= int(headers["webhook-timestamp"]) <= clock.now()
    expected = signature(SECRET, headers["webhook-id"], int(headers["webhook-timestamp"]), body)
    assert headers["webhook-signature"] == expected


async def test_reports_are_unsigned_where_there_is_none(clock: ManualClock) -> None:
    box = Postbox()
    await reported(clock, KITE, TEXT, box)
    assert box.received[0][2] == {"content-type": "application/json"}


def test_the_signature_is_that_of_the_contract() -> None:
    body = (
        b'{"id":"1234567890","status":"succeeded","message":"","create_time":1781080778802,"update_time":1781080794151}'
    )
    assert signature(SECRET, "9876543210", 1781080794, body) == "v1,UsKlJP00XoQyOn410NM9xv34sP+Gl0jnOO9Lcpr7NJ4="
