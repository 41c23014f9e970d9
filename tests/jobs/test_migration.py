"""A ledger written by an older version is taken over whole, even while a process of that version still writes to it."""

from __future__ import annotations

import json
import sqlite3
import stat
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from kling_mcp.errors import LocalTrouble
from kling_mcp.jobs.asked import Asked
from kling_mcp.jobs.ledger import Ledger
from kling_mcp.jobs.model import PLAN, Delivery, Job, Media, State
from kling_mcp.providers.base import Request

from .test_moves import T0, queued

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

VERSION_1 = """
CREATE TABLE job (id TEXT PRIMARY KEY, account TEXT, provider TEXT, tool TEXT, request_hash TEXT, arguments TEXT,
  model_name TEXT, units_quoted TEXT, created_at REAL, updated_at REAL, wire TEXT, path TEXT, state TEXT,
  delivery TEXT, epoch INTEGER, owner TEXT, lease_until REAL, attempts INTEGER, unreached_since REAL, doubts INTEGER,
  not_before REAL, settles_at REAL, absences INTEGER, fetches INTEGER, folder TEXT, task_id TEXT, units_charged TEXT,
  finished_at REAL, blocked_reason TEXT, media TEXT, failure TEXT, notes TEXT) STRICT;
CREATE INDEX job_open ON job (account, state, not_before);
CREATE INDEX job_delivery ON job (account, delivery) WHERE delivery IN ('fetching', 'failed');
CREATE INDEX job_task ON job (account, task_id) WHERE task_id IS NOT NULL;
CREATE INDEX job_age ON job (created_at);
CREATE INDEX job_request ON job (account, request_hash, created_at);
CREATE TABLE request (job_id TEXT PRIMARY KEY, posted TEXT NOT NULL) STRICT;
CREATE TABLE lease (name TEXT PRIMARY KEY, owner TEXT NOT NULL, until REAL NOT NULL) STRICT;
PRAGMA user_version=1;
"""
"""What version 0.1.0 wrote."""
VERSION_2 = """
CREATE TABLE job (id TEXT PRIMARY KEY, account TEXT, provider TEXT, tool TEXT, request_hash TEXT, arguments TEXT,
  model_name TEXT, units_quoted TEXT, created_at REAL, updated_at REAL, wire TEXT, path TEXT, state TEXT,
  delivery TEXT, epoch INTEGER, owner TEXT, lease_until REAL, attempts INTEGER, unreached_since REAL, doubts INTEGER,
  not_before REAL, settles_at REAL, absences INTEGER, fetches INTEGER, folder TEXT, task_id TEXT, units_charged TEXT,
  finished_at REAL, blocked_reason TEXT, media TEXT, failure TEXT, notes TEXT, facts TEXT NOT NULL DEFAULT '{}',
  nameless INTEGER NOT NULL DEFAULT 0, parent TEXT, step TEXT NOT NULL DEFAULT '') STRICT;
CREATE INDEX job_open ON job (account, state, not_before);
CREATE INDEX job_delivery ON job (account, delivery) WHERE delivery IN ('fetching', 'failed');
CREATE INDEX job_task ON job (account, task_id) WHERE task_id IS NOT NULL;
CREATE INDEX job_age ON job (created_at);
CREATE INDEX job_request ON job (account, request_hash, created_at);
CREATE INDEX job_parent ON job (parent) WHERE parent IS NOT NULL;
CREATE INDEX job_plan ON job (provider, state) WHERE wire='plan';
CREATE TABLE request (job_id TEXT PRIMARY KEY, posted TEXT NOT NULL) STRICT;
CREATE TABLE lease (name TEXT PRIMARY KEY, owner TEXT NOT NULL, until REAL NOT NULL) STRICT;
PRAGMA user_version=2;
"""
"""What the versions between wrote."""
OLDER = pytest.mark.parametrize("ddl", [VERSION_1, VERSION_2], ids=["1", "2"])
_FIELDS = (
    "id, account, provider, tool, request_hash, arguments, model_name, units_quoted, created_at, updated_at, wire,"
    " path, state, delivery, epoch, attempts, doubts, not_before, settles_at, absences, fetches, folder,"
    " blocked_reason, media, notes, task_id"
)
MEDIA = '[{"media_id": "km1-A_1", "kind": "video", "url": "https://cdn.example/v.mp4", "kling_id": "v1"}]'


