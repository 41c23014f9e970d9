"""What each image model can do and what it costs, typed in from the contract once more.

Contract: image-audio-general.md sections 2 to 4, 7, 15 and 16.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from kling_mcp.sandbox.wire import Refusal, illegal

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class ImageModel:
    """A model at one endpoint.

    Attributes:
        name: Its ``model_name``.
        prices: Units per picture, by what it is made from or how large it is.
        resolutions: What it takes.
        retired: Whether Kling no longer serves it.
        keeps: Whether it takes ``image_reference``.
        keeps_named: Whether a picture must come with ``image_reference``.
        needs_image: Whether it cannot do without a picture.
        elements: Whether it takes elements.
        film_elements: Whether it takes those made from a video too: only the 3.0 generation does (section 9.1).
        series: Whether it makes series.
        auto_from_words: Whether ``auto`` may be asked for without any picture.
    """

    name: str
    prices: Mapping[str, str] = field(default_factory=dict[str, str])
    resolutions: tuple[str, ...] = ("1k", "2k")
    retired: bool = False
    keeps: bool = False
    keeps_named: bool = False
    needs_image: bool = False
    elements: bool = False
    film_elements: bool = False
    series: bool = False
    auto_from_words: bool = True


_FLAT = {"words": "8", "picture": "8"}
# What retired models cost is not on the list any more: as much as 2.1 [OWN].
_GRADED = {"words": "4", "picture": "8", "pictures": "16"}

MODELS: Mapping[str, tuple[ImageModel, ...]] = MappingProxyType(
    {
        "/v1/images/generations": (
            ImageModel("kling-v3", _FLAT, elements=True, film_elements=True),
            ImageModel("kling-v2-1", _GRADED, keeps=True),
            ImageModel("kling-v2", _GRADED, retired=True),
            ImageModel("kling-v2-new", _GRADED, retired=True, needs_image=True),
            ImageModel("kling-v1-5", _GRADED, retired=True, keeps=True, keeps_named=True),
            ImageModel("kling-v1", _GRADED, retired=True),
        ),
        "/v1/images/omni-image": (
            ImageModel("kling-image-o1", {"1k": "8", "2k": "8"}, elements=True),
            ImageModel(
                "kling-v3-omni",
                {"1k": "8", "2k": "8", "4k": "16"},
                resolutions=("1k", "2k", "4k"),
                elements=True,
                film_elements=True,
                series=True,
                auto_from_words=False,
            ),
        ),
        "/v1/images/multi-image2image": (
            ImageModel("kling-v2-1", _GRADED),
            ImageModel("kling-v2", _GRADED, retired=True),
        ),
        "/v1/images/kolors-virtual-try-on": (
            ImageModel("kolors-virtual-try-on-v1"),
            ImageModel("kolors-virtual-try-on-v1-5"),
        ),
    }
)


def known(path: str, name: Any, *, serve_retired: bool) -> ImageModel:  # noqa: ANN401 - any JSON
    """A model that is known at this endpoint and still served.

    Raises:
        Refusal: It is unknown (1201, captured) or retired (code [OWN]: section 0.4).
    """
    model = next((model for model in MODELS[path] if model.name == name), None)
    if model is None:
        raise illegal("model is not supported")
    if model.retired and not serve_retired:
        raise Refusal(1203, f"The model '{name}' has been discontinued and is no longer available.")
    return model


def price(model: ImageModel, row: str) -> Decimal:
    """Units of one picture."""
    return Decimal(model.prices[row])
