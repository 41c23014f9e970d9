"""Jobs, their results and what we know of Kling as resources: listed, readable, and told of when they change."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import anyio.to_thread
from mcp import MCPError, types

from kling_mcp.errors import InvalidRequest, KlingError
from kling_mcp.operations.sources import JOB_URI, MEDIA_URI
from kling_mcp.server.answers import name_of, view_of
from kling_mcp.server.completion import JOB_TEMPLATE, MEDIA_TEMPLATE
from kling_mcp.server.knowledge import CATALOGUE_URI, PAGES, told
from kling_mcp.server.views import STATUS, job_uri, media_uri, web_url

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext

    from kling_mcp.jobs.model import Job, Media
    from kling_mcp.jobs.runner import Jobs
    from kling_mcp.server.news import News

PAGE = 25
"""Jobs per page of the list; each is followed by its results."""
INLINE_AT_MOST = 32 * 2**20
"""Bytes of a file that are sent as a blob. A message of more than this stalls most clients."""
JSON = "application/json"
TEXT = "text/plain"


class Shelf:
    """The resources of one engine."""

    def __init__(self, jobs: Jobs, news: News) -> None:
        self._jobs, self._news = jobs, news

    async def list_resources(
        self, context: ServerRequestContext[Any], params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        """What we know of Kling, then recent jobs and the results that are on disk, newest first."""
        self._news.meet(context)
        try:
            jobs = await self._jobs.list(limit=PAGE, before=params.cursor if params else None)
        except KlingError as error:
            raise MCPError(code=types.INTERNAL_ERROR, message=error.failure.sentence()) from error
        first = [] if params and params.cursor else KNOWLEDGE
        return types.ListResourcesResult(
            resources=[*first, *(resource for job in jobs for resource in _resources(job))],
            next_cursor=jobs[-1].id if len(jobs) == PAGE else None,
        )

    async def list_templates(
        self, _: ServerRequestContext[Any], __: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        """The kinds of address."""
        return types.ListResourceTemplatesResult(resource_templates=TEMPLATES)

    async def read(
        self, _: ServerRequestContext[Any], params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        """The job or the page of knowledge as JSON, or the file.

        Raises:
            MCPError: There is nothing at this address.
        """
        uri = str(params.uri)
        try:
            if uri.startswith(JOB_URI):
                content = await self._job(uri)
            elif uri.startswith(MEDIA_URI):
                content = await self._file(uri)
            elif uri.startswith(CATALOGUE_URI) and (page := told(uri)) is not None:
                content = _json(uri, page)
            else:
                _not_found(uri)
        except InvalidRequest:
            _not_found(uri)
        return types.ReadResourceResult(contents=[content])

    async def _job(self, uri: str) -> types.TextResourceContents:
        view = await view_of(self._jobs, await self._jobs.get(uri.removeprefix(JOB_URI)))
        return _json(uri, view.structured())

    async def _file(self, uri: str) -> types.TextResourceContents | types.BlobResourceContents:
        job, media = await self._jobs.media(uri.removeprefix(MEDIA_URI))
        if (media.size or 0) > INLINE_AT_MOST:
            return _told(uri, f"{media.size} bytes are too many to send here. The file is {media.path}.{_also(media)}")
        content = await anyio.to_thread.run_sync(_read, media.path, abandon_on_cancel=True)
        if content is None:
            return _told(uri, f'The file is not on disk; get_job(job_id="{job.id}") fetches it.{_also(media)}')
        return types.BlobResourceContents(uri=uri, mime_type=media.mime, blob=content)


def _read(path: str | None) -> str | None:
    """A file as Base64; None if it is not there."""
    try:
        return base64.b64encode(Path(path).read_bytes()).decode() if path else None
    except OSError:
        return None


def _json(uri: str, value: object) -> types.TextResourceContents:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return types.TextResourceContents(uri=uri, mime_type=JSON, text=text)


def _also(media: Media) -> str:
    address = web_url(media)
    return f" Kling has it at {address}" if address else ""


def _told(uri: str, sentence: str) -> types.TextResourceContents:
    return types.TextResourceContents(uri=uri, mime_type=TEXT, text=sentence)


def _resources(job: Job) -> list[types.Resource]:
    status = f"{job.tool}, {STATUS[job.state]}"
    of_job = types.Resource(uri=job_uri(job.id), name=job.id, mime_type=JSON, description=status)
    return [of_job, *(_file_resource(media) for media in job.media if media.path)]


def _file_resource(media: Media) -> types.Resource:
    return types.Resource(uri=media_uri(media), name=name_of(media), mime_type=media.mime, size=media.size)


def _not_found(uri: str) -> NoReturn:
    raise MCPError(code=types.INVALID_PARAMS, message="Resource not found", data={"uri": uri})


KNOWLEDGE = [
    types.Resource(uri=page.uri, name=page.name, title=page.title, description=page.description, mime_type=JSON)
    for page in PAGES.values()
]
TEMPLATES = [
    types.ResourceTemplate(
        uri_template=JOB_TEMPLATE,
        name="job",
        title="Job",
        description="How a job stands, as JSON.",
        mime_type=JSON,
    ),
    types.ResourceTemplate(uri_template=MEDIA_TEMPLATE, name="media", title="Result", description="A finished file."),
    *(
        types.ResourceTemplate(
            uri_template=page.search_uri,
            name=f"find {page.name}",
            title=f"Find {page.name}",
            description=f"The {page.name} that fit some words, best first.",
            mime_type=JSON,
        )
        for page in PAGES.values()
        if page.found
    ),
]
