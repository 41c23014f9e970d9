"""What keeps a ledger in order over years: old jobs are forgotten, files that perish are told of, leftovers go."""

from __future__ import annotations

import logging
import os
import random
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import pytest

from kling_mcp.clock import ManualClock
from kling_mcp.errors import Failure, LocalTrouble, Lost, Unavailable
from kling_mcp.jobs import results
from kling_mcp.jobs.ledger import Ledger
from kling_mcp.jobs.ledger import upkeep as rows
from kling_mcp.jobs.locks import Owner
from kling_mcp.jobs.model import PLAN, Delivery, Job, Media, State
from kling_mcp.jobs.records import Records
from kling_mcp.jobs.spend import DAY_S
from kling_mcp.jobs.strays import Strays
from kling_mcp.jobs.upkeep import Upkeep
from kling_mcp.providers.base import Request
from kling_mcp.providers.unconfigured import Unconfigured
from kling_mcp.server.listing import listed
from kling_mcp.server.views import viewed

from .test_moves import T0, queued

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

pytestmark = pytest.mark.anyio

FAILURE = Failure("1301", "Refused.")


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncGenerator[Ledger]:
    opened = Ledger(tmp_path / "ledger.db", ManualClock(T0))
    yield opened
    await opened.close()


def chores(ledger: Ledger, *, retention_days: int | None = None, clock: ManualClock | None = None) -> Upkeep:
    """The chores of a process that never waits between batches: its own clock goes on by itself."""

    async def told(_: Job) -> None:
        return

    records = Records(ledger, clock or Passing(ledger.clock.now()), Owner(ledger.path.parent / "owners"), told)
    return Upkeep(records, "acc", Strays(records, Unconfigured()), retention_days)


class Passing(ManualClock):
    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)
        await super().sleep(0)


def ended(job_id: str, days_ago: float, *, state: State = State.SUCCEEDED, **changes: object) -> Job:
    at = T0 - days_ago * DAY_S
    failure = FAILURE if state in (State.FAILED, State.UNCONFIRMED) else None
    job = replace(queued(), id=job_id, state=state, failure=failure, created_at=at, updated_at=at, finished_at=at)
    return replace(job, **changes)


def filmed(job: Job, folder: Path, *, there: bool = True) -> Job:
    file = folder / f"{job.id}.mp4"
    if there:
        file.write_bytes(b"film")
    return replace(job, delivery=Delivery.STORED, media=(Media(f"{job.id}_1", "video", "", path=str(file)),))


async def kept(ledger: Ledger) -> set[str]:
    return {job.id for job in await ledger.newest("official", limit=1000)}


async def test_old_jobs_are_forgotten_and_those_that_somebody_may_need_stay(ledger: Ledger, tmp_path: Path) -> None:
    nowhere = Media("km1-X_1", "video", "https://cdn.example/v.mp4")
    go = [
        filmed(ended("km1-done", 41), tmp_path),
        ended("km1-refused", 41, state=State.FAILED),
        ended("km1-withdrawn", 41, state=State.CANCELLED),
        ended("km1-doubt", 41, state=State.UNCONFIRMED),
    ]
    stay = [
        filmed(ended("km1-young", 39), tmp_path),
        ended("km1-younger-doubt", 39, state=State.UNCONFIRMED),
        ended("km1-began-long-ago", 100, finished_at=T0 - 10 * DAY_S),
        filmed(ended("km1-moved-away", 41), tmp_path, there=False),
        ended("km1-fetching", 41, delivery=Delivery.FETCHING, media=(nowhere,)),
        ended("km1-unfetched", 41, delivery=Delivery.FAILED, media=(nowhere,)),
        ended("km1-perished", 41, delivery=Delivery.EXPIRED, media=(nowhere,)),
        ended("km1-running", 41, state=State.RUNNING, finished_at=None),
        ended("km1-asked", 41, state=State.UNKNOWN, finished_at=None),
        ended("km1-waiting", 41, state=State.QUEUED, finished_at=None),
    ]
    for job in (*go, *stay):
        await ledger.add(job, Request("v1", "/p", {}))
    assert await chores(ledger, retention_days=40).forget(T0 - 40 * DAY_S) == len(go)
    assert await kept(ledger) == {job.id for job in stay}
    assert (tmp_path / "km1-done.mp4").read_bytes() == b"film", "files are never deleted"
    with closing(sqlite3.connect(ledger.path)) as db:
        left = {row[0] for row in db.execute("SELECT job_id FROM request")}
    assert left == {job.id for job in stay}


