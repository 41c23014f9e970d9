"""The ledger as somebody reads it who runs no server: read-only, beside servers that work on it.

Every question is asked and answered at once, in small parts: a read left open would keep the servers from writing.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from kling_mcp.errors import LocalTrouble
from kling_mcp.jobs.ledger.rows import TASK, listed
from kling_mcp.jobs.ledger.schema import COLUMNS, SCHEMA_VERSION, SELECT, job_of, reserve_of, version_of
from kling_mcp.jobs.ledger.store import SQLITE_PATIENCE_S, trouble
from kling_mcp.jobs.model import UNANSWERED

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterator, Sequence
    from pathlib import Path

    from kling_mcp.jobs.model import Job, State

BATCH = 200
_JSON = frozenset({"arguments", "media", "failure", "notes", "facts"})
_UNANSWERED = listed(UNANSWERED)
_NO_REQUEST = "id NOT IN (SELECT job_id FROM request)"
_ORPHANS = (
    (
        "SELECT job_id FROM request WHERE job_id NOT IN (SELECT id FROM job)",
        "A request of job {} is kept, but there is no such job. The next daily upkeep of a server deletes it.",
    ),
    (
        f"SELECT id FROM job WHERE state IN ({_UNANSWERED}) AND {TASK} AND {_NO_REQUEST}",  # noqa: S608 - our words
        "Job {} waits to be posted, but what was to be posted is gone. Withdraw it with cancel_job and call again.",
    ),
    (
        "SELECT id FROM job WHERE parent IS NOT NULL AND parent NOT IN (SELECT id FROM job)",
        "Job {} is a step of a job that is not there. Keep the file, and report it with kling-mcp ledger export.",
    ),
    (
        f"SELECT id FROM job WHERE task_id<>'' AND {TASK} GROUP BY account, task_id HAVING count(*)>1",  # noqa: S608 - as above
        "Job {} and another one tell of the same task at Kling. It was paid once; list_charges shows it.",
    ),
)


class Inspection:
    """An open ledger that cannot be altered."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def newest(
        self, *, states: Collection[State] = (), tool: str | None = None, since: float = 0.0, limit: int = 20
    ) -> list[Job]:
        """Jobs, newest first; steps are left out, since the job stands for them."""
        marks = ", ".join("?" * len(states))
        conditions = ["parent IS NULL", "created_at>=?", *([f"state IN ({marks})"] if states else [])]
        values: list[Any] = [since, *states]
        if tool:
            conditions.append("tool=?")
            values.append(tool)
        where = " AND ".join(conditions)
        return [job_of(row) for row in self._rows(f"{SELECT} WHERE {where} ORDER BY id DESC LIMIT ?", *values, limit)]

    def records(self) -> Iterator[dict[str, Any]]:
        """Every job as plain data, all its fields by name; steps follow their job."""
        for row in self._all():
            record = dict(zip(COLUMNS, row, strict=True))
            yield {name: json.loads(v) if name in _JSON and v is not None else v for name, v in record.items()}

    def jobs(self) -> Iterator[tuple[str, Job | None, bool]]:
        """Every job: its id, its record (None if it cannot be read), and whether what it reserves is right."""
        for row in self._all():
            try:
                job = job_of(row)
            except (ValueError, TypeError, KeyError, ArithmeticError, AttributeError):
                yield str(row[0]), None, False
                continue
            yield job.id, job, reserve_of(job) == row[-1]

    def damage(self) -> list[str]:
        """What SQLite itself finds wrong with the file; nothing if all is well."""
        told = [str(row[0]) for row in self._rows("PRAGMA integrity_check(20)")]
        return [] if told == ["ok"] else told

    def orphans(self) -> list[str]:
        """What belongs together and is not, a sentence each."""
        return [sentence.format(row[0]) for query, sentence in _ORPHANS for row in self._rows(query)]

    def _all(self) -> Iterator[Sequence[Any]]:
        last = ""
        while rows := self._rows(f"{SELECT} WHERE id>? ORDER BY id LIMIT ?", last, BATCH):
            yield from rows
            last = str(rows[-1][0])

    def _rows(self, query: str, *values: object) -> list[Any]:
        with closing(self._db.execute(query, values)) as cursor:
            return cursor.fetchall()


@contextmanager
def inspected(path: Path) -> Generator[Inspection]:
    """Open a ledger for reading.

    Raises:
        LocalTrouble: There is none, it is of another version, or it cannot be read.
    """
    if not path.is_file():
        raise LocalTrouble(
            f"There is no ledger at {path}.",
            code="no_ledger",
            fix="It is made when a server first starts; KLING_DATABASE_URL names another place.",
        )
    try:
        address = f"file:{quote(str(path.resolve()))}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=SQLITE_PATIENCE_S, isolation_level=None)) as db:
            _check_version(version_of(db), path)
            yield Inspection(db)
    except sqlite3.Error as error:
        raise trouble(error, path) from error


def _check_version(version: int, path: Path) -> None:
    if version == SCHEMA_VERSION:
        return
    newer = version > SCHEMA_VERSION
    raise LocalTrouble(
        f"The ledger {path} was written by {'a newer' if newer else 'an older'} kling-mcp (schema {version}, not "
        f"{SCHEMA_VERSION}).",
        code="ledger_too_new" if newer else "ledger_too_old",
        fix="Update kling-mcp." if newer else "Start a server of this version once: it brings the file up to date.",
    )
