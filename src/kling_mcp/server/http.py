"""MCP over HTTP: one app with Streamable HTTP, SSE and a health check, all over the one server object."""

from __future__ import annotations

import asyncio
import logging
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

import uvicorn
from mcp.server.sse import SseServerTransport
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from kling_mcp.errors import LocalTrouble
from kling_mcp.ports import authority, listening
from kling_mcp.server.gate import Admission, Gate, is_loopback

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncGenerator, Callable
    from types import FrameType

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from kling_mcp.server.front import KlingServer
    from kling_mcp.settings import Settings

log = logging.getLogger(__name__)

BODY_AT_MOST = 16 * 2**20
"""Bytes of a request: Kling takes pictures of 10 MB, which Base64 makes 13.4 MB."""
TOKEN_AT_LEAST = 8
"""Characters. Shorter ones are guessed in minutes, so no address is opened to others on them."""
TOKEN_BETTER = 32
"""Characters from which on nobody guesses a random token."""
ANSWERING_S = 0.25
"""Seconds that waiting calls have at the end for sending their handle."""
GRACE_S = 0.4
"""Seconds after which connections that then have not ended by themselves are cut."""

# The gate checks Host and Origin for every path; the SDK's own check of its paths would only repeat it.
_CHECKED_AT_THE_GATE = TransportSecuritySettings(enable_dns_rebinding_protection=False)


class RuntimeLike(Protocol):
    """What is needed of ``app.Runtime``."""

    @property
    def settings(self) -> Settings:
        """The configuration."""
        ...

    @property
    def server(self) -> KlingServer:
        """The server to serve."""
        ...


async def serve_http(runtime: RuntimeLike, host: str, port: int) -> None:
    """Serve until SIGTERM or Ctrl-C, then end within a second: waiting calls return their handle first.

    Raises:
        LocalTrouble: The address would be open to others without a token, or cannot be listened on.
    """
    _check_token(runtime.settings, host)
    app = http_app(runtime.server, Admission.of(runtime.settings, host))
    config = uvicorn.Config(
        app,
        log_config=None,  # our own logging, which redacts
        access_log=False,
        proxy_headers=False,  # X-Forwarded-* can be forged by anybody who reaches us
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,  # pyright: ignore[reportArgumentType] - asyncio, which gets it, takes parts of a second
    )
    with listening(host, port) as door:
        sys.stderr.write(f"kling-mcp listens at http://{authority(host, door.getsockname()[1])}/mcp\n")
        sys.stderr.flush()
        await DrainingServer(config, runtime.server.drain).serve(sockets=[door])


def http_app(server: KlingServer, admission: Admission) -> Starlette:
    """The ASGI app: ``/mcp``, ``/sse`` with ``/messages/``, and ``/health``, behind the gate."""
    streamable = server.streamable_http_app(transport_security=_CHECKED_AT_THE_GATE, max_request_body_size=BODY_AT_MOST)
    sse = SseServerTransport("/messages/", _CHECKED_AT_THE_GATE, BODY_AT_MOST)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        async with server.session_manager.run():
            yield

    return Starlette(
        routes=[
            Route("/health", _health),
            *streamable.routes,
            Route("/sse", _SseDoor(server, sse), methods=["GET"]),
            Mount("/messages/", app=sse.handle_post_message),
        ],
        middleware=[Middleware(Gate, admission)],
        lifespan=lifespan,
    )


class _SseDoor:
    """One SSE connection: a stream out, its messages come in by POST."""

    def __init__(self, server: KlingServer, transport: SseServerTransport) -> None:
        self._server, self._transport = server, transport

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one client until it leaves."""
        async with self._transport.connect_sse(scope, receive, send) as (incoming, outgoing):
            await self._server.run(incoming, outgoing, self._server.create_initialization_options())


class DrainingServer(uvicorn.Server):
    """uvicorn, which at a signal first ends what would hold it up, and then returns instead of dying of the signal.

    Its own order would wait for all connections before anything hears of the shutdown, and a listening client never
    hangs up. And whoever serves event streams cuts them as soon as ``should_exit`` is set, so it is set only after the
    calls that wait on them have had time to answer.
    """

    def __init__(self, config: uvicorn.Config, drain: Callable[[], None]) -> None:
        super().__init__(config)
        self._drain = drain
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and remember the loop that signals have to be handed to."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end, but forget the signal: what is raised again after serving would kill us mid-way."""
        del sig, frame
        if self._loop is None:
            self.should_exit = True
        else:
            self._loop.call_soon_threadsafe(self._end, self._loop)

    def _end(self, loop: asyncio.AbstractEventLoop) -> None:
        self._drain()
        loop.call_later(ANSWERING_S, setattr, self, "should_exit", True)


async def _health(_: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


def _check_token(settings: Settings, host: str) -> None:
    token = settings.http_token.get_secret_value() if settings.http_token else ""
    if not token and not is_loopback(host):
        raise LocalTrouble(
            f"The server will not listen on {host} without a token: anybody who reaches it could spend your units.",
            fix=f"Set KLING_HTTP_TOKEN to {TOKEN_BETTER} random characters, or use --host 127.0.0.1.",
        )
    if 0 < len(token) < TOKEN_AT_LEAST and not is_loopback(host):
        raise LocalTrouble(
            f"KLING_HTTP_TOKEN has fewer than {TOKEN_AT_LEAST} characters and can be guessed.",
            fix=f"Set it to {TOKEN_BETTER} random characters, or use --host 127.0.0.1.",
        )
    if 0 < len(token) < TOKEN_BETTER:
        log.warning("KLING_HTTP_TOKEN is short: %d random characters keep strangers out.", TOKEN_BETTER)
