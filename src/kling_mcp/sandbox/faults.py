"""Trouble on demand: what can go wrong between a client and Kling, programmed request by request.

In process: ``sandbox.faults.add(Fault(...))``. Over HTTP, from this machine only: ``POST /_sandbox/faults`` with the
same fields as JSON, ``DELETE /_sandbox/faults`` to forget them all.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from starlette.responses import PlainTextResponse, Response

from kling_mcp.sandbox.wire import STATUS, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from kling_mcp.clock import Clock

Kind = Literal["code", "html", "truncated", "half", "drop", "delay", "missing", "junk"]
"""What the client gets.

- ``code``: an error envelope with ``code``.
- ``html``: a gateway's HTML page under HTTP 502, as a proxy sends it.
- ``truncated``: the first half of the true answer, its ``content-length`` stating that half: broken JSON, or a file
  that ends too early.
- ``half``: the first half of the true answer under its full ``content-length``, then the connection is lost.
- ``drop``: no answer, the connection is lost.
- ``delay``: the true answer, late.
- ``missing``: HTTP 404 in plain text, as a file host sends it.
- ``junk``: HTTP 200 with text that claims the type of the true answer.
"""

CONTROL = "/_sandbox/"
_HTML = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
_NEEDS_ANSWER = frozenset({"truncated", "half", "delay", "junk"})
_ONE_BYTE_MISSING: list[Message] = [
    {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]}
]


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of trouble for the next requests that match.

    Attributes:
        kind: What the client gets.
        path: How the path of a matching request starts; empty matches all but ``/_sandbox/``.
        method: ``POST`` and the like; empty matches all.
        times: How many requests it hits; None for all from now on.
        when: ``before``: the request has no effect. ``after``: it takes effect and only its answer suffers, as when a
            task was created and the answer is lost. ``late``: it takes effect after the client has its answer,
            ``hold_s`` later (seen by whoever asks next), as when a gateway gives up on a request that is still under
            way. Kinds that need the true answer come ``after`` it whatever this says.
        code: Kling's code, for kind ``code``.
        delay_s: How long it takes until the client gets that, in seconds of the sandbox's clock.
        hold_s: How long the request waits before it takes effect, in seconds of the sandbox's clock. The client waits
            with it, unless it is to take effect ``late``.
    """

    kind: Kind
    path: str = ""
    method: str = ""
    times: int | None = 1
    when: Literal["before", "after", "late"] = "before"
    code: int = 5000
    delay_s: float = 0.0
    hold_s: float = 0.0

    def __post_init__(self) -> None:
        if self.code not in STATUS:
            raise ValueError(f"{self.code} is not one of Kling's codes")

    def hits(self, method: str, path: str) -> bool:
        """Whether a request suffers from it."""
        return path.startswith(self.path) and self.method in {"", method}


class Faults:
    """The faults still to come, the first that matches being the one that happens."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, *faults: Fault) -> None:
        """Program them, after those that are waiting."""
        self._waiting.extend(faults)

    def clear(self) -> None:
        """Forget them all."""
        self._waiting.clear()

    @property
    def waiting(self) -> tuple[Fault, ...]:
        """What was programmed and has not happened yet."""
        return tuple(self._waiting)

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that hits this request, one fewer of it left."""
        for index, fault in enumerate(self._waiting):
            if fault.hits(method, path):
                if fault.times is not None:
                    left = replace(fault, times=fault.times - 1)
                    self._waiting[index : index + 1] = [left] if left.times else []
                return fault
        return None


class FaultyDoor:
    """The application, with trouble in front of it; also counts what comes in.

    ``families`` are the paths that are followed by an id where one task is asked for.
    """

    def __init__(
        self,
        app: ASGIApp,
        faults: Faults,
        clock: Clock,
        dropped: Callable[[], Exception],
        families: Collection[str],
    ) -> None:
        self._app = app
        self._families = frozenset(families)
        self._faults = faults
        self._clock = clock
        self._dropped = dropped
        self._late: list[tuple[float, Scope, list[Message]]] = []
        self.requests: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http":
            await self.land()
        if scope["type"] != "http" or scope["path"].startswith(CONTROL):
            await self._app(scope, receive, send)
            return
        if scope["path"].startswith("/v1/"):  # vendor examples end some legacy paths with a slash
            scope["path"] = scope["path"].rstrip("/")
        self.requests[f"{scope['method']} {self._shape(scope['path'])}"] += 1
        fault = self._faults.take(scope["method"], scope["path"])
        if fault is None:
            await self._app(scope, receive, send)
        else:
            await self._happen(fault, scope, receive, send)

    async def land(self) -> None:
        """Let the late requests whose time has come take effect. Every request does so before it is looked at."""
        now = self._clock.now()
        due = [each for each in self._late if each[0] <= now]
        self._late = [each for each in self._late if each[0] > now]
        for _, scope, body in due:
            await self._app(scope, _again(body), _nowhere)

    def _shape(self, path: str) -> str:
        """A path with its ids named rather than spelled out."""
        parent = path.rpartition("/")[0]
        if parent in self._families and path not in self._families:
            return f"{parent}/{{id}}"
        return "/files/{name}" if path.startswith("/files/") else path

    async def _happen(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        answer: list[Message] = []
        if fault.when == "late" and fault.kind not in _NEEDS_ANSWER:
            self._late.append((self._clock.now() + fault.hold_s, scope, await _whole(receive)))
        elif fault.hold_s:
            await self._clock.sleep(fault.hold_s)
        if fault.when == "after" or fault.kind in _NEEDS_ANSWER:

            async def kept(message: Message) -> None:
                answer.append(message)

            await self._app(scope, receive, kept)
        if fault.delay_s:
            await self._clock.sleep(fault.delay_s)
        if fault.kind in {"drop", "half"}:
            await self._lose(scope, send, answer if fault.kind == "half" else _ONE_BYTE_MISSING)
        else:
            await _answer_of(fault, answer)(scope, receive, send)

    async def _lose(self, scope: Scope, send: Send, answer: list[Message]) -> None:
        """Break off inside the answer. Served, the server then cuts the connection; in process an exception does."""
        if not scope.get("state", {}).get("served"):
            raise self._dropped()
        body = _body(answer)
        await send(answer[0])
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})


async def _whole(receive: Receive) -> list[Message]:
    """A request's body, every part of it."""
    parts = [await receive()]
    while parts[-1].get("more_body"):
        parts.append(await receive())
    return parts


def _again(parts: Sequence[Message]) -> Receive:
    left = iter(parts)

    async def receive() -> Message:
        return next(left, {"type": "http.disconnect"})

    return receive


async def _nowhere(message: Message) -> None:
    """Nobody waits for this answer any more."""


def _answer_of(fault: Fault, true_answer: list[Message]) -> Response:
    match fault.kind:
        case "code":
            return Refusal(fault.code).answer()
        case "html":
            return Response(_HTML, 502, media_type="text/html")
        case "missing":
            return PlainTextResponse("Not Found", 404)
        case _:
            return _altered(fault.kind, true_answer)


def _altered(kind: Kind, true_answer: list[Message]) -> Response:
    start: Any = true_answer[0]
    body = _body(true_answer)
    if kind == "truncated":
        body = body[: len(body) // 2]
    if kind == "junk":
        body = b"This is not what you asked for."
    headers = {key.decode(): value.decode() for key, value in start["headers"] if key != b"content-length"}
    return Response(body, start["status"], headers)


def _body(answer: list[Message]) -> bytes:
    return b"".join(part.get("body", b"") for part in answer[1:])
