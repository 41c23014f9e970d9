"""The tool ``generate_image``: a picture from text, or from text and one picture.

Contract: image-audio-general.md sections 2, 15 and 16.
"""

# No `from __future__ import annotations`: pydantic reads the annotations.

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator

from kling_mcp.errors import Problem
from kling_mcp.operations.base import Generation, Kind, Quote, Rule, Yields, rule
from kling_mcp.operations.fields import (
    NUMBER,
    TEXT,
    ElementRef,
    ImageInput,
    JsonList,
    NegativePrompt,
    Objects,
    Omitted,
    Share,
)
from kling_mcp.operations.image_facts import DEFAULT_RESOLUTION, MODELS, ImageFacts
from kling_mcp.operations.image_fields import AspectRatio, Count, Prompt, lower, model_of
from kling_mcp.operations.image_quote import priced, retirement
from kling_mcp.operations.image_rules import too_many, uncited, unknown_citations, who_can
from kling_mcp.operations.web import refuse

_Fidelity = Annotated[Share, NUMBER]


def _resolution(value: object) -> object:
    size = lower(value)
    if size == "4k":
        refuse("is '4k', which only generate_omni_image makes (kling-v3-omni). Use that tool, or 2k.")
    return size


@rule()
def _a_reference_has_its_picture(request: "GenerateImage") -> Iterator[Problem]:
    if request.image_reference is not None and request.image is None:
        yield Problem(
            "image", "'image' is missing, and image_reference needs it: it says what of that picture to keep."
        )


@rule()
def _a_picture_rules_out_a_negative_prompt(request: "GenerateImage") -> Iterator[Problem]:
    if request.image is not None and request.negative_prompt is not None:
        yield Problem(
            "negative_prompt",
            "'negative_prompt' cannot be used together with 'image'. Remove it, and say in prompt what you want.",
        )


@rule("model_name")
def _the_model_keeps_what_is_asked(request: "GenerateImage") -> Iterator[Problem]:
    if request.image_reference is not None and not request.facts.image_reference:
        able = who_can("generations", lambda facts: facts.image_reference)
        yield Problem(
            "image_reference",
            f"'image_reference' is given, but {request.model_name} keeps neither subject nor face. {able}",
        )


@rule("model_name")
def _the_model_gets_what_it_needs(request: "GenerateImage") -> Iterator[Problem]:
    facts = request.facts
    if facts.image_needed and request.image is None:
        yield Problem("image", f"'image' is missing: {facts.name} only restyles a picture.")
    if facts.reference_needed and request.image is not None and request.image_reference is None:
        kinds = "' or '".join(facts.image_reference)
        yield Problem(
            "image_reference", f"'image_reference' is missing: with an image, {facts.name} needs '{kinds}' there."
        )


@rule("model_name", "image_reference")
def _fidelity_has_something_to_be_true_to(request: "GenerateImage") -> Iterator[Problem]:
    facts = request.facts
    if request.image_fidelity is not None and not facts.image_fidelity:
        able = who_can("generations", lambda each: each.image_fidelity)
        yield Problem("image_fidelity", f"'image_fidelity' is given, but {facts.name} has no such argument. {able}")
    elif request.image_fidelity is not None and request.image is None:
        yield Problem("image_fidelity", "'image_fidelity' acts only together with image. Give that, or remove this.")
    if request.human_fidelity is not None and request.image_reference != "subject":
        able = who_can("generations", lambda each: each.image_reference)
        fix = "Set that, or remove this." if facts.image_reference else f"{facts.name} has no such argument; {able}"
        yield Problem("human_fidelity", f"'human_fidelity' acts only with image_reference 'subject'. {fix}")


@rule("model_name")
def _the_model_knows_elements(request: "GenerateImage") -> Iterator[Problem]:
    if request.element_list is not None and not request.facts.elements:
        able = who_can("generations", lambda facts: facts.elements)
        yield Problem("element_list", f"'element_list' is given, but {request.model_name} cannot show elements. {able}")


@rule("element_list")
def _not_too_many(request: "GenerateImage") -> Iterator[Problem]:
    yield from too_many("element_list", int(request.image is not None), len(request.element_list or ()))


@rule("prompt", "element_list")
def _citations_are_given(request: "GenerateImage") -> Iterator[Problem]:
    given = {
        "image": ("image", int(request.image is not None)),
        "element": ("element_list", len(request.element_list or ())),
    }
    yield from uncited(request.prompt, given)


@rule("prompt")
def _citations_are_of_kinds_there_are(request: "GenerateImage") -> Iterator[Problem]:
    yield from unknown_citations(request.tool, request.prompt, ("image", "element"))


_RULES: tuple[Rule[Any], ...] = (
    _a_reference_has_its_picture,
    _a_picture_rules_out_a_negative_prompt,
    _the_model_keeps_what_is_asked,
    _the_model_gets_what_it_needs,
    _fidelity_has_something_to_be_true_to,
    _the_model_knows_elements,
    _not_too_many,
    _citations_are_given,
    _citations_are_of_kinds_there_are,
)


class GenerateImage(Generation):
    """Make 1 to 9 pictures from a prompt, or from prompt and picture. Paid."""

    tool: ClassVar[str] = "generate_image"
    title: ClassVar[str] = "Generate image"
    toolset: ClassVar[str] = "image"
    starred: ClassVar[bool] = True
    kind: ClassVar[Kind] = "job"
    yields: ClassVar[Yields] = "image"
    posts_to: ClassVar[str] = "/v1/images/generations"
    rules: ClassVar[tuple[Rule[Any], ...]] = _RULES

    prompt: Prompt
    """What the picture shows."""
    model_name: Annotated[str, model_of("generations")] = "kling-v3"
    """kling-v3; kling-v2-1 keeps a subject or face."""
    negative_prompt: Annotated[NegativePrompt, TEXT] | Omitted = None
    """What to avoid; not with image."""
    image: ImageInput | Omitted = None
    """URL, Base64 or result of ours."""
    image_reference: Literal["subject", "face"] | Omitted = None
    """What of image to keep."""
    image_fidelity: _Fidelity | Omitted = None
    """0 to 1: how like image."""
    human_fidelity: _Fidelity | Omitted = None
    """0 to 1: how like its person."""
    element_list: Annotated[list[ElementRef] | Omitted, JsonList, Objects] = None
    """{element_id}; kling-v3."""
    resolution: Annotated[Literal["1k", "2k"], BeforeValidator(_resolution)] | Omitted = None
    """1k if absent."""
    n: Count | Omitted = None
    """1 if absent."""
    aspect_ratio: AspectRatio | Omitted = None
    """16:9 if absent."""
    watermark: bool | Omitted = None
    """Watermarked copy too."""

    @property
    def facts(self) -> ImageFacts:
        """What the chosen model can do."""
        return MODELS["generations"][self.model_name]

    @property
    def model(self) -> str | None:
        """The chosen model."""
        return self.model_name

    def body(self) -> dict[str, Any]:
        """The wire body. What decides the price is written out, so that no default of the vendor can change it."""
        return {**super().body(), "resolution": self.resolution or DEFAULT_RESOLUTION, "n": self.n or 1}

    def quote(self) -> Quote:
        """Units of the pictures. Contract: section 15."""
        source = " from a picture" if self.image else " from text"
        what = self.model_name + (source if self.model_name == "kling-v2-1" else "")
        return priced(what, self.n or 1, tuple(retirement(self, self.facts, "generations")))


OPERATIONS = (GenerateImage,)
"""The operations of this file."""
