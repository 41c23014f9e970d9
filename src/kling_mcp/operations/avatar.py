"""A portrait that speaks.

Contract: video.md A10.
"""

# No `from __future__ import annotations`: pydantic reads the annotations.

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from kling_mcp.operations.base import Generation, Kind, Quote, Rule, Yields
from kling_mcp.operations.fields import AudioId, ImageInput, Omitted, SoundFile
from kling_mcp.operations.rates import CARD_DATE
from kling_mcp.operations.rates_audio import avatar_basis, avatar_units
from kling_mcp.operations.sounds import exactly_one, lasts, seconds_of, sound_fields

_NOTE = "Rounding of the seconds is known from a single bill; what is charged is in the result."


class GenerateAvatar(Generation):
    """Turn a portrait and a sound into a clip of a person who speaks it. The clip lasts as long as the sound.

    The picture should show one face: of several, none can be chosen.
    """

    tool: ClassVar[str] = "generate_avatar"
    title: ClassVar[str] = "Generate avatar"
    toolset: ClassVar[str] = "talking"
    kind: ClassVar[Kind] = "job"
    yields: ClassVar[Yields] = "video"
    posts_to: ClassVar[str] = "/v1/videos/avatar/image2video"
    rules: ClassVar[tuple[Rule[Any], ...]] = (
        exactly_one("audio_id", "sound_file", of="what is spoken"),
        lasts("audio_id", "sound_file", least=2, most=300, what="sound"),
    )

    image: ImageInput
    """Portrait: URL, Base64, job id or kling://media/…; jpg or png, sides from 300 px."""
    audio_id: AudioId | Omitted = None
    """What is spoken, 2 to 300 s: a text_to_speech result, as job id or Kling's id."""
    sound_file: SoundFile | Omitted = None
    """Instead of audio_id: URL or Base64 of an mp3, wav, m4a or aac of up to 5 MB."""
    prompt: Annotated[str, Field(max_length=2500)] | Omitted = None
    """Mood, gestures, camera; up to 2500 characters."""
    mode: Literal["std", "pro"] | Omitted = None
    """std 720p (if absent) or pro 1080p."""
    watermark: bool | Omitted = None
    """Also make a watermarked copy."""

    @property
    def effective_mode(self) -> str:
        """The mode it runs in."""
        return self.mode or "std"

    def quote(self) -> Quote:
        """By the length of the sound: exact where it is known. Contract: video.md A10 and part E."""
        length_s = seconds_of(self.audio_id, self.sound_file)
        units = avatar_units(self.effective_mode, length_s)
        notes = (_NOTE,) if units is not None else ()
        return Quote(units, "video", avatar_basis(self.effective_mode, length_s), CARD_DATE, notes)

    def body(self) -> dict[str, Any]:
        """Contract: video.md A10. The mode is written out because it decides the price."""
        wire = super().body()
        named = {name: wire[name] for name in ("prompt", "watermark_info") if name in wire}
        sound = sound_fields(self.audio_id, self.sound_file)
        return {"image": wire["image"], **sound, "mode": self.effective_mode, **named}


OPERATIONS = (GenerateAvatar,)
"""The operations of this file."""
