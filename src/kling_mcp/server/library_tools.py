"""The tools that look at the library of voices and elements, and delete from it. Free: nothing is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict

from kling_mcp.errors import InvalidRequest
from kling_mcp.operations.sources import Reference
from kling_mcp.operations.voices import UNCONFIRMED, find_voices
from kling_mcp.providers.base import Element, Listed, Voice
from kling_mcp.server.answers import answer
from kling_mcp.server.view import View, joined

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from mcp import types

    from kling_mcp.operations.library import DeleteElement, DeleteVoice, ListElements, ListVoices
    from kling_mcp.operations.voices import SpeechVoice
    from kling_mcp.providers.base import Shelf
    from kling_mcp.server.tool import Call

LIBRARY_PAGE = 500
"""Longest page that both libraries give. Contract: image-audio-general.md section 0.7."""
PAGES_AT_ONCE = 10
"""How many such pages are read to find words in them."""

_Row = TypeVar("_Row", bound=BaseModel)
_Found = TypeVar("_Found", Voice, Element)
_Thing = TypeVar("_Thing")


class VoiceRow(BaseModel):
    """One voice."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str
    name: str
    languages: list[str] | None = None
    words: str | None = None
    trial_url: str | None = None

    @classmethod
    def of(cls, voice: Voice) -> VoiceRow:
        """A voice of the library."""
        return cls(id=voice.id, name=voice.name, trial_url=voice.trial_url or None)

    @classmethod
    def of_speech(cls, voice: SpeechVoice) -> VoiceRow:
        """A voice of text to speech."""
        words = " ".join(voice.words)
        return cls(id=voice.id, name=" / ".join(voice.names), languages=[*voice.languages], words=words or None)

    def line(self) -> str:
        """The voice as one line."""
        languages = ", ".join(self.languages or ())
        return f"{self.id}: {joined([self.name, languages, self.words, self.trial_url])}"


class VoicesView(View):
    """A page of voices."""

    announced = ("voices", "next")

    voices: list[VoiceRow]
    next: str

    def text(self) -> str:
        """One line for each, then how to use one and how to go on."""
        return "\n".join([*(voice.line() for voice in self.voices), self.next])


