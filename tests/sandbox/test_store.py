"""One account behind every endpoint: both ways to ask, what is gone, what is not ours, what builds on what.

Expectations: video.md sections 5, 6 and B7, B8; image-audio-general.md 0.6 to 0.9, 9, 10, 14.
"""

# PyAV mentions NumPy in its signatures; it is not installed, so parts of them are unknown to pyright.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING, Any

import av
import pytest

from kling_mcp.sandbox.files import Files
from kling_mcp.sandbox.sample_drawing import SHORT_SIDE
from kling_mcp.sandbox.shapes import standard_callback
from kling_mcp.sandbox.shop import Shop
from tests.sandbox.shop import IMAGE, LONG_ENOUGH_S, TEXT, URL, new_sandbox, opened, picture, refusal_in
from tests.sandbox.test_callbacks import HERE, Postbox, reported

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image

    from kling_mcp.clock import ManualClock
    from tests.sandbox.shop import Customer

pytestmark = pytest.mark.anyio

PNG, MP4, MP3 = "https://cdn.example/a.png", "https://cdn.example/v.mp4", "https://cdn.example/a.mp3"
MONTH_S = 30 * 86_400.0
ALL_TIME = {"start_time": 0, "end_time": 4_000_000_000_000}
ANN = {
    "element_name": "Ann",
    "element_description": "A woman in a green coat",
    "reference_type": "image_refer",
    "element_image_list": {"frontal_image": PNG, "refer_images": [{"image_url": PNG}]},
}
ELEMENTS, VOICES = "/v1/general/advanced-custom-elements", "/v1/general/custom-voices"
LANTERN = {"model_name": "kling-v3", "prompt": "A lantern"}
GENERATIONS, TRY_ON = "/v1/images/generations", "/v1/images/kolors-virtual-try-on"

# One body for every asynchronous legacy endpoint, with what `/tasks` says of its results and its pack.
FAMILIES: list[tuple[str, dict[str, Any], str, str]] = [
    (TEXT, {"model_name": "kling-v3", "prompt": "A kite"}, "video", "video"),
    (IMAGE, {"model_name": "kling-v3", "prompt": "A kite", "image": PNG}, "video", "video"),
    ("/v1/videos/omni-video", {"prompt": "A kite", "aspect_ratio": "1:1"}, "video", "video"),
    ("/v1/videos/multi-image2video", {"image_list": [{"image": PNG}], "prompt": "A kite"}, "video", "video"),
    (
        "/v1/videos/motion-control",
        {"image_url": PNG, "video_url": MP4, "character_orientation": "video", "mode": "std"},
        "video",
        "video",
    ),
    ("/v1/videos/avatar/image2video", {"image": PNG, "sound_file": MP3}, "video", "video"),
    ("/v1/videos/effects", {"effect_scene": "disco_paws", "input": {"image": PNG}}, "video", "video"),
    (GENERATIONS, LANTERN, "image", "image"),
    (TRY_ON, {"human_image": PNG, "cloth_image": PNG}, "image", "try_on"),
    ("/v1/audio/text-to-audio", {"prompt": "rain", "duration": 4.5}, "audio", "video"),
    (VOICES, {"voice_name": "Ann", "voice_url": MP3}, "voice", "video"),
    (ELEMENTS, ANN, "element", "video"),
]
PATHS = [row[0] for row in FAMILIES]


@pytest.mark.parametrize(("path", "body", "kind", "product"), FAMILIES, ids=PATHS)
async def test_a_task_can_be_asked_for_in_four_ways(
    old_kling: Customer, path: str, body: dict[str, Any], kind: str, product: str
) -> None:
    kling = old_kling
    task_id = await kling.accepted(body | {"external_task_id": "job-7"}, path)
    kling.clock.advance(LONG_ENOUGH_S)
    legacy = await kling.data(f"{path}/job-7")
    assert legacy == await kling.data(f"{path}/{task_id}")
    assert (legacy["task_status"], set(legacy["task_result"]) >= {f"{kind}s"}) == ("succeed", True)
    assert await kling.data(path) == [legacy]
    [new] = await kling.data("/tasks?external_task_ids=job-7")
    assert [new] == await kling.data(f"/tasks?task_ids={task_id}")
    assert (new["status"], {output["type"] for output in new["outputs"]}) == ("succeeded", {kind})
    assert new["billing"][0] | {"amount": ""} == {"charge_type": "unit", "amount": "", "package_type": product}
    assert Decimal(new["billing"][0]["amount"]) == Decimal(legacy["final_unit_deduction"])
    listed = await kling.answered("/tasks", {"filters": [{"key": "product_type", "values": [product]}]})
    assert listed["result"] == [new]


