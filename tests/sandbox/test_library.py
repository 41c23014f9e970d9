"""Voices and elements of the pretend Kling: made, listed, used and deleted, by hand-written bodies."""

# PyAV mentions NumPy in its signatures; it is not installed, so parts of them are unknown to pyright.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING, Any

import av
import pytest
from PIL import Image

from tests.sandbox.gallery import done
from tests.sandbox.shop import TEXT, picture

if TYPE_CHECKING:
    from tests.sandbox.shop import Customer

pytestmark = pytest.mark.anyio

G = "/v1/general"
VOICES, PRESET_VOICES, DELETE_VOICES = f"{G}/custom-voices", f"{G}/presets-voices", f"{G}/delete-voices"
ELEMENTS, PRESET_ELEMENTS = f"{G}/advanced-custom-elements", f"{G}/advanced-presets-elements"
DELETE_ELEMENTS = (f"{G}/delete-elements", f"{G}/delete-advanced-elements")
OLD, OLD_PRESETS = f"{G}/custom-elements", f"{G}/presets-elements"
LINK, RECORDING = "https://img.example/f.png", "https://media.example/a.mp3"
COURIER: dict[str, Any] = {
    "element_name": "Courier",
    "element_description": "Young courier in a yellow jacket",
    "reference_type": "image_refer",
    "element_image_list": {"frontal_image": LINK, "refer_images": [{"image_url": "https://img.example/s.png"}]},
    "tag_list": [{"tag_id": "o_102"}],
}
FILMED: dict[str, Any] = {
    "element_name": "Dancer",
    "element_description": "A dancer",
    "reference_type": "video_refer",
    "element_video_list": {"refer_videos": [{"video_url": "https://media.example/dance.mp4"}]},
}


async def a_voice(kling: Customer, **body: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    task = await done(kling, VOICES, {"voice_name": "Narrator A", "voice_url": RECORDING} | body)
    return task["task_result"]["voices"][0]


async def an_element(kling: Customer, **body: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    task = await done(kling, ELEMENTS, COURIER | body)
    return task["task_result"]["elements"][0]


# --- voices ------------------------------------------------------------------------------------------------


async def test_a_voice_is_made_and_can_be_tried(kling: Customer) -> None:
    task = await done(kling, VOICES, {"voice_name": "Narrator A", "voice_url": RECORDING, "external_task_id": "v-1"})
    (voice,) = task["task_result"]["voices"]
    assert set(voice) == {"voice_id", "voice_name", "trial_url", "owned_by"}
    assert (voice["voice_name"], voice["owned_by"] == "kling") == ("Narrator A", False)
    assert isinstance(voice["voice_id"], str)
    assert task["final_unit_deduction"] == "0.05"
    assert kling.sandbox.state.left("video") == Decimal("999.95")
    answer = await kling.get(voice["trial_url"])
    with av.open(BytesIO(answer.content), "r") as container:
        assert container.streams.audio[0].codec_context.name.startswith("mp3")
    assert [listed["task_id"] for listed in await kling.data(f"{VOICES}?pageSize=1000")] == [task["task_id"]]
    assert (await kling.data(f"{VOICES}/v-1"))["task_id"] == task["task_id"]


async def test_a_voice_is_taken_from_a_clip_in_which_somebody_speaks(kling: Customer) -> None:
    told = {"model_name": "kling-v2-6", "mode": "pro", "sound": "on", "prompt": "She says good morning"}
    clip = (await done(kling, TEXT, told))["task_result"]["videos"][0]
    assert (await a_voice(kling, voice_url="", video_id=clip["id"]))["voice_name"] == "Narrator A"


@pytest.mark.parametrize(
    "body", [{"model_name": "kling-v2-6", "mode": "pro", "sound": "off"}, {"model_name": "kling-v2-5-turbo"}]
)
async def test_from_a_silent_clip_no_voice_is_taken(kling: Customer, body: dict[str, Any]) -> None:
    clip = (await done(kling, TEXT, {"prompt": "x"} | body))["task_result"]["videos"][0]
    refused = await kling.refusal(VOICES, {"voice_name": "x", "video_id": clip["id"]})
    assert refused == (400, 1201, f"No voice found in video {clip['id']}")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"voice_name": ""}, "voice_name cannot be empty"),
        ({"voice_name": "x" * 21}, "voice_name length cannot exceed 20"),
        ({"voice_url": ""}, "exactly one of voice_url and video_id is required"),
        ({"video_id": "850000000000000001"}, "exactly one of voice_url and video_id is required"),
        ({"voice_url": "", "video_id": "850000000000000001"}, "Video not found by id: 850000000000000001"),
        ({"voice_url": "a.mp3"}, "voice_url value 'a.mp3' is invalid"),
        ({"voice_url": f"{RECORDING}?seconds=4.9"}, "voice duration must be between 5 and 30 seconds"),
        ({"voice_url": f"{RECORDING}?seconds=31"}, "voice duration must be between 5 and 30 seconds"),
    ],
)
async def test_voices_are_refused(kling: Customer, body: dict[str, Any], message: str) -> None:
    body = {"voice_name": "Narrator A", "voice_url": RECORDING} | body
    assert await kling.refusal(VOICES, body) == (400, 1201, message)


