"""Multi-elements editing: the session, its areas, the edited video. Expectations: video.md A6, part E."""

from __future__ import annotations

import base64
import re
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from tests.sandbox.shop import URL, picture

if TYPE_CHECKING:
    from tests.sandbox.shop import Customer

pytestmark = pytest.mark.anyio

EDIT = "/v1/videos/multi-elements"
INIT, ADD, DELETE = f"{EDIT}/init-selection", f"{EDIT}/add-selection", f"{EDIT}/delete-selection"
CLEAR, PREVIEW = f"{EDIT}/clear-selection", f"{EDIT}/preview-selection"
PNG, MP4 = "https://cdn.example/cat.png", "https://cdn.example/v.mp4"
HERE, THERE = {"x": 0.5, "y": 0.5}, {"x": 0.25, "y": 0.75}
DAY_S = 86_400.0


async def session_of(kling: Customer, url: str = MP4) -> str:
    return (await kling.answered(INIT, {"video_url": url}))["session_id"]


def mark(session: str, *points: dict[str, float], frame: int = 0) -> dict[str, Any]:
    return {"session_id": session, "frame_index": frame, "points": list(points)}


def swap(session: str, **changes: object) -> dict[str, Any]:
    body: dict[str, Any] = {
        "session_id": session,
        "edit_mode": "swap",
        "image_list": [{"image": PNG}],
        "prompt": "swap the cat from <<<image_1>>> for the chick from <<<video_1>>>",
    }
    return body | changes


# --- the session -------------------------------------------------------------------------------------------


async def test_a_session_tells_what_its_video_is_like(kling: Customer) -> None:
    video = await kling.clip(aspect_ratio="9:16")
    said = await kling.answered(INIT, {"video_id": video, "video_url": ""})
    assert re.fullmatch(r"\d{18,19}", said["session_id"])
    assert said == {
        "status": 0,
        "session_id": said["session_id"],
        "final_unit_deduction": "0",
        "fps": 24.0,
        "original_duration": 5041,
        "width": 720,
        "height": 1280,
        "total_frame": 121,
        "normalized_video": said["normalized_video"],
    }
    answer = await kling.get(said["normalized_video"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "exactly one of video_id and video_url is required"),
        ({"video_id": "1", "video_url": MP4}, "exactly one of video_id and video_url is required"),
        ({"video_id": "1"}, "Video not found by id: 1"),
        ({"video_url": f"{MP4}?seconds=6"}, "Video duration must be 2s to 5s or 7s to 10s"),
        ({"video_url": f"{MP4}?seconds=11"}, "Video duration must be 2s to 5s or 7s to 10s"),
    ],
)
async def test_a_video_that_cannot_be_edited(kling: Customer, body: dict[str, Any], message: str) -> None:
    assert await kling.refusal(INIT, body) == (400, 1201, message)


# --- marking -----------------------------------------------------------------------------------------------


async def test_a_mark_answers_with_the_area_in_two_forms(kling: Customer) -> None:
    session = await session_of(kling)
    said = await kling.answered(ADD, mark(session, HERE))
    [area] = said["res"]["rle_mask_list"]
    mask = Image.open(BytesIO(base64.b64decode(area["png_mask"]["base64"])))
    assert said == {
        "status": 0,
        "session_id": session,
        "final_unit_deduction": "0",
        "res": {"frame_index": 0, "rle_mask_list": [area]},
    }
    assert (area["object_id"], area["rle_mask"]["size"], area["png_mask"]["size"]) == (0, [720, 1280], [720, 1280])
    assert (mask.size, mask.getpixel((640, 360)), mask.getpixel((0, 0))) == ((1280, 720), 255, 0)
    assert re.fullmatch(r"[0-o]+", area["rle_mask"]["counts"])


async def test_marks_gather_in_a_frame_and_go_by_the_same_points(kling: Customer) -> None:
    session = await session_of(kling)
    await kling.answered(ADD, mark(session, HERE))
    await kling.answered(ADD, mark(session, THERE))
    wrong = (400, 1201, "points must be the same as the added points")
    assert await kling.refusal(DELETE, mark(session, {"x": 0.5, "y": 0.51})) == wrong
    assert await kling.refusal(DELETE, mark(session, HERE, frame=1)) == wrong
    one = await kling.answered(DELETE, mark(session, HERE))
    assert len(one["res"]["rle_mask_list"]) == 1
    assert await kling.refusal(DELETE, mark(session, HERE)) == wrong
    none = await kling.answered(DELETE, mark(session, THERE))
    assert none["res"] == {"frame_index": 0, "rle_mask_list": []}


