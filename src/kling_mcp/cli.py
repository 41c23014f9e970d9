"""The ``kling-mcp`` command: reads its arguments, starts one thing, and says in one sentence why it could not.

What a command needs is imported when that command runs. ``--help`` and ``--version`` answer at once, and a host
that starts the stdio server waits for the SDK only.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from kling_mcp import __version__
from kling_mcp.errors import KlingError, LocalTrouble, leaves
from kling_mcp.ledger_command import add_ledger
from kling_mcp.ports import authority, listening

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator, Sequence

    import uvicorn
    from pydantic import ValidationError

    from kling_mcp.settings import Settings

EXIT_TROUBLE = 2
EXIT_INTERRUPTED = 130

_LEDGER = "Look into the ledger of paid jobs (list, export, verify), also while servers run. Needs no key."

EPILOG = """\
Without a command it is an MCP server on standard input and output: the way Claude Desktop and IDEs start it.
It is configured by environment variables (KLING_API_KEY first of all); the README lists them.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code: 0 when all went well, 1 when the demo broke, 2 for anything the human must put right
        (a setting, a port, a folder), 130 after Ctrl-C.
    """
    arguments = _parser().parse_args(argv)
    try:
        return arguments.run(arguments)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Exception as error:
        sentences = _foreseen(error)
        if not sentences:
            raise
        print("\n".join(sentences), file=sys.stderr)
        return EXIT_TROUBLE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kling-mcp", description="Kling AI as MCP tools: video from a sentence, paid for once.", epilog=EPILOG
    )
    parser.add_argument("--version", action="version", version=f"kling-mcp {__version__}")
    parser.set_defaults(run=_stdio)
    commands = parser.add_subparsers(metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int], purpose: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=purpose, description=purpose)
        added.set_defaults(run=run)
        return added

    http = command("http", _http, "Serve MCP over HTTP: Streamable HTTP at /mcp, SSE at /sse, and /health.")
    _add_address(http, port=8000)

    demo = command("demo", _demo, "Make a video end to end on a pretend Kling: no key, no network, no cost.")
    demo.add_argument("--out", type=Path, default=Path("kling-demo"), metavar="DIR", help="where the films go")

    ledger = commands.add_parser("ledger", help=_LEDGER, description=_LEDGER)
    add_ledger(ledger, lambda: _settings().ledger_path)

    sandbox = command("sandbox", _sandbox, "Run the pretend Kling as an HTTP server.")
    _add_address(sandbox)
    sandbox.add_argument("--speed", type=_speed, default=1.0, metavar="X", help="run X times as fast (default: 1)")
    sandbox.add_argument("--retired-models", action="store_true", help="serve models that Kling has retired")
    sandbox.add_argument("--keep", type=Path, metavar="DIR", help="where tasks outlive it (default: they end with it)")
    sandbox.add_argument("--until-eof", action="store_true", help="stop when standard input ends")
    return parser


def _add_address(command: argparse.ArgumentParser, port: int | None = None) -> None:
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    default = "0 takes a free one" if port is None else f"default: {port}; 0 takes a free one"
    command.add_argument("--port", type=_port, default=port, required=port is None, help=f"port ({default})")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**16:
        raise argparse.ArgumentTypeError(f"'{text}' is not a port; give a number from 0 to 65535")
    return int(text)


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= 1000:  # noqa: PLR2004 - beyond this the sandbox would only measure its own scheduling
        raise argparse.ArgumentTypeError(f"'{text}' is not a speed; give a number above 0, up to 1000")
    return speed


def _stdio(_: argparse.Namespace) -> int:
    gc.disable()  # collecting during the imports finds nothing and costs a tenth of the start
    settings = _settings()
    _check_pipes(sys.stdin, sys.stdout)
    if sys.stdin.isatty():
        print("kling-mcp waits for an MCP client on standard input. To see it work: kling-mcp demo", file=sys.stderr)
    import anyio  # noqa: PLC0415 - loaded at first use: it slows the start

    from kling_mcp.app import open_runtime  # noqa: PLC0415 - loaded at first use: it slows the start
    from kling_mcp.server.stdio import serve_stdio  # noqa: PLC0415 - loaded at first use: it slows the start

    gc.enable()
    gc.freeze()

    async def serve() -> None:
        async with open_runtime(settings) as runtime:
            await serve_stdio(runtime.server)

    anyio.run(serve)
    return 0


def _check_pipes(*pipes: TextIO | None) -> None:
    """Python has no such stream where the host has closed it."""
    if None in pipes:
        raise LocalTrouble(
            "It speaks MCP on standard input and output, and one of them is closed.",
            fix="Start it from an MCP client, or use kling-mcp http.",
        )


def _http(arguments: argparse.Namespace) -> int:
    settings = _settings()
    import anyio  # noqa: PLC0415 - loaded at first use: it slows the start

    from kling_mcp.app import open_runtime  # noqa: PLC0415 - loaded at first use: it slows the start
    from kling_mcp.server.http import serve_http  # noqa: PLC0415 - loaded at first use: it slows the start

    gc.freeze()  # what is loaded now stays: looking through it once more would slow the end

    async def serve() -> None:
        async with open_runtime(settings) as runtime:
            await serve_http(runtime, host=arguments.host, port=arguments.port)

    anyio.run(serve)
    return 0


def _demo(arguments: argparse.Namespace) -> int:
    from kling_mcp.demo import run_demo  # noqa: PLC0415 - loaded at first use: it slows the start

    return run_demo(arguments.out)


def _sandbox(arguments: argparse.Namespace) -> int:
    import uvicorn  # noqa: PLC0415 - loaded at first use: it slows the start

    from kling_mcp.app import pretend_kling  # noqa: PLC0415 - loaded at first use: it slows the start

    class Announcing(uvicorn.Server):
        """Shows the banner once signals are caught: whoever reads it may press Ctrl-C at once."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            print(_banner(url), flush=True)

    with listening(arguments.host, arguments.port) as door:
        url = f"http://{authority(arguments.host, door.getsockname()[1])}"
        sandbox = pretend_kling(
            url, speed=arguments.speed, serve_retired=arguments.retired_models, folder=arguments.keep
        )
        server = Announcing(uvicorn.Config(sandbox.app, log_level="warning", timeout_graceful_shutdown=1))
        if arguments.until_eof:
            _at_end_of_input(server)
        server.run(sockets=[door])
    return 0


