"""Omni video over both wires: bodies good and bad, prices, results. Expectations: video.md A3, B5, B6, part E."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.shop import LONG_ENOUGH_S, URL, picture

if TYPE_CHECKING:
    from tests.sandbox.shop import Customer

pytestmark = pytest.mark.anyio

OMNI, NEW, O1 = "/v1/videos/omni-video", "/omni-video/kling-3.0-omni", "/omni-video/kling-o1"
PNG, MP4 = "https://cdn.example/a.png", "https://cdn.example/v.mp4"
ANN, FILMED = {"element_id": 163}, {"element_id": 829836802793406555}
"""Elements of Kling's own: one made from pictures, one from a video."""
V3: dict[str, Any] = {"model_name": "kling-v3-omni", "prompt": "A kite", "aspect_ratio": "16:9"}
OLD_O1: dict[str, Any] = {"model_name": "kling-video-o1", "prompt": "A kite", "aspect_ratio": "16:9"}
FIRST, END = {"image_url": PNG, "type": "first_frame"}, {"image_url": PNG, "type": "end_frame"}
BASE, FEATURE = [{"video_url": MP4}], [{"video_url": MP4, "refer_type": "feature"}]


def images(count: int) -> list[dict[str, str]]:
    return [{"image_url": PNG}] * count


ACCEPTED: list[tuple[dict[str, Any], str, str]] = [
    # The vendor's own example, which edits a video: billed on five seconds of input, and in pro unless said otherwise.
    (
        {
            "model_name": "kling-video-o1",
            "prompt": "Give the rider in <<<video_1>>> the helmet of <<<image_1>>>",
            "image_list": [{"image_url": PNG}],
            "video_list": [{"video_url": MP4, "refer_type": "base", "keep_original_sound": "yes"}],
            "mode": "pro",
        },
        "6",
        "4.999",
    ),
    ({"prompt": "A kite", "aspect_ratio": "1:1"}, "4", "5.041"),
    (OLD_O1 | {"duration": "7", "mode": "std"}, "4.2", "7.041"),
    (V3 | {"mode": "std", "duration": 15, "sound": "on"}, "12", "15.041"),
    (V3 | {"mode": "4k", "duration": "3"}, "9", "3.041"),
    (V3 | {"image_list": images(5), "element_list": [ANN, ANN]}, "4", "5.041"),
    (V3 | {"image_list": images(4), "element_list": [FILMED] * 3}, "4", "5.041"),
    (V3 | {"image_list": [FIRST, END], "aspect_ratio": ""}, "4", "5.041"),
    (V3 | {"image_list": [FIRST, *images(2)], "element_list": [ANN] * 3, "aspect_ratio": ""}, "4", "5.041"),
    (V3 | {"video_list": FEATURE, "mode": "std", "aspect_ratio": "", "duration": "4"}, "3.6", "4.041"),
    (V3 | {"video_list": FEATURE, "element_list": [FILMED]}, "6", "5.041"),
    (V3 | {"video_list": [{"video_url": f"{MP4}?seconds=9"}], "duration": "99"}, "10.8", "9.000"),
    (V3 | {"video_list": FEATURE, "multi_shot": True, "shot_type": "intelligence"}, "6", "5.041"),
    (
        V3
        | {
            "multi_shot": "true",
            "shot_type": "customize",
            "prompt": "",
            "multi_prompt": [{"index": 1, "prompt": "Wide", "duration": "5"}],
        },
        "4",
        "5.041",
    ),
]


@pytest.mark.parametrize(("body", "units", "seconds"), ACCEPTED)
async def test_what_kling_takes_is_made_at_the_price_of_the_card(
    kling: Customer, body: dict[str, Any], units: str, seconds: str
) -> None:
    shown = await kling.finished(body, OMNI)
    assert shown["final_unit_deduction"] == units
    assert abs(float(shown["task_result"]["videos"][0]["duration"]) - float(seconds)) < 0.002


