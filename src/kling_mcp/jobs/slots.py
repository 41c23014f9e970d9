"""How many jobs of a lane may be posted now, and what each answer teaches of the account's parallel slots. Pure.

A lane is what shares slots at Kling: one account's jobs that are paid from packs of one kind. Nobody tells how many
slots there are, and others may use the same account, so the cap is learnt: a job that is refused for want of a slot
(1303) shows that there are no more than those we hold; from time to time one job more than the cap is tried. What is
found free is doubled the next time; what is refused makes the next trial wait twice as long. Jobs leave in the order in
which they were accepted: one that needs many slots is not overtaken by those that need few.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kling_mcp.jobs.model import spread

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

FIRST_IN_AIR = 4
"""As long as no cap is known, so many POSTs may be under way at once, or half of what Kling holds of ours already."""
PROBE_S = 15.0
"""Pause before one more than the cap is tried; the first after a change."""
LONGEST_PROBE_S = 300.0
JOBS_BETWEEN_PROBES = 3
"""After a trial that failed, at least so many jobs are accepted before the next: it bounds what is wasted."""
STUCK_S = 1800.0
"""Unless none is accepted for so long: what seems to hold our slots may be tasks that hang, or are no more."""
MEMORY_S = 86_400.0
"""A cap that nothing has confirmed for so long is forgotten."""
FIRST_ASIDE_S, LONGEST_ASIDE_S = 15.0, 3600.0
"""How long a job that is refused although it is alone lets others pass: they must not starve behind it."""
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
"""How long a lane rests when Kling wants fewer requests, or has no slot although none of our jobs holds one."""


@dataclass(frozen=True, slots=True)
class Lane:
    """What is known of a lane's slots. Times are unix seconds.

    Attributes:
        cap: How many slots there are for us; None if that is not known.
        learnt_at: When that was last confirmed.
        probe_at: When more may be tried.
        pause: How long before the next trial after one that fails.
        base: The cap when the present trial began; None after one that failed.
        accepted: How many jobs Kling took since it last refused one.
        wait_until: Nothing is posted before this time.
        wait: How long the last rest was; 0 if Kling has taken a job since.
    """

    cap: int | None = None
    learnt_at: float = 0.0
    probe_at: float = 0.0
    pause: float = PROBE_S
    base: int | None = None
    accepted: int = 0
    wait_until: float = 0.0
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Load:
    """The slots that our own jobs hold, over all processes.

    Attributes:
        taken: Those of jobs that Kling has or may have.
        in_air: Those of jobs that are being posted.
        posts: How many are being posted.
    """

    taken: int = 0
    in_air: int = 0
    posts: int = 0

    @property
    def held(self) -> int:
        """All of them."""
        return self.taken + self.in_air


def aged(lane: Lane, now: float) -> Lane:
    """The lane without what is too old to be believed, or was written by a clock that has been set back since."""
    if lane.cap is not None and not 0 <= now - lane.learnt_at + 1.0 <= MEMORY_S:
        lane = Lane(wait_until=lane.wait_until, wait=lane.wait)
    latest = now + 10 * LONGEST_WAIT_S
    return replace(lane, wait_until=0.0) if lane.wait_until > latest else lane


def admitted(lane: Lane, load: Load, waiting: Sequence[int], now: float) -> tuple[int, Lane]:
    """How many of those who wait may be posted now, from the head of the queue.

    Args:
        lane: As it stands.
        load: What our jobs hold.
        waiting: How many slots each of those who wait needs, in their order.
        now: Unix seconds.

    Returns:
        Their number, and the lane as it then stands.
    """
    if now < lane.wait_until:
        return 0, lane
    if lane.cap is None:
        return min(len(waiting), max(0, max(FIRST_IN_AIR, load.taken // 2) - load.posts)), lane
    fit = _fitting(waiting, lane.cap - load.held)
    if fit == len(waiting):
        return fit, lane
    alone = load.held == 0 and fit == 0
    if alone:  # it needs more than the cap: on its own it may still find its place
        return 1, lane
    if not _may_probe(lane, load, now):
        return fit, lane
    more = 1 if lane.base is None else max(1, 2 * (lane.cap - lane.base))
    tried = max(_fitting(waiting, lane.cap + more - load.held), fit + 1)
    return tried, replace(lane, base=lane.cap, probe_at=now + lane.pause)


def taken(lane: Lane, load: Load, now: float) -> Lane:
    """Kling took a job; ``load`` includes it. The same record comes back if that is no news."""
    cap = lane.cap
    if cap is None:
        return replace(lane, wait=0.0) if lane.wait else lane
    lane = replace(lane, accepted=lane.accepted + 1, wait=0.0)
    if load.taken <= cap:
        return replace(lane, learnt_at=now) if load.taken == cap else lane
    raised = replace(lane, cap=load.taken, learnt_at=now)
    if lane.base is None:  # one of a trial that failed for the others
        return raised
    # A single one more may only have found the place of a job whose end we had not seen yet.
    pause = PROBE_S if load.taken > lane.base + 1 else lane.pause
    return replace(raised, pause=pause, probe_at=now + PROBE_S)


def full(lane: Lane, load: Load, now: float, rest_s: float, dice: random.Random) -> Lane:
    """Kling has no slot for a job; ``load`` leaves it out.

    Args:
        lane: As it stands.
        load: What our other jobs hold.
        now: Unix seconds.
        rest_s: How long Kling wants to be left alone; at least a second.
        dice: Spreads what several would do at once.
    """
    known: int = lane.cap or load.taken
    before: int = known if lane.base is None else lane.base
    learnt = replace(lane, cap=max(1, min(known, load.taken)), learnt_at=now, base=None, accepted=0)
    if load.taken < before or lane.cap is None:
        # The first news, or fewer than there were: they move, so they may come back as quickly.
        learnt = replace(learnt, pause=PROBE_S, probe_at=now + spread(PROBE_S, dice))
    elif lane.base is not None:
        pause = min(LONGEST_PROBE_S, 2 * lane.pause)
        learnt = replace(learnt, pause=pause, probe_at=now + pause)
    return held_back(learnt, now, rest_s) if load.held else rested(learnt, now, rest_s, dice)


def rested(lane: Lane, now: float, rest_s: float, dice: random.Random) -> Lane:
    """Nothing is posted for a while, ever longer: Kling wants fewer requests, or others hold all its slots.

    What was under way when the rest began lengthens it no more, unless Kling asks for that.
    """
    if now < lane.wait_until:
        return held_back(lane, now, rest_s)
    wait = min(LONGEST_WAIT_S, max(FIRST_WAIT_S, 2 * lane.wait))
    return replace(lane, wait=wait, wait_until=now + max(rest_s, spread(wait, dice)))


def held_back(lane: Lane, now: float, rest_s: float) -> Lane:
    """Nothing is posted for so long."""
    return replace(lane, wait_until=max(lane.wait_until, now + rest_s))


def too_large(needs: int, load: Load) -> bool:
    """Whether a job was refused that needs several slots, although ours hold none: there may never be enough."""
    return needs > 1 and load.held == 0


def step_aside_s(attempts: int) -> float:
    """How long a job that is too large lets others pass, ever longer."""
    return min(LONGEST_ASIDE_S, FIRST_ASIDE_S * 2.0 ** min(attempts, 10))


def _may_probe(lane: Lane, load: Load, now: float) -> bool:
    if load.posts or now < lane.probe_at <= now + LONGEST_PROBE_S:
        return False
    stuck = now >= lane.probe_at + STUCK_S
    return stuck or lane.pause <= PROBE_S or lane.accepted >= JOBS_BETWEEN_PROBES


def _fitting(waiting: Sequence[int], room: int) -> int:
    """How many from the head fit into so many slots."""
    for count, slots in enumerate(waiting):
        room -= slots
        if room < 0:
            return count
    return len(waiting)