def _at_end_of_input(server: uvicorn.Server) -> None:
    """Stop the server when whoever started it is gone, however it went."""

    def watch() -> None:
        while os.read(0, 4096):
            pass
        server.should_exit = True

    threading.Thread(target=watch, daemon=True).start()


def _banner(url: str) -> str:
    from kling_mcp.sandbox.app import ACCESS_KEY, API_KEY, SECRET_KEY  # noqa: PLC0415 - only the sandbox needs it
    from kling_mcp.sandbox.life import REFUSED_WORD, RISK_WORD  # noqa: PLC0415 - only the sandbox needs it

    return f"""\
Pretend Kling at {url} (Ctrl-C stops it). Nothing here costs anything.

Point a server at it:  KLING_BASE_URL={url} KLING_API_KEY={API_KEY} kling-mcp
Or sign as an AK/SK:   KLING_ACCESS_KEY={ACCESS_KEY} KLING_SECRET_KEY={SECRET_KEY}
Words in a prompt:     {REFUSED_WORD} is refused at once, {RISK_WORD} fails while it renders.
What was created and charged so far:  {url}/_sandbox/ledger
"""


def _settings() -> Settings:
    """The configuration, and logging as it says."""
    from pydantic import ValidationError  # noqa: PLC0415 - loaded at first use: it slows the start

    from kling_mcp import logs  # noqa: PLC0415 - loaded at first use: it slows the start
    from kling_mcp.settings import Settings  # noqa: PLC0415 - loaded at first use: it slows the start

    try:
        settings = Settings()
    except ValidationError as error:
        raise LocalTrouble("\n".join(["The configuration is wrong.", *_setting_sentences(error)])) from None
    logs.configure(settings)
    return settings


def _setting_sentences(error: ValidationError) -> Iterator[str]:
    """One sentence per variable; values stay out, because one of them may be a secret in the wrong place."""
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        name = "KLING_" + str(detail["loc"][0]).upper() if detail["loc"] else "The configuration"
        reason = detail["msg"].removeprefix("Value error, ").removeprefix("Input ").rstrip(".")
        yield f"{name}: {reason[:1].lower()}{reason[1:]}. Set it differently or remove it."


def _foreseen(error: BaseException) -> list[str]:
    """The failures we foresee in ``error``, as sentences; none if any part of it is a bug of ours."""
    parts = list(leaves(error))
    known = [part for part in parts if isinstance(part, KlingError)]
    if len(known) < len(parts):
        return []
    return list(dict.fromkeys(f"kling-mcp: {part.failure.message} {part.failure.fix}".rstrip() for part in known))
