"""Whoever sits at the client, and how they are asked: in the middle of a call, or by a result that asks back.

Clients of the handshake era answer a request of ours while their call waits. Those of 2026-07-28 get the question as
the result of the call, and call again with the answer. Many clients can ask nobody.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import anyio
from mcp import MCPError, types
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from kling_mcp.settings import MAX_WAIT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mcp.server.context import ServerRequestContext
    from mcp.server.session import ServerSession

    from kling_mcp.clock import Clock

log = logging.getLogger(__name__)

Way = Literal["now", "next call", "never"]
"""When a person can answer: while the call waits, by the client's next call, or not at all."""

FOLLOWED_S = 240.0
"""How long a person has, where the host shows that the call is alive: the shortest limit of such hosts."""
BEAT_S = 5.0
"""Between two signs of life."""
QUESTION = "approval"
"""What the question is called between two calls."""
YES = "approve"
"""What has to be true in an answer that is a yes."""
FORM: types.ElicitRequestedSchema = {
    "type": "object",
    "properties": {YES: {"type": "boolean", "title": "Approve", "description": "Spend these units."}},
    "required": [YES],
}
"""One box, empty at first: a client that fills in defaults by itself must not approve anything."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever sits at the client of one call.

    Attributes:
        way: When they can answer.
        answer: What they answered to the question of the call before; None if there was none.
        state: What that question was about, as we gave it out.
        followed: Whether the host shows signs of life of this call.
    """

    way: Way = "never"
    answer: object = None
    state: str | None = None
    followed: bool = False
    _session: ServerSession | None = None
    _request_id: types.RequestId | None = None

    @classmethod
    def at(cls, context: ServerRequestContext[Any], params: types.CallToolRequestParams) -> Person:
        """The person at the other end of this call."""
        modern = context.protocol_version in MODERN_PROTOCOL_VERSIONS
        return cls(
            way=_way(context.session, modern=modern),
            answer=(params.input_responses or {}).get(QUESTION) if modern else None,
            state=params.request_state if modern else None,
            followed=(context.meta or {}).get("progress_token") is not None,
            _session=context.session,
            _request_id=context.request_id,
        )

    @property
    def was_asked(self) -> bool:
        """Whether this call brings the answer to a question, of whatever kind."""
        return self.answer is not None or self.state is not None

    @property
    def patience_s(self) -> float:
        """How long a call may wait for an answer: most hosts give up on a call they hear nothing of in a minute."""
        return FOLLOWED_S if self.followed else MAX_WAIT_SECONDS

    async def asked(self, question: str, clock: Clock, alive: Callable[[], Awaitable[None]]) -> str:
        """Ask in the middle of a call: why the answer is no approval; empty if it is one.

        Args:
            question: What to ask.
            clock: Tells how long to wait for the answer.
            alive: Tells the host that the call goes on.
        """
        verdict = f"Nobody answered within {self.patience_s:.0f} s."
        async with anyio.create_task_group() as group:

            async def patience() -> None:
                for _ in range(round(self.patience_s / BEAT_S)):
                    await alive()
                    await clock.sleep(BEAT_S)
                group.cancel_scope.cancel()

            group.start_soon(patience)
            verdict = await self._verdict(question)
            group.cancel_scope.cancel()
        return verdict

    async def _verdict(self, question: str) -> str:
        if self._session is None:
            return "There is nobody to ask."
        try:
            return objection(await self._session.elicit_form(question, FORM, self._request_id))
        except (MCPError, ValidationError) as trouble:  # the client could not ask, or its answer makes no sense
            log.info("a client that says it can ask did not: %s", type(trouble).__name__)
            return "The client could not ask anybody."


def _way(session: ServerSession, *, modern: bool) -> Way:
    if not shows_forms(session.client_capabilities):
        return "never"
    if modern:
        return "next call"
    return "now" if session.can_send_request else "never"


def shows_forms(capabilities: types.ClientCapabilities | None) -> bool:
    """Whether a client can put a question to a person."""
    asks = capabilities.elicitation if capabilities else None
    return asks is not None and (asks.form is not None or asks.url is None)  # a bare {} means forms: there was no other


def asking_back(question: str, state: str) -> types.InputRequiredResult:
    """The question as the result of a call. Whoever calls again with the answer gives ``state`` back."""
    form = types.ElicitRequestFormParams(message=question, requested_schema=FORM)
    return types.InputRequiredResult(input_requests={QUESTION: types.ElicitRequest(params=form)}, request_state=state)


def objection(answer: object) -> str:
    """Why an answer is no approval; empty if it is one: accepted, with the box ticked. Nothing else is."""
    if not isinstance(answer, types.ElicitResult):
        return "The client's answer makes no sense."
    match answer.action:
        case "decline":
            return "The person who was asked declined."
        case "cancel":
            return "The question was closed without an answer; some clients close it before anybody sees it."
        case "accept":
            ticked = (answer.content or {}).get(YES) is True
            return "" if ticked else "The person who was asked did not approve it."
