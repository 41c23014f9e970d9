"""A proxy on loopback that does to an exchange what networks and gateways do: breaks it off, delays it, garbles it."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
import zlib
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import anyio
import uvicorn

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from starlette.types import ASGIApp

Kind = Literal[
    "refused",
    "reset",
    "half",
    "slow",
    "html",
    "truncated",
    "bomb",
    "flood",
    "stall",
    "twice",
    "replayed",
    "long",
    "short",
    "empty",
    "redirect",
    "late",
]
"""What happens to an exchange.

- ``refused``: the connection is lost, and no new one is accepted for ``seconds``.
- ``reset``: reset instead of an answer.
- ``half``: the answer's head and half its body, then a reset.
- ``slow``: request and answer trickle.
- ``html``: a gateway's page under HTTP 502.
- ``truncated``: half the JSON, under a content-length that says so.
- ``bomb``: a packed answer that unpacks into hundreds of megabytes.
- ``flood``: an answer that does not end.
- ``stall``: nothing for ``seconds``, then the connection is lost.
- ``twice``: the answer, and once more on the same connection.
- ``replayed``: Kling is given the request twice, and the second answer is passed on.
- ``long``, ``short``: the answer under a content-length that is too large, too small.
- ``empty``: HTTP 200 without a body.
- ``redirect``: to another place on the same host.
- ``late``: a reset now; Kling is given the request ``seconds`` later.
"""
KINDS: tuple[Kind, ...] = get_args(Kind)
LANDS_NEVER: frozenset[Kind] = frozenset({"refused"})
LANDS_ALWAYS: frozenset[Kind] = frozenset({"half", "slow", "truncated", "twice", "replayed", "long", "short", "late"})
"""Kinds that need Kling's own answer, or are about it. For all others a trouble says whether the request lands."""
ELSEWHERE = "/elsewhere"
BOMB_BYTES = 300 * 1024 * 1024
_CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    target: str
    head: bytes
    body: bytes

    @property
    def our_id(self) -> str:
        """The id of ours that it carries; empty without one."""
        try:
            posted: Any = json.loads(self.body)
        except ValueError:
            return ""
        fields = cast("dict[str, Any]", posted) if isinstance(posted, dict) else {}
        options: Any = fields.get("options")
        inner = cast("dict[str, Any]", options) if isinstance(options, dict) else {}
        return str(fields.get("external_task_id") or inner.get("external_task_id") or "")


@dataclass(frozen=True)
class Trouble:
    """What happens to one exchange, whether Kling hears of it all the same, and for how long (seconds of the loop)."""

    kind: Kind
    lands: bool = True
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.kind}{'' if self.lands else ' (lost)'}{f' {self.seconds:.0f} s' if self.seconds else ''}"


