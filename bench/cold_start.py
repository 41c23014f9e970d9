"""Cold start and memory: spawn to the answer to ``initialize``, and resident memory after ``tools/list``.

``python bench/cold_start.py [ROUNDS]`` runs our server and a one-tool server on the bare SDK in turns, so that
whatever else the machine does falls on both alike. Wanted: ratio at most 1.10, memory at most 80 MB.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any, cast

from machine import described, summary

BARE = str(Path(__file__).with_name("one_tool_server.py"))
SERVERS = {
    "kling-mcp": [sys.executable, "-m", "kling_mcp"],
    "one tool, decorated": [sys.executable, BARE, "decorated"],
    "one tool, low-level": [sys.executable, BARE, "lowlevel"],
}
HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}


def main(rounds: int) -> None:
    """Measure and print."""
    print(described())
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in SERVERS}
    with tempfile.TemporaryDirectory() as home:
        for turn in range(rounds + 1):
            for name, command in SERVERS.items():
                figures = _measured(command, home)
                if turn:  # the first turn only warms the disk cache
                    seen[name].append(figures)
    ours = statistics.median(start for start, _ in seen["kling-mcp"])
    for name, figures in seen.items():
        starts = [start for start, _ in figures]
        memory = statistics.median(memory for _, memory in figures)
        ratio = ours / statistics.median(starts)
        print(f"{name:20} {summary(starts)}; {memory:.1f} MB after tools/list; ours is {ratio:.2f} x")


def _measured(command: list[str], home: str) -> tuple[float, float]:
    """Seconds to the answer to ``initialize``, and megabytes resident after ``tools/list``."""
    environment = os.environ | {
        "KLING_API_KEY": "bench",
        "KLING_DATABASE_URL": f"sqlite:///{home}/ledger.db",
        "KLING_OUTPUT_DIR": home,
    }
    started = time.perf_counter()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as server:
        send, receive = cast("IO[bytes]", server.stdin), cast("IO[bytes]", server.stdout)
        _exchange(send, receive, "initialize", HELLO)
        answered = time.perf_counter() - started
        send.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
        _exchange(send, receive, "tools/list", {})
        memory = _resident_mb(server.pid)
        send.close()
        server.wait(10)
    return answered, memory


def _exchange(send: IO[bytes], receive: IO[bytes], method: str, parameters: dict[str, Any]) -> None:
    send.write(json.dumps({"jsonrpc": "2.0", "id": method, "method": method, "params": parameters}).encode() + b"\n")
    send.flush()
    for line in receive:
        answer = json.loads(line)
        if answer.get("id") == method:
            assert "result" in answer, answer
            return
    raise RuntimeError(f"the server ended before it answered {method}")


def _resident_mb(pid: int) -> float:
    """Resident memory as Linux counts it; not a number elsewhere."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return float("nan")
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024 / 1e6


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
