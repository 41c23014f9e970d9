"""What a provider is: somebody who runs operations for money, and can be asked how they stand.

The words here are what the engine speaks; each provider's file translates them to its wire. Failures are the
exceptions of ``kling_mcp.errors``; which one is raised decides what the engine does next, so it is part of the
contract of every method below.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from kling_mcp.operations.base import Operation, Yields

Wire = Literal["v1", "v2"]
"""v1: Kling's legacy API, model in the body. v2: the new standard, model in the path."""

TaskStatus = Literal["submitted", "processing", "succeeded", "failed"]


@dataclass(frozen=True, slots=True)
class Request:
    """A paid request, ready to be posted and re-posted byte for byte. Stored in the ledger before it leaves.

    ``body`` lacks the external id: the provider adds it, at the place its wire wants it.
    """

    wire: Wire
    path: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TaskRef:
    """Which task to ask about: by Kling's ``task_id`` once known, else by our ``ext_id``."""

    wire: Wire
    path: str
    ext_id: str
    task_id: str | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """One result of a task.

    Attributes:
        kind: What it is.
        url: Where Kling keeps it, for 30 days.
        kling_id: Kling's id of the result (``video_id`` and so on), for chaining; None where it has none.
        duration_s: Length in seconds as Kling states it; None for pictures.
        watermarked: Whether it is the watermarked copy of the one before. Kling may name it unasked (F.12).
    """

    kind: Yields
    url: str
    kling_id: str | None = None
    duration_s: float | None = None
    watermarked: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """How a task stands, as its provider last said. Times are unix seconds.

    Attributes:
        fresh: Whether the provider was asked. False: its turn did not come, and this is only what was known before.
    """

    task_id: str
    status: TaskStatus
    ext_id: str | None = None
    message: str = ""
    outputs: tuple[Output, ...] = ()
    units: Decimal | None = None
    created_at: float | None = None
    fresh: bool = True


@dataclass(frozen=True, slots=True)
class Pack:
    """One resource pack of an account. ``remaining`` lags up to 12 hours at Kling."""

    name: str
    status: str
    total: Decimal
    remaining: Decimal
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account still has."""

    packs: tuple[Pack, ...] = field(default=())


class Provider(Protocol):
    """Somebody who runs operations. Stateless between calls: the ledger is the memory."""

    name: str
    """``official``, ``sandbox``, … as reported to the agent."""
    account: str
    """Fingerprint of endpoint and credential: jobs of one account never run on another. Not reversible."""
    settle_s: float
    """How long an absent task may still appear after its POST. 5 s where external ids are unique, else 120 s."""

    def prepare(self, operation: Operation) -> Request:
        """Choose the wire and write the body. Pure, no I/O.

        Raises:
            InvalidRequest: No wire of this credential can run it; the sentence says what would.
            NotAuthorised: No credential is configured; the sentence says what to set and where to get it.
        """
        ...

    async def submit(self, request: Request, ext_id: str) -> Progress:
        """Post once. Never retried inside.

        Raises:
            Unavailable: It certainly created nothing (no connection, or a token refused for its date). May be posted
                again.
            Busy: Kling has no free slot (1302, 1303). May be posted again.
            NotAuthorised, OutOfCredit: The account is refused.
            Refused: This request is refused.
            LocalTrouble: This machine's network settings make no sense; it never left.
            AlreadySubmitted: Kling already holds a task with this ``ext_id``.
            OutcomeUnknown: Anything else. Must be looked up before it is posted again.
        """
        ...

    async def look_up(self, refs: Sequence[TaskRef]) -> Mapping[str, Progress]:
        """Ask about many tasks in as few requests as the wire allows. Free.

        Returns:
            Progress by ``ext_id`` of the ref. A ref that is missing is certainly unknown to Kling.

        Raises:
            Unavailable, Busy, NotAuthorised, LocalTrouble: The question could not be answered; nothing may be concluded
                from it.
        """
        ...

    async def balance(self) -> Balance:
        """Read the account's packs. Free; at most once a second at Kling.

        Raises:
            Unavailable, Busy, NotAuthorised: As in ``look_up``.
        """
        ...

    async def aclose(self) -> None:
        """Close connections."""
        ...
