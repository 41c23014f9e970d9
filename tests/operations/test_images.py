"""A tour of the image tools: what an agent writes, what Kling is sent, what it costs.

The bodies are typed in from image-audio-general.md, sections 2 to 8; none was produced by our code.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from kling_mcp.operations.base import Quote
from kling_mcp.operations.image import GenerateImage
from kling_mcp.operations.image_edit import AiMultiShot, MultiImageToImage, RecognizeImage
from kling_mcp.operations.image_expand import ExpandImage
from kling_mcp.operations.image_omni import GenerateOmniImage
from kling_mcp.operations.try_on import VirtualTryOn

if TYPE_CHECKING:
    from kling_mcp.operations.base import Generation

A, B = "https://img.example/a.png", "https://img.example/b.png"
ELEMENT = 829836802793406551

BODIES: list[tuple[type[Generation], str, dict[str, Any], dict[str, Any]]] = [
    (
        GenerateImage,
        "/v1/images/generations",
        {"prompt": "A paper lantern floating over a dark lake", "aspect_ratio": "3:2"},
        {
            "model_name": "kling-v3",
            "prompt": "A paper lantern floating over a dark lake",
            "resolution": "1k",
            "n": 1,
            "aspect_ratio": "3:2",
        },
    ),
    (
        GenerateImage,
        "/v1/images/generations",
        {
            "model_name": "kling-v2-1",
            "prompt": "The same woman on a train",
            "image": A,
            "image_reference": "subject",
            "image_fidelity": 0,
            "human_fidelity": "0.45",
            "negative_prompt": "",
            "resolution": "2K",
            "n": "9",
            "watermark": True,
        },
        {
            "model_name": "kling-v2-1",
            "prompt": "The same woman on a train",
            "image": A,
            "image_reference": "subject",
            "image_fidelity": 0.0,
            "human_fidelity": 0.45,
            "resolution": "2k",
            "n": 9,
            "watermark_info": {"enabled": True},
        },
    ),
    (
        GenerateImage,
        "/v1/images/generations",
        {"prompt": "<<< element_1 >>> reads", "element_list": '[{"element_id": "829836802793406551"}]'},
        {
            "model_name": "kling-v3",
            "prompt": "<<<element_1>>> reads",
            "element_list": [{"element_id": ELEMENT}],
            "resolution": "1k",
            "n": 1,
        },
    ),
    (
        GenerateImage,
        "/v1/images/generations",
        {"model_name": "kling-v1-5", "prompt": "x", "image": A, "image_reference": "face", "watermark": False},
        {
            "model_name": "kling-v1-5",
            "prompt": "x",
            "image": A,
            "image_reference": "face",
            "resolution": "1k",
            "n": 1,
            "watermark_info": {"enabled": False},
        },
    ),
    (
        GenerateOmniImage,
        "/v1/images/omni-image",
        {
            "prompt": "Turn <<<image_1>>> into a four panel storyboard",
            "image_list": "https://img.example/hero.png",
            "resolution": "2k",
            "result_type": "series",
            "aspect_ratio": "16:9",
        },
        {
            "model_name": "kling-v3-omni",
            "prompt": "Turn <<<image_1>>> into a four panel storyboard",
            "image_list": [{"image": "https://img.example/hero.png"}],
            "resolution": "2k",
            "result_type": "series",
            "series_amount": 4,
            "aspect_ratio": "16:9",
        },
    ),
    (
        GenerateOmniImage,
        "/v1/images/omni-image",
        {
            "model_name": "kling-image-o1",
            "prompt": "<<<element_1>>> in the place of <<<image_2>>>, as <<<object_1>>>",
            "image_list": [{"image": A}, '{"image": "https://img.example/b.png"}'],
            "element_list": [ELEMENT, "163"],
            "result_type": "single",
            "aspect_ratio": "auto",
        },
        {
            "model_name": "kling-image-o1",
            "prompt": "<<<element_1>>> in the place of <<<image_2>>>, as <<<object_1>>>",
            "image_list": [{"image": A}, {"image": B}],
            "element_list": [{"element_id": ELEMENT}, {"element_id": 163}],
            "result_type": "single",
            "resolution": "1k",
            "n": 1,
            "aspect_ratio": "auto",
        },
    ),
    (
        GenerateOmniImage,
        "/v1/images/omni-image",
        {"prompt": "A comic", "result_type": "series", "series_amount": "AUTO", "resolution": "4k"},
        {
            "model_name": "kling-v3-omni",
            "prompt": "A comic",
            "result_type": "series",
            "series_amount": "auto",
            "resolution": "4k",
        },
    ),
    (
        MultiImageToImage,
        "/v1/images/multi-image2image",
        {
            "subject_image_list": [A, {"subject_image": B}],
            "prompt": "both at a picnic",
            "n": 1,
            "aspect_ratio": "1:1",
        },
        {
            "model_name": "kling-v2-1",
            "subject_image_list": [{"subject_image": A}, {"subject_image": B}],
            "prompt": "both at a picnic",
            "n": 1,
            "aspect_ratio": "1:1",
        },
    ),
    (
        MultiImageToImage,
        "/v1/images/multi-image2image",
        {"subject_image_list": [A], "scene_image": B, "style_image": A, "watermark": True},
        {
            "model_name": "kling-v2-1",
            "subject_image_list": [{"subject_image": A}],
            "scene_image": B,
            "style_image": A,
            "n": 1,
            "watermark_info": {"enabled": True},
        },
    ),
    (
        ExpandImage,
        "/v1/images/editing/expand",
        {
            "image": "https://img.example/dog.png",
            "up_expansion_ratio": 0.5,
            "down_expansion_ratio": "0.5",
            "left_expansion_ratio": 0.25,
            "right_expansion_ratio": 0.25,
        },
        {
            "image": "https://img.example/dog.png",
            "up_expansion_ratio": 0.5,
            "down_expansion_ratio": 0.5,
            "left_expansion_ratio": 0.25,
            "right_expansion_ratio": 0.25,
            "n": 1,
        },
    ),
    (
        AiMultiShot,
        "/v1/general/ai-multi-shot",
        {"element_frontal_image": "https://img.example/front.png"},
        {"element_frontal_image": "https://img.example/front.png"},
    ),
    (
        VirtualTryOn,
        "/v1/images/kolors-virtual-try-on",
        {"human_image": "https://img.example/me.jpg", "cloth_image": "https://img.example/shirt.webp"},
        {
            "model_name": "kolors-virtual-try-on-v1-5",
            "human_image": "https://img.example/me.jpg",
            "cloth_image": "https://img.example/shirt.webp",
        },
    ),
    (RecognizeImage, "/v1/videos/image-recognize", {"image": A}, {"image": A}),
]


@pytest.mark.parametrize(("operation", "path", "arguments", "body"), BODIES, ids=lambda value: str(value)[:40])
def test_a_request_is_sent_as_the_contract_writes_it(
    operation: type[Generation], path: str, arguments: dict[str, Any], body: dict[str, Any]
) -> None:
    request = operation.parse(arguments)
    assert (request.path, request.body()) == (path, body)


PRICES: list[tuple[type[Generation], dict[str, Any], str | None, str]] = [
    # section 15, image packs
    (GenerateImage, {"prompt": "x"}, "8", "image"),
    (GenerateImage, {"prompt": "x", "resolution": "2k", "n": 3}, "24", "image"),
    (GenerateImage, {"prompt": "x", "image": A, "n": 9}, "72", "image"),
    (GenerateOmniImage, {"prompt": "x"}, "8", "image"),
    (GenerateOmniImage, {"prompt": "x", "resolution": "2k", "n": 2}, "16", "image"),
    (GenerateOmniImage, {"prompt": "x", "resolution": "4k"}, "16", "image"),
    (GenerateOmniImage, {"prompt": "x", "result_type": "series"}, "32", "image"),
    (
        GenerateOmniImage,
        {"prompt": "x", "result_type": "series", "series_amount": 9, "resolution": "4k"},
        "144",
        "image",
    ),
    (GenerateOmniImage, {"prompt": "x", "result_type": "series", "series_amount": "auto"}, None, "image"),
    (GenerateOmniImage, {"prompt": "x", "model_name": "kling-image-o1", "n": 5}, "40", "image"),
    (GenerateImage, {"prompt": "x", "model_name": "kling-v2-1"}, "4", "image"),
    (GenerateImage, {"prompt": "x", "model_name": "kling-v2-1", "n": 2, "image": A}, "16", "image"),
    (
        GenerateImage,
        {"prompt": "x", "model_name": "kling-v2-1", "image": A, "image_reference": "face"},
        "8",
        "image",
    ),
    (MultiImageToImage, {"subject_image_list": [A]}, "16", "image"),
    (MultiImageToImage, {"subject_image_list": [A, B], "n": 3}, "48", "image"),
    (ExpandImage, {"image": A, "up_expansion_ratio": 1}, "8", "image"),
    (ExpandImage, {"image": A, "up_expansion_ratio": 1, "n": 2}, "16", "image"),
    (AiMultiShot, {"element_frontal_image": A}, "20", "image"),
    # section 15, video packs
    (RecognizeImage, {"image": A}, "0.1", "video"),
    # nobody knows
    (VirtualTryOn, {"human_image": A, "cloth_image": B}, None, "try-on"),
    (GenerateImage, {"prompt": "x", "model_name": "kling-v1"}, None, "image"),
    (MultiImageToImage, {"subject_image_list": [A], "model_name": "kling-v2"}, None, "image"),
]


@pytest.mark.parametrize(("operation", "arguments", "units", "package"), PRICES)
def test_a_request_costs_what_the_price_list_says(
    operation: type[Generation], arguments: dict[str, Any], units: str | None, package: str
) -> None:
    quote = operation.parse(arguments).quote()
    assert (quote.units, quote.package) == (None if units is None else Decimal(units), package)
    assert quote.card_date == "2026-09-20"


def test_a_price_says_how_it_comes_about() -> None:
    assert GenerateOmniImage.parse({"prompt": "x", "resolution": "4k", "n": 2}).quote() == Quote(
        Decimal(32), "image", "2 images x 16 units (kling-v3-omni in 4k)", "2026-09-20"
    )
    assert AiMultiShot.parse({"element_frontal_image": A}).quote().basis == "1 call x 20 units (multi-shot views)"
    assert GenerateImage.parse({"prompt": "x"}).quote().usd == Decimal("0.0280")


def test_a_series_whose_length_kling_chooses_is_priced_as_a_range() -> None:
    series = {"prompt": "x", "result_type": "series", "series_amount": "auto"}
    assert GenerateOmniImage.parse(series).quote().basis == (
        "2 to 9 images, as Kling chooses, x 8 units (kling-v3-omni): 16 to 72 units"
    )


def test_a_price_nobody_published_is_said_to_be_unknown() -> None:
    quote = VirtualTryOn.parse({"human_image": A, "cloth_image": B}).quote()
    assert (quote.units, quote.usd) == (None, None)
    assert "pack of its own" in quote.basis
    assert "0.07 USD a picture, unconfirmed" in quote.basis
    assert GenerateImage.parse({"prompt": "x", "model_name": "kling-v2", "n": 2}).quote().basis == (
        "2 images (kling-v2), which has no known price"
    )


@pytest.mark.parametrize(
    ("operation", "arguments", "instead"),
    [
        (GenerateImage, {"model_name": "kling-v1", "prompt": "x"}, "Use kling-v3 instead."),
        (GenerateImage, {"model_name": "kling-v2", "prompt": "x", "image": A}, "Use kling-v3 instead."),
        (GenerateImage, {"model_name": "kling-v2-new", "prompt": "x", "image": A}, "Use kling-v3 instead."),
        (
            GenerateImage,
            {"model_name": "kling-v1-5", "prompt": "x", "image": A, "image_reference": "face"},
            "Use kling-v2-1 instead.",
        ),
        (MultiImageToImage, {"model_name": "kling-v2", "subject_image_list": [A]}, "Use kling-v2-1 instead."),
    ],
)
def test_a_retired_model_is_sent_with_a_warning(
    operation: type[Generation], arguments: dict[str, Any], instead: str
) -> None:
    request = operation.parse(arguments)
    assert (request.model, request.body()["model_name"]) == (arguments["model_name"], arguments["model_name"])
    [note] = request.quote().notes
    assert note == (
        f"{arguments['model_name']} is reported retired since 2026: Kling may refuse it, free of charge. {instead}"
    )


@pytest.mark.parametrize(
    ("operation", "written", "meant"),
    [
        (GenerateImage, "Kling-3.0", "kling-v3"),
        (GenerateImage, " kling-v3-0 ", "kling-v3"),
        (GenerateImage, "kling-2.1", "kling-v2-1"),
        (GenerateOmniImage, "kling-o1", "kling-image-o1"),
        (GenerateOmniImage, "kling-3.0-omni", "kling-v3-omni"),
        (VirtualTryOn, "kolors-virtual-try-on", "kolors-virtual-try-on-v1-5"),
        (VirtualTryOn, "kolors-virtual-try-on-v1", "kolors-virtual-try-on-v1"),
    ],
)
def test_other_spellings_of_a_model_are_understood(operation: type[Generation], written: str, meant: str) -> None:
    needed = {"human_image": A, "cloth_image": B} if operation is VirtualTryOn else {"prompt": "x"}
    assert operation.parse({**needed, "model_name": written}).model == meant


def test_a_model_is_named_only_where_kling_has_a_choice() -> None:
    assert ExpandImage.parse({"image": A, "up_expansion_ratio": 1}).model is None
    assert AiMultiShot.parse({"element_frontal_image": A}).model is None
    assert RecognizeImage.parse({"image": A}).model is None


def test_what_kling_answers_at_once_and_cannot_look_up_says_so() -> None:
    at_once = {each for each, *_ in BODIES if each.kind == "immediate"}
    assert at_once == {each for each, *_ in BODIES if each.nameless} == {RecognizeImage}


def test_the_image_tools_shown_by_default_are_the_two_that_were_agreed() -> None:
    assert {each.tool for each, *_ in BODIES if each.starred} == {"generate_image", "virtual_try_on"}
    assert {each.toolset for each, *_ in BODIES} == {"image"}
    assert {each.yields for each, *_ in BODIES} == {"image"}
