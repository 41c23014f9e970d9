"""Which pages of Kling's lists tell most, when there are more tasks than can be named one by one. Pure.

Contract: video.md section 6 (numbered pages of one family) and B8 (a time and a status); reliability.md section 4.

Two kinds of page exist on the new standard: what has *ended*, whose rows are results, and what is still *running*,
whose rows say that nothing happened: who is missing there has most likely ended, and is asked for by its id. The second
is the surer one, and costs a request for each 500 in flight and one for each 20 that end. Where so many end at once
that this is too much, the first kind takes over, above all for the young ones, of whose age little has ended before.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kling_mcp.providers.base import TaskRef

RESERVED = 0.2
"""This share of the budget goes to what has been unseen longest, however little is expected there."""
ROWS = 500
"""Largest page of every list. Contract: video.md section 6, B8."""
AIM = 450
"""Rows planned for a page: others may use the account too, and durations are guesses."""
IDS_PER_REQUEST = 20
"""Kling refuses more. Contract: video.md B7."""
GONE_AT_MOST = 2 * IDS_PER_REQUEST
"""A page of what is running is no bargain if more than so many have to be asked for by their ids afterwards."""
GAP_S = 120.0
"""Whatever ended within such a gap between two tasks of ours is known already, and nobody counted it."""
QUIET_ENOUGH = 3
"""A task that was not among the ended so often is looked for among the running."""

Status = Literal["ended", "running"]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list, and whom it is to show.

    Attributes:
        refs: Whom, youngest first.
        status: Which kind, on the new standard.
        path, number: Which family's and which page, on the legacy wire.
    """

    refs: tuple[TaskRef, ...]
    status: Status = "ended"
    path: str = ""
    number: int = 0

    @property
    def times(self) -> tuple[int, int]:
        """The first and the last moment at which its tasks began, unix milliseconds."""
        return int(_begun(self.refs[-1]) * 1000), int(_begun(self.refs[0]) * 1000) + 1

    @property
    def worth(self) -> float:
        """How many are expected to have ended."""
        return sum(ref.chance for ref in self.refs)

    @property
    def price(self) -> float:
        """Requests it will take, those by id included."""
        return 1.0 + (self.worth / IDS_PER_REQUEST if self.status == "running" else 0.0)

    @property
    def seen_at(self) -> float:
        """Since when somebody of its tasks has not been looked at."""
        return min(seen(ref) for ref in self.refs)


def seen(ref: TaskRef) -> float:
    """When somebody last looked at a task; its beginning if nobody did."""
    return _begun(ref) if ref.seen_at is None else ref.seen_at


def by_time(refs: Sequence[TaskRef], budget: float) -> list[Page]:
    """Pages of the new standard's list that would show all these tasks, each with a time at which it began.

    Args:
        refs: Of any family; ``begun_at`` must be known.
        budget: Requests there are. What is surest is taken if it fits.
    """
    ordered = _youngest_first(refs)
    running = [Page(tuple(group), "running") for group in _grouped(ordered, _Running)]
    if sum(page.price for page in running) <= budget:
        return running
    return [Page(tuple(group), _kind(group)) for group in _grouped(ordered, _Either)]


def by_number(refs: Sequence[TaskRef]) -> list[Page]:
    """Numbered pages of the legacy lists that would show all these tasks, if the newest come first."""
    families: dict[str, list[TaskRef]] = {}
    for ref in _youngest_first(refs):
        families.setdefault(ref.path, []).append(ref)
    return [page for path, family in families.items() for page in _numbered(path, family)]


def chosen(pages: Sequence[Page], budget: float) -> list[Page]:
    """The pages to read within a budget: where most is expected, and some of what has been unseen longest."""
    if sum(page.price for page in pages) <= budget:
        return list(pages)
    promising = sorted(pages, key=lambda page: page.worth / page.price, reverse=True)
    taken = _afforded(promising, budget * (1.0 - RESERVED), least=0)
    left = budget - sum(page.price for page in taken)
    kept = {id(page) for page in taken}
    forgotten = sorted((page for page in pages if id(page) not in kept), key=lambda page: page.seen_at)
    return taken + _afforded(forgotten, left, least=1)


def turns(refs: Iterable[TaskRef]) -> list[TaskRef]:
    """Whom to ask for by id first: who is suspected to have ended, then who has been unseen longest."""
    return sorted(refs, key=lambda ref: (not ref.suspect, seen(ref)))


def times_of(page: Page) -> Mapping[str, int]:
    """The question's times."""
    start, end = page.times
    return {"start_time": start, "end_time": end}


# -------------------------------------------------------------------------------------------------------------------


class _Running:
    """A page of what is running, as it fills."""

    def __init__(self) -> None:
        self._rows = 0.0

    def fits(self, ref: TaskRef) -> bool:
        self._rows += 1.0 - ref.chance
        return self._rows <= AIM


class _Either:
    """A page of either kind, as it fills."""

    def __init__(self) -> None:
        self._ended = self._running = self._gone = 0.0
        self._last: float | None = None
        self._whole = True

    def fits(self, ref: TaskRef) -> bool:
        begun = _begun(ref)
        self._whole = self._whole and (self._last is None or self._last - begun <= GAP_S)
        self._last = begun
        self._ended += _ended_rows(ref)
        self._running += 1.0 - ref.chance
        self._gone += ref.chance
        return (self._whole and self._ended <= AIM) or (self._running <= AIM and self._gone <= GONE_AT_MOST)


def _grouped(refs: Sequence[TaskRef], kind: type[_Running | _Either]) -> Iterable[list[TaskRef]]:
    """Neighbours in time, as many together as fit on a page."""
    filling = kind()
    group: list[TaskRef] = []
    for ref in refs:
        if not filling.fits(ref) and group:
            yield group
            group, filling = [], kind()
            filling.fits(ref)
        group.append(ref)
    if group:
        yield group


def _kind(group: Sequence[TaskRef]) -> Status:
    """Which kind of page shows these better."""
    begun = [_begun(ref) for ref in group]
    whole = all(young - old <= GAP_S for young, old in pairwise(begun))
    ended, gone = sum(map(_ended_rows, group)), sum(ref.chance for ref in group)
    running_fits = len(group) - gone <= AIM and gone <= GONE_AT_MOST
    quiet = sum(ref.quiet for ref in group) >= QUIET_ENOUGH * len(group)
    return "running" if running_fits and (quiet or not whole or ended > AIM) else "ended"


def _ended_rows(ref: TaskRef) -> float:
    """How many ended tasks come with this one: those of its time that are known, and perhaps itself."""
    return ref.crowd - 1.0 + ref.chance


def _numbered(path: str, family: Sequence[TaskRef]) -> Iterable[Page]:
    pages: dict[int, list[TaskRef]] = {}
    position = 0.0
    for ref in family:
        pages.setdefault(int(position // ROWS) + 1, []).append(ref)
        position += ref.crowd
    return [Page(tuple(refs), path=path, number=number) for number, refs in pages.items()]


def _afforded(pages: Sequence[Page], budget: float, *, least: int) -> list[Page]:
    """The first of these that the budget pays for; at least so many if it pays for a request each at all."""
    taken = list[Page]()
    for page in pages:
        if page.price <= budget or (len(taken) < least and budget >= 1.0):
            taken.append(page)
            budget -= page.price
    return taken


def _youngest_first(refs: Sequence[TaskRef]) -> list[TaskRef]:
    return sorted(refs, key=_begun, reverse=True)


def _begun(ref: TaskRef) -> float:
    return ref.begun_at or 0.0
