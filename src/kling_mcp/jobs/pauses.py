"""How long to wait before anything is done again, in seconds. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_mcp.jobs.model import spread

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from kling_mcp.jobs.model import Job

_BUSY_S, _YOUNG_S = 20.0, 180.0
"""Pictures and sounds end within the first, most films within the second."""


def look_after(age: float) -> float:
    """From one look at a task to the next, so long after its last news: short while short jobs finish."""
    if age < _YOUNG_S:
        return 2.0 if age < _BUSY_S else 5.0
    return max(10.0, min(600.0, age / 60.0))


def patience(jobs: Sequence[Job], now: float, dice: random.Random) -> float:
    """Until a look-up that failed is tried again: the same for all its jobs, so that they stay one question.

    A tenth of the youngest one's age: a job of a minute is not kept waiting by an outage, and an outage of hours does
    not become thousands of questions.
    """
    youngest = now - max(job.created_at for job in jobs)
    return spread(min(60.0, max(5.0, youngest / 10.0)), dice)


def back_off(job: Job, dice: random.Random, *, at_least: float, cap: float) -> float:
    """Until a job is posted again: twice as long with each attempt made, with jitter."""
    return max(at_least, spread(min(cap, 2.0 ** min(job.attempts, 8)), dice))
