"""``kling-mcp demo``: the main job, end to end, as an agent's host would do it.

Two real processes: the pretend Kling as an HTTP server, and ``kling-mcp`` as a stdio server that believes it is
talking to Kling. This process is the MCP client between the person and them.
"""

from __future__ import annotations

import base64
import re
import sys
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TextIO

import anyio
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.types import ImageContent, TextContent
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from kling_mcp import __version__
from kling_mcp.errors import leaves

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from mcp.types import CallToolResult

EXIT_BROKEN = 1
SPEED = 15
"""How much faster than Kling the pretend one runs: two films in well under half a minute."""
PATIENCE_S = 90.0
"""Far beyond what the demo takes on a slow machine; it must end, whatever happens."""
FIRST = "A red fox trots through fresh snow at sunrise, the camera glides beside it"
SECOND = "The fox stops, turns its head to the camera and sniffs the air"
COMMAND = [sys.executable, "-m", "kling_mcp"]


class DemoBroken(Exception):
    """Something the demo needs did not work; the message says what."""


def run_demo(out: Path, console: Console | None = None) -> int:
    """Play the demo and keep its films in ``out``. Returns the exit code."""
    console = console or Console(highlight=False)
    with tempfile.TemporaryDirectory(prefix="kling-demo-", ignore_cleanup_errors=True) as private:
        log = Path(private) / "log.txt"
        try:
            with log.open("w") as stderr:
                out.mkdir(parents=True, exist_ok=True)
                anyio.run(_play, console, out.resolve(), Path(private), stderr)
        except Exception as error:  # noqa: BLE001 - whatever it was, the person gets the reason and the log, not a traceback
            console.print(f"[bold red]The demo broke:[/] {_reason(error)}", soft_wrap=True)
            console.print(_tail(log), markup=False, style="dim", soft_wrap=True, end="")
            return EXIT_BROKEN
    return 0


def _reason(error: BaseException) -> str:
    return "; ".join(dict.fromkeys(_sentence(part) for part in leaves(error)))


def _sentence(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return f"it took longer than {PATIENCE_S:.0f} s."
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}."
    return str(error) if isinstance(error, DemoBroken) else f"{type(error).__name__}: {error}"


def _tail(log: Path, lines: int = 15) -> str:
    return "".join(log.read_text(errors="replace").splitlines(keepends=True)[-lines:])


async def _play(console: Console, out: Path, private: Path, log: TextIO) -> None:
    console.print(f"[bold]kling-mcp {__version__} demo[/]: no key, no network, no cost.\n")
    with anyio.fail_after(PATIENCE_S):
        async with _pretend_kling(log) as url:
            _say(console, f"A pretend Kling answers at {url}, {SPEED} times as fast as the real one.")
            async with _server(url, out, private, log) as client:
                await _story(Agent(client, console), console, out)


@asynccontextmanager
async def _pretend_kling(log: TextIO) -> AsyncGenerator[str]:
    """Run the sandbox in a process of its own on a free port; it ends with the block, or when this process dies."""
    command = [*COMMAND, "sandbox", "--port", "0", "--speed", str(SPEED), "--until-eof"]
    async with await anyio.open_process(command, stderr=log) as process:
        announced = b""
        while not (found := re.search(rb"http://\S+", announced)):
            try:
                announced += await process.stdout.receive()  # pyright: ignore[reportOptionalMemberAccess] - open_process pipes it
            except anyio.EndOfStream:
                raise DemoBroken("the pretend Kling did not start.") from None
        yield found.group().decode()


@asynccontextmanager
async def _server(url: str, out: Path, private: Path, log: TextIO) -> AsyncGenerator[Client]:
    """Start ``kling-mcp`` the way hosts do, and connect to it over its standard input and output."""
    environment = {
        "KLING_BASE_URL": url,
        "KLING_API_KEY": "sandbox",
        "KLING_OUTPUT_DIR": str(out),
        "KLING_DATABASE_URL": f"sqlite:///{private / 'ledger.db'}",
    }
    parameters = StdioServerParameters(command=COMMAND[0], args=COMMAND[1:], env=environment)
    async with Client(stdio_client(parameters, errlog=log)) as client:
        yield client


