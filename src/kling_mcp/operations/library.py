"""The library: voices and elements of one's own, and Kling's. What makes them is in ``library_voice`` and ``_element``.

Contract: image-audio-general.md sections 0.7, 9 and 10. Looking and deleting is free.
"""

# No `from __future__ import annotations`: pydantic reads the annotations.

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from kling_mcp.operations.base import Kind, Operation, Yields
from kling_mcp.operations.fields import ElementId, LibraryVoice, NotBool, Omitted
from kling_mcp.operations.library_element import CreateElement
from kling_mcp.operations.library_voice import CreateVoice

Page = Annotated[int, Field(ge=1, le=1000), NotBool]
"""Which page. Contract: section 0.7."""


class ListVoices(Operation):
    """List voices: your own, Kling's presets, or (speech) those of text_to_speech. Free."""

    tool: ClassVar[str] = "list_voices"
    title: ClassVar[str] = "List voices"
    toolset: ClassVar[str] = "library"
    kind: ClassVar[Kind] = "immediate"
    yields: ClassVar[Yields] = "text"

    origin: Literal["own", "preset", "speech"] = "own"
    """own: made by create_voice. preset: Kling's. speech: for text_to_speech and lip_sync."""
    words: str | Omitted = None
    """Only voices whose name or id has these words."""
    page: Page = 1
    """Which page, from 1."""
    page_size: Annotated[int, Field(ge=1, le=1000), NotBool] = 30
    """How many on a page."""


class DeleteVoice(Operation):
    """Delete a voice of your own from the library. Free, and cannot be undone."""

    tool: ClassVar[str] = "delete_voice"
    title: ClassVar[str] = "Delete voice"
    toolset: ClassVar[str] = "library"
    kind: ClassVar[Kind] = "immediate"
    yields: ClassVar[Yields] = "text"

    voice_id: LibraryVoice
    """Its id, or the create_voice job."""


class ListElements(Operation):
    """List elements of the library: your own, or Kling's presets. Free."""

    tool: ClassVar[str] = "list_elements"
    title: ClassVar[str] = "List elements"
    toolset: ClassVar[str] = "library"
    kind: ClassVar[Kind] = "immediate"
    yields: ClassVar[Yields] = "text"

    origin: Literal["own", "preset"] = "own"
    """own: made by create_element. preset: Kling's."""
    words: str | Omitted = None
    """Only elements whose name, description or tags have these words."""
    page: Page = 1
    """Which page, from 1."""
    page_size: Annotated[int, Field(ge=1, le=500), NotBool] = 30
    """How many on a page."""


class DeleteElement(Operation):
    """Delete an element of your own from the library. Free, and cannot be undone."""

    tool: ClassVar[str] = "delete_element"
    title: ClassVar[str] = "Delete element"
    toolset: ClassVar[str] = "library"
    kind: ClassVar[Kind] = "immediate"
    yields: ClassVar[Yields] = "text"

    element_id: ElementId
    """Its id (digits), or the create_element job."""


OPERATIONS = (CreateVoice, CreateElement)
"""What the library is made of."""
QUESTIONS = (ListVoices, DeleteVoice, ListElements, DeleteElement)
"""What is asked of it as it is: answered at once, never recorded."""
