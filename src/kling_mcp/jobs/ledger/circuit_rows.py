"""Circuits as rows: why an account, or a pack or a model of it, takes no jobs at present."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from kling_mcp.errors import Failure
from kling_mcp.jobs.circuits import Circuit

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence


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


def trying(db: sqlite3.Connection, account: str, scope: str) -> tuple[str, str, tuple[str, ...]]:
    """Which jobs may try an open circuit, and what the last of them to do so have in common; and the values of both.

    None that a wider circuit holds too: that one is tried first. Those of a narrower one only where there are no
    others: if nobody tried with them, two circuits that hold the same jobs would wait for each other for ever.
    """
    others = open_scopes(db, account) - {scope}
    wider = [within(each) for each in sorted(others) if _width(each) <= _width(scope)]
    narrower = [within(each) for each in sorted(others) if _width(each) > _width(scope)]
    condition, values = within(scope)
    named = (*values, *(value for _, some in (*wider, *narrower) for value in some))
    return f"{condition} AND NOT {_any_of(wider)}", _any_of(narrower), named


def _any_of(conditions: Sequence[tuple[str, tuple[str, ...]]]) -> str:
    return f"({' OR '.join(('1=0', *(condition for condition, _ in conditions)))})"


def _width(scope: str) -> int:
    """The larger, the narrower: an account, a pack of it, a model."""
    return ("", "pack", "model").index(scope.partition(":")[0])
