"""Three servers on one ledger, killed and stopped a hundred times while agents keep asking: nothing lost or doubled."""

from __future__ import annotations

import random
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.processes import StdioServer, environment

from .hosts import Diary, Host
from .reckoning import Reckoning, asked_of, listed, settled
from .say import say
from .seeds import chosen

if TYPE_CHECKING:
    from collections.abc import Generator

pytestmark = pytest.mark.battery

ROOT = Path(__file__).parents[2]
HOSTS = 3
SETTLE_S = 420.0
"""How long everything may take to settle once nobody is killed any more: a lease of 150 s may have to end."""
HIT_WHILE_STARTING = 0.1
"""Share of hits that may meet a server that is only starting; all others meet one that has begun to work."""
PATIENCE_S = 120.0
LONGEST_STOP_S = 12.0
"""Longer than the send guard (10 s): who wakes from that must not send what it had claimed."""


@contextmanager
def unruly_kling(seed: int, *options: str) -> Generator[str]:
    """A pretend Kling that is unkind to creates; its URL."""
    command = [sys.executable, "-m", "tests.battery.unruly_kling", "--seed", str(seed), *options]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline().strip()
            assert line.startswith("http://"), "it did not start"
            yield line
        finally:
            process.kill()


@dataclass
class Toll:
    """What was done to the servers."""

    kills: int = 0
    stops: int = 0
    killed_stopped: int = 0


def tormented(hosts: list[Host], kills: int, stops: int, dice: random.Random) -> Toll:
    """About once a second, kill a server, or stop it for a while; returns when all have been continued."""
    toll, stopped = Toll(), list[tuple[float, StdioServer]]()
    plan = ["kill"] * kills + ["stop"] * stops
    dice.shuffle(plan)
    for what in plan:
        hit = _hit(hosts, signal.SIGKILL if what == "kill" else signal.SIGSTOP, stopped, dice)
        if what == "kill":
            toll.kills += 1
            toll.killed_stopped += any(each is hit for _, each in stopped)
        else:
            toll.stops += 1
            seconds = LONGEST_STOP_S if dice.random() < 0.2 else dice.uniform(0.5, 4)
            stopped.append((time.monotonic() + seconds, hit))
        time.sleep(dice.uniform(0.3, 1.1))
    while stopped:
        _continue(stopped)
        time.sleep(0.05)
    return toll


def _hit(
    hosts: list[Host], number: signal.Signals, stopped: list[tuple[float, StdioServer]], dice: random.Random
) -> StdioServer:
    """Signal a server, most often one that is at work; which it was."""
    anyhow = dice.random() < HIT_WHILE_STARTING
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        _continue(stopped)
        now = time.monotonic()
        ready = [host for host in hosts if anyhow or host.ripe_at <= now]
        if ready and (server := dice.choice(ready).signalled(number)):
            return server
        time.sleep(0.02)
    raise AssertionError("no server comes to work any more")


def _continue(stopped: list[tuple[float, StdioServer]]) -> None:
    """Let those go on whose time is up."""
    for until, server in list(stopped):
        if until <= time.monotonic():
            server.process.send_signal(signal.SIGCONT)
            stopped.remove((until, server))


@pytest.mark.parametrize(
    ("kills", "stops", "options"),
    [
        pytest.param(100, 20, (), id="100 kills"),
        pytest.param(
            30,
            8,
            ("--twice",),
            id="30 kills, Kling takes an id more than once",
        ),
    ],
)
def test_nothing_is_lost_or_doubled_however_often_servers_die(
    kills: int, stops: int, options: tuple[str, ...], tmp_path: Path
) -> None:
    seed = chosen(f"{kills} kills, {stops} stops {' '.join(options)}")
    began, diary, log = time.monotonic(), Diary(), (tmp_path / "servers.log").open("w")
    with log, unruly_kling(seed, *options) as url:
        env = environment(tmp_path, KLING_BASE_URL=url, KLING_API_KEY="sandbox")
        hosts = [Host(number, env, diary, seed, log) for number in range(HOSTS)]
        for host in hosts:
            host.start()
        try:
            toll = tormented(hosts, kills, stops, random.Random(seed))
            for host in hosts:
                host.ending.set()
            for host in hosts:
                host.join(120)
                assert not host.is_alive(), f"{host.name} hangs: {diary.told}"
        finally:
            for host in hosts:
                host.abandoned.set()
                host.signalled(signal.SIGKILL)
        lasted = time.monotonic() - began
        ledger = tmp_path / "state" / "ledger.db"
        with StdioServer(env, log) as heir:
            settled(heir, ledger, SETTLE_S)
            shown = listed(heir)
        found, met = Reckoning.of(ledger, url), asked_of(url, "/_unruly")
    report(found, diary, toll, hosts, met, lasted, time.monotonic() - began)

    assert found.integrity == "ok"
    assert found.unfinished == []
    assert found.lost(diary.accepted.values()) == []
    assert diary.contradicted == []
    assert found.doubled == []
    assert found.unexplained == []
    assert found.intents == found.creates == found.charges
    assert len(diary.accepted) <= found.intents <= len(diary.accepted) + len(diary.forgotten)
    assert sorted(shown) == [row["id"] for row in found.rows]
    assert sum(Decimal(row["units_charged"]) for row in found.rows) == Decimal(found.kling["units_deducted"])
    files = found.files()
    say(f"  files played to their end: {dict(files)}")
    assert files.total() == found.intents
    assert (toll.kills, toll.stops) == (kills, stops)
    complaints = (tmp_path / "servers.log").read_text()
    assert re.findall(r"Traceback|background work failed|a bug", complaints) == [], complaints[-4000:]


def report(
    found: Reckoning, diary: Diary, toll: Toll, hosts: list[Host], met: dict[str, int], lasted: float, whole: float
) -> None:
    posted = met.pop("creates posted")
    say(
        f"  {toll.kills} kills ({toll.killed_stopped} of stopped servers), {toll.stops} stops, "
        f"{sum(host.starts for host in hosts)} starts in {lasted:.0f} s; settled after {whole:.0f} s\n"
        f"  accepted {len(diary.accepted)}, in the ledger {found.intents}, agents that gave up {len(diary.forgotten)}\n"
        f"  creates {found.creates}, charges {found.charges}, lost {len(found.lost(diary.accepted.values()))}, "
        f"doubled {len(found.doubled)}, refused by Kling as known {found.kling['duplicates_refused']}\n"
        f"  POSTs {posted}, of which {sum(met.values())} ({sum(met.values()) / posted:.0%}) met trouble: {met}\n"
        f"  agents were told: {dict(diary.told)}\n"
        f"  integrity_check {found.integrity}"
    )