async def test_ten_frames_may_be_marked_and_a_clear_frees_them(kling: Customer) -> None:
    session = await session_of(kling)
    for frame in range(10):
        await kling.answered(ADD, mark(session, HERE, frame=frame))
    await kling.answered(ADD, mark(session, THERE, frame=9))
    assert (await kling.refusal(ADD, mark(session, HERE, frame=10)))[2] == "frames cannot exceed 10 in a session"
    assert await kling.answered(CLEAR, {"session_id": session}) == {
        "status": 0,
        "session_id": session,
        "final_unit_deduction": "0",
    }
    await kling.answered(ADD, mark(session, HERE, frame=10))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"session_id": ""}, "session_id cannot be empty"),
        ({"session_id": "7"}, "Session not found by id: 7"),
        ({"frame_index": None}, "frame_index cannot be empty"),
        ({"frame_index": -1}, "frame_index value '-1' is invalid"),
        ({"frame_index": 120}, "frame_index value '120' is invalid"),
        ({"points": []}, "points cannot be empty"),
        ({"points": [HERE] * 11}, "points size cannot exceed 10"),
        ({"points": [{"x": 1.5, "y": 0.5}]}, "points[0].x value '1.5' is invalid"),
        ({"points": [{"x": 0.5}]}, "points[0].y is required"),
    ],
)
async def test_a_mark_that_makes_no_sense(kling: Customer, change: dict[str, Any], message: str) -> None:
    body = mark(await session_of(kling), HERE) | change
    assert await kling.refusal(ADD, body) == (400, 1201, message)
    assert await kling.refusal(DELETE, body) == (400, 1201, message)


async def test_what_is_marked_can_be_seen(kling: Customer) -> None:
    session = await session_of(kling)
    await kling.answered(ADD, mark(session, HERE))
    shown = (await kling.answered(PREVIEW, {"session_id": session}))["res"]
    assert set(shown) == {"video", "video_cover", "tracking_output"}
    types = [(await kling.get(shown[name])).headers["content-type"] for name in ("video", "video_cover")]
    assert types == ["video/mp4", "image/png"]
    assert kling.sandbox.state.deducted == 0


# --- editing -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "change", "units"),
    [
        (5, {}, "3"),
        (5, {"mode": "pro", "duration": "5", "model_name": "kling-v1-6"}, "5"),
        (8, {"duration": 10}, "6"),
        (8, {"duration": "10", "mode": "pro"}, "10"),
        (5, {"edit_mode": "removal", "image_list": []}, "3"),
    ],
)
async def test_an_edited_video_knows_its_session(
    kling: Customer, seconds: int, change: dict[str, Any], units: str
) -> None:
    session = await session_of(kling, f"{MP4}?seconds={seconds}")
    await kling.answered(ADD, mark(session, HERE))
    shown = await kling.finished(swap(session, **change), EDIT)
    [video] = shown["task_result"]["videos"]
    assert (video["session_id"], shown["final_unit_deduction"]) == (session, units)
    assert float(video["duration"]) == seconds


async def test_an_addition_needs_no_mark(kling: Customer) -> None:
    images = [{"image": PNG}, {"image": picture()}]
    await kling.finished(swap(await session_of(kling), edit_mode="addition", image_list=images), EDIT)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"session_id": None}, "session_id cannot be empty"),
        ({"session_id": "7"}, "Session not found by id: 7"),
        ({"edit_mode": "turn"}, "edit_mode value 'turn' is invalid"),
        ({"edit_mode": ""}, "edit_mode cannot be empty"),
        ({"prompt": ""}, "prompt cannot be empty"),
        ({"prompt": "x" * 2501}, "prompt length cannot exceed 2500"),
        ({"mode": "4k"}, "mode value '4k' is invalid"),
        ({"duration": "7"}, "duration value '7' is invalid"),
        ({"duration": "10"}, "Video duration must be 7s to 10s"),
        ({"image_list": []}, "image_list size must be 1 when edit_mode is swap"),
        ({"image_list": [{"image": PNG}] * 2}, "image_list size must be 1 when edit_mode is swap"),
        (
            {"edit_mode": "addition", "image_list": []},
            "image_list size must be 1 to 2 when edit_mode is addition",
        ),
        ({"edit_mode": "removal"}, "image_list is not supported when edit_mode is removal"),
        ({"image_list": [{"image": picture(200, 300)}]}, "Image pixel is invalid"),
    ],
)
async def test_an_edit_that_cannot_be(kling: Customer, change: dict[str, Any], message: str) -> None:
    session = await session_of(kling)
    await kling.answered(ADD, mark(session, HERE))
    assert await kling.refusal(EDIT, swap(session) | change) == (400, 1201, message)


@pytest.mark.parametrize("change", [{}, {"edit_mode": "removal", "image_list": []}])
async def test_a_swap_or_a_removal_needs_a_marked_area(kling: Customer, change: dict[str, Any]) -> None:
    session = await session_of(kling)
    await kling.answered(ADD, mark(session, HERE))
    await kling.answered(CLEAR, {"session_id": session})
    said = (await kling.refusal(EDIT, swap(session) | change))[2]
    assert said == f"a selection is required when edit_mode is {change.get('edit_mode', 'swap')}"


async def test_a_session_ends_after_a_day(kling: Customer) -> None:
    session = await session_of(kling)
    kling.clock.advance(DAY_S)
    gone = (400, 1201, f"Session {session} has expired")
    assert await kling.refusal(ADD, mark(session, HERE)) == gone
    assert await kling.refusal(EDIT, swap(session)) == gone
    assert await kling.refusal(PREVIEW, {"session_id": session}) == gone


async def test_an_edited_video_of_ours_goes_on_from_it(kling: Customer) -> None:
    source = await kling.clip(sound="on")
    session = await session_of(kling, f"{URL}/files/{source}.mp4")
    await kling.answered(ADD, mark(session, HERE))
    await kling.finished(swap(session, image_list=[{"image": picture()}]), EDIT)
    [make] = kling.sandbox.state.tasks[-1].order.makes
    assert (make.backdrop, make.sound) == (f"made:{source}", True)
