"""The tool ``multi_image_to_video``: up to four pictures in one clip, by a retired model.

Contract: video.md A4, part C and part E. ``generate_omni_video`` does the same with current models.
"""

# No `from __future__ import annotations`: pydantic reads the annotations.

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from kling_mcp.operations.base import Generation, Kind, Quote, Yields
from kling_mcp.operations.clips import FiveOrTen
from kling_mcp.operations.fields import JsonList, NegativePrompt, Omitted, PictureRef, Pictures, Tight
from kling_mcp.operations.model_facts import MODELS
from kling_mcp.operations.model_names import model_name
from kling_mcp.operations.rates import CARD_DATE, RETIRED_PRICES_ARE, multi_image_units

ONLY_MODEL = "kling-v1-6"

_ModelName = Annotated[str, BeforeValidator(model_name("multi_image_to_video", (ONLY_MODEL,)))]


class MultiImageToVideo(Generation):
    """Combine one to four pictures in a clip with the retired model kling-v1-6, which Kling may refuse.

    Paid. generate_omni_video does the same with current models.
    """

    tool: ClassVar[str] = "multi_image_to_video"
    title: ClassVar[str] = "Several images to video"
    toolset: ClassVar[str] = "classic"
    kind: ClassVar[Kind] = "job"
    yields: ClassVar[Yields] = "video"
    posts_to: ClassVar[str] = "/v1/videos/multi-image2video"

    image_list: Annotated[Annotated[list[PictureRef], Field(min_length=1, max_length=4)], JsonList, Pictures]
    """One to four pictures: jpg or png as URL, Base64 or kling://media/…"""
    prompt: Annotated[str, Field(max_length=2500), Tight]
    """What happens with them."""
    negative_prompt: NegativePrompt | Omitted = None
    """What must not appear."""
    mode: Literal["std", "pro"] = "std"
    """std 720p, pro 1080p."""
    duration: FiveOrTen = 5
    """Seconds: 5 or 10."""
    aspect_ratio: Literal["16:9", "9:16", "1:1"] | Omitted = None
    """16:9 if absent."""
    model_name: _ModelName | Omitted = None
    """kling-v1-6, the only one."""
    watermark: bool | Omitted = None
    """Also make a watermarked copy."""

    @property
    def model(self) -> str | None:
        """The only one there is."""
        return ONLY_MODEL

    def quote(self) -> Quote:
        """Units per clip. Contract: video.md part E."""
        units = multi_image_units(self.mode, self.duration)
        basis = f"one clip of {self.duration} s ({ONLY_MODEL}, {self.mode}, several images)"
        retired = f"{ONLY_MODEL} is reported retired since {MODELS[ONLY_MODEL].retired}"
        notes = (
            f"{retired}: Kling may refuse it, free of charge. Use generate_omni_video instead.",
            f"The price of {ONLY_MODEL} is {RETIRED_PRICES_ARE}.",
        )
        return Quote(units, "video", basis, CARD_DATE, notes)

    def body(self) -> dict[str, Any]:
        """Contract: video.md A4. Mode and duration, which decide the price, are always written out."""
        return {**super().body(), "duration": str(self.duration)}


OPERATIONS = (MultiImageToVideo,)
"""The operations of this file."""
