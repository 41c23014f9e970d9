"""How an older version's file becomes this one's: all of it or nothing, and with a copy kept beside it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from kling_mcp.errors import LocalTrouble
from kling_mcp.jobs.ledger.schema import (
    SCHEMA_VERSION,
    SELECT,
    job_of,
    missing,
    reserve_of,
    version_of,
)
from kling_mcp.jobs.locks import private_file

if TYPE_CHECKING:
    from pathlib import Path


def migrate(db: sqlite3.Connection, path: Path) -> None:
    """Bring the file to this version's schema, all of it or nothing. A file of a newer version is left alone.

    Whoever calls holds the ledger's lock file, as processes of every version do while they open or write it.

    Raises:
        LocalTrouble: It is of a newer version.
        sqlite3.Error, OSError: It could not be done; the file is as it was.
    """
    version = version_of(db)
    if version > SCHEMA_VERSION:
        raise LocalTrouble(
            f"The ledger {path} was written by a newer kling-mcp.",
            code="ledger_too_new",
            fix="Update kling-mcp, or point KLING_DATABASE_URL at another file.",
        )
    if version == SCHEMA_VERSION:
        return
    if version and _holds_jobs(db):
        _copied(db, copy_of(path))
    db.execute("BEGIN IMMEDIATE")
    for statement in missing(version):
        db.execute(statement)
    if version:
        _reserve(db)
    db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    db.execute("COMMIT")


def copy_of(path: Path) -> Path:
    """Where a ledger is kept as it was before this version altered it."""
    return path.with_name(f"{path.name}.before-{SCHEMA_VERSION}")


def _holds_jobs(db: sqlite3.Connection) -> bool:
    with closing(db.execute("SELECT 1 FROM job LIMIT 1")) as cursor:
        return cursor.fetchone() is not None


def _copied(db: sqlite3.Connection, copy: Path) -> None:
    """Keep the file as it is now: a version that turns out to be a mistake can then be gone back on.

    The transaction guards against a crash; nothing but a copy guards against a migration that is wrong. Without room
    for one nothing is altered. It holds what the ledger holds, prompts too, so it is as private.
    """
    part = copy.with_name(copy.name + ".part")
    part.unlink(missing_ok=True)
    os.close(private_file(part))
    try:
        with closing(sqlite3.connect(part)) as target:
            db.backup(target)
        part.replace(copy)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _reserve(db: sqlite3.Connection) -> None:
    """What the jobs that are there already count against the day's limit: older versions did not write it down."""
    query = f"{SELECT} WHERE parent IS NULL AND (units_quoted IS NOT NULL OR units_charged IS NOT NULL)"
    known = [(reserve_of(job), job.id) for job in map(job_of, db.execute(query))]
    db.executemany("UPDATE job SET reserved=? WHERE id=?", known)
