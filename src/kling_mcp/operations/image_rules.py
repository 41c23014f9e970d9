"""What must hold between arguments in more than one of the image tools."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel

from kling_mcp.errors import Problem
from kling_mcp.operations.base import rule
from kling_mcp.operations.image_facts import MOST_REFERENCES, current
from kling_mcp.operations.pictures import misfit
from kling_mcp.operations.sources import Source
from kling_mcp.operations.wording import listed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from kling_mcp.operations.base import Operation
    from kling_mcp.operations.image_facts import Endpoint, ImageFacts

# <<<object_n>>> is left alone: the vendor's own example uses it and no page says what it counts (section 3).
_CITED = re.compile(r"<<<(image|element|video|voice)_(\d{1,9})>>>")


@rule()
def pictures_fit(request: Operation) -> Iterator[Problem]:
    """Results of ours whose size is known have one that Kling takes. Contract: image-audio-general.md 0.5."""
    for where, source in _sources(request):
        facts = source.facts
        sentence = misfit(facts.width, facts.height) if facts.width and facts.height else ""
        if sentence and facts.kind in {"image", "video"}:  # of a video, a frame of its size
            yield Problem(where, f"'{where}' {sentence}")


def _sources(value: object, where: str = "") -> Iterator[tuple[str, Source]]:
    """Every result of ours in a request, with the argument it stands in."""
    if isinstance(value, Source):
        yield where, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _sources(getattr(value, name), f"{where}.{name}".lstrip("."))
    elif isinstance(value, list):
        for index, member in enumerate(cast("list[object]", value)):
            yield from _sources(member, f"{where}[{index}]")


def uncited(tool: str, prompt: str | None, given: Mapping[str, tuple[str, int]]) -> Iterator[Problem]:
    """A problem for each thing the prompt cites that was not given.

    Args:
        tool: Whose prompt it is.
        prompt: The text.
        given: What can be cited → the argument it stands in and how many there are.
    """
    for kind, number in sorted({(kind, int(number)) for kind, number in _CITED.findall(prompt or "")}):
        cited = f"'prompt' cites <<<{kind}_{number}>>>, but"
        if kind not in given:
            yield Problem("prompt", f"{cited} {tool} takes no {kind}. Remove it from the prompt.")
        elif not 1 <= number <= given[kind][1]:
            where, count = given[kind]
            has = f"'{where}' has {count}, counted from 1" if count else f"'{where}' is not given"
            yield Problem("prompt", f"{cited} {has}. Correct the one or the other.")


def too_many(field: str, pictures: int, elements: int) -> Iterator[Problem]:
    """A problem if there are more pictures and elements than one request may have."""
    if pictures + elements > MOST_REFERENCES:
        yield Problem(
            field,
            f"Pictures ({pictures}) and elements ({elements}) together are more than the {MOST_REFERENCES} that Kling "
            "takes. Remove some.",
        )


def who_can(endpoint: Endpoint, able: Callable[[ImageFacts], Any]) -> str:
    """A sentence that names the current models with an ability."""
    names = [facts.name for facts in current(endpoint) if able(facts)]
    return f"{listed(names)} can." if names else "No current model can."
