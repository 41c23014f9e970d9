"""How many tasks stand, in few requests. One way for API keys (both wires at once), one for key pairs (legacy reads).

A ref missing from an answer is certainly unknown to Kling: the engine may post it again. So whatever is not read
with certainty raises ``Unavailable`` instead, and what Kling's reads cannot tell at all comes back not ``fresh``.
Contract: video.md section 6 and B7; reliability.md sections 1.3 and 4.

What proves that a task of which we know only our own id does not exist:

* ``GET /tasks?external_task_ids=`` was seen to know tasks of both wires, but not of every old family. So it proves
  presence, and absence only of what was made on the new wire.
* ``GET <path>/<our id>`` proves absence where the documents say that it takes external ids, that is nearly everywhere.
* For advanced-lip-sync and ai-multi-shot they name only the task id. If those reads knew no external ids they would
  answer "not found" to ours with the task running and paid. There absence is proved by the family's list alone: read
  to its end, and seen to show external ids at all (or empty). A list without any says nothing about ours.
* The old lip-sync takes no id of ours, and what is answered at once has no address to ask at: nothing is ever proved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

import anyio

from kling_mcp.errors import InvalidRequest, KlingError, NotAuthorised, Unavailable
from kling_mcp.providers.addresses import quoted_id
from kling_mcp.providers.base import Progress
from kling_mcp.providers.refusals import TaskAbsent
from kling_mcp.providers.replies import is_immediate
from kling_mcp.providers.tasks import progress_of

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from kling_mcp.providers.base import TaskRef
    from kling_mcp.providers.envelope import Reply

IDS_PER_REQUEST = 20
"""Kling refuses more. Contract: video.md B7."""
PARALLEL_READS = 4
PAGE_SIZE = 500
"""Largest page of a legacy list. Contract: video.md section 6."""
MAX_PAGES = 4
"""Pages of one family read per look-up; what lies deeper is asked for by its id."""
MAX_SINGLE_READS = 20
"""Tasks of one family asked for one by one per look-up; the others keep their turn for the next."""

READ_BY_TASK_ID = frozenset({"/v1/videos/advanced-lip-sync", "/v1/general/ai-multi-shot"})
"""Families whose single read is documented for task ids only. Contract: video.md A9, image-audio-general.md 6."""
WITHOUT_OUR_ID = frozenset({"/v1/videos/lip-sync"})
"""Families with tasks, whose create takes no id of ours. Contract: video.md A8."""

_Found = dict[str, Progress]  # by the ref's ext_id
_Question = TypeVar("_Question")


class Read(Protocol):
    """A signed question through the door, tried again where that can help."""

    async def __call__(
        self, path: str, params: Mapping[str, str] | None = None, /, *, question: Mapping[str, Any] | None = None
    ) -> Reply:
        """GET; POST where there is a question to send."""
        ...


async def by_tasks(read: Read, refs: Sequence[TaskRef]) -> _Found:
    """Ask ``GET /tasks``: ids and external ids in requests of their own, at most 20 each.

    It knows tasks of both wires, and leaves out those that do not exist.
    """
    known = [ref for ref in refs if ref.task_id]
    doubted = [ref for ref in refs if not ref.task_id]
    asked = [("task_ids", chunk) for chunk in _chunks(known)]
    asked += [("external_task_ids", chunk) for chunk in _chunks(doubted)]
    found: _Found = {}

    async def ask(question: tuple[str, Sequence[TaskRef]]) -> None:
        found.update(await _tasks(read, *question))

    await _each(ask, asked)
    return found


async def by_families(read: Read, refs: Sequence[TaskRef], dice: random.Random) -> _Found:
    """Ask the legacy paths, family by family: a lone task by its id, several through the list pages first.

    Raises:
        NotAuthorised: A ref is of the new wire, which no key pair can read.
        InvalidRequest: A ref does not say which function made its task.
    """
    if any(ref.wire == "v2" for ref in refs):
        raise NotAuthorised(
            "A job of Kling's new API cannot be looked up with KLING_ACCESS_KEY and KLING_SECRET_KEY.",
            fix="Set KLING_API_KEY (made at https://kling.ai/dev/api-key) and restart this server.",
        )
    if not all(ref.path for ref in refs):
        raise InvalidRequest.one(
            "tool",
            "With KLING_ACCESS_KEY and KLING_SECRET_KEY a task is found only if the function that made it is known. "
            "Name the tool it was made with, or set KLING_API_KEY (made at https://kling.ai/dev/api-key).",
        )
    found: _Found = {}
    for path in dict.fromkeys(ref.path for ref in refs):
        family = [ref for ref in refs if ref.path == path]
        seen = await _listed(read, path, family) if len(family) > 1 else {}
        found |= seen | await one_by_one(read, [ref for ref in family if ref.ext_id not in seen], dice)
    return found


async def _tasks(read: Read, key: str, refs: Sequence[TaskRef]) -> _Found:
    ids = {quoted_id(key, ref.task_id or ref.ext_id): ref for ref in refs}
    listed = _understood(await read("/tasks", {key: ",".join(ids)}))
    if key == "external_task_ids" and not all(progress.ext_id for progress in listed):
        return await _tasks_unnamed(read, key, refs, listed)
    found: _Found = {}
    for progress in listed:
        ref = ids.get((progress.ext_id or "") if key == "external_task_ids" else progress.task_id)
        if ref is None:
            raise Unavailable("Kling's answer names a task that was not asked for; nothing is concluded from it.")
        found[ref.ext_id] = progress
    return found


async def _tasks_unnamed(read: Read, key: str, refs: Sequence[TaskRef], listed: Sequence[Progress]) -> _Found:
    """The same when Kling leaves our ids out of its answer (not promised for every family): asked one at a time."""
    if len(refs) == 1:
        if len(listed) > 1:
            raise Unavailable("Kling's answer names several tasks under one id; nothing is concluded from it.")
        return {refs[0].ext_id: listed[0]}
    found: _Found = {}
    for ref in refs:
        found |= await _tasks(read, key, [ref])
    return found


async def _listed(read: Read, path: str, refs: Sequence[TaskRef]) -> _Found:
    """What the newest pages of a family show. Absence from a list proves nothing: its order is undocumented."""
    by_id = {ref.task_id: ref for ref in refs if ref.task_id}
    by_ext = {ref.ext_id: ref for ref in refs}
    found: _Found = {}
    for page in range(1, MAX_PAGES + 1):
        listed = _understood(await read(path, {"pageNum": str(page), "pageSize": str(PAGE_SIZE)}))
        for progress in listed:
            ref = by_id.get(progress.task_id) or by_ext.get(progress.ext_id or "")
            if ref is not None:
                found[ref.ext_id] = progress
        if len(found) == len(refs) or len(listed) < PAGE_SIZE:
            break
    return found


async def one_by_one(read: Read, refs: Sequence[TaskRef], dice: random.Random) -> _Found:
    """Single reads, within a budget. Those in doubt go first; among the rest chance decides, so none starves.

    A ref with a task id whose turn does not come is given back as it was known, not ``fresh``.

    Raises:
        Unavailable: More refs are in doubt than fit, and for those no answer can be made up.
    """
    turns = sorted(refs, key=lambda ref: (ref.task_id is not None, dice.random()))
    now, later = turns[:MAX_SINGLE_READS], turns[MAX_SINGLE_READS:]
    if any(ref.task_id is None for ref in later):
        raise Unavailable(f"{len(refs)} jobs are in doubt at once, more than are looked up in one go.")
    found = {ref.ext_id: as_known(ref) for ref in later}

    async def ask(ref: TaskRef) -> None:
        progress = await _single(read, ref)
        if progress is None and ref.path in READ_BY_TASK_ID and not ref.task_id:
            progress = await _listed_to_the_end(read, ref)
        if progress is not None:
            found[ref.ext_id] = progress

    await _each(ask, now)
    return found


def is_traceable(ref: TaskRef) -> bool:
    """Whether Kling can be asked about it: not about what it answered at once, nor by an id of ours it never got."""
    return not is_immediate(ref.path) and (bool(ref.task_id) or ref.path not in WITHOUT_OUR_ID)


def as_known(ref: TaskRef) -> Progress:
    """A task about which nothing was asked, or nothing could be told."""
    return Progress(task_id=ref.task_id or "", status="processing", fresh=False)


async def _single(read: Read, ref: TaskRef) -> Progress | None:
    """One task by its id, or by our own; None if Kling certainly has none."""
    try:
        reply = await read(f"{ref.path}/{quoted_id('task_id', ref.task_id or ref.ext_id)}")
    except TaskAbsent:
        return None
    progress = progress_of(reply.payload)
    if progress is None:
        raise Unavailable("Kling's answer to a look-up is not a task; nothing is concluded from it.")
    return progress


async def _listed_to_the_end(read: Read, ref: TaskRef) -> Progress | None:
    """A task of which only our id is known, out of its family's list; None if the list proves that there is none.

    The end of a list is an empty page: how long Kling makes its pages in truth is not for us to know.
    """
    any_task = any_named = False
    for page in range(1, MAX_PAGES + 1):
        listed = _understood(await read(ref.path, {"pageNum": str(page), "pageSize": str(PAGE_SIZE)}))
        if ours := next((progress for progress in listed if progress.ext_id == ref.ext_id), None):
            return ours
        if not listed:
            return None if any_named or not any_task else as_known(ref)
        any_task, any_named = True, any_named or any(progress.ext_id for progress in listed)
    return as_known(ref)


def _understood(reply: Reply) -> list[Progress]:
    """Every task of a list. One that cannot be read makes the whole answer useless: it may be the one we miss."""
    payload: object = reply.payload
    listed = cast("list[object]", payload) if isinstance(payload, list) else [None]
    progress = [progress_of(task) for task in listed]
    understood = [each for each in progress if each is not None]
    if len(understood) != len(progress):
        raise Unavailable("Kling's answer to a look-up is not a list of tasks; nothing is concluded from it.")
    return understood


def _chunks(refs: Sequence[TaskRef]) -> Iterable[Sequence[TaskRef]]:
    return (refs[start : start + IDS_PER_REQUEST] for start in range(0, len(refs), IDS_PER_REQUEST))


async def _each(ask: Callable[[_Question], Awaitable[None]], questions: Iterable[_Question]) -> None:
    """Ask them all, a few at a time; the first failure stops the rest and is raised as itself."""
    turns = anyio.CapacityLimiter(PARALLEL_READS)
    failures: list[KlingError] = []

    async def one(question: _Question) -> None:
        async with turns:
            try:
                await ask(question)
            except KlingError as failure:
                failures.append(failure)
                group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for question in questions:
            group.start_soon(one, question)
    if failures:
        raise failures[0]
