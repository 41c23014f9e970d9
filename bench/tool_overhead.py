"""What the server adds to a paid call: from the tool call to the moment its POST leaves, over the bare provider.

``python bench/tool_overhead.py [ROUNDS]``. Checking, pricing, the durable ledger row and the protocol are all in it.
Wanted: p50 at most 5 ms more than ``provider.submit`` alone. Both are measured in turns in one process, and no job
finishes meanwhile, because rendering and decoding samples would be measured with them.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from machine import described, summary
from stage import Stage, staged

from kling_mcp.clock import SystemClock
from kling_mcp.operations.video import GenerateVideo

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

WARM_UP = 3
"""Rounds before the count: they load what is loaded at first use."""


class Arrivals:
    """Notes when a POST reaches the pretend Kling."""

    def __init__(self) -> None:
        self._at, self._came = 0.0, anyio.Event()

    def expect(self) -> None:
        """Forget the last one."""
        self._came = anyio.Event()

    async def at(self) -> float:
        """When it came; a tool may answer before its POST has left."""
        with anyio.fail_after(10):
            await self._came.wait()
        return self._at

    def __call__(self, app: ASGIApp) -> ASGIApp:
        """Watch ``app``."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            if scope.get("method") == "POST":
                self._at = time.perf_counter()
                self._came.set()
            await app(scope, receive, send)

        return watched


async def main(rounds: int) -> None:
    """Measure and print."""
    print(described())
    arrivals = Arrivals()
    tool: list[float] = []
    bare: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        async with staged(Path(folder), SystemClock(), arrivals) as stage:
            for turn in range(-WARM_UP, rounds):
                figures = await _tool(stage, arrivals, turn), await _provider(stage, arrivals, turn)
                if turn >= 0:
                    tool.append(figures[0])
                    bare.append(figures[1])
    print(f"tool call to POST     {summary(tool)}")
    print(f"provider call to POST {summary(bare)}")
    print(f"the server adds {(statistics.median(tool) - statistics.median(bare)) * 1000:.1f} ms at p50")


async def _tool(stage: Stage, arrivals: Arrivals, turn: int) -> float:
    arrivals.expect()
    started = time.perf_counter()
    answer = await stage.client.call_tool("generate_video", {"prompt": f"wave {turn}", "wait_seconds": 0})
    assert not answer.is_error, answer
    return await arrivals.at() - started


async def _provider(stage: Stage, arrivals: Arrivals, turn: int) -> float:
    arrivals.expect()
    started = time.perf_counter()
    request = stage.provider.prepare(GenerateVideo.parse({"prompt": f"wave {turn}"}))
    await stage.provider.submit(request, f"bare-{os.getpid()}-{turn}")
    return await arrivals.at() - started


if __name__ == "__main__":
    anyio.run(main, int(sys.argv[1]) if len(sys.argv) > 1 else 50)
