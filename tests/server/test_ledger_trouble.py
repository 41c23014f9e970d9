"""A ledger that fails after a job was submitted: the answer must not read as if nothing had been paid."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, cast

import anyio
import pytest
from mcp import Client

from kling_mcp.jobs.ledger import store
from kling_mcp.sandbox.faults import Fault
from kling_mcp.server.catalogue import build_server
from kling_mcp.settings import Settings
from tests.stack import running_stack

from .studio import text

if TYPE_CHECKING:
    from pathlib import Path

    from mcp.types import CallToolResult

pytestmark = pytest.mark.anyio


async def test_a_job_that_was_submitted_is_answered_with_its_handle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "SQLITE_PATIENCE_S", 0.2)
    answers: list[CallToolResult] = []
    async with running_stack(tmp_path) as stack:
        server = build_server(stack.jobs, Settings(), provider_name="official")
        stack.sandbox.faults.add(Fault("delay", "/v1/videos", "POST", delay_s=1e6))
        async with Client(server) as client, anyio.create_task_group() as group:

            async def call() -> None:
                answers.append(await client.call_tool("generate_video", {"prompt": "a kite"}))

            group.start_soon(call)
            with anyio.fail_after(20):
                while not stack.sandbox.state.creates:
                    await stack.clock.sleep(1.0)
            with closing(sqlite3.connect(stack.ledger.path, isolation_level=None)) as other:
                other.execute("BEGIN EXCLUSIVE")
                with anyio.fail_after(20):
                    while not answers:
                        await stack.clock.sleep(1.0)
    facts = cast("dict[str, Any]", answers[0].structured_content)
    assert not answers[0].is_error
    assert facts["job_id"].startswith("km1-")
    assert "do not resubmit" in facts["next"]
    assert "othing was charged" not in text(answers[0])
