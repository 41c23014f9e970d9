"""Asking Kling how tasks stand: the requests that one look-up may make, and what their answers list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

import anyio

from kling_mcp.errors import KlingError, Unavailable
from kling_mcp.providers.base import Progress
from kling_mcp.providers.pages import IDS_PER_REQUEST
from kling_mcp.providers.tasks import progress_of

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from kling_mcp.providers.base import TaskRef, Trace
    from kling_mcp.providers.envelope import Reply

BUDGET = 25
"""Requests of one look-up, whatever it is about. Reads are free at Kling: this is for its patience, and for ours."""
PARALLEL_READS = 4

_Question = TypeVar("_Question")


class Read(Protocol):
    """A signed question through the door, tried again where that can help."""

    async def __call__(
        self, path: str, params: Mapping[str, str] | None = None, /, *, question: Mapping[str, Any] | None = None
    ) -> Reply:
        """GET; POST where there is a question to send."""
        ...


class Spent(Unavailable):
    """The requests of this look-up are used up."""


class Reading:
    """The questions of one look-up.

    Args:
        read: Asks, and asks again where that can help.
        glance: Asks once.
        dice: Decides whose turn comes where not everybody's can.
        left: Requests it may make.
    """

    def __init__(self, read: Read, glance: Read, dice: random.Random, left: int = BUDGET) -> None:
        self._read, self._glance = read, glance
        self.dice, self.left = dice, left

    async def read(
        self, path: str, params: Mapping[str, str] | None = None, /, *, question: Mapping[str, Any] | None = None
    ) -> Reply:
        """Ask with patience.

        Raises:
            Spent: There is no request left.
            KlingError: Kling could not be asked.
        """
        self._pay()
        return await self._read(path, params, question=question)

    async def glance(
        self, path: str, params: Mapping[str, str] | None = None, /, *, question: Mapping[str, Any] | None = None
    ) -> Reply:
        """Ask once: for one of many questions, whose answer can wait for the next sweep.

        Raises:
            Spent: There is no request left.
            KlingError: Kling could not be asked, or will not answer such a question.
        """
        self._pay()
        return await self._glance(path, params, question=question)

    def _pay(self) -> None:
        if self.left <= 0:
            raise Spent("More is to be asked than one look-up may ask; the rest comes with the next.")
        self.left -= 1


def understood(payload: object) -> list[Progress]:
    """Every task of a list. One that cannot be read makes the whole answer useless: it may be the one we miss.

    Raises:
        Unavailable: Something in it is no task.
    """
    listed = cast("list[object]", payload) if isinstance(payload, list) else [None]
    progress = [progress_of(task) for task in listed]
    tasks = [each for each in progress if each is not None]
    if len(tasks) != len(progress):
        raise Unavailable("Kling's answer to a look-up is not a list of tasks; nothing is concluded from it.")
    return tasks


def chunks(refs: Sequence[TaskRef]) -> list[Sequence[TaskRef]]:
    """So many at a time as one request may name."""
    return [refs[start : start + IDS_PER_REQUEST] for start in range(0, len(refs), IDS_PER_REQUEST)]


def as_known(ref: TaskRef, trace: Trace = "") -> Progress:
    """A task of which there is no news; ``trace``: what is left of it, empty if Kling has no way to tell."""
    return Progress(task_id=ref.task_id or "", status="processing", fresh=False, trace=trace)


async def each(ask: Callable[[_Question], Awaitable[None]], questions: Iterable[_Question]) -> KlingError | None:
    """Ask them all, a few at a time; the first failure stops the rest and is returned."""
    turns = anyio.CapacityLimiter(PARALLEL_READS)
    failures: list[KlingError] = []

    async def one(question: _Question) -> None:
        async with turns:
            try:
                await ask(question)
            except KlingError as failure:
                failures.append(failure)
                group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for question in questions:
            group.start_soon(one, question)
    return failures[0] if failures else None