@dataclass(frozen=True, slots=True)
class Agent:
    """Calls tools as a model does: by name, with plain arguments, reading the structured answer."""

    client: Client
    console: Console

    async def call(self, tool: str, arguments: dict[str, Any] | None = None, bar: Bar | None = None) -> CallToolResult:
        """Call a tool, its progress going to ``bar``.

        Raises:
            DemoBroken: The tool reported an error.
        """
        result = await self.client.call_tool(tool, arguments, progress_callback=bar.show if bar else None)
        if result.is_error:
            said = " ".join(block.text for block in result.content if isinstance(block, TextContent))
            raise DemoBroken(f"{tool} said: {said}")
        return result

    async def ask(self, tool: str, arguments: dict[str, Any] | None = None, bar: Bar | None = None) -> dict[str, Any]:
        """Call a tool and return its structured answer."""
        return (await self.call(tool, arguments, bar)).structured_content or {}

    async def film(self, **wish: Any) -> dict[str, Any]:  # noqa: ANN401 - what a tool takes is JSON
        """Generate a video and wait until its file is here, showing the progress the server reports."""
        with Bar(self.console) as bar:
            job = answer = await self.ask("generate_video", wish, bar)
            while "wait_for_jobs" in answer["next"]:  # the server says what to do next, and an agent does it
                answer = await self.ask("wait_for_jobs", {"job_ids": [job["job_id"]]}, bar)
                job = answer["jobs"][0]
        if job["status"] != "succeeded" or not job["media"][0].get("path"):
            raise DemoBroken(f"the film did not arrive: {job.get('error') or job['status']}")
        return job


class Bar:
    """Progress notifications as a live bar on a terminal, as one line each anywhere else."""

    def __init__(self, console: Console) -> None:
        self._console = console
        columns = (TextColumn("  "), BarColumn(30), TextColumn("{task.description}"), TimeElapsedColumn())
        self._live = Progress(*columns, console=console, disable=not console.is_terminal)
        self._task = self._live.add_task("submitted", total=None)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.update(self._task, total=1, completed=1, description="done")
        self._live.stop()

    async def show(self, progress: float, total: float | None, message: str | None) -> None:
        """Take one notification."""
        if self._console.is_terminal:
            self._live.update(self._task, completed=progress, total=total, description=message or "running")
        else:
            self._console.print(f"    {message or progress}", style="dim", markup=False)


async def _story(agent: Agent, console: Console, out: Path) -> None:
    tools = (await agent.client.list_tools()).tools
    _say(console, f"kling-mcp answers over stdio in MCP {agent.client.protocol_version}, with {len(tools)} tools.")
    before = await _balance(agent)
    _say(console, f"check_balance: {before:g} units.")
    wish = {"prompt": FIRST, "duration": 5}
    quote = await agent.ask("estimate_cost", {"tool": "generate_video", "arguments": wish})
    _say(console, f"estimate_cost: {quote['units']:g} units for one film ({quote['basis']}).")

    _say(console, f'generate_video: "{FIRST}"')
    first = await agent.film(**wish)
    _say(console, f"preview_media, for the model to see: {await _sheet(agent, first, out)}")
    _say(console, f'generate_video, on from its last frame: "{SECOND}"')
    second = await agent.film(prompt=SECOND, duration=5, image=f"{_film(first)['uri']}#last")

    console.print(_bill([first, second]))
    console.print(f"The pretend account had {before:g} units and has {await _balance(agent):g} now. Saved:")
    for number, job in enumerate((first, second), 1):
        console.print(f"  {number}  {_near(_film(job)['path'])}", markup=False, soft_wrap=True)


def _say(console: Console, sentence: str) -> None:
    console.print(f"[green]•[/] {escape(sentence)}", soft_wrap=True)


def _near(path: str | Path) -> str:
    """A path as a person in this folder would write it."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else str(path)


async def _balance(agent: Agent) -> float:
    return (await agent.ask("check_balance"))["units"]["video"]


async def _sheet(agent: Agent, job: dict[str, Any], out: Path) -> str:
    """Save the contact sheet of a film as the model gets it, and say where."""
    seen = await agent.call("preview_media", {"uri": _film(job)["uri"]})
    picture = next(block for block in seen.content if isinstance(block, ImageContent))
    path = out / Path(_film(job)["path"]).with_suffix(".sheet.jpg").name
    await anyio.Path(path).write_bytes(base64.b64decode(picture.data))
    return _near(path)


def _film(job: dict[str, Any]) -> dict[str, Any]:
    return job["media"][0]


def _bill(jobs: list[dict[str, Any]]) -> Table:
    bill = Table("film", "model", "seconds", "picture", "units quoted", "units charged")
    for number, job in enumerate(jobs, 1):
        film = _film(job)
        picture = f"{film['width']}x{film['height']}"
        units = (f"{job['units_quoted']:g}", f"{job['units_charged']:g}")
        bill.add_row(str(number), job["model_name"], f"{film['duration_s']:g}", picture, *units)
    return bill
