"""Many tasks out of Kling's lists: the new standard's by time and status, the old one's by numbered pages.

A list proves that a task is there, and never that one is not: of the new one nobody has promised that it shows every
family, of the old ones not even the order is known. Who is not shown where it should be comes back with a ``trace`` of
that, and in time is asked for by its id.
Contract: video.md sections 6 and B8; reliability.md section 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

import anyio.to_thread

from kling_mcp.errors import KlingError, NotAuthorised, Refused
from kling_mcp.providers import pages
from kling_mcp.providers.asking import Spent, as_known, chunks, each, understood
from kling_mcp.providers.base import Progress
from kling_mcp.providers.reading import string
from kling_mcp.providers.tasks import progress_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from kling_mcp.clock import Clock
    from kling_mcp.providers.asking import Reading
    from kling_mcp.providers.base import TaskRef, Trace
    from kling_mcp.providers.pages import Page

MAX_PAGES = 4
"""Pages of one family read in search of a few tasks; what lies deeper is asked for by its id."""
ASKED_AGAIN_S = 600.0
"""Pause before a list that Kling refused, or that showed nothing of ours, is tried again."""
SHOULD_SHOW = 20.0
"""A list on which so many of ours should be, and none is, does not list what we make."""

_MANY = 1000

_Result = TypeVar("_Result")
_STATUSES: Mapping[pages.Status, Sequence[str]] = {
    "ended": ("succeeded", "failed"),
    "running": ("submitted", "processing"),
}
_Found = dict[str, Progress]


class Lists:
    """Remembers whether the list of all families (``POST /tasks``) is of any use with this credential."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._useless_until = 0.0

    @property
    def useful(self) -> bool:
        """Whether it is worth asking."""
        return not self._clock.now() < self._useless_until <= self._clock.now() + ASKED_AGAIN_S

    def useless(self) -> None:
        """It was refused, or showed nothing of ours."""
        self._useless_until = self._clock.now() + ASKED_AGAIN_S


async def by_time(reading: Reading, refs: Sequence[TaskRef], listing: Lists) -> _Found:
    """Find many tasks with an API key; each has a time at which it began.

    Raises:
        KlingError: Nothing at all could be learnt.
    """
    search = _Search(reading, refs)
    await search.named([ref for ref in pages.turns(refs) if ref.suspect][: pages.IDS_PER_REQUEST])
    if listing.useful:
        await search.all_families(listing)
    if not listing.useful and reading.left > 0:
        await search.family_by_family()
    return await _aside(len(refs), search.told)


