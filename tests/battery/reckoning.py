"""The end of a battery: what the ledger, Kling and the disk say about the same jobs."""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import httpx2

from tests.e2e.agent import opened

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from tests.e2e.processes import StdioServer

Row = dict[str, Any]
OVER = {"succeeded", "failed", "cancelled", "unconfirmed"}
AT_ONCE = 50


def rows(ledger: Path) -> list[Row]:
    """Every job of a ledger, oldest first, read past our own code."""
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True, timeout=30)) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute("SELECT * FROM job ORDER BY id")]


def integrity(ledger: Path) -> str:
    """SQLite's own verdict on the file; "ok" if it is whole."""
    with closing(sqlite3.connect(ledger, timeout=30)) as db:
        return cast("str", db.execute("PRAGMA integrity_check").fetchone()[0])


def asked_of(url: str, path: str, patience_s: float = 30.0) -> dict[str, Any]:
    """What Kling's control door says, asked until it answers."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return httpx2.get(f"{url}{path}", timeout=30.0).raise_for_status().json()
        except httpx2.HTTPError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def settled(server: StdioServer, ledger: Path, patience_s: float) -> None:
    """Wait, as an agent would, until every job of the ledger is over and delivered, for at most ``patience_s``."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        open_ids = [row["id"] for row in rows(ledger) if row["state"] not in OVER or row["delivery"] == "fetching"]
        if not open_ids:
            return
        server.call("wait_for_jobs", job_ids=open_ids[:AT_ONCE], wait_seconds=20)


def listed(server: StdioServer) -> list[str]:
    """The ids that list_jobs shows, over all its pages."""
    found: list[str] = []
    while True:
        more = {"before": found[-1]} if found else {}
        answer = server.call("list_jobs", limit=AT_ONCE, **more)
        assert "jobs" in answer, answer
        page = [row["job_id"] for row in answer["jobs"]]
        found += page
        if len(page) < AT_ONCE:
            return found


@dataclass(frozen=True)
class Reckoning:
    """One ledger against one Kling."""

    rows: Sequence[Row]
    kling: Mapping[str, Any]
    integrity: str

    @classmethod
    def of(cls, ledger: Path, url: str) -> Reckoning:
        """As both stand now."""
        return cls(rows(ledger), asked_of(url, "/_sandbox/ledger"), integrity(ledger))

    @property
    def intents(self) -> int:
        """Jobs in the ledger."""
        return len(self.rows)

    @property
    def creates(self) -> int:
        """Tasks that Kling made."""
        return len(self.kling["tasks"])

    @property
    def doubled(self) -> list[str]:
        """Ids of ours that Kling made more than one task of, and prompts that became more than one job."""
        tasks = Counter(task["external_task_id"] for task in self.kling["tasks"])
        again = [f"{each} x{count}" for each, count in tasks.items() if count > 1]
        prompts: dict[str, list[str]] = {}
        for row in self.rows:
            job = f"{row['id']} at {row['created_at']:.1f} under {row['idempotency_key']}"
            prompts.setdefault(json.loads(row["arguments"])["prompt"], []).append(job)
        return again + [f"{prompt}: {', '.join(jobs)}" for prompt, jobs in prompts.items() if len(jobs) > 1]

    @property
    def unexplained(self) -> list[str]:
        """Tasks of Kling's that no job explains."""
        known = {row["id"] for row in self.rows}
        return [task["id"] for task in self.kling["tasks"] if task["external_task_id"] not in known]

    def lost(self, accepted: Collection[str]) -> list[str]:
        """Jobs that an agent was told of and that the ledger does not have."""
        known = {row["id"] for row in self.rows}
        return [job_id for job_id in accepted if job_id not in known]

    @property
    def unfinished(self) -> list[str]:
        """Jobs that did not succeed, or whose file is not on disk, with their own reason."""
        return [
            f"{row['id']} {row['state']} {row['delivery']} {row['blocked_reason']} {row['failure']}"
            for row in self.rows
            if (row["state"], row["delivery"]) != ("succeeded", "stored")
        ]

    @property
    def charges(self) -> int:
        """Tasks that succeeded, each of which Kling charges once."""
        return sum(1 for task in self.kling["tasks"] if task["status"] in {"succeed", "succeeded"})

    def files(self) -> Counter[str]:
        """Every result, decoded to its end and compared with its digest, by kind.

        Raises:
            AssertionError: One of them is not what the ledger says.
        """
        found = Counter[str]()
        for row in self.rows:
            for media in json.loads(row["media"]):
                assert media["path"], (row["id"], media)
                opened(media)
                found[media["kind"]] += 1
        return found

    def strays(self, folder: Path) -> list[str]:
        """Files in the output folder that no job names."""
        named = {media["path"] for row in self.rows for media in json.loads(row["media"])}
        return [str(path) for path in folder.rglob("*") if path.is_file() and str(path) not in named]
