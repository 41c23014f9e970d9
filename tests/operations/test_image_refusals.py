"""What Kling would refuse of an image request is refused here: the field, the reason, a way out; all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kling_mcp.errors import InvalidRequest
from kling_mcp.operations.image import GenerateImage
from kling_mcp.operations.image_edit import AiMultiShot, MultiImageToImage, RecognizeImage
from kling_mcp.operations.image_expand import ExpandImage
from kling_mcp.operations.image_omni import GenerateOmniImage
from kling_mcp.operations.sources import Source, SourceFacts
from kling_mcp.operations.try_on import VirtualTryOn
from kling_mcp.operations.wording import shown

from .test_pictures import encoded

if TYPE_CHECKING:
    from kling_mcp.operations.base import Generation

A, B = "https://img.example/a.png", "https://img.example/b.png"
JOB = "km1-01JCZ8Q5W6X7Y8Z9ABCDEFGHJK"
OURS = f"kling://media/{JOB}_1"
REFERENCED = {"model_name": "kling-v2-1", "image": A, "image_reference": "face"}


def problems(operation: type[Generation], arguments: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequest) as caught:
        operation.parse(arguments)
    return [(problem.field, problem.sentence) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("arguments", "field", "sentence"),
    [
        ({"prompt": None}, "prompt", "'prompt' is required: generate_image cannot run without it."),
        ({"prompt": "   "}, "prompt", "'prompt' is required: generate_image cannot run without it."),
        (
            {"prompt": "x" * 2501},
            "prompt",
            "'prompt' string should have at most 2500 characters (you gave a text of 2501 characters).",
        ),
        ({"prompt": 5}, "prompt", "'prompt' should be a valid string (you gave 5)."),
        ({"promt": "y"}, "promt", "'promt' is not an argument of generate_image. Did you mean 'prompt'?"),
        ({"model": "kling-v3"}, "model", "'model' is not an argument of generate_image. Did you mean 'model_name'?"),
        (
            {"model_name": "kling-v3-omni"},
            "model_name",
            (
                "'model_name' is 'kling-v3-omni', which generate_image does not know. Use generate_omni_image for that "
                "model. It runs kling-v3, kling-v2-1."
            ),
        ),
        (
            {"model_name": "kling-v9"},
            "model_name",
            (
                "'model_name' is 'kling-v9', which generate_image does not know. Did you mean 'kling-v3'? It runs "
                "kling-v3, kling-v2-1."
            ),
        ),
        (
            {"model_name": 3},
            "model_name",
            "'model_name' is 3, which generate_image does not know. It runs kling-v3, kling-v2-1.",
        ),
        (
            {"negative_prompt": "x" * 2501},
            "negative_prompt",
            "'negative_prompt' string should have at most 2500 characters (you gave a text of 2501 characters).",
        ),
        (
            {"image": A, "negative_prompt": "rain"},
            "negative_prompt",
            "'negative_prompt' cannot be used together with 'image'. Remove it, and say in prompt what you want.",
        ),
        (
            {"model_name": "kling-v2-1", "image_reference": "face"},
            "image",
            "'image' is missing, and image_reference needs it: it says what of that picture to keep.",
        ),
        (
            {"image": A, "image_reference": "face"},
            "image_reference",
            "'image_reference' is given, but kling-v3 keeps neither subject nor face. kling-v2-1 can.",
        ),
        (
            {**REFERENCED, "image_reference": "hair"},
            "image_reference",
            "'image_reference' should be 'subject' or 'face' (you gave 'hair').",
        ),
        (
            {"model_name": "kling-v1-5", "image": A},
            "image_reference",
            "'image_reference' is missing: with an image, kling-v1-5 needs 'subject' or 'face' there.",
        ),
        ({"model_name": "kling-v2-new"}, "image", "'image' is missing: kling-v2-new only restyles a picture."),
        (
            {"image": A, "image_fidelity": 0.5},
            "image_fidelity",
            "'image_fidelity' is given, but kling-v3 has no such argument. kling-v2-1 can.",
        ),
        (
            {"model_name": "kling-v2-1", "image_fidelity": 0.5},
            "image_fidelity",
            "'image_fidelity' acts only together with image. Give that, or remove this.",
        ),
        (
            {**REFERENCED, "human_fidelity": 0.5},
            "human_fidelity",
            "'human_fidelity' acts only with image_reference 'subject'. Set that, or remove this.",
        ),
        (
            {**REFERENCED, "image_fidelity": 1.01},
            "image_fidelity",
            "'image_fidelity' should be less than or equal to 1 (you gave 1.01).",
        ),
        (
            {**REFERENCED, "image_reference": "subject", "human_fidelity": -0.1},
            "human_fidelity",
            "'human_fidelity' should be greater than or equal to 0 (you gave -0.1).",
        ),
        (
            {**REFERENCED, "image_fidelity": True},
            "image_fidelity",
            "'image_fidelity' must be a number, not true or false.",
        ),
        (
            {"model_name": "kling-v2-1", "element_list": ["7"]},
            "element_list",
            "'element_list' is given, but kling-v2-1 cannot show elements. kling-v3 can.",
        ),
        (
            {"element_list": [str(n) for n in range(11)]},
            "element_list",
            "'element_list': pictures (0) and elements (11) are more than the 10 that Kling takes. Remove some.",
        ),
        (
            {"image": A, "element_list": [str(n) for n in range(10)]},
            "element_list",
            "'element_list': pictures (1) and elements (10) are more than the 10 that Kling takes. Remove some.",
        ),
        (
            {"element_list": [{"element_id": 1.5}]},
            "element_list[0].element_id",
            "'element_list[0].element_id' must be an id of digits, best given as text so that none is lost.",
        ),
        (
            {"element_list": [{"element_id": "7", "name": "Ann"}]},
            "element_list[0].name",
            "'element_list[0].name' is not a known key. Remove it or correct its spelling.",
        ),
        (
            {"prompt": "<<<element_2>>>", "element_list": ["7"]},
            "prompt",
            "'prompt' cites <<<element_2>>>, but 'element_list' has 1, counted from 1. Correct the one or the other.",
        ),
        (
            {"prompt": "<<<image_1>>>"},
            "prompt",
            "'prompt' cites <<<image_1>>>, but 'image' is not given. Correct the one or the other.",
        ),
        (
            {"prompt": "<<<voice_1>>>"},
            "prompt",
            "'prompt' cites <<<voice_1>>>, but generate_image takes no voice. Remove it from the prompt.",
        ),
        (
            {"resolution": "4k"},
            "resolution",
            "'resolution' is '4k', which only generate_omni_image makes (kling-v3-omni). Use that tool, or 2k.",
        ),
        ({"resolution": "3k"}, "resolution", "'resolution' should be '1k' or '2k' (you gave '3k')."),
        ({"n": 0}, "n", "'n' should be greater than or equal to 1 (you gave 0)."),
        ({"n": 10}, "n", "'n' should be less than or equal to 9 (you gave 10)."),
        ({"n": True}, "n", "'n' must be a number, not true or false."),
        (
            {"aspect_ratio": "auto"},
            "aspect_ratio",
            "'aspect_ratio' should be '16:9', '9:16', '1:1', '4:3', '3:4', '3:2', '2:3' or '21:9' (you gave 'auto').",
        ),
        (
            {"image": encoded((200, 200))},
            "image",
            "'image' is 200x200 px; each side must have at least 300 px. Give a larger picture.",
        ),
        (
            {"image": "/home/me/a.png"},
            "image",
            (
                "'image' is neither an http(s) URL nor Base64. Kling cannot read a file of "
                "this machine by its path: give a URL, or the file's content as Base64."
            ),
        ),
        (
            {"watermark": "perhaps"},
            "watermark",
            "'watermark' should be a valid boolean (you gave 'perhaps').",
        ),
    ],
)
def test_a_picture_that_kling_would_not_make(arguments: dict[str, Any], field: str, sentence: str) -> None:
    assert (field, sentence) in problems(GenerateImage, {"prompt": "x", **arguments})


@pytest.mark.parametrize(
    ("arguments", "field", "sentence"),
    [
        ({"prompt": ""}, "prompt", "'prompt' is required: generate_omni_image cannot run without it."),
        (
            {"model_name": "kling-v3"},
            "model_name",
            (
                "'model_name' is 'kling-v3', which generate_omni_image does not know. Use generate_image for that "
                "model. It runs kling-v3-omni, kling-image-o1."
            ),
        ),
        (
            {"model_name": "kling-image-o1", "resolution": "4k"},
            "resolution",
            "'resolution' is '4k', but kling-image-o1 makes 1k or 2k. kling-v3-omni can.",
        ),
        ({"resolution": "8k"}, "resolution", "'resolution' should be '1k', '2k' or '4k' (you gave '8k')."),
        (
            {"model_name": "kling-image-o1", "result_type": "series"},
            "result_type",
            "'result_type' is 'series', but kling-image-o1 makes single images. kling-v3-omni can.",
        ),
        ({"result_type": "many"}, "result_type", "'result_type' should be 'single' or 'series' (you gave 'many')."),
        (
            {"result_type": "series", "n": 2},
            "n",
            "'n' has no effect with result_type 'series'. Use series_amount instead.",
        ),
        (
            {"series_amount": 3},
            "series_amount",
            "'series_amount' has no effect unless result_type is 'series'. Set that, or use n for single images.",
        ),
        (
            {"result_type": "single", "series_amount": "auto"},
            "series_amount",
            "'series_amount' has no effect unless result_type is 'series'. Set that, or use n for single images.",
        ),
        *(
            (
                {"result_type": "series", "series_amount": amount},
                "series_amount",
                f"'series_amount' must be 2 to 9, or auto (you gave {shown(amount)}).",
            )
            for amount in (1, 10, "0", "many", 2.5, True, "٣")
        ),
        ({"n": 10}, "n", "'n' should be less than or equal to 9 (you gave 10)."),
        (
            {"aspect_ratio": "auto"},
            "aspect_ratio",
            (
                "'aspect_ratio' is 'auto', but kling-v3-omni needs a picture to take the shape from. Leave it out, or "
                "name a ratio such as 16:9."
            ),
        ),
        (
            {"aspect_ratio": "5:4"},
            "aspect_ratio",
            (
                "'aspect_ratio' should be '16:9', '9:16', '1:1', '4:3', '3:4', '3:2', '2:3', '21:9' or 'auto' "
                "(you gave '5:4')."
            ),
        ),
        (
            {"image_list": [A] * 6, "element_list": ["1", "2", "3", "4", "5"]},
            "image_list",
            "'image_list': pictures (6) and elements (5) are more than the 10 that Kling takes. Remove some.",
        ),
        (
            {"image_list": [A], "prompt": "<<<image_2>>>"},
            "prompt",
            "'prompt' cites <<<image_2>>>, but 'image_list' has 1, counted from 1. Correct the one or the other.",
        ),
        (
            {"image_list": [A], "prompt": "<<<image_0>>>"},
            "prompt",
            "'prompt' cites <<<image_0>>>, but 'image_list' has 1, counted from 1. Correct the one or the other.",
        ),
        (
            {"prompt": "<<<element_1>>>"},
            "prompt",
            "'prompt' cites <<<element_1>>>, but 'element_list' is not given. Correct the one or the other.",
        ),
        (
            {"prompt": "<<<video_1>>>"},
            "prompt",
            "'prompt' cites <<<video_1>>>, but generate_omni_image takes no video. Remove it from the prompt.",
        ),
        (
            {"image_list": [7.5]},
            "image_list[0]",
            "'image_list[0]' should be a valid object (you gave 7.5).",
        ),
        (
            {"image_list": [{"image_url": A}]},
            "image_list[0].image",
            "'image_list[0].image' is required: generate_omni_image cannot run without it.",
        ),
        (
            {"image_list": [{"image": "ftp://a/b.png"}]},
            "image_list[0].image",
            "'image_list[0].image' has an address that starts with ftp:, but Kling fetches only http:// and https://.",
        ),
    ],
)
def test_an_omni_picture_that_kling_would_not_make(arguments: dict[str, Any], field: str, sentence: str) -> None:
    assert (field, sentence) in problems(GenerateOmniImage, {"prompt": "x", **arguments})


@pytest.mark.parametrize(
    ("operation", "arguments", "field", "sentence"),
    [
        (
            MultiImageToImage,
            {},
            "subject_image_list",
            "'subject_image_list' is required: multi_image_to_image cannot run without it.",
        ),
        (
            MultiImageToImage,
            {"subject_image_list": "[]"},
            "subject_image_list",
            "'subject_image_list' is required: multi_image_to_image cannot run without it.",
        ),
        (
            MultiImageToImage,
            {"subject_image_list": [A] * 5},
            "subject_image_list",
            "'subject_image_list' list should have at most 4 items (you gave a list of 5).",
        ),
        (
            MultiImageToImage,
            {"subject_image_list": [{"image": A}]},
            "subject_image_list[0].subject_image",
            "'subject_image_list[0].subject_image' is required: multi_image_to_image cannot run without it.",
        ),
        (
            MultiImageToImage,
            {"subject_image_list": [A], "model_name": "kling-v3"},
            "model_name",
            (
                "'model_name' is 'kling-v3', which multi_image_to_image does not know. Use generate_image for that "
                "model. It runs kling-v2-1."
            ),
        ),
        (
            MultiImageToImage,
            {"subject_image_list": [A], "negative_prompt": "x"},
            "negative_prompt",
            (
                "'negative_prompt' is not an argument of multi_image_to_image. Its arguments are: subject_image_list, "
                "prompt, scene_image, style_image, n, aspect_ratio, model_name, watermark."
            ),
        ),
        (
            MultiImageToImage,
            {"subject_image_list": [A], "scene_image": 7},
            "scene_image",
            "'scene_image' must be text: an http(s) URL, or the Base64 of a jpg or png.",
        ),
        (
            MultiImageToImage,
            {"subject_image_list": [A], "prompt": "x" * 2501},
            "prompt",
            "'prompt' string should have at most 2500 characters (you gave a text of 2501 characters).",
        ),
        (
            AiMultiShot,
            {},
            "element_frontal_image",
            "'element_frontal_image' is required: ai_multi_shot cannot run without it.",
        ),
        (
            AiMultiShot,
            {"image": A},
            "image",
            "'image' is not an argument of ai_multi_shot. Did you mean 'element_frontal_image'?",
        ),
        (
            AiMultiShot,
            {"element_frontal_image": encoded((900, 300))},
            "element_frontal_image",
            "'element_frontal_image' is 900x300 px; its ratio must lie between 1:2.5 and 2.5:1. Crop it.",
        ),
        (RecognizeImage, {}, "image", "'image' is required: recognize_image cannot run without it."),
        (RecognizeImage, {"image": " "}, "image", "'image' is required: recognize_image cannot run without it."),
        (
            VirtualTryOn,
            {"human_image": A},
            "cloth_image",
            "'cloth_image' is required: virtual_try_on cannot run without it.",
        ),
        (
            VirtualTryOn,
            {"human_image": A, "cloth_image": B, "model_name": "kolors-virtual-try-on-v2"},
            "model_name",
            (
                "'model_name' is 'kolors-virtual-try-on-v2', which virtual_try_on does not know. Did you mean "
                "'kolors-virtual-try-on-v1'? It runs kolors-virtual-try-on-v1-5, kolors-virtual-try-on-v1."
            ),
        ),
        (
            VirtualTryOn,
            {"human_image": A, "cloth_image": B, "watermark": True},
            "watermark",
            (
                "'watermark' is not an argument of virtual_try_on. Its arguments are: human_image, cloth_image, "
                "model_name."
            ),
        ),
        (ExpandImage, {"up_expansion_ratio": 1}, "image", "'image' is required: expand_image cannot run without it."),
    ],
)
def test_work_on_pictures_that_kling_would_not_do(
    operation: type[Generation], arguments: dict[str, Any], field: str, sentence: str
) -> None:
    assert (field, sentence) in problems(operation, arguments)


def test_every_problem_is_told_at_once() -> None:
    wrong = {"image": A, "image_reference": "face", "negative_prompt": "x", "n": 0, "resolution": "4k", "promt": "y"}
    assert [field for field, _ in problems(GenerateImage, wrong)] == [
        "promt",
        "resolution",
        "n",
        "negative_prompt",
        "image_reference",
    ]


@pytest.mark.parametrize(
    ("operation", "arguments", "field"),
    [
        (GenerateImage, {"prompt": "x", "image": OURS}, "image"),
        (GenerateOmniImage, {"prompt": "x", "image_list": [A, JOB]}, "image_list[1].image"),
        (MultiImageToImage, {"subject_image_list": [OURS]}, "subject_image_list[0].subject_image"),
        (MultiImageToImage, {"subject_image_list": [A], "scene_image": OURS}, "scene_image"),
        (MultiImageToImage, {"subject_image_list": [A], "style_image": f"{OURS}#last"}, "style_image"),
        (AiMultiShot, {"element_frontal_image": OURS}, "element_frontal_image"),
        (RecognizeImage, {"image": OURS}, "image"),
        (VirtualTryOn, {"human_image": OURS, "cloth_image": A}, "human_image"),
        (VirtualTryOn, {"human_image": A, "cloth_image": JOB}, "cloth_image"),
        (ExpandImage, {"image": OURS, "up_expansion_ratio": 1}, "image"),
    ],
)
def test_a_result_of_ours_takes_its_place_once_it_is_found(
    operation: type[Generation], arguments: dict[str, Any], field: str
) -> None:
    request = operation.parse(arguments)
    assert list(request.references()) == [field]
    good = Source.of("https://kling.example/a.png", SourceFacts(OURS, "image", width=1280, height=720))
    assert "https://kling.example/a.png" in str(request.resolved({field: good}).body())
