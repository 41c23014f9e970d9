"""Real processes: the pretend Kling as an HTTP server, and kling-mcp over stdio, which a test may kill."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any, Self

import httpx2

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

COMMAND = (sys.executable, "-m", "kling_mcp")


class PretendKling:
    """The sandbox as its users see it: a base URL and a control door."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ledger(self) -> dict[str, Any]:
        """What it counted: creates, deductions, requests."""
        return httpx2.get(f"{self.url}/_sandbox/ledger").raise_for_status().json()

    def create(self, path: str, body: Mapping[str, Any]) -> str:
        """Make a task without us, as somebody else would; Kling's id of it."""
        answer = httpx2.post(f"{self.url}{path}", json=body, headers={"authorization": "Bearer sandbox"})
        return answer.raise_for_status().json()["data"]["task_id"]

    def trouble(self, **fault: object) -> None:
        """Program a fault."""
        httpx2.post(f"{self.url}/_sandbox/faults", json=fault).raise_for_status()


@contextmanager
def announced(*command: str, env: Mapping[str, str] | None = None) -> Generator[str]:
    """A process of ours that says where it listens; its base URL."""
    with subprocess.Popen(
        (*COMMAND, *command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=env,
    ) as process:
        assert process.stdout is not None
        try:
            found = next(filter(None, (re.search(r"http://[0-9.:]+", line) for line in process.stdout)), None)
            assert found, f"{command} did not start"
            yield found.group()
        finally:
            process.kill()


@contextmanager
def pretend_kling(*options: str) -> Generator[PretendKling]:
    """A sandbox process on a free port."""
    with announced("sandbox", "--port", "0", "--until-eof", *options) as url:
        yield PretendKling(url)


def environment(folder: Path, **more: str) -> dict[str, str]:
    """What a host hands to the server; nothing of our own environment names a key."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("KLING_")}
    return {
        **plain,
        "KLING_OUTPUT_DIR": str(folder / "films"),
        "KLING_DATABASE_URL": f"sqlite:///{folder / 'state' / 'ledger.db'}",
        **more,
    }


class StdioServer:
    """kling-mcp over stdio, spoken to in bare JSON-RPC so that a test can cut it off at any point."""

    def __init__(self, env: Mapping[str, str], log: IO[str] | int = subprocess.PIPE) -> None:
        self._last_id = 0
        self.process = subprocess.Popen(
            COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=dict(env)
        )

    def __enter__(self) -> Self:
        hello = {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        }
        self.ask("initialize", hello)
        self._write({"method": "notifications/initialized"})
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self.process.kill()
        self.process.communicate()

    def begin(self, method: str, params: Mapping[str, Any]) -> int:
        """Send a request and do not wait."""
        self._last_id += 1
        self._write({"id": self._last_id, "method": method, "params": params})
        return self._last_id

    def ask(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Send a request and wait for its result."""
        wanted = self.begin(method, params)
        assert self.process.stdout is not None
        for line in self.process.stdout:
            message = json.loads(line)
            if message.get("id") == wanted:
                return message["result"]
        raise AssertionError("the server ended without an answer")

    def call(self, tool: str, **arguments: object) -> dict[str, Any]:
        """Call a tool; its structured answer."""
        return self.ask("tools/call", {"name": tool, "arguments": arguments})["structuredContent"]

    def _write(self, message: Mapping[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self.process.stdin.flush()
