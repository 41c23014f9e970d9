"""What the references of a request name, found in the ledger: addresses, files and ids that Kling understands.

A result is given to Kling by its address while Kling keeps it (30 days), and by Kling's own id where an endpoint takes
one. After that pictures and sounds go as the file on disk; a video cannot. Everything that does not work is said at
once, before anything is charged. Contract: video.md section 6.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import anyio.to_thread

from kling_mcp.errors import InvalidRequest, KlingError, Problem
from kling_mcp.jobs.choice import IDS, Unusable, check_size, check_succeeded, chosen, id_of
from kling_mcp.jobs.fetcher import on_disk
from kling_mcp.jobs.results import INLINE, RESULT_LIFE_S
from kling_mcp.operations.base import Composite
from kling_mcp.operations.inputs import MAX_SOUND_BYTES
from kling_mcp.operations.pictures import MAX_BYTES, MIN_SIDE
from kling_mcp.operations.sources import LAST_FRAME, MEDIA_URI, Reference, Source, SourceFacts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_mcp.clock import Clock
    from kling_mcp.jobs.ledger import Ledger
    from kling_mcp.jobs.model import Job, Media
    from kling_mcp.operations.base import Generation
    from kling_mcp.providers.base import Provider

MARGIN_S = 3600.0
"""A result that Kling deletes within the hour is not relied on."""
SESSION_LIFE_S = 86_400.0
"""How long a session to edit a video lives. Contract: video.md A6. Of one with faces no page says (F.12)."""

_BY_ID = ("video_id", "audio_id")
"""Arguments that take Kling's bare id of a result, which may be one of ours."""
_MOST_BYTES: Mapping[str, int] = {"image": MAX_BYTES, "audio": MAX_SOUND_BYTES}
"""What Kling takes as Base64, by kind."""
_Operation = TypeVar("_Operation", bound="Generation")


@dataclass(frozen=True, slots=True)
class _Result:
    """A result of ours: the job whose it is, and the one that made it (a step, where the job has steps)."""

    job: Job
    maker: Job
    media: Media

    @property
    def uri(self) -> str:
        return f"{MEDIA_URI}{self.media.media_id}"


