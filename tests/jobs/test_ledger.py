"""The ledger on a real file: durable, fenced, shared, and closed to others when it cannot write."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
import tomllib
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest

import kling_mcp.jobs
from kling_mcp.clock import ManualClock
from kling_mcp.errors import Failure, LocalTrouble
from kling_mcp.jobs import moves
from kling_mcp.jobs.ledger import Ledger, writer
from kling_mcp.jobs.locks import Owner, exclusive
from kling_mcp.jobs.model import Delivery, Media, State
from kling_mcp.providers.base import Progress, Request

from .test_moves import T0, queued

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

pytestmark = pytest.mark.anyio

POSTED = Request("v1", "/v1/videos/text2video", {"prompt": "a kite"})


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncGenerator[Ledger]:
    opened = Ledger(tmp_path / "state" / "ledger.db")
    yield opened
    await opened.close()


async def test_a_job_comes_back_exactly_as_it_was_saved(ledger: Ledger) -> None:
    full = replace(
        queued(),
        state=State.SUCCEEDED,
        delivery=Delivery.STORED,
        units_charged=Decimal("4.4"),
        failure=Failure("1301", "no", fix="change", retryable=False, charged=None, request_id="r"),
        media=(Media("km1-A_1", "video", "https://cdn.example/v.mp4", width=640, duration_s=5.041),),
        notes=("a sample",),
    )
    await ledger.add(full, POSTED)
    assert await ledger.many([full.id, "km1-NO"]) == {full.id: full}


async def test_what_is_posted_is_kept_until_kling_has_answered(ledger: Ledger) -> None:
    await ledger.add(queued(), POSTED)
    claimed = await ledger.save(moves.claimed(queued(), "me", T0))
    assert claimed is not None
    doubted = await ledger.save(moves.doubted(claimed, Failure("x", "lost"), T0, 5))
    assert doubted is not None
    assert await ledger.request("km1-A") == POSTED
    await ledger.save(moves.accepted(doubted, Progress("t1", "submitted"), T0))
    assert await ledger.request("km1-A") is None


async def test_only_the_writer_that_read_the_latest_record_wins(ledger: Ledger) -> None:
    await ledger.add(queued(), POSTED)
    ours = (await ledger.many(["km1-A"]))["km1-A"]
    assert (won := await ledger.save(moves.claimed(ours, "me", T0))) is not None
    assert await ledger.save(moves.cancelled(ours, T0)) is None
    assert (await ledger.many(["km1-A"]))["km1-A"] == won


async def test_the_file_is_private(ledger: Ledger) -> None:
    await ledger.check()
    assert stat.S_IMODE(ledger.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(ledger.path.parent.stat().st_mode) == 0o700


async def test_an_old_sqlite_never_uses_the_journal_it_can_corrupt(ledger: Ledger) -> None:
    await ledger.check()
    with closing(sqlite3.connect(ledger.path)) as db:
        mode = db.execute("PRAGMA journal_mode").fetchone()[0]
    assert mode == ("wal" if sqlite3.sqlite_version_info >= (3, 51, 3) else "delete")


async def test_many_writers_of_one_process_share_commits_and_lose_nothing(ledger: Ledger) -> None:
    async with anyio.create_task_group() as group:
        for n in range(500):
            group.start_soon(ledger.add, replace(queued(), id=f"km1-{n:04}"), POSTED)
    assert len(await ledger.newest("official", limit=1000)) == 500


async def test_listing_is_newest_first_and_continues_where_it_ended(ledger: Ledger) -> None:
    for n in range(5):
        tool = "generate_video" if n % 2 else "generate_image"
        await ledger.add(replace(queued(), id=f"km1-{n}", tool=tool), POSTED)
    first = await ledger.newest("official", limit=2)
    assert [j.id for j in first] == ["km1-4", "km1-3"]
    assert [j.id for j in await ledger.newest("official", limit=2, before="km1-3")] == ["km1-2", "km1-1"]
    assert [j.id for j in await ledger.newest("official", tool="generate_video")] == ["km1-3", "km1-1"]
    assert await ledger.newest("sandbox") == []


async def test_a_lease_goes_to_one_and_passes_on_when_its_holder_is_dead_or_late(tmp_path: Path) -> None:
    clock = ManualClock(T0)
    ledger = Ledger(tmp_path / "ledger.db", clock)

    def living(_: str) -> bool:
        return True

    def dead(_: str) -> bool:
        return False

    assert await ledger.lease("sweep", "a", 30, living)
    assert not await ledger.lease("sweep", "b", 30, living)
    assert await ledger.lease("sweep", "a", 30, living)
    assert await ledger.lease("sweep", "b", 30, dead)
    clock.advance(34)
    assert await ledger.lease("sweep", "a", 30, living)
    await ledger.close()


async def test_an_unwritable_place_says_so_and_works_once_it_is_mended(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where a folder should be")
    ledger = Ledger(tmp_path / "state" / "ledger.db")
    with pytest.raises(LocalTrouble) as trouble:
        await ledger.add(queued(), POSTED)
    assert trouble.value.failure.code == "ledger_unusable"
    assert "KLING_DATABASE_URL" in trouble.value.failure.fix
    (tmp_path / "state").unlink()
    await ledger.add(queued(), POSTED)
    assert "km1-A" in await ledger.many(["km1-A"])
    await ledger.close()


async def test_a_ledger_of_a_newer_version_is_left_alone(ledger: Ledger) -> None:
    ledger.path.parent.mkdir()
    with closing(sqlite3.connect(ledger.path)) as db:
        db.execute("PRAGMA user_version=99")
    with pytest.raises(LocalTrouble, match="newer kling-mcp"):
        await ledger.add(queued(), POSTED)


async def test_a_file_that_is_no_database_is_never_overwritten(ledger: Ledger) -> None:
    ledger.path.parent.mkdir()
    ledger.path.write_bytes(b"precious notes " * 100)
    with pytest.raises(LocalTrouble, match="cannot be used"):
        await ledger.add(queued(), POSTED)
    assert ledger.path.read_bytes() == b"precious notes " * 100


async def test_a_turn_that_does_not_come_fails_closed(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    await ledger.check()
    monkeypatch.setattr(writer, "PATIENCE_S", 0.1)
    lock = ledger.path.with_name(ledger.path.name + ".lock")
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with exclusive(lock):
            held.set()
            let_go.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    with pytest.raises(LocalTrouble) as trouble:
        await ledger.add(queued(), POSTED)
    assert trouble.value.failure.code == "store_busy"
    let_go.set()
    holder.join(10)
    monkeypatch.setattr(writer, "PATIENCE_S", 10.0)
    assert await ledger.many(["km1-A"]) == {}, "what was given up must not be written later"


async def test_what_was_given_up_while_another_program_held_the_file_is_never_written(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ledger.check()
    monkeypatch.setattr(writer, "PATIENCE_S", 0.1)
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as browser:
        browser.execute("BEGIN IMMEDIATE")
        with pytest.raises(LocalTrouble) as trouble:
            await ledger.add(queued(), POSTED)
        assert trouble.value.failure.code == "store_busy"
        browser.execute("COMMIT")
    monkeypatch.setattr(writer, "PATIENCE_S", 10.0)
    assert await ledger.many(["km1-A"]) == {}, "its agent was told that nothing was submitted, and will call again"


async def test_what_is_being_written_is_waited_for_because_it_can_no_longer_be_given_up(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ledger.check()
    monkeypatch.setattr(writer, "PATIENCE_S", 0.1)
    never = threading.Event()

    def slowly_dead(_: str) -> bool:
        return never.wait(0.3)

    assert await ledger.lease("sweep", "a", 30, slowly_dead)
    assert await ledger.lease("sweep", "b", 30, slowly_dead)


def test_a_dead_process_is_known_to_be_dead_at_once(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib; from kling_mcp.jobs.locks import Owner\n"
        f"o = Owner(pathlib.Path({str(tmp_path)!r})).appear(); print(o.name, flush=True); sys.stdin.read()"
    )
    ours = Owner(tmp_path).appear()
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        name = other.stdout.readline().decode().strip()
        assert ours.is_alive(name)
        os.kill(other.pid, 9)
        other.wait(10)
    assert not ours.is_alive(name)
    assert ours.is_alive(ours.name)
    (tmp_path / "old-container-1-abc.lock").touch()
    assert not ours.is_alive("old-container-1-abc"), "its lock is here, and nobody holds it"
    assert ours.is_alive("another-host-1-abc"), "a process of another machine can only be judged by its lease"
    ours.leave()


def test_every_module_of_the_room_is_kept_from_sql_by_the_import_contract() -> None:
    room = Path(kling_mcp.jobs.__file__).parent
    modules = {f"kling_mcp.jobs.{file.stem}" for file in room.glob("*.py") if file.stem != "__init__"}
    contracts = tomllib.loads((room.parents[2] / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (listed,) = [set(c["source_modules"]) for c in contracts if c.get("forbidden_modules") == ["sqlite3"]]
    assert modules <= listed
