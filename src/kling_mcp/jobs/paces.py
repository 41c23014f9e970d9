"""How long jobs take, learnt from those that are in the ledger."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from kling_mcp.errors import LocalTrouble
from kling_mcp.jobs import polling
from kling_mcp.operations.catalogue import GENERATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kling_mcp.jobs.ledger import Ledger
    from kling_mcp.jobs.polling import Pace

USUAL_S = {"video": 120.0, "image": 25.0, "audio": 30.0}
"""By what a tool makes, until one of its kind was seen. A task in Kling's own pages took 115 s, a picture of kling-v3
was seen to take 24 s (video.md section 6, image-audio-general.md section 3); sounds are our guess."""
USUAL_ELSE_S = 60.0
_SEEN_ENOUGH = 3
"""So few of the very same kind tell more than many of a similar one."""

_Key = tuple[str, str, str | None]


class Paced(Protocol):
    """A job, or as much of it as tells what kind it is."""

    @property
    def pace(self) -> str:
        """What its duration hangs on; empty where nobody knows."""
        ...

    @property
    def tool(self) -> str:
        """Which tool it is of."""
        ...

    @property
    def model_name(self) -> str | None:
        """Which model makes it."""
        ...


class Paces:
    """Durations by kind of job: of the very kind, else of tool and model, else a guess by what the tool makes.

    Args:
        ledger: Where earlier jobs are.
        provider: Whose jobs.
    """

    def __init__(self, ledger: Ledger, provider: str) -> None:
        self._ledger, self._provider = ledger, provider
        self._learnt: dict[_Key, Pace] = {}
        self._outdated = set[_Key]()

    async def learn(self, jobs: Iterable[Paced]) -> None:
        """Read what is not known yet, or not any more. Only estimates hang on it: a ledger in trouble is fine."""
        for key in {_key(job) for job in jobs}:
            if key not in self._learnt or key in self._outdated:
                with suppress(LocalTrouble):
                    self._learnt[key] = await self._read(key)
                    self._outdated.discard(key)

    def outdated(self, job: Paced) -> None:
        """One more of its kind has ended."""
        self._outdated.add(_key(job))

    def of(self, job: Paced) -> Pace:
        """How long such jobs take."""
        return self._learnt.get(_key(job)) or _guess(job.tool)

    async def _read(self, key: _Key) -> Pace:
        pace, tool, model_name = key
        same = await self._ledger.durations_of(pace, self._provider) if pace else []
        if len(same) < _SEEN_ENOUGH:
            same = await self._ledger.durations(tool, model_name, self._provider) or same
        return polling.learnt(same) or _guess(tool)


def _key(job: Paced) -> _Key:
    return job.pace, job.tool, job.model_name


def _guess(tool: str) -> Pace:
    operation = GENERATIONS.get(tool)
    return polling.guessed(USUAL_S.get(operation.yields, USUAL_ELSE_S) if operation else USUAL_ELSE_S)
