"""Simulate seeds by hand: ``python -m tests.battery.simulation --seed 7``, ``--seeds 0-999``, ``--mutants 1000``."""

# ruff: noqa: T201 - it talks to whoever runs it

from __future__ import annotations

import argparse
import sys
import time

from tests.battery.simulation.mutants import MUTANTS
from tests.battery.simulation.runs import failing, story


def main() -> int:
    """Run what was asked for; 1 if a seed failed."""
    asked = _arguments()
    if asked.seed is not None:
        print(story(asked.seed, asked.mutant))
        return 0
    if asked.mutants:
        return _hunt(asked.mutants)
    first, _, last = asked.seeds.partition("-")
    seeds, began, failed = range(int(first), int(last or first) + 1), time.perf_counter(), 0
    for seed, wrong in failing(seeds, asked.mutant):
        failed += 1
        print(f"seed {seed}: {'; '.join(wrong)}", flush=True)
    print(f"{failed} of {len(seeds)} seeds failed, {(time.perf_counter() - began) / len(seeds) * 1000:.1f} ms each")
    return 1 if failed else 0


def _hunt(count: int) -> int:
    """How often each mutant is noticed; 1 if one never is."""
    print(f"{'without':44} {'ids unique':12} caught in, of {count} seeds")
    free = 0
    for name, mutant in MUTANTS.items():
        caught = sum(1 for _ in failing(range(count), name))
        unique = "as it comes" if mutant.unique is None else "yes" if mutant.unique else "no"
        print(f"{mutant.lacks:44} {unique:12} {caught:5} ({caught / count:.2%})", flush=True)
        free += not caught
    return 1 if free else 0


def _arguments() -> argparse.Namespace:
    asked = argparse.ArgumentParser(prog="python -m tests.battery.simulation", description=__doc__)
    asked.add_argument("--seed", type=int, help="tell what happens in this one")
    asked.add_argument("--seeds", default="0-999", help="run these, first and last")
    asked.add_argument("--mutant", default="", choices=["", *MUTANTS], help="with this protection taken away")
    asked.add_argument("--mutants", type=int, default=0, help="run so many seeds of each mutant")
    return asked.parse_args()


if __name__ == "__main__":
    sys.exit(main())