class FaultProxy:
    """Listens on ``url`` and passes exchanges on to a port of this machine, as ``choose`` says."""

    def __init__(self, upstream: int, choose: Callable[[Asked], Trouble | None]) -> None:
        self.choose = choose
        self.asked: list[Asked] = []
        self.hangs_up = 0
        """How many of the next requests are reset after their head, while their body is on its way."""
        self._upstream = upstream
        self._port = 0
        self._server: asyncio.Server | None = None
        self._opening = asyncio.Lock()
        self._clients = set[asyncio.StreamWriter]()
        self._serving = set[asyncio.Task[Any] | None]()
        self._later = set[asyncio.Task[Any]]()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[FaultProxy]:
        await self._listen()
        try:
            yield self
        finally:
            for task in self._later:
                task.cancel()
            self._shut()
            while serving := {task for task in self._serving if task is not None}:
                await asyncio.wait(serving)

    async def landed(self) -> None:
        """Return once nothing is on its way any more."""
        while self._later:
            await asyncio.wait(self._later)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    def _shut(self) -> None:
        if self._server is not None:
            self._server.close()
        self._server = None
        for client in list(self._clients):
            _reset(client)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        self._serving.add(asyncio.current_task())
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while not writer.is_closing():
                    await self._exchange(reader, writer)
        finally:
            self._clients.discard(writer)
            self._serving.discard(asyncio.current_task())
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, target = head.decode("latin-1").split(" ", 2)[:2]
        if self.hangs_up:
            self.hangs_up -= 1
            _reset(client)
            return
        length = _CONTENT_LENGTH.search(head)
        body = await reader.readexactly(int(length[1]) if length else 0)
        asked = Asked(method, target, head, body)
        self.asked.append(asked)
        trouble = self.choose(asked)
        if trouble is None:
            client.write(await self._answer(asked))
        else:
            await self._happen(trouble, asked, client)
        if not client.is_closing():
            await client.drain()

    async def _happen(self, trouble: Trouble, asked: Asked, client: asyncio.StreamWriter) -> None:
        kind = trouble.kind
        if kind == "refused":
            self._shut()
            self._start(self._open_later(trouble.seconds))
        elif kind == "late":
            self._start(self._land_later(asked, trouble.seconds))
            _reset(client)
        else:
            if kind == "slow":
                await anyio.sleep(trouble.seconds)
            lands = trouble.lands or kind in LANDS_ALWAYS
            answer = await self._answer(asked, times=2 if kind == "replayed" else 1) if lands else b""
            await _passed_on(trouble, answer, client)

    async def _answer(self, asked: Asked, times: int = 1) -> bytes:
        """Kling's own answer, whole."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        try:
            writer.write(asked.head.replace(b"\r\n", b"\r\nConnection: close\r\n", 1) + asked.body)
            answer = await reader.read()
        finally:
            writer.close()
        if times > 1:
            return await self._answer(asked, times - 1)
        start, content = _parts(answer)
        return re.sub(rb"\r\nconnection: close", b"", start, flags=re.IGNORECASE) + content

    async def _open_later(self, seconds: float) -> None:
        await anyio.sleep(seconds)
        async with self._opening:  # several troubles may shut the door, and each opens it again
            if self._server is None:
                await self._listen()

    async def _land_later(self, asked: Asked, seconds: float) -> None:
        await anyio.sleep(seconds)
        await self._answer(asked)

    def _start(self, work: Any) -> None:  # noqa: ANN401 - a coroutine
        task = asyncio.ensure_future(work)
        self._later.add(task)
        task.add_done_callback(self._later.discard)


async def _passed_on(trouble: Trouble, answer: bytes, client: asyncio.StreamWriter) -> None:
    """What becomes of Kling's answer."""
    start, content = _parts(answer)
    match trouble.kind:
        case "reset":
            _reset(client)
        case "stall":
            await anyio.sleep(trouble.seconds)
            _reset(client)
        case "half":
            await _send(client, start + content[: len(content) // 2])
            _reset(client)
        case "long":
            await _send(client, _relabelled(start, len(content) + 7) + content)
            client.close()
        case "flood":
            await _flood(client)
        case "slow":
            await anyio.sleep(trouble.seconds)
            for at in range(0, len(answer), 200):
                await _send(client, answer[at : at + 200])
                await anyio.sleep(0.2)
        case _:
            await _send(client, _ALTERED[trouble.kind](start, content))


async def _send(client: asyncio.StreamWriter, content: bytes) -> None:
    client.write(content)
    await client.drain()


def _reset(client: asyncio.StreamWriter) -> None:
    """End a connection the hard way: what was sent and not read yet is lost."""
    connection: socket.socket | None = client.get_extra_info("socket")
    if connection is not None and not client.is_closing():
        with suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.transport.abort()


def _parts(answer: bytes) -> tuple[bytes, bytes]:
    start, gap, content = answer.partition(b"\r\n\r\n")
    return start + gap, content


def _head(status: str, length: int, *more: str) -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", f"Content-Length: {length}", *more, "", "")).encode()


def _relabelled(start: bytes, length: int) -> bytes:
    return _CONTENT_LENGTH.sub(b"\r\ncontent-length: %d" % length, start, count=1)


@cache
def _bomb() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)  # 16: gzip's own framing
    start = packer.compress(b'{"code":0,"data":{"task_id":"1"}}') + packer.flush(zlib.Z_FULL_FLUSH)
    mebibyte = packer.compress(bytes(1024 * 1024)) + packer.flush(zlib.Z_FULL_FLUSH)  # the same wherever it stands
    packed = start + mebibyte * (BOMB_BYTES // (1024 * 1024)) + packer.flush()
    return _head("200 OK", len(packed), "Content-Encoding: gzip", "Content-Type: application/json") + packed


_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>"
_ALTERED: Mapping[Kind, Callable[[bytes, bytes], bytes]] = {
    "html": lambda _, __: _head("502 Bad Gateway", len(_PAGE), "Content-Type: text/html") + _PAGE,
    "bomb": lambda _, __: _bomb(),
    "empty": lambda _, __: _head("200 OK", 0),
    "redirect": lambda _, __: _head("307 Temporary Redirect", 0, f"Location: {ELSEWHERE}"),
    "twice": lambda start, content: (start + content) * 2,
    "replayed": lambda start, content: start + content,
    "truncated": lambda start, content: _relabelled(start, len(content) // 2) + content[: len(content) // 2],
    "short": lambda start, content: _relabelled(start, len(content) - 7) + content,
}
"""Head and body of Kling's answer → what is sent instead."""


async def _flood(client: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        await _send(client, b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{")
        while not client.is_closing():
            await _send(client, b" " * 65_536)


class _Quiet(uvicorn.Server):
    """A server that ends when it is told to, without looking at a clock every tenth of a second."""

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await asyncio.Event().wait()


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncGenerator[int]:
    """An application behind a real socket of this loop; its port."""
    config = uvicorn.Config(app, log_level="critical", lifespan="on", timeout_graceful_shutdown=0)
    config.load()
    server = _Quiet(config)
    server.lifespan = config.lifespan_class(config)
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        await server.startup(sockets=[door])
        try:
            yield door.getsockname()[1]
        finally:
            await server.shutdown(sockets=[door])
