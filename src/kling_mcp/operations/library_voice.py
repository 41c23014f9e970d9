"""The tool ``create_voice``: a voice of the library from somebody's speech.

Contract: image-audio-general.md sections 10.1 and 15.
"""

# No `from __future__ import annotations`: pydantic reads the annotations.

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from pydantic import Field, PlainValidator, WithJsonSchema

from kling_mcp.errors import Problem
from kling_mcp.operations.base import Generation, Kind, Quote, Rule, Yields, rule
from kling_mcp.operations.fields import Omitted, VideoId
from kling_mcp.operations.image_quote import priced
from kling_mcp.operations.library_limits import misfits
from kling_mcp.operations.sounds import exactly_one
from kling_mcp.operations.sources import Reference, SourceFacts, facts_of, kling_id_of
from kling_mcp.operations.web import is_url, refuse, web_address

_SECONDS = (5, 30)
_SPEAKING = frozenset({"lip_sync", "advanced_lip_sync", "lip_sync_classic", "generate_avatar", None})
"""Tools and steps whose videos serve by their id. Contract: section 10.1."""
_SPEAKING_MODELS = frozenset({"kling-v2-6"})
"""Models whose videos with sound do."""


def _voice_source(value: object) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if reference := Reference.read(text, "audio or video"):
        return reference
    if not is_url(text) or text[:5].lower() == "data:":
        refuse("must be an http(s) URL of an mp3, wav, mp4 or mov, or a job id or kling://media/… of this server.")
    return web_address(text, of="an mp3, wav, mp4 or mov")


VoiceSource = Annotated[str, PlainValidator(_voice_source), WithJsonSchema({"type": "string"})]
"""Where somebody speaks: a sound or a video, by URL or as a result of ours. Contract: section 10.1."""


def _speaks_by_id(facts: SourceFacts) -> bool:
    """Whether Kling may take a voice from this video by its id; so it is too where nobody knows what made it."""
    return facts.tool in _SPEAKING or facts.model_name in _SPEAKING_MODELS


@rule("voice_url", "video_id")
def _a_voice_is_long_enough(request: "CreateVoice") -> Iterator[Problem]:
    # The limit is stated for files only; a video that Kling knows by its id may be one it takes at another length.
    if "voice_url" in request.wire:
        field = "voice_url" if request.voice_url is not None else "video_id"
        yield from misfits(field, request.source, _SECONDS, "a voice")


@rule("voice_url", "video_id")
def _somebody_may_speak(request: "CreateVoice") -> Iterator[Problem]:
    facts = facts_of(request.source)
    if facts is not None and facts.kind == "video" and facts.sound is False:
        field = "voice_url" if request.voice_url is not None else "video_id"
        yield Problem(field, f"'{field}' is a video made without sound, so nobody speaks in it. Give another.")


class CreateVoice(Generation):
    """Add a voice to the library from 5 to 30 s of one clean human voice. Costs 0.05 units.

    Videos and elements can speak with it; text_to_speech cannot.
    """

    tool: ClassVar[str] = "create_voice"
    title: ClassVar[str] = "Create voice"
    toolset: ClassVar[str] = "library"
    kind: ClassVar[Kind] = "job"
    yields: ClassVar[Yields] = "voice"
    posts_to: ClassVar[str] = "/v1/general/custom-voices"
    rules: ClassVar[tuple[Rule[Any], ...]] = (
        exactly_one("voice_url", "video_id", of="whose voice it is"),
        _a_voice_is_long_enough,
        _somebody_may_speak,
    )

    voice_name: Annotated[str, Field(max_length=20)]
    """Its name, up to 20 characters."""
    voice_url: VoiceSource | Omitted = None
    """URL of an mp3, wav, mp4 or mov, or a result of ours: a sound or a video with speech."""
    video_id: VideoId | Omitted = None
    """Instead: a Kling video with speech (kling-v2-6 with sound, avatar, lip-sync), by id or job id."""

    @property
    def source(self) -> str | None:
        """Where the voice is taken from."""
        return self.voice_url if self.voice_url is not None else self.video_id

    @property
    def wire(self) -> dict[str, str]:
        """The source as Kling takes it: a video of ours by Kling's id while Kling still has it, else an address.

        By id it takes speech of some endpoints only; a clip of any other is a video like one from elsewhere.
        """
        facts = facts_of(self.source)
        if self.source is None:
            return {}
        if facts is None:
            return {"voice_url" if self.voice_url is not None else "video_id": str(self.source)}
        own = kling_id_of(self.source) if facts.kind == "video" else None  # a sound's id is of another kind
        if own and is_url(self.source) and not _speaks_by_id(facts):
            own = None
        return {"video_id": own} if own else {"voice_url": str(self.source)}

    def body(self) -> dict[str, Any]:
        """Contract: section 10.1."""
        return {"voice_name": self.voice_name, **self.wire}

    def quote(self) -> Quote:
        """The same for every voice, from the video pack. Contract: sections 10.1 and 15."""
        return priced("custom voice")
