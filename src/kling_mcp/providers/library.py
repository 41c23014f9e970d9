"""The library of an account: voices and elements, listed and deleted. All of it is free.

Contract: image-audio-general.md sections 9 and 10. A list is an array of tasks; what each task made lies inside it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol, cast

from kling_mcp.errors import KlingError, NotAuthorised, OutcomeUnknown, Refused, Unavailable, trimmed
from kling_mcp.providers.base import Element, Listed, Origin, Shelf, Voice
from kling_mcp.providers.reading import body_id, fields_of, first, members, string, word

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kling_mcp.clock import Clock
    from kling_mcp.providers.asking import Read
    from kling_mcp.providers.envelope import Reply

VOICE_LISTS: Mapping[Origin, str] = {"own": "/v1/general/custom-voices", "preset": "/v1/general/presets-voices"}
ELEMENT_LISTS: Mapping[Origin, str] = {
    "own": "/v1/general/advanced-custom-elements",
    "preset": "/v1/general/advanced-presets-elements",
}
DELETIONS: Mapping[Shelf, tuple[str, tuple[str, ...]]] = {
    "voice": ("voice_id", ("/v1/general/delete-voices",)),
    "element": ("element_id", ("/v1/general/delete-elements", "/v1/general/delete-advanced-elements")),
}
"""Shelf → the field that names what goes, and the paths to try. Of elements nobody knows which path serves which kind
(section 9.3), so the second is asked where the first does not have it."""

MOST_PAGES = 1000
LONGEST_PAGE: Mapping[Shelf, int] = {"voice": 1000, "element": 500}
DELETION_TRIES = 3
DELETION_PAUSE_S = 1.0

_ELSEWHERE = frozenset({"1200", "1201", "1202", "1203"})
"""Codes of a path that cannot do it, after which the other one is asked."""
_GONE = re.compile(r"not found|not exist|no such|does ?n.t exist|already (been )?deleted", re.IGNORECASE)


class Post(Protocol):
    """A signed POST through the door, exactly once."""

    async def __call__(self, path: str, body: Mapping[str, Any], /) -> Reply:
        """POST."""
        ...


async def voices(read: Read, origin: Origin, page: int, size: int) -> Listed[Voice]:
    """A page of voices.

    Raises:
        Unavailable, Busy, NotAuthorised: The question could not be answered.
    """
    size = min(LONGEST_PAGE["voice"], size)
    tasks = await _listed(read, VOICE_LISTS[origin], page, size)
    made = (_voice(made, voice_id) for made, voice_id in _things(tasks, "voice"))
    return Listed(tuple(made), full=len(tasks) >= size)


async def elements(read: Read, origin: Origin, page: int, size: int) -> Listed[Element]:
    """A page of elements.

    Raises:
        Unavailable, Busy, NotAuthorised: The question could not be answered.
    """
    size = min(LONGEST_PAGE["element"], size)
    tasks = await _listed(read, ELEMENT_LISTS[origin], page, size)
    made = (_element(made, element_id) for made, element_id in _things(tasks, "element"))
    return Listed(tuple(made), full=len(tasks) >= size)


async def delete(post: Post, clock: Clock, shelf: Shelf, kling_id: str) -> None:
    """Delete one thing of one's own. Harmless to repeat, so a lost answer is simply asked for again.

    Raises:
        Refused: There is no such thing, or it is not one's own.
        Unavailable: No answer settles whether it is gone.
        Busy, NotAuthorised: Kling did not look at it.
    """
    field, paths = DELETIONS[shelf]
    refusals: list[KlingError] = []
    doubted = False
    for path in paths:
        refusal, lost = await _deleted(post, clock, path, {field: kling_id})
        if refusal is None:
            return
        refusals.append(refusal)
        doubted = doubted or lost
        if not _may_be_elsewhere(refusal):
            break
    # A deletion whose answer was lost and which then finds nothing to delete has been the one that deleted it.
    if doubted and any(_says_gone(refusal) for refusal in refusals):
        return
    refusal = next((each for each in refusals if isinstance(each, Refused)), refusals[-1])
    raise _not_there(refusal, shelf, kling_id) if _says_gone(refusal) else refusal


def _not_there(refusal: KlingError, shelf: Shelf, kling_id: str) -> Refused:
    return Refused(
        f"Kling has no {shelf} {trimmed(kling_id, 40)} of this account's own to delete.",
        fix=f"list_{shelf}s with origin 'own' shows what there is; official ones cannot be deleted.",
        code=refusal.failure.code,
        request_id=refusal.failure.request_id,
    )


async def _deleted(
    post: Post, clock: Clock, path: str, body: Mapping[str, Any]
) -> tuple[Refused | NotAuthorised | None, bool]:
    """Why this path would not delete it (None if it did), and whether an earlier answer of it was lost."""
    trouble: KlingError | None = None
    lost = False
    for tries in range(DELETION_TRIES):
        await clock.sleep(DELETION_PAUSE_S * tries)
        try:
            await post(path, body)
        except (Refused, NotAuthorised) as refusal:
            return refusal, lost
        except OutcomeUnknown as doubt:
            trouble, lost = doubt, True
        except Unavailable as unreached:
            trouble = unreached
        else:
            return None, lost
    failure = trouble.failure if trouble else None
    raise Unavailable(
        failure.message if failure else "Kling did not answer.",
        fix="Call again: deleting twice does no harm, and the list shows what is left.",
        code=failure.code if failure and failure.code != OutcomeUnknown.code else None,
        request_id=failure.request_id if failure else None,
    )


def _may_be_elsewhere(refusal: KlingError) -> bool:
    """Whether the other path may have it: this one does not, or does not exist (a web server's 404)."""
    return refusal.failure.code in _ELSEWHERE or (
        isinstance(refusal, NotAuthorised) and refusal.failure.code == NotAuthorised.code
    )


def _says_gone(refusal: KlingError) -> bool:
    return refusal.failure.code == "1203" or _GONE.search(refusal.failure.message) is not None


async def _listed(read: Read, path: str, page: int, size: int) -> list[Mapping[str, Any]]:
    """The tasks on a page, as Kling sends them."""
    asked = {
        "pageNum": str(max(1, min(MOST_PAGES, page))),
        "pageSize": str(max(1, size)),
    }
    payload: object = (await read(path, asked)).payload
    if payload is not None and not isinstance(payload, list):
        raise Unavailable("Kling's answer about the library cannot be read.")
    return members(cast("object", payload))


def _things(tasks: Iterable[Mapping[str, Any]], shelf: Shelf) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Everything these tasks put on a shelf that is not deleted, with its id. One that made nothing adds nothing."""
    for task in tasks:
        for made in _made(task, shelf):
            thing_id = body_id(made.get(f"{shelf}_id")) or body_id(made.get("id"))
            if thing_id is not None and word(made.get("status")) != "deleted":
                yield made, thing_id


def _made(task: Mapping[str, Any], shelf: Shelf) -> Iterator[Mapping[str, Any]]:
    """What a task made, in either wire's words; or the thing itself, listed bare."""
    yield from members(fields_of(task.get("task_result")).get(f"{shelf}s"))
    yield from (made for made in members(task.get("outputs")) if word(made.get("type")) == shelf)
    if f"{shelf}_id" in task:
        yield task


def _voice(made: Mapping[str, Any], voice_id: str) -> Voice:
    trial = string(first(made, ("trial_url", "url"))) or ""
    return Voice(voice_id, _text(made, "voice_name", "name"), trial, _text(made, "owned_by"))


def _element(made: Mapping[str, Any], element_id: str) -> Element:
    return Element(
        id=element_id,
        name=_text(made, "element_name", "name"),
        description=_text(made, "element_description", "description"),
        made_from=_made_from(made),
        owned_by=_text(made, "owned_by"),
        status=_text(made, "status"),
        tags=tuple(tag for each in members(first(made, ("tag_list", "tags"))) if (tag := _text(each, "name", "id"))),
        voice=_text(fields_of(made.get("element_voice_info")), "voice_name"),
    )


def _made_from(made: Mapping[str, Any]) -> str:
    """The legacy word for it; the new wire has another. Contract: video.md B7."""
    kind = _text(made, "reference_type", "element_type")
    return {"video_character_elements": "video_refer", "multi_image_elements": "image_refer"}.get(kind, kind)


def _text(made: Mapping[str, Any], *names: str) -> str:
    """The first of these fields that holds text or a number, fit to be shown."""
    value = first(made, names)
    return trimmed(str(value), 300) if isinstance(value, str | int) and not isinstance(value, bool) else ""