async def test_a_job_goes_with_its_steps_once_all_of_them_are_old(ledger: Ledger, tmp_path: Path) -> None:
    for name, step_days, gone in (("a", 41.0, True), ("b", 39.0, False)):
        whole = filmed(ended(f"km1-{name}", 41, wire=PLAN), tmp_path)
        await ledger.add(whole, Request("v1", "/p", {}))
        await ledger.add(
            ended(f"km1-{name}-render", step_days, parent=whole.id, step="render"), Request("v1", "/p", {})
        )
        assert await chores(ledger).forget(T0 - 40 * DAY_S) == int(gone)
        assert len(await ledger.steps(whole.id)) == int(not gone)


async def test_thousands_go_in_small_parts(ledger: Ledger) -> None:
    async with anyio.create_task_group() as group:
        for number in range(120):
            job = ended(f"km1-{number:03}", 41 + number / 1000, state=State.FAILED)
            group.start_soon(ledger.add, job, Request("v1", "/p", {}))
    assert await chores(ledger).forget(T0 - 40 * DAY_S) == 120
    assert await kept(ledger) == set()


async def test_a_job_that_moved_meanwhile_is_not_forgotten(ledger: Ledger) -> None:
    await ledger.add(ended("km1-A", 41), Request("v1", "/p", {}))
    read = await rows.old(ledger, T0 - 40 * DAY_S, (0.0, ""), 10)
    await ledger.save(replace(read[0], delivery=Delivery.FETCHING))
    assert (await rows.forget(ledger, read), await kept(ledger)) == (0, {"km1-A"})


async def test_one_process_a_day_does_it_and_everything_is_kept_unless_told_otherwise(ledger: Ledger) -> None:
    await ledger.add(ended("km1-A", 400, state=State.FAILED), Request("v1", "/p", {}))
    await chores(ledger).round()
    assert await kept(ledger) == {"km1-A"}
    await chores(ledger, retention_days=30).round()
    assert await kept(ledger) == {"km1-A"}, "today's turn was another process's"
    assert isinstance(ledger.clock, ManualClock)
    ledger.clock.advance(DAY_S)
    await chores(ledger, retention_days=30).round()
    assert await kept(ledger) == set()


async def test_a_turn_is_taken_once_whoever_dies_over_it(ledger: Ledger) -> None:
    clock = ledger.clock
    assert isinstance(clock, ManualClock)
    assert [await rows.turn(ledger, "upkeep", name, DAY_S) for name in ("me", "me", "you")] == [True, False, False]
    clock.advance(-10 * DAY_S)  # the clock is put right: the turn was written by a wrong one
    assert await rows.turn(ledger, "upkeep", "you", DAY_S)
    clock.advance(DAY_S)
    assert await rows.turn(ledger, "upkeep", "me", DAY_S)


async def test_what_has_run_out_goes(ledger: Ledger) -> None:
    def fill(db: sqlite3.Connection) -> None:
        db.execute(
            "INSERT INTO approval (digest, account, request_hash, expires_at) VALUES ('old', 'a', 'h', ?)", (T0 - 1,)
        )
        db.execute(
            "INSERT INTO approval (digest, account, request_hash, expires_at) VALUES ('new', 'a', 'h', ?)", (T0 + 9,)
        )
        db.execute("INSERT INTO lease VALUES ('sweep:gone', 'x', ?)", (T0 - 2 * DAY_S,))
        db.execute("INSERT INTO request VALUES ('km1-nobody', '{}')")

    await ledger.write(fill)
    await ledger.add(queued(), Request("v1", "/p", {}))
    await chores(ledger).round()

    def left(db: sqlite3.Connection) -> list[set[str]]:
        questions = ("SELECT digest FROM approval", "SELECT name FROM lease", "SELECT job_id FROM request")
        return [{row[0] for row in db.execute(question)} for question in questions]

    assert await ledger.read(left) == [{"new"}, {"upkeep"}, {"km1-A"}]


def test_lock_files_of_the_dead_go_and_those_of_the_living_and_of_the_newborn_stay(tmp_path: Path) -> None:
    living, here = Owner(tmp_path).appear(), Owner(tmp_path).appear()
    dead, newborn = tmp_path / "elsewhere-1-dead.lock", tmp_path / "elsewhere-2-newborn.lock"
    for file in (dead, newborn):
        file.touch()
    hours_ago = time.time() - 7200
    for file in tmp_path.glob("*.lock"):
        if file != newborn:
            os.utime(file, (hours_ago, hours_ago))
    here.sweep_dead(3600)
    assert {file.stem for file in tmp_path.glob("*.lock")} == {living.name, here.name, newborn.stem}
    living.leave()
    here.leave()


