"""The tool ``generate_omni_image``: pictures from text, pictures and elements together, singly or as a series.

Contract: image-audio-general.md sections 3, 15 and 16.
"""

# No `from __future__ import annotations`: pydantic reads the annotations.

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema

from kling_mcp.errors import Problem
from kling_mcp.operations.base import Generation, Kind, Quote, Rule, Yields, rule
from kling_mcp.operations.fields import ElementRef, JsonList, Objects, Omitted, PictureRef, Pictures
from kling_mcp.operations.image_facts import (
    DEFAULT_RESOLUTION,
    DEFAULT_SERIES,
    LEAST_SERIES,
    MODELS,
    MOST_SERIES,
    ImageFacts,
)
from kling_mcp.operations.image_fields import AspectRatio, Count, Prompt, lower, model_of
from kling_mcp.operations.image_quote import priced, priced_series
from kling_mcp.operations.image_rules import too_many, uncited, unknown_citations, who_can
from kling_mcp.operations.web import refuse
from kling_mcp.operations.wording import listed, shown

_AUTO = "auto"


def _series_amount(value: object) -> int | str:
    word = lower(value)
    if word == _AUTO:
        return _AUTO
    text = f"{word:g}" if isinstance(word, float) else str(word)
    if not (text.isascii() and text.isdigit() and len(text) == 1 and LEAST_SERIES <= int(text) <= MOST_SERIES):
        refuse(f"must be {LEAST_SERIES} to {MOST_SERIES}, or auto (you gave {shown(value)}).")
    return int(text)


SeriesAmount = Annotated[int | str, PlainValidator(_series_amount), WithJsonSchema({"type": "string"})]
"""A number, or ``auto``. Shown to agents as text, because a schema of two types confuses many hosts."""


@rule("model_name", "resolution")
def _the_size_exists(request: "GenerateOmniImage") -> Iterator[Problem]:
    size = request.resolution
    if size is not None and size not in request.facts.resolutions:
        able = who_can("omni-image", lambda facts: size in facts.resolutions)
        yield Problem(
            "resolution",
            f"'resolution' is '{size}', but {request.model_name} makes {listed(request.facts.resolutions)}. {able}",
        )


@rule("model_name", "result_type")
def _the_model_makes_series(request: "GenerateOmniImage") -> Iterator[Problem]:
    if request.is_series and not request.facts.series:
        able = who_can("omni-image", lambda facts: facts.series)
        yield Problem("result_type", f"'result_type' is 'series', but {request.model_name} makes single images. {able}")


@rule("result_type")
def _one_way_to_count(request: "GenerateOmniImage") -> Iterator[Problem]:
    if request.is_series and request.n is not None:
        yield Problem("n", "'n' has no effect with result_type 'series'. Use series_amount instead.")
    if not request.is_series and request.series_amount is not None:
        yield Problem(
            "series_amount",
            "'series_amount' has no effect unless result_type is 'series'. Set that, or use n for single images.",
        )


@rule("model_name", "aspect_ratio")
def _the_shape_can_be_found(request: "GenerateOmniImage") -> Iterator[Problem]:
    # Kling's own default is auto all the same, so it can be left out.
    from_text = request.image_list is None and request.element_list is None
    if request.aspect_ratio == _AUTO and from_text and not request.facts.auto_from_text:
        yield Problem(
            "aspect_ratio",
            f"'aspect_ratio' is 'auto', but {request.model_name} needs a picture to take the shape from. Leave it out, "
            "or name a ratio such as 16:9.",
        )


@rule("image_list", "element_list")
def _not_too_many(request: "GenerateOmniImage") -> Iterator[Problem]:
    field = "element_list" if request.image_list is None else "image_list"
    yield from too_many(field, len(request.image_list or ()), len(request.element_list or ()))


@rule("prompt", "image_list", "element_list")
def _citations_are_given(request: "GenerateOmniImage") -> Iterator[Problem]:
    given = {
        "image": ("image_list", len(request.image_list or ())),
        "element": ("element_list", len(request.element_list or ())),
    }
    yield from uncited(request.prompt, given)


