"""A task of Kling's, in either shape, read into one record; whatever is odd about it never becomes a failure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from kling_mcp.providers.base import Output, Progress
from kling_mcp.providers.tasks import progress_of

from .far_side import legacy_task, new_task

LEGACY = {
    "task_id": "893605946402811985",
    "task_status": "succeed",
    "task_status_msg": "",
    "task_info": {"external_task_id": "job-7"},
    "task_result": {
        "videos": [
            {
                "id": "893605951234567890",
                "url": "https://cdn.example/v.mp4",
                "watermark_url": "https://cdn.example/v_wm.mp4",
                "duration": "5.041",
            }
        ]
    },
    "watermark_info": {"enabled": True},
    "final_unit_deduction": "2.5",
    "created_at": 1781080778802,
    "updated_at": 1781080894151,
}
"""The example of video.md section 6, literally."""

NEW = {
    "id": "893605946402811985",
    "status": "succeeded",
    "message": "",
    "create_time": 1781080778802,
    "update_time": 1781080894151,
    "external_id": "job-7",
    "outputs": [
        {
            "type": "video",
            "id": "893605951234567890",
            "url": "https://cdn.example/v.mp4",
            "watermark_url": "https://cdn.example/v_wm.mp4",
            "duration": "5.041",
        }
    ],
    "billing": [{"charge_type": "unit", "amount": "2.5", "package_type": "video"}],
}

DONE = Progress(
    task_id="893605946402811985",
    status="succeeded",
    ext_id="job-7",
    outputs=(
        Output("video", "https://cdn.example/v.mp4", "893605951234567890", 5.041),
        Output("video", "https://cdn.example/v_wm.mp4", "893605951234567890", 5.041, watermarked=True),
    ),
    units=Decimal("2.5"),
    created_at=1_781_080_778.802,
    ended_at=1_781_080_894.151,
)


def test_both_shapes_of_a_finished_task_are_the_same_fact() -> None:
    assert progress_of(LEGACY) == DONE
    assert progress_of(NEW) == DONE


def test_a_task_failed_by_moderation_keeps_kling_s_reason() -> None:
    words = "Failure to pass the risk control system"
    legacy = progress_of(legacy_task(1, "failed", task_status_msg=words))
    new = progress_of(new_task(1, "failed", message=words))
    assert (
        legacy
        == new
        == Progress(
            "893605946402811901",
            "failed",
            message=words,
            created_at=1_781_080_778.802,
            ended_at=1_781_080_894.151,
        )
    )


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("submitted", "submitted"),
        ("processing", "processing"),
        ("succeed", "succeeded"),
        ("SUCCEEDED", "succeeded"),
        ("failed", "failed"),
        ("queued", "processing"),
        ("failure", "processing"),
        ("", "processing"),
        (None, "processing"),
        (99, "processing"),
        (["failed"], "processing"),
    ],
)
def test_only_kling_s_own_words_end_a_task(word: object, status: str) -> None:
    for task in ({"task_id": "1", "task_status": word}, {"id": "1", "status": word}):
        assert progress_of(task) == Progress("1", status)  # pyright: ignore[reportArgumentType] - the words under test


@pytest.mark.parametrize("task_id", [893605946402811985, "893605946402811985"])
def test_an_id_is_kept_exactly_whether_it_comes_as_text_or_as_a_number(task_id: object) -> None:
    assert progress_of({"task_id": task_id}) == Progress("893605946402811985", "processing")


@pytest.mark.parametrize("task", [None, [], "x", 1, {}, {"task_id": ""}, {"id": "a/b"}, {"id": True}, {"id": 1.5}])
def test_what_names_no_task_is_no_task(task: object) -> None:
    assert progress_of(task) is None


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        *[("5.1", 5.1), ("5", 5.0), (5, 5.0), (5.041, 5.041), ("", None), ("five", None), (None, None), (-1, None)],
        *[("NaN", None), ("Infinity", None), (True, None), ([5], None), ("9" * 400, None)],
    ],
)
def test_a_duration_is_read_from_text_or_number(given: object, seconds: float | None) -> None:
    url = "https://cdn.example/v.mp4"
    result = {"url": url, "duration": given}
    progress = progress_of({"task_id": "1", "task_result": {"videos": [result]}})
    assert progress == Progress("1", "processing", outputs=(Output("video", url, None, seconds),))


@pytest.mark.parametrize(
    ("billing", "units"),
    [
        ([{"charge_type": "unit", "amount": "2.4"}], Decimal("2.4")),
        ([{"charge_type": "unit", "amount": 2.4}, {"charge_type": "unit", "amount": "0.1"}], Decimal("2.5")),
        ([{"charge_type": "cash", "amount": "0.34", "currency": "USD"}], None),
        ([{"charge_type": "cash", "amount": "9"}, {"charge_type": "unit", "amount": "1"}], Decimal(1)),
        ([{"amount": "2.4"}], None),
        ([{"charge_type": "unit", "amount": "lots"}, "x", None], None),
        ([], None),
        (None, None),
    ],
)
def test_only_units_count_as_units(billing: object, units: Decimal | None) -> None:
    assert progress_of({"id": "1", "billing": billing}) == Progress("1", "processing", units=units)


@pytest.mark.parametrize(
    ("given", "units"), [("4.4", "4.4"), (4.4, "4.4"), ("0", "0"), ("", None), ("NaN", None), ("1e5000", None)]
)
def test_the_legacy_deduction_is_read_from_text_or_number(given: object, units: str | None) -> None:
    expected = None if units is None else Decimal(units)
    assert progress_of({"task_id": "1", "final_unit_deduction": given}) == Progress("1", "processing", units=expected)


def test_pictures_and_sounds_are_results_too_in_both_shapes() -> None:
    legacy: dict[str, Any] = {
        "images": [{"index": 0, "url": "https://cdn.example/i.png"}],
        "audios": [{"id": "7", "url_mp3": "https://cdn.example/a.mp3", "url_wav": "w", "duration_mp3": "5.146"}],
    }
    new: list[dict[str, Any]] = [
        {"type": "image", "url": "https://cdn.example/i.png", "group_id": "3"},
        {"type": "audio", "id": "7", "mp3_url": "https://cdn.example/a.mp3", "wav_url": "w", "mp3_duration": "5.146"},
        {"type": "hologram", "url": "https://cdn.example/h"},
    ]
    expected = (
        Output("image", "https://cdn.example/i.png"),
        Output("audio", "https://cdn.example/a.mp3", "7", 5.146, label="mp3"),
        Output("audio", "w", "7", label="wav"),
    )
    assert progress_of({"task_id": "1", "task_result": legacy}) == Progress("1", "processing", outputs=expected)
    assert progress_of({"id": "1", "outputs": new}) == Progress("1", "processing", outputs=expected)


def test_missing_and_broken_fields_are_left_out() -> None:
    broken = {
        "task_id": "1",
        "task_info": "none",
        "task_result": {"videos": [None, {}, {"url": 7}, {"url": ""}], "images": "none"},
        "created_at": "soon",
        "task_status_msg": ["no"],
    }
    assert progress_of(broken) == Progress("1", "processing")


def test_text_that_no_database_takes_is_made_harmless() -> None:
    progress = progress_of({"id": "1", "message": "a\ud800b\u202ec", "outputs": [{"type": "image", "url": "u\udc00"}]})
    assert progress == Progress("1", "processing", message="a?bc", outputs=(Output("image", "u?"),))
