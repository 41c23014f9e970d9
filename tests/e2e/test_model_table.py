"""Every row of the model table through a real MCP client against the pretend Kling, and every price of the card."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import anyio
import pytest
from mcp import Client

from kling_mcp.clock import SystemClock
from kling_mcp.operations.model_facts import MODELS
from kling_mcp.operations.video import GenerateVideo
from kling_mcp.server.catalogue import build_server
from kling_mcp.settings import Settings
from tests.operations.test_model_rows import REFUSED, plain_request
from tests.stack import Stack, new_sandbox, running_stack

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping
    from pathlib import Path

    from mcp.types import CallToolResult

    from kling_mcp.operations.model_facts import Endpoint, ModeFacts

pytestmark = pytest.mark.anyio

# Units per second, or per clip of 5 and 10 seconds, typed in from the contract (video.md part E), not from our table.
PER_SECOND: dict[tuple[str, str, bool], str] = {
    ("kling-v3", "std", False): "0.6",
    ("kling-v3", "std", True): "0.9",
    ("kling-v3", "pro", False): "0.8",
    ("kling-v3", "pro", True): "1.2",
    ("kling-v3", "4k", False): "3.0",
    ("kling-v3", "4k", True): "3.0",
    ("kling-3.0-turbo", "std", True): "0.8",
    ("kling-3.0-turbo", "pro", True): "1.0",
    ("kling-v2-6", "std", False): "0.3",
    ("kling-v2-6", "pro", False): "0.5",
    ("kling-v2-6", "pro", True): "1.0",
    ("kling-v2-5-turbo", "std", False): "0.3",
    ("kling-v2-5-turbo", "pro", False): "0.5",
}
PER_CLIP: dict[tuple[str, str], tuple[str, str]] = {
    ("kling-v1", "std"): ("1", "2"),
    ("kling-v1", "pro"): ("3.5", "7"),
    **{(m, "std"): ("2", "4") for m in ("kling-v1-5", "kling-v1-6", "kling-v2-1")},
    **{(m, "pro"): ("3.5", "7") for m in ("kling-v1-5", "kling-v1-6", "kling-v2-1")},
    ("kling-v2-master", "*"): ("10", "20"),
    ("kling-v2-1-master", "*"): ("10", "20"),
}
ROWS: list[tuple[str, Endpoint, str, ModeFacts]] = [
    (name, endpoint, mode, row)
    for name, facts in MODELS.items()
    for endpoint, modes in facts.endpoints.items()
    for mode, row in modes.items()
]


def contract_price(model: str, mode: str, duration: int, *, sound: bool) -> Decimal:
    if (model, mode) in PER_CLIP:
        return Decimal(PER_CLIP[model, mode][duration == 10])
    return Decimal(PER_SECOND[model, mode, sound]) * duration


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncGenerator[Stack]:
    """At Kling's own pace, so that nothing finishes and is fetched while a test counts."""
    clock = SystemClock()
    async with running_stack(tmp_path, sandbox=new_sandbox(clock, concurrency=1000), clock=clock) as running:
        with anyio.fail_after(60):
            yield running


@pytest.fixture
async def client(stack: Stack) -> AsyncGenerator[Client]:
    async with Client(build_server(stack.jobs, Settings(), provider_name="official")) as connected:
        yield connected


def facts_of(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, result.content
    return cast("dict[str, Any]", result.structured_content)


async def test_kling_takes_every_row_and_never_hears_of_what_a_row_lacks(client: Client, stack: Stack) -> None:
    for name, endpoint, mode, row in ROWS:
        wish = plain_request(name, endpoint, mode, row.durations[0])
        answer = facts_of(await client.call_tool("generate_video", {**wish, "wait_seconds": 0}))
        assert answer["status"] == "running", (name, endpoint, mode, answer)
    assert stack.sandbox.state.creates == len(ROWS)

    before = dict(stack.sandbox.requests)
    for name, endpoint, mode, _ in ROWS:
        added, field, able = REFUSED[name, endpoint, mode]
        wish = {k: v for k, v in {**plain_request(name, endpoint, mode), **added}.items() if v is not None}
        answer = await client.call_tool("generate_video", {**wish, "wait_seconds": 0})
        said = answer.content[0].text  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType, reportUnknownMemberType]
        assert answer.is_error
        assert f"'{field}'" in said or field in said, said
        assert able is None or able in said, said
        assert "nothing was charged" in said
    creates = {path: n for path, n in stack.sandbox.requests.items() if path.startswith("POST")}
    assert creates == {path: n for path, n in before.items() if path.startswith("POST")}
    assert stack.sandbox.state.creates == len(ROWS)


async def test_the_estimate_is_what_the_card_says_and_what_kling_deducts(client: Client, stack: Stack) -> None:
    quoted: dict[str, Decimal] = {}
    for wish, price in priced_wishes():
        told = facts_of(await client.call_tool("estimate_cost", {"tool": "generate_video", "arguments": wish}))
        assert Decimal(str(told["units"])) == price, wish
        request = stack.provider.prepare(GenerateVideo.parse(wish))
        task = await stack.provider.submit(request, f"price-{len(quoted)}")
        quoted[task.task_id] = price
    assert len(quoted) > 150
    deducted = {task.id: task.charge for task in stack.sandbox.state.tasks}
    assert deducted == quoted


def priced_wishes() -> list[tuple[Mapping[str, Any], Decimal]]:
    wishes: list[tuple[Mapping[str, Any], Decimal]] = []
    for name, endpoint, mode, row in ROWS:
        always = MODELS[name].always_sound
        for duration in row.durations:
            for sound in {True} if always else {False, row.sound}:
                wish = plain_request(name, endpoint, mode, duration)
                asked = {"sound": "on"} if sound and not always else {}
                wishes.append(({**wish, **asked}, contract_price(name, mode, duration, sound=sound)))
    return wishes
