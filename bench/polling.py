"""How many requests it takes to look after jobs in flight, and how late their ends are noticed.

``python bench/polling.py [IN_FLIGHT …]``. The real engine, the official provider and the pretend Kling on a clock that
only steps: the figures are the engine's decisions, and the same on every machine. Tasks take 150 s (median, lognormal);
one in a hundred takes five times as long. Wanted: 20 in flight one request a sweep, noticed within one; never more than
25 requests a sweep; p95 at most 60 s with 10,000 in flight (that one takes minutes).
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

import anyio
from machine import described

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.battery.crowd import gathered, share, wait_s

USUALLY = (20, 200, 1000)
WARM_S, SECONDS = 300, 120
MEAN_S = 175.0


async def figures(in_flight: int, folder: Path) -> str:
    """One line about so many jobs in flight."""
    async with gathered(folder) as crowd:
        dice, owed, began = random.Random(in_flight), 0.0, time.monotonic()  # noqa: S311 - durations, not secrets
        for second in range(WARM_S + SECONDS):
            if second == WARM_S:
                crowd.late.clear()
                crowd.provider.sweeps.clear()
            owed += in_flight / MEAN_S
            await crowd.begin([wait_s(dice) for _ in range(int(owed))])
            owed -= int(owed)
            await crowd.pass_time(1.0)
        asked = [requests for _, requests in crowd.provider.sweeps]
        now, late = crowd.clock.now(), list(crowd.late.values())
        flying = sum(end > now for end in crowd.ends.values())
        return (
            f"{flying:>9} {sum(asked) / len(asked):>9.1f} {max(asked):>6} {sum(asked) / max(1, len(late)):>9.2f} "
            f"{share(late, 0.5):>6.1f} {share(late, 0.95):>6.1f} {max(late):>6.1f} {time.monotonic() - began:>7.0f}"
        )


def main() -> None:
    """Measure and print."""
    print(described())
    print("in flight  requests a sweep  requests       noticed after (s)    took")
    print("            on average   most   per job    p50    p95  worst  (real s)")
    for in_flight in map(int, sys.argv[1:] or USUALLY):
        with tempfile.TemporaryDirectory() as room:
            print(anyio.run(figures, in_flight, Path(room)), flush=True)


if __name__ == "__main__":
    main()
