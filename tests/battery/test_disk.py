"""R4 and R11: whatever the disk does, no POST leaves without a claim on it; eight processes share one slow disk."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from kling_mcp.clock import SystemClock
from kling_mcp.errors import LocalTrouble
from kling_mcp.jobs.ledger import writer
from kling_mcp.jobs.model import Delivery, State
from tests.stack import HURRY, Stack, new_sandbox, running_stack

from .disk_story import MODEL, queued, refused, watched

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
STORED = {"told_no": True, "state": "succeeded", "delivery": "stored"}


def python(*words: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def told(story: str, rounds: int) -> dict[str, Any]:
    """How a story of a disk ended. It plays where a user without rights may go, too: root can write anywhere."""
    with (
        TemporaryDirectory(prefix="kling-disk-") as folder,
        python("tests.battery.disk_story", story, folder, str(rounds), TMPDIR=folder) as teller,
    ):
        out, err = teller.communicate(timeout=300)
    assert teller.returncode == 0, err[-2000:]
    return json.loads(out)


# ---- R4: the disk fails


@pytest.mark.battery
def test_a_full_disk_posts_nothing_that_is_not_on_it_and_all_is_well_once_it_is_cleared() -> None:
    rounds = 30
    story = told("full", rounds)
    assert {name: story["claim"][name] for name in STORED} == STORED
    assert story["answer"] == {"state": "succeeded", "delivery": "stored"}
    assert (story["unclaimed"], story["creates"]) == ([], story["accepted"])
    assert story["states"] in ([], ["succeeded"])
    print(f"disk full {rounds + 2} times: {story['accepted']} jobs accepted, {story['creates']} created, 0 unclaimed")  # noqa: T201 - a figure of the battery


@pytest.mark.battery
def test_a_read_only_ledger_posts_nothing_and_all_is_well_once_it_is_writable() -> None:
    story = told("read-only", 0)
    assert story["claim"] == {**STORED, "posts_meanwhile": 0}
    assert (story["unclaimed"], story["creates"]) == ([], 2)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("held_s", "patience_s"), [(2.0, 0.5), pytest.param(35.0, writer.PATIENCE_S, marks=pytest.mark.battery)]
)
async def test_a_lock_that_another_process_keeps_posts_nothing_and_all_is_well_once_it_lets_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held_s: float, patience_s: float
) -> None:
    monkeypatch.setattr(writer, "PATIENCE_S", patience_s)
    clock = SystemClock(HURRY)
    sandbox = new_sandbox(clock)
    async with watched(tmp_path, clock, sandbox) as (stack, unclaimed):
        waits = await queued(stack, "waits")
        lock = os.open(stack.ledger.path.with_name("ledger.db.lock"), os.O_RDWR)  # another description: as another's
        fcntl.flock(lock, fcntl.LOCK_EX)
        await anyio.sleep(0.1)  # what had the lock before has let go of it; its POST may be under way
        posts = stack.posts
        sandbox.faults.clear()
        told_no = list[bool]()
        with anyio.move_on_after(held_s):
            told_no.append(await refused(stack, "is refused"))
            await anyio.sleep_forever()
        assert (told_no, stack.posts - posts <= 1) == ([True], True)
        os.close(lock)
        with anyio.fail_after(120):
            (job,) = await stack.jobs.wait([waits], 50_000.0)
        assert (job.state, job.delivery, unclaimed) == (State.SUCCEEDED, Delivery.STORED, [])
        assert (sandbox.state.creates, len(await stack.jobs.list())) == (1, 1), "who was told no has no job"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("offset", "running"),
    [(0, True), pytest.param(4096, False, marks=pytest.mark.battery)],
    ids=["under a server", "before its start"],
)
async def test_a_damaged_ledger_posts_nothing_and_goes_on_with_its_backup(
    tmp_path: Path, offset: int, running: bool
) -> None:
    clock = SystemClock(HURRY)
    sandbox = new_sandbox(clock)
    good, path = tmp_path / "good.db", tmp_path / "state" / "ledger.db"

    def damage() -> None:
        with closing(sqlite3.connect(path)) as db, closing(sqlite3.connect(good)) as copy:
            db.backup(copy)
        with path.open("r+b") as file:
            file.seek(offset)
            file.write(os.urandom(path.stat().st_size - offset))

    async with running_stack(tmp_path, sandbox=sandbox, clock=clock) as stack:
        waits = await queued(stack, "waits")
        if running:
            damage()
            await clock.sleep(20.0)  # what was under way
            await _outlasted(stack, waits, good)
    if not running:
        damage()
        async with running_stack(tmp_path, sandbox=sandbox, clock=clock) as stack:
            await _outlasted(stack, waits, good)


async def _outlasted(stack: Stack, waits: str, good: Path) -> None:
    posts = stack.posts
    stack.sandbox.faults.clear()
    with pytest.raises(LocalTrouble, match="cannot be used"):
        await stack.submitted(prompt="is refused", model_name=MODEL)
    await stack.clock.sleep(120.0)
    assert stack.posts == posts
    shutil.copyfile(good, stack.ledger.path)
    with anyio.fail_after(60):
        (job,) = await stack.jobs.wait([waits], 5000.0)
    assert (job.state, job.delivery, stack.sandbox.state.creates) == (State.SUCCEEDED, Delivery.STORED, 1)


# ---- R11: eight processes on one slow disk

SLOW = """
int %(name)s(int fd) {
  static int (*real)(int);
  if (!real) real = dlsym(RTLD_NEXT, "%(name)s");
  usleep(5000);
  return real(fd);
}
"""
SLOW_DISK = "#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <unistd.h>\n" + "".join(
    SLOW % {"name": name} for name in ("fsync", "fdatasync")
)
PROCESSES, JOBS = 8, 10_000


def slow_disk(folder: Path) -> dict[str, str]:
    """The environment in which every fsync takes 5 ms longer, as on a laptop's disk."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("a slow disk is made by a small library: that takes Linux and a C compiler")
    source, library = folder / "slow.c", folder / "slow.so"
    source.write_text(SLOW_DISK)
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True)
    return {"LD_PRELOAD": str(library)}


