"""The pretend Kling as one ASGI application: for tests in process, and for ``kling-mcp sandbox`` over HTTP.

What a person playing with it should know:

- API key ``sandbox``; access key ``sandbox-ak`` with secret key ``sandbox-sk-0123456789abcdef0123456789abcdef``.
- Every endpoint of both generations of the API is here, as strict as the contract, and its results are real files
  that say what was asked for. They build on each other: a result's id or its address (``/files/…``) can be given
  wherever Kling takes an id or an address, and a made clip starts from the picture or the last frame it was given.
- Addresses elsewhere are never fetched. A video or a sound there is taken to last five seconds, or what its address
  says: ``https://example.com/film.mp4?seconds=8``.
- A prompt with ``sandbox-refuse`` is refused for its content (code 1301); one with ``sandbox-risk`` is accepted and
  then fails as moderation does (``Failure to pass the risk control system``). Neither costs anything.
- A video made from words with ``sandbox-two-faces`` or ``sandbox-no-face`` has as many faces; the same in an address.
- Retired models, effects and what belongs to them are refused unless it runs with ``serve_retired``.
- There are three resource packs: for videos (and all that is heard, voices, elements), for images, for try-ons. What
  has no published price costs what ``prices`` says: an effect 2 units, a try-on 1, marks in a video nothing.
- ``GET /_sandbox/ledger`` tells what was created, charged and asked; ``POST /_sandbox/faults`` programs trouble (see
  ``faults``); ``DELETE /_sandbox/faults`` ends it. ``DELETE /_sandbox/uniqueness`` makes it take an external id more
  than once, as gateways may. ``POST /_sandbox/packs`` changes what is left of a pack and its slots, or lets somebody
  else hold some of those (see ``packs``). All of them answer this machine only.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from kling_mcp.clock import Clock, SystemClock
from kling_mcp.operations.catalogue import GENERATIONS
from kling_mcp.sandbox import derived
from kling_mcp.sandbox.account import Costs
from kling_mcp.sandbox.auth import ACCESS_KEY, API_KEY, SECRET_KEY
from kling_mcp.sandbox.callbacks import Callbacks
from kling_mcp.sandbox.control import Control
from kling_mcp.sandbox.families import FAMILIES, INSTANTS
from kling_mcp.sandbox.faults import Fault, Faults, FaultyDoor
from kling_mcp.sandbox.files import Files
from kling_mcp.sandbox.routes import Kling
from kling_mcp.sandbox.sample_drawing import SHORT_SIDE
from kling_mcp.sandbox.shop import Shop
from kling_mcp.sandbox.state import State
from kling_mcp.sandbox.wire import Refusal, unknown_path

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from kling_mcp.operations.base import Generation
    from kling_mcp.sandbox.callbacks import Poster

__all__ = ["ACCESS_KEY", "API_KEY", "SECRET_KEY", "Fault", "Sandbox"]


def _connection_lost() -> Exception:
    return ConnectionResetError("the pretend Kling dropped the connection")


class Sandbox:
    """One pretend Kling with one account.

    Attributes:
        app: The ASGI application.
        state: What it remembers; tests read ``creates``, ``deducted``, ``tasks``.
        faults: Trouble to come.
        callbacks: Reports to ``callback_url``; sent only within ``running``, or where a server runs ``app``.
    """

    def __init__(  # noqa: PLR0913 - the facts of one pretend account, all named by the caller
        self,
        *,
        clock: Clock,
        base_url: str,
        folder: Path | None = None,
        serve_retired: bool = False,
        concurrency: int = 20,
        units: Decimal = Decimal(1000),
        webhook_secret: str | None = None,
        post: Poster | None = None,
        callbacks_anywhere: bool = False,
        dropped: Callable[[], Exception] = _connection_lost,
        operations: Iterable[type[Generation]] = tuple(GENERATIONS.values()),
        short_side: int = SHORT_SIDE,
    ) -> None:
        """Open the account.

        Args:
            clock: Tells how far tasks are. A hurried clock makes a hurried Kling.
            base_url: Where clients find ``app``; result addresses start with it.
            folder: Where tasks live on after this process, shared with others; None: only in memory.
            serve_retired: Serve models Kling has retired.
            concurrency: Slots of each of the three packs.
            units: Units in each of the three packs.
            webhook_secret: ``whsec_…``; callbacks are then signed.
            post: Posts callbacks; None: none are sent.
            callbacks_anywhere: Call back to other machines too.
            dropped: Makes the exception that stands for a lost connection when the client is in this very process;
                with an HTTP client, its own error for that.
            operations: What our client can ask for; an endpoint of theirs that no family serves is derived.
            short_side: Pixels of the shorter side of every video; small ones are drawn in less time, and some
                endpoints take no small ones.

        Raises:
            LocalTrouble: ``folder`` cannot be used.
        """
        # A hurried clock says how far tasks are, but no date that a signature could be checked by.
        date = SystemClock().now if isinstance(clock, SystemClock) else clock.now
        base_url = base_url.rstrip("/")
        self.state = State(clock, units=units, concurrency=concurrency, folder=folder)
        self.faults = Faults()
        shop = Shop(self.state, Files(self.state, folder, short_side), base_url, serve_retired)
        self.callbacks = Callbacks(
            self.state,
            clock=clock,
            shop=shop,
            post=post,
            secret=webhook_secret,
            anywhere=callbacks_anywhere,
            date=date,
        )
        served = [family.path for family in (*FAMILIES, *INSTANTS)]
        families = [*FAMILIES, *derived.families(operations, served)]
        instants = [*INSTANTS, *derived.instants(operations, served)]
        kling = Kling(shop, Costs(self.state), self.callbacks, date, families, instants)
        control = Control(self.state, self.faults, lambda: self.requests)
        routes = [*kling.routes(), *control.routes()]
        paths = [family.path for family in families]
        self.app = FaultyDoor(self._framework(routes), self.faults, clock, dropped, paths)

    @property
    def requests(self) -> Counter[str]:
        """How often each method and path was asked, as ``POST /v1/videos/text2video``; ids read ``{id}``."""
        return self.app.requests

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Send callbacks for tasks accepted within this block. A server enters it by itself."""
        async with anyio.create_task_group() as group:
            self.callbacks.group = group
            try:
                yield
            finally:
                self.callbacks.group = None
                group.cancel_scope.cancel()

    def _framework(self, routes: list[Route]) -> Starlette:
        @asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncGenerator[dict[str, Any]]:
            async with self.running():
                yield {"served": True}

        framework = Starlette(routes=routes, lifespan=lifespan, exception_handlers=self._replies())
        framework.router.redirect_slashes = False
        return framework

    def _replies(self) -> Mapping[Any, Any]:
        async def refused(_: Request, refusal: Refusal) -> Response:
            return refusal.answer()

        async def unknown(request: Request, error: HTTPException) -> Response:
            if error.status_code == 405:  # noqa: PLR2004 - HTTP's own number
                return Refusal(1202).answer()
            return unknown_path(request.url.path, self.state.now())

        async def too_deep(_: Request, __: RecursionError) -> Response:
            return Refusal(1200).answer()

        return {Refusal: refused, HTTPException: unknown, RecursionError: too_deep}
