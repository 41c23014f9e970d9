"""The old lip-sync: one request, no choice of a face.

Contract: video.md A8. Kling replaced it on 2025-09-15 by what ``lip_sync`` does; whether it still serves it, nobody
has said.
"""

# No `from __future__ import annotations`: pydantic reads the annotations.

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from kling_mcp.errors import Problem
from kling_mcp.operations.base import Generation, Kind, Quote, Rule, Yields, rule
from kling_mcp.operations.fields import Omitted, SoundFile, VideoId, VideoUrl
from kling_mcp.operations.inputs import id_or_url
from kling_mcp.operations.rates import CARD_DATE
from kling_mcp.operations.rates_audio import LIP_SYNC_NOTE, billed_seconds, lip_sync_basis, lip_sync_units
from kling_mcp.operations.sounds import Speed, exactly_one, lasts, measures, seconds_of
from kling_mcp.operations.speech import VOICES_HAVE_A_TEXT, Speech, SpeechVoiceId
from kling_mcp.operations.voices import Language
from kling_mcp.operations.web import is_url

_BY_ID_S = (5, 10)
"""Seconds of the clips that are taken by their id. The page is from before Kling made others."""


@rule("mode")
def _mode_says_what_is_given(request: "LipSyncClassic") -> Iterator[Problem]:
    if request.mode == "text2video" and request.text is None and request.sound is not None:
        yield Problem("mode", "'mode' is 'text2video', which speaks 'text', but a sound is given. Remove mode.")
    if request.mode == "audio2video" and request.text is not None:
        yield Problem("mode", "'mode' is 'audio2video', which takes a sound, but 'text' is given. Remove mode.")


class LipSyncClassic(Generation):
    """The old lip-sync, for clips with one face. Prefer lip_sync: it is what Kling keeps up."""

    tool: ClassVar[str] = "lip_sync_classic"
    title: ClassVar[str] = "Lip-sync (classic)"
    toolset: ClassVar[str] = "classic"
    kind: ClassVar[Kind] = "job"
    yields: ClassVar[Yields] = "video"
    posts_to: ClassVar[str] = "/v1/videos/lip-sync"
    nameless: ClassVar[bool] = True
    rules: ClassVar[tuple[Rule[Any], ...]] = (
        exactly_one("video_id", "video_url", of="whose lips move"),
        exactly_one("text", "audio_file", "audio_url", of="what is spoken"),
        _mode_says_what_is_given,
        VOICES_HAVE_A_TEXT,
        lasts("video_id", "video_url", least=2, most=60, what="video"),
        measures("video_id", "video_url", least=720, most=1920),
    )

    video_id: VideoId | Omitted = None
    """A Kling video of 5 or 10 s, as job id, kling://media/… or Kling's id."""
    video_url: VideoUrl | Omitted = None
    """Instead of video_id: URL of an mp4 or mov, 2 to 60 s, sides 720 to 1920 px."""
    mode: Literal["text2video", "audio2video"] | Omitted = None
    """Follows from what is given; may be left out."""
    text: Annotated[str, Field(max_length=120)] | Omitted = None
    """What is said, up to 120 characters."""
    voice_id: SpeechVoiceId | Omitted = None
    """Who speaks, as for text_to_speech."""
    voice_language: Language | Omitted = None
    """If absent: zh if there are Chinese characters, else en."""
    voice_speed: Speed | Omitted = None
    """0.8 to 2, one decimal; 1 if absent."""
    audio_file: SoundFile | Omitted = None
    """Instead of text: Base64 of an mp3, wav, m4a or aac of up to 5 MB."""
    audio_url: SoundFile | Omitted = None
    """Instead of text: URL of a sound, job id or kling://media/…."""

    @property
    def sound(self) -> str | None:
        """What is spoken, where it is a sound."""
        return self.audio_file or self.audio_url

    def quote(self) -> Quote:
        """By the length of the video: the price list names one price for lip-sync. Contract: video.md part E."""
        length_s = seconds_of(self.video_id, self.video_url)
        return Quote(lip_sync_units(length_s), "video", lip_sync_basis(length_s), CARD_DATE, tuple(self._notes()))

    def _notes(self) -> Iterator[str]:
        yield "Kling replaced this endpoint by that of lip_sync on 2025-09-15 and may refuse it, free of charge."
        yield LIP_SYNC_NOTE
        if self.text is not None:
            yield from self._speech(self.text).notes()

    def _speech(self, text: str) -> Speech:
        return Speech(text, self.voice_id, self.voice_language, self.voice_speed)

    def _video(self) -> Mapping[str, str]:
        """The video as Kling takes it: by id only clips of 5 and 10 s, by address any of 2 to 60 s."""
        length_s = seconds_of(self.video_id, self.video_url)
        address = self.video_id or self.video_url
        if length_s is not None and billed_seconds(length_s) not in _BY_ID_S and address and is_url(address):
            return {"video_url": str(address)}
        return id_or_url(self.video_id, self.video_url)

    def body(self) -> dict[str, Any]:
        """Contract: video.md A8. All of it is nested in ``input``."""
        video = self._video()
        if self.text is not None:
            return {"input": {**video, "mode": "text2video", **self._speech(self.text).wire()}}
        return {"input": {**video, "mode": "audio2video", **_sound_fields(self.sound or "")}}


def _sound_fields(sound: str) -> dict[str, str]:
    """Which of the two fields it belongs to shows in the sound itself: a result of ours is an address, or Base64."""
    kind = "url" if is_url(sound) else "file"
    return {"audio_type": kind, f"audio_{kind}": str(sound)}


OPERATIONS = (LipSyncClassic,)
"""The operations of this file."""
