"""The ledger's file: its tables, what an older version's file lacks of them, and how a job is a row.

Columns are only ever added, each with a default, because server processes of the version before may still run on the
same file: they write what they know and leave the rest.
"""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict, fields, replace
from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

from kling_mcp.errors import Failure
from kling_mcp.jobs.model import PLAN, Delivery, Job, Media, State
from kling_mcp.jobs.spend import reserved

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence

SCHEMA_VERSION = 3

COLUMNS = (*(f.name for f in fields(Job)), "reserved")
"""A job's fields, and what follows from them that is summed up."""

_TYPES: Mapping[str, str] = {
    "id": "TEXT PRIMARY KEY",
    **dict.fromkeys(("created_at", "updated_at", "lease_until", "not_before"), "REAL"),
    **dict.fromkeys(("settles_at", "finished_at", "unreached_since"), "REAL"),
    **dict.fromkeys(("epoch", "attempts", "doubts", "absences", "fetches"), "INTEGER"),
    "facts": "TEXT NOT NULL DEFAULT '{}'",
    "nameless": "INTEGER NOT NULL DEFAULT 0",
    **dict.fromkeys(("step", "package", "pace"), "TEXT NOT NULL DEFAULT ''"),
    "slots": "INTEGER NOT NULL DEFAULT 1",
    "begun_at": "REAL",
    "reserved": "INTEGER NOT NULL DEFAULT 0",
}
"""What is not plain text."""

RESERVED_PER_UNIT = 1_000_000
"""``reserved`` is in millionths of a unit, so that sums are exact."""


def _column(name: str) -> str:
    return f"{name} {_TYPES.get(name, 'TEXT')}"


_STEPS = "CREATE INDEX job_parent ON job (parent) WHERE parent IS NOT NULL"
_PLANS = f"CREATE INDEX job_plan ON job (provider, state) WHERE wire='{PLAN}'"

_SINCE_3 = ("package", "slots", "pace", "begun_at", "idempotency_key", "reserved")
_KEPT_APART = (
    "CREATE INDEX job_lane ON job (account, package, state, created_at, id, slots)",
    (
        "CREATE INDEX job_held ON job (account, package, state, slots) "
        "WHERE state IN ('submitting', 'unknown', 'running')"
    ),
    "CREATE INDEX job_spent ON job (provider, created_at, reserved)",
    "CREATE INDEX job_pace ON job (pace, state, finished_at)",
    "CREATE UNIQUE INDEX job_named ON job (account, idempotency_key) WHERE idempotency_key IS NOT NULL",
    # What is in flight, without touching its rows: thousands are read at every sweep.
    (
        "CREATE INDEX job_flying ON job (account, state, not_before, updated_at, created_at, begun_at, id, wire, path, "
        "task_id, pace, tool, model_name, nameless, absences, blocked_reason) WHERE state IN ('running', 'unknown')"
    ),
    "CREATE INDEX job_fetching ON job (account, delivery, finished_at) WHERE delivery IN ('fetching', 'failed')",
    "CREATE INDEX job_begun ON job (account, begun_at, path) WHERE begun_at IS NOT NULL",
    # When somebody last looked: at a job for an agent, or (under the account's name) at all of them.
    "CREATE TABLE look (name TEXT PRIMARY KEY, at REAL NOT NULL) STRICT, WITHOUT ROWID",
    # How many parallel slots an account has, as far as refusals and successes have taught.
    (
        "CREATE TABLE lane (account TEXT, package TEXT, cap INTEGER, learnt_at REAL, probe_at REAL, pause REAL, "
        "base INTEGER, accepted INTEGER, wait_until REAL, wait REAL, PRIMARY KEY (account, package)) STRICT"
    ),
    # Why an account (or a pack or model of it) takes no jobs at present.
    (
        "CREATE TABLE circuit (account TEXT, scope TEXT, failure TEXT, doubts INTEGER, opened_at REAL, probe_at REAL, "
        "pause REAL, PRIMARY KEY (account, scope)) STRICT"
    ),
    # One-time tokens by which a price is approved; kept as digests.
    (
        "CREATE TABLE approval (digest TEXT PRIMARY KEY, account TEXT NOT NULL, request_hash TEXT NOT NULL, "
        "expires_at REAL NOT NULL) STRICT"
    ),
)

_TABLES = (
    f"CREATE TABLE job ({', '.join(_column(name) for name in COLUMNS)}) STRICT",
    "CREATE INDEX job_open ON job (account, state, not_before)",
    "CREATE INDEX job_delivery ON job (account, delivery) WHERE delivery IN ('fetching', 'failed')",
    "CREATE INDEX job_task ON job (account, task_id) WHERE task_id IS NOT NULL",
    "CREATE INDEX job_age ON job (created_at)",
    "CREATE INDEX job_request ON job (account, request_hash, created_at)",
    _STEPS,
    _PLANS,
    # Apart from the jobs, because pictures make it megabytes, and only a POST needs it.
    "CREATE TABLE request (job_id TEXT PRIMARY KEY, posted TEXT NOT NULL) STRICT",
    "CREATE TABLE lease (name TEXT PRIMARY KEY, owner TEXT NOT NULL, until REAL NOT NULL) STRICT",
    *_KEPT_APART,
)

