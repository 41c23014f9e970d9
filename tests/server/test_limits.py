"""Limits of the operator: agents hear of them before they ask, and are told which setting stands in their way."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import pytest

from kling_mcp.clock import SystemClock
from kling_mcp.errors import OutcomeUnknown

from .conftest import settings_in
from .studio import ANOTHER, ERAS, SPEED, WISH, House, opened, text, told

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from mcp import Client

    from .studio import Mode

pytestmark = pytest.mark.anyio
DEAR = {**WISH, "duration": 10}


@asynccontextmanager
async def at(folder: Path, film: bytes, mode: Mode = "auto", **limits: float) -> AsyncGenerator[tuple[House, Client]]:
    settings = settings_in(folder, toolsets="all", **limits)
    with anyio.fail_after(30):
        async with opened(folder, film, settings, SystemClock(SPEED)) as house, house.client(mode) as client:
            yield house, client


@pytest.mark.parametrize("mode", ERAS)
async def test_a_dearer_job_than_allowed_is_refused_with_price_limit_and_setting(
    tmp_path: Path, film: bytes, mode: Mode
) -> None:
    async with at(tmp_path, film, mode, max_units_per_job=4) as (house, client):
        result = await client.call_tool("generate_video", DEAR)
        cheap = await client.call_tool("generate_video", {**WISH, "wait_seconds": 0})
    error = told(result)["error"]
    assert (result.is_error, error["code"], error["charged"]) == (True, "over_limit", False)
    assert "It costs 6 units" in error["message"]
    assert "4 units" in error["message"]
    assert "KLING_MAX_UNITS_PER_JOB" in error["message"]
    assert "human" in error["fix"]
    assert not cheap.is_error
    assert len(house.studio.creates) == 1


async def test_a_day_that_is_spent_says_what_is_left_and_when_it_ends(tmp_path: Path, film: bytes) -> None:
    async with at(tmp_path, film, max_units_per_day=7) as (house, client):
        await client.call_tool("generate_video", {**WISH, "wait_seconds": 0})
        result = await client.call_tool("generate_video", DEAR)
        balance = told(await client.call_tool("check_balance", {}))
        again = await client.call_tool("generate_video", {**ANOTHER, "wait_seconds": 0})
    message = told(result)["error"]["message"]
    assert told(result)["error"]["code"] == "over_limit"
    assert "of the 7 units that KLING_MAX_UNITS_PER_DAY allows for one day, 4 units are left." in message
    assert "The day ends at " in message
    assert balance["limits"].pop("day_ends_at").endswith("T00:00:00Z")
    assert balance["limits"] == {"per_day": 7, "left_today": 4}
    assert not again.is_error
    assert len(house.studio.creates) == 2


async def test_the_estimate_says_what_the_limits_would(tmp_path: Path, film: bytes) -> None:
    door = at(tmp_path, film, max_units_per_job=5, max_units_per_day=100, confirm_above_units=2)
    async with door as (house, client):
        ours = {"allow_duplicate": True, "idempotency_key": "k", "confirm": "x", "confirm_possible_duplicate": True}
        fine = await client.call_tool(
            "estimate_cost", {"tool": "generate_video", "arguments": {**WISH, **ours, "wait_seconds": 3}}
        )
        dear = await client.call_tool("estimate_cost", {"tool": "generate_video", "arguments": DEAR})
        free = await client.call_tool("estimate_cost", {"tool": "get_job", "arguments": {"job_id": "km1-X"}})
    quote = told(fine)
    assert (quote["units"], quote["needs_confirmation"], "over_limit" in quote) == (3, True, False)
    assert quote["limits"]["per_job"] == 5
    assert "limits: 5 units per job, 100 a day (100 left until " in text(fine)
    assert "above 2 a person is asked" in text(fine)
    assert "A person has to agree to it first." in text(fine)
    assert "KLING_MAX_UNITS_PER_JOB" in told(dear)["over_limit"]
    assert "needs_confirmation" not in told(dear), "nobody is asked about what is refused"
    assert "limits" not in told(free)
    assert house.studio.creates == []


async def test_without_limits_nothing_is_said_of_them(house: House) -> None:
    async with house.client() as client:
        assert "limits" not in told(await client.call_tool("check_balance", {}))
        quote = told(await client.call_tool("estimate_cost", {"tool": "generate_video", "arguments": WISH}))
    assert not {"limits", "needs_confirmation", "over_limit"} & quote.keys()


@pytest.mark.parametrize("mode", ERAS)
async def test_a_repeated_call_is_answered_with_the_job_that_is_there(house: House, mode: Mode) -> None:
    house.studio.lasts = 500
    async with house.client(mode) as client:
        first = told(await client.call_tool("generate_video", {**WISH, "wait_seconds": 0}))
        second = await client.call_tool("generate_video", {**WISH, "wait_seconds": 1})
        third = told(await client.call_tool("generate_video", {**ANOTHER, "wait_seconds": 0}))
    assert "deduplicated" not in first
    assert (told(second)["job_id"], told(second)["deduplicated"]) == (first["job_id"], True)
    assert "An identical request was accepted " in text(second)
    assert "allow_duplicate=true makes another" in text(second)
    assert third["job_id"] != first["job_id"]
    assert len(house.studio.creates) == 2


async def test_a_key_names_one_request_for_ever(house: House) -> None:
    async with house.client() as client:
        keyed = {**WISH, "idempotency_key": "scene-1", "wait_seconds": 0}
        first = told(await client.call_tool("generate_video", keyed))
        await house.jobs.clock.sleep(130)
        again = await client.call_tool("generate_video", keyed)
        other = await client.call_tool("generate_video", {**keyed, "prompt": "A kite"})
        wrong = await client.call_tool("generate_video", {**WISH, "idempotency_key": "x" * 129})
    assert (told(again)["job_id"], told(again)["deduplicated"]) == (first["job_id"], True)
    assert "A request with this idempotency_key was accepted" in text(again)
    assert "'idempotency_key' scene-1 was used by job" in text(other)
    assert other.is_error
    assert wrong.is_error
    assert len(house.studio.creates) == 1


async def test_what_may_have_been_charged_is_sent_again_only_with_the_agents_word(wide: House) -> None:
    wish = {"image": "https://example.com/a.png"}
    with anyio.fail_after(20):
        async with wide.client() as client:
            wide.studio.trouble = OutcomeUnknown("The connection broke.")
            lost = told(await client.call_tool("recognize_image", wish))["job_id"]
            await client.call_tool("wait_for_jobs", {"job_ids": [lost]})
            wide.studio.trouble = None
            refused = await client.call_tool("recognize_image", wish)
            made = await client.call_tool("recognize_image", {**wish, "confirm_possible_duplicate": True})
    assert refused.is_error
    assert f"The same request was sent as job {lost}" in text(refused)
    assert "confirm_possible_duplicate=true" in text(refused)
    assert not made.is_error
    assert len(wide.studio.creates) == 2
