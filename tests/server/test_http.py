"""The server over HTTP: every transport in both eras, who is let in, and how it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.sse import sse_client
from pydantic import SecretStr

from kling_mcp.errors import LocalTrouble
from kling_mcp.server.gate import Admission
from kling_mcp.server.http import http_app, serve_http
from kling_mcp.settings import Settings

from .studio import ANOTHER, ERAS, WISH, House, told

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from .studio import Mode

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
TOKEN = "0123456789abcdef0123456789abcdef"  # noqa: S105 - a made-up token
PUBLIC = Settings(public_url="https://kling.example.org", http_token=SecretStr(TOKEN))


class Served:
    """A server process and where it listens."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        self.process = process
        self.log: list[str] = []
        for line in process.stderr:
            self.log.append(line)
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                self.url = found[0]
                break
        self._rest = threading.Thread(target=lambda: self.log.extend(process.stderr or []), daemon=True)
        self._rest.start()

    def ended(self, within_s: float) -> int:
        code = self.process.wait(within_s)
        self._rest.join(within_s)
        return code


@contextmanager
def process(folder: Path, lasts: float) -> Generator[Served]:
    command = [sys.executable, "-m", "tests.server.served", "http", str(folder), str(lasts)]
    environment = {**os.environ, "PYTHONWARNINGS": "default"}
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, env=environment) as running:
        try:
            yield Served(running)
        finally:
            running.kill()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    with process(tmp_path_factory.mktemp("served"), 10) as running:
        yield running


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("transport", ["streamable", "sse"])
async def test_every_transport_makes_a_video_in_both_eras(served: Served, transport: str, mode: Mode) -> None:
    heard: list[float] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        del total, message
        await anyio.lowlevel.checkpoint()
        heard.append(progress)

    door = f"{served.url}/mcp" if transport == "streamable" else sse_client(f"{served.url}/sse")
    with anyio.fail_after(30):
        async with Client(door, mode=mode) as client:
            result = await client.call_tool("generate_video", ANOTHER, progress_callback=hear)
            listing = await client.call_tool("list_jobs", {})
    assert told(result)["status"] == "succeeded"
    assert told(listing)["jobs"][0]["job_id"] == told(result)["job_id"]
    assert heard == sorted(set(heard))
    assert heard


EVERYBODY = ["streamable auto", "streamable legacy", "sse auto", "sse legacy"]
LISTENERS = ["streamable auto", "sse auto"]


