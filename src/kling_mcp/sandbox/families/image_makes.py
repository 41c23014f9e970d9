"""The pictures to come: how many, how large, and what is seen in them."""

from __future__ import annotations

import hashlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from kling_mcp.sandbox import checks
from kling_mcp.sandbox.order import BESIDE, Make, Order

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from kling_mcp.sandbox.checks import Body
    from kling_mcp.sandbox.pictures import Picture

PROMPT = checks.text(2500)
COUNT = checks.whole(1, 9)
FIRST_S, EACH_S = 20.0, 4.0
"""How long pictures take. A single one was seen to take 24 s. Contract: image-audio-general.md section 2."""
LONG_SIDES: Mapping[str, int] = MappingProxyType({"1k": 1024, "2k": 2048, "4k": 4096})
"""Pixels of the longer side."""
SEVERAL = 4
"""How many pictures a series has where nobody says. Contract: section 3."""
_LEAST_AUTO, _AUTO_SPREAD = 3, 3
VIEWS = 3
"""A multi-shot is this many sets of this many views. Contract: section 6."""


def turned(prompt: str) -> int:
    """How many pictures Kling makes of a series whose length it may choose: three to five, by the prompt [OWN]."""
    return _LEAST_AUTO + hashlib.sha256(prompt.encode()).digest()[0] % _AUTO_SPREAD


def pictures_of(  # noqa: PLR0913 - the facts of one order
    count: int,
    ratio: str,
    resolution: str,
    given: Sequence[Picture],
    *,
    detail: Mapping[str, Any] | None = None,
    caption: str = "",
) -> list[Make]:
    """So many pictures of one shape, which show what they were made from as far as that was seen."""
    seen = [picture.backdrop for picture in given if picture.backdrop]
    facts = {"long_side": LONG_SIDES[resolution], **(detail or {})}
    return [
        Make(
            "image",
            caption=caption,
            aspect_ratio=ratio,
            backdrop=BESIDE.join(seen) or None,
            label=f"{number} of {count}" if count > 1 else "",
            detail=facts,
        )
        for number in range(1, count + 1)
    ]


def views_of(front: Picture) -> tuple[Make, ...]:
    """The views of a multi-shot, set by set."""
    return tuple(
        Make(
            "image",
            caption=f"Set {group}, view {view}",
            aspect_ratio=front.ratio_or("1:1"),
            backdrop=front.backdrop,
            label=f"set {group} view {view}",
            detail={"long_side": LONG_SIDES["1k"], "group_id": str(group - 1)},
        )
        for group in range(1, VIEWS + 1)
        for view in range(1, VIEWS + 1)
    )


def image_order(  # noqa: PLR0913 - the parts of one checked body
    path: str, asked: Body, *, makes: Sequence[Make], units: Decimal, function: str, model: str = "", prompt: str = ""
) -> Order:
    """The order for pictures: each holds a slot, and those of section 0.7 always tell of their watermark."""
    shared = checks.common(asked)
    shared["watermark"] = bool(shared["watermark"])
    return Order(
        path,
        model=model,
        prompt=prompt,
        units=units,
        package="image",
        slots=len(makes),
        makes=tuple(makes),
        info={"product_function": function, "resolution": asked.get("resolution", "")},
        pace=FIRST_S + EACH_S * len(makes),
        **shared,
    )
