"""Client and pretend Kling agree about every request: what the one refuses the other refuses, at the same price.

Both are asked about thousands of sets of arguments, made of values that were typed in by hand. Where they may disagree
is written in ``stricter``.
"""

from __future__ import annotations

import random
import re
from decimal import Decimal
from itertools import combinations
from typing import TYPE_CHECKING

import httpx2
import pytest

from kling_mcp.clock import ManualClock
from kling_mcp.errors import InvalidRequest
from kling_mcp.operations.fields import Nested
from kling_mcp.operations.sources import Reference, Source
from kling_mcp.operations.wording import root
from kling_mcp.providers.http import Door
from kling_mcp.providers.official import OfficialProvider
from tests.sandbox.shop import URL, new_sandbox, opened
from tests.stack import API_KEY

from .account import Account
from .agreement import ASKED, Case, Judge, Verdict, case_of, several_changes, single_changes
from .stricter import ONLY_KLING_KNOWS, STRICTER, Unshared, unforeseeable, unshared
from .values import POOLS, Said

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from kling_mcp.errors import Problem

pytestmark = pytest.mark.anyio

SEED = 20260930
AT_MOST = {"motion_control"}
"""Tools whose quote is what it costs at most."""
LATER_S = 600.0
each_tool = pytest.mark.parametrize("tool", POOLS)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def judge() -> AsyncGenerator[Judge]:
    clock = ManualClock()
    sandbox = new_sandbox(clock, serve_retired=True, units=Decimal(10**9), concurrency=10**9)
    async with opened(sandbox, clock) as customer:
        transport = httpx2.ASGITransport(sandbox.app)
        door = Door(URL, clock=clock, client_factory=lambda: httpx2.AsyncClient(transport=transport))
        provider = OfficialProvider(door, API_KEY)
        yield Judge(await Account(customer).stocked(), provider)
        await provider.aclose()


def cases_of(tool: str, most_bases: int, several: int) -> list[Case]:
    """Each value on so many bases, and so many mixtures for each argument."""
    dice = random.Random(f"{SEED} {tool}")
    pool = POOLS[tool]
    count = several * len(pool.fields)
    return [*single_changes(pool, dice, most_bases), *several_changes(pool, dice, count)]


def disagreement(tool: str, case: Case, verdict: Verdict) -> str:
    """What the two do not agree about; empty if they agree."""
    if verdict.problems:
        alone = unshared(tool, case.means, verdict.problems) if verdict.refused == "" else []
        return " ".join(f"only we refuse: {problem.sentence}" for problem in alone)
    if verdict.refused:
        return "" if unforeseeable(verdict.refused) else f"only Kling refuses: {verdict.refused}"
    if verdict.also and not unforeseeable(verdict.also):
        return f"only the new wire refuses: {verdict.also}"
    dear = [
        units
        for units in (verdict.units, verdict.also_units)
        if units is not None and not _as_quoted(tool, verdict, units)
    ]
    return f"quoted {verdict.quoted}, charged {dear}" if dear else ""


def _as_quoted(tool: str, verdict: Verdict, units: Decimal) -> bool:
    if verdict.quoted is None:
        return True
    return units <= verdict.quoted if tool in AT_MOST else units == verdict.quoted


async def rested(judge: Judge) -> None:
    """Sessions of one's own, and free slots."""
    judge.account.customer.clock.advance(LATER_S)
    await judge.account.renew()


async def disagreements(judge: Judge, tool: str, cases: list[Case]) -> list[str]:
    await rested(judge)
    found: list[str] = []
    for case in cases:
        told = disagreement(tool, case, await judge.verdict(tool, case))
        found += [f"{case}: {told}"] * bool(told)
    return found


def test_every_tool_that_posts_has_values() -> None:
    assert set(POOLS) == set(ASKED)
    for tool, pool in POOLS.items():
        assert set(pool.fields) == set(ASKED[tool].argument_names()) - {"sound_ms", "video_ms", "face"}, tool


@each_tool
async def test_client_and_kling_as_we_pretend_it_agree(tool: str, judge: Judge) -> None:
    cases = cases_of(tool, most_bases=1, several=3)
    found = await disagreements(judge, tool, cases)
    assert not found, f"seed {SEED}: {len(found)} of {len(cases)}\n" + "\n".join(found[:20])


