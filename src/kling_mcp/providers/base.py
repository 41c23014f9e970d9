"""What a provider is: somebody who runs operations for money, and can be asked how they stand.

The words here are what the engine speaks; each provider's file translates them to its wire. Failures are the
exceptions of ``kling_mcp.errors``; which one is raised decides what the engine does next, so it is part of the
contract of every method below.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from kling_mcp.operations.base import Generation, Yields

Wire = Literal["v1", "v2"]
"""v1: Kling's legacy API, model in the body. v2: the new standard, model in the path."""

TaskStatus = Literal["submitted", "processing", "succeeded", "failed"]

Trace = Literal["", "later", "quiet", "gone"]
"""What is left of a task that was not seen. later: its turn did not come. quiet: it is not among what has ended, so it
most likely goes on. gone: it is not among what goes on, so it has most likely ended. None of them proves anything."""

Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class Request:
    """A paid request, ready to be posted and re-posted byte for byte. Stored in the ledger before it leaves.

    ``body`` lacks the external id: the provider adds it, at the place its wire wants it. ``nameless``: there is no
    such place, so a lost answer can never be looked up.
    """

    wire: Wire
    path: str
    body: Mapping[str, Any]
    nameless: bool = False


@dataclass(frozen=True, slots=True)
class TaskRef:
    """Which task to ask about: by Kling's ``task_id`` once known, else by our ``ext_id``.

    Everything after that only helps to choose whom to ask about first where not everybody's turn can come at once.

    Attributes:
        path: May be empty where nobody knows which function made it: then only an API key finds it.
        begun_at: When Kling took it, unix seconds. Without it no list can be searched for it.
        seen_at: When somebody last looked at it, unix seconds; None if nobody did.
        chance: How likely it has ended since then (0 to 1).
        crowd: How many tasks of its family were begun around its time for each that still runs (1 or more).
        quiet: How many looks in a row did not show it among what has ended.
        suspect: Whether it most likely has ended, or lists do not show it: it is asked for by its id.
    """

    wire: Wire
    path: str
    ext_id: str
    task_id: str | None = None
    begun_at: float | None = None
    seen_at: float | None = None
    chance: float = 1.0
    crowd: float = 1.0
    quiet: int = 0
    suspect: bool = False


