"""What every operation is: one class that is both the tool's schema and the request.

A subclass declares its facts as class variables, its fields with docstrings, and what must hold between fields as a
tuple of rules. ``Operation.parse`` turns an agent's arguments into a checked instance or one ``InvalidRequest`` that
names every problem at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from kling_mcp.errors import InvalidRequest, Problem
from kling_mcp.operations.schema import WithoutNull, described, inlined
from kling_mcp.operations.sources import Reference, references, resolved
from kling_mcp.operations.wording import closest, field_problem, root, shown, unknown_names, writable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet


Kind = Literal["job", "immediate", "local"]
Yields = Literal["video", "image", "audio", "text", "faces", "voice", "element", "session"]
Package = Literal["video", "image", "try-on"]
"""The kinds of resource packs. Voices, speech, sound, faces and recognition are paid from the video pack."""

USD_PER_UNIT: Mapping[str, Decimal] = {"video": Decimal("0.14"), "image": Decimal("0.0035")}
"""List price of one unit in US dollars, by pack. Contract: video.md part E; image-audio-general.md section 15."""


@dataclass(frozen=True, slots=True)
class Quote:
    """What an operation will cost, before it is run.

    Attributes:
        units: Units Kling will deduct, exactly; None where no price is known, or not before a source is measured.
        package: Which resource pack pays (a ``Package``); empty where nothing is paid.
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
        """List price in US dollars; None where the units, or the price of a unit of that pack, are not known."""
        if not self.units:
            return self.units
        price = USD_PER_UNIT.get(self.package)
        return None if price is None else self.units * price


AnyOperation = TypeVar("AnyOperation", bound="Operation")


@dataclass(frozen=True, slots=True)
class Rule(Generic[AnyOperation]):
    """Something that must hold between fields.

    Attributes:
        reads: Fields whose values it looks at. It is skipped while one of them is wrong in itself. Fields it only asks
            for presence are not listed: a wrong value is present too.
        check: Yields a problem for each way the request breaks it. Pure.
    """

    reads: frozenset[str]
    check: Callable[[AnyOperation], Iterator[Problem]]

    def broken_by(self, request: AnyOperation, unsound: AbstractSet[str]) -> list[Problem]:
        """The problems of a request whose ``unsound`` fields hold no usable value."""
        return [] if self.reads & unsound else list(self.check(request))


def rule(*reads: str) -> Callable[[Callable[[AnyOperation], Iterator[Problem]]], Rule[AnyOperation]]:
    """Make a check a rule that looks at the values of these fields."""
    return lambda check: Rule(frozenset(reads), check)


