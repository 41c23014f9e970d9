"""A listing of jobs: one short line for each."""

from __future__ import annotations

import json
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from kling_mcp.errors import trimmed
from kling_mcp.jobs.model import State
from kling_mcp.jobs.results import alarm
from kling_mcp.server.view import Amount, View, joined, moment, plain
from kling_mcp.server.views import STATUS, Status, blocked, held, media_uri

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kling_mcp.jobs.model import Job

PROMPT_SHOWN = 60
REASON_SHOWN = 160
_TELLING = ("prompt", "text", "effect_scene", "element_name", "voice_name")
"""Arguments by which people know a job again, the best first."""


class JobRow(BaseModel):
    """One line of a listing."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    job_id: str
    tool: str
    status: Status
    created_at: str
    model_name: str | None = None
    units: Amount | None = None
    prompt: str | None = None
    uri: str | None = None
    blocked_reason: str | None = None

    @classmethod
    def of(cls, job: Job) -> JobRow:
        """The job in a few words."""
        return cls(
            job_id=job.id,
            tool=job.tool,
            status=STATUS[job.state],
            created_at=moment(job.created_at) or "",
            model_name=job.model_name,
            units=_units(job),
            prompt=told_by(job.arguments),
            uri=media_uri(job.media[0]) if job.media else None,
            blocked_reason=_why_it_waits(job) or None,
        )

    def line(self) -> str:
        """The row as one line."""
        facts = [
            self.tool,
            self.created_at,
            self.model_name,
            f"{plain(self.units)} units" if self.units is not None else None,
            f"“{self.prompt}”" if self.prompt else None,
            self.uri,
            self.blocked_reason,
        ]
        return f"{self.job_id} {self.status}: {joined(facts)}"


def told_by(arguments: Mapping[str, object]) -> str | None:
    """What a request begins with, in one line."""
    words = next((str(arguments[name]) for name in _TELLING if arguments.get(name)), "")
    return trimmed(" ".join(words.split()), PROMPT_SHOWN) or None


def _units(job: Job) -> Decimal | None:
    """What a job cost, or will as far as we know."""
    if job.units_charged is not None:
        return job.units_charged
    free = job.state is State.CANCELLED or (job.failure is not None and job.finished and job.failure.charged is False)
    return Decimal() if free else job.units_quoted


def _why_it_waits(job: Job) -> str:
    """Why a job waits, in one short line."""
    return trimmed(job.failure.message if job.failure and held(job) else blocked(job), REASON_SHOWN)


class ListingView(View):
    """A page of jobs, newest first."""

    announced = ("jobs",)

    jobs: list[JobRow]
    next: str

    def text(self) -> str:
        """One line for each job, then how to go on."""
        return "\n".join([*(row.line() for row in self.jobs), self.next])


def listed(
    jobs: Sequence[Job], limit: int, asked: Mapping[str, object] = MappingProxyType({}), *, now: float = 0.0
) -> ListingView:
    """A page of a listing, and the call for the next one: with the same arguments, but from where this one ends.

    Args:
        jobs: The page.
        limit: How many were asked for.
        asked: The arguments.
        now: Unix seconds: files that Kling is about to delete are said first.
    """
    if len(jobs) == limit:
        same = "".join(f", {name}={json.dumps(value)}" for name, value in asked.items() if name != "before")
        onward = f'for older ones call list_jobs(before="{jobs[-1].id}"{same})'
    else:
        onward = "These are all." if jobs else "There are no such jobs."
    perishing = [f"Job {job.id}: {sentence} get_job fetches it." for job in jobs if (sentence := alarm(job, now))]
    stuck = next((job.id for job in jobs if held(job) and job.failure and not job.failure.retryable), None)
    remedy = [f'get_job(job_id="{stuck}") says what the human has to put right.'] if stuck else []
    return ListingView(jobs=[JobRow.of(job) for job in jobs], next=" ".join([*perishing, *remedy, onward]))
