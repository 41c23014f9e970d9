"""How long a task takes and how it ends: decided once, from its order and its id, so that nothing is left to chance.

Two words in a prompt decide the end [OWN]: ``REFUSED_WORD`` is refused before it is accepted (code 1301),
``RISK_WORD`` is accepted and then fails as moderation does at Kling. Neither is charged.
"""

from __future__ import annotations

import hashlib
import secrets
from types import MappingProxyType
from typing import TYPE_CHECKING

from kling_mcp.sandbox.order import Transition
from kling_mcp.sandbox.wire import RISK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_mcp.sandbox.order import Order

REFUSED_WORD = "sandbox-refuse"
RISK_WORD = "sandbox-risk"

# Seconds: a start, and so much per second of video. A 5 s clip in std takes about 60 to 85 s.
_RENDER: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"std": (40.0, 6.0), "pro": (60.0, 9.0), "4k": (110.0, 18.0), "*": (60.0, 9.0)}
)
_PACE: Mapping[str, float] = MappingProxyType({"kling-3.0-turbo": 0.5, "kling-v2-5-turbo": 0.75})
"""Models that are faster than the others: factor on the render time."""
_SOUND = 1.2
_SPREAD = 0.2
"""Render times vary by this fraction around the middle, by task id."""
_RISK_SHARE = 0.4
"""A task that moderation stops ends after this fraction of its render time."""

_EPOCH_MS = 1_568_000_000_000
"""Chosen so that ids of today have 18 digits."""
_RANDOM_BITS = 22


def new_id(now: float, *, after: str = "0") -> str:
    """An id of 18 or 19 digits, greater than ``after``; it grows with time, and no other process draws the same."""
    ticks = max(int(now * 1000) - _EPOCH_MS, 25_000_000_000)
    return str(max((ticks << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS), int(after) + 1))


def new_ids(now: float, count: int) -> tuple[str, ...]:
    """So many ids, each greater than the one before."""
    ids: list[str] = []
    for _ in range(count):
        ids.append(new_id(now, after=ids[-1] if ids else "0"))
    return tuple(ids)


def message_of(order: Order) -> str:
    """Why the task will fail; empty if it will not."""
    return RISK if RISK_WORD in order.prompt else ""


def life_of(order: Order, task_id: str, now: float) -> tuple[Transition, ...]:
    """Submitted now, processing a few seconds later, then the end."""
    luck = _fraction(task_id)
    queued, render = 2 + 3 * luck, order.pace * (1 - _SPREAD / 2 + _SPREAD * luck)
    fails = bool(message_of(order))
    return (
        Transition(now, "submitted"),
        Transition(now + queued, "processing"),
        Transition(now + queued + render * (_RISK_SHARE if fails else 1), "failed" if fails else "succeeded"),
    )


def video_pace(mode: str, seconds: float, *, model: str = "", sound: bool = False) -> float:
    """About how many seconds it takes to make a clip."""
    start, per_second = _RENDER[mode]
    return (start + per_second * seconds) * _PACE.get(model, 1.0) * (_SOUND if sound else 1.0)


def _fraction(task_id: str) -> float:
    return hashlib.sha256(task_id.encode()).digest()[0] / 255
