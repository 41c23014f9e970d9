"""The battery as a person would play it: twenty films, two clients, five kills, and Kling gone for half a minute.

``python -m tests.battery.person`` plays it and prints what came of it; about two minutes. Everything in it is real: two
servers on one ledger (one over stdio, one over HTTP), the MCP SDK's clients, a pretend Kling as a third process.
"""

from __future__ import annotations

import json
import os
import random
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import anyio
import anyio.to_thread
import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from kling_mcp.errors import leaves
from kling_mcp.server.view import plain
from tests.e2e.agent import Agent
from tests.e2e.processes import COMMAND, environment

from .reckoning import Reckoning
from .say import say
from .seeds import chosen

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Mapping
    from contextlib import AbstractAsyncContextManager

    Door = Callable[[], AbstractAsyncContextManager[Client]]

FILMS, KILLS, AWAY_S = 20, 5, 30.0
SPEED = "8"
"""A film takes about eight seconds: some are being made whenever something goes down."""
CALL_S = 70.0
"""A call that takes longer than the longest wait (55 s) hangs: the client gives it up and tries again."""
PATIENCE_S = 420.0


class Service:
    """A program of ours that is ended without warning and started again."""

    def __init__(self, command: tuple[str, ...], env: Mapping[str, str], log: TextIO, answers_at: str) -> None:
        self._command, self._env, self._log, self._answers_at = command, dict(env), log, answers_at
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it; returns when it answers."""
        command = (*COMMAND, *self._command)
        self._process = subprocess.Popen(  # noqa: ASYNC220 - it outlives this call, and starting takes a moment only
            command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, env=self._env
        )
        async with httpx2.AsyncClient() as client:
            with anyio.fail_after(60):
                while True:
                    with suppress(httpx2.HTTPError):
                        (await client.get(self._answers_at)).raise_for_status()
                        return
                    await anyio.sleep(0.1)

    def kill(self) -> None:
        """End it with SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def free_port() -> int:
    """A port of this machine that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        return door.getsockname()[1]


@dataclass
class Diary:
    """What the two clients lived through."""

    jobs: dict[str, str] = field(default_factory=dict[str, str])
    """Job by prompt."""
    succeeded: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    cut: int = 0
    """Calls and connections that ended in the middle."""
    repeated: int = 0
    """Requests for films that were sent again because nobody knew what had become of them."""
    charges: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    events: list[str] = field(default_factory=list[str])
    began: float = field(default_factory=time.monotonic)

    def note(self, what: str) -> None:
        """Something happened."""
        line = f"{time.monotonic() - self.began:6.1f} s  {what}"
        self.events.append(line)
        say(f"  {line}")


@dataclass
class Seat:
    """A client and its agent, who wants ten films and never loses patience."""

    name: str
    door: Door
    diary: Diary
    dice: random.Random
    wishes: list[str]

    async def sit(self) -> None:
        """Ask for every film and wait for it, over as many connections as it takes."""
        asked, gone = set[str](), False
        while any(prompt not in self.diary.succeeded for prompt in self.wishes):
            try:
                async with self.door() as client:
                    gone = False
                    await self._converse(Agent(client), asked)
            except Exception as error:  # noqa: BLE001 - the SDK has many ways to say that a server is gone
                if not gone:
                    self.diary.cut += 1
                    self.diary.note(f"{self.name} lost its server ({_named(error)}) and connects again")
                gone = True
                await anyio.sleep(0.5)

    async def _converse(self, agent: Agent, asked: set[str]) -> None:
        for prompt in self.wishes:
            if prompt not in self.diary.jobs:
                self.diary.repeated += prompt in asked
                asked.add(prompt)
                wish = {"prompt": prompt, "model_name": "kling-v2-5-turbo", "wait_seconds": 0}
                with anyio.fail_after(CALL_S):
                    job = await agent.ask("generate_video", **wish, idempotency_key=prompt.replace(" ", "-"))
                self.diary.jobs[prompt] = job["job_id"]
                await anyio.sleep(self.dice.uniform(0.5, 4))
        while waited := [self.diary.jobs[each] for each in self.wishes if each not in self.diary.succeeded]:
            with anyio.fail_after(CALL_S):
                answer = await agent.ask("wait_for_jobs", job_ids=waited, wait_seconds=20)
            prompts = {job_id: prompt for prompt, job_id in self.diary.jobs.items()}
            for job in answer["jobs"]:
                assert job["status"] not in {"failed", "cancelled", "unconfirmed"}, job
                if job["status"] == "succeeded" and all(media.get("path") for media in job["media"]):
                    self.diary.succeeded[prompts[job["job_id"]]] = job


@dataclass
class Scene:
    """The three programs and the folder they share."""

    folder: Path
    log: TextIO
    dice: random.Random
    diary: Diary = field(default_factory=Diary)

    def __post_init__(self) -> None:
        kling, http = free_port(), free_port()
        self.url = f"http://127.0.0.1:{kling}"
        asked = {"KLING_API_KEY": "sandbox", "KLING_TOOLS": "list_charges"}
        self.env = environment(self.folder, KLING_BASE_URL=self.url, **asked)
        keep = ("--speed", SPEED, "--keep", str(self.folder / "kling"))
        self.kling = Service(
            ("sandbox", "--port", str(kling), *keep), self.env, self.log, f"{self.url}/_sandbox/ledger"
        )
        self.http_url = f"http://127.0.0.1:{http}"
        self.http = Service(("http", "--port", str(http)), self.env, self.log, f"{self.http_url}/health")
        self._pid = self.folder / "stdio.pid"

    @asynccontextmanager
    async def over_stdio(self) -> AsyncGenerator[Client]:
        """A client whose host starts the server, and leaves us its process id."""
        script = f'echo $$ > {shlex.quote(str(self._pid))}; exec "$@"'
        server = StdioServerParameters(command="/bin/sh", args=["-c", script, "sh", *COMMAND], env=self.env)
        async with Client(stdio_client(server, errlog=self.log)) as client:
            yield client

    @asynccontextmanager
    async def over_http(self) -> AsyncGenerator[Client]:
        """A client of the server that listens."""
        async with Client(f"{self.http_url}/mcp") as client:
            yield client

    async def play(self) -> None:
        """Everything at once, until both clients have all their films.

        Raises:
            TimeoutError: They did not get them in time.
        """
        await self.kling.start()
        await self.http.start()
        self.diary.began = time.monotonic()
        films = [f"film {number}" for number in range(1, FILMS + 1)]
        seats = [
            Seat("stdio client", self.over_stdio, self.diary, self.dice, films[::2]),
            Seat("HTTP client", self.over_http, self.diary, self.dice, films[1::2]),
        ]
        with anyio.fail_after(PATIENCE_S):
            async with anyio.create_task_group() as group:
                group.start_soon(self._kill_servers)
                group.start_soon(self._take_kling_away)
                for seat in seats:
                    group.start_soon(seat.sit)
            self.diary.note("both clients have all their films")
            async with self.over_http() as client:
                answer = await Agent(client).ask("list_charges", days=30, limit=100)
                self.diary.charges = answer["charges"]

    async def _kill_servers(self) -> None:
        moments = sorted(self.dice.uniform(2, 55) for _ in range(KILLS))
        victims = ["stdio", "http", *self.dice.choices(("stdio", "http"), k=KILLS - 2)]
        self.dice.shuffle(victims)
        for moment, victim in zip(moments, victims, strict=True):
            await anyio.sleep(max(0.0, self.diary.began + moment - time.monotonic()))
            self.diary.note(f"kill -9 of the {victim} server")
            if victim == "http":
                self.http.kill()
                await self.http.start()
            else:
                with suppress(ProcessLookupError):
                    os.kill(int(self._pid.read_text()), signal.SIGKILL)

    async def _take_kling_away(self) -> None:
        await anyio.sleep(self.dice.uniform(6, 14))
        self.kling.kill()
        self.diary.note(f"Kling is gone for {AWAY_S:.0f} s")
        await anyio.sleep(AWAY_S)
        await self.kling.start()
        self.diary.note("Kling is back")

    def end(self) -> None:
        """Nothing of it runs any more."""
        self.http.kill()
        self.kling.kill()


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    diary: Diary
    found: Reckoning
    files: int

    def table(self) -> str:
        """The figures, wanted and found."""
        wanted_units = sum((Decimal(row["units_quoted"]) for row in self.found.rows), Decimal())
        lines = [
            ("films asked for", FILMS, len(self.diary.jobs)),
            ("jobs in the ledger", FILMS, self.found.intents),
            ("files, played to their end", FILMS, self.files),
            ("creates at Kling", FILMS, self.found.creates),
            ("charges at Kling", FILMS, self.found.charges),
            ("charges that list_charges explains", FILMS, sum(1 for each in self.diary.charges if each.get("job_id"))),
            ("units deducted", plain(wanted_units), plain(Decimal(self.found.kling["units_deducted"]))),
            ("integrity_check", "ok", self.found.integrity),
        ]
        told = "\n".join(f"| {what:<35} | {wanted!s:>6} | {got!s:>6} |" for what, wanted, got in lines)
        return (
            f"| {'':<35} | wanted |  found |\n|{'-' * 37}|-------:|-------:|\n{told}\n"
            f"Connections cut {self.diary.cut}, requests that were sent again {self.diary.repeated}."
        )


@contextmanager
def scene(folder: Path, seed: int) -> Generator[Scene]:
    """The stage; whatever happens, nothing of it is left running."""
    with (folder / "servers.log").open("w") as log:
        here = Scene(folder, log, random.Random(seed))
        try:
            yield here
        finally:
            here.end()


async def played(folder: Path, seed: int) -> Outcome:
    """Play it once."""
    with scene(folder, seed) as here:
        await here.play()
        found = await anyio.to_thread.run_sync(Reckoning.of, folder / "state" / "ledger.db", here.url)
        return Outcome(here.diary, found, (await anyio.to_thread.run_sync(found.files)).total())


def _named(error: BaseException) -> str:
    (first, *_) = leaves(error)
    return f"{type(first).__name__}: {str(first)[:80]}".rstrip(": ")


def main() -> int:
    """Play it in a folder of its own and print what came of it."""
    seed = chosen("twenty films, two clients, five kills")
    folder = Path(tempfile.mkdtemp(prefix="kling-person-"))
    say(f"everything is in {folder}")
    outcome = anyio.run(played, folder, seed)
    say(outcome.table())
    first = json.loads(outcome.found.rows[0]["media"])[0]["path"]
    say(f"The films: {Path(first).parent}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