class Sources:
    """Puts what is in the ledger in place of references.

    Args:
        ledger: Where the results are.
        provider: Whose ids and addresses are usable.
        clock: Tells what has expired.
        catalogue: Operations by tool, for what a job's arguments left to the default.
    """

    def __init__(
        self, ledger: Ledger, provider: Provider, clock: Clock, catalogue: Mapping[str, type[Generation]]
    ) -> None:
        self._ledger, self._provider, self._clock, self._catalogue = ledger, provider, clock, catalogue

    async def resolved(self, operation: _Operation) -> _Operation:
        """The request with what its references name, checked again with what is known of it.

        Raises:
            InvalidRequest: A problem for each reference that cannot be used; or a rule is broken, now that more is
                known.
            LocalTrouble: The ledger cannot be read.
        """
        lenient = isinstance(operation, Composite)  # its steps are resolved each for itself
        known = await self._recognised(operation if lenient else _named_again(operation))
        wanted = known.references()
        if known is operation and not wanted:
            return operation
        jobs = await self._ledger.many(sorted({reference.job_id for reference in wanted.values()}))
        found, problems = dict[str, Any](), list[Problem]()
        for argument, reference in wanted.items():
            try:
                found[argument] = await self._found(reference, jobs, lenient=lenient)
            except Unusable as reason:
                problems.append(Problem(argument, f"'{argument}' {reason}"))
        if problems:
            raise InvalidRequest(problems)
        return known.resolved(found)

    async def _recognised(self, operation: _Operation) -> _Operation:
        """The request with Kling's bare ids of results of ours known for what they are."""
        given = {name: getattr(operation, name, None) for name in _BY_ID}
        ids = {name: id_ for name, id_ in given.items() if type(id_) is str}
        known = {name: source for name, id_ in ids.items() if (source := await self._of_id(id_))}
        return operation.model_copy(update=known) if known else operation

    async def _of_id(self, kling_id: str) -> Source | None:
        job = await self._ledger.made(self._provider.account, kling_id, self._clock.now() - RESULT_LIFE_S)
        media = next((m for m in job.media if m.kling_id == kling_id), None) if job else None
        if job is None or media is None:
            return None
        result = await self._result(job, media)
        return Source.of(self._address(result) or kling_id, self._facts(result)) if self._kling_id(result) else None

    async def _found(self, reference: Reference, jobs: Mapping[str, Job], *, lenient: bool) -> object:
        job = jobs.get(reference.job_id)
        if job is None:
            raise Unusable(f"names job {reference.job_id}, which is not in this ledger. list_jobs shows the jobs.")
        check_succeeded(job)
        if reference.wants in IDS:
            return self._id(job, reference)
        result = await self._result(job, chosen(job, reference))
        if reference.last_frame:
            return await self._last_frame(result)
        return await self._file(result, reference, lenient=lenient)

    def _id(self, job: Job, reference: Reference) -> object:
        """Kling's id of what is no file: it belongs to one account, and of a session to one day."""
        if job.provider != self._provider.name:
            raise Unusable(f"names job {job.id} of the {job.provider}, whose ids mean nothing here. Make a new one.")
        own = id_of(job, reference)
        if job.account != self._provider.account:
            raise Unusable(
                f"names job {job.id}, made with another key or at another address of Kling than those in use. Make a "
                f"new one; or, if both keys are of one account, give Kling's id itself: {own}."
            )
        if reference.wants == "session" and self._clock.now() >= job.created_at + SESSION_LIFE_S:
            raise Unusable(
                f"names job {job.id}, whose session is over: Kling keeps one for 24 hours. Open another with "
                "start_video_edit."
            )
        return own

    async def _result(self, job: Job, media: Media) -> _Result:
        if not (job.has_steps and job.step):
            return _Result(job, job, media)
        last = f"{job.id}-{job.step}"
        return _Result(job, (await self._ledger.many([last])).get(last, job), media)

    async def _file(self, result: _Result, reference: Reference, *, lenient: bool) -> Source:
        facts, address = self._facts(result), self._address(result)
        if result.media.kind == "image":
            check_size(facts)
        if address:
            return Source.of(address, facts)
        if reference.wants in _MOST_BYTES:
            return Source.of(await _content(result, _MOST_BYTES[reference.wants]), facts)
        if lenient and await on_disk(result.media):  # a request of several steps may need no more than its last frame
            return Source.of(result.uri, facts)
        raise Unusable(f"names {result.uri}, {self._unreachable(result)}")

    async def _last_frame(self, result: _Result) -> Source:
        from kling_mcp.media.preview import last_frame  # noqa: PLC0415 - loaded at first use: it slows the start

        path = await _path(result)
        try:
            jpeg = await anyio.to_thread.run_sync(last_frame, path)
        except KlingError as trouble:
            raise Unusable(f"names {result.uri}, whose last frame cannot be read: {trouble}") from trouble
        large = min(result.media.width or 0, result.media.height or 0) >= MIN_SIDE  # a smaller one was enlarged
        facts = SourceFacts(
            uri=f"{result.uri}{LAST_FRAME}",
            kind="image",
            tool=result.maker.tool,
            model_name=result.maker.model_name,
            width=result.media.width if large else None,
            height=result.media.height if large else None,
        )
        check_size(facts)
        return Source.of(base64.b64encode(jpeg).decode(), facts)

    def _facts(self, result: _Result) -> SourceFacts:
        media, maker = result.media, result.maker
        return SourceFacts(
            uri=result.uri,
            kind=media.kind,
            kling_id=self._kling_id(result),
            tool=maker.tool,
            model_name=maker.model_name,
            mode=self._asked(maker, "mode"),
            duration_s=media.duration_s,
            width=media.width,
            height=media.height,
            sound=_on(self._asked(maker, "sound")),
        )

    def _asked(self, job: Job, name: str) -> Any:  # noqa: ANN401 - an argument of any type
        """An argument as the agent gave it, else its default; None where there is neither."""
        if (given := job.arguments.get(name)) is not None:
            return given
        operation = self._catalogue.get(job.tool)
        field = operation.model_fields.get(name) if operation else None
        return None if field is None or field.is_required() else field.default

    def _kling_id(self, result: _Result) -> str | None:
        ours = (result.job.account, result.job.provider) == (self._provider.account, self._provider.name)
        return result.media.kling_id if ours and self._is_kept(result.media) else None

    def _address(self, result: _Result) -> str | None:
        """Where Kling keeps it; None where it does not, or where the Kling in use cannot reach it."""
        pretended = result.job.provider == "sandbox" != self._provider.name
        url = result.media.url
        return url if url and not url.startswith(INLINE) and self._is_kept(result.media) and not pretended else None

    def _is_kept(self, media: Media) -> bool:
        return media.expires_at is None or media.expires_at - MARGIN_S > self._clock.now()

    def _unreachable(self, result: _Result) -> str:
        """Why Kling cannot be given a video, as the rest of a sentence."""
        frame = f"Its last frame can go on as a picture: {result.uri}{LAST_FRAME}."
        if result.media.label == "joined":
            return (
                "which was joined on this machine: Kling has no address for it. Give the result without the join "
                f"({result.job.id}). {frame}"
            )
        if result.job.provider == "sandbox" != self._provider.name:
            return f"a sample of the sandbox, which Kling cannot reach. Make a real one with {result.job.tool}."
        if not self._is_kept(result.media):
            return f"which is older than 30 days: Kling has deleted it, and takes no video as a file. {frame}"
        return f"which has no address that Kling could fetch it from. {frame}"


