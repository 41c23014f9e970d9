"""The real engine in thousands of simulated bad days: nothing is paid twice, nothing is lost, everything is settled.

A seed that fails is told event by event, with the command that replays it. What goes wrong is in ``weather``.
"""

from __future__ import annotations

from itertools import islice

import pytest

from tests.battery.simulation.mutants import MUTANTS
from tests.battery.simulation.runs import failing, story

CHUNK = 250
QUICK, ALL = 100, 10_000
ENOUGH = 5_000
"""Seeds in which every mutant must be noticed; most are within ten."""


def survives(seeds: range) -> None:
    for seed, wrong in islice(failing(seeds), 1):
        pytest.fail(f"{'; '.join(wrong)}\n\n{story(seed)}", pytrace=False)


@pytest.mark.parametrize("first", range(0, QUICK, 50))
def test_a_hundred_bad_days_double_nothing_and_lose_nothing(first: int) -> None:
    survives(range(first, first + 50))


@pytest.mark.battery
@pytest.mark.parametrize("first", range(0, ALL, CHUNK))
def test_ten_thousand_bad_days_double_nothing_and_lose_nothing(first: int) -> None:
    survives(range(first, first + CHUNK))


def test_a_seed_happens_the_same_way_every_time() -> None:
    assert story(7) == story(7)


@pytest.mark.parametrize("lacking", ["key", "look-up", "write-ahead"])
def test_a_lack_of_what_matters_most_is_noticed_at_once(lacking: str) -> None:
    assert next(failing(range(QUICK), lacking), None) is not None


@pytest.mark.battery
@pytest.mark.parametrize("lacking", MUTANTS)
def test_every_protection_that_is_taken_away_is_missed(lacking: str) -> None:
    found = next(failing(range(ENOUGH), lacking), None)
    assert found is not None, f"nobody noticed that {MUTANTS[lacking].lacks} is gone: the simulation is too kind"
