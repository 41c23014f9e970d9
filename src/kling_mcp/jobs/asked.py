"""What was asked of a job of several steps, and what its sources were when it was accepted.

Its steps are worked out from this each time. Were its sources looked up anew, an answer could change on the way: a
clip that ran out, was deleted or belongs to a key that was renewed meanwhile would be continued in another way than the
one that was begun and paid for, or be refused after the fact.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from kling_mcp.operations.sources import Source, SourceFacts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_mcp.operations.base import Generation


@dataclass(frozen=True, slots=True)
class Asked:
    """The whole of a request of several steps, as JSON.

    Attributes:
        arguments: What the agent gave.
        sources: What stood in place of the results it named, by argument.
        complete: Whether ``sources`` was kept at all; if not, they have to be looked up again.
    """

    arguments: Mapping[str, Any]
    sources: Mapping[str, Any]
    complete: bool = True

    def of(self, operation: type[Generation]) -> Generation:
        """The request as it was accepted.

        Raises:
            InvalidRequest: This version refuses what the one that accepted it did not.
        """
        found = {name: _source(kept) for name, kept in self.sources.items()}
        return operation.parse(self.arguments).model_copy(update=found)


def asked(arguments: Mapping[str, Any], given: Generation, resolved: Generation) -> Asked:
    """What is kept of a request.

    Args:
        arguments: What the agent gave.
        given: The request that they make.
        resolved: The same with its sources looked up.
    """
    found = {name: getattr(resolved, name) for name in type(resolved).model_fields}
    changed = {n: v for n, v in found.items() if isinstance(v, str | int) and v is not getattr(given, n)}
    return Asked(arguments, {name: _kept(value) for name, value in changed.items()})


def _kept(value: object) -> Mapping[str, Any]:
    return {"is": value, "facts": asdict(value.facts) if isinstance(value, Source) else None}


def _source(kept: Mapping[str, Any]) -> object:
    return kept["is"] if kept["facts"] is None else Source.of(kept["is"], SourceFacts(**kept["facts"]))
