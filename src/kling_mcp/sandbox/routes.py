"""Which path does what. Contract: video.md parts A1, A2, B1 to B3, B7, B8, D and section 3."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import anyio.to_thread
from starlette.routing import Route

from kling_mcp.sandbox import legacy, standard
from kling_mcp.sandbox.account import charges
from kling_mcp.sandbox.auth import check_legacy, check_standard
from kling_mcp.sandbox.capability import check_capability
from kling_mcp.sandbox.checks import whole
from kling_mcp.sandbox.life import REFUSED_WORD
from kling_mcp.sandbox.lists import filtered, page_of
from kling_mcp.sandbox.pictures import looked_at
from kling_mcp.sandbox.shapes import legacy_created, legacy_task, milliseconds, standard_created, standard_task
from kling_mcp.sandbox.wire import Refusal, answered, illegal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from kling_mcp.operations.model_facts import Endpoint
    from kling_mcp.sandbox.account import Costs
    from kling_mcp.sandbox.callbacks import Callbacks
    from kling_mcp.sandbox.checks import Body
    from kling_mcp.sandbox.files import Files
    from kling_mcp.sandbox.order import Order, Task
    from kling_mcp.sandbox.shapes import Json
    from kling_mcp.sandbox.state import State

    Reply = Callable[[Request], Awaitable[Response]]

_MOST_IDS = 20

_LEGACY = ("text2video", "image2video")


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

    state: State
    costs: Costs
    files: Files
    callbacks: Callbacks
    base_url: str
    serve_retired: bool
    date: Callable[[], float]

    def routes(self) -> list[Route]:
        """Every path, with who may ask for it. A method that is not here is refused (1202) by the application."""
        by_key_or_pair: list[tuple[str, str, Reply]] = [
            ("GET", "/account/costs", self._costs),
            ("POST", "/account/billing/package", self._charges),
            *(("POST", f"/v1/videos/{family}", self._create_legacy) for family in _LEGACY),
            *(("GET", f"/v1/videos/{family}", self._list_legacy) for family in _LEGACY),
            *(("GET", f"/v1/videos/{family}/{{id}}", self._read_legacy) for family in _LEGACY),
        ]
        by_key: list[tuple[str, str, Reply]] = [
            ("GET", "/tasks", self._read_tasks),
            ("POST", "/tasks", self._list_tasks),
            *(("POST", f"/{family}/{{model}}", self._create_standard) for family in standard.ENDPOINTS),
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

    async def _create_legacy(self, request: Request) -> Response:
        body, endpoint = await posted(request), cast("Endpoint", request.url.path.split("/")[-1])
        order, pictures = legacy.order_of(endpoint, body, serve_retired=self.serve_retired)
        return answered(legacy_created(await self._accepted(order, pictures, body)))

    async def _create_standard(self, request: Request) -> Response:
        body = await posted(request)
        family, model = request.url.path.split("/")[1:3]
        order, pictures = standard.order_of(family, model, body, serve_retired=self.serve_retired)
        return answered(standard_created(await self._accepted(order, pictures, body)))

    async def _accepted(self, order: Order, pictures: Mapping[str, str], body: Body) -> Task:
        check_capability(order)
        if pictures:
            order = await anyio.to_thread.run_sync(looked_at, order, pictures)
        if REFUSED_WORD in order.prompt:
            raise Refusal(1301)
        task = self.state.accept(order, body)
        self.callbacks.watch(task)
        return task

    # --- legacy reading ------------------------------------------------------------------------------------

    async def _read_legacy(self, request: Request) -> Response:
        name, path = request.path_params["id"], request.url.path.rsplit("/", 1)[0]
        task = self.state.by_id(name) or self.state.by_external_id(name)
        if task is None or task.order.path != path:
            raise illegal(f"Task not found by id/external id: {name}")
        return answered(legacy_task(task, self.state.now(), self.base_url))

    async def _list_legacy(self, request: Request) -> Response:
        number = whole(1, 1000)("pageNum", request.query_params.get("pageNum") or 1)
        size = whole(1, 500)("pageSize", request.query_params.get("pageSize") or 30)
        tasks = self.state.newest(request.url.path)[(number - 1) * size : number * size]
        now = self.state.now()
        return answered([legacy_task(task, now, self.base_url) for task in tasks])

    # --- new standard, reading -----------------------------------------------------------------------------

    async def _read_tasks(self, request: Request) -> Response:
        by_id, by_external_id = (_ids(request, name) for name in ("task_ids", "external_task_ids"))
        if bool(by_id) == bool(by_external_id):
            raise illegal("task_ids or external_task_ids is required")
        if len(by_id) + len(by_external_id) > _MOST_IDS:
            raise illegal(f"task_ids or external_task_ids cannot exceed {_MOST_IDS} in total")
        found = [self.state.by_id(name) for name in by_id]
        found += [self.state.by_external_id(name) for name in by_external_id]
        return answered([self._shown(task) for task in found if task is not None])

    async def _list_tasks(self, request: Request) -> Response:
        now = self.state.now()
        page = page_of(await posted(request), most=500, usual=100, now=milliseconds(now))
        tasks = [task for task in self.state.newest() if page.covers(milliseconds(task.created_at))]
        tests: dict[str, Callable[[Task], str]] = {
            "status": lambda task: task.at(now).status,
            "product_type": lambda _: "video",
        }
        shown, following = page.cut(filtered(tasks, page, tests))
        answer: Json = {"count": len(shown), "has_more": bool(following)}
        if shown:  # an empty list was seen without these two
            answer |= {"result": [self._shown(task) for task in shown], "next_cursor": following}
        return answered(answer)

    def _shown(self, task: Task) -> Json:
        return standard_task(task, self.state.now(), self.base_url)

    # --- account and files ---------------------------------------------------------------------------------

    async def _costs(self, request: Request) -> Response:
        return answered(self.costs.read(request.query_params))

    async def _charges(self, request: Request) -> Response:
        return answered(charges(self.state, await posted(request)))

    async def _file(self, request: Request) -> Response:
        return await self.files.serve(request.path_params["name"])


def _standard(reply: Reply) -> Reply:
    async def checked(request: Request) -> Response:
        check_standard(request.headers.get("authorization"))
        return await reply(request)

    return checked


def _ids(request: Request, name: str) -> list[str]:
    return [part.strip() for part in request.query_params.get(name, "").split(",") if part.strip()]