class Operation(BaseModel):
    """One thing Kling can do. Subclasses are the catalogue."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    tool: ClassVar[str]
    """The tool's name, fixed: clients depend on it."""
    title: ClassVar[str]
    toolset: ClassVar[str]
    starred: ClassVar[bool] = False
    """Whether the tool is in the default toolset."""
    kind: ClassVar[Kind]
    yields: ClassVar[Yields]

    rules: ClassVar[tuple[Rule[Any], ...]] = ()
    """What must hold between fields."""

    def problems(self, unsound: AbstractSet[str] = frozenset()) -> Iterable[Problem]:
        """What is wrong between fields, given that the values of ``unsound`` fields are not usable."""
        return (problem for each in self.rules for problem in each.broken_by(self, unsound))

    @classmethod
    def input_schema(cls) -> dict[str, Any]:
        """The tool's JSON schema: an object without titles, references, top-level unions or null branches."""
        schema = cls.model_json_schema(schema_generator=WithoutNull)
        return inlined(described(schema, cls, cls.argument_names()))

    @classmethod
    def argument_names(cls) -> Mapping[str, str]:
        """What the agent calls each argument, and the field it is. They differ only where a field has an alias."""
        return {info.alias or name: name for name, info in cls.model_fields.items()}

    @classmethod
    def parse(cls, arguments: Mapping[str, Any]) -> Self:
        """Check an agent's arguments.

        Empty strings, lists and objects count as absent, as Kling's own examples use them.

        Raises:
            InvalidRequest: Every problem at once: unknown names (with the closest real one), bad values, and the
                rules between fields, as far as they do not hang on a bad value.
        """
        given = {name: value for name, value in arguments.items() if not _is_empty(value)}
        known = {name: value for name, value in given.items() if name in cls.argument_names()}
        found, meant = _unknown_names(cls, given)
        request, wrong = cls._validated(known)
        unsound = {*meant, *(root(problem.field) for problem in wrong)}
        if request is None or unsound:
            request = cls._salvaged(known, unsound)
        found += [problem for problem in wrong if problem.field not in meant]
        found += [problem for problem in request.problems(unsound) if root(problem.field) not in unsound]
        found += _unwritable(request, unsound)
        if found:
            raise InvalidRequest(found)
        return request

    @classmethod
    def _validated(cls, known: Mapping[str, Any]) -> tuple[Self | None, list[Problem]]:
        """The request, or what is wrong with its fields one by one."""
        try:
            return cls.model_validate(known), []
        except ValidationError as error:
            details = error.errors(include_url=False, include_context=False)
            return None, [field_problem(cls.tool, detail) for detail in details]

    @classmethod
    def _salvaged(cls, known: Mapping[str, Any], unsound: AbstractSet[str]) -> Self:
        """The request without its unsound fields, so that the remaining rules can look at it.

        An unsound field takes its default; where that is None, it is marked as given, so that rules that ask only for
        presence still see it.
        """
        sound = {name: value for name, value in known.items() if name not in unsound}
        request = _forgiving(cls).model_validate(sound)
        fields = [cls.argument_names()[name] for name in unsound]
        return request.model_copy(update={field: _GIVEN for field in fields if getattr(request, field) is None})


class Generation(Operation):
    """An operation that makes something at Kling, mostly for units: recorded in the ledger before it is posted."""

    posts_to: ClassVar[str] = ""
    """Kling's legacy path; empty where ``path`` works it out, and for a request of several steps."""
    makes_tasks_at: ClassVar[tuple[str, ...]] = ()
    """Kling's paths of the tasks that have its results, where that is not ``posts_to`` alone."""
    nameless: ClassVar[bool] = False
    """Whether Kling takes no id of ours with it, so that nobody can look up what became of a lost answer."""
    stateful: ClassVar[bool] = False
    """Whether its effect hangs on what was done just before, so that the same words again are not the same request."""

    @property
    def path(self) -> str:
        """Kling's legacy path this request is posted to."""
        return self.posts_to

    def body(self) -> dict[str, Any]:
        """The legacy wire body, without the fields the engine owns (callback_url, external_task_id)."""
        return self.watermarked(self.model_dump(mode="json", exclude_none=True, by_alias=True, exclude={"watermark"}))

    def watermarked(self, wire: dict[str, Any]) -> dict[str, Any]:
        """A body with Kling's word for ``watermark``, where the agent said anything about it."""
        watermark = getattr(self, "watermark", None)
        return wire if watermark is None else {**wire, "watermark_info": {"enabled": watermark}}

    def quote(self) -> Quote:
        """What this request will cost. Pure: reads the rate card only."""
        raise NotImplementedError

    @property
    def prefers_newer(self) -> bool:
        """Whether what it starts from is more than Kling's older wire is documented to take, where both carry it."""
        return False

    @property
    def model(self) -> str | None:
        """The model that will run it, as it is reported to the agent; None where Kling has no choice of model."""
        return None

    @property
    def slots(self) -> int:
        """How many of Kling's parallel slots it takes while it is being made. Contract: video.md section 5."""
        return 0 if self.kind == "immediate" else int(getattr(self, "n", None) or 1)

    @property
    def pace(self) -> str:
        """What its duration hangs on: requests of one pace take about as long."""
        said = (getattr(self, name, None) for name in ("mode", "duration", "resolution", "n"))
        return " ".join([self.path or self.tool, *(str(fact) for fact in (self.model, *said) if fact is not None)])

    def references(self) -> Mapping[str, Reference]:
        """The results of ours that its arguments name, by argument."""
        return dict(references(self))

    def resolved(self, found: Mapping[str, Any]) -> Self:
        """The request with what was found in place of its references (see ``sources``).

        Raises:
            InvalidRequest: Now that the sources are known, some rule is broken.
        """
        request = resolved(self, found)
        if problems := list(request.problems()):
            raise InvalidRequest(problems)
        return request


