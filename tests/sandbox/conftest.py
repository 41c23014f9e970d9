"""A sandbox with a clock that stands still, and one that serves retired models too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kling_mcp.clock import ManualClock
from tests.sandbox.shop import Customer, new_sandbox, opened

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def kling(clock: ManualClock) -> AsyncGenerator[Customer]:
    async with opened(new_sandbox(clock), clock) as customer:
        yield customer


@pytest.fixture
async def old_kling(clock: ManualClock) -> AsyncGenerator[Customer]:
    """Before the models were retired."""
    async with opened(new_sandbox(clock, serve_retired=True), clock) as customer:
        yield customer
