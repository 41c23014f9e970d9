"""Runs of many seeds, and the story of one."""

from __future__ import annotations

import gc
from contextlib import nullcontext
from functools import cache
from typing import TYPE_CHECKING

from tests.battery.simulation.mutants import MUTANTS
from tests.battery.simulation.store import Shelf
from tests.battery.simulation.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

COLLECT_EVERY = 50
"""Seeds between two collections of garbage: while they run it would only be in the way."""


@cache
def _shelf() -> Shelf:
    return Shelf()


def failing(seeds: Iterable[int], mutant: str = "") -> Iterator[tuple[int, list[str]]]:
    """The seeds that end badly, as they are found, and what is wrong with each."""
    watched = gc.isenabled()
    gc.disable()
    try:
        for count, seed in enumerate(seeds, start=1):
            if wrong := _ended(seed, mutant).wrong:
                yield seed, wrong
            if count % COLLECT_EVERY == 0:
                gc.collect()
    finally:
        if watched:
            gc.enable()


def story(seed: int, mutant: str = "") -> str:
    """What happened in a seed, one line per event, what is wrong at its end, and how to see it again."""
    world = _ended(seed, mutant, traced=True)
    verdict = world.wrong or ["nothing is wrong"]
    option = f" --mutant {mutant}" if mutant else ""
    again = f"python -m tests.battery.simulation --seed {seed}{option}"
    return "\n".join([f"seed {seed}", *world.trace, "", *verdict, "", f"Again: {again}"])


def _ended(seed: int, mutant: str, *, traced: bool = False) -> World:
    unique = MUTANTS[mutant].unique if mutant else None
    world = World(seed, _shelf(), unique=unique, traced=traced)
    with MUTANTS[mutant].alive() if mutant else nullcontext():
        world.run()
    return world
