"""Who may be posted: lanes, which share Kling's parallel slots, and circuits, which hold jobs back. For all processes.

Claiming is one transaction: it reads the circuits, what our jobs hold, and the head of the queue, and writes claims. So
of all processes on one ledger none claims a job that another has, and together they claim no more than the slots.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kling_mcp.errors import KlingError
from kling_mcp.jobs import circuits, slots
from kling_mcp.jobs.circuits import ACCOUNT, Circuit
from kling_mcp.jobs.ledger import circuit_rows, lane_rows, rows
from kling_mcp.jobs.ledger.rows import DUE, TASK
from kling_mcp.jobs.model import CLOCK_SLACK_S, Job, State
from kling_mcp.jobs.outcomes import SLEPT, SLOTS_TAKEN, Outcome, class_of
from kling_mcp.providers.base import Request

if TYPE_CHECKING:
    import random
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence

    from kling_mcp.errors import Failure
    from kling_mcp.jobs.ledger import Ledger
    from kling_mcp.jobs.ledger.book import Lesson
    from kling_mcp.jobs.slots import Lane, Load
    from kling_mcp.providers.base import Progress

    Judge = Callable[[Job, Job | None, float], Job | None]
    """The next record of a queued job, given the job it is a step of and the time; None: leave it alone."""

_MINE = f"account=? AND state='queued' AND {TASK}"
_KEPT = "EXISTS (SELECT 1 FROM request WHERE job_id=job.id)"
_HEAD = f"WHERE account=? AND package=? AND state='queued' AND {TASK} AND {DUE} AND {_KEPT}"


@dataclass(frozen=True, slots=True)
class Claim:
    """What became of a queued job whose turn had come.

    Attributes:
        before: As it was read.
        after: As it was written.
        request: What is to be posted for it, if it is: read with the claim, because that must be sent at once.
    """

    before: Job
    after: Job
    request: Request | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What a queued job waits for.

    Attributes:
        circuit: The open circuit that holds it; None if none does.
        lane: What is known of its lane.
        load: What our jobs hold there.
        before: How many jobs are before it.
        slots_before: How many slots those need.
    """

    circuit: Circuit | None
    lane: Lane
    load: Load
    before: int
    slots_before: int


