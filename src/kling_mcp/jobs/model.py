"""What a job is: our durable record of one generation, and of its results. The moves are in ``moves``.

    queued → submitting → running → succeeded | failed
                 └→ unknown (answer lost: look up) ─→ running, queued again, or unconfirmed
    queued → cancelled

A nameless job (Kling takes no id of ours with it) cannot be looked up: from submitting, a lost answer leads straight
to unconfirmed. A job of several steps moves as its steps do (``plans``).

Times are unix seconds. ``id`` doubles as Kling's ``external_task_id``, so one look-up by id settles every doubt.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping
    from decimal import Decimal

    from kling_mcp.errors import Failure
    from kling_mcp.operations.base import Yields


class State(StrEnum):
    """Where a job stands. One line each, because everything hangs on the difference."""

    QUEUED = "queued"  # accepted and durable; no POST is under way
    SUBMITTING = "submitting"  # a POST may be leaving right now
    UNKNOWN = "unknown"  # a POST left and its answer was lost; look it up
    RUNNING = "running"  # Kling gave a task id
    SUCCEEDED = "succeeded"  # Kling finished it; see delivery for the file
    FAILED = "failed"  # refused or failed; uncharged unless the failure says otherwise
    CANCELLED = "cancelled"  # withdrawn before any POST
    UNCONFIRMED = "unconfirmed"  # its answer was lost and nobody can look it up


class Delivery(StrEnum):
    """Whether the results are on disk."""

    NONE = "none"  # nothing to fetch yet
    FETCHING = "fetching"  # Kling finished; the files are being fetched
    STORED = "stored"  # every file is on disk and verified
    FAILED = "failed"  # fetching did not work; get_job tries again
    EXPIRED = "expired"  # Kling deleted the files before we could fetch them


CLOCK_SLACK_S = 60.0
"""Clocks differ: what was written so little in the future is believed. Further ahead, that clock has been set back."""

PLAN = "plan"
"""The wire of a job of several steps: nothing is posted for the job itself, its steps are jobs of their own."""

UNANSWERED = frozenset({State.QUEUED, State.SUBMITTING, State.UNKNOWN})
"""What may still have to be posted."""
FINISHED = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED, State.UNCONFIRMED})


@dataclass(frozen=True, slots=True)
class Media:
    """One result of a job. ``path`` and what follows are None until the file is on disk.

    Attributes:
        media_id: ``<job id>_<n>``; the end of ``kling://media/…``.
        kind: What it is.
        url: Where Kling keeps it.
        kling_id: Kling's own id, for chaining.
        expires_at: When Kling deletes it (30 days after generation).
        size: Bytes.
        sha256: Hex digest of the file.
        trouble: Why the file could not be fetched, one sentence; empty if nothing is wrong.
        label: What tells it from its neighbours (``face 0``, ``joined``); empty where nothing needs to.
    """

    media_id: str
    kind: Yields
    url: str
    kling_id: str | None = None
    expires_at: float | None = None
    path: str | None = None
    mime: str | None = None
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    size: int | None = None
    sha256: str | None = None
    trouble: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """Our durable record of one generation."""

    id: str
    account: str
    provider: str
    tool: str
    request_hash: str
    arguments: Mapping[str, Any]
    """The agent's arguments, long values elided, for people."""
    model_name: str | None
    units_quoted: Decimal | None
    created_at: float
    updated_at: float
    wire: str
    path: str
    state: State = State.QUEUED
    delivery: Delivery = Delivery.NONE
    epoch: int = 0
    """Counts writes of the row. A writer that read an older epoch has lost the race and writes nothing."""
    owner: str | None = None
    """The process that is posting or fetching right now."""
    lease_until: float | None = None
    """Until when, by the ledger's clock, the owner is believed to be at it, unless it is known to be dead."""
    attempts: int = 0
    """POSTs begun."""
    unreached_since: float | None = None
    """Since when every attempt found no connection at all."""
    doubts: int = 0
    """POSTs whose answer was lost."""
    not_before: float = 0.0
    """Neither posted, nor looked up, nor fetched before this time."""
    settles_at: float = 0.0
    """From when on a look-up that does not find it proves that it never landed."""
    absences: int = 0
    """How many look-ups in a row did not find it."""
    fetches: int = 0
    """Downloads begun."""
    folder: str = ""
    """Where its files go: the output folder of the process that accepted it."""
    task_id: str | None = None
    units_charged: Decimal | None = None
    finished_at: float | None = None
    blocked_reason: str = ""
    """Why it waits, for people; empty when it does not."""
    media: tuple[Media, ...] = field(default=())
    failure: Failure | None = None
    notes: tuple[str, ...] = field(default=())
    """What the agent should know about this result (a sample, a retired model)."""
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What Kling told beside files, as small JSON (``providers.base.Progress.facts``)."""
    nameless: bool = False
    """Whether Kling knows it by no id of ours: a lost answer stays lost, and is never posted again."""
    parent: str | None = None
    """The job it is a step of."""
    step: str = ""
    """Which step. Of a job of several steps: the one whose results are its own, once it is known."""
    package: str = ""
    """Which resource pack pays and lends its slots (an ``operations.base.Package``); empty where nobody knows."""
    slots: int = 1
    """How many of Kling's parallel slots it takes while it is being made; 0 for what Kling answers at once."""
    pace: str = ""
    """What its duration hangs on (function, model, mode, length): jobs of one pace take about as long."""
    begun_at: float | None = None
    """When Kling took it."""
    idempotency_key: str | None = None
    """The agent's own name for this request: it is never recorded twice under one."""

    @property
    def has_steps(self) -> bool:
        """Whether steps do its work, so that Kling has no task of its own for it."""
        return self.wire == PLAN

    @property
    def finished(self) -> bool:
        """Whether Kling has nothing more to do."""
        return self.state in FINISHED

    @property
    def settled(self) -> bool:
        """Whether there is nothing left to wait for: finished, and its files fetched or given up on."""
        return self.finished and self.delivery is not Delivery.FETCHING


def taken(job: Job, owner: str, now: float) -> Job:
    """The job with this process at it; until when that is believed, the ledger adds by its own clock."""
    return replace(_timely(job, now), owner=owner, updated_at=now)


def seen(job: Job, now: float) -> Job:
    """The job, looked at without news: the same record, unless a clock wrote it that has been set back since."""
    return job if job.updated_at <= now else replace(_timely(job, now), updated_at=now)


def _timely(job: Job, now: float) -> Job:
    """The job without a pause: it is taken up now, so none is needed, and one made by a wrong clock must not last."""
    return replace(job, not_before=min(job.not_before, now))


def free(job: Job, now: float) -> Job:
    """The job with nobody at it any more; whatever happens next is the first of its kind."""
    return replace(job, owner=None, lease_until=None, unreached_since=None, updated_at=now)


def spread(seconds: float, dice: random.Random) -> float:
    """A pause of about so long, so that many who wait do not come back at once."""
    return seconds * (0.5 + dice.random() / 2)
