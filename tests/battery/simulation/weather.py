"""What goes wrong in a seed, and how often. Each seed has its own mix, so that no fault hides another for ever."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

EPOCH = 1_790_000_000.0
"""Unix seconds at the beginning of every seed."""
LATEST_LANDING_S = 80.0
LONGEST_LAG_S = 10.0
LONGEST_FREEZE_S = 300.0
MARGIN_S = 15.0
"""How far the clock may be set forward where ids are not unique. More would end a settle window (120 s) before the
last request (80 s) has landed and can be read (10 s): against that only unique ids help, and no design can."""
FROZEN_UNSENT_S = 150.0
"""How long a program may be frozen, in all, with a POST in hand that the send guard has let pass, where ids are not
unique: the lease (150 s) and the settle window (120 s) cover it with its late landing. Longer, no check helps."""


@dataclass(slots=True)
class Weather:
    """Probabilities per occasion, unless said otherwise. Times in seconds."""

    unique: bool
    """Whether Kling refuses an external id it has seen before."""
    crash: float = 0.0
    freeze: float = 0.0
    drowsy: float = 0.0
    """Frozen with a commit just made: the moment that others conclude most from."""
    disk: float = 0.0
    """A commit that fails."""
    unreachable: float = 0.0
    lost: float = 0.0
    """A POST that never lands."""
    late: float = 0.0
    severed: float = 0.0
    """The line breaks while the answer is waited for."""
    answer_lost: float = 0.0
    broken: float = 0.0
    """A 5xx, before or after the task was made."""
    busy: float = 0.0
    unread: float = 0.0
    """A look-up without an answer."""
    lag: float = 0.0
    """A task may be missing, or look unfinished, for up to so long."""
    jumps: tuple[float, ...] = field(default=())
    """Corrections of the machine's clock."""
    outages: tuple[tuple[float, float], ...] = field(default=())
    """When, and for how long, the account is refused."""
    capacity: int = 20
    """Parallel slots."""
    haste: float = 1.0
    """How much longer a sleep may last than was asked for: the machine is busy."""
    storm_s: float = 200.0
    """How long all this lasts."""

    @property
    def settle_s(self) -> float:
        return 5.0 if self.unique else 120.0


def drawn(dice: random.Random, *, unique: bool | None = None) -> Weather:
    """The weather of a seed."""

    def sometimes(most: float, chance: float = 0.5) -> float:
        return dice.uniform(0.0, most) if dice.random() < chance else 0.0

    unique = dice.random() < 0.5 if unique is None else unique
    return Weather(
        unique=unique,
        crash=sometimes(0.06),
        freeze=sometimes(0.10),
        drowsy=sometimes(0.25, 0.3),
        disk=sometimes(0.10, 0.25),
        unreachable=sometimes(0.30, 0.3),
        lost=sometimes(0.40),
        late=sometimes(0.40),
        severed=sometimes(0.40),
        answer_lost=sometimes(0.40),
        broken=sometimes(0.30, 0.4),
        busy=sometimes(0.30, 0.3),
        unread=sometimes(0.40),
        lag=sometimes(LONGEST_LAG_S),
        jumps=_jumps(dice, unique=unique),
        outages=_outages(dice),
        capacity=dice.choice((4, 6, 20)),
        haste=dice.choice((4.0, 20.0, 40.0)),
        storm_s=dice.uniform(60.0, 300.0),
    )


def _jumps(dice: random.Random, *, unique: bool) -> tuple[float, ...]:
    if dice.random() > 0.25:
        return ()
    jump = dice.choice((-3600.0, -300.0, -30.0, 5.0, 30.0, 300.0, 3600.0))
    return (jump if unique else min(jump, MARGIN_S),)


def _outages(dice: random.Random) -> tuple[tuple[float, float], ...]:
    return ((dice.uniform(0.0, 100.0), dice.uniform(10.0, 300.0)),) if dice.random() < 0.1 else ()