@dataclass(frozen=True, slots=True)
class Output:
    """One result of a task.

    Attributes:
        kind: What it is.
        url: Where Kling keeps it, for 30 days; a ``data:`` URI where Kling sent the file itself.
        kling_id: Kling's id of the result (``video_id`` and so on), for chaining; None where it has none.
        duration_s: Length in seconds as Kling states it; None for pictures.
        watermarked: Whether it is the watermarked copy of the one before. Kling may name it unasked (F.12).
        label: What tells it from its neighbours (``face 0``, ``head_seg``, ``set 1 view 2``); empty where nothing needs
            to.
    """

    kind: Yields
    url: str
    kling_id: str | None = None
    duration_s: float | None = None
    watermarked: bool = False
    label: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """How a task stands, as its provider last said. Times are unix seconds.

    Attributes:
        task_id: Kling's id of the task; of what it answers at once, the session it opened, or empty.
        facts: What it tells beside files, as small JSON: ``session_id``, ``faces``, ``element_id``, ``voice_id`` ….
        fresh: Whether this is news. False: its turn did not come, or Kling has no way to tell, so this is only what was
            known before, and nothing follows from it; of a task in doubt, ``task_id`` is empty then.
        ended_at: When it ended, by Kling's clock; None while it has not, and where Kling does not say.
        trace: Why it is not ``fresh``; empty if Kling was asked about it and has no way to tell.
    """

    task_id: str
    status: TaskStatus
    ext_id: str | None = None
    message: str = ""
    outputs: tuple[Output, ...] = ()
    units: Decimal | None = None
    created_at: float | None = None
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    fresh: bool = True
    ended_at: float | None = None
    trace: Trace = ""


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


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice of the library. Not a text-to-speech voice: those have a catalogue of their own."""

    id: str
    name: str
    trial_url: str = ""
    owned_by: str = ""


@dataclass(frozen=True, slots=True)
class Element:
    """A character, animal, thing or place of the library. ``id`` has up to 19 digits."""

    id: str
    name: str
    description: str = ""
    made_from: str = ""
    """``image_refer`` or ``video_refer``."""
    owned_by: str = ""
    status: str = ""
    tags: tuple[str, ...] = ()
    voice: str = ""
    """Name of the voice bound to it."""


@dataclass(frozen=True, slots=True)
class Listed(Generic[Thing]):
    """A page of the library, without what failed or was deleted.

    Attributes:
        things: What is on it; often fewer than were asked for.
        full: Whether Kling filled the page, so that there may be more behind it.
    """

    things: tuple[Thing, ...] = ()
    full: bool = False


Shelf = Literal["voice", "element"]
Origin = Literal["own", "preset"]
"""Made with this account, or official ones that everybody may use."""


@dataclass(frozen=True, slots=True)
class Charge:
    """One deduction. Times are unix seconds.

    Attributes:
        task_id: What it was for.
        function: What Kling calls the function.
        amount: Units, or money where ``currency`` says which.
        package: The resource pack it came from (``video``, ``image``, ``try-on``); empty for money.
        currency: Empty for units.
    """

    task_id: str
    function: str
    model_name: str
    at: float
    amount: Decimal
    package: str = ""
    currency: str = ""
    key_name: str = ""
    duration: str = ""
    resolution: str = ""


@dataclass(frozen=True, slots=True)
class Charges:
    """A page of deductions; ``cursor`` is that of the next page, empty on the last."""

    charges: tuple[Charge, ...]
    cursor: str = ""


class Provider(Protocol):
    """Somebody who runs operations. Stateless between calls: the ledger is the memory."""

    name: str
    """``official``, ``sandbox``, … as reported to the agent."""
    account: str
    """Fingerprint of endpoint and credential: jobs of one account never run on another. Not reversible."""
    settle_s: float
    """How long an absent task may still appear after its POST. 5 s where external ids are unique, else 120 s."""

    def prepare(self, operation: Generation) -> Request:
        """Choose the wire and write the body. Pure, no I/O.

        Raises:
            InvalidRequest: No wire of this credential can run it; the sentence says what would.
            NotAuthorised: No credential is configured; the sentence says what to set and where to get it.
        """
        ...

    async def submit(self, request: Request, ext_id: str) -> Progress:
        """Post once. Never retried inside.

        Returns:
            The task; finished already, with its results and facts, where Kling answers at once.

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
        """Ask about many tasks in as few requests as the wire allows, and never in more than its budget. Free.

        Twenty known tasks are one request. Of thousands those are looked at first that have most likely ended; the
        others come back not ``fresh``.

        Returns:
            Progress by ``ext_id`` of the ref. A ref that is missing is certainly unknown to Kling.

        Raises:
            Unavailable, Busy, NotAuthorised, LocalTrouble: The question could not be answered; nothing may be concluded
                from it.
            InvalidRequest: A ref without a path, and a credential that needs one.
        """
        ...

    async def taken_between(self, path: str, start: float, end: float) -> Sequence[Progress] | None:
        """Which tasks of a function (its legacy path) Kling took in a time, whoever asked for them. Free.

        Returns:
            All of them, each with ``created_at``; None if nobody can tell whether they are all.

        Raises:
            Unavailable, Busy, NotAuthorised, LocalTrouble: As in ``look_up``.
        """
        ...

    async def balance(self) -> Balance:
        """Read the account's packs. Free; at most once a second at Kling.

        Raises:
            Unavailable, Busy, NotAuthorised: As in ``look_up``.
        """
        ...

    async def voices(self, origin: Origin, page: int, size: int) -> Listed[Voice]:
        """A page (from 1) of the voice library. Free.

        Raises:
            Unavailable, Busy, NotAuthorised: As in ``look_up``.
        """
        ...

    async def elements(self, origin: Origin, page: int, size: int) -> Listed[Element]:
        """A page (from 1) of the element library. Free.

        Raises:
            Unavailable, Busy, NotAuthorised: As in ``look_up``.
        """
        ...

    async def delete(self, shelf: Shelf, kling_id: str) -> None:
        """Delete something of one's own from the library. Free, and harmless to repeat.

        Raises:
            Refused: There is no such thing, or it is not one's own.
            Unavailable, Busy, NotAuthorised: As in ``look_up``.
        """
        ...

    async def charges(self, start: float, end: float, *, cash: bool, limit: int, cursor: str = "") -> Charges:
        """What was deducted in a time, newest first: units of packs, or money (``cash``). Free.

        Raises:
            Unavailable, Busy, NotAuthorised: As in ``look_up``.
        """
        ...

    async def aclose(self) -> None:
        """Close connections."""
        ...