REFUSED: list[tuple[dict[str, Any], str]] = [
    (V3 | {"model_name": "kling-v3"}, "model is not supported"),
    (OLD_O1 | {"mode": "4k"}, "mode value '4k' is invalid"),
    (OLD_O1 | {"duration": "11"}, "duration value '11' is invalid"),
    (V3 | {"duration": "2"}, "duration value '2' is invalid"),
    (V3 | {"sound": "loud"}, "sound value 'loud' is invalid"),
    (V3 | {"aspect_ratio": "4:3"}, "aspect_ratio value '4:3' is invalid"),
    (V3 | {"prompt": "x" * 2501}, "prompt length cannot exceed 2500"),
    (V3 | {"prompt": ""}, "prompt cannot be empty"),
    (V3 | {"image_list": [{"image_url": ""}]}, "image_list[0].image_url is required"),
    (V3 | {"image_list": [{"image": PNG}]}, "image_list[0].image_url is required"),
    (V3 | {"image_list": [FIRST | {"type": "middle"}]}, "image_list[0].type value 'middle' is invalid"),
    (V3 | {"image_list": [FIRST, FIRST]}, "image_list can have only one first_frame"),
    (V3 | {"video_list": [BASE[0], BASE[0]]}, "video_list size cannot exceed 1"),
    (V3 | {"video_list": [{"refer_type": "base"}]}, "video_list[0].video_url is required"),
    (V3 | {"video_list": [{"video_url": MP4, "refer_type": "x"}]}, "video_list[0].refer_type value 'x' is invalid"),
    (V3 | {"video_list": [{"video_url": "AAAA"}]}, "video_list[0].video_url value 'AAAA' is invalid"),
    (V3 | {"aspect_ratio": ""}, "aspect_ratio is required"),
    (V3 | {"image_list": [END]}, "end_frame is only supported with first_frame"),
    (V3 | {"image_list": [FIRST], "video_list": BASE}, "first_frame is not supported with a base video"),
    (V3 | {"sound": "on", "video_list": BASE}, "sound must be off with video_list"),
    (V3 | {"sound": "on", "video_list": FEATURE}, "sound must be off with video_list"),
    (OLD_O1 | {"sound": "on"}, "model/mode/duration(kling-video-o1/pro/5) is not supported with sound"),
    (
        OLD_O1 | {"multi_shot": True, "shot_type": "intelligence"},
        "model/mode/duration(kling-video-o1/pro/5) is not supported with multi_shot",
    ),
    (
        V3 | {"multi_shot": True, "shot_type": "intelligence", "video_list": BASE},
        "multi_shot is not supported with a base video",
    ),
    (
        V3
        | {
            "multi_shot": True,
            "shot_type": "customize",
            "multi_prompt": [{"index": 1, "prompt": "Wide", "duration": "5"}],
            "video_list": FEATURE,
        },
        "shot_type must be intelligence with a feature video",
    ),
    (
        OLD_O1 | {"image_list": [FIRST, END, *images(1)]},
        "refer images and elements are not supported with first and last frame",
    ),
    (
        OLD_O1 | {"image_list": [FIRST, END], "element_list": [ANN]},
        "refer images and elements are not supported with first and last frame",
    ),
    (
        OLD_O1 | {"image_list": [FIRST], "duration": "7"},
        "Duration only supports 5 or 10 seconds when no refer_image is provided",
    ),
    (OLD_O1 | {"element_list": [FILMED]}, "video character elements are not supported by the current model"),
    (V3 | {"image_list": images(8)}, "the sum of images and elements cannot exceed 7"),
    (V3 | {"image_list": images(5), "element_list": [ANN] * 3}, "the sum of images and elements cannot exceed 7"),
    (V3 | {"image_list": images(5), "video_list": FEATURE}, "the sum of images and elements cannot exceed 4"),
    (V3 | {"image_list": images(5), "element_list": [FILMED]}, "the sum of images and elements cannot exceed 4"),
    (V3 | {"element_list": [FILMED] * 4}, "video character element size cannot exceed 3"),
    (V3 | {"element_list": [ANN] * 4, "image_list": [FIRST]}, "element size cannot exceed 3 with frames"),
    (
        V3 | {"element_list": [FILMED, ANN], "video_list": FEATURE},
        "only 1 video character element is supported with a video",
    ),
    (V3 | {"element_list": [{"element_id": 7}]}, "Element id not found: 7"),
    (V3 | {"image_list": [{"image_url": "data:image/png;base64,AAAA"}]}, "File is not in a valid base64 format"),
    (V3 | {"image_list": [{"image_url": picture(299, 400)}]}, "Image pixel is invalid"),
    (OLD_O1 | {"video_list": [{"video_url": f"{MP4}?seconds=12"}]}, "Video duration must be 3s to 10s"),
    (V3 | {"video_list": [{"video_url": f"{MP4}?seconds=2"}]}, "Video duration must be 3s to 15.5s"),
    (V3 | {"video_list": [{"video_url": f"{URL}/files/123456789012345678.mp4"}]}, "File cannot be downloaded"),
]


