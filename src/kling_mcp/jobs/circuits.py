"""When an account, or a pack or a model of it, takes no jobs for now, and when it is tried again. Pure.

A circuit opens when Kling refuses a job because of the account: then every other job of its scope would fare the same,
so none is posted. After a pause, that doubles from 15 s to 10 min, the free balance is read, and if that looks well, or
the pause is at its longest (balances lag by hours), one job goes through. If Kling takes it, the circuit is closed. The
same if answers are lost one after the other: then a far side that is ill is left alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kling_mcp.errors import Failure
from kling_mcp.jobs.outcomes import NO_UNITS, NOT_ENTITLED, UNPAID, Outcome

if TYPE_CHECKING:
    from kling_mcp.jobs.model import Job
    from kling_mcp.providers.base import Balance

ACCOUNT = ""
"""The scope of all jobs of an account."""
FIRST_PAUSE_S = 15.0
DOUBTS_TO_OPEN = 5
"""So many answers lost one after the other, and nothing is posted for a while."""
FIRST_DOUBT_PAUSE_S = 30.0
LONGEST_PAUSE_S = 600.0
PROBE_S = 180.0
"""How long a process may take over a probe, until another one makes it: longer than the longest POST."""
HELD_AT_MOST_S = 86_400.0
"""A job that an open circuit has held for so long fails."""
ILL = "kling_ill"
_ILL_SENTENCE = "Kling's answers to the last requests were all lost, so no further one is risked for a moment."


@dataclass(frozen=True, slots=True)
class Circuit:
    """What is known of a scope.

    Attributes:
        scope: ``''``: the whole account; ``pack:<package>``; ``model:<path> <model>``.
        failure: Why it is open; None if it is closed.
        doubts: How many answers were lost in a row (of the whole account only).
        opened_at: Since when it is open.
        probe_at: When it is tried again.
        pause: Seconds between the last trial and the next one.
    """

    scope: str
    failure: Failure | None = None
    doubts: int = 0
    opened_at: float = 0.0
    probe_at: float = 0.0
    pause: float = 0.0

    @property
    def is_open(self) -> bool:
        """Whether no job may be posted."""
        return self.failure is not None


def scope_of(job: Job, code: str) -> str:
    """What a refusal with this code is about."""
    if code == NO_UNITS:
        return f"pack:{job.package}"
    return model_scope(job) if code == NOT_ENTITLED else ACCOUNT


def model_scope(job: Job) -> str:
    """The scope of a job's function and model."""
    return f"model:{job.path} {job.model_name or ''}"


def scopes(job: Job) -> tuple[str, str, str]:
    """Every scope a job is in; the widest first."""
    return ACCOUNT, f"pack:{job.package}", model_scope(job)


def after(circuit: Circuit, job: Job, outcome: Outcome, failure: Failure | None, now: float) -> Circuit:
    """What the answer to a job's POST makes of a circuit whose scope it is in.

    Args:
        circuit: As it stands.
        job: As it was claimed.
        outcome: What the answer means.
        failure: What it says; None if Kling took the job.
        now: Unix seconds.
    """
    if outcome is Outcome.HELD and failure is not None:
        return _refused(circuit, job, failure, now)
    if outcome is Outcome.AMBIGUOUS:
        return _doubted(circuit, job, now)
    if outcome is Outcome.NEVER_LEFT:
        return _put_off(circuit, now) if _is_probe(circuit, job) else circuit
    return _answered(circuit, job, outcome, now)


def asked(circuit: Circuit, now: float) -> Circuit:
    """A probe begins: nobody else makes one meanwhile. What a clock that was ahead wrote is put right."""
    again = now + max(PROBE_S, circuit.pause)  # never sooner than a pause after this trial, which ``is_due`` counts on
    return replace(circuit, opened_at=min(circuit.opened_at, now - 1.0), probe_at=again)


def is_due(circuit: Circuit, now: float, newest: float) -> bool:
    """Whether it is time for a probe.

    Args:
        circuit: An open one.
        now: Unix seconds.
        newest: When the newest job that it holds was accepted. Whoever asks for a new job may have put things right, so
            this shortens a long pause.
    """
    tried_at = circuit.probe_at - circuit.pause
    soon = tried_at + FIRST_PAUSE_S <= now and newest > tried_at and circuit.failure and circuit.failure.code != ILL
    return now >= circuit.probe_at or bool(soon) or circuit.probe_at > now + LONGEST_PAUSE_S + PROBE_S


