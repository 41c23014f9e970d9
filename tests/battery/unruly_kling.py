"""The pretend Kling as a process of its own, hurried, behind a door that is unkind to creates.

``python -m tests.battery.unruly_kling --seed 1 --share 0.13``; its first line says where it listens, and it ends with
its standard input. ``GET /_unruly`` tells what the creates met.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import threading
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

import anyio
from starlette.responses import JSONResponse

from kling_mcp.clock import SystemClock
from kling_mcp.sandbox.app import Sandbox

from .fault_proxy import Asked, FaultProxy, Trouble, served

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import Receive, Scope, Send

TOLD = "/_unruly"
SHORT_SIDE = 96
"""Pixels: small films are drawn and decoded in a tenth of a second."""
TROUBLES: Sequence[tuple[int, Trouble]] = (
    (20, Trouble("reset")),  # it took effect, and its answer is lost
    (20, Trouble("reset", lands=False)),
    (15, Trouble("html")),  # a 502 of a gateway, the task made all the same
    (15, Trouble("html", lands=False)),
    (10, Trouble("half")),
    (10, Trouble("truncated")),
    (5, Trouble("empty")),
    (5, Trouble("refused", seconds=0.3)),
)
"""What happens to a create that is to suffer, and how often compared with the others."""


class Unruly:
    """An application that is there before its sandbox, whose addresses begin with the door's."""

    def __init__(self, seed: int, share: float) -> None:
        self._dice, self._share = random.Random(seed), share
        self.met = Counter[str]()
        self.sandbox: Sandbox | None = None

    def choose(self, asked: Asked) -> Trouble | None:
        """The trouble of this request, if it is a create and out of luck."""
        if asked.method != "POST" or not asked.our_id:
            return None
        self.met["creates posted"] += 1
        if self._dice.random() >= self._share:
            return None
        (trouble,) = self._dice.choices([each for _, each in TROUBLES], [weight for weight, _ in TROUBLES])
        self.met[str(trouble)] += 1
        return trouble

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
        elif scope["path"] == TOLD:
            await JSONResponse(self.met)(scope, receive, send)
        else:
            assert self.sandbox is not None
            await self.sandbox.app(scope, receive, send)


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--share", type=float, default=0.13, help="share of creates that suffer")
    parser.add_argument("--speed", type=float, default=60.0)
    parser.add_argument("--twice", action="store_true", help="take an external id more than once")
    arguments = parser.parse_args()
    threading.Thread(target=_end_with_input, daemon=True).start()

    async def serve() -> None:
        unruly = Unruly(arguments.seed, arguments.share)
        async with served(unruly) as port, FaultProxy(port, unruly.choose).listening() as door:
            unruly.sandbox = Sandbox(
                clock=SystemClock(arguments.speed),
                base_url=door.url,
                concurrency=10_000,
                units=Decimal(1_000_000),
                short_side=SHORT_SIDE,
            )
            unruly.sandbox.state.unique = not arguments.twice
            print(door.url, flush=True)  # noqa: T201 - whoever started us reads it
            while True:
                await anyio.sleep(1)
                door.asked.clear()

    anyio.run(serve)


def _end_with_input() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
