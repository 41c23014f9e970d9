"""Agents that hear nothing ask again: a thousand repeats are one job, and what has no name is never sent twice."""

from __future__ import annotations

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from kling_mcp.clock import SystemClock
from kling_mcp.jobs.model import FINISHED, State
from kling_mcp.operations.catalogue import GENERATIONS
from kling_mcp.sandbox.faults import Fault
from tests.e2e.processes import PretendKling, StdioServer, environment, pretend_kling
from tests.stack import new_sandbox, running_stack

from .reckoning import Reckoning, settled
from .say import say

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from kling_mcp.jobs.model import Job

pytestmark = [pytest.mark.battery, pytest.mark.anyio]

REPEATS, SERVERS = 1002, 3
PATIENCE_S = 240.0
WISH = {"prompt": "a kite over the harbour", "model_name": "kling-v2-5-turbo", "wait_seconds": 0}
CREATE = "/v1/videos/text2video"
SPEECH = "/v1/audio/tts"
KEYLESS = 1000
IN_A_ROW = 4
"""Lost answers before one that is heard: five in a row would close the account's circuit, which is another test's."""


@pytest.fixture
def kling() -> Generator[PretendKling]:
    with pretend_kling("--speed", "60") as running:
        yield running


def env_of(kling: PretendKling, folder: Path) -> dict[str, str]:
    return environment(folder, KLING_BASE_URL=kling.url, KLING_API_KEY="sandbox")


def eventually(condition: Callable[[], object]) -> None:
    """Another process reaches a state; there is no event of it to wait for, so it is looked for, bounded."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def answers(server: StdioServer, count: int) -> list[dict[str, Any]]:
    """The structured answers to the next so many calls, in the order in which they come."""
    assert server.process.stdout is not None
    found: list[dict[str, Any]] = []
    for line in server.process.stdout:
        message = json.loads(line)
        if "result" in message:
            found.append(message["result"]["structuredContent"])
            if len(found) == count:
                return found
    raise AssertionError("the server ended without all its answers")


def tally(ledger: Path, kling: PretendKling) -> Reckoning:
    found = Reckoning.of(ledger, kling.url)
    assert found.unfinished == []
    assert found.doubled == []
    return found


@pytest.mark.parametrize("killed", [False, True])
def test_a_client_that_heard_nothing_and_asks_again_gets_the_job_it_has(
    kling: PretendKling, tmp_path: Path, killed: bool
) -> None:
    env, ledger = env_of(kling, tmp_path), tmp_path / "state" / "ledger.db"
    kling.trouble(kind="delay", path=CREATE, method="POST", delay_s=1e6)
    with StdioServer(env) as server:
        server.begin("tools/call", {"name": "generate_video", "arguments": WISH})
        eventually(lambda: kling.ledger()["creates"] == 1)
        if killed:
            server.process.kill()
        with StdioServer(env) as heir:
            again = heir.call("generate_video", **WISH)
            if not killed:
                server.process.kill()  # its POST would hang for ever; whoever comes next finds out what became of it
            settled(heir, ledger, PATIENCE_S)
    assert again["deduplicated"] is True
    found = tally(ledger, kling)
    assert (found.intents, found.creates, found.charges) == (1, 1, 1)
    assert found.rows[0]["id"] == again["job_id"]


def test_a_thousand_identical_calls_to_three_servers_are_one_job(kling: PretendKling, tmp_path: Path) -> None:
    env, ledger = env_of(kling, tmp_path), tmp_path / "state" / "ledger.db"
    began = time.monotonic()
    with ExitStack() as stack, ThreadPoolExecutor(SERVERS) as readers:
        servers = [stack.enter_context(StdioServer(env)) for _ in range(SERVERS)]
        hearing = [readers.submit(answers, server, REPEATS // SERVERS) for server in servers]
        for server in servers * (REPEATS // SERVERS):
            server.begin("tools/call", {"name": "generate_video", "arguments": WISH})
        told = [each for heard in hearing for each in heard.result(PATIENCE_S)]
        took = time.monotonic() - began
        settled(servers[0], ledger, PATIENCE_S)
    jobs = Counter(each["job_id"] for each in told)
    firsts = sum(1 for each in told if not each.get("deduplicated"))
    found = tally(ledger, kling)
    say(
        f"\n  {REPEATS} identical calls to {SERVERS} servers, {took:.1f} s: {found.intents} job, {found.creates} create"
    )
    assert (len(jobs), jobs.total(), firsts) == (1, REPEATS, 1)
    assert (found.intents, found.creates, found.charges) == (1, 1, 1)


def test_a_key_that_is_given_for_something_else_is_refused_by_every_server(kling: PretendKling, tmp_path: Path) -> None:
    env, ledger = env_of(kling, tmp_path), tmp_path / "state" / "ledger.db"
    with StdioServer(env) as one, StdioServer(env) as other:
        job = one.call("generate_video", **WISH, idempotency_key="harbour-1")
        same = other.call("generate_video", **WISH, idempotency_key="harbour-1")
        refused = [
            server.call("generate_video", **{**WISH, "prompt": f"another kite {number}"}, idempotency_key="harbour-1")
            for number in range(50)
            for server in (one, other)
        ]
        settled(one, ledger, PATIENCE_S)
    assert same["job_id"] == job["job_id"]
    assert {each["error"]["code"] for each in refused} == {"invalid_request"}
    found = tally(ledger, kling)
    assert (found.intents, found.creates, found.charges) == (1, 1, 1)


async def test_a_thousand_lost_answers_of_calls_without_a_name_are_never_posted_again(tmp_path: Path) -> None:
    clock = SystemClock(100.0)
    sandbox = new_sandbox(clock)
    tool, ends = GENERATIONS["text_to_speech"], Counter[State]()
    lost: list[Job] = []
    async with running_stack(tmp_path, sandbox=sandbox, clock=clock) as stack:
        for number in range(KEYLESS + KEYLESS // IN_A_ROW):
            if number % (IN_A_ROW + 1) == 0:
                kind, when = (("drop", "after"), ("drop", "before"), ("html", "before"))[number % 3]
                sandbox.faults.add(Fault(kind, SPEECH, "POST", IN_A_ROW, when))  # type: ignore[arg-type]
            asked = {"text": f"Announcement number {number}.", "voice_id": "girlfriend_1_speech02"}
            job = await stack.jobs.submit(tool.parse(asked), asked)
            (job,) = await stack.jobs.wait([job.id], 3000.0)
            ends[job.state] += 1
            lost += [job] if job.state is State.UNCONFIRMED else []
        (last,) = await stack.jobs.wait([lost[-1].id], 0.0)
    posts = sandbox.requests[f"POST {SPEECH}"]
    say(f"\n  {len(lost)} answers without a name lost, {posts} posts of {ends.total()} requests, states {dict(ends)}")
    assert ends == {State.UNCONFIRMED: KEYLESS, State.SUCCEEDED: KEYLESS // IN_A_ROW}
    assert posts == ends.total()
    assert last.state in FINISHED
    assert all(job.failure and job.failure.charged is None for job in lost)