@pytest.mark.parametrize(("body", "message"), REFUSED, ids=[row[1] for row in REFUSED])
async def test_what_kling_refuses_is_refused(kling: Customer, body: dict[str, Any], message: str) -> None:
    assert await kling.refusal(OMNI, body) == (400, 1201, message)


# --- the new standard --------------------------------------------------------------------------------------


def contents(*items: object, **settings: object) -> dict[str, Any]:
    return {"contents": [*items], "settings": settings}


WORDS = {"type": "prompt", "text": "Recolor the bird like @img"}
REFER = {"type": "refer_image", "url": PNG, "id": "img"}
EDIT, WATCH = {"type": "base_video", "url": MP4, "id": "vid"}, {"type": "feature_video", "url": MP4}
N_FIRST, N_LAST = {"type": "first_frame", "url": PNG}, {"type": "last_frame", "url": PNG}
N_ANN = {"type": "element", "element_id": "163", "id": "ann"}

NEW_ACCEPTED: list[tuple[str, dict[str, Any], str]] = [
    (NEW, contents(WORDS, REFER, EDIT, audio="original", multi_shot=False, resolution="1080p"), "6"),
    (NEW, contents(WORDS), "3"),
    ("/omni-video/kling-v3-omni", contents(WORDS, REFER, audio="native", duration=3), "2.4"),
    (NEW, contents(WORDS, REFER, EDIT), "4.5"),
    (NEW, contents(WORDS, WATCH, resolution="4k"), "15"),
    (NEW, contents({"type": "prompt", "text": "shot 1, 2, a; shot 2, 3, b;"}, N_FIRST, N_LAST, N_ANN), "3"),
    (NEW, contents({"type": "prompt", "text": "x" * 3072}), "3"),
    (O1, contents(WORDS, REFER, duration=7, resolution="1080p"), "5.6"),
    (O1, contents(WORDS, N_FIRST, WATCH, audio="off"), "4.5"),
    (O1, contents(WORDS, N_FIRST, N_LAST, duration=10), "6"),
]


@pytest.mark.parametrize(("path", "body", "units"), NEW_ACCEPTED)
async def test_the_new_wire_makes_it_at_the_price_of_the_card(
    kling: Customer, path: str, body: dict[str, Any], units: str
) -> None:
    task_id = await kling.accepted(body, path)
    kling.clock.advance(LONG_ENOUGH_S)
    [shown] = await kling.data(f"/tasks?task_ids={task_id}")
    assert (shown["status"], [bill["amount"] for bill in shown["billing"]]) == ("succeeded", [units])