_STEPS_FROM: Mapping[int, Sequence[str]] = {
    1: (
        *(f"ALTER TABLE job ADD COLUMN {_column(name)}" for name in ("facts", "nameless", "parent", "step")),
        _STEPS,
        _PLANS,
    ),
    2: (
        *(f"ALTER TABLE job ADD COLUMN {_column(name)}" for name in _SINCE_3),
        *_KEPT_APART,
    ),
}
"""What turns a file of a version into one of the next."""

INSERT = f"INSERT INTO job ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - our names
SELECT = f"SELECT {', '.join(COLUMNS)} FROM job"  # noqa: S608 - our names
_SET = {"idempotency_key": "idempotency_key=coalesce(?, idempotency_key)"}
"""A job can be given a key while somebody is at it who read it without."""
UPDATE = f"UPDATE job SET {', '.join(_SET.get(name, f'{name}=?') for name in COLUMNS)} WHERE id=? AND epoch=?"  # noqa: S608 - our names


def version_of(db: sqlite3.Connection) -> int:
    """Which version of the schema the file has; 0 if it is new."""
    with closing(db.execute("PRAGMA user_version")) as cursor:
        return int(cursor.fetchone()[0])


def missing(version: int) -> Sequence[str]:
    """The statements that turn a file of a version (0: an empty one) into one of this."""
    if version == 0:
        return _TABLES
    return [statement for each in range(version, SCHEMA_VERSION) for statement in _STEPS_FROM[each]]


_Record = TypeVar("_Record", Media, Failure)


_LABELS = "labels of results"
"""Where the labels of results are, among the facts: a server of version 1 chokes on attributes it does not know, and
while it does so it keeps the file locked. It does not read the facts."""


def _told(media: Media) -> dict[str, Any]:
    return {name: value for name, value in asdict(media).items() if name != "label"}


def _made(record: type[_Record], kept: Mapping[str, Any]) -> _Record:
    """A record as far as this version knows it: a later one may have written more."""
    known = {each.name for each in fields(record)}
    return record(**{name: value for name, value in kept.items() if name in known})


_TO_COLUMN: Mapping[str, Callable[[Any], Any]] = {
    "arguments": json.dumps,
    "units_quoted": str,
    "units_charged": str,
    "media": lambda media: json.dumps([_told(m) for m in media]),
    "failure": lambda failure: json.dumps(asdict(failure)),
    "notes": json.dumps,
    "facts": json.dumps,
    "nameless": int,
}
_FROM_COLUMN: Mapping[str, Callable[[Any], Any]] = {
    "arguments": json.loads,
    "units_quoted": Decimal,
    "units_charged": Decimal,
    "state": State,
    "delivery": Delivery,
    "media": lambda text: tuple(_made(Media, m) for m in json.loads(text)),
    "failure": lambda text: _made(Failure, json.loads(text)),
    "notes": lambda text: tuple(json.loads(text)),
    "facts": json.loads,
    "nameless": bool,
}
# By place, worked out once: a ledger writes and reads thousands of rows a second.
_FIELDS_OF = attrgetter(*COLUMNS[:-1])
_TO_ROW = [(COLUMNS.index(name), code) for name, code in _TO_COLUMN.items()]
_FROM_ROW = [(COLUMNS.index(name), code) for name, code in _FROM_COLUMN.items()]


def row_of(job: Job) -> list[Any]:
    """A job as the values of its row, in the order of ``COLUMNS``."""
    if any(media.label for media in job.media):
        job = replace(job, facts={**job.facts, _LABELS: [media.label for media in job.media]})
    return [*_coded(_TO_ROW, _FIELDS_OF(job)), reserve_of(job)]


def reserve_of(job: Job) -> int:
    """What a job counts against the limit of its day, as ``reserved`` holds it."""
    return int(reserved(job) * RESERVED_PER_UNIT)


def job_of(row: Sequence[Any]) -> Job:
    """The job a row holds."""
    job = Job(*_coded(_FROM_ROW, row[:-1]))
    if _LABELS not in job.facts:
        return job
    facts = dict(job.facts)
    labels = [*facts.pop(_LABELS), *([""] * len(job.media))]
    labelled = zip(job.media, labels, strict=False)
    return replace(job, facts=facts, media=tuple(replace(media, label=label) for media, label in labelled))


def _coded(table: Sequence[tuple[int, Callable[[Any], Any]]], values: Sequence[Any]) -> list[Any]:
    coded = list(values)
    for place, code in table:
        if coded[place] is not None:
            coded[place] = code(coded[place])
    return coded
