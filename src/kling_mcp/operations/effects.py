"""The tool ``apply_effect``: one or two pictures through one of Kling's templates.

Contract: video.md A11. The names are knowledge of ``effect_facts``, not of the schema: 219 of them fit in no schema.
"""

# No `from __future__ import annotations`: pydantic reads the annotations.

import re
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator

from kling_mcp.errors import Problem
from kling_mcp.operations.base import Generation, Kind, Quote, Rule, Yields, rule
from kling_mcp.operations.effect_facts import EFFECTS, Effect
from kling_mcp.operations.effect_search import find_effects
from kling_mcp.operations.fields import ImageInput, JsonList, Omitted, Pictures
from kling_mcp.operations.rates import CARD_DATE
from kling_mcp.operations.web import refuse
from kling_mcp.operations.wording import listed, shown

_SUGGESTED = 5

EFFECTS_COST = "Kling prices effects one by one and no price of any is known here; the result says what was charged"
"""All that is known about the price of an effect. Contract: video.md part E."""


def _known_scene(value: object) -> str:
    name = re.sub(r"[\s-]+", "_", value.strip().lower()) if isinstance(value, str) else ""
    if name in EFFECTS:
        return name
    near = [effect.name for effect in find_effects(name, _SUGGESTED, usable=True)] if name else []
    hint = f"Perhaps you mean {listed(near)}." if near else "Give a name from kling://catalogue/effects."
    return refuse(f"is {shown(value)}, which is no effect of Kling's. {hint}")


@rule("effect_scene")
def _scene_is_offered(request: "ApplyEffect") -> Iterator[Problem]:
    effect = request.effect
    if effect.standing == "discontinued":
        instead = f"Use {effect.successor} instead." if effect.successor else "It has no successor."
        yield Problem(
            "effect_scene", f"'effect_scene' is '{effect.name}', which Kling discontinued on {effect.ended}. {instead}"
        )


@rule("effect_scene", "images")
def _pictures_are_as_many_as_needed(request: "ApplyEffect") -> Iterator[Problem]:
    effect, images = request.effect, len(request.images or ())
    if request.image is not None and request.images is not None:
        yield Problem("images", "'images' cannot be used together with 'image'. Remove one of them.")
    elif request.image is None and request.images is None:
        need = {1: "one picture as image", 2: "two pictures as images"}.get(effect.images or 0, "image or images")
        yield Problem("images" if effect.images == 2 else "image", f"'{effect.name}' needs {need}.")  # noqa: PLR2004
    elif effect.images == 1 and request.images is not None:
        yield Problem("images", f"'images' is given, but '{effect.name}' takes one picture: give it as image.")
    elif effect.images == 2 and request.image is not None:  # noqa: PLR2004 - one or two is all there is
        yield Problem("image", f"'image' is given, but '{effect.name}' takes two pictures: give both as images.")
    elif request.images is not None and images != 2:  # noqa: PLR2004
        yield Problem("images", f"'images' has {images} entries; '{effect.name}' takes exactly two, left and right.")


class ApplyEffect(Generation):
    """Put one or two pictures through one of Kling's ready-made effects: dances, hugs, pets, wings, holidays and more.

    Paid, at a price per effect that is not published.
    """

    tool: ClassVar[str] = "apply_effect"
    title: ClassVar[str] = "Apply effect"
    toolset: ClassVar[str] = "video"
    starred: ClassVar[bool] = True
    kind: ClassVar[Kind] = "job"
    yields: ClassVar[Yields] = "video"
    posts_to: ClassVar[str] = "/v1/videos/effects"
    rules: ClassVar[tuple[Rule[Any], ...]] = (_scene_is_offered, _pictures_are_as_many_as_needed)

    effect_scene: Annotated[str, BeforeValidator(_known_scene)]
    """Such as hug_pro; all are in kling://catalogue/effects. Other words get the nearest."""
    image: ImageInput | Omitted = None
    """For effects with one picture: URL, Base64 or kling://media/…"""
    images: Annotated[list[ImageInput] | Omitted, JsonList, Pictures] = None
    """The two pictures, left and right, for effects with two."""

    @property
    def effect(self) -> Effect:
        """What is known of the chosen effect."""
        return EFFECTS[self.effect_scene]

    def quote(self) -> Quote:
        """No price is known: Kling's list of template prices is not public."""
        return Quote(None, "video", EFFECTS_COST, CARD_DATE, tuple(self._notes()))

    def body(self) -> dict[str, Any]:
        """Contract: video.md A11. The pictures are nested, and there is no watermark."""
        pictures = {"images": list(self.images)} if self.images is not None else {"image": self.image}
        return {"effect_scene": self.effect_scene, "input": pictures}

    def _notes(self) -> Iterator[str]:
        effect = self.effect
        if effect.standing == "ending":
            yield f"Kling announced the end of '{effect.name}' on {effect.ended}, but lists it. A refusal is free."
        elif effect.standing == "mentioned":
            instead = f" '{effect.successor}' is the one listed." if effect.successor else ""
            yield f"'{effect.name}' is in no list of Kling's today, only mentioned.{instead} A refusal is free."


OPERATIONS = (ApplyEffect,)
"""The operations of this file."""
