"""R8: 10,000 malformed inputs, of agents and of Kling: nothing crashes, nothing is paid for, nothing is made up.

There are no callbacks of Kling's to us to malform: this server is asked by nobody but its agents.
"""

from __future__ import annotations

import asyncio
import json
import random
import resource
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

import httpx2
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from mcp import Client
from mcp.types import TextContent

from kling_mcp.clock import SystemClock
from kling_mcp.errors import InvalidRequest, KlingError, OutcomeUnknown
from kling_mcp.jobs.model import State
from kling_mcp.operations.catalogue import GENERATIONS
from kling_mcp.providers.base import Progress, TaskRef
from kling_mcp.providers.http import Door
from kling_mcp.providers.official import OfficialProvider
from kling_mcp.sandbox.faults import Fault
from kling_mcp.server.catalogue import TOOLS
from kling_mcp.server.gate import Admission
from kling_mcp.server.http import http_app
from tests.contract.mistakes import RIGHT
from tests.stack import key_pair

from .garbage import NASTY, changed, misnamed
from .house import URL, House, crashes, house
from .leaping import LeapingLoop

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
    from pathlib import Path

    from mcp.types import CallToolResult

pytestmark = pytest.mark.anyio

SEED = 20261121
FREE = "Nothing was submitted and nothing was charged."
SLOW_S = 5.0
"""No input, however large, may keep the server busy for longer."""
PAID = tuple(GENERATIONS)


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": LeapingLoop}


# --- what agents say ---------------------------------------------------------------------------------------


def nasty_calls(tool: str, dice: random.Random, share: float) -> Iterator[dict[str, Any]]:
    """A right request with one argument that is nasty; and with names that do not exist."""
    names = TOOLS[tool].arguments.argument_names()
    right = RIGHT.get(tool, {})
    for name in names:
        yield from (right | {name: value} for value in NASTY if dice.random() < share)
    yield from (right | {name: "x"} for name in misnamed(list(names)) if dice.random() < share)


class Asking:
    """A client, and what must be true of every answer."""

    def __init__(self, here: House, client: Client) -> None:
        self.here, self.client = here, client
        self.asked = self.refused = self.slowest = 0.0

    async def __call__(self, tool: str, arguments: dict[str, Any]) -> None:
        before, began = await self._accepted(), time.perf_counter()
        answer = await self.client.call_tool(tool, cast("Any", arguments))
        self.slowest = max(self.slowest, time.perf_counter() - began)
        self.asked += 1
        shown = f"{tool}({str(arguments)[:300]!r})"
        error = error_of(answer)
        assert error.get("code") != "internal_error", shown
        if answer.is_error and tool in PAID and "job_id" not in (answer.structured_content or {}):
            self.refused += 1
            assert FREE in text_of(answer), (shown, text_of(answer))
            assert await self._accepted() == before, f"{shown} was refused, and recorded all the same"

    async def _accepted(self) -> list[str]:
        """The newest job: what is not recorded is not posted."""
        return [job.id for job in await self.here.jobs.list(limit=1)]


def error_of(answer: CallToolResult) -> dict[str, Any]:
    told_as_data = cast("dict[str, Any]", answer.structured_content or {})
    return cast("dict[str, Any]", told_as_data.get("error", {}))


def text_of(answer: CallToolResult) -> str:
    first = answer.content[0]
    assert isinstance(first, TextContent)
    return first.text


@asynccontextmanager
async def asking(folder: Path) -> AsyncGenerator[Asking]:
    with crashes() as found:
        async with house(folder) as here, Client(here.server) as client:
            yield Asking(here, client)
    assert found == []


def told(capsys: pytest.CaptureFixture[str], line: str) -> None:
    with capsys.disabled():
        print(f"\nR8 {line}")  # noqa: T201 - the figures of the battery


async def tried(asks: Asking, share: float) -> None:
    """Every tool with nasty arguments."""
    for tool in TOOLS:
        for arguments in nasty_calls(tool, random.Random(f"{SEED} {tool}"), share):
            await asks(tool, arguments)


async def test_some_nasty_arguments_of_every_tool(tmp_path: Path) -> None:
    async with asking(tmp_path) as asks:
        await tried(asks, 0.01)


