"""What the tools that take a sound share: how long it is, what part of it is used, how it is named on the wire.

Contract: video.md A8 to A10; image-audio-general.md sections 11 to 13.
"""

# No `from __future__ import annotations`: pydantic reads the annotations.

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, WithJsonSchema

from kling_mcp.errors import Problem
from kling_mcp.operations.base import Rule
from kling_mcp.operations.fields import Number, Whole
from kling_mcp.operations.inputs import id_or_url
from kling_mcp.operations.sources import Reference, SourceFacts, facts_of
from kling_mcp.operations.web import refuse
from kling_mcp.operations.wording import listed

# Kling's audio_id is an id of speech. Sounds of other endpoints have ids too, but no page says that they will do.
_SPEAKING_TOOLS = {"text_to_speech", None}

_TENTH = 1e-6

_SLACK_S = 0.1
"""A clip of 20 s measures 20.04 s, and is still one of 20 s."""


def _one_decimal(value: float) -> float:
    if abs(value * 10 - round(value * 10)) > _TENTH:
        refuse(f"is {value:g}, but Kling takes one decimal, such as {round(value, 1):g}.")
    return round(value, 1)


OneDecimal = AfterValidator(_one_decimal)
"""On a number: at most one decimal."""

# Agents see the type only: the descriptions name the limits, and bytes are few.
_INTEGER, _NUMBER = WithJsonSchema({"type": "integer"}), WithJsonSchema({"type": "number"})

Milliseconds = Annotated[Whole, Field(ge=0, le=60_000), _INTEGER]
"""A moment within a sound or a video of at most a minute. Contract: video.md A9."""
Volume = Annotated[Number, Field(ge=0, le=2), _NUMBER]
"""0 silent, 1 as it is. Contract: video.md A9."""
Speed = Annotated[Number, Field(ge=0.8, le=2), OneDecimal, _NUMBER]
"""How fast somebody speaks. Kling bends what is out of range into it; we would rather say so."""
Seconds = Annotated[Number, Field(ge=3, le=10), OneDecimal, _NUMBER]
"""How long a sound effect is. Contract: image-audio-general.md section 12."""


def milliseconds(seconds: float | None) -> int | None:
    """A length as Kling counts it: whole milliseconds, never more than there are."""
    return None if seconds is None else int(round(seconds * 1000, 3))


def source_facts(*values: object) -> SourceFacts | None:
    """What is known of the result of ours that stands in one of these arguments."""
    return next((facts for value in values if (facts := facts_of(value)) is not None), None)


def seconds_of(*values: object) -> float | None:
    """How long the result of ours is that stands in one of these arguments; None where nobody knows."""
    facts = source_facts(*values)
    return facts.duration_s if facts else None


def is_pending(*values: object) -> bool:
    """Whether one of these arguments names a result of ours that was not looked up yet."""
    return any(isinstance(value, Reference) for value in values)


def sound_fields(audio_id: str | None, sound_file: str | None) -> Mapping[str, str]:
    """A sound on the wire: ``audio_id`` for speech that Kling still has, else ``sound_file``."""
    facts = source_facts(audio_id, sound_file)
    if facts is not None and facts.tool not in _SPEAKING_TOOLS:
        return {"sound_file": str(audio_id or sound_file)}
    return id_or_url(audio_id, sound_file, ("audio_id", "sound_file"))


def exactly_one(*names: str, of: str) -> Rule[Any]:
    """A rule: one of these arguments is given, and no second one.

    Args:
        names: The arguments.
        of: What each of them says, for the sentence: ``what is spoken``.
    """

    def check(request: object) -> Iterator[Problem]:
        used = [name for name in names if getattr(request, name) is not None]
        if not used:
            choices = listed(f"'{name}'" for name in names)
            yield Problem(names[0], f"{choices} is missing: give one of them to say {of}.")
        for name in used[1:]:
            yield Problem(name, f"'{name}' cannot be used together with '{used[0]}'. Remove one of them.")

    return Rule(frozenset(), check)


def lasts(*names: str, least: int, most: int, what: str) -> Rule[Any]:
    """A rule: the result of ours in one of these arguments has a length that Kling takes. Silent where it is unknown.

    Args:
        names: The arguments.
        least: Seconds.
        most: Seconds.
        what: Names it in the sentence: ``video``.
    """

    def check(request: object) -> Iterator[Problem]:
        for name in names:
            length = seconds_of(getattr(request, name))
            if length is not None and not least <= length < most + _SLACK_S:
                yield Problem(
                    name,
                    f"'{name}' lasts {length:g} s, but Kling takes a {what} of {least} to {most} s here. Give another.",
                )

    return Rule(frozenset(names), check)


def measures(*names: str, least: int, most: int) -> Rule[Any]:
    """A rule: the sides of the video of ours in one of these arguments lie between these pixels."""

    def check(request: object) -> Iterator[Problem]:
        for name in names:
            facts = facts_of(getattr(request, name))
            sides = (facts.width, facts.height) if facts else (None, None)
            if sides[0] and sides[1] and not least <= min(sides[0], sides[1]) <= max(sides[0], sides[1]) <= most:
                yield Problem(
                    name,
                    f"'{name}' is {sides[0]}x{sides[1]} px, but Kling takes sides of {least} to {most} px here. Make "
                    "the video in 720p or 1080p (mode std or pro).",
                )

    return Rule(frozenset(names), check)
