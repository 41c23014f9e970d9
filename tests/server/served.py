"""A program for tests: the server over HTTP with the studio in the place of Kling.

``python -m tests.server.served FOLDER SECONDS_A_JOB_LASTS [NAME=VALUE of a setting …]``
"""

from __future__ import annotations

import sys
from pathlib import Path

import anyio

from kling_mcp.clock import SystemClock
from kling_mcp.sandbox.samples import sample_video
from kling_mcp.server.http import serve_http
from kling_mcp.settings import Settings
from tests.server.studio import SPEED, opened


async def main(folder: Path, lasts: float, settings: Settings) -> None:
    film = sample_video(caption="A fox", label="km1-test", aspect_ratio="16:9", duration_s=1, sound=False)
    async with opened(folder, film, settings, SystemClock(SPEED if lasts < SPEED else 1)) as house:
        house.studio.lasts = lasts
        await serve_http(house, "127.0.0.1", 0)
    sys.stderr.write("closed in good order\n")


if __name__ == "__main__":
    given = dict(pair.split("=", 1) for pair in sys.argv[3:])
    anyio.run(main, Path(sys.argv[1]), float(sys.argv[2]), Settings.model_validate(given))
