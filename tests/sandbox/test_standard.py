"""The new standard: bodies good and bad, and the list of tasks. Expectations: video.md B1 to B3, B8 and section 3."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.shop import LONG_ENOUGH_S, START_MS, TEXT, picture, refusal_in

if TYPE_CHECKING:
    from tests.sandbox.shop import Customer

pytestmark = pytest.mark.anyio

T2V, I2V = "/text-to-video/", "/image-to-video/"
KITE: dict[str, Any] = {"prompt": "A kite"}
FIRST = {"type": "first_frame", "url": "https://cdn.example/a.png"}
LAST = {"type": "last_frame", "url": "https://cdn.example/b.png"}
WORDS = {"type": "prompt", "text": "She turns, @ann smiles"}
ANN = {"type": "element", "element_id": "163", "id": "ann"}
VOICE = {"type": "voice", "voice_id": "829836802793406", "id": "ann"}


def settings(**given: object) -> dict[str, Any]:
    return KITE | {"settings": given}


def contents(*items: object, **given: object) -> dict[str, Any]:
    return {"contents": [*items], "settings": given}


async def test_a_create_is_answered_with_a_submitted_task(kling: Customer) -> None:
    body = {
        "prompt": "A red kite over dunes",
        "settings": {
            "resolution": "1080p",
            "duration": 7,
            "audio": "native",
            "multi_shot": False,
            "aspect_ratio": "16:9",
        },
        "options": {"external_task_id": "k-1"},
    }
    answer = await kling.post(f"{T2V}kling-3.0", body)
    said = answer.json()
    assert answer.status_code == 200
    assert re.fullmatch(r"\d{18,19}", said["data"]["id"])
    assert said == {
        "code": 0,
        "message": "SUCCEED",
        "request_id": said["request_id"],
        "data": {
            "id": said["data"]["id"],
            "status": "submitted",
            "create_time": START_MS,
            "update_time": START_MS,
            "external_id": "k-1",
        },
    }


ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    (f"{T2V}kling-3.0-turbo", KITE),
    (f"{T2V}kling-3.0-turbo", settings(duration=15, resolution="1080p", audio="bogus", mode="pro")),
    (f"{T2V}kling-3.0", settings(resolution="4k", duration=3, audio="native", aspect_ratio="1:1")),
    (f"{T2V}kling-3.0", KITE | {"prompt": "x" * 3072}),
    (f"{T2V}kling-3.0", {"prompt": "shot 1, 3, a kite; shot 2, 2, the sea;"}),
    (f"{T2V}kling-3.0", {"prompt": "shot 1, 9, a kite;", "settings": {"multi_shot": False}}),
    (f"{T2V}kling-3.0-turbo", {"prompt": "shot 1, 3, a kite; shot 2, 2, the sea;"}),
    (f"{T2V}kling-2.6", settings(resolution="1080p", audio="native", duration=10)),
    (f"{T2V}kling-2.6", {"prompt": "shot 1, 9, a kite;"}),
    (f"{T2V}kling-2.5-turbo", settings(audio="native", multi_shot="nonsense")),
    (f"{I2V}kling-3.0", contents(WORDS, FIRST, ANN, resolution="720p", duration=5, audio="off", multi_shot=False)),
    (f"{I2V}kling-3.0", contents(FIRST, LAST, resolution="4k", audio="native", aspect_ratio="nonsense")),
    (f"{I2V}kling-3.0", contents(WORDS, {"type": "first_frame", "url": picture()})),
    (f"{I2V}kling-3.0-turbo", contents(WORDS, FIRST)),
    (f"{I2V}kling-2.6", contents(WORDS, FIRST, VOICE, resolution="1080p", audio="native")),
    (f"{I2V}kling-2.6", contents(WORDS, FIRST, LAST, resolution="1080p")),
    (f"{I2V}kling-2.5-turbo", contents(WORDS, FIRST, LAST, resolution="1080p", duration=10)),
]


@pytest.mark.parametrize(("path", "body"), ACCEPTED)
async def test_what_kling_takes_is_accepted(kling: Customer, path: str, body: dict[str, Any]) -> None:
    await kling.accepted(body, path)


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    (f"{T2V}kling-3.0", settings(resolution="9000p"), "settings.resolution value '9000p' is invalid"),
    (f"{T2V}kling-3.0-turbo", settings(resolution="4k"), "settings.resolution value '4k' is invalid"),
    (f"{T2V}kling-3.0", settings(audio="bogus"), "settings.audio value 'bogus' is invalid"),
    (f"{T2V}kling-3.0", settings(aspect_ratio="7:3"), "settings.aspect_ratio value '7:3' is invalid"),
    (f"{T2V}kling-3.0", settings(duration=16), "settings.duration value '16' is invalid"),
    (f"{T2V}kling-2.6", settings(duration=7), "settings.duration value '7' is invalid"),
    (f"{T2V}kling-3.0", settings(multi_shot="maybe"), "settings.multi_shot value 'maybe' is invalid"),
    (f"{T2V}kling-3.0", KITE | {"settings": "pro"}, "settings value 'pro' is invalid"),
    (f"{T2V}kling-3.0", KITE | {"options": {"callback_url": "x"}}, "options.callback_url value 'x' is invalid"),
    (f"{T2V}kling-3.0", {"contents": [WORDS]}, "prompt is required"),
    (f"{T2V}kling-3.0", {"prompt": ""}, "prompt cannot be empty"),
    (f"{T2V}kling-3.0", {"prompt": "x" * 3073}, "prompt length cannot exceed 3072"),
    (f"{T2V}kling-2.6", {"prompt": "x" * 2501}, "prompt length cannot exceed 2500"),
    (
        f"{T2V}kling-3.0",
        {"prompt": "shot 1, 3, a kite; shot 2, 3, the sea;"},
        "the sum of shot durations must be equal to settings.duration",
    ),
    (
        f"{T2V}kling-3.0",
        {"prompt": "shot 1, 5, a kite; shot 2, 0, the sea;"},
        "the sum of shot durations must be equal to settings.duration",
    ),
    (f"{T2V}kling-3.0", {"prompt": "shot 1, 1, a kite;" * 7}, "shot size cannot exceed 6"),
    (f"{T2V}kling-3.0", {"prompt": f"shot 1, 5, {'x' * 513};"}, "shot prompt length cannot exceed 512"),
    (
        f"{T2V}kling-3.0-turbo",
        {"prompt": "shot 1, 3, a kite; shot 2, 3, the sea;", "settings": {"multi_shot": False}},
        "the sum of shot durations must be equal to settings.duration",
    ),
    (f"{T2V}kling-3.0", {"prompt": "shot 0, 5, a kite;"}, "shot number must be 1 to 6"),
    (f"{T2V}kling-3.0", {"prompt": "shot 1, 2, a kite; shot 7, 3, the sea;"}, "shot number must be 1 to 6"),
    (
        f"{T2V}kling-2.6",
        settings(audio="native"),
        "model/resolution/duration(kling-2.6/720p/5) is not supported with settings.audio",
    ),
    (f"{I2V}kling-3.0", {"prompt": "A kite", "image": "https://cdn.example/a.png"}, "contents cannot be empty"),
    (f"{I2V}kling-3.0", {"contents": []}, "contents cannot be empty"),
    (f"{I2V}kling-3.0", {"contents": "x"}, "contents value 'x' is invalid"),
    (f"{I2V}kling-3.0", contents({"url": "x"}), "contents[0].type is required"),
    (f"{I2V}kling-3.0", contents(WORDS, {"type": "movie"}), "contents[1].type value 'movie' is invalid"),
    (f"{I2V}kling-3.0-turbo", contents(FIRST, LAST), "contents[1].type value 'last_frame' is invalid"),
    (f"{I2V}kling-2.6", contents(FIRST, ANN), "contents[1].type value 'element' is invalid"),
    (f"{I2V}kling-3.0", contents(FIRST, VOICE), "contents[1].type value 'voice' is invalid"),
    (f"{I2V}kling-3.0", contents(WORDS, {"type": "first_frame"}), "contents[1].url is required"),
    (f"{I2V}kling-3.0", contents(WORDS), "first_frame is required"),
    (f"{I2V}kling-3.0", contents(WORDS, LAST), "first_frame is required"),
    (f"{I2V}kling-3.0", contents(FIRST, FIRST), "contents can have only one first_frame"),
    (f"{I2V}kling-3.0", contents(FIRST, ANN, ANN), "contents ids must be unique"),
    (
        f"{I2V}kling-3.0",
        contents(FIRST, *(ANN | {"id": name} for name in "abcd")),
        "model/resolution/duration(kling-3.0/720p/5) is not supported with element",
    ),
    (
        f"{I2V}kling-2.6",
        contents(FIRST, VOICE, resolution="1080p"),
        "settings.audio must be native when a voice is used",
    ),
    (
        f"{I2V}kling-2.6",
        contents(FIRST, LAST),
        "model/resolution/duration(kling-2.6/720p/5) is not supported with last_frame",
    ),
    (
        f"{I2V}kling-2.6",
        contents(FIRST, LAST, resolution="1080p", audio="native"),
        "model/resolution/duration(kling-2.6/1080p/5) is not supported with settings.audio and last_frame",
    ),
    (
        f"{I2V}kling-3.0",
        contents({"type": "first_frame", "url": "data:image/png;base64," + picture()}),
        "File is not in a valid base64 format",
    ),
]


@pytest.mark.parametrize(("path", "body", "message"), REFUSED)
async def test_what_kling_refuses_is_refused_with_its_words(
    kling: Customer, path: str, body: dict[str, Any], message: str
) -> None:
    assert await kling.refusal(path, body) == (400, 1201, message)


@pytest.mark.parametrize("path", [f"{T2V}kling-9", f"{T2V}kling-v3", f"{I2V}kling-v2-6"])
async def test_a_model_the_new_standard_does_not_have_does_not_exist(kling: Customer, path: str) -> None:
    assert (await kling.refusal(path, KITE))[:2] == (404, 1203)


async def test_several_shots_are_the_default_and_turbo_always_has_sound(kling: Customer) -> None:
    await kling.accepted(KITE, f"{T2V}kling-3.0")
    await kling.accepted(KITE, f"{T2V}kling-3.0-turbo")
    seen = [(task.order.model, task.order.makes[0].sound) for task in kling.sandbox.state.tasks]
    assert seen == [("kling-v3", False), ("kling-3.0-turbo", True)]
    split = {"prompt": "shot 1, 9, a kite;"}
    assert (await kling.refusal(f"{T2V}kling-3.0", split))[1] == 1201


# --- the list of tasks -------------------------------------------------------------------------------------


async def listed(kling: Customer, **asked: object) -> Any:  # noqa: ANN401 - any JSON
    answer = (await kling.post("/tasks", asked)).json()
    assert answer["code"] == 0, answer
    return answer["data"]


async def test_an_empty_list_has_no_result(kling: Customer) -> None:
    assert await listed(kling) == {"count": 0, "has_more": False}


async def test_the_list_shows_the_tasks_of_both_wires(kling: Customer) -> None:
    new = await kling.accepted(KITE, f"{T2V}kling-3.0")
    old = await kling.accepted(KITE | {"model_name": "kling-v3", "external_task_id": "job-7"}, TEXT)
    shown = await listed(kling)
    assert {task["id"]: task["external_id"] for task in shown["result"]} == {new: "", old: "job-7"}
    assert (shown["count"], shown["has_more"], shown["next_cursor"]) == (2, False, "")


async def test_a_cursor_leads_through_the_list_newest_first(kling: Customer) -> None:
    made: list[str] = []
    for _ in range(5):
        made.append(await kling.accepted(KITE, f"{T2V}kling-3.0"))
        kling.clock.advance(1.0)
    seen: list[str] = []
    asked: dict[str, Any] = {"limit": 2, "start_time": str(START_MS)}
    for more in (True, True, False):
        page = await listed(kling, **asked)
        seen += [task["id"] for task in page["result"]]
        assert page["has_more"] is more
        asked = {"cursor": page["next_cursor"], "limit": 500}
    assert seen == made[::-1]


async def test_the_list_can_be_narrowed_by_time_status_and_product(kling: Customer) -> None:
    early = await kling.accepted(KITE, f"{T2V}kling-3.0")
    kling.clock.advance(LONG_ENOUGH_S)
    late = await kling.accepted(KITE, f"{T2V}kling-3.0")

    async def found(**asked: object) -> list[str]:
        return [task["id"] for task in (await listed(kling, **asked)).get("result", [])]

    assert await found(end_time=START_MS + 1) == [early]
    assert await found(start_time=START_MS + 1) == [late]
    assert await found(filters=[{"key": "status", "values": ["succeeded", "failed"]}]) == [early]
    assert await found(filters=[{"key": "product_type", "values": ["image"]}]) == []


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"limit": 501}, "limit value '501' is invalid"),
        ({"limit": 0}, "limit value '0' is invalid"),
        ({"start_time": "soon"}, "start_time value 'soon' is invalid"),
        ({"filters": [{"key": "size", "values": ["big"]}]}, "filters.key value 'size' is invalid"),
        ({"cursor": "nonsense"}, "cursor value 'nonsense' is invalid"),
    ],
)
async def test_a_list_that_makes_no_sense_is_refused(kling: Customer, asked: dict[str, Any], message: str) -> None:
    assert refusal_in(await kling.post("/tasks", asked)) == (400, 1201, message)
