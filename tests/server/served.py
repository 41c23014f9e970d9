"""A program for tests: the server, over HTTP or stdio, with the studio in the place of Kling.

``python -m tests.server.served http|stdio FOLDER SECONDS_A_JOB_LASTS``
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import anyio

from kling_mcp.clock import SystemClock
from kling_mcp.sandbox.samples import sample_video
from kling_mcp.server.http import serve_http
from kling_mcp.server.stdio import serve_stdio
from kling_mcp.settings import Settings
from tests.server.studio import SPEED, opened


async def main(transport: str, folder: Path, lasts: float) -> None:
    film = sample_video(caption="A fox", label="km1-test", aspect_ratio="16:9", duration_s=1, sound=False)
    clock = SystemClock(SPEED if lasts < SPEED else 1)
    async with opened(folder, film, Settings(), clock) as house:
        house.studio.lasts = lasts
        if transport == "http":
            await serve_http(house, "127.0.0.1", 0)
        else:
            await serve_stdio(house.server)
    sys.stderr.write("closed in good order\n")


if __name__ == "__main__":
    gc.freeze()  # as the command does: or the interpreter collects everything once more before it ends
    anyio.run(main, sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]))
