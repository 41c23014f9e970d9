"""What an agent is told about jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from kling_mcp.jobs.model import State
from kling_mcp.jobs.results import alarm
from kling_mcp.operations.sources import JOB_URI, MEDIA_URI
from kling_mcp.server.advice import OF_THE_ACCOUNT, advice, elsewhere, wait_call
from kling_mcp.server.view import Amount, View, joined, moment, plain, plainly

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from kling_mcp.errors import Failure
    from kling_mcp.jobs.model import Job, Media

Status = Literal["queued", "running", "succeeded", "failed", "cancelled", "unconfirmed"]

STATES: dict[Status, tuple[State, ...]] = {
    "queued": (State.QUEUED, State.SUBMITTING, State.UNKNOWN),
    "running": (State.RUNNING,),
    "succeeded": (State.SUCCEEDED,),
    "failed": (State.FAILED,),
    "cancelled": (State.CANCELLED,),
    "unconfirmed": (State.UNCONFIRMED,),
}
"""What an agent calls each state of the engine. It need not know how a POST is secured."""

STATUS: dict[State, Status] = {state: status for status, states in STATES.items() for state in states}


_COST = {False: "Nothing was charged.", True: "It was charged.", None: "Whether it was charged is not known."}
_IN_DOUBT = "Kling's answer was lost: asking whether it arrived; nothing is sent or charged twice."


class ErrorView(BaseModel):
    """Why a job failed, as in ``errors.Failure``; ``charged`` is absent where nobody can know."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    code: str
    message: str
    fix: str | None = None
    retryable: bool = False
    charged: bool | None = None
    request_id: str | None = None

    @classmethod
    def of(cls, failure: Failure) -> ErrorView:
        """The failure as an agent sees it."""
        return cls(
            code=failure.code,
            message=failure.message,
            fix=failure.fix or None,
            retryable=failure.retryable,
            charged=failure.charged,
            request_id=failure.request_id,
        )

    def line(self, units: Decimal | None = None) -> str:
        """The failure as one line, with what was charged all the same, if that is known."""
        support = f"(Kling request {self.request_id})" if self.request_id else ""
        cost = f"Charged: {plain(units)} units." if self.charged and units else _COST[self.charged]
        return joined([f"[{self.code}] {self.message}", self.fix, cost, support], " ")


class MediaView(BaseModel):
    """One result. What is known of the file only is absent until it is on disk."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    uri: str
    label: str | None = None
    url: str | None = None
    expires_at: str | None = None
    path: str | None = None
    mime: str | None = None
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    sha256: str | None = None
    id: str | None = None

    @classmethod
    def of(cls, media: Media) -> MediaView:
        """The result as an agent sees it."""
        return cls(
            uri=media_uri(media),
            label=media.label or None,
            url=web_url(media),
            expires_at=moment(media.expires_at) if web_url(media) else None,
            path=media.path,
            mime=media.mime,
            width=media.width,
            height=media.height,
            duration_s=media.duration_s,
            sha256=media.sha256,
            id=media.kling_id,
        )

    def line(self) -> str:
        """The result as one line."""
        facts = [
            self.label,
            self.mime,
            f"{self.width}x{self.height}" if self.width else None,
            f"{self.duration_s} s" if self.duration_s else None,
            f"file {self.path}" if self.path else None,
            f"url {self.url}" + (f" (until {self.expires_at})" if self.expires_at else "") if self.url else None,
            f"Kling id {self.id}" if self.id else None,
            f"sha256 {self.sha256}" if self.sha256 else None,
        ]
        return f"{self.uri}: {joined(facts)}"


class StepView(BaseModel):
    """One of the paid requests that a job was split into."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    job_id: str
    tool: str
    status: Status
    units_charged: Amount | None = None

    @classmethod
    def of(cls, job: Job) -> StepView:
        """The step in a few words."""
        return cls(job_id=job.id, tool=job.tool, status=STATUS[job.state], units_charged=job.units_charged)

    def line(self) -> str:
        """The step as one line."""
        charged = f"{plain(self.units_charged)} units charged" if self.units_charged is not None else None
        return f"step {self.job_id} {self.status}: {joined([self.tool, charged])}"


