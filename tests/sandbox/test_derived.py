"""An endpoint nobody wrote a family for works in the sandbox as soon as its operation exists."""

from __future__ import annotations

from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import pytest
from pydantic import Field

from kling_mcp.operations.base import Generation, Kind, Quote, Yields
from kling_mcp.operations.catalogue import GENERATIONS
from kling_mcp.sandbox.families import FAMILIES, INSTANTS
from tests.sandbox.shop import LONG_ENOUGH_S, new_sandbox, opened

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from kling_mcp.clock import ManualClock
    from tests.sandbox.shop import Customer

pytestmark = pytest.mark.anyio

DREAMS, HAIKU = "/v1/videos/dreams", "/v1/images/haiku"


class Dream(Generation):
    """A film of a dream."""

    tool: ClassVar[str] = "film_a_dream"
    title: ClassVar[str] = "Film a dream"
    toolset: ClassVar[str] = "video"
    kind: ClassVar[Kind] = "job"
    yields: ClassVar[Yields] = "video"
    posts_to: ClassVar[str] = DREAMS

    prompt: Annotated[str, Field(max_length=20)]
    """What was dreamt."""
    depth: Annotated[int, Field(ge=1, le=9)] = 1
    """How deep the sleep was."""
    aspect_ratio: Literal["16:9", "1:1"] = "16:9"
    """Shape."""

    def quote(self) -> Quote:
        return Quote(Decimal(self.depth) / 2, "video", "half a unit for each depth", "2026-09-20")


class Haiku(Generation):
    """Pictures of a haiku, at once."""

    tool: ClassVar[str] = "draw_a_haiku"
    title: ClassVar[str] = "Draw a haiku"
    toolset: ClassVar[str] = "image"
    kind: ClassVar[Kind] = "immediate"
    yields: ClassVar[Yields] = "image"
    posts_to: ClassVar[str] = HAIKU
    nameless: ClassVar[bool] = True

    text: str
    """The haiku."""
    n: int = 1
    """How many pictures."""

    def quote(self) -> Quote:
        return Quote(Decimal(8 * self.n), "image", "8 units a picture", "2026-09-20")


@asynccontextmanager
async def tomorrow(clock: ManualClock, **facts: Any) -> AsyncGenerator[Customer]:  # noqa: ANN401 - what Sandbox takes
    async with opened(new_sandbox(clock, operations=[*GENERATIONS.values(), Dream, Haiku], **facts), clock) as customer:
        yield customer


async def test_a_new_operation_is_an_endpoint_with_its_own_limits_price_and_results(clock: ManualClock) -> None:
    async with tomorrow(clock) as kling:
        body = {"prompt": "A staircase", "depth": "4", "unheard_of": 1, "external_task_id": "d-1"}
        task_id = await kling.accepted(body | {"watermark_info": {"enabled": True}}, DREAMS)
        clock.advance(LONG_ENOUGH_S)
        shown = await kling.data(f"{DREAMS}/d-1")
        [video] = shown["task_result"]["videos"]
        assert (shown["task_id"], shown["final_unit_deduction"]) == (task_id, "2")
        assert (await kling.get(video["watermark_url"])).headers["content-type"] == "video/mp4"
        assert [task["task_id"] for task in await kling.data(DREAMS)] == [task_id]
        assert kling.sandbox.requests[f"GET {DREAMS}/{{id}}"] == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"prompt": ""},
        {"prompt": "x" * 21},
        {"prompt": "x", "depth": 10},
        {"prompt": "x", "aspect_ratio": "7:3"},
        {"prompt": "x", "callback_url": "somewhere"},
        {"prompt": "x", "watermark_info": "yes"},
    ],
)
async def test_what_its_class_refuses_is_refused(clock: ManualClock, body: dict[str, Any]) -> None:
    async with tomorrow(clock) as kling:
        assert (await kling.refusal(DREAMS, body))[:2] == (400, 1201)


async def test_the_account_has_its_say_too(clock: ManualClock) -> None:
    async with tomorrow(clock, units=Decimal(4), concurrency=1) as kling:
        assert (await kling.refusal(DREAMS, {"prompt": "x", "depth": 9}))[1] == 1102
        assert (await kling.refusal(DREAMS, {"prompt": "sandbox-refuse"}))[1] == 1301
        await kling.accepted({"prompt": "x", "external_task_id": "d-1"}, DREAMS)
        assert (await kling.refusal(DREAMS, {"prompt": "x", "external_task_id": "d-1"}))[2].endswith("already exists")
        assert (await kling.refusal(DREAMS, {"prompt": "x"}))[1] == 1303


async def test_what_is_answered_at_once_is_answered_at_once(clock: ManualClock) -> None:
    async with tomorrow(clock) as kling:
        said = await kling.answered(HAIKU, {"text": "An old silent pond", "n": 2})
        assert (said["task_status"], said["final_unit_deduction"]) == ("succeed", "16")
        assert [image["index"] for image in said["task_result"]["images"]] == [0, 1]
        assert (await kling.get(said["task_result"]["images"][0]["url"])).headers["content-type"] == "image/png"
        assert kling.sandbox.state.left("image") == 984
        assert (await kling.refusal(HAIKU, {"text": "sandbox-refuse"}))[1] == 1301


def test_everything_our_client_can_ask_for_today_was_written_out_by_hand() -> None:
    by_hand = {endpoint.path for endpoint in (*FAMILIES, *INSTANTS)}
    assert {operation.posts_to for operation in GENERATIONS.values()} - {""} <= by_hand