@pytest.mark.parametrize(("path", "body", "kind", "product"), FAMILIES, ids=PATHS)
async def test_what_the_library_keeps_stays_and_everything_else_is_gone_after_thirty_days(
    old_kling: Customer, path: str, body: dict[str, Any], kind: str, product: str
) -> None:
    task_id = await old_kling.accepted(body, path)
    assert product
    old_kling.clock.advance(MONTH_S + LONG_ENOUGH_S)
    answer = await old_kling.get(f"{path}/{task_id}")
    if kind in {"voice", "element"}:
        assert answer.json()["data"]["task_status"] == "succeed"
    else:
        assert refusal_in(answer) == (400, 1201, f"Task not found by id/external id: {task_id}")
        assert await old_kling.data(path) == []
        assert await old_kling.data(f"/tasks?task_ids={task_id}") == []


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("query", ["pageNum=0", "pageNum=1001", "pageSize=0", "pageSize=1001", "pageSize=x"])
async def test_pages_have_limits_everywhere(kling: Customer, path: str, query: str) -> None:
    name, value = query.split("=")
    assert refusal_in(await kling.get(f"{path}?{query}")) == (400, 1201, f"{name} value '{value}' is invalid")


# --- videos by their ids -----------------------------------------------------------------------------------

TAKERS: list[tuple[str, str]] = [
    ("/v1/videos/identify-face", "{}"),
    ("/v1/videos/multi-elements/init-selection", "{}"),
    ("/v1/videos/video-extend", "{}"),
    ("/v1/audio/video-to-audio", "{}"),
    (
        "/v1/videos/lip-sync",
        '{"input": {"mode": "text2video", "text": "Hi", "voice_id": "oversea_male1", "video_id": "ID"}}',
    ),
]


def with_video(form: str, video_id: str) -> dict[str, Any]:
    body = json.loads(form.replace("ID", video_id))
    return body or {"video_id": video_id}


@pytest.mark.parametrize(("path", "form"), TAKERS)
async def test_a_video_id_must_be_of_this_account_a_video_finished_and_young(
    kling: Customer, path: str, form: str
) -> None:
    stranger = "931135488002274368"
    assert await kling.refusal(path, with_video(form, stranger)) == (400, 1201, f"Video not found by id: {stranger}")
    await kling.accepted({"model_name": "kling-v3", "prompt": "A kite"})
    running = kling.sandbox.state.tasks[-1].result_id
    assert (await kling.refusal(path, with_video(form, running)))[2] == f"Video not found by id: {running}"
    still = (await kling.finished(LANTERN, GENERATIONS))["task_result"]["images"][0]["url"]
    still_id = still.rpartition("/")[2].removesuffix(".png")
    assert (await kling.refusal(path, with_video(form, still_id)))[2] == f"{still_id} is not a video"
    video = await kling.clip()
    kling.clock.advance(MONTH_S)
    old = (400, 1201, f"Video {video} was generated more than 30 days ago")
    assert await kling.refusal(path, with_video(form, video)) == old


# --- results that build on each other ----------------------------------------------------------------------


def last_frame(clip: bytes) -> Image:
    with av.open(BytesIO(clip), "r") as video:
        *_, frame = video.decode(video=0)
        return frame.to_image()


def likeness(one: Image, other: Image) -> float:
    """How far apart two pictures are above the panel of words, 0 to 255."""
    size = (64, 36)
    first, second = (image.convert("RGB").resize(size).crop((0, 3, 64, 14)).tobytes() for image in (one, other))
    return sum(abs(a - b) for a, b in zip(first, second, strict=True)) / len(first)


