"""Whom to look at when: learnt durations, what they make likely, and how a budget is spent."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kling_mcp.jobs import polling
from kling_mcp.jobs.polling import FEW, Flying, Look, Pace
from kling_mcp.providers import pages
from kling_mcp.providers.base import Progress, TaskRef

NOW = 1_790_000_000.0
SECONDS = st.floats(1.0, 4000.0)


def flight(number: int = 0, age: float = 60.0, *, path: str = "/a", restless: bool = False) -> Flying:
    since = NOW - age
    return Flying(
        f"km1-{number}", "v1", path, f"t{number}", "p", "generate_video", None, since, since, since, int(restless)
    )


def task(number: int, age: float, **more: float | str | bool | None) -> TaskRef:
    known = TaskRef("v1", "/a", f"km1-{number}", f"t{number}", begun_at=NOW - age, chance=0.1)
    return replace(known, **more)  # type: ignore[arg-type] # columns of the table under test


# --- how long tasks take


def test_a_pace_is_learnt_from_a_few_and_guessed_from_fewer() -> None:
    assert polling.learnt([]) is None
    assert polling.learnt([100.0, 90.0]) == Pace(60.0, 100.0, 200.0)
    assert polling.learnt([float(n) for n in range(100, 0, -1)]) == Pace(11.0, 51.0, 91.0, learnt=True)


def test_nobody_looks_before_the_first_tenth_has_ended_and_everybody_while_nothing_is_learnt() -> None:
    assert Pace(70.0, 80.0, 90.0, learnt=True).first_look == 70.0
    assert polling.guessed(120.0).first_look == 0.0


@given(st.lists(SECONDS, min_size=1, max_size=60), SECONDS, SECONDS)
def test_fewer_and_fewer_still_run_and_every_estimate_is_one(took: list[float], one: float, other: float) -> None:
    pace = polling.learnt(took)
    assert pace is not None
    young, old = sorted((one, other))
    assert 0.0 <= pace.running_after(old) <= pace.running_after(young) <= 1.0
    assert 0.0 <= pace.chance(young, old) <= 1.0
    assert pace.chance(old, old) == pytest.approx(0.0, abs=1e-9) or pace.running_after(old) == 0.0
    assert 1.0 <= pace.eta(young) < 1e6


def test_the_estimate_is_the_median_at_first_and_grows_for_who_is_late() -> None:
    pace = Pace(80.0, 100.0, 125.0, learnt=True)
    assert pace.eta(0.0) == pytest.approx(100.0, rel=0.02)
    assert pace.eta(90.0) < 30.0
    assert pace.eta(400.0) > 60.0


# --- whose turn it is


def test_all_are_looked_at_once_one_of_them_may_have_ended_and_none_before() -> None:
    pace = Pace(70.0, 80.0, 90.0, learnt=True)
    young = [flight(n, 10.0) for n in range(3)]
    paces = {f"km1-{n}": pace for n in range(9)}
    assert polling.due(young, paces, {}, NOW) == []
    assert polling.due([*young, flight(7, 71.0)], paces, {}, NOW) == [*young, flight(7, 71.0)]
    assert polling.due(young, paces, {"km1-1": Look(NOW)}, NOW) == young
    assert polling.due([flight(1, 10.0, restless=True)], paces, {}, NOW) != []
    assert polling.due([flight(1, -9999.0)], paces, {}, NOW) != []  # the clock has been set back


@pytest.mark.parametrize(
    ("known", "quiet_s", "pause"),
    [(1, 0.0, 2.0), (1, 19.9, 2.0), (FEW, 60.0, 5.0), (FEW + 1, 0.0, 10.0), (5, 200.0, 10.0), (5, 3600.0, 60.0)],
)
def test_few_and_young_jobs_are_looked_at_often(known: int, quiet_s: float, pause: float) -> None:
    assert polling.every(known, quiet_s) == pause


def test_what_lists_keep_from_showing_is_asked_for_by_its_id() -> None:
    quiet = Progress("t", "processing", fresh=False, trace="quiet")
    one = flight(age=100.0)
    look = None
    for _ in range(polling.QUIET_TO_SUSPECT):
        assert look is None or not look.suspect
        look = polling.looked(one, look, quiet, NOW)
    assert look == Look(NOW, 3, suspect=True)
    gone = Progress("t", "processing", fresh=False, trace="gone")
    assert polling.looked(one, None, gone, NOW) == Look(NOW - 100.0, suspect=True)
    assert polling.looked(one, look, Progress("t", "processing"), NOW) == Look(NOW)
    assert polling.looked(one, Look(5.0), Progress("t", "processing", fresh=False, trace="later"), NOW) == Look(5.0)


def test_who_is_asked_about_is_described_by_what_is_known_of_its_kind() -> None:
    pace = Pace(70.0, 80.0, 90.0, learnt=True)
    one, two = flight(1, 100.0), flight(2, 20.0)
    begun = {("/a", polling.minute(one.since)): 40}
    late, early = polling.refs([one, two], {"km1-1": pace, "km1-2": pace}, {"km1-1": Look(NOW - 10.0)}, begun, NOW)
    assert (late.begun_at, late.seen_at, late.crowd) == (NOW - 100.0, NOW - 10.0, 40.0)
    assert late.chance > 0.3 > early.chance
    assert early.crowd == 1.0


# --- a budget

TASKS = st.lists(
    st.tuples(st.floats(0.0, 3000.0), st.floats(0.0, 1.0), st.floats(1.0, 40.0), st.integers(0, 4)), max_size=300
).map(
    lambda rows: [
        replace(task(number, age), chance=chance, crowd=crowd, quiet=quiet)
        for number, (age, chance, crowd, quiet) in enumerate(rows)
    ]
)


@settings(deadline=None)
@given(TASKS, st.integers(1, 25))
def test_a_budget_is_never_exceeded_and_everybody_is_on_exactly_one_page(tasks: list[TaskRef], budget: int) -> None:
    for planned in (pages.by_time(tasks, budget), pages.by_number(tasks)):
        assert sorted(ref.ext_id for page in planned for ref in page.refs) == sorted(ref.ext_id for ref in tasks)
        chosen = pages.chosen(planned, budget)
        assert len(chosen) <= budget
        assert not planned or chosen
        assert all(page.times[0] <= page.times[1] for page in chosen)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32), st.integers(5, 25))
def test_everybody_is_seen_in_the_end_however_little_is_expected_of_them(seed: int, budget: int) -> None:
    dice = random.Random(seed)
    now = NOW
    tasks = {n: task(n, dice.uniform(0, 900), chance=dice.random(), crowd=30.0) for n in range(400)}
    seen = set[int]()
    for sweep in range(400):
        now = NOW + 10.0 * sweep
        for page in pages.chosen(pages.by_number([replace(t, path=f"/{n % 60}") for n, t in tasks.items()]), budget):
            for ref in page.refs:
                number = int(ref.ext_id[4:])
                seen.add(number)
                tasks[number] = replace(tasks[number], seen_at=now)
        if len(seen) == len(tasks):
            return
    pytest.fail(f"{len(tasks) - len(seen)} tasks were never looked at")


def test_few_in_flight_are_looked_for_among_the_running_because_that_tells_most() -> None:
    (page,) = pages.by_time([task(n, 10.0 * n) for n in range(200)], 25)
    assert (page.status, len(page.refs)) == ("running", 200)


def test_where_thousands_end_at_once_the_ended_are_read() -> None:
    tasks = [task(n, n / 400, chance=0.9) for n in range(10_000)]
    planned = pages.by_time(tasks, 25)
    assert {page.status for page in planned} == {"ended"}
    assert sum(page.price for page in planned) <= 25


def test_old_tasks_among_many_that_have_ended_are_looked_for_among_the_running() -> None:
    young = [task(n, n / 67, chance=0.05, crowd=1.1) for n in range(9_000)]
    old = [task(n, 300.0 + n / 3, chance=0.04, crowd=30.0) for n in range(9_000, 9_900)]
    kinds = [(page.status, page.refs[-1].begun_at) for page in pages.by_time([*young, *old], 20)]
    assert kinds[0][0] == "ended"
    assert kinds[-1][0] == "running"


def test_suspects_are_asked_first_and_then_who_was_unseen_longest() -> None:
    tasks = [task(1, 10.0), task(2, 50.0), task(3, 5.0, suspect=True), task(4, 90.0, seen_at=NOW - 1.0)]
    assert [ref.ext_id for ref in pages.turns(tasks)] == ["km1-3", "km1-2", "km1-1", "km1-4"]
