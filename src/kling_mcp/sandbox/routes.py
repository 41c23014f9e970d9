"""Which path does what.

Contract: video.md sections 3 and 6, B1, B7, B8, part D; image-audio-general.md sections 0 and 1.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, cast

import anyio.to_thread
from starlette.routing import Route

from kling_mcp.sandbox import shapes
from kling_mcp.sandbox.account import balances, charges
from kling_mcp.sandbox.auth import check_legacy, check_standard
from kling_mcp.sandbox.families import STANDARDS
from kling_mcp.sandbox.life import REFUSED_WORD
from kling_mcp.sandbox.lists import filtered, page_of, paged
from kling_mcp.sandbox.pictures import long_texts, opened_in
from kling_mcp.sandbox.wire import Refusal, answered, illegal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from kling_mcp.sandbox.account import Costs
    from kling_mcp.sandbox.callbacks import Callbacks
    from kling_mcp.sandbox.checks import Body
    from kling_mcp.sandbox.family import Family, Instant, Standard
    from kling_mcp.sandbox.order import Order, Task
    from kling_mcp.sandbox.shapes import Json
    from kling_mcp.sandbox.shop import Shop
    from kling_mcp.sandbox.state import State

    Reply = Callable[[Request], Awaitable[Response]]

_MOST_IDS = 20
_FAR_MS = 10**15


async def posted(request: Request) -> Body:
    """The JSON object of a request.

    Raises:
        Refusal: 1200, it is not one [OWN].
    """
    raw = await request.body()
    try:
        body = json.loads(raw)
        if b"\\ud" in raw.lower():  # half a surrogate pair is legal JSON, but no text that can be answered or stored
            body = json.loads(json.dumps(body, ensure_ascii=False).encode(errors="replace"))
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refusal(1200)
    return cast("Body", body)


@dataclass(frozen=True, slots=True)
class Kling:
    """The endpoints, over one account."""

    shop: Shop
    costs: Costs
    callbacks: Callbacks
    date: Callable[[], float]
    families: Sequence[Family]
    instants: Sequence[Instant]

    @property
    def state(self) -> State:
        """What is remembered."""
        return self.shop.state

    def routes(self) -> list[Route]:
        """Every path, with who may ask for it. A method that is not here is refused (1202) by the application."""
        by_key_or_pair: list[tuple[str, str, Reply]] = [
            ("GET", "/account/costs", self._costs),
            ("POST", "/account/billing/package", self._charges),
            ("POST", "/account/billing/balance", self._balances),
            *((instant.method, instant.path, partial(self._answer, instant)) for instant in self.instants),
            *(("POST", family.path, partial(self._create, family)) for family in self.families),
            *(("GET", family.path, partial(self._list, family)) for family in self.families),
            *(("GET", f"{family.path}/{{id}}", partial(self._read, family)) for family in self.families),
        ]
        by_key: list[tuple[str, str, Reply]] = [
            ("GET", "/tasks", self._read_tasks),
            ("POST", "/tasks", self._list_tasks),
            *(("POST", f"{family.path}/{{model}}", partial(self._create_standard, family)) for family in STANDARDS),
        ]
        return [
            Route("/files/{name}", self._file),
            *(Route(path, self._legacy(reply), methods=[method]) for method, path, reply in by_key_or_pair),
            *(Route(path, _standard(reply), methods=[method]) for method, path, reply in by_key),
        ]

    def _legacy(self, reply: Reply) -> Reply:
        async def checked(request: Request) -> Response:
            check_legacy(request.headers.get("authorization"), self.date)
            return await reply(request)

        return checked

    # --- creating ------------------------------------------------------------------------------------------

    async def _create(self, family: Family, request: Request) -> Response:
        body = await posted(request)
        order = family.order(body, await self._looking_at(body))
        if not family.named:
            order = replace(order, external_id=None)
        return answered(shapes.legacy_created(self._accepted(order, body), tells_info=family.tells_info))

    async def _create_standard(self, family: Standard, request: Request) -> Response:
        body = await posted(request)
        order = family.order(request.path_params["model"], body, await self._looking_at(body))
        return answered(shapes.standard_created(self._accepted(order, body)))

    async def _answer(self, instant: Instant, request: Request) -> Response:
        body: Body = dict(request.query_params) if instant.method == "GET" else await posted(request)
        return answered(instant.answer(body, await self._looking_at(body)))

    async def _looking_at(self, body: Body) -> Shop:
        """The shop for one request, with the files in the body opened ahead: that may take long."""
        if not any(True for _ in long_texts(body)):
            return replace(self.shop, posted=body)
        return replace(self.shop, posted=body, opened=await anyio.to_thread.run_sync(opened_in, body))

    def _accepted(self, order: Order, body: Body) -> Task:
        if REFUSED_WORD in order.prompt:
            raise Refusal(1301)
        task = self.state.accept(order, body)
        self.callbacks.watch(task)
        return task

    # --- legacy reading ------------------------------------------------------------------------------------

    async def _read(self, family: Family, request: Request) -> Response:
        name = request.path_params["id"]
        task = self.state.by_id(name) or self.state.by_external_id(name)
        if task is None or task.order.path != family.path:
            raise illegal(f"Task not found by id/external id: {name}")
        return answered(shapes.legacy_task(task, self.shop, family.result))

    async def _list(self, family: Family, request: Request) -> Response:
        tasks = (task for task in self.state.newest(family.path) if family.listed(task, self.shop))
        shown = paged(tasks, request.query_params, family.most_per_page)
        return answered([shapes.legacy_task(task, self.shop, family.result) for task in shown])

    # --- new standard, reading -----------------------------------------------------------------------------

    async def _read_tasks(self, request: Request) -> Response:
        by_id, by_external_id = (_ids(request, name) for name in ("task_ids", "external_task_ids"))
        if bool(by_id) == bool(by_external_id):
            raise illegal("task_ids or external_task_ids is required")
        if len(by_id) + len(by_external_id) > _MOST_IDS:
            raise illegal(f"task_ids or external_task_ids cannot exceed {_MOST_IDS} in total")
        found = [self.state.by_id(name) for name in by_id]
        found += [self.state.by_external_id(name) for name in by_external_id]
        return answered([shapes.standard_task(task, self.shop) for task in found if task is not None])

    async def _list_tasks(self, request: Request) -> Response:
        now = self.state.now()
        page = page_of(await posted(request), most=500, usual=100, now=shapes.milliseconds(now))
        start, end = (min(moment, _FAR_MS) / 1000 for moment in (page.start, page.end))
        about = self.state.between(start - 1, end + 1)
        tasks = [task for task in about if page.covers(shapes.milliseconds(task.created_at))]
        tests: dict[str, Callable[[Task], str]] = {
            "status": lambda task: task.at(now).status,
            "product_type": lambda task: shapes.BILLED_AS[task.order.package],
        }
        shown, following = page.cut(filtered(tasks, page, tests))
        answer: Json = {"count": len(shown), "has_more": bool(following)}
        if shown:  # an empty list was seen without these two
            answer |= {"result": [shapes.standard_task(task, self.shop) for task in shown], "next_cursor": following}
        return answered(answer)

    # --- account and files ---------------------------------------------------------------------------------

    async def _costs(self, request: Request) -> Response:
        return answered(self.costs.read(request.query_params))

    async def _charges(self, request: Request) -> Response:
        return answered(charges(self.state, await posted(request)))

    async def _balances(self, request: Request) -> Response:
        return answered(balances(await posted(request)))

    async def _file(self, request: Request) -> Response:
        return await self.shop.files.serve(request.path_params["name"])


def _standard(reply: Reply) -> Reply:
    async def checked(request: Request) -> Response:
        check_standard(request.headers.get("authorization"))
        return await reply(request)

    return checked


def _ids(request: Request, name: str) -> list[str]:
    return [part.strip() for part in request.query_params.get(name, "").split(",") if part.strip()]
