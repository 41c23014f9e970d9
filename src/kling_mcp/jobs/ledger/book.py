"""Jobs on disk: rows are added, read, and replaced by whoever read them last.

Embedded store: stdlib SQLite, one writer thread per process with group commit, and an OS file lock around each
commit, because several server processes share one file (each MCP client starts its own).
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kling_mcp.clock import SystemClock
from kling_mcp.jobs.asked import Asked
from kling_mcp.jobs.ledger import rows
from kling_mcp.jobs.ledger.rows import DUE, TASK, written
from kling_mcp.jobs.ledger.schema import INSERT, SELECT, job_of, row_of
from kling_mcp.jobs.ledger.store import Store
from kling_mcp.jobs.ledger.writer import Writer
from kling_mcp.jobs.model import CLOCK_SLACK_S, FINISHED, PLAN, Delivery, Job, State
from kling_mcp.providers.base import Request

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from kling_mcp.clock import Clock

    Lesson = Callable[[sqlite3.Connection, Job], None]
    """What is written together with a job's record, told the record as it then stands."""

_PLAN = f"wire='{PLAN}'"
_UNFINISHED = rows.listed(state for state in State if state not in FINISHED)
_SEARCHED = 2000
"""Jobs among which some of a kind are looked for, where no index leads to them."""
LONGEST_LEASE_S = 600.0
"""A named lease that ends later was written by a clock that has been set back since."""


# Where an index is named below, SQLite would rather read every row of the account: it does not know how few are open.


