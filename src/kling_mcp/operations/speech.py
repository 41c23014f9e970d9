"""What is spoken, by whom, in which language: shared by every tool that turns text into speech.

Contract: image-audio-general.md section 11; video.md A8.
"""

# No `from __future__ import annotations`: pydantic reads the annotations.

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from kling_mcp.errors import Problem
from kling_mcp.operations.base import Rule
from kling_mcp.operations.sources import JOB_URI, MEDIA_URI
from kling_mcp.operations.voices import DEFAULT_VOICES, SPEECH_VOICES, Language, SpeechVoice, intended_voices
from kling_mcp.operations.web import refuse
from kling_mcp.operations.wording import listed, shown

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", re.ASCII)
_CHINESE = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_OURS = ("km1-", MEDIA_URI, JOB_URI)
_ELSEWHERE = (
    "Speech has voices of its own, such as 'oversea_male1': list_voices with origin 'speech' finds them by words."
)


def _voice_id(value: object) -> str:
    """An id of the speech catalogue. One that is not in it may still exist: the list is not the vendor's own."""
    text = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if text in SPEECH_VOICES:
        return text
    if text.startswith(_OURS) or text.isdigit():
        refuse(f"is {shown(text)}, a voice of the library, which cannot speak text. {_ELSEWHERE}")
    if meant := intended_voices(text):
        refuse(f"is {shown(text)}, which is no voice of speech. Did you mean {listed(map(_named, meant))}?")
    if not _ID.fullmatch(text):
        refuse(f"must be the id of a voice. {_ELSEWHERE}")
    return text


def _named(voice: SpeechVoice) -> str:
    about = " ".join(voice.words) or voice.names[0]
    return f"'{voice.id}' ({about})"


SpeechVoiceId = Annotated[str, PlainValidator(_voice_id), WithJsonSchema({"type": "string"})]
"""A voice of text to speech; never one of the library."""


@dataclass(frozen=True, slots=True)
class Speech:
    """A text and how it is spoken. None: the agent did not say."""

    text: str
    voice_id: str | None = None
    voice_language: Language | None = None
    voice_speed: float | None = None

    @property
    def language(self) -> Language:
        """What it is spoken as: Chinese as soon as there is a Chinese character in it."""
        return self.voice_language or ("zh" if _CHINESE.search(self.text) else "en")

    @property
    def voice(self) -> str:
        """Who speaks."""
        return self.voice_id or DEFAULT_VOICES[self.language]

    def wire(self) -> dict[str, Any]:
        """As Kling's text to speech names it. Voice and language are always written out: both are required."""
        wire = {"text": self.text, "voice_id": self.voice, "voice_language": self.language}
        return wire if self.voice_speed is None else {**wire, "voice_speed": self.voice_speed}

    def notes(self) -> Iterator[str]:
        """What was chosen, and what may not work."""
        known = SPEECH_VOICES.get(self.voice)
        if self.voice_id is None:
            yield (
                f"The voice is {self.voice}, the default for {self.language}; list_voices with origin 'speech' shows "
                "others."
            )
        elif known is None:
            yield (
                f"The voice {self.voice} is not in the list known here, which may lack some. If Kling does not know it "
                "either, it refuses, free of charge."
            )
        elif self.language not in known.languages:
            only = listed(known.languages)
            yield f"The voice {self.voice} is listed for {only} only, but speaks {self.language} here."


def _voices_have_a_text(request: Any) -> Iterator[Problem]:  # noqa: ANN401 - of several tools
    if request.text is None:
        for name in ("voice_id", "voice_language", "voice_speed"):
            if getattr(request, name) is not None:
                yield Problem(name, f"'{name}' has no effect without 'text'. Give text, or remove it.")


VOICES_HAVE_A_TEXT: Rule[Any] = Rule(frozenset(), _voices_have_a_text)
"""What says how to speak needs something to say."""