@pytest.mark.battery
async def test_nasty_arguments_are_refused_in_words_and_nothing_is_posted_for_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with asking(tmp_path) as asks:
        await tried(asks, 0.15)
        told(capsys, f"arguments: {asks.asked:.0f} calls, {asks.refused:.0f} refused, slowest {asks.slowest:.2f} s")
        assert asks.slowest < SLOW_S
        assert asks.asked > 2000


@pytest.mark.battery
def test_every_nasty_value_of_every_argument_is_taken_or_refused_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    calls = [(tool, arguments) for tool in TOOLS for arguments in nasty_calls(tool, random.Random(SEED), 1.1)]
    taken = 0
    for tool, arguments in calls:
        with suppress(InvalidRequest):
            TOOLS[tool].arguments.parse(arguments)
            taken += 1
    told(capsys, f"arguments looked at: {len(calls)}, {len(calls) - taken} refused")


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.battery
def test_any_json_at_all_as_arguments(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Hypothesis chooses the values of a tool's own arguments, and of others."""
    names = sorted({name for tool in TOOLS.values() for name in tool.arguments.argument_names()})
    calls: list[tuple[str, dict[str, Any]]] = []

    @settings(
        max_examples=1500,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(st.sampled_from(sorted(TOOLS)), st.dictionaries(st.sampled_from(names), _ANYTHING, max_size=5))
    def gather(tool: str, arguments: dict[str, Any]) -> None:
        calls.append((tool, RIGHT.get(tool, {}) | arguments if len(arguments) % 2 else arguments))

    gather()

    async def ask() -> None:
        async with asking(tmp_path) as asks:
            for tool, arguments in calls:
                await asks(tool, arguments)
            told(capsys, f"any JSON: {asks.asked:.0f} calls, {asks.refused:.0f} refused, slowest {asks.slowest:.2f} s")

    with asyncio.Runner(loop_factory=LeapingLoop) as runner:
        runner.run(ask())


# --- the same, as bytes ------------------------------------------------------------------------------------

HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}
_RAW_ARGUMENTS: tuple[bytes, ...] = (
    b"[]",
    b"null",
    b"7",
    b'"prompt"',
    b'{"prompt": NaN}',
    b'{"prompt": 1e999}',
    b'{"prompt": "\\ud800"}',
    b'{"\\udfff": 1}',
    b'{"prompt": "a", "prompt": ["b"]}',
    b'{"prompt": ' + b"[" * 2_000 + b"]" * 2_000 + b"}",
    b'{"prompt": ' + b'{"a":' * 2_000 + b"1" + b"}" * 2_000 + b"}",
    b'{"prompt": ' + b"[" * 100_000,
    b'{"duration": ' + b"9" * 5_000 + b"}",
    b'{"prompt": "' + b"\xff\xfe" + b'"}',
    b'{"prompt": "' + "\U0001f98a".encode() * 500_000 + b'"}',
    b'{"prompt": "' + b"x" * 10_000_000 + b'"}',
    b'{"model_name": "' + b"x" * 3_000_000 + b'", "image": "' + b"A" * 900_000 + b'"}',
    b"{" + b",".join(b'"a%d": 1' % number for number in range(20_000)) + b"}",
    b"",
    b"{",
)


@asynccontextmanager
async def raw_door(here: House) -> AsyncGenerator[Callable[[str, bytes], Awaitable[httpx2.Response]]]:
    """Calls of tools whose arguments are any bytes, through the HTTP door."""
    app = http_app(here.server, Admission.of(here.settings, "127.0.0.1"))
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://localhost:8000") as client,
    ):
        headers = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
        hello = await client.post("/mcp", json=HELLO, headers=headers)
        if session := hello.headers.get("mcp-session-id"):
            headers["mcp-session-id"] = session

        async def call(tool: str, arguments: bytes) -> httpx2.Response:
            start = (
                b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"' + tool.encode() + b'","arguments":'
            )
            return await client.post("/mcp", content=start + arguments + b"}}", headers=headers)

        yield call


