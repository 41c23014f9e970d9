"""Lanes as rows: what is known of an account's slots for a package, what our jobs hold of them, and who waits."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING

from kling_mcp.jobs.ledger.rows import TASK
from kling_mcp.jobs.model import State
from kling_mcp.jobs.slots import Lane, Load

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from kling_mcp.jobs.model import Job

_LANE = tuple(field.name for field in fields(Lane))
_LOAD = (
    "SELECT state, count(*), coalesce(sum(slots), 0) FROM job WHERE account=? AND package=? "
    "AND state IN ('submitting', 'unknown', 'running') GROUP BY state"
)
_AHEAD = (
    "SELECT count(*), coalesce(sum(slots), 0) FROM job WHERE account=? AND package=? "  # noqa: S608 - our names
    f"AND state='queued' AND slots>0 AND {TASK} AND (created_at, id)<(?, ?)"
)


def packages(db: sqlite3.Connection, account: str) -> Iterator[str]:
    """The packages of this account's jobs, by hops over the index: there are few, and there may be very many jobs."""
    found = db.execute("SELECT min(package) FROM job WHERE account=?", (account,)).fetchone()[0]
    while found is not None:
        yield found
        query = "SELECT min(package) FROM job WHERE account=? AND package>?"
        found = db.execute(query, (account, found)).fetchone()[0]


def load(db: sqlite3.Connection, account: str, package: str) -> Load:
    """What our jobs hold of a lane's slots."""
    taken = in_air = posts = 0
    for state, count, held in db.execute(_LOAD, (account, package)).fetchall():
        if state == State.SUBMITTING:
            posts, in_air = count, held
        else:
            taken += held
    return Load(taken, in_air, posts)


def ahead(db: sqlite3.Connection, job: Job) -> tuple[int, int]:
    """How many queued jobs of its lane are before a job, and how many slots they need."""
    place = (job.account, job.package, job.created_at, job.id)
    return db.execute(_AHEAD, place).fetchone() if job.slots else (0, 0)


def lane(db: sqlite3.Connection, account: str, package: str) -> Lane:
    """What is known of a lane."""
    query = f"SELECT {', '.join(_LANE)} FROM lane WHERE account=? AND package=?"  # noqa: S608 - our names
    row = db.execute(query, (account, package)).fetchone()
    return Lane(*row) if row else Lane()


def keep(db: sqlite3.Connection, account: str, package: str, before: Lane, after: Lane) -> None:
    """Write what has changed."""
    if after != before:
        names, marks = ", ".join(("account", "package", *_LANE)), ", ".join("?" * (2 + len(_LANE)))
        query = f"INSERT OR REPLACE INTO lane ({names}) VALUES ({marks})"  # noqa: S608 - our names
        db.execute(query, (account, package, *asdict(after).values()))
