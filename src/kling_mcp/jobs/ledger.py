"""The ledger: every paid intent, durable before it is paid. The only SQL of the project.

Embedded store: stdlib SQLite, one writer thread per process with group commit, and an OS file lock around each
commit, because several server processes share one file (each MCP client starts its own).
"""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing, nullcontext, suppress
from dataclasses import asdict, fields, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from kling_mcp.errors import Failure, LocalTrouble
from kling_mcp.jobs.locks import exclusive, private_file
from kling_mcp.jobs.model import FINISHED, UNANSWERED, Delivery, Job, Media, State
from kling_mcp.jobs.writer import Operation, Writer
from kling_mcp.providers.base import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

SCHEMA_VERSION = 1
SQLITE_PATIENCE_S = 30.0
"""How long a program that is not ours may hold the file; ours queue at the lock file before they touch it."""

WAL_SAFE_SINCE = (3, 51, 3)
"""Older SQLite can corrupt a WAL database that several connections write to (the WAL-reset bug); there we use
the rollback journal instead."""

_REAL = {"created_at", "updated_at", "lease_until", "not_before", "settles_at", "finished_at", "unreached_since"}
_INTEGER = {"epoch", "attempts", "doubts", "absences", "fetches", "nameless"}
_COLUMNS = tuple(f.name for f in fields(Job))

_SCHEMA = (
    "CREATE TABLE job ("
    + ", ".join(
        f"{name} {'REAL' if name in _REAL else 'INTEGER' if name in _INTEGER else 'TEXT'}"
        + (" PRIMARY KEY" if name == "id" else "")
        for name in _COLUMNS
    )
    + ") STRICT",
    "CREATE INDEX job_open ON job (account, state, not_before)",
    "CREATE INDEX job_delivery ON job (account, delivery) WHERE delivery IN ('fetching', 'failed')",
    "CREATE INDEX job_task ON job (account, task_id) WHERE task_id IS NOT NULL",
    "CREATE INDEX job_age ON job (created_at)",
    "CREATE INDEX job_request ON job (account, request_hash, created_at)",
    # Apart from the jobs, because pictures make it megabytes, and only a POST needs it.
    "CREATE TABLE request (job_id TEXT PRIMARY KEY, posted TEXT NOT NULL) STRICT",
    "CREATE TABLE lease (name TEXT PRIMARY KEY, owner TEXT NOT NULL, until REAL NOT NULL) STRICT",
)

_INSERT = f"INSERT INTO job ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - our names
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM job"  # noqa: S608 - our names
_UPDATE = f"UPDATE job SET {', '.join(f'{name}=?' for name in _COLUMNS)} WHERE id=? AND epoch=?"  # noqa: S608 - our names