@dataclass(frozen=True, slots=True)
class Step:
    """The next request of a ``Composite``.

    Attributes:
        name: What it is within its job: lower-case letters, unique, the same whenever it is worked out again.
        request: What to run. It may name results of earlier steps by their ``uri``.
    """

    name: str
    request: Generation


@dataclass(frozen=True, slots=True)
class Done:
    """A step that succeeded.

    Attributes:
        uris: Its results, ``kling://media/…``, in order.
        facts: What Kling told beside files (a session, faces, ids).
    """

    uris: tuple[str, ...]
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ending:
    """A composite that has nothing left to run.

    Attributes:
        step: The step whose results and facts are those of the whole.
        after: Address of a clip of ours: a copy with the result joined to its end is delivered too.
        notes: What the agent should know, such as which way was taken.
    """

    step: str
    after: str | None = None
    notes: tuple[str, ...] = ()


class Composite(Generation):
    """One request that takes several paid steps, each of them a job of its own in the ledger."""

    nameless_steps: ClassVar[bool] = False
    """Whether some of its steps are ``nameless``."""

    def next_step(self, done: Mapping[str, Done]) -> Step | Ending:
        """What to run next, given what was run. Pure, and the same answer whenever it is asked again.

        Raises:
            InvalidRequest: What the steps so far found rules the rest out.
        """
        raise NotImplementedError


GUESSED_AT_MOST = 50
"""Names that do not exist whose meaning is guessed: each takes a moment, and a call may have thousands."""
_GIVEN = object()
"""Stands for a value that was given and cannot be used."""


def _unknown_names(operation: type[Operation], given: Mapping[str, Any]) -> tuple[list[Problem], set[str]]:
    """A problem for each argument the tool does not have, and the arguments that were probably meant."""
    known = operation.argument_names()
    unknown = [name for name in given if name not in known]
    guesses = {closest(name, known) for name in unknown[:GUESSED_AT_MOST]}
    meant = {name for name in guesses if name is not None and name not in given}
    problems = unknown_names(operation.tool, unknown[:GUESSED_AT_MOST], known)
    others = [
        Problem(name, f"{shown(name)} is not an argument of {operation.tool}.") for name in unknown[GUESSED_AT_MOST:]
    ]
    return problems + others, meant


def _unwritable(request: Operation, unsound: AbstractSet[str]) -> Iterator[Problem]:
    """A problem for each argument with half a character in it: JSON may hold such a thing, no file or request can."""
    for name, attribute in request.argument_names().items():
        if name not in unsound and not writable(getattr(request, attribute)):
            yield Problem(name, f"'{name}' has half a character (a lone surrogate), which no text can. Write it anew.")


@cache
def _forgiving(operation: type[AnyOperation]) -> type[AnyOperation]:
    """The same operation with nothing required."""
    optional: dict[str, Any] = {
        name: (info.rebuild_annotation() | None, Field(default=None, alias=info.alias))
        for name, info in operation.model_fields.items()
        if info.is_required()
    }
    return create_model(operation.__name__, __base__=operation, **optional)


def _is_empty(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip()) or value in ([], {})


__all__ = [
    "USD_PER_UNIT",
    "Composite",
    "Done",
    "Ending",
    "Generation",
    "Kind",
    "Operation",
    "Package",
    "Quote",
    "Rule",
    "Step",
    "Yields",
    "rule",
]
