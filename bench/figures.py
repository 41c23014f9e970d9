"""The figures of the promise in one table: what was wanted, what this machine gives, and whether that is enough.

``python bench/figures.py [SCRIPT …]`` runs the benchmarks one after the other (all of them, or those named: intake,
slots, scale) and reads what they print. Its exit code is the number of figures missed. The figures of the crash tests
are printed by ``pytest -m battery -rP``.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from machine import described

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
PATIENCE_S = 900.0


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that a benchmark prints, perhaps several times; the one that counts is the worst.

    Attributes:
        what: What it says.
        pattern: Where it stands in the output, as the first group.
        wanted: The most it may be, or the least.
        unit: Of both.
        worst: ``max`` where it may be at most what is wanted, ``min`` where at least.
    """

    what: str
    pattern: str
    wanted: float
    unit: str = ""
    worst: Callable[[list[float]], float] = max

    def row(self, output: str) -> tuple[str, str, str, str]:
        """Its line of the table."""
        most = self.worst is max
        wanted = f"{'at most' if most else 'at least'} {self.wanted:,g} {self.unit}".strip()
        found = [float(number.replace(",", "")) for number in re.findall(self.pattern, output)]
        if not found:
            return self.what, wanted, "not measured", "missed"
        value = self.worst(found)
        met = value <= self.wanted if most else value >= self.wanted
        return self.what, wanted, f"{value:,g} {self.unit}".strip(), "met" if met else "missed"


FIGURES: dict[str, tuple[Figure, ...]] = {
    "intake": (
        Figure("Intents recorded by one process", r"(?m)^recorded +(\d+) a second", 5000, "a second", min),
        Figure(
            "The same under a limit for the day", r"(?m)^recorded, with a limit.* (\d+) a second", 5000, "a second", min
        ),
        Figure("A call's wait with 10,000 in flight, p99", r"in flight +p50 .*?p99 ([\d.]+) ms", 50, "ms"),
    ),
    "slots": (
        Figure("1303 per job while slots are learnt, worst of all cases", r"1303 per job ([\d.]+)", 0.5),
        Figure("Makespan against the ideal, worst of all cases", r"([\d.]+) x ideal", 1.25, "x"),
    ),
    "scale": (
        Figure("Memory with 10,000 in flight", r"memory at most ([\d.]+) MB", 150, "MB"),
        Figure("Requests in a sweep with 10,000 in flight", r"at most (\d+) requests a sweep", 25),
        Figure("The event loop's lateness meanwhile, p99", r"late by ([\d.]+) ms \(p99\)", 50, "ms"),
    ),
}
"""By script of this folder."""


def measured(script: str) -> str:
    """What a benchmark prints; what it says to standard error is passed on."""
    command = [sys.executable, str(HERE / f"{script}.py")]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout if done.returncode == 0 else ""


def main(scripts: list[str]) -> int:
    """Run the benchmarks and print the table; how many figures were missed."""
    print(f"{described()}\n\n| What | Wanted | Measured | |\n|---|---|---|---|", flush=True)
    missed = 0
    for script in scripts:
        output = measured(script)
        for figure in FIGURES[script]:
            row = figure.row(output)
            missed += row[-1] == "missed"
            print(f"| {' | '.join(row)} |", flush=True)
    return missed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or list(FIGURES)))
