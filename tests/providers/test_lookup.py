"""Asking how tasks stand: in how few requests, and never concluding more than Kling said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import httpx2
import pytest

from kling_mcp.errors import Busy, InvalidRequest, KlingError, NotAuthorised, Unavailable
from kling_mcp.providers.base import Progress, TaskRef
from kling_mcp.providers.lists import MAX_PAGES
from kling_mcp.providers.lookup import MAX_SINGLE_READS
from kling_mcp.providers.pages import ROWS
from kling_mcp.providers.replies import READERS

from .far_side import FarSide, answered, legacy_task, new_task, pair, refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kling_mcp.providers.credentials import KeyPair
    from kling_mcp.providers.official import OfficialProvider

pytestmark = pytest.mark.anyio

T2V, I2V = "/v1/videos/text2video", "/v1/videos/image2video"


def known(number: int, path: str = T2V) -> TaskRef:
    return TaskRef("v1", path, f"km1-{number}", f"8936059464028119{number:02}")


def doubted(number: int, path: str = T2V) -> TaskRef:
    return TaskRef("v1", path, f"km1-{number}")


def ended(task_id: str, ext_id: str) -> Progress:
    return Progress(task_id, "succeeded", ext_id, created_at=1_781_080_778.802, ended_at=1_781_080_894.151)


async def looked_up(provider: OfficialProvider, refs: Sequence[TaskRef]) -> Mapping[str, Progress]:
    with anyio.fail_after(5):
        return await provider.look_up(refs)


def ids_of(request: httpx2.Request) -> list[str]:
    key = "task_ids" if "task_ids" in request.url.params else "external_task_ids"
    return request.url.params[key].split(",")


def knows_all(request: httpx2.Request) -> httpx2.Response:
    """``GET /tasks`` of a Kling that has every task it is asked for."""
    external = "external_task_ids" in request.url.params
    numbers = [int(i.split("-")[1]) if external else int(i[16:]) for i in ids_of(request)]
    return answered([new_task(n, ext_id=f"km1-{n}") for n in numbers])


# --- with an API key


async def test_nothing_is_asked_about_nothing() -> None:
    for credential in (None, pair()):
        far_side = FarSide([answered([])])
        assert await looked_up(far_side.provider(credential), []) == {}
        assert far_side.requests == []


async def test_up_to_twenty_known_tasks_of_any_family_and_wire_cost_one_request() -> None:
    refs = [known(n, (T2V, I2V, "/text-to-video/kling-3.0-turbo")[n % 3]) for n in range(1, 21)]
    far_side = FarSide([knows_all])
    found = await looked_up(far_side.provider(), refs)
    assert list(found) == [ref.ext_id for ref in refs]
    assert far_side.lines == ["GET /tasks?task_ids=" + "%2C".join(ref.task_id or "" for ref in refs)]


async def test_up_to_twenty_doubts_cost_one_request() -> None:
    far_side = FarSide([knows_all])
    found = await looked_up(far_side.provider(), [doubted(n) for n in range(1, 21)])
    assert len(found) == 20
    assert [r.url.path for r in far_side.requests] == ["/tasks"]
    assert ids_of(far_side.requests[0]) == [f"km1-{n}" for n in range(1, 21)]


async def test_known_and_doubted_tasks_are_never_asked_for_in_one_request() -> None:
    far_side = FarSide([knows_all])
    found = await looked_up(far_side.provider(), [known(1), doubted(2), known(3), doubted(4)])
    assert set(found) == {"km1-1", "km1-2", "km1-3", "km1-4"}
    assert sorted(far_side.lines) == [
        "GET /tasks?external_task_ids=km1-2%2Ckm1-4",
        "GET /tasks?task_ids=893605946402811901%2C893605946402811903",
    ]


async def test_many_tasks_are_asked_for_twenty_at_a_time() -> None:
    far_side = FarSide([knows_all])
    found = await looked_up(far_side.provider(), [known(n) for n in range(45)])
    assert len(found) == 45
    assert sorted(len(ids_of(r)) for r in far_side.requests) == [5, 20, 20]


def absent(ext_id: str) -> httpx2.Response:
    """What the old wire's own read says of a task that does not exist."""
    return refused(400, 1201, f"Task not found by id/external id: {ext_id}")


async def test_a_task_that_neither_read_knows_is_absent() -> None:
    far_side = FarSide([answered([new_task(1, "succeeded", "km1-1")]), absent("893605946402811902")])
    found = await looked_up(far_side.provider(), [known(1), known(2)])
    assert found == {"km1-1": ended("893605946402811901", "km1-1")}
    assert far_side.lines[1:] == [f"GET {T2V}/893605946402811902"]