async def test_an_effect_on_a_lip_sync_of_a_clip_shows_what_the_clip_showed(kling: Customer) -> None:
    video = await kling.clip(prompt="A lighthouse", duration="3")
    clip = (await kling.get(f"/files/{video}.mp4")).content
    given = {"video_id": video, "mode": "text2video", "text": "Hi", "voice_id": "oversea_male1"}
    spoken = (await kling.finished({"input": given}, "/v1/videos/lip-sync"))["task_result"]["videos"][0]["url"]
    answer = await kling.get(spoken)
    with av.open(BytesIO(answer.content)) as shown:
        assert shown.streams.audio
    assert likeness(last_frame(clip), last_frame(answer.content)) < 12
    other = await kling.clip(prompt="Something else entirely", duration="3")
    assert likeness(last_frame(clip), last_frame((await kling.get(f"/files/{other}.mp4")).content)) > 12


async def test_a_picture_of_ours_is_known_by_its_address(kling: Customer) -> None:
    image = (await kling.finished(LANTERN | {"aspect_ratio": "3:2"}, GENERATIONS))["task_result"]["images"][0]["url"]
    await kling.accepted({"model_name": "kling-v3", "prompt": "It moves", "image": image}, IMAGE)
    [make] = kling.sandbox.state.tasks[-1].order.makes
    assert (make.aspect_ratio, make.backdrop) == ("3:2", f"made:{image.rpartition('/')[2].removesuffix('.png')}")


@pytest.mark.parametrize("name", ["123456789012345678.png", "nothing.png", "x00000000000000000000-face.png"])
async def test_an_address_of_ours_with_nothing_there_cannot_be_downloaded(kling: Customer, name: str) -> None:
    body = {"model_name": "kling-v3", "prompt": "It moves", "image": f"{URL}/files/{name}"}
    assert await kling.refusal(IMAGE, body) == (400, 1201, "File cannot be downloaded")


async def test_a_video_is_no_picture(kling: Customer) -> None:
    body = {"model_name": "kling-v3", "prompt": "It moves", "image": f"{URL}/files/{await kling.clip()}.mp4"}
    assert await kling.refusal(IMAGE, body) == (400, 1201, "image is not an image")


# --- elements and voices -----------------------------------------------------------------------------------


async def test_ids_of_elements_are_numbers_that_lose_no_digit(kling: Customer) -> None:
    task_id = await kling.accepted(ANN, ELEMENTS)
    kling.clock.advance(LONG_ENOUGH_S)
    answer = await kling.get(f"{ELEMENTS}/{task_id}")
    [element] = answer.json()["data"]["task_result"]["elements"]
    assert element["element_id"] > 2**53
    assert f'"element_id":{element["element_id"]}' in answer.text
    for spelling in (element["element_id"], str(element["element_id"])):
        body = {"model_name": "kling-v3", "prompt": "<<<element_1>>>", "image": PNG}
        await kling.accepted(body | {"element_list": [{"element_id": spelling}]}, IMAGE)
    wrong = {
        "model_name": "kling-v3",
        "prompt": "x",
        "image": PNG,
        "element_list": [{"element_id": element["element_id"] + 1}],
    }
    assert (await kling.refusal(IMAGE, wrong))[2] == f"Element id not found: {element['element_id'] + 1}"


async def test_a_deleted_element_is_shown_as_such_and_can_no_longer_be_used(kling: Customer) -> None:
    task_id = await kling.accepted(ANN, ELEMENTS)
    kling.clock.advance(LONG_ENOUGH_S)
    [element] = (await kling.data(f"{ELEMENTS}/{task_id}"))["task_result"]["elements"]
    name = str(element["element_id"])
    said = await kling.answered("/v1/general/delete-elements", {"element_id": name})
    assert set(said) == {"task_id", "task_status"}
    assert await kling.data(ELEMENTS) == []
    [shown] = await kling.data(f"/tasks?task_ids={task_id}")
    assert (shown["outputs"][0]["status"], shown["outputs"][0]["id"]) == ("deleted", name)
    body = {"model_name": "kling-v3", "prompt": "x", "image": PNG, "element_list": [{"element_id": name}]}
    assert (await kling.refusal(IMAGE, body))[2] == f"Element id not found: {name}"


