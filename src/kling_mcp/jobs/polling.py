"""When to look at which task: how long tasks take, as far as earlier ones taught, and what that makes likely. Pure."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from kling_mcp.jobs.pauses import look_after
from kling_mcp.providers.base import TaskRef

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kling_mcp.providers.base import Progress

FEW = 20
"""So many tasks are one request, whatever they are."""
MANY_EVERY_S = 10.0
LEARNT_FROM = 5
"""Fewer durations are too few to leave a task alone for its first while."""
QUIET_TO_SUSPECT = 3
"""Who is missing so often from lists that should show it is asked for by its id."""
MINUTE_S = 60.0
CROWDS_S = 1800.0
"""What began before is so old that hardly anything of its time still runs."""
_NORMAL_P90 = 1.2816
_LAGGARDS = 0.03
"""So many take far longer than their kind does: without them a late task would be expected at every moment."""
_LAGGING = 5.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How long tasks of a kind take: a tenth at most ``p10`` seconds, half at most ``p50``, all but a tenth ``p90``.

    Attributes:
        learnt: Whether enough of them were seen; otherwise it is a guess.
    """

    p10: float
    p50: float
    p90: float
    learnt: bool = False

    def running_after(self, age: float) -> float:
        """The share that still runs at this age, 1 to 0."""
        if age <= 0.0:
            return 1.0
        spread = max(0.05, math.log(max(self.p90, self.p50) / min(self.p10, self.p50)) / (2 * _NORMAL_P90))
        usual = 0.5 * math.erfc(math.log(age / self.p50) / (spread * math.sqrt(2.0)))
        return (1.0 - _LAGGARDS) * usual + _LAGGARDS * math.exp(-age / (_LAGGING * self.p50))

    def chance(self, seen_age: float, age: float) -> float:
        """How likely a task has ended since it was seen running."""
        before = self.running_after(seen_age)
        return 1.0 if before <= 0.0 else min(1.0, max(0.0, 1.0 - self.running_after(age) / before))

    def eta(self, age: float) -> float:
        """Seconds until half of those that still run at this age will have ended; at least one."""
        target = self.running_after(age) / 2
        low, high = max(0.0, age), max(age, self.p50) * 16
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if self.running_after(middle) > target else (low, middle)
        return max(1.0, high - max(0.0, age))

    @property
    def first_look(self) -> float:
        """The age before which nobody needs to look."""
        return self.p10 if self.learnt else 0.0


def learnt(seconds: Sequence[float]) -> Pace | None:
    """The pace of tasks that took so long; None without any."""
    ordered = sorted(max(1.0, each) for each in seconds)
    if not ordered:
        return None
    p10, p50, p90 = (ordered[min(len(ordered) - 1, int(len(ordered) * part))] for part in (0.1, 0.5, 0.9))
    if len(ordered) < LEARNT_FROM:
        return guessed(p50)
    return Pace(p10, p50, p90, learnt=True)


def guessed(usual: float) -> Pace:
    """The pace of tasks of which little more is known than how long they usually take."""
    return Pace(usual * 0.6, usual, usual * 2.0)


class Flying(NamedTuple):
    """What is needed of a job in flight to look after it: thousands of them are read at every sweep.

    ``restless``: its record says that something was wrong, so that no news is news.
    """

    id: str
    wire: str
    path: str
    task_id: str | None
    pace: str
    tool: str
    model_name: str | None
    created_at: float
    begun_at: float | None
    updated_at: float
    restless: int

    @property
    def since(self) -> float:
        """When Kling took it, as far as anybody knows."""
        return self.created_at if self.begun_at is None else self.begun_at


class Look(NamedTuple):
    """The last look at a task."""

    at: float
    quiet: int = 0
    suspect: bool = False


def due(flights: Sequence[Flying], paces: Mapping[str, Pace], looks: Mapping[str, Look], now: float) -> list[Flying]:
    """Whom to ask about now: nobody while all are too young to have ended, else everybody.

    The young cost next to nothing beside others, and the provider knows how unlikely their end is.

    Args:
        flights: Tasks in flight whose ids are known.
        paces: By job id.
        looks: The last looks, by job id.
        now: Unix seconds.
    """
    ripe = any(each.id in looks or not _green(each, paces[each.id], now) for each in flights)
    return list(flights) if ripe else []


def _green(flight: Flying, pace: Pace, now: float) -> bool:
    """Whether it is too young to have ended."""
    return not flight.restless and 0.0 <= now - flight.since < pace.first_look


def every(known: int, quiet_s: float) -> float:
    """Seconds from one sweep to the next.

    Args:
        known: How many tasks are in flight.
        quiet_s: Since when there has been no news of any of them.
    """
    return MANY_EVERY_S if known > FEW else look_after(quiet_s)


def refs(
    flights: Sequence[Flying],
    paces: Mapping[str, Pace],
    looks: Mapping[str, Look],
    begun: Mapping[tuple[str, int], int],
    now: float,
) -> list[TaskRef]:
    """How to ask about these, and what helps to choose whom to ask about first.

    Args:
        flights: Tasks in flight.
        paces: By job id.
        looks: The last looks, by job id.
        begun: How many tasks began, by family and minute; where it is not known, nothing else did.
        now: Unix seconds.
    """
    running = Counter((each.path, minute(each.since)) for each in flights)
    return [_ref(each, paces[each.id], looks.get(each.id), _crowd(each, begun, running), now) for each in flights]


def minute(at: float) -> int:
    """The minute in which something began."""
    return int(at // MINUTE_S)


def looked(flight: Flying, before: Look | None, progress: Progress | None, now: float) -> Look:
    """The last look at a task, now that Kling was asked.

    Args:
        flight: The task.
        before: The look before.
        progress: What Kling said of it; None if it knows no such task.
        now: Unix seconds.
    """
    last = before or Look(flight.since)
    match progress.trace if progress else "":
        case "":
            return Look(now)
        case "quiet":
            return Look(now, last.quiet + 1, suspect=last.quiet + 1 >= QUIET_TO_SUSPECT)
        case "gone":
            return last._replace(suspect=True)
        case _:
            return last


def _crowd(flight: Flying, begun: Mapping[tuple[str, int], int], running: Mapping[tuple[str, int], int]) -> float:
    place = (flight.path, minute(flight.since))
    return max(1.0, begun.get(place, 0) / running[place])


def _ref(flight: Flying, pace: Pace, look: Look | None, crowd: float, now: float) -> TaskRef:
    since, seen_at = flight.since, look.at if look else None
    seen_age = (since if seen_at is None else seen_at) - since
    return TaskRef(
        wire="v2" if flight.wire == "v2" else "v1",
        path=flight.path,
        ext_id=flight.id,
        task_id=flight.task_id,
        begun_at=flight.begun_at,
        seen_at=seen_at,
        chance=pace.chance(seen_age, now - since),
        crowd=crowd,
        quiet=look.quiet if look else 0,
        suspect=look is not None and look.suspect,
    )
