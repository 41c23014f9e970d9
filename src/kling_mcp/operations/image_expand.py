"""The tool ``expand_image``: paint on beyond the edges of a picture, by four ratios or to a shape.

Contract: image-audio-general.md section 5.
"""

# No `from __future__ import annotations`: pydantic reads the annotations.

import re
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field, PlainValidator, WithJsonSchema

from kling_mcp.errors import Problem
from kling_mcp.operations.base import Generation, Kind, Quote, Rule, Yields, rule
from kling_mcp.operations.fields import ImageInput, NotBool, Omitted
from kling_mcp.operations.image_fields import Count, Prompt
from kling_mcp.operations.image_quote import priced
from kling_mcp.operations.pictures import pixels
from kling_mcp.operations.sources import Reference
from kling_mcp.operations.web import refuse

MOST_AREA = 3.0
"""How many times the area of the picture the result may have."""
TOLERANCE = 1e-3
"""By how much the area may exceed that: the vendor's own calculation rounds to ``DECIMALS``."""
DECIMALS = 4

SIDES = ("up", "down", "left", "right")

_SHAPE = re.compile(r"(\d{1,5}(?:\.\d{1,4})?)\s*[:/x]\s*(\d{1,5}(?:\.\d{1,4})?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Expansion:
    """By how much each side grows: ``up`` and ``down`` times the height, ``left`` and ``right`` times the width."""

    up: float = 0.0
    down: float = 0.0
    left: float = 0.0
    right: float = 0.0

    @property
    def area(self) -> float:
        """How many times the picture's area the result has."""
        return (1 + self.up + self.down) * (1 + self.left + self.right)

    @property
    def wire(self) -> dict[str, float]:
        """The four fields as Kling takes them."""
        return {f"{side}_expansion_ratio": ratio for side, ratio in zip(SIDES, astuple(self), strict=True)}


def expanded_to(shape: str, width: int, height: int) -> Expansion:
    """What to add to a picture of that size, on two opposite sides alike, for a shape such as ``16:9``."""
    across, _, down = shape.partition(":")
    wanted = float(across) / float(down)
    if wanted * height > width:
        half = round((wanted * height / width - 1) / 2, DECIMALS)
        return Expansion(left=half, right=half)
    half = round((width / wanted / height - 1) / 2, DECIMALS)
    return Expansion(up=half, down=half)


def _shape(value: object) -> str:
    found = _SHAPE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or not float(found[1]) or not float(found[2]):
        refuse("must be width:height, such as 16:9 or 3:2.")
    return f"{found[1]}:{found[2]}"


Ratio = Annotated[float, Field(ge=0, le=2, allow_inf_nan=False), NotBool]
Shape = Annotated[str, PlainValidator(_shape), WithJsonSchema({"type": "string"})]


@rule()
def _one_way_to_say_how_far(request: "ExpandImage") -> Iterator[Problem]:
    used = [f"{side}_expansion_ratio" for side in SIDES if getattr(request, f"{side}_expansion_ratio") is not None]
    if request.target_aspect_ratio is not None:
        for name in used:
            yield Problem(
                name, f"'{name}' cannot be used together with 'target_aspect_ratio', which sets all four. Remove one."
            )
    elif not used:
        yield Problem(
            "target_aspect_ratio",
            "Say how far to expand: give 'target_aspect_ratio' such as 16:9, or one or more of up_, down_, left_ and "
            "right_expansion_ratio.",
        )


@rule("image", "target_aspect_ratio")
def _the_size_is_known(request: "ExpandImage") -> Iterator[Problem]:
    unknown = not isinstance(request.image, Reference) and request.size is None
    if request.target_aspect_ratio is not None and unknown:
        yield Problem(
            "target_aspect_ratio",
            "'target_aspect_ratio' needs the picture's size, which this server knows of Base64 and of results of its "
            "own. Give the picture as one of these, or give the four expansion ratios instead.",
        )


@rule("image", "target_aspect_ratio", *(f"{side}_expansion_ratio" for side in SIDES))
def _it_grows_within_limits(request: "ExpandImage") -> Iterator[Problem]:
    expansion, field = request.expansion, request.decided_by
    if expansion is None or field is None:
        return
    if expansion.area > MOST_AREA + TOLERANCE:
        times = f"{expansion.area:.2f} times as large, but Kling allows {MOST_AREA:g} times"
        if request.target_aspect_ratio is None:
            yield Problem(field, f"'{field}' and its like make the picture {times}. Make them smaller.")
        else:
            yield Problem(
                field, f"'{field}' makes {request.described} {times}. Choose a ratio nearer to the picture's."
            )
    elif not request.grows:
        why = "has that shape already" if request.target_aspect_ratio else "does not grow if every ratio is 0"
        yield Problem(
            field, f"'{field}' has no effect: {request.described} {why}. The call would be charged all the same."
        )


class ExpandImage(Generation):
    """Paint on beyond the edges of a picture (outpainting), to a shape or by a ratio for each side. Paid."""

    tool: ClassVar[str] = "expand_image"
    title: ClassVar[str] = "Expand image"
    toolset: ClassVar[str] = "image"
    kind: ClassVar[Kind] = "job"
    yields: ClassVar[Yields] = "image"
    posts_to: ClassVar[str] = "/v1/images/editing/expand"
    rules: ClassVar[tuple[Rule[Any], ...]] = (
        _one_way_to_say_how_far,
        _the_size_is_known,
        _it_grows_within_limits,
    )

    image: ImageInput
    """The picture: URL, Base64 or a result of ours."""
    target_aspect_ratio: Shape | Omitted = None
    """Shape to reach, such as 16:9 or 3:2, the picture in the middle. Not for a URL: its size is unknown."""
    up_expansion_ratio: Ratio | Omitted = None
    """What to add above, times the height; 0 if absent. The area may grow to 3 times."""
    down_expansion_ratio: Ratio | Omitted = None
    """The same below."""
    left_expansion_ratio: Ratio | Omitted = None
    """What to add on the left, times the width."""
    right_expansion_ratio: Ratio | Omitted = None
    """The same on the right."""
    prompt: Prompt | Omitted = None
    """What the new parts show; Kling guesses if absent."""
    n: Count | Omitted = None
    """How many variants; 1 if absent."""
    watermark: bool | Omitted = None
    """Also make a watermarked copy."""

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the picture, where they are known."""
        return pixels(self.image)

    @property
    def expansion(self) -> Expansion | None:
        """What is added on each side; None where nothing is asked for, or not before the picture's size is known."""
        if self.target_aspect_ratio is not None:
            return None if self.size is None else expanded_to(self.target_aspect_ratio, *self.size)
        given = {side: getattr(self, f"{side}_expansion_ratio") for side in SIDES}
        if all(ratio is None for ratio in given.values()):
            return None
        return Expansion(**{side: round(ratio or 0.0, DECIMALS) for side, ratio in given.items()})

    @property
    def decided_by(self) -> str | None:
        """The argument that says how far to expand; of several ratios the first."""
        names = ("target_aspect_ratio", *(f"{side}_expansion_ratio" for side in SIDES))
        return next((name for name in names if getattr(self, name) is not None), None)

    @property
    def grows(self) -> bool:
        """Whether anything is added; to a shape, at least a pixel."""
        added = self.expansion or Expansion()
        if self.target_aspect_ratio is None or self.size is None:
            return added != Expansion()
        width, height = self.size
        return (added.left + added.right) * width >= 1 or (added.up + added.down) * height >= 1

    @property
    def described(self) -> str:
        """The picture, for a sentence."""
        size = self.size if self.target_aspect_ratio else None
        return "the picture" if size is None else f"the picture of {size[0]}x{size[1]} px"

    def body(self) -> dict[str, Any]:
        """The wire body, always with all four ratios, which Kling demands."""
        wire = super().body()
        wire.pop("target_aspect_ratio", None)
        return {**wire, **(self.expansion or Expansion()).wire, "n": self.n or 1}

    def quote(self) -> Quote:
        """The same for every size. Contract: section 15."""
        return priced("expansion", self.n or 1)
