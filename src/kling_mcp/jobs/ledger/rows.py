"""Rows as every module of this room reads and writes them, inside its transactions, and the words their SQL shares."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kling_mcp.jobs.asked import Asked
from kling_mcp.jobs.ledger.schema import INSERT, SELECT, UPDATE, job_of, row_of
from kling_mcp.jobs.model import PLAN, UNANSWERED, Job

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kling_mcp.jobs.model import State
    from kling_mcp.providers.base import Request

TASK = f"wire<>'{PLAN}'"
"""Jobs that have a task of their own at Kling; the others are what their steps make of them."""
DUE = "(not_before<=? OR updated_at>?)"
"""A pause is not believed that was written in the future (by more than ``CLOCK_SLACK_S``), for a year perhaps."""

_UNNAME = "UPDATE job SET idempotency_key=NULL WHERE id=? AND epoch=? AND idempotency_key IS NOT NULL"


def listed(states: Iterable[State]) -> str:
    """States as SQL lists them. Words of ours, so that a partial index is recognised, and no value of anybody's."""
    return ", ".join(f"'{state}'" for state in sorted(states))


def jobs(db: sqlite3.Connection, where: str, *values: object) -> list[Job]:
    """The jobs of this condition, all at once: a read left open keeps everybody from writing."""
    return [job_of(row) for row in db.execute(f"{SELECT} {where}", values).fetchall()]


def put(db: sqlite3.Connection, row: Sequence[object], posted: str) -> None:
    """Write a new job's row (``row_of``), and what is to be posted for it (``written``)."""
    db.execute(INSERT, row)
    db.execute("INSERT INTO request VALUES (?, ?)", (row[0], posted))


def replaced(db: sqlite3.Connection, job: Job) -> Job | None:
    """Write a job's next record, and forget its request once nothing can be posted for it any more.

    Args:
        db: Inside a transaction.
        job: The record, with the epoch that was read: that is the fence.

    Returns:
        The record as it now stands; None if somebody else wrote the row since ours was read: nothing was written.
    """
    saved = replace(job, epoch=job.epoch + 1)
    try:
        rows = db.execute(UPDATE, (*row_of(saved), job.id, job.epoch)).rowcount
    except sqlite3.IntegrityError:
        # It moves to a credential under which its key was used since: the key stays with the job that has it there.
        if db.execute(_UNNAME, (job.id, job.epoch)).rowcount != 1:
            raise
        return replaced(db, replace(job, idempotency_key=None))
    if rows != 1:
        return None
    if job.finished if job.has_steps else job.state not in UNANSWERED:
        db.execute("DELETE FROM request WHERE job_id=?", (job.id,))
    return saved


def written(posted: Request | Asked) -> str:
    """What is kept of a request beside its job.

    A version that knows no nameless requests cannot read one, so it never posts it.
    """
    if isinstance(posted, Asked):
        return json.dumps({"arguments": dict(posted.arguments), "sources": dict(posted.sources)})
    nameless = {"nameless": True} if posted.nameless else {}
    return json.dumps({"wire": posted.wire, "path": posted.path, "body": posted.body, **nameless})


def posted(db: sqlite3.Connection, job_id: str) -> dict[str, Any] | None:
    """What ``written`` made of a job's request; None once it is forgotten."""
    row = db.execute("SELECT posted FROM request WHERE job_id=?", (job_id,)).fetchone()
    return json.loads(row[0]) if row else None
