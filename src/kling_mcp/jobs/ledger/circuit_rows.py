"""Circuits as rows: why an account, or a pack or a model of it, takes no jobs at present."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from kling_mcp.errors import Failure
from kling_mcp.jobs.circuits import Circuit

if TYPE_CHECKING:
    import sqlite3


def circuit(db: sqlite3.Connection, account: str, scope: str) -> Circuit:
    """What is known of a scope."""
    query = "SELECT failure, doubts, opened_at, probe_at, pause FROM circuit WHERE account=? AND scope=?"
    row = db.execute(query, (account, scope)).fetchone()
    return _circuit_of(scope, *row) if row else Circuit(scope)


def _circuit_of(scope: str, failure: str | None, *rest: Any) -> Circuit:  # noqa: ANN401 - columns
    return Circuit(scope, Failure(**json.loads(failure)) if failure else None, *rest)


def keep(db: sqlite3.Connection, account: str, before: Circuit, after: Circuit) -> None:
    """Write what has changed; of a closed circuit without doubts nothing is kept."""
    if after == before:
        return
    if after == Circuit(after.scope):
        db.execute("DELETE FROM circuit WHERE account=? AND scope=?", (account, after.scope))
        return
    failure = json.dumps(asdict(after.failure)) if after.failure else None
    kept = (failure, after.doubts, after.opened_at, after.probe_at, after.pause)
    db.execute("INSERT OR REPLACE INTO circuit VALUES (?, ?, ?, ?, ?, ?, ?)", (account, after.scope, *kept))


def open_circuits(db: sqlite3.Connection, account: str) -> list[Circuit]:
    """The open circuits of an account, the widest first."""
    query = (
        "SELECT scope, failure, doubts, opened_at, probe_at, pause FROM circuit "
        "WHERE account=? AND failure IS NOT NULL ORDER BY scope"
    )
    return [_circuit_of(*row) for row in db.execute(query, (account,)).fetchall()]


def open_scopes(db: sqlite3.Connection, account: str) -> frozenset[str]:
    """The scopes in which nothing may be posted."""
    query = "SELECT scope FROM circuit WHERE account=? AND failure IS NOT NULL"
    return frozenset(scope for (scope,) in db.execute(query, (account,)).fetchall())


def within(scope: str) -> tuple[str, tuple[str, ...]]:
    """The condition that a job is in a scope, and its value."""
    kind, _, name = scope.partition(":")
    if kind == "pack":
        return "package=?", (name,)
    return ("path || ' ' || coalesce(model_name, '')=?", (name,)) if kind == "model" else ("1=1", ())