class Crowd:
    """Clients of one server, each busy in its own way."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.busy: set[str] = set()
        self.handles: dict[str, str] = {}
        self.all_busy, self.all_answered = anyio.Event(), anyio.Event()

    def is_busy(self, what: str) -> None:
        self.busy.add(what)
        if len(self.busy) == 2 * len(EVERYBODY) + len(LISTENERS):
            self.all_busy.set()

    def client(self, name: str) -> Client:
        transport, _, mode = name.partition(" ")
        door = f"{self.url}/mcp" if transport == "streamable" else sse_client(f"{self.url}/sse")
        return Client(door, mode="legacy" if mode == "legacy" else "auto")

    async def wait(self, name: str) -> None:
        async def hear(progress: float, total: float | None, message: str | None) -> None:
            del progress, total, message
            await anyio.lowlevel.checkpoint()
            self.is_busy(f"wait {name}")

        async with tolerant(self.client(name)) as client:
            await client.list_tools()  # or the client asks for it after the answer, when nobody is left
            result = await client.call_tool("generate_video", {**WISH, "wait_seconds": 55}, progress_callback=hear)
            self.handles[name] = told(result)["next"]
            if len(self.handles) == len(EVERYBODY):
                self.all_answered.set()

    async def idle(self, name: str) -> None:
        async with tolerant(self.client(name)) as client:
            await client.list_tools()
            self.is_busy(f"idle {name}")
            await anyio.sleep_forever()

    async def listen(self, name: str) -> None:
        async with tolerant(self.client(name)) as client, client.listen(resources_list_changed=True) as events:
            self.is_busy(f"listen {name}")
            async for _ in events:
                pass


async def test_the_end_comes_whoever_is_connected(tmp_path: Path) -> None:
    code = -1
    with process(tmp_path, 5000) as server, anyio.fail_after(30):
        crowd = Crowd(server.url)
        async with anyio.create_task_group() as group:
            for name in EVERYBODY:
                group.start_soon(crowd.wait, name)
                group.start_soon(crowd.idle, name)
            for name in LISTENERS:
                group.start_soon(crowd.listen, name)
            await crowd.all_busy.wait()
            server.process.send_signal(signal.SIGTERM)
            code = await anyio.to_thread.run_sync(server.ended, 10)  # bench/ends.py measures how long it takes
            with anyio.move_on_after(2):
                await crowd.all_answered.wait()
            group.cancel_scope.cancel()
    assert (code, server.log[-1]) == (0, "closed in good order\n"), server.log
    assert sorted(crowd.handles) == sorted(EVERYBODY)
    assert all("do not resubmit" in handle for handle in crowd.handles.values())


@asynccontextmanager
async def tolerant(client: Client) -> AsyncGenerator[Client]:
    """A client of a server that goes away under it."""
    try:
        async with client:
            yield client
    except Exception:  # noqa: BLE001, S110 - how a client notices is its own affair
        pass


@asynccontextmanager
async def browser(house: House, settings: Settings, host: str = "127.0.0.1") -> AsyncGenerator[httpx2.AsyncClient]:
    app = http_app(house.server, Admission.of(settings, host))
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
            yield client


INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
ACCEPTS = {"Accept": "application/json, text/event-stream"}


@pytest.mark.parametrize("path", ["/mcp", "/sse", "/messages/", "/health", "/nothing"])
@pytest.mark.parametrize(
    ("headers", "status"), [({"Host": "evil.example"}, 421), ({"Origin": "https://evil.example"}, 403)]
)
async def test_strangers_are_turned_away_on_every_path(
    house: House, path: str, headers: dict[str, str], status: int
) -> None:
    async with browser(house, Settings()) as client:
        assert [(await client.request(verb, path, headers=headers)).status_code for verb in ("GET", "POST")] == [
            status,
            status,
        ]


async def test_only_the_token_opens_the_door(house: House) -> None:
    async with browser(house, PUBLIC, "0.0.0.0") as client:  # noqa: S104 - nothing is bound
        headers = {**ACCEPTS, "Host": "kling.example.org"}
        without = await client.post("/mcp", json=INITIALIZE, headers=headers)
        wrong = await client.post("/mcp", json=INITIALIZE, headers={**headers, "Authorization": f"Bearer {TOKEN}x"})
        right = await client.post("/mcp", json=INITIALIZE, headers={**headers, "Authorization": f"Bearer {TOKEN}"})
        others = [(await client.get("/sse")).status_code, (await client.post("/messages/")).status_code]
    assert (without.status_code, without.headers["www-authenticate"]) == (401, "Bearer")
    assert (wrong.status_code, right.status_code, others) == (401, 200, [401, 401])
    assert TOKEN not in without.text


async def test_health_says_nothing_but_that_it_lives(house: House) -> None:
    async with browser(house, PUBLIC) as client:
        answer = await client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize(("megabytes", "status"), [(15, 400), (17, 413)])
async def test_a_picture_fits_into_a_request_and_a_flood_does_not(house: House, megabytes: int, status: int) -> None:
    headers = {**ACCEPTS, "Content-Type": "application/json"}
    async with browser(house, Settings()) as client:
        answer = await client.post("/mcp", content=b"x" * (megabytes * 2**20), headers=headers)
    assert answer.status_code == status


async def test_an_open_address_without_a_token_is_refused(house: House) -> None:
    with pytest.raises(LocalTrouble) as trouble:
        await serve_http(house, "0.0.0.0", 0)  # noqa: S104 - it is refused
    assert "will not listen on 0.0.0.0 without a token" in trouble.value.failure.message
    assert "KLING_HTTP_TOKEN" in trouble.value.failure.fix


async def test_a_token_that_can_be_guessed_does_not_open_an_address_to_others(house: House) -> None:
    guessable = replace(house, settings=house.settings.model_copy(update={"http_token": SecretStr("gu3ss")}))
    with pytest.raises(LocalTrouble) as trouble:
        await serve_http(guessable, "0.0.0.0", 0)  # noqa: S104 - it is refused
    assert "fewer than 8 characters" in trouble.value.failure.message
    assert "gu3ss" not in str(trouble.value.failure)
