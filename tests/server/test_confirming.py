"""Dear requests need a person: asked through the client in both eras, or by a token; and nothing but a yes is one."""

from __future__ import annotations

import os
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import anyio
import pytest
from mcp import Client, StdioServerParameters, stdio_client
from mcp.client.sse import sse_client
from mcp.types import (
    ClientCapabilities,
    ElicitationCapability,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    ErrorData,
    FormElicitationCapability,
    InputRequiredResult,
    UrlElicitationCapability,
)

from kling_mcp.clock import SystemClock
from kling_mcp.server.person import objection, shows_forms
from tests.server.test_http import process as http_server
from tests.server.test_stdio import ROOT, command

from .conftest import settings_in
from .studio import ANOTHER, ERAS, SPEED, WISH, House, opened, text, told

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from mcp.types import CallToolResult, InputResponses

    from .studio import Mode

pytestmark = pytest.mark.anyio

NOBODY = "Nothing was submitted and nothing was charged."
each_era = pytest.mark.parametrize("mode", ERAS)


@dataclass
class Human:
    """Somebody at the client, who answers every question alike."""

    answer: ElicitResult | ErrorData
    thinks_s: float = 0.0
    questions: list[str] = field(default_factory=list[str])

    async def __call__(self, context: object, params: object) -> ElicitResult | ErrorData:
        del context
        assert isinstance(params, ElicitRequestFormParams)
        self.questions.append(params.message)
        await anyio.sleep(self.thinks_s)
        return self.answer


def saying_yes(thinks_s: float = 0.0) -> Human:
    return Human(ElicitResult(action="accept", content={"approve": True}), thinks_s)


@pytest.fixture
async def careful(tmp_path: Path, film: bytes) -> AsyncGenerator[House]:
    """A server where everything over 2 units needs a person: the wish costs 3."""
    settings = settings_in(tmp_path, confirm_above_units=2, max_units_per_day=100, toolsets="all")
    async with opened(tmp_path, film, settings, SystemClock(SPEED)) as running:
        yield running


@asynccontextmanager
async def at(house: House, mode: Mode, human: Human | None = None) -> AsyncGenerator[Client]:
    with anyio.fail_after(20):
        async with house.client(mode, human) as client:
            yield client


def refused(result: CallToolResult, house: House, code: str) -> dict[str, Any]:
    """The refusal, of which nothing is left behind."""
    assert result.is_error
    assert told(result)["error"]["code"] == code
    assert text(result).splitlines()[-1] == NOBODY
    assert house.studio.creates == []
    return told(result)


@each_era
async def test_who_can_be_asked_is_asked_with_the_price_and_their_yes_makes_it(careful: House, mode: Mode) -> None:
    human = saying_yes()
    async with at(careful, mode, human) as client:
        result = await client.call_tool("generate_video", WISH)
    assert (result.is_error, told(result)["status"]) == (False, "succeeded")
    assert len(careful.studio.creates) == 1
    assert human.questions == [
        (
            "generate_video costs 3 units, list price 0.42 USD: 5 s x 0.6 units (kling-v3, std, silent), "
            "“A red fox in fresh snow”. 100 of today's 100 units are left. Make it?"
        )
    ]


@each_era
async def test_what_is_cheap_enough_or_free_is_made_without_asking(careful: House, mode: Mode) -> None:
    human = saying_yes()
    async with at(careful, mode, human) as client:
        result = await client.call_tool("text_to_speech", {"text": "A fox"})
    assert not result.is_error
    assert human.questions == []


NOT_A_YES = {
    "declined": ElicitResult(action="decline"),
    "closed": ElicitResult(action="cancel"),
    "accepted without a word": ElicitResult(action="accept"),
    "accepted, empty": ElicitResult(action="accept", content={}),
    "accepted, not ticked": ElicitResult(action="accept", content={"approve": False}),
    "accepted, in words": ElicitResult(action="accept", content={"approve": "true"}),
    "accepted, as a number": ElicitResult(action="accept", content={"approve": 1}),
    "accepted something else": ElicitResult(action="accept", content={"confirm": True}),
    "declined, but ticked": ElicitResult(action="decline", content={"approve": True}),
    "closed, but ticked": ElicitResult(action="cancel", content={"approve": True}),
}


