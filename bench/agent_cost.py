"""What a render of 180 s costs an agent: how many calls, and how many bytes it writes and reads.

``python bench/agent_cost.py``. Wanted: at most 6 calls and 6 KB in all. Hosts give the model either the text or the
structured content of an answer; both are counted, so the figure holds for every host. Pictures are counted apart:
models pay for them by area.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import anyio
from machine import described
from mcp.types import ImageContent
from stage import Stage, staged

from kling_mcp.clock import SystemClock

SPEED = 30
WISH = {"prompt": "A red fox trots through fresh snow at sunrise, slow dolly forward", "mode": "pro", "duration": 10}


async def main() -> None:
    """Measure and print."""
    print(described())
    with tempfile.TemporaryDirectory() as folder:
        async with staged(Path(folder), SystemClock(speed=SPEED)) as stage:
            stage.sandbox.faults.render_s = 180
            job = await _called(stage, "generate_video", WISH)
            while "wait_for_jobs" in job["next"]:
                job = await _called(stage, "wait_for_jobs", {"job_ids": [job.get("job_id") or job["jobs"][0]["job_id"]]})


async def _called(stage: Stage, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    answer = await stage.client.call_tool(tool, arguments)
    assert not answer.is_error, answer
    return answer.structured_content or {}


if __name__ == "__main__":
    anyio.run(main)
