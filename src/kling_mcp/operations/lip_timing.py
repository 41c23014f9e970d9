"""Which part of a sound moves the lips, and when: what Kling allows, and what fits where nothing is said.

Contract: video.md A9 (the crop is at least 2 s, lies in the sound, ends within the video and shares at least 2 s with
the time in which the face is seen).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from kling_mcp.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAST_MS = 2000
"""The shortest part that Kling syncs, and the least it wants of it while the face is seen."""

MOST_MS = 60_000
"""The longest sound, and the longest video."""

MARGIN_MS = 50
"""Of a length that we measured, the last bit is not relied on: a decoder counts whole frames, so what it finds may be
longer than what Kling calls it, and Kling refuses an end that lies behind."""

_SHORTER = "Give a smaller one, or less of the sound (sound_start_time, sound_end_time)."


class Interval(NamedTuple):
    """From when to when, in milliseconds."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Timing:
    """What is asked for and what is known, in milliseconds. None: not said, or not known yet.

    Attributes:
        start: ``sound_start_time``.
        end: ``sound_end_time``.
        insert: ``sound_insert_time``.
        sound: How long the sound is.
        video: How long the video is.
        face: When the face is seen.
    """

    start: int | None = None
    end: int | None = None
    insert: int | None = None
    sound: int | None = None
    video: int | None = None
    face: Interval | None = None

    @property
    def starts_at(self) -> int:
        """From where the sound is used: its beginning, unless said otherwise."""
        return self.start or 0

    @property
    def inserted_at(self) -> int:
        """When it begins in the video: as soon as the face is seen, unless said otherwise."""
        if self.insert is not None:
            return self.insert
        return max(self.face.start, 0) if self.face else 0

    @property
    def ends_at(self) -> int | None:
        """Until where the sound is used: all of it that fits, unless said otherwise. None while nobody can know."""
        return self._until(self._room)

    @property
    def is_cut(self) -> bool:
        """Whether the end of the sound is left out although nobody asked for that."""
        return self.ends_at != self._until(None)

    @property
    def _room(self) -> int | None:
        """How much of the video is left. Where its length is not known, it lasts as long as the face is seen."""
        limit = self.video or (self.face.end if self.face else None)
        return None if limit is None else limit - self.inserted_at

    def _until(self, room: int | None) -> int | None:
        """Where the sound ends, with so much room for it. None: room enough."""
        if self.end is not None or self.sound is None:
            return self.end
        most = self.sound if room is None else min(self.sound, self.starts_at + room)
        return max(most - MARGIN_MS, min(most, self.starts_at + LEAST_MS))

    def problems(self) -> Iterator[Problem]:
        """What Kling would refuse, as far as it is known."""
        wrong = [*self._crop_problems(), *self._place_problems()]
        yield from wrong or self._face_problems()

    def _crop_problems(self) -> Iterator[Problem]:
        if self.end is not None and self.end - self.starts_at < LEAST_MS:
            yield Problem(
                "sound_end_time",
                f"'sound_end_time' is {self.end} and 'sound_start_time' {self.starts_at}: Kling needs at least "
                f"{LEAST_MS} ms of the sound between them.",
            )
        elif self.sound is not None and self.end is not None and self.end > self.sound:
            yield Problem(
                "sound_end_time",
                f"'sound_end_time' is {self.end}, but the sound lasts {self.sound} ms. Give that or less.",
            )
        elif self.end is None and self.sound is not None and self.sound - self.starts_at < LEAST_MS <= self.sound:
            yield Problem(
                "sound_start_time",
                f"From 'sound_start_time' {self.starts_at} on, {max(0, self.sound - self.starts_at)} ms of the sound "
                f"are left; Kling needs at least {LEAST_MS} ms. Give a smaller one, or a longer sound.",
            )

    def _place_problems(self) -> Iterator[Problem]:
        room = self._room
        if self.insert is not None and room is not None and room < LEAST_MS:
            yield Problem(
                "sound_insert_time",
                f"From 'sound_insert_time' {self.inserted_at} on, {max(0, room)} ms are left in which lips can move; "
                f"Kling needs at least {LEAST_MS} ms. Give a smaller one.",
            )
        elif (
            self.video is not None
            and self.end is not None
            and self.end - self.starts_at > self.video - self.inserted_at
        ):
            yield Problem(
                "sound_insert_time",
                f"{self.end - self.starts_at} ms of sound inserted at {self.inserted_at} end after the video, which "
                f"lasts {self.video} ms. {_SHORTER}",
            )

    def _face_problems(self) -> Iterator[Problem]:
        if self.face is None:
            return
        until = None if self.ends_at is None else self.inserted_at + self.ends_at - self.starts_at
        shared = min(self.face.end, until or self.face.end) - max(self.face.start, self.inserted_at)
        if shared < LEAST_MS:
            yield Problem(
                "sound_insert_time",
                f"The face is seen from {self.face.start} to {self.face.end} ms, and {max(0, shared)} ms of the sound, "
                f"inserted at {self.inserted_at}, fall into that time; Kling needs at least {LEAST_MS} ms. Choose "
                "another time, another face or another video.",
            )

    def note(self) -> str:
        """What became of a sound that is too long."""
        limit = f"the video lasts {self.video} ms" if self.video else "the video was taken to end when the face is gone"
        return (
            f"Of the sound ({self.sound} ms) only the part from {self.starts_at} to {self.ends_at} ms was used: it "
            f"begins at {self.inserted_at} ms, and {limit}."
        )
