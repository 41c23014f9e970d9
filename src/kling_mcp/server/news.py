"""Telling clients that a job moved: subscribers of both protocol eras, without waiting for any of them.

Since 2026-07-28 a client listens on one stream, which the SDK serves from a bus. Before that it subscribed resource by
resource and the server pushes through the session; of those we keep the sessions ourselves.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import anyio
from mcp import types
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ResourcesListChanged, ResourceUpdated
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from kling_mcp.server.views import job_uri, media_uri

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mcp.server.connection import Connection
    from mcp.server.context import ServerRequestContext
    from mcp.server.session import ServerSession
    from mcp.shared.subscriptions import ServerEvent

    from kling_mcp.jobs.model import Job

log = logging.getLogger(__name__)

PATIENCE_S = 0.5
"""A client that does not take a notification within this time is forgotten: the engine must not wait for it."""


class _Bus(InMemorySubscriptionBus):
    """The SDK's bus, which gives way to others after each event: not where nobody listens."""

    async def publish(self, event: ServerEvent) -> None:
        """Tell whoever listens. A job that moves is often about to be posted: it is not held up for nobody."""
        if self._listeners:
            await super().publish(event)


class News:
    """Who wants to hear of what, and how they are told."""

    def __init__(self) -> None:
        self._bus = _Bus()
        self.listen = ListenHandler(self._bus)
        """Serves ``subscriptions/listen``."""
        self._sessions: dict[Connection, ServerSession] = {}
        self._wanted: dict[Connection, set[str]] = {}
        self._resources: dict[str, int] = {}

    async def tell(self, job: Job) -> None:
        """Tell everybody concerned that this job moved. Never raises, never waits long."""
        uris = [job_uri(job.id), *(media_uri(media) for media in job.media if media.path)]
        if self._resources.get(job.id) != len(uris):
            self._resources[job.id] = len(uris)
            await self._bus.publish(ResourcesListChanged())
            await self._push(list(self._sessions), lambda session: session.send_resource_list_changed())
        for uri in uris:
            await self._bus.publish(ResourceUpdated(uri=uri))
            subscribed = [connection for connection, wanted in self._wanted.items() if uri in wanted]
            await self._push(subscribed, lambda session, uri=uri: session.send_resource_updated(uri))
        if job.settled:
            self._resources.pop(job.id, None)

    def meet(self, context: ServerRequestContext[Any]) -> None:
        """Remember a client of the handshake era that has seen the list of resources: it is told when it changes."""
        if context.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            self._remember(context)

    async def subscribe(
        self, context: ServerRequestContext[Any], params: types.SubscribeRequestParams
    ) -> types.EmptyResult:
        """Serve ``resources/subscribe``, which only the handshake era has."""
        self._wanted.setdefault(self._remember(context), set()).add(str(params.uri))
        return types.EmptyResult()

    async def unsubscribe(
        self, context: ServerRequestContext[Any], params: types.UnsubscribeRequestParams
    ) -> types.EmptyResult:
        """Serve ``resources/unsubscribe``."""
        self._wanted.get(_connection(context), set()).discard(str(params.uri))
        return types.EmptyResult()

    def close(self) -> None:
        """End every listening stream gracefully."""
        self.listen.close()

    def _remember(self, context: ServerRequestContext[Any]) -> Connection:
        connection = _connection(context)
        if connection not in self._sessions:
            self._sessions[connection] = context.session
            connection.exit_stack.callback(self._forget, connection)
        return connection

    def _forget(self, connection: Connection) -> None:
        self._sessions.pop(connection, None)
        self._wanted.pop(connection, None)

    async def _push(self, connections: list[Connection], send: Callable[[ServerSession], Awaitable[None]]) -> None:
        async def push(connection: Connection) -> None:
            with anyio.move_on_after(PATIENCE_S):
                try:
                    await send(self._sessions[connection])
                except Exception as trouble:  # noqa: BLE001 - whatever broke, this client is gone and the others are not
                    log.info("a client that subscribed is gone: %s", trouble)
                else:
                    return
            self._forget(connection)

        if not connections:
            return
        async with anyio.create_task_group() as group:
            for connection in connections:
                group.start_soon(push, connection)


def _connection(context: ServerRequestContext[Any]) -> Connection:
    """The connection a request came over.

    The SDK has no public name for it (2.3.0), and a session is made anew for each request: without it we could
    neither tell two clients apart nor learn that one is gone.
    """
    return context.session._connection  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - see above
