"""How an argument of a resource's address may go on: ids from the ledger, names found by words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp import types

from kling_mcp.errors import KlingError
from kling_mcp.operations.sources import JOB_URI, MEDIA_URI
from kling_mcp.server.knowledge import suggested

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext

    from kling_mcp.jobs.model import Job
    from kling_mcp.jobs.runner import Jobs

AT_MOST = 100
"""Suggestions in one answer, which the protocol fixes."""
LOOKED_AT = 200
"""Newest jobs among which ids are looked for."""

JOB_TEMPLATE = JOB_URI + "{job_id}"
MEDIA_TEMPLATE = MEDIA_URI + "{media_id}"


class Completions:
    """Serves ``completion/complete`` over one engine."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    async def complete(self, _: ServerRequestContext[Any], params: types.CompleteRequestParams) -> types.CompleteResult:
        """Suggest values; none where there is nothing to suggest. Never fails: a suggestion is a courtesy."""
        found = await self._found(params.ref, params.argument.value.strip())
        completion = types.Completion(values=found[:AT_MOST], total=len(found), has_more=len(found) > AT_MOST)
        return types.CompleteResult(completion=completion)

    async def _found(self, ref: types.ResourceTemplateReference | types.PromptReference, typed: str) -> list[str]:
        if isinstance(ref, types.PromptReference):
            return []
        match ref.uri:
            case template if template == JOB_TEMPLATE:
                return [job.id for job in await self._like(typed)]
            case template if template == MEDIA_TEMPLATE:
                return [media.media_id for job in await self._like(typed) for media in job.media if media.path]
            case template:
                return suggested(template, typed)

    async def _like(self, typed: str) -> list[Job]:
        """Recent jobs whose id, tool or prompt has what was typed in it, newest first."""
        try:
            jobs = await self._jobs.list(limit=LOOKED_AT)
        except KlingError:
            return []
        return [job for job in jobs if _has(job, typed.casefold())]


def _has(job: Job, typed: str) -> bool:
    searched = (job.id, job.tool, str(job.arguments.get("prompt") or ""), *(media.media_id for media in job.media))
    return any(typed in each.casefold() for each in searched)