def lets_one_through(circuit: Circuit, balance: Balance | None) -> bool:
    """Whether a job may be tried.

    Args:
        circuit: An open one.
        balance: What the account has; None if that could not be read.
    """
    return circuit.pause >= LONGEST_PAUSE_S or (balance is not None and _pays(circuit, balance))


def refused_again(circuit: Circuit, now: float) -> Circuit:
    """It looks no better: the next trial comes after twice the pause."""
    pause = min(LONGEST_PAUSE_S, 2 * circuit.pause)
    return replace(circuit, pause=pause, probe_at=now + pause)


def given_up_before(circuit: Circuit, now: float) -> float | None:
    """Jobs accepted before this time have been held for so long that they fail; None while none has been."""
    before = now - HELD_AT_MOST_S
    return before if circuit.is_open and circuit.opened_at < before else None


def reason(failure: Failure) -> str:
    """Why a job is held, for people. How to put it right is the failure's own ``fix``, told beside it."""
    hours = f"{HELD_AT_MOST_S / 3600:.0f}"
    return (
        f"{failure.message} Nothing was charged. It is sent by itself once that is put right, which is tried every few "
        f"minutes for {hours} hours."
    )


def _answered(circuit: Circuit, job: Job, outcome: Outcome, now: float) -> Circuit:
    if not circuit.is_open:
        return replace(circuit, doubts=0)
    if not _is_probe(circuit, job):  # it was posted before the circuit opened
        return circuit
    return Circuit(circuit.scope) if _proves(circuit, outcome) else _put_off(circuit, now)


def _refused(circuit: Circuit, job: Job, failure: Failure, now: float) -> Circuit:
    if scope_of(job, failure.code) != circuit.scope:  # a wider one: it says nothing; a narrower one: all else is well
        outcome = Outcome.REFUSED if circuit.scope == ACCOUNT else Outcome.NEVER_LEFT
        return after(circuit, job, outcome, None, now)
    if circuit.failure is None or circuit.failure.code == ILL:
        return Circuit(circuit.scope, failure, 0, now, now + FIRST_PAUSE_S, FIRST_PAUSE_S)
    again = replace(circuit, failure=failure)
    return refused_again(again, now) if _is_probe(circuit, job) else again


def _doubted(circuit: Circuit, job: Job, now: float) -> Circuit:
    if circuit.scope != ACCOUNT:
        return _put_off(circuit, now) if _is_probe(circuit, job) else circuit
    counted = replace(circuit, doubts=circuit.doubts + 1)
    if circuit.is_open:
        ill = circuit.failure is not None and circuit.failure.code == ILL
        return (refused_again if ill else _put_off)(counted, now) if _is_probe(circuit, job) else counted
    if counted.doubts < DOUBTS_TO_OPEN:
        return counted
    sick = Failure(ILL, _ILL_SENTENCE, retryable=True)
    return replace(counted, failure=sick, opened_at=now, probe_at=now + FIRST_DOUBT_PAUSE_S, pause=FIRST_DOUBT_PAUSE_S)


def _is_probe(circuit: Circuit, job: Job) -> bool:
    """Whether a job was claimed while the circuit was open, which only one at a time is."""
    return circuit.is_open and job.updated_at > circuit.opened_at


def _put_off(circuit: Circuit, now: float) -> Circuit:
    return replace(circuit, probe_at=now + circuit.pause)


def _proves(circuit: Circuit, outcome: Outcome) -> bool:
    """Whether an answer shows that what was wrong is right again. Units are the last that Kling looks at."""
    unpaid = circuit.failure is not None and circuit.failure.code in UNPAID
    return outcome is not Outcome.REFUSED or not unpaid


def _pays(circuit: Circuit, balance: Balance) -> bool:
    """Whether a balance speaks for a trial: for one of a pack, that the pack shows units."""
    kind, _, package = circuit.scope.partition(":")
    if kind != "pack":
        return True
    word = package.replace("-", "")
    named = [pack for pack in balance.packs if word in pack.name.lower().replace("-", "")]
    return any(pack.remaining > 0 and pack.status == "online" for pack in named or balance.packs)
