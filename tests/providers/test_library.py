"""The library: what lists tell, and what deleting means when answers are lost."""

from __future__ import annotations

from typing import Any

import anyio
import httpx2
import pytest

from kling_mcp.errors import Busy, KlingError, NotAuthorised, Refused, Unavailable
from kling_mcp.providers.base import Element, Listed, Origin, Shelf, Voice

from .far_side import Answer, FarSide, answered, pair, refused

pytestmark = pytest.mark.anyio

VOICES: list[Any] = [
    {
        "task_id": "900000000000000001",
        "task_status": "succeed",
        "task_info": {"external_task_id": "km1-V"},
        "task_result": {
            "voices": [
                {
                    "voice_id": "829836802793406551",
                    "voice_name": "Narrator A",
                    "trial_url": "https://cdn.example/trial.mp3",
                    "owned_by": "1234567",
                }
            ]
        },
        "final_unit_deduction": "0.05",
    },
    {"task_id": "900000000000000002", "task_status": "failed", "task_status_msg": "no speech in it"},
    {"task_id": "900000000000000003", "task_status": "processing", "task_result": {}},
]

ELEMENTS: list[Any] = [
    {
        "task_id": "900000000000000011",
        "task_status": "succeed",
        "task_result": {
            "elements": [
                {
                    "element_id": 829836802793406551,
                    "element_name": "Courier",
                    "element_description": "Young courier in a yellow jacket",
                    "reference_type": "image_refer",
                    "element_image_list": {"frontal_image": "https://cdn.example/f.png", "refer_images": []},
                    "element_voice_info": {"voice_id": "1", "voice_name": "Calm", "owned_by": "kling"},
                    "tag_list": [{"id": "o_102", "name": "Character", "description": "People"}],
                    "owned_by": "kling",
                    "status": "succeed",
                }
            ]
        },
    },
    {
        "task_id": "900000000000000012",
        "task_status": "succeed",
        "task_result": {"elements": [{"element_id": 2, "element_name": "Gone", "status": "deleted"}]},
    },
]


@pytest.mark.parametrize(("origin", "path"), [("own", "custom-voices"), ("preset", "presets-voices")])
async def test_voices_are_taken_out_of_the_tasks_that_made_them(origin: Origin, path: str) -> None:
    for credential in (None, pair()):
        far_side = FarSide([answered(VOICES)])
        voices = await far_side.provider(credential).voices(origin, 2, 50)
        assert voices == Listed(
            (Voice("829836802793406551", "Narrator A", "https://cdn.example/trial.mp3", "1234567"),)
        )
        assert far_side.lines == [f"GET /v1/general/{path}?pageNum=2&pageSize=50"]


@pytest.mark.parametrize(
    ("origin", "path"), [("own", "advanced-custom-elements"), ("preset", "advanced-presets-elements")]
)
async def test_elements_keep_their_long_ids_exactly_and_deleted_ones_are_left_out(origin: Origin, path: str) -> None:
    far_side = FarSide([answered(ELEMENTS)])
    elements = await far_side.provider().elements(origin, 1, 30)
    assert elements.things == (
        Element(
            id="829836802793406551",
            name="Courier",
            description="Young courier in a yellow jacket",
            made_from="image_refer",
            owned_by="kling",
            status="succeed",
            tags=("Character",),
            voice="Calm",
        ),
    )
    assert far_side.lines == [f"GET /v1/general/{path}?pageNum=1&pageSize=30"]


async def test_an_id_beyond_what_floats_keep_survives_the_wire_itself() -> None:
    raw = b'{"code":0,"message":"SUCCEED","data":[{"task_result":{"elements":[{"element_id":9223372036854775807}]}}]}'
    elements = await FarSide([httpx2.Response(200, content=raw)]).provider().elements("own", 1, 30)
    assert [element.id for element in elements.things] == ["9223372036854775807"]


async def test_the_new_wire_s_words_and_bare_things_are_understood_too() -> None:
    new: dict[str, Any] = {
        "id": "1",
        "status": "succeeded",
        "outputs": [
            {"type": "voice", "id": "7", "name": "New", "url": "https://cdn.example/t.mp3", "owned_by": "kling"},
            {"type": "voice", "id": "8", "name": "Gone", "status": "deleted"},
            {"type": "element", "id": 9, "name": "Cat", "element_type": "video_character_elements", "tags": [{}]},
        ],
    }
    provider = FarSide(
        [answered([new, {"voice_id": 5, "voice_name": "Bare"}, {"element_id": 6}, None, "x"])]
    ).provider()
    assert (await provider.voices("own", 1, 30)).things == (
        Voice("7", "New", "https://cdn.example/t.mp3", "kling"),
        Voice("5", "Bare"),
    )
    assert (await provider.elements("own", 1, 30)).things == (
        Element("9", "Cat", made_from="video_refer"),
        Element("6", ""),
    )


@pytest.mark.parametrize("payload", [[], None])
async def test_an_empty_library_is_empty(payload: object) -> None:
    assert await FarSide([answered(payload)]).provider().voices("own", 1, 30) == Listed()