@rule("prompt")
def _citations_are_of_kinds_there_are(request: "GenerateOmniImage") -> Iterator[Problem]:
    yield from unknown_citations(request.tool, request.prompt, ("image", "element"))


class GenerateOmniImage(Generation):
    """Make pictures from a prompt that cites pictures and elements, up to 4k, or a series of them.

    Also edits a picture as the prompt says. A series belongs together: a storyboard, a comic, product views. Paid.
    """

    tool: ClassVar[str] = "generate_omni_image"
    title: ClassVar[str] = "Generate omni image"
    toolset: ClassVar[str] = "image"
    kind: ClassVar[Kind] = "job"
    yields: ClassVar[Yields] = "image"
    posts_to: ClassVar[str] = "/v1/images/omni-image"
    rules: ClassVar[tuple[Rule[Any], ...]] = (
        _the_size_exists,
        _the_model_makes_series,
        _one_way_to_count,
        _the_shape_can_be_found,
        _not_too_many,
        _citations_are_given,
        _citations_are_of_kinds_there_are,
    )

    prompt: Prompt
    """What to make. Cite pictures as <<<image_1>>>, elements as <<<element_1>>>."""
    model_name: Annotated[str, model_of("omni-image")] = "kling-v3-omni"
    """kling-v3-omni: 4k and series too. kling-image-o1."""
    image_list: Annotated[list[PictureRef] | Omitted, JsonList, Pictures] = None
    """URLs, Base64 or results of ours. With elements at most 10."""
    element_list: Annotated[list[ElementRef] | Omitted, JsonList, Objects] = None
    """{element_id} of the library."""
    resolution: Annotated[Literal["1k", "2k", "4k"], BeforeValidator(lower)] | Omitted = None
    """1k if absent. 4k costs double."""
    result_type: Literal["single", "series"] | Omitted = None
    """single (if absent): n variants. series: pictures that belong together."""
    n: Count | Omitted = None
    """How many single ones; 1 if absent."""
    series_amount: SeriesAmount | Omitted = None
    """How many in a series: 2 to 9 (4 if absent), or auto."""
    aspect_ratio: Literal[AspectRatio, "auto"] | Omitted = None
    """If absent Kling chooses. auto: like the picture."""
    watermark: bool | Omitted = None
    """Also make a watermarked copy."""

    @property
    def facts(self) -> ImageFacts:
        """What the chosen model can do."""
        return MODELS["omni-image"][self.model_name]

    @property
    def model(self) -> str | None:
        """The chosen model."""
        return self.model_name

    @property
    def is_series(self) -> bool:
        """Whether the pictures belong together."""
        return self.result_type == "series"

    @property
    def slots(self) -> int:
        """One for each picture; as many as a series may have where Kling chooses. Contract: section 0.9."""
        if not self.is_series:
            return self.n or 1
        return MOST_SERIES if self.series_amount == _AUTO else int(self.series_amount or DEFAULT_SERIES)

    def body(self) -> dict[str, Any]:
        """The wire body. What decides the price is written out, so that no default of the vendor can change it."""
        wire = {**super().body(), "resolution": self.resolution or DEFAULT_RESOLUTION}
        if self.is_series:
            return {**wire, "series_amount": self.series_amount or DEFAULT_SERIES}
        return {**wire, "n": self.n or 1}

    def quote(self) -> Quote:
        """Units of the pictures; of a series whose length Kling chooses, only the range. Contract: section 15."""
        what = self.model_name + (" in 4k" if self.resolution == "4k" else "")
        if self.is_series and self.series_amount == _AUTO:
            return priced_series(what)
        return priced(what, int(self.series_amount or DEFAULT_SERIES) if self.is_series else self.n or 1)


OPERATIONS = (GenerateOmniImage,)
"""The operations of this file."""