@each_era
@pytest.mark.parametrize("answer", NOT_A_YES.values(), ids=NOT_A_YES)
async def test_nothing_but_a_clear_yes_is_one_and_no_token_is_handed_out(
    careful: House, mode: Mode, answer: ElicitResult
) -> None:
    human = Human(answer)
    async with at(careful, mode, human) as client:
        result = await client.call_tool("generate_video", WISH)
        listing = await client.call_tool("list_jobs", {})
    answered = refused(result, careful, "declined")
    assert len(human.questions) == 1
    assert "confirm" not in answered
    assert "call generate_video again with the same arguments, if the human wants that" in answered["error"]["fix"]
    assert told(listing)["jobs"] == []


def test_an_answer_of_another_kind_is_no_yes() -> None:
    assert objection(None)
    assert objection({"action": "accept", "content": {"approve": True}})
    assert objection(ElicitResult(action="accept", content={"approve": True})) == ""


@each_era
async def test_a_no_may_be_followed_by_a_yes(careful: House, mode: Mode) -> None:
    human = Human(ElicitResult(action="decline"))
    async with at(careful, mode, human) as client:
        await client.call_tool("generate_video", WISH)
        human.answer = saying_yes().answer
        result = await client.call_tool("generate_video", WISH)
    assert told(result)["status"] == "succeeded"
    assert (len(human.questions), len(careful.studio.creates)) == (2, 1)


async def test_a_client_that_cannot_ask_after_all_has_approved_nothing(careful: House) -> None:
    human = Human(ErrorData(code=-32603, message="no window"))
    async with at(careful, "legacy", human) as client:
        result = await client.call_tool("generate_video", WISH)
    refused(result, careful, "declined")


async def test_silence_is_a_no(careful: House) -> None:
    human = saying_yes(thinks_s=1000)
    async with at(careful, "legacy", human) as client:
        result = await client.call_tool("generate_video", WISH)
    assert "Nobody answered within 55 s." in refused(result, careful, "declined")["error"]["message"]


async def test_while_the_person_thinks_the_host_sees_signs_of_life_that_go_on_rising(careful: House) -> None:
    human, heard = saying_yes(thinks_s=0.5), list[tuple[float, str | None]]()

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        del total
        await anyio.lowlevel.checkpoint()
        heard.append((progress, message))

    async with at(careful, "legacy", human) as client:
        result = await client.call_tool("generate_video", {**WISH, "wait_seconds": 55}, progress_callback=hear)
    values = [progress for progress, _ in heard]
    assert told(result)["status"] == "succeeded"
    assert heard[0][1] == "waiting for a person to approve 3 units"
    assert values == sorted(set(values))
    assert any(message and message.startswith("running, ") for _, message in heard)


async def test_a_call_that_waited_long_for_the_person_returns_the_handle_at_once(careful: House) -> None:
    careful.studio.lasts = 5000
    human = saying_yes(thinks_s=60 / SPEED)

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        del progress, total, message
        await anyio.lowlevel.checkpoint()

    async with at(careful, "legacy", human) as client:
        wish = {**WISH, "wait_seconds": 55}
        answer = told(await client.call_tool("generate_video", wish, progress_callback=hear))
    assert answer["status"] == "running"
    assert answer["elapsed_s"] < 20


async def test_a_client_that_leaves_while_its_human_thinks_has_made_nothing(careful: House) -> None:
    human = saying_yes(thinks_s=1000)
    async with at(careful, "legacy", human) as client:
        with anyio.move_on_after(0.3):
            await client.call_tool("generate_video", WISH)
        assert human.questions
        assert told(await client.call_tool("list_jobs", {}))["jobs"] == []
    assert careful.studio.creates == []


# ---- the question between two calls (2026-07-28)


