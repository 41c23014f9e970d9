"""``/_sandbox``: for people and tests to look behind the counter and to order trouble. Answers this machine only."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Route

from kling_mcp.sandbox.faults import CONTROL, Fault
from kling_mcp.sandbox.packs import Change
from kling_mcp.sandbox.routes import posted
from kling_mcp.sandbox.shapes import milliseconds, units_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from kling_mcp.sandbox.faults import Faults
    from kling_mcp.sandbox.order import Task
    from kling_mcp.sandbox.packs import Pack
    from kling_mcp.sandbox.shapes import Json
    from kling_mcp.sandbox.state import State

_Order = TypeVar("_Order", Fault, Change)


class Control:
    """What stands behind the counter."""

    def __init__(self, state: State, faults: Faults, requests: Callable[[], Mapping[str, int]]) -> None:
        self._state = state
        self._faults = faults
        self._requests = requests

    def routes(self) -> list[Route]:
        """The paths below ``/_sandbox``."""
        return [
            Route(f"{CONTROL}ledger", self._ledger),
            Route(f"{CONTROL}faults", self._program, methods=["POST"]),
            Route(f"{CONTROL}faults", self._forget, methods=["DELETE"]),
            Route(f"{CONTROL}packs", self._change, methods=["POST"]),
            Route(f"{CONTROL}uniqueness", self._loosen, methods=["DELETE"]),
        ]

    async def _ledger(self, request: Request) -> Response:
        _only_here(request)
        state = self._state
        return JSONResponse(
            {
                "creates": state.creates,
                "duplicates_refused": state.duplicates_refused,
                "running": len(state.running),
                "units_deducted": units_text(state.deducted),
                "units_remaining": units_text(state.remaining),
                "packs": {pack.package: _pack(state, pack) for pack in state.packs.values()},
                "requests": dict(sorted(self._requests().items())),
                "tasks": [_row(task, state.now()) for task in state.tasks],
            }
        )

    async def _program(self, request: Request) -> Response:
        fault = await _ordered(request, Fault)
        if isinstance(fault, JSONResponse):
            return fault
        self._faults.add(fault)
        return JSONResponse({"waiting": len(self._faults.waiting)})

    async def _change(self, request: Request) -> Response:
        change = await _ordered(request, Change)
        if isinstance(change, JSONResponse):
            return change
        pack = self._state.change(change)
        return JSONResponse({"slots": pack.slots, **_pack(self._state, pack)})

    async def _forget(self, request: Request) -> Response:
        _only_here(request)
        self._faults.clear()
        return JSONResponse({"waiting": 0})

    async def _loosen(self, request: Request) -> Response:
        """From now on the same external id makes another task each time, as behind some gateways."""
        _only_here(request)
        self._state.unique = False
        return JSONResponse({"unique": False})


def _only_here(request: Request) -> None:
    try:
        here = request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        here = False
    if not here:
        raise HTTPException(404)


async def _ordered(request: Request, kind: type[_Order]) -> _Order | JSONResponse:
    """What somebody orders; the refusal if it is no such thing."""
    _only_here(request)
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 - loaded at first use: it slows the start

    wanted: Any = await posted(request)
    try:
        return TypeAdapter(kind).validate_python(wanted)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, found['loc']))}: {found['msg']}" for found in error.errors()]
        return JSONResponse({"problems": problems}, 400)


def _pack(state: State, pack: Pack) -> Json:
    running = [task for task in state.running if task.order.package == pack.package]
    return {
        "name": pack.name,
        "slots_taken": sum(task.order.slots for task in running),
        "units_deducted": units_text(pack.total - state.left(pack.package)),
        "units_remaining": units_text(state.left(pack.package)),
    }


def _row(task: Task, now: float) -> Json:
    return {
        "id": task.id,
        "external_task_id": task.order.external_id,
        "path": task.order.path,
        "model": task.order.model,
        "status": task.at(now).status,
        "created_at": milliseconds(task.created_at),
        "units": units_text(task.units),
        "package": task.order.package,
    }
