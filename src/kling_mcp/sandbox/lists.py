"""Lists: numbered pages on the legacy wire; times, filters and a cursor that remembers them on the new standard.

Contract: video.md sections 6, B8, part D.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar, cast

from kling_mcp.sandbox import checks
from kling_mcp.sandbox.wire import illegal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from kling_mcp.sandbox.checks import Body, Reader

_Row = TypeVar("_Row")

_MONTH_MS = 30 * 86_400 * 1000
_FILTER: Mapping[str, Reader] = {"key": checks.text()}


def paged(rows: Iterable[_Row], query: Mapping[str, Any], most: int = 500) -> list[_Row]:
    """The page of a legacy list that a query asks for: ``pageNum`` 1 to 1000, ``pageSize`` 1 to ``most``.

    Raises:
        Refusal: 1201, a number is none or beyond its limits.
    """
    number = checks.whole(1, 1000)("pageNum", query.get("pageNum") or 1)
    size = checks.whole(1, most)("pageSize", query.get("pageSize") or 30)
    return list(islice(rows, (number - 1) * size, number * size))


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted. Times are unix milliseconds."""

    start: int
    end: int
    limit: int
    filters: tuple[tuple[str, tuple[str, ...]], ...]
    skip: int = 0

    def covers(self, time_ms: int) -> bool:
        """Whether a row of this time belongs to the list."""
        return self.start <= time_ms <= self.end

    def cut(self, rows: Sequence[_Row]) -> tuple[list[_Row], str]:
        """The rows of this page and the cursor of the next; an empty cursor on the last."""
        end = self.skip + self.limit
        following = [self.start, self.end, self.limit, self.filters, end] if end < len(rows) else None
        cursor = base64.urlsafe_b64encode(json.dumps(following).encode()).decode() if following else ""
        return list(rows[self.skip : end]), cursor


def page_of(posted: Body, *, most: int, usual: int, now: int | None) -> Page:
    """What a body asks for. A cursor overrides everything else.

    Args:
        posted: The body.
        most: Highest ``limit``.
        usual: ``limit`` if none is given.
        now: Default of ``end_time``, unix milliseconds; None where both times are required.

    Raises:
        Refusal: 1201.
    """
    body = checks.without_empties(posted)
    if "cursor" in body:
        return _resumed(body["cursor"])
    fields: Mapping[str, Reader] = {
        "start_time": checks.whole(0),
        "end_time": checks.whole(0),
        "limit": checks.whole(1, most),
    }
    asked = checks.read(body, fields)
    for name in ("start_time", "end_time"):
        if now is None and name not in asked:
            raise illegal(f"{name} is required")
    end = asked.get("end_time", now or 0)
    return Page(asked.get("start_time", end - _MONTH_MS), end, asked.get("limit", usual), _filters(body))


def _resumed(cursor: Any) -> Page:  # noqa: ANN401 - any JSON
    try:
        start, end, limit, filters, skip = json.loads(base64.urlsafe_b64decode(cursor))
        wanted = tuple((str(key), tuple(map(str, values))) for key, values in filters)
        return Page(int(start), int(end), int(limit), wanted, int(skip))
    except (ValueError, TypeError):
        raise checks.invalid("cursor", cursor) from None


def _filters(body: Body) -> tuple[tuple[str, tuple[str, ...]], ...]:
    given = body.get("filters", [])
    if not isinstance(given, list):
        raise checks.invalid("filters", given)
    return tuple(_filter(f"filters[{index}]", entry) for index, entry in enumerate(cast("list[Any]", given)))


def _filter(name: str, entry: Any) -> tuple[str, tuple[str, ...]]:  # noqa: ANN401 - any JSON
    key = checks.nested(_FILTER)(name, entry).get("key")
    values = cast("Body", entry).get("values", [])
    if key is None or not isinstance(values, list):
        raise checks.invalid(name, key)
    return key, tuple(str(value) for value in cast("list[Any]", values))


def filtered(rows: Sequence[_Row], page: Page, tests: Mapping[str, Callable[[_Row], str]]) -> list[_Row]:
    """The rows that pass: values of one key are alternatives, different keys must all agree, no values allow all.

    Raises:
        Refusal: 1201, for an unknown key.
    """
    wanted: dict[str, set[str]] = {}
    for key, values in page.filters:
        if key not in tests:
            raise checks.invalid("filters.key", key)
        wanted.setdefault(key, set()).update(values)
    return [row for row in rows if all(not values or tests[key](row) in values for key, values in wanted.items())]