async def test_klings_own_voices_are_listed_like_tasks_without_an_owner_among_us(kling: Customer) -> None:
    listed = await kling.data(PRESET_VOICES)
    assert len(listed) >= 3
    for task in listed:
        assert set(task) == {"task_id", "task_status", "task_status_msg", "task_result", "created_at", "updated_at"}
        (voice,) = task["task_result"]["voices"]
        assert set(voice) == {"voice_id", "voice_name", "trial_url", "owned_by"}
        assert (task["task_status"], voice["owned_by"]) == ("succeed", "kling")
    first, second = (task["task_result"]["voices"][0] for task in listed[:2])
    assert (await kling.get(first["trial_url"])).content != (await kling.get(second["trial_url"])).content
    assert await kling.data(f"{PRESET_VOICES}?pageNum=2&pageSize=1") == [listed[1]]
    assert await kling.data(f"{PRESET_VOICES}?pageNum=1000&pageSize=1000") == []
    assert (await kling.get(f"{PRESET_VOICES}?pageSize=1001")).json()["code"] == 1201


async def test_a_deleted_voice_is_gone(kling: Customer) -> None:
    voice = await a_voice(kling)
    said = (await kling.post(DELETE_VOICES, {"voice_id": voice["voice_id"]})).json()
    assert (said["code"], set(said["data"]), said["data"]["task_status"]) == (0, {"task_id", "task_status"}, "succeed")
    assert await kling.data(VOICES) == []
    assert await kling.refusal(DELETE_VOICES, {"voice_id": voice["voice_id"]}) == (400, 1201, "Voice id not found")
    used = await kling.refusal(ELEMENTS, COURIER | {"element_voice_id": voice["voice_id"]})
    assert used == (400, 1201, "Voice id not found")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "voice_id is required"),
        ({"voice_id": "850000000000000001"}, "Voice id not found"),
        ({"voice_id": "829824295735410756"}, "Only custom voices can be deleted"),
    ],
)
async def test_only_own_voices_can_be_deleted(kling: Customer, body: dict[str, Any], message: str) -> None:
    assert await kling.refusal(DELETE_VOICES, body) == (400, 1201, message)


# --- elements ----------------------------------------------------------------------------------------------