def percentile(values: Sequence[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def ground(path: Path, processes: int, jobs: int, environment: dict[str, str]) -> list[dict[str, Any]]:
    """What several processes tell that wrote to one ledger at once."""
    names = [f"{number:02}" for number in range(processes)]
    share = str(jobs // processes)
    mills = [python("tests.battery.ledger_mill", str(path), name, share, **environment) for name in names]
    (path.parent / "go").touch()
    answers = list[dict[str, Any]]()
    for mill in mills:
        with mill:
            out, err = mill.communicate(timeout=600)
        assert mill.returncode == 0, err[-2000:]
        answers.append(json.loads(out))
    return answers


@pytest.mark.battery
@pytest.mark.parametrize("slow", [False, True], ids=["this disk", "5 ms slower"])
def test_eight_processes_on_one_ledger_never_find_it_locked_and_lose_nothing(tmp_path: Path, slow: bool) -> None:
    environment = slow_disk(tmp_path) if slow else {}
    path = tmp_path / "ledger.db"
    answers = ground(path, PROCESSES, JOBS, environment)
    calls = [seconds for answer in answers for seconds in answer["calls"]]
    commits = [seconds for answer in answers for seconds in answer["commits"]]
    took = max(answer["took"] for answer in answers)
    print(  # noqa: T201 - the figures of the battery
        f"{PROCESSES} processes, {'5 ms more per fsync' if slow else 'this disk'}: {JOBS} jobs in {took:.1f} s "
        f"({JOBS / took:.0f}/s), {len(commits)} commits: p99 {percentile(commits, 0.99) * 1000:.0f} ms, "
        f"max {max(commits) * 1000:.0f} ms; calls: p99 {percentile(calls, 0.99) * 1000:.0f} ms, "
        f"max {max(calls) * 1000:.0f} ms; locked: {sum(len(answer['trouble']) for answer in answers)}"
    )
    if slow and percentile(commits, 0.01) < 0.005:
        pytest.skip("this SQLite does not call the C library's fsync: nothing was slower")
    assert (sum(answer["lost"] for answer in answers), [a["trouble"] for a in answers]) == (0, [[]] * PROCESSES)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        states = Counter(dict(db.execute("SELECT state, count(*) FROM job GROUP BY state")))
    assert states == {"succeeded": JOBS}
