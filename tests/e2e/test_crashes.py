"""Real processes, really killed: the job is created once, and its file arrives."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .processes import PretendKling, StdioServer, environment, pretend_kling

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

SPEED = "60"
PATIENCE_S = 40.0


@pytest.fixture
def kling() -> Generator[PretendKling]:
    with pretend_kling("--speed", SPEED) as running:
        yield running


def eventually(condition: Callable[[], object]) -> None:
    """Another process reaches a state; there is no event of it to wait for, so it is looked for, bounded."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def finished(server: StdioServer, job_id: str) -> dict[str, Any]:
    (job,) = server.call("wait_for_jobs", job_ids=[job_id], wait_seconds=PATIENCE_S)["jobs"]
    return job


def inherited(env: dict[str, str]) -> dict[str, Any]:
    """The one job of the ledger, as a freshly started server finishes it."""
    with StdioServer(env) as heir:
        (row,) = heir.call("list_jobs")["jobs"]
        return finished(heir, row["job_id"])


def test_killed_between_the_create_and_its_answer_the_job_finishes_after_a_restart(
    kling: PretendKling, tmp_path: Path
) -> None:
    env = environment(tmp_path, KLING_BASE_URL=kling.url, KLING_API_KEY="sandbox")
    kling.trouble(kind="delay", path="/v1/videos", method="POST", delay_s=3600)
    with StdioServer(env) as witness:
        with StdioServer(env) as victim:
            victim.begin("tools/call", {"name": "generate_video", "arguments": {"prompt": "a kite"}})
            eventually(lambda: kling.ledger()["creates"] == 1)
            victim.process.kill()
        job = inherited(env)
        assert job["status"] == "succeeded"
        assert Path(job["media"][0]["path"]).stat().st_size > 10_000
        assert finished(witness, job["job_id"])["units_charged"] == job["units_quoted"] == 3
    assert kling.ledger()["creates"] == 1
    assert kling.ledger()["duplicates_refused"] == 0


def test_killed_before_the_create_leaves_the_job_is_created_once_after_a_restart(
    kling: PretendKling, tmp_path: Path
) -> None:
    env = environment(tmp_path, KLING_BASE_URL=kling.url, KLING_API_KEY="sandbox")
    kling.trouble(kind="drop", path="/v1/videos", method="POST", hold_s=3600)
    with StdioServer(env) as victim:
        victim.begin("tools/call", {"name": "generate_video", "arguments": {"prompt": "a kite"}})
        eventually(lambda: kling.ledger()["requests"].get("POST /v1/videos/text2video"))
        victim.process.kill()
    assert inherited(env)["status"] == "succeeded"
    assert kling.ledger()["creates"] == 1


def test_when_the_host_hangs_up_mid_call_the_server_ends_at_once_and_the_job_goes_on_next_time(
    kling: PretendKling, tmp_path: Path
) -> None:
    env = environment(tmp_path, KLING_BASE_URL=kling.url, KLING_API_KEY="sandbox")
    kling.trouble(kind="delay", path="/v1/videos", method="POST", delay_s=3600)
    with StdioServer(env) as server:
        server.begin("tools/call", {"name": "generate_video", "arguments": {"prompt": "a kite"}})
        eventually(lambda: kling.ledger()["creates"] == 1)
        assert server.process.stdin is not None
        server.process.stdin.close()
        began = time.monotonic()
        server.process.wait(10)
        assert server.process.returncode == 0
        assert time.monotonic() - began < 2, "200 ms is measured by bench/; here only that it does not wait"
        server.process.stdin = None
    assert inherited(env)["status"] == "succeeded"
    assert kling.ledger()["creates"] == 1