async def by_families(reading: Reading, refs: Sequence[TaskRef]) -> _Found:
    """Find tasks on the pages of their families, and say what is known of those who will not be asked for by id.

    Who is missing from what is returned has to be asked for by its id now.

    Raises:
        KlingError: A page could not be read.
    """
    families: dict[str, list[TaskRef]] = {}
    for ref in refs:
        families.setdefault(ref.path, []).append(ref)
    together = [ref for family in families.values() if len(family) > 1 for ref in family]
    alone = len(refs) - len(together)
    planned = pages.by_number(together)
    budget = max(1, reading.left - min(alone, reading.left // 2))
    search, crowded = _Search(reading, together), {page.path for page in planned if page.number > 1}
    await search.numbered(pages.chosen(planned, budget), crowded)
    if search.failure and not isinstance(search.failure, Spent):
        raise search.failure
    told = search.told()
    patient = {ref.ext_id for ref in together if ref.task_id and ref.path in crowded and not ref.suspect}
    return {ext_id: progress for ext_id, progress in told.items() if progress.fresh or ext_id in patient}


async def _aside(size: int, work: Callable[[], _Result]) -> _Result:
    """Do in a thread what takes so long with thousands of tasks that everybody would be kept waiting."""
    return await anyio.to_thread.run_sync(work) if size > _MANY else work()


@dataclass
class _Search:
    """What one look-up has found so far."""

    reading: Reading
    refs: Sequence[TaskRef]

    def __post_init__(self) -> None:
        self.found: _Found = {}
        self.failure: KlingError | None = None
        self._by_id = {ref.task_id: ref for ref in self.refs if ref.task_id}
        self._by_ext = {ref.ext_id: ref for ref in self.refs}
        self._traces: dict[str, Trace] = {}

    def told(self) -> _Found:
        """What was found, and of the others what is left of them.

        Raises:
            KlingError: Nothing was found because something went wrong.
        """
        if self.failure and not self.found:
            raise self.failure
        return {ref.ext_id: self.found.get(ref.ext_id) or self._left(ref) for ref in self.refs}

    async def all_families(self, listing: Lists) -> None:
        """Through the list that shows every family: first one page, to see whether it is there at all."""
        rest = [ref for ref in self.refs if ref.ext_id not in self.found]
        left = self.reading.left
        chosen = await _aside(len(rest), lambda: pages.chosen(pages.by_time(rest, left), left))
        try:
            for page in chosen[:1]:
                await self._page(page)
        except (Refused, NotAuthorised):
            listing.useless()
            return
        except KlingError as failure:
            self.failure = failure
            return
        self.failure = await each(self._page, chosen[1:])
        if self._blind(chosen):
            listing.useless()
        gone = [ref for ref in self.refs if self._traces.get(ref.ext_id) == "gone" and ref.ext_id not in self.found]
        await self.named(pages.turns(gone))

    async def family_by_family(self) -> None:
        """Through the lists of the families; what is of the new standard, by its ids."""
        rest = [ref for ref in self.refs if ref.ext_id not in self.found]
        newer = pages.turns(ref for ref in rest if ref.wire == "v2" or not ref.path)
        await self.named(newer[: pages.IDS_PER_REQUEST * max(1, self.reading.left // 2)])
        older = [ref for ref in rest if ref.wire == "v1" and ref.path]
        await self.numbered(pages.chosen(pages.by_number(older), self.reading.left))

    async def numbered(self, chosen: Sequence[Page], deep: set[str] | None = None) -> None:
        """Read pages of families; of one with few tasks of ours, the pages behind too, until all are found."""

        async def read(page: Page) -> None:
            full = await self._numbered(page, page.number)
            for number in range(page.number + 1, MAX_PAGES + 1):
                if deep is None or page.path in deep or not full or all(ref.ext_id in self.found for ref in page.refs):
                    break
                full = await self._numbered(page, number)
            self._traced(page, "quiet")

        self.failure = await each(read, chosen) or self.failure

    async def named(self, refs: Sequence[TaskRef]) -> None:
        """Ask for these by their ids, 20 at a time, as far as the budget goes.

        One that is not known by its id either is left for the engine's own count: it comes back as it was known.
        """
        by_id = self._by_id

        async def ask(chunk: Sequence[TaskRef]) -> None:
            ids = ",".join(ref.task_id or "" for ref in chunk)
            for progress in understood((await self.reading.glance("/tasks", {"task_ids": ids})).payload):
                if ref := by_id.get(progress.task_id):
                    self.found[ref.ext_id] = progress

        self.failure = await each(ask, chunks(refs)[: self.reading.left]) or self.failure

    async def _page(self, page: Page) -> None:
        """A page by time and status, and those behind it as far as the budget goes."""
        question: dict[str, Any] = {
            **pages.times_of(page),
            "limit": pages.ROWS,
            "filters": [{"key": "status", "values": list(_STATUSES[page.status])}],
        }
        while True:
            answer = (await self.reading.glance("/tasks", question=question)).payload
            following = self._shown(answer)
            if following == "":
                self._traced(page, "quiet" if page.status == "ended" else "gone")
            if not following or self.reading.left <= 0:
                return
            question = {**question, "cursor": following}

    def _shown(self, answer: object) -> str | None:
        """Take in a page; the cursor of the next, empty if there is none, None if nobody can tell."""
        if not isinstance(answer, Mapping):
            return None
        fields = cast("Mapping[str, Any]", answer)
        listed: object = fields.get("result") or []
        if not isinstance(listed, list):
            return None
        tasks = [progress_of(task) for task in cast("list[object]", listed)]
        self._take(task for task in tasks if task is not None)
        if fields.get("has_more") or None in tasks:
            return string(fields.get("next_cursor")) or None
        return ""

    async def _numbered(self, page: Page, number: int) -> bool:
        """Read one numbered page; whether there may be more behind it."""
        params = {"pageNum": str(number), "pageSize": str(pages.ROWS)}
        listed = understood((await self.reading.read(page.path, params)).payload)
        self._take(listed)
        return len(listed) >= pages.ROWS

    def _take(self, tasks: Iterable[Progress]) -> None:
        for task in tasks:
            ref = self._by_id.get(task.task_id) or self._by_ext.get(task.ext_id or "")
            if ref is not None:
                self.found[ref.ext_id] = task

    def _traced(self, page: Page, trace: Trace) -> None:
        self._traces |= {ref.ext_id: trace for ref in page.refs}

    def _blind(self, read: Sequence[Page]) -> bool:
        """Whether the list should have shown many of ours that go on, and showed none."""
        shown = [page for page in read if page.status == "running"]
        due = sum(len(page.refs) - page.worth for page in shown)
        return due >= SHOULD_SHOW and not any(ref.ext_id in self.found for page in shown for ref in page.refs)

    def _left(self, ref: TaskRef) -> Progress:
        return as_known(ref, self._traces.get(ref.ext_id, "later"))
