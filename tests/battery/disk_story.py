"""A server whose disk fills up, or whose ledger becomes read-only: told by a process of its own, with its own limits.

``python -m tests.battery.disk_story full|read-only FOLDER ROUNDS`` prints what happened as one line of JSON.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sqlite3
import sys
from collections import Counter
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from kling_mcp.clock import SystemClock
from kling_mcp.errors import LocalTrouble
from kling_mcp.sandbox.faults import Fault
from tests.stack import HURRY, Stack, new_sandbox, running_stack

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from kling_mcp.providers.base import Progress, Request
    from kling_mcp.sandbox.app import Sandbox

CREATE = "/v1/videos/text2video"
NOBODY = 65_534
MODEL = "kling-v2-5-turbo"


@contextmanager
def disk_full() -> Generator[None]:
    """No file of this process can grow by a byte, journals and films included."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def read_only(folder: Path) -> Generator[None]:
    """The ledger and its folder can be read, not written."""
    everything = [folder, *folder.rglob("*")]
    modes = {path: path.stat().st_mode for path in everything}
    for path in everything:
        path.chmod(0o500 if path.is_dir() else 0o400)
    try:
        yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


async def refused(stack: Stack, prompt: str) -> bool:
    """Whether a request is refused because of this machine."""
    try:
        await stack.submitted(prompt=prompt, model_name=MODEL)
    except LocalTrouble:
        return True
    return False


async def queued(stack: Stack, prompt: str) -> str:
    """A job that waits because Kling has no slot for it; whoever clears the faults lets it go."""
    stack.sandbox.faults.add(Fault("code", CREATE, "POST", code=1303, times=None))
    job = await stack.submitted(prompt=prompt, model_name=MODEL)
    await stack.jobs.answered(job.id, 60.0)
    return job.id


async def before_the_claim(stack: Stack, trouble: Any) -> dict[str, object]:  # noqa: ANN401 - a context manager
    """The disk fails while a job waits for its turn: nothing is posted until it can be written down."""
    job_id = await queued(stack, "waits")
    with trouble:
        stack.sandbox.faults.clear()
        posts = stack.posts
        told_no = await refused(stack, "is refused")
        await stack.clock.sleep(120.0)
        tried = stack.posts - posts
    (job,) = await stack.jobs.wait([job_id], 5000.0)
    return {"told_no": told_no, "posts_meanwhile": tried, "state": job.state, "delivery": job.delivery}


async def before_the_answer(stack: Stack) -> dict[str, object]:
    """The disk fills up while a POST is under way: its answer cannot be written down, and it is not sent again."""
    stack.sandbox.faults.add(Fault("delay", CREATE, "POST", delay_s=40.0))
    creates = stack.sandbox.state.creates
    job = await stack.submitted(prompt="under way", model_name=MODEL)
    while stack.sandbox.state.creates == creates:
        await stack.clock.sleep(1.0)
    with disk_full():
        await stack.clock.sleep(90.0)
    (job,) = await stack.jobs.wait([job.id], 5000.0)
    return {"state": job.state, "delivery": job.delivery}


async def again_and_again(stack: Stack, rounds: int, dice: random.Random) -> list[str]:
    """The disk fills up and is cleared at random moments while requests come in; those that were accepted."""
    accepted = list[str]()

    async def ask(number: int) -> None:
        await stack.clock.sleep(dice.uniform(0, 60))
        try:
            accepted.append((await stack.submitted(prompt=f"film {number}", model_name=MODEL)).id)
        except LocalTrouble:
            return

    for each in range(rounds):
        async with anyio.create_task_group() as group:
            for number in range(5):
                group.start_soon(ask, each * 5 + number)
            await stack.clock.sleep(dice.uniform(0, 40))
            with disk_full():
                await stack.clock.sleep(dice.uniform(2, 20))
    return accepted


@asynccontextmanager
async def watched(folder: Path, clock: SystemClock, sandbox: Sandbox) -> AsyncGenerator[tuple[Stack, list[str]]]:
    """A running engine, and the ids of all POSTs that left without a claim of theirs on disk."""
    unclaimed, left = list[str](), Counter[str]()
    async with running_stack(folder, sandbox=sandbox, clock=clock) as stack:
        submit = stack.provider.submit

        async def witnessed(request: Request, ext_id: str) -> Progress:
            left[ext_id] += 1
            with closing(sqlite3.connect(f"file:{stack.ledger.path}?mode=ro", uri=True)) as db:
                row = db.execute("SELECT state, attempts FROM job WHERE id=?", (ext_id,)).fetchone()
            if row is None or row[0] != "submitting" or row[1] < left[ext_id]:
                unclaimed.append(ext_id)
            return await submit(request, ext_id)

        stack.provider.submit = witnessed  # type: ignore[method-assign] - somebody who looks at what leaves
        yield stack, unclaimed


async def full(folder: Path, rounds: int) -> dict[str, object]:
    clock = SystemClock(HURRY)
    async with watched(folder, clock, new_sandbox(clock)) as (stack, unclaimed):
        await stack.made(prompt="warm", model_name=MODEL)
        told = {"claim": await before_the_claim(stack, disk_full()), "answer": await before_the_answer(stack)}
        accepted = await again_and_again(stack, rounds, random.Random(rounds))
        jobs = await stack.jobs.wait(accepted, 20_000.0) if accepted else []
        states = sorted({str(job.state) for job in jobs})
        count = {"accepted": 3 + len(accepted), "creates": stack.sandbox.state.creates}
        return {**told, **count, "states": states, "unclaimed": unclaimed}


async def _waiting(folder: Path, clock: SystemClock, sandbox: Sandbox) -> str:
    async with running_stack(folder, sandbox=sandbox, clock=clock) as stack:
        await stack.made(prompt="warm", model_name=MODEL)
        return await queued(stack, "waits")


async def write_protected(folder: Path, _: int) -> dict[str, object]:
    """A server that starts on a ledger which it may only read, until somebody puts that right."""
    clock = SystemClock(HURRY)
    sandbox = new_sandbox(clock)
    job_id = await _waiting(folder, clock, sandbox)
    if os.geteuid() == 0:  # root may write anything
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    sandbox.faults.clear()
    posts = sum(n for name, n in sandbox.requests.items() if name.startswith("POST /v1"))
    with ExitStack() as protection:
        protection.enter_context(read_only(folder / "state"))
        async with watched(folder, clock, sandbox) as (stack, unclaimed):
            told_no = await refused(stack, "is refused")
            await clock.sleep(120.0)
            tried = stack.posts - posts
            protection.close()
            (job,) = await stack.jobs.wait([job_id], 5000.0)
    claim = {"told_no": told_no, "posts_meanwhile": tried, "state": job.state, "delivery": job.delivery}
    return {"claim": claim, "unclaimed": unclaimed, "accepted": 2, "creates": sandbox.state.creates}


STORIES = {"full": full, "read-only": write_protected}

if __name__ == "__main__":
    story, place, times = sys.argv[1:]
    print(json.dumps(anyio.run(STORIES[story], Path(place), int(times)), default=str))  # noqa: T201 - its answer
