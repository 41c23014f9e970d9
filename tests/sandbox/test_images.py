"""Pictures from words and from one picture: hand-written bodies from the contract, and what comes of them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.gallery import GENERATIONS, LINK, OMNI, ONE_K, SEVERAL, TAKES, done, green, is_green, seen
from tests.sandbox.shop import LONG_ENOUGH_S, START_MS, picture

if TYPE_CHECKING:
    from tests.sandbox.shop import Customer

pytestmark = pytest.mark.anyio


async def test_the_example_of_the_contract_word_for_word(kling: Customer) -> None:
    created = await kling.post(
        GENERATIONS,
        {
            "model_name": "kling-v3",
            "prompt": "A paper lantern floating over a dark lake",
            "resolution": "1k",
            "n": 1,
            "aspect_ratio": "3:2",
            "external_task_id": "lantern-001",
        },
    )
    said = created.json()
    assert (created.status_code, said["code"], said["message"]) == (200, 0, "SUCCEED")
    assert said["data"] == {
        "task_id": said["data"]["task_id"],
        "task_info": {"external_task_id": "lantern-001"},
        "task_status": "submitted",
        "created_at": START_MS,
        "updated_at": START_MS,
    }
    kling.clock.advance(LONG_ENOUGH_S)
    task = await kling.data(f"{GENERATIONS}/lantern-001")
    (image,) = task["task_result"]["images"]
    assert task == {
        "task_id": said["data"]["task_id"],
        "task_status": "succeed",
        "task_status_msg": "",
        "task_info": {"external_task_id": "lantern-001"},
        "task_result": {"images": [{"index": 0, "url": image["url"], "watermark_url": ""}]},
        "watermark_info": {"enabled": False},
        "final_unit_deduction": "8",
        "final_balance_deduction": {"quota": "0", "list_price": "0"},
        "created_at": START_MS,
        "updated_at": task["updated_at"],
    }
    assert 15_000 < task["updated_at"] - START_MS < 40_000
    assert (await seen(kling, image["url"])).size == (1024, 683)


@pytest.mark.parametrize(
    ("ratio", "resolution", "size"),
    [
        ("16:9", "1k", (1024, 576)),
        ("9:16", "2k", (1152, 2048)),
        ("1:1", "2k", (2048, 2048)),
        ("4:3", "1k", (1024, 768)),
        ("3:4", "1k", (768, 1024)),
        ("2:3", "1k", (683, 1024)),
        ("21:9", "1k", (1024, 439)),
    ],
)
async def test_a_picture_has_the_ratio_and_the_size_that_was_asked_for(
    kling: Customer, ratio: str, resolution: str, size: tuple[int, int]
) -> None:
    task = await done(kling, GENERATIONS, {"prompt": "x", "aspect_ratio": ratio, "resolution": resolution})
    assert (await seen(kling, task["task_result"]["images"][0]["url"])).size == size


async def test_n_pictures_are_counted_from_nought_and_each_is_paid(kling: Customer) -> None:
    task = await done(kling, GENERATIONS, {"prompt": "x", "n": 3, "watermark_info": {"enabled": True}})
    images = task["task_result"]["images"]
    assert [image["index"] for image in images] == [0, 1, 2]
    assert (
        len({(await seen(kling, image[name])).tobytes() for image in images for name in ("url", "watermark_url")}) == 6
    )
    assert (task["final_unit_deduction"], task["watermark_info"]) == ("24", {"enabled": True})
    assert kling.sandbox.state.left("image") == Decimal(976)
    assert kling.sandbox.state.left("video") == Decimal(1000)


@pytest.mark.parametrize(
    ("body", "units"),
    [
        ({}, "8"),
        ({"model_name": ""}, "8"),
        ({"model_name": "kling-v3", "image": LINK}, "8"),
        ({"model_name": "kling-v3", "image": LINK, "negative_prompt": ""}, "8"),
        ({"model_name": "kling-v3", "element_list": [{"element_id": 829836802793406551}]}, "8"),
        ({"model_name": "kling-v3", "element_list": [{"element_id": "829836802793406551"}]}, "8"),
        ({"model_name": "kling-v2-1", "n": 2}, "8"),
        ({"model_name": "kling-v2-1", "image": LINK}, "8"),
        ({"model_name": "kling-v2-1", "image": LINK, "image_reference": "face", "image_fidelity": 1}, "8"),
        ({"model_name": "kling-v2-1", "image": LINK, "image_reference": "subject", "human_fidelity": 0}, "8"),
        ({"negative_prompt": "blur", "n": "9", "model": "kling-v9"}, "72"),
    ],
)
async def test_what_is_accepted_and_what_it_costs(kling: Customer, body: dict[str, Any], units: str) -> None:
    task = await done(kling, GENERATIONS, {"prompt": "x"} | body)
    assert task["final_unit_deduction"] == units


async def test_a_given_picture_is_seen_in_the_result(kling: Customer) -> None:
    task = await done(kling, GENERATIONS, {"prompt": "x", "image": green(400, 400), "aspect_ratio": "1:1"})
    assert is_green(await seen(kling, task["task_result"]["images"][0]["url"]), (0.9, 0.1))


async def test_results_build_on_each_other_by_their_addresses(kling: Customer) -> None:
    first = await done(kling, GENERATIONS, {"prompt": "x", "image": green(400, 400)})
    url = first["task_result"]["images"][0]["url"]
    second = await done(kling, OMNI, {"prompt": "y", "image_list": [{"image": url}]})
    image = await seen(kling, second["task_result"]["images"][0]["url"])
    assert image.size == (1024, 576)  # auto: that of the first picture
    assert is_green(image, (0.9, 0.1))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"prompt": None}, "prompt cannot be empty"),
        ({"prompt": ""}, "prompt cannot be empty"),
        ({"prompt": "x" * 2501}, "prompt length cannot exceed 2500"),
        ({"negative_prompt": "x" * 2501}, "negative_prompt length cannot exceed 2500"),
        ({"model_name": "kling-v3-0"}, "model is not supported"),
        ({"model_name": "kling-image-o1"}, "model is not supported"),
        ({"resolution": "4k"}, "resolution value '4k' is invalid"),
        ({"n": 0}, "n value '0' is invalid"),
        ({"n": 10}, "n value '10' is invalid"),
        ({"n": 1.5}, "n value '1.5' is invalid"),
        ({"n": True}, "n value 'true' is invalid"),
        ({"aspect_ratio": "auto"}, "aspect_ratio value 'auto' is invalid"),
        ({"aspect_ratio": "5:4"}, "aspect_ratio value '5:4' is invalid"),
        ({"image_reference": "subject"}, "image can not be null"),
        ({"image": LINK, "negative_prompt": "blur"}, "negative_prompt is not supported when image is specified"),
        ({"image": LINK, "image_reference": "pose"}, "image_reference value 'pose' is invalid"),
        (
            {"model_name": "kling-v3", "image": LINK, "image_reference": "face"},
            "model(kling-v3) is not supported with image_reference",
        ),
        ({"model_name": "kling-v2-1", "image": LINK, "image_fidelity": 1.1}, "image_fidelity value '1.1' is invalid"),
        ({"model_name": "kling-v2-1", "human_fidelity": -0.1}, "human_fidelity value '-0.1' is invalid"),
        (
            {"model_name": "kling-v2-1", "element_list": [{"element_id": 163}]},
            "model(kling-v2-1) is not supported with element_list",
        ),
        ({"element_list": [{"element_id": 1}]}, "Element id not found: 1"),
        ({"element_list": [{"element_id": "x"}]}, "element_list[0].element_id value 'x' is invalid"),
        (
            {"image": LINK, "element_list": [{"element_id": 163}] * 10},
            "image and element_list size cannot exceed 10",
        ),
        ({"image": "data:image/png;base64," + ONE_K}, "File is not in a valid base64 format"),
        ({"image": "hello"}, "File is not in a valid base64 format"),
        ({"image": picture(299, 400)}, "Image pixel is invalid"),
        ({"image": picture(1000, 390)}, "Image aspect ratio is invalid"),
        ({"watermark_info": True}, "watermark_info value 'true' is invalid"),
        ({"callback_url": "nowhere"}, "callback_url value 'nowhere' is invalid"),
    ],
)
async def test_a_bad_body_is_refused(kling: Customer, body: dict[str, Any], message: str) -> None:
    assert await kling.refusal(GENERATIONS, {"prompt": "x"} | body) == (400, 1201, message)


@pytest.mark.parametrize(
    ("path", "model"),
    [
        (GENERATIONS, "kling-v1"),
        (GENERATIONS, "kling-v1-5"),
        (GENERATIONS, "kling-v2"),
        (GENERATIONS, "kling-v2-new"),
        (SEVERAL, "kling-v2"),
    ],
)
async def test_retired_models_are_gone(kling: Customer, path: str, model: str) -> None:
    sentence = f"The model '{model}' has been discontinued and is no longer available."
    assert await kling.refusal(path, TAKES[path] | {"model_name": model}) == (404, 1203, sentence)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"model_name": "kling-v1"}, None),
        ({"model_name": "kling-v1-5", "image": LINK, "image_reference": "subject"}, None),
        ({"model_name": "kling-v1-5", "image": LINK}, "image_reference is required"),
        ({"model_name": "kling-v2-new"}, "image can not be null"),
        ({"model_name": "kling-v2-new", "image": LINK}, None),
        ({"model_name": "kling-v2"}, None),
    ],
)
async def test_before_they_were_retired_they_had_rules_of_their_own(
    old_kling: Customer, body: dict[str, Any], message: str | None
) -> None:
    body = {"prompt": "x"} | body
    if message is None:
        await done(old_kling, GENERATIONS, body)
    else:
        assert await old_kling.refusal(GENERATIONS, body) == (400, 1201, message)
