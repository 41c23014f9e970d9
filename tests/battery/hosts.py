"""Agents' hosts that never give up: each starts kling-mcp over stdio, anew whenever it is gone, and keeps asking."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from typing import IO, TYPE_CHECKING, Any, Literal

from tests.e2e.processes import StdioServer

if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping

GONE = (AssertionError, OSError, json.JSONDecodeError, ValueError)
"""What a call raises when its server was killed: no answer, half of one, or a pipe that is closed."""
PAUSE_S = 0.3
"""From one wish of an agent to its next, on average."""
RIPE_WITHIN_S = 2.5
Persistence = Literal["keyed", "again", "never"]
"""What the agent does after a cut call: repeats it under its key, repeats it as it was, or forgets it."""
AGAIN_WITHIN_S = 60.0
"""How long an agent without a key repeats itself. The next server needs some time until it reads the last repeat."""


@dataclass
class Intent:
    """One thing an agent wants made, once."""

    tool: str
    arguments: dict[str, Any]
    persistence: Persistence
    calls: int = 0
    since: float = field(default_factory=time.monotonic)

    @property
    def given_up(self) -> bool:
        """Whether the agent asks no more after a call that was cut."""
        if self.persistence == "again":  # later than within two minutes, it would rightly be a second request
            return self.calls > 0 and time.monotonic() - self.since > AGAIN_WITHIN_S
        return self.calls > 0 and self.persistence == "never"


@dataclass
class Diary:
    """What the agents were told, over all hosts."""

    accepted: dict[str, str] = field(default_factory=dict[str, str])
    """Job by prompt."""
    contradicted: list[str] = field(default_factory=list[str])
    """Prompts for which two different jobs were told."""
    forgotten: set[str] = field(default_factory=set[str])
    """Prompts whose only call was cut."""
    told: Counter[str] = field(default_factory=Counter[str])
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answered(self, intent: Intent, answer: Mapping[str, Any]) -> bool:
        """Write down an answer; whether it names a job."""
        prompt = intent.arguments["prompt"]
        with self.lock:
            if "job_id" not in answer:
                self.told[f"refused: {answer.get('error', answer)}"[:160]] += 1
                return False
            self.told["deduplicated"] += bool(answer.get("deduplicated"))
            if self.accepted.setdefault(prompt, answer["job_id"]) != answer["job_id"]:
                self.contradicted.append(prompt)
            return True


class Host(threading.Thread):
    """One host with one agent. Others may kill or stop its server at any time."""

    def __init__(self, number: int, env: Mapping[str, str], diary: Diary, seed: int, log: IO[str]) -> None:
        super().__init__(name=f"host {number}", daemon=True)
        self._number, self._env, self._diary, self._log = number, env, diary, log
        self._dice = random.Random(f"{seed} host {number}")
        self._wishes = 0
        self.server: StdioServer | None = None
        self.ripe_at = inf
        """From when the present server may be hit: some time after its hello, or a slow machine would see nothing else
        than servers that die while they start."""
        self.ending, self.abandoned = threading.Event(), threading.Event()
        self.starts = 0

    def run(self) -> None:
        """Start servers and ask them, until told to end and nothing is left to be repeated, or until abandoned."""
        intent: Intent | None = None
        while (intent or not self.ending.is_set()) and not self.abandoned.is_set():
            self.starts += 1
            server = StdioServer(self._env, self._log)
            self.server = server
            try:
                with suppress(*GONE), server:
                    self.ripe_at = time.monotonic() + self._dice.uniform(0, RIPE_WITHIN_S)
                    while intent or not self.ending.is_set():
                        intent = intent or self._wish()
                        if self._asked(server, intent):
                            intent = None
                            time.sleep(self._dice.expovariate(1 / PAUSE_S))
            finally:
                self.ripe_at = inf
                server.process.kill()  # it may have been killed before it said hello
                server.process.communicate()
            if intent and intent.given_up:
                self._diary.forgotten.add(intent.arguments["prompt"])
                intent = None

    def signalled(self, number: signal.Signals) -> StdioServer | None:
        """Send a signal to the present server; the server, None if there is none to be hit."""
        server = self.server
        if server is None or server.process.poll() is not None:
            return None
        server.process.send_signal(number)
        return server

    def _asked(self, server: StdioServer, intent: Intent) -> bool:
        intent.calls += 1
        if self._diary.answered(intent, server.call(intent.tool, **intent.arguments)):
            return True
        time.sleep(0.5)  # it was told no; a real agent thinks before it asks again
        return intent.persistence == "never"

    def _wish(self) -> Intent:
        self._wishes += 1
        prompt = f"wish {self._wishes} of host {self._number}"
        persistence = self._dice.choices(("keyed", "again", "never"), (50, 25, 25))[0]
        wait = self._dice.choice((0, 0, 0, 2))
        if self._dice.random() < 0.3:
            arguments = {"prompt": prompt, "model_name": "kling-v2-5-turbo", "wait_seconds": wait}
            intent = Intent("generate_video", arguments, persistence)
        else:
            intent = Intent("generate_image", {"prompt": prompt, "wait_seconds": wait}, persistence)
        if persistence == "keyed":
            intent.arguments["idempotency_key"] = prompt.replace(" ", "-")
        return intent
