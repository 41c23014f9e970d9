"""Results of ours as arguments: named by ``kling://media/…`` or by a job id, looked up by the engine before a POST.

A checked argument that names one is a ``Reference``. Rules that need no facts run at once; then the engine finds what
it names (``Operation.references``), puts a ``Source`` in its place (``Operation.resolved``) and runs the rules again.
So every operation stays pure, and ``body()`` only ever sees text that Kling understands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from pydantic import BaseModel
from pydantic_core import PydanticCustomError

from kling_mcp.operations.wording import OWN_SENTENCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Wants = Literal["image", "video", "audio", "audio or video", "element", "voice", "session", "faces"]
"""What an argument needs of the result it names: a file of one of these kinds (of a job: the first that fits),
or, the last four, an id that Kling gave (``faces``: of the session in which it found them)."""

MEDIA_URI = "kling://media/"
JOB_URI = "kling://jobs/"
LAST_FRAME = "#last"
"""After the address of a video where a picture is wanted: its last frame, so that a clip can be continued."""

_JOB = r"km1-[0-9A-HJKMNP-TV-Z]{26}(?:-[a-z]+)?"
_MEDIA = re.compile(rf"(?:{MEDIA_URI})({_JOB}_\d{{1,3}})({LAST_FRAME})?", re.ASCII)
_WHOLE_JOB = re.compile(rf"(?:{JOB_URI})?({_JOB})({LAST_FRAME})?", re.ASCII)

_Value = TypeVar("_Value")


class Reference(str):
    """The name of a result of ours, not looked up yet.

    Attributes:
        wants: What the argument needs of it.
        media_id: The result; None where only a job is named, whose first fitting result is meant.
        job_id: The job it comes from.
        last_frame: Whether its last frame is meant.
    """

    __slots__ = ("job_id", "last_frame", "media_id", "wants")

    wants: Wants
    media_id: str | None
    job_id: str
    last_frame: bool

    @classmethod
    def read(cls, text: str, wants: Wants) -> Reference | None:
        """The reference in a text; None if the text is something else.

        Raises:
            PydanticCustomError: It begins like one and is none.
        """
        text = text.strip()
        media, job = _MEDIA.fullmatch(text), _WHOLE_JOB.fullmatch(text)
        found = media or job
        if found is None:
            if text.startswith(("kling://", "km1-")):
                sentence = f"is neither a job id nor a result ({MEDIA_URI}…) of this server. list_jobs shows them."
                raise PydanticCustomError(OWN_SENTENCE, "{sentence}", {"sentence": sentence})
            return None
        if found[2] and wants != "image":
            sentence = f"asks for a last frame ({LAST_FRAME}), which is a picture. Remove {LAST_FRAME}."
            raise PydanticCustomError(OWN_SENTENCE, "{sentence}", {"sentence": sentence})
        reference = cls(text)
        reference.wants = wants
        reference.media_id = media[1] if media else None
        reference.job_id = media[1].rpartition("_")[0] if media else found[1]
        reference.last_frame = bool(found[2])
        return reference


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What is known of a result that stands in an argument. None: not known.

    Attributes:
        uri: Its address among our resources.
        kind: ``video``, ``image`` or ``audio``.
        kling_id: Kling's id of it, where Kling still takes it: younger than 30 days, made by the account in use.
        tool: What made it (``generate_video``, ``text_to_speech``).
        model_name: Which model made it.
        mode: In which mode, as the agent asked for it.
        duration_s: Seconds.
        width: Pixels.
        height: Pixels.
        sound: Whether the agent asked for sound.
        faces: Of a session, the faces found, as in ``Progress.facts``.
    """

    uri: str
    kind: str
    kling_id: str | None = None
    tool: str | None = None
    model_name: str | None = None
    mode: str | None = None
    duration_s: float | None = None
    width: int | None = None
    height: int | None = None
    sound: bool | None = None
    faces: Sequence[Mapping[str, Any]] = ()


class Source(str):
    """What stands for a reference once it is looked up: a URL, Base64 or an id of Kling's, and what is known of it."""

    __slots__ = ("facts",)

    facts: SourceFacts

    @classmethod
    def of(cls, text: str, facts: SourceFacts) -> Source:
        """The text Kling gets, with its facts."""
        source = cls(text)
        source.facts = facts
        return source


def facts_of(value: object) -> SourceFacts | None:
    """What is known of the result in an argument; None for a URL, Base64 or an id that the agent gave itself."""
    return value.facts if isinstance(value, Source) else None


def kling_id_of(value: object) -> str | None:
    """Kling's id of the result in an argument, where Kling still takes it."""
    facts = facts_of(value)
    return facts.kling_id if facts else None


def references(value: object, where: str = "") -> Iterator[tuple[str, Reference]]:
    """Every reference in a request, with the argument it stands in (``image``, ``image_list[0].image``)."""
    if isinstance(value, Reference):
        yield where, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from references(getattr(value, name), f"{where}.{name}".lstrip("."))
    elif isinstance(value, list):
        for index, member in enumerate(cast("list[object]", value)):
            yield from references(member, f"{where}[{index}]")


def resolved(value: _Value, found: Mapping[str, Any]) -> _Value:
    """The same value with what stands under an argument's name in ``found`` in place of its reference."""
    return cast("_Value", _resolved(value, found, ""))


def _resolved(value: object, found: Mapping[str, Any], where: str) -> object:
    if isinstance(value, Reference):
        return found[where]
    if isinstance(value, BaseModel):
        inner = {name: getattr(value, name) for name in type(value).model_fields}
        changed = {name: _resolved(each, found, f"{where}.{name}".lstrip(".")) for name, each in inner.items()}
        return value.model_copy(update={name: each for name, each in changed.items() if each is not inner[name]})
    if isinstance(value, list):
        return [_resolved(each, found, f"{where}[{index}]") for index, each in enumerate(cast("list[object]", value))]
    return value


__all__ = [
    "JOB_URI",
    "LAST_FRAME",
    "MEDIA_URI",
    "Reference",
    "Source",
    "SourceFacts",
    "Wants",
    "facts_of",
    "kling_id_of",
    "references",
    "resolved",
]