class Ledger:
    """Jobs on disk. Every method is one transaction; writes return after they are durable.

    Raises:
        LocalTrouble: From every method: disk full, read-only, corrupt, held too long, or written by a newer version.
            Nothing was written; whoever was about to pay must not.
    """

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        self.path = path
        self.clock = clock or SystemClock()
        """The ledger's own clock: read inside a transaction, so that leases do not hang on when it was asked for."""
        self._writer = Writer(Store(path))

    async def close(self) -> None:
        """Finish what is under way and close the file."""
        await self._writer.close()

    async def add(self, job: Job, posted: Request | Asked) -> None:
        """Record a new intent, whatever it repeats and costs (``Intake`` asks that first), and what is to be posted.

        Args:
            job: Its first record.
            posted: The request; of a job of several steps, all that was asked for.
        """
        await self.write(lambda db: rows.put(db, row_of(job), written(posted)))

    async def add_step(self, plan: Job, step: Job, request: Request) -> Job | None:
        """Record the next step of a job, unless somebody else wrote the job's row since ours was read.

        A step that is there already stays as it is: its id follows from the job's and from its name.

        Returns:
            The job's record as it now stands, or None if the race was lost and nothing was written.
        """

        def work(db: sqlite3.Connection) -> Job | None:
            saved = rows.replaced(db, plan)
            if saved and not db.execute("SELECT 1 FROM job WHERE id=?", (step.id,)).fetchone():
                rows.put(db, row_of(step), written(request))
            return saved

        return await self.write(work)

    async def adopt(self, job: Job) -> Job:
        """Record a task made elsewhere, unless some job has it already: then that one is returned."""
        query = f"{SELECT} WHERE (account=? AND task_id=?) OR id=? ORDER BY id LIMIT 1"

        def work(db: sqlite3.Connection) -> Job:
            if row := db.execute(query, (job.account, job.task_id, job.id)).fetchone():
                return job_of(row)
            db.execute(INSERT, row_of(job))
            return job

        return await self.write(work)

    async def request(self, job_id: str) -> Request | None:
        """What is to be posted for a job; None once Kling has answered."""
        stored = await self._stored(job_id)
        return Request(**stored) if stored else None

    async def asked(self, job_id: str) -> Asked | None:
        """All that was asked of a job of several steps; None once it is finished.

        A version that knows no such jobs may have taken it for finished too.
        """
        stored = await self._stored(job_id)
        return Asked(stored["arguments"], stored.get("sources", {}), "sources" in stored) if stored else None

    async def _stored(self, job_id: str) -> dict[str, Any] | None:
        return await self.read(lambda db: rows.posted(db, job_id))

    async def save(self, job: Job, *, lease_s: float | None = None, also: Lesson | None = None) -> Job | None:
        """Write a job's next record, unless somebody else wrote the row since ours was read.

        Args:
            job: The record, with the epoch that was read.
            lease_s: For how long its owner holds it from now on, by the ledger's clock; None leaves the lease alone.
            also: What is written with it, in the same transaction.

        Returns:
            The record as it now stands, or None if the race was lost and nothing was written.
        """

        def work(db: sqlite3.Connection) -> Job | None:
            lease_until = job.lease_until if lease_s is None else self.clock.now() + lease_s
            saved = rows.replaced(db, replace(job, lease_until=lease_until))
            if saved is not None and also is not None:
                also(db, saved)
            return saved

        return await self.write(work)

    async def many(self, ids: Sequence[str]) -> dict[str, Job]:
        """The jobs of these ids; unknown ids are missing."""
        marks = ", ".join("?" * len(ids))
        return {job.id: job for job in await self._jobs(f"WHERE id IN ({marks})", *ids)}

    async def of_tasks(self, account: str, task_ids: Sequence[str]) -> dict[str, Job]:
        """The jobs of this account that these tasks of Kling's belong to, by task id; unknown ones are missing."""
        marks = ", ".join("?" * len(task_ids))
        found = await self._jobs(f"WHERE account=? AND task_id IN ({marks})", account, *task_ids)
        return {job.task_id: job for job in found if job.task_id}

    async def in_state(self, account: str, state: State, now: float, limit: int = 1000) -> list[Job]:
        """Jobs of this account in this state whose time has come, oldest first."""
        return await self._jobs(
            f"WHERE account=? AND state=? AND {DUE} AND {TASK} ORDER BY created_at LIMIT ?",
            account,
            state,
            now,
            now + CLOCK_SLACK_S,
            limit,
        )

    async def in_delivery(self, account: str, delivery: Delivery, now: float, limit: int = 100) -> list[Job]:
        """Finished jobs of this account at this point of their delivery whose time has come, oldest first."""
        return await self._jobs(
            f"INDEXED BY job_fetching WHERE account=? AND delivery IN ('fetching', 'failed') AND delivery=? AND {DUE} "
            f"AND {TASK} ORDER BY finished_at LIMIT ?",
            account,
            delivery,
            now,
            now + CLOCK_SLACK_S,
            limit,
        )

    async def undelivered(self, account: str, provider: str) -> list[Job]:
        """A provider's finished jobs whose fetching was given up for now, or is the business of another credential."""
        return await self._jobs(
            f"INDEXED BY job_delivery WHERE delivery IN ('fetching', 'failed') AND provider=? "
            f"AND (account<>? OR delivery=?) AND {TASK}",
            provider,
            account,
            Delivery.FAILED,
        )

    async def strangers(self, account: str, provider: str, limit: int = 20) -> list[Job]:
        """A provider's jobs that Kling has, or may have, from another credential; newest first."""
        return await self._jobs(
            f"WHERE account<>? AND provider=? AND state IN (?, ?, ?) AND {TASK} ORDER BY created_at DESC LIMIT ?",
            account,
            provider,
            State.SUBMITTING,
            State.UNKNOWN,
            State.RUNNING,
            limit,
        )

    async def steps(self, *plan_ids: str) -> list[Job]:
        """The steps of these jobs so far, in the order in which they were added."""
        marks = ", ".join("?" * len(plan_ids))
        return await self._jobs(f"WHERE parent IN ({marks}) ORDER BY created_at, id", *plan_ids)

    async def open_plans(self, provider: str) -> list[Job]:
        """A provider's jobs of several steps that are not through, or whose files are not all there; oldest first."""
        open_ones = f"INDEXED BY job_plan WHERE {_PLAN} AND provider=? AND state IN ({_UNFINISHED})"
        unfetched = f"INDEXED BY job_delivery WHERE delivery IN ('fetching', 'failed') AND {_PLAN} AND provider=?"
        found = await self._jobs(open_ones, provider) + await self._jobs(unfetched, provider)
        return list({job.id: job for job in sorted(found, key=lambda job: job.id)}.values())

    async def made(self, account: str, kling_id: str, since: float) -> Job | None:
        """The latest job of this account, accepted since then, with a result that Kling knows by this id."""
        # A scan, but only of a month's jobs: what is older, Kling has deleted.
        found = await self._jobs(
            "WHERE created_at>=? AND account=? AND instr(media, ?)>0 ORDER BY id DESC LIMIT 1",
            since,
            account,
            f'"kling_id": {json.dumps(kling_id)}',
        )
        return found[0] if found else None

    async def newest(
        self,
        provider: str,
        *,
        states: Collection[State] = (),
        tool: str | None = None,
        limit: int = 20,
        before: str | None = None,
    ) -> list[Job]:
        """A provider's jobs, newest first; ``before`` continues after the job of that id. Ids sort by time.

        Steps of a job are left out: the job stands for them.
        """
        conditions, values = ["provider=?", "parent IS NULL"], list[Any]([provider])
        if states:
            conditions.append(f"state IN ({', '.join('?' * len(states))})")
            values += states
        if tool:
            conditions.append("tool=?")
            values.append(tool)
        if before:
            conditions.append("id<?")
            values.append(before)
        return await self._jobs(f"WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT ?", *values, limit)

    async def anything_open(self, account: str) -> bool:
        """Whether any job of this account is not settled."""
        query = (
            f"SELECT EXISTS (SELECT 1 FROM job WHERE account=?1 AND state IN ({_UNFINISHED})) "  # noqa: S608 - our words
            "OR EXISTS (SELECT 1 FROM job INDEXED BY job_delivery WHERE account=?1 "
            "AND delivery IN ('fetching', 'failed') AND delivery='fetching')"
        )

        def work(db: sqlite3.Connection) -> bool:
            return bool(db.execute(query, (account,)).fetchone()[0])

        return await self.read(work)

    async def durations_of(self, pace: str, provider: str, limit: int = 50) -> list[float]:
        """Seconds that a provider's latest successes of this pace were at Kling."""

        def work(db: sqlite3.Connection) -> list[float]:
            found = db.execute(
                "SELECT finished_at - begun_at FROM job WHERE pace=? AND state='succeeded' AND provider=? "
                "AND begun_at<=finished_at ORDER BY finished_at DESC LIMIT ?",
                (pace, provider, limit),
            )
            return [float(row[0]) for row in found]

        return await self.read(work)

    async def durations(self, tool: str, model_name: str | None, provider: str, limit: int = 50) -> list[float]:
        """Seconds that the latest successes of this tool and model took; of a tool of several steps, with any model.

        Only a provider's latest jobs are searched.
        """

        def work(db: sqlite3.Connection) -> list[float]:
            found = db.execute(
                "SELECT finished_at - coalesce(begun_at, created_at) AS took FROM "
                "(SELECT * FROM job WHERE provider=? ORDER BY id DESC LIMIT ?) WHERE tool=? AND state=? "
                "AND (wire=? OR attempts>0 AND model_name IS ?) AND took>=0 LIMIT ?",  # made here, not adopted
                (provider, _SEARCHED, tool, State.SUCCEEDED, PLAN, model_name, limit),
            )
            return [float(row[0]) for row in found]

        return await self.read(work)

    async def lease(self, name: str, owner: str, seconds: float, alive: Callable[[str], bool]) -> bool:
        """Hold the named lease for ``seconds`` more, if nobody living holds it. Renewing one's own always works."""

        def work(db: sqlite3.Connection) -> bool:
            now = self.clock.now()
            row = db.execute("SELECT owner, until FROM lease WHERE name=?", (name,)).fetchone()
            if row and row[0] != owner and now < row[1] < now + LONGEST_LEASE_S and alive(row[0]):
                return False
            db.execute("INSERT OR REPLACE INTO lease VALUES (?, ?, ?)", (name, owner, now + seconds))
            return True

        return await self.write(work)

    async def check(self) -> None:
        """Open the ledger if it is not, so that trouble with it shows now."""
        await self.read(lambda _: None)

    async def write(self, work: Callable[[sqlite3.Connection], Any]) -> Any:  # noqa: ANN401 - typed by the callers
        """Run work of this room as one transaction; it is durable when this returns."""
        return await self._writer.do(work, writes=True)

    async def read(self, work: Callable[[sqlite3.Connection], Any]) -> Any:  # noqa: ANN401 - typed by the callers
        """Run work of this room that writes nothing."""
        return await self._writer.do(work, writes=False)

    async def _jobs(self, where: str, *values: object) -> list[Job]:
        return await self.read(lambda db: rows.jobs(db, where, *values))
