"""R9 and R10: ten thousand jobs in flight within a budget of requests, and twenty for one request a sweep."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from kling_mcp.jobs.model import State
from kling_mcp.providers.asking import BUDGET
from tests.battery.crowd import IMAGE, TEXT, Crowd, gathered, share, wait_s

pytestmark = pytest.mark.anyio

FAMILIES = (TEXT, IMAGE, "/v1/videos/omni-video", "/v1/images/generations", "/v1/videos/effects")


def lateness(crowd: Crowd) -> list[float]:
    """How late each end was noticed; of those that nobody has noticed yet, how late they are by now."""
    now = crowd.clock.now()
    unnoticed = [now - end for job, end in crowd.ends.items() if end <= now and job not in crowd.late]
    return [*crowd.late.values(), *unnoticed]


async def begun_steadily(crowd: Crowd, dice: random.Random, *, in_flight: int, seconds: int) -> None:
    """Tasks begin as fast as it takes to have so many in flight, for so long."""
    owed = 0.0
    for _ in range(seconds):
        owed += in_flight / 175.0  # how long a task takes on average
        await crowd.begin([wait_s(dice) for _ in range(int(owed))])
        owed -= int(owed)
        await crowd.pass_time(1.0)


async def test_twenty_jobs_of_five_families_are_one_request_a_sweep_and_noticed_within_one(tmp_path: Path) -> None:
    async with gathered(tmp_path) as crowd:
        dice = random.Random(10)
        for number in range(20):
            await crowd.begin([dice.uniform(40.0, 170.0)], path=FAMILIES[number % 5], pace=FAMILIES[number % 5])
        await crowd.pass_time(200.0, step=0.5)
        assert {asked for _, asked in crowd.provider.sweeps} == {1}
        assert set(crowd.sandbox.requests) == {"GET /tasks"}
        assert len(crowd.late) == len(crowd.stored) == 20
        times = [at for at, _ in crowd.provider.sweeps]
        sweep = max(later - earlier for earlier, later in pairwise(times))
        assert share(list(crowd.late.values()), 0.95) <= sweep + 1.0  # a step of the clock, and the answer's way


@pytest.mark.battery
@pytest.mark.parametrize("pair", [False, True], ids=["key", "pair"])
async def test_hundreds_in_flight_are_noticed_in_a_few_requests_a_sweep(tmp_path: Path, pair: bool) -> None:
    async with gathered(tmp_path, pair=pair) as crowd:
        await begun_steadily(crowd, random.Random(9), in_flight=60, seconds=240)
        assert max(asked for _, asked in crowd.provider.sweeps) <= 5
        assert share(lateness(crowd), 0.95) <= 15.0


@pytest.mark.battery
async def test_ten_thousand_that_end_almost_at_once_are_noticed_within_the_budget(tmp_path: Path) -> None:
    async with gathered(tmp_path) as crowd:
        for _ in range(20):
            await crowd.begin([70.0] * 500)
            await crowd.pass_time(1.0)
        while len(crowd.stored) < 10_000 and crowd.clock.now() < crowd.ends["km1-" + "0" * 26] + 120.0:
            await crowd.pass_time(5.0)
        figures = lateness(crowd)
        print(f"burst: p95 {share(figures, 0.95):.0f} s, at most {max(n for _, n in crowd.provider.sweeps)} requests")  # noqa: T201
        assert len(crowd.stored) == 10_000
        assert max(asked for _, asked in crowd.provider.sweeps) <= BUDGET
        assert share(figures, 0.95) <= 60.0
        jobs = await crowd.jobs.list(states=[State.RUNNING])
        assert jobs == []


@pytest.mark.battery
async def test_ten_thousand_in_flight_steadily_stay_within_the_budget_and_are_noticed_within_a_minute(
    tmp_path: Path,
) -> None:
    async with gathered(tmp_path) as crowd:
        dice = random.Random(9)
        await begun_steadily(crowd, dice, in_flight=10_000, seconds=330)
        now, figures = crowd.clock.now(), lateness(crowd)
        in_flight = sum(end > now for end in crowd.ends.values())
        asked = [n for _, n in crowd.provider.sweeps]
        print(  # noqa: T201
            f"steady: {in_flight} in flight, {len(figures)} ended; p50 {share(figures, 0.5):.0f} s, "
            f"p95 {share(figures, 0.95):.0f} s, worst {max(figures):.0f} s; at most {max(asked)} requests a sweep"
        )
        assert in_flight > 8_500
        assert max(asked) <= BUDGET
        assert share(figures, 0.95) <= 60.0


@pytest.mark.battery
def test_ten_thousand_in_flight_take_no_more_than_150_mb_and_keep_nobody_waiting(tmp_path: Path) -> None:
    """The engine alone in its process; the pretend Kling is another one, on the loopback network."""
    script = Path(__file__).parents[2] / "bench" / "scale.py"
    run = subprocess.run(
        [sys.executable, str(script), "--json", str(tmp_path)], capture_output=True, text=True, timeout=600, check=False
    )
    assert run.returncode == 0, run.stderr[-4000:]
    figures = json.loads(run.stdout.splitlines()[-1])
    print(figures)  # noqa: T201
    assert figures["finished"] == 10_000
    assert figures["rss_mb"] <= 150
    assert figures["requests_per_sweep"] <= BUDGET
