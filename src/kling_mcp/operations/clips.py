"""What a video given as input must be like: judged as soon as its facts are known, which is for results of ours.

Contract: video.md A3, A5, A6, B5, B6. What a URL leads to, only Kling sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, WithJsonSchema

from kling_mcp.errors import Problem
from kling_mcp.operations.fields import Whole
from kling_mcp.operations.sources import facts_of
from kling_mcp.operations.web import refuse
from kling_mcp.operations.wording import listed, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kling_mcp.operations.sources import SourceFacts

SLACK_S = 0.15
"""How much longer than a limit a file may be: what Kling calls 5 s has a file of 5.04 to 5.1 s (section 6)."""


def _five_or_ten(seconds: int) -> int:
    return seconds if seconds in {5, 10} else refuse(f"is {shown(seconds)}; it must be 5 or 10.")


FiveOrTen = Annotated[Whole, AfterValidator(_five_or_ten), WithJsonSchema({"type": "integer", "enum": [5, 10]})]
"""Seconds of a clip by a model of two lengths; "5" is understood."""


@dataclass(frozen=True, slots=True)
class VideoLimits:
    """What Kling takes.

    Attributes:
        lengths: Shortest and longest, in seconds; several pairs where there is a gap.
        sides: Shortest and longest side, in pixels.
        most_area: Most pixels of a frame; None where only the sides are limited.
        ratios: Lowest and highest width by height; None where not limited.
    """

    lengths: tuple[tuple[float, float], ...]
    sides: tuple[int, int]
    most_area: int | None = None
    ratios: tuple[float, float] | None = None


def misfits(field: str, video: object, limits: VideoLimits) -> Iterator[Problem]:
    """A problem for each way a video of known facts breaks the limits; none where nothing is known of it."""
    facts = facts_of(video)
    for reason in _reasons(facts, limits) if facts else ():
        yield Problem(field, f"'{field}' {reason}")


def _reasons(facts: SourceFacts, limits: VideoLimits) -> Iterator[str]:
    length = facts.duration_s
    if length is not None and not any(low - SLACK_S <= length <= high + SLACK_S for low, high in limits.lengths):
        spans = listed(f"{low:g} to {high:g} s" for low, high in limits.lengths)
        yield f"lasts {length:g} s, but Kling takes videos of {spans} here. Give a longer or a shorter one."
    if facts.width is not None and facts.height is not None:
        yield from _misshapen(facts.width, facts.height, limits)


def _misshapen(width: int, height: int, limits: VideoLimits) -> Iterator[str]:
    low, high = limits.sides
    if min(width, height) < low or max(width, height) > high:
        yield f"is {width}x{height} px, but Kling takes sides of {low} to {high} px here. Scale it."
    elif limits.most_area is not None and width * height > limits.most_area:
        yield f"is {width}x{height} px, but Kling takes at most {limits.most_area} pixels in all. Scale it down."
    if limits.ratios is not None and not limits.ratios[0] <= width / height <= limits.ratios[1]:
        shape = f"{limits.ratios[0]:g} and {limits.ratios[1]:g}"
        yield f"is {width}x{height} px, but its width must be between {shape} times its height. Crop it."