class JobView(View):
    """How a job stands, and what to do next."""

    announced = ("job_id", "status", "media")

    job_id: str
    tool: str
    status: Status
    deduplicated: bool | None = None
    elapsed_s: int
    eta_s: int | None = None
    model_name: str | None = None
    units_quoted: Amount | None = None
    units_charged: Amount | None = None
    media: list[MediaView] | None = None
    result: dict[str, Any] | None = None
    steps: list[StepView] | None = None
    blocked_reason: str | None = None
    error: ErrorView | None = None
    notes: list[str] | None = None
    next: str | None = None

    def text(self) -> str:
        """One line for the job, one for each result, then what went wrong and what to do."""
        facts = [
            self.model_name,
            f"{self.elapsed_s} s",
            f"about {self.eta_s} s to go" if self.eta_s is not None else None,
            f"{plain(self.units_quoted)} units quoted" if self.units_quoted is not None else None,
            f"{plain(self.units_charged)} units charged" if self.units_charged is not None else None,
        ]
        lines = [f"{self.job_id} {self.status}: {self.tool}, {joined(facts)}"]
        lines += [media.line() for media in self.media or ()]
        lines += [f"result: {plainly(self.result)}"] if self.result else []
        lines += [step.line() for step in self.steps or ()]
        lines += [self.blocked_reason] if self.blocked_reason else []
        lines += [self.error.line(self.units_charged)] if self.error else []
        lines += self.notes or []
        lines += [self.next] if self.next else []
        return "\n".join(lines)


class JobsView(View):
    """Several jobs, as ``wait_for_jobs`` returns them."""

    announced = ("jobs",)

    jobs: list[JobView]
    next: str

    def text(self) -> str:
        """Each job in turn, then what to do."""
        return "\n".join([*(job.text() for job in self.jobs), self.next])


def viewed(  # noqa: PLR0913 - what is known beside the record
    job: Job,
    *,
    now: float,
    eta_s: float | None,
    fresh: bool = False,
    steps: Sequence[Job] = (),
    repeated: str = "",
) -> JobView:
    """A job as an agent sees it.

    Args:
        job: The engine's record.
        now: Unix seconds.
        eta_s: Seconds it will probably still take; None once finished.
        fresh: Whether the agent hears of this job for the first time, and so its notes even while it runs.
        steps: The jobs it was split into, in order, if it was.
        repeated: Why this job answers a request that was made again; empty if it was not.
    """
    notes = [repeated, *(job.notes if fresh or job.finished else ()), *_undelivered(job), alarm(job, now)]
    stuck = next((each for each in (job, *steps) if held(each)), None)  # a step that is held holds its whole
    failure = stuck.failure if stuck else job.failure if job.state in _TROUBLED else None
    return JobView(
        job_id=job.id,
        tool=job.tool,
        status=STATUS[job.state],
        deduplicated=True if repeated else None,
        elapsed_s=max(0, round((job.finished_at or now) - job.created_at)),
        eta_s=None if eta_s is None else round(eta_s),
        model_name=job.model_name,
        units_quoted=job.units_quoted,
        units_charged=job.units_charged,
        media=[MediaView.of(media) for media in job.media] or None,
        result=dict(job.facts) or None,
        steps=[StepView.of(step) for step in steps] or None,
        blocked_reason=blocked(stuck or job) or None,
        error=ErrorView.of(failure) if failure else None,
        notes=[note for note in notes if note] or None,
        next=advice(job, stuck),
    )


def gathered(jobs: Sequence[tuple[Job, JobView]]) -> JobsView:
    """Several jobs in one answer: what to do about the unfinished is said once, for all of them."""
    alone = [view if job.settled or elsewhere(job) else view.model_copy(update={"next": None}) for job, view in jobs]
    waiting = [(job, view) for job, view in jobs if not (job.settled or elsewhere(job))]
    if not waiting:
        done = all(job.settled for job, _ in jobs)
        return JobsView(jobs=alone, next=_ALL_DONE if done else "Do what is said of each: waiting changes nothing.")
    held_by = [view.error for job, view in waiting if view.error and not (job.finished or view.error.retryable)]
    remedies = " ".join(dict.fromkeys(error.fix or OF_THE_ACCOUNT for error in held_by))
    wait = wait_call(job.id for job, _ in waiting)
    human = f"Tell the human: {remedies} Then what is held goes on by itself: " if held_by else ""
    return JobsView(jobs=alone, next=f"{human}{wait}")


_ALL_DONE = "All are finished; nothing to wait for."


_TROUBLED = (State.FAILED, State.UNCONFIRMED)


def held(job: Job) -> bool:
    """Whether Kling refuses the account, not the request: it waits until a human has put that right."""
    return job.failure is not None and (job.state is State.QUEUED or (job.has_steps and not job.finished))


def blocked(job: Job) -> str:
    """Why it waits; empty if it does not."""
    if job.finished:
        return ""
    return _IN_DOUBT if job.state is State.UNKNOWN else job.blocked_reason


def _undelivered(job: Job) -> list[str]:
    """Why its files are not here."""
    return list(dict.fromkeys(media.trouble for media in job.media if media.trouble)) if job.finished else []


def job_uri(job_id: str) -> str:
    """A job's address among our resources."""
    return JOB_URI + job_id


def web_url(media: Media) -> str | None:
    """Where Kling keeps it; None where Kling sent the file itself."""
    return media.url if media.url.startswith("http") else None


def media_uri(media: Media) -> str:
    """A result's address among our resources."""
    return MEDIA_URI + media.media_id
