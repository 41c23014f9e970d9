"""The thread's side of the ledger: the open file, its locks, and groups of operations committed together."""

from __future__ import annotations

import os
import sqlite3
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any

from kling_mcp.errors import LocalTrouble
from kling_mcp.jobs.ledger.migration import migrate
from kling_mcp.jobs.locks import exclusive, private_file

if TYPE_CHECKING:
    from pathlib import Path

    from kling_mcp.jobs.ledger.writer import Operation

SQLITE_PATIENCE_S = 30.0
"""How long a program that is not ours may hold the file; ours queue at the lock file before they touch it."""

WAL_SAFE_SINCE = (3, 51, 3)
"""Older SQLite can corrupt a WAL database that several connections write to (the WAL-reset bug); there we use
the rollback journal instead."""


class Store:
    """The ledger's file. Opened at the first group, and again after a failure; used by the writer's thread only."""

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
            results = [trouble(error, self._path)] * len(live)
        except LocalTrouble as error:
            live = _not_withdrawn(group)
            results = [error] * len(live)
        for operation, result in zip(live, results, strict=True):
            if isinstance(result, BaseException):
                operation.future.set_exception(result)
            else:
                operation.future.set_result(result)

    def close(self) -> None:
        """Close the file, if it is open."""
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
    try:
        for pragma in (f"journal_mode={mode}", "synchronous=FULL", "foreign_keys=ON"):
            db.execute(f"PRAGMA {pragma}").close()
        migrate(db, path)
    except BaseException:
        db.close()  # an open transaction ends with its connection, unwritten
        raise
    return db


def trouble(error: OSError | sqlite3.Error, path: Path) -> LocalTrouble:
    """A store failure as a sentence for the human whose machine it is."""
    if "malformed" in str(error) or "not a database" in str(error):
        fix = "Stop the servers and put a backup in its place, or move it away (keep it: it names your paid jobs)."
    else:
        fix = "Check that the disk has space and the folder is writable, or set KLING_DATABASE_URL to another file."
    return LocalTrouble(f"The ledger {path} cannot be used: {error}.", code="ledger_unusable", fix=fix)
