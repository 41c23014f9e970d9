"""The tools that work on pictures: several into one, views of one, what is in one. Expansion is in ``image_expand``.

Contract: image-audio-general.md sections 4, 6, 8 and 15.
"""

# No `from __future__ import annotations`: pydantic reads the annotations.

from typing import Annotated, Any, ClassVar

from pydantic import Field

from kling_mcp.operations.base import Generation, Kind, Quote, Yields
from kling_mcp.operations.fields import ImageInput, JsonList, Nameable, Omitted, Pictures
from kling_mcp.operations.image_expand import ExpandImage
from kling_mcp.operations.image_facts import MODELS
from kling_mcp.operations.image_fields import AspectRatio, Count, Prompt, model_of
from kling_mcp.operations.image_quote import priced, retirement


class SubjectPicture(Nameable):
    """A picture of somebody or something to appear."""

    main: ClassVar[str] = "subject_image"

    subject_image: ImageInput


class MultiImageToImage(Generation):
    """Put the subjects of 1 to 4 pictures into one new picture, optionally in a given scene and style. Paid.

    Crop each picture to its subject first: Kling does not.
    """

    tool: ClassVar[str] = "multi_image_to_image"
    title: ClassVar[str] = "Multi-image to image"
    toolset: ClassVar[str] = "image"
    kind: ClassVar[Kind] = "job"
    yields: ClassVar[Yields] = "image"
    posts_to: ClassVar[str] = "/v1/images/multi-image2image"

    subject_image_list: Annotated[list[SubjectPicture], Field(min_length=1, max_length=4), JsonList, Pictures]
    """1 to 4 URLs, Base64 or results of ours, each cropped to its subject."""
    prompt: Prompt | Omitted = None
    """What the new picture shows."""
    scene_image: ImageInput | Omitted = None
    """Picture of the scene they are put in."""
    style_image: ImageInput | Omitted = None
    """Picture whose style is taken."""
    n: Count | Omitted = None
    """How many; 1 if absent."""
    aspect_ratio: AspectRatio | Omitted = None
    """16:9 if absent."""
    model_name: Annotated[str, model_of("multi-image2image")] = "kling-v2-1"
    """kling-v2-1 is the only current one."""
    watermark: bool | Omitted = None
    """Also make a watermarked copy."""

    @property
    def model(self) -> str | None:
        """The chosen model."""
        return self.model_name

    def body(self) -> dict[str, Any]:
        """The wire body. What decides the price is written out, so that no default of the vendor can change it."""
        return {**super().body(), "n": self.n or 1}

    def quote(self) -> Quote:
        """Units of the pictures. Contract: section 15."""
        facts = MODELS["multi-image2image"][self.model_name]
        what = f"{self.model_name} from several pictures"
        return priced(what, self.n or 1, tuple(retirement(self, facts, "multi-image2image")))


class AiMultiShot(Generation):
    """Draw the other sides of what a picture shows: three sets of three views, to make an element of. Paid."""

    tool: ClassVar[str] = "ai_multi_shot"
    title: ClassVar[str] = "AI multi-shot"
    toolset: ClassVar[str] = "image"
    kind: ClassVar[Kind] = "job"
    yields: ClassVar[Yields] = "image"
    posts_to: ClassVar[str] = "/v1/general/ai-multi-shot"

    element_frontal_image: ImageInput
    """The front view: URL, Base64 or a result of ours."""

    def quote(self) -> Quote:
        """The same for every picture. Contract: section 6."""
        return priced("multi-shot views")


class RecognizeImage(Generation):
    """Cut out what a picture shows: its subject, head, face and garment, each where there is one. Paid."""

    tool: ClassVar[str] = "recognize_image"
    title: ClassVar[str] = "Recognize image"
    toolset: ClassVar[str] = "image"
    kind: ClassVar[Kind] = "immediate"
    yields: ClassVar[Yields] = "image"
    posts_to: ClassVar[str] = "/v1/videos/image-recognize"
    nameless: ClassVar[bool] = True

    image: ImageInput
    """The picture: URL, Base64 or a result of ours."""

    def quote(self) -> Quote:
        """The same for every picture, from the video pack. Contract: section 8."""
        return priced("recognition")


OPERATIONS = (MultiImageToImage, ExpandImage, AiMultiShot, RecognizeImage)
"""The operations of this file, and expansion."""