def _named_again(operation: _Operation) -> _Operation:
    """The request with a reference again where a request of several steps had a result without an address."""
    given = {name: getattr(operation, name, None) for name in type(operation).model_fields}
    unreachable = {n: v for n, v in given.items() if isinstance(v, Source) and v.startswith(MEDIA_URI)}
    named = {name: Reference.read(str(source), "video") for name, source in unreachable.items()}
    return operation.model_copy(update=named) if named else operation


async def _content(result: _Result, most: int) -> str:
    """The file as Base64."""
    if result.media.url.startswith(INLINE) and result.media.path is None:
        return result.media.url.partition(",")[2]  # Kling sent it in its answer, and it is not on disk yet
    path = await _path(result)
    try:
        content = await anyio.to_thread.run_sync(partial(_read, path, most))
    except OSError as error:
        raise Unusable(f"names {result.uri}, whose file cannot be read: {error.strerror}.") from error
    if content is None:
        size = f"{most // 1024 // 1024} MB"
        raise Unusable(f"names {result.uri}, whose file is larger than the {size} that Kling takes. Choose another.")
    return content


def _read(path: Path, most: int) -> str | None:
    return base64.b64encode(path.read_bytes()).decode() if path.stat().st_size <= most else None


async def _path(result: _Result) -> Path:
    """The file of a result."""
    if await on_disk(result.media):
        return Path(cast("str", result.media.path))
    if not result.job.settled:
        raise Unusable(
            f"names {result.uri}, whose file is still being fetched. Call "
            f'wait_for_jobs(job_ids=["{result.job.id}"]), then this again.'
        )
    where = f" ({result.media.trouble})" if result.media.trouble else ""
    raise Unusable(
        f'names {result.uri}, whose file is not on disk{where}. Call get_job(job_id="{result.job.id}") to have it '
        "fetched again, as long as Kling keeps it (30 days)."
    )


def _on(value: object) -> bool | None:
    """Whether an argument was switched on, however the agent wrote it; None if it was not there."""
    return None if value is None else str(value).strip().lower() in {"true", "1", "yes", "on"}