class Ledger:
    """Jobs on disk. Every method is one transaction; writes return after they are durable.

    Raises:
        LocalTrouble: From every method: disk full, read-only, corrupt, held too long, or written by a newer version.
            Nothing was written; whoever was about to pay must not.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer = Writer(_Connection(path))

    async def close(self) -> None:
        """Finish what is under way and close the file."""
        await self._writer.close()

    async def add(self, job: Job, request: Request) -> None:
        """Record a new intent, and what is to be posted for it."""
        posted = json.dumps({"wire": request.wire, "path": request.path, "body": request.body})

        def work(db: sqlite3.Connection) -> None:
            db.execute(_INSERT, _row(job))
            db.execute("INSERT INTO request VALUES (?, ?)", (job.id, posted))

        await self._write(work)

    async def request(self, job_id: str) -> Request | None:
        """What is to be posted for a job; None once Kling has answered."""

        def work(db: sqlite3.Connection) -> Request | None:
            row = db.execute("SELECT posted FROM request WHERE job_id=?", (job_id,)).fetchone()
            return Request(**json.loads(row[0])) if row else None

        return await self._writer.do(work, writes=False)

    async def save(self, job: Job) -> Job | None:
        """Write a job's next record, unless somebody else wrote the row since ours was read.

        Returns:
            The record as it now stands, or None if the race was lost and nothing was written.
        """
        saved = replace(job, epoch=job.epoch + 1)

        def work(db: sqlite3.Connection) -> Job | None:
            if db.execute(_UPDATE, (*_row(saved), job.id, job.epoch)).rowcount != 1:
                return None
            if job.state not in UNANSWERED:
                db.execute("DELETE FROM request WHERE job_id=?", (job.id,))
            return saved

        return await self._write(work)

    async def many(self, ids: Sequence[str]) -> dict[str, Job]:
        """The jobs of these ids; unknown ids are missing."""
        marks = ", ".join("?" * len(ids))
        return {job.id: job for job in await self._jobs(f"WHERE id IN ({marks})", *ids)}

    async def in_state(self, account: str, state: State, now: float, limit: int = 1000) -> list[Job]:
        """Jobs of this account in this state whose time has come, oldest first."""
        return await self._jobs(
            "WHERE account=? AND state=? AND not_before<=? ORDER BY created_at LIMIT ?", account, state, now, limit
        )

    async def in_delivery(self, account: str, delivery: Delivery, now: float, limit: int = 100) -> list[Job]:
        """Finished jobs of this account at this point of their delivery whose time has come, oldest first."""
        return await self._jobs(
            "WHERE account=? AND delivery=? AND not_before<=? ORDER BY finished_at LIMIT ?",
            account,
            delivery,
            now,
            limit,
        )

    async def undelivered(self, account: str, provider: str) -> list[Job]:
        """A provider's finished jobs whose fetching was given up for now, or is the business of another credential."""
        return await self._jobs(
            "WHERE delivery IN ('fetching', 'failed') AND provider=? AND (account<>? OR delivery=?)",
            provider,
            account,
            Delivery.FAILED,
        )

    async def strangers(self, account: str, provider: str, limit: int = 20) -> list[Job]:
        """A provider's jobs that Kling has, or may have, from another credential; newest first."""
        return await self._jobs(
            "WHERE account<>? AND provider=? AND state IN (?, ?, ?) ORDER BY created_at DESC LIMIT ?",
            account,
            provider,
            State.SUBMITTING,
            State.UNKNOWN,
            State.RUNNING,
            limit,
        )

    async def newest(
        self,
        provider: str,
        *,
        states: Collection[State] = (),
        tool: str | None = None,
        limit: int = 20,
        before: str | None = None,
    ) -> list[Job]:
        """A provider's jobs, newest first; ``before`` continues after the job of that id. Ids sort by time."""
        conditions, values = ["provider=?"], list[Any]([provider])
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

    async def open_jobs(self, account: str) -> int:
        """How many jobs of this account are not settled."""
        marks = ", ".join("?" * len(FINISHED))
        query = f"SELECT count(*) FROM job WHERE account=? AND (state NOT IN ({marks}) OR delivery=?)"  # noqa: S608

        def work(db: sqlite3.Connection) -> int:
            return int(db.execute(query, (account, *FINISHED, Delivery.FETCHING)).fetchone()[0])

        return await self._writer.do(work, writes=False)

    async def durations(self, tool: str, model_name: str | None, limit: int = 20) -> list[float]:
        """Seconds that the latest successes of this tool and model took."""

        def work(db: sqlite3.Connection) -> list[float]:
            rows = db.execute(
                "SELECT finished_at - created_at FROM job WHERE tool=? AND model_name IS ? AND state=? "
                "ORDER BY id DESC LIMIT ?",
                (tool, model_name, State.SUCCEEDED, limit),
            )
            return [float(row[0]) for row in rows]

        return await self._writer.do(work, writes=False)

    async def lease(self, name: str, owner: str, now: float, seconds: float, alive: Callable[[str], bool]) -> bool:
        """Hold the named lease for ``seconds`` more, if nobody living holds it. Renewing one's own always works."""

        def work(db: sqlite3.Connection) -> bool:
            row = db.execute("SELECT owner, until FROM lease WHERE name=?", (name,)).fetchone()
            if row and row[0] != owner and row[1] > now and alive(row[0]):
                return False
            db.execute("INSERT OR REPLACE INTO lease VALUES (?, ?, ?)", (name, owner, now + seconds))
            return True

        return await self._write(work)

    async def check(self) -> None:
        """Open the ledger if it is not, so that trouble with it shows now."""
        await self._writer.do(lambda _: None, writes=False)

    async def _write(self, work: Callable[[sqlite3.Connection], Any]) -> Any:  # noqa: ANN401 - typed by the callers
        return await self._writer.do(work, writes=True)

    async def _jobs(self, where: str, *values: object) -> list[Job]:
        def work(db: sqlite3.Connection) -> list[Job]:
            return [_job(row) for row in db.execute(f"{_SELECT} {where}", values)]

        return await self._writer.do(work, writes=False)


