"""What every operation is: one class that is both the tool's schema and the request.

A subclass declares its facts as class variables and its fields with docstrings; ``Operation.parse`` turns an
agent's arguments into a checked instance or one ``InvalidRequest`` that names every problem at once.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from kling_mcp.errors import NOT_CHARGED, InvalidRequest, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic_core import ErrorDetails

Kind = Literal["job", "immediate", "local"]
Yields = Literal["video", "image", "audio", "text", "faces", "voice", "element", "session"]

USD_PER_UNIT = Decimal("0.14")
"""List price of one unit in US dollars. Contract: video.md, part E."""


@dataclass(frozen=True, slots=True)
class Quote:
    """What an operation will cost, before it is run.

    Attributes:
        units: Units Kling will deduct, exactly; None where no price is known.
        package: Which resource pack pays (``video``, ``image``, ``audio``).
        basis: How the figure comes about, for the human ("5 s x 0.8 units").
        card_date: Date of the price list the figure is from, ISO.
        notes: What the agent should know before paying (a retired model, an unconfirmed price).
    """

    units: Decimal | None
    package: str
    basis: str
    card_date: str
    notes: tuple[str, ...] = field(default=())

    @property
    def usd(self) -> Decimal | None:
        """List price in US dollars; None where the units are not known."""
        return None if self.units is None else self.units * USD_PER_UNIT


class Operation(BaseModel):
    """One thing Kling can do. Subclasses are the catalogue."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    tool: ClassVar[str]
    """The tool's name, fixed: clients depend on it."""
    title: ClassVar[str]
    toolset: ClassVar[str]
    starred: ClassVar[bool] = False
    """Whether the tool is in the default toolset."""
    kind: ClassVar[Kind]
    yields: ClassVar[Yields]

    @property
    def path(self) -> str:
        """Kling's legacy path this request is posted to."""
        raise NotImplementedError

    def body(self) -> dict[str, Any]:
        """The legacy wire body, without the fields the engine owns (callback_url, external_task_id)."""
        return self.model_dump(mode="json", exclude_none=True)

    def problems(self) -> Iterable[Problem]:
        """Rules between fields. Called on whatever fields were individually sound."""
        return ()

    def quote(self) -> Quote:
        """What this request will cost. Pure: reads the rate card only."""
        raise NotImplementedError

    @property
    def model(self) -> str | None:
        """The model that will run it, as it is reported to the agent; None where Kling has no choice of model."""
        return None

    @classmethod
    def parse(cls, arguments: Mapping[str, Any]) -> Self:
        """Check an agent's arguments.

        Empty strings, lists and objects count as absent, as Kling's own examples use them.

        Raises:
            InvalidRequest: Every problem at once: unknown names (with the closest real one), bad values, and the
                rules between the fields that were sound.
        """
        given = {name: value for name, value in arguments.items() if not _is_empty(value)}
        known = {name: value for name, value in given.items() if name in cls.model_fields}
        found = [_unknown_name(cls, name) for name in given if name not in known]
        try:
            request = cls.model_validate(known)
        except ValidationError as error:
            details = error.errors(include_url=False, include_context=True)
            found += [_field_problem(cls, detail) for detail in details]
            request = cls._of_sound_fields(known, {str(detail["loc"][0]) for detail in details if detail["loc"]})
        if request is not None:
            broken = {p.field.split("[")[0].split(".")[0] for p in found}
            found += [p for p in request.problems() if p.field.split("[")[0].split(".")[0] not in broken]
        if found:
            raise InvalidRequest(found)
        assert request is not None  # noqa: S101 - a request without problems was built
        return request

    @classmethod
    def _of_sound_fields(cls, known: Mapping[str, Any], broken: set[str]) -> Self | None:
        """The request without its broken fields, to run the remaining rules on; None if a required one is broken."""
        try:
            return cls.model_validate({name: value for name, value in known.items() if name not in broken})
        except ValidationError:
            return None


def _is_empty(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip()) or value in ([], {})


def _unknown_name(operation: type[Operation], name: str) -> Problem:
    close = difflib.get_close_matches(name, operation.model_fields, n=1)
    hint = (
        f"Did you mean '{close[0]}'?"
        if close
        else f"The arguments of {operation.tool} are: {', '.join(operation.model_fields)}."
    )
    return Problem(name, f"'{name}' is not an argument of {operation.tool}. {hint}")


def _field_problem(operation: type[Operation], detail: ErrorDetails) -> Problem:
    """One of pydantic's findings as a sentence of ours: the field, the value, what is allowed."""
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"]).lstrip(".")
    if detail["type"] == "missing":
        return Problem(where, f"'{where}' is required: {operation.tool} cannot run without it. Give it and call again.")
    if detail["type"] == "extra_forbidden":
        return Problem(where, f"'{where}' is not a known key here. Remove it or correct its spelling.")
    return Problem(where, f"'{where}' is wrong: {_reason(detail)} (you gave {shown(detail['input'])}).")


def _reason(detail: ErrorDetails) -> str:
    message = detail["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return message[:1].lower() + message[1:]


def shown(value: object, limit: int = 60) -> str:
    """A value as it may be quoted back in a message: short, so that Base64 never floods it."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 10]}… ({len(text)} characters)"


__all__ = ["NOT_CHARGED", "USD_PER_UNIT", "Kind", "Operation", "Quote", "Yields", "shown"]