async def test_pages_stay_within_what_kling_takes() -> None:
    far_side = FarSide([answered([])])
    await far_side.provider().voices("own", 0, 100_000)
    await far_side.provider().elements("own", 2, 100_000)
    await far_side.provider().elements("preset", 10_000, 0)
    assert [str(r.url.query, "ascii") for r in far_side.requests] == [
        "pageNum=1&pageSize=1000",
        "pageNum=2&pageSize=500",
        "pageNum=1000&pageSize=1",
    ]


async def test_a_page_that_kling_filled_is_known_as_full_although_little_of_it_can_be_used() -> None:
    provider = FarSide([answered(VOICES)] * 2).provider()
    assert [(await provider.voices("own", 1, size)).full for size in (3, 4)] == [True, False]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (answered({"voices": []}), Unavailable),
        (answered("x"), Unavailable),
        (refused(400, 1201, "page is wrong"), Unavailable),
        (refused(500, 5000), Unavailable),
        (refused(401, 1002), NotAuthorised),
        (refused(429, 1302), Busy),
    ],
)
async def test_a_list_that_cannot_be_read_is_no_empty_library(answer: httpx2.Response, kind: type[KlingError]) -> None:
    with pytest.raises(kind):
        await FarSide([answer]).provider().elements("own", 1, 30)


# --- deleting

GONE = answered({"task_id": "1", "task_status": "succeed"})
UNKNOWN = refused(400, 1201, "Element not found: 77")
NOT_HERE = httpx2.Response(404, json={"timestamp": 1, "status": 404, "error": "Not Found"})
LOST = httpx2.ReadTimeout("slow")


async def deleted(answers: list[Answer], shelf: Shelf = "element") -> tuple[KlingError | None, list[str]]:
    far_side = FarSide([*answers])
    with anyio.fail_after(5):
        try:
            await far_side.provider().delete(shelf, "829836802793406551")
        except KlingError as error:
            return error, far_side.lines
    for request in range(len(far_side.requests)):
        assert far_side.body(request) == {f"{shelf}_id": "829836802793406551"}
    return None, far_side.lines


FIRST, SECOND = "POST /v1/general/delete-elements", "POST /v1/general/delete-advanced-elements"


async def test_a_voice_is_deleted_by_its_one_path() -> None:
    assert await deleted([GONE], "voice") == (None, ["POST /v1/general/delete-voices"])


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        ([GONE], [FIRST]),
        ([UNKNOWN, GONE], [FIRST, SECOND]),
        ([refused(404, 1203), GONE], [FIRST, SECOND]),
        ([NOT_HERE, GONE], [FIRST, SECOND]),
        ([httpx2.ConnectError("down"), GONE], [FIRST, FIRST]),
        ([LOST, GONE], [FIRST, FIRST]),
        ([refused(500, 5000), GONE], [FIRST, FIRST]),
        # the first attempt did it, and its answer was lost
        ([LOST, UNKNOWN, UNKNOWN], [FIRST, FIRST, SECOND]),
        ([LOST, UNKNOWN, NOT_HERE], [FIRST, FIRST, SECOND]),
        ([UNKNOWN, LOST, refused(404, 1203)], [FIRST, SECOND, SECOND]),
    ],
)
async def test_an_element_is_deleted_whichever_path_serves_its_kind(answers: list[Answer], asked: list[str]) -> None:
    assert await deleted(answers) == (None, asked)


@pytest.mark.parametrize(
    ("answers", "kind", "requests"),
    [
        ([UNKNOWN, UNKNOWN], Refused, 2),
        ([UNKNOWN, NOT_HERE], Refused, 2),
        ([NOT_HERE, NOT_HERE], NotAuthorised, 2),
        ([refused(401, 1002)], NotAuthorised, 1),
        ([refused(403, 1103)], NotAuthorised, 1),
        ([refused(429, 1302)], Busy, 1),
        ([LOST], Unavailable, 3),
        ([httpx2.ConnectError("down")], Unavailable, 3),
        ([LOST, refused(400, 1201, "element_id is not yours")], Refused, 3),
    ],
)
async def test_what_was_not_deleted_is_said(answers: list[Answer], kind: type[KlingError], requests: int) -> None:
    error, asked = await deleted(answers)
    assert isinstance(error, kind), error
    assert len(asked) == requests


async def test_what_is_not_there_is_said_in_the_words_of_the_library() -> None:
    error, _ = await deleted([refused(400, 1201, "Voice id not found")], "voice")
    assert isinstance(error, Refused)
    assert error.failure.message == "Kling has no voice 829836802793406551 of this account's own to delete."
    assert error.failure.fix.startswith("list_voices with origin 'own'")


async def test_a_pair_whose_token_is_stale_signs_anew() -> None:
    stale = refused(401, 1004, headers={"Date": "Sat, 21 Nov 2099 12:00:00 GMT"})
    far_side = FarSide([stale, GONE])
    await far_side.provider(pair()).delete("voice", "77")
    assert len(far_side.requests) == 2
