"""Where the battery's chance comes from: a new seed each run, printed, and given back to play the same dice again."""

from __future__ import annotations

import os
import random

from .say import say

SEED = "BATTERY_SEED"


def chosen(what: str) -> int:
    """The seed of this run. It replays the dice; when processes run remains the machine's affair."""
    given = os.environ.get(SEED)
    seed = int(given) if given else random.SystemRandom().randrange(10**6)
    say(f"\n{what}: seed {seed} (same dice: {SEED}={seed})")
    return seed