async def test_a_task_of_the_old_wire_that_the_common_read_does_not_know_is_asked_for_where_it_was_made() -> None:
    far_side = FarSide([answered([]), answered(legacy_task(2, "processing", "km1-2"))])
    found = await looked_up(far_side.provider(), [doubted(2)])
    assert found["km1-2"].status == "processing"
    assert far_side.lines == ["GET /tasks?external_task_ids=km1-2", f"GET {T2V}/km1-2"]


async def test_a_task_of_the_new_wire_that_the_common_read_does_not_know_is_absent() -> None:
    far_side = FarSide([answered([])])
    ref = TaskRef("v2", "/text-to-video/kling-3.0-turbo", "km1-1")
    assert await looked_up(far_side.provider(), [ref]) == {}
    assert len(far_side.requests) == 1


async def test_a_task_made_on_the_legacy_wire_may_come_in_its_own_shape() -> None:
    far_side = FarSide([answered([legacy_task(2, "succeed", "km1-2")])])
    found = await looked_up(far_side.provider(), [doubted(2)])
    assert found["km1-2"].status == "succeeded"


async def test_doubts_that_kling_answers_without_our_ids_are_asked_one_at_a_time() -> None:
    def forgetful(request: httpx2.Request) -> httpx2.Response:
        if request.url.path != "/tasks":
            return absent("km1-3")
        return answered([new_task(int(i.split("-")[1])) for i in ids_of(request) if i != "km1-3"])

    far_side = FarSide([forgetful])
    found = await looked_up(far_side.provider(), [doubted(1), doubted(2), doubted(3)])
    assert {ext_id: progress.task_id[-2:] for ext_id, progress in found.items()} == {"km1-1": "01", "km1-2": "02"}
    assert [r.url.path for r in far_side.requests] == ["/tasks"] * 4 + [f"{T2V}/km1-3"]


UNCLEAR = {
    "no list": answered({"id": "1"}),
    "null": answered(None),
    "a member that is no task": answered([new_task(1, ext_id="km1-1"), {"status": "failed"}]),
    "a member that is nothing": answered([None]),
    "a task nobody asked for": answered([new_task(9, ext_id="km1-9")]),
    "two tasks under one id": answered([new_task(1), new_task(2)]),
    "refused": refused(400, 1201, "task_ids or external_task_ids is required"),
    "absent in words of the other read": refused(404, 1203, "Task not found by id/external id: km1-1"),
    "server error": refused(500, 5000),
    "html": httpx2.Response(200, html="<html>"),
    "framework": httpx2.Response(502, json={"status": 502}),
    "no network": httpx2.ConnectError("down"),
}


@pytest.mark.parametrize("name", UNCLEAR)
async def test_from_an_unclear_answer_nothing_is_concluded(name: str) -> None:
    with pytest.raises(Unavailable):
        await looked_up(FarSide([UNCLEAR[name]]).provider(), [doubted(1)])


@pytest.mark.parametrize(("answer", "kind"), [(refused(401, 1002), NotAuthorised), (refused(429, 1302), Busy)])
async def test_one_unanswered_part_leaves_the_whole_question_unanswered(
    answer: httpx2.Response, kind: type[KlingError]
) -> None:
    far_side = FarSide([lambda r: answer if "external_task_ids" in r.url.params else knows_all(r)])
    with pytest.raises(kind):
        await looked_up(far_side.provider(), [known(1), doubted(2)])


# --- with an access key and a secret key


async def test_a_lone_task_is_read_by_its_id_and_a_lone_doubt_by_ours() -> None:
    far_side = FarSide([answered(legacy_task(1, "processing", "km1-1"))])
    await looked_up(far_side.provider(pair()), [known(1)])
    await looked_up(far_side.provider(pair()), [doubted(1, I2V)])
    assert far_side.lines == [f"GET {T2V}/893605946402811901", f"GET {I2V}/km1-1"]


async def test_many_tasks_of_a_family_are_found_on_its_newest_page() -> None:
    page = answered([legacy_task(n, ext_id=f"km1-{n}") for n in range(60)])
    far_side = FarSide([page])
    found = await looked_up(far_side.provider(pair()), [*map(known, range(20)), *map(doubted, range(20, 40))])
    assert len(found) == 40
    assert far_side.lines == [f"GET {T2V}?pageNum=1&pageSize=500"]


async def test_families_are_asked_apart() -> None:
    far_side = FarSide([answered([legacy_task(n, ext_id=f"km1-{n}") for n in range(4)])])
    await looked_up(far_side.provider(pair()), [known(0), known(1, I2V), known(2), known(3, I2V)])
    assert far_side.lines == [f"GET {T2V}?pageNum=1&pageSize=500", f"GET {I2V}?pageNum=1&pageSize=500"]


