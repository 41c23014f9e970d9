"""What each image model can do: one table of facts, by endpoint and model. Nothing else decides it.

Contract: image-audio-general.md sections 2, 3, 4, 7 and 16 (vendor documentation of 2026-09-20 and of March and April
2026; retirement as seen on the real server). Where the two vintages differ, the union stands here: what only one of
them refuses may pass. To follow a change at Kling, change a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Endpoint = Literal["generations", "omni-image", "multi-image2image", "kolors-virtual-try-on"]

RETIRED = "2026"
"""Since when the models before 2.1 are gone. Contract: section 2; the day is not recorded."""

DEFAULT_RESOLUTION = "1k"
DEFAULT_SERIES = 4
"""Kling's own default of ``series_amount``. Contract: section 3."""
MOST_SERIES = 9
LEAST_SERIES = 2
MOST_REFERENCES = 10
"""Pictures and elements of one request together. Contract: sections 2 and 3."""


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """One row: what a model does at one endpoint.

    Attributes:
        name: Its ``model_name``.
        resolutions: Accepted sizes.
        auto_from_text: Whether ``aspect_ratio`` may be ``auto`` without any picture or element.
        series: Whether it makes series of pictures that belong together.
        elements: Whether it takes elements.
        image_reference: What of a picture it can keep; empty if it has no such field.
        image_fidelity: Whether it can be told how close to keep to a picture. Of today's models only 2.1 can; for those
            of before no page names a limit.
        reference_needed: Whether a picture must come with ``image_reference``.
        image_needed: Whether it only works on a picture.
        retired: Since when it is reported retired; None for a current model.
    """

    name: str
    resolutions: tuple[str, ...] = ("1k", "2k")
    auto_from_text: bool = False
    series: bool = False
    elements: bool = False
    image_reference: tuple[str, ...] = ()
    image_fidelity: bool = False
    reference_needed: bool = False
    image_needed: bool = False
    retired: str | None = None


_SUBJECT_FACE = ("subject", "face")

# Best first, current before retired: the order in which they are named and in which a refusal looks for one that can.
_TABLE: Mapping[Endpoint, tuple[ImageFacts, ...]] = MappingProxyType(
    {
        "generations": (
            ImageFacts("kling-v3", elements=True),
            ImageFacts("kling-v2-1", image_reference=_SUBJECT_FACE, image_fidelity=True),
            ImageFacts("kling-v2", image_fidelity=True, retired=RETIRED),
            ImageFacts("kling-v2-new", image_fidelity=True, image_needed=True, retired=RETIRED),
            ImageFacts(
                "kling-v1-5",
                image_reference=_SUBJECT_FACE,
                image_fidelity=True,
                reference_needed=True,
                retired=RETIRED,
            ),
            ImageFacts("kling-v1", image_fidelity=True, retired=RETIRED),
        ),
        "omni-image": (
            ImageFacts("kling-v3-omni", resolutions=("1k", "2k", "4k"), series=True, elements=True),
            ImageFacts("kling-image-o1", auto_from_text=True, elements=True),
        ),
        "multi-image2image": (ImageFacts("kling-v2-1"), ImageFacts("kling-v2", retired=RETIRED)),
        # Since 2026-09-15 both names are served by the engine of try-on 3.0, so neither is retired (section 7).
        "kolors-virtual-try-on": (ImageFacts("kolors-virtual-try-on-v1-5"), ImageFacts("kolors-virtual-try-on-v1")),
    }
)

MODELS: Mapping[Endpoint, Mapping[str, ImageFacts]] = MappingProxyType(
    {endpoint: MappingProxyType({facts.name: facts for facts in rows}) for endpoint, rows in _TABLE.items()}
)
"""Every image model, best first, current before retired."""

TOOLS: Mapping[Endpoint, str] = MappingProxyType(
    {
        "generations": "generate_image",
        "omni-image": "generate_omni_image",
        "multi-image2image": "multi_image_to_image",
        "kolors-virtual-try-on": "virtual_try_on",
    }
)
"""Which tool asks which endpoint."""

# Spellings agents write: marketing names, dots for dashes.
ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "kling-3.0": "kling-v3",
        "kling-v3-0": "kling-v3",
        "kling-v3.0": "kling-v3",
        "kling-3": "kling-v3",
        "kling-image-3.0": "kling-v3",
        "kling-2.1": "kling-v2-1",
        "kling-v2.1": "kling-v2-1",
        "kling-image-2.1": "kling-v2-1",
        "kling-2.0": "kling-v2",
        "kling-v2-0": "kling-v2",
        "kling-1.5": "kling-v1-5",
        "kling-v1.5": "kling-v1-5",
        "kling-3.0-omni": "kling-v3-omni",
        "kling-v3-0-omni": "kling-v3-omni",
        "kling-v3.0-omni": "kling-v3-omni",
        "kling-image-3.0-omni": "kling-v3-omni",
        "kling-o1": "kling-image-o1",
        "kling-o1-image": "kling-image-o1",
        "kolors-virtual-try-on": "kolors-virtual-try-on-v1-5",
        "kolors-virtual-try-on-v1.5": "kolors-virtual-try-on-v1-5",
    }
)
"""Other spelling → the name in ``MODELS``."""


def current(endpoint: Endpoint) -> tuple[ImageFacts, ...]:
    """The models of an endpoint that are not retired, best first."""
    return tuple(facts for facts in MODELS[endpoint].values() if facts.retired is None)
