"""What a tool is: an operation as MCP shows it, one frozen value. Filters, checks and documentation are loops."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar

from mcp import types

from kling_mcp.errors import InvalidRequest
from kling_mcp.operations.base import Generation, Operation
from kling_mcp.operations.wording import closest, shown
from kling_mcp.server.arguments import hidden, shown_without, with_ours

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from kling_mcp.jobs.runner import Jobs
    from kling_mcp.server.person import Person
    from kling_mcp.server.view import View
    from kling_mcp.settings import Settings


RequestT = TypeVar("RequestT", bound=Operation)


Answer: TypeAlias = types.CallToolResult | types.InputRequiredResult
"""What a call is answered with: its result, or a question that the client answers by calling again."""


class Report(Protocol):
    """How a call tells its client that it is alive; a no-op if the client did not ask."""

    def __call__(self, progress: float, total: float | None, message: str) -> Awaitable[None]:
        """Send one notification."""
        ...


TICK_S = 0.001
"""The protocol wants every progress value larger than the last, even if no time went by."""


class Rising:
    """Reports whose values only ever rise, whoever makes them: one call may ask a person first, and then wait."""

    def __init__(self, report: Callable[[float, float | None, str | None], Awaitable[None]]) -> None:
        self._report, self._last = report, 0.0

    async def __call__(self, progress: float, total: float | None, message: str) -> None:
        """Send one notification, as of a moment later if none went by."""
        self._last = max(progress, round(self._last + TICK_S, 3))
        await self._report(self._last, None if total is None else max(total, self._last), message)


@dataclass(frozen=True, slots=True)
class Call(Generic[RequestT]):
    """One call of a tool, its arguments checked.

    Attributes:
        jobs: The engine.
        settings: The server's configuration.
        tools: Every tool there is, shown or not, by name.
        request: The checked arguments.
        arguments: The arguments as the agent gave them.
        report: Tells the client how far it is.
        person: Whoever sits at the client, as far as they can be asked.
    """

    jobs: Jobs
    settings: Settings
    tools: Mapping[str, Tool]
    request: RequestT
    arguments: Mapping[str, Any]
    report: Report
    person: Person

    def named(self, name: str) -> Tool:
        """The tool of this name.

        Raises:
            InvalidRequest: There is none.
        """
        if name in self.tools:
            return self.tools[name]
        meant = closest(name, self.tools)
        hint = f"Did you mean '{meant}'?" if meant else f"The tools are: {', '.join(self.tools)}."
        raise InvalidRequest.one("tool", f"There is no tool {shown(name)}. {hint}")


class Run(Protocol):
    """What a tool does."""

    def __call__(self, call: Call[Any]) -> Awaitable[Answer]:
        """Answer the call, or ask something back.

        Raises:
            KlingError: Any failure we foresee; it becomes the answer.
        """
        ...


READS = types.ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
"""Tells what is here already, at no cost."""
ASKS = READS.model_copy(update={"open_world_hint": True})
"""Asks Kling something, at no cost."""
PAYS = types.ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True)
"""Spends units: calling twice pays twice."""
RECORDS = ASKS.model_copy(update={"read_only_hint": False})
"""Asks Kling something, at no cost, and keeps the answer in the ledger."""
WITHDRAWS = types.ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False
)
"""Ends something of ours that cannot be brought back."""
DELETES = WITHDRAWS.model_copy(update={"open_world_hint": True})
"""Ends something at Kling that cannot be brought back."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One row of the catalogue.

    Attributes:
        operation: What it does at Kling or here: name, title, toolset, kind and fields are declared there.
        run: How it is answered.
        view: The shape of its answer.
        hints: What hosts are told about its effects.
    """

    operation: type[Operation]
    run: Run
    view: type[View]
    hints: types.ToolAnnotations

    @property
    def name(self) -> str:
        """The name clients call it by."""
        return self.operation.tool

    @property
    def makes_jobs(self) -> bool:
        """Whether a call is recorded as a job, because Kling may charge for it."""
        return issubclass(self.operation, Generation)

    @property
    def arguments(self) -> type[Operation]:
        """What it takes: the operation's fields, and ours."""
        return with_ours(self.operation)

    def input_schema(self, *, confirms: bool = False) -> dict[str, Any]:
        """The arguments as a model sees them.

        Args:
            confirms: Whether dear requests need a person's approval.
        """
        return shown_without(self.arguments.input_schema(), hidden(self.operation, confirms=confirms))

    def shown(self, *, confirms: bool = False) -> types.Tool:
        """The tool as a model sees it; ``confirms`` as for ``input_schema``."""
        return types.Tool(
            name=self.name,
            title=self.operation.title,
            description=inspect.getdoc(self.operation),
            input_schema=self.input_schema(confirms=confirms),
            output_schema=self.view.output_schema(named=not self.makes_jobs),
            annotations=self.hints,
        )
