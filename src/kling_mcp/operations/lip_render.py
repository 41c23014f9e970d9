"""The step of ``lip_sync`` that renders: Kling's newer lip-sync itself.

Contract: video.md A9.
"""

# No `from __future__ import annotations`: pydantic reads the annotations.

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from pydantic import PlainValidator, WithJsonSchema

from kling_mcp.errors import Problem
from kling_mcp.operations.base import Generation, Kind, Quote, Rule, Yields
from kling_mcp.operations.fields import AudioId, FaceSessionId, Omitted, SoundFile
from kling_mcp.operations.lip_timing import Interval, Timing
from kling_mcp.operations.rates import CARD_DATE
from kling_mcp.operations.rates_audio import lip_sync_basis, lip_sync_units
from kling_mcp.operations.sounds import (
    Milliseconds,
    Volume,
    exactly_one,
    is_pending,
    lasts,
    milliseconds,
    seconds_of,
    sound_fields,
)
from kling_mcp.operations.web import refuse


def _face_id(value: object) -> str:
    """Kling writes the ids of faces as text; agents as often as numbers."""
    text = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not text or len(text) > _LONGEST_ID:
        refuse("must be the id of a face, such as 0.")
    return text


_LONGEST_ID = 100

FaceId = Annotated[str, PlainValidator(_face_id), WithJsonSchema({"type": "string"})]
"""Which of the faces that a search found."""

SOUND_LASTS: Rule[Any] = lasts("audio_id", "sound_file", least=2, most=60, what="sound")
"""How long a sound must be so that Kling moves lips to it."""


def _times_fit(request: Any) -> Iterator[Problem]:  # noqa: ANN401 - of lip_sync too
    timing: Timing = request.timing
    yield from timing.problems()


TIMES_FIT: Rule[Any] = Rule(
    frozenset({"sound_start_time", "sound_end_time", "sound_insert_time", "audio_id", "sound_file"}), _times_fit
)
"""Of what is said and known about times, nothing contradicts anything."""


def _the_end_is_known(request: Any) -> Iterator[Problem]:  # noqa: ANN401 - of lip_sync too
    """Kling wants the end of the sound said. Only of a result of ours is it known; of one not looked up, not yet."""
    given = request.audio_id or request.sound_file
    if given is not None and not is_pending(given) and request.timing.ends_at is None:
        yield Problem(
            "sound_end_time",
            "'sound_end_time' is missing: the length of this sound is not known here. Give it in milliseconds, at most "
            "the sound's length.",
        )


END_IS_KNOWN: Rule[Any] = Rule(frozenset({"audio_id", "sound_file"}), _the_end_is_known)
"""Kling is told where the sound ends."""


class AdvancedLipSync(Generation):
    """The step of lip_sync that renders. Not a tool."""

    tool: ClassVar[str] = "advanced_lip_sync"
    title: ClassVar[str] = "Render a lip-sync"
    toolset: ClassVar[str] = "talking"
    kind: ClassVar[Kind] = "job"
    yields: ClassVar[Yields] = "video"
    posts_to: ClassVar[str] = "/v1/videos/advanced-lip-sync"
    rules: ClassVar[tuple[Rule[Any], ...]] = (
        exactly_one("audio_id", "sound_file", of="what is spoken"),
        SOUND_LASTS,
        END_IS_KNOWN,
        TIMES_FIT,
    )

    session_id: FaceSessionId
    """Of the search for faces."""
    face_id: FaceId
    """Which of the faces found."""
    audio_id: AudioId | Omitted = None
    """What is spoken: speech that Kling made."""
    sound_file: SoundFile | Omitted = None
    """What is spoken: any other sound."""
    sound_start_time: Milliseconds | Omitted = None
    """From where the sound is used."""
    sound_end_time: Milliseconds | Omitted = None
    """Until where."""
    sound_insert_time: Milliseconds | Omitted = None
    """When it begins in the video."""
    sound_volume: Volume | Omitted = None
    """Of the sound."""
    original_audio_volume: Volume | Omitted = None
    """Of what the video sounded like before."""
    watermark: bool | Omitted = None
    """Whether a watermarked copy is made too."""

    # What earlier steps found out. Not sent.
    sound_ms: int | Omitted = None
    """How long the sound is."""
    video_ms: int | Omitted = None
    """How long the video is."""
    face: Interval | Omitted = None
    """When the face is seen."""

    @property
    def timing(self) -> Timing:
        """What part of the sound is used, and when."""
        return Timing(
            start=self.sound_start_time,
            end=self.sound_end_time,
            insert=self.sound_insert_time,
            sound=self.sound_ms or milliseconds(seconds_of(self.audio_id, self.sound_file)),
            video=self.video_ms,
            face=self.face,
        )

    def quote(self) -> Quote:
        """By the length of the video. Contract: video.md part E."""
        length_s = None if self.video_ms is None else self.video_ms / 1000
        return Quote(lip_sync_units(length_s), "video", lip_sync_basis(length_s), CARD_DATE)

    def body(self) -> dict[str, Any]:
        """Contract: video.md A9. Kling takes a list of faces, of exactly one."""
        timing = self.timing
        face: dict[str, Any] = {
            "face_id": self.face_id,
            **sound_fields(self.audio_id, self.sound_file),
            "sound_start_time": timing.starts_at,
            "sound_end_time": timing.ends_at,
            "sound_insert_time": timing.inserted_at,
        }
        volumes = {"sound_volume": self.sound_volume, "original_audio_volume": self.original_audio_volume}
        face |= {name: volume for name, volume in volumes.items() if volume is not None}
        return self.watermarked({"session_id": self.session_id, "face_choose": [face]})
