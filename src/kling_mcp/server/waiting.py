"""Waiting for jobs on behalf of a call: within its budget, with signs of life, and cancellable without harm."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

from kling_mcp.errors import LocalTrouble
from kling_mcp.jobs.spend import Accepted
from kling_mcp.operations.catalogue import GENERATIONS
from kling_mcp.server.advice import elsewhere
from kling_mcp.server.answers import about, eta_s, unreached
from kling_mcp.server.arguments import asked_to_wait, terms_of, without_ours
from kling_mcp.server.confirming import agreed
from kling_mcp.server.views import STATUS, held
from kling_mcp.settings import MAX_WAIT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kling_mcp.jobs.model import Job
    from kling_mcp.jobs.runner import Jobs
    from kling_mcp.operations.base import Generation
    from kling_mcp.server.tool import Answer, Call


async def make_job(call: Call[Generation]) -> Answer:
    """Have a paid request accepted, wait for its result, and answer with the result or the handle.

    Once it is accepted, the job is in the ledger: the client may leave at any time.

    Raises:
        InvalidRequest, OverLimit, Declined, NotAuthorised, LocalTrouble: Nothing was submitted.
    """
    operation = without_ours(call.request, GENERATIONS[call.request.tool])
    arguments = {name: value for name, value in call.arguments.items() if name in type(operation).model_fields}
    began = call.jobs.clock.now()
    accepted = await agreed(call, operation, arguments)
    if not isinstance(accepted, Accepted):
        return accepted
    job, repeated = accepted.job, _repeated(call, accepted)
    with suppress(LocalTrouble):  # a ledger that cannot be read now must not make a submitted job look refused
        job = await call.jobs.answered(job.id)
        if not (job.settled or unreached(job) or held(job)):
            spent = max(0.0, call.jobs.clock.now() - began)  # a person may have been asked meanwhile
            left = min(budget(call, call.settings.wait_seconds), max(0.0, MAX_WAIT_SECONDS - spent))
            (job,) = await waited(call, [job.id], left)
    return await about(call.jobs, job, fresh=True, repeated=repeated)


def _repeated(call: Call[Generation], accepted: Accepted) -> str:
    """Why an earlier job answers this call; empty if it has one of its own."""
    if not accepted.deduplicated:
        return ""
    job, ago = accepted.job, max(0.0, call.jobs.clock.now() - accepted.job.created_at)
    same = "A request with this idempotency_key" if _of_the_key(call, job) else "An identical request"
    another = "a new key makes" if _of_the_key(call, job) else "allow_duplicate=true makes"
    return f"{same} was accepted {ago:.0f} s ago; this is its job. Nothing new was submitted: {another} another."


def _of_the_key(call: Call[Generation], job: Job) -> bool:
    return job.idempotency_key is not None and job.idempotency_key == terms_of(call.request).idempotency_key


def budget(call: Call[Any], otherwise: float) -> float:
    """How long this call may wait: what the agent said, or ``otherwise``. Seconds."""
    asked = asked_to_wait(call.request)
    return otherwise if asked is None else asked


async def waited(
    call: Call[Any], job_ids: Sequence[str], budget_s: float, need: Literal["first", "all"] = "all"
) -> list[Job]:
    """Wait until the first, or all, of these jobs are settled, telling the client about it every few seconds.

    Raises:
        InvalidRequest: An id is unknown.
    """

    async def tell(jobs: Sequence[Job]) -> None:
        elapsed = call.jobs.clock.now() - min(job.created_at for job in jobs)
        remaining = _remaining_s(call.jobs, jobs)
        total = None if remaining is None else round(elapsed + remaining, 1)
        await call.report(round(elapsed, 1), total, told(jobs, elapsed, remaining, await _step(call.jobs, jobs)))

    return await call.jobs.wait(job_ids, budget_s, need=need, on_progress=tell)


async def _step(jobs: Jobs, waited_for: Sequence[Job]) -> Job | None:
    """The step that a job waited for alone is at; None where it has none."""
    with suppress(LocalTrouble):  # the ledger is asked again soon, and nobody's answer depends on this one
        steps = await jobs.steps(waited_for[0]) if not (waited_for[1:] or waited_for[0].finished) else ()
        return steps[-1] if steps else None


def told(jobs: Sequence[Job], elapsed_s: float, remaining_s: float | None, step: Job | None = None) -> str:
    """How far they are, for the person who watches."""
    expected = "" if remaining_s is None else f" of about {elapsed_s + remaining_s:.0f} s"
    time = f"{elapsed_s:.0f} s{expected}"
    if len(jobs) > 1:
        return f"{sum(job.settled for job in jobs)} of {len(jobs)} done, {time}"
    (job,) = jobs
    stage = "fetching the file" if job.finished else STATUS[job.state]
    if step:
        stage = f"step {step.step} {STATUS[step.state]}"
    reason = f" ({job.blocked_reason})" if job.blocked_reason else ""
    return f"{stage}, {time}{reason}"


def _remaining_s(jobs: Jobs, waited_for: Sequence[Job]) -> float | None:
    """Seconds until the last of them is finished; None while nobody can say."""
    if any(unreached(job) or held(job) or elsewhere(job) for job in waited_for):
        return None
    return max((eta_s(jobs, job) or 0.0 for job in waited_for), default=0.0)
