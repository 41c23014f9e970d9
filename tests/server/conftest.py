"""What the server's tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kling_mcp.clock import SystemClock
from kling_mcp.sandbox.samples import sample_video
from kling_mcp.settings import Settings

from .studio import SPEED, House, opened

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path


@pytest.fixture(scope="session")
def film() -> bytes:
    return sample_video(caption="A fox", label="km1-test", aspect_ratio="16:9", duration_s=1, sound=False)


def settings_in(folder: Path, **options: object) -> Settings:
    return Settings.model_validate({"output_dir": folder / "films", **options})


@pytest.fixture
async def house(tmp_path: Path, film: bytes) -> AsyncGenerator[House]:
    """A running server."""
    async with opened(tmp_path, film, settings_in(tmp_path), SystemClock(SPEED)) as running:
        yield running


@pytest.fixture
async def fast(tmp_path: Path, film: bytes) -> AsyncGenerator[House]:
    """A server whose minutes are soon over."""
    async with opened(tmp_path, film, settings_in(tmp_path), SystemClock(5 * SPEED)) as running:
        yield running


@pytest.fixture
async def wide(tmp_path: Path, film: bytes) -> AsyncGenerator[House]:
    """A server that shows every tool."""
    async with opened(tmp_path, film, settings_in(tmp_path, toolsets="all"), SystemClock(SPEED)) as running:
        yield running
