"""How long the sounds and videos may be that voices and elements are made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_mcp.errors import Problem
from kling_mcp.operations.sources import facts_of

if TYPE_CHECKING:
    from collections.abc import Iterator

SLACK_S = 0.1
"""Files run a few hundredths over what was asked for (5.041 s)."""


def misfits(field: str, value: object, limits: tuple[int, int], what: str) -> Iterator[Problem]:
    """A problem if the result of ours in an argument is known to be shorter or longer, in seconds, than these."""
    facts = facts_of(value)
    length = facts.duration_s if facts else None
    if length is not None and not limits[0] - SLACK_S <= length <= limits[1] + SLACK_S:
        yield Problem(
            field, f"'{field}' lasts {length:g} s, but {what} is made from {limits[0]} to {limits[1]} s. Give another."
        )
