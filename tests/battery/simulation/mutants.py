"""The real code with one protection taken away. The simulation is worth something only if it notices each."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from kling_mcp.jobs import moves, records
from kling_mcp.jobs.ledger import rows
from kling_mcp.jobs.ledger.schema import UPDATE, row_of
from kling_mcp.jobs.model import Job, State, free
from tests.battery.simulation import kling

if TYPE_CHECKING:
    from collections.abc import Generator

    from kling_mcp.errors import Failure
    from kling_mcp.providers.base import Progress, Request


@dataclass(frozen=True, slots=True)
class Mutant:
    """One protection less.

    Attributes:
        lacks: Which.
        unique: How it is hunted: with ids that are not unique where unique ids would make good what it lacks.
        patches: What of the real code is replaced by what.
    """

    lacks: str
    unique: bool | None
    patches: tuple[tuple[object, str, object], ...]

    @contextmanager
    def alive(self) -> Generator[None]:
        with ExitStack() as stack:
            for where, name, by in self.patches:
                stack.enter_context(patch.object(where, name, by))
            yield


_submit, _doubted = kling.Line.submit, moves.doubted


async def _under_a_fresh_name(line: kling.Line, request: Request, ext_id: str) -> Progress:
    return await _submit(line, request, f"{ext_id}-{line.fresh_number()}")


def _queued_at_once(job: Job, failure: Failure, now: float, settle_s: float) -> Job:
    doubted = _doubted(job, failure, now, settle_s)
    return doubted if job.nameless else replace(free(doubted, now), state=State.QUEUED, not_before=now, failure=None)


def _settled_at_once(job: Job, failure: Failure, now: float, _: float) -> Job:
    return _doubted(job, failure, now, 0.0)


def _row_of_an_unclaimed(job: Job) -> list[Any]:
    """What the ledger keeps of a claim: nothing. It does not learn that a POST is about to leave."""
    return row_of(replace(job, state=State.QUEUED) if job.state is State.SUBMITTING else job)


def _never(*_: object) -> bool:
    return False


_UNFENCED = UPDATE.replace("AND epoch=?", "AND ?>=0")

MUTANTS: dict[str, Mutant] = {
    "key": Mutant("the same id on every POST", None, ((kling.Line, "submit", _under_a_fresh_name),)),
    "look-up": Mutant("the look-up before a repetition", False, ((moves, "doubted", _queued_at_once),)),
    "settle": Mutant("the settle window", False, ((moves, "doubted", _settled_at_once),)),
    "guard": Mutant("the send guard", False, ((moves, "SEND_GUARD_S", float("inf")),)),
    "write-ahead": Mutant("the claim's commit before the POST", False, ((rows, "row_of", _row_of_an_unclaimed),)),
    "fence": Mutant("the epoch fence", None, ((rows, "UPDATE", _UNFENCED),)),
    "owner": Mutant("the look at the owner and its lease", None, ((records.Records, "held", _never),)),
}
