"""A person approves the price, or does not: real processes, the SDK's own client, every transport, both eras.

``pytest -m battery tests/e2e/test_confirmation.py -n 0`` prints what was asked and what came of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import anyio
import pytest
from mcp import Client
from mcp.types import ElicitRequestFormParams, ElicitResult

from .processes import PretendKling, announced, environment, pretend_kling
from .test_transports import PATIENCE_S, SPEED, connection

if TYPE_CHECKING:
    from collections.abc import Generator

    from mcp.types import CallToolResult

    from .test_transports import Transport

pytestmark = [pytest.mark.anyio, pytest.mark.battery]

Era = Literal["auto", "legacy"]
WAYS: list[tuple[Transport, Era]] = [
    ("stdio", "auto"),
    ("stdio", "legacy"),
    ("http", "auto"),
    ("http", "legacy"),
    ("sse", "auto"),
    ("sse", "legacy"),
]
ANSWERS = {
    "accepts": ElicitResult(action="accept", content={"approve": True}),
    "does not tick": ElicitResult(action="accept", content={"approve": False}),
    "declines": ElicitResult(action="decline"),
    "closes it": ElicitResult(action="cancel"),
}


@pytest.fixture(scope="module")
def kling() -> Generator[PretendKling]:
    with pretend_kling("--speed", SPEED) as running:
        yield running


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory, kling: PretendKling) -> dict[str, str]:
    limits = {"KLING_CONFIRM_ABOVE_UNITS": "2", "KLING_MAX_UNITS_PER_DAY": "500"}
    return environment(tmp_path_factory.mktemp("house"), KLING_BASE_URL=kling.url, KLING_API_KEY="sandbox", **limits)


@pytest.fixture(scope="module")
def url(env: dict[str, str]) -> Generator[str]:
    with announced("http", "--port", "0", env=env) as listening:
        yield listening


@dataclass
class Human:
    """Somebody at the client who answers every question alike."""

    reply: ElicitResult
    asked: str = ""

    async def __call__(self, context: object, params: object) -> ElicitResult:
        del context
        assert isinstance(params, ElicitRequestFormParams)
        assert not self.asked
        self.asked = params.message
        await anyio.lowlevel.checkpoint()
        return self.reply


def facts(result: CallToolResult) -> dict[str, Any]:
    return cast("dict[str, Any]", result.structured_content)


@pytest.mark.parametrize(("transport", "era"), WAYS)
async def test_only_a_yes_is_paid_for(
    transport: Transport,
    era: Era,
    url: str,
    env: dict[str, str],
    kling: PretendKling,
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = [f"\n{transport}, {'2026-07-28' if era == 'auto' else 'handshake'}:"]
    for answer, reply in ANSWERS.items():
        human = Human(reply)
        wish = {"prompt": f"{transport} {era} {answer}", "duration": 5, "wait_seconds": 30}
        before = kling.ledger()["creates"]
        with anyio.fail_after(PATIENCE_S), connection(transport, url, env) as target:
            async with Client(target, mode=era, elicitation_callback=human) as client:
                assert (client.protocol_version >= "2026") == (era == "auto")
                result = await client.call_tool("generate_video", wish)
        paid = kling.ledger()["creates"] - before
        outcome = facts(result).get("status") or facts(result)["error"]["code"]
        said.append(f"  asked: {human.asked}\n  the person {answer} → {outcome}, {paid} paid at Kling")
        assert (outcome, paid) == (("succeeded", 1) if answer == "accepts" else ("declined", 0))
        assert "confirm" not in facts(result)
    with capsys.disabled():
        print("\n".join(said))  # noqa: T201 - the closing note quotes it


@pytest.mark.parametrize(("transport", "era"), WAYS[:4])
async def test_who_can_ask_nobody_pays_by_a_token_once(
    transport: Transport,
    era: Era,
    url: str,
    env: dict[str, str],
    kling: PretendKling,
    capsys: pytest.CaptureFixture[str],
) -> None:
    wish = {"prompt": f"{transport} {era} alone", "duration": 5, "wait_seconds": 30}
    before = kling.ledger()["creates"]
    with anyio.fail_after(PATIENCE_S), connection(transport, url, env) as target:
        async with Client(target, mode=era) as client:
            quote = facts(await client.call_tool("generate_video", wish))
            token = {"confirm": quote["confirm"]}
            other = facts(await client.call_tool("generate_video", {**wish, **token, "prompt": "Another film"}))
            made = facts(await client.call_tool("generate_video", {**wish, **token}))
            again = facts(await client.call_tool("generate_video", {**wish, **token, "allow_duplicate": True}))
    assert made["status"] == "succeeded", made
    assert [each["error"]["code"] for each in (quote, other, again)] == ["needs_confirmation"] * 3
    assert kling.ledger()["creates"] - before == 1
    with capsys.disabled():
        print(f"\n{transport}, {era}, nobody to ask: {quote['error']['message']} {quote['error']['fix']}")  # noqa: T201 - as above
        print("  for another prompt: refused; for this one: made; a second time: refused")  # noqa: T201 - as above
