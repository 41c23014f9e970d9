"""The server over standard input and output, as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import anyio
import pytest
from mcp import Client, StdioServerParameters, stdio_client

from .studio import ERAS, WISH, told

if TYPE_CHECKING:
    from collections.abc import Generator

    from .studio import Mode

ROOT = Path(__file__).parents[2]


def command(folder: Path, lasts: float) -> list[str]:
    return ["-m", "tests.server.served", "stdio", str(folder), str(lasts)]


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ERAS)
async def test_a_video_is_made_over_stdio_in_both_eras(tmp_path: Path, mode: Mode) -> None:
    door = StdioServerParameters(command=sys.executable, args=command(tmp_path, 5), cwd=ROOT)
    with anyio.fail_after(30):
        async with Client(stdio_client(door), mode=mode) as client:
            result = await client.call_tool("generate_video", WISH)
    assert told(result)["status"] == "succeeded"


@contextmanager
def process(folder: Path) -> Generator[tuple[subprocess.Popen[str], IO[str], IO[str]]]:
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, *command(folder, 5000)], cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True
    ) as running:
        giving_up = threading.Timer(30, running.kill)
        giving_up.start()
        assert running.stdin is not None
        assert running.stdout is not None
        try:
            yield running, running.stdin, running.stdout
        finally:
            giving_up.cancel()
            running.kill()


def say(to: IO[str], method: str, params: dict[str, Any], number: int | None = None) -> None:
    message = {"jsonrpc": "2.0", "method": method, "params": params} | ({"id": number} if number else {})
    to.write(json.dumps(message) + "\n")
    to.flush()


HELLO = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
UNREADABLE = {
    "half an emoji": '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"x","arguments":{"a":"\\ud83d"}}}',
    "very deep": '{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":' + "[" * 300 + "]" * 300 + "}}",
    "no object": '{"jsonrpc":"2.0","id":7,"method":"ping","params":[1]}',
}


def test_a_request_that_cannot_be_read_is_answered_or_its_sender_would_wait_for_ever(tmp_path: Path) -> None:
    with process(tmp_path) as (_, to, back):
        say(to, "initialize", HELLO, 1)
        assert json.loads(back.readline())["id"] == 1
        for message in UNREADABLE.values():
            to.write(f"not json\n{message}\n")
            to.flush()
            answer = json.loads(back.readline())
            assert (answer["id"], answer["error"]["code"]) == (7, -32700)
            assert "Nothing was submitted and nothing was charged." in answer["error"]["message"]
        say(to, "ping", {}, 8)
        assert json.loads(back.readline()) == {"jsonrpc": "2.0", "id": 8, "result": {}}


def test_when_the_client_closes_the_pipe_mid_call_the_process_ends_and_the_job_is_kept(tmp_path: Path) -> None:
    with process(tmp_path) as (server, to, back):
        say(to, "initialize", HELLO, 1)
        assert json.loads(back.readline())["id"] == 1
        say(to, "notifications/initialized", {})
        call = {"name": "generate_video", "arguments": {**WISH, "wait_seconds": 55}, "_meta": {"progressToken": "p"}}
        say(to, "tools/call", call, 2)
        while json.loads(back.readline()).get("method") != "notifications/progress":
            pass
        to.close()
        code = server.wait(10)  # how long it takes is measured by bench/ends.py
        assert server.stderr is not None
        assert (code, server.stderr.read()) == (0, "closed in good order\n")
    assert (tmp_path / "state" / "ledger.db").stat().st_size > 0
