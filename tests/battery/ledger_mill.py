"""One of several processes that write jobs to one ledger as fast as it lets them.

``python -m tests.battery.ledger_mill LEDGER NAME JOBS`` waits for the file ``go`` beside the ledger, and prints how
long its calls and its commits took as one line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from kling_mcp.jobs import moves
from kling_mcp.jobs.ledger import Ledger
from kling_mcp.jobs.ledger.store import Store
from kling_mcp.jobs.model import Job
from kling_mcp.providers.base import Output, Progress, Request

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from kling_mcp.jobs.ledger.writer import Operation

AT_ONCE = 16


def job(job_id: str, account: str) -> Job:
    now = time.time()
    return Job(
        id=job_id,
        account=account,
        provider="official",
        tool="generate_video",
        request_hash=job_id,
        arguments={"prompt": "a kite over the harbour at dusk"},
        model_name="kling-v3",
        units_quoted=Decimal(3),
        created_at=now,
        updated_at=now,
        wire="v1",
        path="/v1/videos/text2video",
        package="video",
    )


class Mill:
    """Accepts, claims and finishes jobs, and keeps the time."""

    def __init__(self, ledger: Ledger, name: str) -> None:
        self._ledger, self._name = ledger, name
        self.calls, self.commits, self.lost, self.trouble = list[float](), list[float](), 0, list[str]()

    async def grind(self, jobs: int) -> None:
        turns = iter(range(jobs))

        async def work() -> None:
            for turn in turns:
                await self._one(f"km1-{self._name}-{turn:06}")

        async with anyio.create_task_group() as group:
            for _ in range(AT_ONCE):
                group.start_soon(work)

    async def _one(self, job_id: str) -> None:
        new = job(job_id, "acc")
        await self._timed(self._ledger.add(new, Request("v1", "/v1/videos/text2video", {"prompt": "a kite"})))
        claim = moves.claimed(new, self._name, time.time())
        claimed: Job | None = await self._timed(self._ledger.save(claim, lease_s=moves.LEASE_S))
        if claimed is None:
            self.lost += 1
            return
        output = Output("video", "https://cdn.example/v.mp4", "v1")
        done = Progress(f"t-{job_id}", "succeeded", outputs=(output,), units=Decimal(3))
        after = moves.accepted(replace(claimed), done, time.time())
        self.lost += await self._timed(self._ledger.save(after)) is None

    async def _timed(self, call: Awaitable[Any]) -> Any:  # noqa: ANN401 - the call's own
        began = time.monotonic()
        try:
            return await call
        except Exception as trouble:
            self.trouble.append(str(trouble))
            raise
        finally:
            self.calls.append(time.monotonic() - began)


async def main(path: Path, name: str, jobs: int) -> dict[str, object]:
    ledger = Ledger(path)
    await ledger.check()
    mill, run = Mill(ledger, name), Store.run

    def timed(self: Store, group: list[Operation]) -> None:
        began = time.monotonic()
        run(self, group)
        mill.commits.append(time.monotonic() - began)

    Store.run = timed
    while not (path.parent / "go").exists():  # noqa: ASYNC110 - another process makes it
        await anyio.sleep(0.01)
    began = time.monotonic()
    await mill.grind(jobs)
    took = time.monotonic() - began
    await ledger.close()
    return {"calls": mill.calls, "commits": mill.commits, "lost": mill.lost, "trouble": mill.trouble, "took": took}


if __name__ == "__main__":
    place, word, number = sys.argv[1:]
    print(json.dumps(anyio.run(main, Path(place), word, int(number))))  # noqa: T201 - its answer
