"""Wrong calls: every problem at once, nothing submitted, and the agent is told so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from kling_mcp.clock import SystemClock
from kling_mcp.errors import InvalidRequest, NotAuthorised, Unavailable

from .conftest import settings_in
from .studio import WISH, House, opened, text, told

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

CHARGED_NOTHING = "Nothing was submitted and nothing was charged."


async def refused(house: House, tool: str, arguments: dict[str, Any]) -> list[str]:
    """The lines of a refusal, of which the data has the same."""
    async with house.client() as client:
        result = await client.call_tool(tool, arguments)
    assert result.is_error
    assert house.studio.creates == []
    lines = text(result).splitlines()
    assert told(result)["error"]["message"] == " ".join(lines[:-1])
    assert told(result)["error"]["charged"] is False
    return lines


async def test_a_misspelled_argument_is_refused_with_the_one_that_was_meant(house: House) -> None:
    lines = await refused(house, "generate_video", {**WISH, "duratoin": 10})
    assert lines == ["'duratoin' is not an argument of generate_video. Did you mean 'duration'?", CHARGED_NOTHING]


async def test_a_misspelling_of_our_own_argument_is_understood_too(house: House) -> None:
    lines = await refused(house, "generate_video", {**WISH, "wait_second": 10})
    assert lines[0] == "'wait_second' is not an argument of generate_video. Did you mean 'wait_seconds'?"


async def test_every_problem_is_reported_at_once(house: House) -> None:
    wrong = {"prompt": "x", "duration": 99, "cfg_scale": 7, "wait_seconds": 600, "promt": "y"}
    *lines, last = await refused(house, "generate_video", wrong)
    assert len(lines) == 4
    for name, line in zip(("promt", "cfg_scale", "wait_seconds", "duration"), lines, strict=True):
        assert f"'{name}'" in line
    assert last == CHARGED_NOTHING


@pytest.mark.parametrize(
    ("tool", "arguments", "sentence"),
    [
        ("get_job", {}, "'job_id' is required"),
        ("get_job", {"jobid": "x"}, "Did you mean 'job_id'?"),
        ("get_job", {"job_id": "km1-NO"}, "There is no job 'km1-NO' in this ledger."),
        ("wait_for_jobs", {"job_ids": []}, "'job_ids' is required"),
        ("wait_for_jobs", {"job_ids": ["a"], "until": "any", "wait_seconds": -1}, "'until'"),
        ("wait_for_jobs", {"job_ids": "km1-NO"}, "There is no job 'km1-NO'"),
        ("wait_for_jobs", {"job_ids": '["km1-NO"]'}, "There is no job 'km1-NO'"),
        ("list_jobs", {"limit": 0}, "'limit'"),
        ("list_jobs", {"status": "done"}, "'status'"),
        ("preview_media", {}, "Give job_id or uri, and only one of them."),
        ("preview_media", {"job_id": "a", "uri": "b"}, "Give job_id or uri, and only one of them."),
        ("preview_media", {"uri": "kling://media/km1-NO_1"}, "There is no result 'km1-NO_1'"),
        ("estimate_cost", {"arguments": WISH}, "'tool' is required"),
        (
            "estimate_cost",
            {"tool": "generate_vide"},
            "There is no tool 'generate_vide'. Did you mean 'generate_video'?",
        ),
    ],
)
async def test_the_free_tools_are_as_strict(house: House, tool: str, arguments: dict[str, Any], sentence: str) -> None:
    lines = await refused(house, tool, arguments)
    assert any(sentence in line for line in lines), lines
    assert lines[-1] == "This call cost nothing."


@pytest.mark.parametrize(
    "arguments",
    [
        {**WISH, "duratoin": 10},
        {"duration": 5},
        {**WISH, "duration": 99, "mode": "ultra"},
        {**WISH, "model_name": "kling-v9"},
        {**WISH, "wait_seconds": 99},
    ],
)
async def test_an_estimate_refuses_exactly_what_the_call_would_refuse(house: House, arguments: dict[str, Any]) -> None:
    real = await refused(house, "generate_video", arguments)
    estimated = await refused(house, "estimate_cost", {"tool": "generate_video", "arguments": arguments})
    assert estimated[:-1] == real[:-1]


async def test_an_estimate_refuses_what_this_credential_cannot_run(house: House) -> None:
    house.studio.unprepared = InvalidRequest.one("model_name", "This key cannot run kling-3.0-turbo.")
    lines = await refused(house, "estimate_cost", {"tool": "generate_video", "arguments": WISH})
    assert lines[0] == "This key cannot run kling-3.0-turbo."


async def test_free_tools_are_estimated_as_free(house: House) -> None:
    async with house.client() as client:
        result = await client.call_tool("estimate_cost", {"tool": "check_balance"})
    assert told(result)["units"] == 0


async def test_an_unknown_tool_is_answered_with_the_one_that_was_meant(house: House) -> None:
    async with house.client() as client:
        result = await client.call_tool("generate_vidoe", WISH)
        hidden = await client.call_tool("cancel_job", {"job_id": "x"})
    assert (result.is_error, hidden.is_error) == (True, True)
    assert "Did you mean 'generate_video'?" in text(result)
    assert "KLING_TOOLS=cancel_job" in text(hidden)


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        ({"read_only": True}, "by removing KLING_READ_ONLY."),
        ({"exclude_tools": "generate_video"}, "by removing it from KLING_EXCLUDE_TOOLS."),
    ],
)
async def test_a_hidden_tool_names_the_setting_that_hides_it(
    tmp_path: Path, film: bytes, options: dict[str, object], remedy: str
) -> None:
    settings = settings_in(tmp_path, **options)
    with anyio.fail_after(30):
        async with opened(tmp_path, film, settings, SystemClock()) as house, house.client() as client:
            assert remedy in text(await client.call_tool("generate_video", WISH))


async def test_the_name_of_an_unknown_tool_is_quoted_harmlessly(house: House) -> None:
    name = "\x1b[2J\u202ezzz"
    async with house.client() as client:
        called = await client.call_tool(name, {})
        asked = await client.call_tool("estimate_cost", {"tool": name})
        listed = await client.call_tool("list_jobs", {"tool": name})
    for result in (called, asked, listed):
        assert text(result).startswith(r"There is no tool '\x1b[2J\u202ezzz'. The tools are: generate_video, ")


async def test_a_listing_by_a_misspelled_tool_is_refused_and_not_empty(house: House) -> None:
    lines = await refused(house, "list_jobs", {"tool": "generate_vidoe"})
    assert lines[0] == "There is no tool 'generate_vidoe'. Did you mean 'generate_video'?"


async def test_a_thousand_problems_are_not_told_one_by_one(house: House) -> None:
    lines = await refused(house, "generate_video", {**WISH, **{f"x{number}": 1 for number in range(1000)}})
    assert len(lines) == 22
    assert lines[-2:] == ["There are 980 more problems of this kind.", CHARGED_NOTHING]


async def test_what_may_succeed_later_says_so_in_the_text_too(house: House) -> None:
    house.studio.unprepared = Unavailable("Kling could not be reached.", fix="Check the network.")
    async with house.client() as client:
        result = await client.call_tool("check_balance", {})
    assert "The same call may succeed later." in text(result).splitlines()
    assert told(result)["error"]["retryable"] is True


async def test_without_a_credential_paid_tools_say_what_to_set_and_the_rest_works(house: House) -> None:
    house.studio.unprepared = NotAuthorised(
        "No Kling credential is configured.", fix="Set KLING_API_KEY.", code="not_configured"
    )
    async with house.client() as client:
        paid = await client.call_tool("generate_video", WISH)
        balance = await client.call_tool("check_balance", {})
        listing = await client.call_tool("list_jobs", {})
        estimate = await client.call_tool("estimate_cost", {"tool": "generate_video", "arguments": WISH})
    assert text(paid).splitlines() == [
        "[not_configured] No Kling credential is configured.",
        "Set KLING_API_KEY.",
        CHARGED_NOTHING,
    ]
    assert balance.is_error
    assert "Set KLING_API_KEY." in text(balance)
    assert (listing.is_error, estimate.is_error) == (False, False)


async def test_a_bug_of_ours_stays_in_the_log(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken() -> None:
        await anyio.lowlevel.checkpoint()
        raise RuntimeError("canary-inside")

    monkeypatch.setattr(house.studio, "balance", broken)
    async with house.client() as client:
        result = await client.call_tool("check_balance", {})
    assert result.is_error
    assert "canary-inside" not in text(result) + str(told(result))
    assert "list_jobs" in text(result)
    assert "canary-inside" in caplog.text
