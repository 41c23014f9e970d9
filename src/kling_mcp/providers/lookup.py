"""How many tasks stand, in few requests. One way for API keys (both wires at once), one for key pairs (legacy reads).

Nothing asks for more than a look-up may (``asking.BUDGET``): whose turn does not come is given back as it was known.

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

from typing import TYPE_CHECKING

from kling_mcp.errors import InvalidRequest, NotAuthorised, Unavailable
from kling_mcp.providers import lists
from kling_mcp.providers.addresses import quoted_id
from kling_mcp.providers.asking import Spent, as_known, chunks, each, understood
from kling_mcp.providers.base import Progress
from kling_mcp.providers.pages import IDS_PER_REQUEST, ROWS, turns
from kling_mcp.providers.refusals import TaskAbsent
from kling_mcp.providers.replies import is_immediate
from kling_mcp.providers.tasks import progress_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kling_mcp.providers.asking import Read, Reading
    from kling_mcp.providers.base import TaskRef

MAX_SINGLE_READS = 20
"""Tasks asked for one by one per look-up; the others keep their turn for the next."""

READ_BY_TASK_ID = frozenset({"/v1/videos/advanced-lip-sync", "/v1/general/ai-multi-shot"})
"""Families whose single read is documented for task ids only. Contract: video.md A9, image-audio-general.md 6."""
WITHOUT_OUR_ID = frozenset({"/v1/videos/lip-sync"})
"""Families with tasks, whose create takes no id of ours. Contract: video.md A8."""

_Found = dict[str, Progress]  # by the ref's ext_id


async def by_key(reading: Reading, refs: Sequence[TaskRef], listing: lists.Lists) -> _Found:
    """Ask with an API key: about a few by their ids, whatever made them; about many through lists.

    Args:
        reading: The requests there are.
        refs: About whom.
        listing: Knows whether Kling lists tasks of all families at once.
    """
    known = [ref for ref in refs if ref.task_id]
    is_many = len(known) > IDS_PER_REQUEST
    many = [ref for ref in known if is_many and ref.begun_at is not None]
    few = _few([ref for ref in known if not (is_many and ref.begun_at is not None)], reading)
    named = {ref.ext_id for ref in few}
    found = {ref.ext_id: as_known(ref, "later") for ref in known if ref.begun_at is None and ref.ext_id not in named}
    found |= await by_ids(reading, [*(ref for ref in refs if not ref.task_id), *few])
    return found | await lists.by_time(reading, many, listing) if many else found


async def by_ids(reading: Reading, refs: Sequence[TaskRef]) -> _Found:
    """Ask ``GET /tasks``, and where a task was made if that does not know it."""
    found = await by_tasks(reading, refs)
    # A task whose function nobody named can be asked for here alone.
    missing = [ref for ref in refs if ref.wire == "v1" and ref.path and ref.ext_id not in found]
    return found | await one_by_one(reading, missing) if missing else found


async def by_tasks(reading: Reading, refs: Sequence[TaskRef]) -> _Found:
    """Ask ``GET /tasks``: ids and external ids in requests of their own, at most 20 each.

    It knows tasks of both wires, and leaves out those that do not exist.
    """
    known = [ref for ref in refs if ref.task_id]
    doubted = [ref for ref in refs if not ref.task_id]
    asked = [("task_ids", chunk) for chunk in chunks(known)]
    asked += [("external_task_ids", chunk) for chunk in chunks(doubted)]
    found: _Found = {}

    async def ask(question: tuple[str, Sequence[TaskRef]]) -> None:
        try:
            found.update(await _tasks(reading.read, *question))
        except Spent:
            found.update({ref.ext_id: as_known(ref, "later") for ref in question[1]})

    if failure := await each(ask, asked):
        raise failure
    return found


async def by_families(reading: Reading, refs: Sequence[TaskRef]) -> _Found:
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
    found = await lists.by_families(reading, refs)
    missing = [ref for ref in refs if ref.ext_id not in found]
    return found | await one_by_one(reading, missing)


async def _tasks(read: Read, key: str, refs: Sequence[TaskRef]) -> _Found:
    ids = {quoted_id(key, ref.task_id or ref.ext_id): ref for ref in refs}
    listed = understood((await read("/tasks", {key: ",".join(ids)})).payload)
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


async def one_by_one(reading: Reading, refs: Sequence[TaskRef]) -> _Found:
    """Single reads, within a budget. Those in doubt go first; among the rest chance decides, so none starves.

    A ref whose turn does not come is given back as it was known, not ``fresh``.
    """
    order = sorted(refs, key=lambda ref: (ref.task_id is not None, not ref.suspect, reading.dice.random()))
    now, rest = order[:MAX_SINGLE_READS], order[MAX_SINGLE_READS:]
    found = {ref.ext_id: as_known(ref, "later") for ref in rest}
    untold: dict[str, list[TaskRef]] = {}

    async def ask(ref: TaskRef) -> None:
        try:
            progress = await _single(reading.read, ref)
        except Spent:
            progress = as_known(ref, "later")
        if progress is not None:
            found[ref.ext_id] = progress
        elif ref.path in READ_BY_TASK_ID and not ref.task_id:
            untold.setdefault(ref.path, []).append(ref)

    failure = await each(ask, now)
    if failure is None:
        failure = await each(lambda path: _listed_to_the_end(reading, path, untold[path], found), untold)
    if failure:
        raise failure
    return found


def is_traceable(ref: TaskRef) -> bool:
    """Whether Kling can be asked about it: not about what it answered at once, nor by an id of ours it never got."""
    return not is_immediate(ref.path) and (bool(ref.task_id) or ref.path not in WITHOUT_OUR_ID)


def _few(refs: Sequence[TaskRef], reading: Reading) -> Sequence[TaskRef]:
    """Those of them to ask for by id: no more than half of the requests there are."""
    most = IDS_PER_REQUEST * max(1, reading.left // 2)
    return refs if len(refs) <= most else turns(refs)[:most]


async def _single(read: Read, ref: TaskRef) -> Progress | None:
    """One task by its id, or by our own; None if Kling certainly has none."""
    try:
        reply = await read(f"{ref.path}/{quoted_id('task_id', ref.task_id or ref.ext_id)}")
    except TaskAbsent:
        return None
    progress = progress_of(reply.payload)
    if progress is None:
        raise Unavailable("Kling's answer to a look-up is not a task; nothing is concluded from it.")
    if progress.task_id != ref.task_id if ref.task_id else progress.ext_id and progress.ext_id != ref.ext_id:
        raise Unavailable("Kling's answer names a task that was not asked for; nothing is concluded from it.")
    return progress


async def _listed_to_the_end(reading: Reading, path: str, refs: Sequence[TaskRef], found: _Found) -> None:
    """Tasks of which only our id is known, out of their family's list; left out if the list proves that there is none.

    The end of a list is an empty page: how long Kling makes its pages in truth is not for us to know.
    """
    missing = {ref.ext_id: ref for ref in refs}
    any_task = any_named = False
    for page in range(1, lists.MAX_PAGES + 1):
        try:
            reply = await reading.read(path, {"pageNum": str(page), "pageSize": str(ROWS)})
        except Spent:
            found.update({ref.ext_id: as_known(ref, "later") for ref in missing.values()})
            return
        listed = understood(reply.payload)
        found.update({task.ext_id: task for task in listed if task.ext_id and missing.pop(task.ext_id, None)})
        if not missing or (not listed and (any_named or not any_task)):
            return
        if not listed:
            break
        any_task, any_named = True, any_named or any(task.ext_id for task in listed)
    found.update({ref.ext_id: as_known(ref) for ref in missing.values()})
