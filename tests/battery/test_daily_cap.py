"""The day's limit holds among real processes: four stdio servers on one ledger submit at once to one pretend Kling."""

from __future__ import annotations

import json
import random
import sqlite3
import time
from contextlib import ExitStack, closing
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from kling_mcp.jobs.spend import day
from tests.e2e.processes import PretendKling, StdioServer, environment, pretend_kling

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

pytestmark = pytest.mark.battery

PROCESSES = 4
CALLS_EACH = 12
PER_SECOND = Decimal("0.6")
"""Units that a second of the model used here costs without sound (``operations.rates``)."""
Answers = list[tuple[Decimal, dict[str, Any]]]


@pytest.fixture(scope="module")
def kling() -> Generator[PretendKling]:
    with pretend_kling("--speed", "100") as running:
        yield running


def begun(server: StdioServer, wishes: Sequence[tuple[str, int]]) -> dict[int, Decimal]:
    """The calls, sent without waiting for each other; what each will cost, by its id."""
    return {
        server.begin(
            "tools/call",
            {"name": "generate_video", "arguments": {"prompt": prompt, "duration": seconds, "wait_seconds": 0}},
        ): PER_SECOND * seconds
        for prompt, seconds in wishes
    }


def answered(server: StdioServer, asked: dict[int, Decimal]) -> Answers:
    """What each call was answered, in any order."""
    answers: Answers = []
    assert server.process.stdout is not None
    for line in server.process.stdout:
        message = json.loads(line)
        if (units := asked.get(message.get("id"))) is not None:
            answers.append((units, message["result"]))
            if len(answers) == len(asked):
                break
    assert len(answers) == len(asked), "a server ended without an answer"
    return answers


def all_answers(env: dict[str, str], wishes: Sequence[Sequence[tuple[str, int]]]) -> Answers:
    """Every server is started before the first one is asked, and all are asked before an answer is read."""
    with ExitStack() as stack:
        servers = [stack.enter_context(StdioServer(env)) for _ in wishes]
        asked = [begun(server, own) for server, own in zip(servers, wishes, strict=True)]
        return [each for server, ids in zip(servers, asked, strict=True) for each in answered(server, ids)]


def priced(env: dict[str, str]) -> Decimal:
    """What the ledger says that its jobs cost together."""
    with closing(sqlite3.connect(env["KLING_DATABASE_URL"].removeprefix("sqlite:///"))) as db:
        return sum((Decimal(row[0]) for row in db.execute("SELECT units_quoted FROM job")), Decimal(0))


@pytest.mark.parametrize(
    ("cap", "lengths", "seed"),
    [("30", (5,), 1), ("29.999999", (5,), 2), ("47.4", (3, 4, 5, 7, 10), 3), ("0.5", (5,), 4)],
    ids=["ten fit", "a millionth short of ten", "all lengths", "nothing fits"],
)
def test_four_processes_that_submit_at_once_never_accept_a_unit_too_many_and_waste_none(
    kling: PretendKling, tmp_path: Path, cap: str, lengths: tuple[int, ...], seed: int
) -> None:
    dice, began = random.Random(seed), day(time.time())
    wishes = [
        [(f"kite {seed} {process} {n}", dice.choice(lengths)) for n in range(CALLS_EACH)]
        for process in range(PROCESSES)
    ]
    env = environment(tmp_path, KLING_BASE_URL=kling.url, KLING_API_KEY="sandbox", KLING_MAX_UNITS_PER_DAY=cap)
    creates = kling.ledger()["creates"]
    answers = all_answers(env, wishes)
    if day(time.time()) != began:
        pytest.skip("midnight in UTC went by: the day's limit began anew")
    accepted = [units for units, answer in answers if not answer.get("isError")]
    refused = [(units, answer) for units, answer in answers if answer.get("isError")]
    left = Decimal(cap) - sum(accepted, Decimal(0))
    assert left >= 0, "a unit too many"
    assert sum(accepted, Decimal(0)) == priced(env)
    assert refused, "all fitted: nothing was proved"
    assert left < min(units for units, _ in refused), "one was refused that would have fitted"
    for _, answer in refused:
        said = answer["content"][0]["text"]
        assert "KLING_MAX_UNITS_PER_DAY" in said
        assert "nothing was charged" in said
    with StdioServer(env) as heir:  # the day is the ledger's, not a process's
        (again,) = answered(heir, begun(heir, [("one more kite", 10)]))
        assert (left < 6) == bool(again[1].get("isError"))
        jobs = [row["job_id"] for row in heir.call("list_jobs", limit=20)["jobs"]]
        if jobs:
            heir.call("wait_for_jobs", job_ids=jobs, wait_seconds=50)
    assert kling.ledger()["creates"] - creates == len(jobs) == len(accepted) + (left >= 6)
