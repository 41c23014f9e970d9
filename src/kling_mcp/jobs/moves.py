"""The moves of a job. Pure: no clock, no I/O; every move takes ``now`` and returns the next record.

Law of the room: a POST is repeated only after a look-up has proved, beyond the settle window, that the one before
never landed; and it is repeated under the same id, so that Kling's own uniqueness is the second wall. A nameless
request, which no look-up can find, is never repeated at all. What becomes of results is in ``results``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kling_mcp.errors import (
    AlreadySubmitted,
    Busy,
    Failure,
    KlingError,
    Lost,
    OutcomeUnknown,
    Unavailable,
    trimmed,
)
from kling_mcp.jobs import circuits, orphans, results
from kling_mcp.jobs.doubts import LOST_AFTER_S, unconfirmed
from kling_mcp.jobs.model import Job, State, free, seen, taken
from kling_mcp.jobs.outcomes import Outcome, class_of
from kling_mcp.jobs.pauses import back_off, look_after

if TYPE_CHECKING:
    import random

    from kling_mcp.providers.base import Progress

LEASE_S = 150.0
"""How long a claim holds: longer than the longest POST (120 s), so that a live POST is never doubled."""
SEND_GUARD_S = 10.0
"""A POST that has not left this long after its claim must not leave (the process may have slept)."""
LOOKS_APART_S = 2.0
"""Two look-ups that prove absence are at least this far apart."""
ABSENCES_TO_PROVE = 2
GIVE_UP_UNREACHABLE_S = 600.0
"""A job that finds no connection for this long fails; its agent may call again, nothing was charged."""
MAX_DOUBTS = 6
STALE_QUEUE_S = 86_400.0
"""A queued row untouched this long may come from a restored backup: it is looked up before it is posted."""
LAST_SETTLE_S = 120.0
"""How much longer than the settle window the last look waits: of a job that is given up, nobody looks again."""
LONGEST_SETTLE_S = 600.0
"""A settle window that ends later than this was written by a clock that has been set back since."""
_UNTOLD = "Kling has not said yet whether it arrived; still asking."


def claimed(job: Job, owner: str, now: float) -> Job:
    """Queued → submitting: this process may now post it, for as long as its lease (``LEASE_S``) holds."""
    return replace(taken(job, owner, now), state=State.SUBMITTING, attempts=job.attempts + 1)


def after_post(job: Job, outcome: Progress | KlingError, now: float, settle_s: float, dice: random.Random) -> Job:
    """What the answer to a POST makes of a job. The whole table of outcomes is here, by their classes."""
    if not isinstance(outcome, KlingError):
        return accepted(job, outcome, now)
    match class_of(outcome), outcome:
        case Outcome.BUSY, Busy():
            # A job that takes a slot waits for its lane; one that takes none has only its own patience.
            pause = 0.0 if job.slots else back_off(job, dice, at_least=outcome.retry_after, cap=15.0)
            return _queued_again(job, now, outcome.failure, pause, "Nothing was charged; it waits for its turn.")
        case Outcome.NEVER_LEFT, _:
            return _unreached(job, outcome, now, dice)
        case Outcome.ALREADY_THERE, _ if not job.nameless:
            return replace(_held_by_kling(job, now), settles_at=now)
        case ((Outcome.ALREADY_THERE | Outcome.AMBIGUOUS), _):
            return doubted(job, outcome.failure, now, settle_s)
        case kind, _:
            return (held if kind is Outcome.HELD else failed)(job, outcome.failure, now)


def held(job: Job, failure: Failure, now: float) -> Job:
    """Kling refuses the account, not the job: it stays queued, until the circuit that this opens is closed again."""
    return replace(_queued_again(job, now, failure, 0.0, ""), failure=failure, blocked_reason=circuits.reason(failure))


def unsent(job: Job, now: float) -> Job:
    """Submitting → queued: this process stopped before a byte of it left."""
    return replace(free(job, now), state=State.QUEUED)


def accepted(job: Job, progress: Progress, now: float) -> Job:
    """Kling holds the task: running, or already further."""
    running = replace(
        _held_by_kling(job, now),
        task_id=progress.task_id or None,
        not_before=now + look_after(0.0),
        begun_at=progress.created_at or now,
    )
    return observed(running, progress, now) if progress.status in ("succeeded", "failed") else running


def doubted(job: Job, failure: Failure, now: float, settle_s: float) -> Job:
    """The answer is lost. Nothing is posted until look-ups have settled whether it landed; without a name, never."""
    if job.nameless:
        return orphans.awaited(job, failure, now) if orphans.traceable(job) else unconfirmed(job, failure, now)
    return replace(
        free(job, now),
        state=State.UNKNOWN,
        doubts=job.doubts + 1,
        absences=0,
        not_before=now,
        settles_at=now + settle_s,
        blocked_reason=f"{failure.message} Asking Kling whether it arrived; it is not sent twice.",
        failure=failure,
    )


def heard_late(job: Job, outcome: Progress | KlingError, now: float) -> Job:
    """What the answer to a POST makes of a job that was given up meanwhile: the truth beats the doubt.

    Its sender had been silent for too long (the machine slept, its disk was full), so somebody else wrote that the
    answer was lost. It is never queued again: who asked for it was told that it is not sent twice. The same record
    comes back if nothing was learnt.
    """
    if job.state not in _GIVEN_UP or isinstance(outcome, OutcomeUnknown | AlreadySubmitted):
        return job
    if isinstance(outcome, KlingError):
        return failed(job, outcome.failure, now)
    return accepted(replace(job, finished_at=None), outcome, now)


_GIVEN_UP = frozenset({State.QUEUED, State.UNKNOWN, State.UNCONFIRMED})


def stale(job: Job, now: float, settle_s: float) -> Job:
    """A queued row nobody touched for very long: the ledger that it may be a copy of may have posted it since."""
    hours = f"{STALE_QUEUE_S / 3600:.0f}"
    old = Failure(code="stale", message=f"It was queued for more than {hours} hours, as rows of a restored backup are.")
    return doubted(job, old, now, settle_s)


def absent(job: Job, now: float, dice: random.Random) -> Job:
    """A look-up answered and did not know the task."""
    job = replace(job, absences=job.absences + 1, updated_at=now)
    if job.state is State.UNKNOWN:
        return _absent_in_doubt(job, now, dice)
    if _asked_in_vain(job, now):
        lost = Lost("Kling no longer lists this task.", fix="Ask Kling's support with the task id; see list_charges.")
        return failed(job, lost.failure, now)
    return _asked_later(job, now, "Kling does not list this task right now; still asking.")


def unanswered(job: Job, trouble: KlingError, now: float, pause: float) -> Job:
    """A look-up could not be answered. It proves nothing: only the next look moves."""
    return replace(job, not_before=now + pause, blocked_reason=trouble.failure.message, updated_at=now)


def observed(job: Job, progress: Progress, now: float) -> Job:
    """A look-up found the task. The same record comes back if that is no news."""
    if not progress.fresh and not job.task_id:
        return _untold(job, now)
    if job.state is State.UNKNOWN:
        return accepted(job, progress, now)
    if progress.status == "succeeded":
        through = results.complete(job, progress)
        return results.succeeded(job, progress, now) if through else _without_result(job, progress, now)
    if progress.status == "failed":
        return failed(job, _task_failure(progress), now, units=progress)
    return replace(seen(job, now), task_id=progress.task_id or None, absences=0, blocked_reason="", failure=None)


def failed(job: Job, failure: Failure, now: float, *, units: Progress | None = None) -> Job:
    """The end without a result."""
    return replace(
        free(job, now),
        state=State.FAILED,
        failure=failure,
        finished_at=now,
        units_charged=units.units if units else None,
        blocked_reason="",
    )


def cancelled(job: Job, now: float) -> Job:
    """Withdrawn before any POST. Only a queued job may make this move."""
    return replace(free(job, now), state=State.CANCELLED, finished_at=now, blocked_reason="", failure=None)


def released(job: Job, now: float) -> Job:
    """This process stops before it is through; the files can be fetched by whoever comes next."""
    return free(job, now)


def rehomed(job: Job, account: str, now: float) -> Job:
    """A job that the present credential looks after from now on: the key was renewed."""
    return replace(seen(job, now), account=account, updated_at=now)


def _held_by_kling(job: Job, now: float) -> Job:
    """Kling has it, so it can never be posted again; its task id may still have to be asked for."""
    return replace(
        free(job, now),
        state=State.RUNNING,
        absences=0,
        not_before=now,
        blocked_reason="",
        failure=None,
    )


def _untold(job: Job, now: float) -> Job:
    """A look-up could not tell, and not because Kling was out of reach: if it never can, the doubt must end."""
    if orphans.waiting(job, now):
        return job  # no look-up can: its list is looked through (``strays``)
    begun = job.failure.message if job.failure else "The answer was lost."
    age = abs(now - max(job.created_at, job.settles_at))  # abs: the clock may have been set back
    if job.nameless or (age > LOST_AFTER_S and job.blocked_reason == _UNTOLD):
        return unconfirmed(job, Failure(code="unconfirmed", message=begun), now)
    return unanswered(job, Unavailable(_UNTOLD), now, look_after(now - job.created_at))


def _absent_in_doubt(job: Job, now: float, dice: random.Random) -> Job:
    if job.nameless:  # written by a version that knows no such jobs
        return _untold(job, now)
    if job.settles_at - now > LONGEST_SETTLE_S:
        job = replace(job, settles_at=now + LONGEST_SETTLE_S)
    if job.absences < ABSENCES_TO_PROVE or now < job.settles_at:
        return replace(job, not_before=max(now + LOOKS_APART_S, min(job.settles_at, now + 2 * LOOKS_APART_S)))
    if job.doubts >= MAX_DOUBTS:
        last = job.settles_at + LAST_SETTLE_S
        return failed(job, _gave_up(job), now) if now >= last else replace(job, not_before=min(last, now + 30.0))
    pause = back_off(job, dice, at_least=0.0, cap=60.0) if job.doubts > 1 else 0.0
    return replace(free(job, now), state=State.QUEUED, not_before=now + pause, blocked_reason="", failure=None)


def _gave_up(job: Job) -> Failure:
    cause = job.failure.message if job.failure else "The answers were lost."
    return Failure(
        code="unavailable",
        message=trimmed(f"Kling did not take the job in {job.attempts} attempts. Last: {cause}"),
        fix="Look-ups prove that none of them arrived. Call again later.",
        retryable=True,
    )


def _unreached(job: Job, trouble: KlingError, now: float, dice: random.Random) -> Job:
    since = job.unreached_since or now
    if now - since > GIVE_UP_UNREACHABLE_S:
        # Of an earlier attempt the answer was lost: one more look, because nobody looks at a failed job again.
        last = replace(doubted(job, trouble.failure, now, 0.0), doubts=MAX_DOUBTS)
        return last if job.doubts and not job.nameless else failed(job, trouble.failure, now)
    minutes = f"{GIVE_UP_UNREACHABLE_S / 60:.0f}"
    reason = f"{trouble.failure.fix} Nothing was charged; it is tried again for {minutes} minutes, then given up."
    pause = back_off(job, dice, at_least=1.0, cap=30.0)
    return replace(_queued_again(job, now, trouble.failure, pause, reason), unreached_since=since)


def _queued_again(job: Job, now: float, failure: Failure, pause: float, outlook: str) -> Job:
    return replace(
        free(job, now),
        state=State.QUEUED,
        not_before=now + pause,
        blocked_reason=f"{failure.message} {outlook}".strip(),
        failure=None,
    )


def _without_result(job: Job, progress: Progress, now: float) -> Job:
    """Finished, so most likely paid, and the result not named (yet), or not in words we know."""
    job = replace(job, task_id=progress.task_id or None, absences=job.absences + 1, updated_at=now)
    if not _asked_in_vain(job, now):
        return _asked_later(job, now, "Kling says it is finished but does not name the result yet; still asking.")
    nothing = Failure(
        code="no_result",
        message="Kling says it succeeded but names no result.",
        fix="Ask Kling's support with the task id; see list_charges.",
        charged=True if progress.units else None,
    )
    return failed(job, nothing, now, units=progress)


def _asked_in_vain(job: Job, now: float) -> bool:
    return job.absences >= 3 and now - job.created_at > LOST_AFTER_S  # noqa: PLR2004 - three reads, as LOST_AFTER_S says


def _asked_later(job: Job, now: float, reason: str) -> Job:
    return replace(job, not_before=now + min(3600.0, 15.0 * 2.0**job.absences), blocked_reason=reason)


def _task_failure(progress: Progress) -> Failure:
    charged = bool(progress.units)
    return Failure(
        code="task_failed",
        message=f"Kling accepted the job and then failed it: {trimmed(progress.message) or 'no reason given'}.",
        fix="Change the prompt or the pictures; the same request will most likely fail again.",
        charged=charged,
    )