async def test_a_task_the_list_does_not_show_is_read_by_its_id_before_it_counts_as_absent() -> None:
    def kling(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == T2V:
            return answered([legacy_task(1, ext_id="km1-1")])
        if request.url.path.endswith("02"):
            return answered(legacy_task(2, "succeed", "km1-2"))
        return refused(400, 1201, f"Task not found by id/external id: {request.url.path.split('/')[-1]}")

    far_side = FarSide([kling])
    found = await looked_up(far_side.provider(pair()), [known(1), known(2), doubted(3)])
    assert {ext_id: progress.status for ext_id, progress in found.items()} == {
        "km1-1": "processing",
        "km1-2": "succeeded",
    }
    assert len(far_side.requests) == 3


@pytest.mark.parametrize(
    "answer",
    [
        refused(404, 1203, "Task not found by id/external id: km1-1"),
        refused(400, 1200, "Task not found by id/external id: km1-1"),
        refused(400, 1201, "Sorry: Task not found by id/external id: km1-1"),
        refused(400, 1201, "task not found"),
        refused(400, 1201, "page size value is invalid"),
        refused(404, 1203, "no such resource"),
        answered(None),
        answered([]),
        answered({}),
    ],
)
async def test_only_kling_s_own_sentence_proves_absence(answer: httpx2.Response) -> None:
    with pytest.raises(Unavailable):
        await looked_up(FarSide([answer]).provider(pair()), [doubted(1)])


async def test_the_pages_and_single_reads_of_one_look_up_are_bounded() -> None:
    full = answered([legacy_task(99)] * ROWS)
    far_side = FarSide(
        [lambda r: full if r.url.path == T2V else answered(legacy_task(int(r.url.path[-2:]), "succeed"))]
    )
    found = await looked_up(far_side.provider(pair()), [known(n) for n in range(60)])
    assert len(far_side.requests) == MAX_PAGES + MAX_SINGLE_READS
    assert sorted((p.fresh, p.status, p.trace) for p in found.values()) == [
        *[(False, "processing", "later")] * 40,
        *[(True, "succeeded", "")] * 20,
    ]


async def test_those_in_doubt_are_read_first_and_never_made_up() -> None:
    def kling(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == T2V:
            return answered([])
        return refused(400, 1201, "Task not found by id/external id: x")

    far_side = FarSide([kling])
    refs = [*(known(n) for n in range(30)), *(doubted(n) for n in range(30, 45))]
    found = await looked_up(far_side.provider(pair()), refs)
    asked = {r.url.path.split("/")[-1] for r in far_side.requests}
    assert {f"km1-{n}" for n in range(30, 45)} <= asked
    assert not {f"km1-{n}" for n in range(30, 45)} & found.keys()

    found = await looked_up(FarSide([kling]).provider(pair()), [doubted(n) for n in range(21)])
    assert [(p.task_id, p.fresh, p.trace) for p in found.values()] == [("", False, "later")]


async def test_a_job_of_the_new_wire_cannot_be_asked_for_with_a_pair() -> None:
    far_side = FarSide([answered([])])
    with pytest.raises(NotAuthorised, match="KLING_ACCESS_KEY") as refusal:
        await looked_up(far_side.provider(pair()), [TaskRef("v2", "/text-to-video/kling-3.0-turbo", "km1-1")])
    assert "KLING_API_KEY" in refusal.value.failure.fix
    assert far_side.requests == []


# --- tasks about which Kling can tell less

LIPS, VIEWS = "/v1/videos/advanced-lip-sync", "/v1/general/ai-multi-shot"
UNTOLD = Progress("", "processing", fresh=False)


def family(path: str, *pages: Sequence[object], single: httpx2.Response | None = None) -> FarSide:
    """A Kling whose common read knows nothing, whose single read knows task ids alone, and whose list has pages."""

    def kling(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/tasks":
            return answered([])
        if request.url.path == path:
            page = int(request.url.params["pageNum"])
            return answered(list(pages[page - 1]) if page <= len(pages) else [])
        return single or absent(request.url.path.split("/")[-1])

    return FarSide([kling])


@pytest.mark.parametrize("path", [LIPS, VIEWS])
@pytest.mark.parametrize("credential", [None, pair()])
async def test_where_single_reads_may_know_task_ids_alone_the_list_finds_a_doubt_by_our_id(
    path: str, credential: KeyPair | None
) -> None:
    far_side = family(path, [legacy_task(1, ext_id="km1-1"), legacy_task(2, "succeed", "km1-2")])
    found = await looked_up(far_side.provider(credential), [doubted(2, path)])
    assert found == {"km1-2": ended("893605946402811902", "km1-2")}


@pytest.mark.parametrize("path", [LIPS, VIEWS])
@pytest.mark.parametrize("credential", [None, pair()])
@pytest.mark.parametrize(
    ("pages", "found"),
    [
        ([], {}),
        ([[legacy_task(1, ext_id="km1-1")]], {}),
        ([[legacy_task(1)], [legacy_task(3, ext_id="km1-3"), legacy_task(4)]], {}),
        ([[legacy_task(1), legacy_task(3)]], {"km1-2": UNTOLD}),
        ([[legacy_task(n, ext_id=f"km1-{n}")] for n in range(5, 5 + MAX_PAGES)], {"km1-2": UNTOLD}),
    ],
)
async def test_there_absence_needs_a_list_read_to_its_end_that_shows_our_kind_of_ids(
    path: str, credential: KeyPair | None, pages: list[list[object]], found: dict[str, Progress]
) -> None:
    assert await looked_up(family(path, *pages).provider(credential), [doubted(2, path)]) == found


async def test_a_list_that_cannot_be_read_proves_nothing() -> None:
    pages: list[list[object]] = [["x"], [{}], [legacy_task(1, ext_id="km1-1"), None]]
    for page in pages:
        for credential in (None, pair()):
            with pytest.raises(Unavailable):
                await looked_up(family(LIPS, page).provider(credential), [doubted(2, LIPS)])


async def test_a_single_read_that_knows_our_id_after_all_is_believed() -> None:
    far_side = family(LIPS, [legacy_task(1)], single=answered(legacy_task(2, "processing", "km1-2")))
    assert (await looked_up(far_side.provider(), [doubted(2, LIPS)]))["km1-2"].task_id == "893605946402811902"
    assert LIPS not in [r.url.path for r in far_side.requests]


async def test_a_known_task_of_such_a_family_is_read_by_its_id_and_can_be_absent() -> None:
    assert await looked_up(family(LIPS, [legacy_task(1)]).provider(), [known(2, LIPS)]) == {}


@pytest.mark.parametrize("credential", [None, pair()])
async def test_one_doubt_that_cannot_be_told_does_not_hide_the_others(credential: KeyPair | None) -> None:
    def kling(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/tasks":
            return answered([new_task(1, ext_id="km1-1")]) if "893605946402811901" in str(request.url) else answered([])
        if request.url.path == LIPS:
            return answered([legacy_task(9)] if request.url.params["pageNum"] == "1" else [])
        if request.url.path == f"{T2V}/893605946402811901":
            return answered(legacy_task(1, ext_id="km1-1"))
        return absent("x")

    found = await looked_up(FarSide([kling]).provider(credential), [known(1), doubted(2, LIPS)])
    assert found["km1-1"].fresh
    assert found["km1-2"] == UNTOLD


@pytest.mark.parametrize("credential", [None, pair()])
@pytest.mark.parametrize("path", READERS)
async def test_nobody_is_asked_about_what_was_answered_at_once(path: str, credential: KeyPair | None) -> None:
    far_side = FarSide([answered([])])
    found = await looked_up(far_side.provider(credential), [known(1, path), doubted(2, path)])
    assert found == {
        "km1-1": Progress("893605946402811901", "processing", fresh=False),
        "km1-2": UNTOLD,
    }
    assert far_side.requests == []


@pytest.mark.parametrize("credential", [None, pair()])
async def test_an_old_lip_sync_is_asked_for_by_its_task_id_alone(credential: KeyPair | None) -> None:
    path = "/v1/videos/lip-sync"
    far_side = FarSide([absent("x")])
    assert await looked_up(far_side.provider(credential), [doubted(2, path)]) == {"km1-2": UNTOLD}
    assert far_side.requests == []
    far_side = family(path, single=answered(legacy_task(1)))
    assert (await looked_up(far_side.provider(credential), [known(1, path)]))["km1-1"].status == "processing"


# --- tasks made elsewhere


async def test_a_task_whose_function_nobody_knows_is_found_by_the_common_read_alone() -> None:
    far_side = FarSide([answered([new_task(1, "succeeded", "theirs")])])
    found = await looked_up(far_side.provider(), [known(1, "")])
    assert found["km1-1"].status == "succeeded"
    far_side = FarSide([answered([])])
    assert await looked_up(far_side.provider(), [known(1, "")]) == {}
    assert [r.url.path for r in far_side.requests] == ["/tasks"]


async def test_a_pair_must_be_told_the_function() -> None:
    far_side = FarSide([answered([])])
    with pytest.raises(InvalidRequest, match=r"Name the tool it was made with, or set KLING_API_KEY"):
        await looked_up(far_side.provider(pair()), [known(1, "")])
    assert far_side.requests == []


@pytest.mark.parametrize("ref", [known(2), doubted(2)], ids=["known", "doubted"])
async def test_an_answer_about_another_task_than_was_asked_for_is_no_answer(ref: TaskRef) -> None:
    far_side = FarSide([answered(legacy_task(1, "succeed", "km1-1"))])
    with pytest.raises(Unavailable, match="not asked for"):
        await looked_up(far_side.provider(pair()), [ref])