class _Connection:
    """The thread's side: opens the file at the first group, and again after a failure to open."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = path.with_name(path.name + ".lock")
        self._db: sqlite3.Connection | None = None

    def run(self, group: list[Operation]) -> None:
        """Do what was not withdrawn while the locks were waited for; from then on nothing can be withdrawn."""
        writes = any(o.writes for o in group)
        results: list[Any]
        try:
            with exclusive(self._lock) if writes or self._db is None else nullcontext():
                db = self._begun(writes=writes)
                live = _not_withdrawn(group)
                results = [_attempt(o, db) for o in live]
                if writes:
                    db.execute("COMMIT")
        except (OSError, sqlite3.Error) as error:
            self._reset()
            live = _not_withdrawn(group)
            results = [_trouble(error, self._path)] * len(live)
        except LocalTrouble as error:
            live = _not_withdrawn(group)
            results = [error] * len(live)
        for operation, result in zip(live, results, strict=True):
            if isinstance(result, BaseException):
                operation.future.set_exception(result)
            else:
                operation.future.set_result(result)

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _begun(self, *, writes: bool) -> sqlite3.Connection:
        """The open connection, holding SQLite's own write lock if anything is to be written."""
        db = self._db = self._db or _opened(self._path)
        if writes:
            db.execute("BEGIN IMMEDIATE")
        return db

    def _reset(self) -> None:
        if self._db is None:
            return
        with suppress(sqlite3.Error):
            self._db.close()  # an open transaction ends with its connection, unwritten
        self._db = None


def _not_withdrawn(group: list[Operation]) -> list[Operation]:
    """Those still wanted, begun from now on (if they were not already): nobody can withdraw them any more."""
    wanted = (o for o in group if not o.future.done())
    return [o for o in wanted if o.future.running() or o.future.set_running_or_notify_cancel()]


def _attempt(operation: Operation, db: sqlite3.Connection) -> Any:  # noqa: ANN401 - the operation's own result
    """One operation's result; a bug in it must not take its neighbours' commit down. Store failures must."""
    try:
        return operation.work(db)
    except sqlite3.IntegrityError as error:
        return error
    except sqlite3.Error:
        raise
    except Exception as error:  # noqa: BLE001 - handed to the caller it belongs to
        return error


def _opened(path: Path) -> sqlite3.Connection:
    os.close(private_file(path))
    db = sqlite3.connect(path, timeout=SQLITE_PATIENCE_S, isolation_level=None)
    mode = "WAL" if sqlite3.sqlite_version_info >= WAL_SAFE_SINCE else "TRUNCATE"
    for pragma in (f"journal_mode={mode}", "synchronous=FULL", "foreign_keys=ON"):
        db.execute(f"PRAGMA {pragma}").close()
    _migrate(db, path)
    return db


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    """Bring the file to this version's schema. A file of a newer version is left alone."""
    with closing(db.execute("PRAGMA user_version")) as cursor:
        version = int(cursor.fetchone()[0])
    if version > SCHEMA_VERSION:
        db.close()
        raise LocalTrouble(
            f"The ledger {path} was written by a newer kling-mcp.",
            code="ledger_too_new",
            fix="Update kling-mcp, or point KLING_DATABASE_URL at another file.",
        )
    if version == 0:
        db.execute("BEGIN IMMEDIATE")
        for statement in _SCHEMA:
            db.execute(statement)
        db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        db.execute("COMMIT")


def _trouble(error: OSError | sqlite3.Error, path: Path) -> LocalTrouble:
    """A store failure as a sentence for the human whose machine it is."""
    if "malformed" in str(error) or "not a database" in str(error):
        fix = "Move the file away (keep it: it names your paid jobs) and start again."
    else:
        fix = "Check that the disk has space and the folder is writable, or set KLING_DATABASE_URL to another file."
    return LocalTrouble(f"The ledger {path} cannot be used: {error}.", code="ledger_unusable", fix=fix)


_TO_COLUMN: Mapping[str, Callable[[Any], Any]] = {
    "arguments": json.dumps,
    "units_quoted": str,
    "units_charged": str,
    "media": lambda media: json.dumps([asdict(m) for m in media]),
    "failure": lambda failure: json.dumps(asdict(failure)),
    "notes": json.dumps,
    "facts": json.dumps,
}
_FROM_COLUMN: Mapping[str, Callable[[Any], Any]] = {
    "arguments": json.loads,
    "units_quoted": Decimal,
    "units_charged": Decimal,
    "state": State,
    "delivery": Delivery,
    "media": lambda text: tuple(Media(**m) for m in json.loads(text)),
    "failure": lambda text: Failure(**json.loads(text)),
    "notes": lambda text: tuple(json.loads(text)),
    "facts": json.loads,
    "nameless": bool,
}


def _row(job: Job) -> list[Any]:
    return [_coded(_TO_COLUMN, name, getattr(job, name)) for name in _COLUMNS]


def _job(row: Sequence[Any]) -> Job:
    return Job(**{name: _coded(_FROM_COLUMN, name, value) for name, value in zip(_COLUMNS, row, strict=True)})


def _coded(table: Mapping[str, Callable[[Any], Any]], name: str, value: Any) -> Any:  # noqa: ANN401 - any column
    return value if value is None or name not in table else table[name](value)
