"""What every test may use. anyio's plugin runs coroutine tests; asyncio is the only backend we ship on."""

from __future__ import annotations

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