async def test_arguments_that_are_hardly_json_are_turned_away(tmp_path: Path) -> None:
    with crashes() as found:
        async with house(tmp_path) as here, raw_door(here) as call:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            for tool in ("generate_video", "text_to_speech"):
                for arguments in _RAW_ARGUMENTS:
                    began = time.perf_counter()
                    answer = await call(tool, arguments)
                    assert time.perf_counter() - began < 4 * SLOW_S, (tool, arguments[:80])
                    assert "internal_error" not in answer.text, (tool, arguments[:80])
                    assert answer.status_code < 500, (tool, arguments[:80], answer.text[:300])
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            sane = await call("generate_video", b'{"prompt": "a kite"}')
            assert "km1-" in sane.text, "it still works"
            assert here.posts == 1
    assert found == []
    assert grown < 256 * 1024, f"{grown >> 10} MiB"


# --- what Kling says ---------------------------------------------------------------------------------------

STEPS_OF_THEIR_OWN = {"lip_sync", "extend_video"}


class Garbler:
    """Changes every answer of Kling's, and remembers how."""

    def __init__(self, seed: str) -> None:
        self.dice = random.Random(f"{SEED} {seed}")
        self.count = 0
        self.last = ""
        self.accepted = False
        """Whether the last answer, as Kling gave it, was a success."""

    def __call__(self, request: httpx2.Request, response: httpx2.Response, body: bytes) -> httpx2.Response:
        change = changed(body, self.dice)
        self.count += 1
        self.last = f"{request.method} {request.url.raw_path.decode()[:120]}: {change.what}"
        self.accepted = json.loads(body)["code"] == 0
        return httpx2.Response(change.status or response.status_code, content=change.body)


async def outcome_of(call: Awaitable[object]) -> object:
    """What a call comes to: its result, or a failure we foresee. Anything else is a bug."""
    try:
        return await call
    except KlingError as error:
        return error


async def creates(here: House, rounds: int) -> int:
    """Every paid operation, its answer garbled: a task of ours, or a doubt; never "it was refused, try again"."""
    count = 0
    for tool, right in RIGHT.items():
        if tool in STEPS_OF_THEIR_OWN:
            continue
        request = here.provider.prepare(GENERATIONS[tool].parse(right))
        for number in range(rounds):
            garbler = here.network.garble = Garbler(f"{tool} {number}")
            before, count = here.posts, count + 1
            outcome = await outcome_of(here.provider.submit(request, f"km1-{tool}-{number}"))
            assert here.posts == before + 1, "it is sent once"
            if garbler.accepted:
                assert isinstance(outcome, Progress | OutcomeUnknown), (garbler.last, outcome)
            if isinstance(outcome, Progress):
                assert outcome.task_id or outcome.status in ("succeeded", "failed"), garbler.last
                json.dumps(dict(outcome.facts), allow_nan=False).encode()
    here.network.garble = None
    return count


async def look_ups(here: House, rounds: int) -> int:
    """Tasks that are there, asked for in every way: a garbled answer never says that one is not."""
    refs: list[TaskRef] = []
    for tool in ("generate_video", "generate_omni_video", "generate_image", "ai_multi_shot"):
        request = here.provider.prepare(GENERATIONS[tool].parse(RIGHT[tool]))
        for number in range(2):
            made = await here.provider.submit(request, f"km1-{tool}-{number}")
            refs.append(TaskRef("v1", request.path, f"km1-{tool}-{number}", made.task_id if number else None))
    pair = OfficialProvider(
        Door(URL, clock=SystemClock(), client_factory=lambda: httpx2.AsyncClient(transport=here.network)), key_pair()
    )
    count = 0
    for number in range(rounds):
        for provider in (here.provider, pair):
            dice = random.Random(f"{SEED} refs {number}")
            asked = dice.sample(refs, dice.choice((1, 1, 2, len(refs))))
            garbler = here.network.garble = Garbler(f"look up {number} {provider is pair}")
            found = await outcome_of(provider.look_up(asked))
            count += garbler.count
            told_of = cast("dict[str, Progress]", found) if not isinstance(found, KlingError) else {}
            if not isinstance(found, KlingError):
                assert set(told_of) == {ref.ext_id for ref in asked}, (garbler.last, asked, found)
    here.network.garble = None
    await pair.aclose()
    return count


