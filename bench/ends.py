"""How soon the real command ends: its pipe closed while a call waits, and SIGTERM while clients of it wait.

``python bench/ends.py [ROUNDS]``. Wanted: 0.2 s after the pipe is closed; 1 s after SIGTERM, and by then every waiting
call has its handle.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from typing import IO, TYPE_CHECKING, Any, cast

import anyio
import anyio.to_thread
from machine import described, summary
from mcp import Client
from mcp.client.sse import sse_client

if TYPE_CHECKING:
    from collections.abc import Callable

COMMAND = [sys.executable, "-m", "kling_mcp"]
WISH = {"prompt": "A red fox in fresh snow", "wait_seconds": 55}
CALL = {"name": "generate_video", "arguments": WISH}
HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}


def main(rounds: int) -> None:
    """Measure and print."""
    print(described())
    with (
        tempfile.TemporaryDirectory() as home,
        subprocess.Popen(
            [*COMMAND, "sandbox", "--port", "0", "--speed", "0.1"], stdout=subprocess.PIPE, text=True
        ) as kling,
    ):
        url = _address(kling.stdout)
        place = {"KLING_OUTPUT_DIR": home, "KLING_DATABASE_URL": f"sqlite:///{home}/ledger.db"}
        environment = os.environ | {"KLING_API_KEY": "sandbox", "KLING_BASE_URL": url} | place
        closed = [_pipe_closed(environment) for _ in range(rounds)]
        ended = [anyio.run(_terminated, environment) for _ in range(rounds)]
        kling.terminate()
    print(f"pipe closed in a call  {summary(closed)}")
    print(f"SIGTERM, four waiting  {summary([took for took, _ in ended])}; handles {[n for _, n in ended]}")


def _address(output: IO[str] | None) -> str:
    for line in output or ():
        if found := re.search(r"http://127\.0\.0\.1:\d+", line):
            threading.Thread(target=lambda: list(output or ()), daemon=True).start()
            return found[0]
    raise RuntimeError("the server did not start")


def _pipe_closed(environment: dict[str, str]) -> float:
    """Seconds from the end of standard input to the end of the process, a call being waited for."""
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as server:
        send, receive = cast("IO[bytes]", server.stdin), cast("IO[bytes]", server.stdout)

        def say(message: dict[str, Any]) -> None:
            send.write(json.dumps({"jsonrpc": "2.0"} | message).encode() + b"\n")
            send.flush()

        say({"id": 1, "method": "initialize", "params": HELLO})
        receive.readline()
        say({"method": "notifications/initialized"})
        say({"id": 2, "method": "tools/call", "params": CALL | {"_meta": {"progressToken": "p"}}})
        while b"notifications/progress" not in receive.readline():
            pass
        began = time.perf_counter()
        send.close()
        server.wait(10)
        return time.perf_counter() - began


async def _terminated(environment: dict[str, str]) -> tuple[float, int]:
    """Seconds from SIGTERM to the end of the process, and how many of the four waiting calls got their handle."""
    with subprocess.Popen(  # noqa: ASYNC220 - nothing else runs while it starts
        [*COMMAND, "http", "--port", "0"], stderr=subprocess.PIPE, text=True, env=environment
    ) as server:
        url = _address(server.stderr)
        doors: tuple[Callable[[], Any], ...] = (lambda: f"{url}/mcp", lambda: sse_client(f"{url}/sse"))
        handles: list[str] = []
        waiting = anyio.Semaphore(0)

        async def wait(client: Client) -> None:
            async def hear(progress: float, total: float | None, message: str | None) -> None:
                del progress, total, message
                waiting.release()
                await anyio.lowlevel.checkpoint()

            try:
                async with client:
                    await client.list_tools()
                    result = await client.call_tool("generate_video", WISH, progress_callback=hear)
                    handles.append(cast("dict[str, Any]", result.structured_content)["next"])
            except Exception:  # noqa: BLE001, S110 - how a client notices that the server is gone is its own affair
                pass

        took = float("nan")
        with anyio.move_on_after(30):
            async with anyio.create_task_group() as group:
                for door in doors:
                    group.start_soon(wait, Client(door()))
                    group.start_soon(wait, Client(door(), mode="legacy"))
                for _ in range(4):
                    await waiting.acquire()
                began = time.perf_counter()
                server.send_signal(signal.SIGTERM)
                await anyio.to_thread.run_sync(server.wait, 10)
                took = time.perf_counter() - began
                await anyio.sleep(0.5)
                group.cancel_scope.cancel()
        return took, len(handles)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