class ElementRow(BaseModel):
    """One element."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str
    name: str
    description: str | None = None
    made_from: str | None = None
    status: str | None = None
    tags: list[str] | None = None
    voice: str | None = None

    @classmethod
    def of(cls, element: Element) -> ElementRow:
        """An element of the library."""
        return cls(
            id=element.id,
            name=element.name,
            description=element.description or None,
            made_from=element.made_from or None,
            status=element.status or None,
            tags=list(element.tags) or None,
            voice=element.voice or None,
        )

    def line(self) -> str:
        """The element as one line."""
        tags, voice = ", ".join(self.tags or ()), f"voice {self.voice}" if self.voice else None
        return f"{self.id}: {joined([self.name, self.description, self.made_from, self.status, tags, voice])}"


class ElementsView(View):
    """A page of elements."""

    announced = ("elements", "next")

    elements: list[ElementRow]
    next: str

    def text(self) -> str:
        """One line for each, then how to use one and how to go on."""
        return "\n".join([*(element.line() for element in self.elements), self.next])


class DeletedView(View):
    """What was deleted."""

    announced = ("deleted",)

    deleted: str
    next: str

    def text(self) -> str:
        """One line."""
        return f"deleted: {self.deleted}\n{self.next}"


async def list_voices(call: Call[ListVoices]) -> types.CallToolResult:
    """A page of voices: Kling's library, or what we know of text to speech.

    Raises:
        NotAuthorised, Unavailable, Busy: The library could not be read.
    """
    asked = call.request
    if asked.origin == "speech":
        known = find_voices(asked.words or "")
        spoken = _cut(known, asked)
        rows, more = [VoiceRow.of_speech(voice) for voice in spoken.things], spoken.full
        use = f"Give an id as voice_id to text_to_speech or lip_sync. {UNCONFIRMED}"
    else:
        origin = asked.origin
        found = await _found(asked, lambda page, size: call.jobs.provider.voices(origin, page, size))
        rows, more = [VoiceRow.of(voice) for voice in found.things], found.full
        use = 'Give an id as voice_list=[{"voice_id": …}] to generate_video.'
    return answer(VoicesView(voices=rows, next=_onward(asked, rows, use, more=more)))


async def list_elements(call: Call[ListElements]) -> types.CallToolResult:
    """A page of the library of elements.

    Raises:
        NotAuthorised, Unavailable, Busy: The library could not be read.
    """
    asked = call.request
    found = await _found(asked, lambda page, size: call.jobs.provider.elements(asked.origin, page, size))
    rows = [ElementRow.of(element) for element in found.things]
    use = 'Give an id as element_list=[{"element_id": "…"}].'
    return answer(ElementsView(elements=rows, next=_onward(asked, rows, use, more=found.full)))


async def delete_voice(call: Call[DeleteVoice]) -> types.CallToolResult:
    """Delete a voice of one's own.

    Raises:
        InvalidRequest: The job made no voice.
        Refused: There is no such voice, or it is not one's own.
        NotAuthorised, Unavailable, Busy: The library could not be reached.
    """
    return await _deleted(call, "voice", call.request.voice_id)


async def delete_element(call: Call[DeleteElement]) -> types.CallToolResult:
    """Delete an element of one's own.

    Raises:
        InvalidRequest: The job made no element.
        Refused: There is no such element, or it is not one's own.
        NotAuthorised, Unavailable, Busy: The library could not be reached.
    """
    return await _deleted(call, "element", call.request.element_id)


async def _deleted(call: Call[Any], shelf: Shelf, given: int | str) -> types.CallToolResult:
    kling_id = await _made(call, shelf, given) if isinstance(given, Reference) else str(given)
    await call.jobs.provider.delete(shelf, kling_id)
    return answer(
        DeletedView(deleted=f"{shelf} {kling_id}", next="It can no longer be used and cannot be brought back.")
    )


async def _made(call: Call[Any], shelf: Shelf, reference: Reference) -> str:
    """Kling's id of what a job of ours put into the library."""
    job = await call.jobs.get(reference.job_id)
    if found := job.facts.get(f"{shelf}_id"):
        return str(found)
    raise InvalidRequest.one(
        f"{shelf}_id", f'Job {job.id} ({job.tool}) made no {shelf}. list_{shelf}s(origin="own") shows the ids.'
    )


async def _found(
    asked: ListVoices | ListElements, read: Callable[[int, int], Awaitable[Listed[_Found]]]
) -> Listed[_Found]:
    """The page asked for: Kling's own, or, as Kling cannot search, one of those that have the words."""
    if not asked.words:
        return await read(asked.page, asked.page_size)
    words, fitting = asked.words.casefold().split(), list[_Found]()
    for page in range(1, PAGES_AT_ONCE + 1):
        listed = await read(page, LIBRARY_PAGE)
        fitting += [each for each in listed.things if all(word in _searched(each) for word in words)]
        if not listed.full:
            break
    return _cut(fitting, asked)


def _searched(each: Voice | Element) -> str:
    described = (each.description, *each.tags) if isinstance(each, Element) else ()
    return " ".join((each.id, each.name, *described)).casefold()


def _cut(found: Sequence[_Thing], asked: ListVoices | ListElements) -> Listed[_Thing]:
    """The page asked for, out of everything."""
    end = asked.page * asked.page_size
    return Listed(tuple(found[end - asked.page_size : end]), full=end < len(found))


def _onward(asked: ListVoices | ListElements, rows: Sequence[_Row], use: str, *, more: bool) -> str:
    """How to use a row and how to see more of them."""
    if not rows and not more:
        if asked.page > 1:
            return "There are no more."
        return "None has these words: leave words out to see all." if asked.words else "There are none."
    if not more:
        return use
    words = f', words="{asked.words}"' if asked.words else ""
    usual = type(asked).model_fields["page_size"].default
    size = "" if asked.page_size == usual else f", page_size={asked.page_size}"
    onward = f'For more call {asked.tool}(origin="{asked.origin}"{words}, page={asked.page + 1}{size})'
    return f"{use if rows else 'Nothing usable is left of this page.'} {onward}"