def written_by_an_older(db: sqlite3.Connection, job_id: str) -> None:
    row = (job_id, "acc", "official", "generate_video", "h", '{"prompt": "a kite"}', "kling-v3", "3", T0, T0, "v1")
    rest = ("/v1/videos/text2video", "succeeded", "stored", 7, 1, 0, 0.0, 0.0, 0, 1, "/films", "", MEDIA, "[]", "t1")
    db.execute(f"INSERT INTO job ({_FIELDS}) VALUES ({', '.join('?' * 26)})", row + rest)  # noqa: S608 - a constant
    db.execute("INSERT INTO request VALUES (?, ?)", (job_id, '{"wire": "v1", "path": "/p", "body": {"a": 1}}'))
    db.commit()


def as_read(job_id: str) -> Job:
    return replace(
        queued(),
        id=job_id,
        state=State.SUCCEEDED,
        delivery=Delivery.STORED,
        epoch=7,
        attempts=1,
        fetches=1,
        folder="/films",
        task_id="t1",
        units_quoted=Decimal(3),
        media=(Media("km1-A_1", "video", "https://cdn.example/v.mp4", "v1"),),
    )


@OLDER
async def test_a_file_of_an_older_version_keeps_every_job_and_takes_the_new_ones(tmp_path: Path, ddl: str) -> None:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as old:
        old.executescript(ddl)
        written_by_an_older(old, "km1-A")
    ledger = Ledger(path)
    assert await ledger.many(["km1-A"]) == {"km1-A": as_read("km1-A")}
    assert await ledger.request("km1-A") == Request("v1", "/p", {"a": 1})
    new = replace(
        queued(), id="km1-B", nameless=True, facts={"faces": [{"face_id": "0"}]}, parent="km1-A", step="faces"
    )
    await ledger.add(new, Request("v1", "/q", {}, nameless=True))
    assert await ledger.many(["km1-B"]) == {"km1-B": new}
    assert await ledger.request("km1-B") == Request("v1", "/q", {}, nameless=True)
    assert await ledger.steps("km1-A") == [new]
    await ledger.close()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] == 3


@OLDER
async def test_a_process_of_an_older_version_that_has_it_open_may_go_on_writing(tmp_path: Path, ddl: str) -> None:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as old:
        old.executescript(ddl)
        written_by_an_older(old, "km1-B")
        ledger = Ledger(path)
        await ledger.check()
        written_by_an_older(old, "km1-C")
        old.execute("UPDATE job SET state='running', epoch=8 WHERE id='km1-B' AND epoch=7")
        old.commit()
        found = await ledger.many(["km1-B", "km1-C"])
        assert found["km1-C"] == as_read("km1-C")
        assert (found["km1-B"].state, found["km1-B"].epoch, found["km1-B"].slots) == (State.RUNNING, 8, 1)
        await ledger.close()


async def test_a_process_of_an_older_version_refuses_the_file_from_now_on(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    await ledger.check()
    await ledger.close()
    with closing(sqlite3.connect(ledger.path)) as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] > 2, "all of them compare it with their own number"


def schema_of(path: Path) -> dict[str, object]:
    """What sqlite_master says, without the order and the spelling of its statements."""
    with closing(sqlite3.connect(path)) as db:
        named = db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
        told: dict[str, object] = {"version": db.execute("PRAGMA user_version").fetchone()[0]}
        for kind, name, table, sql in named:
            if kind == "index":
                told[name] = " ".join(sql.split())
            else:
                columns = {row[1]: row[2:] for row in db.execute(f"PRAGMA table_info({table})")}
                told[name] = (columns, sql.rstrip().endswith("STRICT"))
        return told


@OLDER
async def test_a_migrated_file_and_a_new_one_have_the_same_schema(tmp_path: Path, ddl: str) -> None:
    with closing(sqlite3.connect(tmp_path / "old.db")) as old:
        old.executescript(ddl)
    for name in ("old.db", "new.db"):
        ledger = Ledger(tmp_path / name)
        await ledger.check()
        await ledger.close()
    assert schema_of(tmp_path / "old.db") == schema_of(tmp_path / "new.db")


@OLDER
async def test_what_older_jobs_cost_counts_against_the_day_from_the_start(tmp_path: Path, ddl: str) -> None:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as old:
        old.executescript(ddl)
        written_by_an_older(old, "km1-A")
    ledger = Ledger(path)
    await ledger.check()
    await ledger.close()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT reserved FROM job").fetchall() == [(3_000_000,)]


@OLDER
async def test_a_copy_is_kept_before_a_ledger_with_jobs_is_altered_and_is_as_private(tmp_path: Path, ddl: str) -> None:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as old:
        old.executescript(ddl)
        written_by_an_older(old, "km1-A")
    before = schema_of(path)
    ledger = Ledger(path)
    await ledger.check()
    await ledger.close()
    copy = tmp_path / "ledger.db.before-3"
    assert (schema_of(copy), stat.S_IMODE(copy.stat().st_mode)) == (before, 0o600)
    with closing(sqlite3.connect(copy)) as db:
        assert db.execute("SELECT id FROM job").fetchall() == [("km1-A",)]
    assert sorted(p.name for p in tmp_path.glob("*before*")) == [copy.name]