async def test_an_element_of_pictures_is_made_for_nothing(kling: Customer) -> None:
    task = await done(kling, ELEMENTS, COURIER)
    (element,) = task["task_result"]["elements"]
    assert element == {
        "element_id": element["element_id"],
        "element_name": "Courier",
        "element_description": "Young courier in a yellow jacket",
        "reference_type": "image_refer",
        "element_image_list": COURIER["element_image_list"],
        "element_video_list": {},
        "element_voice_info": {},
        "tag_list": [{"id": "o_102", "name": "Character", "description": "Character"}],
        "owned_by": "sandbox",
        "status": "succeed",
    }
    assert isinstance(element["element_id"], int)
    assert element["element_id"] > 2**53
    assert task["final_unit_deduction"] == "0"
    assert 3000 < task["updated_at"] - task["created_at"] < 15_000
    assert kling.sandbox.state.deducted == 0


async def test_an_id_beyond_what_a_float_can_hold_is_written_to_the_last_digit(kling: Customer) -> None:
    task_id = await kling.accepted(COURIER, ELEMENTS)
    kling.clock.advance(60)
    text = (await kling.get(f"{ELEMENTS}/{task_id}")).text
    element = (await kling.data(f"{ELEMENTS}/{task_id}"))["task_result"]["elements"][0]["element_id"]
    assert f'"element_id":{element}' in text
    for given in (element, str(element)):
        body = {"model_name": "kling-v3", "prompt": "x", "element_list": [{"element_id": given}]}
        await kling.accepted(body, "/v1/images/generations")
    off = {"model_name": "kling-v3", "prompt": "x", "element_list": [{"element_id": element + 1}]}
    assert await kling.refusal("/v1/images/generations", off) == (400, 1201, f"Element id not found: {element + 1}")


async def test_pictures_given_as_base64_can_be_seen_in_the_answer(kling: Customer) -> None:
    pictures = {"frontal_image": picture(300, 400), "refer_images": [{"image_url": picture(400, 300)}]}
    shown = (await an_element(kling, element_image_list=pictures))["element_image_list"]
    for url, size in ((shown["frontal_image"], (300, 400)), (shown["refer_images"][0]["image_url"], (400, 300))):
        assert Image.open(BytesIO((await kling.get(url)).content)).size == size


async def test_an_element_has_a_voice_of_ours_or_of_klings(kling: Customer) -> None:
    own = await a_voice(kling)
    assert (await an_element(kling, element_voice_id=own["voice_id"]))["element_voice_info"] == own
    voice = (await an_element(kling, element_voice_id="829824295735410756"))["element_voice_info"]
    assert (voice["voice_id"], voice["owned_by"]) == ("829824295735410756", "kling")


async def test_an_element_of_a_video(kling: Customer) -> None:
    clip = await done(kling, TEXT, {"model_name": "kling-v3", "prompt": "x", "aspect_ratio": "9:16"})
    url = clip["task_result"]["videos"][0]["url"]
    for link in (url, "https://media.example/dance.mp4?seconds=8"):
        films = {"refer_videos": [{"video_url": link}]}
        task = await done(kling, ELEMENTS, FILMED | {"element_video_list": films, "element_image_list": "ignored"})
        (element,) = task["task_result"]["elements"]
        assert (element["reference_type"], element["element_video_list"]) == ("video_refer", films)
        assert element["element_image_list"] == {}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (COURIER | {"element_name": ""}, "element_name cannot be empty"),
        (COURIER | {"element_name": "x" * 21}, "element_name length cannot exceed 20"),
        (COURIER | {"element_description": ""}, "element_description cannot be empty"),
        (COURIER | {"element_description": "x" * 101}, "element_description length cannot exceed 100"),
        (COURIER | {"reference_type": None}, "reference_type cannot be empty"),
        (COURIER | {"reference_type": "both"}, "reference_type value 'both' is invalid"),
        (COURIER | {"element_image_list": {}}, "element_image_list.frontal_image is required"),
        (
            COURIER | {"element_image_list": {"frontal_image": LINK}},
            "element_image_list.refer_images is required",
        ),
        (
            COURIER | {"element_image_list": {"frontal_image": LINK, "refer_images": [{"image_url": LINK}] * 4}},
            "element_image_list.refer_images size cannot exceed 3",
        ),
        (COURIER | {"element_image_list": [LINK]}, f"element_image_list value '['{LINK}']' is invalid"),
        (
            COURIER | {"element_image_list": {"frontal_image": "data:x", "refer_images": [{"image_url": LINK}]}},
            "File is not in a valid base64 format",
        ),
        (COURIER | {"tag_list": [{"tag_id": "o_109"}]}, "tag_list[0].tag_id value 'o_109' is invalid"),
        (COURIER | {"element_voice_id": "1"}, "Voice id not found"),
        (FILMED | {"element_video_list": {}}, "element_video_list.refer_videos is required"),
        (
            FILMED | {"element_video_list": {"refer_videos": [{"video_url": RECORDING}] * 2}},
            "element_video_list.refer_videos size cannot exceed 1",
        ),
        (
            FILMED | {"element_video_list": {"refer_videos": [{"video_url": f"{RECORDING}?seconds=9"}]}},
            "element video duration must be between 3 and 8 seconds",
        ),
    ],
)
async def test_elements_are_refused(kling: Customer, body: dict[str, Any], message: str) -> None:
    assert await kling.refusal(ELEMENTS, body) == (400, 1201, message)


