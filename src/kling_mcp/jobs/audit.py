"""What is wrong with a ledger, or needs a person, in sentences that say what to do. Judges; reads files if asked to."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kling_mcp.jobs import results
from kling_mcp.jobs.model import Delivery, Job, Media, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kling_mcp.jobs.ledger.inspection import Inspection

DOUBT_SHOWN_S = 30 * 86_400.0
"""Older doubts are history: Kling keeps neither the results nor the reason any longer."""
_REPORT = "Keep a copy of the file and report it: kling-mcp ledger export shows the row."


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence; ``damaged`` if the ledger itself is wrong, else somebody should look at a job."""

    sentence: str
    damaged: bool


def findings(ledger: Inspection, now: float, *, files: bool) -> Iterator[Finding]:
    """Everything that is wrong with a ledger or needs a person.

    Args:
        ledger: To be judged.
        now: Unix seconds.
        files: Whether the files of finished jobs are read and compared too.
    """
    for damage in ledger.damage():
        yield Finding(f"SQLite finds the file damaged: {damage}. Stop the servers and restore a backup.", damaged=True)
    for orphan in ledger.orphans():
        yield Finding(orphan, damaged=True)
    for job_id, job, reserves in ledger.jobs():
        if job is None:
            yield Finding(f"Job {job_id} cannot be read. {_REPORT}", damaged=True)
            continue
        for what in impossible(job):
            yield Finding(f"Job {job.id} {what}. {_REPORT}", damaged=True)
        if not reserves:
            yield Finding(
                f"Job {job.id} reserves other units than it costs, as an older kling-mcp leaves it: the day's limit "
                "counts it wrongly until it changes. Stop servers of older versions.",
                damaged=False,
            )
        yield from (Finding(sentence, damaged=False) for sentence in _open_ends(job, now))
        if files:
            yield from (Finding(sentence, damaged=False) for sentence in _file_troubles(job))


_IMPOSSIBLE: tuple[tuple[str, Callable[[Job], bool]], ...] = (
    ("is being submitted by nobody", lambda job: job.state is State.SUBMITTING and not (job.owner and job.attempts)),
    (
        "is running at Kling though it was never posted",
        lambda job: job.state is State.RUNNING and not (job.has_steps or job.attempts or job.task_id),
    ),
    ("is finished, no one knows when", lambda job: job.finished and job.finished_at is None),
    ("goes on though it has an end", lambda job: not job.finished and job.finished_at is not None),
    ("ended badly for no reason", lambda job: job.state in (State.FAILED, State.UNCONFIRMED) and job.failure is None),
    ("was withdrawn after it was charged", lambda job: job.state is State.CANCELLED and bool(job.units_charged)),
    (
        "has files to fetch though it did not succeed",
        lambda job: job.delivery is not Delivery.NONE and job.state is not State.SUCCEEDED,
    ),
    (
        "is said to be on disk though nobody knows where",
        lambda job: job.delivery is Delivery.STORED and any(media.path is None for media in job.media),
    ),
    (
        "has results that nobody fetches",
        lambda job: job.state is State.SUCCEEDED and job.delivery is Delivery.NONE and bool(job.media),
    ),
)
"""What no sequence of moves leads to."""


def impossible(job: Job) -> list[str]:
    """In what states a job is that no sequence of moves leads to."""
    return [what for what, is_so in _IMPOSSIBLE if is_so(job)]


def _open_ends(job: Job, now: float) -> Iterator[str]:
    """What a person should look at: doubts, and files that perish."""
    if job.state is State.UNKNOWN:
        yield f"Job {job.id} is in doubt: its answer was lost. A running server asks Kling; nothing is sent twice."
    if job.state is State.UNCONFIRMED and now - (job.finished_at or now) < DOUBT_SHOWN_S and not job.parent:
        yield (
            f"Job {job.id} ({job.tool}) may have been charged and nobody can look it up. Compare list_charges; call "
            "again only if it was not charged."
        )
    if job.delivery is Delivery.EXPIRED:
        yield f"Job {job.id} was paid, but Kling deleted a file before it was fetched. It can only be made again."
    elif sentence := results.alarm(job, now):
        yield f'Job {job.id}: {sentence} Run a server and call get_job(job_id="{job.parent or job.id}").'


def _file_troubles(job: Job) -> Iterator[str]:
    for media in job.media:
        if media.path is not None and (what := _file_trouble(media, Path(media.path))):
            hint = f'get_job(job_id="{job.parent or job.id}") fetches it again for 30 days after it was made'
            yield f"Job {job.id}: {media.path} {what}; {hint}."


def _file_trouble(media: Media, path: Path) -> str:
    try:
        if not path.is_file():
            return "is not there"
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return "" if media.sha256 in (None, digest) else "is not what was fetched: it was altered since"
