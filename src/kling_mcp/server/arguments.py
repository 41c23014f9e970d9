"""The arguments that are ours and not Kling's: how long a call waits, and on what terms a request is paid."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast

from pydantic import BaseModel, Field, create_model

from kling_mcp.jobs.spend import Terms
from kling_mcp.operations.base import Composite, Generation, Operation
from kling_mcp.operations.fields import NUMBER, TEXT, Omitted
from kling_mcp.settings import MAX_WAIT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable

RequestT = TypeVar("RequestT", bound=Operation)

KEY_AT_MOST = 128
"""Longest ``idempotency_key``."""


class Waiting(BaseModel):
    """The argument of every tool that can wait for a job."""

    wait_seconds: Annotated[float | Omitted, Field(ge=0, le=MAX_WAIT_SECONDS, allow_inf_nan=False), NUMBER] = None
    """0 to 55."""


class Paying(BaseModel):
    """The arguments of every tool that spends units. All are accepted everywhere, and shown where they matter."""

    allow_duplicate: bool | Omitted = None
    """Not a retry."""
    idempotency_key: Annotated[str | Omitted, Field(min_length=1, max_length=KEY_AT_MOST), TEXT] = None
    """Your id."""
    confirm: str | Omitted = None
    """Token of the quote a human agreed to."""
    confirm_possible_duplicate: bool | Omitted = None
    """Accept a second charge."""


def with_ours(operation: type[Operation]) -> type[Operation]:
    """What a tool takes: the operation's fields, then ours where it makes jobs."""
    return _joined(operation) if issubclass(operation, Generation) else operation


@functools.cache
def _joined(operation: type[Generation]) -> type[Operation]:
    ours = (Paying, Waiting) if operation.kind == "job" else (Paying,)
    bases = (*ours, operation)  # fields are gathered from the last base on, so ours come last in the schema
    return cast("type[Operation]", create_model(operation.__name__, __base__=bases, __doc__=operation.__doc__))


def without_ours(request: Operation, operation: type[RequestT]) -> RequestT:
    """The request as Kling's own operation again. Its values were checked once, so they are not checked twice."""
    names = operation.model_fields
    return operation.model_construct(
        request.model_fields_set & names.keys(), **{name: getattr(request, name) for name in names}
    )


def hidden(operation: type[Operation], *, confirms: bool) -> Iterable[str]:
    """Arguments of ours that are accepted and not shown, because they mean nothing here: each byte is in every tool.

    Args:
        operation: What the tool runs.
        confirms: Whether dear requests need a person's approval.
    """
    if issubclass(operation, Generation):
        yield from () if confirms else ("confirm",)
        yield from () if _may_stay_in_doubt(operation) else ("confirm_possible_duplicate",)


def _may_stay_in_doubt(operation: type[Generation]) -> bool:
    """Whether a request may end unconfirmed, because Kling takes no id with it, or with a step of it."""
    return operation.nameless or (issubclass(operation, Composite) and operation.nameless_steps)


def terms_of(request: Operation) -> Terms:
    """On what terms the agent makes a request."""
    if not isinstance(request, Paying):
        return Terms()
    return Terms(
        idempotency_key=request.idempotency_key,
        allow_duplicate=bool(request.allow_duplicate),
        confirm_possible_duplicate=bool(request.confirm_possible_duplicate),
        confirm=request.confirm,
    )


def asked_to_wait(request: Operation) -> float | None:
    """How long the agent lets this call wait, in seconds; None if it did not say."""
    return request.wait_seconds if isinstance(request, Waiting) else None


def shown_without(schema: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """A tool's schema without these arguments."""
    for name in names:
        schema["properties"].pop(name, None)
    return schema
