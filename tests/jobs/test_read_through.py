"""An agent who asks is told how things are, whoever sweeps, or has stopped to."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import anyio
import pytest

from kling_mcp.errors import LocalTrouble
from kling_mcp.jobs import polling
from kling_mcp.jobs.ledger import Ledger, inflight
from kling_mcp.jobs.model import State
from kling_mcp.jobs.paces import USUAL_S, Paces
from tests.battery.crowd import IMAGE, TEXT, Crowd, gathered

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from kling_mcp.jobs.model import Job

pytestmark = pytest.mark.anyio

FIRST = "km1-" + "0" * 26


async def stalled(crowd: Crowd) -> None:
    """Another process holds the sweep, and lives, but does nothing."""
    name = f"sweep:{crowd.provider.account}"
    assert await crowd.ledger.lease(name, "1-stopped", 500.0, lambda _: False)
    crowd.jobs._owner.is_alive = lambda _: True  # type: ignore[method-assign] # noqa: SLF001 - no second process here


async def asked(crowd: Crowd, ask: Callable[[], Awaitable[object]], times: int = 1) -> None:
    """So many agents ask at once; time passes until all have heard."""
    left = Counter[str]()

    async def one() -> None:
        await ask()
        left["done"] += 1

    async with anyio.create_task_group() as group:
        for _ in range(times):
            group.start_soon(one)
        await crowd.settled()
        for _ in range(200):
            if left["done"] == times:
                return
            await crowd.pass_time(0.5, step=0.5)
        pytest.fail("somebody was never answered")


async def test_an_agent_hears_of_an_end_though_whoever_sweeps_has_stopped(tmp_path: Path) -> None:
    async with gathered(tmp_path) as crowd:
        await stalled(crowd)
        await crowd.begin([20.0])
        await crowd.pass_time(60.0)
        assert crowd.provider.sweeps == []
        heard: list[Job] = []

        async def get() -> None:
            heard.append(await crowd.jobs.get(FIRST))

        await asked(crowd, get)
        assert [job.state for job in heard] == [State.SUCCEEDED]
        assert [requests for _, requests in crowd.provider.sweeps] == [1]


async def test_an_agent_who_waits_hears_of_an_end_though_whoever_sweeps_has_stopped(tmp_path: Path) -> None:
    async with gathered(tmp_path) as crowd:
        await stalled(crowd)
        await crowd.begin([30.0])
        heard: list[Job] = []

        async def wait() -> None:
            heard.extend(await crowd.jobs.wait([FIRST], 55.0))

        await asked(crowd, wait)
        assert [job.state for job in heard] == [State.SUCCEEDED]
        assert crowd.late[FIRST] <= 20.0
        assert len(crowd.provider.sweeps) <= 5


async def test_fifty_agents_who_ask_at_once_are_one_request(tmp_path: Path) -> None:
    async with gathered(tmp_path) as crowd:
        await stalled(crowd)
        await crowd.begin([400.0])
        await crowd.pass_time(20.0)
        await asked(crowd, lambda: crowd.jobs.get(FIRST), times=50)
        assert [requests for _, requests in crowd.provider.sweeps] == [1]


async def test_nobody_looks_again_at_what_was_just_looked_at(tmp_path: Path) -> None:
    async with gathered(tmp_path) as crowd:
        await crowd.begin([400.0])
        await crowd.pass_time(21.0)
        sweeps = len(crowd.provider.sweeps)
        assert sweeps > 3
        await asked(crowd, lambda: crowd.jobs.get(FIRST))
        assert len(crowd.provider.sweeps) <= sweeps + 1


async def test_of_many_processes_one_looks_at_a_job_and_none_after_a_sweep_that_saw_all(tmp_path: Path) -> None:
    one, two = (Ledger(tmp_path / "ledger.db") for _ in range(2))
    assert await inflight.may_look(one, "acc", ["a", "b"], 1000.0, 5.0) == ["a", "b"]
    assert await inflight.may_look(two, "acc", ["a", "c"], 1004.0, 5.0) == ["c"]
    assert await inflight.may_look(two, "acc", ["a"], 1005.1, 5.0) == ["a"]
    assert await inflight.may_look(two, "acc", ["a"], 5.0, 5.0) == ["a"]  # the clock has been set back
    await inflight.looked(one, "acc", 2000.0)
    assert await inflight.may_look(two, "acc", ["a", "d"], 2004.0, 5.0) == []
    assert await inflight.may_look(two, "other", ["d"], 2004.0, 5.0) == ["d"]
    await one.close()
    await two.close()


async def test_an_outage_is_told_to_the_jobs_and_ends_with_it(tmp_path: Path) -> None:
    async with gathered(tmp_path) as crowd:
        await crowd.begin([40.0] * 30)
        await crowd.pass_time(12.0)
        crowd.provider.__dict__["look_up"] = _unreachable
        await crowd.pass_time(30.0)
        told = (await crowd.ledger.many([FIRST]))[FIRST]
        assert told.blocked_reason == "No way there."
        del crowd.provider.__dict__["look_up"]
        await crowd.pass_time(120.0)
        done = (await crowd.ledger.many([FIRST]))[FIRST]
        assert (done.state, done.blocked_reason, len(crowd.stored)) == (State.SUCCEEDED, "", 30)


async def _unreachable(_: object) -> None:
    await anyio.lowlevel.checkpoint()
    from kling_mcp.errors import Unavailable  # noqa: PLC0415 - this one failure

    raise Unavailable("No way there.")


# --- estimates


async def test_estimates_follow_the_pace_of_a_job_then_its_tool_and_model_then_what_is_known_of_kling(
    tmp_path: Path,
) -> None:
    async with gathered(tmp_path) as crowd:
        await crowd.begin([400.0], pace="slow")
        job = await _first(crowd, "slow")
        assert crowd.jobs.eta_s(job) == pytest.approx(USUAL_S["video"], rel=0.1)
        await crowd.begin([30.0] * 5, pace="quick")
        await crowd.pass_time(60.0)
        await crowd.begin([30.0], pace="quick")
        await crowd.begin([30.0], pace="new")
        for pace in ("quick", "new"):
            eta = crowd.jobs.eta_s(await _first(crowd, pace, running=True))
            assert eta is not None
            assert 25.0 <= eta <= 40.0, pace


async def _first(crowd: Crowd, pace: str, *, running: bool = False) -> Job:
    found = await crowd.jobs.list(limit=100, states=[State.RUNNING] if running else ())
    (job,) = await crowd.jobs.wait([next(job.id for job in found if job.pace == pace)], 0.0)
    return job


async def test_a_duration_is_kling_s_own_however_late_it_was_noticed(tmp_path: Path) -> None:
    async with gathered(tmp_path) as crowd:
        await stalled(crowd)
        await crowd.begin([30.0])
        await crowd.pass_time(600.0, step=5.0)
        await asked(crowd, lambda: crowd.jobs.get(FIRST))
        (seconds,) = await crowd.ledger.durations_of("crowd", crowd.provider.name)
        assert 25.0 <= seconds <= 40.0


async def test_without_the_ledger_an_estimate_is_a_guess(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(tmp_path / "ledger.db")

    async def broken(*_: object) -> list[float]:
        await anyio.lowlevel.checkpoint()
        raise LocalTrouble("The disk is gone.", code="ledger_unusable", fix="")

    monkeypatch.setattr(ledger, "durations", broken)
    paces = Paces(ledger, "official")
    job = polling.Flying("j", "v1", IMAGE, "t", "", "generate_image", None, 0.0, 0.0, 0.0, 0)
    await paces.learn([job])
    assert paces.of(job) == polling.guessed(USUAL_S["image"])
    assert TEXT != IMAGE
    await ledger.close()
