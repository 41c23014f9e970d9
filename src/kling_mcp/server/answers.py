"""From facts to what goes over the wire: views, failures and pictures as tool results."""

from __future__ import annotations

import base64
import logging
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import anyio.to_thread
from mcp import types

from kling_mcp.errors import NOT_CHARGED, InvalidRequest, LocalTrouble, Problem
from kling_mcp.jobs.model import State
from kling_mcp.server.advice import elsewhere
from kling_mcp.server.views import ErrorView, held, media_uri, viewed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kling_mcp.errors import KlingError
    from kling_mcp.jobs.model import Job, Media
    from kling_mcp.jobs.runner import Jobs
    from kling_mcp.server.view import View
    from kling_mcp.server.views import JobView

log = logging.getLogger(__name__)

PICTURES_AT_MOST = 4
"""Thumbnails in one answer: each costs the model about a thousand tokens."""
PROBLEMS_AT_MOST = 20
"""Problems told at once: who has more has sent something else than a request."""
FREE = "This call cost nothing."
LATER = "The same call may succeed later."
CRASHED = (
    "Internal error of kling-mcp; its log has the details. Nothing is lost: every job that was accepted is kept, "
    "and list_jobs shows it. Look there before calling again."
)


def answer(view: View, *extras: types.ContentBlock, is_error: bool = False) -> types.CallToolResult:
    """The same facts in both channels, then links and pictures."""
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=view.text()), *extras],
        structured_content=view.structured(),
        is_error=is_error,
    )


def refusal(error: KlingError, *, paid: bool, **facts: object) -> types.CallToolResult:
    """A failure we foresee: one sentence for each problem, ending with what was charged.

    Args:
        error: What it is.
        paid: Whether the tool could have cost anything.
        facts: Said beside it, as data.
    """
    charged = NOT_CHARGED if paid else FREE
    if isinstance(error, InvalidRequest):
        return _corrected([problem.sentence for problem in error.problems], charged)
    failure = error.failure
    lines = (f"[{failure.code}] {failure.message}", failure.fix, LATER if failure.retryable else "", charged)
    return _failed("\n".join(filter(None, lines)), ErrorView.of(failure), facts)


def _corrected(problems: Sequence[str], charged: str) -> types.CallToolResult:
    """What the arguments have to be changed in."""
    told = list(problems[:PROBLEMS_AT_MOST])
    if len(problems) > len(told):
        told.append(f"There are {len(problems) - len(told)} more problems of this kind.")
    error = InvalidRequest([Problem("", sentence) for sentence in told])
    return _failed("\n".join([*told, charged]), ErrorView.of(error.failure))


def crash() -> types.CallToolResult:
    """A bug of ours: what happened stays in the log."""
    return _failed(CRASHED, ErrorView(code="internal_error", message=CRASHED))


def unknown_tool(sentence: str) -> types.CallToolResult:
    """A call of a tool that is not there."""
    return _failed(f"{sentence}\n{FREE}", ErrorView(code="unknown_tool", message=sentence, charged=False))


def _failed(text: str, error: ErrorView, facts: Mapping[str, object] = MappingProxyType({})) -> types.CallToolResult:
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=text)],
        structured_content={**facts, "error": error.model_dump(mode="json", exclude_none=True)},
        is_error=True,
    )


async def view_of(jobs: Jobs, job: Job, *, fresh: bool = False, repeated: str = "") -> JobView:
    """A job as an agent sees it, at this moment; ``fresh`` and ``repeated`` as for ``viewed``."""
    steps: Sequence[Job] = ()
    with suppress(LocalTrouble):  # a ledger that cannot be read now must not make a submitted job look refused
        steps = await jobs.steps(job)
    left = eta_s(jobs, job)
    return viewed(job, now=jobs.clock.now(), eta_s=left, fresh=fresh, steps=steps, repeated=repeated)


def eta_s(jobs: Jobs, job: Job) -> float | None:
    """Seconds a job will probably still take; None once finished, and while nobody can know."""
    return None if unreached(job) or held(job) or elsewhere(job) else jobs.eta_s(job)


def unreached(job: Job) -> bool:
    """Whether the job waits for a connection: nobody can say how long, and it helps nobody to wait with it."""
    return job.unreached_since is not None and job.state in (State.QUEUED, State.SUBMITTING)


async def about(jobs: Jobs, job: Job, *, fresh: bool = False, repeated: str = "") -> types.CallToolResult:
    """The answer about one job. A failed job is an error, so that no host shows it as a success.

    Args:
        jobs: The engine.
        job: Which job.
        fresh: As for ``viewed``.
        repeated: As for ``viewed``.
    """
    view = await view_of(jobs, job, fresh=fresh, repeated=repeated)
    return answer(view, *await shown([job]), is_error=failed(job))


def failed(job: Job) -> bool:
    """Whether the job ended without a result and not by the agent's own wish."""
    return job.failure is not None and job.finished


async def shown(jobs: Sequence[Job]) -> list[types.ContentBlock]:
    """A link to each result, and a small picture of the first few that are on disk."""
    links = [link(media) for job in jobs for media in job.media]
    seen = _worth_seeing(jobs)[:PICTURES_AT_MOST]
    pictures = [picture for media in seen if (picture := await _thumbnail(media))]
    return [*links, *pictures]


def _worth_seeing(jobs: Sequence[Job]) -> list[Media]:
    """Each job's main result, then its further pictures: a second film or sound shows what the first did."""
    firsts = [job.media[0] for job in jobs if job.media]
    more = [media for job in jobs for media in job.media[1:] if media.kind == "image"]
    return [media for media in (*firsts, *more) if media.path]


def link(media: Media) -> types.ResourceLink:
    """Where a client can read the file itself."""
    return types.ResourceLink(
        type="resource_link",
        uri=media_uri(media),
        name=name_of(media),
        mime_type=media.mime,
        size=media.size,
    )


def name_of(media: Media) -> str:
    """What people call a result: its file's name."""
    return Path(media.path).name if media.path else media.media_id


def picture(jpeg: bytes) -> types.ImageContent:
    """A JPEG the model can see."""
    return types.ImageContent(type="image", data=base64.b64encode(jpeg).decode(), mime_type="image/jpeg")


async def _thumbnail(media: Media) -> types.ImageContent | None:
    """A film's middle frame, the picture itself, or a sound's waveform; None where none can be made."""
    from kling_mcp.media.preview import thumbnail  # noqa: PLC0415 - loaded at first use: it slows the start

    try:
        return picture(await anyio.to_thread.run_sync(thumbnail, Path(media.path or ""), abandon_on_cancel=True))
    except Exception as trouble:  # noqa: BLE001 - whatever is wrong with a picture, the answer matters more
        log.warning("no thumbnail of %s: %s", media.media_id, trouble)
        return None
