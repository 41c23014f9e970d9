"""MCP over standard input and output: how Claude Desktop and IDEs start us."""

from __future__ import annotations

import contextlib
import json
import logging
from typing import TYPE_CHECKING, Any, cast

import anyio
from mcp import types
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from pydantic import ValidationError

from kling_mcp.errors import NOT_CHARGED, trimmed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anyio.streams.memory import MemoryObjectSendStream
    from mcp.server.lowlevel import Server
    from mcp.shared._stream_protocols import ReadStream, WriteStream

log = logging.getLogger(__name__)


async def serve_stdio(server: Server[Any]) -> None:
    """Serve one client until it closes our standard input. Jobs go on at the next start."""
    onward, readable = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    async with stdio_server() as (incoming, outgoing), anyio.create_task_group() as group:
        group.start_soon(_relay, incoming, onward, outgoing)
        await server.run(readable, outgoing, server.create_initialization_options())
        group.cancel_scope.cancel()


async def _relay(
    incoming: ReadStream[SessionMessage | Exception],
    onward: MemoryObjectSendStream[SessionMessage | Exception],
    outgoing: WriteStream[SessionMessage],
) -> None:
    """Hand on what can be read. What cannot is answered here: the SDK drops it, and its sender would wait for ever."""
    async with onward:
        async for item in incoming:
            if isinstance(item, SessionMessage):
                await onward.send(item)
            elif (answer := _unreadable(item)) is not None:
                await outgoing.send(SessionMessage(answer))


def _unreadable(trouble: Exception) -> types.JSONRPCError | None:
    """The answer to a message that is none; None if it has no id, as then nobody waits."""
    log.warning("a message from the client cannot be read")
    if not isinstance(trouble, ValidationError):
        return None
    details = trouble.errors(include_url=False, include_context=False)
    number = next((found for detail in details if (found := _id_of(detail["input"])) is not None), None)
    if number is None:
        return None
    sentence = f"This request cannot be read: {trimmed(details[0]['msg'])}. {NOT_CHARGED} Send it again as valid JSON."
    return types.JSONRPCError(jsonrpc="2.0", id=number, error=types.ErrorData(code=types.PARSE_ERROR, message=sentence))


def _id_of(given: object) -> int | str | None:
    """The id of a message: of its text, which Python reads more leniently (half an emoji, a deep object), or parsed."""
    with contextlib.suppress(ValueError, RecursionError):
        given = json.loads(given) if isinstance(given, str) else given
    if not isinstance(given, dict) or "jsonrpc" not in given:
        return None
    number = cast("Mapping[str, object]", given).get("id")
    return number if isinstance(number, int | str) and not isinstance(number, bool) else None
