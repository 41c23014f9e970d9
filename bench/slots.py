"""How well the account's parallel slots are learnt: 600 jobs, wasted 1303 per job, and makespan against the ideal.

``python bench/slots.py [SEED]``. Wanted: at most 0.5 wasted 1303 per job, and at most 1.25 times the ideal makespan.
The posting and the ledger are real, Kling is nothing but slots, and the clock leaps (``tests/battery/lane_world.py``).
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import anyio
from machine import described

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.battery.lane_world import run
from tests.battery.test_slots import CASES


async def main(seed: int) -> None:
    """Measure and print."""
    print(described())
    for name, (slots, needs, processes) in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            figures = await run(Path(folder), slots, needs=needs, processes=processes, seed=seed)
            print(f"{name:40} {figures} ({time.perf_counter() - began:.1f} s)", flush=True)


if __name__ == "__main__":
    anyio.run(main, int(sys.argv[1]) if len(sys.argv) > 1 else 1)