@pytest.mark.battery
@each_tool
async def test_they_agree_about_very_many_requests(tool: str, judge: Judge) -> None:
    cases = cases_of(tool, most_bases=99, several=200)
    found = await disagreements(judge, tool, cases)
    assert not found, f"seed {SEED}: {len(found)} of {len(cases)}\n" + "\n".join(found[:20])


@pytest.mark.parametrize("ours", STRICTER, ids=lambda each: each.says)
async def test_what_only_we_refuse_is_one_rule_that_kling_lacks(ours: Unshared, judge: Judge) -> None:
    await rested(judge)
    verdict = await judge.verdict(ours.tool, case_of(ours.arguments))
    assert [problem.sentence for problem in verdict.problems if not ours.covers(problem.sentence)] == []
    assert verdict.problems
    assert verdict.refused == "", "Kling refuses it too: there is nothing to excuse"


@pytest.mark.parametrize("theirs", ONLY_KLING_KNOWS, ids=lambda each: each.says)
async def test_what_only_kling_knows_is_posted_and_refused(theirs: Unshared, judge: Judge) -> None:
    await rested(judge)
    verdict = await judge.verdict(theirs.tool, case_of(theirs.arguments))
    assert verdict.problems == ()
    assert verdict.refused
    assert theirs.covers(verdict.refused), verdict.refused


# --- what a refusal says -----------------------------------------------------------------------------------

OF_THE_LIBRARY = (
    "Input should",
    "Value error",
    "after validation",
    "dictionary",
    "unable to",
    "instance of",
    "Traceback",
    "pydantic",
    "validator",
)


def _class_names() -> Iterator[str]:
    classes = [*ASKED.values(), Reference, Source, Nested]
    while classes:
        each = classes.pop()
        classes += each.__subclasses__()
        if len(re.findall("[A-Z]", each.__name__)) > 1:  # "Point" is a word too
            yield each.__name__


CLASS_NAMES = frozenset(_class_names())


def problems_of(tool: str, case: Case) -> tuple[Problem, ...]:
    try:
        ASKED[tool].parse(case.said)
    except InvalidRequest as refusal:
        return refusal.problems
    return ()


def faults(problem: Problem, case: Case) -> list[str]:
    """What is wrong with the sentence of a refusal."""
    sentence = problem.sentence
    found = [f"says {words!r}" for words in OF_THE_LIBRARY if words in sentence]
    found += [f"names the class {name}" for name in CLASS_NAMES if re.search(rf"\b{name}\b", sentence)]
    if not sentence.endswith((".", "'?", ")?")):  # "Did you mean 'prompt'?"
        found.append("is no whole sentence")
    if root(problem.field) not in sentence:
        found.append(f"does not name {problem.field}")
    given = case.said.get(root(problem.field))
    if isinstance(given, str) and len(given) > 100 and given[20:60] in sentence:
        found.append("repeats what was given")
    return found


@each_tool
def test_every_refusal_is_a_sentence_an_agent_can_act_on(tool: str) -> None:
    cases = cases_of(tool, most_bases=1, several=3)
    told = {problem.sentence: faults(problem, case) for case in cases for problem in problems_of(tool, case)}
    assert {sentence: wrong for sentence, wrong in told.items() if wrong} == {}


@each_tool
def test_independent_mistakes_are_told_all_at_once(tool: str) -> None:
    """Two values that are wrong in themselves, and a name that does not exist."""
    base = POOLS[tool].bases[0]
    wrong = {
        name: Case({name: value}, {})
        for name, values in POOLS[tool].fields.items()
        for value in (each.said if isinstance(each, Said) else each for each in values)
        if _wrong_in_itself(tool, name, value)
    }
    for one, other in combinations(wrong, 2):
        said = case_of(base | wrong[one].said | wrong[other].said | {"xyzzy": 1})
        fields = {root(problem.field) for problem in problems_of(tool, said)}
        assert {one, other, "xyzzy"} <= fields, str(said)


def _wrong_in_itself(tool: str, name: str, value: object) -> bool:
    """Whether it is refused for the same reason in requests of every sort."""
    first, *others = POOLS[tool].bases
    found = problems_of(tool, case_of(first | {name: value}))
    if {root(problem.field) for problem in found} != {name}:
        return False
    return all(problems_of(tool, case_of(base | {name: value})) == found for base in others)