async def asked_back(client: Client, wish: dict[str, Any]) -> InputRequiredResult:
    question = await client.session.call_tool("generate_video", wish, allow_input_required=True)
    assert isinstance(question, InputRequiredResult)
    return question


async def answered(client: Client, wish: dict[str, Any], state: str | None) -> CallToolResult:
    """The call again, with a yes."""
    yes: InputResponses = {"approval": cast("ElicitResult", saying_yes().answer)}
    return await client.call_tool("generate_video", wish, input_responses=yes, request_state=state)


async def test_an_approval_is_good_for_exactly_one_request(careful: House) -> None:
    human = saying_yes()
    async with at(careful, "auto", human) as client:
        question = await asked_back(client, WISH)
        assert list(question.input_requests or {}) == ["approval"]
        assert isinstance((question.input_requests or {})["approval"], ElicitRequest)
        other = await answered(client, {**WISH, "prompt": "A blue fox"}, question.request_state)
        stateless = await answered(client, WISH, None)
        invented = await answered(client, WISH, "ok-invented")
        assert careful.studio.creates == []
        good = await answered(client, WISH, question.request_state)
        again = await answered(client, ANOTHER, question.request_state)
    assert [told(each)["error"]["code"] for each in (other, stateless, invented, again)] == ["declined"] * 4
    assert not good.is_error
    assert len(careful.studio.creates) == 1
    assert human.questions == []


async def test_a_question_given_back_without_an_answer_is_a_no(careful: House) -> None:
    async with at(careful, "auto", saying_yes()) as client:
        question = await asked_back(client, WISH)
        result = await client.call_tool("generate_video", WISH, request_state=question.request_state)
    refused(result, careful, "declined")


# ---- nobody to ask: a token


@each_era
async def test_an_agent_without_a_window_gets_the_price_and_a_token_to_give_back(careful: House, mode: Mode) -> None:
    async with at(careful, mode) as client:
        first = await client.call_tool("generate_video", WISH)
        quote = refused(first, careful, "needs_confirmation")
        result = await client.call_tool("generate_video", {**WISH, "confirm": quote["confirm"]})
    assert (quote["units"], quote["usd"]) == (3, 0.42)
    assert quote["error"]["message"].startswith("generate_video costs 3 units, list price 0.42 USD: 5 s x 0.6 units")
    assert "100 of today's 100 units are left." in quote["error"]["message"]
    assert f'confirm="{quote["confirm"]}"' in quote["error"]["fix"]
    assert quote["confirm"] in text(first)
    assert told(result)["status"] == "succeeded"
    assert len(careful.studio.creates) == 1


@each_era
async def test_a_token_is_good_once_and_for_its_own_request(careful: House, mode: Mode) -> None:
    async with at(careful, mode) as client:
        token = told(await client.call_tool("generate_video", WISH))["confirm"]
        other = told(await client.call_tool("generate_video", {**WISH, "prompt": "A kite", "confirm": token}))
        used = await client.call_tool("generate_video", {**WISH, "confirm": token, "wait_seconds": 0})
        retry = told(await client.call_tool("generate_video", {**WISH, "confirm": token, "wait_seconds": 0}))
        twice = told(await client.call_tool("generate_video", {**ANOTHER, "confirm": token}))
        wrong = told(await client.call_tool("generate_video", {**ANOTHER, "confirm": "yes"}))
    assert not used.is_error
    assert retry["deduplicated"] is True
    for refusal in (other, twice, wrong):
        assert refusal["error"]["code"] == "needs_confirmation"
        assert refusal["error"]["message"].startswith("This 'confirm' is not valid")
        assert refusal["confirm"] not in (token, None)
    assert len(careful.studio.creates) == 1


async def test_a_token_is_too_old_after_a_quarter_of_an_hour(tmp_path: Path, film: bytes) -> None:
    settings, clock = settings_in(tmp_path, confirm_above_units=2), SystemClock(3000)
    async with opened(tmp_path, film, settings, clock) as house, at(house, "auto") as client:
        token = told(await client.call_tool("generate_video", WISH))["confirm"]
        await clock.sleep(901)
        result = await client.call_tool("generate_video", {**WISH, "confirm": token})
        refused(result, house, "needs_confirmation")


