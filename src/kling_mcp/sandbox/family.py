"""What an endpoint is to the pretend Kling: a family of tasks, or a question that is answered at once.

A module of ``families`` lists its own in ``FAMILIES`` and ``INSTANTS``; ``routes`` serves whatever is listed there.
Contract: video.md section 6; image-audio-general.md section 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kling_mcp.sandbox.shapes import task_result

if TYPE_CHECKING:
    from collections.abc import Callable

    from kling_mcp.sandbox.checks import Body
    from kling_mcp.sandbox.order import Order, Task
    from kling_mcp.sandbox.shapes import Json
    from kling_mcp.sandbox.shop import Shop


@dataclass(frozen=True, slots=True)
class Family:
    """An asynchronous legacy endpoint: POST creates, GET ``path/{id}`` reads one, GET ``path`` lists.

    Attributes:
        path: Without the host.
        order: Checks a posted body, as it came, and says what to make. Raises ``Refusal``. It may look anything up in
            the shop, but only ``routes`` accepts the order.
        result: ``task_result`` of a task that succeeded.
        listed: Whether a task is (still) shown in lists.
        named: Whether Kling takes an external id with it.
        tells_info: Whether the answer to a create has ``task_info``.
        most_per_page: Highest ``pageSize``.
    """

    path: str
    order: Callable[[Body, Shop], Order]
    result: Callable[[Task, Shop], Json] = task_result
    listed: Callable[[Task, Shop], bool] = lambda _task, _shop: True
    named: bool = True
    tells_info: bool = True
    most_per_page: int = 500


@dataclass(frozen=True, slots=True)
class Standard:
    """An endpoint of the new standard: POST ``path/{model}`` creates; ``/tasks`` reads and lists.

    Attributes:
        path: Without the host and the model.
        order: Checks a posted body for a model named in the path. Raises ``Refusal``.
    """

    path: str
    order: Callable[[str, Body, Shop], Order]


@dataclass(frozen=True, slots=True)
class Instant:
    """A legacy endpoint that answers at once.

    Attributes:
        path: Without the host.
        answer: ``data`` of the answer. Raises ``Refusal``. What it charges, it charges through the shop. For a GET the
            body holds the query's values, as text.
        method: ``POST`` or ``GET``.
    """

    path: str
    answer: Callable[[Body, Shop], Json | list[Json]]
    method: str = "POST"
