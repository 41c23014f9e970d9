"""Speech from text, sounds from words, sounds for a clip.

Contract: image-audio-general.md sections 11 to 13.
"""

# No `from __future__ import annotations`: pydantic reads the annotations.

from typing import Annotated, Any, ClassVar

from pydantic import Field, WithJsonSchema

from kling_mcp.operations.base import Generation, Kind, Quote, Rule, Yields
from kling_mcp.operations.fields import Omitted, VideoId, VideoUrl
from kling_mcp.operations.inputs import id_or_url
from kling_mcp.operations.rates_audio import flat_quote
from kling_mcp.operations.sounds import Seconds, Speed, exactly_one, lasts
from kling_mcp.operations.speech import Speech, SpeechVoiceId
from kling_mcp.operations.voices import Language

SPOKEN_AT_MOST = 1000
"""Characters of a text that is spoken. Contract: image-audio-general.md section 11."""

SpokenText = Annotated[str, Field(max_length=SPOKEN_AT_MOST), WithJsonSchema({"type": "string"})]
SoundPrompt = Annotated[str, Field(max_length=200)]


class TextToSpeech(Generation):
    """Speak a text aloud. Its result is a sound for lip_sync and generate_avatar (as audio_id).

    Its voices are found with list_voices origin speech; library voices do not work.
    """

    tool: ClassVar[str] = "text_to_speech"
    title: ClassVar[str] = "Text to speech"
    toolset: ClassVar[str] = "talking"
    starred: ClassVar[bool] = True
    kind: ClassVar[Kind] = "immediate"
    yields: ClassVar[Yields] = "audio"
    posts_to: ClassVar[str] = "/v1/audio/tts"
    nameless: ClassVar[bool] = True

    text: SpokenText
    """What is said, up to 1000 characters."""
    voice_id: SpeechVoiceId | Omitted = None
    """Who speaks; oversea_male1 (en) or genshin_vindi2 (zh) if absent."""
    voice_language: Language | Omitted = None
    """If absent: zh if there are Chinese characters, else en."""
    voice_speed: Speed | Omitted = None
    """0.8 to 2, one decimal; 1 if absent."""

    @property
    def speech(self) -> Speech:
        """What is spoken, and how."""
        return Speech(self.text, self.voice_id, self.voice_language, self.voice_speed)

    def quote(self) -> Quote:
        """The same for every text; says which voice was chosen."""
        return flat_quote(self.tool, tuple(self.speech.notes()))

    def body(self) -> dict[str, Any]:
        """Contract: image-audio-general.md section 11."""
        return self.speech.wire()


class TextToAudio(Generation):
    """Make a sound effect from words: rain, footsteps, a door. Not speech: that is text_to_speech."""

    tool: ClassVar[str] = "text_to_audio"
    title: ClassVar[str] = "Text to audio"
    toolset: ClassVar[str] = "audio"
    kind: ClassVar[Kind] = "job"
    yields: ClassVar[Yields] = "audio"
    posts_to: ClassVar[str] = "/v1/audio/text-to-audio"

    prompt: SoundPrompt
    """What is heard, up to 200 characters."""
    duration: Seconds
    """Seconds: 3 to 10, one decimal."""

    def quote(self) -> Quote:
        """The same for every length."""
        return flat_quote(self.tool)


class VideoToAudio(Generation):
    """Add sound effects and music to a silent clip. Gives the clip with sound, and the sound alone."""

    tool: ClassVar[str] = "video_to_audio"
    title: ClassVar[str] = "Video to audio"
    toolset: ClassVar[str] = "audio"
    kind: ClassVar[Kind] = "job"
    yields: ClassVar[Yields] = "video"
    posts_to: ClassVar[str] = "/v1/audio/video-to-audio"
    rules: ClassVar[tuple[Rule[Any], ...]] = (
        exactly_one("video_id", "video_url", of="which clip gets the sound"),
        lasts("video_id", "video_url", least=3, most=20, what="video"),
    )

    video_id: VideoId | Omitted = None
    """A Kling video of 3 to 20 s, as job id, kling://media/… or Kling's id."""
    video_url: VideoUrl | Omitted = None
    """Instead of video_id: URL of an mp4 or mov of up to 100 MB."""
    sound_effect_prompt: SoundPrompt | Omitted = None
    """Which effects are heard, up to 200 characters. Kling chooses if absent."""
    bgm_prompt: SoundPrompt | Omitted = None
    """Which music is heard, up to 200 characters. Kling chooses if absent."""
    asmr_mode: bool | Omitted = None
    """True brings out fine, close sounds."""

    def quote(self) -> Quote:
        """The same for every clip."""
        return flat_quote(self.tool)

    def body(self) -> dict[str, Any]:
        """Contract: image-audio-general.md section 13."""
        wire = super().body()
        named = {name: wire[name] for name in ("sound_effect_prompt", "bgm_prompt", "asmr_mode") if name in wire}
        return {**id_or_url(self.video_id, self.video_url), **named}


OPERATIONS = (TextToSpeech, TextToAudio, VideoToAudio)
"""The operations of this file."""