async def test_a_square_clip_makes_no_element(kling: Customer) -> None:
    clip = await done(kling, TEXT, {"model_name": "kling-v3", "prompt": "x", "aspect_ratio": "1:1"})
    films = {"refer_videos": [{"video_url": clip["task_result"]["videos"][0]["url"]}]}
    refused = await kling.refusal(ELEMENTS, FILMED | {"element_video_list": films})
    assert refused == (400, 1201, "element video aspect ratio must be 16:9 or 9:16")


async def test_klings_own_elements_are_listed_like_tasks_without_a_word_of_units(kling: Customer) -> None:
    listed = await kling.data(PRESET_ELEMENTS)
    for task in listed:
        assert not {"final_unit_deduction", "final_balance_deduction"} & set(task)
        (element,) = task["task_result"]["elements"]
        assert (element["owned_by"], element["status"]) == ("kling", "succeed")
        assert element["tag_list"][0]["id"].startswith("o_10")
    assert any(task["task_result"]["elements"][0]["element_id"] > 2**53 for task in listed)
    front = listed[0]["task_result"]["elements"][0]["element_image_list"]["frontal_image"]
    assert min(Image.open(BytesIO((await kling.get(front)).content)).size) >= 300
    assert await kling.data(f"{PRESET_ELEMENTS}?pageNum=2&pageSize=2") == listed[2:4]
    assert (await kling.get(f"{PRESET_ELEMENTS}?pageSize=501")).json()["code"] == 1201


@pytest.mark.parametrize("path", DELETE_ELEMENTS)
async def test_a_deleted_element_is_gone_by_either_path(kling: Customer, path: str) -> None:
    task_id = await kling.accepted(COURIER, ELEMENTS)
    kling.clock.advance(60)
    element = (await kling.data(f"{ELEMENTS}/{task_id}"))["task_result"]["elements"][0]["element_id"]
    said = (await kling.post(path, {"element_id": str(element)})).json()
    assert (said["code"], set(said["data"])) == (0, {"task_id", "task_status"})
    assert await kling.data(ELEMENTS) == []
    one = (await kling.data(f"{ELEMENTS}/{task_id}"))["task_result"]["elements"][0]
    assert one["status"] == "deleted"
    used = {"model_name": "kling-v3", "prompt": "x", "element_list": [{"element_id": element}]}
    assert (await kling.refusal("/v1/images/generations", used))[2] == f"Element id not found: {element}"
    again = await kling.refusal(path, {"element_id": str(element)})
    assert again == (400, 1201, f"Element id not found: {element}")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "element_id is required"),
        ({"element_id": "x"}, "element_id value 'x' is invalid"),
        ({"element_id": "163"}, "Only custom elements can be deleted"),
        ({"element_id": "9"}, "Element id not found: 9"),
    ],
)
async def test_only_own_elements_can_be_deleted(kling: Customer, body: dict[str, Any], message: str) -> None:
    for path in DELETE_ELEMENTS:
        assert await kling.refusal(path, body) == (400, 1201, message)


