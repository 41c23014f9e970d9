"""R12: 600 jobs before slots of which nobody tells: few refusals, little time lost, whatever becomes of the slots.

Reliability.md section 7: at most 0.5 wasted 1303 per job and a makespan of at most 1.25 times the ideal, which knows
the slots at every moment and sees every end at once.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from .lane_world import run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .lane_world import Slots

pytestmark = [pytest.mark.anyio, pytest.mark.battery]

WASTED, STRETCH = 0.5, 1.25


def _steady(slots: int) -> Slots:
    return lambda _: slots


def _rises(at: float) -> int:
    return 5 if at < 4000 else 20 if at < 7000 else 5


def _falls(at: float) -> int:
    return 50 if at < 500 else 5 if at < 2500 else 50


def _shared(at: float) -> int:
    return 20 - int(8 + 6 * math.sin(at / 300))


def _jumps(at: float) -> int:
    return 20 - (0, 5, 12, 8, 19, 3)[int(at / 240) % 6]


CASES: dict[str, tuple[Slots, Sequence[int] | None, int]] = {
    "1 slot": (_steady(1), None, 1),
    "5 slots": (_steady(5), None, 1),
    "20 slots": (_steady(20), None, 1),
    "50 slots": (_steady(50), None, 1),
    "20 slots, images of 9, 1, 1 and 4": (_steady(20), [9, 1, 1, 4] * 150, 1),
    "5, then 20, then 5 slots": (_rises, None, 1),
    "50, then 5, then 50 slots": (_falls, None, 1),
    "20 slots, of which others take 2 to 14": (_shared, None, 1),
    "20 slots, of which others take and leave many at once": (_jumps, None, 1),
    "20 slots, three processes": (_steady(20), None, 3),
}


@pytest.mark.parametrize(("slots", "needs", "processes"), CASES.values(), ids=CASES)
async def test_the_slots_are_learnt_with_little_waste_and_little_loss(
    slots: Slots, needs: Sequence[int] | None, processes: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    figures = await run(tmp_path, slots, needs=needs, processes=processes)
    print(f"\n{request.node.callspec.id}: {figures}")  # noqa: T201 - the figures are what this is for
    assert figures.wasted <= WASTED, figures
    assert figures.stretch <= STRETCH, figures