# ---- files that perish


def unfetched(age_days: float, delivery: Delivery = Delivery.FAILED) -> Job:
    """A job that Kling finished so long before T0, and whose file is not on disk."""
    made = T0 - age_days * DAY_S
    media = Media("km1-A_1", "video", "https://cdn.example/v.mp4", expires_at=made + 30 * DAY_S, trouble="Disk full.")
    return ended("km1-A", age_days, delivery=delivery, media=(media,), not_before=T0 + 20 * DAY_S)


@pytest.mark.parametrize(
    ("age_days", "said"),
    [(1, ""), (24.9, ""), (25, "5 days are left"), (28.5, "2 days are left"), (29.5, "1 day is left"), (30.1, "last")],
)
def test_from_day_25_on_a_file_that_is_not_on_disk_is_told_of(age_days: float, said: str) -> None:
    sentence = results.alarm(unfetched(age_days), T0)
    assert (said in sentence) if said else not sentence
    stored = replace(unfetched(age_days), delivery=Delivery.STORED)
    assert not results.alarm(stored, T0)


def test_the_alarm_is_in_the_job_and_in_the_listing() -> None:
    job = unfetched(26)
    assert results.alarm(job, T0) in (viewed(job, now=T0, eta_s=None).notes or [])
    assert listed([job], 10, now=T0).next.startswith(f"Job {job.id}: {results.alarm(job, T0)}")
    assert listed([unfetched(3)], 10, now=T0).next == "These are all."


@pytest.mark.parametrize("trouble", [LocalTrouble("The disk is full."), Unavailable("no connection")])
def test_in_the_last_days_it_is_tried_every_ten_minutes(trouble: LocalTrouble | Unavailable) -> None:
    dice = random.Random(1)
    job = replace(unfetched(26, Delivery.FETCHING), fetches=9)
    after = results.undelivered(job, job.media, trouble, T0, dice)
    assert (after.delivery, after.not_before <= T0 + 600) == (Delivery.FAILED, True)
    early = replace(unfetched(20, Delivery.FETCHING), fetches=9)
    assert results.undelivered(early, early.media, trouble, T0, dice).not_before > T0 + 600


def test_at_30_days_it_is_given_up_as_soon_as_kling_says_so_and_a_day_later_whatever_is_in_the_way() -> None:
    dice, gone, full = random.Random(1), Lost("gone", code="expired"), LocalTrouble("The disk is full.")

    def then(age_days: float, trouble: Lost | LocalTrouble) -> Delivery:
        job = replace(unfetched(age_days, Delivery.FETCHING), fetches=9)
        return results.undelivered(job, job.media, trouble, T0, dice).delivery

    assert [then(29.9, gone), then(30.1, gone)] == [Delivery.FAILED, Delivery.EXPIRED]
    assert [then(30.1, full), then(30.9, full), then(31.1, full)] == [
        Delivery.FAILED,
        Delivery.FAILED,
        Delivery.EXPIRED,
    ]


async def test_at_start_and_once_a_day_it_is_logged_and_it_is_fetched_now(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    await ledger.add(unfetched(24), Request("v1", "/p", {}))
    clock = ManualClock(T0)
    mine, said = chores(ledger, clock=clock), list[int]()
    with caplog.at_level(logging.WARNING, "kling_mcp.jobs.upkeep"):
        for hours in range(0, 72, 6):
            clock.advance(hours * 3600.0 + T0 - clock.now())
            await mine.round()
            said.append(len(caplog.records))
    assert said == [0] * 4 + [1] * 4 + [2] * 4, "day 24 is quiet; then once a day"
    assert "Disk full." in caplog.text
    (job,) = (await ledger.many(["km1-A"])).values()
    assert job.not_before <= clock.now(), "its pause of weeks is over"


async def test_a_process_that_could_not_say_at_its_start_that_it_lives_says_so_later(ledger: Ledger) -> None:
    folder = ledger.path.parent / "owners"
    folder.write_text("in the way of the folder")
    owner = Owner(folder)

    async def told(_: Job) -> None: ...

    records = Records(ledger, Passing(T0), owner, told)
    with pytest.raises(OSError, match="owners"):
        owner.appear()
    folder.unlink()
    assert not Owner(folder).is_alive(owner.name)
    async with Upkeep(records, "acc", Strays(records, Unconfigured()), None).running():
        with anyio.fail_after(10):
            while not Owner(folder).is_alive(owner.name):  # noqa: ASYNC110 - as another process would see it
                await anyio.sleep(0.01)
    owner.leave()