async def test_a_voice_of_another_account_is_not_found(kling: Customer) -> None:
    body = {"model_name": "kling-v2-6", "mode": "pro", "sound": "on", "prompt": "Say <<<voice_1>>>", "image": PNG}
    said = await kling.refusal(IMAGE, body | {"voice_list": [{"voice_id": "931135488002274368"}]})
    assert said == (400, 1201, "Voice id not found")


# --- callbacks ---------------------------------------------------------------------------------------------


async def test_the_legacy_callback_shows_pictures_and_videos_and_nothing_else(clock: ManualClock) -> None:
    box = Postbox()
    body = LANTERN | {"n": 2, "callback_url": HERE, "watermark_info": {"enabled": True}}
    await reported(clock, body, GENERATIONS, box)
    result = box.bodies[-1]["task_result"]
    assert [set(image) for image in result["images"]] == [{"index", "url"}] * 2
    assert set(result) == {"images"}
    element = Postbox()
    await reported(clock, ANN | {"callback_url": HERE}, ELEMENTS, element)
    assert element.bodies[-1]["task_status"] == "succeed"
    assert element.bodies[-1]["task_result"] == {}


async def test_the_new_callback_calls_what_an_element_was_made_from_its_materials(kling: Customer) -> None:
    await kling.accepted(ANN, ELEMENTS)
    kling.clock.advance(LONG_ENOUGH_S)
    [task] = kling.sandbox.state.tasks
    [asked] = await kling.data(f"/tasks?task_ids={task.id}")
    shop = Shop(kling.sandbox.state, Files(kling.sandbox.state, None, SHORT_SIDE), URL)
    [called] = standard_callback(task, shop, kling.clock.now())["outputs"]
    roles = {
        name: [one["role"] for one in output[name]]
        for name, output in (("materials", called), ("references", asked["outputs"][0]))
    }
    assert roles == {"materials": ["frontal", "refer"], "references": ["frontal", "reference"]}
    assert "references" not in called


# --- packs -------------------------------------------------------------------------------------------------


async def test_each_kind_of_work_is_paid_from_its_own_pack(kling: Customer) -> None:
    for path, body in ((TEXT, FAMILIES[0][1]), (GENERATIONS, LANTERN | {"n": 2}), (TRY_ON, FAMILIES[8][1])):
        await kling.finished(body, path)
    said = (await kling.get("/_sandbox/ledger")).json()
    assert {name: pack["units_deducted"] for name, pack in said["packs"].items()} == {
        "video": "3",
        "image": "16",
        "try-on": "1",
    }
    billed = (await kling.answered("/account/billing/package", ALL_TIME))["result"]["detail"]
    assert [(row["product_type"], row["unit_after_deduction"]) for row in billed] == [
        ("try-on", "999"),
        ("image", "984"),
        ("video", "997"),
    ]
    filters = [{"key": "product_type", "values": ["image", "try-on"]}]
    assert (await kling.answered("/account/billing/package", ALL_TIME | {"filters": filters}))["result"]["count"] == 2
    named = [{"key": "package_name", "values": ["Image-1000Units-20Con-6Months"]}]
    assert (await kling.answered("/account/billing/package", ALL_TIME | {"filters": named}))["result"]["count"] == 1


async def test_no_units_for_pictures_is_no_matter_of_units_for_videos(clock: ManualClock) -> None:
    async with opened(new_sandbox(clock, units=Decimal(7)), clock) as kling:
        assert await kling.refusal(GENERATIONS, LANTERN) == (429, 1102, "Account balance not enough")
        await kling.accepted({"model_name": "kling-v3", "prompt": "A kite"})


