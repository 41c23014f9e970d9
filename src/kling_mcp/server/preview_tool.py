"""The tool that lets a model look at a result. It reads files that are here already and costs nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread

from kling_mcp.errors import InvalidRequest, Problem
from kling_mcp.operations.base import Operation
from kling_mcp.operations.fields import Omitted  # noqa: TC001 - pydantic reads it at run time
from kling_mcp.server.answers import answer, picture
from kling_mcp.server.names import job_id_in, media_id_in
from kling_mcp.server.view import View, joined
from kling_mcp.server.views import STATUS, media_uri

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from collections.abc import Set as AbstractSet

    from mcp import types

    from kling_mcp.jobs.model import Job, Media
    from kling_mcp.server.tool import Call


class PreviewView(View):
    """What the sheet shows. ``others``: the other results of the job, where the job was asked for."""

    announced = ("uri", "times")

    uri: str
    width: int
    height: int
    times: list[float]
    others: list[str] | None = None

    def text(self) -> str:
        """One line for the sheet, one for what else there is."""
        times = ", ".join(f"{time:g}" for time in self.times)
        frames = f", frames row by row at {times} s" if times else ""
        sheet = f"{self.uri}: shown at {self.width}x{self.height}{frames}"
        others = f"Other results of the job, each shown by its uri: {', '.join(self.others)}" if self.others else None
        return joined([sheet, others], "\n")


class PreviewMedia(Operation):
    """Look at a result: frames of a video, a picture, or a sound's waveform."""

    tool = "preview_media"
    title = "Preview media"
    toolset = "jobs"
    starred = True
    kind = "local"
    yields = "image"

    job_id: str | Omitted = None
    """Job whose first result is shown."""
    uri: str | Omitted = None
    """Or one result, kling://media/…"""

    def problems(self, unsound: AbstractSet[str] = frozenset()) -> Iterable[Problem]:
        """Exactly one of the two names what to look at."""
        if not unsound and (self.job_id is None) == (self.uri is None):
            yield Problem("uri", "Give job_id or uri, and only one of them.")


async def preview_media(call: Call[PreviewMedia]) -> types.CallToolResult:
    """One contact sheet, and the times of its frames."""
    from kling_mcp.media.preview import contact_sheet  # noqa: PLC0415 - loaded at first use: it slows the start

    media, others = await _on_disk(call, call.request)
    sheet = await anyio.to_thread.run_sync(contact_sheet, Path(media.path or ""), abandon_on_cancel=True)
    view = PreviewView(
        uri=media_uri(media),
        width=sheet.width,
        height=sheet.height,
        times=list(sheet.times),
        others=[media_uri(other) for other in others] or None,
    )
    return answer(view, picture(sheet.jpeg))


async def _on_disk(call: Call[PreviewMedia], asked: PreviewMedia) -> tuple[Media, Sequence[Media]]:
    """The result to look at, once it is certain that it can be looked at, and the others of a job asked for."""
    name = asked.uri or asked.job_id or ""
    if media_id := media_id_in(name, certainly=asked.uri is not None):
        job, media = await call.jobs.media(media_id)
        others: Sequence[Media] = ()
    else:
        job = await call.jobs.get(job_id_in(name))
        if not job.media:
            raise InvalidRequest.one("job_id", _nothing_yet(job))
        media, *others = job.media
    if media.path is None or not await anyio.to_thread.run_sync(Path(media.path).exists):
        raise InvalidRequest.one("uri", _not_here(job, media))
    return media, others


def _nothing_yet(job: Job) -> str:
    if job.finished:
        return f"Job {job.id} {STATUS[job.state]} and has no result to look at."
    return f'Job {job.id} is {STATUS[job.state]} and has no result yet: call wait_for_jobs(job_ids=["{job.id}"]) first.'


def _not_here(job: Job, media: Media) -> str:
    why = f" ({media.trouble})" if media.trouble else ""
    return f'The file is not on disk{why}: call get_job(job_id="{job.id}") to fetch it again, then preview it.'
