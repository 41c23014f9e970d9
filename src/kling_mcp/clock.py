"""Time, as a thing that can be handed in: so that tests wait for nothing and a sandbox can hurry."""

from __future__ import annotations

import time
from typing import Protocol

import anyio
import anyio.lowlevel


class Clock(Protocol):
    """What tells the time and waits for it. Seconds since the unix epoch."""

    def now(self) -> float:
        """The current time."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return once ``seconds`` have gone by on this clock."""
        ...


class SystemClock:
    """The machine's clock, or one that runs ``speed`` times as fast from the moment it is made."""

    def __init__(self, speed: float = 1.0) -> None:
        self._speed = speed
        self._wall, self._monotonic = time.time(), time.monotonic()

    def now(self) -> float:
        """Unix seconds. At speed 1 it follows corrections of the wall clock; faster, it cannot."""
        if self._speed == 1.0:
            return time.time()
        return self._wall + (time.monotonic() - self._monotonic) * self._speed

    async def sleep(self, seconds: float) -> None:
        """Wait ``seconds`` of this clock's time."""
        await anyio.sleep(max(0.0, seconds) / self._speed)


class ManualClock:
    """A clock that stands still until ``advance``: for tests that decide when time passes."""

    def __init__(self, start: float = 1_790_000_000.0) -> None:
        self._now = start
        self._sleepers: list[tuple[float, anyio.Event]] = []

    def now(self) -> float:
        """The time it was last set to."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Wait until ``advance`` has moved the clock far enough."""
        if seconds <= 0:
            await anyio.lowlevel.checkpoint()
            return
        sleeper = (self._now + seconds, anyio.Event())
        self._sleepers.append(sleeper)
        try:
            await sleeper[1].wait()
        finally:
            self._sleepers.remove(sleeper)

    def advance(self, seconds: float) -> None:
        """Let time pass and wake whoever waited for it."""
        self._now += seconds
        for until, woken in self._sleepers:
            if until <= self._now:
                woken.set()


async def event_or(event: anyio.Event, seconds: float, clock: Clock) -> None:
    """Wait for the event, at most ``seconds`` of this clock's time."""
    async with anyio.create_task_group() as race:

        async def alarm() -> None:
            await clock.sleep(seconds)
            race.cancel_scope.cancel()

        race.start_soon(alarm)
        await event.wait()
        race.cancel_scope.cancel()