async def test_a_task_of_pictures_holds_a_slot_for_each_of_the_pack_of_pictures(clock: ManualClock) -> None:
    async with opened(new_sandbox(clock, concurrency=3), clock) as kling:
        await kling.accepted(LANTERN | {"n": 2}, GENERATIONS)
        assert (await kling.refusal(GENERATIONS, LANTERN | {"n": 2}))[1] == 1303
        await kling.accepted(LANTERN, GENERATIONS)
        for _ in range(3):
            await kling.accepted({"model_name": "kling-v3", "prompt": "A kite"})
        assert (await kling.refusal(TEXT, {"model_name": "kling-v3", "prompt": "A kite"}))[1] == 1303


async def test_an_answer_at_once_needs_units_and_no_slot(clock: ManualClock) -> None:
    async with opened(new_sandbox(clock, concurrency=1, units=Decimal("3.05")), clock) as kling:
        await kling.accepted({"model_name": "kling-v3", "prompt": "A kite"})
        await kling.answered("/v1/videos/identify-face", {"video_url": MP4})
        assert (await kling.refusal("/v1/videos/identify-face", {"video_url": MP4}))[1] == 1102


async def test_deductions_in_money_are_none(kling: Customer) -> None:
    said = await kling.answered("/account/billing/balance", ALL_TIME | {"filters": [{"key": "api_key_name"}]})
    assert said == {"result": {"detail": [], "count": 0}, "next_cursor": "", "has_more": False}
    wrong = ALL_TIME | {"filters": [{"key": "product_type", "values": ["video"]}]}
    assert (await kling.refusal("/account/billing/balance", wrong))[2] == "filters.key value 'product_type' is invalid"
    assert (await kling.refusal("/account/billing/balance", {}))[2] == "start_time is required"


# --- a folder ----------------------------------------------------------------------------------------------


async def test_sessions_deletions_and_answers_survive_a_restart(clock: ManualClock, tmp_path: Path) -> None:
    edit, faces = "/v1/videos/multi-elements", "/v1/videos/identify-face"
    async with opened(new_sandbox(clock, folder=tmp_path), clock) as kling:
        session = (await kling.answered(f"{edit}/init-selection", {"video_url": MP4}))["session_id"]
        points = {"session_id": session, "frame_index": 0, "points": [{"x": 0.5, "y": 0.5}]}
        await kling.answered(f"{edit}/add-selection", points)
        seen = await kling.answered(faces, {"video_url": MP4})
        task_id = await kling.accepted(ANN, ELEMENTS)
        clock.advance(LONG_ENOUGH_S)
        [element] = (await kling.data(f"{ELEMENTS}/{task_id}"))["task_result"]["elements"]
        await kling.answered("/v1/general/delete-elements", {"element_id": str(element["element_id"])})
        before = kling.sandbox.state.deducted
    async with opened(new_sandbox(clock, folder=tmp_path), clock) as kling:
        body = {"session_id": session, "edit_mode": "removal", "prompt": "gone"}
        await kling.accepted(body, edit)
        face = {
            "face_id": "0",
            "sound_file": MP3,
            "sound_start_time": 0,
            "sound_end_time": 2000,
            "sound_insert_time": 0,
        }
        await kling.accepted({"session_id": seen["session_id"], "face_choose": [face]}, "/v1/videos/advanced-lip-sync")
        assert await kling.data(ELEMENTS) == []
        assert kling.sandbox.state.deducted == before == Decimal("0.05")
        assert (await kling.get(seen["face_data"][0]["face_image"])).status_code == 200


async def test_a_folder_of_an_older_version_is_left_alone(clock: ManualClock, tmp_path: Path) -> None:
    old = {"id": "1", "result_id": "2", "order": {"wire": "v1", "endpoint": "text2video"}, "units": "3", "life": []}
    (tmp_path / "1.json").write_text(json.dumps(old))
    (tmp_path / "note-1.json").write_text("{}")
    async with opened(new_sandbox(clock, folder=tmp_path), clock) as kling:
        await kling.accepted({"model_name": "kling-v3", "prompt": "A kite", "image": picture()}, IMAGE)
        assert kling.sandbox.state.creates == 1
