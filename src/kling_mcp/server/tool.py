"""What a tool is: an operation as MCP shows it, one frozen value. Filters, checks and documentation are loops."""

from __future__ import annotations

import functools
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Generic, Protocol, TypeVar, cast

from mcp import types
from pydantic import BaseModel, Field, WithJsonSchema, create_model

from kling_mcp.errors import InvalidRequest
from kling_mcp.operations.base import Generation, Operation
from kling_mcp.operations.fields import Omitted  # noqa: TC001 - pydantic reads it at run time
from kling_mcp.operations.wording import closest, shown
from kling_mcp.settings import MAX_WAIT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from kling_mcp.jobs.runner import Jobs
    from kling_mcp.server.view import View
    from kling_mcp.settings import Settings


RequestT = TypeVar("RequestT", bound=Operation)


class Report(Protocol):
    """How a call tells its client that it is alive; a no-op if the client did not ask."""

    def __call__(self, progress: float, total: float | None, message: str) -> Awaitable[None]:
        """Send one notification. ``progress`` must be larger each time."""
        ...


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
    """

    jobs: Jobs
    settings: Settings
    tools: Mapping[str, Tool]
    request: RequestT
    arguments: Mapping[str, Any]
    report: Report

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

    def __call__(self, call: Call[Any]) -> Awaitable[types.CallToolResult]:
        """Answer the call.

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


class Waiting(BaseModel):
    """The argument of every tool that can wait for a job. It belongs to us, not to Kling."""

    wait_seconds: Annotated[
        float | Omitted,
        Field(ge=0, le=MAX_WAIT_SECONDS, allow_inf_nan=False),
        WithJsonSchema({"type": "number"}),  # it stands in most tools: the limits are in the words alone
    ] = None
    """Seconds, 0 to 55."""


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
        """What it takes: the operation's fields, and ``wait_seconds`` where Kling takes its time."""
        waits = self.makes_jobs and self.operation.kind == "job"
        return _with_waiting(self.operation) if waits else self.operation

    def shown(self) -> types.Tool:
        """The tool as a model sees it."""
        return types.Tool(
            name=self.name,
            title=self.operation.title,
            description=inspect.getdoc(self.operation),
            input_schema=self.arguments.input_schema(),
            output_schema=self.view.output_schema(),
            annotations=self.hints,
        )


@functools.cache
def _with_waiting(operation: type[Operation]) -> type[Operation]:
    bases = (Waiting, operation)  # fields are gathered from the last base on, so ours comes last in the schema
    return cast("type[Operation]", create_model(operation.__name__, __base__=bases, __doc__=operation.__doc__))


def without_waiting(request: Operation, operation: type[RequestT]) -> RequestT:
    """The request as Kling's own operation again. Its values were checked once, so they are not checked twice."""
    names = operation.model_fields
    return operation.model_construct(
        request.model_fields_set & names.keys(), **{name: getattr(request, name) for name in names}
    )
