"""What must hold between arguments in more than one of the image tools."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kling_mcp.errors import Problem
from kling_mcp.operations.image_facts import MOST_REFERENCES, current
from kling_mcp.operations.wording import listed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from kling_mcp.operations.image_facts import Endpoint, ImageFacts

# <<<object_n>>> is left alone: the vendor's own example uses it and no page says what it counts (section 3).
_CITED = re.compile(r"<<<(image|element|video|voice)_(\d{1,9})>>>")


def unknown_citations(tool: str, prompt: str | None, kinds: Collection[str]) -> Iterator[Problem]:
    """A problem for each thing the prompt cites that the tool takes none of.

    Args:
        tool: Whose prompt it is.
        prompt: The text.
        kinds: What can be cited: ``image``, ``element``.
    """
    for kind, number in _cited(prompt):
        if kind not in kinds:
            yield Problem(
                "prompt",
                f"'prompt' cites <<<{kind}_{number}>>>, but {tool} takes no {kind}. Remove it from the prompt.",
            )


def uncited(prompt: str | None, given: Mapping[str, tuple[str, int]]) -> Iterator[Problem]:
    """A problem for each thing the prompt cites that was not given.

    Args:
        prompt: The text.
        given: What can be cited → the argument it stands in and how many there are.
    """
    for kind, number in _cited(prompt):
        if kind in given and not 1 <= number <= given[kind][1]:
            where, count = given[kind]
            has = f"'{where}' has {count}, counted from 1" if count else f"'{where}' is not given"
            yield Problem("prompt", f"'prompt' cites <<<{kind}_{number}>>>, but {has}. Correct the one or the other.")


def _cited(prompt: str | None) -> list[tuple[str, int]]:
    return sorted({(kind, int(number)) for kind, number in _CITED.findall(prompt or "")})


def too_many(field: str, pictures: int, elements: int) -> Iterator[Problem]:
    """A problem if there are more pictures and elements than one request may have."""
    if pictures + elements > MOST_REFERENCES:
        yield Problem(
            field,
            f"'{field}': pictures ({pictures}) and elements ({elements}) are more than the {MOST_REFERENCES} that "
            "Kling takes. Remove some.",
        )


def who_can(endpoint: Endpoint, able: Callable[[ImageFacts], Any]) -> str:
    """A sentence that names the current models with an ability."""
    names = [facts.name for facts in current(endpoint) if able(facts)]
    return f"{listed(names)} can." if names else "No current model can."
