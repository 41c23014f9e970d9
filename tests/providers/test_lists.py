"""Many tasks out of Kling's lists: within a budget, in whatever order, and never concluding more than was shown."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from kling_mcp.errors import Unavailable
from kling_mcp.providers.asking import BUDGET
from kling_mcp.providers.base import Progress, TaskRef

from .far_side import FarSide, answered, new_task, pair, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import httpx2

    from kling_mcp.providers.credentials import KeyPair

pytestmark = pytest.mark.anyio

T0 = 1_781_080_000.0
T2V, TURBO = "/v1/videos/text2video", "/text-to-video/kling-3.0-turbo"


def task_id(number: int) -> str:
    return f"8936059464{number:08}"


def ref(number: int, **more: Any) -> TaskRef:  # noqa: ANN401 - any column
    known = TaskRef("v1", T2V, f"km1-{number}", task_id(number), begun_at=T0 + number, chance=0.05)
    return replace(known, **more)


class ListingKling:
    """A Kling with lists: of all families and of one, a task a second, in the order and with the manners of a test."""

    def __init__(
        self,
        count: int,
        ended: Sequence[int] = (),
        *,
        order: Callable[[Sequence[int]], Sequence[int]] | None = None,
        lists: httpx2.Response | None = None,
        filters: bool = True,
        unlisted: Sequence[int] = (),
    ) -> None:
        self.numbers, self.ended, self.order = range(count), frozenset(ended), order or oldest_first
        self.lists, self.filters, self.unlisted = lists, filters, frozenset(unlisted)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/tasks" and request.method == "POST":
            return self.lists or self._listed(json.loads(request.content))
        if request.url.path == "/tasks":
            ids = request.url.params["task_ids"].split(",")
            return answered([self._new(int(each[10:])) for each in ids if int(each[10:]) in self.numbers])
        if request.url.path == T2V:
            page, size = int(request.url.params["pageNum"]), int(request.url.params["pageSize"])
            shown = self.order(list(reversed(self.numbers)))[(page - 1) * size : page * size]
            return answered([self._old(n) for n in shown if n not in self.unlisted])
        return answered(self._old(int(request.url.path[-8:])))

    def _listed(self, asked: Mapping[str, Any]) -> httpx2.Response:
        wanted = set(asked["filters"][0]["values"]) if self.filters else None
        skip = int(asked.get("cursor", 0))
        start, end = asked["start_time"] / 1000 - T0, asked["end_time"] / 1000 - T0
        found = [n for n in self.order(self.numbers) if start <= n <= end and n not in self.unlisted]
        found = [n for n in found if wanted is None or self._status(n) in wanted]
        shown, more = found[skip : skip + asked["limit"]], skip + asked["limit"] < len(found)
        answer: dict[str, Any] = {"count": len(shown), "has_more": more}
        if shown:
            answer["result"] = [self._new(n) for n in shown]
            answer["next_cursor"] = str(skip + asked["limit"]) if more else ""
        return answered(answer)

    def _status(self, number: int) -> str:
        return "succeeded" if number in self.ended else "processing"

    def _new(self, number: int) -> dict[str, Any]:
        return new_task(0, self._status(number), f"km1-{number}") | {"id": task_id(number)}

    def _old(self, number: int) -> dict[str, Any]:
        return {"task_id": task_id(number), "task_status": "succeed" if number in self.ended else "processing"}


async def looked_up(
    far_side: FarSide, refs: Sequence[TaskRef], credential: KeyPair | None = None
) -> Mapping[str, Progress]:
    provider = far_side.provider(credential)
    with anyio.fail_after(20):
        found = await provider.look_up(refs)
    assert len(far_side.requests) <= BUDGET
    assert set(found) == {each.ext_id for each in refs}
    return found


def done(found: Mapping[str, Progress]) -> set[int]:
    return {int(ext_id[4:]) for ext_id, progress in found.items() if progress.fresh and progress.status == "succeeded"}


def oldest_first(numbers: Sequence[int]) -> Sequence[int]:
    return numbers


def newest_first(numbers: Sequence[int]) -> Sequence[int]:
    return list(reversed(numbers))


def shuffled(numbers: Sequence[int]) -> Sequence[int]:
    return sorted(numbers, key=lambda number: number * 7919 % 997)


@pytest.mark.parametrize("order", [oldest_first, newest_first, shuffled])
async def test_two_hundred_tasks_are_two_requests_in_whatever_order_they_are_listed(
    order: Callable[[Sequence[int]], Sequence[int]],
) -> None:
    far_side = FarSide([ListingKling(200, [3, 77, 190], order=order)])
    found = await looked_up(far_side, [ref(n) for n in range(200)])
    assert done(found) == {3, 77, 190}
    assert all(progress.fresh for progress in found.values())
    assert [r.method for r in far_side.requests] == ["POST", "GET"]


async def test_a_list_that_ignores_what_it_is_asked_for_shows_the_same() -> None:
    far_side = FarSide([ListingKling(300, [5], filters=False)])
    assert done(await looked_up(far_side, [ref(n) for n in range(300)])) == {5}
    assert len(far_side.requests) == 1


async def test_thousands_that_end_at_once_are_read_page_by_page_within_the_budget() -> None:
    far_side = FarSide([ListingKling(10_000, range(10_000))])
    found = await looked_up(far_side, [ref(n, chance=0.9) for n in range(10_000)])
    assert len(done(found)) == 10_000
    assert len(far_side.requests) <= BUDGET


async def test_what_has_not_ended_is_quiet_and_what_does_not_run_any_more_is_gone() -> None:
    young = [ref(n, chance=0.9) for n in range(10_000)]
    quiet = await looked_up(FarSide([ListingKling(10_000)]), young)
    assert {progress.trace for progress in quiet.values()} == {"quiet"}
    gone = await looked_up(FarSide([ListingKling(2000, range(1500))]), [ref(n, chance=0.0) for n in range(2000)])
    assert {progress.trace for progress in gone.values() if not progress.fresh} == {"gone"}
    assert len(done(gone)) == 20 * (BUDGET - 5)


@pytest.mark.parametrize("lists", [refused(404, 1203), refused(400, 1201), refused(403, 1103)])
async def test_without_the_common_list_families_are_read_and_it_is_not_asked_again_for_a_while(
    lists: httpx2.Response,
) -> None:
    far_side = FarSide([ListingKling(900, [1, 500], lists=lists)])
    provider = far_side.provider()
    refs = [*(ref(n) for n in range(890)), *(ref(n, wire="v2", path=TURBO) for n in range(890, 900))]
    for requests in (4, 3):
        far_side.requests.clear()
        assert done(await provider.look_up(refs)) == {1, 500}
        assert len(far_side.requests) == requests


async def test_a_common_list_that_shows_nothing_of_ours_is_left_alone_for_a_while() -> None:
    far_side = FarSide([ListingKling(300, [9], lists=answered({"count": 0, "has_more": False}))])
    provider = far_side.provider()
    refs = [ref(n, chance=0.0) for n in range(300)]
    first = await provider.look_up(refs)
    assert len(far_side.requests) <= BUDGET
    assert all(progress.fresh for progress in first.values())
    far_side.requests.clear()
    assert done(await provider.look_up(refs)) == {9}
    assert far_side.lines == [f"GET {T2V}?pageNum=1&pageSize=500"]


async def test_a_task_that_lists_do_not_show_is_found_by_its_id_in_the_same_sweep() -> None:
    found = await looked_up(FarSide([ListingKling(100, [42], unlisted=[42, 43])]), [ref(n) for n in range(100)])
    assert done(found) == {42}
    assert found["km1-43"].fresh


async def test_suspects_are_asked_for_by_their_ids_at_once() -> None:
    far_side = FarSide([ListingKling(100)])
    await looked_up(far_side, [ref(n, suspect=n < 30) for n in range(100)])
    assert (far_side.requests[0].method, len(far_side.requests[0].url.params["task_ids"].split(","))) == ("GET", 20)


UNREADABLE: dict[str, object] = {
    "no list": {"result": "none", "has_more": False},
    "a member that is no task": {"result": [None, 7], "has_more": False},
    "more without a cursor": {"result": [], "has_more": True},
    "nothing": None,
}


@pytest.mark.parametrize("name", UNREADABLE)
async def test_from_a_list_that_cannot_be_read_nothing_follows_and_the_families_are_read(name: str) -> None:
    far_side = FarSide([ListingKling(100, [6], lists=answered(UNREADABLE[name]))])
    assert done(await looked_up(far_side, [ref(n) for n in range(100)])) == {6}
    assert [r.url.path for r in far_side.requests] == ["/tasks", T2V]
    newer = [ref(n, wire="v2", path=TURBO, chance=0.9) for n in range(100)]
    found = await looked_up(FarSide([ListingKling(100, lists=answered(UNREADABLE[name]))]), newer)
    assert {(progress.fresh, progress.trace) for progress in found.values()} == {(False, "later")}


async def test_what_one_failing_page_would_have_shown_comes_with_the_next_sweep() -> None:
    whole = ListingKling(2000, [5, 1999])

    def kling(request: httpx2.Request) -> httpx2.Response:
        first = request.method == "POST" and json.loads(request.content)["start_time"] / 1000 < T0 + 100
        return refused(500, 5000) if first else whole(request)

    far_side = FarSide([kling])
    found = await looked_up(far_side, [ref(n) for n in range(2000)])
    assert done(found) == {1999}
    assert found["km1-5"].trace == "later"


async def test_a_look_up_that_learnt_nothing_says_why() -> None:
    far_side = FarSide([refused(500, 5000)])
    with pytest.raises(Unavailable):
        await far_side.provider().look_up([ref(n) for n in range(100)])
    assert len(far_side.requests) <= 5


async def test_a_key_pair_reads_the_pages_where_ends_are_expected_within_the_budget() -> None:
    far_side = FarSide([ListingKling(20_000, range(5000, 5400))])
    refs = [ref(n, chance=0.9 if n < 6000 else 0.01) for n in range(20_000)]
    found = await looked_up(far_side, refs, pair())
    assert done(found) == set(range(5000, 5400))
    assert {progress.trace for progress in found.values() if not progress.fresh} == {"later"}


async def test_a_key_pair_asks_single_tasks_only_if_lists_have_failed_to_show_them_for_long() -> None:
    refs = [ref(n, suspect=n == 7) for n in range(1000)]
    far_side = FarSide([ListingKling(1000, [7, 8], unlisted=[7, 8])])
    found = await looked_up(far_side, refs, pair())
    assert done(found) == {7}
    assert found["km1-8"].trace == "quiet"
    assert sorted(r.url.path.removeprefix(T2V) for r in far_side.requests) == ["", "", f"/{task_id(7)}"]
