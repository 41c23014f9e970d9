"""The ledger's file, without a disk and without threads: the real SQL on one shared SQLite in memory.

Every operation is one transaction, as with the writer's thread, and happens at one moment: before it and after it the
program may be killed, frozen or overtaken.
"""

# ruff: noqa: ANN401 - it stands between asyncio and the engine, and passes on whatever they exchange

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kling_mcp.errors import LocalTrouble
from kling_mcp.jobs.ledger.migration import migrate
from kling_mcp.jobs.ledger.schema import SELECT, job_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from kling_mcp.jobs.model import Job
    from tests.battery.simulation.world import Host

_AUDIT = """
CREATE TABLE audit (job TEXT, wrong TEXT);
CREATE TRIGGER fenced AFTER UPDATE ON job WHEN new.epoch <> old.epoch + 1 AND NOT (
  new.epoch = old.epoch AND new.state = old.state AND new.owner IS old.owner AND new.attempts = old.attempts
  AND new.task_id IS old.task_id AND new.delivery = old.delivery
) BEGIN
  INSERT INTO audit VALUES (
    old.id,
    'epoch ' || old.epoch || ' (' || old.state || ') was overwritten by epoch ' || new.epoch || ' (' || new.state || ')'
  );
END;
CREATE TRIGGER kept AFTER DELETE ON job BEGIN INSERT INTO audit VALUES (old.id, 'the row was deleted'); END;
CREATE TRIGGER final AFTER UPDATE ON job WHEN old.state = 'succeeded' AND new.state <> old.state BEGIN
  INSERT INTO audit VALUES (old.id, 'a success became ' || new.state);
END;
"""
"""Watches every write from inside the database, whatever the code above it believes. A pause (``not_before``) is no
record: it may be changed in passing."""


class Shelf:
    """The file all programs share. Emptied for each seed: making the tables anew costs more than the seed."""

    def __init__(self) -> None:
        self.db = sqlite3.connect(":memory:", isolation_level=None, cached_statements=512)
        migrate(self.db, Path("simulated"))
        self.db.execute("DROP INDEX IF EXISTS job_pace")  # because of its WHERE, SQLite plans each query anew: 90 µs
        self.db.executescript(_AUDIT)
        tables = self.db.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall()
        self._tables = [name for (name,) in tables]

    def empty(self) -> None:
        self.db.execute("BEGIN")
        for table in self._tables:  # the jobs first, the audit of their deletion later
            self.db.execute(f"DELETE FROM {table}")  # noqa: S608 - names of our own tables
        self.db.execute("DELETE FROM audit")
        self.db.execute("COMMIT")

    def jobs(self) -> dict[str, Job]:
        rows = self.db.execute(SELECT).fetchall()
        return {job.id: job for job in map(job_of, rows)}

    def reserved(self) -> int:
        return int(self.db.execute("SELECT coalesce(sum(reserved), 0) FROM job").fetchone()[0])

    def open(self) -> int:
        """How many jobs are not settled."""
        over = "('succeeded', 'failed', 'cancelled', 'unconfirmed')"
        query = f"SELECT count(*) FROM job WHERE state NOT IN {over} OR delivery='fetching'"  # noqa: S608 - our words
        return int(self.db.execute(query).fetchone()[0])

    def audit(self) -> list[str]:
        return [f"{job}: {wrong}" for job, wrong in self.db.execute("SELECT job, wrong FROM audit")]


class Desk:
    """Where one program writes: in place of ``ledger.writer.Writer``."""

    def __init__(self, shelf: Shelf, host: Host) -> None:
        self._db, self._host = shelf.db, host

    async def do(self, work: Callable[[Any], Any], *, writes: bool) -> Any:
        """Run ``work`` as one transaction, unless the program ends before, or the disk is full."""
        if not writes:
            await self._host.breath()
            return work(self._db)
        await self._host.point("before a commit")
        if self._host.unwritable():
            raise LocalTrouble("The disk is full.", code="ledger_unusable")
        result = self._committed(work)
        await self._host.point("after a commit", self._host.world.weather.drowsy)
        return result

    def _committed(self, work: Callable[[Any], Any]) -> Any:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            result = work(self._db)
        except sqlite3.IntegrityError:
            self._db.execute("COMMIT")  # as the store does: its neighbours' work is not lost for it
            raise
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
        return result

    async def close(self) -> None:
        """Nothing to close: the next program writes to the same."""
