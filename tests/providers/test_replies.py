"""What Kling answers at once, typed in from the contract: video.md A6 and A9, image-audio-general.md 8 and 11."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import anyio
import httpx2
import pytest

from kling_mcp.errors import KlingError, OutcomeUnknown, Refused
from kling_mcp.providers.base import Output, Progress, Request
from kling_mcp.providers.replies import READERS

from .far_side import FarSide, answered, refused

pytestmark = pytest.mark.anyio

TTS = "/v1/audio/tts"
FACES = "/v1/videos/identify-face"
RECOGNISE = "/v1/videos/image-recognize"
EDIT = "/v1/videos/multi-elements"
SESSION = "847570360458960960"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


async def answer_of(path: str, payload: object) -> Progress:
    far_side = FarSide([answered(payload)])
    with anyio.fail_after(5):
        progress = await far_side.provider().submit(Request("v1", path, {"a": 1}, nameless=True), "km1-A")
    assert far_side.lines == [f"POST {path}"]
    assert far_side.body() == {"a": 1}, "nothing nameless gets an id"
    return progress


async def test_speech_is_there_at_once() -> None:
    payload = {
        "task_id": "930801290416885700",
        "task_status": "succeed",
        "task_status_msg": "",
        "task_result": {
            "audios": [{"id": "930801290416885794", "url": "https://cdn.example/speech.mp3", "duration": "3.2"}]
        },
        "final_unit_deduction": "0.05",
        "final_balance_deduction": {"quota": "0", "list_price": "0"},
    }
    assert await answer_of(TTS, payload) == Progress(
        "930801290416885700",
        "succeeded",
        outputs=(Output("audio", "https://cdn.example/speech.mp3", "930801290416885794", 3.2),),
        units=Decimal("0.05"),
    )


async def test_faces_come_with_their_times_pictures_and_session() -> None:
    payload = {
        "session_id": "850508686686064678",
        "final_unit_deduction": "0.05",
        "face_data": [
            {"face_id": "0", "face_image": "https://cdn.example/f0.png", "start_time": 0, "end_time": 5200},
            {"face_id": 1, "face_image": "", "start_time": "1200", "end_time": 2400.0},
        ],
    }
    assert await answer_of(FACES, payload) == Progress(
        "850508686686064678",
        "succeeded",
        outputs=(Output("image", "https://cdn.example/f0.png", label="face 0"),),
        units=Decimal("0.05"),
        facts={
            "session_id": "850508686686064678",
            "faces": [
                {"face_id": "0", "start_ms": 0, "end_ms": 5200},
                {"face_id": "1", "start_ms": 1200, "end_ms": 2400},
            ],
        },
    )


@pytest.mark.parametrize("nothing", [{"face_data": []}, {"face_data": None}, {}])
async def test_a_clip_without_faces_has_none(nothing: dict[str, object]) -> None:
    progress = await answer_of(FACES, {"session_id": 850508686686064678, **nothing})
    assert (progress.task_id, progress.outputs, progress.facts["faces"]) == ("850508686686064678", (), [])


async def test_an_answer_that_was_paid_is_not_lost_because_its_ids_look_odd() -> None:
    progress = await answer_of(FACES, {"session_id": "s:1.a=", "face_data": [{"face_id": "f.0"}]})
    assert progress.facts["session_id"] == "s:1.a="
    assert progress.facts["faces"] == [{"face_id": "f.0", "start_ms": None, "end_ms": None}]


async def test_a_picture_is_cut_into_the_parts_it_has() -> None:
    payload = {
        "final_unit_deduction": "0.1",
        "task_result": {
            "images": [
                {"type": "object_seg", "is_contain": True, "url": "https://cdn.example/o.png"},
                {"type": "head_seg", "is_contain": True, "url": "https://cdn.example/h.png"},
                {"type": "face_seg", "is_contain": True, "url": "https://cdn.example/f.png"},
                {"type": "cloth_seg", "is_contain": False, "url": ""},
            ]
        },
    }
    assert await answer_of(RECOGNISE, payload) == Progress(
        "",
        "succeeded",
        outputs=(
            Output("image", "https://cdn.example/o.png", label="object_seg"),
            Output("image", "https://cdn.example/h.png", label="head_seg"),
            Output("image", "https://cdn.example/f.png", label="face_seg"),
        ),
        units=Decimal("0.1"),
        facts={"regions": {"object": True, "head": True, "face": True, "cloth": False}},
    )


async def test_an_editing_session_opens_with_the_clip_s_measures() -> None:
    payload = {
        "status": 0,
        "session_id": SESSION,
        "final_unit_deduction": "0",
        "fps": 30.0,
        "original_duration": 1000,
        "width": 720,
        "height": 1280,
        "total_frame": 150,
        "normalized_video": "https://cdn.example/n.mp4",
    }
    assert await answer_of(f"{EDIT}/init-selection", payload) == Progress(
        SESSION,
        "succeeded",
        outputs=(Output("video", "https://cdn.example/n.mp4", duration_s=5.0, label="normalized"),),
        units=Decimal(0),
        facts={
            "session_id": SESSION,
            "fps": 30.0,
            "total_frames": 150,
            "width": 720,
            "height": 1280,
            "duration_s": 5.0,
        },
    )


@pytest.mark.parametrize(("stated", "seconds"), [(5040, 5.04), (5.04, 5.04), ("8000", 8.0), (0, None), (None, None)])
async def test_a_length_that_cannot_be_counted_is_taken_in_the_unit_that_makes_sense(
    stated: object, seconds: float | None
) -> None:
    progress = await answer_of(f"{EDIT}/init-selection", {"session_id": SESSION, "original_duration": stated})
    assert progress.facts == {"session_id": SESSION} | ({} if seconds is None else {"duration_s": seconds})


@pytest.mark.parametrize("call", ["add-selection", "delete-selection"])
@pytest.mark.parametrize("packed", [PIXEL, f"data:image/png;base64,{PIXEL}"])
async def test_what_is_marked_is_named_and_shown(call: str, packed: str) -> None:
    mask = {"size": [720, 1280], "counts": "nQ3"}
    payload = {
        "status": 0,
        "session_id": SESSION,
        "final_unit_deduction": "0",
        "res": {
            "frame_index": 12,
            "rle_mask_list": [
                {"object_id": 0, "rle_mask": mask, "png_mask": {"size": [720, 1280], "base64": packed}},
                {"object_id": 1, "rle_mask": mask, "png_mask": {"size": [720, 1280], "base64": "not base64!"}},
            ],
        },
    }
    assert await answer_of(f"{EDIT}/{call}", payload) == Progress(
        SESSION,
        "succeeded",
        outputs=(Output("image", f"data:image/png;base64,{PIXEL}", label="mask 0"),),
        units=Decimal(0),
        facts={"session_id": SESSION, "marked": ["0", "1"]},
    )


async def test_a_cleared_session_has_nothing_marked() -> None:
    payload = {"status": 0, "session_id": SESSION, "final_unit_deduction": "0"}
    progress = await answer_of(f"{EDIT}/clear-selection", payload)
    assert (progress.outputs, progress.facts) == ((), {"session_id": SESSION, "marked": []})


async def test_a_preview_is_a_clip_its_cover_and_what_was_tracked() -> None:
    shown = {
        "video": "https://cdn.example/p.mp4?sign=a",
        "video_cover": "https://cdn.example/cover",
        "tracking_output": "https://cdn.example/t.mp4",
    }
    progress = await answer_of(f"{EDIT}/preview-selection", {"status": 0, "session_id": SESSION, "res": shown})
    assert progress.outputs == (
        Output("video", "https://cdn.example/p.mp4?sign=a", label="preview"),
        Output("image", "https://cdn.example/cover", label="cover"),
        Output("video", "https://cdn.example/t.mp4", label="tracking"),
    )
    shown["tracking_output"] = "https://cdn.example/t.PNG?x=1"
    progress = await answer_of(f"{EDIT}/preview-selection", {"status": "0", "res": shown})
    assert (progress.task_id, progress.outputs[2].kind, progress.facts) == ("", "image", {})


@pytest.mark.parametrize("status", [1, -1, "2", 400])
@pytest.mark.parametrize("path", [path for path in READERS if path.startswith(EDIT)])
async def test_a_refusal_inside_a_success_costs_nothing(path: str, status: object) -> None:
    with pytest.raises(Refused) as refusal:
        await answer_of(path, {"status": status, "session_id": SESSION})
    assert (refusal.value.failure.code, refusal.value.failure.charged) == ("session_rejected", False)


JUNK: list[Any] = [None, [], {}, "x", 0, {"task_id": "1"}, {"session_id": "../x"}, {"session_id": ""}, {"images": []}]


@pytest.mark.parametrize("junk", JUNK, ids=repr)
@pytest.mark.parametrize("path", READERS)
async def test_a_paid_answer_that_cannot_be_read_is_a_doubt(path: str, junk: object) -> None:
    with pytest.raises(OutcomeUnknown):
        await answer_of(path, junk)


@pytest.mark.parametrize(
    "payload",
    [
        {"task_id": "1", "task_status": "succeed"},
        {"task_id": "1", "task_status": "succeed", "task_result": {"audios": []}},
        {"task_id": "1", "task_status": "processing"},
        {"task_id": "1", "task_status": "submitted", "task_result": {"audios": [{"url": "https://cdn.example/a"}]}},
    ],
)
async def test_speech_that_is_not_there_is_a_doubt_for_nobody_can_ask_for_it_later(payload: dict[str, object]) -> None:
    with pytest.raises(OutcomeUnknown):
        await answer_of(TTS, payload)


async def test_speech_that_failed_is_a_failure() -> None:
    progress = await answer_of(TTS, {"task_id": "1", "task_status": "failed", "task_status_msg": "risk control"})
    assert progress == Progress("1", "failed", message="risk control")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refused(400, 1201, "Voice id not found"), Refused),
        (refused(500, 5000), OutcomeUnknown),
        (httpx2.ReadTimeout("slow"), OutcomeUnknown),
        (httpx2.Response(502, html="<html>"), OutcomeUnknown),
    ],
)
async def test_a_synchronous_call_fails_as_any_other(
    answer: httpx2.Response | Exception, kind: type[KlingError]
) -> None:
    far_side = FarSide([answer])
    with pytest.raises(kind):
        await far_side.provider().submit(Request("v1", TTS, {}, nameless=True), "km1-A")
    assert len(far_side.requests) == 1