async def test_an_empty_ledger_needs_no_copy(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as old:
        old.executescript(VERSION_2)
    ledger = Ledger(path)
    await ledger.check()
    await ledger.close()
    assert list(tmp_path.glob("*before*")) == []


async def test_without_room_for_the_copy_nothing_is_altered(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    (tmp_path / "ledger.db.before-3").mkdir()  # whatever keeps the copy from being made
    with closing(sqlite3.connect(path)) as old:
        old.executescript(VERSION_2)
        written_by_an_older(old, "km1-A")
    before = schema_of(path)
    ledger = Ledger(path)
    with pytest.raises(LocalTrouble):
        await ledger.check()
    assert schema_of(path) == before
    (tmp_path / "ledger.db.before-3").rmdir()
    assert await ledger.many(["km1-A"]) == {"km1-A": as_read("km1-A")}, "it recovers alone"
    await ledger.close()


@pytest.mark.parametrize(("ddl", "column", "version"), [(VERSION_1, "step", 1), (VERSION_2, "reserved", 2)])
async def test_a_migration_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, ddl: str, column: str, version: int
) -> None:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as old:
        old.executescript(ddl)
        old.execute(f"ALTER TABLE job ADD COLUMN {column} TEXT")  # somebody has been at it: the last one is there
        written_by_an_older(old, "km1-A")
    before, bytes_before = schema_of(path), path.read_bytes()
    ledger = Ledger(path)
    with pytest.raises(LocalTrouble, match=column):
        await ledger.check()
    await ledger.close()
    assert (schema_of(path), before["version"], path.read_bytes()) == (before, version, bytes_before)


async def test_steps_stand_behind_their_job_and_a_job_of_steps_is_no_task(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    plan = replace(queued(), wire=PLAN, path="")
    await ledger.add(plan, Asked({"prompt": "x" * 9000}, {}))
    first = replace(queued(), id="km1-A-first", parent="km1-A", step="first")
    saved = await ledger.add_step(plan, first, Request("v1", "/p", {"n": 1}))
    assert saved is not None
    assert await ledger.add_step(plan, first, Request("v1", "/p", {"n": 2})) is None, "somebody else wrote meanwhile"
    saved = await ledger.add_step(saved, first, Request("v1", "/p", {"n": 3}))
    assert await ledger.request("km1-A-first") == Request("v1", "/p", {"n": 1}), "a step is made once"
    assert [job.id for job in await ledger.newest("official")] == ["km1-A"]
    assert [job.id for job in await ledger.in_state("acc", State.QUEUED, T0 + 1)] == ["km1-A-first"]
    assert [job.id for job in await ledger.open_plans("official")] == ["km1-A"]
    assert saved is not None
    running = await ledger.save(replace(saved, state=State.RUNNING))
    assert running is not None
    assert await ledger.asked("km1-A") == Asked({"prompt": "x" * 9000}, {})
    await ledger.save(replace(running, state=State.SUCCEEDED))
    assert await ledger.asked("km1-A") is None
    assert await ledger.open_plans("official") == []
    await ledger.close()


READ_BY_VERSION_1 = {
    *("media_id", "kind", "url", "kling_id", "expires_at", "path", "mime", "width", "height", "duration_s", "size"),
    *("sha256", "trouble"),
}
"""What version 0.1.0 knows of a result. It cannot read another word, and keeps the file locked while it tries."""


async def test_results_are_written_so_that_version_1_can_read_them_and_keep_their_labels(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    first = Media("km1-A_1", "video", "https://cdn.example/v.mp4", "v1")
    media = (first, Media("km1-A_2", "video", "", label="joined"))
    job = replace(queued(), media=media, facts={"fps": 24})
    await ledger.add(job, Request("v1", "/p", {}))
    assert (await ledger.many([job.id]))[job.id] == job
    with closing(sqlite3.connect(ledger.path)) as db:
        written = json.loads(db.execute("SELECT media FROM job").fetchone()[0])
        assert {name for each in written for name in each} <= READ_BY_VERSION_1
        later = [{**each, "colour": "red"} for each in written[:1]]
        db.execute("UPDATE job SET media=?", (json.dumps(later),))
        db.commit()
    assert (await ledger.many([job.id]))[job.id].media == media[:1], "what a later version adds is left out"
    await ledger.close()
