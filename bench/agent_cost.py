"""What a render of 180 s costs an agent: how many calls, and how many bytes it writes and reads.

``python bench/agent_cost.py``. Wanted: at most 6 calls and 6 KB in all. Hosts give the model either the text or the
structured content of an answer; both are counted, so the figure holds for every host. Pictures are counted apart:
models pay for them by area.
"""

from __future__ import annotations

import base64
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from machine import described
from mcp.types import ImageContent
from stage import Stage, staged

from kling_mcp.clock import SystemClock

SPEED = 30
WISH = {"prompt": "A red fox trots through fresh snow at sunrise, slow dolly forward", "mode": "pro", "duration": 15}


@dataclass(slots=True)
class Cost:
    """What an agent has spent so far."""

    calls: int = 0
    written: int = 0
    read: int = 0
    pictures: int = 0


async def main() -> None:
    """Measure and print."""
    print(described())
    cost = Cost()
    with tempfile.TemporaryDirectory() as folder:
        async with staged(Path(folder), SystemClock(speed=SPEED)) as stage:
            answer = await _called(stage, cost, "generate_video", WISH)
            ids = [answer["job_id"]]
            while "wait_for_jobs" in answer["next"]:
                answer = await _called(stage, cost, "wait_for_jobs", {"job_ids": ids})
            job = answer.get("jobs", [answer])[0]
    print(f"a render of {job['elapsed_s']} s: {cost.calls} calls, {cost.written} bytes written, {cost.read} bytes read")
    print(f"together {(cost.written + cost.read) / 1000:.1f} KB; and {cost.pictures / 1000:.1f} KB of pictures")


async def _called(stage: Stage, cost: Cost, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    answer = await stage.client.call_tool(tool, arguments)
    assert not answer.is_error, answer
    cost.calls += 1
    cost.written += len(tool) + len(json.dumps(arguments))
    cost.read += len(json.dumps(answer.structured_content))
    for block in answer.content:
        if isinstance(block, ImageContent):
            cost.pictures += len(base64.b64decode(block.data))
        else:
            cost.read += len(block.model_dump_json(by_alias=True, exclude_none=True))
    return answer.structured_content or {}


if __name__ == "__main__":
    anyio.run(main)