async def test_a_request_of_several_steps_whose_price_nobody_knows_is_approved_as_a_whole(
    tmp_path: Path, film: bytes
) -> None:
    wish = {"video_url": "https://example.com/a.mp4", "text": "Good morning", "wait_seconds": 0}
    settings = settings_in(tmp_path, confirm_above_units=2)
    async with opened(tmp_path, film, settings, SystemClock(SPEED)) as house, at(house, "auto") as client:
        quote = refused(await client.call_tool("lip_sync", wish), house, "needs_confirmation")
        result = await client.call_tool("lip_sync", {**wish, "confirm": quote["confirm"]})
    assert quote["error"]["message"].startswith("lip_sync costs units nobody can tell in advance: ")
    assert "units" not in quote
    assert not result.is_error, text(result)


async def test_the_token_is_shown_as_an_argument_only_where_it_may_be_needed(careful: House, house: House) -> None:
    async with at(careful, "auto") as client:
        shown = {tool.name: tool.input_schema["properties"] for tool in (await client.list_tools()).tools}
    async with at(house, "auto") as client:
        plain = {tool.name: tool.input_schema["properties"] for tool in (await client.list_tools()).tools}
    assert shown["generate_video"]["confirm"]["description"]
    assert "confirm" not in shown["check_balance"]
    assert all("confirm" not in arguments for arguments in plain.values())
    assert "confirm_possible_duplicate" in plain["lip_sync"]
    assert "confirm_possible_duplicate" not in plain["generate_video"]
    assert {"allow_duplicate", "idempotency_key"} <= plain["generate_video"].keys()


@pytest.mark.parametrize(
    ("capability", "asks"),
    [
        (None, False),
        (ElicitationCapability(), True),
        (ElicitationCapability(form=FormElicitationCapability()), True),
        (ElicitationCapability(url=UrlElicitationCapability()), False),
    ],
)
def test_who_can_only_open_pages_shows_no_forms(capability: ElicitationCapability | None, asks: bool) -> None:
    assert shows_forms(ClientCapabilities(elicitation=capability)) is asks
    assert not shows_forms(None)


# ---- as processes


def demanding() -> dict[str, str]:
    return {**os.environ, "KLING_CONFIRM_ABOVE_UNITS": "2"}


@each_era
async def test_a_person_is_asked_over_stdio(tmp_path: Path, mode: Mode) -> None:
    door = StdioServerParameters(command=sys.executable, args=command(tmp_path, 5), cwd=ROOT, env=demanding())
    human = Human(ElicitResult(action="decline"))
    with anyio.fail_after(30):
        async with Client(stdio_client(door), mode=mode, elicitation_callback=human) as client:
            no = await client.call_tool("generate_video", WISH)
            human.answer = saying_yes().answer
            yes = await client.call_tool("generate_video", WISH)
    assert told(no)["error"]["code"] == "declined"
    assert told(yes)["status"] == "succeeded"


async def test_a_person_is_asked_over_http_and_an_agent_alone_gets_a_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KLING_CONFIRM_ABOVE_UNITS", "2")
    with http_server(tmp_path, 5) as served, anyio.fail_after(30):
        doors = [(f"{served.url}/mcp", mode) for mode in ERAS] + [(sse_client(f"{served.url}/sse"), "legacy")]
        for number, (door, mode) in enumerate(doors):
            wish = {**WISH, "prompt": f"Fox {number}"}
            human = saying_yes()
            async with Client(door, mode=cast("Mode", mode), elicitation_callback=human) as client:
                assert told(await client.call_tool("generate_video", wish))["status"] == "succeeded"
            assert len(human.questions) == 1
        async with Client(f"{served.url}/mcp") as client:
            token = told(await client.call_tool("generate_video", ANOTHER))["confirm"]
            assert (
                told(await client.call_tool("generate_video", {**ANOTHER, "confirm": token}))["status"] == "succeeded"
            )
