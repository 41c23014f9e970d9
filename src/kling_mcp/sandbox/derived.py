"""Endpoints that nobody wrote a family for, served after the operation class that posts to them.

So a new endpoint is one class in one file, and works in the sandbox too. Only the class's own mistakes go unseen: what
matters is written out by hand in ``families``. An operation whose body is not made of its arguments as they are needs
a family of its own.
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from kling_mcp.errors import InvalidRequest
from kling_mcp.sandbox import checks
from kling_mcp.sandbox.family import Family, Instant
from kling_mcp.sandbox.life import video_pace
from kling_mcp.sandbox.order import Make, Order
from kling_mcp.sandbox.shapes import charged, milliseconds, task_result
from kling_mcp.sandbox.wire import illegal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kling_mcp.operations.base import Generation
    from kling_mcp.sandbox.checks import Body
    from kling_mcp.sandbox.order import Kind, Package
    from kling_mcp.sandbox.shapes import Json
    from kling_mcp.sandbox.shop import Shop

    Class = type[Generation]

_KINDS: dict[str, Kind] = {"video": "video", "image": "image", "audio": "audio", "voice": "voice", "element": "element"}
"""What an operation yields → what is made; the others yield no more than an answer."""
_WORDS = ("prompt", "text", "voice_name", "element_name")
_USUAL_S = 5.0


def families(operations: Iterable[Class], served: Iterable[str]) -> list[Family]:
    """A family for each asynchronous operation whose path is not served yet."""
    return [
        Family(path, partial(_order, operation, path), named=not operation.nameless)
        for path, operation in _unserved(operations, served).items()
        if operation.kind == "job"
    ]


def instants(operations: Iterable[Class], served: Iterable[str]) -> list[Instant]:
    """An endpoint for each operation answered at once whose path is not served yet."""
    return [
        Instant(path, partial(_answer, operation, path))
        for path, operation in _unserved(operations, served).items()
        if operation.kind == "immediate"
    ]


def _unserved(operations: Iterable[Class], served: Iterable[str]) -> dict[str, Class]:
    """Operations by path; those that work out their path from the request have families."""
    known = set(served)
    return {operation.posts_to: operation for operation in operations if operation.posts_to not in {"", *known}}


def _read(operation: Class, posted: Body) -> Generation:
    body = checks.without_empties(posted)
    known = {name: value for name, value in body.items() if name in operation.argument_names()}
    try:
        request = operation.parse(known)
    except InvalidRequest as error:
        raise illegal(error.problems[0].sentence) from None
    for name in request.references():
        raise checks.invalid(name, body.get(name))  # our own client's addresses mean nothing to Kling
    return request


def _order(operation: Class, path: str, posted: Body, shop: Shop) -> Order:  # noqa: ARG001 - what every family is asked
    asked = checks.form(posted, checks.COMMON)
    request = _read(operation, posted)
    units, package = _price(request)
    makes = _makes(request)
    return Order(
        path,
        model=request.model or "",
        mode=str(getattr(request, "mode", None) or ""),
        prompt=_words(request),
        units=units,
        package=package,
        slots=len(makes) if package == "image" else 1,
        makes=makes,
        info={"product_function": operation.title},
        pace=video_pace("std", makes[0].duration if makes else 0),
        **checks.common(asked),
    )


def _answer(operation: Class, path: str, posted: Body, shop: Shop) -> Json:
    request = _read(operation, posted)
    units, package = _price(request)
    info = {"product_function": operation.title}
    prompt, makes = _words(request), _makes(request)
    task = shop.charge(path, units, package=package, prompt=prompt, model=request.model or "", makes=makes, info=info)
    created = milliseconds(task.created_at)
    return {
        "task_id": task.id,
        "task_status": "succeed",
        "task_status_msg": "",
        "task_result": task_result(task, shop),
        **charged(units),
        "created_at": created,
        "updated_at": created,
    }


def _price(request: Generation) -> tuple[Decimal, Package]:
    quote = request.quote()
    packages: dict[str, Package] = {"image": "image", "try-on": "try-on"}
    return quote.units or Decimal(0), packages.get(quote.package, "video")


def _words(request: Generation) -> str:
    return " · ".join(str(value) for name in _WORDS if (value := getattr(request, name, None)))


def _makes(request: Generation) -> tuple[Make, ...]:
    kind = _KINDS.get(request.yields)
    if kind is None:
        return ()
    given: Any = getattr(request, "duration", None)
    make = Make(
        kind,
        aspect_ratio=str(getattr(request, "aspect_ratio", None) or "16:9"),
        duration=float(given or _USUAL_S),
        sound=getattr(request, "sound", None) == "on",
        detail=_detail(request),
    )
    return (make,) * (int(getattr(request, "n", None) or 1) if kind == "image" else 1)


def _detail(request: Generation) -> dict[str, Any]:
    """What a voice or an element is called."""
    names = ("voice_name", "element_name", "element_description")
    return {name: value for name in names if (value := getattr(request, name, None))}