async def test_the_library_outlives_thirty_days(kling: Customer) -> None:
    voice, element = await a_voice(kling), await an_element(kling)
    kling.clock.advance(90 * 86_400)
    assert [len(await kling.data(path)) for path in (VOICES, ELEMENTS)] == [1, 1]
    used = {"model_name": "kling-v3", "prompt": "x", "element_list": [{"element_id": element["element_id"]}]}
    await kling.accepted(used, "/v1/images/generations")
    await an_element(kling, element_voice_id=voice["voice_id"])


async def test_the_new_query_shows_voices_and_elements(kling: Customer) -> None:
    voice = await done(kling, VOICES, {"voice_name": "Narrator A", "voice_url": RECORDING})
    element = await done(kling, ELEMENTS, COURIER)
    ids = f"{voice['task_id']},{element['task_id']}"
    shown = [task["outputs"][0] for task in (await kling.get(f"/tasks?task_ids={ids}")).json()["data"]]
    assert set(shown[0]) == {"type", "id", "name", "url", "owned_by", "status"}
    assert (shown[0]["type"], shown[0]["name"], shown[0]["status"]) == ("voice", "Narrator A", "succeeded")
    assert (shown[1]["type"], shown[1]["element_type"]) == ("element", "multi_image_elements")
    assert [reference["url"] for reference in shown[1]["references"]] == [LINK, "https://img.example/s.png"]


# --- the older interface -----------------------------------------------------------------------------------

OLD_COURIER: dict[str, Any] = {
    "element_name": "Courier",
    "element_description": "Young courier",
    "element_frontal_image": LINK,
    "element_refer_list": [{"image_url": LINK}],
    "tag_list": [{"tag_id": "o_102"}],
}


async def test_the_older_interface_answers_at_once(kling: Customer) -> None:
    said = (await kling.post(OLD, OLD_COURIER)).json()["data"]
    assert said == {
        "element_id": said["element_id"],
        "element_name": "Courier",
        "element_description": "Young courier",
        "element_frontal_image": LINK,
        "element_refer_list": [{"image_url": LINK}],
        "tag_list": [{"id": "o_102", "name": "Character", "description": "Character"}],
        "owned_by": "sandbox",
    }
    assert await kling.data(OLD) == [said]
    used = {"model_name": "kling-v3", "prompt": "x", "element_list": [{"element_id": said["element_id"]}]}
    await kling.accepted(used, "/v1/images/generations")
    assert (await kling.post(DELETE_ELEMENTS[0], {"element_id": str(said["element_id"])})).json()["code"] == 0
    assert await kling.data(OLD) == []


async def test_the_older_interface_lists_klings_own(kling: Customer) -> None:
    listed = await kling.data(OLD_PRESETS)
    assert {element["owned_by"] for element in listed} == {"kling"}
    assert all(element["element_frontal_image"] for element in listed)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"element_name": ""}, "element_name cannot be empty"),
        ({"element_frontal_image": ""}, "element_frontal_image cannot be empty"),
        ({"element_refer_list": []}, "element_refer_list cannot be empty"),
        ({"element_refer_list": [{"image_url": LINK}] * 4}, "element_refer_list size cannot exceed 3"),
    ],
)
async def test_the_older_interface_refuses(kling: Customer, body: dict[str, Any], message: str) -> None:
    assert await kling.refusal(OLD, OLD_COURIER | body) == (400, 1201, message)