class Lanes:
    """The queue of every account."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def claim(self, account: str, room: int, judge: Judge, lease_s: float) -> list[Claim]:
        """Claim what may be posted now, in the order in which it was accepted.

        Args:
            account: Whose jobs.
            room: How many this process can post at once, beside those it is posting.
            judge: Tells what becomes of a job whose turn has come: submitting, or something else.
            lease_s: For how long the claims hold.

        Returns:
            What was written.
        """

        def work(db: sqlite3.Connection) -> list[Claim]:
            now, moved = self._ledger.clock.now(), list[Claim]()
            shut = circuit_rows.open_scopes(db, account)
            if ACCOUNT in shut:
                return moved
            for package in lane_rows.packages(db, account):
                if f"pack:{package}" not in shut:
                    left = room - sum(claim.after.state is State.SUBMITTING for claim in moved)
                    moved += _Turn(db, account, package, now, judge, lease_s, shut).taken(left)
            return moved

        # Asked far more often than anybody waits, and a read, unlike a write, keeps no other process from its commit.
        waits = room > 0 and await self._ledger.read(lambda db: _anybody_waits(db, account))
        return await self._ledger.write(work) if waits else []

    async def claim_probe(self, account: str, scope: str, judge: Judge, lease_s: float) -> list[Claim]:
        """Claim the one job that tries an open circuit: of those tried least, the oldest."""

        def work(db: sqlite3.Connection) -> list[Claim]:
            now, (condition, first, values) = self._ledger.clock.now(), circuit_rows.trying(db, account, scope)
            turns = f"WHERE {_MINE} AND {condition} AND {_KEPT} ORDER BY {first}, attempts, created_at, id LIMIT 20"
            for job in rows.jobs(db, turns, account, *values):
                if after := _judged(db, job, judge, now):
                    return [_written(db, job, after, now + lease_s)]
            return []

        return await self._ledger.write(work)

    def lesson(self, claimed: Job, answer: Progress | KlingError, dice: random.Random) -> Lesson:
        """What an answer to a POST teaches, to be written together with what it makes of the job."""
        kind = class_of(answer)
        slept = isinstance(answer, KlingError) and answer.failure.code == SLEPT

        def work(db: sqlite3.Connection, saved: Job) -> None:
            now = self._ledger.clock.now()
            for scope in () if slept else circuits.scopes(claimed):
                before = circuit_rows.circuit(db, claimed.account, scope)
                circuit_rows.keep(
                    db, claimed.account, before, circuits.after(before, claimed, kind, saved.failure, now)
                )
            if claimed.slots:
                _teach(db, claimed, answer, now, dice)

        return work

    async def due(self, account: str) -> list[Circuit]:
        """Open circuits that hold jobs and whose time for a probe has come. The caller is the one to make it."""

        def work(db: sqlite3.Connection) -> list[Circuit]:
            now, due = self._ledger.clock.now(), list[Circuit]()
            for circuit in circuit_rows.open_circuits(db, account):
                condition, values = circuit_rows.within(circuit.scope)
                query = f"SELECT max(created_at) FROM job WHERE {_MINE} AND {condition}"  # noqa: S608 - our names
                newest = db.execute(query, (account, *values)).fetchone()[0]
                if newest is not None and circuits.is_due(circuit, now, newest):
                    circuit_rows.keep(db, account, circuit, circuits.asked(circuit, now))
                    due.append(circuit)
            return due

        return await self._ledger.write(work)

    async def put_off(self, account: str, circuit: Circuit) -> None:
        """A probe was not worth a job: the next comes later."""

        def work(db: sqlite3.Connection) -> None:
            found, now = circuit_rows.circuit(db, account, circuit.scope), self._ledger.clock.now()
            if found.is_open:
                circuit_rows.keep(db, account, found, circuits.refused_again(found, now))

        await self._ledger.write(work)

    async def overdue(self, account: str, ended: Callable[[Job, Failure, float], Job]) -> list[Claim]:
        """End what circuits have held for too long.

        Returns:
            What was written.
        """

        def work(db: sqlite3.Connection) -> list[Claim]:
            now, moved = self._ledger.clock.now(), list[Claim]()
            for circuit in circuit_rows.open_circuits(db, account):
                before = circuits.given_up_before(circuit, now)
                if before is None or circuit.failure is None:
                    continue
                condition, values = circuit_rows.within(circuit.scope)
                old = f"WHERE {_MINE} AND {condition} AND created_at<? LIMIT 100"
                for job in rows.jobs(db, old, account, *values, before):
                    moved.append(_written(db, job, ended(job, circuit.failure, now), None))
            return moved

        return await self._ledger.write(work)

    async def anything_shut(self, account: str) -> bool:
        """Whether any circuit of this account is open."""
        return bool(await self._ledger.read(lambda db: circuit_rows.open_scopes(db, account)))

    async def standings(self, jobs: Sequence[Job]) -> dict[str, Standing]:
        """What these queued jobs wait for, by their ids."""

        def work(db: sqlite3.Connection) -> dict[str, Standing]:
            return {job.id: _standing(db, job, self._ledger.clock.now()) for job in jobs}

        return await self._ledger.read(work) if jobs else {}


@dataclass(frozen=True, slots=True)
class _Turn:
    """One look at one lane, inside the transaction that claims."""

    db: sqlite3.Connection
    account: str
    package: str
    now: float
    judge: Judge
    lease_s: float
    shut: frozenset[str]

    def taken(self, room: int) -> list[Claim]:
        """Claim at most so many; what is not to be posted at all is written too."""
        moved = list[Claim]()
        for job, after in self._judged("slots=0", room):
            moved.append(self._write(job, after))
        room -= sum(claim.after.state is State.SUBMITTING for claim in moved)
        ready = list[tuple[Job, Job]]()
        for job, after in self._judged("slots>0", room):
            if after.state is State.SUBMITTING:
                ready.append((job, after))
            else:
                moved.append(self._write(job, after))
        if ready:
            before = lane_rows.lane(self.db, self.account, self.package)
            lane, load = slots.aged(before, self.now), lane_rows.load(self.db, self.account, self.package)
            count, lane = slots.admitted(lane, load, [job.slots for job, _ in ready], self.now)
            moved += [self._write(job, after) for job, after in ready[:count]]
            lane_rows.keep(self.db, self.account, self.package, before, lane)
        return moved

    def _judged(self, which: str, room: int) -> Iterator[tuple[Job, Job]]:
        models = sorted(scope.removeprefix("model:") for scope in self.shut if scope.startswith("model:"))
        free = f"path || ' ' || coalesce(model_name, '') NOT IN ({', '.join('?' * len(models))})"
        place = (self.account, self.package, self.now, self.now + CLOCK_SLACK_S, *models, max(0, room))
        head = f"{_HEAD} AND {which} AND {free} ORDER BY created_at, id LIMIT ?"
        for job in rows.jobs(self.db, head, *place):
            if after := _judged(self.db, job, self.judge, self.now):
                yield job, after

    def _write(self, job: Job, after: Job) -> Claim:
        return _written(self.db, job, after, self.now + self.lease_s)


def _anybody_waits(db: sqlite3.Connection, account: str) -> bool:
    query = f"SELECT EXISTS (SELECT 1 FROM job WHERE {_MINE})"  # noqa: S608 - our names
    return bool(db.execute(query, (account,)).fetchone()[0])


def _judged(db: sqlite3.Connection, job: Job, judge: Judge, now: float) -> Job | None:
    whole = rows.jobs(db, "WHERE id=?", job.parent) if job.parent else ()
    return judge(job, whole[0] if whole else None, now)


def _written(db: sqlite3.Connection, job: Job, after: Job, lease_until: float | None) -> Claim:
    held = lease_until if after.state is State.SUBMITTING else after.lease_until
    saved = rows.replaced(db, replace(after, lease_until=held))
    assert saved is not None, "its row was read in this very transaction"  # noqa: S101 - a bug of ours
    if saved.state is not State.SUBMITTING:
        return Claim(job, saved)
    posted = rows.posted(db, job.id)
    assert posted is not None, "claims are made of jobs whose request is kept"  # noqa: S101 - a bug of ours
    return Claim(job, saved, Request(**posted))


def _teach(
    db: sqlite3.Connection, claimed: Job, answer: Progress | KlingError, now: float, dice: random.Random
) -> None:
    """Teach a lane what an answer says of its slots."""
    kind, rest_s = class_of(answer), getattr(answer, "retry_after", slots.FIRST_WAIT_S)
    before = lane_rows.lane(db, claimed.account, claimed.package)
    lane, load = slots.aged(before, now), lane_rows.load(db, claimed.account, claimed.package)
    if kind in (Outcome.DONE, Outcome.ALREADY_THERE):
        lane = slots.taken(lane, load, now)
    elif kind is Outcome.NEVER_LEFT:
        lane = slots.held_back(lane, now, slots.FIRST_WAIT_S)
    elif kind is Outcome.BUSY and answer.failure.code == SLOTS_TAKEN:  # type: ignore[union-attr]
        lane = slots.full(lane, load, now, rest_s, dice)
        if slots.too_large(claimed.slots, load):
            aside = now + slots.step_aside_s(claimed.attempts)
            db.execute("UPDATE job SET not_before=? WHERE id=?", (aside, claimed.id))
    elif kind is Outcome.BUSY:
        lane = slots.rested(lane, now, rest_s, dice)
    lane_rows.keep(db, claimed.account, claimed.package, before, lane)


def _standing(db: sqlite3.Connection, job: Job, now: float) -> Standing:
    lane = slots.aged(lane_rows.lane(db, job.account, job.package), now)
    found = [circuit_rows.circuit(db, job.account, scope) for scope in circuits.scopes(job)]
    holding = next((circuit for circuit in found if circuit.is_open), None)
    return Standing(holding, lane, lane_rows.load(db, job.account, job.package), *lane_rows.ahead(db, job))