async def questions(here: House, rounds: int) -> int:
    """Everything else that Kling is asked."""
    count = 0
    voice = await here.provider.submit(
        here.provider.prepare(GENERATIONS["create_voice"].parse(RIGHT["create_voice"])), "km1-voice"
    )
    provider = here.provider
    calls: tuple[Callable[[], Awaitable[object]], ...] = (
        provider.balance,
        lambda: provider.voices("own", 1, 30),
        lambda: provider.voices("preset", 1, 30),
        lambda: provider.elements("own", 1, 30),
        lambda: provider.elements("preset", 1, 30),
        lambda: provider.charges(0, 2e9, cash=False, limit=50),
        lambda: provider.charges(0, 2e9, cash=True, limit=50),
        lambda: provider.delete("voice", voice.task_id),
        lambda: provider.taken_between("/v1/videos/text2video", 0, 2e9),
    )
    for number in range(rounds):
        for place, call in enumerate(calls):
            garbler = here.network.garble = Garbler(f"question {place} {number}")
            await outcome_of(call())
            count += garbler.count
            await here.clock.sleep(60.0)  # what is kept for a moment is asked for again
    here.network.garble = None
    return count


async def shown_to_agents(here: House, rounds: int) -> int:
    """The tools that show what Kling says."""
    count = 0
    tools: tuple[tuple[str, dict[str, Any]], ...] = (
        ("check_balance", {}),
        ("list_charges", {}),
        ("list_voices", {}),
        ("list_elements", {"origin": "preset"}),
        ("adopt_task", {"task_id": "893605946402811901", "tool": "generate_video"}),
    )
    async with Client(here.server) as client:
        for number in range(rounds):
            for tool, arguments in tools:
                garbler = here.network.garble = Garbler(f"{tool} {number}")
                answer = await client.call_tool(tool, arguments)
                assert error_of(answer).get("code") != "internal_error", (tool, garbler.last)
                count += garbler.count
                await here.clock.sleep(60.0)
    here.network.garble = None
    return count


async def doubts(here: House, jobs: int, garbled: int) -> int:
    """Creates whose answers are lost, and whose look-ups are garbled for long: found in the end, never sent twice."""
    garbler, left = Garbler("doubts"), garbled * jobs

    def garble(request: httpx2.Request, response: httpx2.Response, body: bytes) -> httpx2.Response:
        nonlocal left
        if request.method == "POST" or left <= 0:
            return httpx2.Response(response.status_code, content=body)
        left -= 1
        return garbler(request, response, body)

    before = here.posts
    here.sandbox.faults.add(*(Fault("drop", "/", "POST", when="after") for _ in range(jobs)))
    here.network.garble = garble
    operation = GENERATIONS["generate_video"]
    wishes = [{"prompt": f"kite {number}", "duration": 3} for number in range(jobs)]
    accepted = [await here.jobs.submit(operation.parse(wish), wish) for wish in wishes]
    done = await here.jobs.wait([job.id for job in accepted], 100_000.0)
    assert {job.state for job in done} == {State.SUCCEEDED}, [(job.state, job.failure) for job in done]
    assert here.posts - before == jobs, "a garbled look-up is no proof of absence"
    return garbler.count


@asynccontextmanager
async def kling(folder: Path) -> AsyncGenerator[House]:
    with crashes() as found:
        async with house(folder) as here:
            yield here
    assert found == []


@pytest.mark.parametrize("ask", [creates, look_ups, questions, shown_to_agents])
async def test_some_garbled_answers_of_kling_s(ask: Callable[[House, int], Awaitable[int]], tmp_path: Path) -> None:
    async with kling(tmp_path) as here:
        assert await ask(here, 3)


async def test_garbled_look_ups_never_lead_to_a_second_post(tmp_path: Path) -> None:
    async with kling(tmp_path) as here:
        assert await doubts(here, 3, 5)


@pytest.mark.battery
@pytest.mark.parametrize(("ask", "rounds"), [(creates, 80), (look_ups, 500), (questions, 60), (shown_to_agents, 60)])
async def test_thousands_of_garbled_answers_of_kling_s(
    ask: Callable[[House, int], Awaitable[int]], rounds: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with kling(tmp_path) as here:
        told(capsys, f"{ask.__name__}: {await ask(here, rounds)} garbled answers")


@pytest.mark.battery
async def test_hundreds_of_garbled_look_ups_never_lead_to_a_second_post(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with kling(tmp_path) as here:
        told(capsys, f"doubts: {await doubts(here, 20, 10)} garbled answers")
