"""The tool ``virtual_try_on``: a person in a garment.

Contract: image-audio-general.md sections 7 and 15.
"""

# No `from __future__ import annotations`: pydantic reads the annotations.

from typing import Annotated, ClassVar

from kling_mcp.operations.base import Generation, Kind, Quote, Yields
from kling_mcp.operations.fields import ImageInput
from kling_mcp.operations.image_fields import model_of
from kling_mcp.operations.rates import CARD_DATE
from kling_mcp.operations.rates_image import TRY_ON_BASIS


class VirtualTryOn(Generation):
    """Show a person wearing a garment. Paid from a try-on pack."""

    tool: ClassVar[str] = "virtual_try_on"
    title: ClassVar[str] = "Virtual try-on"
    toolset: ClassVar[str] = "image"
    starred: ClassVar[bool] = True
    kind: ClassVar[Kind] = "job"
    yields: ClassVar[Yields] = "image"
    posts_to: ClassVar[str] = "/v1/images/kolors-virtual-try-on"

    human_image: ImageInput
    """The person: URL, Base64 or result of ours."""
    cloth_image: ImageInput
    """One garment alone on white; with v1-5 also a top and a bottom in one picture."""
    model_name: Annotated[str, model_of("kolors-virtual-try-on")] = "kolors-virtual-try-on-v1-5"
    """Or kolors-virtual-try-on-v1."""

    @property
    def model(self) -> str | None:
        """The chosen model."""
        return self.model_name

    def quote(self) -> Quote:
        """No price is known. Contract: section 15."""
        return Quote(None, "try-on", TRY_ON_BASIS, CARD_DATE)


OPERATIONS = (VirtualTryOn,)
"""The operations of this file."""