NEW_REFUSED: list[tuple[str, dict[str, Any], str]] = [
    (NEW, {"model_name": "kling-v3-omni", "prompt": "A kite", "image_list": []}, "contents cannot be empty"),
    (NEW, contents(WORDS, resolution="9000p"), "settings.resolution value '9000p' is invalid"),
    (NEW, contents(WORDS, audio="bogus"), "settings.audio value 'bogus' is invalid"),
    (O1, contents(WORDS, REFER, audio="native"), "settings.audio value 'native' is invalid"),
    (O1, contents(WORDS, REFER, resolution="4k"), "settings.resolution value '4k' is invalid"),
    (NEW, contents(WORDS, {"type": "voice", "id": "a"}), "contents[1].type value 'voice' is invalid"),
    (NEW, contents(WORDS, {"type": "element", "element_id": 163}), "contents[1].id is required"),
    (NEW, contents(WORDS, {"type": "refer_image"}), "contents[1].url is required"),
    (NEW, contents(WORDS, N_LAST), "last_frame is only supported with first_frame"),
    (NEW, contents(WORDS, REFER, REFER), "contents ids must be unique"),
    (NEW, contents(WORDS, EDIT, WATCH), "contents can have only one video"),
    (NEW, contents(WORDS, N_FIRST, EDIT), "first_frame is not supported with a base video"),
    (NEW, contents(WORDS, EDIT, multi_shot=True), "multi_shot is not supported with a base video"),
    (NEW, contents(WORDS, EDIT, audio="native"), "settings.audio cannot be native with a video"),
    (NEW, contents(WORDS, WATCH, audio="original"), "settings.audio must be off with feature_video"),
    (
        NEW,
        contents({"type": "prompt", "text": "shot 1, 3, a kite;"}),
        "the sum of shot durations must be equal to settings.duration",
    ),
    (O1, contents(WORDS, duration=7), "Duration only supports 5 or 10 seconds when no refer_image is provided"),
    (
        O1,
        contents(WORDS, N_FIRST, duration=7),
        "Duration only supports 5 or 10 seconds when no refer_image is provided",
    ),
    (
        O1,
        contents(WORDS, N_FIRST, N_LAST, N_ANN),
        "refer images and elements are not supported with first and last frame",
    ),
    (O1, contents(WORDS, N_FIRST, N_LAST, WATCH), "last frame is not supported with a feature video"),
    (O1, contents({"type": "prompt", "text": "x" * 2501}), "contents[0].text length cannot exceed 2500"),
]


@pytest.mark.parametrize(("path", "body", "message"), NEW_REFUSED, ids=[row[2] for row in NEW_REFUSED])
async def test_what_the_new_wire_refuses_is_refused(
    kling: Customer, path: str, body: dict[str, Any], message: str
) -> None:
    assert await kling.refusal(path, body) == (400, 1201, message)


@pytest.mark.parametrize("path", ["/omni-video/kling-video-o1", "/omni-video/kling-3.0"])
async def test_a_model_the_new_wire_does_not_have_does_not_exist(kling: Customer, path: str) -> None:
    assert (await kling.refusal(path, contents(WORDS)))[:2] == (404, 1203)


# --- results -----------------------------------------------------------------------------------------------


async def test_an_edited_video_of_ours_keeps_its_length_shape_and_sound_and_shows_its_last_frame(
    kling: Customer,
) -> None:
    source = await kling.clip(duration="7", sound="on", aspect_ratio="9:16")
    body = V3 | {"video_list": [{"video_url": f"{URL}/files/{source}.mp4", "keep_original_sound": "yes"}]}
    shown = await kling.finished(body, OMNI)
    [make] = kling.sandbox.state.tasks[-1].order.makes
    assert (make.aspect_ratio, make.sound, make.backdrop) == ("9:16", True, f"made:{source}")
    assert (shown["task_result"]["videos"][0]["duration"], shown["final_unit_deduction"]) == ("7.041", "8.4")


async def test_a_first_frame_decides_the_shape_and_a_plain_picture_does_not(kling: Customer) -> None:
    frame = {"image_url": picture(600, 400)}
    await kling.accepted(V3 | {"image_list": [frame | {"type": "first_frame"}]}, OMNI)
    await kling.accepted(V3 | {"image_list": [frame]}, OMNI)
    first, plain = (task.order.makes[0] for task in kling.sandbox.state.tasks)
    assert (first.aspect_ratio, plain.aspect_ratio) == ("600:400", "16:9")
    assert first.backdrop == plain.backdrop is not None


async def test_elements_of_another_account_do_not_exist_on_either_wire(kling: Customer) -> None:
    stranger = 999999999999999999
    message = (400, 1201, f"Element id not found: {stranger}")
    assert await kling.refusal(OMNI, V3 | {"element_list": [{"element_id": stranger}]}) == message
    assert await kling.refusal(NEW, contents(WORDS, N_ANN | {"element_id": str(stranger)})) == message
